"""Every rule and scope of an event, bucket by bucket: the seam of detection.

`Detector.step` is the story: read the bucket, see who went on or off air, hold every scope against
what its own members did before, find the fewest scopes that explain what fell, decide each rule's
state, and let the levels learn. It knows nothing but what was known by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from monitor.detect import figures, pace
from monitor.detect.event import MEASURES, Bools, Event, Floats
from monitor.detect.evidence import Tested, compose, test
from monitor.detect.growth import Growth
from monitor.detect.judge import Judge
from monitor.detect.members import WINDOWS, Members, Windows
from monitor.detect.rule import COMBINATIONS, Rule
from monitor.detect.scopes import Scopes
from monitor.detect.states import (
    AFTER_CHANGE,
    BAND,
    BREACHED,
    BRIDGED,
    CAUSES,
    CAUSES_OF,
    DOUBTFUL,
    ENOUGH,
    INCOMPLETE,
    NEEDED,
    NORMAL,
    OPEN,
    QUIET,
    STATES,
    TOO_LITTLE,
)  # fmt: skip

__all__ = [
    "AFTER_CHANGE", "BAND", "BREACHED", "BRIDGED", "ENOUGH", "INCOMPLETE", "NEEDED", "NORMAL",
    "OPEN", "QUIET", "STATES", "TOO_LITTLE", "Detector", "Step",
]  # fmt: skip

SHORT = 0.15  # fall from which a doubtful scope's noise is not learned
SHOW_BEFORE, SHOW_AFTER = 15.0, 30.0  # minutes around a planned start or end of one member's show
CALIBRATION = 0.03  # gain of a scope's running calibration
USUAL = 0.08  # gain of what a scope usually brings: about an hour
SMALL = 0.7  # of the campaign's error that a creator, or an unknown group, has beside it
AGEING = 12.0  # buckets of standing still in which a level's error grows by two fifths
OWN_VOLUME, OWN_RATE = 0.045, 0.025  # error of what a small scope has of its own
WIDE = 4  # kinds of scopes (campaign, channel, category, both) whose whole curve is kept


@dataclass(frozen=True)
class Step:
    """One bucket. (rules, scopes): `state` (index into STATES), `strong`, `gone` (a member that
    went off air: what looked like a dip was none)."""

    bucket: int
    state: np.ndarray
    strong: Bools
    gone: Bools


class Detector:
    """Judges one event. `rules` that read what the event does not have are left out.

    AXES: everything that one bucket hands to the next, with its axes (`s`: scopes, `d`: wide scopes,
    `b`: buckets); `figures.NAME` too. See `detect.resume`.
    """

    AXES: ClassVar[dict[str, str]] = {
        "calibration": "wks", "in_row": "rs", "clear_row": "rs", "held": "rs", "usual": "ks",
        "fell": "wks", "index_log": "kb", "observed": "kdb", "expected": "kdb", "low": "kdb",
        "high": "kdb", "states": "rdb", "figures.since": "rs", "figures.until": "rs",
        "figures.seen": "rs", "figures.due": "rs", "figures.per": "rs", "figures.money": "rs",
        "figures.hourly": "rs",
    }  # fmt: skip

    def __init__(
        self,
        event: Event,
        growth: Growth,
        rules: Sequence[Rule],
        extra: Sequence[Mapping[str, str]] = (),
    ) -> None:
        self.event, self.growth = event, growth
        self.rules = tuple(r for r in _ordered(rules) if r.enabled and _readable(r, event))
        names = list(dict.fromkeys(r.measure for r in self.rules))
        for name in ("visitors", "gmv", "orders"):
            if name not in names and _has(name, event):
                names.append(name)
        self.measures = tuple(MEASURES[name] for name in names)
        self.index = {name: i for i, name in enumerate(names)}
        self.scopes = Scopes(event.dims, event.members, extra)
        self.members = Members(event, growth, self.measures)
        k, s, r = len(self.measures), len(self.scopes), len(self.rules)
        self.volume = self.members.volume
        row = {group: i + 1 for i, group in enumerate(growth.groups)}
        self.own_rows = np.array(
            [
                [
                    row.get((dim, scope[dim]), 0) if dim in scope else -1
                    for scope in self.scopes.named
                ]
                for dim in ("channel", "category")
            ]
        )
        self.calibration = np.ones((len(WINDOWS), k, s))
        self.in_row, self.clear_row = np.zeros((r, s), int), np.zeros((r, s), int)
        self.held: Bools = np.zeros((r, s), bool)
        self.figures = figures.Figures.none(r, s)
        self.usual = np.zeros((k, s))
        self.fell = np.zeros((2, k, s))  # by how much each was short in the two buckets before
        self.doubts = 0
        self.index_log = np.zeros((k, event.buckets))
        self.bucket = 0
        self.wide = int((self.scopes.kind < WIDE).sum())
        wide = (k, self.wide, event.buckets)
        self.observed, self.expected = np.full(wide, np.nan), np.full(wide, np.nan)
        self.low, self.high = np.full(wide, np.nan), np.full(wide, np.nan)
        self.states = np.full((r, self.wide, event.buckets), OPEN, np.uint8)
        self.applies: Bools = np.array([self._applies(rule) for rule in self.rules]).reshape(r, s)
        self.tested: Tested | None = None
        self.windows: Windows | None = None

    def _applies(self, rule: Rule) -> Bools:
        wanted = [COMBINATIONS.index(c) for c in rule.scopes if c in COMBINATIONS]
        right = np.isin(self.scopes.kind, wanted)
        right[self.scopes.extra :] = False
        if rule.only:
            named = [rule.only.items() <= scope.items() for scope in self.scopes.named]
            right &= np.array(named)
        return right

    # --- one bucket -----------------------------------------------------------------------------

    def step(self) -> Step:
        """Judge the next bucket."""
        b = self.bucket
        members = self.members
        if not self.growth.known:
            pace.foresee(self, b)
        members.take(b)
        outage = self._outage()
        members.settle(outage)
        windows = members.windows()
        self._leave_out(windows, b)
        error = self._error(b)
        tested = test(windows, self.scopes, *error)
        for name, causes in CAUSES_OF.items():
            if name in self.index and all(c in self.index for c in causes):
                compose(tested, self.index[name], [self.index[c] for c in causes])
        self.tested, self.windows = tested, windows
        judge = Judge(self, windows, tested)
        for r, rule in enumerate(self.rules):
            judge.judge(r, rule, b)
        self._calibrate(tested, judge.blamed)
        self.fell = np.stack([self.fell[1], 1.0 - tested.ratio[0]])
        gone = self._gone()
        figures.keep(self, b, judge.state, tested)
        if not self.growth.known:
            pace.follow(self, windows, tested, b)
        seen = self.scopes.sums(members.seen[-1])
        self.usual = np.where(self.usual > 0, self.usual + USUAL * (seen - self.usual), seen)
        members.learn(self._suspects(tested))
        figures.record(self, b, judge.state, tested)
        self.bucket += 1
        return Step(b, judge.state, judge.strong, gone)

    def _suspects(self, tested: Tested) -> Bools:
        """(measures, members) of small scopes that look short: what they do now is no noise."""
        with np.errstate(all="ignore"):
            short = ((tested.z <= -DOUBTFUL) & (tested.typical < 1 - SHORT)).any(axis=0)
        return self.scopes.any_of(np.asarray(short))

    def usable(self, k: int, b: int) -> bool:
        measure = self.measures[k]
        fine = bool(self.event.usable[measure.top][b])
        return fine and (measure.per is None or bool(self.event.usable[measure.per][b]))

    # What a witness asks for.

    def _usable(self, k: int, b: int) -> bool:
        return self.usable(k, b)

    def _sums(self, b: int) -> tuple[Floats, Floats, Floats]:
        return figures.sums(self, b)

    def _expected(self, tested: Tested, seen: Floats) -> Floats:
        return figures.expected_of(self, tested, seen)

    def _error(self, b: int) -> tuple[Floats, Floats]:
        """(measures, scopes) the shape's error in this bucket, and of what each scope has of its own."""
        grid = np.stack([self.growth.errors[m.name][:, b] for m in self.measures])
        own = np.where(self.own_rows > 0, grid[:, np.maximum(self.own_rows, 0)], 0.0)
        # A group that no earlier event had errs by a part of what the campaign does.
        own += np.where(self.own_rows == 0, SMALL * grid[:, :1, None], 0.0)
        rows = (own**2).sum(axis=1)
        plain = np.where(self.volume, OWN_VOLUME, OWN_RATE)[:, None]
        own = np.sqrt(rows + np.where(self.scopes.kind >= 3, plain, 0.0) ** 2)
        small = self.scopes.kind >= WIDE  # those do as they like when the campaign moves
        own[:, small] = np.sqrt(own[:, small] ** 2 + (SMALL * grid[:, :1]) ** 2)
        own[:, self.scopes.kind == 0] = 0.0
        # What is held against a level that stands still errs more and more.
        since = np.zeros(own.shape)
        for r, rule in enumerate(self.rules):
            k = self.index[rule.measure]
            since[k] = np.maximum(since[k], np.where(self.held[r], self.in_row[r], 0))
        longer = np.sqrt(1 + since / AGEING)
        return grid[:, :1] * longer, own * longer

    def _leave_out(self, windows: Windows, b: int) -> None:
        """Members around a planned start or end of their own show say nothing of the scope."""
        out = np.zeros(self.event.members, bool)
        for plan in self.event.plans:
            if set(plan.scope) <= {"channel", "category"}:
                continue
            for at in (plan.first, plan.end):
                since = (b - at) * self.event.bucket_min
                if -SHOW_BEFORE <= since < SHOW_AFTER:
                    row = self.scopes.row(dict(plan.scope))
                    if row is not None:
                        out[self.scopes.members_of(row)] = True
                    else:
                        out |= _matching(self.event, plan.scope)
        if out.any():
            for grid in (windows.seen, windows.due, windows.counting, windows.model, windows.slow):
                grid[..., out] = 0.0

    def _outage(self) -> Bools:
        """Members that went off air so many at once that something is broken."""
        off = self.members.broke < 0
        found = np.zeros(len(off), bool)
        if off.sum() < 5:
            return found
        lead = self.members.leads
        level = self.members.a_was[-1, lead] / np.maximum(self.members.b_was[-1, lead], 1e-12)
        due = np.where(self.members.b_was[-1, lead] > 0, level * self.members.exposure[-1, lead], 0)
        for row in range(self.wide):
            who = self.scopes.members_of(row)
            counted = who[due[who] >= 5.0]
            if len(counted) >= 5 and due[who][off[who]].sum() >= 0.8 * due[who].sum():
                found[who[off[who]]] = True
        return found

    def _gone(self) -> Bools:
        """Scopes of which most went off air in this bucket: a room closed, nothing is wrong."""
        off = self.members.broke < 0
        if not off.any():
            return np.zeros(self.held.shape, bool)
        lead = self.members.leads
        was = self.members.seen[-4:-1, lead].sum(axis=0) + 1e-9
        share = self.scopes.sums(np.where(off, was, 0.0)[None])[0] / self.scopes.sums(was[None])[0]
        return np.broadcast_to(share >= 0.5, self.held.shape).copy()

    # --- what is kept ---------------------------------------------------------------------------

    def _calibrate(self, tested: Tested, blamed: Bools) -> None:
        """How much wider than reckoned each scope's evidence runs, window by window."""
        z2 = np.minimum(tested.z**2, 9.0)
        calm = ~blamed[None] & (tested.due > 0) & (tested.z > -2.0 * self.calibration)
        grown = self.calibration**2 + CALIBRATION * (z2 - self.calibration**2)
        self.calibration = np.where(calm, np.sqrt(np.maximum(grown, 1.0)), self.calibration)


def _ordered(rules: Sequence[Rule]) -> list[Rule]:
    """Causes first: what they explain is not told again of another scope."""
    return sorted(
        rules, key=lambda r: CAUSES.index(r.measure) if r.measure in CAUSES else len(CAUSES)
    )


def _has(name: str, event: Event) -> bool:
    measure = MEASURES[name]
    return all(
        metric is None or (metric in event.amounts and not np.isnan(event.amounts[metric]).all())
        for metric in (measure.top, measure.per)
    )


def _readable(rule: Rule, event: Event) -> bool:
    return rule.measure in MEASURES and _has(rule.measure, event)


def _matching(event: Event, scope: object) -> Bools:
    out = np.ones(event.members, bool)
    for dim, value in dict(scope).items():  # type: ignore[call-overload]
        values = event.dims.get(dim)
        out &= np.array([v == value for v in values]) if values else False
    return out
