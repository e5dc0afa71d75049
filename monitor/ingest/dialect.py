"""Cells into numbers and instants, by the dialect of their file and never cell by cell.

A cell that the dialect does not allow is told as such; it is not read another way. Numbers come as
whole hundredths, instants as milliseconds since 1970; NONE is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from monitor.clock import to_ms
from monitor.ingest.counters import NONE, Ints
from monitor.ingest.labels import CURRENCY_MARKS
from monitor.ingest.table import Column
from monitor.spreadsheet import plain_cell

NOTHING = {
    "",
    "-",
    "--",
    "---",
    "----",
    "–",
    "—",
    "n/a",
    "#n/a",
    "na",
    "nan",
    "null",
    "none",
    "nil",
}
PLAIN = {  # 0.500 is never 500: no group of thousands begins with 0
    "comma": re.compile(r"-?([1-9]\d{0,2}(,\d{3})+|\d+)(\.\d+)?"),
    "dot": re.compile(r"-?([1-9]\d{0,2}(\.\d{3})+|\d+)(,\d+)?"),
}
# 1.234 is 1234 to one half of the world, and no amount or count has three decimals: only allowed in
# a column that shows smaller parts than cents.
EITHER_WAY = {
    "comma": re.compile(r"-?[1-9]\d{0,2}\.\d{3}"),
    "dot": re.compile(r"-?[1-9]\d{0,2},\d{3}"),
}
SMALL_PARTS = {
    "comma": re.compile(r"\d+\.\d{4,}|0\.\d{3}"),
    "dot": re.compile(r"\d+,\d{4,}|0,\d{3}"),
}
SHOWS = {
    "comma": re.compile(r"-?([1-9]\d{0,2}(,\d{3})+(\.\d+)?|\d+\.(\d{1,2}|\d{4,})|0\.\d+)"),
    "dot": re.compile(r"-?([1-9]\d{0,2}(\.\d{3})+(,\d+)?|\d+,(\d{1,2}|\d{4,})|0,\d+)"),
}
SHOWS_IT_ALONE = {  # what only this dialect can have written
    "comma": re.compile(
        r"-?([1-9]\d{0,2}((,\d{3}){2,}|(,\d{3})+\.\d+)|\d+\.(\d{1,2}|\d{4,})|0\.\d+)"
    ),
    "dot": re.compile(r"-?([1-9]\d{0,2}((\.\d{3}){2,}|(\.\d{3})+,\d+)|\d+,(\d{1,2}|\d{4,})|0,\d+)"),
}
ROUNDED = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|b|万|亿|rb|jt)\+?", re.IGNORECASE)
SCALE = {"k": 3, "m": 6, "b": 9, "万": 4, "亿": 8, "rb": 3, "jt": 6}
FLOAT_TEXT = re.compile(r"-?\d+(\.\d+)?[eE]\d{1,2}")  # 1.21082485E8: every digit is there
EXCEL_SHORT = re.compile(r"-?\d+([.,]\d+)?[eE][+-]\d{2,3}")  # 1.73E+18: Excel has dropped digits
CURRENCY = re.compile(
    r"^(-?)\s*(rm|rp\.?|myr|idr|thb|vnd|php|sgd|usd|us\$|s\$|฿|₫|₱|\$|£|€)\s*"
    r"|\s*(rm|rp|myr|idr|thb|vnd|php|sgd|usd|฿|₫|đ|₱)$",
    re.IGNORECASE,
)
LARGEST = Decimal(10) ** 14
SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of Excel's serial dates
SERIALS = (20_000.0, 80_000.0)  # 1954 to 2119


@dataclass
class Parsed:
    """(rows,) values, NONE unknown; faults by row: the cell as it stands and why it is none.

    `currencies`: those that cells name. `rounded`: how many were abbreviated, such as 1.2万.
    """

    values: Ints
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)
    currencies: set[str] = field(default_factory=set)
    rounded: int = 0


def bare(text: str) -> tuple[str, str | None]:
    """A number's text without its currency, and the currency."""
    if text[:1].isdigit() and text[-1:].isdigit():
        return text, None
    stripped = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    match = CURRENCY.search(stripped)
    if not match:
        return stripped, None
    mark = (match[2] or match[3]).casefold().rstrip(".")
    rest = (match[1] or "") + stripped[: match.start()] + stripped[match.end() :]
    return rest.strip(), CURRENCY_MARKS.get(mark)


def number_texts(columns: Sequence[Column]) -> set[str]:
    """The distinct texts that mean to be numbers, without currencies."""
    found: set[str] = set()
    for column in columns:
        texts = (t for t in column.text.unique().to_pylist() if t is not None)
        found |= {bare(t)[0] for t in texts if t.strip().casefold() not in NOTHING}
    return found


def shows(texts: set[str], dialect: str) -> bool:
    """Whether any text shows the dialect."""
    return any(SHOWS[dialect].fullmatch(t) and not EITHER_WAY[dialect].fullmatch(t) for t in texts)


def other_dialect(texts: set[str], dialect: str) -> str | None:
    """A number that only the other dialect can have written, or None."""
    other = "dot" if dialect == "comma" else "comma"
    return next((t for t in sorted(texts) if SHOWS_IT_ALONE[other].fullmatch(t)), None)


def numbers(column: Column, dialect: str, *, kind: str, sure: bool = False) -> Parsed:
    """A column of the kind money, count or number. `sure`: 1.234 is no riddle in this file."""
    count = len(column.text)
    parsed = Parsed(np.full(count, NONE))
    texts = number_texts([column])
    sure = sure or any(SMALL_PARTS[dialect].fullmatch(text) for text in texts)
    if column.number is not None:
        typed = _typed(column.number)
        small = any(_places(value) > 3 for _, value in typed)
        for row, value in typed:
            told = not sure and _turned(value, beside_text=bool(texts), small=small)
            shown = str(value)
            _keep(parsed, row, (kind == "money" and told) or _whole(value, kind), shown)
    if column.when is not None:
        for dated in np.flatnonzero(~_nulls(column.when)):
            parsed.faults[int(dated)] = (
                str(column.when[int(dated)].as_py()),
                "a date where a number should be: Excel has turned it into one",
            )
    for text, rows in by_text(column.text):
        if text.strip().casefold() in NOTHING:
            continue
        value, currency, rounded = _number(text, dialect, sure=sure, money=kind == "money")
        if currency:
            parsed.currencies.add(currency)
        parsed.rounded += len(rows) if rounded else 0
        value = _whole(value, kind)
        for row in rows.tolist():
            _keep(parsed, row, value, text)
    return parsed


def _whole(value: Decimal | str, kind: str) -> Decimal | str:
    """The value, unless it is a count with a fraction."""
    if kind == "count" and _places(value):
        return f"{value} is no count: is it 1.234 for 1234? Export it again"
    return value


def _turned(value: Decimal | str, *, beside_text: bool, small: bool) -> str:
    """Why a typed amount may be text that Excel has turned into another number; "" when it is not.

    Excel makes 627.84 of 627.840, the half of the world's 627840, and leaves 627.840.078 text.
    """
    places = _places(value)
    if places and beside_text:
        return (
            "a number among amounts that are text: Excel may have turned 1.234 into it; "
            "export the file again and do not save it in Excel"
        )
    if places == 3 and not small and abs(Decimal(value)) < 1000:
        return "an amount with three decimals: is it 1.234 for 1234? Export it again"
    return ""


def _places(value: Decimal | str) -> int:
    """Decimals of a number, zeros at its end left out; 0 for what is none."""
    if isinstance(value, str):
        return 0
    exponent = value.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _keep(parsed: Parsed, row: int, value: Decimal | str, shown: str) -> None:
    if isinstance(value, str):
        parsed.faults[row] = shown, value
    elif value < 0:
        reason = "negative: cancellations and returns go to refunds, as positive amounts"
        parsed.faults[row] = shown, reason
    elif value >= LARGEST:
        parsed.faults[row] = shown, "too large to be true"
    else:
        parsed.values[row] = int((value * 100).to_integral_value(rounding="ROUND_HALF_EVEN"))


def _number(
    text: str, dialect: str, *, sure: bool, money: bool
) -> tuple[Decimal | str, str | None, bool]:
    """The number or why it is none, the currency it names, whether it was rounded."""
    plain, currency = bare(text)
    if EXCEL_SHORT.fullmatch(plain):
        return "Excel has shortened this number: export it again and do not save it in Excel", currency, False  # fmt: skip  # noqa: E501
    if FLOAT_TEXT.fullmatch(plain):
        return Decimal(plain), currency, False
    if match := ROUNDED.fullmatch(plain.replace(",", ".") if dialect == "dot" else plain):
        if dialect == "dot" and match[2].casefold() == "m":
            return f"{plain} may be millions or, in Indonesian, billions", currency, False
        if money:
            return f"{plain} is rounded: money is needed to the cent", currency, False
        return Decimal(match[1]).scaleb(SCALE[match[2].casefold()]), currency, True
    if not PLAIN[dialect].fullmatch(plain):
        written = "1,234.50" if dialect == "comma" else "1.234,50"
        return f"not a number; this kind of file writes {written}", currency, False
    if EITHER_WAY[dialect].fullmatch(plain) and not sure:
        digits = plain.replace(",", "").replace(".", "")
        return (
            f"{plain} may be {digits} or {plain.replace(',', '.')}: export it with two decimals",
            currency, False,
        )  # fmt: skip
    digits = (
        plain.replace(",", "") if dialect == "comma" else plain.replace(".", "").replace(",", ".")
    )
    try:
        return Decimal(digits), currency, False
    except InvalidOperation:
        return "not a number; leave the cell blank if it is unknown", currency, False


def _typed(column: pa.Array) -> list[tuple[int, Decimal | str]]:
    found: list[tuple[int, Decimal | str]] = []
    for row, value in enumerate(column.to_pylist()):
        if value is None or value != value:
            continue
        # 15 digits is what Excel keeps; repr gives back just what was typed
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        found.append((row, number if number.is_finite() else "not a finite number"))
    return found


# --- instants -------------------------------------------------------------------------------------


def instants(
    column: Column, patterns: Sequence[str], zone: ZoneInfo, *, exact: bool = False
) -> Parsed:
    """Milliseconds. `patterns`: how the format writes them, in local time of `zone`; ISO 8601 is
    understood always. `exact`: an offset must be given."""
    parsed = Parsed(np.full(len(column.text), NONE))

    def keep(row: int, value: datetime | str, shown: str) -> None:
        if isinstance(value, str):
            parsed.faults[row] = shown, value
            return
        if value.tzinfo is None:
            if exact:
                parsed.faults[row] = shown, "no offset: add the zone's, such as +08:00 or Z"
                return
            value = value.replace(tzinfo=zone)
        parsed.values[row] = to_ms(value)

    if column.when is not None:
        for row, at in enumerate(column.when.to_pylist()):
            if at is not None:
                keep(row, at.replace(tzinfo=UTC) if column.when.type.tz else at, str(at))
    if column.number is not None:
        for row, number in enumerate(column.number.to_pylist()):
            if number is not None and number == number:
                keep(row, _serial(float(number)), str(number))
    for text, rows in by_text(column.text):
        if text.strip().casefold() in NOTHING:
            continue
        at = _instant(text, patterns)
        for row in rows.tolist():
            keep(row, at, text)
    return parsed


def other_order(column: Column, patterns: Sequence[str]) -> str | None:
    """A date that only month before day can mean, in a column that is otherwise fine that way."""
    swapped = [p.replace("%d/%m", "%m/%d") for p in patterns if "%d/%m" in p]
    texts = [
        t for t in column.text.unique().to_pylist() if t and t.strip().casefold() not in NOTHING
    ]
    if not swapped or not texts:
        return None
    wrong = [t for t in texts if isinstance(_instant(t, patterns), str)]
    fine = all(not isinstance(_instant(t, swapped), str) for t in texts)
    return wrong[0] if wrong and fine else None


def half_turned(column: Column, patterns: Sequence[str]) -> str | None:
    """A day-first text in a column with real dates too.

    Excel set to month-first makes 11 December of 12/11/2026, and leaves 13/11/2026 text.
    """
    day_first = [p for p in patterns if p.startswith("%d")]
    if column.when is None or not day_first or column.when.null_count == len(column.when):
        return None
    texts = [t for t in column.text.unique().to_pylist() if t and re.match(r"\s*\d{1,2}[/-]", t)]
    return next((t for t in texts if not isinstance(_instant(t, day_first), str)), None)


def _instant(text: str, patterns: Sequence[str]) -> datetime | str:
    cleaned = re.sub(r"/\s+", " ", re.sub(r"\s+", " ", text.replace("\u00a0", " ")).strip())
    try:
        return datetime.fromisoformat(cleaned)
    except ValueError:
        pass
    for pattern in patterns:
        try:
            return datetime.strptime(cleaned, pattern)  # noqa: DTZ007 - its zone is the format's
        except ValueError:
            continue
    example = datetime(2026, 11, 30, 21, 5, 9).strftime(patterns[0]) if patterns else ""  # noqa: DTZ001
    wanted = f"such as {example}" if example else "such as 2026-11-11T12:05:00+08:00"
    return f"no date and time as this kind of file writes them, {wanted}"


def _serial(number: float) -> datetime | str:
    if not SERIALS[0] <= number <= SERIALS[1]:
        return "a number where a date should be, and no Excel date"
    seconds = round(number * 86_400)
    return SERIAL_ZERO + timedelta(seconds=seconds)


def percent(text: str) -> float | None:
    """`5.93%` → 0.0593; more than 100 % is fine; None when it is none."""
    match = re.fullmatch(r"(-?\d+(?:[.,]\d+)?)\s*%", text.strip())
    return float(match[1].replace(",", ".")) / 100 if match else None


# --- rows by text ---------------------------------------------------------------------------------


def by_text(column: pa.Array) -> list[tuple[str, Ints]]:
    """The distinct texts with the rows that hold them."""
    encoded = column.dictionary_encode()
    texts: list[Any] = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(texts) + 1))
    return [(t, order[bounds[i] : bounds[i + 1]]) for i, t in enumerate(texts)]


def _nulls(column: pa.Array) -> np.ndarray:
    return np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)


def texts_of(column: Column, render: Callable[[Any], str] | None = None) -> list[str]:
    """Cells as text, "" for blank: numbers and dates in the way people write them."""
    found = [plain_cell(t.strip()) if t is not None else "" for t in column.text.to_pylist()]
    for typed in (column.number, column.when):
        if typed is not None:
            for row, value in enumerate(typed.to_pylist()):
                if value is not None and value == value and not found[row]:
                    found[row] = (render or _shown)(value)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, float) and value % 1 == 0 and abs(value) < 1e15:
        return str(int(value))
    return f"{value:E}" if isinstance(value, float) and abs(value) >= 1e15 else str(value)
