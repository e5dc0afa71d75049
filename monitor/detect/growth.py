"""The like-for-like shape of an event: how the same members' trade grows and shrinks over the day.

Top-down curves mix two things: how busy people are, and who happens to be on air. Here each earlier
event is fitted as member × time over the buckets in which the member was on air (`detect.fit`), so
that rooms that opened and closed leave no mark in the shape. Channels and categories have a
deviation of their own, as far as the earlier events agree about it (empirical Bayes). How far apart
the events' growth is in a part of the day, less what counting explains, is the model's error.
Boosts and what follows them are divided out of each event and put back where today plans them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.detect.boosts import ALL, MEMORY, Boosts, Group, group_of
from monitor.detect.event import MEASURES, Bools, Event, Floats, Planned
from monitor.detect.fit import ON_AIR, common, running, settled, smoothed, two_way

__all__ = ["ON_AIR", "RATES", "VOLUMES", "Growth", "learn", "two_way"]

VOLUMES = ("gmv", "orders", "visitors", "impressions", "clicks")
RATES = tuple(m.name for m in MEASURES.values() if m.mix_free)
MADE_OF = {"orders": ("visitors", "conversion"), "gmv": ("orders", "aov")}
SMOOTH, SMOOTH_OWN = 5, 13  # buckets in the mean of a shape; of a group's deviation and of rates
LEAST_GROUP = 5  # members a group needs for a shape of its own
LAG, LAG_RATE = 8, 24  # buckets of growth that errors are measured over: from a level's age to now
NEAR = 36  # buckets over which errors are pooled
ERROR, RUSH_ERROR, OWN_ERROR, RATE_ERROR = 0.03, 0.05, 0.03, 0.03  # prior errors
REFUND_ERROR, REFUND_UNKNOWN = 0.25, 0.3
PRIOR = 4.0  # what they count, in independent measurements
ONE_EVENT, NO_HISTORY, NO_HISTORY_OWN = 1.4, 1.8, 1.4  # factors on them; on groups' and rates'
STEEP = 0.12  # error of growth, as a share of it: what grows fast errs more
RUSH_UNKNOWN = 0.2
LEAST, MOST = 0.015, 0.35
RUSH_HOURS = 24  # buckets of the midnight rush, where events differ most


@dataclass(frozen=True)
class Growth:
    """What to expect of the same members over time; all logs, relative.

    `volume[metric]`: (1 + groups, buckets): the campaign's shape, and by how much each group departs
    from it. `rate[measure]`: (buckets,). `errors[measure]`: (1 + groups, buckets) relative, of growth
    since a level was learned; a group's is beside the campaign's. `error`: the campaign's of traffic.
    `groups`: (dimension, value) of each row but the first. `unknown`: buckets of boosts, and their
    after-effect, that no earlier event had. `level[measure]`: rate of each member key in earlier
    events. `basis`: names of what it rests on.
    """

    volume: Mapping[str, Floats]
    rate: Mapping[str, Floats]
    error: Floats
    groups: tuple[Group, ...]
    unknown: Bools
    basis: tuple[str, ...]
    level: Mapping[str, Mapping[tuple[str, ...], float]] = field(default_factory=dict)
    errors: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        return bool(self.basis)


def learn(pasts: Sequence[Event], plans: Sequence[Planned], buckets: int) -> Growth:
    """The growth of an event with `plans`, of `buckets` buckets, from comparable earlier ones."""
    groups = _groups(pasts, plans)
    volume: dict[str, Floats] = {}
    rate: dict[str, Floats] = {}
    errors: dict[str, Floats] = {}
    unknown = np.zeros(buckets, bool)
    for name in RATES:
        rate[name], errors[name], missing = _rate(pasts, name, plans, groups, buckets)
    for metric in ("visitors", "impressions", "clicks", "orders", "gmv"):
        base, by = MADE_OF.get(metric, ("", ""))
        if base in volume and _has_all(pasts, base, metric):
            volume[metric] = volume[base].copy()
            volume[metric][0] += rate[by]
            errors[metric] = np.sqrt(errors[base] ** 2 + errors[by] ** 2)
            continue
        volume[metric], errors[metric], missing = _volume(pasts, metric, plans, groups, buckets)
        if not pasts or any(_has(p, metric) for p in pasts):
            unknown |= missing
    level = {name: _levels(pasts, name) for name in RATES}
    return Growth(
        volume, rate, errors["visitors"][0], groups, unknown, tuple(p.name for p in pasts), level,
        errors,
    )  # fmt: skip


def _groups(pasts: Sequence[Event], plans: Sequence[Planned]) -> tuple[Group, ...]:
    found = {
        (dim, value)
        for past in pasts
        for dim in ("channel", "category")
        for value in past.dims.get(dim, ())
        if value
    }
    found |= {g for plan in plans if (g := group_of(plan)) and g != ALL}
    return tuple(sorted(found, key=lambda g: (g[0] != "channel", g)))


def _has(event: Event, *metrics: str | None) -> bool:
    return all(
        m is None or (m in event.amounts and np.nansum(event.amounts[m]) > 0) for m in metrics
    )


def _has_all(pasts: Sequence[Event], *metrics: str) -> bool:
    return bool(pasts) and all(_has(p, *metrics) for p in pasts)


# --- volumes ----------------------------------------------------------------------------------------


def _volume(
    pasts: Sequence[Event], metric: str, plans: Sequence[Planned], groups: tuple[Group, ...],
    buckets: int,
) -> tuple[Floats, Floats, Bools]:  # fmt: skip
    """(1 + groups, buckets) shape and errors; (buckets,) where nobody knows a boost."""
    having = [p for p in pasts if _has(p, metric)]
    boosts = Boosts()
    rows: list[list[tuple[Floats, Floats]]] = [[] for _ in range(1 + len(groups))]
    for past in having:
        for row, series in enumerate(_series(past, metric, groups)):
            log, variance = series
            parts = _days(past)
            group = ALL if row == 0 else groups[row - 1]
            log = boosts.taken_out(log, variance, past.plans, group)
            width = SMOOTH if row == 0 else SMOOTH_OWN
            rows[row].append(_fit(*smoothed(log, variance, width, parts), buckets))
    shape, error = np.zeros((1 + len(groups), buckets)), np.zeros((1 + len(groups), buckets))
    unknown = np.zeros(buckets, bool)
    calm = _prior(having[0] if having else None, buckets, len(having))
    for row, found in enumerate(rows):
        prior = calm if row == 0 else calm * (OWN_ERROR / ERROR)
        if row > 0 and not having:
            prior = prior * (NO_HISTORY_OWN / NO_HISTORY)
        shape[row], error[row] = _pooled(found, prior, LAG, shrink=row > 0)
        lift, more, missing = boosts.lift(plans, ALL if row == 0 else groups[row - 1], buckets)
        shape[row] += lift
        error[row] = np.sqrt(error[row] ** 2 + more**2)
        unknown |= missing & (row == 0)
    return shape, error, unknown


def _series(past: Event, metric: str, groups: tuple[Group, ...]) -> list[tuple[Floats, Floats]]:
    """Log shape and its variance, (buckets,) each, of the campaign and of each group beside it."""
    amount = np.where(past.usable[metric], past.amounts[metric], np.nan)
    level, shape, on = two_way(amount)
    expected = np.where(settled(on), level[:, None] * shape, 0.0)
    ratio, variance = common(np.nan_to_num(amount), expected)
    found = [(np.log(shape + _unseen(past, metric)), variance)]
    expected = np.where(settled(on, first=True), expected, 0.0)
    parts = _days(past)
    for dim, value in groups:
        mine = np.array([v == value for v in past.dims.get(dim, ("",) * past.members)])
        if mine.sum() < LEAST_GROUP:
            found.append((np.zeros(past.buckets), np.full(past.buckets, np.inf)))
            continue
        ratio, variance = common(np.nan_to_num(amount[mine]), expected[mine])
        log = np.log(ratio)
        weight = np.where(np.isfinite(variance), 1 / variance, 0.0)
        log = np.where(weight > 0, log - (weight * log).sum() / max(weight.sum(), 1e-9), 0.0)
        found.append((log, variance))
        if dim == "channel":  # what a channel explains is no category's
            own, sure = smoothed(log, variance, SMOOTH_OWN, parts)
            expected[mine] *= np.exp(np.where(np.isfinite(sure), own, 0.0))
    return found


def _unseen(event: Event, metric: str) -> float:
    """Half an event per window, as a share of the mean bucket: what a small shop did not happen to
    sell, so that no hour is thought dead because three evenings had no order in it."""
    counted = "orders" if metric == "gmv" and "orders" in event.amounts else metric
    each = float(np.nansum(event.amounts[counted])) / event.buckets
    return 0.5 / SMOOTH / each if each > 0 else 0.0


# --- rates ------------------------------------------------------------------------------------------


def _rate(
    pasts: Sequence[Event], name: str, plans: Sequence[Planned], groups: tuple[Group, ...],
    buckets: int,
) -> tuple[Floats, Floats, Bools]:  # fmt: skip
    """(buckets,) how a rate runs over the day, (1 + groups, buckets) errors, and what is unknown."""
    measure = MEASURES[name]
    having = [p for p in pasts if _has(p, measure.top, measure.per)]
    boosts, found = Boosts(), []
    for past in having:
        log, variance = _rate_series(past, measure.top, str(measure.per), measure.weight)
        log = boosts.taken_out(log, variance, past.plans, ALL)
        found.append(_fit(*smoothed(log, variance, SMOOTH_OWN, _days(past)), buckets))
    factor = NO_HISTORY_OWN if not having else ONE_EVENT if len(having) == 1 else 1.0
    late = measure.top == "refunds"  # they come hours after the sales that they are held against
    least = RATE_ERROR if not late else REFUND_ERROR if having else REFUND_UNKNOWN
    prior = np.full(buckets, least * factor)
    shape, error = _pooled(found, prior, LAG_RATE, shrink=True)
    lift, more, missing = boosts.lift(plans, ALL, buckets)
    errors = np.repeat(prior[None], 1 + len(groups), axis=0)
    errors[0] = np.sqrt(error**2 + (more if having else more / 2) ** 2)
    for row, group in enumerate(groups, start=1):
        _, more, _ = Boosts().lift(plans, group, buckets)
        errors[row] = np.sqrt(errors[row] ** 2 + (more / 2) ** 2)
    return shape + lift, errors, missing


def _rate_series(past: Event, over: str, under: str, weight: float) -> tuple[Floats, Floats]:
    usable = past.usable[over] & past.usable[under]
    top, per = past.amounts[over], past.amounts[under]
    both = ~np.isnan(top) & ~np.isnan(per) & usable
    top, per = np.where(both, top, 0.0), np.where(both, per, 0.0)
    level = top.sum(axis=1) / np.maximum(per.sum(axis=1), 1e-9)
    shape = np.ones(past.buckets)
    whole = top.sum(axis=0)
    for _ in range(3):
        level = top.sum(axis=1) / np.maximum((per * shape).sum(axis=1), 1e-9)
        due = (level[:, None] * per).sum(axis=0)
        with np.errstate(all="ignore"):
            ratio = running(whole[None], SMOOTH_OWN) / running(due[None], SMOOTH_OWN)
        shape = np.where(np.isfinite(ratio[0]) & (ratio[0] > 0), ratio[0], 1.0)
    # One unit of the top: an order, or what an order is worth.
    one = 1.0
    if over in ("gmv", "refunds"):
        orders = np.nansum(past.amounts["orders"]) if "orders" in past.amounts else 0.0
        one = (1 + weight) / 2 * np.nansum(past.amounts["gmv"]) / max(orders, 1.0)
    known = (whole > 0) & (due > 0)
    log = np.where(known, np.log(np.where(known, whole, 1.0) / np.where(known, due, 1.0)), 0.0)
    return log, np.where(known, one / np.where(known, due, 1.0), np.inf)


def _levels(pasts: Sequence[Event], name: str) -> dict[tuple[str, ...], float]:
    """Each member key's own rate in the earlier events, by the values of its dimensions."""
    measure = MEASURES[name]
    found: dict[tuple[str, ...], list[float]] = {}
    for past in pasts:
        if not _has(past, measure.top, measure.per):
            continue
        top = np.nansum(past.amounts[measure.top], axis=1)
        per = np.nansum(past.amounts[str(measure.per)], axis=1)
        for i, key in enumerate(zip(*past.dims.values(), strict=True)):
            if per[i] > 0 and top[i] > 0:
                found.setdefault(key, []).append(float(top[i] / per[i]))
    return {key: float(np.mean(rates)) for key, rates in found.items()}


# --- several events ---------------------------------------------------------------------------------


def _pooled(
    found: Sequence[tuple[Floats, Floats]], prior: Floats, lag: int, shrink: bool
) -> tuple[Floats, Floats]:
    """Mean of the events' logs (buckets,), and the error of growth over `lag` buckets.

    `found`: log and variance of each. `shrink`: draw what the events do not agree about to 0.
    """
    buckets = len(prior)
    if not found:
        return np.zeros(buckets), prior
    logs, variances = np.stack([f[0] for f in found]), np.stack([f[1] for f in found])
    told, events = np.isfinite(variances), len(found)
    weight = np.where(told, 1.0 / (np.where(told, variances, 1.0) + prior**2), 0.0)
    total = weight.sum(axis=0)
    mean = np.where(total > 0, (weight * logs).sum(axis=0) / np.where(total > 0, total, 1.0), 0.0)
    noise = np.where(total > 0, 1.0 / np.where(total > 0, total, 1.0), np.inf)
    mean = _filled(mean, noise)
    if shrink:
        doubt = np.where(np.isfinite(noise), noise, prior**2)
        signal = np.maximum(_near(mean**2 - doubt), 0.0)
        mean = mean * signal / (signal + doubt)
    if events < 2:
        return mean, prior if shrink else np.sqrt(prior**2 + (STEEP * steepest(mean)) ** 2)
    steep = np.sqrt(prior**2 + (STEEP * steepest(mean)) ** 2) if not shrink else prior
    apart, some = np.zeros(buckets), np.zeros(buckets)
    for log, variance in zip(logs, variances, strict=True):
        both = np.isfinite(variance[lag:]) & np.isfinite(variance[:-lag])
        off = (log[lag:] - log[:-lag]) - (mean[lag:] - mean[:-lag])
        chance = np.where(both, variance[lag:] + variance[:-lag], 0.0) * (1 - 1 / events)
        apart[lag:] += np.where(both, (np.minimum(off**2, 9 * steep[lag:] ** 2) - chance), 0) / (
            steep[lag:] ** 2
        )
        some[lag:] += both
    many = _near(some)
    with np.errstate(all="ignore"):
        each = events / (events - 1) * np.maximum(_near(apart), 0.0) / many
    each = np.where(many > 0, each, 1.0)
    sure = PRIOR * (events - 1)
    error = steep * np.sqrt((PRIOR + sure * each) / (PRIOR + sure))
    return mean, np.clip(error, LEAST, MOST)


def steepest(log: Floats) -> Floats:
    """(buckets,) the largest change from one of the MEMORY buckets before."""
    change = np.zeros(len(log))
    for back in range(1, MEMORY + 1):
        change[back:] = np.maximum(change[back:], np.abs(log[back:] - log[:-back]))
    return np.minimum(change, 1.5)


def _filled(log: Floats, noise: Floats) -> Floats:
    known = np.flatnonzero(np.isfinite(noise))
    if not len(known):
        return np.zeros_like(log)
    return np.asarray(np.interp(np.arange(len(log)), known, log[known]))


def _near(values: Floats) -> Floats:
    """Running mean over NEAR buckets."""
    both = running(np.stack([values, np.ones(len(values))]), NEAR + 1)
    return np.asarray(both[0] / both[1])


def _prior(event: Event | None, buckets: int, events: int) -> Floats:
    """(buckets,) error before anything is measured: larger in the two hours after each midnight."""
    factor: float | Floats = (NO_HISTORY, ONE_EVENT)[events] if events < 2 else 1.0
    error = np.full(buckets, ERROR)
    error[:RUSH_HOURS] = RUSH_ERROR
    if event is not None:
        minute = (event.minute + np.arange(buckets) * event.bucket_min) % 1440
        error[minute < RUSH_HOURS * event.bucket_min] = RUSH_ERROR
    if events == 0:  # how a rush dies away, nobody can know
        factor = np.where(error > ERROR, RUSH_UNKNOWN / RUSH_ERROR, factor)
    return error * factor


def _days(event: Event) -> np.ndarray:
    """(buckets,) number of the local day."""
    return ((event.minute + np.arange(event.buckets) * event.bucket_min) // 1440).astype(np.int64)


def _fit(log: Floats, variance: Floats, buckets: int) -> tuple[Floats, Floats]:
    """As many buckets as today has: cut, or the last known day again."""
    day = 288
    while len(log) < buckets:
        if len(log) >= day:
            log, variance = np.r_[log, log[-day:]], np.r_[variance, variance[-day:]]
        else:
            rest = buckets - len(log)
            log, variance = np.r_[log, np.zeros(rest)], np.r_[variance, np.full(rest, np.inf)]
    return log[:buckets], variance[:buckets]
