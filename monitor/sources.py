"""Where a feed's data comes from, as the configuration says it: folder, http, sql or push.

Every source has an inbox folder (`path`): what it gives becomes a file there first.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _duration(value: Any) -> Any:
    """`5m`, `90s`, `1h` → timedelta."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+)\s*(s|m|h)", value) if isinstance(value, str) else None
    if not match or int(match[1]) == 0:
        raise ValueError('a duration is a whole number with s, m or h, such as "5m"')
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] * timedelta(seconds=1)


def _instant(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("an instant needs an offset, such as 2026-11-11T00:00:00+08:00")
    if isinstance(value, date) and not isinstance(value, datetime):
        raise ValueError("an instant needs a time and an offset, not a date alone")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Part(BaseModel):
    """A piece of configuration: frozen, and every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Inboxed(Part):
    """An inbox folder of files. `settle` is how long a file must lie unchanged to be read."""

    path: Path
    settle: Duration | Literal["0s"] = timedelta(seconds=5)

    @property
    def settle_s(self) -> float:
        return 0.0 if isinstance(self.settle, str) else self.settle.total_seconds()


class FolderSource(Inboxed):
    """Files that people or programs put into a folder, local or on a mounted share."""

    type: Literal["folder"]


class HttpSource(Inboxed):
    """JSON or CSV over REST, asked every `every` (default: the feed's cadence)."""

    type: Literal["http"]
    settle: Duration | Literal["0s"] = "0s"
    every: Duration | None = None
    url: str


class SqlSource(Inboxed):
    """A query, incremental by a column, asked every `every` (default: the feed's cadence).

    `url`: an SQLAlchemy URL, or `env:NAME` or `file:PATH` that holds it.
    """

    type: Literal["sql"]
    settle: Duration | Literal["0s"] = "0s"
    every: Duration | None = None
    url: str
    query: str


class PushSource(Inboxed):
    """Snapshots that a program sends to POST /api/feeds/{feed}/snapshots.

    `tokens`: `sha256:<hex>` of each token that may push to this feed.
    """

    type: Literal["push"]
    settle: Duration | Literal["0s"] = "0s"
    tokens: tuple[str, ...] = Field(min_length=1)


Source = Annotated[FolderSource | HttpSource | SqlSource | PushSource, Field(discriminator="type")]
