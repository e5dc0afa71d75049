"""Long files are read beside the tick: the short ones of the same moment do not wait for them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from monitor.ingest import reading
from monitor.ingest.arrivals import Arrival, read_arrival
from monitor.ingest.reading import Reading
from tests.conftest import a_heart, afterwards, arrived, csv_text
from tests.conftest import reading as row

SHORT = csv_text([row("12:00", gmv=5)])


def test_a_long_file_is_ready_once_it_has_been_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart = a_heart()
    settings, now = heart.settings, afterwards(heart.settings)
    long = csv_text([row("12:05", creator_id=f"c{i}", gmv=1) for i in range(200)])
    monkeypatch.setattr(reading, "LONG", 1000)
    begun, go_on = threading.Event(), threading.Event()

    def slowly(*asked: object) -> object:
        begun.set()
        assert go_on.wait(20)
        return read_arrival(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "read_arrival", slowly)
    waiting, small = arrived([long, SHORT], settings, tmp_path)
    files = Reading()
    first = files.ready([waiting, small], heart.store, settings, now)
    assert list(first) == [small.path], "the short one is taken at once"
    assert begun.wait(20)
    assert files.ready([waiting], heart.store, settings, now) == {}
    go_on.set()
    found: dict[Path, Arrival] = {}
    for _ in range(200):
        found = files.ready([waiting], heart.store, settings, now)
        if found:
            break
        threading.Event().wait(0.05)
    ready = found[waiting.path]
    assert ready.read is not None
    loaded = heart.tick(now, [ready], publish=False).loaded
    assert (loaded[0].status, loaded[0].taken) == ("taken", 200)


def test_a_file_that_is_written_again_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart = a_heart()
    settings, now = heart.settings, afterwards(heart.settings)
    monkeypatch.setattr(reading, "LONG", 10)
    (arrival,) = arrived([SHORT], settings, tmp_path)
    files = Reading()
    files.ready([arrival], heart.store, settings, now)
    arrival.path.write_text(csv_text([row("12:00", gmv=777)]), encoding="utf-8")
    found: dict[Path, Arrival] = {}
    for _ in range(200):
        found = files.ready([arrival], heart.store, settings, now)
        if found:
            break
        threading.Event().wait(0.05)
    read = found[arrival.path].read
    assert read is not None
    assert read.readings is not None
    assert read.readings.values[0, 0] == 77700


def test_a_long_file_that_takes_all_memory_is_refused_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart = a_heart()
    settings, now = heart.settings, afterwards(heart.settings)
    monkeypatch.setattr(reading, "LONG", 10)

    def greedy(*asked: object) -> object:
        raise MemoryError("no more")

    monkeypatch.setattr(reading, "read_arrival", greedy)
    (arrival,) = arrived([SHORT], settings, tmp_path)
    files = Reading()
    found: dict[Path, Arrival] = {}
    for _ in range(200):
        found = files.ready([arrival], heart.store, settings, now)
        if found:
            break
        threading.Event().wait(0.05)
    (loaded,) = heart.tick(now, list(found.values()), publish=False).loaded
    assert loaded.status == "refused"
    assert "MemoryError" in (loaded.reason or "")
