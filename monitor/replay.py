"""Recorded files through the same tick as live, on a virtual clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from monitor.clock import floor_to
from monitor.errors import ConfigError
from monitor.ingest.arrivals import Arrival, arrival_of, feed_for, files_in, instant_of, unstamped
from monitor.settings import Settings
from monitor.tick import AFTER_END, Heart, Ticked


@dataclass(frozen=True)
class Moment:
    """One tick of a replay."""

    now: datetime
    arrivals: tuple[Arrival, ...]


def recorded(folder: Path, settings: Settings) -> list[tuple[datetime, Arrival]]:
    """All files of a recording with the instants of their arrival, in order of instant, then name."""
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: no such folder; give the folder that holds the recorded files"
        )
    timed: list[tuple[datetime, Arrival]] = []
    silent: list[Arrival] = []
    for path in files_in(folder):
        feed = feed_for(path, folder, settings, None)
        if feed is None:
            known = ", ".join(f.id for f in settings.feed)
            raise ConfigError(
                f"{path}: which feed? Put the file into a folder named after one of: {known}"
            )
        arrival = replace(arrival_of(path, feed), cursor=None)  # no source is asked
        at = instant_of(arrival, settings)
        if at is None:
            silent.append(arrival)  # no instant to be had: it comes first, to be refused
        else:
            timed.append((at, arrival))
    if not timed and not silent:
        raise ConfigError(f"{folder}: no .csv, .parquet, .jsonl or .json files in it")
    first = min((at for at, _ in timed), default=settings.campaign[0].start)
    timed += [(first, arrival) for arrival in silent]
    return sorted(timed, key=lambda item: (item[0], unstamped(item[1].path), str(item[1].path)))


def moments(
    files: list[tuple[datetime, Arrival]], settings: Settings, until: datetime | None
) -> Generator[Moment, set[str], None]:
    """When ticks run: at every arrival, and at every bucket end while a campaign is in play.

    A campaign is in play from its first arrival, which the files' order tells, until half an hour
    after its end. Which campaigns a file holds is only known once it is read, so the caller tells
    by sending the ids that a moment touched.
    """
    bucket = settings.monitor.bucket
    by_instant = [
        (at, tuple(a for _, a in group)) for at, group in groupby(files, key=lambda f: f[0])
    ]
    ends: dict[str, datetime] = {}
    clock: datetime | None = None
    position = 0
    while True:
        nexts = []
        if position < len(by_instant):
            nexts.append(by_instant[position][0])
        in_play = [end for end in ends.values() if clock is None or end > clock]
        if in_play and clock is not None:
            bucket_end = floor_to(clock, bucket) + bucket
            if bucket_end <= max(in_play):
                nexts.append(bucket_end)
        if not nexts:
            return
        now = min(nexts)
        if until is not None and now > until:
            return
        arrivals: tuple[Arrival, ...] = ()
        if position < len(by_instant) and by_instant[position][0] == now:
            arrivals = by_instant[position][1]
            position += 1
        clock = now
        touched = yield Moment(now, arrivals)
        for campaign_id in touched or ():
            ends.setdefault(campaign_id, settings.campaign_by_id(campaign_id).end + AFTER_END)


def replay(
    heart: Heart,
    folder: Path,
    until: datetime | None = None,
    speed: float | None = None,
    on_tick: Callable[[Moment, Ticked], None] | None = None,
) -> int:
    """Run a recording; `speed` is virtual seconds per second, None as fast as it goes.

    Gives the number of ticks.
    """
    steps = moments(recorded(folder, heart.settings), heart.settings, until)
    count = 0
    began = time.monotonic()
    first: datetime | None = None
    try:
        moment = next(steps)
        while True:
            first = first or moment.now
            if speed:
                due_s = (moment.now - first) / timedelta(seconds=1) / speed
                time.sleep(max(due_s - (time.monotonic() - began), 0))
            ticked = heart.tick(moment.now, moment.arrivals, publish=bool(speed))
            count += 1
            if on_tick:
                on_tick(moment, ticked)
            touched = {c for loaded in ticked.loaded for c in loaded.campaigns}
            moment = steps.send(touched)
    except StopIteration:
        return count
