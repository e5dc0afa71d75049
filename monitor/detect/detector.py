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

from monitor.detect.event import MEASURES, Bools, Event, Floats, Ints
from monitor.detect.evidence import Contest, Tested, median_ratio, test
from monitor.detect.growth import Growth
from monitor.detect.members import WINDOWS, Members, Windows
from monitor.detect.rule import Rule
from monitor.detect.scopes import Scopes

NORMAL, BAND, BREACHED, OPEN, BRIDGED, INCOMPLETE, TOO_LITTLE = range(7)
STATES = ("normal", "band", "breach", "open", "bridged", "incomplete", "too_little")

NEEDED = (3.5, 4.0, 4.0, 4.3, 5.0, 5.0, 5.0, 5.0)  # σ by kind of scope: the more, the surer
STILL, CLEAR = 2.0, 1.5  # σ at which a dip that is on goes on, and is over
DOUBTFUL = 2.5  # σ at which the campaign's own growth is not followed
QUIET = 4  # buckets at the start that are learned from, not judged
ENOUGH = 27.0  # events due in an hour, below which not even a halving can be seen
STRONG = 0.5  # of what is expected: gone, and it is critical at once
AFTER_CHANGE = 45.0  # minutes of half sensitivity after a planned change
SHOW_BEFORE, SHOW_AFTER = 15.0, 30.0  # minutes around a planned start or end of one member's show
CALIBRATION = 0.03  # gain of a scope's running calibration
ALONE = 0.6  # of a scope's volume in one member
ALL_BUT_GONE, GOING = 0.75, 0.2  # fall of such a member, in all or since the bucket before
COMPARED = 0.2  # of what a scope usually brings must be comparable, or it cannot be judged
USUAL = 0.08  # gain of that usual: about an hour
LONGEST = 30  # buckets after which what is told long enough is the new normal
FOLLOW, FOLLOW_SLOPE = 0.8, 0.3  # how today's own growth is followed without history
CAUSES = ("visitors", "impressions", "conversion", "aov", "ctr", "ctor")
CAUSES_OF = {
    "gmv": ("visitors", "conversion", "aov"),
    "orders": ("visitors", "conversion"),
    "clicks": ("impressions", "ctr"),
}
WIDE = 4  # kinds of scopes (campaign, channel, category, both) whose whole curve is kept


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
        "fell": "ks", "index_log": "kb", "observed": "kdb", "expected": "kdb", "low": "kdb",
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
        self.calibration = np.ones((len(WINDOWS), k, s))
        self.in_row, self.clear_row = np.zeros((r, s), int), np.zeros((r, s), int)
        self.held: Bools = np.zeros((r, s), bool)
        self.figures = Figures.none(r, s)
        self.usual = np.zeros((k, s))
        self.fell = np.zeros((k, s))  # by how much each was short in the bucket before
        self.doubts = 0
        self.index_log = np.zeros((k, event.buckets))
        self.bucket = 0
        self.wide = int((self.scopes.kind < WIDE).sum())
        wide = (k, self.wide, event.buckets)
        self.observed, self.expected = np.full(wide, np.nan), np.full(wide, np.nan)
        self.low, self.high = np.full(wide, np.nan), np.full(wide, np.nan)
        self.states = np.full((r, self.wide, event.buckets), OPEN, np.uint8)
        self.applies = np.stack([self._applies(rule) for rule in self.rules]) if r else None
        self.tested: Tested | None = None
        self.windows: Windows | None = None

    def _applies(self, rule: Rule) -> Bools:
        from monitor.detect.rule import COMBINATIONS

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
            self._foresee(b)
        members.take(b)
        outage = self._outage()
        members.settle(outage)
        windows = members.windows()
        self._leave_out(windows, b)
        error = self._error(b)
        tested = test(windows, self.scopes, error, self.volume, self.growth.known)
        self.tested, self.windows = tested, windows
        z = tested.z / self.calibration
        state = np.full(self.held.shape, NORMAL, np.uint8)
        strong = np.zeros(self.held.shape, bool)
        fallen: dict[str, list[tuple[int, float]]] = {}
        blamed = np.zeros(tested.z.shape[1:], bool)
        for r, rule in enumerate(self.rules):
            self._judge(r, rule, b, windows, tested, z, state, strong, fallen, blamed)
        self._calibrate(tested, blamed)
        self.fell = 1.0 - tested.ratio[0]
        gone = self._gone()
        self._keep_figures(b, state, tested)
        if not self.growth.known:
            self._follow(tested, b)
        seen = self.scopes.sums(members.seen[-1])
        self.usual = np.where(self.usual > 0, self.usual + USUAL * (seen - self.usual), seen)
        members.learn()
        self._record(b, state, tested)
        self.bucket += 1
        return Step(b, state, strong, gone)

    def _usable(self, k: int, b: int) -> bool:
        measure = self.measures[k]
        fine = bool(self.event.usable[measure.top][b])
        return fine and (measure.per is None or bool(self.event.usable[measure.per][b]))

    def _error(self, b: int) -> float:
        """The shape's error in this bucket; doubled for 45 minutes after a planned change."""
        error = float(self.growth.error[b]) * (2.0 if self.growth.unknown[b] else 1.0)
        for plan in self.event.plans:
            if set(plan.scope) <= {"channel", "category"}:
                for at in (plan.first, plan.end):
                    since = (b - at) * self.event.bucket_min
                    if 0 <= since < AFTER_CHANGE:
                        return 2.0 * error
        return error

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
        lead = self.members.leads or 0
        level = self.members.a_was[-1, lead] / np.maximum(self.members.b_was[-1, lead], 1e-12)
        due = np.where(self.members.b_was[-1, lead] > 0, level * self.members.exposure[-1, lead], 0)
        for row in range(self.wide):
            who = self.scopes.members_of(row)
            counted = who[due[who] >= 5.0]
            if len(counted) >= 5 and due[who][off[who]].sum() >= 0.8 * due[who].sum():
                found[who[off[who]]] = True
        return found

    # --- rules ------------------------------------------------------------------------------------

    def _judge(
        self, r: int, rule: Rule, b: int, windows: Windows, tested: Tested, z_all: Floats,
        state: np.ndarray, strong: Bools, fallen: dict[str, list[tuple[int, float]]],
        blamed: Bools,
    ) -> None:  # fmt: skip
        """One rule over all its scopes: state, and who is to blame."""
        k = self.index[rule.measure]
        assert self.applies is not None
        applies = self.applies[r]
        if not self._usable(k, b):
            state[r] = INCOMPLETE if self.event.usable[self.measures[k].top][b] else BRIDGED
            return
        sign = -1.0 if rule.up else 1.0
        z = sign * z_all[:, k] * rule.sensitivity
        fall = sign * (1.0 - tested.ratio[:, k])
        slow = sign * (1.0 - tested.slow[:, k])
        due = tested.due[:, k]
        need = np.array(NEEDED)[self.scopes.kind]
        hourly, whole = self._money(k, rule, tested)
        gate = max(rule.least_at_risk * (1.0 if rule.in_money else whole), 0.0)
        dear = np.isnan(hourly) | (hourly >= gate)
        per_hour = 60.0 / self.event.bucket_min
        enough = self._enough(k, tested)
        little = _hourly(enough, per_hour) < ENOUGH
        compared = tested.due[0, k] >= COMPARED * self.usual[k]
        judged = applies & ~little & (due[0] > 0) & (b >= QUIET) & compared
        now_low = fall[0] >= 0.4 * rule.least_fall
        low = (z <= -need) & (fall >= rule.least_fall) & (slow >= 0.5 * rule.least_fall)
        low &= (enough > 0) & (judged & now_low & dear)
        low &= ~self._closing(k, windows, tested, fall[0])
        candidate = low.any(axis=0)
        best = np.argmin(np.where(low, z, 0.0), axis=0)
        # A dip that is on goes on while its last buckets, held against the level before it, are low.
        deep = np.where(fall[:3] >= 0.5 * rule.least_fall, z[:3], 0.0).min(axis=0)
        on = self.held[r] & judged & (deep <= -STILL) & now_low
        chosen = self._choose(r, rule, k, windows, tested, candidate & ~on, best, need, on, fallen)
        breach = on | chosen
        blamed[k] |= candidate | breach
        clear = judged & ~breach & (z[0] > -CLEAR) & ~candidate
        state[r] = np.where(
            judged, np.where(breach, BREACHED, np.where(clear, NORMAL, BAND)), TOO_LITTLE
        )
        strong[r] = breach & (fall[0] >= STRONG) & (z[0] <= -STRONG * 10)
        self.in_row[r] = np.where(breach, self.in_row[r] + 1, np.where(judged, 0, self.in_row[r]))
        self.clear_row[r] = np.where(
            clear, self.clear_row[r] + 1, np.where(judged, 0, self.clear_row[r])
        )
        self._hold(r, k, chosen, best)
        self.figures.hourly[r] = hourly

    def _choose(
        self, r: int, rule: Rule, k: int, windows: Windows, tested: Tested, candidate: Bools,
        best: Ints, need: Floats, on: Bools, fallen: dict[str, list[tuple[int, float]]],
    ) -> Bools:  # fmt: skip
        """The fewest scopes that explain what fell, the likeliest first."""
        chosen = np.zeros(len(self.scopes), bool)
        told = fallen.setdefault(rule.measure, [])
        for row in np.flatnonzero(on).tolist():
            told.append((row, float(np.clip(tested.ratio[1, k, row], 0.02, 3.0))))
        caused = [c for name in CAUSES_OF.get(rule.measure, ()) for c in fallen.get(name, [])]
        for row, _ in caused:  # what a cause explains is told there: with little more to ask
            if candidate[row] or self._follows(rule, k, tested, row):
                if self.applies is not None and self.applies[r, row] and not on[row]:
                    chosen[row] = True
        rows = np.flatnonzero(candidate & ~chosen)
        if not len(rows):
            return chosen
        rows = rows[np.argsort(tested.z[best[rows], k, rows], kind="stable")][:60]
        i = int(best[rows[0]])
        contest = Contest(windows, i, k, self.scopes)
        for row, ratio in caused or []:
            contest.explain(row, ratio)
        if not caused:
            for row, ratio in told:
                contest.explain(row, ratio)
        remaining = [int(row) for row in rows]
        for _ in range(6):
            ranked = []
            for row in remaining:
                seen, due = contest.left(row)
                rest = float(tested.rest[i, k, row])
                due *= rest
                if due <= 0:
                    continue
                ratio = seen / due
                fall = (ratio - 1.0) if rule.up else (1.0 - ratio)
                error = float(tested.error[i, k, row]) * float(self.calibration[i, k, row])
                sure = (1.0 - ratio if not rule.up else ratio - 1.0) / max(error, 1e-9)
                if fall < rule.least_fall or sure * rule.sensitivity < 0.85 * need[row]:
                    continue
                who = self.scopes.members_of(row)
                middle = ratio
                if (windows.due[i, k, who] > 0).sum() >= 3:
                    scale = rest
                    middle, _ = median_ratio(windows, i, k, who, scale)
                    lower = (middle - 1.0) if rule.up else (1.0 - middle)
                    if lower < 0.5 * fall:
                        continue
                ranked.append((contest.gain(row, middle * rest), -row, middle * rest))
            if not ranked:
                break
            gain, row, ratio = max(ranked)
            if gain <= 0:
                break
            chosen[-row] = True
            told.append((-row, ratio))
            contest.explain(-row, ratio)
            remaining.remove(-row)
        return chosen

    def _enough(self, k: int, tested: Tested) -> Floats:
        """(windows, scopes) events due. Money is as many as its orders: one large order is one."""
        orders = self.index.get("orders")
        if self.measures[k].top not in ("gmv", "refunds") or orders is None:
            return tested.enough[:, k]
        return np.asarray(np.minimum(tested.enough[:, k], tested.enough[:, orders]))

    def _closing(self, k: int, windows: Windows, tested: Tested, fall: Floats) -> Bools:
        """(scopes,) one member makes most of it and is all but gone, or going: a room that closes."""
        if not self.volume[k]:
            return np.zeros(len(self.scopes), bool)
        due = windows.due[0, k]
        most = np.maximum.reduceat(due[self.scopes.entry], self.scopes.starts)
        whole = self.scopes.sums(due[None])[0]
        alone = most > ALONE * np.maximum(whole, 1e-12)
        return np.asarray(alone & ((fall > ALL_BUT_GONE) | (fall - self.fell[k] > GOING)))

    def _follows(self, rule: Rule, k: int, tested: Tested, row: int) -> bool:
        """Whether a measure fell too where one of its causes fell."""
        sign = -1.0 if rule.up else 1.0
        fall = sign * (1.0 - tested.ratio[:3, k, row])
        z = sign * tested.z[:3, k, row] / self.calibration[:3, k, row]
        return bool(((fall >= rule.least_fall) & (z <= -2.0) & (tested.due[:3, k, row] > 0)).any())

    def _money(self, k: int, rule: Rule, tested: Tested) -> tuple[Floats, float]:
        """(scopes,) RM an hour at stake by the last 15 minutes, NaN unknown; the campaign's due an hour."""
        gmv = self.index.get("gmv")
        if gmv is None:
            return np.full(len(self.scopes), np.nan), 0.0
        per_hour = 60.0 / self.event.bucket_min
        due = (
            np.where(tested.due[2, gmv] > 0, tested.due[2, gmv] / 3, tested.due[0, gmv]) * per_hour
        )
        fall = 1.0 - np.where(tested.due[2, k] > 0, tested.ratio[2, k], tested.ratio[0, k])
        return np.abs(fall) * due, float(due[0]) if len(due) else 0.0

    def _hold(self, r: int, k: int, chosen: Bools, best: Ints) -> None:
        """Levels of members in a dip stand still; when it is over they move again."""
        for row in np.flatnonzero(chosen).tolist():
            self.members.hold(k, self.scopes.members_of(row), WINDOWS[int(best[row])])
        before = self.held[r].copy()
        first = chosen & ~before
        over = before & (self.clear_row[r] >= 3)
        lost = (
            before & (self.in_row[r] == 0) & (self.clear_row[r] >= 1) & (self.figures.since[r] < 0)
        )
        old = before & (self.in_row[r] >= LONGEST)
        self.held[r] = (before | first) & ~(over | lost | old)
        for row in np.flatnonzero(over | lost | old).tolist():
            who = self.scopes.members_of(row)
            still = np.zeros(self.event.members, bool)
            for q, rule in enumerate(self.rules):
                if self.index[rule.measure] == k:
                    for other in np.flatnonzero(self.held[q]).tolist():
                        still[self.scopes.members_of(other)] = True
            self.members.release(k, who[~still[who]])
            self.in_row[r, row] = 0

    def _gone(self) -> Bools:
        """Scopes of which most went off air in this bucket: a room closed, nothing is wrong."""
        off = self.members.broke < 0
        if not off.any():
            return np.zeros(self.held.shape, bool)
        lead = self.members.leads or 0
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

    def _sums(self, b: int) -> tuple[Floats, Floats, Floats]:
        """Per (measures, scopes): all seen in the bucket, exposure, and its plain denominator."""
        seen = self.scopes.sums(self.members.seen[-1])
        exposure = self.scopes.sums(self.members.exposure[-1])
        plain = exposure.copy()
        for k, measure in enumerate(self.measures):
            if measure.mix_free:
                plain[k] = exposure[k] / np.exp(self.growth.rate[measure.name][b])
        return seen, exposure, plain

    def _expected(self, tested: Tested, seen: Floats) -> Floats:
        """(measures, scopes) due in the bucket; who cannot be compared is due what was seen."""
        shared = np.zeros(len(self.measures), bool)
        for r, rule in enumerate(self.rules):
            if self.held[r, 0] or self.in_row[r, 0]:
                shared[self.index[rule.measure]] = True
        due = np.where(shared[:, None], tested.due[0] / tested.rest[0], tested.due[0])
        return np.asarray(due + np.maximum(seen - tested.seen[0], 0.0))

    def _keep_figures(self, b: int, state: np.ndarray, tested: Tested) -> None:
        figures = self.figures
        seen, _, plain = self._sums(b)
        due = self._expected(tested, seen)
        gmv = self.index.get("gmv")
        for r, rule in enumerate(self.rules):
            k = self.index[rule.measure]
            begins = (self.in_row[r] == 1) & (figures.since[r] < 0)
            over = (figures.since[r] >= 0) & ~self.held[r] & (state[r] != BREACHED)
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

    def _record(self, b: int, state: np.ndarray, tested: Tested) -> None:
        seen, _, plain = self._sums(b)
        due = self._expected(tested, seen)
        for k, measure in enumerate(self.measures):
            if not self._usable(k, b):
                continue
            part = slice(0, self.wide)
            top, want = seen[k, part], due[k, part]
            if measure.mix_free:
                with np.errstate(all="ignore"):
                    top, want = top / plain[k, part], want / plain[k, part]
            error = tested.error[0, k, part] * self.calibration[0, k, part]
            self.observed[k, :, b], self.expected[k, :, b] = top, want
            reach = np.array(NEEDED)[self.scopes.kind[part]] * error
            with np.errstate(all="ignore"):
                self.low[k, :, b] = want * np.maximum(1 - reach, 0)
                self.high[k, :, b] = want * (1 + reach)
        self.states[:, :, b] = state[:, : self.wide]

    # --- without history ------------------------------------------------------------------------

    def _foresee(self, b: int) -> None:
        """Today's own growth, carried on: as yesterday at this time, where there was a yesterday."""
        day = round(1440 / self.event.bucket_min)
        if b >= day + 2:
            was = self.index_log[:, b - day + 2] - self.index_log[:, b - day - 3]
            self.members.slope = np.asarray(was / 5)

    def _follow(self, tested: Tested, b: int) -> None:
        """Follow what all members did together, unless it looks like a dip."""
        members = self.members
        doubtful = False
        for k in np.flatnonzero(self.volume).tolist():
            due, seen = self.windows.due[0, k], self.windows.seen[0, k]  # type: ignore[union-attr]
            whole = due.sum()
            if whole <= 0 or not self._usable(k, b):
                continue
            off = float(np.clip(seen, (1 - CLIP) * due, (1 + CLIP) * due).sum() / whole)
            held = any(
                self.held[r, 0] for r, x in enumerate(self.rules) if self.index[x.measure] == k
            )
            low = tested.z[0, k, 0] <= -DOUBTFUL
            doubtful |= bool(low)
            moved = 0.0 if held or (low and self.doubts < 3) else FOLLOW * np.log(max(off, 0.2))
            slope = members.slope[k]
            members.common[k] += slope + moved
            members.exposure[-1, k] *= np.exp(moved)
            if not held and not low:
                members.slope[k] = 0.9 * (
                    (1 - FOLLOW_SLOPE) * slope + FOLLOW_SLOPE * (slope + moved)
                )
            elif held or low:
                members.slope[k] = 0.8 * slope
        self.index_log[:, b] = members.common
        self.doubts = self.doubts + 1 if doubtful else 0


CLIP = 0.5


def _hourly(enough: Floats, per_hour: float) -> Floats:
    """(scopes,) events due in an hour, by the longest window that has any."""
    found = np.zeros(enough.shape[1])
    for i, w in enumerate(WINDOWS):
        found = np.where(enough[i] > 0, enough[i] * max(per_hour / w, 1.0), found)
    return found


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
