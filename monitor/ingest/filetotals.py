"""What a file adds up to, for whoever compares it with its source."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from monitor.campaigns.words import METRICS, MONEY
from monitor.ingest import parse
from monitor.ingest.counters import NONE, Ints
from monitor.ingest.readings import STATES, OrderLines, Readings
from monitor.settings import Feed, Settings


def totals_of(
    content: Readings | OrderLines, feed: Feed, settings: Settings
) -> dict[str, float | None]:
    """What a file adds up to per metric; an unknown metric is absent."""
    if isinstance(content, Readings):
        return file_totals(content, feed, settings)
    totals: dict[str, float | None] = {}
    for m, metric in enumerate(METRICS):
        known = content.values[:, m] != NONE
        amount = int(content.values[known, m].sum())
        if metric == "orders":
            counting = ~known & (content.state != STATES.index("ineligible"))
            counted = {content.order[row] for row in np.flatnonzero(counting).tolist()}
            amount += 100 * len(counted)
            known = known | counting
        if known.any():
            totals[metric] = number(amount, metric)
    return totals


def file_totals(readings: Readings, feed: Feed, settings: Settings) -> dict[str, float | None]:
    """Sums per metric: of interval rows, or of the last reading per key and local day.

    A blank is no reading: the last value before it stands.
    """
    totals: dict[str, float | None] = {}
    order = np.argsort(readings.observed_ms, kind="stable")
    series = _series(readings, feed, settings)
    for m, metric in enumerate(METRICS):
        column = readings.values[:, m]
        rows = order[column[order] != NONE]
        if not len(rows):
            continue
        if feed.counter != "interval":
            last = np.full(len(column), -1)
            last[series[rows]] = rows  # of several rows of one series the last stays
            rows = last[last >= 0]
        totals[metric] = number(int(column[rows].sum()), metric)
    return totals


def _series(readings: Readings, feed: Feed, settings: Settings) -> Ints:
    """A number per row that rows of one campaign, key and counting period share."""
    code = readings.campaign * max(len(readings.keys), 1) + readings.key
    if feed.counter == "cumulative_day":
        instants, which = parse.present(readings.observed_ms)
        zones = [settings.campaign_by_id(campaign_id).zone for campaign_id in readings.campaigns]
        days = np.array([[_day(ms, zone) for zone in zones] for ms in instants.tolist()], np.int64)
        if len(instants):
            some, day = parse.present(days[which, readings.campaign])
            code = code * len(some) + day
    return parse.present(code)[1]


def _day(ms: int, zone: object) -> int:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date().toordinal()  # type: ignore[arg-type]


def number(hundredths: int, metric: str) -> float | int:
    """Hundredths as a JSON number: money with cents, a whole count without a fraction."""
    if metric not in MONEY and hundredths % 100 == 0:
        return hundredths // 100
    return hundredths / 100
