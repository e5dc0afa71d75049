"""The book of orders: every line as it came, and what it adds up to per bucket.

An export of orders, or an API that tells changed ones, says nothing of the orders it leaves out. So
lines are kept by themselves; of each the version counts that was first said last, and the buckets
that a file touches are added up again from all lines. A stream of orders is an interval counter
whose snapshots are derived; they close no bucket.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.ingest.columns import STAMP, db_ms, metric_columns, stamp
from monitor.ingest.counters import Bools
from monitor.ingest.readings import STATES, OrderLines
from monitor.settings import Feed
from monitor.store import Store

Ids = NDArray[np.signedinteger]


def as_orders(feed: Feed, bucket: timedelta) -> Feed:
    """How a feed's stream of orders is to be understood: an interval counter of whole buckets."""
    return feed.model_copy(update={"counter": "interval", "cadence": bucket})


@dataclass(frozen=True)
class Booked:
    """`held`: (rows,) which lines were known. `since_ms`: by stream, the earliest bucket end that
    must be folded again."""

    held: Bools
    since_ms: dict[int, int]


class OrderBook:
    """Lines of orders in one store."""

    def __init__(self, store: Store, bucket: timedelta) -> None:
        self.store, self.bucket = store, bucket

    def take(self, lines: OrderLines, stream_ids: Ids, key_ids: Ids, seq: int) -> Booked:
        """Keep lines, and add up what the new ones touch; `stream_ids`, `key_ids`: (rows,)."""
        rows = self._as_table(lines, stream_ids, key_ids, seq)
        held = np.zeros(rows.num_rows, bool)
        with self.store.lent("arriving", rows):
            held[[row[0] for row in self.store.rows("orders.held")]] = True
        # Known lines are kept too: they speak when the batch that said them first is undone.
        self.store.append("order_line", rows.drop_columns(["row_no"]))
        changed = rows.filter(pa.array(~held)).select(["stream_id", "order_id"])
        return Booked(held, self._rewrite(self._touched(changed)))

    def undo(self, seq: int) -> dict[int, int]:
        """Forget the lines of a batch; gives by stream what must be folded again since when."""
        touched = self._touched(self.store.table("orders.of_batch", [seq]))
        self.store.run("orders.forget_batch", [seq])
        return self._rewrite(touched)

    def _touched(self, orders: pa.Table) -> set[tuple[int, int]]:
        """Streams and bucket ends where lines of these orders stand."""
        if not orders.num_rows:
            return set()
        with self.store.lent("changed", orders):
            return {(row[0], self._end(db_ms(row[1]))) for row in self.store.rows("orders.touched")}

    def _rewrite(self, touched: set[tuple[int, int]]) -> dict[int, int]:
        """Add up again the buckets that end at the given instants."""
        since: dict[int, int] = {}
        for stream in sorted({stream for stream, _ in touched}):
            ends = sorted(end for other, end in touched if other == stream)
            at: list[datetime] = [stamp(end) for end in ends]
            self.store.run("orders.mark_stream", [stream])
            self.store.run("orders.forget_snapshots", [stream, at])
            self.store.run("orders.forget_periods", [stream, at])
            named = {"stream": stream, "ends": at}
            self.store.rows_named("orders.snapshots", {**named, "size": self.bucket})
            self.store.rows_named("orders.periods", named)
            since[stream] = ends[0]
        return since

    def _end(self, placed_ms: int) -> int:
        """The end of the bucket that holds an instant: an order at 12:05:00 belongs to 12:05–12:10."""
        size = self.bucket // timedelta(milliseconds=1)
        return placed_ms // size * size + size

    def _as_table(self, lines: OrderLines, stream_ids: Ids, key_ids: Ids, seq: int) -> pa.Table:
        return pa.table(
            {
                "row_no": pa.array(np.arange(len(lines.line))),
                "stream_id": pa.array(stream_ids.astype(np.int32)),
                "order_id": pa.array(lines.order, pa.string()),
                "item_id": pa.array(lines.item, pa.string()),
                "placed_at": pa.array(lines.placed_ms, STAMP),
                "key_id": pa.array(key_ids.astype(np.int32)),
                "state": pa.array([STATES[s] for s in lines.state.tolist()], pa.string()),
                **metric_columns(lines.values),
                "ord": pa.array((np.int64(seq) << 32) + np.arange(len(lines.line))),
            }
        )
