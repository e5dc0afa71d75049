"""Integer blocks of the core as columns of the store, and back: NONE here is NULL there."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from monitor.campaigns.words import METRICS
from monitor.clock import to_db, to_ms
from monitor.ingest.counters import NONE, Ints

STAMP = pa.timestamp("ms")


def metric_columns(block: Ints) -> dict[str, pa.Array]:
    """A (rows, metrics) block as Arrow columns by metric."""
    block = block.reshape(-1, len(METRICS))
    return {metric: nullable(block[:, m], pa.int64()) for m, metric in enumerate(METRICS)}


def nullable(values: Ints, kind: pa.DataType) -> pa.Array:
    """NONE becomes NULL."""
    return pa.array(np.ascontiguousarray(values), kind, mask=values == NONE)


def filled(column: np.ndarray, *, instants: bool = False) -> Ints:
    """A fetched column as int64 with NONE for NULL."""
    data = np.ma.getdata(column)
    data = millis(data) if instants else data.astype(np.int64)
    mask = np.ma.getmaskarray(column)
    return np.where(mask, NONE, data)


def millis(column: np.ndarray) -> Ints:
    """Fetched timestamps as milliseconds since 1970."""
    return np.ma.getdata(column).astype("datetime64[ms]").astype(np.int64)


def db_ms(at: datetime) -> int:
    """The store's naive UTC timestamp as milliseconds."""
    return to_ms(at.replace(tzinfo=UTC))


def stamp(ms: int) -> datetime:
    """Milliseconds as the store's naive UTC timestamp."""
    return to_db(datetime.fromtimestamp(ms / 1000, UTC))
