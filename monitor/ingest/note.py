"""What a person or a source said about a file beside it: a hidden JSON file that moves along with it.

`sales.csv` has `.sales.csv.note.json`. Without one, nothing was said.
"""

from __future__ import annotations

import json
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
        note_path(path).write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
