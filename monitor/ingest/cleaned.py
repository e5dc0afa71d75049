"""An export's rows without what is no row: definitions, totals, a second table below the first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitor.ingest.counters import Ints
from monitor.ingest.dialect import NOTHING, bare, by_text
from monitor.ingest.formats import NUMBERS, formats
from monitor.ingest.labels import clean, normal
from monitor.ingest.recognise import Recognised
from monitor.ingest.table import Column, Table

TOTALS = {
    "total", "totals", "grand total", "subtotal", "sub total", "sub-total", "sum", "summary",
    "overall", "all", "all creators", "all products", "all videos", "总计", "合计", "总和", "汇总",
    "小计", "总", "全部", "รวม", "รวมทั้งหมด", "รวมทั้งสิ้น", "ยอดรวม", "ผลรวม", "ทั้งหมด", "tổng", "tổng cộng",
    "tổng số", "tất cả", "jumlah", "jumlah keseluruhan", "jumlah besar", "total keseluruhan", "semua",
}  # fmt: skip


LONGEST_TOTAL = 60
DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Cleaned:
    """`columns`: by title, only the rows that are rows. `table`: all that the sheet holds under the
    header; `rows`: which of its rows are kept. `total`: the row of totals, if the file has one.
    `cut_line`: where a second table begins, or None; `cut_rows`: how many rows it has."""

    table: Table
    rows: Ints
    columns: dict[str, Column]
    total: int | None
    cut_line: int | None
    cut_rows: int

    def at(self, position: int) -> Column:
        """A column by its place, only the rows that are rows."""
        return _taken(self.table.columns[position], pa.array(self.rows))

    def whole(self, title: str, rec: Recognised) -> Column:
        """A column with all its rows."""
        return self.table.columns[rec.found[title].position]


def cleaned(rec: Recognised) -> Cleaned:
    """Read the sheet below the header that was found."""
    table = rec.sheet.table(rec.header, rec.first)
    columns = {title: table.columns[f.position] for title, f in rec.found.items()}
    count = len(table.line)
    numeric = [t for t, f in rec.found.items() if f.column.kind in NUMBERS]
    words = [t for t, f in rec.found.items() if f.column.kind not in NUMBERS]
    blank = np.ones(count, bool)
    for column in columns.values():
        blank &= ~_said(column) | _holding(column, _is_nothing)[0]
    first, cut = _second_table(rec, table, numeric, blank)
    keep = ~blank
    keep[:first] = False
    left = int(keep[cut:].sum()) if cut is not None else 0
    if cut is not None:
        keep[cut:] = False
    total = None
    for row in _totals(columns, words, keep):
        keep[row] = False
        total = row
    rows = np.flatnonzero(keep)
    taken = pa.array(rows)
    return Cleaned(
        table=table,
        rows=rows,
        columns={title: _taken(column, taken) for title, column in columns.items()},
        total=total,
        cut_line=None if cut is None else int(table.line[cut]),
        cut_rows=left,
    )


def _taken(column: Column, rows: pa.Array) -> Column:
    return Column(
        column.label,
        column.text.take(rows),
        None if column.number is None else column.number.take(rows),
        None if column.when is None else column.when.take(rows),
    )


def _said(column: Column) -> np.ndarray:
    """Rows whose cell holds something."""
    encoded = column.text.dictionary_encode()
    something = np.array(
        [bool(t and t.strip()) for t in encoded.dictionary.to_pylist()] + [False], bool
    )
    said = something[encoded.indices.fill_null(len(something) - 1).to_numpy(zero_copy_only=False)]
    for typed in (column.number, column.when):
        if typed is not None:
            said = said | typed.is_valid().to_numpy(zero_copy_only=False)
    return np.asarray(said, bool)


def _second_table(
    rec: Recognised, table: Table, numeric: list[str], blank: np.ndarray
) -> tuple[int, int | None]:
    """The first row of numbers, and the row at which another table begins.

    It begins with a row that has labels where numbers should be; or at a gap, when what comes behind
    it begins with words in those places.
    """
    known_labels = {label for format in formats().values() for label in format.by_label}
    count = len(table.line)

    def is_label(text: str) -> bool:
        return _is_words(text) and normal(text) in known_labels

    words, known, said = (np.zeros(count, int) for _ in range(3))
    for title in numeric:
        column = table.columns[rec.found[title].position]
        nothing, wordy, label = _holding(column, _is_nothing, _is_words, is_label)
        said += _said(column) & ~nothing
        words += wordy
        known += label
    header = (words > 0) & (words == said) & ~blank
    numbers = np.flatnonzero((said > words) & ~blank)
    if not len(numbers):
        return 0, None
    first = int(numbers[0])
    header[:first] = False
    found = [int(row) for row in np.flatnonzero(header & ((words >= 2) | (known >= 1)))[:1]]
    present = np.sort(np.concatenate([table.line, [fault.line for fault in table.faults]]))
    gaps = np.flatnonzero(np.diff(present, prepend=present[:1]) > 1)
    for row in np.searchsorted(table.line, present[gaps]):
        behind = np.flatnonzero(said[row:] > 0)
        if row > first and len(behind) and header[row + behind[0]]:
            found.append(int(row))
    return first, min(found, default=None)


def _is_words(text: str) -> bool:
    """Letters and no digits: no number, no error of Excel's such as #REF!."""
    if DIGIT.search(text):
        return False
    rest = bare(text)[0]
    return (
        any(c.isalpha() for c in rest)
        and not rest.startswith(("#", "="))
        and rest.casefold() not in NOTHING
    )


def _is_nothing(text: str) -> bool:
    return text.strip().casefold() in NOTHING


def _holding(column: Column, *tests: Callable[[str], bool]) -> list[np.ndarray]:
    """For each test the rows whose text passes it."""
    found = [np.zeros(len(column.text), bool) for _ in tests]
    for text, rows in by_text(column.text):
        for passed, test in zip(found, tests, strict=True):
            if text is not None and test(text):
                passed[rows] = True
    return found


def _totals(columns: dict[str, Column], words: list[str], keep: np.ndarray) -> list[int]:
    """Rows that say `Total` and name nothing else."""
    named, others = np.zeros(len(keep), int), np.zeros(len(keep), int)
    for title in words:
        total, nothing = _holding(columns[title], _is_total, _is_nothing)
        named += total
        others += _said(columns[title]) & ~total & ~nothing
    return [int(row) for row in np.flatnonzero((named > 0) & (others == 0) & keep)]


def _is_total(text: str) -> bool:
    if len(text) > LONGEST_TOTAL:
        return False
    plain = re.sub(r"[(\[（].*$", "", clean(text).casefold()).strip(" :：*-–—#.,=0123456789")
    return plain in TOTALS or plain.startswith("total ") or plain.endswith((" total", " subtotal"))
