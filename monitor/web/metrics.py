"""/metrics: the product about itself, as Prometheus text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from monitor.picture import Picture
from monitor.runtime import Runtime


class _Now(Collector):
    """Reads the runtime at the moment of the scrape."""

    def __init__(self, runtime: Runtime | None, viewers: int) -> None:
        self.runtime, self.viewers = runtime, viewers

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("monitor_viewers", "Browser sessions connected", self.viewers)
        if self.runtime is None:
            return
        health, picture = self.runtime.health, self.runtime.picture
        yield CounterMetricFamily("monitor_ticks", "Ticks committed", health.ticks)
        yield CounterMetricFamily("monitor_tick_failures", "Pulses that failed", health.failures)
        took = "Time the last tick took, in seconds"
        yield GaugeMetricFamily("monitor_tick_seconds", took, health.last_tick_took_s)
        if picture is None:
            return
        yield GaugeMetricFamily("monitor_generation", "Published picture", picture.generation)
        yield from _feeds(picture)
        yield from _sources(picture)
        rows, quarantined, batches = self.runtime.store.one("publish.counts")
        yield CounterMetricFamily("monitor_rows", "Snapshot rows taken", rows)
        yield CounterMetricFamily("monitor_quarantined_rows", "Rows in quarantine", quarantined)
        yield CounterMetricFamily("monitor_batches", "Batches in the ledger", batches)
        yield _labelled(
            CounterMetricFamily(
                "monitor_feed_quarantined_rows",
                "Rows in quarantine, of batches in force",
                labels=["feed"],
            ),
            self.runtime.store.rows("publish.quarantined_by_feed"),
        )
        yield _labelled(
            GaugeMetricFamily(
                "monitor_batches_by_status", "Batches by what became of them", labels=["status"]
            ),
            self.runtime.store.rows("publish.batches_by_status"),
        )
        alerts = GaugeMetricFamily(
            "monitor_alerts", "Alerts", labels=["status", "severity", "kind"]
        )
        count = Counter(
            (alert["status"], alert["severity"], alert["kind"])
            for campaign in picture.campaigns.values()
            for alert in campaign.alerts
        )
        for labels, number in sorted(count.items()):
            alerts.add_metric(list(labels), number)
        yield alerts


def _feeds(picture: Picture) -> Iterator[Metric]:
    """Per feed and campaign: how far behind, whether late, whether its counters stand still."""
    labels = ["feed", "campaign"]
    lag = GaugeMetricFamily(
        "monitor_feed_lag_seconds", "Now minus watermark, live campaigns", labels=labels
    )
    late = GaugeMetricFamily("monitor_feed_late", "1 if late", labels=labels)
    stuck = GaugeMetricFamily("monitor_feed_stuck", "1 if nothing in it moves", labels=labels)
    for feed in picture.feeds:
        if feed.campaign_id:
            key = [feed.feed_id, feed.campaign_id]
            late.add_metric(key, float(feed.late))
            stuck.add_metric(key, float(feed.stuck))
            if feed.lag_s is not None:
                lag.add_metric(key, feed.lag_s)
    yield from (lag, late, stuck)


def _sources(picture: Picture) -> Iterator[Metric]:
    """Per feed, how its source is doing."""
    failing = GaugeMetricFamily(
        "monitor_source_failures_in_a_row", "0 while the source answers", labels=["feed", "type"]
    )
    silent = GaugeMetricFamily(
        "monitor_source_silent_seconds",
        "Since the source answered last, even with nothing new",
        labels=["feed", "type"],
    )
    for status in picture.sources.values():
        key = [status.feed_id, status.type]
        failing.add_metric(key, status.attempts)
        if status.asked_at is not None:
            silent.add_metric(key, (picture.published_at - status.asked_at).total_seconds())
    yield from (failing, silent)


def _labelled(
    family: CounterMetricFamily | GaugeMetricFamily, rows: list[tuple[Any, ...]]
) -> Metric:
    """A metric with one number per label."""
    for label, number in rows:
        family.add_metric([str(label)], number)
    return family


def exposition(runtime: Runtime | None, viewers: int) -> tuple[bytes, str]:
    """The text, and its content type."""
    registry = CollectorRegistry()
    registry.register(_Now(runtime, viewers))
    return generate_latest(registry), CONTENT_TYPE_LATEST
