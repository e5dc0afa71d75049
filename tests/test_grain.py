"""The finest grain: what every key brought in every bucket, and where nobody can tell."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.clock import to_ms
from monitor.detect.event import Floats
from monitor.grain import ROOM, Grain, plans_of, whole
from monitor.observe import Observed, observe
from monitor.settings import parse_settings
from monitor.tick import Heart
from tests.conftest import File, Row, a_heart, file_of, ingest, local, reading, settings_for

UNKNOWN = np.nan


def rows(at: str, day: str = "2026-11-11", **gmv: Any) -> list[Row]:
    """One reading of several creators."""
    return [reading(at, day=day, creator_id=who, gmv=value) for who, value in gmv.items()]


def seen(heart: Heart, now: str = "12:00") -> Observed:
    return observe(heart.store, heart.settings, heart.settings.campaign[0], local(now))


def grain_of(heart: Heart, observed: Observed) -> Grain:
    return Grain(heart.store, heart.settings.campaign[0], observed.starts_ms, 300_000)


def filled(heart: Heart, now: str = "12:00") -> Grain:
    observed = seen(heart, now)
    grain = grain_of(heart, observed)
    grain.take(observed, {})
    return grain


def gmv(grain: Grain, who: str, buckets: int) -> list[float]:
    """What a creator brought in the first buckets."""
    event = grain.event()
    row = event.dims["creator_id"].index(who)
    return [float(v) for v in event.amounts["gmv"][row, :buckets]]


def day(*files: list[Row]) -> Heart:
    heart = a_heart()
    ingest(heart, *(file_of(*some) for some in files), now=local("12:00"))
    return heart


def test_increases_are_told_by_member_and_bucket() -> None:
    heart = day(rows("00:05", a=10, b=1), rows("00:10", a=15, b=1), rows("00:15", a=15, b=7.5))
    grain = filled(heart)
    assert gmv(grain, "a", 3) == [10, 5, 0]
    assert gmv(grain, "b", 3) == [1, 0, 6.5]
    assert grain.event().usable["gmv"][:4].tolist() == [True, True, True, False]


def test_a_key_that_a_snapshot_lacks_is_unknown_there_and_known_again_after() -> None:
    heart = day(rows("00:05", a=10, b=1), rows("00:10", b=2), rows("00:15", a=30, b=3))
    assert gmv(filled(heart), "a", 3) == pytest.approx([10, UNKNOWN, 10], nan_ok=True)


def test_a_key_is_unknown_until_it_is_first_read() -> None:
    heart = day(rows("00:05", a=10), rows("00:10", a=12), rows("00:15", a=13, new=4))
    assert gmv(filled(heart), "new", 3) == pytest.approx([UNKNOWN, UNKNOWN, 4], nan_ok=True)


def test_at_midnight_a_key_that_is_not_read_yet_has_brought_nothing() -> None:
    heart = a_heart(settings_for(end="2026-11-13T00:00:00+08:00"))
    files = [rows("23:55", a=10, b=5), rows("23:59:30", a=11, b=5)]
    files.append(rows("00:05", "2026-11-12", a=1))
    ingest(heart, *(file_of(*some) for some in files), now=local("00:06", day="2026-11-12"))
    observed = observe(
        heart.store, heart.settings, heart.settings.campaign[0], local("00:06", day="2026-11-12")
    )
    grain = grain_of(heart, observed)
    grain.take(observed, {})
    event = grain.event()
    assert event.amounts["gmv"][:, 287].tolist() == [1, 0]
    assert event.amounts["gmv"][:, 288].tolist() == [1, 0]


def test_a_blank_says_nothing() -> None:
    heart = day(rows("00:05", a=10, b=1), rows("00:10", a=None, b=2), rows("00:15", a=30, b=3))
    assert gmv(filled(heart), "a", 3) == pytest.approx([10, UNKNOWN, 10], nan_ok=True)


def test_where_a_counter_fell_its_increase_is_unknown() -> None:
    """And nobody else's."""
    heart = day(rows("00:05", a=10, b=1), rows("00:10", a=4, b=2), rows("00:15", a=5, b=3))
    grain = filled(heart)
    assert gmv(grain, "a", 3) == pytest.approx([10, UNKNOWN, 1], nan_ok=True)
    assert gmv(grain, "b", 3) == [1, 1, 1]


def test_a_counter_that_fell_and_came_back_gained_nothing_that_is_known() -> None:
    heart = day(
        rows("00:05", a=1000), rows("00:10", a=0), rows("00:15", a=1010), rows("00:20", a=1013)
    )
    assert gmv(filled(heart), "a", 4) == pytest.approx([1000, UNKNOWN, UNKNOWN, 3], nan_ok=True)


def test_a_fall_between_the_ends_of_buckets_makes_both_unknown() -> None:
    heart = day(
        rows("00:05:20", a=10), rows("00:10:20", a=4), rows("00:15:20", a=9), rows("00:20:20", a=9)
    )
    found = gmv(filled(heart), "a", 3)
    assert np.isnan(found[:3]).tolist() == [False, True, True]


def test_in_an_interval_feed_a_key_that_is_missing_brought_nothing() -> None:
    heart = a_heart(settings_for(counter="interval"))
    ingest(
        heart, file_of(*rows("00:05", a=10, b=1)), file_of(*rows("00:10", b=2)), now=local("01:00")
    )
    assert gmv(filled(heart), "a", 2) == [10, 0]


# --- filled as it comes ---------------------------------------------------------------------------


def steps(heart: Heart, *files: list[Row], late: dict[int, list[Row]] | None = None) -> Grain:
    """A grain that is filled file by file; `late`: what comes after the file of that number."""
    grain: Grain | None = None
    for number, some in enumerate(files):
        for batch in [some, *([late[number]] if late and number in late else [])]:
            ingest(heart, file_of(*batch, name=f"{batch[0]['observed_at']}.csv".replace(":", "")),
                   now=local("12:00"))  # fmt: skip
            observed = seen(heart)
            grain = grain or grain_of(heart, observed)
            stream = observed.streams[0].stream_id
            at = min(to_ms(datetime.fromisoformat(str(row["observed_at"]))) for row in batch)
            grain.take(observed, {stream: at})
    assert grain is not None
    return grain


def same(one: Grain, two: Grain) -> None:
    """By key, whatever the order in which they were met."""
    mine, theirs = by_key(one), by_key(two)
    assert mine.keys() == theirs.keys()
    for key, values in mine.items():
        np.testing.assert_array_equal(values, theirs[key], err_msg=key)


def by_key(grain: Grain) -> dict[str, Floats]:
    event = grain.event()
    usable = event.usable["gmv"]
    named = zip(event.dims["creator_id"], event.amounts["gmv"], strict=True)
    return {who: np.where(usable, values, np.nan) for who, values in named}


def test_file_by_file_gives_what_all_at_once_gives() -> None:
    brought: list[dict[str, Any]] = [
        {f"c{k}": i * (k + 1) for k in range(3 * i)} for i in range(1, 10)
    ]
    files = [rows(f"00:{5 * i:02}", **some) for i, some in enumerate(brought, start=1)]
    files[6] = rows("00:35", c0=2, c5=50)  # one falls, most are not read
    same(steps(a_heart(), *files), filled(day(*files)))


def test_more_keys_than_there_was_room_for() -> None:
    many: dict[str, Any] = {f"k{i:03}": i + 1 for i in range(ROOM + 9)}
    files = [rows("00:05", a=1), rows("00:10", a=3), rows("00:15", a=4, **many)]
    grain = steps(a_heart(), *files)
    same(grain, filled(day(*files)))
    assert gmv(grain, f"k{ROOM + 8:03}", 3) == pytest.approx(
        [UNKNOWN, UNKNOWN, ROOM + 9], nan_ok=True
    )


def test_a_late_file_is_filled_in_where_it_belongs() -> None:
    on_time = [rows(f"00:{5 * i:02}", a=10 * i, b=i) for i in range(1, 7)]
    late = on_time.pop(2)
    heart = a_heart()
    grain = steps(heart, *on_time, late={3: late})
    same(grain, filled(heart))
    assert gmv(grain, "a", 6) == [10] * 6
    assert grain.event().usable["gmv"][:6].all()


def test_what_was_bridged_is_not_usable() -> None:
    heart = day(rows("00:05", a=10), rows("00:20", a=40), rows("00:25", a=50))
    assert filled(heart).event().usable["gmv"][:5].tolist() == [True, False, False, False, True]


def test_it_tells_the_first_bucket_concerned() -> None:
    heart = day(rows("00:05", a=10), rows("00:10", a=20))
    observed = seen(heart)
    grain = grain_of(heart, observed)
    assert grain.take(observed, {}) == 0
    assert grain.take(observed, {}) == grain.buckets
    stream = observed.streams[0].stream_id
    assert grain.take(observed, {stream: to_ms(local("00:10"))}) == 1


# --- the event ------------------------------------------------------------------------------------


def test_nothing_known_gives_no_event() -> None:
    assert whole(a_heart().store, seen(a_heart())) is None


def test_plans_are_told_in_buckets_even_beyond_the_event() -> None:
    text = (
        '[[campaign]]\nid = "sale"\nname = "Sale"\nkind = "custom"\nmarket = "MY"\n'
        "start = 2026-11-11T08:00:00+08:00\nend = 2026-11-11T10:00:00+08:00\n"
        '[[campaign.plan]]\nname = "show"\nscope = { creator_id = "a" }\n'
        "start = 2026-11-11T07:30:00+08:00\nend = 2026-11-11T08:12:00+08:00\n"
        '[[feed]]\nid = "f"\nsource = { type = "folder", path = "f" }\ncounter = "interval"\n'
    )
    [campaign] = parse_settings(text, Path("monitor.toml")).campaign
    starts = to_ms(campaign.start) + 300_000 * np.arange(24)
    [plan] = plans_of(campaign, starts, 300_000)
    assert (plan.name, plan.first, plan.end, dict(plan.scope)) == (
        "show", -6, 3, {"creator_id": "a"},
    )  # fmt: skip
    assert plans_of(campaign, starts[:0], 300_000) == ()


def test_the_event_knows_its_clock_and_weekday() -> None:
    heart = a_heart(settings_for(start="2026-11-11T20:00:00+08:00"))
    ingest(heart, File("f.csv", "observed_at,campaign_id,gmv\n2026-11-11T20:05:00+08:00,sale,3\n"))
    event = filled(heart, "20:06").event()
    assert (event.minute, event.weekday, event.bucket_min) == (1200, 2, 5.0)
