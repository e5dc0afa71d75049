"""The rivals that need a library: Prophet and MSTL. Seconds a series, so for a few of them only.

    python -m monitor.evaluate.heavy [--days N] [--seed S] [--generator …]

They need the packages of `requirements-evaluate.txt`, in an environment of their own; without them
they are named as skipped, with the reason. Both forecast the next hour from everything before and are
refitted every hour; a bucket is low by how many standard deviations of the forecast it falls short.
On events they watch the campaign's GMV and visitors alone.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

from monitor.detect.event import Bools, Event, Floats
from monitor.evaluate import simulated, watch
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.days import FAMILIES, TUNING_SEEDS, case
from monitor.evaluate.match import account
from monitor.evaluate.rivals import EventRule, SeriesRule, flags, whole_days
from monitor.evaluate.score import Score, summary
from monitor.evaluate.usual import hour_of, last_known

LEVEL = 99  # percent of the forecast's interval
LEVEL_SIGMA = 2.5758  # σ on either side of it
LOOKBACK_DAYS = 14
ORDER = 20  # Fourier terms of the day: Prophet's own 4 would flatten a midnight rush
FIRST_HOURS = 2

Forecast = Callable[[Floats, Floats, int, int], tuple[Floats, Floats]]
"""(history (n,), planned (n + steps,), per_day, steps) → mean and σ of the next steps."""


def prophet(history: Floats, planned: Floats, per_day: int, steps: int) -> tuple[Floats, Floats]:
    """Prophet with the day's season and the planned boosts as a regressor of the event."""
    pandas: Any = import_module("pandas")
    times = pandas.date_range("2026-01-01", periods=planned.size, freq=f"{86400 // per_day}s")
    frame = pandas.DataFrame({"ds": times, "planned": planned})
    frame["y"] = np.concatenate([history, np.full(steps, np.nan)])
    model = import_module("prophet").Prophet(
        interval_width=LEVEL / 100,
        daily_seasonality=ORDER,
        weekly_seasonality=history.size >= LOOKBACK_DAYS * per_day,
        yearly_seasonality=False,
        uncertainty_samples=200,
    )
    _hush()
    if planned[: history.size].any():
        model.add_regressor("planned")
    model.fit(frame.iloc[: history.size], seed=1)
    np.random.seed(1)  # Prophet draws its intervals from numpy's global state
    found = model.predict(frame.iloc[history.size :])
    mean = found["yhat"].to_numpy(float)
    return mean, (mean - found["yhat_lower"].to_numpy(float)) / LEVEL_SIGMA


def mstl(history: Floats, planned: Floats, per_day: int, steps: int) -> tuple[Floats, Floats]:
    """MSTL with the day (and the week, where there are two) as seasons; it knows of no plans."""
    seasons = [per_day, 7 * per_day] if history.size >= 14 * per_day else [per_day]
    if history.size < 2 * per_day:
        return np.full(steps, np.nan), np.full(steps, np.nan)
    model = import_module("statsforecast.models").MSTL(season_length=seasons)
    known = last_known(history[None, :])[0]
    found = model.forecast(y=np.nan_to_num(known), h=steps, level=[LEVEL])
    mean = np.asarray(found["mean"], dtype=np.float64)
    return mean, (mean - np.asarray(found[f"lo-{LEVEL}"], dtype=np.float64)) / LEVEL_SIGMA


@dataclass(frozen=True)
class Heavy:
    """A rival with the module that it needs."""

    needs: str
    forecast: Forecast


ALL: Mapping[str, Heavy] = {
    "Prophet": Heavy("prophet", prophet),
    "MSTL": Heavy("statsforecast", mstl),
}


@cache
def skipped() -> Mapping[str, str]:
    """Which of them cannot run here, and why."""
    _hush()
    reasons: dict[str, str] = {}
    for name, heavy in ALL.items():
        try:
            import_module(heavy.needs)
        except ImportError as e:
            reasons[name] = f"skipped: {e}; see requirements-evaluate.txt"
    return reasons


def on_events() -> Mapping[str, EventRule]:
    """Those that can run, as alarms of an event."""
    return {n: partial(_alarms, h.forecast) for n, h in ALL.items() if n not in skipped()}


def on_series() -> Mapping[str, SeriesRule]:
    """Those that can run, as flags on one series, from the last two weeks and refitted once a day:
    hourly, half a year would take hours."""
    return {n: partial(_flags, h.forecast) for n, h in ALL.items() if n not in skipped()}


def lowness(
    forecast: Forecast, values: Floats, planned: Floats, per_day: int, first: int, refit: int
) -> Floats:
    """(n,) σ below the forecast from bucket `first` on, each part of `refit` buckets forecast from
    the two weeks before it."""
    low = np.full(values.size, np.nan)
    for start in range(first, values.size, refit):
        begin = max(start - LOOKBACK_DAYS * per_day, 0)
        steps = min(refit, values.size - start)
        history = values[begin:start]
        if np.isfinite(history).sum() < FIRST_HOURS * hour_of(per_day):
            continue
        mean, sigma = forecast(history, planned[begin : start + steps], per_day, steps)
        with np.errstate(all="ignore"):
            low[start : start + steps] = (mean - values[start : start + steps]) / sigma
    return low


def _hush() -> None:
    """Their loggers report every fit; cmdstanpy sets its own level when it is first used."""
    for noisy in ("cmdstanpy", "prophet", "prophet.plot"):
        logging.getLogger(noisy).disabled = True


def _flags(forecast: Forecast, values: Floats, per_day: int) -> Bools:
    none = np.zeros(values.size)
    return flags(lowness(forecast, values, none, per_day, per_day, per_day), LEVEL_SIGMA)


def _alarms(forecast: Forecast, event: Event, pasts: tuple[Event, ...]) -> list[Alarm]:
    found: list[Alarm] = []
    for seen in watch.watched(event, pasts):
        earlier = [whole_days(past[:1], seen.per_day)[0] for past in seen.pasts]
        plans = [_planned(past, days.size) for past, days in zip(pasts, earlier, strict=True)]
        whole = np.concatenate([*earlier, seen.now[0]])
        planned = np.concatenate([*plans, _planned(event, event.buckets)])
        first = whole.size - event.buckets
        low = lowness(forecast, whole, planned, seen.per_day, first, hour_of(seen.per_day))
        flagged = np.zeros(seen.now.shape, bool)
        flagged[0] = flags(low[first:], LEVEL_SIGMA)
        found += watch.alarms(flagged, seen, watch.CAMPAIGN)
    return found


def _planned(event: Event, buckets: int) -> Floats:
    """1 in buckets of a boost of the whole campaign."""
    planned = np.zeros(buckets)
    for plan in event.plans:
        if not plan.scope:
            planned[max(plan.first, 0) : max(plan.end, 0)] = 1.0
    return planned


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures of those that can run, and what was skipped; exit code 2 for wrong
    arguments (argparse)."""
    parser = argparse.ArgumentParser(prog="python -m monitor.evaluate.heavy")
    parser.add_argument("--days", type=int, default=4, metavar="N", help="cases a family")
    parser.add_argument("--seed", type=int, default=1000, metavar="S")
    parser.add_argument("--generator", choices=(*FAMILIES, "both"), default="both")
    args = parser.parse_args(argv)
    families = tuple(FAMILIES) if args.generator == "both" else (args.generator,)
    seeds = range(args.seed, args.seed + args.days)
    cases = [case(family, seed) for seed in seeds for family in families]
    scores: dict[str, Score] = {
        name: summary([account(one, rule(one.event, one.pasts)) for one in cases])
        for name, rule in on_events().items()
    }
    if scores:
        print(simulated.table(scores))
    for name, reason in skipped().items():
        print(f"{name}: {reason}")
    if seeds.start in TUNING_SEEDS:
        print("these are seeds for tuning")
    return 0


if __name__ == "__main__":
    sys.exit(main())
