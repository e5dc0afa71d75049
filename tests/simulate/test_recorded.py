"""Converters of recorded data, and the sample that ships with the product."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from monitor.settings import load_settings
from monitor.simulate import recorded
from monitor.simulate.recorded import convert_online_retail, convert_shopee_orders

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "online-retail"
DAY = date(2011, 12, 5)


def line(
    invoice: str, at: str, quantity: int, price: float, country: str = "United Kingdom"
) -> dict[str, object]:
    return {
        "InvoiceNo": invoice,
        "StockCode": "85123A",
        "Quantity": quantity,
        "InvoiceDate": pd.Timestamp(f"2011-12-05 {at}"),
        "UnitPrice": price,
        "Country": country,
    }


def convert(tmp_path: Path, *lines: dict[str, object]) -> Path:
    source = tmp_path / "source.parquet"
    pd.DataFrame(lines).to_parquet(source)
    convert_online_retail(source, tmp_path / "out", [DAY])
    return tmp_path / "out"


def rows_of(out: Path) -> list[dict[str, str]]:
    rows = []
    for path in sorted((out / "recorded").rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    return rows


def busy(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return [
        (row["observed_at"][11:16], row["channel"], *(row[m] for m in ("gmv", "orders")))
        for row in rows
        if row["gmv"] != "0.00"
    ]


def sums(rows: list[dict[str, str]]) -> dict[str, dict[str, Decimal]]:
    totals: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        for metric in ("gmv", "orders", "items_sold", "refunds"):
            totals[row["campaign_id"]][metric] += Decimal(row[metric])
    return {campaign: dict(metrics) for campaign, metrics in totals.items()}


def test_a_sale_is_reported_at_the_end_of_its_five_minutes(tmp_path: Path):
    out = convert(
        tmp_path,
        line("536365", "12:04", 1, 2.55),
        line("536366", "12:05", 2, 1.25),
        line("536367", "12:09", 1, 0.10, "France"),
    )
    assert busy(rows_of(out)) == [
        ("12:05", "uk", "2.55", "1"),
        ("12:10", "uk", "2.50", "1"),
        ("12:10", "export", "0.10", "1"),
    ]


def test_the_first_and_last_minute_of_the_day_are_inside_the_campaign(tmp_path: Path):
    out = convert(tmp_path, line("1", "00:00", 1, 1.0), line("2", "23:59", 1, 2.0))
    assert [row[:1] for row in busy(rows_of(out))] == [("00:05",), ("00:00",)]
    assert (out / "recorded/sales/sales-gb-2011-12-05-2400.csv").is_file()


def test_an_invoice_counts_once_at_its_first_line(tmp_path: Path):
    out = convert(tmp_path, line("1", "12:05", 1, 1.0), line("1", "12:04", 1, 2.0))
    assert busy(rows_of(out)) == [("12:05", "uk", "2.00", "1"), ("12:10", "uk", "1.00", "0")]


def test_a_cancellation_is_a_positive_refund_and_no_negative_sale(tmp_path: Path):
    out = convert(tmp_path, line("1", "09:00", 10, 3.0), line("C2", "15:00", -4, 3.0))
    assert sums(rows_of(out))["gb-2011-12-05"] == {
        "gmv": Decimal("30.00"),
        "orders": 1,
        "items_sold": 10,
        "refunds": Decimal("12.00"),
    }


def test_free_lines_stock_notes_and_bad_debt_are_no_sales(tmp_path: Path):
    out = convert(
        tmp_path,
        line("1", "09:00", 1, 5.0),
        line("1", "09:00", 1, 0.0),
        line("2", "10:00", -100, 0.0),
        line("A3", "11:00", 1, 11062.06),
        line("A4", "11:00", 1, -11062.06),
    )
    assert sums(rows_of(out))["gb-2011-12-05"]["gmv"] == Decimal("5.00")
    assert sums(rows_of(out))["gb-2011-12-05"]["orders"] == 1


def test_money_is_exact_where_floats_are_not(tmp_path: Path):
    lines = [line(str(i), "12:00", 3, 0.29) for i in range(1000)]
    assert sums(rows_of(convert(tmp_path, *lines)))["gb-2011-12-05"]["gmv"] == Decimal("870.00")


def test_a_quiet_day_still_has_a_snapshot_every_five_minutes(tmp_path: Path):
    rows = rows_of(convert(tmp_path, line("1", "12:00", 1, 1.0)))
    readings = sorted({datetime.fromisoformat(row["observed_at"]) for row in rows})
    first = datetime(2011, 12, 5, 0, 5, tzinfo=UTC)
    assert readings == [first + i * timedelta(minutes=5) for i in range(288)]
    assert len(rows) == 2 * 288


def test_what_was_not_recorded_has_no_column(tmp_path: Path):
    rows = rows_of(convert(tmp_path, line("1", "12:00", 1, 1.0)))
    assert "visitors" not in rows[0]


def test_orders_of_shops_become_campaigns_without_gmv(tmp_path: Path):
    source = tmp_path / "orders.parquet"
    stamps = [
        "2019-12-27 00:00:00",
        "2019-12-27 00:04:59",
        "2019-12-27 00:05:00",
        "2019-12-28 23:59:59",
    ]
    pd.DataFrame(
        {
            "orderid": ["a", "b", "c", "d"],
            "shopid": ["7", "7", "8", "9"],
            "event_time": pd.to_datetime(stamps).tz_localize("Asia/Singapore"),
        }
    ).to_parquet(source)
    totals = convert_shopee_orders(source, tmp_path / "out")
    assert totals == {
        "sg-payday-2019-12-27": {"orders": 3},
        "sg-payday-2019-12-28": {"orders": 1},
    }
    rows = rows_of(tmp_path / "out")
    assert set(rows[0]) == {"observed_at", "campaign_id", "shop_id", "orders"}
    sold = [(r["observed_at"], r["shop_id"], r["orders"]) for r in rows if r["orders"] != "0"]
    assert sold == [
        ("2019-12-27T00:05:00+08:00", "7", "2"),
        ("2019-12-27T00:10:00+08:00", "8", "1"),
        ("2019-12-29T00:00:00+08:00", "9", "1"),
    ]
    assert len({r["observed_at"] for r in rows}) == 2 * 288
    settings = load_settings(tmp_path / "out" / "monitor.toml")
    assert [(c.kind, c.currency) for c in settings.campaign] == [("payday", "SGD")] * 2


def test_small_shops_are_one_shop_called_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recorded, "TOP_SHOPS", 1)
    frame = pd.DataFrame(
        {
            "orderid": ["a", "b", "c", "d"],
            "shopid": ["1", "1", "2", "3"],
            "event_time": pd.to_datetime(["2019-12-27 10:00:00"] * 4),
        }
    )
    rows = list(recorded.shopee_rows(recorded.shopee_orders(frame), date(2019, 12, 27)))
    assert {r.key: r.metrics["orders"] for r in rows if r.metrics["orders"]} == {
        "1": 2,
        "other": 2,
    }


def test_the_command_refuses_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        recorded.main(["online-retail", str(tmp_path / "none.parquet"), str(tmp_path)])
    assert stop.value.code == 2
    assert "no such file" in capsys.readouterr().err


def test_the_shipped_sample_sums_to_what_the_source_says_to_the_penny():
    written = sums(rows_of(SAMPLE))
    source = json.loads((SAMPLE / "totals.json").read_text(encoding="utf-8"))
    assert written == {
        campaign: {metric: Decimal(value) for metric, value in metrics.items()}
        for campaign, metrics in source.items()
    }
    assert source["gb-2011-12-08"]["gmv"] == "82495.00"


def test_the_shipped_sample_states_its_source_licence_and_totals():
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    assert "https://doi.org/10.24432/C5BW33" in readme
    assert "CC BY 4.0" in readme
    for campaign, metrics in json.loads((SAMPLE / "totals.json").read_text()).items():
        assert f"| {campaign} | {' | '.join(metrics.values())} |" in readme


def test_the_shipped_sample_has_a_configuration_that_the_product_accepts_and_stays_small():
    settings = load_settings(SAMPLE / "monitor.toml")
    busy_day = settings.campaign_by_id("gb-2011-12-08")
    assert (busy_day.currency, busy_day.timezone) == ("GBP", "Europe/London")
    assert len(settings.comparables(busy_day)) == 3
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 400_000
