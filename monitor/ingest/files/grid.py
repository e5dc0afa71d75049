"""A grid of cells as a sheet, and rows under a header as Arrow columns, built piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.ingest.table import HEAD_ROWS, Cell, Column, Fault, Table

CHUNK = 8192  # rows that are held as Python objects at a time
STAMP = pa.timestamp("us")
Row = tuple[int, Sequence[Cell]]  # line number, cells


def blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def blank_row(row: Sequence[Cell]) -> bool:
    return not row or (blank(row[0]) and all(map(blank, row)))


def shown(row: Sequence[Cell]) -> tuple[Cell, ...]:
    """A row of a head: blank cells None, none behind the last that is not."""
    cells = [None if blank(cell) else cell for cell in row]
    while cells and cells[-1] is None:
        cells.pop()
    return tuple(cells)


@dataclass(frozen=True)
class Header:
    """The labels of a table, and which rows fit under them.

    Cells behind the last label must be blank. `least` is how many cells a row needs: all labels
    where a short row is a torn one, none where blank cells at the end are not written.
    """

    labels: tuple[str, ...]
    least: int

    @classmethod
    def of(cls, row: Sequence[Cell], *, padded: bool = False) -> Header:
        labels = tuple("" if cell is None else str(cell) for cell in row)
        said = max((i for i, label in enumerate(labels, 1) if label.strip()), default=0)
        return cls(labels, 0 if padded else said)

    def fitted(self, row: Sequence[Any], filler: Any) -> Sequence[Any] | None:
        """The row with as many cells as there are labels, or None when it has too few or too many."""
        width = len(self.labels)
        if len(row) == width:
            return row
        if len(row) > width:
            return row[:width] if all(blank(cell) for cell in row[width:]) else None
        return [*row, *[filler] * (width - len(row))] if len(row) >= self.least else None

    def fault(self, line: int, row: Sequence[Cell], separator: str = ",") -> Fault:
        """The row as one that does not fit."""
        text = separator.join("" if cell is None else str(cell) for cell in row)[:200]
        return Fault(
            line, "", text, f"the row has {len(row)} cells, the header has {len(self.labels)}"
        )


@dataclass
class Columns:
    """Arrow columns that grow a chunk of rows at a time; types are those of the cells."""

    labels: tuple[str, ...]
    lines: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _rows: list[Sequence[Cell]] = field(default_factory=list)
    _chunks: list[list[tuple[pa.Array, pa.Array, pa.Array]]] = field(default_factory=list)

    def add(self, line: int, row: Sequence[Cell]) -> None:
        self.lines.append(line)
        self._rows.append(row)
        if len(self._rows) >= CHUNK:
            self._flush()

    def table(self) -> Table:
        """All rows so far."""
        self._flush()
        columns = [
            _column(label, [chunk[i] for chunk in self._chunks])
            for i, label in enumerate(self.labels)
        ]
        return Table(tuple(columns), np.array(self.lines, np.int64), tuple(self.faults))

    def _flush(self) -> None:
        if self._rows or not self._chunks:
            cells = zip(*self._rows, strict=True) if self._rows else [()] * len(self.labels)
            self._chunks.append([_typed(column) for column in cells])
            self._rows = []


def _typed(cells: Sequence[Cell]) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Cells of one chunk of one column: text, number, when; null where they do not apply."""
    kinds = set(map(type, cells)) - {type(None)}
    if kinds <= {str}:
        return pa.array(cells, pa.string()), _none(cells), _none(cells)
    if kinds <= {int, float}:
        return _none(cells), _numbers(cells), _none(cells)
    text = [_as_text(cell) for cell in cells]
    number = [c if isinstance(c, int | float) and not isinstance(c, bool) else None for c in cells]
    when = [_as_instant(cell) for cell in cells]
    return pa.array(text, pa.string()), _numbers(number), pa.array(when, STAMP)


def _none(cells: Sequence[Any]) -> pa.Array:
    return pa.nulls(len(cells))


def _numbers(cells: Sequence[Any]) -> pa.Array:
    """Whole numbers as int64 while they fit and none has a fraction, else float64."""
    if all(c is None or (isinstance(c, int) and -(2**63) <= c < 2**63) for c in cells):
        return pa.array(cells, pa.int64())
    return pa.array([None if c is None else float(c) for c in cells], pa.float64())


def _as_text(cell: Cell) -> str | None:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, str):
        return cell
    return cell.isoformat() if isinstance(cell, time) else None


def _as_instant(cell: Cell) -> datetime | None:
    if isinstance(cell, datetime):
        return cell
    return datetime(cell.year, cell.month, cell.day) if isinstance(cell, date) else None  # noqa: DTZ001


def _column(label: str, chunks: list[tuple[pa.Array, pa.Array, pa.Array]]) -> Column:
    text, number, when = zip(*chunks, strict=True)
    return Column(
        label,
        _joined(text, pa.string()),
        _joined(number, _wider(number)) if any(a.null_count < len(a) for a in number) else None,
        _joined(when, STAMP) if any(a.null_count < len(a) for a in when) else None,
    )


def _wider(chunks: Iterable[pa.Array]) -> pa.DataType:
    return pa.float64() if any(pa.types.is_floating(a.type) for a in chunks) else pa.int64()


def _joined(chunks: Iterable[pa.Array], kind: pa.DataType) -> pa.Array:
    return pa.concat_arrays([chunk.cast(kind, safe=False) for chunk in chunks])


@dataclass(frozen=True)
class GridSheet:
    """A sheet whose rows can be run through again and again. `rows` may leave out blank ones."""

    name: str
    kind: str
    rows: Callable[[], Iterator[Row]]
    head: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, name: str, kind: str, rows: Callable[[], Iterator[Row]]) -> GridSheet | None:
        """The sheet; None when all its cells are blank."""
        head: list[tuple[Cell, ...]] = []
        for line, row in rows():
            if line > HEAD_ROWS and any(head):
                break
            cells = shown(row)
            if cells and line > HEAD_ROWS:
                head = [()] * HEAD_ROWS
                return cls(name, kind, rows, tuple(head))
            if cells:
                head += [()] * (line - 1 - len(head))
                head.append(cells)
        return cls(name, kind, rows, tuple(head)) if any(head) else None

    def table(self, header: int, first: int) -> Table:
        """See Sheet."""
        head = Header.of(self._labels(header), padded=True)
        columns = Columns(head.labels)
        for line, row in self.rows():
            if line <= first or blank_row(row):
                continue
            cells = head.fitted(row, None)
            if cells is None:
                columns.faults.append(head.fault(line, row))
            else:
                columns.add(line, cells)
        return columns.table()

    def _labels(self, header: int) -> Sequence[Cell]:
        """The labels; a label that spans several columns has blank ones behind it, also at the end."""
        widest = max(map(len, self.head))
        written = next((row for line, row in self.rows() if line == header + 1), ())
        return written[:widest]
