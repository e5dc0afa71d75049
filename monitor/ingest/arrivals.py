"""An arrival: one file that came for one feed, and when it came."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.clock import from_ms
from monitor.errors import FileRefused
from monitor.ingest.batch import Incoming, Status, content_hash
from monitor.ingest.export import Given
from monitor.ingest.note import Note, note_of
from monitor.ingest.reader import NeedsMapping, Understood, understand
from monitor.ingest.readings import Columns, OrderLines, Readings
from monitor.ingest.recognise import Aliases
from monitor.settings import Feed, Settings

log = logging.getLogger("monitor")
STAMP = re.compile(r"@(\d{8}T\d{6})Z(?=\.|$)")
SUFFIXES = {
    ".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".htm", ".html", ".parquet", ".jsonl",
    ".ndjson", ".json", ".gz", ".zip",
}  # fmt: skip
UNREADABLE = {".xlsb", ".ods", ".pdf"}  # taken all the same, to be refused in words


@dataclass(frozen=True)
class Arrival:
    """A file for a feed, and what was said about it beside it.

    `campaign`: for files without a campaign column. `at`: the instant of reading, for files without
    one. `who` handed it in, "" for a source. `cursor`: where its source goes on (JSON). `read`: what
    was read of it already.
    """

    path: Path
    feed: Feed
    campaign: str | None = None
    at: datetime | None = None
    who: str = ""
    cursor: str | None = None
    read: Incoming | None = None

    @property
    def note(self) -> Note:
        at = None if self.at is None else self.at.isoformat()
        return Note(self.campaign, at, self.who, self.cursor)


def arrival_of(path: Path, feed: Feed) -> Arrival:
    """A file that lies in an inbox or an archive, with its note."""
    note = note_of(path)
    return Arrival(path, feed, note.campaign, note.instant, note.who, note.cursor)


def read_arrival(
    arrival: Arrival,
    settings: Settings,
    aliases: Aliases | None = None,
    now: datetime | None = None,
) -> Incoming:
    """Read a file. It never raises for what the file holds: a refusal carries its reason.

    `now`: a period that still runs was read then at the latest.
    """
    if arrival.read is not None:
        return arrival.read
    name = unstamped(arrival.path)
    given = Given(settings, arrival.feed, arrival.campaign, arrival.at, now, name)
    content = b""
    understood: Understood | None = None
    status: Status = "refused"
    reason: str | None = None
    columns = Columns((), (), ())
    format = ""
    try:
        content = arrival.path.read_bytes()
        understood = understand(content, given, aliases or {})
        format = understood.format
    except NeedsMapping as e:
        status, reason, columns, format = "needs_mapping", str(e), e.columns, e.format
    except FileRefused as e:
        reason = str(e)
    except OSError as e:
        reason = f"cannot be read: {e.strerror or e}"
    except Exception as e:  # a fault of ours in one file must not keep the others waiting
        log.exception("reading %s failed", arrival.path.name)
        reason = f"the product failed to read it ({type(e).__name__}: {e}); please report this file"
    found = None if understood is None else understood.content
    note = arrival.note
    return Incoming(
        file=arrival.path.name,
        feed=arrival.feed,
        content_hash=content_hash(content, note.said),
        format=format or "canonical",
        readings=found if isinstance(found, Readings) else None,
        lines=found if isinstance(found, OrderLines) else None,
        status=status,
        reason=reason,
        columns=columns,
        who=arrival.who,
        note=json.dumps({"campaign": note.campaign, "at": note.at}),
    )


def unread(arrival: Arrival, reason: str) -> Incoming:
    """A file that is refused without having been looked into."""
    named = content_hash(arrival.path.name.encode(), arrival.note.said)
    return Incoming(
        arrival.path.name, arrival.feed, named, "canonical", None, reason, who=arrival.who
    )


def stamped(name: str) -> datetime | None:
    """The arrival instant that a file name carries: `…@20261111T040500Z.csv`."""
    match = STAMP.search(name)
    if not match:
        return None
    try:
        return datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def unstamped(path: Path) -> str:
    """The name without its stamp: what orders files of one instant, in the archive as when live."""
    return STAMP.sub("", path.name)


def instant_of(
    arrival: Arrival, settings: Settings, aliases: Aliases | None = None
) -> datetime | None:
    """When a recorded file arrived: its stamp, or its latest reading; None when it has neither."""
    found = stamped(arrival.path.name)
    if found is not None:
        return found
    name = unstamped(arrival.path)
    given = Given(settings, arrival.feed, arrival.campaign, arrival.at, None, name)
    try:
        content = understand(arrival.path.read_bytes(), given, aliases or {}).content
    except (FileRefused, OSError):
        return None
    told = content.placed_ms if isinstance(content, OrderLines) else content.observed_ms
    return from_ms(int(told.max())) if len(told) else None


def feed_for(path: Path, root: Path, settings: Settings, given: str | None) -> Feed | None:
    """The only feed, the one given, or the one whose folder (`root/<feed id>/…`) holds the file."""
    if given is not None:
        return settings.feed_by_id(given)
    if len(settings.feed) == 1:
        return settings.feed[0]
    ids = {feed.id: feed for feed in settings.feed}
    parts = path.parent.parts if not root.is_dir() else path.relative_to(root).parent.parts
    if not any(part in ids for part in parts):
        parts = path.absolute().parent.parts
    return next((ids[part] for part in reversed(parts) if part in ids), None)


def is_data(path: Path) -> bool:
    """Whether a file of this name is meant to be read: no hidden, lock or temporary file."""
    known = path.suffix.lower() in SUFFIXES | UNREADABLE
    own = path.name.endswith(".reason.txt")
    return known and not own and not path.name.startswith((".", "~"))


def files_in(folder: Path) -> list[Path]:
    """All files below a folder that are meant to be read, in order of name."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and is_data(path)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts[:-1])
    )
