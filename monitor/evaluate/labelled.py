"""Labelled web KPIs as dips: which labels speak of a fall, and from when to when.

The labels mark points that somebody found odd, of any kind and direction; most are spikes. A dip is
read from them with hindsight: expected = the median of the same time of day in the seven days before
and after, labelled points left out, × how the series ran in the 90 minutes before and after. A
labelled bucket is *low* if it is at least `LEAST_DEPTH` below that and enough was expected for the
fall to matter. Low buckets with gaps of up to 15 min are a dip if there are at least two of them; dips
in one labelled stretch or less than an hour apart are one incident. Labelled buckets that are somewhat
low, or low for one bucket, are *doubtful*: an alarm there is neither right nor wrong.

A KPI can have dips if it is an amount: never below zero, and mostly above it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from monitor.detect.series import Bools, Floats

BUCKET_MIN = 5
PER_DAY = 24 * 60 // BUCKET_MIN
AROUND_DAYS = 7  # days on either side that say what a time of day brings
AROUND_BUCKETS = 18  # on either side of a labelled stretch, for how the series ran
SMOOTH = 5
GAP = 3  # buckets that do not part a stretch
JOIN = 12  # buckets between dips of one incident
LEAST_BUCKETS = 2
LEAST_DEPTH = 0.25
DOUBTFUL_DEPTH = 0.10
LEAST_SIZE = 0.1  # expected, as a share of the KPI's median
MOST_ZEROS = 0.2
WARM_DAYS = 14  # for learning; what begins in them is not counted


@dataclass(frozen=True)
class Kpi:
    """One series from the midnight (UTC) before its first value. NaN unknown."""

    name: str
    values: Floats
    labelled: Bools

    @property
    def is_amount(self) -> bool:
        known = self.values[np.isfinite(self.values)]
        return bool(known.min(initial=0.0) >= 0 and (known == 0).mean() <= MOST_ZEROS)


@dataclass(frozen=True)
class Dip:
    """Buckets [first, end); `depth`: median fall of its low buckets."""

    first: int
    end: int
    depth: float


@dataclass(frozen=True)
class Truth:
    """`stretches`: labelled stretches after the warm-up. `doubtful`: half-open spans."""

    stretches: int
    dips: tuple[Dip, ...]
    doubtful: tuple[tuple[int, int], ...]


def read(path: Path) -> list[Kpi]:
    """The KPIs of a Parquet file with the columns kpi, time, value, anomaly; by name.

    Raises FileNotFoundError and, for another schema, ValueError.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    table = pd.read_parquet(path)
    missing = {"kpi", "time", "value", "anomaly"} - set(table.columns)
    if missing:
        raise ValueError(f"{path.name} has no column {', '.join(sorted(missing))}")
    kpis = []
    for name, rows in table.groupby("kpi", observed=True, sort=True):
        times = rows["time"].dt.tz_localize(None).to_numpy("datetime64[m]").astype(np.int64)
        bucket = times // BUCKET_MIN
        bucket = bucket - bucket.min() // PER_DAY * PER_DAY
        values = np.full(int(bucket.max()) + 1, np.nan)
        labelled = np.zeros(len(values), bool)
        values[bucket] = rows["value"].to_numpy(float)
        labelled[bucket] = rows["anomaly"].to_numpy(bool)
        kpis.append(Kpi(str(name), values, labelled))
    return kpis


def truth(kpi: Kpi) -> Truth:
    """The dips that the labels speak of."""
    usual = hindsight(kpi)
    stretches = spans(kpi.labelled)
    fall = np.full(len(usual), np.nan)
    due = np.full(len(usual), np.nan)
    number = np.zeros(len(usual), int)
    for i, (first, end) in enumerate(stretches):
        level = _level(kpi, usual, first, end)
        due[first:end] = usual[first:end] * level
        fall[first:end] = 1 - kpi.values[first:end] / due[first:end]
        number[first:end] = i
    fall[~kpi.labelled] = np.nan
    typical = float(np.nanmedian(kpi.values[~kpi.labelled]))
    low = (fall >= LEAST_DEPTH) & (due >= LEAST_SIZE * typical)
    dips: list[Dip] = []
    for first, end in spans(low):
        within = low[first:end]
        if within.sum() < LEAST_BUCKETS:
            continue
        dip = Dip(first, end, float(np.median(fall[first:end][within])))
        last = dips[-1] if dips else None
        if last and (first - last.end < JOIN or number[first] == number[last.end - 1]):
            dips[-1] = Dip(last.first, end, max(last.depth, dip.depth))
        else:
            dips.append(dip)
    warm = WARM_DAYS * PER_DAY
    early = [(dip.first, dip.end) for dip in dips if dip.first < warm]
    return Truth(
        stretches=sum(first >= warm for first, _ in stretches),
        dips=tuple(dip for dip in dips if dip.first >= warm),
        doubtful=(*spans(fall >= DOUBTFUL_DEPTH), *early),
    )


def hindsight(kpi: Kpi) -> Floats:
    """What each time of day brings in the days around, labelled points left out."""
    days = -(-len(kpi.values) // PER_DAY)
    known = np.full(days * PER_DAY, np.nan)
    known[: len(kpi.values)] = np.where(kpi.labelled, np.nan, kpi.values)
    by_day = known.reshape(days, PER_DAY)
    usual = np.empty_like(by_day)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # slots that no day knows stay NaN
        for day in range(days):
            near = [*range(max(0, day - AROUND_DAYS), day), *range(day + 1, day + AROUND_DAYS + 1)]
            usual[day] = np.nanmedian(by_day[[d for d in near if d < days]], axis=0)
    smooth = pd.Series(usual.ravel()).rolling(SMOOTH, center=True, min_periods=1).mean()
    return np.asarray(smooth.to_numpy(float)[: len(kpi.values)])


def spans(marks: Bools) -> list[tuple[int, int]]:
    """Half-open spans of True, over gaps of up to GAP buckets."""
    at = np.flatnonzero(marks)
    if not len(at):
        return []
    parts = np.split(at, np.flatnonzero(np.diff(at) > GAP + 1) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts]


def fall_at(kpi: Kpi, usual: Floats, bucket: int) -> float:
    """Fall of the two buckets up to `bucket` against hindsight, labelled or not; NaN unknown."""
    first = max(bucket - 1, 0)
    level = _level(kpi, usual, max(first - GAP, 0), bucket + 1 + JOIN)
    now = slice(first, bucket + 1)
    return float(1 - kpi.values[now].mean() / (usual[now].mean() * level))


def _level(kpi: Kpi, usual: Floats, first: int, end: int) -> float:
    """How the KPI ran around [first, end) in multiples of the usual; 1 if nobody knows."""
    near = [*range(max(0, first - AROUND_BUCKETS), first)]
    near += range(end, min(len(usual), end + AROUND_BUCKETS))
    at = np.array([i for i in near if not kpi.labelled[i]], int)
    with np.errstate(all="ignore"):
        ratio = kpi.values[at] / usual[at]
    ratio = ratio[np.isfinite(ratio)]
    level = float(np.median(ratio)) if len(ratio) else 1.0
    return level if level > 0 else 1.0
