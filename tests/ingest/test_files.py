"""Files into sheets: every kind is told by its content, every trap of the formats, every refusal."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.styles import NamedStyle

from monitor.errors import FileRefused
from monitor.ingest.files import NotUtf8, kinds, limits, open_sheets
from monitor.ingest.files.delimited import DelimitedSheet, separator_of, slow_table
from monitor.ingest.files.grid import Header
from monitor.ingest.files.quick import quick_table
from monitor.ingest.table import HEAD_ROWS, Column, Sheet, Table

LONG_ID = 1729384756102938475
TEXT = "id,gmv,note\na1,1.50,x\na2,2.25,y\n"


def sheets(content: str | bytes, name: str = "file", encoding: str | None = None) -> list[Sheet]:
    return open_sheets(content.encode() if isinstance(content, str) else content, name, encoding)


def sheet(content: str | bytes, encoding: str | None = None) -> Sheet:
    (only,) = sheets(content, encoding=encoding)
    return only


def all_tables(found: list[Sheet]) -> list[Table]:
    return [one.table(min(1, len(one.head) - 1), 1) for one in found]


def refusal(content: str | bytes, encoding: str | None = None) -> str:
    with pytest.raises(FileRefused) as refused:
        all_tables(sheets(content, encoding=encoding))
    return str(refused.value)


def cells(column: Column) -> list[Any]:
    """The cells of a column, whatever type each has; at most one may apply."""
    arrays = [a.to_pylist() for a in (column.text, column.number, column.when) if a is not None]
    rows = [[cell for cell in row if cell is not None] for row in zip(*arrays, strict=True)]
    assert all(len(row) <= 1 for row in rows), "a cell is of one type"
    return [row[0] if row else None for row in rows]


def by_label(table: Table) -> dict[str, list[Any]]:
    return {column.label: cells(column) for column in table.columns}


def columns(content: str | bytes, header: int = 0, encoding: str | None = None) -> dict[str, Any]:
    return by_label(sheet(content, encoding).table(header, header + 1))


def lines(table: Table) -> list[int]:
    return [int(line) for line in table.line]


def faults(table: Table) -> list[tuple[int, str]]:
    return [(fault.line, fault.reason) for fault in table.faults]


# --- builders -------------------------------------------------------------------------------------


def xlsx(*tables: Any, names: Sequence[str] = ()) -> bytes:
    """A workbook as openpyxl writes it."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(tables):
        page = book.create_sheet(names[number] if names else f"Sheet{number + 1}")
        for row in rows:
            page.append(row)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def raw_xlsx(rows: str, before: str = "", parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """A workbook whose only sheet has the XML `rows`; `parts` replaces parts of it."""
    base = zipfile.ZipFile(io.BytesIO(xlsx([["x"]])))
    types = base.read("[Content_Types].xml").decode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    texts = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    page = (
        '<?xml version="1.0" encoding="UTF-8"?><worksheet '
        'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"{before}<sheetData>{rows}</sheetData></worksheet>"
    )
    changed: dict[str, str | bytes] = {"xl/worksheets/sheet1.xml": page, **(parts or {})}
    if "xl/sharedStrings.xml" in changed and "sharedStrings" not in types:
        changed["[Content_Types].xml"] = types.replace("</Types>", texts)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in base.namelist():
            packed.writestr(name, changed.pop(name, base.read(name)))
        for name, content in changed.items():
            packed.writestr(name, content)
    return file.getvalue()


def cell(at: str, value: object, kind: str = "") -> str:
    mark = f' t="{kind}"' if kind else ""
    return f'<c r="{at}"{mark}><v>{value}</v></c>'


def label(at: str, text: str) -> str:
    return f'<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>'


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return file.getvalue()


def parquet(columns: Mapping[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), file, **options)
    return file.getvalue()


# --- text -----------------------------------------------------------------------------------------

ENCODED = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 big-endian": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "CRLF": TEXT.replace("\n", "\r\n").encode(),
    "CR": TEXT.replace("\n", "\r").encode(),
    "no last line end": TEXT.rstrip("\n").encode(),
    "tabs": TEXT.replace(",", "\t").encode(),
    "semicolons": TEXT.replace(",", ";").encode(),
    "bars": TEXT.replace(",", "|").encode(),
    "quoted": TEXT.replace("a1", '"a1"').encode(),
    "blank lines": TEXT.replace("\n", "\n\n").encode(),
    "rows of separators alone": (TEXT + ",,\n,,\n").encode(),
    "blank cells behind, in the header too": TEXT.replace("\n", ",,\n").encode(),
    "gzip": gzip.compress(TEXT.encode(), mtime=0),
    "gzip in two parts": gzip.compress(TEXT[:9].encode(), mtime=0)
    + gzip.compress(TEXT[9:].encode(), mtime=0),
    "gzip with padding": gzip.compress(TEXT.encode(), mtime=0) + b"\0" * 512,
    "zip": zipped({"a.csv": TEXT}),
}


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED.keys())
def test_text_reads_the_same_however_it_is_written(content: bytes) -> None:
    table = sheet(content).table(0, 1)
    labelled = {k: v for k, v in by_label(table).items() if k}
    assert labelled == {"id": ["a1", "a2"], "gmv": ["1.50", "2.25"], "note": ["x", "y"]}
    assert table.faults == ()


def test_the_head_is_ragged_and_blank_cells_are_none() -> None:
    found = sheet("Report of today\n\nid,gmv, \na1,,2\n")
    assert found.head == (("Report of today",), (), ("id", "gmv"), ("a1", None, "2"))
    assert (found.name, found.kind) == ("", "csv")


def test_the_head_ends_in_time_and_rows_below_it_are_read() -> None:
    found = sheet("id,gmv\n" + "a,1\n" * 500)
    assert len(found.head) == HEAD_ROWS
    assert len(found.table(0, 1).line) == 500


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_header_below_other_rows_and_a_row_of_definitions_below_it(quote: str) -> None:
    text = f"Date range,2026-11-11\n\nid,{quote}gmv{quote}\nwhat it is,in RM\na1,5\n"
    table = sheet(text).table(2, 4)
    assert by_label(table) == {"id": ["a1"], "gmv": ["5"]}
    assert lines(table) == [5]


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    text = 'id,gmv\n\n"two\nlines",1\na\n"three\r\nmore\nlines",2,3\nb,4\n'
    table = sheet(text).table(0, 1)
    assert lines(table) == [3, 9]
    assert faults(table) == [
        (5, "the row has 1 cells, the header has 2"),
        (6, "the row has 3 cells, the header has 2"),
    ]
    assert [fault.value for fault in table.faults] == ["a", "three\r\nmore\nlines,2,3"]


def test_a_quote_that_never_ends_is_refused_when_it_swallows_the_file() -> None:
    assert "never closed" in refusal('id,gmv\n"a,1\n' + "b,2\n" * 50_000)


SEPARATED = {
    "Sales report, November\nid\tgmv\tctr\na\t1,5\t2,5\n": "\t",
    "id;gmv;ctr\na;1,5;2,5\nb;3,5;4,5\n": ";",
    'id,"a;b;c;d",gmv\nx,"1;2;3;4",5\n': ",",
    "id,tags,gmv\na,x|y,1\nb,z|w,2\n": ",",
    "one column\nfirst\nsecond, with a comma\nthird\n": ",",
    "id\nfirst\nsecond\n": ",",
    "observed_at,campaign_id,gmv\n": ",",
    "sep=;\na;b,c\n1;2,3\n": ";",
    "Shop: My Shop\nPeriod: 1 to 2\n\nDate|GMV|Orders\n1|2|3\n": "|",
    "id\tname\n1\tan apple, a pear, a plum\n2\tone, two, three\n": "\t",
    'name;gmv\n"a, b";"1,234.50"\n"c, d";"2,345.50"\n': ";",
}


@pytest.mark.parametrize(("text", "separator"), SEPARATED.items())
def test_the_separator_is_found(text: str, separator: str) -> None:
    assert separator_of(text.encode()) == separator


def test_the_separator_is_found_when_the_first_rows_fill_the_sample() -> None:
    assert separator_of(("id;note\n" + "a;" + "x" * 70_000 + "\n").encode()) == ";"


def test_a_file_in_a_code_page_is_read_once_its_encoding_is_given() -> None:
    content = "Größe,gmv\nä,1\n".encode("cp1252")
    with pytest.raises(NotUtf8, match=r"not UTF-8 text \(byte 2\)"):
        sheets(content)
    assert columns(content, encoding="cp1252") == {"Größe": ["ä"], "gmv": ["1"]}
    for encoding, text in (("cp874", "ชื่อ,1\n"), ("gb18030", "名称,1\n")):
        assert sheet(text.encode(encoding), encoding).head == ((text[:-3], "1"),)


def test_an_encoding_that_does_not_fit_or_exist_is_refused() -> None:
    content = "ชื่อ,gmv\n".encode("cp874")
    assert "not ascii text" in refusal(content, "ascii")
    assert "unknown encoding" in refusal(content, "klingon")


def test_a_file_in_a_zip_may_need_an_encoding_too() -> None:
    content = zipped({"a.csv": "Größe,gmv\nä,1\n".encode("cp1252")})
    with pytest.raises(NotUtf8, match=r"'a.csv' in the zip archive: not UTF-8 text \(byte 2\)"):
        sheets(content)
    assert columns(content, encoding="cp1252") == {"Größe": ["ä"], "gmv": ["1"]}


def test_labels_may_repeat_and_may_be_blank() -> None:
    table = sheet("gmv,gmv,,x,\n1,2,3,4\n5,6,7,8,\n").table(0, 1)
    assert [column.label for column in table.columns] == ["gmv", "gmv", "", "x", ""]
    assert [cells(column) for column in table.columns][:2] == [["1", "5"], ["2", "6"]]


# --- the quick way through CSV ------------------------------------------------------------------

PIECES = st.lists(
    st.sampled_from(["a", "1.5", " ", "\u00a0", "é", "名", ",", ",", ",", "\n", "\r\n", "x,y,z\n"]),
    max_size=40,
).map("".join)  # fmt: skip


@given(PIECES, st.integers(1, 3), st.booleans())
def test_the_quick_way_gives_what_the_slow_way_gives_or_nothing(
    body: str, first: int, repeated: bool
) -> None:
    data = ("a,b,c\n" + (body + "\n") * (5 if repeated else 1)).encode()
    for labels in (["a", "b", "c"], ["a", "b", ""], ["a", "b"]):
        head = Header.of(labels)
        quick = quick_table(data, ",", head, first)
        if quick is not None:
            slow = slow_table(data, ",", head, first)
            assert by_label(quick) == by_label(slow)
            assert lines(quick) == lines(slow)
            assert quick.faults == slow.faults


def test_the_quick_way_is_taken_with_faults_and_blank_lines_too() -> None:
    data = b"a,b,c\r\n1,2,3\r\n\r\n4,5\r\n,,\r\n6,7,8\r\n  \r\n9,10,11,12\r\n"
    quick = quick_table(data, ",", Header.of(["a", "b", "c"]), 1)
    assert quick is not None
    assert by_label(quick) == {"a": ["1", "6"], "b": ["2", "7"], "c": ["3", "8"]}
    assert lines(quick) == [2, 6]
    assert [line for line, _ in faults(quick)] == [4, 8]


ODD = ['"2', "\r2", '2"', '"2"x', 'x"2"', '"2\n3"', '"2\r\n3"', '"2\r3"', 'x""y', '"2" ', ' "2"']


@pytest.mark.parametrize("odd", ODD)
def test_untidy_quotes_and_odd_line_ends_are_left_to_the_slow_way(odd: str) -> None:
    assert quick_table(f"a,b\n1,{odd}\n".encode(), ",", Header.of(["a", "b"]), 1) is None


def test_the_quick_way_is_taken_with_tidy_quotes() -> None:
    data = b'"a",b\n"1,5","say ""x"""\n"","""y"""\r\n3,"4"'
    quick = quick_table(data, ",", Header.of(["a", "b"]), 1)
    assert quick is not None
    assert by_label(quick) == {"a": ["1,5", "", "3"], "b": ['say "x"', '"y"', "4"]}
    assert lines(quick) == [2, 3, 4]


CELLS = st.text(st.sampled_from('",\n\ra é;'), max_size=4)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6)


@given(ROWS, st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), st.sampled_from(["\n", "\r\n"]))
def test_quoted_cells_are_the_same_on_both_ways(
    rows: list[list[str]], quoting: Literal[0, 1], end: str
) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=end).writerows([["a", "b", "c"], *rows])
    for data in (text.getvalue().encode(), text.getvalue().replace('""', '"').encode()):
        quick = quick_table(data, ",", Header.of(["a", "b", "c"]), 1)
        if quick is not None:
            slow = slow_table(data, ",", Header.of(["a", "b", "c"]), 1)
            assert (by_label(quick), lines(quick)) == (by_label(slow), lines(slow))
            assert quick.faults == slow.faults


def test_a_hundred_thousand_rows_are_read_exactly() -> None:
    rows = [f"c{i},{i}.25" for i in range(100_000)]
    found = sheet("id,gmv\n" + "\n".join(rows))
    table = found.table(0, 1)
    assert isinstance(found, DelimitedSheet)
    assert quick_table(found.data, ",", Header.of(["id", "gmv"]), 1) is not None
    assert cells(table.columns[1]) == [f"{i}.25" for i in range(100_000)]
    assert lines(table) == list(range(2, 100_002))


# --- Excel ----------------------------------------------------------------------------------------


def test_numbers_texts_instants_and_truths_of_excel_are_kept_apart() -> None:
    at = datetime(2026, 11, 11, 12, 30)
    rows = [
        ["gmv", "text", "when", "mixed", "flag", "clock", "long", "error"],
        [1234.5, "1.234", at, 1, True, time(4, 0, 20), timedelta(hours=28, minutes=5), "#N/A"],
        [7, "--", date(2026, 11, 11), "1.234,5", False, None, timedelta(seconds=59), None],
    ]
    found = sheet(xlsx(rows))
    table = found.table(0, 1)
    assert by_label(table) == {
        "gmv": [1234.5, 7.0],
        "text": ["1.234", "--"],
        "when": [at, datetime(2026, 11, 11)],
        "mixed": [1, "1.234,5"],
        "flag": ["TRUE", "FALSE"],
        "clock": ["04:00:20", None],
        "long": ["28:05:00", "00:00:59"],
        "error": ["#N/A", None],
    }
    assert table.columns[0].text.null_count == 2, "a number is in no column of text"
    assert table.columns[1].number is None
    assert (found.name, found.kind) == ("Sheet1", "xlsx")
    assert found.head[1][:3] == (1234.5, "1.234", at)
    assert lines(table) == [2, 3]


def test_long_ids_stay_whole_or_recognisable_as_damaged() -> None:
    """A whole number as written is exact; what Excel has rounded comes as a float."""
    whole = raw_xlsx(f"<row>{label('A1', 'id')}</row><row>{cell('A2', LONG_ID)}</row>")
    (column,) = sheet(whole).table(0, 1).columns
    assert column.number is not None
    assert (column.number.type, column.number[0].as_py()) == (pa.int64(), LONG_ID)
    rounded = raw_xlsx(
        f"<row>{label('A1', 'id')}</row><row>{cell('A2', '1.72938475610293E+18')}</row>"
    )
    (column,) = sheet(rounded).table(0, 1).columns
    assert column.number is not None
    assert pa.types.is_floating(column.number.type)
    beyond = raw_xlsx(f"<row>{label('A1', 'id')}</row><row>{cell('A2', '9' * 25)}</row>")
    assert columns(beyond) == {"id": [1e25]}


def test_numbers_change_type_between_chunks_without_loss() -> None:
    rows: list[list[Any]] = [["n", "t"], *[[i, "x"] for i in range(9000)], [0.5, 7], ["--", None]]
    table = sheet(xlsx(rows)).table(0, 1)
    assert cells(table.columns[0]) == [*map(float, range(9000)), 0.5, "--"]
    assert cells(table.columns[1]) == ["x"] * 9000 + [7, None]


def test_a_formula_without_a_cached_value_is_no_blank() -> None:
    rows = [["a", "sum"], [1, "=A2+1"], [2, "=A3+1"]]
    assert columns(xlsx(rows)) == {"a": [1, 2], "sum": ["=A2+1", "=A3+1"]}


def test_a_formula_with_a_cached_value_is_that_value() -> None:
    content = raw_xlsx(
        f"<row>{label('A1', 'n')}{label('B1', 't')}{label('C1', 'blank')}{label('D1', 'shared')}</row>"
        '<row><c r="A2"><f>1+1</f><v>2</v></c><c r="B2" t="str"><f>"x"</f><v>x</v></c>'
        '<c r="C2" t="str"><f>""</f><v></v></c><c r="D2"><f t="shared" si="0"/></c></row>'
    )
    assert columns(content) == {"n": [2], "t": ["x"], "blank": [None], "shared": ["="]}


def test_a_wrong_dimension_hides_no_row_and_no_column() -> None:
    content = raw_xlsx(
        f"<row>{label('A1', 'a')}{label('B1', 'b')}</row><row>{cell('A2', 1)}{cell('B2', 2)}</row>",
        before='<dimension ref="A1"/>',
    )
    assert columns(content) == {"a": [1], "b": [2]}


def test_hidden_and_empty_sheets_are_left_out() -> None:
    book = openpyxl.Workbook()
    shown, hidden, secret = book.worksheets[0], book.create_sheet("Old"), book.create_sheet("Lists")
    book.create_sheet("Empty")
    book.create_sheet("Blanks").append([" ", None])
    book.create_sheet("Second").append(["x", "y"])
    for page in (shown, hidden, secret):
        page.append(["a"])
    hidden.sheet_state, secret.sheet_state = "hidden", "veryHidden"
    assert [found.name for found in sheets(saved(book))] == ["Sheet", "Second"]


def test_a_workbook_with_nothing_to_see_is_refused() -> None:
    assert "no visible sheet with cells" in refusal(xlsx([]))
    book = openpyxl.load_workbook(io.BytesIO(xlsx([], [["a"]], names=["Empty", "Data"])))
    book["Data"].sheet_state = "hidden"
    assert "'Data'" in refusal(saved(book))


def test_short_rows_are_padded_and_surplus_cells_are_a_fault() -> None:
    rows = [["a", "b", "c"], ["x"], ["y", 2, 3, None], ["z", 2, 3, "shifted"], [None, None]]
    table = sheet(xlsx(rows)).table(0, 1)
    assert by_label(table) == {"a": ["x", "y"], "b": [None, 2], "c": [None, 3]}
    assert faults(table) == [(4, "the row has 4 cells, the header has 3")]


def test_gaps_and_rows_of_blanks_leave_the_line_numbers_true() -> None:
    content = raw_xlsx(
        f'<row r="3">{label("B3", "a")}</row><row r="5"><c r="B5" s="0"/></row>'
        f'<row r="7">{cell("B7", 1)}</row><row r="900000">{cell("B900000", 2)}</row>'
        '<row r="1048576"/>'
    )
    found = sheet(content)
    assert found.head == ((), (), (None, "a"), (), (), (), (None, 1))
    table = found.table(2, 3)
    assert (lines(table), cells(table.columns[1])) == ([7, 900_000], [1, 2])


def test_a_table_that_begins_below_the_head_is_still_a_sheet() -> None:
    found = sheet(raw_xlsx(f'<row r="99">{label("A99", "a")}</row>'))
    assert not any(found.head)


def test_rows_whose_numbers_do_not_rise_are_not_lost() -> None:
    content = raw_xlsx(
        f'<row r="1">{label("A1", "a")}</row><row r="1">{cell("A1", 1)}</row>'
        f'<row r="1">{cell("A1", 2)}</row>'
    )
    assert columns(content) == {"a": [1, 2]}


def test_shared_inline_and_rich_text_and_reading_aids() -> None:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    texts = f'<sst xmlns="{space}"><si><r><t>sha</t></r><r><t>red</t></r></si></sst>'
    content = raw_xlsx(
        '<row><c r="A1" t="inlineStr"><is><r><t>cre</t></r><r><t>ator</t></r></is></c></row>'
        '<row><c r="A2" t="inlineStr"><is><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></is></c>'
        '</row><row><c t="s"><v>0</v></c></row>',
        parts={"xl/sharedStrings.xml": texts},
    )
    assert columns(content) == {"creator": ["東京", "shared"]}


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        ("1_000", "", "1_000"),
        ("nan", "", "nan"),
        ("1e999", "", "1e999"),
        ("12a", "", "12a"),
        ("²", "", "²"),
        ("#DIV/0!", "e", "#DIV/0!"),
        ("2026-11-11T12:00:00", "d", datetime(2026, 11, 11, 12)),
        ("no date", "d", "no date"),
    ],
)
def test_a_cell_that_is_not_what_it_says_stays_text(value: str, kind: str, told: object) -> None:
    content = raw_xlsx(f"<row>{label('A1', 'a')}</row><row>{cell('A2', value, kind)}</row>")
    assert columns(content) == {"a": [told]}


def test_a_number_that_is_styled_as_an_impossible_date_is_an_error_cell() -> None:
    book = openpyxl.Workbook()
    book.add_named_style(NamedStyle("day", number_format="yyyy-mm-dd"))
    page = book.worksheets[0]
    page.append(["when"])
    page.append([99_999_999_999])
    page["A2"].style = "day"
    assert columns(saved(book)) == {"when": ["#VALUE!"]}


DAMAGED_SHEETS = {
    "a row beyond the last": ('<row r="1048577"/>', "row"),
    "a row of no number": ('<row r="x"/>', "cannot be read"),
    "a column beyond the last": ('<row><c r="XFE1"><v>1</v></c></row>', "no place"),
    "no place at all": ('<row><c r="1A"><v>1</v></c></row>', "no place"),
    "cells in disorder": ("<row>" + cell("B1", 1) + cell("A1", 2) + "</row>", "out of order"),
    "a text that is not there": ('<row><c r="A1" t="s"><v>99</v></c></row>', "cannot be read"),
    "broken XML": ("<row><c>", "cannot be read"),
    "an endless row": ("<row>" + "<c/>" * 20_000 + "</row>", "too many cells"),
}


@pytest.mark.parametrize(("rows", "words"), DAMAGED_SHEETS.values(), ids=DAMAGED_SHEETS.keys())
def test_a_sheet_that_no_excel_writes_is_refused(rows: str, words: str) -> None:
    said = refusal(raw_xlsx(rows))
    assert words in said
    assert "save it again" in said


# --- HTML -----------------------------------------------------------------------------------------


def test_html_tables_are_sheets() -> None:
    content = (
        "<html><head><meta charset='utf-8'></head><body><table><caption>Sales</caption><thead><tr>"
        "<th>Name</th><th colspan=2>GMV&nbsp;(RM)</th></tr></thead><tbody>"
        "<tr><td rowspan='2'>a &amp; b</td><td> 1&#44;5\n</td><td>x<br>y</td></tr>"
        "<tr><td>2</td><td><b>z</b></td></tr></tbody></table>"
        "<table><tr><td>Date</td></tr><tr><td>11.11.</td></tr></table><table></table></body></html>"
    )
    first, second = sheets(content)
    assert first.head == (
        ("Name", "GMV (RM)"), ("a & b", "1,5", "xy"), (None, "2", "z"),
    )  # fmt: skip
    assert by_label(first.table(0, 1)) == {
        "Name": ["a & b", None], "GMV (RM)": ["1,5", "2"], "": ["xy", "z"],
    }  # fmt: skip
    assert (first.name, first.kind) == ("table 1", "html")
    assert by_label(second.table(0, 1)) == {"Date": ["11.11."]}


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("gb2312", "gb18030"),
        ("windows-874", "cp874"),
        ("x", "utf-8"),
        ("", "utf-16"),
    ],
)
def test_an_html_page_tells_its_own_encoding(charset: str, encoding: str) -> None:
    word = "ชื่อ" if encoding == "cp874" else "名称"
    page = f'<meta content="text/html; charset={charset}"><table><tr><td>{word}</td></tr></table>'
    assert sheet(page.encode(encoding)).head == ((word,),)


def test_an_html_page_without_a_charset_takes_the_one_given() -> None:
    page = "<table><tr><td>Größe</td></tr></table>".encode("cp1252")
    with pytest.raises(NotUtf8):
        sheets(page)
    assert sheet(page, "cp1252").head == (("Größe",),)


def test_absurd_spans_are_bounded() -> None:
    cells = "<td colspan=999999999>a</td>" * 3
    (found,) = sheets(f"<table><tr>{cells}</tr></table>")
    assert len(found.head[0]) == 2001
    assert "more than 16384 cells" in refusal(f"<table><tr>{cells * 10}</tr></table>")


# --- Parquet --------------------------------------------------------------------------------------


def test_parquet_columns_come_as_they_are_typed() -> None:
    at = datetime(2026, 11, 11, 4, tzinfo=UTC)
    found = sheet(
        parquet(
            {
                "id": pa.array(["a", None]).dictionary_encode(),
                "long": pa.array([LONG_ID, None]),
                "gmv": pa.array([Decimal("1234567890123.45"), None]),
                "rate": pa.array([0.5, None]),
                "at": pa.array([at, None], pa.timestamp("ms", tz="Asia/Kuala_Lumpur")),
                "day": pa.array([date(2026, 11, 11), None]),
                "flag": pa.array([True, None]),
                "none": pa.nulls(2),
                "bytes": pa.array([b"x", None]),
                "list": pa.array([["é"], None]),
            }
        )
    )
    table = found.table(0, 1)
    got = by_label(table)
    assert got["at"][0].isoformat() == "2026-11-11T12:00:00+08:00"
    assert got["day"] == [datetime(2026, 11, 11), None]
    assert got["gmv"] == [Decimal("1234567890123.45"), None]
    assert {name: got[name] for name in ("id", "long", "rate", "flag", "none", "bytes", "list")} == {
        "id": ["a", None], "long": [LONG_ID, None], "rate": [0.5, None], "flag": ["true", None],
        "none": [None, None], "bytes": ["x", None], "list": ['["é"]', None],
    }  # fmt: skip
    assert found.head[0] == tuple(got)
    assert found.head[1][:3] == ("a", LONG_ID, "1234567890123.45")
    assert (found.kind, lines(table)) == ("parquet", [1, 2])


def test_a_parquet_file_may_have_no_rows_and_repeated_labels() -> None:
    file = io.BytesIO()
    none = pa.array([], pa.int64())
    pq.write_table(pa.Table.from_arrays([none, none], ["x", "x"]), file)
    found = sheet(file.getvalue())
    assert found.head == (("x", "x"),)
    assert len(found.table(0, 1).line) == 0


def test_a_parquet_file_that_repeats_one_long_text_is_no_way_to_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitor.ingest.files.parquet.KEPT_LIMIT", 64 << 20)
    content = parquet({"x": pa.DictionaryArray.from_arrays([0] * 1000, ["y" * 1_000_000])})
    assert len(content) < 100_000
    assert "unpacks to more than" in refusal(content)


# --- JSON -----------------------------------------------------------------------------------------

OBJECT = (
    f'{{"id": {LONG_ID}, "gmv": 1234.50, "sci": 1.73E+18, "flag": true, "none": null, "n": NaN}}'
)
AS_TEXT = {
    "id": [str(LONG_ID)], "gmv": ["1234.50"], "sci": ["1.73E+18"], "flag": ["true"], "none": [None],
    "n": ["NaN"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (OBJECT, "jsonl"),
        (OBJECT.replace(",", ",\n"), "jsonl"),
        (f"[{OBJECT}]", "json"),
        (f'{{"code": 0, "data": {{"total": 1, "rows": [{OBJECT}], "tags": []}}}}', "json"),
        (f'{{\n "rows": [\n{OBJECT}\n]\n}}\n', "json"),
    ],
    ids=["line", "object over lines", "array", "wrapped", "wrapped over lines"],
)
def test_json_keeps_every_digit_as_it_stands(text: str, kind: str) -> None:
    found = sheet(text)
    assert (columns(text), found.kind) == (AS_TEXT, kind)
    assert found.head[0] == tuple(AS_TEXT)


def test_names_that_come_late_in_json_lines_were_blank_before() -> None:
    text = '{"a": 1}\n' * 9000 + '\n{"b": 2}\n'
    table = sheet(text).table(0, 1)
    assert by_label(table) == {"a": ["1"] * 9000 + [None], "b": [None] * 9000 + ["2"]}
    assert lines(table)[-2:] == [9000, 9002]


def test_lines_that_are_no_objects_are_set_aside() -> None:
    text = '{"a": 1}\nno json\n[1]\n{"a": "\\ud800"}\n{"a": 2, "a": 3}\n' + '{"a":' * 9999 + "\n"
    table = sheet(text).table(0, 1)
    assert by_label(table) == {"a": ["1"]}
    assert [line for line, _ in faults(table)] == [2, 3, 4, 5, 6]
    assert "stands twice" in table.faults[3].reason


def test_items_of_an_array_that_are_no_objects_are_set_aside() -> None:
    table = sheet('[{"a": 1}, 5, {"a": "\\ud800"}]').table(0, 1)
    assert faults(table) == [(2, "the item is no JSON object"), (3, "the item is no JSON object")]


# --- archives -------------------------------------------------------------------------------------


def test_a_zip_gives_the_sheets_of_all_its_files() -> None:
    content = zipped(
        {
            "day/a.csv": TEXT,
            "b.xlsx": xlsx([["x"]], [["y"]]),
            "__MACOSX/._a.csv": b"\0\1",
            ".DS_Store": b"\0",
            "day/": b"",
            "~$b.xlsx": b"\0",
        }
    )
    assert [(found.name, found.kind) for found in sheets(content)] == [
        ("day/a.csv", "csv"), ("b.xlsx/Sheet1", "xlsx"), ("b.xlsx/Sheet2", "xlsx"),
    ]  # fmt: skip


def test_a_gzip_may_hold_a_workbook() -> None:
    assert sheet(gzip.compress(xlsx([["x"]]), mtime=0)).name == "Sheet1"


def test_a_file_that_cannot_be_read_refuses_its_zip_by_name() -> None:
    assert "'b.pdf' in the zip archive: a PDF" in refusal(
        zipped({"a.csv": TEXT, "b.pdf": b"%PDF-1.7"})
    )


def peak_mib(content: bytes) -> float:
    """Most memory that refusing takes, beside the file itself."""
    tracemalloc.start()
    try:
        refusal(content)
        return tracemalloc.get_traced_memory()[1] / (1 << 20)
    finally:
        tracemalloc.stop()


def zeros_in_zip(name: str, mib: int) -> bytes:
    file = io.BytesIO()
    pack = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with pack as packed, packed.open(name, "w") as out:
        for _ in range(mib):
            out.write(bytes(1 << 20))
    return file.getvalue()


def test_a_gigabyte_of_zeros_is_refused_before_it_is_unpacked() -> None:
    content = zeros_in_zip("big.csv", 1024)
    assert "megabytes of one byte" in refusal(content)
    assert peak_mib(content) < 10


def test_zeros_in_gzip_and_in_a_workbook_are_refused_as_well() -> None:
    assert "megabytes of one byte" in refusal(gzip.compress(bytes(64 << 20), mtime=0))
    assert "megabytes of one byte" in refusal(raw_xlsx("<row/>" + " " * (8 << 20)))
    assert "200 times its size" in refusal(gzip.compress(b"id,gmv\n" * (3 << 20), mtime=0))
    assert "200 times its size" in refusal(raw_xlsx("<row/>" * (3 << 20)))


def test_what_a_zip_says_of_its_size_is_not_believed() -> None:
    """The directory says 10 bytes; there are 64 MiB."""
    content = bytearray(zeros_in_zip("big.csv", 64))
    at = content.rindex(b"PK\x01\x02")
    struct.pack_into("<L", content, at + 24, 10)
    assert "damaged" in refusal(bytes(content))


def test_all_members_together_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.Budget.__init__, "__defaults__", (1 << 20, 1 << 21))
    noise = "\n".join(random.Random(1).randbytes(300).hex() for _ in range(1000))
    assert sheets(zipped({"a.csv": noise}))
    assert "unpacks to more than" in refusal(zipped({"a.csv": noise, "b.csv": noise}))


def test_archives_in_archives_are_refused() -> None:
    inner = zipped({"a.csv": TEXT})
    assert "inside a zip archive" in refusal(zipped({"inner.zip": inner}))
    assert "inside a zip archive" in refusal(zipped({"a.csv.gz": gzip.compress(b"a", mtime=0)}))
    assert "inside a gzip archive" in refusal(gzip.compress(inner, mtime=0))
    assert "inside a gzip archive" in refusal(gzip.compress(gzip.compress(b"a"), mtime=0))


def test_entities_in_a_workbook_are_refused_wherever_they_stand() -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    page = "<?xml version='1.0'?>" + laughs + "<worksheet>&b;</worksheet>"
    for part in ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"):
        assert "declares XML entities" in refusal(raw_xlsx("", parts={part: page}))
    wide = page.encode("utf-16")
    assert "no UTF-8" in refusal(raw_xlsx("", parts={"xl/worksheets/sheet1.xml": wide}))


def test_a_row_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.ingest.files.sheet_xml.ROW_LIMIT", 1 << 20)
    noise = random.Random(1).randbytes(1 << 20).hex()
    content = raw_xlsx(f'<row><c r="A1" t="str"><v>{noise}</v></c></row>')
    assert "without the end of a row" in refusal(content)


def test_an_external_entity_in_html_is_not_fetched() -> None:
    page = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/hostname">]><table><tr><td>&x;</td></tr></table>'
    (found,) = sheets(page)
    assert found.head == (("&x;",),)


# --- refusals -------------------------------------------------------------------------------------


def encrypted_zip() -> bytes:
    content = bytearray(zipped({"a.csv": TEXT}))
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + flags] |= 1
    return bytes(content)


OLE2 = kinds.OLE2 + bytes(512)
REFUSED = [
    (b"", "empty"),
    (b"  \r\n\n", "empty"),
    (b"\xef\xbb\xbf", "empty"),
    (b"\xff\xfe \x00", "empty"),
    (b"PK\x03\x04rest", "Excel or zip file that is damaged"),
    (zipped({}), "holds no files"),
    (zipped({".hidden": b"x"}), "holds no files"),
    (encrypted_zip(), "password"),
    (b"\x1f\x8b\x08rest", "gzip"),
    (gzip.compress(TEXT.encode(), mtime=0)[:-12], "gzip file that is cut off"),
    (gzip.compress(TEXT.encode(), mtime=0) + b"rest", "gzip file that is damaged"),
    (b"PAR1 but not really PAR1", "Parquet"),
    (b"PAR1", "Parquet"),
    (b"\xff\xfe\x00o\x00", "UTF-8"),
    (b"\xff\xfe\x00\xdc\x00b", "damaged UTF-16"),
    ("Ümsatz;größe".encode("cp1252"), "UTF-8"),
    (b"observed_at,campaign_id,gmv\n\x00\x00\x00\n", "NUL"),
    ("a,b\n".encode("utf-16-le"), "NUL"),
    (b"<html><body>502 Bad Gateway</body></html>", "502 Bad Gateway"),
    (b"<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>", "2003"),
    (b"{not json\n{neither\n", "no line is a JSON object"),
    (b"[1, 2", "1"),
    (b'[{"a": 1}, {"a"', "damaged or cut off"),
    (b"[]", "no line is a JSON object"),
    (b'[{"a": 1, "a": 2}]', "stands twice"),
    (b'{"x": [{"a": 1}], "y": [{"b": 1}]}', "several lists"),
    (b"{}", "empty"),
    (OLE2, "old Excel file (.xls)"),
    (OLE2 + "EncryptedPackage".encode("utf-16-le"), "password"),
    (b"\x09\x08\x10\x00\x00\x06\x05\x00", "old Excel file (.xls)"),
    (zipped({"[Content_Types].xml": "", "xl/workbook.bin": b"\0"}), ".xlsb"),
    (zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), ".ods"),
    (zipped({"[Content_Types].xml": "", "word/document.xml": ""}), "Word"),
    (zipped({"[Content_Types].xml": "<nonsense"}), "Excel file that cannot be read"),
    (b"%PDF-1.7", "PDF"),
    (bz2.compress(b"x"), "bzip2"),
    (b"SQLite format 3\x00", "SQLite"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_is_no_table_is_refused_with_words_that_help(content: bytes, words: str) -> None:
    if content == b"[1, 2":  # a CSV file may begin with a bracket
        assert sheet(content).head == (("[1", " 2"),)
        return
    said = refusal(content)
    assert words in said
    assert len(said) < 400


def test_the_suffix_says_nothing() -> None:
    book, page = xlsx([["x"]]), "<table><tr><td>x</td></tr></table>"
    assert [found.kind for found in sheets(book, "a.csv")] == ["xlsx"]
    assert [found.kind for found in sheets(page, "a.xls")] == ["html"]
    assert [found.kind for found in sheets("a\tb\n1\t2\n", "a.xls")] == ["tsv"]
    assert [found.kind for found in sheets(TEXT, "a.xlsx")] == ["csv"]


def test_lack_of_memory_is_not_taken_for_a_damaged_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_args: object, **_kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr("monitor.ingest.files.workbook.load_workbook", no_memory)
    with pytest.raises(MemoryError):
        sheets(xlsx([["x"]]))


# --- whatever comes -------------------------------------------------------------------------------


def examples() -> dict[str, bytes]:
    rows: list[list[Any]] = [
        ["id", "gmv", "when"],
        *[[f"c{i}", i / 4, datetime(2026, 11, 11)] for i in range(30)],
    ]
    page = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in rows)
    text = "\n".join(",".join(map(str, row)) for row in rows)
    objects = [dict(zip(rows[0], map(str, row), strict=True)) for row in rows[1:]]
    found = {
        "csv": text.encode(),
        "quoted": text.replace("c", '"c"').encode(),
        "utf-16": text.encode("utf-16"),
        "xlsx": xlsx(rows),
        "html": f"<html><meta charset=gbk><table>{page}</table></html>".encode(),
        "jsonl": "\n".join(map(json.dumps, objects)).encode(),
        "json": json.dumps({"rows": objects}).encode(),
        "parquet": parquet({"id": ["a", "b"] * 50, "gmv": [1.5, None] * 50}),
    }
    found["gzip"] = gzip.compress(found["csv"], mtime=0)
    found["zip"] = zipped({"a.csv": found["csv"], "b.xlsx": found["xlsx"]})
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as packed:  # nothing packed: damage reaches the XML itself
        inner = zipfile.ZipFile(io.BytesIO(found["xlsx"]))
        for name in inner.namelist():
            packed.writestr(name, inner.read(name))
    return found | {"stored xlsx": stored.getvalue()}


EXAMPLES = examples()


def flipped(content: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 3, 20])):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def cut(content: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(content))
    return content[:begin] + content[begin + chance.randrange(1, len(content)) :]


def swapped(content: bytes, chance: random.Random) -> bytes:
    at, other = chance.randrange(len(content)), EXAMPLES[chance.choice(list(EXAMPLES))]
    return content[:at] + other[chance.randrange(len(other)) :]


def crc_mended(content: bytes, chance: random.Random) -> bytes:
    """Damage inside the XML of a workbook, packed anew so that the check sums are right."""
    try:
        packed = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        return flipped(content, chance)
    victim = chance.choice(packed.namelist())
    damage = chance.choice([flipped, cut])
    return zipped(
        {
            n: damage(packed.read(n), chance) if n == victim else packed.read(n)
            for n in packed.namelist()
        }
    )


@pytest.mark.parametrize("damage", [flipped, cut, swapped, crc_mended])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_damaged_files_are_read_or_refused_and_never_crash(
    kind: str, damage: Callable[[bytes, random.Random], bytes]
) -> None:
    chance = random.Random(f"{kind} {damage.__name__}")
    for _ in range(6):
        content = damage(EXAMPLES[kind], chance)
        with contextlib.suppress(FileRefused):
            for table in all_tables(sheets(content)):
                assert all(len(column.text) == len(table.line) for column in table.columns)


@given(st.binary(max_size=80))
def test_whatever_the_bytes_are_it_reads_or_refuses(content: bytes) -> None:
    for start in (
        b"",
        b"PAR1",
        b"{",
        b"[{",
        b"<table>",
        b"PK\x03\x04",
        b"\x1f\x8b\x08\x00",
        b"a,b\n",
    ):
        for encoding in (None, "cp1252"):
            with contextlib.suppress(FileRefused):
                all_tables(sheets(start + content, encoding=encoding))
