"""What a person or a source said about a file beside it: a hidden JSON file that moves along with it.

`sales.csv` has `.sales.csv.note.json`. Without one, nothing was said.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Note:
    """`campaign`: for files without a campaign column. `at`: the instant of reading, for files
    without one (ISO 8601 with offset). `who` gave it. `cursor`: where its source goes on (JSON)."""

    campaign: str | None = None
    at: str | None = None
    who: str = ""
    cursor: str | None = None

    @property
    def said(self) -> str | None:
        """What was said that changes what the file means, as one text: part of its identity."""
        return self.campaign if self.at is None else f"{self.campaign or ''}@{self.at}"

    @property
    def instant(self) -> datetime | None:
        return None if self.at is None else datetime.fromisoformat(self.at)


def note_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.note.json")


def note_of(path: Path) -> Note:
    """The note beside a file; an empty one when there is none or it cannot be read."""
    try:
        said = json.loads(note_path(path).read_text(encoding="utf-8"))
        return Note(**{k: v for k, v in said.items() if k in Note.__dataclass_fields__})
    except (OSError, ValueError, AttributeError):
        return Note()


def write_note(path: Path, note: Note) -> None:
    """Write the note of a file; do it before the file itself appears under its name."""
    said = {k: v for k, v in asdict(note).items() if v}
    if said:
        written = json.dumps(said, ensure_ascii=False)
        write_whole(note_path(path), written.encode())


def write_whole(path: Path, content: bytes) -> None:
    """A file that appears under its name only when all of it is on the disk, or not at all."""
    being = path.with_name(f".{path.name.lstrip('.')}.part")
    try:
        with being.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        being.replace(path)
    except BaseException:
        with suppress(OSError):
            being.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # not every system lets a folder be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def copy_note(path: Path, to: Path) -> None:
    """Give a file that is about to be moved its note at the new place; the old one stays."""
    with suppress(FileNotFoundError):
        write_whole(note_path(to), note_path(path).read_bytes())


def drop_note(path: Path) -> None:
    note_path(path).unlink(missing_ok=True)
