"""Ids, dates and currencies of whole files: what one bad column does to the rest."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.clock import to_ms
from monitor.errors import FileRefused
from tests.ingest import exports, order_exports, writers
from tests.ingest.exports import Grid, Id
from tests.ingest.writers import read, reasons, rows_of, workbook


def orders() -> Grid:
    return order_exports.affiliate_orders()


def test_a_file_with_the_month_first_is_refused():
    grid = (
        orders()
        .with_cell(0, "Time Created", "11/30/2026 10:00:00")
        .styled(dates="%m/%d/%Y %H:%M:%S")
    )
    with pytest.raises(FileRefused, match="month first"):
        read(writers.as_csv(grid), grid.name)


def test_dates_that_excel_has_turned_round_are_refused():
    """12/11 became 11 December, 13/11 stayed text: no row of the file can be trusted."""
    grid = orders().styled(dates="").with_cell(0, "Time Created", "13/11/2026 10:00:00")
    with pytest.raises(FileRefused, match="turned some day-first dates round"):
        read(writers.as_xlsx(grid), grid.name)


@pytest.mark.parametrize(
    "spoilt", ["1.73E+18", "1,73E+18", "1.7312345678E18", "1731234567890123456.0"]
)
def test_an_id_that_lost_its_digits_is_set_aside(spoilt: str):
    grid = orders().with_cell(2, "Product ID", spoilt)
    content = read(writers.as_csv(grid), grid.name).content
    assert [(f.column, f.value) for f in content.faults] == [("Product ID", spoilt)]
    assert rows_of(content) == dict(t for i, t in enumerate(grid.truth) if i != 2)


def test_ids_as_excel_numbers_are_set_aside():
    grid = orders()
    at_id = grid.labels.index("Product ID")
    rows = writers.cells(grid)
    for row in rows[1:]:
        row[at_id] = float(row[at_id])
    with pytest.raises(AssertionError):
        assert rows_of(read(workbook(s=rows), grid.name).content)
    assert len(read(workbook(s=rows), grid.name).content.faults) == len(grid.rows)


def test_ids_whose_last_digits_excel_has_made_zeros_are_set_aside():
    grid = orders()
    for row, cells in enumerate(grid.rows):
        grid = grid.with_cell(row, "SKU ID", Id(cells[3][:15] + "0000"))
    content = read(writers.as_csv(grid), grid.name).content
    assert len(content.faults) == len(grid.rows)
    assert "every long id ends in zeros" in reasons(content)[0]


@pytest.mark.parametrize("wrapped", ["{}.0", "'{}", '="{}"', " {} ", "{}\u00a0"])
def test_the_same_id_however_it_is_wrapped(wrapped: str):
    """A product that is 123 here and 123.0 there would count twice."""
    plain = order_exports.shopee_commission()
    grid = plain
    at_id = grid.labels.index("Item id")
    for row, cells in enumerate(grid.rows):
        grid = grid.with_cell(row, "Item id", wrapped.format(cells[at_id]))
    assert rows_of(read(writers.as_csv(grid), grid.name).content) == plain.expected


def test_what_a_program_writes_for_nothing_is_no_name():
    grid = order_exports.lazada_conversion().with_cell(0, "Aff Sub ID", "--")
    found: Any = rows_of(read(writers.as_csv(grid), grid.name).content)
    assert [ident[3][2] for ident in found if ident[0] == grid.truth[0][0][0]] == [""]


def test_somebody_may_be_called_none():
    grid = order_exports.lazada_conversion().with_cell(0, "Aff Sub ID", "None")
    found: Any = rows_of(read(writers.as_csv(grid), grid.name).content)
    assert "None" in {ident[3][2] for ident in found}


# --- currencies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark", ["(Rp)", "(฿)", "(₫)", "($)", "(US$)", " (SGD)", "(CNY)", "(¥)", "(NT$)"]
)
def test_headers_in_another_currency_are_refused(mark: str):
    grid = order_exports.shopee_commission(mark=mark)
    with pytest.raises(FileRefused, match="counts in MYR"):
        read(writers.as_csv(grid), grid.name)


@pytest.mark.parametrize("before", ["฿", "$", "US$", "S$", "Rp "])
def test_cells_in_another_currency_are_refused(before: str):
    grid = exports.creator_data().styled(before=before)
    with pytest.raises(FileRefused, match="counts in MYR"):
        read(writers.as_csv(grid), grid.name)


@pytest.mark.parametrize("before", ["RM", "RM ", "RM\u00a0", "MYR "])
def test_cells_in_the_currency_of_the_campaign_are_read(before: str):
    grid = exports.creator_data().styled(before=before)
    assert rows_of(read(writers.as_csv(grid), grid.name).content) == grid.expected


def test_a_dollar_is_the_dollar_of_the_campaign():
    grid = exports.live_analysis(mark="$", zone="Asia/Singapore").styled(
        dialect="comma", before="$"
    )
    assert rows_of(read(writers.as_xlsx(grid), grid.name, market="SG").content) == grid.expected


def test_a_column_that_mixes_currencies_is_refused():
    grid = orders().with_cell(1, "Currency", "THB")
    with pytest.raises(FileRefused, match="mixes currencies"):
        read(writers.as_csv(grid), grid.name)


def test_one_cell_in_another_currency_is_enough():
    grid = exports.creator_data().with_cell(3, "Creator-attributed GMV", "฿69,852")
    with pytest.raises(FileRefused, match="THB"):
        read(writers.as_csv(grid), grid.name)


def test_headers_in_two_currencies_are_refused():
    grid = order_exports.shopee_commission().relabelled(Refund_Amount_RM_="Refund Amount(฿)")
    with pytest.raises(FileRefused, match="several currencies"):
        read(writers.as_csv(grid), grid.name)


# --- LIVE sessions ----------------------------------------------------------------------------


def test_a_live_that_crosses_midnight_counts_where_it_began():
    grid = exports.live_analysis()
    (order, *_), _ = grid.truth[-1]
    assert grid.rows[-1][grid.labels.index("Launched Time")].hour == 23
    found: Any = rows_of(read(writers.as_xlsx(grid), grid.name, market="ID").content)
    began = [ident[2] for ident in found if ident[0] == order]
    zone = ZoneInfo("Asia/Jakarta")
    assert began[0] < to_ms(datetime(2026, 11, 12, tzinfo=zone))


def test_of_one_account_and_start_the_longer_live_counts():
    grid = exports.live_analysis()
    short = list(grid.rows[0])
    short[grid.labels.index("Duration")] = "0h 10min"
    short[grid.labels.index("LIVE-attributed GMV (Rp)")] = Decimal(5)
    both = Grid(**{**grid.__dict__, "rows": (tuple(short), *grid.rows)})
    content = read(writers.as_xlsx(both), grid.name, market="ID").content
    assert rows_of(content) == grid.expected
    assert "which ran longer: left out" in reasons(content)[0]


def test_a_live_with_sales_but_no_number_of_orders_is_set_aside():
    """Unknown orders would have been read as 0 orders."""
    grid = exports.live_analysis().with_cell(0, "Orders Paid", None)
    content = read(writers.as_xlsx(grid), grid.name, market="ID").content
    assert rows_of(content) == dict(grid.truth[1:])
    assert reasons(content) == ["sales but no number of orders"]


# --- states of orders -------------------------------------------------------------------------


def test_an_order_line_without_a_status_is_set_aside():
    grid = orders().with_cell(0, "Order Status", "")
    content = read(writers.as_csv(grid), grid.name).content
    assert reasons(content) == ["no status: the cell is blank"]
    assert rows_of(content) == dict(grid.truth[1:])


def test_a_status_that_nobody_knows_is_set_aside():
    grid = orders().with_cell(0, "Order Status", "Vielleicht")
    assert "unknown status" in reasons(read(writers.as_csv(grid), grid.name).content)[0]


def test_returned_in_a_language_nobody_knows_is_set_aside():
    """It would have counted as not returned."""
    grid = orders().with_cell(0, "Fully returned or refunded", "kyllä")
    assert "neither yes nor no" in reasons(read(writers.as_csv(grid), grid.name).content)[0]


def test_one_order_line_in_two_states_is_not_counted_twice():
    """Two exports pasted into one file: the order was placed at noon and cancelled at night."""
    grid = orders()
    again = list(grid.rows[0])
    again[grid.labels.index("Order Status")] = "Cancelled"
    both = Grid(**{**grid.__dict__, "rows": (*grid.rows, tuple(again))})
    content = read(writers.as_csv(both), grid.name).content
    assert rows_of(content) == grid.expected
    assert "keep only the newer one" in reasons(content)[0]


def test_the_same_order_line_twice_counts_once():
    grid = orders()
    both = Grid(**{**grid.__dict__, "rows": (*grid.rows, *grid.rows)})
    content = read(writers.as_csv(both), grid.name).content
    assert rows_of(content) == grid.expected
    assert len(content.faults) == len(grid.rows)


def test_day_and_month_that_are_swapped_show_in_the_name_of_the_file():
    """11 October, month first, reads as 10 November: inside the campaign."""
    grid = orders()
    for row in range(len(grid.rows)):
        grid = grid.with_cell(row, "Time Created", "11/11/2026 10:00:00")
    with pytest.raises(FileRefused, match="are day and month swapped"):
        read(writers.as_csv(grid), "creator_order_all_20261012_20261012_9.csv")


def test_a_name_that_excel_has_turned_into_a_date_is_set_aside():
    grid = exports.creator_data()
    rows = writers.cells(grid)
    rows[3][0] = datetime(2026, 2, 1)
    content = read(workbook(s=rows), grid.name).content
    assert reasons(content) == ["a name that Excel has turned into a date"]


def test_in_our_own_words_the_later_of_two_states_counts():
    """Sources write lines in the order of their change."""
    grid = order_exports.canonical_orders()
    assert grid.truth[0][0][4] == "placed"
    again = list(grid.rows[0])
    again[grid.labels.index("state")] = "cancelled"
    both = Grid(**{**grid.__dict__, "rows": (*grid.rows, tuple(again))})
    content = read(writers.as_csv(both), grid.name).content
    states = {ident[0]: ident[4] for ident in rows_of(content)}
    assert states[grid.truth[0][0][0]] == "cancelled"
    assert len(rows_of(content)) == len(grid.rows)


def test_one_order_line_with_two_amounts_is_counted_twice_and_told():
    """A bundle has the same item at two prices; two exports pasted together look the same."""
    grid = order_exports.shopee_commission()
    again = list(grid.rows[0])
    again[grid.labels.index("Purchase Value(RM)")] = Decimal("1.00")
    both = Grid(**{**grid.__dict__, "rows": (*grid.rows, tuple(again))})
    content = read(writers.as_csv(both), grid.name).content
    told = next(c for c in content.controls if c.what == "twice")
    assert not told.ok
    assert "1 order lines stand twice with other amounts, first in line 26" in told.words
    assert len(content.line) == len(grid.rows) + 1
