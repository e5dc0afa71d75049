"""Long files are read in a thread of their own, so that no tick waits for them.

A tick takes a file when all of it has been read; until then the file lies in its inbox.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from monitor.ingest.aliases import aliases
from monitor.ingest.arrivals import Arrival, read_arrival, unread
from monitor.ingest.batch import Incoming
from monitor.ingest.recognise import Aliases
from monitor.settings import Settings
from monitor.store import Store

LONG = 2 * 1024 * 1024  # bytes; below, reading takes about as long as a tick
PACKED = {".xlsx", ".xlsm", ".zip", ".gz", ".parquet"}
PACKED_LONG = LONG // 10

Seen = tuple[int, int]  # size and time of change, ns


class Reading:
    """Files that are being read, by path. Used by the one thread that ticks."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()  # a long file may take half a gigabyte
        self._running: dict[Path, tuple[Seen, Future[Incoming]]] = {}

    def ready(
        self, arrivals: list[Arrival], store: Store, settings: Settings, now: datetime
    ) -> dict[Path, Arrival]:
        """Those a tick can take: short ones as they are, long ones once they have been read."""
        found: dict[Path, Arrival] = {}
        here = {arrival.path for arrival in arrivals}
        self._running = {path: item for path, item in self._running.items() if path in here}
        for arrival in arrivals:
            seen = _seen(arrival.path)
            if seen is None or not _is_long(arrival.path, seen[0]):
                found[arrival.path] = arrival
                continue
            running = self._running.get(arrival.path)
            if running is None or running[0] != seen:  # new, or written again while it was read
                learned = dict(aliases(store))
                future: Future[Incoming] = Future()
                threading.Thread(
                    target=self._read,
                    args=(future, arrival, settings, learned, now),
                    name=f"reading {arrival.path.name}",
                    daemon=True,  # given up with the process; the file is still in its inbox
                ).start()
                self._running[arrival.path] = seen, future
            elif running[1].done():
                found[arrival.path] = replace(arrival, read=running[1].result())
        return found

    def _read(
        self,
        future: Future[Incoming],
        arrival: Arrival,
        settings: Settings,
        learned: Aliases,
        now: datetime,
    ) -> None:
        try:
            with self._one_at_a_time:
                future.set_result(read_arrival(arrival, settings, learned, now))
        except BaseException as e:  # such as out of memory; other files must not wait for it
            future.set_result(unread(arrival, f"could not be read ({type(e).__name__}: {e})"))


def _seen(path: Path) -> Seen | None:
    try:
        stat = path.stat()
    except OSError:
        return None  # the tick says what is wrong with it
    return stat.st_size, stat.st_mtime_ns


def _is_long(path: Path, size: int) -> bool:
    return size > (PACKED_LONG if path.suffix.lower() in PACKED else LONG)
