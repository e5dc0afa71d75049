"""Which alerts come first, and what they cost together. Pure: no Streamlit in here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from monitor.campaigns.words import MONEY

Alert = Mapping[str, Any]
SEVERITY_RANK = {"critical": 0, "warning": 1, "info": 2}


def is_open(alert: Alert) -> bool:
    """Acknowledged alerts still cost money: only a resolved one is over."""
    return alert.get("status") != "resolved"


def at_risk(alert: Alert) -> float | None:
    """The money that an alert says is missing, or None when it is not about missing money."""
    shortfall = alert.get("shortfall")
    if alert.get("metric") not in MONEY or not isinstance(shortfall, int | float) or shortfall <= 0:
        return None
    return float(shortfall)


def in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """Open ones first; within them those that speak for themselves, by money, severity, age."""

    def key(alert: Alert) -> tuple[Any, ...]:
        opened = str(alert.get("opened_at") or "")
        if not is_open(alert):
            return (1, 0, 0.0, 0, _reversed(str(alert.get("resolved_at") or opened)), 0)
        return (
            0,
            alert.get("covered_by") is not None,
            -(at_risk(alert) or 0.0),
            SEVERITY_RANK.get(str(alert.get("severity")), 3),
            opened,
            int(alert["id"]),
        )

    return sorted(alerts, key=key)


def _reversed(text: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in text)


def total_at_risk(alerts: Iterable[Alert]) -> float | None:
    """The money missing in open dips, nothing counted twice; None when no dip is about money.

    Children of another alert are left out. Alerts of one kind of scope (two channels) add up;
    alerts of different kinds (a channel and a category) may be the same sales seen twice, so the
    largest of the sums is taken: it is at least that much.
    """
    sums: dict[frozenset[str], float] = defaultdict(float)
    for alert in alerts:
        money = at_risk(alert)
        if not is_open(alert) or alert.get("kind") != "dip" or alert.get("covered_by") is not None:
            continue
        if money is not None and alert.get("metric") == "gmv":
            sums[frozenset(alert.get("scope") or {})] += money
    return max(sums.values()) if sums else None


def chosen(alerts: Iterable[Alert], status: str, kind: str) -> list[Alert]:
    """The alerts of a status (`open`, `resolved`, `all`) and a kind (or `all`), in order."""
    return in_order(
        a
        for a in alerts
        if (status == "all" or is_open(a) == (status == "open"))
        and (kind == "all" or a.get("kind") == kind)
    )


def by_id(alerts: Iterable[Alert], wanted: str) -> Alert | None:
    """The alert that a URL names, or None."""
    return next((a for a in alerts if str(a.get("id")) == wanted), None)
