"""What a source must be asked at a moment: local days, windows of time, campaigns, or one question.

Pure: which of them follows from the placeholders in the request and from the cursor. Nothing is
asked for times that no campaign is near to, so between campaigns a source is left in peace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from monitor.ingest.sources.base import Cursor
from monitor.ingest.sources.mapping import AROUND
from monitor.settings import Campaign
from monitor.sources import HttpSource, Window

DAY = timedelta(days=1)
SETTLED = timedelta(hours=6)  # after its end, a day without a watermark of its own is final
GIVEN_UP = timedelta(days=2)  # after its end, a day whose watermark never reached it is left alone
LOOK_BACK = timedelta(days=60)  # campaigns longer past are history: it comes as files
Token = str | int


@dataclass(frozen=True)
class Piece:
    """A window of time up to `until`. `back`: it is part of a look back; `last`: its last part."""

    until: datetime
    back: bool
    last: bool

    def moved(self, cursor: Cursor, now: datetime) -> None:
        """Note in a cursor that this piece is held."""
        done = _instant(cursor, "until")
        cursor["until"] = max(self.until, done or self.until).isoformat()
        if self.back:
            cursor["looked"] = self.until.isoformat()
        if self.last:
            cursor["again"] = now.isoformat()
            del cursor["looked"]


@dataclass(frozen=True)
class Question:
    """`tokens` fill the placeholders. `key` tells questions of one source apart, in cursors too."""

    key: str
    tokens: dict[str, Token]
    day: date | None = None
    campaign: str | None = None
    piece: Piece | None = None


def questions(
    source: HttpSource,
    campaigns: tuple[Campaign, ...],
    zone: ZoneInfo,
    cursor: Cursor,
    now: datetime,
) -> list[Question]:
    """All that is to be asked now, oldest first."""
    meant = [c for c in campaigns if source.campaign in (None, c.id)]
    meant = [c for c in meant if c.start - AROUND <= now and now - LOOK_BACK <= c.end + AROUND]
    names = source.placeholders
    today: dict[str, Token] = {"tomorrow": (now.astimezone(zone).date() + DAY).isoformat()}
    if "date" in names:
        return list(_days(source, meant, zone, cursor, now, today))
    if source.window is not None:
        return list(_windows(source.window, meant, zone, cursor, now, today))
    if "campaign_start_date" in names:
        return [
            Question(
                c.id,
                {**today, "campaign_start_date": _local(c.start - AROUND, zone).isoformat()},
                campaign=c.id,
            )
            for c in meant
            if now <= c.end + AROUND
        ]
    return [Question("", today)] if any(now <= c.end + AROUND for c in meant) else []


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day is over."""
    next_day = day + DAY
    return datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone).astimezone(UTC)


def is_final(day: date, zone: ZoneInfo, watermark: datetime | None, now: datetime) -> bool:
    """Whether what a day says will not change any more, as far as anybody can tell."""
    over = end_of(day, zone)
    if watermark is None:
        return now >= over + SETTLED
    return watermark >= over or now >= over + GIVEN_UP


def filled(value: Any, tokens: dict[str, Token]) -> Any:
    """A url, parameters or a body with its placeholders filled in."""
    if isinstance(value, dict):
        return {key: filled(item, tokens) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, tokens) for item in value]
    if not isinstance(value, str):
        return value
    for name, token in tokens.items():
        if value == f"{{{name}}}":
            return token
        value = value.replace(f"{{{name}}}", str(token))
    return value


def _days(
    source: HttpSource,
    campaigns: list[Campaign],
    zone: ZoneInfo,
    cursor: Cursor,
    now: datetime,
    today: dict[str, Token],
) -> Iterator[Question]:
    """Days near a campaign up to today that are not final yet."""
    final = set(cursor.get("final", ()))
    last = _local(now, zone)
    first = _local(now - source.back, zone)
    for day in _dates(first, last):
        near = any(
            _local(c.start - AROUND, zone) <= day <= _local(c.end + AROUND, zone) for c in campaigns
        )
        if near and day.isoformat() not in final:
            yield Question(day.isoformat(), {**today, "date": day.isoformat()}, day=day)


def _windows(
    window: Window,
    campaigns: list[Campaign],
    zone: ZoneInfo,
    cursor: Cursor,
    now: datetime,
    today: dict[str, Token],
) -> Iterator[Question]:
    """From where it was complete last, less the overlap, to now, in pieces near a campaign."""
    if not campaigns:
        return
    begin = min(c.start for c in campaigns) - AROUND
    done, again = _instant(cursor, "until"), _instant(cursor, "again")
    looks_back = again is None or now - again >= window.again
    if looks_back and (looked := _instant(cursor, "looked")) is not None:
        begin = max(begin, looked)  # a look back that was broken off
    elif done is not None:
        if not looks_back and done >= max(c.end for c in campaigns) + AROUND:
            return
        begin = max(begin, min(done, now) - (window.back if looks_back else window.overlap))
    pieces: list[tuple[datetime, datetime]] = []
    begin = begin.replace(microsecond=0)
    while begin < now:
        end = min(begin + window.longest, now)
        if any(begin <= c.end + AROUND and end >= c.start - AROUND for c in campaigns):
            pieces.append((begin, end))
        begin = end
    for number, (since, until) in enumerate(pieces, 1):
        tokens = {
            "since": _said(since, window.read, zone),
            "until": _said(until, window.read, zone),
        }
        last = number == len(pieces)
        piece = Piece(until, looks_back, looks_back and last)
        yield Question(f"w{number}", {**today, **tokens}, piece=piece)


def _instant(cursor: Cursor, key: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cursor[key])
    except (KeyError, TypeError, ValueError):
        return None


def _said(at: datetime, read: str, zone: ZoneInfo) -> Token:
    match read:
        case "unix":
            return int(at.timestamp())
        case "unix_ms":
            return int(at.timestamp()) * 1000
        case "date":
            return _local(at, zone).isoformat()
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _local(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _dates(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY
