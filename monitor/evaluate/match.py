"""Which alarm tells of which dip, and which alarms tell of nothing: one case's account.

An alarm hits a dip if it opens from the dip's first bucket to LATE_MIN after its end and its scope
does not contradict it. Every incident counts once: false alarms that overlap in time and share
members are one false event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.detect.event import Event
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.case import Case, Dip, Draw, inside
from monitor.evaluate.inject import kind_of

LATE_MIN = 15
SAME_MONEY = 0.3  # share of an alarm's money that must lie in a dip of other dimensions


@dataclass(frozen=True)
class Heard:
    """A dip and what was said of it. `delay_min` from the end of the first dipping bucket, when its
    data first arrives, to the end of the bucket that opened the alarm; None where it was missed.

    `first_scope`, `any_scope`: the first alarm, or any, names just the dip's scope. `measure`: what
    the first alarm was about.
    """

    case: str
    scope: Mapping[str, str]
    kind: str
    metric: str
    depth: float
    minutes: int
    first_min: int
    loss: float
    oracle_sigma: float
    delay_min: float | None
    first_scope: bool = False
    any_scope: bool = False
    said: Mapping[str, str] | None = None
    measure: str = ""

    @property
    def hit(self) -> bool:
        return self.delay_min is not None


@dataclass(frozen=True)
class FalseEvent:
    """A false event: the alarm that opened it, and how many alarms it consists of."""

    case: str
    rule: str
    measure: str
    scope: Mapping[str, str]
    kind: str
    first_min: float
    opened_min: float
    fall: float
    alarms: int
    quiet: bool


@dataclass(frozen=True)
class Account:
    """One case: its dips, its false events, and its alarms that call somebody."""

    case: str
    days: float
    quiet: bool
    dips: tuple[Heard, ...]
    false: tuple[FalseEvent, ...]
    alarms: int
    false_alarms: int
    drawn: tuple[Draw, ...] = ()


def account(case: Case, alarms: Sequence[Alarm]) -> Account:
    """Match a case's alarms with its dips."""
    calls = sorted((a for a in alarms if a.counts), key=lambda a: (a.opened, a.first, len(a.scope)))
    told: dict[int, list[Alarm]] = {i: [] for i in range(len(case.dips))}
    false: list[Alarm] = []
    base = case.healthy or case.event
    for alarm in calls:
        about = [i for i, dip in enumerate(case.dips) if hits(base, alarm, dip)]
        for i in about:
            told[i].append(alarm)
        if not about:
            false.append(alarm)
    groups = incidents(base, false)
    return Account(
        case=case.name,
        days=case.days,
        quiet=case.quiet,
        dips=tuple(_heard(case, dip, told[i]) for i, dip in enumerate(case.dips)),
        false=tuple(_false(case, group) for group in groups),
        alarms=len(calls),
        false_alarms=len(false),
        drawn=case.drawn,
    )


def hits(event: Event, alarm: Alarm, dip: Dip) -> bool:
    """Whether an alarm opens in time for a dip, in a scope that does not contradict it."""
    first, _ = dip.buckets(event.bucket_min)
    closes = (alarm.opened + 1) * event.bucket_min
    in_time = alarm.opened >= first and closes <= dip.end_min + LATE_MIN + event.bucket_min
    return in_time and not contradicts(event, alarm.scope, dip)


def contradicts(event: Event, scope: Mapping[str, str], dip: Dip) -> bool:
    """Whether a scope denies a dip: other values of a shared dimension, or, where neither scope is
    a part of the other, less than SAME_MONEY of its money inside the dip's scope and time."""
    if any(scope[dim] != dip.scope[dim] for dim in scope.keys() & dip.scope.keys()):
        return True
    if scope.keys() <= dip.scope.keys() or dip.scope.keys() <= scope.keys():
        return False
    first, end = dip.buckets(event.bucket_min)
    mine, theirs = inside(event, scope), inside(event, dip.scope)
    money = event.amounts["gmv"][:, first:end].sum(axis=1)
    return bool(money[mine & theirs].sum() < SAME_MONEY * money[mine].sum())


def incidents(event: Event, alarms: Sequence[Alarm]) -> list[list[Alarm]]:
    """Alarms in groups that overlap in time and share members, directly or through others."""
    members = [inside(event, alarm.scope) for alarm in alarms]
    group = list(range(len(alarms)))

    def root(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    for i, one in enumerate(alarms):
        for j, two in enumerate(alarms[:i]):
            together = one.first <= _last(event, two) and two.first <= _last(event, one)
            if together and bool((members[i] & members[j]).any()):
                group[root(i)] = root(j)
    found: dict[int, list[Alarm]] = {}
    for i, alarm in enumerate(alarms):
        found.setdefault(root(i), []).append(alarm)
    return list(found.values())


def _last(event: Event, alarm: Alarm) -> int:
    return event.buckets if alarm.ended is None else max(alarm.ended, alarm.opened)


def _heard(case: Case, dip: Dip, alarms: Sequence[Alarm]) -> Heard:
    size = case.event.bucket_min
    first = alarms[0] if alarms else None
    return Heard(
        case=case.name,
        scope=dict(dip.scope),
        kind=kind_of(dip.scope),
        metric=dip.metric,
        depth=dip.depth,
        minutes=dip.end_min - dip.first_min,
        first_min=dip.first_min,
        loss=dip.loss,
        oracle_sigma=dip.oracle_sigma,
        delay_min=(first.opened - dip.buckets(size)[0]) * size if first else None,
        first_scope=first is not None and dict(first.scope) == dict(dip.scope),
        any_scope=any(dict(a.scope) == dict(dip.scope) for a in alarms),
        said=dict(first.scope) if first else None,
        measure=first.measure if first else "",
    )


def _false(case: Case, group: Sequence[Alarm]) -> FalseEvent:
    first, size = group[0], case.event.bucket_min
    return FalseEvent(
        case=case.name,
        rule=first.rule,
        measure=first.measure,
        scope=dict(first.scope),
        kind=kind_of(first.scope),
        first_min=first.first * size,
        opened_min=(first.opened + 1) * size,
        fall=first.fall,
        alarms=len(group),
        quiet=case.quiet,
    )
