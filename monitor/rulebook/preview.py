"""What other rules would have told: two lists of alerts compared. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.campaigns.words import scope_key

Alert = Mapping[str, Any]  # as the CONTRACT's alerts JSON


@dataclass(frozen=True)
class Entry:
    """An alert that speaks on one side only.

    `part`: on the other side it is seen as well, but another alert tells it (`covered_by`).
    """

    alert: Alert
    part: bool = False


@dataclass(frozen=True)
class Moved:
    """An alert of both sides that opens at another time or is of another severity.

    `later_s`: how much later it opens with the new rules; negative: earlier.
    """

    before: Alert
    after: Alert
    later_s: float


@dataclass(frozen=True)
class Count:
    """Alerts that speak in one campaign, of which `days` (fractions too) have been judged."""

    campaign_id: str
    days: float
    before: int
    after: int
    new: int
    gone: int


@dataclass(frozen=True)
class Effect:
    """What a change would have done. Lists are dearest first; alerts told by another are left out."""

    new: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    moved: tuple[Moved, ...]
    same: int
    counts: tuple[Count, ...]


def compare(before: Sequence[Alert], after: Sequence[Alert], days: Mapping[str, float]) -> Effect:
    """`days`: per campaign, in the order in which they are counted."""
    new: list[Entry] = []
    gone: list[Entry] = []
    moved: list[Moved] = []
    same = 0
    old, young = _by_signal(before), _by_signal(after)
    for key in dict.fromkeys([*old, *young]):
        left = list(young[key])
        for alert in old[key]:
            match = _match(alert, left)
            if match is not None:
                left.remove(match)
            spoke, speaks = _speaks(alert), match is not None and _speaks(match)
            if spoke and not speaks:
                gone.append(Entry(alert, match is not None))
            elif match is not None and speaks and not spoke:
                new.append(Entry(match, True))
            elif match is not None and speaks:
                later_s = (_opened(match) - _opened(alert)).total_seconds()
                if later_s or match.get("severity") != alert.get("severity"):
                    moved.append(Moved(alert, match, later_s))
                else:
                    same += 1
        new += [Entry(alert) for alert in left if _speaks(alert)]
    return Effect(
        tuple(sorted(new, key=lambda e: _dearest(e.alert))),
        tuple(sorted(gone, key=lambda e: _dearest(e.alert))),
        tuple(sorted(moved, key=lambda m: _dearest(m.after))),
        same,
        tuple(
            Count(
                campaign_id,
                length,
                _spoken(before, campaign_id),
                _spoken(after, campaign_id),
                sum(e.alert.get("campaign_id") == campaign_id for e in new),
                sum(e.alert.get("campaign_id") == campaign_id for e in gone),
            )
            for campaign_id, length in days.items()
        ),
    )


def _by_signal(alerts: Iterable[Alert]) -> defaultdict[tuple[str, str, str], list[Alert]]:
    """Alerts by campaign, rule and scope, in order of opening."""
    found: defaultdict[tuple[str, str, str], list[Alert]] = defaultdict(list)
    for alert in sorted(alerts, key=_opened):
        scope = scope_key(dict(alert.get("scope") or {}))
        found[str(alert["campaign_id"]), str(alert["rule"]), scope].append(alert)
    return found


def _match(alert: Alert, others: Sequence[Alert]) -> Alert | None:
    """The first of `others` that is open at some moment while `alert` is."""
    for other in others:
        ends, other_ends = _resolved(alert), _resolved(other)
        begins_in_time = other_ends is None or _opened(alert) < other_ends
        if begins_in_time and (ends is None or _opened(other) < ends):
            return other
    return None


def _opened(alert: Alert) -> datetime:
    return datetime.fromisoformat(str(alert["opened_at"]))


def _resolved(alert: Alert) -> datetime | None:
    at = alert.get("resolved_at")
    return None if at is None else datetime.fromisoformat(str(at))


def _speaks(alert: Alert) -> bool:
    return alert.get("covered_by") is None


def _spoken(alerts: Iterable[Alert], campaign_id: str) -> int:
    return sum(_speaks(a) and a["campaign_id"] == campaign_id for a in alerts)


def _dearest(alert: Alert) -> tuple[float, str]:
    shortfall = alert.get("shortfall")
    return (-abs(shortfall) if isinstance(shortfall, int | float) else 0.0, str(alert["opened_at"]))
