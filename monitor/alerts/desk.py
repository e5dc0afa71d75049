"""Step 6 of the tick: what was judged becomes signals, alerts and their story, in one transaction.

However late the data came, it is gone through bucket by bucket, oldest first: the alerts are those
that would have been told had every file been on time, but for when they were found.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from monitor.alerts.book import Book
from monitor.alerts.conditions import EPISODES, Condition
from monitor.alerts.evidence import episodes, held
from monitor.alerts.records import Alert
from monitor.alerts.signal import Event, Outcome, Signal, State, advance
from monitor.alerts.wording import ended_headline, headline, subject
from monitor.campaigns.words import scope_key
from monitor.clock import from_db, from_ms, to_ms
from monitor.detect import detector as codes
from monitor.detect.event import MEASURES
from monitor.detect.rule import Rule
from monitor.judgement import Judgement
from monitor.lens import Pass, Standing, Track, worth
from monitor.rulebook import Rulebook, severity_of
from monitor.settings import Campaign
from monitor.store import Store

OUTCOMES = {
    codes.NORMAL: Outcome.CLEAR,
    codes.BAND: Outcome.BAND,
    codes.BREACHED: Outcome.BREACH,
}
JUDGED = (codes.NORMAL, codes.BAND, codes.BREACHED, codes.TOO_LITTLE)
EVERYWHERE = "*"  # the signal row that says how far a rule has come in scopes with nothing to tell
HALF = 0.5
MS = timedelta(milliseconds=1)
Name = tuple[str, str]  # rule, scope_key


class Desk:
    """Keeps the alerts of one campaign through one tick; `record` is its whole story."""

    def __init__(self, store: Store, campaign: Campaign, now: datetime, rules: Rulebook) -> None:
        self.store, self.campaign, self.now, self.rules = store, campaign, now, rules
        self.book = Book(store, campaign.id, now)
        self.signals: dict[Name, Signal] = {}  # all that are not as at the beginning
        self._rows: dict[int, dict[str, int]] = {}
        self.judged_to: dict[str, int] = {}  # by rule, for all other scopes

    def record(self, judgement: Judgement) -> list[Alert]:
        """Advance the signals, open and close alerts, decide who covers whom, write all of it.

        1. what was wrong with the data and no longer is, ends
        2. bucket by bucket: stuck counters, resets and corrections begin and end, signals step over
           the buckets that closed since the last tick, wider alerts cover narrower ones
        3. what is wrong with the data now, begins
        4. the end of the event ends everything that still runs
        """
        observed = judgement.observed
        feed_of = feeds_of(judgement)
        self._load_signals()
        wrong = {self._key(c): c for c in held(self.store, judgement, self.now)}
        for alert in self.book.active():
            over = alert.kind == "data" and alert.rule not in EPISODES
            if over and alert.alert_key not in wrong:
                self._end(alert, "recovered", self.now)
        self._let_go()
        self.book.cover(feed_of)

        told = self._untold(episodes(self.store, judgement, self.now))
        passes = self._passes(judgement)
        ends = {to_ms(c.over) for c in told if c.over is not None}
        for at_ms in sorted({*passes, *ends, *(to_ms(c.due_at) for c in told)}):
            self._episodes(told, at_ms, feed_of)
            for track, one in passes.get(at_ms, ()):
                self._pass(track, one)
            self.book.cover(feed_of)
        self._renew(judgement)

        for key, condition in wrong.items():
            alert = self.book.running(key) or self.book.data(condition)
            alert.headline = condition.headline
        grace = min([s.feed.late_after for s in observed.streams] + [timedelta(minutes=30)])
        if self.now >= self.campaign.end + grace:
            for alert in self.book.active():
                self._end(alert, "window_ended", self.campaign.end)
            self.signals = {
                key: _ended(signal, "window_ended") for key, signal in self.signals.items()
            }
        self.book.cover(feed_of)
        self._write_signals()
        self.book.write()
        return list(self.book.alerts.values())

    def rehearse(self, judgement: Judgement) -> list[Alert]:
        """The dips of a whole judgement, told at the end of each bucket. Nothing is written."""
        feed_of = feeds_of(judgement)
        for at_ms, passes in sorted(self._passes(judgement).items()):
            self.book.now = from_ms(at_ms)
            for track, one in passes:
                self._pass(track, one)
            self.book.cover(feed_of)
        if self.now >= self.campaign.end:
            self.book.now = self.campaign.end
            for alert in self.book.active():
                self.book.resolve(alert, "window_ended", self.campaign.end)
        return list(self.book.alerts.values())

    def _end(self, alert: Alert, reason: str, event: datetime) -> None:
        """Resolve; what the end of the event takes away has not recovered."""
        if alert.kind == "data" and self.now >= self.campaign.end:
            reason = "window_ended"
        self.book.resolve(alert, reason, event)

    # --- dips -----------------------------------------------------------------------------------

    def _passes(self, judgement: Judgement) -> dict[int, list[tuple[Track, Pass]]]:
        """What was judged in this tick, by the instant at which each bucket ended."""
        found: dict[int, list[tuple[Track, Pass]]] = defaultdict(list)
        for track in judgement.tracks:
            for one in track.passes:
                found[int(track.closing.ends_ms[one.step.bucket])].append((track, one))
        return found

    def _pass(self, track: Track, one: Pass) -> None:
        """One bucket through all signals that have something to tell."""
        b, named = one.step.bucket, self._named(track)
        end_ms = int(track.closing.ends_ms[b])
        for r, rule in enumerate(track.detector.rules):
            asked = {key: row for (name, key) in self.signals if name == rule.name
                     if (row := named.get(key)) is not None}  # fmt: skip
            if end_ms > self.judged_to.get(rule.name, 0):
                for row in np.flatnonzero(one.step.state[r] == codes.BREACHED).tolist():
                    asked[scope_key(track.scope(row))] = row
            for key, row in sorted(asked.items()):
                self._step(track, r, row, key, one)
            if one.step.state[r, 0] in JUDGED:
                self.judged_to[rule.name] = max(self.judged_to.get(rule.name, 0), end_ms)

    def _step(self, track: Track, r: int, row: int, key: str, one: Pass) -> None:
        """One signal over one bucket."""
        rule, closed, b = track.detector.rules[r], track.closing, one.step.bucket
        state, start_ms, end_ms = (
            int(one.step.state[r, row]),
            int(closed.starts_ms[b]),
            int(closed.ends_ms[b]),
        )
        name, scope = (rule.name, key), track.scope(row)
        before = self.signals.get(name) or Signal(judged_to_ms=self.judged_to.get(rule.name, 0))
        outcome = OUTCOMES.get(state, Outcome.HOLD)
        if not self._active(rule, start_ms):
            outcome = Outcome.CLEAR
        signal, event = advance(
            before, outcome, start_ms, end_ms, for_ms=rule.for_ // MS, keep_ms=rule.keep // MS,
            why=codes.STATES[state],
        )  # fmt: skip
        self.signals[name] = signal
        alert_key = self.book.key(scope, rule.measure, rule.name, rule.up)
        alert = self.book.running(alert_key)
        if event is Event.FIRE and signal.since_ms is not None and alert is None:
            begun = one.standing.get((r, row))
            since_ms = signal.since_ms
            if begun is not None:  # buckets on hold meanwhile were part of it
                since_ms = min(since_ms, int(closed.starts_ms[begun.since]))
            alert = self.book.dip(
                alert_key, rule, scope, from_ms(since_ms), from_ms(end_ms), track.late_after
            )
        if alert is None:
            return
        standing = one.standing.get((r, row))
        if event is not Event.RESOLVE and standing is not None:
            self._figures(alert, track, rule, standing, one.worth)
        if event is Event.RESOLVE:
            self.book.resolve(alert, "recovered", from_ms(end_ms))
        elif end_ms > before.judged_to_ms and one.step.gone[r, row] and alert.kind == "dip":
            alert.reason = "expected"
            alert.headline = ended_headline(scope)
            self.book.resolve(alert, "recovered", from_ms(end_ms))
            self.signals[name] = _ended(signal, "went off air")

    def _let_go(self) -> None:
        """Alerts of rules that are no longer there, or switched off, end; they have not recovered."""
        enabled = {rule.name for rule in self.rules.enabled}
        for alert in self.book.active():
            if alert.kind in ("dip", "surge") and alert.rule not in enabled:
                self.book.resolve(alert, "rule_changed", self.now)
        for name in [n for n in self.signals if n[0] not in enabled]:
            del self.signals[name]

    def _named(self, track: Track) -> dict[str, int]:
        """Rows of a track by scope key; only where signals ask for them."""
        if not self.signals:
            return {}
        found = self._rows.get(id(track))
        if found is None:
            named = track.detector.scopes.named
            found = self._rows[id(track)] = {scope_key(s): i for i, s in enumerate(named)}
        return found

    def _active(self, rule: Rule, start_ms: int) -> bool:
        """Whether a bucket lies in a phase in which the rule is switched on."""
        return not rule.phases or any(
            phase.name.strip().lower() in rule.phases
            and to_ms(phase.start) <= start_ms < to_ms(phase.end)
            for phase in self.campaign.phase
        )

    def _renew(self, judgement: Judgement) -> None:
        """The figures of running dips: earlier buckets may have been restated."""
        for track in judgement.tracks:
            detector = track.detector
            for (r, row), standing in track.standing.items():
                rule = detector.rules[r]
                scope = track.scope(row)
                alert = self.book.running(self.book.key(scope, rule.measure, rule.name, rule.up))
                if alert and alert.reason != "expected":
                    self._figures(alert, track, rule, standing, worth(detector))

    def _figures(
        self, alert: Alert, track: Track, rule: Rule, standing: Standing, worth_hour: float
    ) -> None:
        """Observed and expected over the whole breach so far, what it costs, headline."""
        measure = MEASURES[rule.measure]
        money, hourly = standing.money, standing.hourly
        if rule.measure == "refund_rate":  # what is sent back, beyond what usually is
            money = standing.seen - standing.due
        if measure.mix_free:
            per = standing.per if standing.per > 0 else float("nan")
            alert.observed_rate, alert.expected_rate = standing.seen / per, standing.due / per
            observed, expected = alert.observed_rate, alert.expected_rate
        else:
            observed, expected = standing.seen, standing.due
            alert.observed, alert.expected = round(observed * 100), round(expected * 100)
        alert.at_risk = None if np.isnan(money) else round(abs(money) * 100)
        alert.at_risk_hour = None if np.isnan(hourly) else round(abs(hourly) * 100)
        alert.breach_end = from_ms(int(track.closing.ends_ms[standing.until]))
        since = from_ms(int(track.closing.starts_ms[standing.since]))
        fall = abs(1 - observed / expected) if expected > 0 else 0.0
        share = abs(hourly) / worth_hour if worth_hour > 0 else float("nan")
        if np.isnan(share):
            told = rule.severity if rule.severity != "money" else "warning"
            self.book.raise_severity(alert, "critical" if fall >= HALF and not rule.up else told)
        else:
            self.book.raise_severity(alert, severity_of(rule, share, self.rules.severity))
        known = None if alert.at_risk is None else alert.at_risk / 100
        alert.headline = headline(
            rule.name, rule.kind, rule.measure, alert.scope, observed, expected, known, since,
            self.campaign.zone, self.campaign.currency,
        )  # fmt: skip

    # --- data -----------------------------------------------------------------------------------

    def _key(self, condition: Condition) -> str:
        return self.book.key(condition.scope, condition.metric, condition.rule)

    def _untold(self, happened: list[Condition]) -> list[Condition]:
        """Episodes that are to begin or to end; what runs and is no longer true is withdrawn."""
        told: list[Condition] = []
        running: set[str] = set()
        for c in happened:
            key = self._key(c)
            known = [a for a in self.book.of_key(key) if _same(a, c)]
            if not known:
                told.append(c)
            for alert in known:
                if alert.active:
                    running.add(key)
                    alert.headline = c.headline
                    if c.over is not None:
                        told.append(c)
        for alert in self.book.active():
            if alert.rule in EPISODES and alert.alert_key not in running:
                alert.reason = "withdrawn"
                self._end(alert, "withdrawn", self.now)
        return told

    def _episodes(self, told: list[Condition], at_ms: int, feed_of: dict[str, str]) -> None:
        """Begin and end the episodes that are due at an instant."""
        for c in told:
            key = self._key(c)
            if to_ms(c.due_at) == at_ms and self.book.running(key) is None:
                self.book.data(c).headline = c.headline
            alert = self.book.running(key)
            if alert and c.over is not None and to_ms(c.over) == at_ms:
                self.book.resolve(alert, "recovered", c.over)
                if c.made_up:
                    self._withdraw(c, feed_of)

    def _withdraw(self, stuck: Condition, feed_of: dict[str, str]) -> None:
        """A stuck counter brought what it had held back: the dips it made were none."""
        assert stuck.over is not None
        for alert in self.book.active():
            reads = (
                alert.kind in ("dip", "surge")
                and feed_of.get(alert.metric or "") == stuck.scope["feed"]
            )
            if reads and alert.breach_start and alert.breach_start >= stuck.since:
                alert.reason = "withdrawn"
                alert.headline = (
                    f"{subject(alert.metric or '', alert.scope)} did not dip: {stuck.headline}"
                )
                self.book.resolve(alert, "withdrawn", stuck.over)
                name = alert.rule, scope_key(alert.scope)
                if name in self.signals:
                    self.signals[name] = _ended(self.signals[name], "withdrawn")

    # --- the signals' own table -----------------------------------------------------------------

    def _load_signals(self) -> None:
        for rule, key, state, hold, episode, judged_to, since, served_ms in self.store.rows(
            "alerts.signals", [self.campaign.id]
        ):
            judged_ms = 0 if judged_to is None else to_ms(from_db(judged_to))
            if key == EVERYWHERE:
                self.judged_to[rule] = judged_ms
                continue
            self.signals[rule, key] = Signal(
                state=State(state),
                hold=hold,
                episode=episode,
                judged_to_ms=judged_ms,
                since_ms=None if since is None else to_ms(from_db(since)),
                served_ms=served_ms,
            )

    def _write_signals(self) -> None:
        self.store.run("alerts.forget_signals", [self.campaign.id])
        items = [(name, s) for name, s in sorted(self.signals.items()) if self._tells(name, s)]
        items += [
            ((rule, EVERYWHERE), Signal(judged_to_ms=ms))
            for rule, ms in sorted(self.judged_to.items())
        ]
        stamp = pa.timestamp("ms")
        self.store.append(
            "signal",
            pa.table(
                {
                    "campaign_id": pa.array([self.campaign.id] * len(items), pa.string()),
                    "rule": pa.array([key[0] for key, _ in items], pa.string()),
                    "scope_key": pa.array([key[1] for key, _ in items], pa.string()),
                    "state": pa.array([s.state.value for _, s in items], pa.string()),
                    "hold": pa.array([s.hold for _, s in items], pa.string()),
                    "episode": pa.array([s.episode for _, s in items], pa.int32()),
                    "judged_to": pa.array([s.judged_to_ms or None for _, s in items], stamp),
                    "since": pa.array([s.since_ms for _, s in items], stamp),
                    "served_ms": pa.array([s.served_ms for _, s in items], pa.int64()),
                }
            ),
        )

    def _tells(self, name: Name, signal: Signal) -> bool:
        """Whether a signal differs from what its rule's row says of all others."""
        calm = signal.state is State.NORMAL and signal.hold is None
        return not (calm and signal.judged_to_ms == self.judged_to.get(name[0], 0))


def feeds_of(judgement: Judgement) -> dict[str, str]:
    """Which feed gives each metric and measure."""
    found = {metric: s.feed.id for metric, s in judgement.observed.by_metric.items()}
    for measure in MEASURES.values():
        if measure.top in found:
            found.setdefault(measure.name, found[measure.top])
    return found


def _same(alert: Alert, episode: Condition) -> bool:
    """Whether an alert tells of an episode: they overlap in event time."""
    assert alert.breach_start is not None
    begun_before_end = episode.over is None or alert.breach_start <= episode.over
    return begun_before_end and (alert.resolve_event is None or alert.resolve_event > episode.since)


def _ended(signal: Signal, why: str) -> Signal:
    return Signal(State.NORMAL, signal.episode, signal.judged_to_ms, hold=why)
