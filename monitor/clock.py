"""Clocks, and the few conversions of instants that the product allows.

Inside, an instant is either an aware `datetime` or whole milliseconds since 1970 UTC (`…_ms`, for
arrays). The clock is read in two places only, the scheduler and the pages; everything below them is
given `now`, so that a replay does exactly what the live day did.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)


class Clock(Protocol):
    """Something that knows what time it is for the product."""

    @property
    def speed(self) -> float: ...

    def now(self) -> datetime: ...


@dataclass(frozen=True)
class SystemClock:
    """The wall clock, to the second: arrival stamps in file names carry no more than that."""

    speed: float = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class FastClock:
    """The demo's clock: starts at `start` when it is made and runs `speed` times as fast."""

    start: datetime
    speed: float
    _began_s: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        passed_s = (time.monotonic() - self._began_s) * self.speed
        return (self.start + timedelta(seconds=passed_s)).replace(microsecond=0)


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware instant (sub-millisecond parts are cut)."""
    return (at - EPOCH) // MS


def from_ms(ms: int) -> datetime:
    """The aware UTC instant of milliseconds since 1970."""
    return EPOCH + int(ms) * MS


def to_db(at: datetime) -> datetime:
    """An aware instant as the naive UTC timestamp that the store keeps."""
    return at.astimezone(UTC).replace(tzinfo=None)


def from_db(at: datetime) -> datetime:
    """A naive UTC timestamp of the store as an aware instant."""
    return at.replace(tzinfo=UTC)


def iso(at: datetime | None) -> str | None:
    """ISO 8601 in UTC with a trailing Z, as all JSON of the product has it."""
    if at is None:
        return None
    text = at.astimezone(UTC).isoformat(timespec="milliseconds" if at.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def local_midnight_ms(day: date, zone: ZoneInfo) -> int:
    """The instant at which the local date `day` begins in `zone`."""
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def floor_to(at: datetime, step: timedelta) -> datetime:
    """The last multiple of `step` (counted from 1970 UTC) at or before `at`."""
    return EPOCH + (at - EPOCH) // step * step
