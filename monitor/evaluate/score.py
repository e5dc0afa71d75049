"""The figures of a run: recall, precision, delay, false events a day, each with its uncertainty.

Precision counts incidents: dips that were told ÷ (those + false events). The intervals are 90 %
bootstrap intervals over cases, which are what is independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from monitor.evaluate.alarm import Alarm
from monitor.evaluate.case import Case
from monitor.evaluate.inject import KINDS, LEAST_SIGMA
from monitor.evaluate.match import Account, FalseEvent, Heard, account

DEPTHS = ((0.25, 0.40), (0.40, 0.55), (0.55, 0.701))
SIGMAS = ((6.0, 8.0), (8.0, 12.0), (12.0, 20.0), (20.0, float("inf")))
LASTS = ((15, 30), (30, 60), (60, 121))
SAMPLES = 1000
INTERVAL = (5.0, 95.0)


@dataclass(frozen=True)
class Figure:
    """A figure and its 90 % interval; NaN where there is nothing to count."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """How many of `of` dips were told."""

    hit: int
    of: int

    @property
    def recall(self) -> float:
        return self.hit / self.of if self.of else float("nan")


@dataclass(frozen=True)
class Score:
    """All figures of a run. `false_per_day`: false events a campaign-day over all days.

    `quiet_alarms_per_day`: alarms that call somebody, a quiet day. `scope_first`, `scope_any`: share
    of told dips whose first, or any, alarm names just their scope. `measure_right`: share whose
    first alarm speaks of a measure that the dip moved. `oracle`: per band of depth, the share of
    all dips first drawn that an oracle sees at LEAST_SIGMA.
    """

    cases: int
    days: float
    dips: int
    alarms: int
    recall: Figure
    precision: Figure
    f1: Figure
    alarm_precision: Figure
    false_per_day: Figure
    false_alarms_per_day: Figure
    quiet_days: float
    quiet_alarms_per_day: Figure
    quiet_events_per_day: Figure
    delay_median: Figure
    delay_p90: Figure
    scope_first: Figure
    scope_any: Figure
    measure_right: float
    by: dict[str, dict[str, Share]]
    oracle: dict[str, Share]
    misses: tuple[Heard, ...]
    hits: tuple[Heard, ...]
    false: tuple[FalseEvent, ...]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        document: dict[str, Any] = _plain(asdict(self))
        return document


def score(results: Iterable[tuple[Case, Sequence[Alarm]]], seed: int = 1) -> Score:
    """The figures of cases and what a detector said of each."""
    return summary([account(case, alarms) for case, alarms in results], seed)


def summary(accounts: Sequence[Account], seed: int = 1) -> Score:
    """The figures of cases that were matched already."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(accounts), (SAMPLES, len(accounts))) if accounts else None

    def figure(of: Callable[[Sequence[Account]], float]) -> Figure:
        if picks is None:
            return Figure(float("nan"), float("nan"), float("nan"))
        drawn = np.array([of([accounts[i] for i in pick]) for pick in picks])
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.percentile(drawn, INTERVAL) if len(drawn) else (float("nan"),) * 2
        return Figure(of(accounts), float(low), float(high))

    heard = [dip for a in accounts for dip in a.dips]
    told = [dip for dip in heard if dip.hit]
    quiet = [a for a in accounts if a.quiet]
    right = [d for d in told if d.measure in TOUCHED[d.metric]]
    return Score(
        cases=len(accounts),
        days=sum(a.days for a in accounts),
        dips=len(heard),
        alarms=sum(a.alarms for a in accounts),
        recall=figure(_recall),
        precision=figure(_precision),
        f1=figure(_f1),
        alarm_precision=figure(
            lambda some: _ratio(sum(a.alarms - a.false_alarms for a in some), _alarms(some))
        ),
        false_per_day=figure(lambda some: _ratio(sum(len(a.false) for a in some), _days(some))),
        false_alarms_per_day=figure(
            lambda some: _ratio(sum(a.false_alarms for a in some), _days(some))
        ),
        quiet_days=_days(quiet),
        quiet_alarms_per_day=figure(lambda some: _quiet(some, lambda a: a.alarms)),
        quiet_events_per_day=figure(lambda some: _quiet(some, lambda a: len(a.false))),
        delay_median=figure(lambda some: _delay(some, 50)),
        delay_p90=figure(lambda some: _delay(some, 90)),
        scope_first=figure(lambda some: _of_told(some, lambda d: d.first_scope)),
        scope_any=figure(lambda some: _of_told(some, lambda d: d.any_scope)),
        measure_right=_ratio(len(right), len(told)),
        by=_breakdown(heard),
        oracle=_oracle(accounts),
        misses=tuple(d for d in heard if not d.hit),
        hits=tuple(told),
        false=tuple(event for a in accounts for event in a.false),
    )


TOUCHED = {
    "visitors": {"visitors", "orders", "gmv", "impressions", "clicks"},
    "conversion": {"conversion", "ctor", "orders", "gmv"},
    "aov": {"aov", "gmv"},
}


def _breakdown(heard: Sequence[Heard]) -> dict[str, dict[str, Share]]:
    return {
        "depth": {
            f"{low:.0%}–{min(high, 0.7):.0%}": _share(d for d in heard if low <= d.depth < high)
            for low, high in DEPTHS
        },
        "scope": {kind: _share(d for d in heard if d.kind == kind) for kind in KINDS},
        "oracle σ": {
            f"{low:.0f}–{high:.0f}": _share(d for d in heard if low <= d.oracle_sigma < high)
            for low, high in SIGMAS
        },
        "minutes": {
            f"{low}–{high - (high == 121)}": _share(d for d in heard if low <= d.minutes < high)
            for low, high in LASTS
        },
        "metric": {name: _share(d for d in heard if d.metric == name) for name in TOUCHED},
    }


def _oracle(accounts: Sequence[Account]) -> dict[str, Share]:
    drawn = [draw for a in accounts for draw in a.drawn]
    found = {}
    for low, high in DEPTHS:
        some = [draw for draw in drawn if low <= draw.depth < high]
        seen = sum(draw.oracle_sigma >= LEAST_SIGMA for draw in some)
        found[f"{low:.0%}–{min(high, 0.7):.0%}"] = Share(seen, len(some))
    return found


def _share(heard: Iterable[Heard]) -> Share:
    some = list(heard)
    return Share(sum(d.hit for d in some), len(some))


def _recall(accounts: Sequence[Account]) -> float:
    return _ratio(sum(d.hit for a in accounts for d in a.dips), sum(len(a.dips) for a in accounts))


def _precision(accounts: Sequence[Account]) -> float:
    told = sum(d.hit for a in accounts for d in a.dips)
    return _ratio(told, told + sum(len(a.false) for a in accounts))


def _f1(accounts: Sequence[Account]) -> float:
    recall, precision = _recall(accounts), _precision(accounts)
    return _ratio(2 * recall * precision, recall + precision)


def _of_told(accounts: Sequence[Account], test: Callable[[Heard], bool]) -> float:
    told = [d for a in accounts for d in a.dips if d.hit]
    return _ratio(sum(map(test, told)), len(told))


def _delay(accounts: Sequence[Account], percent: float) -> float:
    delays = [d.delay_min for a in accounts for d in a.dips if d.delay_min is not None]
    return float(np.percentile(delays, percent)) if delays else float("nan")


def _quiet(accounts: Sequence[Account], count: Callable[[Account], int]) -> float:
    quiet = [a for a in accounts if a.quiet]
    return _ratio(sum(map(count, quiet)), _days(quiet))


def _days(accounts: Sequence[Account]) -> float:
    return sum(a.days for a in accounts)


def _alarms(accounts: Sequence[Account]) -> int:
    return sum(a.alarms for a in accounts)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _plain(value: Any) -> Any:
    """For JSON, which has no NaN: null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
