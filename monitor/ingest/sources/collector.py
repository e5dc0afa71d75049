"""A source that is asked, in a thread of its own: what it gives becomes files in the feed's inbox.

A source that is slow, hangs or is dead keeps nobody waiting but its own feed. What went wrong is
told in its SourceStatus, and it is asked again: soon at first, then ever more rarely.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.clock import Clock, to_db
from monitor.ingest.note import Note, note_path, write_note, write_whole
from monitor.ingest.sources.base import Cursor, Fetched, Source, SourceTrouble
from monitor.ingest.sources.http import HttpFeed
from monitor.ingest.sources.sql import SqlFeed
from monitor.picture import SourceStatus
from monitor.settings import Feed, Settings
from monitor.sources import HttpSource, SqlSource
from monitor.store import Store

log = logging.getLogger("monitor")

FIRST_RETRY_S = 5.0
SLOWEST_RETRY_S = 300.0
RARELY_S = 900.0  # after a trouble that only a person can end
LONGEST_REST_S = 3600.0  # of what a source asks for with Retry-After
LEAST_PAUSE_S = 1.0


class Stopping(BaseException):
    """The product ends: out of whatever the thread was waiting for. No `except Exception` holds it."""


@dataclass(frozen=True)
class Pace:
    """When a source is asked again, in seconds. `chance` gives 0..1, to keep feeds apart."""

    every_s: float
    chance: Callable[[], float] = random.random

    def after_answer(self, took_s: float) -> float:
        return max(self.every_s - took_s, min(LEAST_PAUSE_S, self.every_s))

    def after_trouble(self, trouble: SourceTrouble, attempts: int) -> float:
        """`attempts`: failures in a row, this one included."""
        slowest_s = max(SLOWEST_RETRY_S, self.every_s)
        wait_s = min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 30), slowest_s)
        if trouble.permanent:
            wait_s = max(RARELY_S, self.every_s)
        wait_s *= 0.75 + 0.5 * self.chance()
        return max(wait_s, min(trouble.retry_after_s or 0.0, LONGEST_REST_S))


class Collector:
    """One asked feed. The runtime starts and ends it; `status` may be read by anybody."""

    def __init__(
        self, feed: Feed, settings: Settings, clock: Clock, cursor: Cursor, pace: Pace | None = None
    ) -> None:
        assert isinstance(feed.source, HttpSource | SqlSource)
        self.feed, self.clock, self.cursor = feed, clock, cursor
        self.pace = pace or Pace((feed.source.every or feed.cadence).total_seconds())
        self._end = threading.Event()
        self.source: Source = (
            HttpFeed(feed, settings, self._sleep)
            if isinstance(feed.source, HttpSource)
            else SqlFeed(feed, settings)
        )
        self._status = SourceStatus(feed.id, feed.source.type, None, None, None, None, 0)
        self._thread = threading.Thread(target=self._run, name=f"source {feed.id}", daemon=True)
        self._written = 0

    @property
    def status(self) -> SourceStatus:
        """As of the last time it was asked; one immutable value, so any thread may take it."""
        return self._status

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Ask the thread to end; it wakes from whatever sleep it is in."""
        self._end.set()

    def join(self, within_s: float) -> None:
        """Wait a moment for it; a thread that hangs in an answer ends with the process."""
        if self._thread.is_alive():
            self._thread.join(within_s)

    def ask(self) -> float:
        """Ask once; gives the seconds until it should be asked again. Never raises an Exception."""
        began_s = time.monotonic()
        trouble: SourceTrouble
        try:
            for fetched in self.source.poll(self.cursor, self.clock.now()):
                self._keep(fetched)
            return self._answered(self.pace.after_answer(time.monotonic() - began_s))
        except SourceTrouble as e:
            trouble = e
        except OSError as e:
            trouble = SourceTrouble(
                f"feed {self.feed.id}: what came cannot be written into {self.folder.name} "
                f"({e.strerror or type(e).__name__}); make room or give access, it is asked for again"
            )
        except Exception as e:  # a fault of ours in one source must not end its thread
            log.exception("asking the source of feed %s failed", self.feed.id)
            trouble = SourceTrouble(
                f"feed {self.feed.id}: the product failed to read the source "
                f"({type(e).__name__}); please report this"
            )
        return self._failed(trouble)

    @property
    def folder(self) -> Path:
        return self.feed.source.path

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._tidy()
            while not self._end.is_set():
                self._sleep(self.ask())
        except Stopping:
            pass
        finally:
            self.source.close()

    def _sleep(self, seconds: float) -> None:
        if self._end.wait(seconds):
            raise Stopping

    def _tidy(self) -> None:
        """Take away what a crash left half written, and notes whose file never came."""
        with suppress(OSError):
            for path in self.folder.glob(f".{self.feed.id}-????????T??????Z-*"):
                named = path.name.removeprefix(".").removesuffix(".note.json")
                if path.suffix == ".part" or not (self.folder / named).exists():
                    path.unlink()

    def _keep(self, fetched: Fetched) -> None:
        """The note, then the file, each whole or not at all; only then does the cursor move on."""
        if self._end.is_set():
            raise Stopping
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._free(fetched.name)
        campaign = getattr(self.feed.source, "campaign", None)
        write_note(path, Note(campaign=campaign, cursor=json.dumps(fetched.cursor)))
        write_whole(path, fetched.content)
        self.cursor = fetched.cursor

    def _free(self, name: str) -> Path:
        """`hours-20261111T040500Z-0001.jsonl`: names of one feed sort by the time they came."""
        given = Path(name)
        at = self.clock.now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        while True:
            self._written += 1
            stem = f"{self.feed.id}-{at}-{self._written:06d}"
            if given.stem != self.feed.id:
                stem += f"-{given.stem.removeprefix(self.feed.id).strip('-')}"
            path = self.folder / f"{stem}{given.suffix}"
            if not path.exists() and not note_path(path).exists():
                return path

    def _answered(self, wait_s: float) -> float:
        if self._status.trouble:
            log.info("the source of feed %s answers again", self.feed.id)
        self._status = replace(
            self._status,
            asked_at=self.clock.now(),
            next_at=self._in(wait_s),
            trouble=None,
            failing_since=None,
            attempts=0,
        )
        return wait_s

    def _failed(self, trouble: SourceTrouble) -> float:
        attempts = self._status.attempts + 1
        wait_s = self.pace.after_trouble(trouble, attempts)
        if attempts == 1 or str(trouble) != self._status.trouble:
            log.warning("%s", trouble)
        self._status = replace(
            self._status,
            next_at=self._in(wait_s),
            trouble=str(trouble),
            failing_since=self._status.failing_since or self.clock.now(),
            attempts=attempts,
        )
        return wait_s

    def _in(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=round(seconds))


def keep_cursor(store: Store, feed_id: str, cursor_json: str, now: datetime) -> None:
    """Remember where a source goes on; call it in the transaction that takes the file's rows."""
    store.run("source.keep", [feed_id, cursor_json, to_db(now)])


def kept_cursor(store: Store, feed_id: str) -> Cursor:
    """Where a source goes on; {} at the very first, and when what is kept cannot be read."""
    rows = store.rows("source.cursor", [feed_id])
    try:
        said = json.loads(rows[0][0]) if rows else {}
    except ValueError:
        said = {}
    return said if isinstance(said, dict) else {}
