"""The clock never goes back: what was told once is not told again by the same recording."""

from __future__ import annotations

import json
from pathlib import Path

from monitor.answers import alerts_json
from monitor.replay import replay
from tests.conftest import a_heart, csv_text, reading, settings_for


def test_a_second_replay_into_the_same_database_tells_no_alert_twice(tmp_path: Path) -> None:
    evening = settings_for(start="2026-11-11T20:00:00+08:00", end="2026-11-11T22:00:00+08:00")
    for minute in (5, 10, 15, 45, 50):  # no reading before the start, and a gap: two data alerts
        row = reading(f"20:{minute:02}", gmv=1000 + minute)
        (tmp_path / f"{minute:02}.csv").write_text(csv_text([row]), encoding="utf-8")
    heart = a_heart(evening)
    replay(heart, tmp_path)
    first = json.dumps(alerts_json(heart.store))
    assert {"unknown_start", "feed_late"} <= {a["rule"] for a in alerts_json(heart.store)["alerts"]}
    replay(heart, tmp_path)
    assert json.dumps(alerts_json(heart.store)) == first
