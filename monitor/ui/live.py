"""What the pages read and ask: the published picture, the product's clock, and the import desk.

One holder for the whole process, because the scheduler that fills it runs once per process while
scripts run once per viewer. `app.py` calls `set_live` in its lifespan, before any browser connects.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from monitor.clock import Clock, SystemClock
from monitor.picture import Picture
from monitor.preview import Batch, Preview


class ImportDesk(Protocol):
    """What the import page asks of the product. Any call may raise MonitorError, in words for people.

    Calls come from the threads of viewers, several at once; none of them waits for a tick.
    """

    def feeds(self) -> Sequence[tuple[str, str]]:
        """(id, words) of each feed a file may go to: `("performance", "running total of the day")`."""
        ...

    def suggest_feed(self, name: str, content: bytes) -> str | None:
        """The feed that a file most likely belongs to; None when a person has to say it."""
        ...

    def preview(
        self,
        name: str,
        content: bytes,
        feed_id: str,
        campaign_id: str | None,
        at: datetime | None,
    ) -> Preview:
        """What an import would do; keeps nothing. `campaign_id` and `at` (aware) are what a person
        said for a file that names no campaign or no instant, None when nothing was said."""
        ...

    def submit(
        self,
        name: str,
        content: bytes,
        feed_id: str,
        campaign_id: str | None,
        at: datetime | None,
        who: str,
    ) -> str:
        """Put the file into its inbox, for the next tick; gives the batch id."""
        ...

    def progress(self, batch_id: str) -> Batch | None:
        """What became of a batch; None while it waits for the tick."""
        ...

    def batches(self, limit: int) -> Sequence[Batch]:
        """The newest batches of all feeds, newest first."""
        ...

    def undo(self, batch_id: str, who: str) -> None:
        """Take a batch back at the next tick; `progress` says `undone` then."""
        ...

    def learn(self, format: str, label: str, field: str, who: str) -> None:
        """Remember that files of `format` call `field` by `label`; `label` as it stands in the file."""
        ...

    def aliases(self) -> Sequence[tuple[str, str, str, str, datetime]]:
        """Learned names: (format, label, field, who, at)."""
        ...

    def forget(self, format: str, label: str, who: str) -> None:
        """Take a learned name back; what was imported with it stays."""
        ...

    def quarantine_csv(self, batch_id: str) -> tuple[str, bytes]:
        """(file name, UTF-8 CSV) of the rows of a batch that were set aside: with the header of their
        file, so that they can be corrected and dropped back in; safe to open in a spreadsheet."""
        ...


class Runtime(Protocol):
    """The running product, as far as the pages know it. Swapping `picture` publishes it."""

    @property
    def picture(self) -> Picture | None: ...

    @property
    def clock(self) -> Clock: ...


_runtime: Runtime | None = None


def set_live(runtime: Runtime | None) -> None:
    """Tell the pages where to read; None takes it away again."""
    global _runtime
    _runtime = runtime


def current() -> Picture | None:
    """The newest published picture, or None before the first tick."""
    return _runtime.picture if _runtime is not None else None


def clock() -> Clock:
    """The product's clock: the wall clock, or a faster one in the demo."""
    return _runtime.clock if _runtime is not None else SystemClock()


def desk() -> ImportDesk | None:
    """Where files are handed in; None when the product that runs takes none by hand."""
    found: ImportDesk | None = getattr(_runtime, "imports", None)
    return found
