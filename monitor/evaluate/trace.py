"""What the detector expected of one scope, bucket by bucket, for a picture of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detect.detector import Detector
from monitor.detect.event import MEASURES, Event, Floats
from monitor.detect.growth import learn
from monitor.detect.shipped import SHIPPED
from monitor.evaluate.case import inside


@dataclass(frozen=True)
class Trace:
    """(buckets,) each, in units of the measure. `ours`: whether the expectation is the detector's;
    of a narrow scope, whose curve it does not keep, it is what happened in the healthy event."""

    observed: Floats
    expected: Floats
    low: Floats
    high: Floats
    ours: bool


def trace(
    event: Event,
    pasts: Sequence[Event],
    scope: Mapping[str, str],
    measure: str,
    healthy: Event | None = None,
) -> Trace:
    """Run the detector over the whole event and keep one scope's curve of one measure."""
    seen = observed(event, scope, measure)
    detector = Detector(event, learn(pasts, event.plans, event.buckets), SHIPPED)
    row, k = detector.scopes.row(dict(scope)), detector.index.get(measure)
    if row is not None and k is not None and row < detector.wide:
        for _ in range(event.buckets):
            detector.step()
        expected, low = detector.expected[k, row], detector.low[k, row]
        return Trace(seen, expected.copy(), low.copy(), detector.high[k, row].copy(), ours=True)
    unknown = np.full(event.buckets, np.nan)
    sound = unknown if healthy is None else observed(healthy, scope, measure)
    return Trace(seen, sound, unknown, unknown, ours=False)


def observed(event: Event, scope: Mapping[str, str], measure: str) -> Floats:
    """(buckets,) a measure of a scope; NaN where it is a rate of nothing, or not usable."""
    what, hit = MEASURES[measure], inside(event, scope)
    top = event.amounts[what.top][hit].sum(axis=0)
    if what.per is not None:
        per = event.amounts[what.per][hit].sum(axis=0)
        top = np.divide(top, per, out=np.full_like(top, np.nan), where=per > 0)
    return np.where(event.usable[what.top], top, np.nan)
