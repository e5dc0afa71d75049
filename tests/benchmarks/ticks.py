"""How long a tick takes: few creators, many creators, a whole day, and boards from a big state."""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from monitor.ingest.arrivals import Arrival
from monitor.replay import replay
from monitor.settings import parse_settings
from monitor.simulate.__main__ import main as simulate_season
from monitor.store import open_store
from monitor.tick import Heart

CONFIG = """
[[campaign]]
id = "big"
name = "Big"
kind = "double_digit"
start = 2026-11-11T00:00:00+08:00
end = 2026-11-12T00:00:00+08:00
[[feed]]
id = "performance"
source = { type = "folder", path = "inbox" }
grain = ["channel", "category", "creator_id"]
counter = "cumulative_day"
"""
START = datetime(2026, 11, 11, tzinfo=ZoneInfo("Asia/Kuala_Lumpur"))


def growing(rows: int, folder: Path, count: int) -> Iterator[tuple[datetime, Path]]:
    """`count` snapshots of `rows` keys whose counters grow."""
    channels = ("live", "video", "product_card", "linkshare")
    categories = ("beauty", "fashion", "electronics", "home", "food", "mom_baby")
    for step in range(1, count + 1):
        at = START + timedelta(minutes=5 * step)
        lines = ["observed_at,campaign_id,channel,category,creator_id,gmv,orders,visitors"]
        stamp = at.isoformat()
        lines += [
            f"{stamp},big,{channels[k % 4]},{categories[k % 6]},c{k // 2},"
            f"{step * (k % 97 + 1)}.25,{step * (k % 5)},{step * (k % 50 + 1)}"
            for k in range(rows)
        ]
        path = folder / f"{step:03}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield at, path


def tick_of(rows: int, snapshots: int) -> str:
    """Median and worst tick of `rows` rows, published, after a warm-up."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = parse_settings(CONFIG, folder / "monitor.toml")
        store = open_store(folder / "bench.duckdb")
        heart = Heart(store, settings)
        took = []
        for at, path in growing(rows, folder, snapshots):
            began = time.perf_counter()
            heart.tick(at, [Arrival(path, settings.feed[0])])
            took.append((time.perf_counter() - began) * 1000)
        store.close()
    steady = took[2:]
    return f"median {statistics.median(steady):.0f} ms, worst {max(steady):.0f} ms, {len(steady)} ticks"


def replay_days(creators: int, campaigns: str) -> str:
    """Replay of whole simulated days, as fast as it goes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate_season(
            ["--out", str(folder), "--creators", str(creators), "--campaigns", campaigns]
        )
        text = (folder / "monitor.toml").read_text(encoding="utf-8")
        settings = parse_settings(text, folder / "monitor.toml")
        store = open_store(folder / "bench.duckdb")
        began = time.perf_counter()
        ticks = replay(Heart(store, settings), folder / "recorded")
        took_s = time.perf_counter() - began
        rows = store.one("publish.counts")[0]
        store.close()
    return f"{took_s:.1f} s for {ticks} ticks, {rows} rows"


def main() -> None:
    """Print all figures of this file."""
    print("replay, 300 creators × 288 snapshots, 11.11 alone:", replay_days(300, "1111"))
    print("tick of 300 rows:", tick_of(300, 100))
    print("tick of 50 000 rows:", tick_of(50_000, 12))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak memory: {peak} MB", file=sys.stdout)


if __name__ == "__main__":
    main()
