"""Header labels as people and programs write them: spaces, case, currencies in brackets."""

from __future__ import annotations

import functools
import re
import unicodedata

CURRENCY_MARKS = {
    "rm": "MYR", "myr": "MYR", "rp": "IDR", "idr": "IDR", "฿": "THB", "thb": "THB",
    "₫": "VND", "đ": "VND", "vnd": "VND", "₱": "PHP", "php": "PHP", "s$": "SGD", "sgd": "SGD",
    "us$": "USD", "usd": "USD", "$": "$", "£": "GBP", "gbp": "GBP", "€": "EUR", "eur": "EUR",
    "¥": "¥", "jpy": "JPY", "cny": "CNY", "rmb": "CNY", "cn¥": "CNY", "nt$": "TWD", "twd": "TWD",
    "mx$": "MXN", "mxn": "MXN", "r$": "BRL", "brl": "BRL", "a$": "AUD", "aud": "AUD",
    "hk$": "HKD", "hkd": "HKD", "krw": "KRW", "₩": "KRW", "inr": "INR", "₹": "INR",
}  # fmt: skip
SEVERAL = {  # marks of more than one currency
    "$": {"USD", "SGD", "TWD", "MXN", "BRL", "AUD", "HKD", "CAD", "NZD"},
    "¥": {"JPY", "CNY"},
}
IN_BRACKETS = re.compile(r"\s*[(（]\s*([^()（）]{1,5})\s*[)）]\s*$")


def clean(label: object) -> str:
    """A label without nbsp, doubled spaces, marks of direction and spaces at its ends."""
    text = unicodedata.normalize("NFKC", str(label))
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return re.sub(r"\s+", " ", text).strip()


@functools.lru_cache(65_536)
def normal(label: str) -> str:
    """A label as it is compared: cleaned, without its currency, without regard to case."""
    text = clean(label)
    match = IN_BRACKETS.search(text)
    if match and match[1].strip().casefold() in CURRENCY_MARKS:
        text = text[: match.start()]
    return text.casefold()


def currency_of(label: object) -> str | None:
    """The ISO 4217 currency that a header names in brackets, such as `GMV (RM)`; see SEVERAL."""
    match = IN_BRACKETS.search(clean(label))
    return CURRENCY_MARKS.get(match[1].strip().casefold()) if match else None
