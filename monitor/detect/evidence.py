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

from monitor.detect.event import Floats, Ints
from monitor.detect.members import WINDOWS, Windows
from monitor.detect.scopes import Scopes

CAP = 0.25  # the most that one member may weigh in a median
CLIP = 0.5  # of a member's part in what the rest did
PEER_ERROR = 0.02
ALIKE = 0.08  # model error of a member when scopes compete
MOST_SAID = 30.0  # log units that one member may say for or against a scope
PENALTY = (0.0, 2.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0)  # by kind of scope, plus log of their number


@dataclass
class Tested:
    """Per (windows, measures, scopes). `ratio`: seen ÷ due, all members added up. `typical`: the same
    of the typical member, each weighted by what it can tell, so that no star decides it alone; `z`:
    how sure that is a fall or a rise, in standard deviations; `error`: its relative one.

    `due` includes what the rest of the campaign did (`rest`, a factor); `enough`: events due.
    `slow`: seen ÷ what the slow level expects.
    """

    seen: Floats
    due: Floats
    ratio: Floats
    typical: Floats
    z: Floats
    error: Floats
    enough: Floats
    slow: Floats
    rest: Floats


def test(w: Windows, scopes: Scopes, error: Floats, own: Floats) -> Tested:
    """Hold all scopes against what is due. `error`: (measures, scopes) of the shape now; `own`: beside
    it, of each scope."""
    # Further windows lie further from the level that they are held against.
    further = np.sqrt(1 + (np.array(WINDOWS) - 1) / 16)[:, None, None]
    shape, own = error[None] * further, own[None] * further
    with np.errstate(all="ignore"):
        weight = np.where(w.due > 0, w.due / (w.counting + w.model), 0.0)
    seen, due, counting, slow, told, precision = (
        scopes.sums(grid)
        for grid in (w.seen, w.due, w.counting, w.slow, weight * w.seen, weight * w.due)
    )
    clipped = scopes.sums(weight * np.clip(w.seen, (1 - CLIP) * w.due, (1 + CLIP) * w.due))
    with np.errstate(all="ignore"):
        # Peers: what everybody else did in the same minutes, as far as the shape is in doubt.
        others = precision[..., :1] - precision
        doubt = shape**2 / (shape**2 + np.where(others > 0, 1 / others, np.inf) + PEER_ERROR**2)
        enough_rest = due[..., :1] - due > 0.1 * due[..., :1]
        log_rest = np.log((clipped[..., :1] - clipped) / others)
        log_rest = np.where(enough_rest & np.isfinite(log_rest), log_rest, 0.0)
        rest = np.exp(doubt * log_rest)
        left = np.where(enough_rest, shape**2 * (1 - doubt), shape**2)
        rest[..., 0], left[..., 0] = 1.0, shape[..., 0] ** 2
        expected, some = due * rest, due > 0
        ratio = np.where(some, seen / expected, 1.0)
        typical = np.where(some, told / precision / rest, 1.0)
        relative = np.where(some, np.sqrt(1 / precision / rest + left + own**2), np.nan)
        z = np.where(some, deviance(typical) / relative, 0.0)
        enough = np.where(counting > 0, due**2 / counting, 0.0)
        slow_ratio = np.where(slow > 0, seen / slow, 1.0)
    return Tested(seen, expected, ratio, typical, z, relative, enough, slow_ratio, rest)


def compose(tested: Tested, k: int, parts: list[int]) -> None:
    """Money or orders as what their parts came to, like for like: visitors × conversion (× value).

    No mix of members can move the product, and it says of a scope what its parts say.
    """
    with np.errstate(all="ignore"):
        told = (tested.due[:, parts] > 0).all(axis=1) & (tested.due[:, k] > 0)
        ratio = np.prod(tested.ratio[:, parts], axis=1)
        typical = np.prod(tested.typical[:, parts], axis=1)
        error = np.sqrt((tested.error[:, parts] ** 2).sum(axis=1))
        z = deviance(typical) / error
        told &= np.isfinite(z) & np.isfinite(error)
        whole = told & (ratio > 0) & (tested.seen[:, k] > 0)
        tested.due[:, k] = np.where(whole, tested.seen[:, k] / ratio, tested.due[:, k])
    for grid, made in (
        (tested.ratio, ratio), (tested.typical, typical), (tested.error, error), (tested.z, z),
    ):  # fmt: skip
        grid[:, k] = np.where(told, made, grid[:, k])


def deviance(ratio: Floats) -> Floats:
    """Signed root of the deviance: how far a ratio is from 1, as Poisson counts and errors that
    multiply have it. A fall by half is 0.55, a rise by half 0.47."""
    with np.errstate(all="ignore"):
        lost = np.where(ratio > 0, ratio * np.log(np.where(ratio > 0, ratio, 1.0)), 0.0) - ratio + 1
        return np.asarray(np.sign(ratio - 1) * np.sqrt(np.maximum(2 * lost, 0.0)))


LUMP = 8.0  # events due that make a ratio worth a place in a median


def median_ratio(w: Windows, i: int, k: int, who: Ints, scale: float) -> float | None:
    """Weighted median over members of seen ÷ due; None where fewer than three can tell.

    Members too small to tell are taken together, the largest first, until LUMP events are due.
    """
    due, seen, counting = w.due[i, k, who] * scale, w.seen[i, k, who], w.counting[i, k, who] * scale
    some = due > 0
    due, seen, counting = due[some], seen[some], counting[some]
    if not len(due):
        return None
    order = np.lexsort((seen, -(due**2) / counting))
    due, seen, events = due[order], seen[order], (due**2 / counting)[order]
    own = events >= LUMP
    small = np.cumsum(np.where(own, 0.0, events))
    lump = np.where(own, np.arange(len(due)), len(due) + (small // LUMP).astype(np.int64))
    _, place = np.unique(lump, return_inverse=True)
    due, seen = np.bincount(place, due), np.bincount(place, seen)
    if len(due) < 3:
        return None
    weight = np.minimum(due / due.sum(), max(CAP, 1.0 / len(due)))
    weight = weight / weight.sum()
    ratio = seen / due
    order = np.lexsort((weight, ratio))
    reached = np.cumsum(weight[order]) - weight[order] / 2
    return float(np.interp(0.5, reached, ratio[order]))


class Contest:
    """Which scopes explain the fall of one measure in one window: the most likely first.

    A member's figure is a count with an error of its own (negative binomial); what a scope gains is
    how much likelier its members are if all fell to the same part of what was due.
    """

    def __init__(self, w: Windows, i: int, k: int, scopes: Scopes, rest: float = 1.0) -> None:
        self.scopes = scopes
        self.seen, self.due = w.seen[i, k], w.due[i, k] * rest
        some = self.due > 0
        due = np.where(some, self.due, 1.0)
        unit = np.where(some, w.counting[i, k] * rest / due, 1.0)
        self.unit = np.maximum(unit, 1e-9)
        self.shape = 1.0 / (w.model[i, k] * rest**2 / due**2 + ALIKE**2)
        self.factor = np.ones(len(self.due))
        noise = w.counting[i, k] * rest + w.model[i, k] * rest**2
        self.weight = np.where(some, self.due / np.where(some, noise, 1.0), 0.0)
        self.some = scopes.sums(self.due[None])[0] > 0  # scopes that can compete at all

    def gain(self, row: int, ratio: float) -> float:
        """How much likelier the members are if the scope's fell to `ratio`, in log units."""
        who = self.scopes.members_of(row)
        who = who[self.due[who] > 0]
        mean = self.due[who] * self.factor[who] / self.unit[who]
        count, shape = self.seen[who] / self.unit[who], self.shape[who]
        ratio = max(ratio, 0.02)
        told = count * np.log(ratio) - (count + shape) * np.log(
            (shape + ratio * mean) / (shape + mean)
        )
        kind = int(self.scopes.kind[row])
        rivals = float(np.log(max(int(((self.scopes.kind == kind) & self.some).sum()), 1)))
        return float(np.clip(told, -MOST_SAID, MOST_SAID).sum() - PENALTY[kind] - rivals)

    def left(self, row: int) -> tuple[float, float]:
        """Seen and due of a scope, each member weighted by what it can tell, once what is explained
        already is taken out."""
        who = self.scopes.members_of(row)
        weight = self.weight[who]
        due = self.due[who] * self.factor[who]
        return float((weight * self.seen[who]).sum()), float((weight * due).sum())

    def without_worst(self, row: int) -> tuple[float, float, float]:
        """Seen, due and events due of a scope without the room that is shortest."""
        who = self.scopes.members_of(row)
        due = self.due[who] * self.factor[who]
        rooms, place = np.unique(self.scopes.room[who], return_inverse=True)
        weight = self.weight[who]
        whole, got = np.bincount(place, weight * due), np.bincount(place, weight * self.seen[who])
        events = np.bincount(place, due / self.unit[who])
        if len(rooms) < 2:
            return 0.0, 0.0, 0.0
        worst = int(np.argmax(whole - got))
        return (
            float(got.sum() - got[worst]),
            float(whole.sum() - whole[worst]),
            float(events.sum() - events[worst]),
        )

    def explain(self, row: int, ratio: float) -> None:
        who = self.scopes.members_of(row)
        self.factor[who] *= ratio


def window_minutes(bucket_min: float) -> tuple[float, ...]:
    return tuple(w * bucket_min for w in WINDOWS)
