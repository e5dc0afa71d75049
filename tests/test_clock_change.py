"""The computer's clock jumps: back an hour (somebody set it), forward a day (it had been wrong)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.clock import from_db
from monitor.runtime import Runtime
from monitor.settings import load_settings
from monitor.store import Store, open_store
from tests.product import HEADER, a_sale_now, change, sale_rows

NOW = datetime(2026, 11, 11, 12, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Wall:
    """A clock that somebody sets."""

    speed = 1.0

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Desk:
    """A runtime, its inbox, and every instant that it ever ticked or published at."""

    def __init__(self, folder: Path, store: Store) -> None:
        config = a_sale_now(folder, NOW)
        change(config, settle="0s")
        self.store, self.wall = store, Wall(NOW)
        self.runtime = Runtime(store, load_settings(config), self.wall)
        self.inbox = folder / "inbox" / "performance"
        self.inbox.mkdir(parents=True)
        self.ticked: list[datetime] = []
        self.published: list[datetime] = []

    def drop(self, name: str, at: datetime, gmv: float) -> None:
        (self.inbox / name).write_text(HEADER + sale_rows(at, gmv), encoding="utf-8")

    def look(self, at: datetime) -> None:
        """The clock says `at`; one pulse."""
        self.wall.at = at
        self.runtime.pulse()
        assert self.runtime.health.failure is None
        self.ticked.append(from_db(self.store.one("publish.ticked")[0]))
        assert self.runtime.picture is not None
        self.published.append(self.runtime.picture.published_at)

    @property
    def gmv(self) -> float | None:
        assert self.runtime.picture is not None
        return self.runtime.picture.campaigns["sale"].totals["gmv"]

    def check(self) -> None:
        """Time never went back in the store, and every file was taken once."""
        assert self.ticked == sorted(self.ticked)
        assert list(self.inbox.iterdir()) == []
        seen = self.store.cursor.execute("select arrived_at from batch order by seq").fetchall()
        assert seen == sorted(seen)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(None)
    yield Desk(tmp_path, store)
    store.close()


def test_a_clock_set_back_an_hour_stops_nothing(desk: Desk) -> None:
    desk.drop("one.csv", NOW - MINUTE, 1_000)
    desk.look(NOW)
    assert desk.gmv == 1_000
    desk.look(NOW - HOUR)
    for number in range(1, 4):
        desk.drop(f"back-{number}.csv", NOW + number * MINUTE, 1_000 + number * 400)
        desk.look(NOW - HOUR + number * MINUTE)
        assert desk.gmv == 1_000 + number * 400
    desk.look(NOW + 5 * MINUTE)
    desk.drop("later.csv", NOW + 5 * MINUTE, 4_000)
    desk.look(NOW + 6 * MINUTE)
    assert desk.gmv == 4_000
    assert desk.published == sorted(desk.published), "nor on the pages"
    desk.check()


def test_no_tick_runs_while_the_clock_is_behind_and_no_file_comes(desk: Desk) -> None:
    desk.drop("one.csv", NOW - MINUTE, 1_000)
    desk.look(NOW)
    ticks = desk.runtime.health.ticks
    for minutes in range(0, 50, 10):
        desk.look(NOW - HOUR + minutes * MINUTE)
    assert desk.runtime.health.ticks == ticks
    alerts = desk.store.cursor.execute("select count(*) from alert").fetchone()
    assert alerts == (0,), "a clock behind is no reason to call a feed late"
    desk.check()


def test_a_clock_that_jumps_forward_a_day_ends_the_sale_and_late_files_still_count(
    desk: Desk,
) -> None:
    desk.drop("one.csv", NOW - MINUTE, 1_000)
    desk.look(NOW)
    desk.look(NOW + DAY)
    assert desk.runtime.picture is not None
    assert desk.runtime.picture.campaigns["sale"].phase == "ended"
    desk.drop("late.csv", NOW + MINUTE, 2_000)
    desk.look(NOW + DAY + MINUTE)
    assert desk.gmv == 2_000
    desk.check()


def test_a_clock_that_was_a_day_ahead_and_is_put_right_loses_no_file(desk: Desk) -> None:
    desk.drop("one.csv", NOW - MINUTE, 1_000)
    desk.look(NOW)
    desk.look(NOW + DAY)
    for number in range(1, 4):
        desk.drop(f"right-{number}.csv", NOW + number * MINUTE, 1_000 + number * 400)
        desk.look(NOW + number * MINUTE)
        assert desk.gmv == 1_000 + number * 400
    desk.check()


def test_a_product_started_with_a_clock_behind_its_store_goes_on_from_the_store(
    desk: Desk, tmp_path: Path
) -> None:
    desk.drop("one.csv", NOW - MINUTE, 1_000)
    desk.look(NOW)
    again = Runtime(desk.store, desk.runtime.settings, Wall(NOW - HOUR))
    desk.runtime = again
    desk.wall = again.clock  # type: ignore[assignment]
    desk.look(NOW - HOUR)
    desk.drop("two.csv", NOW + MINUTE, 1_400)
    desk.look(NOW - HOUR + MINUTE)
    assert desk.gmv == 1_400
    desk.check()
