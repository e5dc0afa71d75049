"""An inbox folder: which files are whole and waiting, and where they go when they are done.

A file is read when it has lain unchanged for the feed's `settle` time, nobody has it open for
writing (where the system can tell) and it does not end in the middle. Done files move to
`archive/<feed>/name@<arrival>.csv` beside the inbox, so that `replay archive` is the live day again;
refused ones go to `refused/<feed>/`, and those whose columns a person must explain to
`waiting/<feed>/`, each with a `.reason.txt`. What was said about a file (its note) moves along.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from monitor.ingest.arrivals import is_data, unstamped
from monitor.ingest.note import copy_note, drop_note
from monitor.settings import Feed

TORN_PATIENCE = 6  # settle times that a file without an end is waited for
SHARES = ("/mnt/", "/media/", "/net/", "/Volumes/", "/run/media/", "\\\\", "//")
REASON = ".reason.txt"
ZIP_END = b"PK\x05\x06"
ZIP_TAIL = 22 + 65_535  # the end record and the longest comment behind it
LINE_ENDS = (b"\n", b"\r", b"\n\x00", b"\r\x00")  # the last two in UTF-16


@dataclass(frozen=True)
class Sight:
    """A file as it was seen, and since when (seconds on a monotonic clock) it has not changed."""

    size: int
    changed_ns: int
    since_s: float


@dataclass
class Inbox:
    """One feed's folder. Remembers what it saw between looks.

    `known`: the folder has been there before, so if it is missing it was lost and is not made anew.
    """

    feed: Feed
    known: bool = False
    _seen: dict[Path, Sight] = field(default_factory=dict)
    _taken: dict[Path, Sight] = field(default_factory=dict)
    _device: int | None = None

    @property
    def folder(self) -> Path:
        return self.feed.source.path

    def ready(self, at_s: float) -> list[Path]:
        """Files that are whole by now, in order of name. `at_s` is monotonic seconds.

        Raises OSError when the folder cannot be read (a share that is gone).
        """
        self._find()
        seen: dict[Path, Sight] = {}
        settled: list[Path] = []
        for path in sorted(self.folder.iterdir()):
            if not is_data(path) or path.name.endswith(REASON):
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
            if at_s - sight.since_s >= self.feed.source.settle_s:
                settled.append(path)
        self._seen = seen
        written = being_written() if settled else set()
        return [path for path in settled if self._whole(path, at_s, written)]

    def _find(self) -> None:
        """Make sure that the folder is the one we know; a lost one is never made anew.

        On a share that is gone, a new empty folder in its place would hide the loss for good.
        """
        folder = self.folder
        try:
            if not folder.is_dir() and folder.stat():
                raise NotADirectoryError(20, "there is a file of that name; move it away")
            device = folder.stat().st_dev
        except FileNotFoundError:
            if self.known or not _may_make(folder):
                raise FileNotFoundError(
                    2, f"it is gone; mount the share again, or make the folder {folder.name}"
                ) from None
            folder.mkdir(parents=True, exist_ok=True)
            device = folder.stat().st_dev
        if self._device not in (None, device) and device == folder.parent.stat().st_dev:
            raise FileNotFoundError(2, "the share that was mounted there is gone; mount it again")
        self._device, self.known = device, True

    def _whole(self, path: Path, at_s: float, written: set[tuple[int, int]]) -> bool:
        settle_s = self.feed.source.settle_s
        try:
            stat = path.stat()
        except OSError:
            return False
        if (stat.st_dev, stat.st_ino) in written:
            return False
        unchanged_s = at_s - self._seen[path].since_s
        return unchanged_s >= TORN_PATIENCE * settle_s or not _torn(path)

    def done(self, path: Path, now: datetime, refused: str | None) -> None:
        """Move a file away; `refused` is the reason why none of it was taken."""
        target = self._move(path, now, "refused" if refused else "archive")
        if refused:
            _explain(target, f"{path.name} was refused: {refused}")

    def waiting(self, path: Path, now: datetime, reason: str) -> None:
        """Move a file to where it waits until a person has explained its columns."""
        _explain(self._move(path, now, "waiting"), f"{path.name} waits: {reason}")

    def read_again(self) -> None:
        """Put the files that wait for a person back into the inbox, under their own names."""
        waiting = self.folder.parent / "waiting" / self.feed.id
        for path in sorted(waiting.iterdir()) if waiting.is_dir() else ():
            if not is_data(path) or path.name.endswith(REASON):
                continue
            name, number = Path(unstamped(path)), 1
            while (target := self.folder / name).exists():
                number += 1
                name = Path(archived_name(Path(unstamped(path)), number))
            copy_note(path, target)
            shutil.move(path, target)
            drop_note(path)
            path.with_name(path.name + REASON).unlink(missing_ok=True)

    def _move(self, path: Path, now: datetime, where: str) -> Path:
        sight = self._seen.get(path)
        if sight:
            self._taken[path] = sight
        folder = self.folder.parent / where / self.feed.id
        folder.mkdir(parents=True, exist_ok=True)
        target = _free(folder, path, now)
        copy_note(path, target)  # first: whenever the power fails, a file has its note beside it
        shutil.move(path, target)
        drop_note(path)
        self._taken.pop(path, None)
        return target


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


def _explain(target: Path, words: str) -> None:
    target.with_name(target.name + REASON).write_text(f"{words}\n", encoding="utf-8")


def _may_make(folder: Path) -> bool:
    """Whether a folder that never was there may be made: not where a share ought to be mounted.

    The place of a share that is not mounted is empty, or is not there at all.
    """
    nearest = next(parent for parent in folder.absolute().parents if parent.exists())
    if not f"{folder.absolute()}".startswith(SHARES):
        return True
    return f"{nearest}/" not in SHARES and any(nearest.iterdir())


def _torn(path: Path) -> bool:
    """Whether the file ends where no writer would end: in a line, or without its footer.

    Of gzip, of old Excel files and of HTML the end tells nothing: those only have to lie still.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            size = file.seek(0, os.SEEK_END)
            if size < 8:
                return True
            tail = _tail(file, size, ZIP_TAIL if start.startswith(b"PK") else 16)
    except OSError:
        return True
    if start.startswith(b"PAR1") or path.suffix.lower() == ".parquet":
        return not tail.endswith(b"PAR1")
    if start.startswith(b"PK\x03\x04") or path.suffix.lower() in (".xlsx", ".zip"):
        return ZIP_END not in tail
    if start.startswith((b"\x1f\x8b", b"\xd0\xcf\x11\xe0")) or start.lstrip().startswith(b"<"):
        return False
    if path.suffix.lower() == ".json" and tail.rstrip().endswith((b"}", b"]")):
        return False
    return not tail.endswith(LINE_ENDS)


def _tail(file: BinaryIO, size: int, length: int) -> bytes:
    file.seek(max(size - length, 0))
    return file.read()


def being_written() -> set[tuple[int, int]]:
    """(device, inode) of all files that a process of this machine has open for writing.

    Known on Linux, and of processes that we may look into; elsewhere nothing is.
    """
    if not sys.platform.startswith("linux"):
        return set()
    found: set[tuple[int, int]] = set()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            links = list((process / "fd").iterdir())
        except OSError:
            continue  # another user's process, or one that just ended
        for link in links:
            try:
                if not os.readlink(link).startswith("/"):
                    continue  # a socket or a pipe
                info = (process / "fdinfo" / link.name).read_text()
                flags = int(re.search(r"^flags:\s*(\d+)", info, re.M)[1], 8)  # type: ignore[index]
                if flags & (os.O_WRONLY | os.O_RDWR):
                    opened = link.stat()
                    found.add((opened.st_dev, opened.st_ino))
            except OSError:
                continue  # closed meanwhile
    return found


def open_for_writing(path: Path) -> bool:
    """Whether a process of this machine has the file open for writing (Linux; elsewhere unknown)."""
    try:
        stat = path.stat()
    except OSError:
        return True
    return (stat.st_dev, stat.st_ino) in being_written()
