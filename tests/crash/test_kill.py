"""Nothing that was acknowledged is lost or doubled, whenever the process is killed or the disk fills.

`TORTURE=1` kills a hundred times instead of three.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.settings import load_settings
from monitor.simulate.snapshots import write_file
from monitor.store import Store, open_store
from tests.product import (
    ROOT,
    TODAY,
    UNTIL,
    Product,
    a_sale_now,
    an_evening,
    change,
    clean_environment,
    eventually,
    verb,
)

KILLS = 100 if os.environ.get("TORTURE") else 3
KILLS_A_ROUND = 3
ROUNDS = -(-KILLS // KILLS_A_ROUND)
DRIVER = [sys.executable, "-m", "tests.crash.driver"]


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evening's configuration."""
    return an_evening(tmp_path_factory.mktemp("evening"))


@dataclass(frozen=True)
class Run:
    """A replay that nobody killed: how many ticks it took, and what the verbs print after it."""

    ticks: int
    answers: list[str]


@pytest.fixture(scope="module")
def undisturbed(evening: Path) -> Run:
    db = evening.with_name("undisturbed.duckdb")
    arguments = ["--config", evening, "--db", db, "--until", UNTIL.isoformat(), "--json"]
    done = verb("replay", evening.parent / "recorded", *arguments)
    assert done.returncode == 0, done.stderr
    found = answers(db)
    assert '"rule": "gmv_dip"' in found[0]
    return Run(json.loads(done.stdout)["ticks"], found)


def answers(db: Path) -> list[str]:
    """Alerts and totals of both campaigns, byte for byte."""
    asked = [["alerts"]]
    for campaign in (TODAY, "my-0909-2026"):
        asked.append(["totals", "--campaign", campaign])
        asked.append(["totals", "--campaign", campaign, "--by", "channel,category,creator_id"])
    said = [verb(*arguments, "--db", db, "--json") for arguments in asked]
    assert [done.returncode for done in said] == [0] * len(asked), said
    return [done.stdout for done in said]


# --- kill -9 in a replay --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_killed_replay_loses_nothing_doubles_nothing_and_ends_like_an_undisturbed_one(
    seed: int, evening: Path, undisturbed: Run, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    db, acks = tmp_path / "killed.duckdb", tmp_path / "acks.jsonl"
    command: list[str | Path] = [*DRIVER, "replay", evening.parent / "recorded", evening, db, acks]
    for _ in range(KILLS_A_ROUND):
        tick = chance.randrange(-1, undisturbed.ticks - 4)  # -1: before or in the first, large one
        delay_s = chance.uniform(0, 0.08 if tick >= 0 else 1.2)
        kill_after(command, acks, len(acknowledged(acks)) + tick, delay_s)
        check_ledger(db, acks)
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), check=False, timeout=120)
    assert done.returncode == 0
    check_ledger(db, acks)
    assert answers(db) == undisturbed.answers


def kill_after(command: list[str | Path], acks: Path, wanted: int, delay_s: float) -> None:
    """Start, wait for so many acknowledgements and a moment more, kill."""
    with subprocess.Popen(command, cwd=ROOT, env=clean_environment()) as process:
        try:
            eventually(
                lambda: len(acknowledged(acks)) > wanted,
                f"more than {wanted} ticks are acknowledged",
                within_s=120,
                every_s=0.01,
            )
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(delay_s)
            assert process.poll() is None, "it was over before it could be killed"
        finally:
            process.kill()


def acknowledged(acks: Path) -> list[dict[str, Any]]:
    """Whole lines only: the last may be cut, and then was not acknowledged."""
    if not acks.exists():
        return []
    text = acks.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def check_ledger(db: Path, acks: Path) -> None:
    """Every acknowledged batch is there, and every batch has exactly the rows it says."""
    if not db.exists():
        assert not acknowledged(acks)
        return
    store = open_store(db)
    try:
        ledger = dict(store.cursor.execute("select batch_id, taken from batch").fetchall())
        for line in acknowledged(acks):
            for batch, taken in line["batches"].items():
                assert batch in ledger, f"acknowledged at {line['now']}, and gone"
                assert taken in (0, ledger[batch])
        check_rows(store)
    finally:
        store.close()


def check_rows(store: Store) -> None:
    """Snapshots as the ledger counts them, none twice, and the rollup adds up to the facts."""
    cursor = store.cursor
    said = dict(cursor.execute("select seq, taken from batch where taken > 0").fetchall())
    held = cursor.execute("select ord >> 32, count(*) from snapshot group by 1").fetchall()
    assert dict(held) == said
    twice = "select observed_at, key_id from snapshot group by all having count(*) > 1"
    assert cursor.execute(twice).fetchall() == []
    for metric in ("gmv", "orders", "visitors"):
        sums = [
            cursor.execute(f"select sum({metric}) from {table}").fetchone()
            for table in ("fact", "rollup")
        ]
        assert sums[0] == sums[1], metric


# --- kill -9 while the product is served ----------------------------------------------------------

KEYS = 3000  # rows a file: enough that a tick takes a while, so that kills fall into it
FILES_A_ROUND = 8


def test_a_killed_product_counts_every_file_once_and_archives_it_once(tmp_path: Path) -> None:
    # An interval feed: a running total would mend with its next reading what a kill had spoiled.
    chance = random.Random(11)
    config = a_sale_now(tmp_path, datetime.now(UTC), {"performance": "interval"})
    change(config, settle="0s", cadence="30s")
    start = load_settings(config).campaign[-1].start
    inbox = tmp_path / "inbox" / "performance"
    inbox.mkdir(parents=True)
    product = Product(tmp_path, config)
    dropped: list[str] = []
    cents = 0
    try:
        for _ in range(KILLS):
            product.start().ready()
            for _ in range(FILES_A_ROUND):
                dropped.append(f"part-{len(dropped):04d}")
                at = start + timedelta(seconds=30 * len(dropped))
                cents += write_interval(inbox, f"{dropped[-1]}.csv", at, chance)
            if chance.random() < 0.3:  # committed, and some files not yet moved away
                before = len(archived(inbox))
                eventually(lambda n=before: len(archived(inbox)) > n, "one", every_s=0.001)  # type: ignore[misc]
            else:  # most often while the tick runs, a second after the look before it at most
                product.wait(chance.uniform(0.3, 1.5))
            product.kill()
        product.start().ready()
        eventually(lambda: not list(inbox.glob("*.csv")), "the inbox is empty", within_s=60)
        totals = product.get("/api/totals.json?campaign=sale")["rows"][0]
        assert totals["gmv"] == cents / 100
        assert totals["orders"] == len(dropped) * KEYS
    finally:
        product.stop()
    assert Counter(archived(inbox)) == Counter(dropped)
    assert not list(inbox.parent.glob("refused/*/*"))
    store = open_store(product.db)
    try:
        check_rows(store)
        assert store.one("publish.counts")[2] == len(dropped)
    finally:
        store.close()


def archived(inbox: Path) -> list[str]:
    return [path.name.split("@")[0] for path in inbox.parent.glob("archive/*/*.csv")]


def write_interval(inbox: Path, name: str, at: datetime, chance: random.Random) -> int:
    """What each key sold in half a minute, written whole; gives the sum in cents."""
    sold = [chance.randrange(10_000) for _ in range(KEYS)]
    text = "observed_at,campaign_id,channel,creator_id,gmv,orders\n" + "".join(
        f"{at.isoformat()},sale,live,c{key:05d},{cents // 100}.{cents % 100:02d},1\n"
        for key, cents in enumerate(sold)
    )
    write_file(inbox, name, text)
    return sum(sold)


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder on a disk of a few megabytes; a limit on the size of files where none can be had."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    yield folder, "tmpfs" if mounted else "limit"
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def starve(folder: Path, disk: Path, how: str) -> dict[str, list[dict[str, Any]]]:
    """Run the driver; what it showed, by step."""
    config = a_sale_now(folder, datetime.now(UTC))
    change(config, settle="0s")
    done = subprocess.run(
        [*DRIVER, "disk", config, disk / "monitor.duckdb", how],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown: dict[str, list[dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        shown.setdefault(json.loads(line)["step"], []).append(json.loads(line))
    return shown


def check_starved(shown: dict[str, list[dict[str, Any]]]) -> None:
    assert shown["room"][0]["gmv"] == 4_000.0
    for full in shown["full"]:  # nothing of the tick is kept, and every page says so
        assert full["gmv"] == 4_000.0
        assert full["batches"] == 1
        assert full["inbox"] == ["two.csv"]
        assert "Could not write file" in full["failure"]
        assert full["not_ready"].startswith("the last tick failed")
        assert "Nothing was lost; it is tried again" in full["problems"][0]
    assert shown["dead"][0]["failure"]
    assert shown["dead"][0]["inbox"] == ["two.csv"]
    for again in shown["again"]:  # even after a failed checkpoint, which DuckDB does not survive
        assert again["failure"] is None
        assert again["not_ready"] is None
        assert again["problems"] == []
        assert again["gmv"] == 8_000.0
        assert again["inbox"] == []
        assert again["archived"] == 2
        assert again["batches"] == 2
    assert shown["reopened"][0]["batches"] == 2


def test_on_a_full_disk_a_tick_keeps_nothing_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path, small_disk: tuple[Path, str]
) -> None:
    shown = starve(tmp_path, *small_disk)
    if small_disk[1] == "tmpfs":
        assert "No space left on device" in shown["full"][0]["failure"]
        assert shown["checkpoint"][0]["failure"]
    check_starved(shown)


def test_when_files_may_not_grow_it_is_the_same(tmp_path: Path) -> None:
    disk = tmp_path / "quota"
    disk.mkdir()
    check_starved(starve(tmp_path, disk, "limit"))
