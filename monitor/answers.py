"""The JSON documents that verbs print and routes serve: the same answer by either way."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from monitor.alerts.records import load_alerts
from monitor.campaigns.words import DIMENSIONS, METRICS, Scope
from monitor.clock import from_ms, iso
from monitor.detect.judge import STATES
from monitor.errors import ConfigError
from monitor.ingest.load import number
from monitor.judgement import Judge, Verdicts
from monitor.observe import counting, streams_of, totals
from monitor.picture import Board
from monitor.settings import Campaign, Settings
from monitor.store import Store


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
    """Per bucket: observed, expected, low, high, state."""
    if metric not in METRICS:
        raise ConfigError(f"--metric {metric!r}: no metric; known: {', '.join(METRICS)}")
    check_dimensions(tuple(scope))
    wide = set(scope) <= {"channel", "category"} and len(scope) <= 1
    judgement = Judge(store, settings).campaign(campaign, now, None if wide else scope)
    verdicts = judgement.by_metric.get(metric)
    rows: list[dict[str, Any]] = []
    if verdicts is not None and scope in verdicts.scopes:
        rows = expected_rows(verdicts, verdicts.scopes.index(scope))
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


def expected_rows(verdicts: Verdicts, row: int) -> list[dict[str, Any]]:
    judged, closed = verdicts.judged, verdicts.closing
    return [
        {
            "bucket_start": iso(from_ms(int(start))),
            "observed": _known(verdicts.observed[row, b]) if closed.closed[b] else None,
            "expected": _known(judged.expected[row, b]),
            "low": _known(judged.low[row, b]),
            "high": _known(judged.high[row, b]),
            "state": STATES[judged.state[row, b]],
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


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
