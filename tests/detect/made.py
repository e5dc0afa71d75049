"""Small events made for tests of the detector: Poisson counts about means that a test sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from monitor.detect.detector import BREACHED, Detector
from monitor.detect.event import Event, Floats, Planned
from monitor.detect.growth import learn
from monitor.detect.rule import Rule
from monitor.detect.shipped import SHIPPED

CHANNELS, CATEGORIES = ("live", "mall", "video"), ("beauty", "food")
CREATORS = 8
BUCKETS = 96
CONVERSION, ORDER_RM = 0.05, 40.0


@dataclass(frozen=True)
class Fault:
    """`keep` (0..1) is left of a metric in buckets [first, end) of a scope."""

    scope: Mapping[str, str]
    metric: str
    keep: float
    first: int
    end: int


@dataclass(frozen=True)
class Plan:
    """What a made event is: `shape` (buckets,) of its trade, `level` visitors a bucket of a member.

    `lift`: by which a planned sale of [first, end) multiplies all traffic.
    """

    buckets: int = BUCKETS
    level: float = 60.0
    shape: Floats | None = None
    faults: Sequence[Fault] = ()
    sale: tuple[int, int] | None = None
    lift: float = 1.0
    plans: tuple[Planned, ...] = ()
    minute: int = 480
    dims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def dims() -> dict[str, tuple[str, ...]]:
    """Every creator in every channel and in one category."""
    keys = [
        (channel, CATEGORIES[i % len(CATEGORIES)], f"c{i}")
        for channel in CHANNELS
        for i in range(CREATORS)
    ]
    return dict(zip(("channel", "category", "creator_id"), zip(*keys, strict=True), strict=True))


def made(plan: Plan, seed: int, name: str = "event") -> Event:
    """The event of a plan and a seed."""
    rng = np.random.default_rng([seed, 4])
    of = dict(plan.dims) or dims()
    members = len(next(iter(of.values())))
    shape = np.ones(plan.buckets) if plan.shape is None else plan.shape
    own = rng.lognormal(0, 0.4, members)
    visitors = plan.level * own[:, None] * shape
    conversion = np.full((members, plan.buckets), CONVERSION)
    value = np.full((members, plan.buckets), ORDER_RM)
    plans = plan.plans
    if plan.sale:
        visitors[:, slice(*plan.sale)] *= plan.lift
        plans += (Planned("sale", *plan.sale),)
    means = {"visitors": visitors, "conversion": conversion, "aov": value}
    for fault in plan.faults:
        who = np.ones(members, bool)
        for dim, wanted in fault.scope.items():
            who &= np.array(of[dim]) == wanted
        means[fault.metric][np.ix_(who, np.arange(fault.first, fault.end))] *= fault.keep
    came = rng.poisson(visitors).astype(float)
    bought = rng.binomial(came.astype(np.int64), conversion).astype(float)
    paid = np.where(bought > 0, rng.gamma(np.maximum(bought, 1) * 2, value / 2), 0.0)
    amounts = {"visitors": came, "orders": bought, "gmv": paid}
    usable = {metric: np.ones(plan.buckets, bool) for metric in amounts}
    return Event(name, of, amounts, usable, plans, 5.0, plan.minute)


def pasts(plan: Plan, count: int = 2) -> tuple[Event, ...]:
    """Earlier events of the same plan in which nothing broke."""
    healthy = replace(plan, faults=())
    return tuple(made(healthy, 900 + i, f"past {i}") for i in range(count))


def detector(
    event: Event, earlier: Sequence[Event] = (), rules: Sequence[Rule] = SHIPPED
) -> Detector:
    return Detector(event, learn(earlier, event.plans, event.buckets), rules)


def told(running: Detector, until: int | None = None) -> list[tuple[int, str, dict[str, str]]]:
    """Run it, and give every breach: bucket, rule, scope."""
    found = []
    for _ in range(running.bucket, until or running.event.buckets):
        step = running.step()
        for r, s in zip(*np.nonzero(step.state == BREACHED), strict=True):
            found.append((step.bucket, running.rules[r].name, running.scopes.named[s]))
    return found
