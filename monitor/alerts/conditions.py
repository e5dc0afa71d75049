"""What is wrong with the data itself: late feeds, unknown starts, corrections, refused files. Pure.

These are alerts of kind `data`; they keep the money rules honest and never look like a dip.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from monitor.alerts.wording import clock, short
from monitor.campaigns.markets import symbol
from monitor.campaigns.words import Scope
from monitor.clock import from_ms, to_ms
from monitor.detect.rules import CORRECTION_SHARE, CORRECTION_SPAN
from monitor.ingest.counters import NONE
from monitor.observe import Stream
from monitor.settings import Campaign


@dataclass(frozen=True)
class Condition:
    """Something that holds now. `since`: event time; `due_at`: when it could first be known."""

    rule: str
    scope: Scope
    metric: str | None
    severity: str
    reason: str | None
    since: datetime
    due_at: datetime
    headline: str


@dataclass(frozen=True)
class Refusal:
    """A refused file that no readable one of its feed has followed."""

    feed_id: str
    file: str
    reason: str
    at: datetime


def late(stream: Stream, campaign: Campaign, now: datetime) -> bool:
    """Silent for more than two cadences and a minute while the campaign runs."""
    if stream.newest is None or not campaign.start <= now < campaign.end:
        return False
    return now > max(stream.newest, campaign.start) + stream.feed.late_after


def conditions(
    campaign: Campaign,
    streams: tuple[Stream, ...],
    corrections: list[tuple[int, int]],
    total: int | None,
    refusals: list[Refusal],
    now: datetime,
) -> list[Condition]:
    """All that holds at `now`. `corrections`: (bucket ms, hundredths of GMV); `total`: GMV so far."""
    found: list[Condition] = []
    for stream in streams:
        scope = {"feed": stream.feed.id}
        if late(stream, campaign, now) and stream.newest is not None:
            newest = stream.newest
            found.append(
                Condition(
                    "feed_late", scope, None, "warning", "feed_late", newest,
                    max(newest, campaign.start) + stream.feed.late_after,
                    f"Feed {stream.feed.id} is late: nothing after {clock(newest, campaign.zone)}; "
                    "its numbers stand still and its rules wait",
                )
            )  # fmt: skip
        if stream.closing.unknown_start and now < campaign.end:
            first = _first_known(stream)
            found.append(
                Condition(
                    "unknown_start", scope, None, "warning", None, campaign.start, first,
                    f"Feed {stream.feed.id}: what came between the start and "
                    f"{clock(first, campaign.zone)} is unknown, because the counter began before "
                    "the campaign and no earlier reading exists",
                )
            )  # fmt: skip
    found += _correction(campaign, corrections, total, now)
    if campaign.start <= now < campaign.end:
        found += [
            Condition(
                "refused_file", {"feed": r.feed_id}, None, "warning", None, r.at, r.at,
                f"File {r.file} of feed {r.feed_id} was refused: {r.reason}",
            )
            for r in refusals
        ]  # fmt: skip
    return found


def _first_known(stream: Stream) -> datetime:
    read = stream.closing.read
    if read.any():
        return from_ms(int(stream.closing.starts_ms[int(np.argmax(read))]))
    newest = stream.closing.newest_ms
    return from_ms(newest if newest != NONE else stream.meaning.start_ms)


def _correction(
    campaign: Campaign, corrections: list[tuple[int, int]], total: int | None, now: datetime
) -> list[Condition]:
    """GMV taken back within the last hour, when it is enough to be asked about."""
    if now >= campaign.end:
        return []
    fresh = [(at, amount) for at, amount in corrections if at > to_ms(now - CORRECTION_SPAN)]
    back = sum(amount for _, amount in fresh)
    if not fresh or total is None or -back < CORRECTION_SHARE * max(total - back, 1):
        return []
    since = from_ms(min(at for at, _ in fresh))
    money = f"{symbol(campaign.currency).strip()} {short(-back / 100)}"
    return [
        Condition(
            "correction", {}, "gmv", "info", "correction", since, since + timedelta(0),
            f"The source took back {money} of GMV since {clock(since, campaign.zone)}: a correction, "
            "not a dip; totals include it, rules leave it out",
        )
    ]  # fmt: skip
