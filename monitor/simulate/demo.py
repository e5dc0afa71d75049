"""The demo that `make run` starts: two past sales, and 11.11 just before its evening goes wrong.

Everything is simulated and says so. At 20:00 the checkout of the live rooms breaks: the deepest and
clearest thing that happens; its first reading comes half a minute after the demo starts. Milder
trouble of other kinds follows, one after the other, so that each is seen by itself:

1. 20:00 to 20:45  conversion in `channel=live` falls by 65 %
2. 21:30 to 22:00  half the visitors of `category=beauty` are gone
3. 21:50           one snapshot arrives seven minutes late, after its successor
4. 22:15           the platform takes back a part of one creator's count (a fall in a reading)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from monitor.simulate.configuration import FeedEntry, entry, render
from monitor.simulate.event import EventSpec, Incident, Key, simulate
from monitor.simulate.season import sale, season
from monitor.simulate.snapshots import (
    Correction,
    Late,
    Snapshot,
    arrival_stamp,
    combined_csv,
    snapshots,
    write_file,
)

FEED = "performance"
CAMPAIGN_ID = sale("1111").campaign_id
CLOCK_START: datetime = sale("1111").start + timedelta(hours=19, minutes=55)
CLOCK_END: datetime = sale("1111").start + timedelta(days=1)
SPEED = 20.0
CREATORS = 60
SEED = 11
SUFFIX = " (demo)"


def checkout_trouble(spec: EventSpec) -> Incident:
    """The demo's big incident: live rooms cannot check out from 20:00 to 20:45."""
    return Incident(
        spec.instant(20 * 60), spec.instant(20 * 60 + 45), {"channel": "live"}, "conversion", 0.65
    )


def beauty_traffic(spec: EventSpec) -> Incident:
    """The demo's second incident: half the visitors of beauty stay away from 21:30 to 22:00."""
    return Incident(
        spec.instant(21 * 60 + 30), spec.instant(22 * 60), {"category": "beauty"}, "visitors", 0.5
    )


def demo_config_text(
    path: str = f"inbox/{FEED}", creators: int = CREATORS, seed: int = SEED
) -> str:
    """The demo's configuration file; `path` is the folder it reads, relative to that file."""
    return render(
        [entry(spec, SUFFIX) for spec in season(creators=creators, seed=seed)],
        [FeedEntry(FEED, path, Key._fields, "cumulative_day", settle="0s")],
        "Demo: simulated campaigns and fictional creators, no real data.",
    )


@dataclass(frozen=True)
class DemoFile:
    """A file as it would arrive from the platform."""

    name: str
    arrives_at: datetime
    text: str


@dataclass(frozen=True)
class Demo:
    """The demo's files, produced on demand. All instants are virtual; no clock is read."""

    creators: int = CREATORS
    seed: int = SEED

    @cached_property
    def specs(self) -> tuple[EventSpec, ...]:
        *past, today = season(creators=self.creators, seed=self.seed)
        trouble = (checkout_trouble(today), beauty_traffic(today))
        return (*past, replace(today, incidents=trouble))

    @cached_property
    def past(self) -> tuple[tuple[Snapshot, ...], ...]:
        """9.9 and 10.10, each in order of arrival."""
        return tuple(tuple(snapshots(simulate(spec))) for spec in self.specs[:-1])

    @cached_property
    def today(self) -> tuple[Snapshot, ...]:
        """11.11 in order of arrival."""
        spec = self.specs[-1]
        event = simulate(spec)
        feed = snapshots(
            event,
            corrections=[Correction(spec.instant(22 * 60 + 15), self._corrected(event.keys), 0.08)],
            late=[Late(spec.instant(21 * 60 + 50), 7 * 60)],
        )
        return tuple(sorted(feed, key=lambda one: one.arrives_at))

    def _corrected(self, keys: tuple[Key, ...]) -> Key:
        """The live room of the second planned star: big enough to be seen in the campaign."""
        star = self.specs[-1].shows[2].creator_id
        return next(key for key in keys if key.creator_id == star and key.channel == "live")

    def history(self, until: datetime = CLOCK_START, combined: bool = True) -> list[DemoFile]:
        """9.9 and 10.10 in full and what of 11.11 has arrived by `until`.

        `combined` puts a campaign into one file, which loads in a moment; otherwise one file a
        snapshot, as they arrived.
        """
        arrived = [one for one in self.today if one.arrives_at <= until]
        days = [day for day in (*self.past, arrived) if day]
        if not combined:
            return [_file(one) for day in days for one in day]
        return [
            DemoFile(
                f"{FEED}-{day[-1].campaign_id}-history@{arrival_stamp(day[-1].arrives_at)}.csv",
                day[-1].arrives_at,
                combined_csv(day),
            )
            for day in days
        ]

    def due(self, after: datetime, until: datetime) -> list[DemoFile]:
        """The files of 11.11 that arrive in (after, until], in order of arrival."""
        return [_file(one) for one in self.today if after < one.arrives_at <= until]

    def write_history(
        self, folder: Path, until: datetime = CLOCK_START, combined: bool = True
    ) -> list[Path]:
        """Write `history` into a folder."""
        return [write_file(folder, f.name, f.text) for f in self.history(until, combined)]

    def write_due(self, folder: Path, after: datetime, until: datetime) -> list[Path]:
        """Write `due` into the demo's inbox."""
        return [write_file(folder, f.name, f.text) for f in self.due(after, until)]


def _file(one: Snapshot) -> DemoFile:
    return DemoFile(one.file_name(FEED), one.arrives_at, one.csv())
