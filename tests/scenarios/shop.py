"""A small sale night for scenarios: what two channels have sold by each reading, and their files.

An event in Kuala Lumpur from midnight to 06:00 and one like it the night before. Every five minutes
each channel gains about 10 orders of 50 RM and 200 visitors; what goes wrong is written as functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from monitor.alerts.records import load_alerts
from monitor.clock import iso
from monitor.tick import Heart
from tests.conftest import File, Row, a_heart, csv_text, ingest, local, settings_for

NIGHTS = {
    "past": ("2026-11-10T00:00:00+08:00", "2026-11-10T06:00:00+08:00"),
    "sale": ("2026-11-11T00:00:00+08:00", "2026-11-11T06:00:00+08:00"),
}
METRICS = ("gmv", "orders", "visitors")
Share = Callable[[str, str, str], float]  # (at, metric, channel) → share of the usual gain


def usual(at: str, metric: str, channel: str) -> float:
    return 1.0


def between(since: str, until: str, share: float, *metrics: str, channel: str = "") -> Share:
    """In readings after `since` up to `until` only `share` of the usual gain."""

    def gain(at: str, metric: str, of: str) -> float:
        hit = since < at <= until and metric in (metrics or METRICS) and channel in ("", of)
        return share if hit else 1.0

    return gain


@dataclass
class Shop:
    """Readings of a night. `shown`: what the source shows of a value, (at, channel, value) → value."""

    gain: Share = usual
    shown: Callable[[str, int], int] = lambda at, value: value
    frozen: tuple[str, str] | None = None  # the source repeats the reading of the first instant
    seed: int = 1
    campaign: str = "sale"
    day: str = "2026-11-11"
    metrics: tuple[str, ...] = METRICS

    def readings(self, until: str) -> dict[str, list[Row]]:
        """Per reading instant (`HH:MM`) the rows of its file."""
        random = np.random.default_rng(self.seed)
        found: dict[str, list[Row]] = {}
        last: dict[str, dict[str, int]] = {}
        sums: dict[tuple[str, str], int] = {}
        for minutes in range(5, 24 * 60, 5):
            clock = f"{minutes // 60:02}:{minutes % 60:02}"
            if clock > until:
                break
            found[clock] = []
            for channel in ("live", "video"):
                orders = int(random.poisson(10 * self.gain(clock, "orders", channel)))
                worth = random.gamma(4, 12.5, orders).sum() * self.gain(clock, "gmv", channel)
                visitors = int(random.poisson(200 * self.gain(clock, "visitors", channel)))
                for metric, more in zip(METRICS, (int(worth), orders, visitors), strict=True):
                    sums[channel, metric] = sums.get((channel, metric), 0) + more
                cells = {m: self.shown(clock, sums[channel, m]) for m in self.metrics}
                if self.frozen and self.frozen[0] < clock <= self.frozen[1]:
                    cells = last[channel]
                last[channel] = cells
                stamp = f"{self.day}T{clock}:20+08:00"
                row = {"observed_at": stamp, "campaign_id": self.campaign, "channel": channel}
                found[clock].append({**row, **cells})
        return found

    def files(self, until: str = "05:55", feed: str | None = None) -> dict[str, File]:
        return {
            at: File(f"{feed or 'f'}-{at.replace(':', '')}.csv", csv_text(rows), feed)
            for at, rows in self.readings(until).items()
        }


def a_night(feeds: Mapping[str, str] | None = None) -> Heart:
    """A heart that knows the night before."""
    heart = a_heart(settings_for(campaigns=NIGHTS, feeds=feeds or {"shop": "cumulative_day"}))
    for feed in heart.settings.feed:
        past = Shop(seed=7, campaign="past", day="2026-11-10").readings("06:00")
        rows = [row for at in past.values() for row in at]
        ingest(heart, File("past.csv", csv_text(rows), feed.id), now=local("00:00:01"))
    return heart


def moment(at: str, seconds: int = 25) -> datetime:
    return local(f"{at}:{seconds:02}")


def live(
    heart: Heart,
    *sources: Mapping[str, File],
    since: str,
    until: str,
    empty: bool = False,
    history: bool = True,
) -> None:
    """Ticks as the running product makes them, when files come; `empty`: at bucket ends too.

    What came up to `since` is taken in one tick before, unless the heart has it already.
    """
    every = sorted({at for files in sources for at in files})
    if history:
        old = [files[at] for at in every if at <= since for files in sources if at in files]
        ingest(heart, *old, now=moment(since))
    for at in every:
        if since < at <= until:
            if empty:
                heart.tick(local(f"{at}:00"), publish=False)
            files = [files[at] for files in sources if at in files]
            ingest(heart, *files, now=moment(at))


def alerts(heart: Heart, **wanted: Any) -> list[Any]:
    return [
        a
        for a in load_alerts(heart.store, "sale")
        if all(getattr(a, name) == value for name, value in wanted.items())
    ]


def told(heart: Heart, *, but: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """All alerts of the sale as JSON without what depends on when they were found: ids named by
    what they stand for."""
    every = load_alerts(heart.store, "sale")
    names = {a.id: [a.rule, a.scope, iso(a.breach_start)] for a in every}
    found = []
    for alert in every:
        if alert.rule in but:
            continue
        said = alert.as_json() | {"covered_by": names.get(alert.covered_by or -1)}
        for late in ("id", "opened_at", "resolved_at", "found_late"):
            del said[late]
        said["episodes"] = [e["breach_start"] for e in said["episodes"]]
        found.append(said)
    return sorted(found, key=lambda a: (a["rule"], str(a["scope"]), str(a["breach_start"])))
