"""What planned boosts do to a shape, by name: inside, and in the hour after.

Learned from earlier events as the distance from a straight line between before and after, and put
back where today plans one of that name. A boost of one channel or category is one of that group.
A single creator's show is that member's session, not a boost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.detect.event import Floats, Planned
from monitor.detect.fit import smoothed

BEFORE, AFTER = 6, 12  # buckets before a boost, and those its after-effect lasts
SHIFTED = 0.15  # error of what a boost does, as a share of it
UNKNOWN = 0.15  # error while a boost begins or ends that nobody knows
MEMORY = 9  # buckets that a level rests on: it errs where a boost changes meanwhile
Group = tuple[str, str]
ALL: Group = ("", "")


def group_of(plan: Planned) -> Group | None:
    """What it concerns: all, one channel, one category; None for anything narrower."""
    if not plan.scope:
        return ALL
    if len(plan.scope) == 1:
        dim, value = next(iter(plan.scope.items()))
        return (dim, value) if dim in ("channel", "category") else None
    return None


class Boosts:
    """Boosts of one measure over all its earlier events."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, Group], list[tuple[Floats, Floats]]] = {}

    def taken_out(
        self, log: Floats, variance: Floats, plans: Sequence[Planned], group: Group
    ) -> Floats:
        """`log` (buckets,) without those of a group; they are remembered by name.

        Short ones first: what lies inside a longer one is lifted above that, and none is measured
        across the beginning or end of another.
        """
        out, buckets = log.copy(), len(log)
        mine = [p for p in plans if group_of(p) == group and min(p.end, buckets) > max(p.first, 0)]
        for plan in sorted(mine, key=lambda p: (p.end - p.first, p.first, p.name)):
            first, end = max(plan.first, 0), min(plan.end, buckets)
            others = [p for p in mine if p is not plan]
            since = max([0, *(e for p in others for e in (p.first, p.end) if e < first)])
            until = min([buckets, *(e for p in others for e in (p.first, p.end) if e > end)])
            if any(p.first == end for p in others):
                until = end
            room = until - end
            stop = end + (AFTER if room >= AFTER + BEFORE else min(room // 2, AFTER))
            left = _mean(out, variance, max(first - BEFORE, since), first)
            right = _mean(out, variance, stop, min(stop + BEFORE, until))
            if any(p.end == end for p in others) and left is not None:
                right = left  # a longer one ends with it: what follows is no measure of this one
            if any(p.first == first for p in others) and right is not None:
                left = right
            if left is None and right is None:
                continue
            low = right if left is None else left
            high = left if right is None else right
            line = np.linspace(low or 0.0, high or 0.0, stop - first)
            lift = np.where(np.isfinite(variance[first:stop]), out[first:stop] - line, 0.0)
            parts = np.arange(first, stop) >= end
            lift, _ = smoothed(lift, variance[first:stop], 3, parts)
            key = (plan.name.strip().lower(), group)
            self.found.setdefault(key, []).append((lift[: end - first], lift[end - first :]))
            out[first:stop] -= lift
        return out

    def lift(
        self, plans: Sequence[Planned], group: Group, buckets: int
    ) -> tuple[Floats, Floats, np.ndarray]:
        """(buckets,) what today's boosts add, the error that comes with it, and where nobody knows."""
        out, unknown = np.zeros(buckets), np.zeros(buckets, bool)
        turns = np.zeros(buckets, bool)
        for plan in plans:
            first, end = max(plan.first, 0), min(plan.end, buckets)
            if group_of(plan) != group or end <= first:
                continue
            stop = min(end + AFTER, buckets)
            seen = self.found.get((plan.name.strip().lower(), group))
            if not seen:
                unknown[first:stop] = True
                turns[first : first + MEMORY] = turns[end : end + MEMORY] = True
                continue
            out[first:end] += np.mean([_stretched(a, end - first) for a, _ in seen], axis=0)
            out[end:stop] += np.mean([_padded(b, stop - end) for _, b in seen], axis=0)
        changed = np.zeros(buckets)
        for back in range(1, MEMORY + 1):
            step = np.abs(out[back:] - out[:-back])
            changed[back:] = np.maximum(changed[back:], step)
        return out, np.where(turns, UNKNOWN, SHIFTED * np.minimum(changed, 1.5)), unknown


def _mean(log: Floats, variance: Floats, first: int, end: int) -> float | None:
    known = np.isfinite(variance[first:end])
    return float(log[first:end][known].mean()) if known.any() else None


def _stretched(profile: Floats, buckets: int) -> Floats:
    if len(profile) == buckets:
        return profile
    at = np.linspace(0, max(len(profile) - 1, 0), buckets)
    return np.asarray(np.interp(at, np.arange(len(profile)), profile))


def _padded(profile: Floats, buckets: int) -> Floats:
    return np.concatenate([profile, np.zeros(buckets)])[:buckets]
