"""The threads that ask: what they write, when they ask again, and that nobody waits for them."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from monitor.ingest.arrivals import is_data
from monitor.ingest.note import note_of, note_path, write_whole
from monitor.ingest.sources import collector as module
from monitor.ingest.sources.base import Cursor, Fetched, SourceTrouble
from monitor.ingest.sources.collector import (
    FIRST_RETRY_S,
    LONGEST_REST_S,
    RARELY_S,
    SLOWEST_RETRY_S,
    Collector,
    Pace,
    keep_cursor,
    kept_cursor,
)
from monitor.runtime import Runtime
from monitor.settings import Settings, load_settings, parse_settings
from monitor.store import Store, open_store
from tests.product import eventually
from tests.sources.shops import CIPHER, KEY, SECRET, TOKEN, Shop, instant, serving

NOON = instant("2026-11-11 12:30")
CAMPAIGN = (
    '[[campaign]]\nid = "sale"\nname = "Sale"\nkind = "custom"\nmarket = "MY"\n'
    "start = 2026-11-11T00:00:00+08:00\nend = 2026-11-12T00:00:00+08:00\n"
)


@dataclass
class Clock:
    at: datetime = NOON
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at


@dataclass
class Told:
    """A source that does what it is told, one a poll: gives files, or raises."""

    does: list[Any] = field(default_factory=list)
    cursors: list[Cursor] = field(default_factory=list)
    closed: bool = False

    def poll(self, cursor: Cursor, now: datetime) -> Iterator[Fetched]:
        self.cursors.append(cursor)
        for one in self.does.pop(0) if self.does else []:
            if isinstance(one, BaseException):
                raise one
            if callable(one):
                one()
            else:
                yield one

    def close(self) -> None:
        self.closed = True


def settings(folder: Path, url: str = "http://127.0.0.1:9") -> Settings:
    source = f'source = {{ type = "http", url = "{url}", every = "60s" }}\n'
    text = f'{CAMPAIGN}[[feed]]\nid = "shop"\ncounter = "interval"\n{source}'
    return parse_settings(text, folder / "monitor.toml")


def a_collector(folder: Path, *does: Any, chance: float = 0.5) -> tuple[Collector, Told]:
    said, told = settings(folder), Told(list(does))
    pace = Pace(60.0, lambda: chance)
    collector = Collector(said.feed[0], said, Clock(), {}, pace)
    collector.source = told
    return collector, told


def fetched(number: int, name: str = "shop.jsonl") -> Fetched:
    return Fetched(name, f'{{"n":{number}}}\n'.encode(), {"n": number})


def inbox(folder: Path) -> list[Path]:
    return sorted(p for p in (folder / "inbox" / "shop").iterdir() if is_data(p))


# --- what it writes -------------------------------------------------------------------------------


def test_what_comes_is_a_file_with_its_cursor_and_names_sort_by_time(tmp_path: Path) -> None:
    collector, told = a_collector(tmp_path, [fetched(1), fetched(2, "shop-2026-11-10.jsonl")])
    told.does.append([fetched(3)])
    collector.ask()
    assert isinstance(collector.clock, Clock)
    collector.clock.at += timedelta(seconds=1)
    collector.ask()
    files = inbox(tmp_path)
    assert [path.read_text(encoding="utf-8") for path in files] == [
        '{"n":1}\n',
        '{"n":2}\n',
        '{"n":3}\n',
    ]
    assert files[0].name == "shop-20261111T043000Z-000001.jsonl"
    assert files[1].name == "shop-20261111T043000Z-000002-2026-11-10.jsonl"
    assert [json.loads(note_of(path).cursor or "") for path in files] == [
        {"n": 1},
        {"n": 2},
        {"n": 3},
    ]
    assert told.cursors == [{}, {"n": 2}], "it is asked on from what is held"


def test_a_file_is_never_seen_before_its_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector, _ = a_collector(tmp_path, [fetched(1)])

    def write(path: Path, content: bytes) -> None:
        assert note_path(path).exists()
        assert not path.exists()
        write_whole(path, content)

    monkeypatch.setattr(module, "write_whole", write)
    collector.ask()
    assert collector.status.trouble is None
    names = [path.name for path in (tmp_path / "inbox" / "shop").iterdir()]
    assert len(names) == 2, "no temporary file is left"


def test_what_cannot_be_written_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector, told = a_collector(tmp_path, [fetched(1), fetched(2)], [fetched(2)])
    wrote: list[Path] = []

    def write(path: Path, content: bytes) -> None:
        wrote.append(path)
        if len(wrote) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, content)

    monkeypatch.setattr(module, "write_whole", write)
    collector.ask()
    assert "cannot be written into shop (No space left on device)" in str(collector.status.trouble)
    collector.ask()
    assert told.cursors[1] == {"n": 1}, "the second was not held"
    assert collector.status.trouble is None


# --- when it asks again ---------------------------------------------------------------------------


def test_troubles_are_waited_out_ever_longer_and_told(tmp_path: Path) -> None:
    trouble = SourceTrouble("the shop is shut")
    collector, told = a_collector(tmp_path, *[[trouble]] * 12)
    waits = [collector.ask() for _ in range(12)]
    assert waits[:4] == [FIRST_RETRY_S, 2 * FIRST_RETRY_S, 4 * FIRST_RETRY_S, 8 * FIRST_RETRY_S]
    assert waits[-1] == SLOWEST_RETRY_S
    status = collector.status
    assert (status.trouble, status.attempts, status.failing_since) == (
        "the shop is shut",
        12,
        NOON,
    )
    assert status.asked_at is None
    assert status.next_at == NOON + timedelta(seconds=SLOWEST_RETRY_S)
    assert told.cursors == [{}] * 12
    assert round(collector.ask()) == 60
    status = collector.status
    assert (status.trouble, status.attempts, status.failing_since) == (None, 0, None)
    assert status.asked_at == NOON


@pytest.mark.parametrize(
    ("trouble", "chance", "wait_s"),
    [
        (SourceTrouble("no", retry_after_s=120), 0.5, 120.0),
        (SourceTrouble("no", retry_after_s=1), 0.5, FIRST_RETRY_S),
        (SourceTrouble("no", retry_after_s=10**6), 0.5, LONGEST_REST_S),
        (SourceTrouble("no", permanent=True), 0.5, RARELY_S),
        (SourceTrouble("no"), 0.0, 0.75 * FIRST_RETRY_S),
        (SourceTrouble("no"), 1.0, 1.25 * FIRST_RETRY_S),
    ],
)
def test_how_long_a_trouble_is_waited_out(
    trouble: SourceTrouble, chance: float, wait_s: float
) -> None:
    assert Pace(60.0, lambda: chance).after_trouble(trouble, 1) == wait_s


def test_a_fault_of_ours_does_not_end_the_thread(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collector, _ = a_collector(tmp_path, [ValueError("a secret")], [fetched(1)])
    collector.ask()
    assert "failed to read the source (ValueError); please report" in str(collector.status.trouble)
    assert "a secret" not in str(collector.status.trouble)
    collector.ask()
    assert len(inbox(tmp_path)) == 1


def test_it_ends_in_the_middle_of_whatever_it_waits_for(tmp_path: Path) -> None:
    collector, told = a_collector(tmp_path)
    told.does = [[lambda: collector._sleep(3600.0)]]
    collector.start()
    eventually(lambda: told.cursors, "it asks")
    collector.end()
    collector.join(30.0)
    assert not collector._thread.is_alive()
    assert told.closed


def test_what_a_crash_left_half_written_is_taken_away(tmp_path: Path) -> None:
    collector, told = a_collector(tmp_path, [fetched(1)])
    collector.ask()
    folder = tmp_path / "inbox" / "shop"
    whole = sorted(path.name for path in folder.iterdir())
    ours = ".shop-20261111T043000Z-000002.jsonl"
    for name in (f"{ours}.part", f"{ours}.note.json", f"{ours}.note.json.part"):
        (folder / name).write_text("{", encoding="utf-8")
    (folder / ".shop-of-amy.xlsx.part").write_text("not ours", encoding="utf-8")
    collector.start()
    eventually(lambda: len(told.cursors) == 2, "it asks")
    collector.end()
    collector.join(30.0)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*whole, ".shop-of-amy.xlsx.part"]
    )


# --- where it goes on -----------------------------------------------------------------------------


def test_the_cursor_is_kept_with_the_rows_or_not_at_all() -> None:
    store = open_store(None)
    try:
        assert kept_cursor(store, "shop") == {}
        with store.transaction():
            keep_cursor(store, "shop", '{"n": 1}', NOON)
        with suppress(RuntimeError), store.transaction():
            keep_cursor(store, "shop", '{"n": 2}', NOON)
            raise RuntimeError("the tick failed")
        assert kept_cursor(store, "shop") == {"n": 1}
        with store.transaction():
            keep_cursor(store, "shop", "no JSON", NOON)
        assert kept_cursor(store, "shop") == {}
    finally:
        store.close()


# --- in the running product -----------------------------------------------------------------------


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("TIKTOK_APP_KEY", KEY)
    monkeypatch.setenv("TIKTOK_APP_SECRET", SECRET)
    monkeypatch.setenv("TIKTOK_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("TIKTOK_SHOP_CIPHER", CIPHER)
    with serving(Shop(NOON)) as shop:
        yield shop


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[[str], Runtime]]:
    """Starts products on one database; they are stopped at the end."""
    started: list[Runtime] = []
    stores: list[Store] = []

    def run(text: str) -> Runtime:
        for runtime in started:
            runtime.stop()
        if not stores:
            stores.append(open_store(None))
        config = tmp_path / "monitor.toml"
        config.write_text(text, encoding="utf-8")
        started.append(Runtime(stores[0], load_settings(config), Clock()))
        return started[-1]

    yield run
    for runtime in started:
        runtime.stop()
    for store in stores:
        store.close()


def hours(shop: Shop, feed: str = "hours", path: str = "analytics") -> str:
    return (
        f'[[feed]]\nid = "{feed}"\ncounter = "interval"\ncadence = "1h"\n[feed.source]\n'
        f'type = "http"\npreset = "tiktok_shop_hours"\nrate = 100\n'
        f'url = "{shop.url}/{path}/202510/shop/performance/{{date}}/performance_per_hour"\n'
    )


FOLDER = (
    '[[feed]]\nid = "files"\ncounter = "cumulative_day"\n'
    'source = { type = "folder", path = "inbox/files", settle = "0s" }\n'
)


def gmv_of(runtime: Runtime) -> float | None:
    runtime.pulse()
    assert runtime.health.failure is None
    assert runtime.picture is not None
    return runtime.picture.campaigns["sale"].totals["gmv"]


def answered(runtime: Runtime) -> datetime | None:
    return runtime.collectors[0].status.asked_at


def test_a_shop_is_counted_to_the_cent_and_asking_again_changes_nothing(
    shop: Shop, running: Callable[[str], Runtime]
) -> None:
    for hour in range(24):
        shop.sale(NOON.date(), hour, f"{1000 + hour}.37", visitors=hour, items=hour)
    shop.latest = instant("2026-11-11 12:20")
    expected = float(sum(100_037 + 100 * hour for hour in range(12))) / 100
    runtime = running(CAMPAIGN + hours(shop))
    eventually(lambda: gmv_of(runtime) == expected, "the twelve whole hours are counted")
    assert runtime.picture is not None
    status = runtime.picture.sources["hours"]
    assert (status.type, status.trouble, status.asked_at) == ("http", None, NOON)
    for lost in (False, True):  # stopped and started again; the last time without its cursor
        if lost:
            runtime.store.cursor.execute("delete from source_cursor")
        again = running(CAMPAIGN + hours(shop))
        shop.seen.clear()
        gmv_of(again)
        eventually(partial(answered, again), "it is asked again")
        days = {path.split("/")[5] for path in shop.paths()}
        assert ("2026-11-10" in days) == lost, "a day that is final is not asked again"
        assert gmv_of(again) == expected


def test_a_source_that_hangs_or_is_dead_keeps_no_other_feed_waiting(
    shop: Shop, running: Callable[[str], Runtime], tmp_path: Path
) -> None:
    shop.mishaps = ["hang"]
    dead = hours(shop, "dead").replace(shop.url, "http://127.0.0.1:9")
    runtime = running(CAMPAIGN + FOLDER + hours(shop, "hanging") + dead)
    gmv_of(runtime)
    eventually(lambda: shop.seen, "one source hangs in an answer")
    folder = tmp_path / "inbox" / "files"
    (folder / "a.csv").write_text(
        "observed_at,campaign_id,gmv\n2026-11-11T00:05:00+08:00,sale,7.25\n", encoding="utf-8"
    )
    assert gmv_of(runtime) == 7.25
    assert runtime.picture is not None
    assert runtime.picture.problems == (), "it concerns nobody but its own feed"
    assert runtime.picture.sources["files"].type == "folder"
    assert runtime.picture.sources["hanging"].asked_at is None
    runtime.stop()
    assert not any(c._thread.is_alive() for c in runtime.collectors if c.feed.id == "dead")


def test_a_trouble_is_told_in_the_picture(shop: Shop, running: Callable[[str], Runtime]) -> None:
    shop.token = "ROW_renewed"
    runtime = running(CAMPAIGN + hours(shop))

    def trouble() -> str | None:
        gmv_of(runtime)
        assert runtime.picture is not None
        return runtime.picture.sources["hours"].trouble

    said = eventually(trouble, "the expired token is told")
    assert "renew auth.access_token" in said
    assert TOKEN not in said
    assert runtime.picture is not None
    assert runtime.picture.sources["hours"].failing_since == NOON.astimezone(UTC)
