"""A batch: one arrival as it came, what became of it, and its row in the ledger."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from monitor.clock import to_db
from monitor.ingest.columns import STAMP
from monitor.ingest.readings import Columns, OrderLines, Readings
from monitor.ingest.table import Fault
from monitor.settings import Feed
from monitor.store import Store

Status = Literal["taken", "known", "refused", "needs_mapping"]


@dataclass(frozen=True)
class Incoming:
    """One arrival, read: `readings` or `lines`, or neither, and then `status` and `reason` say why.

    `columns` are told where no row was read. `who` imported it, "" for a source. `note`: JSON of the
    campaign and instant given for it.
    """

    file: str
    feed: Feed
    content_hash: str
    format: str
    readings: Readings | None
    reason: str | None = None
    who: str = ""
    note: str = "{}"
    lines: OrderLines | None = None
    status: Status = "refused"
    columns: Columns = field(default_factory=lambda: Columns((), (), ()))

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
    warnings: tuple[str, ...] = ()

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
            **({"warnings": list(self.warnings)} if self.warnings else {}),
            "quarantine": [
                {"row": f.line, "column": f.column, "value": f.value, "reason": f.reason}
                for f in self.faults
            ],
        }


@dataclass(frozen=True)
class Entry:
    """What the ledger has of a batch in force that comes again."""

    seq: int
    status: Status
    read: int
    quarantined: int
    summary: dict[str, Any]
    format: str
    arrived_at: datetime  # as the store keeps it
    arrivals: int
    taken: int


def content_hash(content: bytes, campaign: str | None) -> str:
    """Names a content for the ledger; the campaign given for it is part of what it says."""
    said = hashlib.sha256((campaign or "").encode() + b"\0")
    said.update(content)
    return said.hexdigest()


def batch_id(feed_id: str, hashed: str) -> str:
    return hashlib.sha256(f"{feed_id}\0{hashed}".encode()).hexdigest()[:20]


class Ledger:
    """The rows of all batches, and of what was set aside in them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def entry(self, batch: str) -> Entry | None:
        """The batch in force of this id; one that was undone makes room for its next arrival."""
        rows = self.store.rows("ingest.batch_by_id", [batch])
        if not rows:
            return None
        seq, status, read, quarantined, summary, format_, at, arrivals, taken, undone = rows[0]
        if undone is not None:
            self.store.run("ingest.step_aside", [batch])
            return None
        said = json.loads(summary)
        return Entry(seq, status, read, quarantined, said, format_, at, arrivals, taken)

    def known(self, arrival: Incoming, entry: Entry, now: datetime) -> Loaded:
        """The answer to a batch that came before and has nothing left to take."""
        self.store.run("ingest.seen_again", [to_db(now), arrival.batch_id])
        columns = {name: tuple(labels) for name, labels in entry.summary["columns"].items()}
        return Loaded(
            arrival.file, arrival.feed.id, entry.format, "known", "the same file was taken before",
            arrival.batch_id, read=entry.read, known=entry.read, columns=Columns(**columns),
            totals=entry.summary["totals"], campaigns=tuple(entry.summary["campaigns"]),
        )  # fmt: skip

    def forget(self, batch: str, seq: int) -> None:
        """Take a batch out that is about to be written anew."""
        self.store.run("ingest.forget_faults", [seq])
        self.store.run("ingest.forget_batch", [batch])

    def next_seq(self) -> int:
        return int(self.store.one("ingest.next_seq")[0])

    def write(
        self, result: Loaded, arrival: Incoming, seq: int, now: datetime, before: Entry | None
    ) -> None:
        """Write the batch and what was set aside in it; `before` is what the ledger had of it."""
        taken = before.taken if before else 0
        summary = {
            "columns": result.as_json()["columns"],
            "totals": result.totals,
            "campaigns": result.campaigns,
        }
        row = {
            "batch_id": [result.batch_id],
            "seq": [seq],
            "feed_id": [arrival.feed.id],
            "file": [arrival.file],
            "format": [result.format],
            "status": ["taken" if taken else result.status],
            "reason": pa.array([None if taken else result.reason], pa.string()),
            "arrived_at": pa.array([before.arrived_at if before else to_db(now)], STAMP),
            "last_arrived_at": pa.array([to_db(now)], STAMP),
            "arrivals": [(before.arrivals if before else 0) + 1],
            "rows_read": [result.read],
            "taken": [taken + result.taken],
            "quarantined": [result.quarantined],
            "known": [max(result.known - taken, 0)],
            "campaigns": [",".join(result.campaigns)],
            "summary": [json.dumps(summary)],
            "who": [arrival.who],
            "note": [arrival.note],
        }
        self.store.append("batch", pa.table(row))
        faults = result.faults
        if faults:
            count = len(faults)
            rows = {
                "seq": [seq] * count,
                "feed_id": [arrival.feed.id] * count,
                "campaign_id": pa.array([f.campaign_id for f in faults], pa.string()),
                "file": [arrival.file] * count,
                "line": [f.line for f in faults],
                "column": [f.column for f in faults],
                "value": pa.array([f.value for f in faults], pa.string()),
                "reason": [f.reason for f in faults],
                "at": pa.array([to_db(now)] * count, STAMP),
            }
            self.store.append("quarantine", pa.table(rows))
