"""Values of a measure with their unit: rates in per cent, average orders in money."""

from __future__ import annotations

from monitor.alerts.wording import RATES
from monitor.ui import numbers as n


def amount(measure: str | None, value: float | None, currency: str) -> str:
    """`RM 12,345`, `412`, `2.13%`; unknown is a dash."""
    if measure in RATES:
        return n.percent(value, 2)
    return n.amount(measure, value, currency)


def difference(measure: str | None, value: float | None, currency: str) -> str:
    """A gap between two values: of rates in percentage points."""
    if measure in RATES:
        return n.UNKNOWN if value is None else f"{value * 100:.2f} pp"
    return n.amount(measure, value, currency)
