"""One row of the alert table, as an object, as JSON and back. The table's only home."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from monitor.campaigns.words import Scope
from monitor.clock import iso, to_db
from monitor.store import Store


@dataclass
class Alert:
    """One row of the alert table. Amounts are hundredths, rates 0..1 (AOV: money); instants aware."""

    id: int
    open_key: str | None
    alert_key: str
    campaign_id: str
    rule: str
    kind: str
    metric: str | None
    scope: Scope
    severity: str
    opened_at: datetime
    due_at: datetime
    found_late: bool
    breach_start: datetime | None
    reason: str | None
    headline: str
    status: str = "open"
    substate: str = "new"
    verdict: str | None = None
    breach_end: datetime | None = None
    resolved_at: datetime | None = None
    resolve_reason: str | None = None
    resolve_event: datetime | None = None
    episodes: list[dict[str, Any]] = field(default_factory=list)
    observed: int | None = None
    expected: int | None = None
    at_risk: int | None = None
    at_risk_hour: int | None = None
    observed_rate: float | None = None
    expected_rate: float | None = None
    covered_by: int | None = None
    version: int = 1

    @property
    def active(self) -> bool:
        return self.open_key is not None

    def as_json(self) -> dict[str, Any]:
        """As the CONTRACT has it."""
        observed, expected = _units(self.observed), _units(self.expected)
        both = self.observed is not None and self.expected is not None
        shortfall = _units((self.expected or 0) - (self.observed or 0)) if both else None
        if self.expected_rate is not None:  # what a rate lacks is told in money
            observed, expected = self.observed_rate, self.expected_rate
            shortfall = _units(self.at_risk)
        return {
            "id": self.id,
            "campaign_id": self.campaign_id,
            "rule": self.rule,
            "kind": self.kind,
            "metric": self.metric,
            "scope": self.scope,
            "severity": self.severity,
            "status": self.status,
            "verdict": self.verdict,
            "reason": self.reason,
            "breach_start": iso(self.breach_start),
            "opened_at": iso(self.opened_at),
            "resolved_at": iso(self.resolved_at),
            "resolve_reason": self.resolve_reason,
            "due_at": iso(self.due_at),
            "found_late": self.found_late,
            "episodes": self.episodes,
            "observed": observed,
            "expected": expected,
            "shortfall": shortfall,
            "at_risk": _units(self.at_risk),
            "at_risk_per_hour": _units(self.at_risk_hour),
            "covered_by": self.covered_by,
            "drivers": [],
            "headline": self.headline,
        }


def _units(hundredths: int | None) -> float | None:
    return None if hundredths is None else hundredths / 100


STAMPS = ("breach_start", "breach_end", "opened_at", "due_at", "resolved_at", "resolve_event")
ALERT = pa.schema(
    [("id", pa.int32()), ("version", pa.int32()), ("covered_by", pa.int32())]
    + [("observed", pa.int64()), ("expected", pa.int64()), ("found_late", pa.bool_())]
    + [("at_risk", pa.int64()), ("at_risk_hour", pa.int64())]
    + [("observed_rate", pa.float64()), ("expected_rate", pa.float64())]
    + [(name, pa.timestamp("ms")) for name in STAMPS]
    + [
        (name, pa.string())
        for name in (
            "open_key", "alert_key", "campaign_id", "rule", "kind", "metric", "scope", "severity",
            "status", "substate", "verdict", "reason", "resolve_reason", "episodes", "headline",
        )
    ]
)  # fmt: skip


def as_row(alert: Alert) -> dict[str, Any]:
    row = asdict(alert)
    row["scope"], row["episodes"] = json.dumps(alert.scope), json.dumps(alert.episodes)
    for name in STAMPS:
        row[name] = None if row[name] is None else to_db(row[name])
    return row


def load_alerts(store: Store, campaign_id: str = "") -> list[Alert]:
    """All alerts, or one campaign's, by id."""
    got = store.run("alerts.all", [campaign_id, campaign_id])
    names = [column[0] for column in got.description or []]
    found = []
    for values in got.fetchall():
        row = dict(zip(names, values, strict=True))
        row["scope"], row["episodes"] = json.loads(row["scope"]), json.loads(row["episodes"])
        for name in STAMPS:
            row[name] = None if row[name] is None else row[name].replace(tzinfo=UTC)
        found.append(Alert(**row))
    return found
