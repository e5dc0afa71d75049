"""The one protocol of all sources that are asked: `poll` gives files for the feed's inbox.

Whatever comes, by whichever way, becomes a file in an inbox first (`folder.py`), so that every feed
is read, archived, refused and replayed alike. The cursor goes into the database in the same
transaction as the rows that came with it: after a crash a source is asked again from there, and
what is then held already changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from monitor.errors import MonitorError

Cursor = dict[str, Any]  # JSON; {} at the very first


@dataclass(frozen=True)
class Fetched:
    """One file's worth of rows, canonical unless the source hands on a file as it is.

    `name`: a file name without a stamp, such as `shop-hours.jsonl`. `cursor`: where to go on once
    this is held.
    """

    name: str
    content: bytes
    cursor: Cursor


class SourceTrouble(MonitorError):
    """A source that did not answer as it should, in words for the Data page.

    `retry_after_s`: when the source itself says how long to wait. `permanent`: asking again the same
    way cannot help (401, wrong query); it is asked again all the same, but rarely.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, permanent: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s, self.permanent = retry_after_s, permanent


class Source(Protocol):
    """A source that is asked. One thread per source calls it; it may take its time."""

    def poll(self, cursor: Cursor, now: datetime) -> Iterator[Fetched]:
        """What is new since `cursor`. Nothing is lost when it raises SourceTrouble half way:
        what was yielded is held, the rest is asked for again."""
        ...

    def close(self) -> None: ...
