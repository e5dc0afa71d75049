"""Pacing against target in the event's own shape: where we should be, where we end. Pure.

projected = so far + today's level × the shape's remaining share; the range comes from what each
earlier event alone would project (actual ÷ the share that was usually in by now).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.picture import Pace

Floats = NDArray[np.float64]
LEAST_IN = 0.02  # share of the event that must be in before anything is projected
WIDER = 0.02  # the shapes of two or three events understate what can happen


def passed(values: Floats, elapsed_buckets: float) -> Floats:
    """Sum over the last axis of the first `elapsed_buckets` buckets, the last one in proportion."""
    count = values.shape[-1]
    whole = int(min(max(elapsed_buckets, 0.0), count))
    done = np.nansum(values[..., :whole], axis=-1)
    if whole < count and elapsed_buckets > whole:
        done = done + np.nan_to_num(values[..., whole]) * (elapsed_buckets - whole)
    return np.asarray(done)


def pace(
    so_far: float | None,
    target: float | None,
    share: Floats,
    each: Floats,
    level: float,
    elapsed_buckets: float,
    buckets_per_hour: float,
    basis: str,
    metric: str = "gmv",
) -> Pace:
    """`share` (buckets,): the event's shape, NaN without history. `each` (events, buckets).

    `level`: the total that today's level tends to (amount per unit of share).
    """
    left_h = max(len(share) - elapsed_buckets, 0.0) / buckets_per_hour
    need = None
    if target is not None and so_far is not None and left_h > 0:
        need = max(target - so_far, 0.0) / left_h
    whole = np.nansum(share)
    if so_far is None or np.isnan(share).all() or whole <= 0:
        return Pace(metric, target, None, None, None, None, need, basis)
    inside = float(passed(share, elapsed_buckets) / whole)
    due = None if target is None else target * inside
    if left_h == 0:
        return Pace(metric, target, due, so_far, so_far, so_far, None, basis)
    if inside < LEAST_IN or not np.isfinite(level):
        return Pace(metric, target, due, None, None, None, need, basis)
    projected = so_far + level * float(whole - passed(share, elapsed_buckets))
    sums = np.nansum(each, axis=1)
    shares = passed(each[sums > 0], elapsed_buckets) / sums[sums > 0]
    alone = [so_far / s for s in shares.tolist() if s > LEAST_IN]
    low = min([projected, *alone]) * (1 - WIDER * (1 - inside))
    high = max([projected, *alone]) * (1 + WIDER * (1 - inside))
    return Pace(metric, target, due, projected, max(low, so_far), high, need, basis)
