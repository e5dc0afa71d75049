"""An inbox folder: which files are whole and waiting, and where they go when they are done.

A file is read when it has lain unchanged for the feed's `settle` time, nobody has it open for
writing (where the system can tell) and it does not end in the middle of a line. Done files move to
`archive/<feed>/name@<arrival>.csv` beside the inbox, so that `replay archive` is the live day again;
refused ones go to `refused/<feed>/` with a `.reason.txt`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from monitor.ingest.arrivals import is_data
from monitor.settings import Feed

TORN_PATIENCE = 6  # settle times that a file without a last line end is waited for


@dataclass(frozen=True)
class Sight:
    """A file as it was seen, and since when (seconds on a monotonic clock) it has not changed."""

    size: int
    changed_ns: int
    since_s: float


@dataclass
class Inbox:
    """One feed's folder. Remembers what it saw between looks."""

    feed: Feed
    _seen: dict[Path, Sight] = field(default_factory=dict)
    _taken: dict[Path, Sight] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.feed.source.path

    def ready(self, at_s: float) -> list[Path]:
        """Files that are whole by now, in order of name. `at_s` is monotonic seconds.

        Raises OSError when the folder cannot be read (a share that is gone).
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        seen: dict[Path, Sight] = {}
        ready: list[Path] = []
        for path in sorted(self.folder.iterdir()):
            if not is_data(path):
                continue
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue  # moved away while we looked
            if not path.is_file():
                continue
            old = self._seen.get(path)
            same = old is not None and (old.size, old.changed_ns) == (
                stat.st_size,
                stat.st_mtime_ns,
            )
            sight = old if same and old else Sight(stat.st_size, stat.st_mtime_ns, at_s)
            seen[path] = sight
            taken = self._taken.get(path)
            if taken and (taken.size, taken.changed_ns) == (sight.size, sight.changed_ns):
                continue  # read before, but it could not be moved away
            if self._whole(path, at_s - sight.since_s):
                ready.append(path)
        self._seen = seen
        return ready

    def _whole(self, path: Path, unchanged_s: float) -> bool:
        settle_s = self.feed.source.settle_s
        if unchanged_s < settle_s or open_for_writing(path):
            return False
        return unchanged_s >= TORN_PATIENCE * settle_s or not _torn(path)

    def done(self, path: Path, now: datetime, refused: str | None) -> None:
        """Move a file away; `refused` is the reason why none of it was taken."""
        sight = self._seen.get(path)
        if sight:
            self._taken[path] = sight
        folder = self.folder.parent / ("refused" if refused else "archive") / self.feed.id
        folder.mkdir(parents=True, exist_ok=True)
        target = _free(folder, path, now)
        shutil.move(path, target)
        self._taken.pop(path, None)
        if refused:
            note = target.with_name(target.name + ".reason.txt")
            note.write_text(f"{path.name} was refused: {refused}\n", encoding="utf-8")


def archived_name(path: Path, number: int = 1) -> str:
    """The name that a file has in the archive, but for the stamp of its arrival.

    Files of one tick are taken in the order of these names, so that a replay takes them so too.
    """
    stem = re.sub(r"@(?=\d{8}T\d{6}Z$)", "_", path.stem)
    return f"{stem}{'' if number == 1 else f'_{number}'}{path.suffix}"


def _free(folder: Path, path: Path, now: datetime) -> Path:
    """`name@<arrival>.csv`, with a number when two files of one name came in one second."""
    stamp, number = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"), 1
    while True:
        name = Path(archived_name(path, number))
        target = folder / f"{name.stem}@{stamp}{name.suffix}"
        if not target.exists():
            return target
        number += 1


def _torn(path: Path) -> bool:
    """Whether the file ends where no writer would end: without a line end, or a Parquet footer."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0, os.SEEK_END)
            if file.tell() < 8:
                return True
            file.seek(-4, os.SEEK_END)
            end = file.read(4)
    except OSError:
        return True
    if start == b"PAR1" or path.suffix.lower() == ".parquet":
        return end != b"PAR1"
    return not end.endswith((b"\n", b"\r"))


def open_for_writing(path: Path) -> bool:
    """Whether a process of this machine has the file open for writing (Linux; elsewhere unknown)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        wanted = path.stat()
    except OSError:
        return True
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            for link in (process / "fd").iterdir():
                opened = link.stat()
                if (opened.st_dev, opened.st_ino) == (wanted.st_dev, wanted.st_ino):
                    info = (process / "fdinfo" / link.name).read_text()
                    flags = int(re.search(r"^flags:\s*(\d+)", info, re.M)[1], 8)  # type: ignore[index]
                    if flags & (os.O_WRONLY | os.O_RDWR):
                        return True
        except OSError:
            continue  # another user's process, or one that just ended
    return False
