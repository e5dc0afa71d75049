"""A file into an inbox so that it is whole, and on the disk, from the moment that it can be seen."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType

from monitor.ingest.note import Note, note_path, write_note, write_whole

ARRIVING = ".arriving"  # in the inbox, so that a rename stays on one disk
FORGOTTEN_S = 3600.0  # what a crash left there


class Delivery:
    """Write, look at `path`, then `place`. What is not placed is gone at the end of `with`."""

    def __init__(self, inbox: Path, at: datetime, suffix: str) -> None:
        name = f"push-{at:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}{suffix}"
        self.inbox = inbox
        self.path = inbox / ARRIVING / name

    def __enter__(self) -> Delivery:
        fresh = not self.inbox.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            _sync(self.inbox.parent)
        for left in self.path.parent.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another push may just have placed it
                if time.time() - left.stat().st_mtime > FORGOTTEN_S:
                    left.unlink()
        return self

    def write(self, content: bytes, note: Note) -> None:
        write_note(self.path, note)
        write_whole(self.path, content)

    def place(self) -> None:
        """Into the inbox, the note first: a file never stands there without it."""
        target = self.inbox / self.path.name
        if note_path(self.path).exists():
            note_path(self.path).rename(note_path(target))
        self.path.rename(target)
        _sync(self.inbox)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.path.unlink(missing_ok=True)
        note_path(self.path).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Put a folder's entries onto the disk."""
    if os.name == "nt":
        return  # Windows has no such thing
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
