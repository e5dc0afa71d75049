"""Files into cells: CSV, Parquet and JSON Lines as columns of text or typed values, unjudged."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.errors import FileRefused
from monitor.ingest.counters import Ints
from monitor.ingest.table import Fault as Fault


@dataclass(frozen=True)
class Raw:
    """Cells as they stand in the file. `columns`: label → Arrow array."""

    columns: dict[str, pa.Array]
    line: Ints
    faults: tuple[Fault, ...]


def read_cells(content: bytes) -> Raw:
    """The table in a file, whatever of the three formats its content shows.

    Raises FileRefused when there is no table in it.
    """
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise FileRefused("the file is empty")
    if content.startswith(b"PAR1"):
        return _parquet(content)
    for magic, what in ((b"PK\x03\x04", "an Excel or zip file"), (b"\x1f\x8b", "a gzip file")):
        if content.startswith(magic):
            raise FileRefused(f"{what}: save it as CSV, Parquet or JSON Lines")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise FileRefused(
            f"not UTF-8 text (byte {e.start}): save the file as CSV UTF-8, Parquet or JSON Lines"
        ) from e
    return _json_lines(text) if text.lstrip().startswith("{") else _csv(text)


def _csv(text: str) -> Raw:
    if "\x00" in text:
        raise FileRefused("no table: the file holds binary data (NUL bytes)")
    rows = csv.reader(io.StringIO(text, newline=""))
    faults: list[Fault] = []
    kept: list[list[str]] = []
    lines: list[int] = []
    header: list[str] = []
    try:
        before = 0
        for row in rows:
            line, before = before + 1, rows.line_num
            if not any(cell.strip() for cell in row) and len(row) <= 1:
                continue
            if not header:
                header = row
            elif len(row) == len(header):
                kept.append(row)
                lines.append(line)
            else:
                reason = f"the row has {len(row)} cells, the header has {len(header)}"
                faults.append(Fault(line, "", ",".join(row)[:200], reason))
    except csv.Error as e:
        raise FileRefused(f"no table: {e} (line {rows.line_num})") from e
    cells: Sequence[Sequence[str]] = list(zip(*kept, strict=True)) if kept else [()] * len(header)
    return Raw(
        _by_label(header, [pa.array(column, pa.string()) for column in cells]),
        np.array(lines, np.int64),
        tuple(faults),
    )


def _json_lines(text: str) -> Raw:
    faults: list[Fault] = []
    objects: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            value = json.loads(row, parse_float=str, parse_int=str, parse_constant=str)
            if "\\u" in row:  # an escape may hold half a character, which is no text
                json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            objects.append(value)
            lines.append(line)
        else:
            faults.append(Fault(line, "", row.strip()[:200], "the line is no JSON object"))
    if not objects:
        raise FileRefused("no table: no line is a JSON object (JSON Lines has one object a line)")
    labels = list(dict.fromkeys(label for row in objects for label in row))
    cells = [[_json_cell(row.get(label)) for row in objects] for label in labels]
    return Raw(
        _by_label(labels, [pa.array(column, pa.string()) for column in cells]),
        np.array(lines, np.int64),
        tuple(faults),
    )


def _json_cell(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _parquet(content: bytes) -> Raw:
    try:
        table = pq.read_table(io.BytesIO(content))
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as e:
        raise FileRefused(f"no table: a Parquet file that cannot be read ({e})") from e
    columns = [_decoded(table.column(i).combine_chunks()) for i in range(table.num_columns)]
    lines = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return Raw(_by_label(table.column_names, columns), lines, ())


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _by_label(labels: Sequence[str], columns: Sequence[pa.Array]) -> dict[str, pa.Array]:
    """Columns by label; the second of two equal labels gets a mark, so that none is lost."""
    found: dict[str, pa.Array] = {}
    for label, column in zip(labels, columns, strict=True):
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([])
        while label in found:
            label += " "
        found[label] = column
    return found
