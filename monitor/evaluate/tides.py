"""How traffic of the second family rises and falls: splines through knots, a power-law rush, sales.

Deliberately another family of curves than `monitor/simulate/curve.py`. Everything is per minute since
the event's start, as a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.detect.event import Floats

DAY_MIN = 1440
KNOT_HOURS: Floats = np.array([0.0, 2, 4, 6, 8, 10, 11.5, 12.7, 14, 16, 18, 19.5, 21, 22.5, 24.0])
ORDINARY = np.array([0.9, 0.5, 0.3, 0.35, 0.7, 0.95, 1.1, 1.35, 1, 0.95, 1.05, 1.3, 1.6, 1.35, 0.9])
WEEKEND = np.array([1.1, 0.6, 0.35, 0.3, 0.5, 0.9, 1.1, 1.2, 1.2, 1.2, 1.15, 1.2, 1.4, 1.25, 1.1])


@dataclass(frozen=True)
class FlashSale:
    """A sale in a sale: for [start_min, end_min) money is `factor`-fold in `scope`.

    Its first minutes are the strongest; afterwards `tired` (0..1) of the usual is missing, which
    passes in `rest_min` minutes.
    """

    name: str
    start_min: int
    end_min: int
    factor: float
    tired: float
    rest_min: float
    scope: tuple[tuple[str, str], ...] = ()
    planned: bool = True

    def curve(self, minutes: int) -> Floats:
        """(minutes,) factor on money."""
        since = np.arange(minutes) + 0.5 - self.start_min
        lasts = self.end_min - self.start_min
        rising = np.clip(since / 4, 0, 1)
        held = 0.75 + 0.5 / (1 + np.maximum(since, 0) / 12)
        rush = 1 + 0.35 * np.clip((since - lasts + 8) / 8, 0, 1)
        inside = 1 + (self.factor - 1) * rising * held * rush
        after = 1 - self.tired * np.exp(-np.maximum(since - lasts, 0) / self.rest_min)
        waiting = 1 - 0.06 * np.clip((since + 15) / 15, 0, 1)
        curve: Floats = np.where(since < 0, waiting, np.where(since < lasts, inside, after))
        return curve


def spline(at: Floats, knots: Floats, values: NDArray[np.floating]) -> Floats:
    """Cubic Hermite interpolation with central slopes; `values` (rows, knots) → (rows, at)."""
    slopes = np.gradient(values, knots, axis=1)
    right = np.clip(np.searchsorted(knots, at, side="right"), 1, len(knots) - 1)
    left = right - 1
    width = knots[right] - knots[left]
    u = (at - knots[left]) / width
    curve: Floats = (
        values[:, left] * (1 + 2 * u) * (1 - u) ** 2
        + slopes[:, left] * width * u * (1 - u) ** 2
        + values[:, right] * u**2 * (3 - 2 * u)
        + slopes[:, right] * width * u**2 * (u - 1)
    )
    return curve


def wander(rows: int, minutes: int, every_min: int, sd: float, rng: np.random.Generator) -> Floats:
    """(rows, minutes) slow factors around 1: how an event disagrees with its like."""
    knots: Floats = np.arange(0, minutes + 2 * every_min, every_min, dtype=np.float64)
    values = rng.normal(0, sd, (rows, len(knots)))
    return np.exp(spline(np.arange(0.5, minutes, dtype=np.float64), knots, values))


def daily(bend: Floats, weekend: NDArray[np.bool_]) -> Floats:
    """(rows, minutes) the tides of one or more days; `bend` (rows, knots) bends every day alike,
    `weekend` (days,) says which days get up late. Level at noon about 1.

    Days meet at midnight: the last knot of a day is the first one of the next.
    """
    logs = np.log(np.where(weekend[:, None], WEEKEND, ORDINARY))
    for date in range(1, len(logs)):
        logs[date, 0] = logs[date - 1, -1]
    values = logs[None] + bend[:, None, :]
    at = (np.arange(DAY_MIN) + 0.5) / 60
    days = [spline(at, KNOT_HOURS, values[:, date]) for date in range(len(logs))]
    return np.exp(np.concatenate(days, axis=1))


def rush(days: int, peaks: Floats, hours: float, power: float) -> Floats:
    """(minutes,) the rush after each midnight: `peaks` (days,) at 00:00 itself, dying as a power
    law with `hours` and `power`; the last evening runs towards the end once more."""
    curve = np.ones(days * DAY_MIN)
    hour = (np.arange(days * DAY_MIN) + 0.5) / 60
    for date, peak in enumerate(peaks):
        since = hour - 24 * date
        lift = (peak - 1) * (1 + np.maximum(since, 0) / hours) ** -power
        curve += np.where(since > 0, lift, 0)
    left = hour[-1] - hour
    curve *= 1 + 0.5 * np.clip(1 - left / 0.75, 0, 1) ** 1.5
    return curve


def ar1(rows: int, buckets: int, sd: Floats, memory: float, rng: np.random.Generator) -> Floats:
    """(rows, buckets) lognormal noise with mean 1; `sd` (rows,) of the logarithm."""
    steps = rng.standard_normal((rows, buckets))
    log = np.empty((rows, buckets))
    log[:, 0] = steps[:, 0]
    fresh = np.sqrt(1 - memory**2)
    for b in range(1, buckets):
        log[:, b] = memory * log[:, b - 1] + fresh * steps[:, b]
    sd = sd[:, None]
    return np.exp(sd * log - sd**2 / 2)


def per_bucket(per_minute: Floats, bucket_min: int) -> Floats:
    """Means over buckets, along the last axis."""
    shape = (*per_minute.shape[:-1], per_minute.shape[-1] // bucket_min, bucket_min)
    means: Floats = per_minute.reshape(shape).mean(axis=-1)
    return means
