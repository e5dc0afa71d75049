"""Reading a canonical file: every refusal, every reason of quarantine, and the rest is taken."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.campaigns.words import DIMENSIONS, METRICS
from monitor.errors import FileRefused
from monitor.ingest.counters import NONE
from monitor.ingest.read import Readings
from tests.conftest import Row, csv_text, read_canonical, reading, settings_for

SETTINGS = settings_for()
AT = "2026-11-11T12:00:00+08:00"
NOON_MS = 1_794_369_600_000  # 2026-11-11T04:00:00Z
LONG_ID = "1729384756102938475"


def read(content: str | bytes, campaign: str | None = None) -> Readings:
    return read_canonical(
        content.encode() if isinstance(content, str) else content, SETTINGS, campaign
    )


def refusal(content: str | bytes, campaign: str | None = None) -> str:
    with pytest.raises(FileRefused) as refused:
        read(content, campaign)
    return str(refused.value)


def json_lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def parquet(columns: dict[str, Any], **types: pa.DataType) -> bytes:
    """A Parquet file; `types` where the values alone do not say."""
    arrays = {name: pa.array(values, types.get(name)) for name, values in columns.items()}
    file = io.BytesIO()
    pq.write_table(pa.table(arrays), file)
    return file.getvalue()


def cells(readings: Readings, metric: str) -> list[float | None]:
    column = readings.values[:, METRICS.index(metric)].tolist()
    return [None if value == NONE else value / 100 for value in column]


def dimension(readings: Readings, name: str) -> list[str]:
    return [readings.keys[i][DIMENSIONS.index(name)] for i in readings.key]


def campaigns(readings: Readings) -> list[str]:
    return [readings.campaigns[i] for i in readings.campaign]


def faults(readings: Readings) -> list[tuple[int, str, str | None]]:
    return [(fault.line, fault.column, fault.value) for fault in readings.faults]


def good(campaign: str = "sale", **cells: Any) -> Row:
    return reading("12:00", campaign=campaign, **cells)


# --- the same row in every format ---------------------------------------------------------------

ROW = {
    "observed_at": AT,
    "campaign_id": "sale",
    "channel": "live",
    "creator_id": LONG_ID,
    "gmv": "1234.56",
    "orders": "7",
    "clicks": None,
    "complete_through": "2026-11-11T03:55:00Z",
}
FORMATS: dict[str, str | bytes] = {
    "csv": csv_text([ROW]),
    "csv with BOM": "\ufeff" + csv_text([ROW]),
    "csv with CRLF": csv_text([ROW], end="\r\n"),
    "csv with CR": csv_text([ROW], end="\r"),
    "csv without last line end": csv_text([ROW]).rstrip("\n"),
    "csv with blanks around": csv_text([{f" {k} ": f" {v or ''} " for k, v in ROW.items()}]),
    "csv with capitals": csv_text([{k.upper(): v for k, v in ROW.items()}]),
    "json lines": json_lines(ROW),
    "json lines with BOM": "\ufeff" + json_lines(ROW),
    "json lines with CRLF": json_lines(ROW).replace("\n", "\r\n"),
    "json lines after a blank line": "\n" + json_lines(ROW),
    "json lines with numbers": json_lines({**ROW, "gmv": 1234.56, "orders": 7}),
    "json lines with an id as a number": json_lines({**ROW, "creator_id": int(LONG_ID)}),
    "parquet": parquet({k: [v] for k, v in ROW.items()}),
    "parquet with types": parquet(
        {
            **{k: [v] for k, v in ROW.items()},
            "observed_at": [datetime(2026, 11, 11, 4, tzinfo=UTC)],
            "complete_through": [datetime(2026, 11, 11, 3, 55, tzinfo=UTC)],
            "gmv": [1234.56],
            "orders": [7],
            "creator_id": [int(LONG_ID)],
        }
    ),
    "parquet with decimals": parquet(
        {**{k: [v] for k, v in ROW.items()}, "gmv": [Decimal("1234.56")]}
    ),
    "parquet with large strings": parquet(
        {k: [v] for k, v in ROW.items()}, **dict.fromkeys(ROW, pa.large_string())
    ),
    "parquet with dictionaries": parquet(
        {k: [v] for k, v in ROW.items()},
        **dict.fromkeys(ROW, pa.dictionary(pa.int32(), pa.string())),
    ),
}


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS.keys())
def test_every_format_reads_the_same(content: str | bytes):
    found = read(content)
    assert found.faults == ()
    assert found.read == 1
    assert found.observed_ms.tolist() == [NOON_MS]
    assert found.complete_ms.tolist() == [NOON_MS - 300_000]
    assert campaigns(found) == ["sale"]
    assert dimension(found, "creator_id") == [LONG_ID]
    assert dimension(found, "channel") == ["live"]
    assert dimension(found, "category") == [""]
    assert (cells(found, "gmv"), cells(found, "orders")) == ([1234.56], [7])
    assert (cells(found, "clicks"), cells(found, "visitors")) == ([None], [None])


def test_all_dimensions_and_metrics_are_read():
    row = {
        **good(),
        **{dim: f"x-{dim}" for dim in DIMENSIONS},
        **{metric: i + 1 for i, metric in enumerate(METRICS)},
    }
    found = read(csv_text([row]))
    assert found.keys == (tuple(f"x-{dim}" for dim in DIMENSIONS),)
    assert found.values.tolist() == [[100 * (i + 1) for i in range(len(METRICS))]]


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-11T12:00:00+08:00",
        "2026-11-11T04:00:00Z",
        "2026-11-11 12:00:00+08:00",
        "2026-11-11T12:00+08:00",
        "2026-11-11T12:00:00.000+08:00",
        "20261111T120000+0800",
        "2026-11-10T20:00:00-08:00",
    ],
)
def test_iso_8601_with_any_offset_is_an_instant(at: str):
    assert read(csv_text([{**good(gmv=1), "observed_at": at}])).observed_ms.tolist() == [NOON_MS]


NUMBERS = [
    ("12", 12), ("12.5", 12.5), ("12.345", 12.34), ("12.355", 12.36), ("0.005", 0.0), ("0.015", 0.02),
    ("0", 0), ("-0", 0), ("1E3", 1000), ("1.21082485E8", 121082485), (" 7 ", 7), ("+7", 7),
    ("999999999999.99", 999999999999.99), ("0.30000000000000004", 0.3),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_a_number_is_kept_to_the_cent_half_to_even(text: str, value: float):
    assert cells(read(csv_text([good(gmv=text)])), "gmv") == [value]


@given(st.integers(0, 10**15))
def test_every_amount_of_whole_cents_is_kept_exactly(cents: int):
    text = f"{cents // 100}.{cents % 100:02d}"
    for content in (csv_text([good(gmv=text)]), json_lines(dict(good(gmv=text)))):
        assert read(content).values[0, 0] == cents


@pytest.mark.parametrize("cell", ["", "   ", None])
def test_a_blank_metric_is_unknown(cell: str | None):
    assert cells(read(csv_text([good(gmv=cell, orders=1)])), "gmv") == [None]
    assert cells(read(json_lines(dict(good(gmv=cell, orders=1)))), "gmv") == [None]


def test_a_missing_number_of_parquet_is_unknown():
    content = parquet(
        {"observed_at": [AT] * 3, "campaign_id": ["sale"] * 3, "gmv": [1.5, None, float("nan")]}
    )
    assert cells(read(content), "gmv") == [1.5, None, None]


def test_a_parquet_column_of_nothing_is_unknown():
    content = parquet(
        {"observed_at": [AT], "campaign_id": ["sale"], "gmv": [None], "orders": [2],
         "complete_through": [None], "channel": [None]}
    )  # fmt: skip
    found = read(content)
    assert (cells(found, "gmv"), cells(found, "orders"), found.faults) == ([None], [2], ())


def test_float_ids_that_are_whole_lose_their_fraction():
    content = parquet(
        {
            "observed_at": [AT] * 2,
            "campaign_id": ["sale"] * 2,
            "gmv": [1, 2],
            "shop_id": [12345.0, None],
        }
    )
    assert dimension(read(content), "shop_id") == ["12345", ""]


# --- quarantine ---------------------------------------------------------------------------------

SCI = "scientific notation"
BAD_CELLS = [
    ("observed_at", "2026-11-11T12:00:00", "no offset"),
    ("observed_at", "2026-11-11", "no offset"),
    ("observed_at", "11/11/2026 12:00", "no ISO 8601"),
    ("observed_at", "now", "no ISO 8601"),
    ("observed_at", "46337.5", "no ISO 8601"),
    ("observed_at", "0001-01-01T00:00:00+23:59", "no ISO 8601|outside"),
    ("observed_at", "2026-11-09T23:59:59+08:00", "more than a day outside"),
    ("observed_at", "2026-11-13T00:00:01+08:00", "more than a day outside"),
    ("complete_through", "2026-11-11T12:00:00", "no offset"),
    ("complete_through", "yesterday", "no ISO 8601"),
    ("campaign_id", "nobody", "unknown campaign"),
    ("campaign_id", "SALE", "unknown campaign"),
    ("gmv", "-0.01", "negative"),
    ("orders", "-1", "negative"),
    ("refunds", "-5", "negative"),
    ("gmv", "RM 12", "not a number"),
    ("gmv", "1,234.50", "not a number"),
    ("gmv", "--", "not a number"),
    ("gmv", "#N/A", "not a number"),
    ("gmv", "NaN", "not a number"),
    ("gmv", "inf", "not a number"),
    ("gmv", "-Infinity", "not a number"),
    ("gmv", "1e400", "too large"),
    ("gmv", "100000000000000", "too large"),
    ("gmv", "12a", "not a number"),
    ("gmv", "True", "not a number"),
    *[
        (name, text, SCI)
        for name in ("creator_id", "shop_id", "product_id", "live_id", "slot_id")
        for text in ("1.73E+18", "1.73e18", "2E+17")
    ],
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD_CELLS)
def test_a_row_with_a_fault_is_set_aside_and_the_rest_is_taken(
    column: str, value: str, reason: str
):
    """In CSV and JSON Lines alike: line, column, value, reason; the good rows around it stay."""
    before, bad, behind = good(gmv=1), {**good(gmv=2), column: value}, good(gmv=3)
    for content, line in (
        (csv_text([before, bad, behind]), 3),
        (json_lines(dict(before), dict(bad), dict(behind)), 2),
    ):
        found = read(content)
        assert faults(found) == [(line, column, value)]
        assert any(part in found.faults[0].reason for part in reason.split("|"))
        assert cells(found, "gmv") == [1, 3]
        assert found.read == 3


@pytest.mark.parametrize("at", ["2026-11-10T00:00:00+08:00", "2026-11-13T00:00:00+08:00"])
def test_a_day_outside_the_campaign_is_not_more_than_a_day(at: str):
    assert read(csv_text([{**good(gmv=1), "observed_at": at}])).faults == ()


def test_a_blank_instant_or_campaign_is_a_fault():
    rows = [{**good(gmv=1), "observed_at": ""}, {**good(gmv=1), "campaign_id": " "}]
    found = read(csv_text(rows))
    assert [(line, column) for line, column, _ in faults(found)] == [
        (2, "observed_at"), (3, "campaign_id"),
    ]  # fmt: skip


def test_a_fault_names_the_campaign_of_its_row():
    found = read(csv_text([good(gmv="x")]))
    assert found.faults[0].campaign_id == "sale"


def test_a_row_has_one_fault_however_much_is_wrong_with_it():
    row = {"observed_at": "x", "campaign_id": "y", "gmv": "z", "orders": -1}
    found = read(csv_text([row]))
    assert faults(found) == [(2, "observed_at", "x")]
    assert len(found.line) == 0


def test_ids_that_excel_has_not_touched_are_no_faults():
    ids = [LONG_ID, "creator_1e5x", "E5", "c0003", "0012", "１２"]
    found = read(csv_text([good(creator_id=i, gmv=1) for i in ids]))
    assert dimension(found, "creator_id") == ids


@pytest.mark.parametrize("value", [1.73e18, -1.73e18, 2.0**60, 1.5])
def test_a_float_id_that_has_lost_its_digits_is_a_fault(value: float):
    content = parquet(
        {"observed_at": [AT], "campaign_id": ["sale"], "gmv": [1], "creator_id": [value]}
    )
    found = read(content)
    assert [(f.line, f.column) for f in found.faults] == [(1, "creator_id")]
    assert SCI in found.faults[0].reason


def test_an_id_that_is_a_json_float_is_a_fault():
    line = f'{{"observed_at": "{AT}", "campaign_id": "sale", "gmv": 1, "creator_id": 1.73E+18}}'
    assert faults(read(line)) == [(1, "creator_id", "1.73E+18")]


def test_a_bare_nan_of_json_is_a_fault():
    line = f'{{"observed_at": "{AT}", "campaign_id": "sale", "gmv": NaN}}'
    assert faults(read(line)) == [(1, "gmv", "NaN")]


def test_an_infinite_float_of_parquet_is_a_fault():
    content = parquet({"observed_at": [AT], "campaign_id": ["sale"], "gmv": [float("inf")]})
    assert faults(read(content)) == [(1, "gmv", "inf")]


@pytest.mark.parametrize("at", [datetime(2026, 11, 11, 12), date(2026, 11, 11)])
def test_a_parquet_time_without_a_zone_has_no_offset(at: date):
    content = parquet({"observed_at": [at], "campaign_id": ["sale"], "gmv": [1]})
    assert "no offset" in read(content).faults[0].reason


def test_lines_are_counted_as_an_editor_counts_them():
    """Header, blank lines and quoted line ends included; a row is named by its first line."""
    text = (
        "observed_at,campaign_id,channel,gmv\n"  # 1
        "\n"  # 2
        f'{AT},sale,"two\nlines",1\n'  # 3, 4
        f"{AT},sale,a,x\n"  # 5
        "\n"  # 6
        f'{AT},sale,"three\r\nmore\nlines",y\n'  # 7 to 9
        f"{AT},sale,b\n"  # 10
        f"{AT},sale,c,2,3\n"  # 11
        f"{AT},sale,d,4\n"  # 12
    )
    found = read(text)
    assert [line for line, *_ in faults(found)] == [5, 7, 10, 11]
    assert found.line.tolist() == [3, 12]
    assert dimension(found, "channel") == ["two\nlines", "d"]
    assert found.read == 6


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_of_json_are_counted_with_blank_ones(end: str):
    rows = [json.dumps(dict(good(gmv=1))), "", "no json", "[1]", json.dumps(dict(good(gmv="x")))]
    found = read(end.join(rows))
    assert [line for line, *_ in faults(found)] == [3, 4, 5]
    assert found.read == 4


@pytest.mark.parametrize("cells", ["sale", "sale,1,2"])
def test_a_ragged_row_is_set_aside_whole(cells: str):
    found = read(f"observed_at,campaign_id,gmv\n{AT},{cells}\n{AT},sale,5\n")
    assert [(f.line, f.column) for f in found.faults] == [(2, "")]
    assert "cells" in found.faults[0].reason
    assert found.values[:, 0].tolist() == [500]


def test_a_json_line_may_lack_what_another_has():
    found = read(json_lines(dict(good(gmv=1)), dict(good(orders=2))))
    assert (cells(found, "gmv"), cells(found, "orders")) == ([1, None], [None, 2])


@pytest.mark.parametrize(
    "line",
    [
        '{"observed_at": "%s", "campaign_id": "sale", "gmv": 1, "creator_id": "\\ud800"}',
        '{"observed_at": "%s", "campaign_id": "sale", "gmv": "\\ud800"}',
        '{"observed_at": "%s", "campaign_id": "\\udfff", "gmv": 1}',
    ],
)
def test_half_a_character_in_json_sets_its_row_aside(line: str):
    found = read(json_lines(dict(good(gmv=1))) + line % AT)
    assert [f.line for f in found.faults] == [2]
    assert cells(found, "gmv") == [1]


def test_parquet_text_that_is_no_utf_8_refuses_the_file():
    broken = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    file = io.BytesIO()
    pq.write_table(
        pa.table({"observed_at": [AT], "campaign_id": ["sale"], "gmv": [1], "channel": broken}),
        file,
    )
    assert "Parquet" in refusal(file.getvalue())


@pytest.mark.parametrize("text", ["a\u0000b", "emoji 🎉", "\u202eright to left"])
def test_any_whole_character_in_json_is_text(text: str):
    assert dimension(read(json_lines(dict(good(gmv=1, channel=text)))), "channel") == [text]


def test_a_deep_or_endless_json_line_is_a_fault_not_a_crash():
    found = read(json_lines(dict(good(gmv=1))) + '{"a":' * 100_000 + "\n")
    assert [f.line for f in found.faults] == [2]


@pytest.mark.parametrize(
    "text", ["1e999999999999999999999", "0e999999999", "1e-999999999", "9" * 5000]
)
def test_an_absurd_number_is_no_crash(text: str):
    assert read(csv_text([good(gmv=text)])).read == 1


@pytest.mark.parametrize("value", [True, [1], {"amount": 1}])
def test_a_metric_that_is_no_number_in_json_is_a_fault(value: object):
    assert [f.column for f in read(json_lines(dict(good(gmv=value)))).faults] == ["gmv"]


# --- columns ------------------------------------------------------------------------------------


def test_unknown_columns_are_named_and_left_alone():
    found = read(csv_text([{**good(gmv=1), "Show GPM": "9", "notes": "x"}]))
    assert found.columns.matched == ("observed_at", "campaign_id", "gmv")
    assert found.columns.unmatched == ("Show GPM", "notes")
    assert found.columns.missing == ()
    assert found.faults == ()


def test_an_unknown_column_may_stand_twice():
    found = read(f"observed_at,campaign_id,gmv,x,x\n{AT},sale,1,2,3\n")
    assert cells(found, "gmv") == [1]


def test_a_campaign_may_be_given_for_a_file_without_the_column():
    found = read(f"observed_at,gmv\n{AT},5\n", campaign="sale")
    assert (campaigns(found), cells(found, "gmv")) == (["sale"], [5])


def test_a_campaign_given_does_not_overrule_the_column():
    found = read(csv_text([good(gmv=1, campaign="nobody")]), campaign="sale")
    assert faults(found) == [(2, "campaign_id", "nobody")]


def test_an_unknown_campaign_given_is_a_fault_of_every_row():
    found = read(f"observed_at,gmv\n{AT},5\n{AT},6\n", campaign="nobody")
    assert [f.column for f in found.faults] == ["campaign_id"] * 2


# --- refusals -----------------------------------------------------------------------------------

REFUSED = [
    (b"", "empty"),
    (b"  \r\n\n", "empty"),
    (b"\xef\xbb\xbf", "empty"),
    (b"PK\x03\x04rest", "Excel"),
    (b"\x1f\x8b\x08rest", "gzip"),
    (b"PAR1 but not really PAR1", "Parquet"),
    (b"PAR1", "Parquet"),
    (b"\xff\xfe\x00o\x00b", "no known columns"),
    ("Ümsatz;größe".encode("cp1252"), "UTF-8"),
    (b"observed_at,campaign_id,gmv\n\x00\x00\x00\n", "NUL"),
    (b"<html><body>502 Bad Gateway</body></html>", "no known columns"),
    (b"Order ID,Order Status\n1,paid\n", "no known columns"),
    (b'[{"observed_at": "x"}]', "'campaign_id' is missing"),
    (b"{not json\n{neither\n", "no line is a JSON object"),
    (b"campaign_id,gmv\nsale,1\n", "'observed_at' is missing"),
    (b"observed_at,gmv\nx,1\n", "'campaign_id' is missing"),
    (b"observed_at,campaign_id,channel\nx,sale,live\n", "no metric column"),
    (b"observed_at,campaign_id,gmv,gmv\nx,sale,1,2\n", "twice"),
    (b"observed_at,campaign_id,gmv, GMV \nx,sale,1,2\n", "twice"),
]


@pytest.mark.parametrize(("content", "reason"), REFUSED)
def test_a_file_that_cannot_be_a_table_of_ours_is_refused(content: bytes, reason: str):
    assert reason in refusal(content)


def test_0_gmv_in_every_row_while_there_are_orders_refuses_the_file():
    assert "GMV is 0" in refusal(csv_text([good(gmv=0, orders=3), good(gmv="0.00", orders=0)]))


@pytest.mark.parametrize(
    "rows",
    [
        [good(gmv=0, orders=0)],
        [good(gmv=0, orders=None)],
        [good(gmv=None, orders=3)],
        [good(orders=3)],
        [good(gmv=0, visitors=3)],
        [good(gmv=0, orders=3), good(gmv="0.01", orders=0)],
    ],
    ids=["no orders", "orders unknown", "GMV blank", "no GMV column", "only visitors", "some GMV"],
)
def test_0_or_blank_gmv_is_fine_otherwise(rows: list[Row]):
    assert len(read(csv_text(rows)).line) == len(rows)


def test_a_blank_row_beside_the_zeros_does_not_save_an_empty_gmv_column():
    assert "GMV is 0" in refusal(csv_text([good(gmv=0, orders=3), good(gmv=None, orders=1)]))


def test_a_header_without_rows_has_nothing_to_refuse():
    assert read("observed_at,campaign_id,gmv\n").read == 0


def test_a_quote_that_never_ends_loses_no_row_silently():
    """What a torn quote swallows is read, and set aside, as one row."""
    found = read(
        f'observed_at,campaign_id,channel,gmv\n{AT},sale,a,1\n{AT},sale,"b,2\n{AT},sale,c,3\n'
    )
    assert cells(found, "gmv") == [1]
    assert [line for line, *_ in faults(found)] == [3]


# --- whatever comes -----------------------------------------------------------------------------

CELL = st.one_of(
    st.sampled_from(["", AT, "sale", "live", "0", "12.5", "-1", "1.73E+18", '"', "\n", ",", "NaN"]),
    st.text(max_size=8).filter(lambda text: "\x00" not in text),
)
NAMES = st.lists(
    st.sampled_from(["observed_at", "campaign_id", "creator_id", "gmv", "orders", "complete_through"]),
    min_size=1, max_size=6, unique=True,
)  # fmt: skip


@given(NAMES, st.data())
def test_whatever_the_cells_hold_every_row_is_read_or_set_aside(
    names: list[str], data: st.DataObject
):
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELL)), max_size=6))
    for content in (csv_text([dict.fromkeys(names, "x"), *rows]), json_lines(*rows)):
        with contextlib.suppress(FileRefused):
            found = read(content)
            assert found.read == len(found.line) + len(found.faults)
            assert all(fault.reason for fault in found.faults)


@given(st.binary(max_size=60))
def test_whatever_the_bytes_are_it_reads_or_refuses_and_never_crashes(content: bytes):
    for start in (b"", b"PAR1", b"{", b"observed_at,campaign_id,gmv\n"):
        with contextlib.suppress(FileRefused):
            read(start + content)


# --- an export of a period has no instant of reading --------------------------------------------


def test_a_file_without_an_instant_takes_the_one_given_and_closes_nothing():
    at = datetime(2026, 11, 11, 4, tzinfo=UTC)
    found = read_canonical(b"campaign_id,gmv\nsale,5\nsale,x\n", SETTINGS, None, at)
    assert found.observed_ms.tolist() == [NOON_MS]
    assert found.closes is False
    assert faults(found) == [(3, "gmv", "x")]


def test_the_instant_in_a_file_counts_before_the_one_given():
    at = datetime(2026, 11, 11, 9, tzinfo=UTC)
    found = read_canonical(csv_text([good(gmv=1)]).encode(), SETTINGS, None, at)
    assert (found.observed_ms.tolist(), found.closes) == ([NOON_MS], True)


def test_an_instant_given_a_day_outside_the_campaign_is_a_fault():
    at = datetime(2026, 11, 14, tzinfo=UTC)
    found = read_canonical(b"campaign_id,gmv\nsale,5\n", SETTINGS, None, at)
    assert faults(found) == [(2, "observed_at", "2026-11-14T00:00:00Z")]


def test_without_any_instant_the_file_is_refused_with_what_to_do():
    assert "add it or give --at TIME" in refusal("campaign_id,gmv\nsale,5\n")


def test_campaigns_and_keys_are_told_once_each_and_only_those_of_good_rows():
    rows = [
        good(gmv=1, channel="live"), good(gmv=2, channel="video"), good(gmv=3, channel="live"),
        good(gmv="x", channel="card"),
    ]  # fmt: skip
    found = read(csv_text(rows))
    assert (found.campaigns, found.campaign.tolist()) == (("sale",), [0, 0, 0])
    assert ([key[0] for key in found.keys], found.key.tolist()) == (["live", "video"], [0, 1, 0])


@given(st.lists(st.sampled_from(["", " a", "a ", "b", "ünï", None]), min_size=1), st.data())
def test_texts_are_told_apart_as_they_stand_without_blanks_around(cells: list[Any], data: Any):
    rows = [dict(good(gmv=1, channel=c, category=data.draw(st.sampled_from("xyz")))) for c in cells]
    found = read(json_lines(*rows))
    assert dimension(found, "channel") == [(c or "").strip() for c in cells]
    assert dimension(found, "category") == [row["category"] for row in rows]


@given(st.lists(st.decimals(0, 10**9, allow_nan=False, allow_infinity=False), min_size=1))
def test_any_decimal_is_rounded_half_to_even_in_text_and_in_decimals(amounts: list[Decimal]):
    wanted = [int((a * 100).to_integral_value(rounding="ROUND_HALF_EVEN")) for a in amounts]
    rows = [dict(good(gmv=str(a), orders=1 if any(wanted) else 0)) for a in amounts]
    assert read(json_lines(*rows)).values[:, 0].tolist() == wanted
