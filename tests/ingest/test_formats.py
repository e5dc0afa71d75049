"""Every format that we ship, from files as the platforms make them: known, and right to the cent."""

from __future__ import annotations

import pytest

from monitor.ingest.formats import formats
from monitor.ingest.readings import OrderLines, Readings
from tests.ingest import exports, order_exports, writers
from tests.ingest.exports import Grid
from tests.ingest.writers import WRITERS, read, rows_of, taken

GRIDS: dict[str, Grid] = {
    "creator data": exports.creator_data(),
    "video data": exports.video_data(),
    "video list": exports.video_list(),
    "product data": exports.product_data(),
    "live analysis": exports.live_analysis(),
    "shop overview": exports.shop_overview(),
    "affiliate orders": order_exports.affiliate_orders(),
    "affiliate orders UK": order_exports.affiliate_orders(columns="UK"),
    "affiliate orders TH": order_exports.affiliate_orders(columns="TH"),
    "shopee": order_exports.shopee_commission(),
    "shopee with a space": order_exports.shopee_commission(mark=" (RM)"),
    "shopee Indonesian": order_exports.shopee_commission(indonesian=True),
    "lazada": order_exports.lazada_conversion(),
    "canonical": order_exports.canonical(),
    "canonical orders": order_exports.canonical_orders(),
}
COLUMNS = {
    "creator data": 23, "video data": 25, "video list": 12, "product data": 23, "live analysis": 21,
    "affiliate orders": 30, "affiliate orders UK": 31, "affiliate orders TH": 34, "shopee": 47,
    "lazada": 47,
}  # fmt: skip


def market(name: str) -> str:
    return "ID" if name == "live analysis" else "MY"


def summed(content: Readings | OrderLines) -> dict[str, int]:
    totals: dict[str, int] = {}
    for values in rows_of(content).values():
        for metric, value in values.items():
            totals[metric] = totals.get(metric, 0) + value
    return totals


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("name", GRIDS)
def test_a_real_export_is_known_and_read_to_the_cent(name: str, kind: str):
    grid = GRIDS[name]
    understood = read(WRITERS[kind](grid), grid.name, market=market(name))
    assert understood.format == grid.format
    assert understood.content.faults == ()
    assert rows_of(understood.content) == grid.expected
    assert summed(understood.content) == grid.totals
    assert understood.content.read == taken(understood.content) == len(grid.rows)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_of_a_real_header_is_matched(name: str):
    grid = GRIDS[name]
    assert len(grid.labels) == COLUMNS[name]
    columns = read(WRITERS["csv"](grid), grid.name, market=market(name)).content.columns
    assert [label for label in columns.unmatched if "Lazada field" not in label] == []


def test_every_shipped_format_has_a_file_here():
    assert {grid.format for grid in GRIDS.values()} == {"canonical", *formats()}


@pytest.mark.parametrize("kind", ["tsv", "html", "gzip"])
@pytest.mark.parametrize("name", ["creator data", "affiliate orders TH", "shopee"])
def test_the_kind_of_file_makes_no_difference(name: str, kind: str):
    """TSV in UTF-16, HTML that is called .xls, gzip."""
    grid = GRIDS[name]
    understood = read(WRITERS[kind](grid), grid.name.replace(".xlsx", ".xls"))
    assert understood.format == grid.format
    assert rows_of(understood.content) == grid.expected


def test_a_csv_that_is_xlsx_inside_is_read_as_what_it_is():
    grid = GRIDS["creator data"]
    content = read(writers.as_xlsx(grid), f"Creator_List_{exports.PERIOD}.csv").content
    assert rows_of(content) == grid.expected


@pytest.mark.parametrize("name", ["canonical", "canonical orders"])
def test_our_own_words_come_as_json_lines_too(name: str):
    grid = GRIDS[name]
    understood = read(writers.as_jsonl(grid), "x.jsonl")
    assert understood.format == grid.format
    assert rows_of(understood.content) == grid.expected


@pytest.mark.parametrize("name", GRIDS)
def test_numbers_as_excel_numbers_and_dates_as_excel_dates(name: str):
    grid = GRIDS[name].styled(typed=True, before="", after="")
    if not name.startswith("canonical"):
        grid = grid.styled(dates="")
    understood = read(writers.as_xlsx(grid), grid.name, market=market(name))
    assert understood.content.faults == ()
    assert rows_of(understood.content) == grid.expected


def test_lazada_comes_in_the_encoding_of_windows():
    grid = GRIDS["lazada"]
    content = writers.as_csv(grid, encoding="cp1252")
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    understood = read(content, grid.name)
    assert understood.recognised[0].encoding == "cp1252"
    assert rows_of(understood.content) == grid.expected


def test_shopee_comes_with_a_mark_before_its_first_label():
    grid = GRIDS["shopee"]
    assert rows_of(read(writers.as_csv(grid, encoding="utf-8-sig")).content) == grid.expected


def test_a_zip_of_several_days_gives_each_day_its_own_numbers():
    first, second = exports.creator_data(seed=21), exports.creator_data(seed=22)
    content = writers.zipped(
        **{"Creator_20261110-20261110__csv": writers.as_csv(first),
           "Creator_20261111-20261111__csv": writers.as_csv(second)}
    )  # fmt: skip
    found = rows_of(read(content, "both_20261101-20261130.zip").content)
    day = 86_400_000
    moved = {(key, at - day): values for (key, at), values in first.expected.items()}
    assert found == {**moved, **second.expected}


def test_ineligible_lines_count_nothing_and_cancelled_ones_stand_in_refunds_too():
    grid = GRIDS["affiliate orders"]
    content = read(writers.as_csv(grid)).content
    assert isinstance(content, OrderLines)
    said = {control.what: control.words for control in content.controls}
    assert "4 of 24 lines are ineligible" in said["ineligible"]
    assert "4 of 24 lines are cancelled" in said["cancelled"]
    assert "4 of 24 lines are returned" in said["returned"]


def test_the_actual_commission_counts_before_the_estimate():
    grid = GRIDS["affiliate orders"]
    estimated = grid.labels.index("Est. standard commission payment")
    actual = grid.labels.index("Actual Commission Payment")
    row = next(i for i, cells in enumerate(grid.rows) if cells[actual] is not None)
    ident, values = grid.truth[row]
    assert grid.rows[row][actual] != grid.rows[row][estimated]
    assert rows_of(read(writers.as_csv(grid)).content)[ident]["commission"] == values["commission"]


def test_lines_without_a_sub_id_belong_to_nobody_and_the_import_says_so():
    content = read(writers.as_csv(GRIDS["shopee"])).content
    said = {control.what: control for control in content.controls}
    assert not said["unattributed"].ok
    assert "18 of 24 lines name no creator (Sub_id1 is empty)" in said["unattributed"].words
