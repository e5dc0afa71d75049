"""The JSON documents that verbs print and routes serve: the same answer by either way."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from monitor.alerts.records import load_alerts
from monitor.campaigns.words import DIMENSIONS, METRICS, Scope
from monitor.clock import from_ms, iso
from monitor.detect.detector import STATES
from monitor.detect.event import MEASURES
from monitor.detect.why import Evidence
from monitor.errors import ConfigError
from monitor.ingest.load import number
from monitor.judgement import Verdicts
from monitor.observe import Observed, counting, streams_of, totals
from monitor.picture import Board
from monitor.settings import Campaign, Settings
from monitor.store import Store
from monitor.witness import witness


def alerts_json(store: Store, campaign_id: str = "") -> dict[str, Any]:
    return {"alerts": [alert.as_json() for alert in load_alerts(store, campaign_id)]}


def totals_json(
    store: Store, settings: Settings, campaign: Campaign, by: tuple[str, ...], now: datetime
) -> dict[str, Any]:
    """Sums per metric up to the watermark; unknown metrics are null."""
    check_dimensions(by)
    streams = streams_of(store, settings, campaign, now)
    found = totals(store, streams, by)
    if not by:
        found = {(): found.get((), {})}
    counted = counting(streams).values()
    marks = [s.told for s in counted if s.told is not None]
    newest = [s.read for s in streams if s.read is not None]
    return {
        "campaign_id": campaign.id,
        "currency": campaign.currency,
        "as_of": iso(max(newest, default=None)),
        "watermark": iso(min(marks, default=None)),
        "rows": [
            {
                "by": {dim: value or None for dim, value in zip(by, group, strict=True)},
                **{m: number(sums[m], m) if m in sums else None for m in METRICS},
            }
            for group, sums in sorted(found.items())
        ],
    }


def expected_json(
    store: Store, settings: Settings, campaign: Campaign, scope: Scope, metric: str, now: datetime
) -> dict[str, Any]:
    """Per bucket: observed, expected, low, high, state, and why it was judged so."""
    if metric not in METRICS and metric not in MEASURES:
        known = ", ".join([*METRICS, *(m for m in MEASURES if m not in METRICS)])
        raise ConfigError(f"--metric {metric!r}: no metric; known: {known}")
    check_dimensions(tuple(scope))
    seen, judgement = witness(store, settings, campaign, scope, metric, now)
    verdicts = judgement.by_metric.get(metric)
    rows: list[dict[str, Any]] = []
    if verdicts is not None and scope in verdicts.scopes:
        rows = expected_rows(verdicts, verdicts.scopes.index(scope))
    elif seen.found:
        rows = [
            {"bucket_start": iso(row["bucket_start"]), **{n: _rounded(row[n]) for n in CURVE},
             "state": row["state"]}
            for row in seen.series().to_pylist()
        ]  # fmt: skip
    else:
        rows = unjudged_rows(judgement.observed, metric)
    for b, row in enumerate(rows):
        row["why"] = why_row(seen.found.get(b))
    return {
        "campaign_id": campaign.id,
        "metric": metric,
        "scope": scope,
        "currency": campaign.currency,
        "as_of": iso(judgement.observed.as_of),
        "watermark": iso(judgement.observed.watermark),
        "basis": judgement.basis,
        "rows": rows,
    }


def unjudged_rows(observed: Observed, metric: str) -> list[dict[str, Any]]:
    """Buckets of which nothing can be said: open, or closed with nothing read."""
    top = MEASURES[metric].top if metric in MEASURES else metric
    stream = observed.by_metric.get(top) or next(iter(observed.streams), None)
    if stream is None:
        return []
    return [
        {"bucket_start": iso(from_ms(int(start))), **dict.fromkeys(CURVE),
         "state": "incomplete" if closed else "open"}
        for start, closed in zip(observed.starts_ms, stream.closing.closed, strict=True)
    ]  # fmt: skip


def why_row(e: Evidence | None) -> dict[str, Any] | None:
    """The evidence of one bucket, None where it was not judged."""
    if e is None:
        return None
    return {
        "rule": e.rule,
        "signal": e.signal,
        "gate": e.gate,
        "explained_by": e.explained_by,
        "reason": e.reason,
        "half_sensitivity": e.half_sensitivity,
        "members": e.members,
        "compared": e.compared,
        "basis": e.basis,
        "least_fall": e.least_fall,
        "at_risk_per_hour": _rounded(e.at_risk_per_hour),
        "least_at_risk": _rounded(e.least_at_risk),
        "windows": [
            {"minutes": w.minutes, "observed": _rounded(w.observed), "expected": _rounded(w.expected),
             "fall": round(w.fall, 4), "z": round(w.z, 2), "needed_z": round(w.needed_z, 2)}
            for w in e.windows
        ],
    }  # fmt: skip


def expected_rows(verdicts: Verdicts, row: int) -> list[dict[str, Any]]:
    closed = verdicts.closing
    return [
        {
            "bucket_start": iso(from_ms(int(start))),
            "observed": _known(verdicts.observed[row, b]) if closed.closed[b] else None,
            "expected": _known(verdicts.expected[row, b]),
            "low": _known(verdicts.low[row, b]),
            "high": _known(verdicts.high[row, b]),
            "state": STATES[verdicts.state[row, b]],
        }
        for b, start in enumerate(closed.starts_ms)
    ]


def board_json(
    board: Board, as_of: datetime | None, generation: int, stale: bool, limit: int | None
) -> dict[str, Any]:
    rows = board.rows if limit is None else board.rows.slice(0, limit)
    return {
        "board": board.name,
        "as_of": iso(as_of),
        "generation": generation,
        "stale": stale,
        "rows": rows.select(["rank", "id", "name", "value", "share"]).to_pylist(),
    }


CURVE = ("observed", "expected", "low", "high")


def check_dimensions(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in DIMENSIONS:
            raise ConfigError(f"{name!r} is no dimension; known: {', '.join(DIMENSIONS)}")


def parse_scope(text: str) -> Scope:
    """`channel=live,category=beauty` → a scope. A comma inside a value is written %2C."""
    scope: Scope = {}
    for part in filter(None, text.split(",")):
        dim, sep, value = part.partition("=")
        if not sep or not value:
            raise ConfigError(f"scope {text!r}: write it as channel=live,category=beauty")
        scope[dim.strip()] = unquote(value.strip())
    check_dimensions(tuple(scope))
    return scope


def _rounded(value: float | None) -> float | None:
    return None if value is None else _known(value)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
