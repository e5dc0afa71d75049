"""What an import would do, worked out before anything is kept: the import page shows this."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from monitor.ingest.readings import Control
from monitor.ingest.table import Fault


@dataclass(frozen=True)
class Matched:
    """A column of the file. `field`: what it is to us, None when it is not used.

    `how`: its name is known in the format's own words, in another language or older name, or was
    explained by a person before.
    """

    label: str
    field: str | None
    how: Literal["name", "alias", "learned", "unused"]


@dataclass(frozen=True)
class Suggestion:
    """A required column that is missing, and which unknown label may be its new name (best first)."""

    field: str
    title: str  # how the format calls it, such as `Creator-attributed GMV`
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One metric against the previous import of the same kind; None is unknown."""

    metric: str
    before: float | None
    now: float | None


@dataclass(frozen=True)
class Comparison:
    """The previous batch of the same feed and format for the same campaign.

    `words` say what is odd, "" when nothing is: `GMV is 38% below the file of an hour ago: …`."""

    batch_id: str
    file: str
    arrived_at: datetime
    changes: tuple[Change, ...]
    words: str = ""


@dataclass(frozen=True)
class Preview:
    """A file as it would be imported. Text is as in the file: whoever shows it escapes it."""

    file: str
    size: int  # bytes
    status: Literal["ready", "known", "needs_mapping", "refused"]
    reason: str | None  # why not, or what to do; also of "known"
    batch_id: str
    feed_id: str
    format: str  # "" when not recognised
    title: str = ""  # the format in words: `TikTok Shop Creator Data`
    language: str = ""  # English, ไทย …; "" when the headers do not say
    encoding: str = ""
    currency: str = ""
    timezone: str = ""
    timezone_from: str = ""  # `written in the file`, `of the campaign`
    period: tuple[datetime, datetime] | None = None  # half-open, in UTC
    observed: tuple[datetime, datetime] | None = None  # first and last reading or order
    campaigns: tuple[str, ...] = ()
    columns: tuple[Matched, ...] = ()
    missing: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    sample_labels: tuple[str, ...] = ()
    sample: tuple[tuple[int, tuple[str, ...]], ...] = ()  # (line, cells) of the first rows
    faults: tuple[Fault, ...] = ()
    controls: tuple[Control, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)  # read taken quarantined known
    totals: dict[str, float | None] = field(default_factory=dict)
    previous: Comparison | None = None
    asks: tuple[str, ...] = ()  # campaign, at: what the file lacks and a person has to say
    warnings: tuple[str, ...] = ()  # may be imported, but look at this first


@dataclass(frozen=True)
class Batch:
    """A row of the ledger for the import page."""

    batch_id: str
    file: str
    feed_id: str
    format: str
    status: Literal["taken", "known", "refused", "needs_mapping", "undone"]
    reason: str | None
    who: str  # "" for a source
    arrived_at: datetime
    read: int
    taken: int
    quarantined: int
    known: int
    campaigns: tuple[str, ...]
    undone_at: datetime | None = None
    undone_by: str | None = None
