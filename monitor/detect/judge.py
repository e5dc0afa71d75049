"""One rule over all its scopes in one bucket: what each is in, and who is to blame.

A scope is a candidate where a window is far enough below what was due, by the evidence that its kind
needs, by the least fall and by the money at stake. Of the candidates the fewest that explain what
fell are chosen, the likeliest first; what a cause explains is told there. A dip that is on goes on
while its last buckets, held against the level before it, are low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.detect.event import Bools, Floats, Ints
from monitor.detect.evidence import Contest, Tested, median_ratio
from monitor.detect.members import WINDOWS, Windows
from monitor.detect.rule import Rule
from monitor.detect.states import (
    BAND,
    BREACHED,
    BRIDGED,
    CAUSES_OF,
    CLEAR,
    ENOUGH,
    INCOMPLETE,
    NEEDED,
    NORMAL,
    QUIET,
    STILL,
    TOO_LITTLE,
)  # fmt: skip

if TYPE_CHECKING:
    from monitor.detect.detector import Detector

AS_LOW_FIRST, AS_LOW = 0.6, 0.4  # of the least fall, that a bucket must be short itself
LASTING = 0.4  # of a window's fall, that its newest buckets must be short
STRONG = 0.5  # of what is expected: gone, and it is critical at once
ENOUGH_ROOM = 10.0  # events due in a scope's other rooms, to say that they are well
UNCAUSED = 1.3  # times the evidence for money or orders that fell where no cause is told
ALONE = 0.6  # of a scope's volume in one room
ALL_BUT_GONE, GOING = 0.72, 0.25  # fall of such a room, in all or over three buckets
UNREAD = 0.1  # of what a scope usually brings, that may be missing
COMPARED = 0.2  # of what a scope usually brings must be comparable, or it cannot be judged
LONGEST = 30  # buckets after which what is told long enough is the new normal
LEFT = 0.85  # of the evidence needed, that must be left when what is explained is taken out
SOUND = 0.9  # of the conversion due, that a surge must keep
FLAT_DUE = 20.0  # orders due, of which none came; half as many by the slow level
RIVALS, TOLD = 60, 6  # candidates that compete in a bucket, and how many may win


class Judge:
    """The judging of one bucket; `state`, `strong`: (rules, scopes). `blamed`: (measures, scopes)."""

    def __init__(self, d: Detector, windows: Windows, tested: Tested) -> None:
        self.d, self.windows, self.tested = d, windows, tested
        self.z = tested.z / d.calibration
        self.need = np.array(NEEDED)[d.scopes.kind]
        self.state = np.full(d.held.shape, NORMAL, np.uint8)
        self.strong: Bools = np.zeros(d.held.shape, bool)
        self.blamed: Bools = np.zeros(tested.z.shape[1:], bool)
        self.fallen: dict[tuple[str, bool], list[tuple[int, float]]] = {}

    def judge(self, r: int, rule: Rule, b: int) -> None:
        """One rule over all its scopes. Causes come before what they explain."""
        d, tested = self.d, self.tested
        k = d.index[rule.measure]
        if not d.usable(k, b):
            d_top = d.event.usable[d.measures[k].top][b]
            self.state[r] = INCOMPLETE if d_top else BRIDGED
            return
        sign = -1.0 if rule.up else 1.0
        z = sign * self.z[:, k] * rule.sensitivity
        fall = sign * (1.0 - tested.typical[:, k])
        judged = self._judged(r, k, b)
        hourly, dear = self._dear(k, rule)
        low = self._low(k, rule, z, fall) & judged & dear
        if rule.kind == "surge":
            low &= self._surging(k, rule, fall)
        elif rule.kind == "flatline":
            low = self._flat(k, rule, judged & dear)
        candidate = low.any(axis=0)
        best = np.argmin(np.where(low, z, 0.0), axis=0)
        now_low = fall[0] >= AS_LOW * rule.least_fall
        deep = np.where(fall[:3] >= 0.5 * rule.least_fall, z[:3], 0.0).min(axis=0)
        on = d.held[r] & judged & (deep <= -STILL) & now_low
        for row in np.flatnonzero(on).tolist():  # nor does one room keep it up
            middle = self._middle(0, k, row)
            if middle is not None and sign * (1.0 - middle) < AS_LOW * rule.least_fall:
                on[row] = False
        if rule.kind == "flatline":
            on &= tested.seen[0, k] <= 0
            chosen = self._widest(candidate & ~on, on)
        else:
            chosen = self._choose(r, rule, k, candidate & ~on, best, on)
        breach = on | chosen
        self.blamed[k] |= candidate | breach
        clear = judged & ~breach & (z[0] > -CLEAR) & ~candidate
        told = np.where(breach, BREACHED, np.where(clear, NORMAL, BAND))
        untold = np.where(self._incomplete(k) & d.applies[r], INCOMPLETE, TOO_LITTLE)
        self.state[r] = np.where(judged, told, untold)
        self.strong[r] = breach & (fall[0] >= STRONG) & (z[0] <= -STRONG * 10)
        d.in_row[r] = np.where(breach, d.in_row[r] + 1, np.where(judged, 0, d.in_row[r]))
        d.clear_row[r] = np.where(clear, d.clear_row[r] + 1, np.where(judged, 0, d.clear_row[r]))
        self._hold(r, k, chosen, best, freeze=rule.kind != "flatline")
        d.figures.hourly[r] = hourly

    # --- what makes a candidate -----------------------------------------------------------------

    def _judged(self, r: int, k: int, b: int) -> Bools:
        """(scopes,) what the rule reads and enough is known of."""
        d, tested = self.d, self.tested
        per_hour = 60.0 / d.event.bucket_min
        found = np.zeros(len(d.scopes))
        enough = self._enough(k)
        for i, w in enumerate(WINDOWS):  # events due in an hour, by the longest window that has any
            found = np.where(enough[i] > 0, enough[i] * max(per_hour / w, 1.0), found)
        compared = tested.due[0, k] >= COMPARED * d.usual[k]
        known = (found >= ENOUGH) & (tested.due[0, k] > 0) & compared & (b >= QUIET)
        return np.asarray(d.applies[r] & known & ~self._incomplete(k))

    def _incomplete(self, k: int) -> Bools:
        """(scopes,) of which more than a tenth of what is usual was not read."""
        members, scopes = self.d.members, self.d.scopes
        if not members.unread[k].any():
            return np.zeros(len(scopes), bool)
        unread, whole = scopes.sums(np.stack([members.unread[k], members.could]))
        return np.asarray(unread > UNREAD * whole)

    def _low(self, k: int, rule: Rule, z: Floats, fall: Floats) -> Bools:
        """(windows, scopes) far enough off, with enough evidence, and not explained away."""
        d, tested = self.d, self.tested
        sign = -1.0 if rule.up else 1.0
        whole = sign * (1.0 - tested.ratio[:, k])
        slow = sign * (1.0 - tested.slow[:, k])
        low = (z <= -self.need) & (fall >= rule.least_fall) & (slow >= 0.5 * rule.least_fall)
        low &= (self._enough(k) > 0) & (whole >= 0.5 * rule.least_fall)
        low &= fall[0] >= AS_LOW_FIRST * rule.least_fall
        # It lasts: the newest of a window's buckets are about as short as the window.
        newest = np.where((np.arange(len(WINDOWS)) <= 1)[:, None], fall[0], fall[1])
        low &= newest >= LASTING * fall
        if not rule.up:
            low &= ~self._closing(k, whole[0])
        causes = [c for c in CAUSES_OF.get(rule.measure, ()) if c in d.index]
        if len(causes) > 1 and not rule.up:  # money falls because of something
            caused = np.zeros(len(d.scopes), bool)
            caused[[row for row, _ in self._caused(rule)]] = True
            low &= caused | (z <= -UNCAUSED * self.need)
        return np.asarray(low)

    def _surging(self, k: int, rule: Rule, fall: Floats) -> Bools:
        """(windows, scopes) far above for a quarter of an hour and more, and no bargain: conversion
        holds. `fall`: how far above."""
        d = self.d
        lasting = (fall[:3] >= 0.5 * rule.least_fall).all(axis=0) & (fall[3] >= rule.least_fall)
        if "conversion" in d.index:
            lasting &= self.tested.typical[3, d.index["conversion"]] >= SOUND
        return np.asarray(lasting[None] & (np.arange(len(WINDOWS)) == 3)[:, None])

    def _flat(self, k: int, rule: Rule, judged: Bools) -> Bools:
        """(windows, scopes) nothing at all where enough was due, in two rooms or more; what is told
        of a dip is not due."""
        d, windows = self.d, self.windows
        left = np.ones(d.event.members)
        for name in (rule.measure, *CAUSES_OF.get(rule.measure, ())):
            for row, ratio in self.fallen.get((name, False), []):
                left[d.scopes.members_of(row)] *= ratio
        rest = self.tested.rest[:, k]  # nor what everybody else did not bring in the same minutes
        due = d.scopes.sums(windows.due[:, k] * left) * rest
        slow = d.scopes.sums(windows.slow[:, k] * left) * rest
        seen = d.scopes.sums(d.members.seen[-2:, k]).sum(axis=0)
        alone = d.scopes.largest_room(windows.due[0, k]) >= due[0]
        nothing = (d.scopes.sums(windows.seen[:, k]) <= 0) & (seen <= 0) & ~alone
        two = (np.arange(len(WINDOWS)) >= 1)[:, None]
        least = FLAT_DUE if d.growth.known else 2 * FLAT_DUE
        enough = (due >= least) & (slow >= least / 2)
        return np.asarray(nothing & two & enough & judged)

    def _dear(self, k: int, rule: Rule) -> tuple[Floats, Bools]:
        """(scopes,) RM an hour at stake by the last 15 minutes, NaN unknown; whether it matters."""
        d, tested = self.d, self.tested
        gmv = d.index.get("gmv")
        if gmv is None:
            return np.full(len(d.scopes), np.nan), np.ones(len(d.scopes), bool)
        per_hour = 60.0 / d.event.bucket_min
        due = (
            np.where(tested.due[2, gmv] > 0, tested.due[2, gmv] / 3, tested.due[0, gmv]) * per_hour
        )
        fall = 1.0 - np.where(tested.due[2, k] > 0, tested.ratio[2, k], tested.ratio[0, k])
        hourly = np.abs(fall) * due
        gate = rule.least_at_risk * (1.0 if rule.in_money else float(due[0]))
        return hourly, np.asarray(hourly >= gate)

    def _enough(self, k: int) -> Floats:
        """(windows, scopes) events due. Money is as many as its orders: one large order is one."""
        d, tested = self.d, self.tested
        orders = d.index.get("orders")
        if d.measures[k].top not in ("gmv", "refunds") or orders is None:
            return tested.enough[:, k]
        return np.asarray(np.minimum(tested.enough[:, k], tested.enough[:, orders]))

    def _closing(self, k: int, fall: Floats) -> Bools:
        """(scopes,) one room makes most of it and is all but gone, or going, or pauses: only a fall
        that stands still for three buckets is no audience that leaves."""
        d = self.d
        if not d.volume[k]:
            return np.zeros(len(d.scopes), bool)
        due = self.windows.due[0, k]
        most = d.scopes.largest_room(np.where(d.members.rooms, due, 0.0))
        alone = most > ALONE * np.maximum(d.scopes.sums(due), 1e-12)
        three = np.stack([*d.fell[:, k], fall])
        steady = three.max(axis=0) - three.min(axis=0) <= GOING
        return np.asarray(alone & (~steady | (three[1:].max(axis=0) > ALL_BUT_GONE)))

    # --- who is to blame ------------------------------------------------------------------------

    def _caused(self, rule: Rule) -> list[tuple[int, float]]:
        """Scopes told of a measure's causes in this bucket, each with what is left (0..)."""
        names = () if rule.up else CAUSES_OF.get(rule.measure, ())
        return [told for name in names for told in self.fallen.get((name, False), [])]

    def _choose(self, r: int, rule: Rule, k: int, candidate: Bools, best: Ints, on: Bools) -> Bools:
        """The fewest scopes that explain what fell, the likeliest first."""
        d, tested = self.d, self.tested
        chosen: Bools = np.zeros(len(d.scopes), bool)
        told = self.fallen.setdefault((rule.measure, rule.up), [])
        for row in np.flatnonzero(on).tolist():
            told.append((row, float(np.clip(tested.typical[1, k, row], 0.02, 3.0))))
        caused = self._caused(rule)
        for row, _ in caused:  # what a cause explains is told there: with little more to ask
            if d.applies[r, row] and not on[row]:
                chosen[row] = candidate[row] or self._follows(rule, k, row)
        rows = np.flatnonzero(candidate & ~chosen)
        if not len(rows):
            return chosen
        order = np.argsort(tested.z[best[rows], k, rows] * (-1 if rule.up else 1), kind="stable")
        rows = rows[order][:RIVALS]
        i = int(best[rows[0]])
        contest = Contest(self.windows, i, k, d.scopes)
        known = {row for row, _ in caused}
        for row, ratio in caused + [x for x in told if x[0] not in known]:
            contest.explain(row, ratio)
        remaining = rows.tolist()
        for _ in range(TOLD):
            ranked = []
            for row in remaining:
                ratio_ = self._ratio(contest, i, k, row, rule)
                if ratio_ is not None:
                    ranked.append((contest.gain(row, ratio_), -row, ratio_))
            if not ranked or max(ranked)[0] <= 0:
                break
            _, row, ratio = max(ranked)
            chosen[-row] = True
            told.append((-row, ratio))
            contest.explain(-row, ratio)
            remaining.remove(-row)
        return chosen

    def _ratio(self, contest: Contest, i: int, k: int, row: int, rule: Rule) -> float | None:
        """To what part a scope fell as a whole, once what is explained is taken out; None if what is
        left is too little, or the fall of one member or room alone."""
        d, tested = self.d, self.tested
        sign = -1.0 if rule.up else 1.0
        rest = float(tested.rest[i, k, row])
        seen, due = contest.left(row)
        if due <= 0:
            return None
        ratio = seen / (due * rest)
        fall = sign * (1.0 - ratio)
        error = float(tested.error[i, k, row]) * float(d.calibration[i, k, row])
        sure = fall / max(error, 1e-9) * rule.sensitivity
        if fall < rule.least_fall or sure < LEFT * self.need[row]:
            return None
        middle = self._middle(i, k, row)
        middle = ratio if middle is None else middle
        if sign * (1.0 - middle) < 0.5 * fall:
            return None
        if d.volume[k] and not rule.up and self._one_room(contest, row, fall, rest):
            return None
        return middle * rest

    def _middle(self, i: int, k: int, row: int) -> float | None:
        who = self.d.scopes.members_of(row)
        return median_ratio(self.windows, i, k, who, float(self.tested.rest[i, k, row]))

    def _one_room(self, contest: Contest, row: int, fall: float, rest: float) -> bool:
        """Whether a scope is short by one of its rooms alone: that is an audience, not a fault."""
        seen, due, events = contest.without_worst(row)
        due *= rest
        if events < ENOUGH_ROOM:
            got, whole = contest.left(row)
            short, other = whole * rest - got, due - seen
            return due > 0 and abs(short - other) > ALONE * abs(short)
        return 1.0 - seen / due < AS_LOW * fall

    def _follows(self, rule: Rule, k: int, row: int) -> bool:
        """Whether a measure fell too where one of its causes fell."""
        fall, z = 1.0 - self.tested.typical[:3, k, row], self.z[:3, k, row]
        some = self.tested.due[:3, k, row] > 0
        return bool(((fall >= rule.least_fall) & (z <= -STILL) & some).any())

    def _widest(self, flat: Bools, on: Bools) -> Bools:
        """Of flat scopes those that no other flat one contains."""
        d, found = self.d, flat.copy()
        names = [set(d.scopes.named[row].items()) for row in np.flatnonzero(flat | on)]
        for row in np.flatnonzero(flat).tolist():
            mine = set(d.scopes.named[row].items())
            found[row] = not any(other < mine for other in names)
        return found

    # --- levels that stand still ----------------------------------------------------------------

    def _hold(self, r: int, k: int, chosen: Bools, best: Ints, freeze: bool) -> None:
        """Levels of members in a dip stand still; when it is over they move again."""
        d = self.d
        for row in np.flatnonzero(chosen & freeze).tolist():
            d.members.hold(k, d.scopes.members_of(row), WINDOWS[int(best[row])])
        before = d.held[r].copy()
        over = before & (d.clear_row[r] >= 3)
        over |= before & (d.in_row[r] == 0) & (d.clear_row[r] >= 1) & (d.figures.since[r] < 0)
        over |= before & (d.in_row[r] >= LONGEST)
        d.held[r] = (before | chosen) & ~over
        for row in np.flatnonzero(over).tolist():
            still = np.zeros(d.event.members, bool)
            for q, rule in enumerate(d.rules):
                if d.index[rule.measure] == k:
                    for other in np.flatnonzero(d.held[q]).tolist():
                        still[d.scopes.members_of(other)] = True
            who = d.scopes.members_of(row)
            d.members.release(k, who[~still[who]])
            d.in_row[r, row] = 0
