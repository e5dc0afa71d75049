"""Which alerts come first, what they cost together, and which tell one story. Pure: no Streamlit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from monitor.campaigns.words import MONEY, scope_key
from monitor.ui.numbers import instant
from monitor.ui.words import CALM_REASONS

Alert = Mapping[str, Any]
SEVERITY_RANK = {"critical": 0, "warning": 1, "info": 2}
# Measures of one story, in the order in which they are told: the money, then what may carry it.
ONE_STORY = (
    "gmv",
    "orders",
    "visitors",
    "conversion",
    "aov",
    "impressions",
    "clicks",
    "ctr",
    "ctor",
)
EARLY, LATE = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def is_open(alert: Alert) -> bool:
    """Acknowledged alerts still cost money: only a resolved one is over."""
    return alert.get("status") != "resolved"


def is_calm(alert: Alert) -> bool:
    """It was planned, or later data explains it: nothing is wrong and nothing is missing."""
    return alert.get("reason") in CALM_REASONS


def is_chance(alert: Alert) -> bool:
    """An opportunity: its money is made, not missing."""
    return alert.get("kind") == "surge" and alert.get("metric") != "refund_rate"


def at_risk(alert: Alert) -> float | None:
    """The money that an alert says is missing, or None when it is not about missing money."""
    if is_calm(alert) or is_chance(alert):
        return None
    if isinstance(said := alert.get("at_risk"), int | float):
        return float(said) if said > 0 else None
    shortfall = alert.get("shortfall")
    if alert.get("metric") not in MONEY or not isinstance(shortfall, int | float) or shortfall <= 0:
        return None
    return float(shortfall)


def per_hour(alert: Alert) -> float | None:
    """Money that goes missing an hour while it lasts, None when over or not known."""
    said = alert.get("at_risk_per_hour")
    if at_risk(alert) is None or not is_open(alert) or not isinstance(said, int | float):
        return None
    return float(said) if said > 0 else None


def gained(alert: Alert) -> float | None:
    """What an opportunity makes beyond the usual so far, in money; None for any other alert."""
    if not is_chance(alert):
        return None
    for said, sign in ((alert.get("at_risk"), 1), (alert.get("shortfall"), -1)):
        if isinstance(said, int | float) and (sign > 0 or alert.get("metric") in MONEY):
            return max(sign * float(said), 0.0)
    return None


def in_order(alerts: Iterable[Alert]) -> list[Alert]:
    """Open ones first; within them those that speak for themselves, by money, severity, age."""

    def key(alert: Alert) -> tuple[Any, ...]:
        opened = str(alert.get("opened_at") or "")
        if not is_open(alert):
            return (1, 0, 0, 0.0, 0, _reversed(str(alert.get("resolved_at") or opened)), 0)
        return (
            0,
            alert.get("covered_by") is not None,
            is_calm(alert),
            -(at_risk(alert) or 0.0),
            SEVERITY_RANK.get(str(alert.get("severity")), 3),
            opened,
            int(alert["id"]),
        )

    return sorted(alerts, key=key)


def _reversed(text: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in text)


def stories(alerts: Iterable[Alert]) -> list[list[Alert]]:
    """The alerts, those of one story together: one scope, falls of GMV, orders, traffic, conversion …
    whose times overlap. The one that tells it best stands first, stories keep the order of `alerts`.
    """
    found: list[list[Alert]] = []
    for alert in alerts:
        home = next((story for story in found if any(_together(alert, a) for a in story)), None)
        if home is None:
            found.append([alert])
        else:
            home.append(alert)
    return [sorted(story, key=_telling) for story in found]


def _together(one: Alert, other: Alert) -> bool:
    same = scope_key(dict(one.get("scope") or {})) == scope_key(dict(other.get("scope") or {}))
    dips = all(a.get("kind") == "dip" and a.get("metric") in ONE_STORY for a in (one, other))
    if not (same and dips and is_open(one) == is_open(other) and is_calm(one) == is_calm(other)):
        return False
    (begun, ended), (begun_too, ended_too) = _time(one), _time(other)
    return begun <= ended_too and begun_too <= ended


def _time(alert: Alert) -> tuple[datetime, datetime]:
    begun, ended = instant(alert.get("breach_start")), instant(alert.get("resolved_at"))
    return begun or EARLY, ended or LATE


def _telling(alert: Alert) -> tuple[Any, ...]:
    metric = alert.get("metric")
    place = ONE_STORY.index(metric) if metric in ONE_STORY else len(ONE_STORY)
    return alert.get("covered_by") is not None, place, int(alert["id"])


def total_at_risk(alerts: Iterable[Alert]) -> float | None:
    """The money missing in open dips, stand-stills and refunds, nothing counted twice; None
    when none is about money.

    Children of another alert are left out. Alerts of one scope (its GMV, its conversion) miss the same
    sales: what its GMV lacks counts, else the largest. Scopes of one kind (two channels) add up; those
    of different kinds (a channel and a category) may be the same sales seen twice, so the largest of
    the sums is taken: it is at least that much.
    """
    scopes: dict[tuple[tuple[str, str], ...], float] = {}
    seen: set[tuple[tuple[str, str], ...]] = set()  # scopes whose GMV itself is told
    for alert in sorted(alerts, key=lambda a: a.get("metric") != "gmv"):
        money = at_risk(alert)
        if money is None or not is_open(alert) or alert.get("covered_by") is not None:
            continue
        if alert.get("kind") in ("dip", "flatline", "surge"):
            scope = tuple(sorted(dict(alert.get("scope") or {}).items()))
            if alert.get("metric") == "gmv":
                seen.add(scope)
            elif scope in seen:
                continue
            scopes[scope] = max(scopes.get(scope, 0.0), money)
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for scope, money in scopes.items():
        sums[tuple(dim for dim, _ in scope)] += money
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
