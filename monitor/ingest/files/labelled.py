"""A sheet whose columns the file itself names and types: Parquet and JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from monitor.ingest.files.grid import blank
from monitor.ingest.table import HEAD_ROWS, Cell, Column, Table


@dataclass(frozen=True)
class LabelledSheet:
    """All of a table. Row 0 of the head is its labels."""

    name: str
    kind: str
    whole: Table

    @property
    def head(self) -> tuple[tuple[Cell, ...], ...]:
        """See Sheet."""
        columns = [_cells(column) for column in self.whole.columns]
        labels = tuple(column.label or None for column in self.whole.columns)
        return (labels, *zip(*columns, strict=True))

    def table(self, header: int, first: int) -> Table:
        """See Sheet. The labels are those of row 0, whatever `header` says."""
        skipped = max(first - 1, 0)
        if not skipped:
            return self.whole
        columns = [
            Column(
                column.label,
                column.text.slice(skipped),
                None if column.number is None else column.number.slice(skipped),
                None if column.when is None else column.when.slice(skipped),
            )
            for column in self.whole.columns
        ]
        return replace(self.whole, columns=tuple(columns), line=self.whole.line[skipped:])


def _cells(column: Column) -> list[Cell]:
    """The first cells of a column, of whatever type each is."""
    kinds = [a for a in (column.text, column.number, column.when) if a is not None]
    first = [array.slice(0, HEAD_ROWS - 1).to_pylist() for array in kinds]
    return [_one(cells) for cells in zip(*first, strict=True)]


def _one(cells: tuple[Any, ...]) -> Cell:
    said = next((cell for cell in cells if not blank(cell)), None)
    if said is None or isinstance(said, str | int | float) or hasattr(said, "year"):
        return said
    return str(said)  # a decimal
