"""The quick way through a tidy CSV file: Arrow splits it, all cells stay text.

It gives what the slow way gives, or nothing at all where the two might differ.
"""

from __future__ import annotations

import csv

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from monitor.ingest.counters import Ints
from monitor.ingest.files.grid import Header, blank_row
from monitor.ingest.table import Column, Fault, Table

ODD_ROWS = 10_000  # more than so many are left to the slow way
NEWLINE, RETURN, QUOTE = b'\n\r"'


def quick_table(data: bytes, separator: str, head: Header, first: int) -> Table | None:
    """Rows from line `first` (0-based) on; None when the slow way has to look."""
    width = len(head.labels)
    quoted = b'"' in data
    if width < 2 or data.count(b"\r") != data.count(b"\r\n"):
        return None
    if quoted and not _tidy(data, separator):
        return None
    start = 0
    for _ in range(first):
        start = data.find(b"\n", start) + 1
        if not start:
            return None
    found = _split(data, start, separator, width, quoted=quoted)
    if found is None:
        return None
    table, odd = found
    columns = [column.combine_chunks() for column in table.columns]
    if any(_longest(column) > csv.field_size_limit() for column in columns):
        return None
    lines = data.count(b"\n", start) + (not data.endswith(b"\n"))
    if not odd and table.num_rows == lines:
        numbers: Ints = np.arange(first + 1, first + 1 + lines, dtype=np.int64)
        faults: list[Fault] = []
    elif quoted:
        return None
    else:
        counted = _lines(data, start, first, separator, head)
        if counted is None:
            return None
        numbers, faults = counted
    filled = _not_blank(columns)
    if filled is not None:
        columns, numbers = [c.filter(filled) for c in columns], numbers[filled.to_numpy(False)]
    pairs = zip(head.labels, columns, strict=True)
    return Table(tuple(Column(label, text) for label, text in pairs), numbers, tuple(faults))


def _tidy(data: bytes, separator: str) -> bool:
    """Whether quotes stand around whole cells of one line each, or doubled inside such cells."""
    text = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(text == QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = text[opening[opening > 0] - 1]
    after = text[closing[closing < len(text) - 1] + 1]
    ends = [ord(separator), NEWLINE, QUOTE]
    if not (np.isin(before, ends).all() and np.isin(after, [*ends, RETURN]).all()):
        return False
    newlines = np.flatnonzero(text == NEWLINE)
    return not (np.searchsorted(quotes, newlines) % 2).any()


def _split(
    data: bytes, start: int, separator: str, width: int, *, quoted: bool
) -> tuple[pa.Table, int] | None:
    """The rows of exactly `width` cells, and how many others there are."""
    odd = 0

    def handler(_row: arrow_csv.InvalidRow) -> str:
        nonlocal odd
        odd += 1
        return "skip" if odd <= ODD_ROWS else "error"

    names = [str(i) for i in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(start)),
            arrow_csv.ReadOptions(column_names=names),
            arrow_csv.ParseOptions(
                delimiter=separator,
                quote_char='"' if quoted else False,
                invalid_row_handler=handler,
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException:
        return None
    return table, odd


def _longest(column: pa.Array) -> int:
    return pc.max(pc.binary_length(column)).as_py() or 0


def _lines(
    data: bytes, start: int, first: int, separator: str, head: Header
) -> tuple[Ints, list[Fault]] | None:
    """Line numbers of the rows that Arrow took, and faults for the others."""
    body = np.frombuffer(data, np.uint8, offset=start)
    ends = np.flatnonzero(body == NEWLINE)
    if not data.endswith(b"\n"):
        ends = np.append(ends, len(body))
    begins = np.concatenate([[0], ends[:-1] + 1])
    marks = np.flatnonzero(body == ord(separator))
    cells = np.searchsorted(marks, ends) - np.searchsorted(marks, begins) + 1
    whole = cells == len(head.labels)
    faults: list[Fault] = []
    for i in np.flatnonzero(~whole):
        text = data[start + int(begins[i]) : start + int(ends[i])].removesuffix(b"\r").decode()
        row = text.split(separator)
        if blank_row(row):
            continue
        if len(row) <= len(head.labels) and head.fitted(row, "") is not None:
            return None
        faults.append(head.fault(first + 1 + int(i), row, separator))
    return first + 1 + np.flatnonzero(whole), faults


def _not_blank(columns: list[pa.Array]) -> pa.Array | None:
    """Which rows hold anything; None when all do."""
    rows = pa.array(np.arange(len(columns[0])))
    for column in columns:
        cells = column.take(rows) if len(rows) < len(column) else column
        rows = rows.filter(pc.equal(pc.utf8_trim_whitespace(cells), ""))
        if not len(rows):
            return None
    filled = np.ones(len(columns[0]), bool)
    filled[rows.to_numpy()] = False
    return pa.array(filled)
