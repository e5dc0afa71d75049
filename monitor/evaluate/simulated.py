"""Set B as a run: detectors over simulated days, two processes wide, and what is printed of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from monitor.detect.event import Event
from monitor.detect.shipped import SHIPPED
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.days import FAMILIES, case, days_of
from monitor.evaluate.match import Account, account
from monitor.evaluate.run import alarms
from monitor.evaluate.score import Figure, Score, Share, summary

Detector = Callable[[Event, tuple[Event, ...]], Sequence[Alarm]]

OURS = "monitor"
AT = "@"  # monitor@0.8: all rules at that sensitivity, for the curve of what trades against what
TUNED = ", tuned"
PROCESSES = 2


@dataclass(frozen=True)
class Job:
    """One case to be judged by some detectors."""

    family: str
    seed: int
    cold: bool
    quiet_share: float
    detectors: tuple[str, ...]


def jobs(
    generator: str,
    seed: int,
    days: int,
    detectors: Sequence[str] = (OURS,),
    cold: bool = False,
    quiet_share: float = 0.3,
) -> list[Job]:
    """The cases of consecutive seeds, until each family has so many campaign-days."""
    found = []
    for family in FAMILIES if generator == "both" else (generator,):
        got, one = 0, seed
        while got < days:
            found.append(Job(family, one, cold, quiet_share, tuple(detectors)))
            got += days_of(family, one)
            one += 1
    return found


def run(todo: Sequence[Job], processes: int = PROCESSES) -> Iterator[dict[str, Account]]:
    """Each job's account per detector, in order. The longest jobs should not come last, hence one
    job a task."""
    if processes == 1:
        yield from map(judged, todo)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(judged, todo, chunksize=1)


def judged(job: Job) -> dict[str, Account]:
    """One case by all detectors."""
    one = case(job.family, job.seed, job.cold, job.quiet_share)
    return {
        name: account(one, list(detector(name)(one.event, one.pasts))) for name in job.detectors
    }


def scores(todo: Sequence[Job], processes: int = PROCESSES) -> dict[str, Score]:
    """The figures of every detector over the same cases."""
    accounts: dict[str, list[Account]] = {}
    for by_name in run(todo, processes):
        for name, one in by_name.items():
            accounts.setdefault(name, []).append(one)
    return {name: summary(some) for name, some in accounts.items()}


@cache
def detector(name: str) -> Detector:
    """A detector by its name: `monitor`, `monitor@0.8`, a rival, or a rival with `, tuned` behind
    it; KeyError for any other."""
    if name == OURS:
        return alarms
    if name.startswith(OURS + AT):
        how = float(name.removeprefix(OURS + AT))
        rules = [replace(rule, sensitivity=rule.sensitivity * how) for rule in SHIPPED]
        return partial(alarms, rules=rules)
    rivals: Any = import_module("monitor.evaluate.rivals")
    if name.endswith(TUNED):
        plain = name.removesuffix(TUNED)
        tuned: Detector = rivals.on_events(plain, rivals.TUNED[plain])
        return tuned
    usual: Detector = rivals.EVENT_RIVALS[name]
    return usual


def names(wanted: str) -> tuple[str, ...]:
    """Detectors of a list separated by semicolons; `rivals` and `tuned rivals` stand for all of
    them. ValueError names what is unknown."""
    rivals = tuple(import_module("monitor.evaluate.rivals").EVENT_RIVALS)
    found: list[str] = []
    for name in (part.strip() for part in wanted.split(";")):
        if name == "rivals":
            found += rivals
        elif name == "tuned rivals":
            found += [rival + TUNED for rival in rivals]
        elif name == OURS or _sensitivity(name) or name.removesuffix(TUNED) in rivals:
            found.append(name)
        else:
            raise ValueError(f"no detector {name!r}; known: {OURS}; rivals; {'; '.join(rivals)}")
    return tuple(dict.fromkeys(found))


def _sensitivity(name: str) -> bool:
    try:
        return name.startswith(OURS + AT) and float(name.removeprefix(OURS + AT)) > 0
    except ValueError:
        return False


# --- in words ---------------------------------------------------------------------------------


def table(found: dict[str, Score]) -> str:
    """The figures of all detectors, one column each, and the break-down of each one's recall."""
    rows = [("", *found)]
    rows += [(label, *(of(s) for s in found.values())) for label, of in LINES]
    kinds = next(iter(found.values())).by
    for kind, shares in kinds.items():
        rows.append((f"recall by {kind}", *("" for _ in found)))
        for label in shares:
            rows.append((f"  {label}", *(share(s.by[kind][label]) for s in found.values())))
    rows.append(("oracle sees of all drawn, by depth", *("" for _ in found)))
    for label in next(iter(found.values())).oracle:
        rows.append((f"  {label}", *(share(s.oracle[label]) for s in found.values())))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def particulars(score: Score) -> str:
    """The misses and false events, to look at."""
    lines = [f"{len(score.misses)} misses"]
    for miss in score.misses:
        lines.append(
            f"  {miss.case:16} {at(miss.first_min)} {miss.minutes:3} min  {miss.metric:10} "
            f"−{miss.depth:.0%}  {miss.oracle_sigma:4.1f} σ  {words(miss.scope)}"
        )
    wrong = [hit for hit in score.hits if not hit.any_scope]
    lines.append(f"{len(wrong)} told in another scope only")
    for hit in wrong:
        lines.append(
            f"  {hit.case:16} {at(hit.first_min)} {hit.minutes:3} min  {hit.metric:10} "
            f"−{hit.depth:.0%}  {hit.oracle_sigma:4.1f} σ  {words(hit.scope)}  said "
            f"{hit.measure} of {words(hit.said or {})}"
        )
    lines.append(f"{len(score.false)} false events")
    for false in score.false:
        lines.append(
            f"  {false.case:16} {at(false.first_min)} opened {at(false.opened_min)}  "
            f"{false.rule:15} −{false.fall:.0%}  {false.alarms} alarms  {words(false.scope)}"
            + ("  quiet" if false.quiet else "")
        )
    return "\n".join(lines)


def figure(of: Figure, percent: bool = False) -> str:
    """`0.95 (0.91–0.98)`, or `–` where nothing was counted."""
    if of.value != of.value:
        return "–"
    form = "{:.0f}" if percent else "{:.2f}"
    value, low, high = (form.format(v) for v in (of.value, of.low, of.high))
    return f"{value} ({low}–{high})"


def share(of: Share) -> str:
    """`12 of 13 (92%)`."""
    return f"{of.hit} of {of.of} ({of.recall:.0%})" if of.of else "–"


def words(scope: Any) -> str:
    """A scope for a reader; `campaign` for all of it."""
    return ", ".join(f"{dim} {scope[dim]}" for dim in sorted(scope)) or "campaign"


def at(minute: float) -> str:
    """`d2 13:05` of an event."""
    day, rest = divmod(int(minute), 1440)
    return f"d{day + 1} {rest // 60:02}:{rest % 60:02}"


LINES: tuple[tuple[str, Callable[[Score], str]], ...] = (
    ("cases, campaign-days, dips", lambda s: f"{s.cases}, {s.days:.0f}, {s.dips}"),
    ("recall", lambda s: figure(s.recall)),
    ("precision (incidents)", lambda s: figure(s.precision)),
    ("F1", lambda s: figure(s.f1)),
    ("precision (alarms)", lambda s: figure(s.alarm_precision)),
    ("false events a campaign-day", lambda s: figure(s.false_per_day)),
    ("false alarms a campaign-day", lambda s: figure(s.false_alarms_per_day)),
    ("quiet days", lambda s: f"{s.quiet_days:.0f}"),
    ("alarms a quiet day", lambda s: figure(s.quiet_alarms_per_day)),
    ("delay, median (min)", lambda s: figure(s.delay_median, percent=True)),
    ("delay, p90 (min)", lambda s: figure(s.delay_p90, percent=True)),
    ("right scope, first alarm", lambda s: figure(s.scope_first)),
    ("right scope, any alarm", lambda s: figure(s.scope_any)),
    ("right measure, first alarm", lambda s: f"{s.measure_right:.2f}"),
)
