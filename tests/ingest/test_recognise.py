"""Headers are found, not assumed; and rows that are no rows, or count twice, are not counted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from monitor.errors import FileRefused
from monitor.ingest.reader import NeedsMapping
from monitor.ingest.readings import Readings
from tests.ingest import exports, writers
from tests.ingest.exports import Grid
from tests.ingest.writers import read, reasons, rows_of

GMV = "Creator-attributed GMV"


def creators() -> Grid:
    return exports.creator_data()


def content(grid: Grid, **given: Any) -> Any:
    return read(writers.as_csv(grid), grid.name, **given).content


def adds_up(grid: Grid, **given: Any) -> bool:
    return rows_of(content(grid, **given)) == grid.expected


def control(found: Any, what: str) -> Any:
    return next(c for c in found.controls if c.what == what)


# --- the header -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "above", [(), (("Creator list",),), (("Report",), ("2026-11-11 ~ 2026-11-11",))]
)
def test_the_header_is_found_below_rows_about_the_file(above: tuple[tuple[str, ...], ...]):
    assert adds_up(replace(creators(), above=above))


def test_the_header_of_the_days_is_found_on_row_9():
    grid = exports.shop_overview()
    assert writers.as_csv(grid).decode().splitlines()[8].startswith("Date,GMV")
    assert adds_up(grid)


def test_a_row_of_definitions_is_no_row():
    grid = creators()
    assert grid.under
    assert content(grid).faults == ()
    assert adds_up(replace(grid, under=()))


def test_a_row_of_definitions_in_chinese_is_no_row():
    grid = creators()
    under = (tuple("达人归因的全部成交金额" for _ in grid.labels),)
    found = content(replace(grid, under=under))
    assert rows_of(found) == grid.expected


@pytest.mark.parametrize("change", [" {}", "{} ", "{}\u00a0", "\ufeff{}", "\u200e{}", "\n{}"])
def test_spaces_and_marks_around_labels_make_no_difference(change: str):
    grid = creators()
    assert adds_up(replace(grid, labels=tuple(change.format(label) for label in grid.labels)))


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title])
def test_case_makes_no_difference(change: Any):
    grid = creators()
    assert adds_up(replace(grid, labels=tuple(map(change, grid.labels))))


def test_a_label_that_is_broken_over_two_lines():
    grid = creators()
    labels = tuple(label.replace(" ", "\n", 1) for label in grid.labels)
    assert adds_up(replace(grid, labels=labels))


def test_older_names_of_columns_are_known():
    grid = creators().relabelled(
        Creator_attributed_GMV="Affiliate-attributed GMV",
        Creator_attributed_items_sold="Affiliate-attributed items sold",
        Live_streams="LIVE streams",
    )
    assert adds_up(grid)


OTHER_LANGUAGES: dict[str, dict[str, str]] = {
    "zh": {"Creator_name": "达人名称", "Creator_attributed_GMV": "达人归因GMV", "Refunds": "退款金额",
           "Attributed_orders": "归因订单数", "Creator_attributed_items_sold": "达人归因成交件数",
           "Est__commission": "预计佣金"},
    "th": {"Creator_name": "ชื่อผู้ใช้ของครีเอเตอร์", "Creator_attributed_GMV": "GMV จากแอฟฟิลิเอต",
           "Attributed_orders": "คำสั่งซื้อแอฟฟิลิเอต", "Est__commission": "ค่าคอมมิชชั่นโดยประมาณ"},
    "vi": {"Creator_name": "Nhà sáng tạo", "Creator_attributed_GMV": "GMV từ nhà sáng tạo",
           "Refunds": "Hoàn tiền", "Attributed_orders": "Đơn hàng",
           "Creator_attributed_items_sold": "Số món bán ra"},
    "id": {"Creator_name": "Username Affiliate", "Attributed_orders": "Pesanan",
           "Creator_attributed_items_sold": "Produk Terjual",
           "Est__commission": "Estimasi Komisi (RM)"},
}  # fmt: skip


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_labels_in_another_language_are_known(language: str):
    grid = creators().relabelled(**OTHER_LANGUAGES[language])
    understood = read(writers.as_csv(grid), grid.name)
    assert understood.recognised[0].language == language
    assert rows_of(understood.content) == grid.expected


def test_columns_may_stand_in_any_order():
    grid = creators()
    assert adds_up(grid.reordered([*range(12, 23), *range(12)]))


def test_two_columns_that_have_changed_places_fail_their_control():
    """GMV and refunds under each other's label: no reader can know, the file's own sum does."""
    grid = creators().relabelled(Creator_attributed_GMV="Refunds", Refunds=GMV)
    check = control(content(grid), "sum")
    assert not check.ok
    assert "fails in 12 rows, first in line 3" in check.words


def test_gmv_is_live_and_video_and_card_to_the_cent():
    grid = creators()
    assert control(content(grid), "sum").ok
    value = grid.rows[4][grid.labels.index(GMV)]
    off = content(grid.with_cell(4, GMV, value + Decimal("0.01")))
    assert "fails in 1 rows, first in line 7" in control(off, "sum").words


def test_a_ctr_of_200_percent_is_no_error():
    grid = creators()
    assert grid.style.written(grid.rows[0][grid.labels.index("CTR")]) == "200.00%"
    assert content(grid).faults == ()


# --- a renamed, missing or repeated column ----------------------------------------------------


def test_a_renamed_gmv_is_asked_about_and_never_0():
    grid = creators().relabelled(Creator_attributed_GMV="Creator-driven GMV")
    with pytest.raises(NeedsMapping) as asked:
        content(grid)
    assert "22 of 23 columns matched" in str(asked.value)
    assert "`Creator-attributed GMV` is missing; did it become `Creator-driven GMV`?" in str(
        asked.value
    )
    assert asked.value.columns.missing == (GMV,)


def test_the_answer_is_remembered_as_an_alias():
    grid = creators().relabelled(Creator_attributed_GMV="Creator-driven GMV")
    aliases = {("tiktok_creator_data", "creator-driven gmv"): GMV}
    assert adds_up(grid, aliases=aliases)


def test_an_alias_of_a_column_in_another_currency_is_refused_all_the_same():
    grid = creators().relabelled(Creator_attributed_GMV="Creator-driven GMV (฿)")
    aliases = {("tiktok_creator_data", "creator-driven gmv"): GMV}
    with pytest.raises(FileRefused, match="THB"):
        content(grid, aliases=aliases)


def test_a_column_that_is_not_there_is_unknown_and_never_0():
    grid = creators().without("Refunds", "Product impressions")
    found = rows_of(content(grid))
    assert all(not {"refunds", "impressions"} & values.keys() for values in found.values())


@pytest.mark.parametrize("nothing", ["--", "-", "", "#N/A", "N/A"])
def test_gmv_that_is_blank_is_unknown_and_never_0(nothing: str):
    grid = creators().with_cell(2, GMV, None).styled(nothing=nothing)
    found = rows_of(content(grid))
    ident, values = grid.truth[2]
    assert found[ident] == {m: v for m, v in values.items() if m != "gmv"}
    assert {i: v for i, v in found.items() if i != ident} == dict(
        t for i, t in enumerate(grid.truth) if i != 2
    )


def test_gmv_of_0_everywhere_with_orders_is_refused():
    grid = creators()
    for row in range(len(grid.rows)):
        grid = grid.with_cell(row, GMV, Decimal(0))
    with pytest.raises(FileRefused, match="exported empty"):
        content(grid)


def test_a_column_that_repeats_word_for_word_is_read_once():
    grid = creators()
    gmv = grid.labels.index(GMV)
    assert adds_up(grid.reordered([*range(23), gmv]))


def test_a_label_that_stands_again_over_other_numbers_is_refused():
    """As in the Product List, where one label stands once for each channel."""
    grid = creators()
    video = grid.labels.index("Creator video-attributed GMV")
    again = grid.reordered([*range(23), video])
    again = replace(again, labels=(*grid.labels, GMV))
    with pytest.raises(FileRefused, match=r"'Creator-attributed GMV' \(number 2\).*\(number 24\)"):
        content(again)


def test_an_old_and_a_new_name_over_different_numbers_are_refused():
    grid = creators().relabelled(Est__flat_fee="Affiliate-attributed GMV")
    with pytest.raises(FileRefused, match="are both 'Creator-attributed GMV' and differ"):
        content(grid)


def test_a_file_that_is_nothing_we_know_says_what_came_near():
    with pytest.raises(FileRefused, match="nearest is TikTok Shop Creator Data, with 1 of its"):
        read(b"Creator name,Lieblingsfarbe,Hobby,Stern\nA,rot,Golf,Widder\n", "x.csv")


# --- rows that are no rows --------------------------------------------------------------------

TOTALS = [
    "Total",
    "TOTAL:",
    "Grand Total",
    "Total (12)",
    "合计",
    "รวมทั้งหมด",
    "Tổng cộng",
    "Jumlah",
    "Total KOL",
]


def total_row(grid: Grid, name: str | None) -> tuple[Any, ...]:
    """The sums of all numbers under a name."""
    sums: list[Any] = []
    for cells in zip(*grid.rows, strict=True):
        added = all(isinstance(c, Decimal | int) for c in cells)
        sums.append(sum(cells) if added else None)
    return (name, *sums[1:])


@pytest.mark.parametrize("name", TOTALS)
@pytest.mark.parametrize("top", [True, False])
def test_a_row_of_totals_is_checked_and_not_counted(name: str, top: bool):
    grid = creators()
    row = total_row(grid, name)
    found = content(replace(grid, rows=(row, *grid.rows) if top else (*grid.rows, row)))
    assert rows_of(found) == grid.expected
    assert control(found, "total row").ok


def test_a_row_of_totals_that_is_wrong_is_told():
    grid = creators()
    row = list(total_row(grid, "Total"))
    row[1] += Decimal("0.01")
    found = content(replace(grid, rows=(*grid.rows, tuple(row))))
    assert "The row of totals says" in control(found, "total row").words
    assert not control(found, "total row").ok


@pytest.mark.parametrize("name", ["Gesamt", "Összesen", "All of them", None, "--"])
@pytest.mark.parametrize("twice", [False, True])
def test_a_row_of_totals_by_any_other_name_is_not_counted(name: str | None, twice: bool):
    grid = creators()
    row = total_row(grid, name)
    found = content(replace(grid, rows=(row, *grid.rows, row) if twice else (*grid.rows, row)))
    assert rows_of(found) == grid.expected
    assert "the sum of all other rows" in reasons(found)[0]


def test_the_same_creator_twice_is_counted_once():
    grid = creators()
    found = content(replace(grid, rows=(*grid.rows, grid.rows[3])))
    assert rows_of(found) == grid.expected
    assert reasons(found) == ["the same row as line 6: left out"]


def test_the_same_creator_with_other_numbers_is_set_aside():
    """An older export pasted below a newer one: their sum would be nobody's GMV."""
    grid = creators()
    other = list(grid.rows[3])
    other[1] = Decimal(1)
    found = content(replace(grid, rows=(*grid.rows, tuple(other))))
    assert rows_of(found) == grid.expected
    assert "line 6 has other numbers for it" in reasons(found)[0]


def test_videos_of_one_creator_and_product_are_added_up():
    grid = exports.video_data()
    rows = [list(row) for row in grid.rows]
    creator, product = grid.labels.index("Creator name"), grid.labels.index("Product ID")
    rows[1][creator], rows[1][product] = rows[0][creator], rows[0][product]
    found = content(replace(grid, rows=tuple(map(tuple, rows))))
    assert isinstance(found, Readings)
    assert found.weight is not None
    assert found.weight.tolist()[0] == 2
    sums = {metric: v + grid.truth[1][1][metric] for metric, v in grid.truth[0][1].items()}
    assert rows_of(found)[grid.truth[0][0]] == sums


SECOND = {
    "its own header again": lambda grid: (grid.labels, *grid.rows[:3]),
    "another table we know": lambda grid: (
        exports.product_data().labels, *[row[:23] for row in exports.product_data().rows],
    ),
    "a table nobody knows": lambda grid: (
        ("Top shops", "Umsatz", "Kosten", "Anzahl", "Wer"), ("Shop A", "100", "200", "3", "x"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("gap", [0, 1, 3])
@pytest.mark.parametrize("what", SECOND)
def test_a_second_table_in_the_sheet_is_left_out_and_told(what: str, gap: int):
    grid = creators()
    second = SECOND[what](grid)
    width = len(grid.labels)
    padded = tuple((*row, *[None] * (width - len(row))) for row in second)
    blank = ((None,) * width,) * gap
    found = content(replace(grid, below=(*blank, *padded)).styled(nothing=""))
    assert rows_of(found) == grid.expected
    first = 1 + 1 + len(grid.rows) + gap + 1
    assert f"A second table begins at line {first}" in control(found, "second table").words


def test_a_second_table_with_one_column_of_numbers_after_a_gap():
    grid = creators()
    width = len(grid.labels)
    below = ((None,) * width, ("Top shops",), ("Shop", "Umsatz"), ("A", "100"), ("B", "200"))
    padded = tuple((*row, *[None] * (width - len(row))) for row in below)
    found = content(replace(grid, below=padded).styled(nothing=""))
    assert rows_of(found) == grid.expected


def test_blank_rows_between_rows_end_nothing():
    grid = creators().styled(nothing="")
    blank = (None,) * len(grid.labels)
    rows = (*grid.rows[:4], blank, blank, *grid.rows[4:])
    assert rows_of(content(replace(grid, rows=rows))) == grid.expected
