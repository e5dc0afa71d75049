"""Numbers, ages and times as people read them. What is unknown is a dash, never 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.campaigns.markets import symbol
from monitor.campaigns.words import MONEY

UNKNOWN = "–"
MINUS = "−"
NO_CENTS = frozenset({"VND", "IDR", "JPY", "KRW"})
MINUTE, HOUR, DAY = 60, 3600, 86400


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def compact(value: float | None) -> str:
    """1,234 · 98,765 · 123.4k · 1.23M · 4.56B."""
    if value is None or not _known(value):
        return UNKNOWN
    sign, size = (MINUS if value < 0 else ""), abs(value)
    if round(size) < 100_000:
        return (sign if round(size) else "") + f"{size:,.0f}"
    for factor, letter, digits in ((1e3, "k", 1), (1e6, "M", 2), (1e9, "B", 2)):
        if round(size / factor, digits) < 1000 or letter == "B":
            return f"{sign}{size / factor:,.{digits}f}{letter}"
    raise AssertionError("unreachable")


def _with_symbol(amount: str, currency: str) -> str:
    unit = symbol(currency).strip()
    sign = MINUS if amount.startswith(MINUS) else ""
    gap = "\u00a0" if unit[-1:].isalpha() else ""
    return f"{sign}{unit}{gap}{amount.removeprefix(MINUS)}"


def money(value: float | None, currency: str) -> str:
    """`RM 1.23M`; amounts below a hundred show their cents."""
    if value is None or not _known(value):
        return UNKNOWN
    if round(abs(value), 2) < 100 and value and currency not in NO_CENTS:
        text = f"{MINUS if value < 0 else ''}{abs(value):.2f}"
        return _with_symbol(text, currency)
    return _with_symbol(compact(value), currency)


def exact(metric: str, value: float | None, currency: str) -> str:
    """The whole number, for the tooltip of a shortened one."""
    if value is None or not _known(value):
        return "unknown"
    if metric == "conversion":
        return f"{value:.4%}"
    if metric in MONEY or metric == "aov":
        text = f"{MINUS if value < 0 else ''}{abs(value):,.{0 if currency in NO_CENTS else 2}f}"
        return _with_symbol(text, currency)
    return f"{value:,.0f}"


def percent(value: float | None, digits: int = 1) -> str:
    """0.0312 → `3.1%`."""
    return UNKNOWN if value is None or not _known(value) else f"{value:.{digits}%}"


def amount(metric: str | None, value: float | None, currency: str) -> str:
    """A value of `metric` with its unit."""
    if metric == "conversion":
        return percent(value, 2)
    if metric in MONEY or metric == "aov":
        return money(value, currency)
    return compact(value)


@dataclass(frozen=True)
class Change:
    """A change with a sign that reads without colour. `way` is up, down, flat or unknown."""

    way: str
    text: str


def change(metric: str, now: float | None, then: float | None) -> Change:
    """`now` against `then`: relative, in points for a rate; unknown when either is."""
    if now is None or then is None or not _known(now) or not _known(then):
        return Change("unknown", "no comparison")
    if metric == "conversion":
        shift = round((now - then) * 100, 2)
        return _signed(shift, f"{abs(shift):.2f} pp")
    if then == 0:
        return Change("unknown", "no comparison")
    shift = round((now / then - 1) * 100, 1)
    return _signed(shift, f"{abs(shift):,.1f}%")


def _signed(shift: float, text: str) -> Change:
    if shift == 0:
        return Change("flat", f"= {text}")
    return Change("up", f"▲ {text}") if shift > 0 else Change("down", f"▼ {text}")


def span(seconds: float) -> str:
    """A duration in its two largest units: `2 h 46 min`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        hours, minutes = whole // HOUR, whole % HOUR // MINUTE
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = whole // DAY, whole % DAY // HOUR
    word = "day" if days == 1 else "days"
    return f"{days} {word} {hours} h" if hours else f"{days} {word}"


def age(at: datetime | None, now: datetime) -> str:
    """`40 s ago`; one unit, for it is read at a glance."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    if seconds < 1:
        return "just now"
    if seconds < 2 * MINUTE:
        return f"{int(seconds)} s ago"
    if seconds < 2 * HOUR:
        return f"{int(seconds // MINUTE)} min ago"
    if seconds < 2 * DAY:
        return f"{int(seconds // HOUR)} h ago"
    return f"{int(seconds // DAY)} days ago"


def clock_time(at: datetime | None, zone: ZoneInfo, now: datetime | None = None) -> str:
    """`21:14` in the campaign's zone, with the date when it is not the date of `now`."""
    if at is None:
        return UNKNOWN
    local = at.astimezone(zone)
    if now is not None and local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M}"
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def place(zone: ZoneInfo) -> str:
    """`Kuala Lumpur time`: people know their city, not its offset."""
    return f"{zone.key.rsplit('/', 1)[-1].replace('_', ' ')} time"


def instant(value: datetime | str | None) -> datetime | None:
    """An instant out of alert JSON or a table; text without an offset is UTC."""
    if value is None or value == "":
        return None
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo is not None else at.replace(tzinfo=_UTC)


def since(at: datetime | None, now: datetime) -> timedelta | None:
    """How long ago `at` was."""
    return None if at is None else now - at


_UTC = ZoneInfo("UTC")
