"""An arrival: one file that came for one feed, and when it came."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.clock import from_ms
from monitor.errors import FileRefused
from monitor.ingest.load import Incoming, content_hash
from monitor.ingest.read import Readings, read_canonical
from monitor.settings import Feed, Settings

log = logging.getLogger("monitor")
STAMP = re.compile(r"@(\d{8}T\d{6})Z(?=\.|$)")
SUFFIXES = {".csv", ".parquet", ".jsonl", ".ndjson", ".json"}
UNREADABLE = {".xlsx", ".xls", ".tsv", ".gz", ".zip"}  # taken all the same, to be refused in words


@dataclass(frozen=True)
class Arrival:
    """A file for a feed. `campaign` is for files without a campaign column."""

    path: Path
    feed: Feed
    campaign: str | None = None


def read_arrival(arrival: Arrival, settings: Settings) -> Incoming:
    """Read a file. It never raises for what the file holds: a refusal carries its reason."""
    readings: Readings | None = None
    reason: str | None = None
    content = b""
    try:
        content = arrival.path.read_bytes()
        readings = read_canonical(content, settings, arrival.campaign)
    except FileRefused as e:
        reason = str(e)
    except OSError as e:
        reason = f"cannot be read: {e.strerror or e}"
    except Exception as e:  # a fault of ours in one file must not keep the others waiting
        log.exception("reading %s failed", arrival.path.name)
        reason = f"the product failed to read it ({type(e).__name__}: {e}); please report this file"
    return Incoming(
        file=arrival.path.name,
        feed=arrival.feed,
        content_hash=content_hash(content, arrival.campaign),
        format="canonical",
        readings=readings,
        reason=reason,
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


def instant_of(arrival: Arrival, settings: Settings) -> datetime | None:
    """When a recorded file arrived: its stamp, or its latest reading; None when it has neither."""
    found = stamped(arrival.path.name)
    if found is not None:
        return found
    try:
        readings = read_canonical(arrival.path.read_bytes(), settings, arrival.campaign)
    except (FileRefused, OSError):
        return None
    return from_ms(int(readings.observed_ms.max())) if len(readings.observed_ms) else None


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
    return known and not path.name.startswith((".", "~"))


def files_in(folder: Path) -> list[Path]:
    """All files below a folder that are meant to be read, in order of name."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and is_data(path))
