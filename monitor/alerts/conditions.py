"""What is wrong with the data itself, as alerts of kind `data`. Pure.

They keep the money rules honest and never look like a dip. A *condition* holds now (a late feed, a
refused file); one with `episode` happened in the data and is told for its own time, whenever it is
found (a stuck counter, a reset, a correction).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from monitor.alerts.wording import clock
from monitor.campaigns.words import Scope
from monitor.clock import from_ms
from monitor.ingest.counters import NONE
from monitor.observe import Stream
from monitor.settings import Campaign, Feed

STALE = ("feed_late", "stuck_counter")  # rules whose alerts explain what reads their feed
EPISODES = ("stuck_counter", "counter_reset", "correction")


@dataclass(frozen=True)
class Condition:
    """`since`: event time; `due_at`: when it could first be known; `over`: when an episode ended.

    `grace`: how much later than `due_at` it may be found without being found late. `made_up`: a
    stuck counter brought at once what it had held back.
    """

    rule: str
    scope: Scope
    metric: str | None
    severity: str
    reason: str | None
    since: datetime
    due_at: datetime
    headline: str
    over: datetime | None = None
    grace: timedelta = timedelta(minutes=11)
    made_up: bool = False


@dataclass(frozen=True)
class FileTrouble:
    """Files of a feed that wait for somebody. `rule`: refused_file, needs_mapping or quarantine.

    `file`, `reason`: the newest of `count` files; `share`: of its rows in quarantine.
    """

    rule: str
    feed_id: str
    file: str
    reason: str
    at: datetime
    count: int = 1
    share: float = 0.0


def reach(stream: Stream, arrived: datetime | None = None) -> datetime | None:
    """How far the data of a stream goes: its watermark, and never beyond what had arrived.

    A row may end in the future (an hour that still runs); it cannot speak for what comes after its
    arrival. `arrived`: when the stream's newest file came, where known.
    """
    mark = stream.watermark
    if mark is None or arrived is None or stream.newest is None or stream.newest <= arrived:
        return mark
    return min(mark, arrived)


def due(stream: Stream, campaign: Campaign, arrived: datetime | None = None) -> datetime | None:
    """When the stream is late unless more comes: two cadences and a minute after its reach."""
    mark = reach(stream, arrived)
    return None if mark is None else max(mark, campaign.start) + stream.feed.late_after


def late(
    stream: Stream, campaign: Campaign, now: datetime, arrived: datetime | None = None
) -> bool:
    """Complete to no later than two cadences and a minute ago, while the campaign runs."""
    at = due(stream, campaign, arrived)
    return at is not None and campaign.start <= now < campaign.end and now > at


def behind(stream: Stream, now: datetime, arrived: datetime | None = None) -> bool:
    """Readings come, but the source says that they are complete only to an earlier instant."""
    newest, mark = stream.newest, stream.watermark
    if newest is None or mark is None or mark >= newest:
        return False
    return min(newest, arrived or newest) > now - stream.feed.late_after


def now_wrong(
    campaign: Campaign,
    streams: tuple[Stream, ...],
    arrived: dict[str, datetime],
    files: list[FileTrouble],
    now: datetime,
) -> list[Condition]:
    """All that holds at `now`. `arrived`: per feed, when its newest file for the campaign came."""
    found: list[Condition] = []
    for stream in streams:
        came = arrived.get(stream.feed.id)
        if late(stream, campaign, now, came):
            found.append(_late(stream, campaign, now, came))
        if stream.closing.unknown_start and now < campaign.end:
            found.append(_unknown_start(stream, campaign))
    if campaign.start <= now < campaign.end:
        found += [_file(trouble) for trouble in files]
    return found


def _late(stream: Stream, campaign: Campaign, now: datetime, arrived: datetime | None) -> Condition:
    feed, mark, at = stream.feed, reach(stream, arrived), due(stream, campaign, arrived)
    assert mark is not None
    assert at is not None
    told = f"Feed {feed.id} is late: nothing after {clock(mark, campaign.zone)}"
    if behind(stream, now, arrived):
        told = (
            f"Feed {feed.id} is behind: readings come, but its source says that they are complete "
            f"only to {clock(mark, campaign.zone)}"
        )
    return Condition(
        "feed_late", {"feed": feed.id}, None, "warning", "feed_late", mark, at,
        f"{told}; its numbers stand still and its rules wait", grace=feed.late_after,
    )  # fmt: skip


def _unknown_start(stream: Stream, campaign: Campaign) -> Condition:
    first = _first_known(stream)
    return Condition(
        "unknown_start", {"feed": stream.feed.id}, None, "warning", None, campaign.start, first,
        f"Feed {stream.feed.id}: what came between the start and {clock(first, campaign.zone)} is "
        "unknown, because the counter began before the campaign and no earlier reading exists",
    )  # fmt: skip


def _first_known(stream: Stream) -> datetime:
    read = stream.closing.read
    if read.any():
        return from_ms(int(stream.closing.starts_ms[int(np.argmax(read))]))
    newest = stream.closing.newest_ms
    return from_ms(newest if newest != NONE else stream.meaning.start_ms)


def _file(trouble: FileTrouble) -> Condition:
    more = f" (and {trouble.count - 1} before it)" if trouble.count > 1 else ""
    file, feed_id = trouble.file, trouble.feed_id
    if trouble.rule == "refused_file":
        told = f"File {file} of feed {feed_id} was refused{more}: {trouble.reason}"
    elif trouble.rule == "needs_mapping":
        told = (
            f"File {file} of feed {feed_id} waits{more}: {trouble.reason}; say on the Import page "
            "what its columns are, then it is taken"
        )
    else:
        told = (
            f"{trouble.share:.0%} of the rows of {file} (feed {feed_id}) could not be read{more}; "
            "the Data page lists them: correct them and drop them in again"
        )
    return Condition(
        trouble.rule, {"feed": feed_id}, None, "warning", None, trouble.at, trouble.at, told
    )


def episode(
    rule: str, scope: Scope, feed: Feed, since_ms: int, due_ms: int, over_ms: int | None,
    headline: str, now: datetime, **more: Any,
) -> Condition:  # fmt: skip
    """An episode as a condition; what ends after `now` has not ended."""
    over = None if over_ms is None else from_ms(over_ms)
    severity, reason = {
        "stuck_counter": ("warning", "feed_late"),
        "counter_reset": ("warning", "counter_reset"),
        "correction": ("info", "correction"),
    }[rule]
    return Condition(
        rule, scope, "gmv" if rule == "correction" else None, severity, reason,
        from_ms(since_ms), from_ms(due_ms), headline,
        over if over is not None and over <= now else None, feed.late_after, **more,
    )  # fmt: skip
