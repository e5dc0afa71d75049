"""A million canonical rows in one file into ledger, snapshots, latest, facts and roll-up, beside
DuckDB's own COPY of the same file into a plain table. Each runs in a process of its own, in turn."""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa

from monitor.ingest.arrivals import Arrival, read_arrival
from monitor.ingest.load import Loader
from monitor.settings import parse_settings
from monitor.store import open_store
from tests.benchmarks.ticks import CONFIG

START = datetime(2026, 11, 11, tzinfo=ZoneInfo("Asia/Kuala_Lumpur"))
INSTANTS = 288
HEADER = (
    "observed_at,campaign_id,channel,category,creator_id,"
    "gmv,orders,items_sold,visitors,impressions,clicks,refunds,commission\n"
)
PLAIN = """
create table plain (
    observed_at timestamptz, campaign_id text, channel text, category text, creator_id text,
    gmv decimal(18, 2), orders bigint, items_sold bigint, visitors bigint, impressions bigint,
    clicks bigint, refunds decimal(18, 2), commission decimal(18, 2))
"""


def write_day(path: Path, keys: int) -> int:
    """A day of counters that grow, a snapshot every five minutes; gives the number of rows."""
    chance = np.random.default_rng(1111)
    channels = ("live", "video", "product_card", "linkshare")
    categories = ("beauty", "fashion", "electronics", "home", "food", "mom_baby")
    names = [f"{channels[k % 4]},{categories[k % 6]},c{k:05d}" for k in range(keys)]
    most = [50_000, 9, 12, 300, 4_000, 500, 900, 5_000]
    counted = np.zeros((keys, len(most)), np.int64)
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for step in range(1, INSTANTS + 1):
            at = START + timedelta(minutes=5 * step, seconds=-30 * (step == INSTANTS))
            counted += chance.integers(0, most, counted.shape)
            file.writelines(
                f"{at.isoformat()},big,{name},{g // 100}.{g % 100:02d},{o},{i},{v},{m},{c},"
                f"{r // 100}.{r % 100:02d},{p // 100}.{p % 100:02d}\n"
                for name, (g, o, i, v, m, c, r, p) in zip(names, counted.tolist(), strict=True)
            )
    return keys * INSTANTS


def copied(path: Path, db: Path) -> dict[str, float]:
    con = duckdb.connect(str(db))
    con.execute("set enable_progress_bar = false")
    con.execute(PLAIN)
    began = time.perf_counter()
    con.execute("copy plain from ? (header true)", [str(path)])
    took = time.perf_counter() - began
    con.close()
    return {"all": took}


def loaded(path: Path, db: Path) -> dict[str, float]:
    """Seconds of the steps, from the file's bytes to the commit."""
    settings = parse_settings(CONFIG, path.with_name("monitor.toml"))
    store = open_store(db)
    loader = Loader(store, settings)
    pa.array(
        ["warm"]
    )  # makes Arrow import pandas, as it has been long since in the running product
    began = time.perf_counter()
    incoming = read_arrival(Arrival(path, settings.feed[0]), settings)
    read = time.perf_counter()
    with store.transaction():
        result = loader.load([incoming], START + timedelta(days=1))[0]
    ended = time.perf_counter()
    assert result.status == "taken", result.reason
    store.close()
    return {"all": ended - began, "read": read - began, "load": ended - read}


def _told(
    work: Callable[[Path, Path], dict[str, float]], path: Path, db: Path,
    answer: multiprocessing.SimpleQueue[dict[str, float]],
) -> None:  # fmt: skip
    took = work(path, db)
    answer.put({**took, "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})


def alone(work: Callable[[Path, Path], dict[str, float]], path: Path, db: Path) -> dict[str, float]:
    """Run in a fresh process, so that its peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.SimpleQueue[dict[str, float]] = context.SimpleQueue()
    process = context.Process(target=_told, args=(work, path, db, answer))
    process.start()
    found = answer.get()
    process.join()
    return found


def main() -> None:
    """Print both, their ratio and peak memory; medians of `--runs`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=3_500)
    parser.add_argument("--runs", type=int, default=3)
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "day.csv"
        rows = write_day(path, options.keys)
        print(f"{rows:,} rows, {path.stat().st_size / 2**20:.0f} MB of CSV")
        copies, loads = [], []
        for run in range(options.runs):
            copies.append(alone(copied, path, folder / f"copy{run}.duckdb"))
            loads.append(alone(loaded, path, folder / f"load{run}.duckdb"))
    copy_s = statistics.median(run["all"] for run in copies)
    load_s = statistics.median(run["all"] for run in loads)
    steps = ", ".join(
        f"{s} {statistics.median(r[s] for r in loads):.2f} s" for s in ("read", "load")
    )
    print(f"COPY: {copy_s:.2f} s, peak {max(run['MB'] for run in copies):.0f} MB")
    print(f"ingest: {load_s:.2f} s ({steps}), peak {max(run['MB'] for run in loads):.0f} MB")
    print(f"ratio: {load_s / copy_s:.1f}")


if __name__ == "__main__":
    main()
