"""What the detector knew of one scope and measure, bucket by bucket: evidence for any moment.

The campaign is judged anew with the witness looking on, so that a scope whose curve nobody keeps can
be asked about too; a season of a thousand members takes a few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from monitor.alerts.desk import OUTCOMES
from monitor.alerts.signal import Outcome, Signal, advance
from monitor.campaigns.words import Scope, scope_key
from monitor.clock import from_ms, to_ms
from monitor.detect import detector as codes
from monitor.detect.detector import Detector, Step
from monitor.detect.event import Ints
from monitor.detect.members import WINDOWS
from monitor.detect.rule import Rule
from monitor.detect.why import Evidence, WindowEvidence
from monitor.judgement import Judge, Judgement
from monitor.lens import LEAST_READ, standing, worth
from monitor.picture import SERIES_SCHEMA
from monitor.rulebook import configured, current
from monitor.settings import Campaign, Settings
from monitor.store import Store

MS = timedelta(milliseconds=1)
NAMED_BY = ("creator_id", "live_id", "shop_id", "category", "channel")
NAMES = 5  # members left out that are named
MANY = 400  # scopes that are offered by name


class Witness:
    """Collects the evidence of one scope and measure while a campaign is judged."""

    def __init__(self, scope: Scope, measure: str, starts_ms: Ints, basis: str) -> None:
        self.scope, self.measure, self.basis = scope, measure, basis
        self.starts_ms = starts_ms
        self.found: dict[int, Evidence] = {}
        self._signal = Signal()

    def __call__(self, detector: Detector, step: Step) -> None:
        """After one bucket."""
        row, k = detector.scopes.row(self.scope), detector.index.get(self.measure)
        if row is None or k is None or detector.tested is None or detector.windows is None:
            return
        # The rule that speaks most plainly of the measure; without one it was not judged.
        r = next((i for i, x in enumerate(detector.rules)
                  if x.measure == self.measure and detector.applies[i, row]), None)  # fmt: skip
        if self.measure in self._asked(detector):
            self.found[step.bucket] = self._evidence(detector, step, row, k, r)

    def _asked(self, detector: Detector) -> set[str]:
        """Measures that this detector is the one to speak of: those of its rules, else its volumes."""
        return {m.name for m in detector.measures}

    def _evidence(self, d: Detector, step: Step, row: int, k: int, r: int | None) -> Evidence:
        b, tested, windows = step.bucket, d.tested, d.windows
        assert tested is not None
        assert windows is not None
        measure, rule = d.measures[k], None if r is None else d.rules[r]
        seen, _, plain = (grid[k, row] for grid in d._sums(b))
        due = float(d._expected(tested, d._sums(b)[0])[k, row])
        usable = d._usable(k, b)
        per = float(plain) if measure.mix_free else 1.0
        read, covered = self._read(d, k, row, b)
        observed = float(seen) / per if usable and per > 0 and read else None
        expected = due / per if usable and due > 0 and per > 0 else None
        reach = codes.NEEDED[int(d.scopes.kind[row])] * float(tested.error[0, k, row])
        reach *= float(d.calibration[0, k, row])
        state = codes.NORMAL if r is None else int(step.state[r, row])
        if not usable or covered < LEAST_READ:
            state = codes.INCOMPLETE
        before, now = self._signal, self._signal
        if rule is not None:
            start, end = self.starts_ms[b], self.starts_ms[b] + round(d.event.bucket_min * 60_000)
            now, _ = advance(
                before, OUTCOMES.get(state, Outcome.HOLD), int(start), int(end),
                for_ms=rule.for_ // MS, keep_ms=rule.keep // MS,
            )  # fmt: skip
            self._signal = now
        who = d.scopes.members_of(row)
        compared = int((windows.due[0, k, who] > 0).sum())
        gate, enough = self._gate(d, tested.enough[:, k, row], state, b, compared)
        whole = worth(d)
        breach = standing(d).get((r, row)) if r is not None else None
        return Evidence(
            scope=self.scope,
            measure=self.measure,
            bucket_ms=int(self.starts_ms[b]),
            state=codes.STATES[state],
            observed=observed,
            expected=expected,
            low=None if expected is None or np.isnan(reach) else expected * max(1 - reach, 0.0),
            high=None if expected is None or np.isnan(reach) else expected * (1 + reach),
            windows=self._windows(d, k, row, rule, per),
            members=len(who),
            compared=compared,
            left_out=self._left_out(d, k, who),
            basis=self.basis,
            gate=gate,
            enough=enough,
            explained_by=self._explained(d, r, row, state),
            half_sensitivity=self._half(d, b),
            signal=now.state.value,
            breach_since_ms=now.since_ms,
            rule=None if rule is None else rule.name,
            at_risk_per_hour=_known(None if breach is None else breach.hourly),
            least_fall=0.15 if rule is None else rule.least_fall,
            least_at_risk=_least(rule, whole),
            reason="expected" if r is not None and step.gone[r, row] else None,
            up=rule is not None and rule.up,
            for_minutes=10.0 if rule is None else rule.for_ / timedelta(minutes=1),
            keep_minutes=15.0 if rule is None else rule.keep / timedelta(minutes=1),
        )

    def _read(self, d: Detector, k: int, row: int, b: int) -> tuple[bool, float]:
        """Whether anybody of the scope was read, and the share of its usual volume that was."""
        who, measure = d.scopes.members_of(row), d.measures[k]
        any_read, covered = True, 1.0
        for metric in (measure.top, measure.per):
            if metric is None:
                continue
            amount = d.event.amounts[metric][who, : b + 1]
            known = ~np.isnan(amount[:, b])
            usual = np.where(np.isnan(amount), 0.0, amount).sum(axis=1)
            any_read &= bool(known.any())
            if usual.sum() > 0:
                covered = min(covered, float(usual[known].sum() / usual.sum()))
        return any_read, covered

    def _windows(
        self, d: Detector, k: int, row: int, rule: Rule | None, per: float
    ) -> tuple[WindowEvidence, ...]:
        tested = d.tested
        assert tested is not None
        need = codes.NEEDED[int(d.scopes.kind[row])] / (rule.sensitivity if rule else 1.0)
        found = []
        for i, w in enumerate(WINDOWS):
            due, seen = float(tested.due[i, k, row]), float(tested.seen[i, k, row])
            if due <= 0:
                continue
            share = 1.0
            if d.measures[k].mix_free:
                exposed = float(d.members.exposure[-w:, k, d.scopes.members_of(row)].sum())
                share = exposed if exposed > 0 else per
            z = -float(tested.z[i, k, row] / d.calibration[i, k, row])
            found.append(
                WindowEvidence(
                    w * d.event.bucket_min, seen / share, due / share, 1 - seen / due, z, need
                )
            )
        return tuple(found)

    def _left_out(self, d: Detector, k: int, who: Ints) -> tuple[tuple[str, str], ...]:
        """The largest members that could not be compared, and why."""
        assert d.windows is not None
        out = who[d.windows.due[0, k, who] <= 0]
        size = d.members.seen[-6:, k, out].sum(axis=0)
        found = []
        for m in out[np.argsort(-size, kind="stable")][:NAMES].tolist():
            values = (d.event.dims[dim][m] for dim in NAMED_BY if dim in d.event.dims)
            name = next(filter(None, values), "?")
            young = int(d.members.age[m]) < 12 and d.members.b[k, m] > 0
            found.append(
                (name, "went on or off air" if young else "off air, or nothing of it read")
            )
        return tuple(found)

    def _gate(
        self, d: Detector, enough: np.ndarray, state: int, b: int, compared: int
    ) -> tuple[str | None, tuple[float, float] | None]:
        hour = float(max(enough[0] * 60.0 / d.event.bucket_min, enough[-1]))
        counts = (hour, codes.ENOUGH) if hour < codes.ENOUGH else None
        if state == codes.INCOMPLETE:
            return "incomplete", None
        if state != codes.TOO_LITTLE:
            return None, counts
        if b < codes.QUIET:
            return "quiet_start", counts
        if not compared:
            return "nothing_to_compare", counts
        return ("too_little" if counts else "nothing_to_compare"), counts

    def _explained(self, d: Detector, r: int | None, row: int, state: int) -> Scope | None:
        """The scope of the same rule that is in breach and shares members with this one."""
        if r is None or state != codes.BAND:
            return None
        mine = set(d.scopes.members_of(row).tolist())
        for other in np.flatnonzero(d.held[r]).tolist():
            if other != row and mine & set(d.scopes.members_of(other).tolist()):
                return dict(d.scopes.named[other])
        return None

    def _half(self, d: Detector, b: int) -> str | None:
        for plan in d.event.plans:
            if set(plan.scope) <= {"channel", "category"}:
                for at, word in ((plan.first, "began"), (plan.end, "ended")):
                    since = (b - at) * d.event.bucket_min
                    if 0 <= since < codes.AFTER_CHANGE:
                        return f"{plan.name} {word} {since:.0f} min ago"
        return None

    def series(self) -> pa.Table:
        """All buckets as SERIES_SCHEMA."""
        e = [self.found.get(b) for b in range(len(self.starts_ms))]
        columns = {
            "bucket_start": pa.array(self.starts_ms, pa.timestamp("ms")).cast(
                pa.timestamp("ms", tz="UTC")
            ),
            **{
                name: pa.array([None if x is None else getattr(x, name) for x in e], pa.float64())
                for name in ("observed", "expected", "low", "high")
            },
            "state": pa.array(["open" if x is None else x.state for x in e]),
            "comparable": pa.nulls(len(e), pa.float64()),
        }
        return pa.table(columns, schema=SERIES_SCHEMA)


def _known(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else value


def _least(rule: Rule | None, whole: float) -> float:
    if rule is None:
        return 0.0
    if rule.in_money:
        return rule.least_at_risk
    return 0.0 if np.isnan(whole) else rule.least_at_risk * whole


def witness(
    store: Store, settings: Settings, campaign: Campaign, scope: Scope, measure: str, now: datetime,
    rules: Sequence[Rule] | None = None,
) -> tuple[Witness, Judgement]:  # fmt: skip
    """Judge a campaign anew and look at one scope and measure."""
    if rules is None:
        rules = current(store, configured(settings)).enabled
    judge = Judge(store, settings, rules)
    found: list[Witness] = []

    def watch(detector: Detector, step: Step) -> None:
        if not found:
            size = round(detector.event.bucket_min * 60_000)
            origin = to_ms(campaign.start) // size * size
            starts = np.maximum(
                origin + size * np.arange(detector.event.buckets), to_ms(campaign.start)
            )
            basis = ", ".join(detector.growth.basis) or "today's own last hour"
            found.append(Witness(scope, measure, starts, basis))
        found[0](detector, step)

    judgement = judge.watched(campaign, now, watch, scope)
    if not found:
        found.append(Witness(scope, measure, judgement.observed.starts_ms, judgement.basis))
    return found[0], judgement


class WhyDesk:
    """Answers the Why page: `why`, `series` and `scopes`; one campaign's answers are kept a while."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self._held: tuple[tuple[object, ...], Witness] | None = None
        self._scopes: dict[str, tuple[Scope, ...]] = {}
        self.generation = 0
        self.now: datetime | None = None

    def at(self, now: datetime, generation: int, scopes: dict[str, tuple[Scope, ...]]) -> None:
        """A tick is done: what is asked from now on is as of then."""
        self.now, self.generation = now, generation
        self._scopes.update(scopes)

    def why(self, campaign_id: str, scope: Scope, measure: str, at: datetime) -> Evidence | None:
        found = self._witness(campaign_id, scope, measure)
        ms = to_ms(at)
        b = int(np.searchsorted(found.starts_ms, ms, side="right")) - 1
        return found.found.get(b)

    def series(self, campaign_id: str, scope: Scope, measure: str) -> pa.Table | None:
        found = self._witness(campaign_id, scope, measure)
        return found.series() if found.found else None

    def scopes(self, campaign_id: str) -> Sequence[Scope]:
        return self._scopes.get(campaign_id, ())

    def _witness(self, campaign_id: str, scope: Scope, measure: str) -> Witness:
        key = (self.generation, campaign_id, scope_key(scope), measure)
        if self._held is not None and self._held[0] == key:
            return self._held[1]
        campaign = self.settings.campaign_by_id(campaign_id)
        now = self.now or from_ms(to_ms(campaign.end))
        found, _ = witness(self.store, self.settings, campaign, scope, measure, now)
        self._held = key, found
        return found
