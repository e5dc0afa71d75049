"""What the detector keeps of each scope: what was seen and due since a breach began, and the curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.detect.event import Floats, Ints
from monitor.detect.evidence import Tested
from monitor.detect.states import BREACHED, NEEDED, NORMAL, TOO_LITTLE

if TYPE_CHECKING:
    from monitor.detect.detector import Detector


@dataclass
class Figures:
    """Of each (rule, scope) since its breach began; reset when it is over.

    `since`, `until`: buckets, -1 none. `seen`, `due`: in units of the measure's top, all members;
    `per`: its denominator. `money`: RM short so far, NaN unknown. `hourly`: RM an hour, of the last
    evidence.
    """

    since: Ints
    until: Ints
    seen: Floats
    due: Floats
    per: Floats
    money: Floats
    hourly: Floats

    @classmethod
    def none(cls, rules: int, scopes: int) -> Figures:
        def zero() -> Floats:
            return np.zeros((rules, scopes))

        nowhere = np.full((rules, scopes), -1, np.int64)
        return cls(nowhere, nowhere.copy(), zero(), zero(), zero(), zero(), zero())


def sums(d: Detector, b: int) -> tuple[Floats, Floats, Floats]:
    """Per (measures, scopes): all seen in the bucket, exposure, and its plain denominator."""
    seen = d.scopes.sums(d.members.seen[-1])
    exposure = d.scopes.sums(d.members.exposure[-1])
    plain = exposure.copy()
    for k, measure in enumerate(d.measures):
        if measure.mix_free:
            plain[k] = exposure[k] / np.exp(d.growth.rate[measure.name][b])
    return seen, exposure, plain


def expected_of(d: Detector, tested: Tested, seen: Floats) -> Floats:
    """(measures, scopes) due in the bucket; who cannot be compared is due what was seen."""
    shared = np.zeros(len(d.measures), bool)
    for r, rule in enumerate(d.rules):
        if d.held[r, 0] or d.in_row[r, 0]:
            shared[d.index[rule.measure]] = True
    due = np.where(shared[:, None], tested.due[0] / tested.rest[0], tested.due[0])
    return np.asarray(due + np.maximum(seen - tested.seen[0], 0.0))


def keep(d: Detector, b: int, state: np.ndarray, tested: Tested) -> None:
    """Add a bucket to the figures of what is running; begin and end them."""
    figures = d.figures
    seen, _, plain = sums(d, b)
    due = expected_of(d, tested, seen)
    gmv = d.index.get("gmv")
    for r, rule in enumerate(d.rules):
        k = d.index[rule.measure]
        begins = (d.in_row[r] == 1) & (figures.since[r] < 0)
        over = (figures.since[r] >= 0) & ~d.held[r] & (state[r] != BREACHED)
        over &= state[r] != TOO_LITTLE
        for grid in (figures.seen, figures.due, figures.per, figures.money):
            grid[r][begins | over] = 0.0
        figures.since[r] = np.where(begins, b, np.where(over, -1, figures.since[r]))
        running = (figures.since[r] >= 0) & (state[r] != NORMAL)
        figures.until[r] = np.where(running, b, figures.until[r])
        figures.seen[r] += np.where(running, seen[k], 0.0)
        figures.due[r] += np.where(running, due[k], 0.0)
        figures.per[r] += np.where(running, plain[k], 0.0)
        if gmv is not None:
            fall = 1.0 - np.divide(seen[k], due[k], out=np.ones_like(seen[k]), where=due[k] > 0)
            money = due[k] - seen[k] if k == gmv else fall * due[gmv]
            figures.money[r] += np.where(running, money, 0.0)


def record(d: Detector, b: int, state: np.ndarray, tested: Tested) -> None:
    """Write a bucket into the curves of the wide scopes."""
    seen, _, plain = sums(d, b)
    due = expected_of(d, tested, seen)
    for k, measure in enumerate(d.measures):
        if not d.usable(k, b):
            continue
        part = slice(0, d.wide)
        top, want = seen[k, part], due[k, part]
        if measure.mix_free:
            with np.errstate(all="ignore"):
                top, want = top / plain[k, part], want / plain[k, part]
        error = tested.error[0, k, part] * d.calibration[0, k, part]
        d.observed[k, :, b], d.expected[k, :, b] = top, want
        reach = np.minimum(np.array(NEEDED)[d.scopes.kind[part]] * error, 10.0)
        with np.errstate(all="ignore"):
            d.low[k, :, b] = want * np.maximum(1 - reach, 0)
            d.high[k, :, b] = want * (1 + reach)
    d.states[:, :, b] = state[:, : d.wide]
