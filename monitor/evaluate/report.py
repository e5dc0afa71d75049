"""A run of set B for people to read: Markdown tables, and pictures of hits, misses, false alarms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monitor.evaluate.case import Case
from monitor.evaluate.days import case
from monitor.evaluate.drawing import Chart, svg
from monitor.evaluate.simulated import OURS, at, detector, words
from monitor.evaluate.trace import trace

Json = Mapping[str, Any]
OF_EACH = 3
BEFORE_MIN, AFTER_MIN = 120, 75
FIGURES = (
    ("recall", "recall", 2),
    ("precision", "precision", 2),
    ("F1", "f1", 2),
    ("false events a day", "false_per_day", 2),
    ("alarms a quiet day", "quiet_alarms_per_day", 2),
    ("delay, median (min)", "delay_median", 0),
    ("delay, p90 (min)", "delay_p90", 0),
    ("right scope", "scope_first", 2),
)


def write(run: Path, out: Path) -> list[Path]:
    """Write `set-b.md` and up to nine pictures into `out`; gives what was written.

    `run` is what `simulated --out` wrote; its cases are made again from their seeds.
    """
    document: Json = json.loads(run.read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    score: Json = document["detectors"].get(OURS) or next(iter(document["detectors"].values()))
    pictures = _pictures(document, score) if OURS in document["detectors"] else []
    lines = [head(document, score), "", against(document), "", breakdown(score)]
    written = []
    for name, caption, text in pictures:
        path = out / f"{name}.svg"
        path.write_text(text, encoding="utf-8")
        written.append(path)
        lines += ["", f"![{caption}]({path.name})"]
    table = out / "set-b.md"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [table, *written]


def head(document: Json, score: Json) -> str:
    """What was run, in a sentence."""
    seeds = document["seeds"]
    return (
        f"{score['cases']} cases, {score['days']:.0f} campaign-days "
        f"({score['quiet_days']:.0f} of them quiet), {score['dips']} dips; generator "
        f"{document['generator']}, seeds {seeds[0]}–{seeds[-1]}, "
        f"{'no earlier events' if document['cold'] else 'two or three earlier events each'}. "
        "In brackets 90 % bootstrap intervals over cases."
    )


def against(document: Json) -> str:
    """All detectors of a run, one a row."""
    rows = [["detector", *(label for label, _, _ in FIGURES)]]
    for name, score in document["detectors"].items():
        rows.append([name, *(_figure(score[key], digits) for _, key, digits in FIGURES)])
    return markdown(rows)


def breakdown(score: Json) -> str:
    """Recall by depth, scope, and so on, with an oracle's limit by depth."""
    rows = [["", "", "told", "recall", "an oracle could tell, of all drawn"]]
    for kind, shares in score["by"].items():
        for label, share in shares.items():
            limit = score["oracle"].get(label) if kind == "depth" else None
            rows.append(
                [kind, label, f"{share['hit']} of {share['of']}", _share(share), _share(limit)]
            )
    return markdown(rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def _figure(figure: Json, digits: int) -> str:
    if figure["value"] is None:
        return "–"
    value, low, high = (f"{figure[key]:.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def _share(share: Json | None) -> str:
    if share is None:
        return ""
    return f"{share['hit'] / share['of']:.0%}" if share["of"] else "–"


# --- pictures -----------------------------------------------------------------------------------


def _pictures(document: Json, score: Json) -> list[tuple[str, str, str]]:
    """(name, caption, SVG) of three hits, three misses and three false alarms."""
    found: list[tuple[str, str, str]] = []
    drawers: tuple[tuple[str, str, Callable[[Case, Json], Chart]], ...] = (
        ("hit", "hits", _of_dip),
        ("miss", "misses", _of_dip),
        ("false", "false", _of_false),
    )
    for name, key, draw in drawers:
        for i, one in enumerate(spread(score[key]), start=1):
            chart = draw(_again(document, one["case"]), one)
            found.append((f"{name}-{i}", chart.title, svg(chart)))
    return found


def spread(some: Sequence[Json], count: int = OF_EACH) -> list[Json]:
    """A few of many, evenly from the first to the last, so that nobody picks the pretty ones."""
    if len(some) <= count:
        return list(some)
    return [some[round(i)] for i in np.linspace(0, len(some) - 1, count)]


def _again(document: Json, name: str) -> Case:
    family, seed = name.removesuffix("-cold").rsplit("-", 1)
    return case(family, int(seed), bool(document["cold"]), float(document["quiet_share"]))


def _of_dip(one: Case, dip: Json) -> Chart:
    end = dip["first_min"] + dip["minutes"]
    if dip["delay_min"] is None:
        what = f"missed, {dip['oracle_sigma']:.1f} σ for an oracle"
    else:
        what = f"told after {dip['delay_min']:.0f} min as {dip['measure']} of {words(dip['said'])}"
    note = f"−{dip['depth']:.0%} {dip['metric']} for {dip['minutes']} min: {what}"
    return _chart(one, dip["scope"], dip["metric"], dip["first_min"], end, note, dip["said"])


def _of_false(one: Case, false: Json) -> Chart:
    note = f"{false['rule']}, −{false['fall']:.0%}: nothing was broken here"
    return _chart(
        one, false["scope"], false["measure"], false["first_min"], false["opened_min"], note
    )


def _chart(
    one: Case,
    scope: Json,
    measure: str,
    first_min: float,
    end_min: float,
    note: str,
    said: Json | None = None,
) -> Chart:
    event = one.event
    size = event.bucket_min
    first = max(int((first_min - BEFORE_MIN) // size), 0)
    window = slice(first, min(int((end_min + AFTER_MIN) // size), event.buckets))
    seen = trace(event, one.pasts, scope, measure, one.healthy)
    opened = [
        (alarm.opened + 1) * size
        for alarm in detector(OURS)(event, one.pasts)
        if alarm.counts and dict(alarm.scope) in (scope, said)
    ]
    return Chart(
        title=f"{words(scope)}: {measure}, {one.name} {at(first_min)}",
        note=note,
        minute=np.arange(window.start * size, window.stop * size, size, dtype=np.float64),
        bucket_min=size,
        observed=seen.observed[window],
        expected=seen.expected[window],
        low=seen.low[window],
        high=seen.high[window],
        broken=[(d.first_min, d.end_min) for d in one.dips],
        alarms=opened,
        expected_name="expected" if seen.ours else "without the dip",
    )
