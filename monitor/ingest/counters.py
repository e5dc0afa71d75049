"""Counters: the words in which readings become increases per bucket. Pure, on integer arrays.

A stream (one feed in one campaign) is a series of snapshots. `walk` takes what is known before some
snapshots and the snapshots themselves, and gives what is known after them and the increases they
show. A day that arrives in order is a chain of walks; a file that comes late is the same way walked
again, so both give the same facts by construction.

Values are whole hundredths (int64), `NONE` where unknown. Instants are milliseconds since 1970 UTC.
The increase D between two readings at a and b is spread over (a, b] by the cumulative rule
C(x) = floor(D·(x-a)/(b-a)): parts are proportional to time and always sum back to D exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from monitor.campaigns.words import METRICS
from monitor.clock import from_ms, local_midnight_ms, to_ms
from monitor.settings import Campaign, Counter, Feed

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
NONE = np.int64(np.iinfo(np.int64).min)
WIDTH = len(METRICS)
MONTH_MS = 30 * 86_400_000
ONE_PERIOD = 0  # the "day" of counters that never restart at midnight


@dataclass(frozen=True)
class Meaning:
    """How the readings of one stream are to be understood."""

    counter: Counter
    cadence_ms: int
    bucket_ms: int
    start_ms: int
    end_ms: int
    zone: ZoneInfo

    @classmethod
    def of(cls, feed: Feed, campaign: Campaign, bucket: timedelta) -> Meaning:
        return cls(
            counter=feed.counter,
            cadence_ms=feed.cadence // timedelta(milliseconds=1),
            bucket_ms=bucket // timedelta(milliseconds=1),
            start_ms=to_ms(campaign.start),
            end_ms=to_ms(campaign.end),
            zone=campaign.zone,
        )

    def day(self, t_ms: int) -> int:
        """The counting period of a reading: its local date, or the one period of the campaign."""
        if self.counter != "cumulative_day":
            return ONE_PERIOD
        return from_ms(t_ms).astimezone(self.zone).date().toordinal()

    def period_ms(self, t_ms: int) -> int | None:
        """Since when a key that was read is expected in every snapshot; None: it never is."""
        if self.counter == "interval":
            return None
        if self.counter == "cumulative_campaign":
            return 0
        return local_midnight_ms(from_ms(t_ms).astimezone(self.zone).date(), self.zone)

    def zero_ms(self, t_ms: int) -> int | None:
        """Where the counter stood at 0 before the first snapshot of its period, at `t_ms`.

        None: the counter began before the campaign, so what it holds cannot be told apart.
        """
        if self.counter == "cumulative_campaign":
            return self.start_ms if t_ms >= self.start_ms else None
        midnight = local_midnight_ms(from_ms(t_ms).astimezone(self.zone).date(), self.zone)
        return midnight if midnight >= self.start_ms else None


@dataclass(frozen=True)
class State:
    """What is known of each key after a snapshot; rows sorted by `keys`.

    `value`, `at`: last reading and its instant, shape (keys, metrics). `total`: sum of increases and
    corrections inside the campaign. `day`: the running period where it has a reading of the key,
    else -1.
    """

    keys: Ints
    day: Ints
    value: Ints
    at: Ints
    total: Ints

    @classmethod
    def empty(cls) -> State:
        none = np.empty((0, WIDTH), np.int64)
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), none, none, none)

    def holding(self, keys: Ints) -> State:
        """This state with a row for each of `keys`, new ones unknown."""
        new = np.setdiff1d(keys, self.keys, assume_unique=True)
        if not len(new):
            return self
        order = np.argsort(np.concatenate([self.keys, new]), kind="stable")
        unknown = np.full((len(new), WIDTH), NONE)

        def grown(old: Ints, extra: Ints) -> Ints:
            return np.concatenate([old, extra])[order]

        return State(
            grown(self.keys, new),
            grown(self.day, np.full(len(new), -1)),
            grown(self.value, unknown),
            grown(self.at, unknown),
            grown(self.total, unknown),
        )

    def told(self) -> State:
        """This state without the keys of which nothing is known."""
        some = (self.day >= 0) | (self.total != NONE).any(axis=1)
        parts = (self.keys, self.day, self.value, self.at, self.total)
        return State(*(part[some] for part in parts))


@dataclass(frozen=True)
class Parts:
    """Increases per bucket and key. `amount` has shape (rows, metrics), NONE where unknown."""

    bucket_ms: Ints
    observed_ms: Ints
    keys: Ints
    amount: Ints

    @classmethod
    def joined(cls, parts: list[Parts]) -> Parts:
        if not parts:
            nothing = np.empty(0, np.int64)
            return cls(nothing, nothing, nothing, np.empty((0, WIDTH), np.int64))
        return cls(
            np.concatenate([p.bucket_ms for p in parts]),
            np.concatenate([p.observed_ms for p in parts]),
            np.concatenate([p.keys for p in parts]),
            np.concatenate([p.amount for p in parts]),
        )
