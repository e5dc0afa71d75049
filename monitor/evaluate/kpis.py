"""Evaluation set A: dips of labelled web KPIs, told by the judge for plain series and by usual rules.

    python -m monitor.evaluate kpis [PATH] [--cross] [--curve] [--json FILE]

PATH, else $MONITOR_KPIS, is the Parquet file of the AIOps challenge 2018 in 5-minute means. What
counts as a dip: `labelled.py`. An alarm hits a dip if it opens from two buckets before its first low
bucket to one after its last; later alarms of the same dip count as repeats, neither right nor wrong,
as do alarms in doubtful stretches. Every other alarm is false. No credit for points, no adjusting.
Delay runs from the start of the first low bucket to the end of the bucket that opened the alarm.

All days after the warm-up are judged ("all days"), nearly all without any dip, and beside them only
the days within a day of one ("near dips"), which is what other people's figures usually stand on.

KPIs of one system have their incidents at the same minutes, so whole systems are in one half.
`--cross` chooses the thresholds of `GRID` on one half, judges the other with them, and the reverse.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from monitor.detect.series import TUNING, Bools, Tuning, judge
from monitor.evaluate.labelled import (
    BUCKET_MIN,
    PER_DAY,
    WARM_DAYS,
    Dip,
    Kpi,
    Truth,
    fall_at,
    hindsight,
    read,
    truth,
)  # fmt: skip

EARLY, LATE = 2, 1  # buckets that an alarm may open before a dip and after it
SAMPLES, INTERVAL = 1000, (5.0, 95.0)
DEPTHS = ((0.25, 0.40), (0.40, 0.70), (0.70, 1.01))
OPEN_AFTER, CLOSE_AFTER = TUNING.open_after, TUNING.close_after  # rivals get the same patience
FIRST_HALF = frozenset(
    "05f10d3a 1c6d7a26 847e8ecc c69a50cf 42d6616d adb2fde9 55f8b8b8 ba5f3328 "
    "0efb375b 301c70d8 c02607e8 da10a69f".split()
)  # whole systems; the others are the second half
GRID: Mapping[str, Sequence[float]] = {
    "least_fall": (0.30, 0.35, 0.40),
    "breach": (3.0, 3.5),
    "slow_gain": (1 / 288, 1 / 200, 1 / 144),
}
CURVE = (0.20, 0.25, 0.30, 0.40, 0.50)  # least_fall, all else frozen

Alarms = Mapping[str, Sequence[int]]  # opening buckets by KPI


@dataclass(frozen=True)
class Account:
    """One KPI's alarms against its dips. `told`: per dip the opening bucket of the first alarm that
    hit it, None if none did. `false`: opening buckets."""

    kpi: str
    truth: Truth
    told: tuple[int | None, ...]
    false: tuple[int, ...]
    repeats: int
    doubtful: int
    days: float
    days_near: float
    false_near: int


def account(kpi: Kpi, labels: Truth, opened: Sequence[int]) -> Account:
    """Match the alarms that open after the warm-up."""
    told: list[int | None] = [None] * len(labels.dips)
    near = _near(len(kpi.values), labels.dips)
    false, repeats, doubtful = [], 0, 0
    for bucket in sorted(b for b in opened if b >= WARM_DAYS * PER_DAY):
        hit = [i for i, dip in enumerate(labels.dips) if _inside(bucket, dip.first, dip.end)]
        fresh = [i for i in hit if told[i] is None]
        if fresh:
            told[fresh[0]] = bucket
        elif hit:
            repeats += 1
        elif any(_inside(bucket, *span) for span in labels.doubtful):
            doubtful += 1
        else:
            false.append(bucket)
    judged = np.isfinite(kpi.values)
    judged[: WARM_DAYS * PER_DAY] = False
    return Account(
        kpi.name, labels, tuple(told), tuple(false), repeats, doubtful,
        float(judged.sum()) / PER_DAY, float((judged & near).sum()) / PER_DAY,
        int(near[false].sum()),
    )  # fmt: skip


def _inside(bucket: int, first: int, end: int) -> bool:
    return first - EARLY <= bucket < end + LATE


def _near(buckets: int, dips: Sequence[Dip]) -> Bools:
    """The calendar days of dips, and the days before and after."""
    near = np.zeros(buckets, bool)
    for dip in dips:
        first = max(dip.first // PER_DAY - 1, 0)
        near[first * PER_DAY : ((dip.end - 1) // PER_DAY + 2) * PER_DAY] = True
    return near


def figures(accounts: Sequence[Account]) -> dict[str, Any]:
    """Counts, recall, precision, F1, false alarms a day and delays in minutes of some KPIs."""
    of = sum(len(a.told) for a in accounts)
    hit = sum(bucket is not None for a in accounts for bucket in a.told)
    false, near = sum(len(a.false) for a in accounts), sum(a.false_near for a in accounts)
    days, days_near = sum(a.days for a in accounts), sum(a.days_near for a in accounts)
    delays = [
        (bucket + 1 - dip.first) * BUCKET_MIN
        for a in accounts
        for dip, bucket in zip(a.truth.dips, a.told, strict=True)
        if bucket is not None
    ]
    by_depth = {}
    for low, high in DEPTHS:
        some = [
            bucket is not None
            for a in accounts
            for dip, bucket in zip(a.truth.dips, a.told, strict=True)
            if low <= dip.depth < high
        ]
        by_depth[f"{low:.0%}–{min(high, 1):.0%}"] = {"hit": sum(some), "of": len(some)}
    return {
        "dips": of,
        "hit": hit,
        "false": false,
        "repeats": sum(a.repeats for a in accounts),
        "doubtful": sum(a.doubtful for a in accounts),
        "days": round(days),
        "recall": _ratio(hit, of),
        "precision": _ratio(hit, hit + false),
        "f1": _f1(hit, of, false),
        "false_a_day": _ratio(false, days),
        "near": {
            "days": round(days_near),
            "false": near,
            "precision": _ratio(hit, hit + near),
            "f1": _f1(hit, of, near),
            "false_a_day": _ratio(near, days_near),
        },
        "delay_median": float(np.median(delays)) if delays else None,
        "delay_p90": float(np.quantile(delays, 0.9)) if delays else None,
        "by_depth": by_depth,
    }


def interval(accounts: Sequence[Account], seed: int = 1) -> tuple[float, float]:
    """A 90 % bootstrap interval of F1 over all days: weeks of a KPI are drawn with replacement."""
    weeks: dict[tuple[str, int], list[int]] = {}
    for a in accounts:
        for dip, bucket in zip(a.truth.dips, a.told, strict=True):
            week = weeks.setdefault((a.kpi, dip.first // (7 * PER_DAY)), [0, 0, 0])
            week[0] += bucket is not None
            week[1] += 1
        for bucket in a.false:
            weeks.setdefault((a.kpi, bucket // (7 * PER_DAY)), [0, 0, 0])[2] += 1
    # Weeks without a dip or a false alarm change no ratio; how many of the others come is random.
    counts = np.array(list(weeks.values()) or [[0, 0, 0]])
    rng = np.random.default_rng(seed)
    drawn = [
        counts[rng.integers(0, len(counts), rng.poisson(len(counts)))].sum(axis=0)
        for _ in range(SAMPLES)
    ]
    low, high = np.percentile([_f1(int(h), int(o), int(f)) for h, o, f in drawn], INTERVAL)
    return float(low), float(high)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _f1(hit: int, of: int, false: int) -> float:
    return _ratio(2 * hit, of + hit + false)


def ours(kpis: Sequence[Kpi], tuning: Tuning = TUNING) -> dict[str, list[int]]:
    """Opening buckets of the judge for plain series."""
    values = np.full((len(kpis), max(len(kpi.values) for kpi in kpis)), np.nan)
    for row, kpi in enumerate(kpis):
        values[row, : len(kpi.values)] = kpi.values
    opened = judge(values, PER_DAY, tuning).opened
    return {kpi.name: np.flatnonzero(opened[row]).tolist() for row, kpi in enumerate(kpis)}


def of_flags(flags: Bools) -> list[int]:
    """Opening buckets of a rule that flags points, with the patience that ours has."""
    opened, firing, bad, good = [], False, 0, 0
    for bucket, flag in enumerate(flags.tolist()):
        bad, good = (bad + 1, 0) if flag else (0, good + 1)
        if not firing and bad >= OPEN_AFTER:
            opened.append(bucket)
            firing = True
        elif firing and good >= CLOSE_AFTER:
            firing = False
    return opened


def evaluate(path: Path, cross: bool = False, curve: bool = False) -> dict[str, Any]:
    """The whole run as a JSON-able document. Raises FileNotFoundError, and ValueError for bad files."""
    everything = read(path)
    kpis = [kpi for kpi in everything if kpi.is_amount]
    labels = {kpi.name: truth(kpi) for kpi in kpis}

    def accounts(alarms: Alarms) -> list[Account]:
        return [account(kpi, labels[kpi.name], alarms[kpi.name]) for kpi in kpis]

    mine = accounts(ours(kpis))
    document: dict[str, Any] = {
        "kpis": len(everything),
        "amounts": len(kpis),
        "stretches": sum(labels[kpi.name].stretches for kpi in kpis),
        "tuning": asdict(TUNING),
        "pace": figures(mine),
        "interval": interval(mine),
        "halves": {name: figures(half) for name, half in zip(("1", "2"), _halves(mine), strict=True)},
        "false": _false(kpis, mine),
        "missed": [
            {
                "kpi": a.kpi,
                "at": _at(dip.first),
                "depth": round(dip.depth, 2),
                "minutes": (dip.end - dip.first) * BUCKET_MIN,
            }
            for a in mine
            for dip, bucket in zip(a.truth.dips, a.told, strict=True)
            if bucket is None
        ],
        "rivals": {
            name: figures(accounts({k.name: of_flags(rule(k.values, PER_DAY)) for k in kpis}))
            for name, rule in _rivals().items()
        },
    }  # fmt: skip
    if curve:
        document["curve"] = {
            str(least): figures(accounts(ours(kpis, replace(TUNING, least_fall=least))))
            for least in CURVE
        }
    if cross:
        document["cross"] = _cross(lambda tuning: accounts(ours(kpis, tuning)))
    return document


def _rivals() -> Mapping[str, Callable[[Any, int], Bools]]:
    """Not imported before they are needed: they bring the whole evaluation of events with them."""
    found: Mapping[str, Callable[[Any, int], Bools]] = import_module(
        "monitor.evaluate.rivals"
    ).RIVALS
    return found


def _halves(accounts: Sequence[Account]) -> tuple[list[Account], list[Account]]:
    return (
        [a for a in accounts if a.kpi in FIRST_HALF],
        [a for a in accounts if a.kpi not in FIRST_HALF],
    )


def _cross(run: Callable[[Tuning], list[Account]]) -> dict[str, Any]:
    """Choose on one half, judge the other, and the reverse."""
    tried: list[tuple[dict[str, float], tuple[list[Account], list[Account]]]] = []
    for chosen in product(*GRID.values()):
        changes = dict(zip(GRID, chosen, strict=True))
        tried.append((changes, _halves(run(replace(TUNING, **changes)))))  # type: ignore[arg-type]
    out: dict[str, Any] = {}
    pooled: list[Account] = []
    for half, other in ((0, 1), (1, 0)):
        changes, halves = max(tried, key=lambda one: float(figures(one[1][half])["f1"]))
        pooled += halves[other]
        out[f"chosen on {half + 1}"] = {
            "thresholds": changes,
            "there": figures(halves[half]),
            "on the other": figures(halves[other]),
        }
    return out | {"pooled": figures(pooled), "interval": interval(pooled)}


def _false(kpis: Sequence[Kpi], accounts: Sequence[Account]) -> list[dict[str, Any]]:
    """The false alarms, with the fall that hindsight sees there."""
    found = []
    for kpi, a in zip(kpis, accounts, strict=True):
        usual = hindsight(kpi) if a.false else None
        for bucket in a.false:
            assert usual is not None
            fall = round(fall_at(kpi, usual, bucket), 2)
            found.append({"kpi": kpi.name, "at": _at(bucket), "fall": fall})
    return found


def _at(bucket: int) -> str:
    """`day 32, 14:05` after the KPI's first midnight, UTC."""
    minute = bucket % PER_DAY * BUCKET_MIN
    return f"day {bucket // PER_DAY}, {minute // 60:02}:{minute % 60:02}"


def table(document: Mapping[str, Any]) -> str:
    """The document for people."""
    lines = [
        f"{document['amounts']} of {document['kpis']} KPIs are amounts, {document['pace']['days']} days "
        f"in all. Of their {document['stretches']} labelled stretches {document['pace']['dips']} hold a "
        "dip.",
        "",
        f"{'':22}{'F1':>6}{'recall':>8}{'prec.':>7}{'false/d':>9}{'delay':>7}{'p90':>6}"
        f"{'F1 near':>9}{'false/d near':>14}",
    ]
    rows = {"pace": document["pace"], **{f"  half {n}": f for n, f in document["halves"].items()}}
    for name, f in document.get("cross", {}).items():
        if name.startswith("chosen"):
            rows[f"  {name}"] = f["on the other"]
        elif name == "pooled":
            rows["  cross, pooled"] = f
    rows |= {f"  least fall {least}": f for least, f in document.get("curve", {}).items()}
    rows |= document["rivals"]
    lines += [_row(name, f) for name, f in rows.items()]
    low, high = document["interval"]
    real = sum(false["fall"] >= 0.25 for false in document["false"])
    depths = ", ".join(f"{d} {s['hit']}/{s['of']}" for d, s in document["pace"]["by_depth"].items())
    return "\n".join(
        [
            *lines,
            "",
            f"90 % interval of F1: {low:.2f}–{high:.2f}. Told by depth: {depths}.",
            f"{real} of {len(document['false'])} false alarms stand on a fall of 25 % or more that "
            "bears no label.",
        ]
    )


def _row(name: str, f: Mapping[str, Any]) -> str:
    median, p90 = (
        "" if f[key] is None else f"{f[key]:.0f}" for key in ("delay_median", "delay_p90")
    )
    return (
        f"{name:22}{f['f1']:6.2f}{f['recall']:8.2f}{f['precision']:7.2f}{f['false_a_day']:9.4f}"
        f"{median:>7}{p90:>6}{f['near']['f1']:9.2f}{f['near']['false_a_day']:14.3f}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, and write the JSON if asked. Exit code 2 if the data is not there or not readable."""
    parser = argparse.ArgumentParser(
        prog="python -m monitor.evaluate kpis", description="Set A: labelled web KPIs."
    )
    parser.add_argument("path", type=Path, nargs="?", help="Parquet file; else $MONITOR_KPIS")
    parser.add_argument("--cross", action="store_true", help="choose thresholds on the other half")
    parser.add_argument(
        "--curve", action="store_true", help="F1 against false alarms by least fall"
    )
    parser.add_argument("--json", type=Path, help="write the document here")
    args = parser.parse_args(argv)
    path = args.path or Path(os.environ.get("MONITOR_KPIS", ""))
    if path == Path():
        print("No KPIs: give the path of the Parquet file, or set MONITOR_KPIS.", file=sys.stderr)
        return 2
    try:
        document = evaluate(path, args.cross, args.curve)
    except (FileNotFoundError, ValueError) as e:
        missing = isinstance(e, FileNotFoundError)
        print(f"There is no file {path}." if missing else str(e), file=sys.stderr)
        return 2
    print(table(document))
    if args.json:
        args.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return 0
