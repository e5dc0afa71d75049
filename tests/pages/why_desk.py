"""Evidence out of the hand-built picture, for tests of the Why page: the sums of its own series."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa

from monitor.campaigns.words import Scope, scope_key
from monitor.clock import Clock, to_ms
from monitor.detect.why import Evidence, WindowEvidence
from monitor.errors import MonitorError
from monitor.picture import Picture
from tests.pages import pictures as p

MINUTES = (5, 10, 15, 30, 60)
HOSTILE = '<img src=x onerror="window.__hurt=1">'
BASIS = "9.9 Mega Sale and 10.10 Brands Festival at this time, and today's own last hour"


@dataclass
class WhyDesk:
    """`slow_s`: how long an answer takes. `asked`: what was asked. `changes`: of any evidence."""

    picture: Picture = field(default_factory=p.picture)
    slow_s: float = 0.0
    trouble: str = ""
    changes: dict[str, object] = field(default_factory=dict)
    asked: list[tuple[str, str, datetime]] = field(default_factory=list)

    def why(self, campaign_id: str, scope: Scope, measure: str, at: datetime) -> Evidence | None:
        self.asked.append((scope_key(scope), measure, at))
        time.sleep(self.slow_s)
        if self.trouble:
            raise MonitorError(self.trouble)
        table = self.series(campaign_id, scope, measure)
        if table is None:
            return None
        rows = [r for r in table.to_pylist() if r["bucket_start"] <= at]
        now = rows[-1]
        windows = tuple(_window(rows, minutes) for minutes in MINUTES if len(rows) * 5 >= minutes)
        worst = max(windows, key=lambda w: w.z)
        begun = [r for r in rows if r["state"] == "breach"]
        firing = now["state"] == "breach" and len(begun) >= 2
        found = Evidence(
            scope, measure, to_ms(at), now["state"], now["observed"], now["expected"],
            now["low"], now["high"], windows,
            members=44, compared=41,
            left_out=(("c0003", "its live show ended"), (HOSTILE, "its live room opened")),
            basis=BASIS, enough=(312.0, 27.0),
            signal="firing" if firing else "pending" if begun and now is begun[-1] else "normal",
            breach_since_ms=to_ms(begun[0]["bucket_start"]) if begun else None,
            rule=f"{'traffic' if measure == 'visitors' else measure}_dip",
            at_risk_per_hour=(worst.expected - worst.observed) * 60 / worst.minutes,
            least_at_risk=500.0,
            reason="real_drop" if firing else None,
        )  # fmt: skip
        return replace(found, **self.changes)  # type: ignore[arg-type]

    def series(self, campaign_id: str, scope: Scope, measure: str) -> pa.Table | None:
        shown = self.picture.campaigns[campaign_id]
        return shown.series.get((scope_key(scope), measure))

    def scopes(self, campaign_id: str) -> Sequence[Scope]:
        return [{"creator_id": "c0017"}, {"channel": "live", "category": "beauty"}]


def _window(rows: list[dict], minutes: int) -> WindowEvidence:
    last = [r for r in rows[-minutes // 5 :] if r["observed"] is not None]
    parts = len(last) if last and last[0]["expected"] < 1 else 1  # of a rate the mean
    observed = sum(r["observed"] for r in last) / parts
    expected = sum(r["expected"] for r in last) / parts
    fall = 1 - observed / expected if expected else 0.0
    return WindowEvidence(minutes, observed, expected, fall, fall * 18 * len(last) ** 0.4, 3.5)


@dataclass
class WhyRuntime:
    picture: Picture | None
    clock: Clock
    why: WhyDesk
