"""One evaluation case: an event whose true means are known, what was broken in it, and its past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from monitor.detect.event import Bools, Event, Floats, Ints

Metric = Literal["visitors", "conversion", "aov"]
MINUTES_A_DAY = 1440


@dataclass(frozen=True)
class Noise:
    """Noise on traffic with mean 1, shared by each group of members: AR(1) on the log scale.

    `group`: (members,) which of the groups a member belongs to. `sd`: (groups,) of the logarithm.
    `memory`: correlation (0..1) from a bucket to the next.
    """

    group: Ints
    sd: Floats
    memory: float

    def variance(self, mean: Floats, members: Bools) -> float:
        """Variance of a sum over buckets with these means, (members, window)."""
        buckets = np.arange(mean.shape[1])
        correlation = self.memory ** np.abs(buckets[:, None] - buckets[None, :])
        groups, place = np.unique(self.group[members], return_inverse=True)
        sums = mean[members]
        if len(groups) < len(sums):
            sums = np.stack([sums[place == i].sum(axis=0) for i in range(len(groups))])
        each = ((sums @ correlation) * sums).sum(axis=1)
        return float((self.sd[groups] ** 2 * each).sum())


@dataclass(frozen=True)
class Truth:
    """The means of a healthy event, which only an oracle knows; (members, buckets).

    `aov`: money of an order. `value_cv`: coefficient of variation of one order's value.
    """

    visitors: Floats
    conversion: Floats
    aov: Floats
    value_cv: float
    noises: tuple[Noise, ...]

    @cached_property
    def gmv(self) -> Floats:
        """Expected money, (members, buckets)."""
        return self.visitors * self.conversion * self.aov

    def sd(self, members: Bools, first: int, end: int) -> float:
        """Standard deviation of the members' money in buckets [first, end) for an oracle: Poisson
        orders of noisy value, on traffic whose means are known and whose noise is not."""
        window = slice(first, end)
        money = self.gmv[:, window]
        counting = (money * self.aov[:, window])[members].sum() * (1 + self.value_cv**2)
        return float(np.sqrt(counting + sum(n.variance(money, members) for n in self.noises)))


@dataclass(frozen=True)
class Day:
    """A healthy event and its truth. It may last several days."""

    event: Event
    truth: Truth


@dataclass(frozen=True)
class Dip:
    """What was broken: `depth` (0..1) of `metric` gone in `scope` during [first_min, end_min).

    Minutes count from the event's start. `loss`: expected money lost. `oracle_sigma`: that loss in
    standard deviations of an oracle.
    """

    scope: Mapping[str, str]
    metric: Metric
    depth: float
    first_min: int
    end_min: int
    loss: float = 0.0
    oracle_sigma: float = 0.0

    def buckets(self, bucket_min: float) -> tuple[int, int]:
        """The buckets that it touches, half-open."""
        return int(self.first_min // bucket_min), int(-(-self.end_min // bucket_min))

    def share(self, buckets: int, bucket_min: float) -> Floats:
        """(buckets,) how much (0..1) of each bucket it covers."""
        start = np.arange(buckets) * bucket_min
        inside = np.minimum(self.end_min, start + bucket_min) - np.maximum(self.first_min, start)
        share: Floats = np.clip(inside, 0, None) / bucket_min
        return share


@dataclass(frozen=True)
class Draw:
    """A dip as it was first drawn, kept or not: what an oracle could see at best."""

    kind: str
    depth: float
    oracle_sigma: float


@dataclass(frozen=True)
class Case:
    """An event to judge. `pasts`: comparable events, oldest first; none in a cold start.

    `healthy`: the same event without its dips. `drawn`: every dip's first draw.
    """

    name: str
    event: Event
    pasts: tuple[Event, ...]
    dips: tuple[Dip, ...]
    healthy: Event | None
    quiet: bool
    history: bool
    drawn: tuple[Draw, ...] = ()

    @property
    def days(self) -> float:
        return self.event.buckets * self.event.bucket_min / MINUTES_A_DAY


def inside(event: Event, scope: Mapping[str, str]) -> Bools:
    """(members,) which of an event's members lie in a scope."""
    hit = np.ones(event.members, bool)
    for dim, value in scope.items():
        hit &= np.array(event.dims[dim]) == value
    return hit
