"""Numbers, ids and dates as people and programs write them: read right, or set aside; never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import to_ms
from monitor.ingest import dialect as d
from monitor.ingest.counters import NONE
from monitor.ingest.spans import duration, durations, period_in
from monitor.ingest.table import Column
from tests.ingest import exports, writers
from tests.ingest.exports import Style
from tests.ingest.writers import read, rows_of

KL = ZoneInfo("Asia/Kuala_Lumpur")


def column(*texts: str | None) -> Column:
    return Column("x", pa.array(texts, pa.string()))


def typed(*values: float | int | None) -> Column:
    return Column("x", pa.nulls(len(values), pa.string()), number=pa.array(values))


def money(text: str, dialect: str = "comma", kind: str = "money") -> int | str:
    """Hundredths, or why it is none."""
    parsed = d.numbers(column(text), dialect, kind=kind)
    return parsed.faults[0][1] if parsed.faults else int(parsed.values[0])


# --- one cell ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dialect", "hundredths"),
    [
        ("1,234.50", "comma", 123450),
        ("1.234,50", "dot", 123450),
        ("215737974", "comma", 21573797400),
        ("215737974", "dot", 21573797400),
        ("RM 1,234.50", "comma", 123450),
        ("RM1234.5", "comma", 123450),
        ("RM\u00a01,234.50", "comma", 123450),
        ("Rp 12.500.000", "dot", 1250000000),
        ("Rp. 12.500.000", "dot", 1250000000),
        ("627.840.078₫", "dot", 62784007800),
        ("143,225,839.12₫", "comma", 14322583912),
        ("฿69,852", "comma", 6985200),
        ("$1,234.56", "comma", 123456),
        ("1.21082485E8", "comma", 12108248500),
        ("1.21082485E8", "dot", 12108248500),
        ("１２３４", "comma", 123400),
        ("๑๒๓๔", "comma", 123400),
        ("0", "comma", 0),
        ("0.00", "comma", 0),
        ("0.005", "comma", 0),
        ("0.015", "comma", 2),
    ],
)
def test_an_amount_as_it_is_written_is_read_to_the_cent(text: str, dialect: str, hundredths: int):
    assert money(text, dialect) == hundredths


@pytest.mark.parametrize("text", ["", " ", "-", "--", "—", "#N/A", "n/a", "NaN", "null", "\u00a0"])
def test_what_says_nothing_is_unknown_and_never_0(text: str):
    parsed = d.numbers(column(text), "comma", kind="money")
    assert parsed.values.tolist() == [NONE]
    assert not parsed.faults


@pytest.mark.parametrize(
    "text",
    [
        "1 234.50", "1'234.50", "1’234.50", "1\u202f234,50", "(1,234.50)", "+12.50", "\u221212.50",
        "-12.50", "1,23", "12,34,567", "1.234.567", "1,234,56", "0,500", "007,500", "1,234.5.6",
        "5.93%", "12.50-",
        "１，２３４．５０x", "٣٫٥", "=A1+B1", "#REF!", "1.2.3", "1,2345", "NT$1,234", "¥1,234", "12 k€",
        "1e5e5", "Infinity", "0x10", "1_000", "12.50 MYR RM", "1.73E+18", "1,73E+18", "1,5E3", "14,4K",
    ],
)  # fmt: skip
def test_what_a_comma_file_cannot_mean_is_set_aside(text: str):
    assert isinstance(money(text), str)


@pytest.mark.parametrize("text", ["1,234.50", "12.50", "0.500", "1.23", "1,234", "1.5", "1234.56"])
def test_what_a_dot_file_cannot_mean_is_set_aside(text: str):
    assert isinstance(money(text, "dot"), str)


def test_a_group_of_thousands_never_begins_with_0():
    """0.500 is one half; read with dots between thousands it was 500."""
    assert isinstance(money("0.500", "dot"), str)
    assert isinstance(money("0,500", "comma"), str)


@pytest.mark.parametrize("kind", ["money", "count"])
@pytest.mark.parametrize(("text", "dialect"), [("1.234", "comma"), ("1,234", "dot")])
def test_one_point_two_three_four_is_a_riddle(text: str, dialect: str, kind: str):
    assert "may be 1234 or 1.234" in str(money(text, dialect, kind))


@pytest.mark.parametrize("beside", ["0.5", "12.50", "1,234.50"])
def test_other_cells_do_not_make_the_riddle_sure(beside: str):
    """A file that elsewhere writes 0.5 was once taken to mean 1.234 by 1.234: a thousandth of it."""
    parsed = d.numbers(column("1.234", beside), "comma", kind="money")
    assert list(parsed.faults) == [0]


def test_a_column_of_parts_of_cents_may_have_three_decimals():
    parsed = d.numbers(column("1.234", "0.1234"), "comma", kind="money")
    assert parsed.values.tolist() == [123, 12]


@pytest.mark.parametrize("text", ["12.5", "0.5", "1.0001", "1234.567"])
def test_a_count_has_no_fraction(text: str):
    assert "no count" in str(money(text, kind="count"))
    assert "no count" in str(d.numbers(typed(float(text)), "comma", kind="count").faults[0][1])


@pytest.mark.parametrize(
    ("text", "dialect", "count"),
    [("14.4K", "comma", 14_400), ("1.2万", "comma", 12_000), ("3亿", "comma", 300_000_000),
     ("1,2rb", "dot", 1_200), ("2.5M+", "comma", 2_500_000)],
)  # fmt: skip
def test_a_rounded_count_is_taken_and_told(text: str, dialect: str, count: int):
    parsed = d.numbers(column(text), dialect, kind="count")
    assert parsed.values.tolist() == [count * 100]
    assert parsed.rounded == 1


def test_rounded_money_is_not_taken():
    assert "money is needed to the cent" in str(money("RM 14.4K"))
    assert "money is needed to the cent" in str(money("1.2万"))


def test_a_million_that_may_be_a_billion_is_not_taken():
    """`1,2M` is 1.2 milyar, a billion, to an Indonesian."""
    assert "billions" in str(money("1,2M", "dot", kind="count"))


@pytest.mark.parametrize("value", [float("inf"), 1e15, -1.0])
def test_a_typed_number_that_is_none(value: float):
    assert d.numbers(typed(value), "comma", kind="money").faults


def test_a_typed_number_among_text_may_be_one_that_excel_has_turned():
    """Excel makes 627.84 of 627.840 ₫, and leaves 627.840.078 as text."""
    mixed = Column("x", pa.array(["627.840.078", None]), number=pa.array([None, 627.84]))
    parsed = d.numbers(mixed, "dot", kind="money")
    assert parsed.values.tolist() == [62784007800, NONE]
    assert "Excel may have turned" in parsed.faults[1][1]


def test_a_typed_amount_with_three_decimals_may_be_a_thousand_times_more():
    assert "three decimals" in d.numbers(typed(1.234), "comma", kind="money").faults[0][1]
    assert not d.numbers(typed(1.234, 0.12345), "comma", kind="money").faults


def test_a_date_where_a_number_should_be():
    """Excel makes a date of 12.50 where the decimal sign is a comma."""
    when = Column("x", pa.nulls(1, pa.string()), when=pa.array([datetime(2026, 12, 5)]))
    assert "Excel has turned it into one" in d.numbers(when, "comma", kind="money").faults[0][1]


# --- no number is off by ×10 or ×1000 ---------------------------------------------------------

AMOUNT = st.integers(0, 10**12 - 1)


@given(
    cents=AMOUNT,
    dialect=st.sampled_from(["comma", "dot", "bare"]),
    mark=st.sampled_from(["", "RM ", "Rp"]),
)
def test_a_number_in_its_own_dialect_comes_back(cents: int, dialect: str, mark: str):
    text = Style(dialect=dialect, before=mark).written(Decimal(cents).scaleb(-2))
    assert money(text, "dot" if dialect == "dot" else "comma") == cents


@given(cents=AMOUNT, places=st.sampled_from([0, 1, 2, 4]), grouped=st.booleans())
def test_a_number_in_the_other_dialect_is_right_or_set_aside(
    cents: int, places: int, grouped: bool
):
    """Only what both dialects say alike is taken. (Three decimals no amount has.)"""
    value = Decimal(cents) / 10**places
    right = int((value * 100).to_integral_value(rounding="ROUND_HALF_EVEN"))
    for written, read_as in (("comma", "dot"), ("dot", "comma")):
        text = Style(dialect=written, places=places).written(value)
        text = text if grouped else text.replace("." if written == "dot" else ",", "")
        found = money(text, read_as)
        assert isinstance(found, str) or found == right, (text, read_as)


@given(
    amounts=st.lists(st.integers(1, 10**9), min_size=2, max_size=8),
    dialect=st.sampled_from(["comma", "dot"]),
    places=st.sampled_from([0, 2]),
)
def test_a_file_in_either_dialect_is_right_or_has_faults(
    amounts: list[int], dialect: str, places: int
):
    """End to end: an export of amounts, each right or set aside with the reason."""
    grid = exports.creator_data(count=len(amounts)).styled(dialect=dialect, places=places)
    label = "Creator-attributed GMV"
    for row, cents in enumerate(amounts):
        grid = grid.with_cell(row, label, Decimal(cents if places else cents * 100).scaleb(-2))
    content = read(writers.as_csv(grid), grid.name).content
    right = {grid.truth[row][0]: c if places else c * 100 for row, c in enumerate(amounts)}
    found = rows_of(content)
    assert {ident: right[ident] for ident in found} == {i: v["gmv"] for i, v in found.items()}
    assert len(found) + len(content.faults) == len(amounts)


# --- one file, one dialect --------------------------------------------------------------------


def test_a_file_shows_which_dialect_it_is_in():
    grid = exports.creator_data().styled(dialect="dot")
    content = read(writers.as_csv(grid), grid.name).content
    assert rows_of(content) == grid.expected
    assert any("Numbers are written 1.234,50" in control.words for control in content.controls)


@pytest.mark.parametrize(
    ("dialect", "places"), [("comma", 2), ("dot", 0), ("bare", 0), ("bare", 2)]
)
def test_amounts_in_dong_in_every_way_that_is_seen(dialect: str, places: int):
    grid = exports.live_analysis(mark="₫", zone="Asia/Ho_Chi_Minh")
    grid = grid.styled(dialect=dialect, places=places, after="₫")
    content = read(writers.as_xlsx(grid), grid.name, market="VN").content
    assert content.faults == ()
    assert rows_of(content) == grid.expected


def test_rows_pasted_from_a_file_of_the_other_dialect_are_set_aside():
    grid = exports.creator_data()
    grid = grid.with_cell(3, "Creator-attributed GMV", "1.234,50")
    grid = grid.with_cell(4, "Creator-attributed GMV", "12.345")
    content = read(writers.as_csv(grid), grid.name).content
    left = [truth for row, truth in enumerate(grid.truth) if row not in (3, 4)]
    assert rows_of(content) == dict(left)
    assert [fault.value for fault in content.faults] == ["1.234,50", "12.345"]


# --- instants, durations, periods -------------------------------------------------------------

ORDERS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M")
LIVES = ("%Y/%m/%d %H:%M", "%d-%m-%Y %H:%M")


def at(text: str, patterns: tuple[str, ...] = ORDERS) -> datetime | str:
    parsed = d.instants(column(text), patterns, KL)
    if parsed.faults:
        return parsed.faults[0][1]
    return (
        datetime.fromtimestamp(int(parsed.values[0]) / 1000, UTC)
        .astimezone(KL)
        .replace(tzinfo=None)
    )


@pytest.mark.parametrize(
    ("text", "patterns", "wanted"),
    [
        ("11/12/2026 21:59:08", ORDERS, datetime(2026, 12, 11, 21, 59, 8)),
        ("2026/08/31/ 19:30", LIVES, datetime(2026, 8, 31, 19, 30)),
        ("31-08-2026 21:59", LIVES, datetime(2026, 8, 31, 21, 59)),
        ("2026-11-11T04:00:00Z", ORDERS, datetime(2026, 11, 11, 12)),
        ("2026-11-11 12:00:00", ORDERS, datetime(2026, 11, 11, 12)),
        ("11/11/2026\u00a012:00", ORDERS, datetime(2026, 11, 11, 12)),
    ],
)
def test_an_instant_as_it_is_written(text: str, patterns: tuple[str, ...], wanted: datetime):
    assert at(text, patterns) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "11/31/2026 10:00:00",
        "11/11/26 10:00",
        "09:05:00 PM",
        "yesterday",
        "1794366000",
        "32/01/2026",
    ],
)
def test_what_is_no_instant_is_set_aside(text: str):
    assert isinstance(at(text), str)


def test_excel_dates_and_serials_are_local_times():
    when = Column("x", pa.nulls(2, pa.string()), when=pa.array([datetime(2026, 11, 11, 12), None]),
                  number=pa.array([None, 46337.5]))  # fmt: skip
    noon = to_ms(datetime(2026, 11, 11, 12, tzinfo=KL))
    assert d.instants(when, ORDERS, KL).values.tolist() == [noon, noon]


def test_a_number_that_is_no_excel_date_is_set_aside():
    assert d.instants(typed(1794366000), ORDERS, KL).faults
    assert d.instants(typed(12), ORDERS, KL).faults


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4h 0min", 14_400), ("04:00:20", 14_420), ("90", 90), ("1h 2m 3s", 3723), ("12:30", 45_000)],
)
def test_a_duration_as_it_is_written(text: str, seconds: int):
    assert duration(text) == seconds * 1000


def test_a_duration_as_a_fraction_of_a_day():
    assert durations(typed(0.5, 3600.0)).tolist() == [43_200_000, 3_600_000]
    assert duration("soon") == NONE


@pytest.mark.parametrize(
    "text",
    ["Creator_20261111-20261112.xlsx", "2026-11-11 ~ 2026-11-12", "orders 2026/11/11 to 2026/11/12",
     "x_20261111000000_20261112235959_9.xlsx", "2026.11.11至2026.11.12"],
)  # fmt: skip
def test_a_period_is_found_in_words(text: str):
    found = period_in(text)
    assert found is not None
    assert [day.isoformat() for day in found] == ["2026-11-11", "2026-11-12"]


@pytest.mark.parametrize(
    "text", ["x@20261111T040500Z.csv", "20261112-20261111", "20261131-20261132", "1-2"]
)
def test_no_period_is_made_up(text: str):
    assert period_in(text) is None
