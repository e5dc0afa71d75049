"""Parquet files: columns that the file names and types."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.errors import FileRefused
from monitor.ingest.files.labelled import LabelledSheet
from monitor.ingest.files.limits import KEPT_LIMIT, MIB, refusing
from monitor.ingest.table import Column, Table

BATCH = 1 << 12  # rows
AGAIN = "write it again, or save it as CSV or JSON Lines"


def parquet_sheet(content: bytes) -> LabelledSheet:
    """The one table of a Parquet file. `line` is the number of the row, from 1."""
    with refusing("no table: a Parquet file that cannot be read", AGAIN):
        table = _read(content)
        table.validate(full=True)
        columns = tuple(
            _column(label, column.combine_chunks())
            for label, column in zip(table.column_names, table.columns, strict=True)
        )
        lines = np.arange(1, table.num_rows + 1, dtype=np.int64)
    if not columns:
        raise FileRefused(f"no table: a Parquet file without columns; {AGAIN}")
    return LabelledSheet("", "parquet", Table(columns, lines))


def _read(content: bytes) -> pa.Table:
    """The table, read piece by piece: repeated values pack so well that its size tells nothing."""
    file = pq.ParquetFile(io.BytesIO(content))
    texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    # texts are kept as dictionaries until their size is known
    file = pq.ParquetFile(io.BytesIO(content), read_dictionary=texts)
    kept, pieces = 0, []
    for batch in file.iter_batches(BATCH):
        kept += sum(map(_size, batch.columns))
        if kept > KEPT_LIMIT:
            raise FileRefused(
                f"the Parquet file unpacks to more than {KEPT_LIMIT // MIB} MB: split it"
            )
        pieces.append(
            pa.RecordBatch.from_arrays([_plain(a) for a in batch.columns], names=batch.schema.names)
        )
    if not pieces:
        return file.read()
    return pa.Table.from_batches(pieces)


def _is_text(kind: pa.DataType) -> bool:
    """Whether cells are texts or bytes, each as long as it likes."""
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    return any(is_kind(kind) for is_kind in (*tests, pa.types.is_large_binary))


def _size(column: pa.Array) -> int:
    """Bytes of a column, dictionary or not, when every cell is written out."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if not _is_text(column.type.value_type):
        return int(column.nbytes) + 16 * len(column)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return int(pc.sum(lengths).as_py() or 0) + 4 * len(column)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _column(label: str, cells: pa.Array) -> Column:
    kind = cells.type
    nothing = pa.nulls(len(cells), pa.string())
    for is_number in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal):
        if is_number(kind):
            return Column(label, nothing, number=cells)
    if pa.types.is_timestamp(kind):
        return Column(label, nothing, when=cells)
    if pa.types.is_date(kind):
        return Column(label, nothing, when=cells.cast(pa.timestamp("ms")))
    return Column(label, _texts(cells))


def _texts(cells: pa.Array) -> pa.Array:
    """Text as text; what else there is, as it is written in words."""
    kind = cells.type
    simple: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean, pa.types.is_time,
        pa.types.is_null,
    )  # fmt: skip
    if any(is_kind(kind) for is_kind in simple):
        return cells.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return cells.cast(pa.string())  # refused unless it is UTF-8
    values = cells.to_pylist()
    return pa.array(
        [None if v is None else json.dumps(v, default=str, ensure_ascii=False) for v in values],
        pa.string(),
    )
