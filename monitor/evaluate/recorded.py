"""Evaluation set C: recorded orders, some of them with dips that were put there.

    python -m monitor.evaluate recorded [PATH] [--repeats N] [--json FILE]

PATH holds `shopee-orders/orders.parquet` (five days of a real year-end sale; orders only, as it has
no prices) and `online-retail/online-retail.parquet` (a shop with so few sales that nothing can be
judged: every alarm there is false).

Dips thin the recorded orders: each is kept with the chance 1 − depth. What was to be expected is not
known of recorded days, so the oracle takes the scope's own healthy orders, smoothed over an hour with
each bucket itself left out, and Poisson noise: σ = depth × √(orders due in the dip). Only dips of at
least `LEAST_SIGMA` are kept. The real noise is a little more than Poisson's (`fano`). Every case
stands on one of the same five days, so intervals over cases are narrower than over new days.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from monitor.campaigns.words import MONEY
from monitor.detect.event import Event, Floats
from monitor.evaluate import rivals, run
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.case import MINUTES_A_DAY, Case, Dip, Draw, inside
from monitor.evaluate.inject import (
    DEPTH,
    FIRST_MIN,
    LASTS_MIN,
    LEAST_SIGMA,
    ROUNDS,
    TRIES,
    Chosen,
)  # fmt: skip
from monitor.evaluate.score import score
from monitor.evaluate.simulated import OURS, TUNED
from monitor.simulate import recorded as recordings

DATA = Path("../shared/data")  # where the recorded data lies beside a checkout; none of it ships
SHOPEE = Path("shopee-orders/orders.parquet")
RETAIL = Path("online-retail/online-retail.parquet")

BUCKET_MIN = 5
PER_DAY = MINUTES_A_DAY // BUCKET_MIN
GROUPS = 4
BIG_SHOPS = 10
KINDS = ("campaign", "category", "shop_id")
MOST_SHOWN = 50
SMOOTH = 13  # buckets of the oracle's centred mean
REPEATS = 10
SEED = 4000
RETAIL_FROM = date(2011, 9, 1)
RETAIL_PASTS = 3  # same weekdays before
BEFORE, COLD, WHOLE = "days before", "no history", "five days, no history"

Detect = Callable[[Event, tuple[Event, ...]], list[Alarm]]


def detectors() -> dict[str, Detect]:
    """Ours and the rivals, as usually set and tuned on set B; each a function of an event and its
    earlier ones."""
    tuned = {name + TUNED: rivals.on_events(name, to) for name, to in rivals.TUNED.items()}
    return {OURS: run.alarms, **rivals.EVENT_RIVALS, **tuned}


def evaluate(
    path: Path, repeats: int = REPEATS, only: Sequence[str] | None = None
) -> dict[str, Any]:
    """Figures of all detectors (`only`: of these) on what `path` holds; FileNotFoundError without
    the orders. `shopee`: {detector: {arm: score}}; `retail`: {detector: counts}, null without it."""
    chosen = {n: d for n, d in detectors().items() if only is None or n in only}
    days = sale_days(path / SHOPEE)
    arms = {
        BEFORE: [
            case(day, days[:i], seed)
            for seed in range(SEED, SEED + repeats)
            for i, day in enumerate(days)
            if i
        ],
        COLD: [case(d, (), seed) for seed in range(SEED, SEED + repeats) for d in days],
        WHOLE: [case(whole(days), (), seed) for seed in range(SEED, SEED + repeats // 2)],
    }
    arms[BEFORE] += [quiet(day, days[:i]) for i, day in enumerate(days) if i]
    arms[COLD] += [quiet(day, ()) for day in days]
    shopee = {
        name: {arm: scored(detect, cases) for arm, cases in arms.items()}
        for name, detect in chosen.items()
    }
    retail = None
    if (path / RETAIL).is_file():
        events = retail_days(path / RETAIL)
        retail = {name: healthy_alarms(detect, events) for name, detect in chosen.items()}
    return {"shopee": shopee, "retail": retail, "fano": fano(days)}


def scored(detect: Detect, cases: Iterable[Case]) -> dict[str, Any]:
    """The figures as JSON, with recall by kind of scope; of false events only the first MOST_SHOWN."""
    figures = score([(case, detect(case.event, case.pasts)) for case in cases]).document()
    figures["false"] = figures["false"][:MOST_SHOWN]
    for kind in KINDS:
        hit, missed = (
            sum(dip["kind"] == kind for dip in figures[key]) for key in ("hits", "misses")
        )
        figures["by"]["scope"][kind] = {"hit": hit, "of": hit + missed}
    return figures


# --- the recorded sale -----------------------------------------------------------------------


def sale_days(path: Path) -> tuple[Event, ...]:
    """One event a local day: members are shops, the measure is orders.

    `category` is not in the data: shops fall into GROUPS by their rank, so that several can fail
    together.
    """
    orders = pd.read_parquet(path, columns=["orderid", "shopid", "event_time"])
    orders = orders.drop_duplicates("orderid")
    local = orders["event_time"].dt.tz_localize(None)
    day, bucket = local.dt.date, (local.dt.hour * 60 + local.dt.minute) // BUCKET_MIN
    shop = orders["shopid"].astype(str)
    sizes = shop.value_counts()
    shops = sorted(sizes.index, key=lambda s: (-int(sizes[s]), s))
    number = {name: i for i, name in enumerate(shops)}
    dims = {
        "shop_id": tuple(shops),
        "category": tuple(f"group {i % GROUPS + 1}" for i in range(len(shops))),
    }
    events = []
    for at in sorted(day.unique()):
        counts = np.zeros((len(shops), PER_DAY))
        mine = (day == at).to_numpy()
        np.add.at(counts, (shop[mine].map(number).to_numpy(), bucket[mine].to_numpy()), 1.0)
        events.append(_event(f"sale-{at}", dims, {"orders": counts}, at))
    return tuple(events)


def whole(days: Sequence[Event]) -> Event:
    """The days as one long event."""
    orders = np.concatenate([day.amounts["orders"] for day in days], axis=1)
    usable = {"orders": np.ones(orders.shape[1], bool)}
    return replace(days[0], name="sale", amounts={"orders": orders}, usable=usable)


def case(event: Event, pasts: Sequence[Event], seed: int) -> Case:
    """The event with one to three dips a day."""
    rng = np.random.default_rng([seed, sum(event.name.encode())])
    chosen = Chosen()
    for at in range(event.buckets // PER_DAY):
        for _ in range(int(rng.integers(1, 4))):
            dip = _visible(event, at, rng, chosen)
            if dip is not None:
                chosen.dips.append(dip)
    chosen.dips.sort(key=lambda dip: dip.first_min)
    return Case(
        name=f"{event.name}-{seed}",
        event=thinned(event, chosen.dips, rng),
        pasts=tuple(pasts),
        dips=tuple(chosen.dips),
        healthy=_with_money(event),
        quiet=False,
        history=bool(pasts),
        drawn=tuple(chosen.drawn),
    )


def quiet(event: Event, pasts: Sequence[Event]) -> Case:
    """The day as it was."""
    return Case(event.name, event, tuple(pasts), (), _with_money(event), True, bool(pasts))


def thinned(event: Event, dips: Iterable[Dip], rng: np.random.Generator) -> Event:
    """The event without the orders that the dips take."""
    orders = event.amounts["orders"].copy()
    for dip in dips:
        rows = np.flatnonzero(inside(event, dip.scope))
        keep = 1.0 - dip.depth * dip.share(event.buckets, event.bucket_min)
        first, end = dip.buckets(event.bucket_min)
        where = np.ix_(rows, np.arange(first, end))
        orders[where] = rng.binomial(orders[where].astype(np.int64), keep[first:end])
    return replace(event, amounts={"orders": orders})


def due(event: Event, scope: Mapping[str, str]) -> Floats:
    """(buckets,) orders of a scope that were to be expected: the mean of the SMOOTH healthy buckets
    around each one, itself left out."""
    orders = event.amounts["orders"][inside(event, scope)].sum(axis=0)
    kernel = np.ones(SMOOTH)
    kernel[SMOOTH // 2] = 0.0
    weight = np.convolve(np.ones(orders.size), kernel, "same")
    return np.asarray(np.convolve(orders, kernel, "same") / weight)


def fano(days: Sequence[Event]) -> float:
    """Variance ÷ mean of the campaign's orders by bucket around a day's own hourly mean, median over
    days: 1 would be Poisson, the noise that the oracle assumes."""
    found = []
    for day in days:
        total = day.amounts["orders"].sum(axis=0)
        mean = np.convolve(total, np.ones(SMOOTH) / SMOOTH, "valid")
        middle = total[SMOOTH // 2 : SMOOTH // 2 + mean.size]
        found.append(float(np.mean((middle - mean) ** 2 / mean) / (1 - 1 / SMOOTH)))
    return float(np.median(found))


def _visible(event: Event, at: int, rng: np.random.Generator, chosen: Chosen) -> Dip | None:
    """A dip of some kind that an oracle sees, None after ROUNDS kinds of TRIES draws each."""
    for attempt in range(ROUNDS):
        kind = KINDS[int(rng.integers(len(KINDS)))]
        for again in range(TRIES):
            dip = _drawn(event, at, kind, rng)
            if attempt == again == 0:
                chosen.drawn.append(Draw(kind, dip.depth, dip.oracle_sigma))
            if dip.oracle_sigma >= LEAST_SIGMA and chosen.free(dip):
                return dip
    return None


def _drawn(event: Event, at: int, kind: str, rng: np.random.Generator) -> Dip:
    lasts = round(float(np.exp(rng.uniform(*np.log(LASTS_MIN)))))
    first = int(rng.integers(max(at * MINUTES_A_DAY, FIRST_MIN), (at + 1) * MINUTES_A_DAY - lasts))
    scope: dict[str, str] = {}
    if kind == "category":
        scope = {kind: f"group {int(rng.integers(GROUPS)) + 1}"}
    elif kind == "shop_id":
        scope = {kind: event.dims[kind][int(rng.integers(BIG_SHOPS))]}
    dip = Dip(scope, "conversion", float(rng.uniform(*DEPTH)), first, first + lasts)
    orders = float((due(event, scope) * dip.share(event.buckets, event.bucket_min)).sum())
    return replace(dip, loss=dip.depth * orders, oracle_sigma=dip.depth * float(np.sqrt(orders)))


def _with_money(event: Event) -> Event:
    """For scoring, which weighs scopes by money: here every order weighs the same."""
    return replace(event, amounts={**event.amounts, "gmv": event.amounts["orders"]})


def _event(
    name: str, dims: Mapping[str, tuple[str, ...]], amounts: Mapping[str, Floats], at: date
) -> Event:
    usable = {metric: np.ones(values.shape[1], bool) for metric, values in amounts.items()}
    return Event(name, dims, amounts, usable, (), float(BUCKET_MIN), 0, at.weekday())


# --- the shop with few sales -----------------------------------------------------------------


def retail_days(path: Path, since: date = RETAIL_FROM) -> tuple[Event, ...]:
    """One event a trading day from `since`: two members, uk and export, in GBP."""
    lines = recordings.retail_lines(pd.read_parquet(path))
    days = sorted(day for day in lines["at"].dt.date.unique() if day >= since)
    return tuple(_retail_day(lines, day) for day in days)


def healthy_alarms(detect: Detect, events: Sequence[Event]) -> dict[str, float]:
    """Alarms on days with nothing wrong, each compared with the same weekdays before it."""
    calls, days = 0, 0
    for i, event in enumerate(events):
        same = [e for e in events[:i] if e.weekday == event.weekday][-RETAIL_PASTS:]
        if len(same) == RETAIL_PASTS:
            days += 1
            calls += sum(alarm.counts for alarm in detect(event, tuple(same)))
    return {"days": days, "alarms": calls, "alarms_per_day": calls / days if days else 0.0}


def _retail_day(lines: pd.DataFrame, day: date) -> Event:
    members = (recordings.UK, recordings.EXPORT)
    metrics = ("gmv", "orders", "refunds")
    start = recordings.RETAIL.window(day)[0]
    amounts = {metric: np.zeros((len(members), PER_DAY)) for metric in metrics}
    for row in recordings.retail_rows(lines, day):
        bucket = (row.observed_at - start) // timedelta(minutes=BUCKET_MIN) - 1
        if bucket < PER_DAY:
            for metric in metrics:
                unit = 100.0 if metric in MONEY else 1.0
                amounts[metric][members.index(row.key), bucket] = row.metrics[metric] / unit
    return _event(f"shop-{day}", {"channel": members}, amounts, day)


# --- the command -----------------------------------------------------------------------------


def table(found: Mapping[str, Any]) -> str:
    """The figures as text."""
    lines = [
        f"{'detector':26} {'history':22} {'dips':>5} {'recall':>7} {'prec.':>6} {'F1':>5} "
        f"{'false/d':>8} {'quiet/d':>8} {'delay':>6} {'p90':>5} {'scope':>6}"
    ]
    for name, arms in found["shopee"].items():
        for arm, figures in arms.items():
            shown = [
                _shown(figures[key]["value"])
                for key in ("recall", "precision", "f1", "false_per_day", "quiet_alarms_per_day",
                            "delay_median", "delay_p90", "scope_any")
            ]  # fmt: skip
            lines.append(
                "{:26} {:22} {:5} {:>7} {:>6} {:>5} {:>8} {:>8} {:>6} {:>5} {:>6}".format(
                    name, arm, figures["dips"], *shown
                )
            )
    for arm, figures in found["shopee"].get(OURS, {}).items():
        for by in ("scope", "depth"):
            parts = [f"{k} {v['hit']}/{v['of']}" for k, v in figures["by"][by].items() if v["of"]]
            lines.append(f"{OURS}, {arm}, told by {by}: " + ", ".join(parts))
    lines.append(f"orders by bucket: variance ÷ mean {found['fano']:.2f} (1 is Poisson)")
    for name, counts in (found["retail"] or {}).items():
        lines.append(
            f"{name:26} sparse shop, nothing wrong: {counts['alarms']} alarms on {counts['days']} days"
        )
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; exit code 2 for wrong arguments (argparse)."""
    parser = argparse.ArgumentParser(prog="python -m monitor.evaluate recorded")
    parser.add_argument("path", nargs="?", type=Path, default=DATA, metavar="PATH")
    parser.add_argument("--repeats", type=int, default=REPEATS, metavar="N")
    parser.add_argument("--detector", action="append", choices=sorted(detectors()), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    args = parser.parse_args(argv)
    if not (args.path / SHOPEE).is_file():
        parser.error(f"{args.path / SHOPEE}: no such file")
    found = evaluate(args.path, args.repeats, args.detector)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
