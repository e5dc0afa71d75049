"""One simulated sale day: seeded, clockless, and made of whole counts and cents.

Every 5-minute step is a function of (seed, campaign, step) alone, so that a day can be produced in
pieces, in any order, and for 50 000 creators without holding it in memory.

Incidents *thin* what the healthy day drew (each visitor or order is kept with a chance) instead of
drawing again with a lower rate: statistically the same, but everything outside the incident stays
identical to the healthy day to the cent, so that the money lost is known exactly.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from monitor.campaigns.words import METRICS
from monitor.simulate import curve
from monitor.simulate.cast import (
    CATEGORIES,
    CHANNEL_CONVERSION,
    CHANNEL_WEIGHT,
    CHANNELS,
    Creator,
)
from monitor.simulate.curve import Boost, Floats
from monitor.simulate.rooms import LiveRoom, OnAir, schedule

Ints = NDArray[np.int64]

STEP_MIN = 5
STEPS = curve.DAY_MIN // STEP_MIN
GMV, ORDERS, ITEMS, VISITORS, IMPRESSIONS, CLICKS, REFUNDS, COMMISSION = range(len(METRICS))
ORDER_VALUE_CV = 0.8
MAX_CONVERSION = 0.25


class Key(NamedTuple):
    """The grain of the simulated feed."""

    channel: str
    category: str
    creator_id: str


@dataclass(frozen=True)
class Incident:
    """Something that breaks: `depth` of the metric is gone in `scope` during [start, end)."""

    start: datetime
    end: datetime
    scope: Mapping[str, str] = field(default_factory=dict)
    metric: Literal["visitors", "conversion", "aov"] = "visitors"
    depth: float = 0.6

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("an incident's start and end need an offset")
        if self.end <= self.start:
            raise ValueError(f"incident end {self.end} is not after its start {self.start}")
        if not 0 < self.depth <= 1:
            raise ValueError(f"incident depth = {self.depth}: a share above 0, at most 1")
        if self.metric not in ("visitors", "conversion", "aov"):
            raise ValueError(f"incident metric {self.metric!r}: visitors, conversion or aov")
        unknown = set(self.scope) - set(Key._fields)
        if unknown:
            raise ValueError(f"incident scope {sorted(unknown)}: known are {Key._fields}")


@dataclass(frozen=True)
class EventSpec:
    """What a simulated campaign day is made from. `start` is its local midnight."""

    campaign_id: str
    name: str
    start: datetime
    gmv_rm: int
    creators: tuple[Creator, ...]
    boosts: tuple[Boost, ...] = ()
    shows: tuple[LiveRoom, ...] = ()
    incidents: tuple[Incident, ...] = ()
    compare_with: tuple[str, ...] = ()
    target_rm: int | None = None
    kind: str = "double_digit"
    market: str = "MY"
    seed: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.start.tzinfo, ZoneInfo):
            raise ValueError("an event's start needs a ZoneInfo time zone")

    def rng(self, *purpose: int) -> np.random.Generator:
        """Random numbers of this event for one purpose, independent of all other purposes."""
        return np.random.default_rng([self.seed, zlib.crc32(self.campaign_id.encode()), *purpose])

    def instant(self, minute: float) -> datetime:
        """The instant `minute` minutes after the start, written in the campaign's zone."""
        at = self.start.astimezone(UTC) + timedelta(minutes=minute)
        return at.astimezone(self.start.tzinfo)

    @property
    def end(self) -> datetime:
        return self.instant(curve.DAY_MIN)


@dataclass(frozen=True, eq=False)
class Event:
    """A built event. `step(i)` draws one step; arrays are [key], [channel, step] or [step]."""

    spec: EventSpec
    keys: tuple[Key, ...]
    rooms: tuple[LiveRoom, ...]
    on_air: OnAir
    creator: NDArray[np.intp]
    channel: NDArray[np.intp]
    category: NDArray[np.intp]
    visitors: Floats
    conversion: Floats
    aov_cents: Floats
    gamma_shape: Floats
    commission_rate: Floats
    drift: Floats
    channel_curve: Floats
    category_curve: Floats
    conversion_curve: Floats
    aov_curve: Floats

    def expected(self, step: int) -> tuple[Floats, Floats, Floats]:
        """Mean visitors, conversion and order value (cents) per key in a healthy step."""
        live = self.channel == CHANNELS.index("live")
        on_air = self.on_air.during(step * STEP_MIN, (step + 1) * STEP_MIN)
        amp, period_min, phase = self.drift
        drift = np.exp(amp * np.sin(2 * np.pi * (step * STEP_MIN / period_min + phase)))
        visitors = self.visitors * drift * self.channel_curve[self.channel, step]
        visitors = visitors * self.category_curve[self.category, step]
        visitors = np.where(live, visitors * on_air[self.creator], visitors)
        conversion = np.minimum(self.conversion * self.conversion_curve[step], MAX_CONVERSION)
        return visitors, conversion, self.aov_cents * self.aov_curve[step]

    def step(self, step: int) -> Ints:
        """What happened in one step: [key, metric] in the order of METRICS, money in cents."""
        visitors_mean, conversion, aov_cents = self.expected(step)
        rng, n = self.spec.rng(1, step), len(self.keys)
        noise = rng.standard_gamma(self.gamma_shape) / self.gamma_shape
        mean = visitors_mean * noise
        visitors = rng.poisson(mean)
        extra_clicks = rng.poisson(mean * 0.14)
        unclicked = rng.poisson(mean * 17.0)
        orders = rng.binomial(visitors, conversion)
        returns = rng.poisson(visitors_mean * conversion * 0.015)
        z_value, z_items, z_return = rng.standard_normal((3, n))
        value = np.ones(n)

        thin = self.spec.rng(2, step)
        for incident in self.spec.incidents:
            keep = 1 - incident.depth * self._share(incident, step)
            if keep == 1:
                continue
            hit = self._hit(incident)
            if incident.metric == "aov":
                value[hit] *= keep
                continue
            kept = thin.binomial(orders[hit], keep)
            if incident.metric == "visitors":
                visitors[hit] = kept + thin.binomial(visitors[hit] - orders[hit], keep)
                extra_clicks[hit] = thin.binomial(extra_clicks[hit], keep)
                unclicked[hit] = thin.binomial(unclicked[hit], keep)
            orders[hit] = kept

        out = np.empty((n, len(METRICS)), dtype=np.int64)
        spread = np.log1p(ORDER_VALUE_CV**2 / np.maximum(orders, 1))
        lognormal = np.exp(np.sqrt(spread) * z_value - spread / 2)
        out[:, GMV] = np.rint(orders * aov_cents * lognormal * value)
        out[:, ORDERS] = orders
        more = 0.35 * orders + 0.5 * np.sqrt(orders) * z_items
        out[:, ITEMS] = orders + np.rint(np.maximum(more, 0))
        out[:, VISITORS] = visitors
        out[:, CLICKS] = visitors + extra_clicks
        out[:, IMPRESSIONS] = out[:, CLICKS] + unclicked
        out[:, REFUNDS] = np.rint(returns * aov_cents * np.exp(0.5 * z_return))
        out[:, COMMISSION] = np.rint(out[:, GMV] * self.commission_rate)
        return out

    def steps(self) -> Iterator[Ints]:
        """All steps of the day in order."""
        for i in range(STEPS):
            yield self.step(i)

    def counts(self) -> Ints:
        """The whole day at once, [step, key, metric]: 3 MB for 60 creators, 2 GB for 50 000."""
        return np.stack(list(self.steps()))

    def _share(self, incident: Incident, step: int) -> float:
        """How much of a step an incident covers."""
        start = self.spec.instant(step * STEP_MIN)
        end = self.spec.instant((step + 1) * STEP_MIN)
        covered = min(end, incident.end) - max(start, incident.start)
        return max(0.0, covered / (end - start))

    def _hit(self, incident: Incident) -> NDArray[np.bool_]:
        """Which keys an incident concerns."""
        wanted = [(Key._fields.index(dim), value) for dim, value in incident.scope.items()]
        return np.array([all(key[i] == value for i, value in wanted) for key in self.keys])


def simulate(spec: EventSpec) -> Event:
    """Build the event: keys in order, this day's rooms and wobbles, and the level that gives
    `spec.gmv_rm` for the healthy day on average."""
    rows = sorted(
        (Key(channel, category, creator.id), i)
        for i, creator in enumerate(spec.creators)
        for channel, category in creator.keys
    )
    keys = tuple(key for key, _ in rows)
    creator = np.array([i for _, i in rows], dtype=np.intp)
    channel = np.array([CHANNELS.index(key.channel) for key in keys], dtype=np.intp)
    category = np.array([CATEGORIES.index(key.category) for key in keys], dtype=np.intp)
    size, conversion, aov_rm, noise_cv, commission = np.array(
        [(c.size, c.conversion, c.aov_rm, c.noise_cv, c.commission_rate) for c in spec.creators]
    ).T
    rng = spec.rng(3)
    n, people = len(keys), len(spec.creators)
    growth = rng.lognormal(0.0, 0.12, people)
    mood = rng.lognormal(0.0, 0.05, people)
    conversion = np.clip(
        (conversion * mood)[creator] * np.array(CHANNEL_CONVERSION)[channel], 0.02, 0.06
    )
    aov_cents = aov_rm[creator] * 100
    sales = (size * growth)[creator] * np.array(CHANNEL_WEIGHT)[channel]
    drift = np.stack([rng.uniform(0.02, 0.10, n), rng.uniform(120, 420, n), rng.uniform(0, 1, n)])
    by_channel, by_category = curve.wobbles(rng)
    boost = curve.boost_curve(spec.boosts)
    rooms = schedule(spec.creators, spec.shows, spec.rng(4))
    event = Event(
        spec=spec,
        keys=keys,
        rooms=rooms,
        on_air=OnAir.of(rooms, spec.creators),
        creator=creator,
        channel=channel,
        category=category,
        visitors=sales / (conversion * aov_cents),
        conversion=conversion,
        aov_cents=aov_cents,
        gamma_shape=(1 / noise_cv**2)[creator],
        commission_rate=commission[creator],
        drift=drift,
        channel_curve=_per_step(curve.day_shape() * curve.channel_tilt() * by_channel * boost**0.6),
        category_curve=_per_step(by_category),
        conversion_curve=_per_step(curve.conversion_shape() * boost**0.4),
        aov_curve=_per_step(curve.aov_shape()),
    )
    planned_cents = sum(float(np.prod(event.expected(i), axis=0).sum()) for i in range(STEPS))
    return replace(event, visitors=event.visitors * (spec.gmv_rm * 100 / planned_cents))


def _per_step(per_minute: Floats) -> Floats:
    """Means over steps of a curve by minute, along its last axis."""
    means: Floats = per_minute.reshape(*per_minute.shape[:-1], STEPS, STEP_MIN).mean(axis=-1)
    return means
