"""Which buckets are closed, which of those are evidence, and what is null rather than 0."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.answers import alerts_json, expected_json
from monitor.clock import from_ms, to_ms
from monitor.ingest.closing import Closing, closing
from monitor.ingest.counters import NONE, Meaning
from monitor.ingest.load import Incoming, content_hash
from monitor.observe import streams_of
from monitor.settings import Settings
from monitor.tick import Heart
from tests.conftest import (
    Row,
    a_heart,
    csv_text,
    file_of,
    ingest,
    load,
    local,
    read_canonical,
    reading,
    settings_for,
    total,
    totals_of,
)

DAY = settings_for(counter="cumulative_day")
WHOLE = settings_for(counter="cumulative_campaign")
INTERVAL = settings_for(counter="interval")
COUNTERS = {"day": DAY, "campaign": WHOLE, "interval": INTERVAL}
EVERY = pytest.mark.parametrize("settings", COUNTERS.values(), ids=COUNTERS.keys())
TWO_DAYS = settings_for(start="2026-11-11T00:00:00+08:00", end="2026-11-13T00:00:00+08:00")
FROM_NOON = settings_for(start="2026-11-11T12:00:00+08:00", end="2026-11-12T12:00:00+08:00")


def meaning_of(settings: Settings) -> Meaning:
    return Meaning.of(settings.feed[0], settings.campaign[0], settings.monitor.bucket)


def times(*clocks: str, day: str = "2026-11-11") -> list[datetime]:
    return [local(at if at.count(":") == 2 else f"{at}:00", day=day) for at in clocks]


def every(start: str, end: str, minutes: int = 5) -> list[datetime]:
    """Readings from start to end, both included."""
    at, last = times(start, end)
    step = timedelta(minutes=minutes)
    return [at + step * n for n in range((last - at) // step + 1)]


def closed_by(
    settings: Settings,
    instants: Sequence[datetime],
    *,
    watermarks: Sequence[datetime] | None = None,
    now: datetime | None = None,
) -> Closing:
    marks = instants if watermarks is None else watermarks
    return closing(
        meaning_of(settings),
        np.array([to_ms(t) for t in instants], np.int64),
        np.array([to_ms(t) for t in marks], np.int64),
        to_ms(now or max(instants, default=settings.campaign[0].start)),
    )


def named(settings: Settings, found: Closing, marks: Any) -> list[str]:
    """Local starts of the marked buckets."""
    zone = settings.campaign[0].zone
    starts = [from_ms(int(ms)).astimezone(zone) for ms in found.starts_ms[marks]]
    long = settings.campaign[0].duration > timedelta(days=1)
    return [f"{start:%d %H:%M}" if long else f"{start:%H:%M}" for start in starts]


def closed(settings: Settings, instants: Sequence[datetime], **more: Any) -> list[str]:
    found = closed_by(settings, instants, **more)
    return named(settings, found, found.closed)


# --- open and closed ----------------------------------------------------------------------------


@EVERY
def test_without_a_snapshot_nothing_is_closed(settings: Settings):
    assert closed(settings, []) == []


@EVERY
@pytest.mark.parametrize(
    ("last", "count"), [("00:04:59", 0), ("00:05:00", 1), ("00:09:59", 1), ("00:10:00", 2)]
)
def test_a_bucket_closes_with_the_first_snapshot_at_or_after_its_end(
    settings: Settings, last: str, count: int
):
    assert len(closed(settings, times(last))) == count


@EVERY
def test_time_alone_closes_nothing_before_the_end(settings: Settings):
    assert closed(settings, times("00:05"), now=local("23:59:59")) == ["00:00"]


@EVERY
@pytest.mark.parametrize(
    ("last", "is_closed"), [("23:58:59", False), ("23:59:00", True), ("23:59:59", True)]
)
def test_a_reading_at_23_59_or_later_closes_the_last_bucket_of_its_day(
    settings: Settings, last: str, is_closed: bool
):
    assert ("23:55" in closed(settings, [*every("00:05", "23:55"), *times(last)])) is is_closed


def test_23_59_closes_the_day_of_the_campaigns_zone_not_of_utc():
    utc_late = datetime(2026, 11, 11, 23, 59, tzinfo=UTC)  # 07:59 the next morning
    assert closed(TWO_DAYS, [utc_late])[-1] == "12 07:50"


def test_23_59_closes_the_last_bucket_of_every_day():
    found = closed_by(TWO_DAYS, [*every("00:05", "23:55"), *times("23:59")])
    assert named(TWO_DAYS, found, found.closed)[-1] == "11 23:55"
    assert found.read[found.closed].all()


@EVERY
@pytest.mark.parametrize(
    ("passed", "is_closed"), [(0, False), (299, False), (300, True), (3600, True)]
)
def test_after_the_end_the_last_bucket_closes_one_cadence_later_at_the_latest(
    settings: Settings, passed: int, is_closed: bool
):
    now = settings.campaign[0].end + timedelta(seconds=passed)
    found = closed_by(settings, every("00:05", "23:55"), now=now)
    assert bool(found.closed[-1]) is is_closed
    assert found.closed[:-1].all()


@EVERY
def test_the_end_alone_makes_the_last_bucket_closed_but_no_evidence(settings: Settings):
    now = settings.campaign[0].end + timedelta(minutes=5)
    found = closed_by(settings, every("00:05", "23:55"), now=now)
    assert (bool(found.read[-1]), bool(found.read[-2])) == (False, True)


@EVERY
def test_a_bucket_cut_off_by_the_end_closes_at_the_end(settings: Settings):
    cut = settings_for(counter=settings.feed[0].counter, end="2026-11-11T02:02:00+08:00")
    assert "02:00" not in closed(cut, times("02:01:59"))
    assert "02:00" in closed(cut, times("02:02:00"))


def test_each_feed_and_campaign_closes_on_its_own():
    span = ("2026-11-11T00:00:00+08:00", "2026-11-12T00:00:00+08:00")
    settings = settings_for(
        campaigns={"sale": span, "show": span},
        feeds={"live": "cumulative_day", "late": "cumulative_day"},
    )
    heart = a_heart(settings)
    load(heart, file_of(reading("00:05", gmv=1), reading("00:15", gmv=1, campaign="show")))
    load(heart, file_of(reading("00:10", visitors=1), feed="late"))
    counts = {
        (c.id, s.feed.id): int(s.closing.closed.sum())
        for c in settings.campaign
        for s in streams_of(heart.store, settings, c, local("00:20"))
    }
    assert counts == {("sale", "live"): 1, ("sale", "late"): 2, ("show", "live"): 3}


# --- watermarks ---------------------------------------------------------------------------------


@EVERY
def test_a_bucket_stays_open_until_the_watermark_has_passed_it(settings: Settings):
    instants = times("00:05", "00:10")
    assert closed(settings, instants, watermarks=times("00:00", "00:09")) == ["00:00"]


@EVERY
def test_the_watermark_of_a_newer_snapshot_does_not_move_it_back(settings: Settings):
    found = closed_by(settings, times("00:10", "00:15"), watermarks=times("00:10", "00:02"))
    assert from_ms(found.watermark_ms) == local("00:10:00")
    assert named(settings, found, found.closed) == ["00:00", "00:05"]


def stream_after(settings: Settings, *files: list[Row]) -> Any:
    heart = a_heart(settings)
    for rows in files:
        load(heart, file_of(*rows))
    return streams_of(heart.store, settings, settings.campaign[0], local("12:00:00"))[0]


def through(at: str) -> str:
    return f"2026-11-11T{at}:00+08:00"


def test_the_watermark_is_the_least_complete_through_of_the_newest_snapshot():
    stream = stream_after(
        DAY,
        [
            reading("10:00", channel="live", gmv=1, complete_through=through("09:50")),
            reading("10:05", channel="live", gmv=2, complete_through=through("10:00")),
            reading("10:05", channel="video", gmv=2, complete_through=through("09:55")),
        ],
    )
    assert stream.watermark == local("09:55:00")


def test_the_watermark_is_observed_at_where_the_source_gives_none():
    assert stream_after(DAY, [reading("10:00", gmv=1)]).watermark == local("10:00:00")


def test_a_row_without_complete_through_is_complete_at_its_reading():
    stream = stream_after(
        DAY,
        [
            reading("10:05", channel="live", gmv=2),
            reading("10:05", channel="video", gmv=2, complete_through=through("10:01")),
        ],
    )
    assert stream.watermark == local("10:01:00")


def test_complete_through_cannot_promise_what_comes_after_the_reading():
    stream = stream_after(DAY, [reading("10:00", gmv=1, complete_through=through("11:00"))])
    assert stream.watermark == local("10:00:00")


def test_a_snapshot_that_comes_late_does_not_move_the_watermark():
    stream = stream_after(
        DAY, [reading("10:00", gmv=1)], [reading("09:00", gmv=1, complete_through=through("08:00"))]
    )
    assert stream.watermark == local("10:00:00")


# --- evidence: read at its end, not bridged -----------------------------------------------------


@pytest.mark.parametrize("settings", [DAY, WHOLE], ids=["day", "campaign"])
def test_a_missed_snapshot_bridges_the_buckets_on_either_side(settings: Settings):
    instants = [t for t in every("00:05", "01:00") if t != local("00:30:00")]
    found = closed_by(settings, instants)
    assert named(settings, found, found.bridged) == ["00:25", "00:30"]


@pytest.mark.parametrize("settings", [DAY, WHOLE], ids=["day", "campaign"])
def test_a_bucket_is_bridged_when_more_than_half_of_it_lies_in_the_gap(settings: Settings):
    instants = [t for t in every("00:02", "01:02") if t != local("00:32:00")]  # 00:27 to 00:37
    found = closed_by(settings, instants)
    assert named(settings, found, found.bridged) == ["00:25", "00:30"]


@EVERY
def test_readings_on_time_bridge_nothing(settings: Settings):
    found = closed_by(settings, every("00:05", "02:00"))
    assert not found.bridged.any()
    assert found.read[found.closed].all()


@pytest.mark.parametrize("settings", [DAY, WHOLE], ids=["day", "campaign"])
def test_readings_that_are_a_little_early_or_late_bridge_nothing(settings: Settings):
    wobbling = [t + timedelta(seconds=60 * (n % 2)) for n, t in enumerate(every("00:05", "02:00"))]
    assert not closed_by(settings, wobbling).bridged.any()


@pytest.mark.parametrize("settings", [DAY, WHOLE], ids=["day", "campaign"])
def test_a_first_reading_long_after_the_start_bridges_what_came_before(settings: Settings):
    found = closed_by(settings, times("00:30", "00:35"))
    bridged = ["00:00", "00:05", "00:10", "00:15", "00:20", "00:25"]
    assert named(settings, found, found.bridged) == bridged


def test_a_slow_cadence_is_no_gap():
    slow = settings_for(cadence="15m")
    found = closed_by(slow, every("00:15", "02:00", 15))
    assert not found.bridged.any()
    assert found.closed.sum() == 24


def test_a_night_without_readings_is_a_gap_on_the_new_day_and_unread_on_the_old():
    old, new = every("00:05", "22:00"), times("02:00", "02:05", day="2026-11-12")
    found = closed_by(TWO_DAYS, [*old, *new])
    assert named(TWO_DAYS, found, found.closed & ~found.read)[0] == "11 22:00"
    assert named(TWO_DAYS, found, found.closed & ~found.read)[-1] == "11 23:55"
    assert named(TWO_DAYS, found, found.bridged)[-1] == "12 01:55"
    assert "12 02:00" not in named(TWO_DAYS, found, found.bridged)


def test_a_day_counter_first_read_after_midnight_was_not_read_at_the_end_of_its_day():
    found = closed_by(TWO_DAYS, [*every("00:05", "23:55"), *times("00:02", day="2026-11-12")])
    assert named(TWO_DAYS, found, found.closed & ~found.read) == ["11 23:55"]


def test_a_campaign_counter_is_read_over_midnight():
    settings = settings_for(
        counter="cumulative_campaign",
        start="2026-11-11T00:00:00+08:00",
        end="2026-11-13T00:00:00+08:00",
    )
    found = closed_by(settings, [*every("00:05", "23:55"), *times("00:00", day="2026-11-12")])
    assert found.read[found.closed].all()


def test_an_interval_feed_has_read_only_what_its_rows_cover():
    instants = [t for t in every("00:05", "01:00") if t != local("00:30:00")]
    found = closed_by(INTERVAL, instants)
    assert named(INTERVAL, found, found.closed & ~found.read) == ["00:25"]
    assert not found.bridged.any()


def test_interval_rows_off_the_grid_cover_a_bucket_together():
    found = closed_by(INTERVAL, every("00:03", "01:03"))
    assert named(INTERVAL, found, found.closed & ~found.read) == []
    found = closed_by(INTERVAL, [t for t in every("00:03", "01:03") if t != local("00:28:00")])
    assert named(INTERVAL, found, found.closed & ~found.read) == ["00:20", "00:25"]


def test_a_counter_that_began_before_the_campaign_has_an_unknown_start():
    found = closed_by(FROM_NOON, times("12:32", "12:40"))
    assert found.unknown_start
    assert named(FROM_NOON, found, found.closed & ~found.read)[-1] == "12:30"
    assert named(FROM_NOON, found, found.read) == ["12:35"]


@pytest.mark.parametrize("first", ["11:59", "12:00"])
def test_an_earlier_reading_makes_the_start_known(first: str):
    assert not closed_by(FROM_NOON, times(first, "12:40")).unknown_start


@pytest.mark.parametrize("settings", [DAY, WHOLE, INTERVAL], ids=["day", "campaign", "interval"])
def test_a_counter_that_begins_with_the_campaign_has_a_known_start(settings: Settings):
    assert not closed_by(settings, times("05:00")).unknown_start


# --- whatever comes -----------------------------------------------------------------------------

MOMENTS = st.lists(st.integers(-2 * 86_400, 2 * 86_400), max_size=12, unique=True).map(sorted)
SETTINGS = st.sampled_from([DAY, WHOLE, INTERVAL, TWO_DAYS, FROM_NOON])


@given(SETTINGS, MOMENTS, st.integers(0, 3600), st.integers(0, 3 * 86_400))
def test_closed_buckets_are_all_up_to_one_and_only_they_are_evidence(
    settings: Settings, seconds: list[int], behind: int, later: int
):
    campaign = settings.campaign[0]
    instants = [campaign.start + timedelta(seconds=s) for s in seconds]
    now = max([campaign.start, *instants]) + timedelta(seconds=later)
    marks = [t - timedelta(seconds=behind) for t in instants]
    found = closed_by(settings, instants, watermarks=marks, now=now)
    assert (np.diff(found.closed[:-1].astype(int)) <= 0).all()
    assert not (found.read & ~found.closed).any()
    assert not (found.bridged & ~found.closed).any()
    assert not (found.read & (found.closer_ms == NONE)).any()
    late = found.closed & (found.closer_ms != NONE)
    assert (found.closer_ms[late] >= found.ends_ms[late] - 60_000).all()


@given(SETTINGS, MOMENTS)
def test_a_later_snapshot_never_opens_a_bucket_again(settings: Settings, seconds: list[int]):
    instants = [settings.campaign[0].start + timedelta(seconds=s) for s in seconds]
    now = settings.campaign[0].end + timedelta(days=3)
    before = closed_by(settings, [], now=now)
    for count in range(1, len(instants) + 1):
        found = closed_by(settings, instants[:count], now=now)
        assert not (before.closed & ~found.closed).any()
        before = found


# --- what viewers are told ----------------------------------------------------------------------

Told = dict[str, tuple[Any, str]]


def told(heart: Heart, now: datetime, metric: str = "gmv", **scope: str) -> Told:
    """Local bucket start → observed and state, as the expected verb has it.

    Without an earlier event nothing can be normal or low; all that could be judged is "evidence".
    """
    settings = heart.settings
    campaign = settings.campaign[0]
    answer = expected_json(heart.store, settings, campaign, scope, metric, now)
    return {
        f"{datetime.fromisoformat(row['bucket_start']).astimezone(campaign.zone):%H:%M}": (
            row["observed"],
            row["state"] if row["state"] in ("open", "bridged", "incomplete") else "evidence",
        )
        for row in answer["rows"]
    }  # fmt: skip


def steady(until: str, *, without: Sequence[tuple[str, str]] = (), **gmv: int) -> list[Row]:
    """Channels that grow by `gmv` a bucket from midnight on; `without` (clock, channel) is missing."""
    return [
        reading(f"{t.astimezone(DAY.campaign[0].zone):%H:%M}", channel=channel, gmv=amount * n)
        for n, t in enumerate(every("00:05", until), 1)
        for channel, amount in gmv.items()
        if (f"{t.astimezone(DAY.campaign[0].zone):%H:%M}", channel) not in without
    ]


def heart_with(settings: Settings, rows: Sequence[Row]) -> Heart:
    heart = a_heart(settings)
    load(heart, file_of(*rows))
    return heart


def test_an_open_bucket_has_no_observed_value():
    heart = heart_with(DAY, [*steady("01:00", live=10), reading("01:03", channel="live", gmv=126)])
    found = told(heart, local("01:04:00"))
    assert found["00:55"] == (10, "evidence")
    assert found["01:00"] == (None, "open")


def test_a_bridged_bucket_says_so():
    heart = heart_with(DAY, steady("02:00", live=10, without=[("01:00", "live")]))
    found = told(heart, local("02:00:00"))
    assert [found[b][1] for b in ("00:55", "01:00", "01:05")] == ["bridged", "bridged", "evidence"]


def test_a_correction_is_left_out_of_what_is_judged():
    amounts = [*range(50, 601, 50), 570, *range(620, 1121, 50)]  # 30 were taken back at 01:05
    instants = every("00:05", "02:00")
    rows = [
        {**reading("00:00", gmv=n), "observed_at": t.isoformat()}
        for n, t in zip(amounts, instants, strict=True)
    ]
    found = told(heart_with(DAY, rows), local("02:00:00"))
    assert [found[b][0] for b in ("00:55", "01:00", "01:05")] == [50, 0, 50]


@pytest.mark.parametrize(("small", "state"), [(9, "evidence"), (30, "incomplete")])
def test_a_scope_that_misses_more_than_a_tenth_is_incomplete(small: int, state: str):
    gone = [("01:00", "video")]
    heart = heart_with(DAY, steady("02:00", without=gone, live=100, video=small))
    found = told(heart, local("02:00:00"))
    assert found["00:55"] == (100, state)
    assert found["00:50"] == (100 + small, "evidence")


def test_a_missing_key_is_left_out_and_not_made_up_for_in_the_next_bucket():
    """What it brought meanwhile counts in totals, not as a surge where it came back."""
    heart = heart_with(DAY, steady("02:00", without=[("01:00", "video")], live=100, video=9))
    found = told(heart, local("02:00:00"))
    assert found["01:00"] == (109, "evidence")
    assert total(heart) == 24 * 109


def test_a_channel_without_any_reading_at_the_end_is_incomplete_itself():
    heart = heart_with(DAY, steady("02:00", without=[("01:00", "video")], live=100, video=9))
    found = told(heart, local("02:00:00"), channel="video")
    assert found["00:55"][1] == "incomplete"
    assert told(heart, local("02:00:00"), channel="live")["00:55"] == (100, "evidence")


def intervals(until: str, missed: Sequence[str] = (), **gmv: int) -> list[Row]:
    return [
        reading(clock, channel=channel, gmv=amount)
        for t in every("00:05", until)
        for channel, amount in gmv.items()
        if (clock := f"{t.astimezone(DAY.campaign[0].zone):%H:%M}") not in missed
        and f"{clock} {channel}" not in missed
    ]


def test_a_snapshot_that_an_interval_feed_missed_is_unknown_not_zero():
    heart = heart_with(INTERVAL, intervals("02:00", ["01:00"], live=10, video=5))
    found = told(heart, local("02:00:00"))
    assert found["00:55"] == (None, "incomplete")
    assert found["00:50"][0] == found["01:00"][0] == 15


def test_a_key_missing_from_an_interval_snapshot_that_came_is_zero():
    heart = heart_with(INTERVAL, intervals("02:00", ["01:00 video"], live=10, video=5))
    assert told(heart, local("02:00:00"))["00:55"] == (10, "evidence")
    assert told(heart, local("02:00:00"), channel="video")["00:55"][0] == 0


def test_provisional_buckets_are_null_in_totals_and_expected_until_covered():
    rows = [
        {**row, "complete_through": through("00:30")}
        if str(row["observed_at"]) > through("00:30")
        else row
        for row in steady("01:00", live=10)
    ]
    heart = heart_with(DAY, rows)
    found = told(heart, local("01:00:00"))
    assert found["00:25"] == (10, "evidence")
    assert {found[b] for b in ("00:30", "00:45", "00:55")} == {(None, "open")}
    assert total(heart) == 60
    load(heart, file_of(reading("01:05", channel="live", gmv=130)))
    assert told(heart, local("01:05:00"))["00:55"] == (10, "evidence")
    assert total(heart) == 130


def test_a_channel_that_is_provisional_altogether_is_null_or_absent_in_totals():
    heart = heart_with(DAY, [reading("00:10", gmv=10, complete_through=through("00:00"))])
    assert totals_of(heart)[0]["gmv"] is None
    assert all(row["gmv"] is None for row in totals_of(heart, "channel"))
    assert {observed for observed, _ in told(heart, local("00:10:00")).values()} <= {None}


def test_an_unknown_start_is_told_by_an_alert_and_counts_as_unknown():
    heart = a_heart(FROM_NOON)
    ingest(heart, file_of(reading("12:32", gmv=500)), now=local("12:32:00"))
    alerts = alerts_json(heart.store)["alerts"]
    assert [(a["rule"], a["kind"], a["status"]) for a in alerts] == [
        ("unknown_start", "data", "open")
    ]
    assert total(heart) is None


def test_a_baseline_that_comes_late_ends_the_unknown_start():
    heart = a_heart(FROM_NOON)
    ingest(heart, file_of(reading("12:32", gmv=500)), now=local("12:32:00"))
    ingest(heart, file_of(reading("12:00", gmv=180)), now=local("12:33:00"))
    alerts = alerts_json(heart.store)["alerts"]
    assert [(a["rule"], a["status"]) for a in alerts] == [("unknown_start", "resolved")]
    assert total(heart) == 320


def test_before_the_first_reading_of_an_unknown_start_nothing_is_observed():
    heart = heart_with(FROM_NOON, [reading(f"12:{m}", gmv=m) for m in range(32, 60, 5)])
    found = told(heart, local("12:58:00"))
    assert found["12:25"] == (None, "incomplete")
    assert found["12:30"][1] == "incomplete"
    assert found["12:40"][0] == 5


@pytest.mark.parametrize("scope", [{"creator_id": "c2"}, {"channel": "live", "creator_id": "c2"}])
def test_a_missing_creator_is_unknown_in_a_scope_of_its_own(scope: dict[str, str]):
    """Not 0: nobody read its counter there."""
    rows = [
        {**row, "channel": "live", "creator_id": row["channel"]}
        for row in steady("02:00", without=[("01:00", "c2")], c1=10, c2=10)
    ]
    found = told(heart_with(DAY, rows), local("02:00:00"), **scope)
    assert found["00:55"] == (None, "incomplete")
    assert found["00:50"] == (10, "evidence")


# --- blanks are unknown, never 0 ----------------------------------------------------------------


def blanked(rows: Sequence[Row], clock: str, *channels: str) -> list[Row]:
    """GMV blank (but orders stated) in the snapshot at `clock`, for these channels or all."""
    return [
        {**row, "gmv": None if row["observed_at"] == through(clock)
         and (not channels or row["channel"] in channels) else row["gmv"], "orders": n}
        for n, row in enumerate(rows, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("counter", ["cumulative_day", "cumulative_campaign", "interval"])
def test_a_snapshot_with_blank_gmv_leaves_its_bucket_unknown_not_zero(counter: str):
    make = intervals if counter == "interval" else steady
    rows = blanked(make("02:00", live=10, video=5), "01:00")
    found = told(heart_with(settings_for(counter=counter), rows), local("02:00:00"))
    assert found["00:55"] == (None, "incomplete")
    assert found["00:50"] == (15, "evidence")


@pytest.mark.parametrize("counter", ["cumulative_day", "cumulative_campaign", "interval"])
def test_a_blank_counts_as_missing_of_its_metric_alone(counter: str):
    make = intervals if counter == "interval" else steady
    rows = blanked(make("02:00", live=10, video=5), "01:00", "video")
    heart = heart_with(settings_for(counter=counter), rows)
    assert told(heart, local("02:00:00"))["00:55"][1] == "incomplete"
    assert told(heart, local("02:00:00"), channel="live")["00:55"] == (10, "evidence")
    assert told(heart, local("02:00:00"), channel="video")["00:55"][1] == "incomplete"


def test_a_creator_with_blank_gmv_is_unknown_in_a_scope_of_its_own():
    rows = [
        {**row, "channel": "live", "creator_id": row["channel"]}
        for row in blanked(steady("02:00", c1=10, c2=10), "01:00", "c2")
    ]
    found = told(heart_with(DAY, rows), local("02:00:00"), creator_id="c2")
    assert found["00:55"] == (None, "incomplete")
    assert found["00:50"] == (10, "evidence")


def test_a_metric_that_begins_late_was_unknown_before_not_zero():
    rows = [
        {**row, "gmv": None, "visitors": 1} if str(row["observed_at"]) < through("01:00") else row
        for row in steady("02:00", live=10)
    ]
    found = told(heart_with(DAY, rows), local("02:00:00"))
    assert {found[b] for b in ("00:00", "00:30", "00:50")} == {(None, "incomplete")}
    assert found["01:00"] == (10, "evidence")


# --- an export of a period counts, and closes nothing -------------------------------------------


def exported(heart: Heart, *rows: Row, at: datetime, feed: str = "live") -> None:
    """Load an export of a period, read at `at`."""
    content = csv_text([{k: v for k, v in row.items() if k != "observed_at"} for row in rows])
    incoming = Incoming(
        "export.csv", heart.settings.feed_by_id(feed), content_hash(content.encode(), str(at)),
        "canonical", read_canonical(content.encode(), heart.settings, None, at),
    )  # fmt: skip
    with heart.store.transaction():
        heart.loader.load([incoming], at)


@EVERY
def test_a_campaign_with_an_export_of_a_period_alone_shows_its_totals_and_nothing_closed(
    settings: Settings,
):
    heart = a_heart(settings)
    exported(heart, reading("", channel="live", gmv=600), at=local("10:00:00"))
    assert total(heart) == 600
    assert {state for _, state in told(heart, local("10:01:00")).values()} == {"open"}
    stream = streams_of(heart.store, settings, settings.campaign[0], local("10:01:00"))[0]
    assert (stream.watermark, stream.newest) == (None, None)
    assert stream.told == stream.read == local("10:00:00")


@EVERY
def test_an_export_in_another_feed_changes_nothing_of_a_live_feed(settings: Settings):
    both = settings_for(feeds={"live": settings.feed[0].counter, "late": "cumulative_day"})
    rows = intervals("01:00", live=10) if settings is INTERVAL else steady("01:00", live=10)
    alone, beside = heart_with(both, rows), heart_with(both, rows)
    exported(beside, reading("", channel="live", gmv=999), at=local("09:00:00"), feed="late")
    assert told(beside, local("01:00:00")) == told(alone, local("01:00:00"))
    assert total(beside) == total(alone) == 120


def test_an_export_in_the_live_feed_itself_counts_in_totals_and_closes_nothing():
    heart = heart_with(DAY, steady("01:00", live=10))
    before = told(heart, local("01:00:00"))
    exported(heart, reading("", channel="live", gmv=180), at=local("01:30:00"))
    assert told(heart, local("01:30:00")) == before
    assert total(heart) == 180
    load(heart, file_of(*steady("01:05", live=10)))
    assert told(heart, local("01:30:00"))["01:00"] == (10, "evidence")


@pytest.mark.parametrize("export_first", [True, False])
def test_a_snapshot_at_the_instant_of_an_export_closes_whichever_came_first(export_first: bool):
    heart = a_heart(DAY)
    for step in (export_first, not export_first):
        if step:
            exported(heart, reading("", channel="live", gmv=10), at=local("00:05:00"))
        else:
            load(heart, file_of(reading("00:05", channel="live", gmv=10)))
    assert told(heart, local("00:06:00"))["00:00"] == (10, "evidence")
    assert total(heart) == 10
