"""What a file holds before anything is judged: sheets of cells, and tables under a header.

`ingest/files/` makes these out of bytes; `recognise`, `read` and `export` make sense of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Protocol

import pyarrow as pa

from monitor.ingest.counters import Ints

Cell = str | int | float | bool | datetime | date | time | None
HEAD_ROWS = 60


@dataclass(frozen=True)
class Fault:
    """One row that was set aside. `line` counts lines of the file, header included."""

    line: int
    column: str
    value: str | None
    reason: str
    campaign_id: str | None = None


@dataclass(frozen=True)
class Column:
    """One column under its label. Arrays have one entry a row, null where they do not apply.

    `text`: cells that are text. `number`: cells that the file itself types as numbers (an Excel
    number, a Parquet integer or decimal); None when the file has only text. `when`: cells that it
    types as instants, `pa.timestamp`, with a zone only if the file gives one.
    """

    label: str
    text: pa.Array
    number: pa.Array | None = None
    when: pa.Array | None = None


@dataclass(frozen=True)
class Table:
    """Rows under a header. `columns` stand in the file's order, and labels may repeat.

    `line`: (rows,) line numbers in the file, header included. `faults`: rows that are no rows of
    this table (wrong number of cells, no JSON object).
    """

    columns: tuple[Column, ...]
    line: Ints
    faults: tuple[Fault, ...] = ()


class Sheet(Protocol):
    """One grid of cells: a CSV file, a sheet of a workbook, a table of an HTML page."""

    @property
    def name(self) -> str:
        """Name of the sheet, or of the member of an archive; "" when the file is one sheet."""
        ...

    @property
    def kind(self) -> str:
        """csv tsv xlsx html parquet jsonl json."""
        ...

    @property
    def head(self) -> tuple[tuple[Cell, ...], ...]:
        """The first HEAD_ROWS rows, ragged, blank cells None. Row 0 of Parquet and JSON is labels."""
        ...

    def table(self, header: int, first: int) -> Table:
        """All rows from head row `first` on, under the labels in head row `header` (0-based)."""
        ...
