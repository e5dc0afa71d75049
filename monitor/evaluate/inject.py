"""Breaking a healthy event: dips that thin what it drew, so that all else stays the same.

Each visitor or order is kept with a chance. Of k of n kept orders the money is a Beta share of the
whole, which is exact for gamma-distributed order values and close for lognormal ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from monitor.detect.event import Event, Floats
from monitor.evaluate.case import MINUTES_A_DAY, Day, Dip, Draw, Metric, inside

KINDS: Mapping[str, tuple[str, ...]] = {
    "campaign": (),
    "channel": ("channel",),
    "category": ("category",),
    "channel × category": ("channel", "category"),
    "creator": ("creator_id",),
}
METRICS: tuple[Metric, ...] = ("visitors", "conversion", "aov")
METRIC_CHANCE = (0.45, 0.45, 0.10)
LEAST_SIGMA = 6.0
DEPTH = (0.25, 0.70)
LASTS_MIN = (15, 120)
FIRST_MIN = 20  # no dip before: nothing is known of the event yet
APART_MIN = 120
TRIES = 40  # draws of one kind and depth before others are drawn
ROUNDS = 8


def kind_of(scope: Mapping[str, str]) -> str:
    """The name of a scope's kind, its dimensions joined where it has none."""
    dims = set(scope)
    return next((k for k, v in KINDS.items() if set(v) == dims), " × ".join(sorted(dims)))


@dataclass
class Chosen:
    """The dips of an event so far, and the first draw of each."""

    dips: list[Dip] = field(default_factory=list)
    drawn: list[Draw] = field(default_factory=list)

    def free(self, dip: Dip) -> bool:
        """Whether a dip keeps its distance from all others."""
        return all(
            dip.first_min >= other.end_min + APART_MIN or other.first_min >= dip.end_min + APART_MIN
            for other in self.dips
        )


def choose(day: Day, rng: np.random.Generator) -> Chosen:
    """One to three dips a day that an oracle sees at LEAST_SIGMA; fewer where none can be seen."""
    chosen = Chosen()
    days = max(round(day.event.buckets * day.event.bucket_min / MINUTES_A_DAY), 1)
    for date in range(days):
        for _ in range(int(rng.integers(1, 4))):
            dip = _visible(day, date, rng, chosen)
            if dip is not None:
                chosen.dips.append(dip)
    chosen.dips.sort(key=lambda d: d.first_min)
    return chosen


def broken(event: Event, dips: tuple[Dip, ...], rng: np.random.Generator) -> Event:
    """The event with its dips; whatever they do not touch is the same to the cent."""
    amounts = {name: values.copy() for name, values in event.amounts.items()}
    for dip in dips:
        _thin(event, amounts, dip, rng)
    return replace(event, amounts=amounts)


def bridged(event: Event, first: int, end: int) -> Event:
    """The event when no reading came during buckets [first, end): what happened is spread evenly
    over them, and none of them may be judged."""
    amounts = {name: values.copy() for name, values in event.amounts.items()}
    usable = {name: marks.copy() for name, marks in event.usable.items()}
    for name in amounts:
        amounts[name][:, first:end] = amounts[name][:, first:end].mean(axis=1, keepdims=True)
        usable[name][first:end] = False
    return replace(event, amounts=amounts, usable=usable)


def weighed(day: Day, dip: Dip) -> Dip:
    """The dip with what it costs, and how plain that is to an oracle."""
    event = day.event
    hit = inside(event, dip.scope)
    first, end = dip.buckets(event.bucket_min)
    share = dip.share(event.buckets, event.bucket_min)
    money = day.truth.gmv[:, first:end][hit]
    loss = float((money * share[first:end]).sum() * dip.depth)
    sd = day.truth.sd(hit, first, end)
    return replace(dip, loss=loss, oracle_sigma=loss / sd if sd > 0 else 0.0)


def _visible(day: Day, date: int, rng: np.random.Generator, chosen: Chosen) -> Dip | None:
    for attempt in range(ROUNDS):
        kind = list(KINDS)[int(rng.integers(len(KINDS)))]
        depth = float(rng.uniform(*DEPTH))
        for again in range(TRIES):
            dip = weighed(day, _drawn(day, date, kind, depth, rng))
            if attempt == again == 0:
                chosen.drawn.append(Draw(kind, dip.depth, dip.oracle_sigma))
            if dip.oracle_sigma >= LEAST_SIGMA and chosen.free(dip):
                return dip
    return None


def _drawn(day: Day, date: int, kind: str, depth: float, rng: np.random.Generator) -> Dip:
    """A dip of this kind and depth on one date, wherever it falls."""
    event = day.event
    low, high = LASTS_MIN
    lasts = round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))
    start, end = date * MINUTES_A_DAY, event.buckets * event.bucket_min
    earliest = max(start, FIRST_MIN)
    latest = int(min(start + MINUTES_A_DAY, end) - lasts)
    first = int(rng.integers(earliest, latest + 1))
    metric = METRICS[int(rng.choice(len(METRICS), p=METRIC_CHANCE))]
    dip = Dip({}, metric, depth, first, first + lasts)
    return replace(dip, scope=_scope(day, dip, KINDS[kind], rng))


def _scope(day: Day, dip: Dip, dims: tuple[str, ...], rng: np.random.Generator) -> dict[str, str]:
    """A scope with these dimensions, likelier the more money it makes at that time."""
    if not dims:
        return {}
    begin, end = dip.buckets(day.event.bucket_min)
    money = day.truth.gmv[:, begin:end].sum(axis=1)
    keys = list(zip(*(day.event.dims[dim] for dim in dims), strict=True))
    totals: dict[tuple[str, ...], float] = {}
    for key, amount in zip(keys, money, strict=True):
        totals[key] = totals.get(key, 0.0) + float(amount)
    names = sorted(totals)
    weight = np.sqrt([totals[name] for name in names]) + 1e-9
    picked = names[int(rng.choice(len(names), p=weight / weight.sum()))]
    return dict(zip(dims, picked, strict=True))


def _thin(event: Event, amounts: dict[str, Floats], dip: Dip, rng: np.random.Generator) -> None:
    """Take a dip's share out of the arrays, in place. Refunds are of earlier orders: untouched."""
    first, end = dip.buckets(event.bucket_min)
    where = np.ix_(np.flatnonzero(inside(event, dip.scope)), np.arange(first, end))
    keep = 1 - dip.depth * dip.share(event.buckets, event.bucket_min)[first:end]
    gmv, orders = amounts["gmv"][where], amounts["orders"][where]
    keep = np.broadcast_to(keep, orders.shape)
    if dip.metric == "aov":
        amounts["gmv"][where] = np.round(gmv * keep, 2)
        return
    kept = _keep(orders, keep, rng)
    amounts["orders"][where] = kept
    amounts["gmv"][where] = np.round(gmv * _money(orders, kept, rng), 2)
    if dip.metric == "conversion":
        return
    inner_before, inner_after = orders, kept
    for name in ("visitors", "clicks", "impressions"):  # each holds the one before
        outer = amounts[name][where]
        rest = _keep(np.maximum(outer - inner_before, 0), keep, rng)
        amounts[name][where] = inner_after = inner_after + rest
        inner_before = outer


def _keep(count: Floats, chance: Floats, rng: np.random.Generator) -> Floats:
    return rng.binomial(count.astype(np.int64), chance).astype(float)


def _money(before: Floats, after: Floats, rng: np.random.Generator, spread: float = 0.8) -> Floats:
    """Share of the money that `after` of `before` orders hold; `spread`: CV of an order's value."""
    some = (after > 0) & (after < before)
    shape = np.where(some, after, 1.0) / spread**2
    other = np.where(some, before - after, 1.0) / spread**2
    return np.where(
        some, rng.beta(shape, other), np.where(before > 0, after / np.maximum(before, 1), 1)
    )
