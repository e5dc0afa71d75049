"""How long judging takes: 5 000 scopes of an event with three comparable ones, tick by tick.

One core (start it with OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1). The event is read from files
through the whole tick, so that loading, judging, alerts and the picture have each their figure.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from monitor.detect.detector import Detector
from monitor.detect.event import Event
from monitor.detect.growth import Growth, learn
from monitor.detect.rule import Rule
from monitor.evaluate.case import Case
from monitor.evaluate.files import Reading, Writer, entry, readings, starts_of, write_past
from monitor.ingest.arrivals import Arrival
from monitor.rulebook import configured
from monitor.settings import load_settings
from monitor.simulate.configuration import FeedEntry, render
from monitor.simulate.snapshots import write_file
from monitor.store import open_store
from monitor.tick import Heart

CHANNELS = ("live", "video", "product_card", "linkshare", "search")
CATEGORIES = tuple(f"category {i}" for i in range(12))
CREATORS, ROOMS, SHOPS = 2_400, 1_250, 1_260
MEMBERS = 2_400
BUCKETS = 288
PLACES = (24, 144, 264)  # beginning, middle and end
TICKS = 6
START = datetime(2026, 11, 11, tzinfo=UTC)


def big(seed: int, name: str, buckets: int = BUCKETS) -> Event:
    """2 400 members of 2 400 creators, 1 250 rooms and 1 260 shops: about 5 000 scopes."""
    rng = np.random.default_rng(seed)
    i = np.arange(MEMBERS)
    dims = {
        "channel": tuple(CHANNELS[k % len(CHANNELS)] for k in i),
        "category": tuple(CATEGORIES[k % len(CATEGORIES)] for k in i),
        "creator_id": tuple(f"c{k % CREATORS}" for k in i),
        "shop_id": tuple(f"s{k % SHOPS}" for k in i),
        "live_id": tuple(f"r{k % ROOMS}" for k in i),
    }
    shape = 1 + 0.8 * np.sin(np.arange(buckets) / 23)
    visitors = rng.poisson(rng.lognormal(2, 1, MEMBERS)[:, None] * shape).astype(float)
    orders = rng.binomial(visitors.astype(int), 0.05).astype(float)
    gmv = np.round(orders * rng.gamma(2, 20, orders.shape), 2)
    refunds = np.round(0.02 * gmv, 2)
    amounts = {
        "gmv": gmv, "orders": orders, "visitors": visitors, "refunds": refunds,
        "clicks": visitors * 2, "impressions": visitors * 20,
    }  # fmt: skip
    usable = {m: np.ones(buckets, bool) for m in amounts}
    return Event(name, dims, amounts, usable)


def judge_alone(rules: Sequence[Rule]) -> Iterator[str]:
    """The detector without files or store, by the event's age."""
    pasts = [big(i, f"past {i}") for i in range(3)]
    event = big(9, "event")
    began = time.perf_counter()
    growth: Growth = learn(pasts, (), BUCKETS)
    yield f"learning three events: {time.perf_counter() - began:.1f} s, once"
    detector = Detector(event, growth, rules)
    yield (f"{event.members} members, {len(detector.scopes)} scopes, {len(detector.rules)} rules, "
           f"{len(detector.measures)} measures")  # fmt: skip
    took: list[float] = []
    for _ in range(BUCKETS):
        began = time.perf_counter()
        with np.errstate(all="ignore"):
            detector.step()
        took.append((time.perf_counter() - began) * 1000)
    for place in PLACES:
        part = took[place - 12 : place + 12]
        yield (f"judging one bucket, around bucket {place}: median {statistics.median(part):.0f} ms, "
               f"worst {max(part):.0f} ms")  # fmt: skip


class Stopwatch:
    """Times the calls of a function, in milliseconds."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call
        self.took_ms: list[float] = []

    def __call__(self, *given: Any) -> Any:
        began = time.perf_counter()
        try:
            return self.call(*given)
        finally:
            self.took_ms.append((time.perf_counter() - began) * 1000)

    def told(self) -> str:
        took = self.took_ms
        return f"median {statistics.median(took):.0f} ms, worst {max(took):.0f} ms"


def product(folder: Path, event: Event, pasts: Sequence[Event]) -> tuple[Heart, Path]:
    """A heart that knows the earlier events, and the folder for files."""
    start = starts_of(Case("big", event, tuple(pasts), (), event, True, True))
    entries = [
        entry(one, one.name, at, [p.name for p in pasts] if one is event else [])
        for one, at in zip([*pasts, event], start, strict=True)
    ]
    feed = FeedEntry("performance", "recorded", tuple(event.dims), "cumulative_day")
    config = write_file(folder, "monitor.toml", render(entries, [feed]))
    heart = Heart(open_store(folder / "bench.duckdb"), load_settings(config))
    paths = [
        write_past(folder / "recorded", past, past.name, at)
        for past, at in zip(pasts, start, strict=False)
    ]
    for path, past in zip(paths, pasts, strict=True):
        now = heart.settings.campaign_by_id(past.name).end
        heart.tick(now, [Arrival(path, heart.settings.feed[0])], publish=False)
    return heart, folder


def whole_ticks(folder: Path) -> Iterator[str]:
    """Ticks of the product at the beginning, in the middle and at the end of the event."""
    event = big(9, "event")
    began = time.perf_counter()
    heart, _ = product(folder, event, [big(i, f"past-{i}") for i in range(3)])
    yield f"three earlier events read, judged and learned from: {time.perf_counter() - began:.0f} s"
    start = heart.settings.campaign_by_id("event").start
    writer, every = Writer(event, "event"), list(readings(event, start))
    done = 0
    for place in PLACES:
        take(heart, writer, every[done:place], folder)
        judging = Stopwatch(heart.judge.campaign)
        heart.judge.campaign = judging  # type: ignore[method-assign, assignment]
        ticking = Stopwatch(take)
        for reading in every[place : place + TICKS]:
            ticking(heart, writer, [reading], folder)
        heart.judge.campaign = judging.call  # type: ignore[method-assign]
        done = place + TICKS
        yield f"whole tick around bucket {place}: {ticking.told()}; judging in it: {judging.told()}"
    heart.store.close()


def take(heart: Heart, writer: Writer, some: Sequence[Reading], folder: Path) -> None:
    """One tick with these readings in one file."""
    path = folder / f"{some[-1].bucket}.csv"
    text = writer.header + "".join(writer.rows(reading) for reading in some)
    path.write_text(text, encoding="utf-8")
    heart.tick(some[-1].arrives_at, [Arrival(path, heart.settings.feed[0])])


def main() -> None:
    """Print all figures of this file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = FeedEntry("performance", "recorded", (), "interval")
        one = entry(big(1, "one", 12), "one", START, ())
        settings = load_settings(write_file(folder, "rules.toml", render([one], [feed])))
        for line in judge_alone(configured(settings).enabled):
            print(line)
        for line in whole_ticks(folder):
            print(line)


if __name__ == "__main__":
    main()
