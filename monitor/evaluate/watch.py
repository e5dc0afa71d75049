"""What a rival watches on an event day, and how its flags become alarms.

GMV and visitors (orders where the feed has neither) of the campaign, channels, categories, channel ×
category and the biggest creators and shops. Two flagged buckets open an alarm, three clear ones
resolve it; an alarm that opens while one of a scope around it lasts is covered by that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from monitor.detect.event import Bools, Event, Floats
from monitor.evaluate import usual
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.case import MINUTES_A_DAY

Scope = dict[str, str]

MEASURES = ("gmv", "visitors")
INSTEAD = "orders"
RULES = {"gmv": "gmv_dip", "visitors": "traffic_dip", "orders": "orders_dip"}
LEVELS = (("channel",), ("category",), ("channel", "category"))
TOPS = ("creator_id", "shop_id")
TOP = 20
REACHES = CAMPAIGN, PARTS, ALL_SCOPES = 0, 1, 2  # the campaign; channels and categories too; all
OPEN_AFTER, RESOLVE_AFTER = 2, 3  # buckets
HOUR = 12  # buckets before a breach that its fall is told against


@dataclass(frozen=True)
class Watched:
    """One measure by scope. `now`: (scopes, buckets); `pasts`: the same of each earlier event, oldest
    first, each of its own length. NaN unknown. `per_day`: buckets a day."""

    measure: str
    scopes: tuple[Scope, ...]
    now: Floats
    pasts: tuple[Floats, ...]
    per_day: int

    def smoothed(self, mean_of: int) -> Watched:
        """The same as trailing means over so many buckets."""
        if mean_of == 1:
            return self
        return replace(
            self,
            now=usual.trailing_mean(self.now, mean_of),
            pasts=tuple(usual.trailing_mean(past, mean_of) for past in self.pasts),
        )


def watched(event: Event, pasts: Sequence[Event]) -> list[Watched]:
    """All series of an event, one entry per measure."""
    measures = [m for m in MEASURES if m in event.amounts] or [INSTEAD]
    scopes = scopes_of(event, measures[0])
    per_day = round(MINUTES_A_DAY / event.bucket_min)
    return [
        Watched(
            measure,
            scopes,
            sums(event, measure, scopes),
            tuple(sums(past, measure, scopes) for past in pasts),
            per_day,
        )
        for measure in measures
    ]


def scopes_of(event: Event, measure: str) -> tuple[Scope, ...]:
    """The campaign first, then its parts; creators and shops only the TOP by the whole event.

    To know today's biggest in advance favours the rivals, a little.
    """
    scopes: list[Scope] = [{}]
    for dims in LEVELS:
        if all(dim in event.dims for dim in dims):
            values = sorted(set(zip(*(event.dims[dim] for dim in dims), strict=True)))
            scopes += [dict(zip(dims, value, strict=True)) for value in values if all(value)]
    money = np.nansum(event.amounts[measure], axis=1)
    for dim in TOPS:
        totals: dict[str, float] = {}
        for value, amount in zip(event.dims.get(dim, ()), money, strict=False):
            totals[value] = totals.get(value, 0.0) + float(amount)
        totals.pop("", None)
        biggest = sorted(totals, key=lambda value: (-totals[value], value))[:TOP]
        scopes += [{dim: value} for value in biggest]
    return tuple(scopes)


def reach_of(scope: Mapping[str, str]) -> int:
    """How deep a rule must look to see this scope."""
    if not scope:
        return CAMPAIGN
    return PARTS if len(scope) == 1 and not scope.keys() & set(TOPS) else ALL_SCOPES


def sums(event: Event, measure: str, scopes: Sequence[Scope]) -> Floats:
    """(scopes, buckets) of one measure; NaN where a scope has no member or a bucket is not usable."""
    if measure not in event.amounts:
        return np.full((len(scopes), event.buckets), np.nan)
    inside = np.ones((len(scopes), event.members))
    for row, scope in enumerate(scopes):
        for dim, value in scope.items():
            values = event.dims.get(dim, ("",) * event.members)
            inside[row] *= [own == value for own in values]
    total = inside @ np.nan_to_num(event.amounts[measure])
    total[inside.sum(axis=1) == 0] = np.nan
    total[:, ~event.usable[measure]] = np.nan
    return total


def alarms(flagged: Bools, seen: Watched, reach: int = ALL_SCOPES) -> list[Alarm]:
    """The alarms that flags (scopes, buckets) make, in the order in which they open."""
    rows = [row for row, scope in enumerate(seen.scopes) if reach_of(scope) <= reach]
    found = [alarm for row in rows for alarm in _of_row(flagged[row], seen, row)]
    by_scope: dict[frozenset[tuple[str, str]], list[Alarm]] = {}
    for alarm in found:
        by_scope.setdefault(frozenset(alarm.scope.items()), []).append(alarm)
    found = [replace(alarm, covered=_covered(alarm, by_scope)) for alarm in found]
    return sorted(found, key=lambda alarm: (alarm.opened, len(alarm.scope)))


def _of_row(flagged: Bools, seen: Watched, row: int) -> list[Alarm]:
    """A bucket that is unknown neither breaches nor clears."""
    found: list[Alarm] = []
    now = seen.now[row]
    known = np.isfinite(now)
    if np.count_nonzero(flagged & known) < OPEN_AFTER:
        return found
    first = low = clear = 0
    opened: int | None = None
    for bucket in np.flatnonzero(known).tolist():
        if flagged[bucket]:
            first = bucket if opened is None and low == 0 else first
            low, clear = low + 1, 0
            if opened is None and low == OPEN_AFTER:
                opened = bucket
        else:
            low, clear = 0, clear + 1
            if opened is not None and clear == RESOLVE_AFTER:
                found.append(_alarm(seen, row, first, opened, bucket))
                opened = None
    if opened is not None:
        found.append(_alarm(seen, row, first, opened, None))
    return found


def _alarm(seen: Watched, row: int, first: int, opened: int, ended: int | None) -> Alarm:
    now = seen.now[row]
    during, before = now[first : opened + 1], now[max(first - HOUR, 0) : first]
    usual = float(np.nansum(before)) / max(int(np.isfinite(before).sum()), 1)
    share = float(np.nansum(during)) / int(np.isfinite(during).sum()) / usual if usual > 0 else 1.0
    return Alarm(
        rule=RULES[seen.measure],
        measure=seen.measure,
        scope=seen.scopes[row],
        first=first,
        opened=opened,
        ended=ended,
        fall=min(max(1.0 - share, 0.0), 1.0),
    )


def _covered(alarm: Alarm, by_scope: Mapping[frozenset[tuple[str, str]], Sequence[Alarm]]) -> bool:
    items = tuple(alarm.scope.items())
    around = (frozenset(some) for size in range(len(items)) for some in combinations(items, size))
    return any(
        other.opened <= alarm.opened and (other.ended is None or alarm.opened < other.ended)
        for scope in around
        for other in by_scope.get(scope, ())
    )
