"""Two files at once, the same file from two feeds, and batches taken back, killed at any moment.

`TORTURE=1` kills two hundred times instead of three, `KILLS=60` sixty times.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor.settings import load_settings
from monitor.store import open_store
from monitor.tick import Heart
from tests.conftest import derived
from tests.crash.driver import take_step
from tests.product import ROOT, clean_environment, eventually

KILLS = int(os.environ.get("KILLS") or (200 if os.environ.get("TORTURE") else 3))
STEPS_A_KILL = 3  # about so many one life of the process takes at most
KEYS = 150
CONFIG = """
[[campaign]]
id = "sale"
name = "Sale"
kind = "custom"
start = 2026-11-01T00:00:00+08:00
end = 2026-12-01T00:00:00+08:00
"""
FEED = """
[[feed]]
id = "{id}"
source = {{ type = "folder", path = "{id}" }}
counter = "interval"
cadence = "30m"
"""
Rows = dict[tuple[str, str], int]  # instant and creator → cents


class Plan:
    """Steps, files, and what each feed holds in the end, worked out without the product."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.chance = folder, random.Random(5)
        self.steps: list[dict[str, Any]] = []
        self.files: dict[str, Rows] = {}
        self.in_force: dict[str, list[str]] = {"main": [], "mirror": []}
        self.start = load_settings(folder / "monitor.toml").campaign[0].start
        for _ in range(steps):
            self._step(self.start + timedelta(minutes=30 * (len(self.steps) + 1)))
        (folder / "plan.json").write_text(json.dumps(self.steps), encoding="utf-8")

    def _step(self, at: Any) -> None:
        number = len(self.steps)
        go = []
        for feed in ("main", "mirror"):
            if self.in_force[feed] and self.chance.random() < 0.4:
                go.append((self._gone(feed), feed))
        come = [(name, feed) for name, feed in self._back() if (name, feed) not in go]
        shared = {(at.isoformat(), f"s{k}"): self.chance.randrange(9_999) for k in range(20)}
        for half in "ab":  # two files at once, with some rows that both have
            name = f"{number:04d}-{half}.csv"
            own = {
                (at.isoformat(), f"{half}{k}"): self.chance.randrange(9_999) for k in range(KEYS)
            }
            self._write(name, own | shared)
            come.append((name, "main"))
        come.append((f"{number:04d}-a.csv", "mirror"))  # the same file from two feeds
        for name, feed in come:
            self.in_force[feed].append(name)
        self.steps.append({"now": at.isoformat(), "come": come, "go": go})

    def _gone(self, feed: str) -> str:
        return self.in_force[feed].pop(self.chance.randrange(len(self.in_force[feed])))

    def _back(self) -> list[tuple[str, str]]:
        """Now and then a file that was taken back comes again."""
        absent = sorted(name for name in self.files if name not in self.in_force["main"])
        back = absent and self.chance.random() < 0.3
        return [(self.chance.choice(absent), "main")] if back else []

    def _write(self, name: str, rows: Rows) -> None:
        self.files[name] = rows
        lines = [
            f"{at},sale,{creator},{cents // 100}.{cents % 100:02d}"
            for (at, creator), cents in rows.items()
        ]
        text = "\n".join(["observed_at,campaign_id,creator_id,gmv", *lines, ""])
        (self.folder / name).write_text(text, encoding="utf-8")

    def cents(self, feed: str) -> int:
        held: Rows = {}
        for name in self.in_force[feed]:
            held |= self.files[name]
        return sum(held.values())


def test_files_at_once_from_two_feeds_and_undone_are_exact_whenever_it_is_killed(tmp_path: Path):
    config = tmp_path / "monitor.toml"
    config.write_text(CONFIG + "".join(FEED.format(id=i) for i in ("main", "mirror")))
    plan = Plan(tmp_path, KILLS * STEPS_A_KILL + 5)
    assert any(step["go"] for step in plan.steps)
    db, acks = tmp_path / "killed.duckdb", tmp_path / "acks"
    chance = random.Random(3)
    command = [sys.executable, "-m", "tests.crash.driver", "churn"]
    command += [str(p) for p in (tmp_path / "plan.json", config, db, acks)]
    for _ in range(KILLS):
        wanted = count(acks) + chance.randrange(3)
        with subprocess.Popen(command, cwd=ROOT, env=clean_environment()) as process:
            try:
                eventually(
                    lambda n=wanted, p=process: count(acks) > n or p.poll() is not None,  # type: ignore[misc]
                    "a step is acknowledged", within_s=120, every_s=0.005,
                )  # fmt: skip
                process.wait(chance.uniform(0, 0.12))
            except subprocess.TimeoutExpired:
                pass
            finally:
                process.kill()
        check_kept(db, acks)
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), check=False, timeout=900)
    assert done.returncode == 0

    undisturbed = Heart(open_store(None), load_settings(config))
    for step in plan.steps:
        take_step(undisturbed, step, tmp_path)
    killed = Heart(open_store(db), load_settings(config))
    assert killed.generation == len(plan.steps)
    assert derived(killed) == derived(undisturbed)
    query = "select feed_id, sum(gmv) from fact join stream using (stream_id) group by 1"
    sums = dict(killed.store.cursor.execute(query).fetchall())
    assert sums == {feed: plan.cents(feed) for feed in ("main", "mirror")}
    killed.store.close()


def count(acks: Path) -> int:
    return acks.read_bytes().count(b"\n") if acks.exists() else 0


def check_kept(db: Path, acks: Path) -> None:
    """What was acknowledged is committed, and nothing between two ticks."""
    if not db.exists():
        assert count(acks) == 0
        return
    store = open_store(db)
    try:
        ticked = store.rows("publish.ticked")
        assert (ticked[0][1] if ticked else 0) >= count(acks)
        held = "select sum(gmv) from fact"
        rolled = "select sum(gmv) from rollup"
        cursor = store.cursor
        assert cursor.execute(held).fetchone() == cursor.execute(rolled).fetchone()
        orphans = """
            select ord >> 32 from snapshot
            except select seq from batch where undone_at is null"""
        assert cursor.execute(orphans).fetchall() == []
    finally:
        store.close()
