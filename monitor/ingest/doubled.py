"""Rows that must not count: repeats of a row, rows of totals by any name, remarks."""

from __future__ import annotations

import numpy as np

from monitor.campaigns.words import METRICS
from monitor.ingest import dialect as d
from monitor.ingest.counters import NONE, Ints
from monitor.ingest.export import Export, plain_id

ADDED = [METRICS.index(m) for m in ("gmv", "orders", "items_sold", "refunds", "commission")]
FEW = 3  # of fewer rows, one is the sum of the others by chance


def set_aside(export: Export, values: Ints) -> None:
    """Faults for rows that are none, or whose numbers others have. `values`: (rows, METRICS)."""
    _notes(export, values)
    _sums(export, values)
    _repeats(export, values)


def _notes(export: Export, values: Ints) -> None:
    """Rows of one cell: a remark below the table, or between its rows."""
    texts = {title: d.texts_of(column) for title, column in export.cleaned.columns.items()}
    said = sum(np.array([bool(text) for text in cells], int) for cells in texts.values())
    empty = (values == NONE).all(axis=1)
    for row in np.flatnonzero((said == 1) & empty & export.good).tolist():
        title = next(title for title, cells in texts.items() if cells[row])
        reason = "a remark, not a row: all other cells are blank"
        export.fault(row, title, texts[title][row], reason)


def _repeats(export: Export, values: Ints) -> None:
    """A second row of the same creator, product, video or day: the same, or other numbers."""
    titles = [title for title in export.format.identity if title in export.rec.found]
    if not titles:
        return
    texts = []
    for title in titles:
        found = d.texts_of(export.cleaned.columns[title])
        is_id = export.rec.found[title].column.kind == "id"
        texts.append([plain_id(t) for t in found] if is_id else found)
    seen: dict[tuple[str, ...], int] = {}
    for row in np.flatnonzero(export.good).tolist():
        name = tuple(column[row] for column in texts)
        first = seen.setdefault(name, row)
        if not any(text and text.casefold() not in d.NOTHING for text in name):
            reason = f"no {titles[0]}: is it a row of totals?"
            export.fault(row, titles[0], name[0] or None, reason)
        if first == row:
            continue
        line = export.line[first]
        if (values[first] == values[row]).all():
            reason = f"the same row as line {line}: left out"
        else:
            reason = f"line {line} has other numbers for it: keep only the right one in the file"
        export.fault(row, titles[0], name[0], reason)


def _sums(export: Export, values: Ints) -> None:
    """A row that is the sum of all others in at least two columns, whatever it is called."""
    block = values[:, ADDED]
    known = block != NONE
    for times in (1, 2):  # rows of totals at the top and at the bottom
        if len(block) - times < FEW - 1:
            return
        whole = np.where(known, block, 0).sum(axis=0)
        is_sum = known & (block > 0) & (block * (times + 1) == whole)
        other = known & (block > 0) & ~is_sum
        rows = np.flatnonzero((is_sum.sum(axis=1) >= 2) & ~other.any(axis=1))
        if len(rows) == times:
            title = export.title_of("gmv") or export.format.column[0].title
            for row in rows.tolist():
                shown = None if block[row, 0] == NONE else f"{block[row, 0] / 100:.2f}"
                reason = "the sum of all other rows: taken for a row of totals, left out"
                export.fault(row, title, shown, reason)
            return
