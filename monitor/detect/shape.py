"""The shape of an event: which share of it falls into each bucket, learned from earlier events.

Method ("event pace", `docs/detection.md`): the share of the day by time since start, planned boosts
divided out, smoothed over 25 minutes, geometric mean over the earlier events, boosts multiplied back
in where today plans them. How much the earlier events disagree at that hour is the model's error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
PlanKey = tuple[str, str]  # name, scope_key

SMOOTH = 5  # buckets in the centred mean: 25 minutes
BLOCK = 12  # buckets that share one model error: an hour
EDGE = 6  # buckets on either side of a boost that tell what it would have been without
AFTER = 3  # buckets after a boost that its echo spoils
HALF_AN_EVENT = 0.5
MANY = 10_000.0  # events of a scope whose count nobody gives
LEAST_ERROR = 0.025
FIRST_HOURS = 24  # buckets of the midnight rush, where events differ most
FIRST_ERROR = 0.06
ONE_EVENT_ERROR = 0.08  # with a single earlier event nobody can tell how much events disagree


@dataclass(frozen=True)
class PlannedSpan:
    """A plan as half-open bucket numbers of its campaign."""

    key: PlanKey
    first: int
    end: int


@dataclass(frozen=True)
class Past:
    """One earlier event: `amount` (scopes, buckets since its start), NaN unknown.

    `events`: (scopes,) how many orders or visitors it stands for, NaN unknown.
    """

    name: str
    amount: Floats
    events: Floats
    plans: Sequence[PlannedSpan]


@dataclass(frozen=True)
class Shape:
    """`share`, `error`: (scopes, buckets); NaN where no earlier event says anything.

    `unknown_boost`: buckets of plans that no earlier event had, so their size is anybody's guess.
    `each`: per earlier event its own share of the first scope, for the range of a projection.
    """

    share: Floats
    error: Floats
    total: Floats  # (scopes,) of the newest earlier event
    unknown_boost: Bools
    each: Floats  # (events, buckets)
    basis: tuple[str, ...]


def learn(pasts: Sequence[Past], plans: Sequence[PlannedSpan], scopes: int, buckets: int) -> Shape:
    """The shape for a campaign with `plans`, of `buckets` buckets, for `scopes` scopes."""
    unknown = np.zeros(buckets, bool)
    if not pasts:
        nothing = np.full((scopes, buckets), np.nan)
        empty = np.empty((0, buckets))
        return Shape(nothing, nothing, np.full(scopes, np.nan), unknown, empty, ())
    logs: list[Floats] = []
    boosts: dict[PlanKey, list[Floats]] = {}
    for past in pasts:
        amount = _fit(past.amount, buckets)
        total = np.nansum(amount, axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 0, amount / total, np.nan)
        for plan in past.plans:
            ratio = _boost(share, plan)
            boosts.setdefault(plan.key, []).append(np.log(ratio))
            share[:, plan.first : plan.end] /= ratio[:, None]
        # Half an event per window stands for what a small shop did not happen to sell.
        unseen = HALF_AN_EVENT / np.where(past.events > 0, past.events, MANY) / SMOOTH
        logs.append(np.log(_smoothed(share) + unseen[:, None]))
    stack = np.stack(logs)
    with np.errstate(all="ignore"):
        mean = _nanmean(stack)
        error = _disagreement(stack, mean)
    factor = np.zeros((scopes, buckets))
    for plan in plans:
        found = boosts.get(plan.key) or [
            ratio for key, ratios in boosts.items() if key[0] == plan.key[0] for ratio in ratios
        ]
        if found:
            factor[:, plan.first : plan.end] += np.mean(found, axis=0)[:, None]
        else:
            unknown[plan.first : plan.end] = True
    with np.errstate(all="ignore"):
        share = np.exp(mean + factor)
        share /= np.nansum(share, axis=1, keepdims=True)
    return Shape(
        share=share,
        error=error,
        total=np.nansum(_fit(pasts[-1].amount, buckets), axis=1),
        unknown_boost=unknown,
        each=np.exp(stack[:, 0, :] + factor[0]),
        basis=tuple(past.name for past in pasts),
    )


def or_parent(shape: Shape) -> Shape:
    """Scopes without any history take the campaign's own shape (the first scope)."""
    none = np.isnan(shape.share).all(axis=1)
    share, error = shape.share.copy(), shape.error.copy()
    share[none], error[none] = shape.share[0], shape.error[0] * 1.5
    return Shape(share, error, shape.total, shape.unknown_boost, shape.each, shape.basis)


def planned_span(
    key: PlanKey, start_ms: int, end_ms: int, origin_ms: int, size_ms: int, buckets: int
) -> PlannedSpan | None:
    """The buckets that a plan touches, None when it lies outside the campaign."""
    first = max((start_ms - origin_ms) // size_ms, 0)
    end = min(-((origin_ms - end_ms) // size_ms), buckets)
    return PlannedSpan(key, int(first), int(end)) if first < end else None


def _fit(amount: Floats, buckets: int) -> Floats:
    fitted = np.full((amount.shape[0], buckets), np.nan)
    width = min(buckets, amount.shape[1])
    fitted[:, :width] = amount[:, :width]
    return fitted


def _boost(share: Floats, plan: PlannedSpan) -> Floats:
    """By how much a plan lifted each scope: inside against the buckets around it."""
    around = [
        _nanmean(share[:, max(plan.first - EDGE, 0) : plan.first], axis=1),
        _nanmean(share[:, plan.end + AFTER : plan.end + AFTER + EDGE], axis=1),
    ]
    outside = _nanmean(np.stack(around), axis=0)
    inside = _nanmean(share[:, plan.first : plan.end], axis=1)
    with np.errstate(all="ignore"):
        ratio = inside / outside
    return np.clip(np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0), 0.5, 10.0)


def _smoothed(share: Floats) -> Floats:
    """Centred mean over SMOOTH buckets, unknown ones left out, narrower at the ends."""
    known = ~np.isnan(share)
    half = SMOOTH // 2
    value = np.pad(np.where(known, share, 0.0), ((0, 0), (half, half)))
    weight = np.pad(known.astype(float), ((0, 0), (half, half)))
    # Within reach of an end the window shrinks evenly, or the midnight rush would be flattened.
    buckets = share.shape[1]
    sums, counts = np.zeros_like(share), np.zeros_like(share)
    place = np.arange(buckets)
    reach = np.minimum(np.minimum(place, buckets - 1 - place), half)
    for shift in range(-half, half + 1):
        use = np.abs(shift) <= reach
        sums += np.where(use, value[:, half + shift : half + shift + buckets], 0)
        counts += np.where(use, weight[:, half + shift : half + shift + buckets], 0)
    with np.errstate(all="ignore"):
        return np.where(counts > 0, sums / counts, np.nan)


def _disagreement(stack: Floats, mean: Floats) -> Floats:
    """Model error per scope and bucket: how far apart the events are in that hour (MAD)."""
    events, scopes, buckets = stack.shape
    floor = np.full(buckets, LEAST_ERROR)
    floor[:FIRST_HOURS] = FIRST_ERROR
    if events == 1:
        return np.broadcast_to(np.maximum(floor * 1.5, ONE_EVENT_ERROR), (scopes, buckets)).copy()
    apart = np.abs(stack - mean) * np.sqrt(events / (events - 1))
    error = np.empty((scopes, buckets))
    for first in range(0, buckets, BLOCK):
        block = apart[:, :, first : first + BLOCK]
        flat = block.transpose(1, 0, 2).reshape(scopes, -1)
        spread = 1.4826 * _nanmedian(flat)
        error[:, first : first + BLOCK] = np.nan_to_num(spread, nan=0.15)[:, None]
    return np.clip(error, floor, 0.5)


def _nanmean(values: Floats, axis: int = 0) -> Floats:
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    with np.errstate(all="ignore"):
        return np.asarray(
            np.where(known, values, 0).sum(axis=axis) / np.where(count, count, np.nan)
        )


def _nanmedian(rows: Floats) -> Floats:
    out = np.full(rows.shape[0], np.nan)
    some = ~np.isnan(rows).all(axis=1)
    if some.any():
        out[some] = np.nanmedian(rows[some], axis=1)
    return out
