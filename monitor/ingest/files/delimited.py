"""CSV and its kin: text whose cells stand between commas, semicolons, tabs or bars."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from monitor.errors import FileRefused
from monitor.ingest.files.grid import Columns, Header, blank_row, shown
from monitor.ingest.files.quick import quick_table
from monitor.ingest.table import HEAD_ROWS, Cell, Table

SEPARATORS = "\t;|,"  # of two that do equally well the one that is rarer in plain words
SAMPLE = 1 << 16
HINT = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class DelimitedSheet:
    """A CSV file. `data` is UTF-8 without a mark."""

    name: str
    kind: str
    head: tuple[tuple[Cell, ...], ...]
    data: bytes
    separator: str

    @classmethod
    def of(cls, data: bytes) -> DelimitedSheet:
        data = data.removeprefix(codecs.BOM_UTF8)
        separator = separator_of(data)
        head = tuple(shown(row) for _, row in islice(_records(data, separator), HEAD_ROWS))
        return cls("", "tsv" if separator == "\t" else "csv", head, data, separator)

    def table(self, header: int, first: int) -> Table:
        """See Sheet. A tidy file is read by Arrow, any other by `csv`."""
        _, labels = next(islice(_records(self.data, self.separator), header, None))
        head = Header.of(labels)
        quick = quick_table(self.data, self.separator, head, first)
        return quick or slow_table(self.data, self.separator, head, first)


def slow_table(data: bytes, separator: str, head: Header, first: int) -> Table:
    """All records from number `first` on; whatever is quoted, torn or ragged."""
    columns = Columns(head.labels)
    for line, row in islice(_records(data, separator), first, None):
        if blank_row(row):
            continue
        # a surplus cell may be half of 1,234.50: then all cells behind it stand one too far right
        cells = None if len(row) > len(head.labels) else head.fitted(row, "")
        if cells is None:
            columns.faults.append(head.fault(line, row, separator))
        else:
            columns.add(line, cells)
    return columns.table()


def _records(data: bytes, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Records and the line that each begins in; a quoted cell may span lines."""
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    rows = csv.reader(text, delimiter=separator)
    before = 0
    try:
        for row in rows:
            yield before + 1, row
            before = rows.line_num
    except csv.Error as e:
        raise FileRefused(
            f"no table: {e} (line {rows.line_num}); look for a quote that is opened in or after "
            f"line {before + 1} and never closed"
        ) from e


def separator_of(data: bytes) -> str:
    """The separator under which most of the first rows have one and the same number of cells.

    Rows of other widths above a header, quoted separators and decimal commas do not mislead it.
    """
    text = data[:SAMPLE].decode("utf-8", "ignore")
    if len(data) > SAMPLE:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    hint = HINT.match(text)
    if hint and hint[1] in SEPARATORS:
        return hint[1]
    scores = {separator: _score(text, separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: scores[separator])
    return best if scores[best][0] else ","


def _score(text: str, separator: str) -> tuple[int, int]:
    """How many of the first rows share the commonest width above one, and that width."""
    widths: Counter[int] = Counter()
    try:
        for row in islice(
            csv.reader(io.StringIO(text, newline=""), delimiter=separator), HEAD_ROWS
        ):
            torn = any(cell.count('"') % 2 for cell in row)  # split inside a quoted cell
            if len(row) > 1 and not torn and not blank_row(row):
                widths[len(row)] += 1
    except csv.Error:  # a record beyond the sample's end
        pass
    width, rows = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    return rows, width
