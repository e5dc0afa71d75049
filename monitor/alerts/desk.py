"""Step 6 of the tick: what was judged becomes signals, alerts and their story, in one transaction."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from monitor.alerts.conditions import Condition
from monitor.alerts.records import ALERT, Alert, as_row, load_alerts
from monitor.alerts.signal import Event, Outcome, Signal, State, advance
from monitor.alerts.wording import dip_headline
from monitor.campaigns.words import Scope, scope_key
from monitor.clock import from_db, from_ms, iso, to_db, to_ms
from monitor.detect import judge as codes
from monitor.detect.rules import CRITICAL_FALL, REOPEN_WITHIN
from monitor.judgement import Judgement, Verdicts
from monitor.observe import Stream
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
SYSTEM = "monitor"
SEVERITIES = ("info", "warning", "critical")


class Desk:
    """Keeps the alerts of one campaign through one tick; `record` is its whole story."""

    def __init__(self, store: Store, campaign: Campaign, now: datetime) -> None:
        self.store, self.campaign, self.now = store, campaign, now
        self.alerts = {a.id: a for a in load_alerts(store, campaign.id)}
        self._before = {i: json.dumps(asdict(a), default=str) for i, a in self.alerts.items()}
        self._audit: list[tuple[int, str, str]] = []
        self._next_id = int(store.one("alerts.next_id")[0])

    def record(
        self, judgement: Judgement, streams: tuple[Stream, ...], held: list[Condition]
    ) -> list[Alert]:
        """Advance the signals, open and close alerts, decide who covers whom, write all of it.

        1. signals step over the buckets that closed since the last tick
        2. alerts open (or reopen) on FIRE, take today's figures, resolve on RESOLVE
        3. conditions of the data open and resolve theirs
        4. the end of the event ends everything that still runs
        5. wider alerts cover narrower ones
        """
        signals = self._load_signals()
        for verdicts in judgement.by_metric.values():
            for row, scope in enumerate(verdicts.scopes):
                key = verdicts.rule.name, scope_key(scope)
                signals[key] = self._step(signals.get(key, Signal()), verdicts, row, scope)
        self._data_alerts(held)
        grace = min([s.feed.late_after for s in streams] + [timedelta(minutes=30)])
        if self.now >= self.campaign.end + grace:
            for alert in self._active():
                self._resolve(alert, "window_ended", self.campaign.end)
            signals = {key: _ended(signal) for key, signal in signals.items()}
        self._cover({m: s.feed.id for m, s in judgement.observed.by_metric.items()})
        self._write(signals)
        return list(self.alerts.values())

    # --- dips -----------------------------------------------------------------------------------

    def _step(self, signal: Signal, verdicts: Verdicts, row: int, scope: Scope) -> Signal:
        rule, closed = verdicts.rule, verdicts.closing
        states = verdicts.judged.state[row]
        key = self._key(scope, rule.metric, rule.name)
        waiting = np.flatnonzero(closed.closed & (closed.ends_ms > signal.judged_to_ms))
        # A bucket on hold changes nothing but the reason that is shown; the last one's is enough.
        telling = [b for b in waiting if states[b] in JUDGED or b == waiting[-1]]
        for b in telling:
            since_ms, end_ms = signal.since_ms, int(closed.ends_ms[b])
            outcome = OUTCOMES[int(states[b])]
            signal, event = advance(
                signal,
                outcome,
                int(closed.starts_ms[b]),
                end_ms,
                for_ms=rule.for_ // MS,
                keep_ms=rule.keep // MS,
                why=codes.STATES[states[b]],
            )
            if event is Event.FIRE and signal.since_ms is not None:
                self._fire(key, verdicts, row, scope, signal.since_ms, end_ms)
            elif event is Event.RESOLVE and since_ms is not None:
                alert = self._open(key)
                if alert:
                    over = end_ms - rule.keep // MS
                    self._figures(alert, verdicts, row, since_ms, over)
                    self._resolve(alert, "recovered", from_ms(end_ms))
        alert = self._open(key)
        if alert and signal.since_ms is not None:
            self._figures(alert, verdicts, row, signal.since_ms, signal.judged_to_ms)
        return signal

    def _fire(
        self, key: str, verdicts: Verdicts, row: int, scope: Scope, since_ms: int, end_ms: int
    ) -> None:
        rule, due = verdicts.rule, from_ms(end_ms)
        alert = self._open(key) or self._begin(
            key, rule.name, "dip", rule.metric, scope, "warning", "real_drop",
            from_ms(since_ms), due, verdicts.late_after,
        )  # fmt: skip
        self._figures(alert, verdicts, row, since_ms, end_ms)

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
            self._raise_severity(alert, "critical")
        alert.headline = dip_headline(
            verdicts.rule.metric, alert.scope, observed, expected, from_ms(since_ms),
            self.campaign.zone, self.campaign.currency,
        )  # fmt: skip

    def _raise_severity(self, alert: Alert, severity: str) -> None:
        if SEVERITIES.index(severity) > SEVERITIES.index(alert.severity):
            self._note(alert, "severity", f"{alert.severity} → {severity}")
            alert.severity = severity

    # --- data -----------------------------------------------------------------------------------

    def _data_alerts(self, held: list[Condition]) -> None:
        holding = {self._key(c.scope, c.metric, c.rule): c for c in held}
        for key, condition in holding.items():
            alert = self._open(key)
            if alert is None:
                alert = self._begin(
                    key, condition.rule, "data", condition.metric, condition.scope,
                    condition.severity, condition.reason, condition.since, condition.due_at,
                    timedelta(minutes=11),
                )  # fmt: skip
            alert.headline = condition.headline
        for alert in self._active():
            if alert.kind == "data" and alert.alert_key not in holding:
                ended = self.now >= self.campaign.end
                self._resolve(alert, "window_ended" if ended else "recovered", self.now)

    # --- the life of an alert -------------------------------------------------------------------

    def _begin(
        self, key: str, rule: str, kind: str, metric: str | None, scope: Scope, severity: str,
        reason: str | None, since: datetime, due: datetime, late: timedelta,
    ) -> Alert:  # fmt: skip
        """Open an alert, or reopen the last one of this key when it regressed soon after."""
        earlier = [a for a in self.alerts.values() if a.alert_key == key]
        last = max(earlier, key=lambda a: a.id, default=None)
        episode = {"breach_start": iso(since), "opened_at": iso(self.now), "resolved_at": None}
        if (
            last
            and kind == "dip"
            and last.resolve_reason == "recovered"
            and last.resolve_event is not None
            and last.resolve_event <= since <= last.resolve_event + REOPEN_WITHIN
        ):
            last.open_key, last.status, last.substate = key, "open", "regressed"
            last.resolved_at = last.resolve_reason = last.resolve_event = None
            last.breach_start = since
            last.episodes.append(episode)
            self._note(last, "reopened", "dipped again within 30 minutes")
            return last
        alert = Alert(
            id=self._next_id,
            open_key=key,
            alert_key=key,
            campaign_id=self.campaign.id,
            rule=rule,
            kind=kind,
            metric=metric,
            scope=scope,
            severity=severity,
            opened_at=self.now,
            due_at=due,
            found_late=self.now - due > late,
            breach_start=since,
            reason=reason,
            headline="",
            episodes=[episode],
        )
        self._next_id += 1
        self.alerts[alert.id] = alert
        self._note(alert, "opened", f"linked to #{last.id}" if last else "")
        return alert

    def _resolve(self, alert: Alert, reason: str, event: datetime) -> None:
        alert.open_key, alert.status, alert.substate = None, "resolved", "ongoing"
        alert.resolved_at, alert.resolve_reason, alert.resolve_event = self.now, reason, event
        alert.episodes[-1]["resolved_at"] = iso(self.now)
        self._note(alert, "resolved", reason)

    def _cover(self, feed_of: dict[str, str]) -> None:
        """A late feed covers the rules that read it; the campaign's dip covers its parts' dips."""
        active = self._active()
        for child in active:
            if child.kind != "dip":
                continue
            feed = feed_of.get(child.metric or "")
            parents = [
                p.id
                for p in active
                if p.id != child.id
                and (
                    (p.rule == "feed_late" and p.scope.get("feed") == feed)
                    or (p.rule == child.rule and not p.scope and child.scope)
                )
            ]
            if parents and child.covered_by not in parents:
                child.covered_by = parents[0]
                self._note(child, "covered", f"by #{parents[0]}")
            elif not parents and child.covered_by is not None:
                self._note(child, "uncovered", f"outlived #{child.covered_by}")
                child.covered_by = None

    def _key(self, scope: Scope, metric: str | None, rule: str) -> str:
        return f"v1|{self.campaign.id}|{scope_key(scope)}|{metric or ''}|{rule}|down"

    def _open(self, key: str) -> Alert | None:
        return next((a for a in self.alerts.values() if a.open_key == key), None)

    def _active(self) -> list[Alert]:
        return [a for a in self.alerts.values() if a.active]

    def _note(self, alert: Alert, what: str, note: str) -> None:
        self._audit.append((alert.id, what, note))

    # --- the store ------------------------------------------------------------------------------

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

    def _write(self, signals: dict[tuple[str, str], Signal]) -> None:
        self.store.run("alerts.forget_signals", [self.campaign.id])
        items = sorted(signals.items())
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
        changed = [
            a
            for a in self.alerts.values()
            if self._before.get(a.id) != json.dumps(asdict(a), default=str)
        ]
        for alert in changed:
            if alert.id in self._before:
                self.store.run("alerts.forget", [alert.id])
                alert.version += 1
        if changed:
            self.store.append("alert", pa.Table.from_pylist([as_row(a) for a in changed], ALERT))
        if self._audit:
            first = int(self.store.one("alerts.audit_next")[0])
            self.store.append(
                "audit",
                pa.table(
                    {
                        "audit_id": list(range(first, first + len(self._audit))),
                        "at": pa.array([to_db(self.now)] * len(self._audit), stamp),
                        "actor": [SYSTEM] * len(self._audit),
                        "subject": [f"alert:{i}" for i, _, _ in self._audit],
                        "what": [what for _, what, _ in self._audit],
                        "note": [note for _, _, note in self._audit],
                    }
                ),
            )


def _ended(signal: Signal) -> Signal:
    return Signal(State.NORMAL, signal.episode, signal.judged_to_ms, hold="window_ended")
