"""A real recorded sale day through the whole product: the UK gift shop of data/samples.

What the rules say of it, and why that is right: nothing. The shop sells about 120 invoices a day,
some of them for thousands of pounds; not even a halving can be told from chance in an hour of ten
orders, so every bucket is "too little to judge" and no dip is claimed. The totals are exact.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.answers import alerts_json, expected_json, totals_json
from monitor.ingest.arrivals import Arrival, files_in
from monitor.replay import replay
from monitor.settings import Settings, load_settings
from monitor.store import Store, open_store
from monitor.tick import Heart

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "online-retail"
DAY = "gb-2011-12-08"
AFTER = datetime(2011, 12, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Settings]:
    """The three earlier days read at once, the busy day replayed tick by tick."""
    settings = load_settings(SAMPLE / "monitor.toml")
    store = open_store(None)
    heart = Heart(store, settings)
    files = files_in(SAMPLE / "recorded")
    earlier = [Arrival(path, settings.feed[0]) for path in files if DAY not in path.name]
    heart.tick(datetime(2011, 12, 7, tzinfo=UTC), earlier, publish=False)
    folder = tmp_path_factory.mktemp("day")
    for path in files:
        if DAY in path.name:
            (folder / path.name).write_bytes(path.read_bytes())
    replay(heart, folder)
    return store, settings


def test_the_totals_of_every_day_equal_the_invoices_to_the_cent(
    shop: tuple[Store, Settings],
) -> None:
    store, settings = shop
    invoices = json.loads((SAMPLE / "totals.json").read_text(encoding="utf-8"))
    for campaign in settings.campaign:
        row = totals_json(store, settings, campaign, (), AFTER)["rows"][0]
        for metric, said in invoices[campaign.id].items():
            assert row[metric] == pytest.approx(float(said), abs=0.001), (campaign.id, metric)


def test_what_the_source_does_not_say_is_unknown_not_zero(shop: tuple[Store, Settings]) -> None:
    store, settings = shop
    row = totals_json(store, settings, settings.campaign_by_id(DAY), (), AFTER)["rows"][0]
    assert row["visitors"] is None
    assert row["clicks"] is None


def test_a_shop_of_ten_orders_an_hour_is_too_little_to_judge(shop: tuple[Store, Settings]) -> None:
    store, settings = shop
    found = expected_json(store, settings, settings.campaign_by_id(DAY), {}, "gmv", AFTER)
    assert {row["state"] for row in found["rows"]} == {"too_little"}
    assert "24 November 2011" in found["basis"]
    assert [a for a in alerts_json(store)["alerts"] if a["kind"] == "dip"] == []
