"""The alerts of one campaign during one tick: opened, resolved, covered, and written once at the end."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta

import pyarrow as pa

from monitor.alerts.conditions import STALE, Condition
from monitor.alerts.records import ALERT, Alert, as_row, load_alerts
from monitor.campaigns.words import Scope, scope_key
from monitor.clock import iso, to_db
from monitor.detect.rule import Rule
from monitor.detect.rules import REOPEN_WITHIN
from monitor.store import Store

SYSTEM = "monitor"
# What one says, the other says again in other terms: (told, again).
TOLD_TWICE = (("gmv", "orders"), ("conversion", "ctor"), ("visitors", "clicks"))
SEVERITIES = ("info", "warning", "critical")


class Book:
    """`alerts`: all alerts of the campaign by id. Nothing is stored before `write`."""

    def __init__(self, store: Store, campaign_id: str, now: datetime) -> None:
        self.store, self.campaign_id, self.now = store, campaign_id, now
        self.alerts = {a.id: a for a in load_alerts(store, campaign_id)}
        self._open = {a.open_key: a for a in self.alerts.values() if a.open_key is not None}
        self._before = {i: _said(a) for i, a in self.alerts.items()}
        self._audit: list[tuple[int, str, str]] = []
        self._next_id = int(store.one("alerts.next_id")[0])

    def key(self, scope: Scope, metric: str | None, rule: str, up: bool = False) -> str:
        way = "up" if up else "down"
        return f"v1|{self.campaign_id}|{scope_key(scope)}|{metric or ''}|{rule}|{way}"

    def running(self, key: str) -> Alert | None:
        return self._open.get(key)

    def active(self) -> list[Alert]:
        """Alerts that run, by id."""
        return sorted(self._open.values(), key=lambda a: a.id)

    def of_key(self, key: str) -> list[Alert]:
        return [a for a in self.alerts.values() if a.alert_key == key]

    # --- the life of an alert -------------------------------------------------------------------

    def dip(
        self, key: str, rule: Rule, scope: Scope, since: datetime, due: datetime, grace: timedelta,
    ) -> Alert:  # fmt: skip
        """Open what a rule found, or reopen the last of this key when it regressed soon after."""
        last = max(self.of_key(key), key=lambda a: a.id, default=None)
        if (
            last
            and last.resolve_reason == "recovered"
            and last.resolve_event is not None
            and last.resolve_event <= since <= last.resolve_event + REOPEN_WITHIN
        ):
            last.open_key, last.status, last.substate = key, "open", "regressed"
            last.resolved_at = last.resolve_reason = last.resolve_event = None
            last.breach_start = since
            last.episodes.append(self._episode(since))
            self._open[key] = last
            self.note(last, "reopened", "dipped again within 30 minutes")
            return last
        kind = "surge" if rule.kind == "surge" else "dip"
        reason = None if rule.kind == "surge" else "real_drop"
        severity = "info" if rule.severity == "money" else rule.severity
        return self._new(
            key, rule.name, kind, rule.measure, scope, severity, reason, since, due, grace
        )

    def data(self, condition: Condition) -> Alert:
        """Open an alert for something wrong with the data."""
        c = condition
        return self._new(
            self.key(c.scope, c.metric, c.rule), c.rule, "data", c.metric, c.scope, c.severity,
            c.reason, c.since, c.due_at, c.grace,
        )  # fmt: skip

    def _new(
        self, key: str, rule: str, kind: str, metric: str | None, scope: Scope, severity: str,
        reason: str | None, since: datetime, due: datetime, grace: timedelta,
    ) -> Alert:  # fmt: skip
        last = max((a.id for a in self.of_key(key)), default=None)
        alert = Alert(
            id=self._next_id,
            open_key=key,
            alert_key=key,
            campaign_id=self.campaign_id,
            rule=rule,
            kind=kind,
            metric=metric,
            scope=scope,
            severity=severity,
            opened_at=self.now,
            due_at=due,
            found_late=self.now - due > grace,
            breach_start=since,
            reason=reason,
            headline="",
            episodes=[self._episode(since)],
        )
        self._next_id += 1
        self.alerts[alert.id] = self._open[key] = alert
        self.note(alert, "opened", f"linked to #{last}" if last else "")
        return alert

    def _episode(self, since: datetime) -> dict[str, str | None]:
        return {"breach_start": iso(since), "opened_at": iso(self.now), "resolved_at": None}

    def resolve(self, alert: Alert, reason: str, event: datetime) -> None:
        if alert.open_key is not None:
            del self._open[alert.open_key]
        alert.open_key, alert.status, alert.substate = None, "resolved", "ongoing"
        alert.resolved_at, alert.resolve_reason, alert.resolve_event = self.now, reason, event
        alert.episodes[-1]["resolved_at"] = iso(self.now)
        self.note(alert, "resolved", reason)

    def raise_severity(self, alert: Alert, severity: str) -> None:
        if SEVERITIES.index(severity) > SEVERITIES.index(alert.severity):
            self.note(alert, "severity", f"{alert.severity} → {severity}")
            alert.severity = severity

    def cover(self, feed_of: dict[str, str]) -> None:
        """Stale data covers the rules that read it; the campaign's dip covers its parts' dips."""
        active = self.active()
        for child in active:
            if child.kind not in ("dip", "surge"):
                continue
            feed = feed_of.get(child.metric or "")
            stale = [p for p in active if p.rule in STALE and p.scope.get("feed") == feed]
            wider = [p for p in active if _explains(p, child)]
            parents = [p.id for p in stale + wider]
            if parents and child.covered_by not in parents:
                child.covered_by = parents[0]
                self.note(child, "covered", f"by #{parents[0]}")
            elif not parents and child.covered_by is not None:
                self.note(child, "uncovered", f"outlived #{child.covered_by}")
                child.covered_by = None
            if any(_begun_before(p, child) for p in stale if p.rule == "stuck_counter"):
                child.reason = "feed_late"
            elif child.reason == "feed_late":
                child.reason = "real_drop"

    def note(self, alert: Alert, what: str, note: str) -> None:
        self._audit.append((alert.id, what, note))

    # --- the store ------------------------------------------------------------------------------

    def write(self) -> None:
        """Write what changed, and its story."""
        changed = [a for a in self.alerts.values() if self._before.get(a.id) != _said(a)]
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
                        "at": pa.array([to_db(self.now)] * len(self._audit), pa.timestamp("ms")),
                        "actor": [SYSTEM] * len(self._audit),
                        "subject": [f"alert:{i}" for i, _, _ in self._audit],
                        "what": [what for _, what, _ in self._audit],
                        "note": [note for _, _, note in self._audit],
                    }
                ),
            )


def _explains(parent: Alert, child: Alert) -> bool:
    """The same in a wider scope; or the same in other terms, as the money of orders."""
    if parent.rule == child.rule:
        return parent.scope.items() < child.scope.items()
    both = parent.kind == child.kind == "dip" and parent.scope == child.scope
    return both and (parent.metric, child.metric) in TOLD_TWICE


def _begun_before(parent: Alert, child: Alert) -> bool:
    since, begun = parent.breach_start, child.breach_start
    return since is not None and begun is not None and since <= begun


def _said(alert: Alert) -> str:
    return json.dumps(asdict(alert), default=str)
