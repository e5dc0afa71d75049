"""A replay of the archived files gives what the live evening gave, bit for bit."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from monitor.answers import alerts_json, totals_json
from monitor.replay import replay
from monitor.runtime import Runtime
from monitor.settings import parse_settings
from monitor.simulate.demo import Demo, demo_config_text
from monitor.store import Store, open_store
from monitor.tick import Heart

FROM = datetime.fromisoformat("2026-11-11T19:40:00+08:00")
UNTIL = datetime.fromisoformat("2026-11-11T21:10:00+08:00")
STEP = timedelta(seconds=17)  # of the poll: never in step with buckets or arrivals


class HandClock:
    """Moves when it is told to."""

    speed = 1.0

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def said(store: Store, runtime: Runtime) -> str:
    answers = [
        totals_json(store, runtime.settings, campaign, ("channel", "creator_id"), UNTIL)
        for campaign in runtime.settings.campaign
    ]
    return json.dumps([alerts_json(store), answers])


def test_a_replay_of_the_archive_gives_the_alerts_and_totals_of_the_live_evening(
    tmp_path: Path,
) -> None:
    settings = parse_settings(demo_config_text("inbox/performance"), tmp_path / "demo.toml")
    inbox, demo, clock = settings.feed[0].source.path, Demo(), HandClock(FROM)
    live = open_store(None)
    runtime = Runtime(live, settings, clock)
    demo.write_history(inbox, FROM)
    written = FROM
    while clock.at + STEP < UNTIL:
        runtime.pulse()
        assert runtime.health.failure is None
        clock.at += STEP
        demo.write_due(inbox, written, clock.at)
        written = clock.at
    runtime.pulse()
    assert [a for a in alerts_json(live)["alerts"] if a["scope"] == {"channel": "live"}]

    again = open_store(None)
    replay(Heart(again, settings), tmp_path / "inbox" / "archive", until=clock.at)
    assert said(again, runtime) == said(live, runtime)
