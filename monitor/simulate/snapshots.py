"""What a platform would report of a simulated event: canonical snapshots every five minutes.

A `cumulative_day` counter gives its last reading at 23:59:30: a reading at midnight already belongs
to the next day, and the day's last sales would never be reported. The simulated shop sells nothing
in that last half minute, so all counter types tell the same total.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitor.campaigns.words import METRICS, MONEY
from monitor.simulate.event import STEP_MIN, STEPS, Event, Ints, Key

Counter = Literal["cumulative_day", "cumulative_campaign", "interval"]
COUNTERS: tuple[Counter, ...] = ("cumulative_day", "cumulative_campaign", "interval")

HEADER = ",".join(("observed_at", "campaign_id", *Key._fields, *METRICS)) + "\n"
ROW = ",".join("%d.%02d" if metric in MONEY else "%d" for metric in METRICS) + "\n"
MONEY_INDEX = [i for i, metric in enumerate(METRICS) if metric in MONEY]
LAST_READING_MIN = 1439.5


@dataclass(frozen=True)
class Correction:
    """From `at` on the platform takes back `share` of what it had counted for a key."""

    at: datetime
    key: Key
    share: float


@dataclass(frozen=True)
class Late:
    """The snapshot observed at `observed_at` arrives `delay_s` seconds later than usual."""

    observed_at: datetime
    delay_s: float


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All rows of one instant. `values` is [key, metric]; `present`: which keys are reported."""

    campaign_id: str
    observed_at: datetime
    arrives_at: datetime
    clock: str
    keys: tuple[Key, ...]
    labels: tuple[str, ...]
    present: NDArray[np.bool_]
    values: Ints

    def rows(self) -> list[dict[str, object]]:
        """Canonical rows: text, whole counts, and money as decimals to the cent."""
        out: list[dict[str, object]] = []
        for i in np.flatnonzero(self.present):
            row: dict[str, object] = {
                "observed_at": self.observed_at.isoformat(),
                "campaign_id": self.campaign_id,
                **self.keys[i]._asdict(),
            }
            for metric, value in zip(METRICS, self.values[i].tolist(), strict=True):
                row[metric] = Decimal(value).scaleb(-2) if metric in MONEY else value
            out.append(row)
        return out

    def csv_rows(self) -> str:
        """The rows as CSV lines. Formatted by hand: a data frame takes five times as long."""
        start = f"{self.observed_at.isoformat()},{self.campaign_id},"
        values = self.values[self.present]
        numbers: list[NDArray[np.int64]] = []
        for i in range(len(METRICS)):
            column = values[:, i]
            numbers += [column // 100, column % 100] if i in MONEY_INDEX else [column]
        labels = [self.labels[i] for i in np.flatnonzero(self.present)]
        lines = zip(labels, np.column_stack(numbers).tolist(), strict=True)
        return "".join([start + label + ROW % tuple(row) for label, row in lines])

    def csv(self) -> str:
        """The snapshot as a whole canonical file."""
        return HEADER + self.csv_rows()

    def file_name(self, feed: str = "performance") -> str:
        """The name under which it arrives; a replay reads the arrival from it."""
        stamp = arrival_stamp(self.arrives_at)
        return f"{feed}-{self.campaign_id}-{self.clock}@{stamp}.csv"


def arrival_stamp(arrives_at: datetime) -> str:
    """An arrival as file names carry it: `20261111T040500Z`."""
    return arrives_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def snapshots(
    event: Event,
    counter: Counter = "cumulative_day",
    corrections: Iterable[Correction] = (),
    late: Iterable[Late] = (),
) -> Iterator[Snapshot]:
    """The event as its feed reports it, in order of reading.

    A cumulative feed lists a key from its first activity on; an interval feed lists the keys with
    activity in the interval, and always at least one row, so that a quiet snapshot still exists.
    """
    if counter not in COUNTERS:
        raise ValueError(f"counter {counter!r}: one of {', '.join(COUNTERS)}")
    corrections = tuple(corrections)
    if corrections and counter == "interval":
        raise ValueError("an interval feed cannot take back what it reported; use refunds")
    delay_s = {one.observed_at: one.delay_s for one in late}
    place = {key: i for i, key in enumerate(event.keys)}
    labels = tuple(_csv_fields(key) + "," for key in event.keys)
    total = np.zeros((len(event.keys), len(METRICS)), dtype=np.int64)
    for step, amount in enumerate(event.steps()):
        total += amount
        minute = (step + 1) * STEP_MIN
        closing = step == STEPS - 1
        clock = "2400" if closing else f"{minute // 60:02d}{minute % 60:02d}"
        observed_at = event.spec.instant(minute)
        if counter == "cumulative_day" and closing:
            clock, observed_at = "2359", event.spec.instant(LAST_READING_MIN)
        for correction in corrections:
            if observed_at - timedelta(minutes=STEP_MIN) < correction.at <= observed_at:
                total[place[correction.key]] = np.rint(
                    total[place[correction.key]] * (1 - correction.share)
                )
        values = amount if counter == "interval" else total.copy()
        present: NDArray[np.bool_] = np.any(values != 0, axis=1)
        if not present.any():
            present[0] = True
        delay = 3 + step * 7 % 8 + delay_s.get(observed_at, 0)
        yield Snapshot(
            campaign_id=event.spec.campaign_id,
            observed_at=observed_at,
            arrives_at=observed_at + timedelta(seconds=delay),
            clock=clock,
            keys=event.keys,
            labels=labels,
            present=present,
            values=values,
        )


def write_snapshot(snapshot: Snapshot, folder: Path, feed: str = "performance") -> Path:
    """Write one snapshot into a folder that somebody may be watching."""
    return write_file(folder, snapshot.file_name(feed), snapshot.csv())


def write_event(
    event: Event, folder: Path, counter: Counter = "cumulative_day", feed: str = "performance"
) -> list[Path]:
    """Write a whole event, one file a snapshot; the paths in order of reading."""
    return [write_snapshot(one, folder, feed) for one in snapshots(event, counter)]


def write_file(folder: Path, name: str, text: str) -> Path:
    """Write under a hidden temporary name in the same folder, then rename: a reader sees all or
    nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    part = folder / f".{name}.part"
    part.write_text(text, encoding="utf-8", newline="")
    os.replace(part, path)
    return path


def combined_csv(many: Iterable[Snapshot]) -> str:
    """Several snapshots in one canonical file, for loading a past event at once."""
    return HEADER + "".join(one.csv_rows() for one in many)


def _csv_fields(key: Key) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(key)
    return text.getvalue()
