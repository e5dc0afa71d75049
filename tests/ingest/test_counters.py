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
    anywhere = st.builds(
        lambda s: first.astimezone(UTC) + timedelta(seconds=s), st.integers(0, span)
    )
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


@given(st.data(), SHUFFLES)
def test_campaigns_and_feeds_in_the_same_files_do_not_touch_each_other(
    data: st.DataObject, random: Random
):
    """Two campaigns that overlap, two feeds with counters of their own, in any arrangement."""
    settings = settings_for(
        campaigns={
            "sale": ("2026-11-11T00:00:00+08:00", "2026-11-11T04:00:00+08:00"),
            "show": ("2026-11-11T02:30:00+08:00", "2026-11-12T00:00:00+08:00"),
        },
        feeds={"live": data.draw(st.sampled_from(COUNTERS)), "late": "cumulative_day"},
    )
    sale = data.draw(sayings(settings, "sale"))
    show = data.draw(sayings(settings, "show"))
    second = [replace(row, feed="late") for row in data.draw(sayings(settings, "sale"))]
    world = World(settings, (*sale, *show, *second))
    heart = taken(world, anyhow(world, random))
    assert sums_of(heart, "show") == true_sums(world, "show")
    first, other = true_sums(world, "sale", "live"), true_sums(world, "sale", "late")
    assert_first_counts(heart, first, other)
    assert derived(heart) == derived(taken(world, in_order(world)))


def assert_first_counts(heart: Heart, first: Sums, other: Sums) -> None:
    """Each metric comes whole from the first feed that has any of it."""
    found = whole_of(heart)
    for metric in ASKED:
        counts = first if carries(heart, "live", metric) else other
        assert found[metric] == added(counts)[metric]


def carries(heart: Heart, feed: str, metric: str) -> bool:
    """Whether the feed has told any increase of the metric, be it provisional."""
    query = (
        f"select count({metric}) from fact join stream using (stream_id)"
        " where feed_id = ? and campaign_id = 'sale'"
    )
    row = heart.store.cursor.execute(query, [feed]).fetchone()
    return bool(row and row[0])


@given(worlds(CUMULATIVE))
def test_what_is_spread_sums_back_to_the_increase(world: World):
    """Over a campaign wide enough to hold all readings, facts and corrections are the last values
    of each period, less what was never known."""
    for name, facts, truth in spread_and_true(world):
        assert facts == truth, name


def spread_and_true(world: World) -> Iterator[tuple[str, Fraction | None, Fraction | None]]:
    heart = taken(world, in_order(world))
    query = (
        "select creator_id, channel, sum({m}) from (select key_id, {m} from fact union all"
        " select key_id, amount from correction where metric = '{m}')"
        " join series_key using (key_id) group by all"
    )
    undelayed = replace(world, said=tuple(replace(row, complete=None) for row in world.said))
    truth = true_sums(undelayed, "sale")
    for metric in ASKED:
        for creator, channel, amount in heart.store.cursor.execute(
            query.format(m=metric)
        ).fetchall():
            kept = None if amount is None else Fraction(amount)
            yield (
                f"{channel} {creator} {metric}",
                kept,
                truth.get((channel, creator), {}).get(metric),
            )


# --- the CONTRACT's sentences, one by one -------------------------------------------------------

DAY = settings_for(counter="cumulative_day")
WHOLE = settings_for(counter="cumulative_campaign")
INTERVAL = settings_for(counter="interval")
TWO_DAYS = ("2026-11-11T00:00:00+08:00", "2026-11-13T00:00:00+08:00")
FROM_NOON = ("2026-11-11T12:00:00+08:00", "2026-11-12T12:00:00+08:00")


def buckets(heart: Heart, metric: str = "gmv", campaign: str = "sale") -> dict[str, float]:
    """Local start of each bucket → what the facts hold, corrections left out."""
    zone = heart.settings.campaign_by_id(campaign).zone
    query = (
        f"select bucket, sum({metric}) from fact join stream using (stream_id)"
        f" where campaign_id = ? and {metric} is not null group by bucket order by bucket"
    )
    return {
        f"{bucket.replace(tzinfo=UTC).astimezone(zone):%d %H:%M}": amount / 100
        for bucket, amount in heart.store.cursor.execute(query, [campaign]).fetchall()
    }


def corrections(heart: Heart) -> dict[str, float]:
    zone = heart.settings.campaign[0].zone
    rows = heart.store.cursor.execute("select bucket, amount from correction").fetchall()
    return {f"{b.replace(tzinfo=UTC).astimezone(zone):%d %H:%M}": a / 100 for b, a in rows}


def after(settings: Settings, *rows: Any) -> Heart:
    heart = a_heart(settings)
    load(heart, file_of(*rows))
    return heart


def test_the_first_reading_of_a_day_counts_from_0_at_midnight():
    heart = after(DAY, reading("00:10", gmv=30))
    assert buckets(heart) == {"11 00:00": 15, "11 00:05": 15}


def test_readings_of_different_days_are_never_subtracted():
    heart = after(
        settings_for(start=TWO_DAYS[0], end=TWO_DAYS[1]),
        reading("23:55", gmv=1000),
        reading("00:05", day="2026-11-12", gmv=40),
    )
    assert total(heart) == 1040
    assert corrections(heart) == {}
    assert buckets(heart)["12 00:00"] == 40


def test_a_reset_that_has_passed_yesterdays_value_is_still_a_reset():
    heart = after(
        settings_for(start=TWO_DAYS[0], end=TWO_DAYS[1]),
        reading("23:55", gmv=10),
        reading("10:00", day="2026-11-12", gmv=500),
    )
    assert total(heart) == 510


def test_a_reading_at_exactly_midnight_belongs_to_the_new_day():
    heart = after(
        settings_for(start=TWO_DAYS[0], end=TWO_DAYS[1]),
        reading("23:55", gmv=100),
        reading("00:00", day="2026-11-12", gmv=7),
        reading("00:05", day="2026-11-12", gmv=9),
    )
    assert total(heart) == 109
    assert buckets(heart)["12 00:00"] == 9


def test_a_reading_at_the_end_of_the_campaign_belongs_to_the_day_after():
    heart = after(DAY, reading("23:55", gmv=100), reading("00:00", day="2026-11-12", gmv=50))
    assert total(heart) == 100


def test_a_fall_is_a_correction_in_the_bucket_of_the_reading_that_shows_it():
    heart = after(
        DAY, reading("10:00", gmv=100), reading("10:03", gmv=90), reading("10:10", gmv=95)
    )
    assert corrections(heart) == {"11 10:00": -10}
    assert total(heart) == 95


def test_a_fall_shown_by_a_reading_on_the_edge_lies_in_the_bucket_that_it_ends():
    heart = after(DAY, reading("10:00", gmv=100), reading("10:05", gmv=90))
    assert corrections(heart) == {"11 10:00": -10}


def test_a_correction_is_never_a_dip_in_a_bucket():
    heart = after(DAY, reading("10:00", gmv=100), reading("10:05", gmv=90))
    assert min(buckets(heart).values()) >= 0


def test_a_fall_of_a_campaign_counter_at_midnight_is_a_correction():
    heart = after(WHOLE, reading("10:00", gmv=100), reading("23:59", gmv=80))
    assert corrections(heart) == {"11 23:55": -20}


def test_a_key_first_seen_later_counts_from_the_snapshot_before():
    heart = after(
        DAY,
        reading("10:00", channel="live", gmv=0),
        reading("10:05", channel="live", gmv=0),
        reading("10:05", channel="video", gmv=60),
    )
    assert {b: v for b, v in buckets(heart).items() if v} == {"11 10:00": 60}


def test_a_key_missing_from_a_snapshot_is_known_again_at_its_next_reading():
    heart = after(
        DAY,
        reading("10:00", channel="live", gmv=100),
        reading("10:00", channel="video", gmv=0),
        reading("10:05", channel="video", gmv=0),
        reading("10:10", channel="live", gmv=120),
    )
    late = {b: v for b, v in buckets(heart).items() if b >= "11 10:00"}
    assert late == {"11 10:00": 10, "11 10:05": 10}


def test_a_blank_is_unknown_and_the_next_reading_counts_from_the_last_known():
    heart = after(
        DAY,
        reading("10:00", gmv=100),
        reading("10:05", gmv=None, orders=1),
        reading("10:10", gmv=120),
    )
    late = {b: v for b, v in buckets(heart).items() if b >= "11 10:00"}
    assert late == {"11 10:00": 10, "11 10:05": 10}


def test_a_metric_that_was_never_read_is_null_not_0():
    heart = after(DAY, reading("10:00", gmv=100, orders=None))
    assert total(heart, "orders") is None
    assert total(heart, "clicks") is None


def test_an_odd_cent_is_neither_lost_nor_doubled():
    heart = after(DAY, reading("10:00", gmv=0), reading("10:15", gmv="0.01"))
    assert sum(buckets(heart).values()) == 0.01
    heart = after(DAY, reading("00:35", gmv="100.00"))
    assert round(sum(buckets(heart).values()), 2) == 100
    assert total(heart) == 100


def test_spreading_follows_the_clock_not_the_number_of_buckets():
    heart = after(DAY, reading("10:04", gmv=0), reading("10:09", gmv=50))
    late = {b: v for b, v in buckets(heart).items() if v}
    assert late == {"11 10:00": 10, "11 10:05": 40}


@pytest.mark.parametrize("settings", [WHOLE, INTERVAL], ids=["campaign", "interval"])
def test_only_what_lies_before_the_end_counts(settings: Settings):
    heart = after(settings, reading("23:58", gmv=0), reading("00:03", day="2026-11-12", gmv=100))
    assert total(heart) == 40


def test_a_reading_before_the_start_is_a_baseline():
    settings = settings_for(counter="cumulative_day", start=FROM_NOON[0], end=FROM_NOON[1])
    heart = after(settings, reading("11:55", gmv=1000), reading("12:05", gmv=1100))
    assert total(heart) == 50


def test_without_an_earlier_reading_the_part_before_the_first_is_unknown():
    settings = settings_for(counter="cumulative_day", start=FROM_NOON[0], end=FROM_NOON[1])
    heart = after(settings, reading("13:00", gmv=1000))
    assert total(heart) is None
    load(heart, file_of(reading("13:05", gmv=1010)))
    assert total(heart) == 10


def test_an_earlier_reading_that_comes_late_makes_it_known():
    settings = settings_for(counter="cumulative_day", start=FROM_NOON[0], end=FROM_NOON[1])
    heart = after(settings, reading("13:00", gmv=1000))
    load(heart, file_of(reading("12:00", gmv=400)))
    assert total(heart) == 600


def test_a_campaign_counter_counts_from_0_at_the_start():
    heart = after(WHOLE, reading("10:00", gmv=100))
    assert total(heart) == 100


def test_a_campaign_counter_that_stood_at_0_before_the_start_began_at_the_start():
    heart = after(WHOLE, reading("22:00", day="2026-11-10", gmv=0), reading("02:00", gmv=100))
    assert total(heart) == 100


def test_a_blank_before_the_start_says_nothing_of_a_campaign_counter():
    heart = after(
        WHOLE, reading("22:00", day="2026-11-10", gmv=None, orders=0), reading("02:00", gmv=100)
    )
    assert total(heart) == 100


def test_a_campaign_counter_that_ran_before_the_start_is_only_a_baseline_there():
    heart = after(WHOLE, reading("23:00", day="2026-11-10", gmv=500), reading("01:00", gmv=600))
    assert total(heart) == 50


def test_a_campaign_counter_goes_on_over_midnight():
    heart = after(
        settings_for(counter="cumulative_campaign", start=TWO_DAYS[0], end=TWO_DAYS[1]),
        reading("23:55", gmv=100),
        reading("00:05", day="2026-11-12", gmv=140),
    )
    assert total(heart) == 140
    assert buckets(heart)["12 00:00"] == 20


def test_an_interval_row_covers_the_cadence_before_its_instant():
    heart = after(INTERVAL, reading("10:07", gmv=50))
    assert buckets(heart) == {"11 10:00": 30, "11 10:05": 20}


def test_interval_rows_add_up():
    heart = after(INTERVAL, reading("10:05", gmv=50), reading("10:10", gmv=20))
    assert total(heart) == 70


@pytest.mark.parametrize(
    ("start", "end", "day_hours"),
    [
        ("2026-10-25T00:00:00+01:00", "2026-10-26T00:00:00+00:00", 25),
        ("2026-03-29T00:00:00+00:00", "2026-03-30T00:00:00+01:00", 23),
    ],
    ids=["clocks go back", "clocks go on"],
)
def test_a_day_counter_knows_how_long_the_day_is_when_the_clocks_change(
    start: str, end: str, day_hours: int
):
    settings = settings_for(counter="cumulative_day", start=start, end=end, market="GB")
    last = datetime.fromisoformat(end) - timedelta(seconds=30)
    row = {"observed_at": last.isoformat(), "campaign_id": "sale", "gmv": 30 * day_hours * 120 - 30}
    heart = after(settings, row)
    assert total(heart) == row["gmv"]
    spread = buckets(heart)
    assert len(heart.store.cursor.execute("select distinct bucket from fact").fetchall()) == (
        day_hours * 12
    )
    assert spread[f"{datetime.fromisoformat(start):%d %H:%M}"] == pytest.approx(300, abs=0.2)


def test_what_lies_after_complete_through_is_unknown_until_a_later_file_covers_it():
    heart = after(DAY, reading("10:00", gmv=100, complete_through="2026-11-11T00:00:00+08:00"))
    assert total(heart) is None
    load(heart, file_of(reading("10:05", gmv=110)))
    assert total(heart) == 110


def test_the_least_watermark_of_a_snapshot_counts():
    heart = after(
        INTERVAL,
        reading("10:05", channel="live", gmv=1),
        reading("10:10", channel="live", gmv=2, complete_through="2026-11-11T10:10:00+08:00"),
        reading("10:10", channel="video", gmv=4, complete_through="2026-11-11T10:05:00+08:00"),
    )
    assert total(heart) == 1


def test_a_watermark_never_moves_back():
    heart = after(INTERVAL, reading("10:05", gmv=1))
    load(heart, file_of(reading("10:10", gmv=2, complete_through="2026-11-11T09:00:00+08:00")))
    assert total(heart) == 1


def test_if_two_feeds_carry_a_metric_the_first_in_the_configuration_counts():
    settings = settings_for(feeds={"live": "interval", "late": "cumulative_day"})
    heart = a_heart(settings)
    load(heart, file_of(reading("10:05", gmv=999, orders=3), feed="late"))
    assert (total(heart), total(heart, "orders")) == (999, 3)
    load(heart, file_of(reading("10:05", gmv=50), feed="live"))
    assert (total(heart), total(heart, "orders")) == (50, 3)


def test_a_file_may_hold_several_campaigns():
    settings = settings_for(campaigns={"sale": TWO_DAYS, "show": FROM_NOON})
    heart = after(
        settings,
        reading("12:00", gmv=100),
        reading("12:00", gmv=7, campaign="show"),
        reading("12:10", gmv=120),
        reading("12:10", gmv=9, campaign="show"),
    )
    assert (total(heart, campaign="sale"), total(heart, campaign="show")) == (120, 2)


def test_whole_ticks_give_what_the_loader_alone_gives():
    rows = [reading(f"{h:02d}:{m:02d}", gmv=h * 60 + m) for h in (9, 10) for m in (0, 30)]
    heart = a_heart(DAY)
    for row in rows[::-1]:
        ingest(heart, file_of(row))
    assert derived(heart) == derived(after(DAY, *rows))


@pytest.mark.parametrize("counter", COUNTERS)
def test_a_key_of_yesterday_alone_is_kept_alike_by_fold_and_refold(counter: str):
    """Its sums stay; its last reading is nothing to go on from."""
    rows = [
        reading("10:00", channel="video", gmv=5),
        reading("10:00", channel="card", gmv=None, orders=1),
        reading("23:59", channel="live", gmv=10),
        reading("10:00", channel="live", gmv=3, day="2026-11-12"),
        reading("10:05", channel="live", gmv=4, day="2026-11-12"),
    ]
    settings = settings_for(counter=counter, start=TWO_DAYS[0], end=TWO_DAYS[1])
    one, two = a_heart(settings), a_heart(settings)
    for row in rows:
        load(one, file_of(row))
    for row in (*rows[:3], *rows[:2:-1]):
        load(two, file_of(row))
    assert derived(one) == derived(two)


def test_a_counter_unread_for_two_months_still_adds_up() -> None:
    settings = settings_for(
        counter="cumulative_campaign",
        start="2026-09-01T00:00:00+08:00",
        end="2026-12-01T00:00:00+08:00",
    )
    heart = a_heart(settings)
    ingest(
        heart,
        file_of(
            reading("00:05", day="2026-09-01", gmv="10.00"),
            reading("00:00", day="2026-11-10", gmv="999999999.99"),
        ),
    )
    assert total(heart, "gmv") == 999999999.99
