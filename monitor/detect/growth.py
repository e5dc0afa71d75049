"""The like-for-like shape of an event: how the same members' trade grows and shrinks over the day.

Top-down curves mix two things: how busy people are, and who happens to be on air. Here each earlier
event is fitted as member × time, x(k, b) ≈ a(k) · s(b), over the buckets in which the member was on
air (iterative proportional fitting, as in a chain index of same-store sales), so that rooms that
opened and closed leave no mark in s. Earlier events are averaged geometrically; how far apart their
growth is in an hour is the model's error. Boosts and what follows them are divided out of each event
by name and put back where today plans them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.detect.event import MEASURES, Bools, Event, Floats, Planned

VOLUMES = ("gmv", "orders", "visitors", "impressions", "clicks")
RATES = tuple(m.name for m in MEASURES.values() if m.mix_free)
ON_AIR = 0.25  # of its own level: below it a member is taken to be off air
SMOOTH = 5  # buckets in the centred mean of a shape: 25 minutes
SMOOTH_OWN = 13  # of a channel's deviation from the campaign, and of rates: an hour
FILLING = 6  # buckets in which a room fills
LEAST_GROUP = 5  # members a channel needs for a shape of its own
SPREAD = 0.15  # of a member about the shape: so that no star decides it alone
HOUR = 12
LAG = 8  # buckets of growth that the model's error is measured over: from a baseline to now
LEAST_ERROR, ONE_EVENT_ERROR, NO_HISTORY_ERROR = 0.025, 0.04, 0.08
RUSH_HOURS, RUSH_ERROR = 24, 0.06  # buckets of the midnight rush, where events differ most
BEFORE, AFTER = 6, 12  # buckets before a boost, and those its after-effect lasts


@dataclass(frozen=True)
class Growth:
    """What to expect of the same members over time; all logs, relative.

    `volume[metric]`: (groups, buckets). `rate[measure]`: (buckets,). `error`: (buckets,) relative,
    of growth over less than an hour. `groups`: channel of each row but the first, which is the
    campaign's. `unknown`: buckets of boosts, and their after-effect, that no earlier event had.
    `level[measure]`: rate of each member key in earlier events. `basis`: names of what it rests on.
    """

    volume: Mapping[str, Floats]
    rate: Mapping[str, Floats]
    error: Floats
    groups: tuple[str, ...]
    unknown: Bools
    basis: tuple[str, ...]
    level: Mapping[str, Mapping[tuple[str, ...], float]] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        return bool(self.basis)


def learn(pasts: Sequence[Event], plans: Sequence[Planned], buckets: int) -> Growth:
    """The growth of an event with `plans`, of `buckets` buckets, from comparable earlier ones."""
    groups = tuple(sorted({c for p in pasts for c in p.dims.get("channel", ()) if c}))
    unknown = np.zeros(buckets, bool)
    if not pasts:
        nothing = np.zeros((1, buckets))
        return Growth(
            dict.fromkeys(VOLUMES, nothing), dict.fromkeys(RATES, nothing[0]),
            np.full(buckets, NO_HISTORY_ERROR), (), unknown, (),
        )  # fmt: skip
    volume: dict[str, Floats] = {}
    errors = []
    for metric in VOLUMES:
        each = [_volume(p, metric, groups) for p in pasts if _has(p, metric)]
        if not each:
            volume[metric] = np.zeros((1 + len(groups), buckets))
            continue
        boosts = _Boosts()
        plain = []
        for past, log in zip([p for p in pasts if _has(p, metric)], each, strict=True):
            plain.append(_fit(boosts.taken_out(_smoothed(log, SMOOTH), past.plans), buckets))
        stack = np.stack(plain)
        mean = _nanmean(stack)
        mean, missing = boosts.put_back(mean, plans)
        unknown |= missing
        volume[metric] = np.nan_to_num(mean)
        if metric in ("visitors", "orders", "impressions"):
            errors.append(_disagreement(stack[:, 0]))
    rate = {}
    for name in RATES:
        each = [_rate(p, name) for p in pasts if _has(p, MEASURES[name].top, MEASURES[name].per)]
        mean = _nanmean(np.stack([_fit(e[None], buckets)[0] for e in each])) if each else None
        rate[name] = np.zeros(buckets) if mean is None else np.nan_to_num(mean)
    floor = np.full(buckets, ONE_EVENT_ERROR if len(pasts) == 1 else LEAST_ERROR)
    floor[_rush(pasts[0], buckets)] = RUSH_ERROR
    error = np.maximum(floor, np.nanmax(errors, axis=0) if errors else 0.0)
    level = {name: _levels(pasts, name) for name in RATES}
    return Growth(volume, rate, error, groups, unknown, tuple(p.name for p in pasts), level)


def _rush(event: Event, buckets: int) -> Bools:
    """(buckets,) the two hours after the start and after every midnight of a longer event."""
    minute = (event.minute + np.arange(buckets) * event.bucket_min) % 1440
    found = minute < RUSH_HOURS * 5
    found[:RUSH_HOURS] = True
    return np.asarray(found)


# --- one earlier event ------------------------------------------------------------------------------


def _has(event: Event, *metrics: str | None) -> bool:
    return all(
        m is None or (m in event.amounts and np.nansum(event.amounts[m]) > 0) for m in metrics
    )


def _unseen(event: Event, metric: str) -> float:
    """Half an event per window, as a share of the mean bucket: what a small shop did not happen to
    sell, so that no hour is thought dead because three evenings had no order in it."""
    counted = "orders" if metric == "gmv" and "orders" in event.amounts else metric
    each = float(np.nansum(event.amounts[counted])) / event.buckets
    return 0.5 / SMOOTH / each if each > 0 else 0.0


def _volume(event: Event, metric: str, groups: tuple[str, ...]) -> Floats:
    """(1 + groups, buckets) log shape of the same members; NaN where nobody tells."""
    amount = np.where(event.usable[metric], event.amounts[metric], np.nan)
    level, shape, on = two_way(amount)
    channel = np.array(event.dims.get("channel", ("",) * event.members))
    rows = [np.log(shape + _unseen(event, metric))]
    expected = level[:, None] * shape * _settled(on, first=True)
    for group in groups:
        mine = channel == group
        own = np.zeros_like(shape)
        if mine.sum() >= LEAST_GROUP:
            ratio, sure = _common(amount[mine], expected[mine])
            own = _smoothed(np.log(ratio)[None], SMOOTH_OWN)[0] * sure
        rows.append(rows[0] + _carried(own))
    return np.stack(rows)


def two_way(amount: Floats, rounds: int = 6) -> tuple[Floats, Floats, Bools]:
    """Fit (members, buckets) as level × shape over the buckets where each member is on air.

    Gives level (members,), shape (buckets,) with mean 1, on (members, buckets).
    """
    known = ~np.isnan(amount)
    value = np.where(known, amount, 0.0)
    shape = np.maximum(value.sum(axis=0), 1e-9)
    shape = shape / shape.mean()
    on = known & (value > 0)
    for turn in range(rounds):
        due = np.where(on, shape, 0.0).sum(axis=1)
        level = np.where(due > 0, np.where(on, value, 0.0).sum(axis=1) / np.maximum(due, 1e-12), 0)
        expected = level[:, None] * shape
        if turn >= 1:  # where a member brings a quarter of its usual, it is off air
            wide = _running(value, 3)
            on = known & (wide >= ON_AIR * _running(np.where(known, expected, 0.0), 3))
            on &= level[:, None] > 0
            due = np.where(on, shape, 0.0).sum(axis=1)
            top = np.where(on, value, 0.0).sum(axis=1)
            level = np.where(due > 0, top / np.maximum(due, 1e-12), 0.0)
            expected = level[:, None] * shape
        ratio, _ = _common(value, np.where(_settled(on), expected, 0.0))
        shape = shape * np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0)
        shape = shape / shape.mean()
    return level, np.maximum(shape, 1e-9), on


def _settled(on: Bools, first: bool = False) -> Bools:
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


def _common(value: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """By how much the members together differ from expected: ratio, and how much it can be trusted.

    Weighted by what each member can tell: counting noise and a spread of its own.
    """
    with np.errstate(all="ignore"):
        weight = np.where(expected > 0, 1.0 / (1.0 / expected + SPREAD**2), 0.0)
        ratio = np.where(expected > 0, value / np.where(expected > 0, expected, 1.0), 0.0)
        total = np.nansum(weight, axis=0)
        mean = np.nansum(weight * np.minimum(ratio, 4.0), axis=0) / total
        variance = 1.0 / np.maximum(total, 1e-9)
        sure = 0.05**2 / (0.05**2 + variance / SMOOTH_OWN)
        return np.where((mean > 0) & (total > 0), mean, np.nan), sure


def _rate(event: Event, name: str) -> Floats:
    """(buckets,) log of how a rate runs over the day, given each member's own rate."""
    measure = MEASURES[name]
    assert measure.per is not None
    usable = event.usable[measure.top] & event.usable[measure.per]
    top = np.where(usable, event.amounts[measure.top], np.nan)
    per = np.where(usable, event.amounts[measure.per], np.nan)
    both = ~np.isnan(top) & ~np.isnan(per)
    top, per = np.where(both, top, 0.0), np.where(both, per, 0.0)
    shape = np.ones(event.buckets)
    for _ in range(3):
        level = top.sum(axis=1) / np.maximum((per * shape).sum(axis=1), 1e-9)
        due = (level[:, None] * per * shape).sum(axis=0)
        with np.errstate(all="ignore"):
            ratio = _running(top.sum(axis=0)[None], SMOOTH_OWN) / _running(due[None], SMOOTH_OWN)
        shape = shape * np.where(np.isfinite(ratio[0]) & (ratio[0] > 0), ratio[0], 1.0)
    with np.errstate(all="ignore"):
        return np.log(shape)


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


# --- boosts -----------------------------------------------------------------------------------------


class _Boosts:
    """What planned boosts did to the shape, by name: inside, and in the hour after.

    Only those that concern everybody: a single creator's show is that member's session.
    """

    def __init__(self) -> None:
        self.found: dict[str, list[tuple[Floats, Floats]]] = {}

    def taken_out(self, log: Floats, plans: Sequence[Planned]) -> Floats:
        """`log` (groups, buckets) without them."""
        out = log.copy()
        for plan in plans:
            first, end = max(plan.first, 0), min(plan.end, log.shape[1])
            if plan.scope or end <= first:
                continue
            stop = min(end + AFTER, log.shape[1])
            left = out[0, max(first - BEFORE, 0) : first]
            right = out[0, stop : stop + BEFORE]
            ends = [
                np.nanmean(s) if len(s) and not np.isnan(s).all() else np.nan for s in (left, right)
            ]
            low, high = (ends[0] if np.isnan(e) else e for e in ends)
            low = high if np.isnan(low) else low
            if np.isnan(low):
                continue
            line = np.linspace(low, high, stop - first)
            lift = np.nan_to_num(out[0, first:stop] - line)
            inside, after = lift[: end - first], lift[end - first :]
            self.found.setdefault(plan.name.strip().lower(), []).append((inside, after))
            out[:, first:stop] -= lift
        return out

    def put_back(self, log: Floats, plans: Sequence[Planned]) -> tuple[Floats, Bools]:
        """`log` with today's, and the buckets of those that nobody knows."""
        out, unknown = log.copy(), np.zeros(log.shape[1], bool)
        for plan in plans:
            first, end = max(plan.first, 0), min(plan.end, log.shape[1])
            if plan.scope or end <= first:
                continue
            stop = min(end + AFTER, log.shape[1])
            seen = self.found.get(plan.name.strip().lower())
            if not seen:
                unknown[first:stop] = True
                continue
            inside = np.mean([_stretched(a, end - first) for a, _ in seen], axis=0)
            after = np.mean([_padded(b, stop - end) for _, b in seen], axis=0)
            out[:, first:end] += inside
            out[:, end:stop] += after
        return out, unknown


def _stretched(profile: Floats, buckets: int) -> Floats:
    if len(profile) == buckets:
        return profile
    at = np.linspace(0, max(len(profile) - 1, 0), buckets)
    return np.asarray(np.interp(at, np.arange(len(profile)), profile))


def _padded(profile: Floats, buckets: int) -> Floats:
    return np.concatenate([profile, np.zeros(buckets)])[:buckets]


# --- arrays -----------------------------------------------------------------------------------------


def _fit(log: Floats, buckets: int) -> Floats:
    """As many buckets as today has: cut, or the last known day again, else NaN."""
    have = log.shape[1]
    if have >= buckets:
        return log[:, :buckets]
    day = 24 * HOUR
    rest = [log]
    while have < buckets:
        more = log[:, -day:] if log.shape[1] >= day else np.full((len(log), day), np.nan)
        rest.append(more)
        have += more.shape[1]
    return np.concatenate(rest, axis=1)[:, :buckets]


def _running(values: Floats, width: int) -> Floats:
    """Centred sum along the last axis, shorter at the ends."""
    half = width // 2
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(half + 1, half)])
    sums = np.cumsum(padded, axis=-1)
    return np.asarray(sums[..., width:] - sums[..., :-width])


def _smoothed(log: Floats, width: int) -> Floats:
    """Centred mean of logs along the last axis; narrower at the ends, so that a rush stays steep."""
    known = ~np.isnan(log)
    buckets = log.shape[1]
    place = np.arange(buckets)
    reach = np.minimum(np.minimum(place, buckets - 1 - place), width // 2)
    low, high = place - reach, place + reach + 1
    sums = np.concatenate([np.zeros((len(log), 1)), np.cumsum(np.where(known, log, 0), 1)], 1)
    counts = np.concatenate([np.zeros((len(log), 1)), np.cumsum(known, 1)], 1)
    count = counts[:, high] - counts[:, low]
    with np.errstate(all="ignore"):
        return np.asarray(np.where(count > 0, (sums[:, high] - sums[:, low]) / count, np.nan))


def _carried(log: Floats) -> Floats:
    """(buckets,) unknown ones as the nearest known; 0 where none is."""
    known = np.flatnonzero(~np.isnan(log))
    if not len(known):
        return np.zeros_like(log)
    return np.asarray(np.interp(np.arange(len(log)), known, log[known]))


def _nanmean(stack: Floats) -> Floats:
    """Mean over the first axis, each event first brought to the same height where all are known."""
    known = ~np.isnan(stack)
    count = known.sum(axis=0)
    with np.errstate(all="ignore"):
        return np.asarray(np.where(known, stack, 0).sum(axis=0) / np.where(count, count, np.nan))


def _disagreement(logs: Floats) -> Floats:
    """(buckets,) how far apart the events' growth over LAG buckets is in each hour (MAD)."""
    events, buckets = logs.shape
    if events < 2:
        return np.zeros(buckets)
    grown = np.full_like(logs, np.nan)
    grown[:, LAG:] = logs[:, LAG:] - logs[:, :-LAG]
    apart = np.abs(grown - _nanmean(grown)) * np.sqrt(events / (events - 1))
    error = np.zeros(buckets)
    for first in range(0, buckets, HOUR):
        block = apart[:, first : first + HOUR]
        if not np.isnan(block).all():
            error[first : first + HOUR] = 1.4826 * np.nanmedian(block)
    return np.minimum(error, 0.3)
