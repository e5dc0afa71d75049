"""Readings into the store: ledger, snapshots, facts. Idempotent, and blind to the order of files.

Runs inside the tick's transaction. A row that is already held changes nothing; a stream that got new
rows is folded again from the earliest new instant: usually one step from the kept state, and for a
late file the same steps from the start of its day.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from monitor.campaigns.words import DIMENSIONS
from monitor.ingest.batch import Entry, Incoming, Ledger, batch_id, content_hash
from monitor.ingest.batch import Loaded as Loaded
from monitor.ingest.columns import STAMP, db_ms, metric_columns, nullable
from monitor.ingest.counters import Bools, Ints, Meaning
from monitor.ingest.filetotals import file_totals, number, totals_of
from monitor.ingest.fold import Fold
from monitor.ingest.orders import OrderBook, as_orders
from monitor.ingest.previous import odd, previous
from monitor.ingest.readings import Key, OrderLines, Readings
from monitor.ingest.repeats import repeats, snapshots
from monitor.settings import Feed, Settings
from monitor.store import Store

__all__ = ["Incoming", "Loaded", "Loader", "batch_id", "content_hash", "file_totals", "number"]

LINES = 32  # bits of `ord` below the batch's seq


def ords_of(seq: int) -> list[int]:
    """The least and largest `ord` of a batch's rows."""
    return [seq << LINES, ((seq + 1) << LINES) - 1]


class Loader:
    """Loads arrivals into one store. Keeps the ids of streams and keys between ticks."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.ledger = Ledger(store)
        self.book = OrderBook(store, settings.monitor.bucket)
        self.orders: set[int] = set()  # streams whose snapshots are derived from lines of orders
        self.keys: dict[Key, int] = {}
        self.streams: dict[tuple[str, str], int] = {}
        self.changed: dict[
            int, int
        ] = {}  # stream → earliest instant (ms) folded since it was taken
        self._touched: dict[int, int] = {}  # stream → earliest instant (ms) to be folded again
        self._unfolded: set[tuple[int, int]] = set()  # streams and instants (ms) of this load
        self.refresh()

    def refresh(self) -> None:
        """Read the ids again: at start, and after a transaction that was rolled back."""
        self.keys = {tuple(row[1:]): row[0] for row in self.store.rows("ingest.keys")}
        self.streams = {(row[1], row[2]): row[0] for row in self.store.rows("ingest.streams")}
        self.orders = {row[0] for row in self.store.rows("orders.streams")}
        self._touched.clear()
        self._unfolded.clear()
        self.changed.clear()

    def load(self, arrivals: list[Incoming], now: datetime) -> list[Loaded]:
        """Take arrivals in the order given, then fold the streams that got new rows."""
        results = [self._take(arrival, now) for arrival in arrivals]
        self.fold()
        return results

    def fold(self) -> set[str]:
        """Make the facts of all touched streams true again; gives the campaigns concerned."""
        names = {key_id: key for key, key_id in self.keys.items()} if self._touched else {}
        folded: set[str] = set()
        for (feed_id, campaign_id), stream in sorted(self.streams.items()):
            if stream in self._touched:
                feed = self.settings.feed_by_id(feed_id)
                if stream in self.orders:
                    feed = as_orders(feed, self.settings.monitor.bucket)
                campaign = self.settings.campaign_by_id(campaign_id)
                meaning = Meaning.of(feed, campaign, self.settings.monitor.bucket)
                since_ms = self._touched[stream]
                Fold(self.store, stream, meaning, names).run(since_ms)
                self.changed[stream] = min(self.changed.get(stream, since_ms), since_ms)
                folded.add(campaign_id)
        self._touched.clear()
        self._unfolded.clear()
        return folded

    def take_changed(self) -> dict[int, int]:
        """Per stream the earliest instant (ms) folded since this was last asked."""
        changed, self.changed = self.changed, {}
        return changed

    def touch(self, stream: int, since_ms: int) -> None:
        """Have a stream folded again from an instant on, at the next `fold`."""
        self._touched[stream] = min(self._touched.get(stream, since_ms), since_ms)

    def stream_id(self, feed_id: str, campaign_id: str) -> int:
        found = self.streams.get((feed_id, campaign_id))
        if found is None:
            found = max(self.streams.values(), default=0) + 1
            self.store.run("ingest.add_stream", [found, feed_id, campaign_id])
            self.streams[feed_id, campaign_id] = found
        return found

    # --- one arrival ----------------------------------------------------------------------------

    def _take(self, arrival: Incoming, now: datetime) -> Loaded:
        before = self.ledger.entry(arrival.batch_id)
        final = before and before.status not in ("refused", "needs_mapping")
        if before and final and not before.quarantined:
            return self.ledger.known(arrival, before, now)
        if before:  # held rows or the whole file back: the configuration may know better by now
            self.ledger.forget(arrival.batch_id, before.seq)
        seq = before.seq if before else self.ledger.next_seq()
        result = Loaded(
            arrival.file, arrival.feed.id, arrival.format, arrival.status, arrival.reason,
            arrival.batch_id, columns=arrival.columns,
        )  # fmt: skip
        content = arrival.lines if arrival.readings is None else arrival.readings
        if content is not None:
            result.read, result.faults = content.read, content.faults
            result.columns, result.quarantined = content.columns, len(content.faults)
            result.warnings = tuple(c.words for c in content.controls if not c.ok)
            mixed = self._mixed(arrival.feed, content)
            if mixed:
                result.status, result.reason = "refused", mixed
                result.faults, result.quarantined, result.read = (), 0, 0
            elif isinstance(content, OrderLines):
                self._take_lines(arrival.feed, content, seq, result)
            else:
                self._take_rows(arrival.feed, content, seq, result, before)
        self.ledger.write(result, arrival, seq, now, before)
        return result

    def _take_rows(
        self, feed: Feed, readings: Readings, seq: int, result: Loaded, before: Entry | None
    ) -> None:
        count = len(readings.line)
        rows = self._as_table(feed, readings, seq)
        repeated = repeats(self.store, rows, readings, self._unfolded)
        weight = np.ones(count, np.int64) if readings.weight is None else readings.weight
        result.known = int(weight[repeated].sum())
        result.taken = int(weight.sum()) - result.known
        self._judge(result, readings, feed)
        if not readings.closes:
            result.warnings += self._beside_the_one_before(result, feed)
        self._keep(rows, repeated, readings, seq, before)
        for i, campaign_id in enumerate(readings.campaigns):
            new = readings.observed_ms[(readings.campaign == i) & ~repeated]
            if len(new):
                self.touch(self.streams[feed.id, campaign_id], int(new.min()))

    def _take_lines(self, feed: Feed, lines: OrderLines, seq: int, result: Loaded) -> None:
        streams = np.array([self.stream_id(feed.id, c) for c in lines.campaigns], np.int32)
        keys = self._key_ids(lines.keys)
        booked = self.book.take(lines, streams[lines.campaign], keys[lines.key], seq)
        self.orders |= set(streams.tolist())
        for stream, since_ms in booked.since_ms.items():
            self.touch(stream, since_ms)
        result.known = int(booked.held.sum())
        result.taken = len(lines.line) - result.known
        self._judge(result, lines, feed)

    def _judge(self, result: Loaded, content: Readings | OrderLines, feed: Feed) -> None:
        """What became of a file, by what was new in it."""
        result.totals = totals_of(content, feed, self.settings)
        result.campaigns = tuple(sorted(content.campaigns))
        result.reason = None
        if result.taken:
            result.status = "taken"
        elif result.quarantined and not result.known:
            result.status = "refused"
            result.reason = f"all {result.quarantined} rows went to quarantine"
        else:
            result.status = "known"
            held = len(content.line)
            result.reason = "every row was already held" if held else "the file has no rows"

    def _beside_the_one_before(self, result: Loaded, feed: Feed) -> tuple[str, ...]:
        """What is odd about an export beside the last one of its kind."""
        said = []
        for campaign_id in result.campaigns:
            before = previous(self.store, feed.id, result.format, campaign_id, result.batch_id)
            zone = self.settings.campaign_by_id(campaign_id).zone
            said.append(odd(before, result.totals, zone) if before else "")
        return tuple(filter(None, said))

    def _mixed(self, feed: Feed, content: Readings | OrderLines) -> str | None:
        """Why a file cannot stand beside what its feed holds of a campaign, or None."""
        for campaign_id in content.campaigns:
            stream = self.streams.get((feed.id, campaign_id))
            if stream is None or isinstance(content, OrderLines) == (stream in self.orders):
                continue
            if stream in self.orders or self.store.one("ingest.has_snapshots", [stream])[0]:
                held = "lines of orders" if stream in self.orders else "snapshots of a counter"
                return (
                    f"feed {feed.id} holds {held} of campaign {campaign_id}, this file is of the other "
                    "kind: import it into a feed of its own"
                )
        return None

    def _keep(
        self, rows: pa.Table, repeated: Bools, readings: Readings, seq: int, before: Entry | None
    ) -> None:
        """Append new rows to what counts, and repeats to what speaks when others are undone."""
        fresh = rows.filter(pa.array(~repeated)) if repeated.any() else rows
        fresh = fresh.drop_columns(["row_no"])
        self.store.append("snapshot", fresh)
        self._unfolded |= snapshots(fresh)
        if before:
            self.store.run("ingest.forget_held", ords_of(seq))
            self.store.run("ingest.forget_period_readings", [seq])
        if repeated.any():
            spare = rows.filter(pa.array(repeated)).drop_columns(["row_no"])
            with self.store.lent("arriving", spare):
                self.store.run("ingest.hold", ords_of(seq))
                if readings.closes:  # a snapshot of a closing feed makes an open instant close
                    for stream, since in self.store.rows("ingest.now_closing"):
                        self.touch(stream, db_ms(since))
        if not readings.closes:
            with self.store.lent("arriving", rows):
                self.store.run("ingest.add_period_readings", [seq])

    def _as_table(self, feed: Feed, readings: Readings, seq: int) -> pa.Table:
        streams = np.array([self.stream_id(feed.id, c) for c in readings.campaigns], np.int32)
        keys = self._key_ids(readings.keys)
        columns: dict[str, pa.Array] = {
            "row_no": pa.array(np.arange(len(readings.line))),
            "stream_id": pa.array(streams[readings.campaign]),
            "observed_at": pa.array(readings.observed_ms, STAMP),
            "key_id": pa.array(keys[readings.key]),
            **metric_columns(readings.values),
            "complete_through": nullable(readings.complete_ms, STAMP),
            "ord": pa.array((np.int64(seq) << LINES) + readings.line),
        }
        return pa.table(columns)

    def _key_ids(self, keys: tuple[Key, ...]) -> Ints:
        new = [key for key in keys if key not in self.keys]
        if new:
            ids = list(range(len(self.keys), len(self.keys) + len(new)))
            self.keys.update(zip(new, ids, strict=True))
            columns = {dim: [key[d] for key in new] for d, dim in enumerate(DIMENSIONS)}
            self.store.append(
                "series_key", pa.table({"key_id": pa.array(ids, pa.int32()), **columns})
            )
        return np.array([self.keys[key] for key in keys], np.int32)
