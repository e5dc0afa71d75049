"""What the crash tests run in a process of its own, to be killed or starved.

`replay RECORDED CONFIG DB ACKS`: ticks the files; after a tick has returned, and only then, a line
goes to ACKS: what the product has promised to keep.
`churn PLAN CONFIG DB ACKS`: ticks the steps of a plan that the database has not had yet.
`disk CONFIG DB HOW`: a runtime whose disk fills up and gets room again; prints what it showed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.ingest.arrivals import Arrival
from monitor.replay import Moment, replay
from monitor.runtime import Runtime, keep_configuration
from monitor.settings import load_settings
from monitor.store import open_store
from monitor.tick import Heart, Ticked
from monitor.web.routes import not_ready
from tests.product import HEADER, UNTIL, sale_rows


def replayed(recorded: Path, config: Path, db: Path, acks: Path) -> None:
    settings = load_settings(config)
    store = open_store(db)
    keep_configuration(store, config, config.read_text(encoding="utf-8"))
    line = os.open(acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def acknowledge(moment: Moment, ticked: Ticked) -> None:
        batches = {loaded.batch_id: loaded.taken for loaded in ticked.loaded}
        text = json.dumps({"now": moment.now.isoformat(), "batches": batches})
        os.write(line, text.encode() + b"\n")
        os.fsync(line)

    replay(Heart(store, settings), recorded, UNTIL, on_tick=acknowledge)
    store.close()
    os.close(line)


def churned(plan: Path, config: Path, db: Path, acks: Path) -> None:
    store = open_store(db)
    line = os.open(acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    heart = Heart(store, load_settings(config))
    steps = json.loads(plan.read_text(encoding="utf-8"))
    for step in steps[heart.generation :]:  # every committed tick counts one
        take_step(heart, step, plan.parent)
        os.write(line, b"done\n")
        os.fsync(line)
    store.close()
    os.close(line)


def take_step(heart: Heart, step: dict[str, Any], folder: Path) -> None:
    """One tick: files that come (name, feed), batches that go (name, feed)."""
    arrivals = [Arrival(folder / n, heart.settings.feed_by_id(feed)) for n, feed in step["come"]]
    wanted = "select batch_id from batch where file = ? and feed_id = ? and undone_at is null"
    undo = []
    for named in step["go"]:
        row = heart.store.cursor.execute(wanted, named).fetchone()
        assert row is not None, f"{named} is not in force"
        undo.append((row[0], "test"))
    heart.tick(datetime.fromisoformat(step["now"]), arrivals, undo=undo, publish=False)


class _Steps:
    """A clock that goes two seconds a look."""

    speed = 1.0

    def __init__(self) -> None:
        self.at = datetime.now(UTC).replace(microsecond=0)

    def now(self) -> datetime:
        self.at += timedelta(seconds=2)
        return self.at


def starved(config: Path, db: Path, how: str) -> None:
    settings = load_settings(config)
    clock = _Steps()
    began = clock.at
    inbox = settings.feed[0].source.path
    inbox.mkdir(parents=True)
    for name, minutes, gmv in (("one.csv", 0, 4_000.0), ("two.csv", 1, 8_000.0)):
        text = HEADER + sale_rows(began + timedelta(minutes=minutes), gmv)
        (inbox.parent / name).write_text(text, encoding="utf-8")
    store = open_store(db)
    runtime = Runtime(store, settings, clock)

    def look(step: str) -> None:
        runtime.pulse()
        picture = runtime.picture
        assert picture is not None
        shown: dict[str, Any] = {
            "step": step,
            "failure": runtime.health.failure,
            "not_ready": not_ready(runtime),
            "problems": picture.problems,
            "gmv": picture.campaigns["sale"].totals["gmv"],
            "inbox": sorted(path.name for path in inbox.glob("*.csv")),
            "archived": len(list((inbox.parent / "archive").rglob("*.csv"))),
        }
        if step != "dead":
            shown["batches"] = store.one("publish.counts")[2]
        print(json.dumps(shown), flush=True)

    look("empty")
    os.replace(inbox.parent / "one.csv", inbox / "one.csv")
    look("room")
    os.replace(inbox.parent / "two.csv", inbox / "two.csv")
    _fill(db.parent, how)
    look("full")
    look("full")
    try:
        store.checkpoint()  # as housekeeping does it every ten minutes, full disk or not
    except Exception as e:
        print(json.dumps({"step": "checkpoint", "failure": str(e)}), flush=True)
    look("dead")
    _empty(db.parent, how)
    look("again")
    look("again")
    store.close()
    again = open_store(db)
    print(json.dumps({"step": "reopened", "batches": again.one("publish.counts")[2]}), flush=True)
    again.close()


def _fill(folder: Path, how: str) -> None:
    if how == "limit":  # no file may grow: what a quota does
        largest = max(path.stat().st_size for path in folder.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
        return
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        for size in (65536, 512):
            try:
                while ballast.write(b"\0" * size) == size:
                    pass
            except OSError:
                pass


def _empty(folder: Path, how: str) -> None:
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        (folder / "ballast").unlink()


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    if what == "replay":
        replayed(*map(Path, given))
    elif what == "churn":
        churned(*map(Path, given))
    else:
        starved(Path(given[0]), Path(given[1]), given[2])
