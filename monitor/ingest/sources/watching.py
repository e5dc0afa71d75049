"""An inbox that is watched: looks at it, and moves out of it, in a thread of its own.

A call into a share that does not answer cannot be broken off. So it is left alone with its thread:
its feed stands still until the share answers, and nobody else does.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.ingest.sources.folder import Inbox
from monitor.picture import SourceStatus

PATIENCE_S = 2.0  # a look that takes longer is waited for in later pulses
WORRY_S = 15.0  # slow until then, hanging from then on


class Hanging(OSError):
    """What was begun has not ended yet; `since_s` seconds ago it was."""

    def __init__(self, since_s: float) -> None:
        super().__init__(f"it has not answered for {since_s:.0f} s; does the share hang?")
        self.since_s = since_s


@dataclass
class _Work:
    """Something that was begun: `ended` once `result` or `error` is there."""

    what: Callable[[], Any]
    begun_s: float
    ended: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: OSError | None = None


class Watch:
    """One feed's inbox with its thread. All methods are for the ticking thread."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.patience_s, self.worry_s = PATIENCE_S, WORRY_S
        feed = inbox.feed
        self.status = SourceStatus(feed.id, feed.source.type, None, None, None, None, 0)
        self._asked: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._look: _Work | None = None
        self._moves: list[_Work] = []
        self._thread: threading.Thread | None = None

    def look(self, at_s: float, now: datetime) -> list[Path]:
        """Files that are whole by now; none while a slow folder has not answered yet.

        Raises OSError: the folder cannot be read, or hangs.
        """
        try:
            found = self._looked(at_s)
        except OSError as e:
            if isinstance(e, Hanging) and e.since_s < self.worry_s:
                return []
            status = self.status
            self.status = replace(
                status,
                trouble=_words(self.inbox, e),
                failing_since=status.failing_since or now,
                attempts=status.attempts + 1,
            )
            raise
        self.status = replace(
            self.status, asked_at=now, trouble=None, failing_since=None, attempts=0
        )
        return found

    def _looked(self, at_s: float) -> list[Path]:
        self._moves = [work for work in self._moves if not work.ended.is_set()]
        if self._moves:
            raise self._hanging(self._moves[0])
        patience_s = self.patience_s if self._look is None else 0.0
        if self._look is None:
            self._look = self._begin(lambda: self.inbox.ready(at_s))
        found: list[Path] = self._ended(self._look, patience_s)
        self._look = None
        return found

    def away(self, path: Path, now: datetime, status: str, reason: str | None) -> None:
        """Move a file that was read to where files of its status go. Raises OSError."""

        def move() -> None:
            if status == "needs_mapping":
                self.inbox.waiting(path, now, reason or "its columns must be explained")
            else:
                self.inbox.done(path, now, reason if status == "refused" else None)

        work = self._begin(move)
        self._moves.append(work)
        self._ended(work, self.patience_s)

    def stop(self) -> None:
        """Let the thread end; one that hangs ends with the process."""
        self._asked.put(None)

    # --- the thread ------------------------------------------------------------------------------

    def _begin(self, what: Callable[[], Any]) -> _Work:
        if self._thread is None:
            name = f"inbox {self.inbox.feed.id}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()
        work = _Work(what, time.monotonic())
        self._asked.put(work)
        return work

    def _ended(self, work: _Work, patience_s: float) -> Any:
        if not work.ended.wait(patience_s):
            raise self._hanging(work)
        if work is self._look:
            self._look = None
        if work.error is not None:
            raise work.error
        return work.result

    def _hanging(self, work: _Work) -> Hanging:
        return Hanging(time.monotonic() - work.begun_s)

    def _run(self) -> None:
        while (work := self._asked.get()) is not None:
            try:
                work.result = work.what()
            except OSError as e:
                work.error = e
            except Exception as e:  # a fault of ours; the thread must live on
                work.error = OSError(f"{type(e).__name__}: {e}")
            work.ended.set()


def _words(inbox: Inbox, error: OSError) -> str:
    return (
        f"feed {inbox.feed.id}: the folder {inbox.folder.name} cannot be read "
        f"({error.strerror or error}); looking again every few seconds"
    )
