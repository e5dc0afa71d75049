"""A simulated 11.11 with a known incident, from files to alerts."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.answers import alerts_json, totals_json
from monitor.ingest.arrivals import Arrival
from monitor.replay import replay
from monitor.settings import Settings, parse_settings
from monitor.simulate.demo import Demo, demo_config_text
from monitor.store import Store, open_store
from monitor.tick import Heart

DIP = datetime.fromisoformat("2026-11-11T20:00:00+08:00")
DIP_END = datetime.fromisoformat("2026-11-11T20:45:00+08:00")
FROM = datetime.fromisoformat("2026-11-11T19:00:00+08:00")
UNTIL = datetime.fromisoformat("2026-11-12T00:40:00+08:00")


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Settings, Heart]:
    """The demo's past in one tick, its evening replayed file by file."""
    folder = tmp_path_factory.mktemp("demo")
    settings = parse_settings(demo_config_text(), folder / "demo.toml")
    store = open_store(None)
    heart, demo = Heart(store, settings), Demo()
    past = demo.write_history(folder / "past", FROM)
    heart.tick(FROM, [Arrival(path, settings.feed[0]) for path in past])
    demo.write_due(folder / "evening", FROM, UNTIL)
    replay(heart, folder / "evening")
    heart.tick(UNTIL)
    return store, settings, heart


def dips(store: Store, **wanted: Any) -> list[dict[str, Any]]:
    found = alerts_json(store, "my-1111-2026")["alerts"]
    return [a for a in found if all(a[key] == value for key, value in wanted.items())]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_broken_checkout_is_found_within_a_quarter_of_an_hour(
    evening: tuple[Store, Settings, Heart],
) -> None:
    found = dips(evening[0], rule="gmv_dip", scope={"channel": "live"})
    [alert] = [a for a in found if at(a["opened_at"]) >= DIP]
    assert at(alert["breach_start"]) == DIP
    assert at(alert["opened_at"]) <= DIP + timedelta(minutes=15)
    assert not alert["found_late"]
    assert alert["headline"].startswith("LIVE GMV ")
    assert "below expected since 20:00 (RM " in alert["headline"]


def test_it_is_over_within_the_hour_after_the_checkout_works_again(
    evening: tuple[Store, Settings, Heart],
) -> None:
    [alert] = [
        a for a in dips(evening[0], rule="gmv_dip", scope={"channel": "live"})
        if at(a["opened_at"]) >= DIP
    ]  # fmt: skip
    assert alert["resolve_reason"] == "recovered"
    assert DIP_END < at(alert["resolved_at"]) <= DIP_END + timedelta(hours=1)


def test_a_dip_of_one_channel_is_told_as_that_channels(
    evening: tuple[Store, Settings, Heart],
) -> None:
    """LIVE is more than half of the campaign, which is a third below; yet nothing else fell."""
    found = dips(evening[0], kind="dip", covered_by=None)
    during = [a for a in found if DIP <= at(a["opened_at"]) < DIP_END]
    assert {str(a["scope"]) for a in during} == {str({"channel": "live"})}
    assert {"gmv_dip", "conversion_dip"} <= {a["rule"] for a in during}


def test_a_dip_of_conversion_is_no_dip_of_traffic(evening: tuple[Store, Settings, Heart]) -> None:
    found = dips(evening[0], rule="traffic_dip", scope={"channel": "live"})
    assert [a for a in found if DIP <= at(a["breach_start"]) < DIP_END] == []


def test_the_late_snapshot_and_the_correction_are_no_dips(
    evening: tuple[Store, Settings, Heart],
) -> None:
    for alert in dips(evening[0], kind="dip", scope={}):
        start = at(alert["breach_start"])
        assert not at("2026-11-11T21:45:00+08:00") <= start <= at("2026-11-11T22:30:00+08:00")


def test_everything_is_resolved_when_the_event_is_over(
    evening: tuple[Store, Settings, Heart],
) -> None:
    assert {a["status"] for a in alerts_json(evening[0])["alerts"]} == {"resolved"}


def test_the_picture_agrees_with_the_totals(evening: tuple[Store, Settings, Heart]) -> None:
    store, settings, heart = evening
    assert heart.picture is not None
    for campaign in settings.campaign:
        shown = heart.picture.campaigns[campaign.id]
        row = totals_json(store, settings, campaign, (), UNTIL)["rows"][0]
        for metric in ("gmv", "orders", "visitors", "refunds"):
            assert shown.totals[metric] == pytest.approx(row[metric], abs=0.001)
        by_channel = totals_json(store, settings, campaign, ("channel",), UNTIL)["rows"]
        members = {m.id: m.totals["gmv"] for m in shown.members if m.dim == "channel"}
        for channel in by_channel:
            assert members[channel["by"]["channel"]] == pytest.approx(channel["gmv"], abs=0.001)
        board = shown.boards["creators"].rows
        assert sum(board["value"].to_pylist()) == pytest.approx(row["gmv"], abs=0.01)


def test_the_demo_tells_its_story_by_tick(tmp_path: Path) -> None:
    """A newcomer sees the incident open within a minute: ten virtual minutes at ×20 are 30 s."""
    settings = parse_settings(demo_config_text(), tmp_path / "demo.toml")
    heart, demo = Heart(open_store(None), settings), Demo()
    start = datetime.fromisoformat("2026-11-11T19:55:00+08:00")
    past = demo.write_history(tmp_path / "past", start)
    heart.tick(start, [Arrival(path, settings.feed[0]) for path in past])
    demo.write_due(tmp_path / "now", start, DIP + timedelta(minutes=11))
    replay(heart, tmp_path / "now", until=DIP + timedelta(minutes=11))
    open_now = [
        a for a in alerts_json(heart.store, "my-1111-2026")["alerts"] if a["status"] == "open"
    ]
    assert {"channel": "live"} in [a["scope"] for a in open_now]
