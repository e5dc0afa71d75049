"""Counters: whatever way the readings come, the sums are what the CONTRACT says.

`Oracle` is the CONTRACT once more, slow and plain: dicts, Fractions, one key and metric at a time.
It shares no code with `monitor.ingest.counters`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.settings import Settings
from monitor.tick import Heart
from tests.conftest import (
    File,
    a_heart,
    csv_text,
    derived,
    file_of,
    ingest,
    load,
    reading,
    settings_for,
    total,
    totals_of,
)

ASKED = ("gmv", "visitors")
CADENCE = timedelta(minutes=5)
BUCKET = timedelta(minutes=5)
Key = tuple[str, str]  # channel, creator_id
Sums = dict[Key, dict[str, Fraction]]


@dataclass(frozen=True)
class Said:
    """One row of a source: what a key read at an instant. None is blank; amounts are cents."""

    at: datetime
    key: Key
    values: tuple[int | None, ...]  # one for each of ASKED
    campaign: str = "sale"
    feed: str = "live"
    complete: datetime | None = None


@dataclass(frozen=True)
class World:
    """What a source says of one or more campaigns."""

    settings: Settings
    said: tuple[Said, ...]

    def __repr__(self) -> str:
        lines = [f"{c.id} {c.start} to {c.end}" for c in self.settings.campaign]
        lines += [f"{f.id} {f.counter}" for f in self.settings.feed]
        lines += [
            f"{row.feed} {row.campaign} {row.at} {row.key} {row.values} {row.complete or ''}"
            for row in self.said
        ]
        return "\n".join(["World", *lines])


# --- the oracle ---------------------------------------------------------------------------------


@dataclass
class Oracle:
    """Sums of one stream, straight from the CONTRACT."""

    counter: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    said: list[Said]
    sums: Sums = field(default_factory=lambda: defaultdict(dict))

    def totals(self) -> Sums:
        for key in {row.key for row in self.said}:
            for m, metric in enumerate(ASKED):
                if self.counter == "interval":
                    self._interval(key, m, metric)
                else:
                    self._cumulative(key, m, metric)
        return dict(self.sums)

    @property
    def watermark(self) -> datetime:
        """The least of each snapshot; it never moves back."""
        least: dict[datetime, datetime] = {}
        for row in self.said:
            own = min(row.complete or row.at, row.at)
            least[row.at] = min(least.get(row.at, own), own)
        return max(least.values())

    def _period(self, at: datetime) -> object:
        return at.astimezone(self.zone).date() if self.counter == "cumulative_day" else "whole"

    def _midnight(self, at: datetime) -> datetime:
        day = at.astimezone(self.zone).date()
        return datetime(day.year, day.month, day.day, tzinfo=self.zone)

    def _zero(self, at: datetime) -> datetime | None:
        """Where a counter first read at `at`, with no snapshot before it, stood at 0, if known."""
        if self.counter == "cumulative_day":
            midnight = self._midnight(at)
            return midnight if midnight >= self.start else None
        return self.start if at >= self.start else None

    def _interval(self, key: Key, m: int, metric: str) -> None:
        for row in self.said:
            value = row.values[m]
            if row.key == key and value is not None:
                self._grow(key, metric, row.at - CADENCE, row.at, value)

    def _cumulative(self, key: Key, m: int, metric: str) -> None:
        snapshots = sorted({row.at for row in self.said})
        mine = sorted((row for row in self.said if row.key == key), key=lambda row: row.at)
        for period in {self._period(row.at) for row in mine}:
            rows = [row for row in mine if self._period(row.at) == period]
            first = rows[0].at
            earlier = [t for t in snapshots if t < first and self._period(t) == period]
            since = earlier[-1] if earlier else self._zero(first)
            before = 0
            for row in rows:
                value = row.values[m]
                if value is None:
                    continue
                if self.counter == "cumulative_campaign" and before == 0 and row.at > self.start:
                    # it counts the campaign, so while it stood at 0 the campaign had not begun
                    since = max(since or self.start, self.start)
                if since is not None:
                    self._change(key, metric, since, row.at, value - before)
                since, before = row.at, value

    def _change(self, key: Key, metric: str, a: datetime, b: datetime, amount: int) -> None:
        self._grow(key, metric, a, b, max(amount, 0))
        if amount < 0 and self.start < b <= self.end and b <= self.watermark:
            self._add(key, metric, Fraction(amount))

    def _grow(self, key: Key, metric: str, a: datetime, b: datetime, amount: int) -> None:
        """Spread an increase of (a, b] in proportion to time; what lies in [start, end) counts."""
        if a == b:  # a first reading at the zero point itself
            if self.start <= b < self.end and b <= self.watermark:
                self._add(key, metric, Fraction(amount))
            return
        low, high = max(a, self.start), min(b, self.end)
        if b > self.watermark:  # whole buckets up to the watermark are known, the rest provisional
            high = min(high, self._bucket_start(self.watermark))
        if low < high:
            share = math.floor(amount * self._passed(a, high, b))
            share -= math.floor(amount * self._passed(a, low, b))
            self._add(key, metric, Fraction(share))

    @staticmethod
    def _passed(a: datetime, x: datetime, b: datetime) -> Fraction:
        ms = timedelta(milliseconds=1)
        return Fraction((x - a) // ms, (b - a) // ms)

    @staticmethod
    def _bucket_start(at: datetime) -> datetime:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return epoch + (at - epoch) // BUCKET * BUCKET

    def _add(self, key: Key, metric: str, cents: Fraction) -> None:
        self.sums[key][metric] = self.sums[key].get(metric, Fraction(0)) + cents


def true_sums(world: World, campaign: str, feed: str = "live") -> Sums:
    c, f = world.settings.campaign_by_id(campaign), world.settings.feed_by_id(feed)
    mine = [row for row in world.said if (row.campaign, row.feed) == (campaign, feed)]
    return Oracle(f.counter, c.start, c.end, c.zone, mine).totals() if mine else {}


# --- files of what was said ---------------------------------------------------------------------


def cell(cents: int | None) -> str:
    return "" if cents is None else f"{cents // 100}.{cents % 100:02d}"


def row_of(said: Said) -> dict[str, str]:
    return {
        "observed_at": said.at.isoformat(),
        "campaign_id": said.campaign,
        "channel": said.key[0],
        "creator_id": said.key[1],
        **{metric: cell(value) for metric, value in zip(ASKED, said.values, strict=True)},
        "complete_through": said.complete.isoformat() if said.complete else "",
    }


def file_with(rows: list[Said], name: str = "") -> File:
    return File(name, csv_text(map(row_of, rows)), rows[0].feed)


def in_order(world: World) -> Iterator[list[File]]:
    """As a tidy source delivers: a file for each snapshot of a stream, a tick for each instant."""
    for at in sorted({row.at for row in world.said}):
        now = [row for row in world.said if row.at == at]
        streams = sorted({(row.feed, row.campaign) for row in now})
        yield [
            file_with([row for row in now if (row.feed, row.campaign) == stream], f"{n}.csv")
            for n, stream in enumerate(streams)
        ]


def anyhow(world: World, random: Random) -> Iterator[list[File]]:
    """Rows taken apart, repeated, shuffled, and dealt to files and ticks."""
    parts = [part for row in world.said for part in taken_apart(row, random)]
    parts += [part for part in parts if random.random() < 0.2]
    random.shuffle(parts)
    files: list[File] = []
    for feed in sorted({part.feed for part in parts}):
        for rows in dealt([part for part in parts if part.feed == feed], random):
            files.append(file_with(rows, f"{random.randint(0, 99):02d}-{len(files)}.csv"))
    random.shuffle(files)
    for some in dealt(files, random):
        yield some
        if random.random() < 0.2:
            yield some  # the same files once more


def taken_apart(row: Said, random: Random) -> list[Said]:
    """A row as it is, or as two rows with one metric each: a blank never erases."""
    if random.random() < 0.7:
        return [row]
    halves = [tuple(v if i == m else None for i, v in enumerate(row.values)) for m in range(2)]
    return [replace(row, values=half) for half in halves]


def dealt(things: list[Any], random: Random) -> Iterator[list[Any]]:
    while things:
        size = random.randint(1, len(things))
        yield things[:size]
        things = things[size:]


def taken(world: World, ticks: Iterator[list[File]]) -> Heart:
    heart = a_heart(world.settings)
    for files in ticks:
        for loaded in load(heart, *files):
            assert loaded.status in ("taken", "known")
            assert loaded.quarantined == 0
    return heart


def sums_of(heart: Heart, campaign: str = "sale") -> Sums:
    """What the totals verb says per key."""
    found: Sums = {}
    for row in totals_of(heart, "channel", "creator_id", campaign=campaign):
        key = row["by"]["channel"] or "", row["by"]["creator_id"] or ""
        found[key] = {m: Fraction(round(row[m] * 100)) for m in ASKED if row[m] is not None}
    return found


def whole_of(heart: Heart, campaign: str = "sale") -> dict[str, Fraction | None]:
    row = totals_of(heart, campaign=campaign)[0]
    return {m: None if row[m] is None else Fraction(round(row[m] * 100)) for m in ASKED}


def added(sums: Sums) -> dict[str, Fraction | None]:
    found = {m: [by[m] for by in sums.values() if m in by] for m in ASKED}
    return {m: sum(amounts, Fraction(0)) if amounts else None for m, amounts in found.items()}


# --- worlds -------------------------------------------------------------------------------------

CUMULATIVE = ("cumulative_day", "cumulative_campaign")
COUNTERS = (*CUMULATIVE, "interval")
PLACES = {  # market, start, end
    "from midnight": ("MY", "2026-11-11T00:00:00+08:00", "2026-11-11T04:00:00+08:00"),
    "over midnight": ("MY", "2026-11-11T22:00:00+08:00", "2026-11-12T02:00:00+08:00"),
    "off the grid": ("MY", "2026-11-11T10:02:00+08:00", "2026-11-11T11:58:30+08:00"),
    "two days": ("MY", "2026-11-11T00:00:00+08:00", "2026-11-13T00:00:00+08:00"),
    "clocks go back": ("GB", "2026-10-24T23:00:00+01:00", "2026-10-26T00:00:00+00:00"),
    "clocks go on": ("GB", "2026-03-29T00:00:00+00:00", "2026-03-30T00:00:00+01:00"),
}
KEYS = (("live", "c1"), ("live", "c2"), ("video", ""))
NEAR = (-300, -61, -60, -30, -1, 0, 1, 60, 299, 300, 450)  # seconds from where something changes

AMOUNTS = st.one_of(
    st.none(), st.sampled_from([0, 1, 7, 100]), st.integers(0, 5_000), st.integers(0, 10**11)
)
ROWS = st.one_of(st.none(), st.tuples(AMOUNTS, AMOUNTS))
BEHIND = st.sampled_from([None] * 6 + [0, 120, 300, 450, 900, -300])  # complete_through, seconds


@st.composite
def instants(draw: st.DrawFn, settings: Settings, campaign: str) -> list[datetime]:
    """Readings near starts, ends and midnights, and anywhere from hours before to hours after."""
    c = settings.campaign_by_id(campaign)
    day = c.start.astimezone(c.zone).date() - timedelta(days=1)
    edges = [c.start, c.end]
    while (midnight := datetime(day.year, day.month, day.day, tzinfo=c.zone)) <= c.end:
        edges.append(midnight)
        day += timedelta(days=1)
    first, last = c.start - timedelta(hours=3), c.end + timedelta(hours=3)
    span = int((last - first).total_seconds())
    near = st.builds(
        lambda edge, s: edge.astimezone(UTC) + timedelta(seconds=s),
        st.sampled_from(edges), st.sampled_from(NEAR),
    )  # fmt: skip
    anywhere = st.builds(lambda s: first.astimezone(UTC) + timedelta(seconds=s), st.integers(0, span))
    outside = c.start - timedelta(hours=24), c.end + timedelta(hours=24)
    found = draw(st.lists(st.one_of(near, anywhere), min_size=1, max_size=7, unique=True))
    return sorted(t for t in found if outside[0] <= t <= outside[1]) or [c.start.astimezone(UTC)]


@st.composite
def sayings(draw: st.DrawFn, settings: Settings, campaign: str = "sale") -> list[Said]:
    """What one stream says: keys come and go, cells are blank, counters grow, fall and restart."""
    said = []
    for at in draw(instants(settings, campaign)):
        rows = draw(st.tuples(*[ROWS for _ in KEYS]))
        for key, values in zip(KEYS, rows, strict=True):
            if values is not None:
                behind = draw(BEHIND)
                complete = None if behind is None else at - timedelta(seconds=behind)
                said.append(Said(at, key, values, campaign, complete=complete))
    return said


@st.composite
def worlds(draw: st.DrawFn, counters: tuple[str, ...] = COUNTERS) -> World:
    market, start, end = PLACES[draw(st.sampled_from(sorted(PLACES)))]
    counter = draw(st.sampled_from(counters))
    settings = settings_for(counter=counter, start=start, end=end, market=market)
    return World(settings, tuple(draw(sayings(settings))))


# --- any world, any arrangement -----------------------------------------------------------------

SHUFFLES = st.randoms(use_true_random=False)


@given(worlds())
def test_totals_are_what_the_contract_says(world: World):
    heart = taken(world, in_order(world))
    truth = true_sums(world, "sale")
    assert sums_of(heart) == truth
    assert whole_of(heart) == added(truth)


@given(worlds(), SHUFFLES)
def test_any_order_split_and_repetition_gives_the_same_totals(world: World, random: Random):
    heart = taken(world, anyhow(world, random))
    assert sums_of(heart) == true_sums(world, "sale")


@given(worlds(), SHUFFLES)
def test_a_fold_in_order_and_a_refold_after_late_files_keep_the_same(world: World, random: Random):
    assert derived(taken(world, anyhow(world, random))) == derived(taken(world, in_order(world)))
