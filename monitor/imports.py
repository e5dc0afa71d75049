"""The import desk: what a person asks of the product about files, from any thread.

`preview` keeps nothing. What changes numbers goes through the inbox and the tick like everything else:
a file handed in becomes a file in its feed's inbox, with a note of what was said about it.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from monitor.campaigns.words import DIMENSIONS
from monitor.clock import from_db, from_ms
from monitor.errors import ConfigError, FileRefused, MonitorError, Unsaid
from monitor.ingest import aliases as names
from monitor.ingest.batch import batch_id, content_hash
from monitor.ingest.export import Given
from monitor.ingest.filetotals import totals_of
from monitor.ingest.formats import LANGUAGES
from monitor.ingest.note import Note, note_of, write_note, write_whole
from monitor.ingest.previous import odd, previous
from monitor.ingest.reader import NeedsMapping, Understood, understand
from monitor.ingest.readings import OrderLines
from monitor.ingest.recognise import Recognised, recognise
from monitor.ingest.rejected import corrected_csv
from monitor.preview import Batch, Change, Comparison, Matched, Preview, Suggestion
from monitor.settings import Feed

if TYPE_CHECKING:
    from monitor.runtime import Runtime

log = logging.getLogger("monitor")
SAMPLE = 50
SHOWN = 200
SAFE_NAME = re.compile(r"[^\w .()+-]", re.UNICODE)
COUNTERS = {
    "cumulative_day": "running total of the day",
    "cumulative_campaign": "running total of the campaign",
    "interval": "what came in each interval",
}


class ImportDesk:
    """Stands on a running product; every method may be called from any thread."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.store, self.settings = runtime.store, runtime.settings

    # --- what a file would be --------------------------------------------------------------------

    def feeds(self) -> Sequence[tuple[str, str]]:
        return tuple((f.id, COUNTERS[f.counter]) for f in self.settings.feed)

    def suggest_feed(self, name: str, content: bytes) -> str | None:
        """The only feed, the one that took a file of this format last, or the only one that counts the
        way such a file does."""
        if len(self.settings.feed) == 1:
            return self.settings.feed[0].id
        try:
            rec = recognise(content, name, names.aliases(self.store))[0]
        except FileRefused:
            return None
        ids = {f.id for f in self.settings.feed}
        for batch in self.batches(SHOWN):
            if batch.format == rec.name and batch.feed_id in ids and batch.status == "taken":
                return batch.feed_id
        if rec.format is None:
            return None
        own_time = rec.format.rows in ("orders", "sessions")
        fit = [f.id for f in self.settings.feed if (f.counter == "interval") == own_time]
        return fit[0] if len(fit) == 1 else None

    def preview(
        self, name: str, content: bytes, feed_id: str, campaign_id: str | None, at: datetime | None
    ) -> Preview:
        feed = self.settings.feed_by_id(feed_id)
        note = Note(campaign_id, at.isoformat() if at else None)
        batch = batch_id(feed.id, content_hash(content, note.said))
        shown = Preview(name, len(content), "refused", None, batch, feed.id, "")
        given = Given(self.settings, feed, campaign_id, at, self.runtime.clock.now(), name)
        learned = names.aliases(self.store)
        try:
            understood = understand(content, given, learned)
        except NeedsMapping as e:
            return self._unmapped(shown, recognise(content, name, learned)[0], str(e))
        except (FileRefused, ConfigError) as e:
            asks = (e.what,) if isinstance(e, Unsaid) else ()
            return replace(self._nameless(shown, content, learned, str(e)), asks=asks)
        except Exception as e:
            log.exception("reading %s failed", name)
            reason = f"the product failed to read it ({type(e).__name__}); please report this file"
            return replace(shown, reason=reason)
        return self._whole(shown, understood, feed, note)

    def _unmapped(self, shown: Preview, rec: Recognised, reason: str) -> Preview:
        assert rec.format is not None
        suggestions = tuple(Suggestion(title, title, labels) for title, labels in rec.asks.items())
        return replace(
            self._described(shown, rec), status="needs_mapping", reason=reason,
            suggestions=suggestions,
        )  # fmt: skip

    def _nameless(self, shown: Preview, content: bytes, learned: Any, reason: str) -> Preview:
        """A refused file, with as much as is known of it."""
        with contextlib.suppress(FileRefused):
            shown = self._described(shown, recognise(content, shown.file, learned)[0])
        return replace(shown, reason=reason)

    def _described(self, shown: Preview, rec: Recognised) -> Preview:
        """What the file is, from its header and first rows."""
        used = {f.position: f for f in rec.found.values()}
        columns = []
        for position, label in enumerate(rec.labels):
            if label and rec.format is not None:
                found = used.get(position)
                to = (found.column.to or "understood, not kept") if found else None
                columns.append(Matched(label, to, found.how if found else "unused"))  # type: ignore[arg-type]
        head = rec.sheet.head[rec.first : rec.first + SAMPLE]
        return replace(
            shown,
            format=rec.name,
            title=rec.format.title if rec.format else "Canonical snapshots",
            language=LANGUAGES.get(rec.language, "English"),
            encoding="" if rec.sheet.kind in ("xlsx", "parquet") else rec.encoding,
            currency=rec.currency,
            columns=tuple(columns),
            missing=rec.missing,
            sample_labels=rec.labels,
            sample=tuple(
                (rec.first + i + 1, tuple("" if c is None else str(c)[:120] for c in cells))
                for i, cells in enumerate(head)
            ),
        )

    def _whole(self, shown: Preview, understood: Understood, feed: Feed, note: Note) -> Preview:
        """A file that can be taken, or that was taken before."""
        rec, content = understood.recognised[0], understood.content
        shown = self._described(shown, rec)
        if not shown.columns:
            told = content.columns
            shown = replace(
                shown,
                columns=tuple(
                    Matched(label, label if label in told.matched else None,
                            "name" if label in told.matched else "unused")
                    for label in rec.labels if label
                ),
            )  # fmt: skip
        campaigns = tuple(sorted(content.campaigns))
        instants = content.placed_ms if isinstance(content, OrderLines) else content.observed_ms
        campaign = self.settings.campaign_by_id(campaigns[0]) if campaigns else None
        period = None if isinstance(content, OrderLines) else content.period_ms
        before = self._entry(shown.batch_id)
        status: Literal["ready", "known", "refused"] = "ready"
        reason = None
        if before is not None and before.status in ("taken", "known"):
            status = "known"
            when = before.arrived_at.astimezone(campaign.zone if campaign else None)
            reason = (
                f"this very file was taken {when:%Y-%m-%d %H:%M} ({before.who or 'by a source'})"
            )
        elif not len(content.line):
            status, reason = "refused", "no row of it can be read"
        totals = totals_of(content, feed, self.settings)
        taken = content.read - len(content.faults)
        return replace(
            shown,
            status=status,
            reason=reason,
            currency=shown.currency or (campaign.currency if campaign else ""),
            timezone=campaign.timezone if campaign else "",
            timezone_from="written in the file" if self._offsets(rec) else "of the campaign",
            period=None if period is None else (from_ms(period[0]), from_ms(period[1])),
            observed=(from_ms(int(instants.min())), from_ms(int(instants.max())))
            if len(instants)
            else None,
            campaigns=campaigns,
            faults=content.faults,
            controls=content.controls,
            rows={
                "read": content.read, "taken": taken, "quarantined": len(content.faults), "known": 0
            },
            totals=totals,
            previous=self.compared(feed, understood.format, campaigns, totals, shown.batch_id),
            warnings=self._warnings(understood, feed, campaigns),
        )  # fmt: skip

    @staticmethod
    def _offsets(rec: Recognised) -> bool:
        return rec.format is None or rec.format.exact

    def _warnings(
        self, understood: Understood, feed: Feed, campaigns: tuple[str, ...]
    ) -> tuple[str, ...]:
        said = [c.words for c in understood.content.controls if not c.ok]
        lacking = {
            dim
            for d, dim in enumerate(DIMENSIONS)
            if dim in feed.grain and not any(key[d] for key in understood.content.keys)
        }
        if lacking and not isinstance(understood.content, OrderLines):
            said.append(
                f"Feed {feed.id} knows {', '.join(sorted(lacking))}, this file does not: beside the "
                "feed's own rows its numbers would be counted twice. Choose a feed of its own."
            )
        held = {(row[1], row[2]) for row in self.store.rows("ingest.streams")}
        order = [f.id for f in self.settings.feed]
        before = [
            f for f in order[: order.index(feed.id)] if any((f, c) in held for c in campaigns)
        ]
        if before:
            said.append(
                f"Feed {before[0]} counts for totals: of this file only what {before[0]} does not know "
                "is shown."
            )
        return tuple(said)

    def compared(
        self,
        feed: Feed,
        format: str,
        campaigns: tuple[str, ...],
        totals: dict[str, float | None],
        batch: str,
    ) -> Comparison | None:
        """Against the newest batch of the same feed, format and campaign."""
        if not campaigns:
            return None
        before = previous(self.store, feed.id, format, campaigns[0], batch)
        if before is None:
            return None
        changes = tuple(
            Change(m, before.totals.get(m), totals.get(m))
            for m in dict.fromkeys([*totals, *before.totals])
        )
        words = odd(before, totals, self.settings.campaign_by_id(campaigns[0]).zone)
        return Comparison(before.batch_id, before.file, before.arrived_at, changes, words)

    # --- what a person does ----------------------------------------------------------------------

    def submit(
        self,
        name: str,
        content: bytes,
        feed_id: str,
        campaign_id: str | None,
        at: datetime | None,
        who: str,
    ) -> str:
        """Put the file into its feed's inbox, whole and with its note; the next tick takes it."""
        feed = self.settings.feed_by_id(feed_id)
        if campaign_id is not None:
            self.settings.campaign_by_id(campaign_id)
        note = Note(campaign_id, at.isoformat() if at else None, who)
        folder = feed.source.path
        if not folder.is_dir():
            raise MonitorError(f"the inbox of feed {feed.id} is not there; is its share mounted?")
        path = _free(folder, name)
        write_note(path, note)
        write_whole(path, content)
        return batch_id(feed.id, content_hash(content, note.said))

    def progress(self, batch: str) -> Batch | None:
        return self._entry(batch)

    def _entry(self, batch: str) -> Batch | None:
        rows = self.store.rows("imports.batch", [batch])
        return _batch(rows[0]) if rows else None

    def batches(self, limit: int) -> Sequence[Batch]:
        return tuple(_batch(row) for row in self.store.rows("imports.batches", [limit]))

    def undo(self, batch: str, who: str) -> None:
        """Take a batch back at the next tick."""
        entry = self._entry(batch)
        if entry is None:
            raise MonitorError("this batch is not in the ledger any more; look at the list again")
        if entry.status == "undone":
            raise MonitorError(f"it was undone before, by {entry.undone_by or 'nobody named'}")
        if entry.status not in ("taken", "known"):
            raise MonitorError("nothing of it was taken, so there is nothing to undo")
        self.runtime.ask_undo(batch, who)

    def learn(self, format: str, label: str, field: str, who: str) -> None:
        """Remember a column's name, and let files that wait for it be read again."""
        names.learn(self.store, format, label, field, who, self.runtime.clock.now())
        for inbox in self.runtime.inboxes:
            inbox.read_again()

    def aliases(self) -> Sequence[tuple[str, str, str, str, datetime]]:
        return names.learned(self.store)

    def forget(self, format: str, label: str, who: str) -> None:
        names.forget(self.store, format, label)

    def quarantine_csv(self, batch: str) -> tuple[str, bytes]:
        """The rows of a batch that were set aside, under the header of their file."""
        entry = self._entry(batch)
        if entry is None:
            raise MonitorError("this batch is not in the ledger any more; look at the list again")
        path = self._kept(entry)
        faults = self.store.rows("imports.faults", [batch])
        if path is None:
            raise MonitorError(
                f"{entry.file} is not in the archive any more; its rows are listed on the Data page"
            )
        content = corrected_csv(path.read_bytes(), entry.file, faults, names.aliases(self.store))
        return f"{Path(entry.file).stem}-to-correct.csv", content

    def _kept(self, entry: Batch) -> Path | None:
        """Where the file of a batch lies now: archived, refused or waiting."""
        feed = self.settings.feed_by_id(entry.feed_id)
        stem = Path(entry.file).stem.split("@")[0]
        for place in ("archive", "refused", "waiting"):
            folder = feed.source.path.parent / place / feed.id
            for path in sorted(folder.glob("*"), reverse=True) if folder.is_dir() else ():
                if not path.name.startswith(stem[:20]) or path.name.endswith(".reason.txt"):
                    continue
                note = note_of(path)
                if batch_id(feed.id, content_hash(path.read_bytes(), note.said)) == entry.batch_id:
                    return path
        return None


def _batch(row: tuple[Any, ...]) -> Batch:
    status: Any = "undone" if row[13] is not None else row[4]
    return Batch(
        row[0], row[1], row[2], row[3], status, row[5], row[6] or "", from_db(row[7]),
        row[8], row[9], row[10], row[11], tuple(filter(None, row[12].split(","))),
        None if row[13] is None else from_db(row[13]), row[14],
    )  # fmt: skip


def _free(folder: Path, name: str) -> Path:
    """A path for a file handed in: a name without tricks, never one that is taken."""
    plain = (
        SAFE_NAME.sub("_", Path(name.replace("\\", "/")).name).lstrip(".~ ")[-120:] or "file.csv"
    )
    path, number = folder / plain, 2
    while path.exists():
        path = folder / f"{Path(plain).stem}_{number}{Path(plain).suffix}"
        number += 1
    return path
