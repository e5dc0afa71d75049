"""Members × time taken apart: each member's level, and the shape that all have in common.

`two_way` is iterative proportional fitting over the buckets in which a member is on air, as in a
chain index of same-store sales. The rest are weighted smoothers of logs that know where a day turns.
"""

from __future__ import annotations

import numpy as np

from monitor.detect.event import Bools, Floats

ON_AIR = 0.25  # of its own level: below it a member is taken to be off air
FILLING = 6  # buckets in which a room fills
SPREAD = 0.15  # of a member about the shape: so that no star decides it alone
MOST_RATIO = 4.0
STEP = 0.05  # relative: a smoother does not reach across steps that noise cannot explain


def two_way(amount: Floats, rounds: int = 6) -> tuple[Floats, Floats, Bools]:
    """Fit (members, buckets) as level × shape over the buckets where each member is on air.

    Gives level (members,), shape (buckets,) with mean 1, on (members, buckets). NaN is unknown.
    """
    known = ~np.isnan(amount)
    value = np.where(known, amount, 0.0)
    shape = np.maximum(value.sum(axis=0), 1e-9)
    shape = shape / shape.mean()
    on = known & (value > 0)
    level = _levels(value, shape, on)
    for turn in range(rounds):
        if turn >= 1:  # where a member brings a quarter of its usual, it is off air
            due = np.where(known, level[:, None] * shape, 0.0)
            on = known & (running(value, 3) >= ON_AIR * running(due, 3)) & (level[:, None] > 0)
        level = _levels(value, shape, on)
        expected = level[:, None] * shape
        ratio, variance = common(value, np.where(settled(on), expected, 0.0))
        shape = shape * np.where(np.isfinite(variance), ratio, 1.0)
        shape = shape / shape.mean()
    return _levels(value, shape, on), np.maximum(shape, 1e-9), on


def _levels(value: Floats, shape: Floats, on: Bools) -> Floats:
    due = np.where(on, shape, 0.0).sum(axis=1)
    top = np.where(on, value, 0.0).sum(axis=1)
    return np.asarray(np.where(due > 0, top / np.maximum(due, 1e-12), 0.0))


def settled(on: Bools, first: bool = False) -> Bools:
    """Without the first half hour of each time on air, while a room fills, and its last bucket.

    `first`: whether those that are on air as the event begins count as just begun.
    """
    began = np.zeros_like(on)
    began[:, 1:] = on[:, 1:] & ~on[:, :-1]
    began[:, 0] = on[:, 0] & first
    young = np.zeros_like(on)
    for shift in range(FILLING):
        young[:, shift:] |= began[:, : on.shape[1] - shift]
    ending = np.zeros_like(on)
    ending[:, :-1] = ~on[:, 1:]
    return np.asarray(on & ~young & ~ending)


def common(value: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """(buckets,) by how much members together differ from expected: ratio, its relative variance.

    Weighted by what each member can tell: counting noise and a spread of its own. Where nobody
    tells anything the ratio is 1 and the variance infinite.
    """
    with np.errstate(all="ignore"):
        weight = np.where(expected > 0, 1.0 / (1.0 / expected + SPREAD**2), 0.0)
        ratio = np.where(expected > 0, value / np.where(expected > 0, expected, 1.0), 0.0)
        total = weight.sum(axis=0)
        mean = (weight * np.minimum(ratio, MOST_RATIO)).sum(axis=0) / total
        told = (mean > 0) & (total > 0)
        return np.where(told, mean, 1.0), np.where(told, 1.0 / total, np.inf)


# --- smoothers ----------------------------------------------------------------------------------


def running(values: Floats, width: int) -> Floats:
    """Centred sum along the last axis, shorter at the ends."""
    half = width // 2
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(half + 1, half)])
    sums = np.cumsum(padded, axis=-1)
    return np.asarray(sums[..., width:] - sums[..., :-width])


def smoothed(log: Floats, variance: Floats, width: int, parts: np.ndarray) -> tuple[Floats, Floats]:
    """Centred weighted mean of logs (buckets,) and its variance; unknown: 0 and infinite.

    It never reaches from one part (day) into another nor across a step that noise cannot explain
    (a bilateral filter), and is narrower at the ends of a part, so that a rush stays steep.
    """
    buckets = len(log)
    place = np.arange(buckets)
    starts = np.flatnonzero(np.r_[True, parts[1:] != parts[:-1]])
    ends = np.r_[starts[1:], buckets] - 1
    part = np.searchsorted(starts, place, side="right") - 1
    reach = np.minimum(np.minimum(place - starts[part], ends[part] - place), width // 2)
    weight = np.where(np.isfinite(variance), 1.0 / np.maximum(variance, 1e-9), 0.0)
    sums, total, square = np.zeros(buckets), np.zeros(buckets), np.zeros(buckets)
    for shift in range(-(width // 2), width // 2 + 1):
        at = np.clip(place + shift, 0, buckets - 1)
        inside = np.abs(shift) <= reach
        noise = variance + variance[at]
        with np.errstate(all="ignore"):
            apart = (log - log[at]) ** 2 / (2 * (9 * noise + STEP**2))
        alike = np.where(np.isfinite(noise), np.exp(-apart), 1.0)
        w = np.where(inside, weight[at] * alike, 0.0)
        sums, total, square = (
            sums + w * log[at],
            total + w,
            square + w * w / np.maximum(weight[at], 1e-12),
        )
    known = total > 0
    over = np.where(known, total, 1.0)
    return np.where(known, sums / over, 0.0), np.where(known, square / over**2, np.inf)


def carried(log: Floats, variance: Floats) -> Floats:
    """(buckets,) unknown ones as between the nearest known; 0 where none is."""
    known = np.flatnonzero(np.isfinite(variance))
    if not len(known):
        return np.zeros_like(log)
    return np.asarray(np.interp(np.arange(len(log)), known, log[known]))
