"""Scopes against their expectation: members' evidence added up, and which scope explains a fall.

A scope's figure rests on the members that can be compared with themselves. Sums find a fall; the
weighted median over members (weights capped at a quarter) tells whether the scope fell or only one
of them; what the rest of the campaign did in the same minutes is taken out, the more so the less the
shape is known (peers). Among scopes that fell, the one under which the members' fall is most alike
is named (the ripple of HotSpot and Squeeze): others are judged by what is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.detect.event import Bools, Floats
from monitor.detect.members import WINDOWS, Windows
from monitor.detect.scopes import Scopes

CAP = 0.25  # the most that one member may weigh in a median
OWN_ERROR = 0.03  # of a scope's shape beside the campaign's
CLIP = 0.5  # of a member's part in what the rest did
PEER_ERROR = 0.02
ALIKE = 0.08  # model error of a member when scopes compete
PENALTY = (0.0, 2.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0)  # by kind of scope, plus log of their number


@dataclass
class Tested:
    """Per (windows, measures, scopes). `ratio`: seen ÷ due. `z`: how sure, in standard deviations.

    `due` includes what the rest of the campaign did; `enough`: events due. `slow`: seen ÷ what the
    slow level expects. `error`: standard deviation relative to `due`.
    """

    seen: Floats
    due: Floats
    ratio: Floats
    z: Floats
    error: Floats
    enough: Floats
    slow: Floats
    rest: Floats  # factor by which the rest of the campaign moved what is due


def test(w: Windows, scopes: Scopes, error: float, volume: Bools, known: bool) -> Tested:
    """`error`: of the shape now. `volume`: (measures,) whether the shape bears on it."""
    seen, due = scopes.sums(w.seen), scopes.sums(w.due)
    counting, model = scopes.sums(w.counting), scopes.sums(w.model)
    slow = scopes.sums(w.slow)
    clipped = scopes.sums(np.clip(w.seen, (1 - CLIP) * w.due, (1 + CLIP) * w.due))
    with np.errstate(all="ignore"):
        shape = np.where(volume[None, :, None], error, 0.5 * error)
        # Peers: what everybody else did in the same minutes, as far as the shape is in doubt.
        others_due = due[..., :1] - due
        others = clipped[..., :1] - clipped
        noise = (counting[..., :1] - counting + model[..., :1] - model) / others_due**2
        doubt = np.nan_to_num(shape**2 / (shape**2 + noise + PEER_ERROR**2))
        enough_rest = others_due > 0.1 * due[..., :1]
        log_rest = np.where(enough_rest, np.log(others / others_due), 0.0)
        log_rest = np.where(np.isfinite(log_rest), log_rest, 0.0)
        rest = np.exp(doubt * log_rest)
        rest[..., 0] = 1.0
        left = np.where(enough_rest, shape**2 * (1 - doubt), shape**2)
        left[..., 0] = shape[..., 0] ** 2
        own = np.where(np.arange(len(scopes)) == 0, 0.0, OWN_ERROR) * np.where(
            volume[None, :, None], 1.0, 0.7
        )
        expected = due * rest
        variance = counting * rest + model * rest**2 + (left + own**2) * expected**2
        sigma = np.sqrt(variance)
        ratio = np.where(expected > 0, seen / np.where(expected > 0, expected, 1.0), 1.0)
        relative = np.where(expected > 0, sigma / np.where(expected > 0, expected, 1.0), np.nan)
        z = np.where(expected > 0, deviance(ratio) / relative, 0.0)
        enough = np.where(counting > 0, due**2 / np.where(counting > 0, counting, 1.0), 0.0)
        slow_ratio = np.where(slow > 0, seen / np.where(slow > 0, slow, 1.0), 1.0)
    _ = known
    return Tested(seen, expected, ratio, z, relative, enough, slow_ratio, rest)


def deviance(ratio: Floats) -> Floats:
    """Signed root of the deviance: how far a ratio is from 1, as Poisson counts and errors that
    multiply have it. A fall by half is 0.55, a rise by half 0.47."""
    with np.errstate(all="ignore"):
        lost = np.where(ratio > 0, ratio * np.log(np.where(ratio > 0, ratio, 1.0)), 0.0) - ratio + 1
        return np.asarray(np.sign(ratio - 1) * np.sqrt(np.maximum(2 * lost, 0.0)))


def median_ratio(w: Windows, i: int, k: int, who: np.ndarray, scale: float) -> tuple[float, float]:
    """Weighted median over members of seen ÷ due, and its standard error."""
    due, seen = w.due[i, k, who] * scale, w.seen[i, k, who]
    some = due > 0
    if not some.any():
        return 1.0, np.inf
    due, seen = due[some], seen[some]
    variance = (w.counting[i, k, who][some] * scale + w.model[i, k, who][some] * scale**2) / due**2
    # What a member weighs: its part of the scope, but never more than it can tell.
    weight = due / due.sum()
    weight = weight / (1 + variance / 0.05)
    weight = weight / weight.sum()
    weight = np.minimum(weight, max(CAP, 1.0 / len(weight)))
    weight = weight / weight.sum()
    ratio = seen / due
    order = np.argsort(ratio, kind="stable")
    reached = np.cumsum(weight[order]) - weight[order] / 2
    middle = float(np.interp(0.5, reached, ratio[order]))
    spread = float(np.sqrt(np.sum(weight**2 * variance)))
    return middle, 1.25 * spread


class Contest:
    """Which scopes explain the fall of one measure in one window: the most likely first."""

    def __init__(self, w: Windows, i: int, k: int, scopes: Scopes, rest: float = 1.0) -> None:
        self.scopes = scopes
        self.seen, self.due = w.seen[i, k], w.due[i, k] * rest
        self.noise = w.counting[i, k] + w.model[i, k]
        self.factor = np.ones(len(self.due))

    def gain(self, row: int, ratio: float) -> float:
        """How much likelier the members are if the scope's fell to `ratio`, in log units."""
        who = self.scopes.members_of(row)
        due = self.due[who] * self.factor[who]
        some = due > 0
        due, seen = due[some], self.seen[who][some]
        variance = self.noise[who][some] + (ALIKE * due) ** 2
        before = np.minimum((seen - due) ** 2 / variance, 60.0)
        after = np.minimum((seen - ratio * due) ** 2 / (variance * max(ratio, 0.2)), 60.0)
        kind = int(self.scopes.kind[row])
        rivals = float(np.log(max(int((self.scopes.kind == kind).sum()), 1)))
        return float((before - after).sum() / 2 - PENALTY[kind] - rivals)

    def left(self, row: int) -> tuple[float, float]:
        """Seen and due of a scope, once what is explained already is taken out."""
        who = self.scopes.members_of(row)
        return float(self.seen[who].sum()), float((self.due[who] * self.factor[who]).sum())

    def noise_left(self, row: int) -> float:
        who = self.scopes.members_of(row)
        return float((self.noise[who] * self.factor[who]).sum())

    def explain(self, row: int, ratio: float) -> None:
        who = self.scopes.members_of(row)
        self.factor[who] *= ratio


def window_minutes(bucket_min: float) -> tuple[float, ...]:
    return tuple(w * bucket_min for w in WINDOWS)
