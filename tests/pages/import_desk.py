"""An import desk that keeps everything in memory, with the files that people drop on the night.

What it answers hangs on the file's name, as written at `FILES`; its tick comes at the third question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.clock import Clock
from monitor.errors import FileRefused, MonitorError
from monitor.ingest.readings import Control
from monitor.ingest.table import Fault
from monitor.picture import Picture
from monitor.preview import Batch, Change, Comparison, Matched, Preview, Suggestion
from tests.pages import pictures as p

HOSTILE = '<img src=x onerror="window.__hurt=1">![x](https://evil.example/x.png)\u202efdp.csv'
TITLE = "TikTok Shop Creator Data"
LABELS = (
    "Creator name", "Creator-attributed GMV", "Refunds", "Attributed orders",
    "Creator-attributed items sold", "Items refunded", "AOV", "Videos", "Live streams",
    "Est. commission", "CTOR", "Customers",
)  # fmt: skip
FIELDS: dict[str, str] = {
    "Creator name": "creator_id", "Creator-attributed GMV": "gmv", "Refunds": "refunds",
    "Attributed orders": "orders", "Creator-attributed items sold": "items_sold",
    "Est. commission": "commission",
}  # fmt: skip
ROWS = tuple(
    (line, (who, gmv, "0.00", orders, "31", "0", "38.10", "2", "1", "120.40", "3.1%", "20"))
    for line, who, gmv, orders in (
        (3, "aina.cantik", "RM 12,310.55", "323"),
        (4, "jiahui_佳慧", "RM 9,848.00", "258"),
        (5, "abang.gadget", "RM 7.878,40", "206"),
        (6, "<b>mak</b> long", "RM 6,302.10", "165"),
        (7, "sofea&co", "RM 5,041.00", "-132"),
        (8, "raj_tries_it", "RM 4,033.20", "105"),
    )
)
FAULTS = (
    Fault(5, "Creator-attributed GMV", "RM 7.878,40", "number in another dialect than its file"),
    Fault(7, "Attributed orders", "-132", "a negative count"),
    Fault(88, "Creator-attributed GMV", "=SUM(B3:B87)", "a formula, not a number"),
    Fault(91, "Creator name", "1.73E+18", "an id in scientific notation; export ids as text"),
)
CONTROLS = (
    Control("live + video + card = total", True, "RM 1,218,400.25 on both sides"),
    Control("rows", True, "412 = 408 taken + 4 set aside + 0 held already"),
)


def whole(name: str, feed_id: str, campaign_id: str | None) -> Preview:
    """A good creator export with four bad rows, for a campaign that somebody named."""
    return Preview(
        file=name,
        size=48_213,
        status="ready",
        reason=None,
        batch_id=f"b-{name}",
        feed_id=feed_id,
        format="tiktok_creator_data",
        title=TITLE,
        language="English",
        encoding="Excel workbook",
        currency="MYR",
        timezone="Asia/Kuala_Lumpur",
        timezone_from="of the campaign",
        observed=(p.AS_OF, p.AS_OF),
        campaigns=(campaign_id or p.CAMPAIGN.id,),
        columns=tuple(
            Matched(c, FIELDS.get(c), "name" if c in FIELDS else "unused") for c in LABELS
        ),
        sample_labels=LABELS,
        sample=ROWS,
        faults=FAULTS,
        controls=CONTROLS,
        rows={"read": 412, "taken": 408, "quarantined": 4, "known": 0},
        totals={"gmv": 1_218_400.25, "orders": 31_904.0, "commission": None},
        previous=Comparison(
            "b-old", "creators-2000.xlsx", p.AS_OF - timedelta(hours=1),
            (Change("gmv", 1_160_100.0, 1_218_400.25), Change("orders", 30_400.0, 31_904.0)),
        ),
    )  # fmt: skip


def renamed(shown: Preview, learned: bool) -> Preview:
    """The platform calls GMV `Affiliate GMV` since this week."""
    other = "Affiliate GMV (RM)"
    columns = tuple(
        Matched(other, "gmv" if learned else None, "learned" if learned else "unused")
        if c.field == "gmv"
        else c
        for c in shown.columns
    )
    labels = tuple(other if c == "Creator-attributed GMV" else c for c in LABELS)
    shown = replace(shown, columns=columns, sample_labels=labels, faults=())
    if learned:
        return replace(shown, rows={"read": 412, "taken": 412, "quarantined": 0, "known": 0})
    gone = "Creator-attributed GMV"
    return replace(
        shown,
        status="needs_mapping",
        reason="a renamed column is not read as zero",
        missing=(gone,),
        suggestions=(Suggestion("gmv", gone, (other,)),),
        controls=(),
        totals={},
        previous=None,
        rows={},
    )


@dataclass
class FakeDesk:
    """Counts its previews in `looks`; what was handed in lies in `submitted`."""

    learned: list[tuple[str, str, str, str, datetime]] = field(default_factory=list)
    ledger: list[Batch] = field(default_factory=list)
    submitted: list[tuple[str, bytes, str, str | None, datetime | None, str]] = field(
        default_factory=list
    )
    looks: list[tuple[str, str, str | None, datetime | None]] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    undoing: dict[str, str] = field(default_factory=dict)
    generation: int = 0
    full: bool = False

    def feeds(self) -> Sequence[tuple[str, str]]:
        return (("performance", "running total of the day"), ("affiliate", "orders"))

    def suggest_feed(self, name: str, content: bytes) -> str | None:
        return None if "mystery" in name else "performance"

    def preview(
        self,
        name: str,
        content: bytes,
        feed_id: str,
        campaign_id: str | None,
        at: datetime | None,
    ) -> Preview:
        self.looks.append((name, feed_id, campaign_id, at))
        shown = whole(name, feed_id, campaign_id)
        if "mystery-garbage" in name:
            return Preview(name, 9, "refused", "no table: binary data", "b", feed_id, "")
        if "password" in name:
            raise FileRefused(f"{name}: locked with a password; save it without one")
        if "broken" in name:
            raise ZeroDivisionError("division by zero")
        if "zero" in name:
            why = "0 GMV in every row while there are orders: the export is not finished"
            return replace(shown, status="refused", reason=why, rows={}, totals={}, sample=())
        if "again" in name:
            why = "batch b-old of 20:14 by Farah held every row of it"
            return replace(shown, status="known", reason=why, faults=())
        if "renamed" in name:
            return renamed(shown, any(a[1] == "Affiliate GMV (RM)" for a in self.learned))
        if "bare" in name:  # names neither campaign nor instant
            none = replace(shown, campaigns=() if campaign_id is None else (campaign_id,))
            asks = ("at",) if at is None else ()
            return replace(none, observed=None if at is None else (at, at), faults=(), asks=asks)
        if "fallen" in name:
            return replace(
                shown,
                controls=(Control("live + video + card = total", False, "RM 12.40 apart"),),
                previous=replace(
                    shown.previous or Comparison("b", "f", p.AS_OF, ()),
                    words="GMV is 38% below the file of an hour ago: a correction, or another day?",
                ),
            )
        return shown

    def submit(
        self,
        name: str,
        content: bytes,
        feed_id: str,
        campaign_id: str | None,
        at: datetime | None,
        who: str,
    ) -> str:
        if self.full:
            raise OSError("No space left on device")
        self.submitted.append((name, content, feed_id, campaign_id, at, who))
        shown = self.preview(name, content, feed_id, campaign_id, at)
        rows = shown.rows
        batch = Batch(
            hashlib.sha256(content).hexdigest()[:8], name, feed_id, shown.format, "taken", None,
            who, p.NOW, rows["read"], rows["taken"], rows["quarantined"], rows["known"],
            shown.campaigns,
        )  # fmt: skip
        self.asked[batch.batch_id] = 0
        self.ledger = [batch, *(b for b in self.ledger if b.batch_id != batch.batch_id)]
        return batch.batch_id

    def _tick(self) -> None:
        self.generation += 1
        self.ledger = [
            replace(b, status="undone", undone_at=p.NOW, undone_by=self.undoing.pop(b.batch_id))
            if b.batch_id in self.undoing
            else b
            for b in self.ledger
        ]

    def progress(self, batch_id: str) -> Batch | None:
        if batch_id in self.asked:
            self.asked[batch_id] += 1
            if self.asked[batch_id] < 3:
                return None
            del self.asked[batch_id]
            self._tick()
        return next((b for b in self.ledger if b.batch_id == batch_id), None)

    def batches(self, limit: int) -> Sequence[Batch]:
        return tuple(b for b in self.ledger if b.batch_id not in self.asked)[:limit]

    def undo(self, batch_id: str, who: str) -> None:
        if self.full:
            raise MonitorError("the database is busy; try again")
        self.undoing[batch_id] = who

    def learn(self, format: str, label: str, field: str, who: str) -> None:
        self.learned.append((format, label, field, who, p.NOW))

    def aliases(self) -> Sequence[tuple[str, str, str, str, datetime]]:
        return tuple(self.learned)

    def forget(self, format: str, label: str, who: str) -> None:
        self.learned = [a for a in self.learned if a[:2] != (format, label)]

    def quarantine_csv(self, batch_id: str) -> tuple[str, bytes]:
        text = "Creator name,GMV\n'=HYPERLINK(1),-5.20\n"
        return "rows.csv", text.encode()


@dataclass
class DeskRuntime:
    """A runtime whose picture is new after every tick of its desk."""

    base: Picture
    clock: Clock
    imports: FakeDesk

    @property
    def picture(self) -> Picture:
        return replace(self.base, generation=self.base.generation + self.imports.generation)


OLD = Batch(
    "b-old", "creators-2000.xlsx", "performance", "tiktok_creator_data", "taken", None, "Farah",
    p.AS_OF - timedelta(hours=1), 400, 398, 2, 0, (p.CAMPAIGN.id,),
)  # fmt: skip
LEDGER = [
    OLD,
    replace(OLD, batch_id="b-bad", file=HOSTILE, status="refused", who="", taken=0, quarantined=0,
            reason="no known columns (found: <script>)", campaigns=(), format=""),
    replace(OLD, batch_id="b-gone", file="wrong-day.xlsx", status="undone", quarantined=0,
            undone_at=p.AS_OF, undone_by="Farah"),
]  # fmt: skip
