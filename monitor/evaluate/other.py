"""Healthy days that the product's simulator did not make: the second family of set B.

Nothing here is shared with `monitor/simulate`: another cast, other curves, correlated noise, rooms
at any minute, unplanned sales, newcomers, levels that change by a third from event to event, and
payday events of five days. What makes them hard is meant to be what makes real days hard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.detect.event import Bools, Event, Floats, Ints, Planned
from monitor.evaluate.airtime import Room, on_air, rooms_of
from monitor.evaluate.case import Day, Noise, Truth
from monitor.evaluate.tides import (
    DAY_MIN,
    KNOT_HOURS,
    FlashSale,
    ar1,
    daily,
    per_bucket,
    rush,
    spline,
    wander,
)
from monitor.evaluate.world import (
    CATEGORIES,
    CHANNELS,
    CONVERSION_KNOTS,
    LIVE,
    STARS,
    World,
    make_world,
)

BUCKET_MIN = 5
MEMBER_MEMORY, GROUP_MEMORY = 0.7, 0.9
CHANNEL_SD, ALL_SD = 0.025, 0.02
TRAFFIC_PART = 0.65  # of a flash sale's factor; the rest is conversion
REFUND_RATE, REFUND_HOURS = 0.03, 6.0
LEVEL_SD = 0.30  # of a creator's sales from event to event
MIX_SD = 0.20  # of a channel's
MOST_CONVERSION = 0.3
MOST_LEVELLED = 3.0
LIVE_LIFT = 4.0  # live sells only while on air, which is a fifth of the day
PAYDAY_DAYS = 5
PAYDAY_LEVELS = np.array([1.35, 0.85, 0.75, 0.85, 1.25])


def day_and_pasts(seed: int) -> tuple[Day, tuple[Event, ...]]:
    """A strong or mild day, or every fourth time a payday of five days, and two or three pasts."""
    rng = np.random.default_rng([seed, 4400])
    days = days_of(seed)
    pasts = int(rng.integers(2, 4))
    world = make_world(rng, days, strong=bool(rng.random() < 0.5), pasts=pasts)
    events = [healthy(world, edition, seed).event for edition in range(pasts)]
    return healthy(world, pasts, seed), tuple(events)


def days_of(seed: int) -> int:
    """Every fourth event is a payday, as among the campaign-days of the field study."""
    return PAYDAY_DAYS if seed % 4 == 3 else 1


@dataclass(frozen=True)
class _Edition:
    """What is this event's own: who takes part, which rooms and sales, how much."""

    part: Bools
    rooms: list[Room]
    sales: Sequence[FlashSale]
    weekday: int


def healthy(world: World, edition: int, seed: int) -> Day:
    """One edition of a world's event; dimensions channel × category × creator_id."""
    rng = np.random.default_rng([seed, 4401, edition])
    own = _edition(world, edition, rng)
    visitors, conversion, aov = _means(world, own, rng)
    part = own.part
    dims = {
        "channel": tuple(CHANNELS[i] for i in world.channel[part]),
        "category": tuple(CATEGORIES[i] for i in world.category[part]),
        "creator_id": tuple(f"cr{i:04d}" for i in world.creator[part]),
    }
    noises = (
        Noise(np.arange(int(part.sum())), world.noise_sd[part], MEMBER_MEMORY),
        Noise(world.channel[part], np.full(len(CHANNELS), CHANNEL_SD * world.unrest), GROUP_MEMORY),
        Noise(np.zeros(int(part.sum()), np.int64), np.array([ALL_SD * world.unrest]), GROUP_MEMORY),
    )
    truth = Truth(visitors, conversion, aov, world.value_cv, noises)
    amounts = _draw(truth, world.ctr[part], rng)
    event = Event(
        name=f"edition-{edition}",
        dims=dims,
        amounts=amounts,
        usable={name: np.ones(visitors.shape[1], bool) for name in amounts},
        plans=_plans(own),
        bucket_min=float(BUCKET_MIN),
        weekday=own.weekday,
    )
    return Day(event, truth)


def _edition(world: World, edition: int, rng: np.random.Generator) -> _Edition:
    present = (world.debut <= edition) & (edition < world.gone)
    shows = tuple(
        replace(show, start_min=max(show.start_min + int(rng.integers(-1, 2)) * 15, 0))
        for show in world.shows
        if present[show.host]
    )
    rooms = rooms_of(np.where(present, world.rooms_a_day, 0), shows, world.days, rng)
    return _Edition(present[world.creator], rooms, _sales(world, rng), int(rng.integers(7)))


def _sales(world: World, rng: np.random.Generator) -> list[FlashSale]:
    """The usual sales, a few moved, dropped or new, and now and then one that nobody planned."""
    sales = []
    for date in range(world.days):
        usual = [s for s in world.sales if rng.random() > 0.15]
        if rng.random() < 0.15:
            hour = int(rng.integers(3, 23))
            scope = (("category", CATEGORIES[int(rng.integers(len(CATEGORIES)))]),)
            usual.append(FlashSale("surprise sale", hour * 60, hour * 60 + 60, 1.6, 0.1, 25, scope))
        if rng.random() < 0.25:
            start = int(rng.integers(120, 1320))
            scope = (("category", CATEGORIES[int(rng.integers(len(CATEGORIES)))]),)
            lasts = int(rng.integers(15, 61))
            lift = float(rng.uniform(1.3, 1.8))
            usual.append(FlashSale("", start, start + lasts, lift, 0.1, 20, scope, planned=False))
        for sale in usual:
            moved = date * DAY_MIN + (int(rng.choice([-60, 60])) if rng.random() < 0.15 else 0)
            lift = (sale.factor - 1) * float(rng.lognormal(0, 0.15)) + 1
            start = min(max(sale.start_min + moved, date * DAY_MIN), world.days * DAY_MIN - 30)
            end = start + sale.end_min - sale.start_min
            sales.append(replace(sale, start_min=start, end_min=end, factor=lift))
    return sales


def _means(world: World, own: _Edition, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """True visitors, conversion and order value of everybody who takes part, (members, buckets)."""
    part, minutes = own.part, world.days * DAY_MIN
    channel, category = world.channel[part], world.category[part]
    creator = world.creator[part]
    weekend = np.array([(own.weekday + date) % 7 >= 5 for date in range(world.days)])
    levels = PAYDAY_LEVELS if world.days == PAYDAY_DAYS else np.ones(world.days)
    levels = levels * rng.lognormal(0, 0.06, world.days)
    peaks = world.peak * (levels / levels.max()) ** 2 * rng.lognormal(0, 0.12, world.days)
    common = daily(world.bend, weekend)[0]
    common *= rush(world.days, np.maximum(peaks, 1.2), world.hours, world.power)
    common *= np.repeat(levels, DAY_MIN) * wander(1, minutes, 180, 0.05, rng)[0]
    by_channel = np.exp(_daily_bend(world.channel_bend, world.days))
    by_channel *= wander(len(CHANNELS), minutes, 180, 0.035, rng)
    by_category = np.exp(_daily_bend(world.category_bend, world.days))
    by_category *= wander(len(CATEGORIES), minutes, 180, 0.03, rng)
    by_creator = wander(len(world.size), minutes, 240, 0.05, rng)
    air = on_air(own.rooms, len(world.size), minutes, rng)

    level = world.size * np.exp(LEVEL_SD * np.clip(rng.standard_normal(len(world.size)), -2, 2))
    level[:STARS] = world.size[:STARS] * rng.uniform(0.8, 1.2, STARS)
    mix = rng.lognormal(0, MIX_SD, len(CHANNELS))
    money = level[creator] * world.split[part] * mix[channel] * rng.lognormal(0, 0.1, part.sum())
    mood = rng.lognormal(0, 0.06, len(world.size))
    air, common, by_channel, by_category, by_creator = (
        per_bucket(curve, BUCKET_MIN)
        for curve in (air, common, by_channel, by_category, by_creator)
    )
    shape = common * by_channel[channel] * by_category[category] * by_creator[creator]
    shape = np.where((channel == LIVE)[:, None], LIVE_LIFT * shape * air[creator], shape)
    lift = _lift(own, category, minutes)
    conversion = (world.conversion[part] * mood[creator])[:, None] * _by_hour(
        world.conversion_bend, world.days, 0.15, rng
    )
    aov = world.aov[part][:, None] * _by_hour(world.aov_bend, world.days, 0.05, rng)
    visitors = shape * (money / (world.conversion[part] * world.aov[part]))[:, None]
    visitors = visitors * lift**TRAFFIC_PART
    visitors *= _levelled(visitors * conversion * aov, creator, level)[creator][:, None]
    conversion = np.minimum(conversion * lift ** (1 - TRAFFIC_PART), MOST_CONVERSION)
    orders = world.orders * float(levels.sum()) * float(rng.lognormal(0, 0.25))
    visitors *= orders / (visitors * conversion).sum()
    return visitors, conversion, aov


def _levelled(money: Floats, creator: Ints, level: Floats) -> Floats:
    """(creators,) factors that bring everybody near their level, however long they were on air."""
    got = np.bincount(creator, money.sum(axis=1), len(level))
    want = np.where(got > 0, level, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(got > 0, (want / want.sum()) / (got / got.sum()), 1.0)
    return np.clip(factor, 1 / MOST_LEVELLED, MOST_LEVELLED)


def _daily_bend(bend: Floats, days: int) -> Floats:
    """(rows, minutes) the same bend every day."""
    once = spline((np.arange(DAY_MIN) + 0.5) / 60, KNOT_HOURS, bend)
    return np.tile(once, (1, days))


def _by_hour(bend: Floats, days: int, rush_lift: float, rng: np.random.Generator) -> Floats:
    """(1, buckets) conversion's or order value's own way through the days, highest at midnight."""
    knots = np.linspace(0, 24, CONVERSION_KNOTS)
    at = (np.arange(DAY_MIN) + 0.5) / 60
    once = spline(at, knots, bend + rng.normal(0, 0.015, bend.shape))
    curve = np.exp(np.tile(once, (1, days)))
    curve[0] *= 1 + rush_lift / (1 + ((np.arange(days * DAY_MIN) + 0.5) / 45) ** 2)
    return per_bucket(curve, BUCKET_MIN)


def _lift(own: _Edition, category: Ints, minutes: int) -> Floats:
    """(members, buckets) the factor of all flash sales."""
    lift = np.ones((len(category), minutes // BUCKET_MIN))
    for sale in own.sales:
        only = dict(sale.scope).get("category")
        hit = category == CATEGORIES.index(only) if only else np.ones(len(category), bool)
        lift[hit] *= per_bucket(sale.curve(minutes), BUCKET_MIN)
    return lift


def _plans(own: _Edition) -> tuple[Planned, ...]:
    plans = [
        Planned(s.name, s.start_min // BUCKET_MIN, -(-s.end_min // BUCKET_MIN), dict(s.scope))
        for s in own.sales
        if s.planned
    ]
    for room in own.rooms:
        if room.planned:
            first, end = room.start_min // 15 * 3, -(-room.end_min // 15) * 3
            plans.append(Planned("live show", first, end, {"creator_id": f"cr{room.host:04d}"}))
    return tuple(sorted(plans, key=lambda plan: (plan.first, plan.name)))


def _draw(truth: Truth, ctr: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """What happened: whole visitors, orders, clicks and impressions, money in cents."""
    buckets = truth.visitors.shape[1]
    mean = truth.visitors.copy()
    for noise in truth.noises:
        mean *= ar1(len(noise.sd), buckets, noise.sd, noise.memory, rng)[noise.group]
    visitors = rng.poisson(mean)
    orders = rng.binomial(visitors, truth.conversion)
    clicks = visitors + rng.poisson(mean * 0.22)
    impressions = clicks + rng.poisson(mean * (1.22 / ctr - 1.22)[:, None])
    kernel = np.exp(-np.arange(buckets) * BUCKET_MIN / 60 / REFUND_HOURS)
    kernel *= REFUND_RATE / kernel.sum()
    sold = truth.visitors * truth.conversion
    due = np.stack([np.convolve(row, kernel)[:buckets] for row in sold])
    returned = rng.poisson(np.maximum(due, 0))
    return {
        "gmv": _money(orders, truth, rng),
        "orders": orders.astype(float),
        "visitors": visitors.astype(float),
        "impressions": impressions.astype(float),
        "clicks": clicks.astype(float),
        "refunds": _money(returned, truth, rng),
    }


def _money(count: Ints, truth: Truth, rng: np.random.Generator) -> Floats:
    """Every order's own lognormal value, summed, (members, buckets)."""
    spread = np.log1p(truth.value_cv**2)
    flat = np.asarray(count, np.int64).ravel()
    each = np.repeat(np.arange(len(flat)), flat)
    value = rng.lognormal(-spread / 2, np.sqrt(spread), len(each)) * truth.aov.ravel()[each]
    sums: Floats = np.bincount(each, np.round(value, 2), len(flat)).astype(np.float64)
    return np.round(sums, 2).reshape(truth.visitors.shape)
