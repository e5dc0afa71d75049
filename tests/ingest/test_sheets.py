"""Several sheets, the period, names that do things, text that is damaged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from monitor.clock import to_ms
from monitor.errors import FileRefused
from monitor.ingest.reader import NeedsMapping
from monitor.ingest.readings import Readings
from tests.ingest import exports, order_exports, writers
from tests.ingest.test_recognise import GMV, adds_up, control, creators
from tests.ingest.writers import read, rows_of, workbook, zipped

# --- several sheets ---------------------------------------------------------------------------


def test_rows_that_go_on_in_a_second_sheet_are_read():
    grid = creators()
    one, two = writers.cells(grid.chosen(range(6))), writers.cells(grid.chosen(range(6, 12)))
    assert rows_of(read(workbook(A=one, B=two), grid.name).content) == grid.expected


def test_a_sheet_that_repeats_another_is_read_once():
    grid = creators()
    found = read(workbook(A=writers.cells(grid), Copy=writers.cells(grid)), grid.name).content
    assert rows_of(found) == grid.expected
    assert "'Copy' repeats 'A': read once" in control(found, "sheets").words


def test_two_sheets_with_numbers_of_one_creator_are_refused():
    """A pivot, or a later export: added up or replaced, either would be wrong."""
    grid = creators()
    other = grid.with_cell(0, GMV, Decimal(1))
    both = workbook(A=writers.cells(grid), B=writers.cells(other.chosen(range(3))))
    with pytest.raises(FileRefused, match="'A' and 'B' both have numbers of"):
        read(both, grid.name)


def test_two_exports_of_orders_in_one_zip_are_refused_where_they_meet():
    grid = order_exports.affiliate_orders()
    later = grid.with_cell(0, "Order Status", "Cancelled")
    packed = zipped(a__csv=writers.as_csv(grid), b__csv=writers.as_csv(later))
    with pytest.raises(
        FileRefused, match=r"'a\.csv' and 'b\.csv' both have numbers of one order line"
    ):
        read(packed, "orders.zip")


def test_a_zip_of_different_kinds_is_refused_and_not_read_in_part():
    packed = zipped(
        a__csv=writers.as_csv(creators()), b__csv=writers.as_csv(order_exports.affiliate_orders())
    )
    with pytest.raises(FileRefused, match="drop each by itself"):
        read(packed, "all.zip")


def test_a_renamed_column_in_one_file_of_a_zip_is_asked_about():
    renamed = exports.creator_data(seed=9).relabelled(Creator_attributed_GMV="Creator-driven GMV")
    packed = zipped(a__csv=writers.as_csv(creators()), b__csv=writers.as_csv(renamed))
    with pytest.raises(NeedsMapping):
        read(packed, creators().name)


# --- the period -------------------------------------------------------------------------------


def test_the_period_comes_from_a_row_above_the_header():
    grid = replace(creators(), above=(("Date range: 2026-11-11 ~ 2026-11-11",), ()), name="x.csv")
    assert adds_up(grid)


def test_the_period_comes_from_the_name_of_the_file():
    assert adds_up(creators())


def test_a_file_that_does_not_say_its_period_is_refused_with_what_to_do():
    with pytest.raises(FileRefused, match="--at"):
        read(writers.as_csv(creators()), "creators.csv")


def test_a_period_of_several_days_is_not_taken_for_one():
    with pytest.raises(FileRefused, match="covers 2 days"):
        read(writers.as_csv(creators()), "Creators_20261110-20261111.csv")


# --- names that do things, and text that is damaged -------------------------------------------


NAMES = ['=HYPERLINK("http://x","y")', "مرحبا", "a💄b", "@cmd", 'a,b"c', "x\ny"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_whatever_it_looks_like(name: str):
    grid = creators().with_cell(0, "Creator name", name)
    found: Any = rows_of(read(writers.as_xlsx(grid), grid.name).content)
    wanted = name.removeprefix("@")
    assert wanted in {ident[0][2] for ident in found}
    assert sum(v["gmv"] for v in found.values()) == grid.totals["gmv"]


def test_utf_8_with_one_damaged_byte_is_refused_and_not_read_as_something_else():
    """Read as cp1252, é would be Ã©: another creator, who counts a second time."""
    grid = order_exports.lazada_conversion()
    whole = writers.as_csv(grid)
    at = whole.index("é".encode())
    with pytest.raises(FileRefused, match="damaged UTF-8"):
        read(whole[:at] + whole[at + 1 :], grid.name)


def test_thousands_without_quotes_do_not_move_cells_under_the_next_label():
    """`1,234.50` is two cells; where the last cell is blank the row is as long as the others."""
    labels = "Creator name,Creator-attributed GMV,Refunds,Attributed orders,Est. commission"
    text = f"{labels}\nA,12.50,1.00,3,2.00\nB,1,234.50,2.00,4,\n"
    found = read(text.encode(), creators().name).content
    assert [values.get("gmv") for values in rows_of(found).values()] == [1250]


def test_a_period_that_has_not_begun_is_told():
    """The machine's clock may be the one that is wrong, so the numbers are not refused."""
    early = datetime(2026, 11, 10, tzinfo=UTC)
    found = read(writers.as_csv(creators()), creators().name, now=early).content
    assert any("has not begun" in c.words for c in found.controls if not c.ok)


def test_a_period_that_still_runs_was_read_now():
    noon = datetime(2026, 11, 11, 4, tzinfo=UTC)
    found = read(writers.as_csv(creators()), creators().name, now=noon).content
    assert isinstance(found, Readings)
    assert set(found.observed_ms.tolist()) == {to_ms(noon)}


def test_a_file_without_a_period_takes_the_instant_that_is_given():
    noon = datetime(2026, 11, 11, 4, tzinfo=UTC)
    found = read(writers.as_csv(creators()), "x.csv", at=noon).content
    assert isinstance(found, Readings)
    assert set(found.observed_ms.tolist()) == {to_ms(noon)}
    assert not found.closes
