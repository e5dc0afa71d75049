"""Grids into bytes: every kind of file that people drop. And what was read, as the truth is told."""

from __future__ import annotations

import csv
import gzip
import html
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl

from monitor.campaigns.words import METRICS
from monitor.ingest.counters import NONE
from monitor.ingest.export import Given
from monitor.ingest.reader import Understood, understand
from monitor.ingest.readings import STATES, OrderLines, Readings
from monitor.ingest.recognise import Aliases
from monitor.settings import Settings
from tests.conftest import settings_for
from tests.ingest.exports import Grid, Ident, Percent, Values


def texts(grid: Grid) -> list[list[str]]:
    """All rows as text; labels, metadata and definitions as they are."""
    head = len(grid.above) + 1 + len(grid.under)
    lines = grid.lines()
    return [
        [str("" if c is None else c) for c in row] if i < head else [grid.style.written(c) for c in row]
        for i, row in enumerate(lines)
    ]  # fmt: skip


def as_csv(
    grid: Grid, *, separator: str = ",", encoding: str = "utf-8", end: str = "\r\n"
) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(texts(grid))
    return out.getvalue().encode(encoding)


def as_tsv(grid: Grid) -> bytes:
    return as_csv(grid, separator="\t", encoding="utf-16")


def cells(grid: Grid) -> list[list[Any]]:
    """All rows as cells of a workbook, ids as text."""
    head = len(grid.above) + 1 + len(grid.under)
    return [
        [None if c is None else str(c) for c in row] if i < head else [_cell(grid, c) for c in row]
        for i, row in enumerate(grid.lines())
    ]


def _cell(grid: Grid, value: Any) -> Any:
    if value is None:
        return grid.style.nothing or None
    if isinstance(value, float) and not isinstance(value, Percent):
        return value
    cell = grid.style.cell(value)
    return str(cell) if type(cell) not in (str, int, float, datetime) else cell


def workbook(**sheets: list[list[Any]]) -> bytes:
    """Sheets of cells as XLSX. Text that begins with = is text."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for r, row in enumerate(rows, 1):
            for c, value in enumerate(row, 1):
                if value is None:
                    continue
                cell = sheet.cell(r, c, value)
                if isinstance(value, str):
                    cell.data_type = "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_xlsx(grid: Grid) -> bytes:
    return workbook(Sheet1=cells(grid))


def as_html(grid: Grid) -> bytes:
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in texts(grid)
    )
    return f"<html><head><meta charset='utf-8'></head><body><table>{rows}</table></body></html>".encode()


def as_jsonl(grid: Grid) -> bytes:
    rows = [dict(zip(grid.labels, row, strict=True)) for row in grid.rows]
    lines = [
        json.dumps({k: grid.style.written(v) for k, v in row.items() if v is not None})
        for row in rows
    ]
    return "\n".join(lines).encode()


def as_gzip(grid: Grid) -> bytes:
    return gzip.compress(as_csv(grid), mtime=0)


def zipped(**members: bytes) -> bytes:
    """Members by name; `__` stands for the dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "."), content)
    return out.getvalue()


WRITERS: Mapping[str, Callable[[Grid], bytes]] = {
    "csv": as_csv,
    "tsv": as_tsv,
    "xlsx": as_xlsx,
    "html": as_html,
    "gzip": as_gzip,
}


# --- what was read --------------------------------------------------------------------------------


def read(
    content: bytes,
    name: str = "",
    *,
    market: str = "MY",
    settings: Settings | None = None,
    aliases: Aliases | None = None,
    **given: Any,
) -> Understood:
    """Understand a file for the campaign `sale` of 11.11."""
    settings = settings or settings_for(market=market)
    return understand(content, Given(settings, settings.feed[0], file=name, **given), aliases or {})


def rows_of(content: Readings | OrderLines) -> dict[Ident, Values]:
    """Every row that was taken, as the builders tell the truth; nothing stands there twice."""
    found: dict[Ident, Values] = {}
    for row in range(len(content.line)):
        values = {
            metric: int(value)
            for metric, value in zip(METRICS, content.values[row].tolist(), strict=True)
            if value != NONE
        }
        where = content.keys[content.key[row]]
        ident: Ident
        if isinstance(content, OrderLines):
            ident = (
                content.order[row], content.item[row], int(content.placed_ms[row]), where,
                STATES[content.state[row]],
            )  # fmt: skip
        else:
            ident = (where, int(content.observed_ms[row]))
        assert ident not in found, f"{ident} stands twice"
        found[ident] = values
    return found


def taken(content: Readings | OrderLines) -> int:
    """How many rows of the file were taken."""
    weight = content.weight if isinstance(content, Readings) else None
    return len(content.line) if weight is None else int(weight.sum())


def reasons(content: Readings | OrderLines) -> list[str]:
    return [fault.reason for fault in content.faults]


def amount(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
