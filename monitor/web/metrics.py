"""/metrics: the product about itself, as Prometheus text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

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
        lag = GaugeMetricFamily(
            "monitor_feed_lag_seconds",
            "Now minus watermark, live campaigns",
            labels=["feed", "campaign"],
        )
        late = GaugeMetricFamily("monitor_feed_late", "1 if late", labels=["feed", "campaign"])
        for feed in picture.feeds:
            if feed.campaign_id:
                late.add_metric([feed.feed_id, feed.campaign_id], float(feed.late))
                if feed.lag_s is not None:
                    lag.add_metric([feed.feed_id, feed.campaign_id], feed.lag_s)
        yield lag
        yield late
        rows, quarantined, batches = self.runtime.store.one("publish.counts")
        yield CounterMetricFamily("monitor_rows", "Snapshot rows taken", rows)
        yield CounterMetricFamily("monitor_quarantined_rows", "Rows in quarantine", quarantined)
        yield CounterMetricFamily("monitor_batches", "Batches in the ledger", batches)
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


def exposition(runtime: Runtime | None, viewers: int) -> tuple[bytes, str]:
    """The text, and its content type."""
    registry = CollectorRegistry()
    registry.register(_Now(runtime, viewers))
    return generate_latest(registry), CONTENT_TYPE_LATEST
