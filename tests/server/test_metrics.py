"""What /metrics says of feeds, sources and batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from monitor.picture import SourceStatus
from monitor.runtime import Health
from monitor.tick import Heart
from monitor.web.metrics import exposition
from tests.conftest import File, file_of, ingest, local, reading


def test_lag_troubles_and_batches_are_counted_per_feed(heart: Heart) -> None:
    ingest(heart, file_of(reading("10:00", gmv=5), reading("10:00", gmv="x")), now=local("10:01"))
    ingest(heart, File("broken.csv", "no table"), now=local("10:02"))
    picture = heart.tick(local("10:30")).picture
    assert picture is not None
    failing = SourceStatus(
        feed_id="live",
        type="http",
        asked_at=picture.published_at - timedelta(seconds=90),
        next_at=None,
        trouble="HTTP 503",
        failing_since=picture.published_at,
        attempts=3,
    )
    shown = replace(picture, sources={"live": failing})
    runtime: Any = SimpleNamespace(health=Health(), picture=shown, store=heart.store)
    found = {
        family.name: {frozenset(s.labels.values()): s.value for s in family.samples}
        for family in text_string_to_metric_families(exposition(runtime, 0)[0].decode())
    }
    assert found["monitor_feed_lag_seconds"] == {frozenset({"live", "sale"}): 1800.0}
    assert found["monitor_feed_late"] == {frozenset({"live", "sale"}): 1.0}
    assert found["monitor_feed_stuck"] == {frozenset({"live", "sale"}): 0.0}
    assert found["monitor_source_failures_in_a_row"] == {frozenset({"live", "http"}): 3.0}
    assert found["monitor_source_silent_seconds"] == {frozenset({"live", "http"}): 90.0}
    assert found["monitor_feed_quarantined_rows"][frozenset({"live"})] == 1.0
    assert found["monitor_batches_by_status"] == {
        frozenset({"refused"}): 1.0,
        frozenset({"taken"}): 1.0,
    }
