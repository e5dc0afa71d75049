"""The published picture: everything that viewers see, immutable, made once per tick.

Pages and routes read only this, so sixty viewers cost what one does. `monitor/publish.py` makes it.
Numbers are in the campaign's currency (not cents); None is unknown and is never shown as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa

from monitor.settings import Campaign

Phase = Literal["upcoming", "live", "ended"]

SERIES_SCHEMA = pa.schema(
    [
        ("bucket_start", pa.timestamp("ms", tz="UTC")),
        ("observed", pa.float64()),  # null: unknown or not closed yet
        ("expected", pa.float64()),  # null: nothing to compare with
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("state", pa.string()),  # normal band breach open bridged incomplete too_little
        ("comparable", pa.float64()),  # the last comparable campaign at this time of event
    ]
)
BOARD_SCHEMA = pa.schema(
    [
        ("rank", pa.int32()),
        ("id", pa.string()),
        ("name", pa.string()),
        ("value", pa.float64()),  # GMV
        ("share", pa.float64()),  # 0..1 of the board's total
        ("orders", pa.float64()),
        ("rank_change", pa.int32()),  # places won (+) or lost (-) in the last hour; null: new
        ("last_hour", pa.float64()),  # GMV of the last hour
    ]
)


@dataclass(frozen=True)
class Pace:
    """Where the campaign stands against its target, in the event's own shape.

    `basis` says which campaigns gave the shape. All but `target` are None when there is none.
    """

    metric: str
    target: float | None
    due_by_now: float | None  # what the target asks for by the watermark
    projected: float | None  # finish if the rest follows the shape at today's level
    projected_low: float | None
    projected_high: float | None
    need_per_hour: float | None  # for the rest of the event, to reach the target; 0 when reached
    basis: str


@dataclass(frozen=True)
class Board:
    """One ranking. `rows` follows BOARD_SCHEMA, best first, ties by id."""

    name: str
    title: str
    metric: str
    total: float | None
    rows: pa.Table


@dataclass(frozen=True)
class Member:
    """One channel or category of a campaign, so far and against its comparable."""

    dim: str
    id: str  # "" where the source does not say
    totals: Mapping[str, float | None]
    compared: Mapping[str, float | None]
    share: float | None
    state: str  # last judged state of its GMV: normal band breach …, or "" when never judged


@dataclass(frozen=True)
class CampaignPicture:
    """One campaign as of one generation."""

    campaign: Campaign
    phase: Phase
    as_of: datetime | None  # newest reading in it; None: no data yet
    watermark: datetime | None  # complete up to here
    late_feeds: tuple[str, ...]  # feeds that are late now; not empty = stale
    totals: Mapping[str, float | None]  # the METRICS, then conversion (0..1) and aov
    compared_with: str | None  # name of the comparable campaign of `compared`
    compared: Mapping[str, float | None]  # its totals at the same time of event
    members: tuple[Member, ...]
    series: Mapping[tuple[str, str], pa.Table]  # (scope_key, metric) → SERIES_SCHEMA
    pace: Pace
    boards: Mapping[str, Board]  # creators categories channels linkshare
    alerts: tuple[dict[str, Any], ...]  # as the CONTRACT's alerts JSON, by id
    history: Mapping[int, tuple[dict[str, Any], ...]]  # alert id → audit rows at, actor, what, note
    corrections: Mapping[str, float] = field(default_factory=dict)  # metric → sum of corrections
    comparable_basis: str = ""  # which campaigns give the shape, or why there is none


@dataclass(frozen=True)
class FeedPicture:
    """One feed of one campaign, or a feed that has not delivered yet (campaign_id None)."""

    feed_id: str
    campaign_id: str | None
    counter: str
    cadence_s: float
    path: str
    last_arrival: datetime | None
    newest: datetime | None  # newest observed_at
    watermark: datetime | None
    late: bool
    lag_s: float | None  # published_at - watermark while the campaign is live
    snapshots: int
    batches: int
    quarantined: int
    complete_to: datetime | None = None  # watermark, but never beyond what had arrived
    due_at: datetime | None = None  # late from here on unless more comes
    behind: bool = False  # files come, but the source says they are complete only to complete_to
    metrics: tuple[str, ...] = ()  # whose totals it gives in this campaign
    rules: tuple[str, ...] = ()  # that read it
    boards: tuple[str, ...] = ()  # that it ranks
    troubles: tuple[str, ...] = ()  # headlines of open data alerts of this feed, oldest first
    stuck: bool = False  # files come, but nothing in them moves
    told: datetime | None = None  # what exports and orders speak of, which close no bucket

    @property
    def next_at(self) -> datetime | None:
        """When the next reading is expected: one cadence after the newest."""
        return None if self.newest is None else self.newest + timedelta(seconds=self.cadence_s)


@dataclass(frozen=True)
class SourceStatus:
    """How a feed's source is doing, as of the last time it was asked. Instants by the clock."""

    feed_id: str
    type: str  # folder http sql push
    asked_at: datetime | None  # when it last answered, even with nothing new
    next_at: datetime | None  # when it is asked again; None: it is watched, not asked
    trouble: str | None  # what went wrong last, in words; None: nothing
    failing_since: datetime | None
    attempts: int  # failures in a row


@dataclass(frozen=True)
class Picture:
    """All that viewers see. `generation` changes whenever anything in it does."""

    generation: int
    published_at: datetime
    demo: bool
    campaigns: Mapping[str, CampaignPicture]
    feeds: tuple[FeedPicture, ...]
    batches: pa.Table  # newest first: batch_id file feed_id campaign_ids format status reason
    #                   arrived_at read taken quarantined known undone_at undone_by who
    quarantine: pa.Table  # newest first, of batches in force: file row column value reason at
    #                       campaign_id feed_id
    problems: tuple[str, ...] = ()  # the last tick failed, disk full …: shown loudly
    sources: Mapping[str, SourceStatus] = field(default_factory=dict)  # by feed id
    speed: float = 1.0  # of the clock; 1 except in the demo
