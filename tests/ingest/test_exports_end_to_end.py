"""Exports through the whole tick: what the totals say is what the file says, to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from monitor.settings import Settings
from monitor.tick import Heart
from tests.conftest import File, a_heart, ingest, settings_for, totals_of
from tests.ingest import exports, order_exports, writers
from tests.ingest.exports import Grid
from tests.ingest.writers import WRITERS

PERIODS: dict[str, Grid] = {
    "creator data": exports.creator_data(),
    "video data": exports.video_data(),
    "video list": exports.video_list(),
    "product data": exports.product_data(),
}
LINES: dict[str, Grid] = {
    "live analysis": exports.live_analysis(),
    "affiliate orders": order_exports.affiliate_orders(),
    "affiliate orders TH": order_exports.affiliate_orders(columns="TH"),
    "shopee": order_exports.shopee_commission(),
    "lazada": order_exports.lazada_conversion(),
    "canonical orders": order_exports.canonical_orders(),
}


def settings(name: str) -> Settings:
    """A campaign of 11 November in its own market's zone."""
    if name != "live analysis":
        return settings_for()
    return settings_for(
        market="ID", start="2026-11-11T00:00:00+07:00", end="2026-11-12T00:00:00+07:00"
    )


def file(grid: Grid, kind: str = "csv", name: str | None = None) -> File:
    return File(name or grid.name.replace(".xlsx", ".csv"), WRITERS[kind](grid))


def agrees(heart: Heart, grid: Grid) -> bool:
    row: dict[str, Any] = totals_of(heart)[0]
    return all(
        Decimal(str(row[metric])) == Decimal(value).scaleb(-2)
        for metric, value in grid.totals.items()
        if metric != "orders"
    )


@pytest.mark.parametrize("name", [*PERIODS, *LINES])
def test_totals_are_the_totals_of_the_file(name: str):
    grid = {**PERIODS, **LINES}[name]
    heart = a_heart(settings(name))
    loaded = ingest(heart, file(grid))[0]
    assert (loaded.status, loaded.format, loaded.reason) == ("taken", grid.format, None)
    assert (loaded.read, loaded.taken, loaded.quarantined) == (len(grid.rows), len(grid.rows), 0)
    assert agrees(heart, grid)


@pytest.mark.parametrize("name", ["creator data", "affiliate orders"])
def test_the_same_export_as_another_kind_of_file_changes_nothing(name: str):
    """The CSV by hand and the workbook by mail are one and the same."""
    grid = {**PERIODS, **LINES}[name]
    heart = a_heart()
    statuses = [
        ingest(heart, file(grid, kind))[0].status for kind in ("csv", "xlsx", "html", "gzip")
    ]
    assert statuses == ["taken", "known", "known", "known"]
    assert agrees(heart, grid)


def test_orders_are_counted_once_and_ineligible_ones_not():
    heart = a_heart()
    ingest(heart, file(LINES["affiliate orders"]))
    assert totals_of(heart)[0]["orders"] == 20


def test_the_day_of_the_campaign_counts_of_a_file_of_several_days():
    grid = exports.shop_overview()
    heart = a_heart()
    assert ingest(heart, file(grid))[0].status == "taken"
    assert agrees(heart, grid.chosen([1]))


def test_a_later_export_of_orders_replaces_what_an_earlier_said():
    grid = order_exports.affiliate_orders()
    later = grid.with_cell(0, "Order Status", "Cancelled")
    heart = a_heart()
    ingest(heart, file(grid))
    ingest(heart, file(later, name="later.csv"))
    (ident, values) = grid.truth[0]
    assert ident[4] == "placed"
    refunds = grid.totals["refunds"] + values["gmv"]
    assert Decimal(str(totals_of(heart)[0]["refunds"])) == Decimal(refunds).scaleb(-2)
    assert Decimal(str(totals_of(heart)[0]["gmv"])) == Decimal(grid.totals["gmv"]).scaleb(-2)


def test_a_renamed_gmv_needs_mapping_and_nothing_is_taken():
    grid = exports.creator_data().relabelled(Creator_attributed_GMV="Creator-driven GMV")
    heart = a_heart()
    loaded = ingest(heart, file(grid))[0]
    assert (loaded.status, loaded.taken) == ("needs_mapping", 0)
    assert "did it become `Creator-driven GMV`?" in (loaded.reason or "")
    assert totals_of(heart)[0]["gmv"] is None


def test_a_row_that_is_set_aside_is_in_quarantine_with_its_place():
    grid = exports.creator_data().with_cell(4, "Creator-attributed GMV", "12,50")
    heart = a_heart()
    loaded = ingest(heart, file(grid))[0]
    assert (loaded.taken, loaded.quarantined) == (11, 1)
    query = 'select line, "column", value from quarantine'
    found = heart.store.cursor.execute(query).fetchall()
    assert found == [(7, "Creator-attributed GMV", "12,50")]
    assert writers.as_csv(grid).decode().splitlines()[6].count('"12,50"') == 1
