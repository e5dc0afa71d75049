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
from monitor.alerts.wording import dip_headline, subject
from monitor.campaigns.words import Scope, scope_key
from monitor.clock import from_db, from_ms, to_ms
from monitor.detect import judge as codes
from monitor.detect.rules import CRITICAL_FALL
from monitor.judgement import Judgement, Verdicts
from monitor.settings import Campaign
from monitor.store import Store

OUTCOMES = {
    codes.NORMAL: Outcome.CLEAR,
    codes.BAND: Outcome.BAND,
    codes.BREACHED: Outcome.BREACH,
    codes.OPEN: Outcome.HOLD,
    codes.BRIDGED: Outcome.HOLD,
    codes.INCOMPLETE: Outcome.HOLD,
    codes.TOO_LITTLE: Outcome.HOLD,
}
JUDGED = (codes.NORMAL, codes.BAND, codes.BREACHED)
MS = timedelta(milliseconds=1)
Step = tuple[Verdicts, int, Scope, int]  # a rule, the row of one scope, the scope, a bucket


class Desk:
    """Keeps the alerts of one campaign through one tick; `record` is its whole story."""

    def __init__(self, store: Store, campaign: Campaign, now: datetime) -> None:
        self.store, self.campaign, self.now = store, campaign, now
        self.book = Book(store, campaign.id, now)
        self.signals: dict[tuple[str, str], Signal] = {}

    def record(self, judgement: Judgement) -> list[Alert]:
        """Advance the signals, open and close alerts, decide who covers whom, write all of it.

        1. what was wrong with the data and no longer is, ends
        2. bucket by bucket: stuck counters, resets and corrections begin and end, signals step over
           the buckets that closed since the last tick, wider alerts cover narrower ones
        3. what is wrong with the data now, begins
        4. the end of the event ends everything that still runs
        """
        observed = judgement.observed
        feed_of = {metric: s.feed.id for metric, s in observed.by_metric.items()}
        self.signals = self._load_signals()
        wrong = {self._key(c): c for c in held(self.store, judgement, self.now)}
        for alert in self.book.active():
            over = alert.kind == "data" and alert.rule not in EPISODES
            if over and alert.alert_key not in wrong:
                self._end(alert, "recovered", self.now)
        self.book.cover(feed_of)

        told = self._untold(episodes(self.store, judgement, self.now))
        steps = self._steps(judgement)
        ends = {to_ms(c.over) for c in told if c.over is not None}
        for at_ms in sorted({*steps, *ends, *(to_ms(c.due_at) for c in told)}):
            self._episodes(told, at_ms, feed_of)
            for verdicts, row, scope, bucket in steps.get(at_ms, ()):
                self._step(verdicts, row, scope, bucket)
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

    def _end(self, alert: Alert, reason: str, event: datetime) -> None:
        """Resolve; what the end of the event takes away has not recovered."""
        if alert.kind == "data" and self.now >= self.campaign.end:
            reason = "window_ended"
        self.book.resolve(alert, reason, event)

    # --- dips -----------------------------------------------------------------------------------

    def _steps(self, judgement: Judgement) -> dict[int, list[Step]]:
        """What closed since the last tick, by the instant at which each bucket ended."""
        found: dict[int, list[Step]] = defaultdict(list)
        for verdicts in judgement.by_metric.values():
            closed = verdicts.closing
            for row, scope in enumerate(verdicts.scopes):
                key = verdicts.rule.name, scope_key(scope)
                signal = self.signals.setdefault(key, Signal())
                states = verdicts.judged.state[row]
                waiting = np.flatnonzero(closed.closed & (closed.ends_ms > signal.judged_to_ms))
                for b in waiting.tolist():
                    # A bucket on hold changes nothing but the reason shown; the last one's will do.
                    if states[b] in JUDGED or b == waiting[-1]:
                        found[int(closed.ends_ms[b])].append((verdicts, row, scope, b))
        return found

    def _step(self, verdicts: Verdicts, row: int, scope: Scope, b: int) -> None:
        """One signal over one bucket."""
        rule, closed = verdicts.rule, verdicts.closing
        name, key = (rule.name, scope_key(scope)), self.book.key(scope, rule.metric, rule.name)
        state, end_ms = int(verdicts.judged.state[row][b]), int(closed.ends_ms[b])
        before = self.signals[name]
        signal, event = advance(
            before,
            OUTCOMES[state],
            int(closed.starts_ms[b]),
            end_ms,
            for_ms=rule.for_ // MS,
            keep_ms=rule.keep // MS,
            why=codes.STATES[state],
        )
        self.signals[name] = signal
        alert = self.book.running(key)
        if event is Event.FIRE and signal.since_ms is not None and alert is None:
            alert = self.book.dip(
                key, rule.name, rule.metric, scope, from_ms(signal.since_ms), from_ms(end_ms),
                verdicts.late_after,
            )  # fmt: skip
        if alert is None:
            return
        if event is Event.RESOLVE and before.since_ms is not None:
            self._figures(alert, verdicts, row, before.since_ms, end_ms - rule.keep // MS)
            self.book.resolve(alert, "recovered", from_ms(end_ms))
        elif signal.since_ms is not None:
            self._figures(alert, verdicts, row, signal.since_ms, signal.judged_to_ms)

    def _renew(self, judgement: Judgement) -> None:
        """The figures of running dips: earlier buckets may have been restated."""
        for verdicts in judgement.by_metric.values():
            for row, scope in enumerate(verdicts.scopes):
                rule = verdicts.rule
                alert = self.book.running(self.book.key(scope, rule.metric, rule.name))
                signal = self.signals[rule.name, scope_key(scope)]
                if alert and signal.since_ms is not None:
                    self._figures(alert, verdicts, row, signal.since_ms, signal.judged_to_ms)

    def _figures(
        self, alert: Alert, verdicts: Verdicts, row: int, since_ms: int, until_ms: int
    ) -> None:
        """Observed and expected over the whole breach so far, severity, headline."""
        closed, judged = verdicts.closing, verdicts.judged
        states = judged.state[row]
        counted = (
            (closed.starts_ms >= since_ms) & (closed.ends_ms <= until_ms) & np.isin(states, JUDGED)
        )
        observed = float(np.nansum(verdicts.observed[row][counted]))
        expected = float(np.nansum(judged.expected[row][counted]))
        alert.observed, alert.expected = round(observed * 100), round(expected * 100)
        alert.breach_end = from_ms(until_ms)
        fall = 1 - observed / expected if expected > 0 else 0.0
        if fall >= CRITICAL_FALL or judged.strong[row][counted].any():
            self.book.raise_severity(alert, "critical")
        alert.headline = dip_headline(
            verdicts.rule.metric, alert.scope, observed, expected, from_ms(since_ms),
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
            reads = alert.kind == "dip" and feed_of.get(alert.metric or "") == stuck.scope["feed"]
            if reads and alert.breach_start and alert.breach_start >= stuck.since:
                alert.reason = "withdrawn"
                alert.headline = (
                    f"{subject(alert.metric or '', alert.scope)} did not dip: {stuck.headline}"
                )
                self.book.resolve(alert, "withdrawn", stuck.over)
                name = alert.rule, scope_key(alert.scope)
                self.signals[name] = _ended(self.signals[name], "withdrawn")

    # --- the signals' own table -----------------------------------------------------------------

    def _load_signals(self) -> dict[tuple[str, str], Signal]:
        return {
            (row[0], row[1]): Signal(
                state=State(row[2]),
                hold=row[3],
                episode=row[4],
                judged_to_ms=0 if row[5] is None else to_ms(from_db(row[5])),
                since_ms=None if row[6] is None else to_ms(from_db(row[6])),
                served_ms=row[7],
            )
            for row in self.store.rows("alerts.signals", [self.campaign.id])
        }

    def _write_signals(self) -> None:
        self.store.run("alerts.forget_signals", [self.campaign.id])
        items = sorted(self.signals.items())
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


def _same(alert: Alert, episode: Condition) -> bool:
    """Whether an alert tells of an episode: they overlap in event time."""
    assert alert.breach_start is not None
    begun_before_end = episode.over is None or alert.breach_start <= episode.over
    return begun_before_end and (alert.resolve_event is None or alert.resolve_event > episode.since)


def _ended(signal: Signal, why: str) -> Signal:
    return Signal(State.NORMAL, signal.episode, signal.judged_to_ms, hold=why)
