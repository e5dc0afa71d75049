"""Set C from records like the real ones: what is counted, what a dip takes, and what is asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitor.detect.event import Event
from monitor.evaluate import recorded
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.case import Dip, inside
from monitor.evaluate.inject import LEAST_SIGMA

ORDERS_A_DAY = 20_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of a sale in a dozen shops, evenly busy, and one trading day of a small shop."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    seconds = np.sort(rng.integers(0, 3 * 86_400, 3 * ORDERS_A_DAY))
    start = pd.Timestamp("2019-12-27", tz="Asia/Singapore")
    shops = rng.choice(12, seconds.size, p=np.arange(12, 0, -1) / 78)
    orders = pd.DataFrame(
        {
            "orderid": [f"o{i}" for i in range(seconds.size)],
            "shopid": [f"s{i:02}" for i in shops],
            "event_time": start + pd.to_timedelta(seconds, unit="s"),
        }
    )
    (root / "shopee-orders").mkdir()
    twice = pd.concat([orders, orders.head(100)])  # an order that is recorded twice is one
    twice.to_parquet(root / recorded.SHOPEE)
    return root


@pytest.fixture(scope="module")
def days(data: Path) -> tuple[Event, ...]:
    return recorded.sale_days(data / recorded.SHOPEE)


def test_every_order_is_counted_once_in_its_local_day(days: tuple[Event, ...]):
    assert len(days) == 3
    assert sum(day.amounts["orders"].sum() for day in days) == 3 * ORDERS_A_DAY
    assert [day.weekday for day in days] == [4, 5, 6]
    assert days[0].dims["shop_id"][0] == "s00"
    assert all(day.dims == days[0].dims for day in days)


def test_the_long_event_is_the_days_in_a_row(days: tuple[Event, ...]):
    event = recorded.whole(days)
    assert event.buckets == 3 * recorded.PER_DAY
    assert np.array_equal(event.amounts["orders"][:, 288:576], days[1].amounts["orders"])


def test_a_dip_takes_its_share_of_its_scope_and_nothing_else(days: tuple[Event, ...]):
    dip = Dip({"category": "group 1"}, "conversion", 0.5, 600, 720)
    thin = recorded.thinned(days[0], [dip], np.random.default_rng(3))
    before, after = days[0].amounts["orders"], thin.amounts["orders"]
    hit = inside(days[0], dip.scope)
    window = slice(120, 144)
    kept = after[hit, window].sum() / before[hit, window].sum()
    assert kept == pytest.approx(0.5, abs=0.06)
    assert np.array_equal(after[~hit], before[~hit])
    assert np.array_equal(np.delete(after, np.s_[window], 1), np.delete(before, np.s_[window], 1))


def test_what_is_due_leaves_the_bucket_itself_out(days: tuple[Event, ...]):
    orders = days[0].amounts["orders"].copy()
    orders[:, 100] = 0.0
    hole = Event(days[0].name, days[0].dims, {"orders": orders}, days[0].usable)
    assert recorded.due(hole, {})[100] == recorded.due(days[0], {})[100] > 0
    assert recorded.due(hole, {})[101] < recorded.due(days[0], {})[101]


def test_cases_are_the_same_for_a_seed_and_their_dips_can_be_seen(days: tuple[Event, ...]):
    one, again = (recorded.case(days[2], days[:2], 7) for _ in range(2))
    other = recorded.case(days[2], days[:2], 8)
    assert one.dips == again.dips != other.dips
    assert np.array_equal(one.event.amounts["orders"], again.event.amounts["orders"])
    assert one.dips
    assert all(dip.oracle_sigma >= LEAST_SIGMA for dip in one.dips)
    assert one.event.amounts["orders"].sum() < days[2].amounts["orders"].sum()
    for dip in one.dips:
        due = recorded.due(days[2], dip.scope) * dip.share(288, 5.0)
        assert dip.oracle_sigma == pytest.approx(dip.depth * np.sqrt(due.sum()))


def test_the_noise_of_random_orders_is_poisson(days: tuple[Event, ...]):
    assert recorded.fano(days) == pytest.approx(1.0, abs=0.15)


def test_alarms_on_days_with_nothing_wrong_are_counted_when_there_are_days_to_compare():
    def crying(event: Event, pasts: tuple[Event, ...]) -> list[Alarm]:
        assert [past.weekday for past in pasts] == [event.weekday] * 3
        covered = Alarm("r", "orders", {"channel": "uk"}, 1, 2, covered=True)
        return [Alarm("r", "orders", {}, 1, 2), covered]

    weeks = [
        recorded._event(f"d{i}", {"channel": ("uk",)}, {"orders": np.ones((1, 288))}, day.date())
        for i, day in enumerate(pd.date_range("2019-01-01", periods=30))
    ]
    found = recorded.healthy_alarms(crying, weeks)
    assert found == {"days": 9, "alarms": 9, "alarms_per_day": 1.0}


def test_the_small_shop_becomes_days_of_two_channels(tmp_path: Path):
    lines = [
        ("536365", "2011-12-05 12:04", 1, 2.55, "United Kingdom"),
        ("536366", "2011-12-05 12:05", 2, 1.25, "France"),
        ("C536367", "2011-12-06 09:00", -1, 2.55, "United Kingdom"),
    ]
    columns = ["InvoiceNo", "InvoiceDate", "Quantity", "UnitPrice", "Country"]
    frame = pd.DataFrame(lines, columns=columns).assign(StockCode="85123A")
    frame["InvoiceDate"] = pd.to_datetime(frame["InvoiceDate"])
    frame.to_parquet(tmp_path / "lines.parquet")
    first, second = recorded.retail_days(tmp_path / "lines.parquet")
    assert first.dims["channel"] == ("uk", "export")
    assert first.amounts["gmv"][0, 144] == 2.55
    assert first.amounts["orders"][1, 145] == 1.0
    assert second.amounts["refunds"].sum() == 2.55


def test_the_command_prints_every_arm_and_writes_all_figures(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "figures.json"
    argv = [str(data), "--repeats", "2", "--detector", "mean ± σ", "--json", str(out)]
    assert recorded.main(argv) == 0
    printed = capsys.readouterr().out
    figures = json.loads(out.read_text(encoding="utf-8"))
    arms = figures["shopee"]["mean ± σ"]
    assert set(arms) == {recorded.BEFORE, recorded.COLD, recorded.WHOLE}
    assert all(arm in printed for arm in arms)
    assert arms[recorded.BEFORE]["cases"] == 2 * 2 + 2
    assert arms[recorded.COLD]["hits"] == []  # it knows nothing without earlier days
    assert figures["retail"] is None


def test_without_the_records_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as stop:
        recorded.main([str(tmp_path)])
    assert stop.value.code == 2
    assert "orders.parquet" in capsys.readouterr().err
