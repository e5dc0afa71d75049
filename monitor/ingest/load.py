"""Readings into the store: ledger, snapshots, facts. Idempotent, and blind to the order of files.

Runs inside the tick's transaction. A row that is already held changes nothing; a stream that got new
rows is folded again from the earliest new instant: usually one `counters.step` from the kept state,
and for a late file the same steps from the start of its day.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from monitor.campaigns.words import DIMENSIONS, METRICS, MONEY
from monitor.clock import to_db
from monitor.ingest.cells import Fault
from monitor.ingest.columns import STAMP, metric_columns, nullable, stamp
from monitor.ingest.counters import NONE, Bools, Ints, Meaning
from monitor.ingest.fold import Fold
from monitor.ingest.read import Columns, Readings
from monitor.settings import Feed, Settings
from monitor.store import Store

Status = Literal["taken", "known", "refused", "needs_mapping"]


@dataclass(frozen=True)
class Incoming:
    """One arrival, read. `readings` is None when the file was refused whole, for `reason`."""

    file: str
    feed: Feed
    content_hash: str
    format: str
    readings: Readings | None
    reason: str | None = None

    @property
    def batch_id(self) -> str:
        return batch_id(self.feed.id, self.content_hash)


@dataclass
class Loaded:
    """What became of one arrival, as `ingest --json` prints it."""

    file: str
    feed_id: str
    format: str
    status: Status
    reason: str | None
    batch_id: str
    read: int = 0
    taken: int = 0
    quarantined: int = 0
    known: int = 0
    columns: Columns = field(default_factory=lambda: Columns((), (), ()))
    totals: dict[str, float | None] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    campaigns: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "format": self.format,
            "status": self.status,
            "reason": self.reason,
            "batch_id": self.batch_id,
            "rows": {
                "read": self.read,
                "taken": self.taken,
                "quarantined": self.quarantined,
                "known": self.known,
            },
            "columns": {
                "matched": list(self.columns.matched),
                "unmatched": list(self.columns.unmatched),
                "missing": list(self.columns.missing),
            },
            "totals": self.totals,
            "quarantine": [
                {"row": f.line, "column": f.column, "value": f.value, "reason": f.reason}
                for f in self.faults
            ],
        }


def content_hash(content: bytes, campaign: str | None) -> str:
    """Names a content for the ledger; the campaign given for it is part of what it says."""
    return hashlib.sha256((campaign or "").encode() + b"\0" + content).hexdigest()


def batch_id(feed_id: str, hashed: str) -> str:
    return hashlib.sha256(f"{feed_id}\0{hashed}".encode()).hexdigest()[:20]


class Loader:
    """Loads arrivals into one store. Keeps the ids of streams and keys between ticks."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.keys: dict[tuple[str, ...], int] = {}
        self.streams: dict[tuple[str, str], int] = {}
        self._unfolded: set[tuple[int, datetime]] = set()  # snapshots of this load, by stream
        self.refresh()

    def refresh(self) -> None:
        """Read the ids again: at start, and after a transaction that was rolled back."""
        self.keys = {tuple(row[1:]): row[0] for row in self.store.rows("ingest.keys")}
        self.streams = {(row[1], row[2]): row[0] for row in self.store.rows("ingest.streams")}

    def load(self, arrivals: list[Incoming], now: datetime) -> list[Loaded]:
        """Take arrivals in the order given, then fold the streams that got new rows."""
        results: list[Loaded] = []
        touched: dict[tuple[str, str], int] = {}
        self._unfolded.clear()
        for arrival in arrivals:
            results.append(self._take(arrival, now, touched))
        for (feed_id, campaign_id), since_ms in sorted(touched.items()):
            meaning = Meaning.of(
                self.settings.feed_by_id(feed_id),
                self.settings.campaign_by_id(campaign_id),
                self.settings.monitor.bucket,
            )
            names = {key_id: key for key, key_id in self.keys.items()}
            Fold(self.store, self.streams[feed_id, campaign_id], meaning, names).run(since_ms)
        return results

    # --- one arrival ----------------------------------------------------------------------------

    def _take(
        self, arrival: Incoming, now: datetime, touched: dict[tuple[str, str], int]
    ) -> Loaded:
        seen = self.store.rows("ingest.batch_by_id", [arrival.batch_id])
        if seen and not seen[0][4] and seen[0][1] != "refused":
            return self._known_batch(arrival, seen[0], now)
        if seen:  # held rows or the whole file back: the configuration may know better by now
            self.store.run("ingest.forget_faults", [seen[0][0]])
            self.store.run("ingest.forget_batch", [arrival.batch_id])
        seq = int(seen[0][0]) if seen else int(self.store.one("ingest.next_seq")[0])
        result = Loaded(
            arrival.file, arrival.feed.id, arrival.format, "refused", arrival.reason,
            arrival.batch_id,
        )  # fmt: skip
        if arrival.readings is not None:
            self._take_rows(arrival, arrival.readings, seq, result, touched)
        self._write_ledger(result, arrival, seq, now, seen[0][7:] if seen else None)
        return result

    def _known_batch(self, arrival: Incoming, seen: tuple[Any, ...], now: datetime) -> Loaded:
        self.store.run("ingest.seen_again", [to_db(now), arrival.batch_id])
        summary = json.loads(seen[5])
        return Loaded(
            arrival.file, arrival.feed.id, seen[6], "known", "the same file was taken before",
            arrival.batch_id, read=seen[3], known=seen[3],
            columns=Columns(**{name: tuple(labels) for name, labels in summary["columns"].items()}),
            totals=summary["totals"], campaigns=tuple(summary["campaigns"]),
        )  # fmt: skip

    def _take_rows(
        self,
        arrival: Incoming,
        readings: Readings,
        seq: int,
        result: Loaded,
        touched: dict[tuple[str, str], int],
    ) -> None:
        feed = arrival.feed
        count = len(readings.line)
        rows = self._as_table(feed, readings, seq)
        held = self._held(rows, readings)
        new = np.flatnonzero(~held)
        result.read, result.faults, result.columns = (
            readings.read,
            readings.faults,
            readings.columns,
        )
        result.quarantined = len(readings.faults)
        result.taken, result.known = len(new), count - len(new)
        result.totals = file_totals(readings, feed, self.settings)
        result.campaigns = tuple(sorted(set(readings.campaign)))
        result.reason = None
        if len(new):
            result.status = "taken"
        elif result.quarantined and not result.known:
            result.status = "refused"
            result.reason = f"all {result.quarantined} rows went to quarantine"
        else:
            result.status = "known"
            result.reason = "every row was already held" if count else "the file has no rows"
        fresh = rows.take(pa.array(new)).drop_columns(["row_no"])
        self.store.append("snapshot", fresh)
        self._unfolded |= _snapshots(fresh)
        for campaign_id in result.campaigns:
            mine = np.fromiter((c == campaign_id for c in readings.campaign), bool, count) & ~held
            if mine.any():
                stream = (feed.id, campaign_id)
                earliest = int(readings.observed_ms[mine].min())
                touched[stream] = min(touched.get(stream, earliest), earliest)

    def _as_table(self, feed: Feed, readings: Readings, seq: int) -> pa.Table:
        stream_of = {c: self._stream_id(feed.id, c) for c in sorted(set(readings.campaign))}
        columns: dict[str, pa.Array] = {
            "row_no": pa.array(np.arange(len(readings.line))),
            "stream_id": pa.array([stream_of[c] for c in readings.campaign], pa.int32()),
            "observed_at": pa.array(readings.observed_ms, STAMP),
            "key_id": pa.array(self._key_ids(readings.keys), pa.int32()),
            **metric_columns(readings.values),
            "complete_through": nullable(readings.complete_ms, STAMP),
            "ord": pa.array((np.int64(seq) << 32) + readings.line),
        }
        return pa.table(columns)

    def _held(self, rows: pa.Table, readings: Readings) -> Bools:
        """Which rows say nothing that is not already held, in the store or earlier in the file."""
        held = np.zeros(rows.num_rows, bool)
        if not rows.num_rows:
            return held
        seen: dict[tuple[Any, ...], list[int]] = {}
        identity = list(
            zip(
                rows["stream_id"].to_pylist(),
                readings.observed_ms.tolist(),
                rows["key_id"].to_pylist(),
                strict=True,
            )
        )
        if len(set(identity)) < len(identity):
            said = np.column_stack([readings.values, readings.complete_ms])
            for i, ident in enumerate(identity):
                earlier = seen.setdefault(ident, [])
                if earlier:
                    held[i] = ((said[i] == NONE) | (said[earlier] == said[i]).any(axis=0)).all()
                earlier.append(i)
        if self._any_instant_held(rows):
            low, high = int(readings.observed_ms.min()), int(readings.observed_ms.max())
            with self.store.lent("arriving", rows):
                known = self.store.arrays("ingest.held", [stamp(low), stamp(high)])["row_no"]
            held[np.asarray(known, np.int64)] = True
        return held

    def _any_instant_held(self, rows: pa.Table) -> bool:
        """A snapshot at an instant that no stream has yet cannot be held: skip the costly look."""
        asked = _snapshots(rows)
        if asked & self._unfolded:
            return True
        for stream_id in {stream for stream, _ in asked}:
            instants = [at for stream, at in asked if stream == stream_id]
            if self.store.one("ingest.held_instants", [stream_id, instants])[0]:
                return True
        return False

    def _stream_id(self, feed_id: str, campaign_id: str) -> int:
        found = self.streams.get((feed_id, campaign_id))
        if found is None:
            found = len(self.streams) + 1
            self.store.run("ingest.add_stream", [found, feed_id, campaign_id])
            self.streams[feed_id, campaign_id] = found
        return found

    def _key_ids(self, keys: list[tuple[str, ...]]) -> list[int]:
        new = [key for key in dict.fromkeys(keys) if key not in self.keys]
        if new:
            ids = list(range(len(self.keys), len(self.keys) + len(new)))
            self.keys.update(zip(new, ids, strict=True))
            columns = {dim: [key[d] for key in new] for d, dim in enumerate(DIMENSIONS)}
            self.store.append(
                "series_key", pa.table({"key_id": pa.array(ids, pa.int32()), **columns})
            )
        return [self.keys[key] for key in keys]

    def _write_ledger(
        self,
        result: Loaded,
        arrival: Incoming,
        seq: int,
        now: datetime,
        before: tuple[Any, ...] | None,
    ) -> None:
        """Write the batch; `before` is what the ledger had of it: first arrival, arrivals, taken."""
        first, arrivals, taken = before or (to_db(now), 0, 0)
        summary = {
            "columns": result.as_json()["columns"],
            "totals": result.totals,
            "campaigns": result.campaigns,
        }
        self.store.append(
            "batch",
            pa.table(
                {
                    "batch_id": [result.batch_id],
                    "seq": [seq],
                    "feed_id": [arrival.feed.id],
                    "file": [arrival.file],
                    "format": [result.format],
                    "status": ["taken" if taken else result.status],
                    "reason": pa.array([None if taken else result.reason], pa.string()),
                    "arrived_at": pa.array([first], STAMP),
                    "last_arrived_at": pa.array([to_db(now)], STAMP),
                    "arrivals": [arrivals + 1],
                    "rows_read": [result.read],
                    "taken": [taken + result.taken],
                    "quarantined": [result.quarantined],
                    "known": [max(result.known - taken, 0)],
                    "campaigns": [",".join(result.campaigns)],
                    "summary": [json.dumps(summary)],
                }
            ),
        )
        if result.faults:
            faults = result.faults
            self.store.append(
                "quarantine",
                pa.table(
                    {
                        "seq": [seq] * len(faults),
                        "feed_id": [arrival.feed.id] * len(faults),
                        "campaign_id": pa.array([f.campaign_id for f in faults], pa.string()),
                        "file": [arrival.file] * len(faults),
                        "line": [f.line for f in faults],
                        "column": [f.column for f in faults],
                        "value": pa.array([f.value for f in faults], pa.string()),
                        "reason": [f.reason for f in faults],
                        "at": pa.array([to_db(now)] * len(faults), STAMP),
                    }
                ),
            )


def _snapshots(rows: pa.Table) -> set[tuple[int, datetime]]:
    """The streams and instants of rows."""
    pairs = rows.select(["stream_id", "observed_at"]).group_by(["stream_id", "observed_at"])
    distinct = pairs.aggregate([])
    return set(
        zip(distinct["stream_id"].to_pylist(), distinct["observed_at"].to_pylist(), strict=True)
    )


def file_totals(readings: Readings, feed: Feed, settings: Settings) -> dict[str, float | None]:
    """What a file adds up to: interval rows, or the last reading per key and local day.

    A blank is no reading: the last value before it stands.
    """
    totals: dict[str, float | None] = {}
    order = np.argsort(readings.observed_ms, kind="stable")
    series = _series(readings, feed, settings)
    for m, metric in enumerate(METRICS):
        column = readings.values[:, m]
        rows = order[column[order] != NONE]
        if not len(rows):
            continue
        if feed.counter != "interval":
            last = np.full(len(column), -1)
            last[series[rows]] = rows  # of several rows of one series the last stays
            rows = last[last >= 0]
        totals[metric] = number(int(column[rows].sum()), metric)
    return totals


def _series(readings: Readings, feed: Feed, settings: Settings) -> Ints:
    """A number per row that rows of one campaign, key and counting period share."""
    zones = {c.id: c.zone for c in settings.campaign}
    days: dict[tuple[int, str], int] = {}
    numbers: dict[tuple[Any, ...], int] = {}
    found = np.empty(len(readings.line), np.int64)
    rows = zip(readings.observed_ms.tolist(), readings.campaign, readings.keys, strict=True)
    for row, (at, campaign, key) in enumerate(rows):
        if feed.counter == "cumulative_day" and (at, campaign) not in days:
            moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(zones[campaign])
            days[at, campaign] = moment.date().toordinal()
        which = campaign, key, days.get((at, campaign), 0)
        found[row] = numbers.setdefault(which, len(numbers))
    return found


def number(hundredths: int, metric: str) -> float | int:
    """Hundredths as a JSON number: money with cents, a whole count without a fraction."""
    if metric not in MONEY and hundredths % 100 == 0:
        return hundredths // 100
    return hundredths / 100
