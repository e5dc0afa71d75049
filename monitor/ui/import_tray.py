"""The tray of the import page: files that a viewer dropped, their choices and what was found in them.

It lies in the viewer's session and not in the uploader, which forgets its files when the page is
left. Nothing here draws; a file is looked into only when its choices change.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.errors import MonitorError
from monitor.preview import Batch, Preview
from monitor.ui.live import ImportDesk

log = logging.getLogger("monitor")
KEY = "import_tray"
GLANCE = 5_000_000  # bytes; a larger file is not read before its feed is known
HOLDS = 400_000_000  # bytes of all files of one viewer that wait for a decision
Looked = tuple[str, str | None, datetime | None, int]


@dataclass
class Dropped:
    """A file that is not imported yet. `trouble` says why it could not be looked into.

    `asks_campaign`: the file has no column for it, so a person may say it, and has to when it was not
    found by the file's dates. `asks_at`: the file has no instant and no period, so a person has to.
    """

    id: str
    name: str
    content: bytes
    feed_id: str | None = None
    campaign_id: str | None = None
    at: datetime | None = None
    asks_campaign: bool = False
    asks_at: bool = False
    preview: Preview | None = None
    trouble: str | None = None
    kind: str = ""  # what it is, when only its feed is not known
    sorted: bool = False  # whether a feed was looked for
    looked: Looked | None = None
    looked_at: datetime | None = None


@dataclass
class Sent:
    """A file that was handed in; its bytes are let go."""

    batch_id: str
    name: str
    at: datetime


@dataclass
class Tray:
    """All of one viewer. `revision` grows when previews have to be made again."""

    open: list[Dropped] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    revision: int = 0
    uploader: int = 0
    undoing: dict[str, datetime] = field(default_factory=dict)  # batch id → when it was asked
    said: str = ""  # what went wrong at the last press of a button

    def add(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Put (name, content) into the tray; one that lies there already is left as it is."""
        self.said = ""
        for name, content in files:
            known = hashlib.sha256(name.encode() + b"\0" + content).hexdigest()[:20]
            if any(f.id == known for f in self.open):
                continue
            if sum(len(f.content) for f in self.open) + len(content) > HOLDS:
                self.said = (
                    f"{name} was not taken in: together the dropped files are over "
                    f"{HOLDS // 1_000_000} MB. Import or remove some, then drop it again."
                )
                continue
            self.open.append(Dropped(known, name, content))

    def remove(self, file_id: str) -> None:
        self.open = [f for f in self.open if f.id != file_id]

    def again(self) -> None:
        """Look into every file anew: what is known of columns or rows has changed."""
        self.revision += 1
        for file in self.open:
            file.sorted = file.sorted and file.feed_id is not None

    def stale(self, file: Dropped) -> bool:
        """Whether the file has to be looked into, for the first time or after a choice."""
        return not file.sorted or (file.feed_id is not None and file.looked != self._key(file))

    def look(self, desk: ImportDesk, file: Dropped, now: datetime) -> None:
        """Find out what the file is and what an import would do. Never raises."""
        file.trouble = None
        try:
            self._look(desk, file, now)
        except MonitorError as e:
            self._failed(file, str(e))
        except Exception as e:  # a file is hostile: it may break what reads it, never the page
            log.exception("%r could not be looked into", file.name)
            first = str(e).strip().split("\n", 1)[0][:200]
            self._failed(
                file, f"{type(e).__name__}: {first}. Tell the person who runs the monitor."
            )

    def _look(self, desk: ImportDesk, file: Dropped, now: datetime) -> None:
        feeds = [feed_id for feed_id, _ in desk.feeds()]
        if not file.sorted:
            found = feeds[0] if len(feeds) == 1 else desk.suggest_feed(file.name, file.content)
            file.feed_id, file.sorted = found, True
        if file.feed_id is None:
            if len(file.content) <= GLANCE:
                self._glance(desk, file, feeds[0])
            return
        key = self._key(file)
        said = (file.feed_id, file.campaign_id, file.at)
        file.preview = shown = desk.preview(file.name, file.content, *said)
        file.looked, file.looked_at = key, now
        file.asks_campaign = bool(shown.format) and not _names_campaign(shown)
        # Without its campaign a file has no zone, so its times are not known either.
        if file.at is None and (file.campaign_id is not None or shown.campaigns):
            file.asks_at = bool(shown.format) and _timeless(shown)

    def _glance(self, desk: ImportDesk, file: Dropped, feed_id: str) -> None:
        """Before a person is asked for the feed: say what the file is, or that it is nothing."""
        shown = desk.preview(file.name, file.content, feed_id, file.campaign_id, file.at)
        file.kind = shown.title or shown.format
        if not shown.format and shown.status == "refused":
            file.feed_id, file.preview = feed_id, shown
            file.looked = self._key(file)

    def _failed(self, file: Dropped, why: str) -> None:
        file.trouble, file.preview, file.sorted = why, None, True
        if file.feed_id is not None:
            file.looked = self._key(file)

    def _key(self, file: Dropped) -> Looked:
        return file.feed_id or "", file.campaign_id, file.at, self.revision

    def submit(self, desk: ImportDesk, file: Dropped, who: str, now: datetime) -> bool:
        """Hand a file in and take it from the tray; on failure it stays, and `said` says why."""
        assert file.feed_id is not None, "a file without a feed cannot be handed in"
        to = (file.feed_id, file.campaign_id, file.at)
        try:
            batch_id = desk.submit(file.name, file.content, *to, who)
        except (MonitorError, OSError) as e:
            self.said = f"{file.name} was not handed in: {e}. It is still here; try again."
            return False
        self.remove(file.id)
        self.sent = [s for s in self.sent if s.batch_id != batch_id]
        self.sent.insert(0, Sent(batch_id, file.name, now))
        self.said = ""
        return True


def _names_campaign(preview: Preview) -> bool:
    fields = [c.field for c in preview.columns]
    return "campaign_id" in fields or "campaign_id" in preview.sample_labels


def _timeless(preview: Preview) -> bool:
    """No instant and no period: a person has to say when it was read."""
    return "at" in preview.asks


def tray_of(session: MutableMapping[Any, Any]) -> Tray:
    """The tray of a session, made at its first use."""
    tray: Tray = session.setdefault(KEY, Tray())
    return tray


def status_of(file: Dropped) -> str:
    """A key of `import_words.STATUS`."""
    if file.trouble is not None:
        return "trouble"
    if file.preview is None:
        return "unsorted"
    if file.preview.status in ("ready", "refused"):
        if _no_campaign(file):
            return "no_campaign"
        if _no_instant(file):
            return "no_instant"
    return file.preview.status


def arrived(sent: Sent, batch: Batch | None) -> Batch | None:
    """What became of a file that was handed in; None while the ledger tells of an earlier try only."""
    if batch is None or batch.status in ("taken", "known"):
        return batch
    return None if batch.arrived_at < sent.at else batch


def _no_campaign(file: Dropped) -> bool:
    found = file.preview is not None and bool(file.preview.campaigns)
    return file.asks_campaign and file.campaign_id is None and not found


def _no_instant(file: Dropped) -> bool:
    return file.asks_at and file.at is None


def blocked(file: Dropped, who: str, now: datetime) -> str | None:
    """Why a file cannot be imported now, and what to do; None when it can."""
    preview = file.preview
    if file.trouble is not None:
        return "it could not be looked at; see above"
    if file.feed_id is None or preview is None:
        return "choose the feed it belongs to"
    if preview.status == "needs_mapping":
        return "say first what the missing column is called now"
    if _no_campaign(file):
        return "choose the campaign: the file names none"
    if _no_instant(file):
        return "say when the numbers were read: the file does not"
    if preview.status == "refused":
        return "it is refused; see why above"
    if preview.status == "known":
        return "every row is held already"
    if file.at is not None and file.at > now:
        return "the instant of reading lies in the future; correct it"
    if not who:
        return "write your name at the top, so that others know whom to ask"
    return None
