"""Markets with their currency and time zone, and the currencies that may be named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Market:
    currency: str
    zone: str


MARKETS = {
    "MY": Market("MYR", "Asia/Kuala_Lumpur"),
    "SG": Market("SGD", "Asia/Singapore"),
    "TH": Market("THB", "Asia/Bangkok"),
    "VN": Market("VND", "Asia/Ho_Chi_Minh"),
    "ID": Market("IDR", "Asia/Jakarta"),
    "PH": Market("PHP", "Asia/Manila"),
    "TW": Market("TWD", "Asia/Taipei"),
    "JP": Market("JPY", "Asia/Tokyo"),
    "CN": Market("CNY", "Asia/Shanghai"),
    "GB": Market("GBP", "Europe/London"),
    "US": Market("USD", "America/Los_Angeles"),
    "MX": Market("MXN", "America/Mexico_City"),
    "BR": Market("BRL", "America/Sao_Paulo"),
}

SYMBOLS = {
    "MYR": "RM",
    "SGD": "S$",
    "THB": "฿",
    "VND": "₫",
    "IDR": "Rp",
    "PHP": "₱",
    "TWD": "NT$",
    "JPY": "¥",
    "CNY": "CN¥",
    "GBP": "£",
    "USD": "$",
    "EUR": "€",
    "MXN": "MX$",
    "BRL": "R$",
}

# ISO 4217, circulating currencies.
CURRENCIES = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
    BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
    NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS
    VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL""".split()
)


def symbol(currency: str) -> str:
    """What people in the market write before an amount; the ISO code where there is no custom."""
    return SYMBOLS.get(currency, f"{currency} ")
