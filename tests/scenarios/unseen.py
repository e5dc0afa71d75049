"""Hours of evaluation days as the files of a shop, for scenarios: few members, a real day's unrest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from monitor.alerts.records import Alert, load_alerts
from monitor.detect.event import Event, Ints
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.case import Case, Dip
from monitor.evaluate.days import case
from monitor.evaluate.files import TODAY, Report, starts_of, write_case
from monitor.evaluate.inject import broken
from monitor.evaluate.trouble import NONE, Trouble
from monitor.ingest.arrivals import Arrival
from monitor.replay import recorded
from monitor.settings import Settings, load_settings
from monitor.store import Store, open_store
from monitor.tick import Heart

HOUR = 12  # buckets
MEMBERS = 40


@cache
def hours(
    family: str, seed: int, first: int, end: int, members: int = MEMBERS, cold: bool = False
) -> Case:
    """The hours [first, end) of a day with nothing wrong in it, and of the days before it."""
    chosen = case(family, seed, cold)
    assert chosen.healthy is not None
    now, *pasts = (
        cut(again(event, end), first * HOUR, end * HOUR, members)
        for event in (chosen.healthy, *chosen.pasts[-2:])
    )
    return replace(chosen, event=now, healthy=now, pasts=tuple(pasts), dips=(), quiet=True)


def again(event: Event, until: int) -> Event:
    """The same day again and again, so that there are `until` hours of it."""
    days = -(-until * HOUR // event.buckets)
    if days == 1:
        return event
    amounts = {m: np.tile(grid, days) for m, grid in event.amounts.items()}
    usable = {m: np.tile(marks, days) for m, marks in event.usable.items()}
    return replace(event, amounts=amounts, usable=usable)


def cut(event: Event, first: int, end: int, members: int) -> Event:
    """Some buckets of an event, and those members that sell most in them."""
    money = np.nan_to_num(event.amounts["gmv"][:, first:end]).sum(axis=1)
    who = np.sort(np.argsort(-money, kind="stable")[:members])
    return replace(
        event,
        dims={dim: tuple(values[i] for i in who) for dim, values in event.dims.items()},
        amounts={m: grid[who, first:end] for m, grid in event.amounts.items()},
        usable={m: np.ones(end - first, bool) for m in event.usable},
        plans=tuple(replace(p, first=p.first - first, end=p.end - first) for p in event.plans),
        minute=round(event.minute + first * event.bucket_min),
    )


def dipped(chosen: Case, *dips: Dip, seed: int = 5) -> Case:
    assert chosen.healthy is not None
    event = broken(chosen.healthy, dips, np.random.default_rng(seed))
    return replace(chosen, event=event, dips=dips, quiet=False)


def silenced(event: Event, members: Ints, first: int, end: int) -> Event:
    """Members off air during buckets [first, end): nothing of them but one visitor in ten."""
    amounts = {m: grid.copy() for m, grid in event.amounts.items()}
    for metric, grid in amounts.items():
        part = grid[members, first:end]
        grid[members, first:end] = np.floor(part / 10) if metric != "gmv" else 0.0
    return replace(event, amounts=amounts)


@dataclass(frozen=True)
class Played:
    """A case that was played through the product."""

    case: Case
    heart: Heart
    start: datetime

    @property
    def store(self) -> Store:
        return self.heart.store

    def alerts(self, **wanted: Any) -> list[Alert]:
        return [
            a for a in load_alerts(self.store, TODAY)
            if all(getattr(a, name) == value for name, value in wanted.items())
        ]  # fmt: skip

    @property
    def dips(self) -> list[Alert]:
        return self.alerts(kind="dip")

    @property
    def accusing(self) -> list[Alert]:
        """What may never be told on a day with nothing wrong."""
        return self.alerts(kind="dip", reason="real_drop")

    def at(self, bucket: int) -> datetime:
        """When a bucket begins."""
        return self.start + bucket * timedelta(minutes=self.case.event.bucket_min)

    def alarms(self) -> list[Alarm]:
        """The product's dips in the words of the evaluation."""
        size = timedelta(minutes=self.case.event.bucket_min)

        def place(at: datetime | None) -> int:
            assert at is not None
            return (at - self.start) // size

        return [
            Alarm(
                a.rule, str(a.metric), a.scope, place(a.breach_start), place(a.due_at) - 1,
                None if a.resolve_event is None else place(a.resolve_event) - 1,
                a.reason or "", a.covered_by is not None,
            )
            for a in self.dips
        ]  # fmt: skip


Moment = tuple[datetime, list[Arrival]]


def play(
    folder: Path, chosen: Case, faults: Trouble = NONE, reports: Sequence[Report] = (Report(),),
    until: int | None = None, heart: Heart | None = None, between: bool = False,
    spoil: Callable[[Path], None] | None = None, since: int = 13,
) -> Played:  # fmt: skip
    """Write a case and tick at every arrival, up to the end of bucket `until`; at bucket ends as well
    with `between`. What came before the end of bucket `since` is taken at once. `spoil`: is let loose
    on the files first. With a heart, from where that has come to.
    """
    config = write_case(folder, chosen, faults, reports)
    if spoil is not None:
        spoil(folder / "recorded")
    settings = load_settings(config)
    heart = heart or Heart(open_store(None), settings)
    start = starts_of(chosen)[-1]
    size = timedelta(minutes=chosen.event.bucket_min)
    end = start + size * (until if until is not None else chosen.event.buckets - 3)
    done = heart.last_tick
    ticks = moments(folder, settings, start if between else None, size, end)
    if done is None:
        early = [(now, found) for now, found in ticks if now <= start + since * size]
        done = start + since * size
        heart.tick(done, [a for _, found in early for a in found], publish=False)
    for now, arrivals in ticks:
        if done < now <= end:
            heart.tick(now, arrivals, publish=False)
    return Played(chosen, heart, start)


def moments(
    folder: Path, settings: Settings, start: datetime | None, size: timedelta, end: datetime
) -> list[Moment]:
    """Arrivals in order; from `start` on, with the ends of buckets."""
    files = recorded(folder / "recorded", settings)
    ticks: dict[datetime, list[Arrival]] = {
        at: [a for _, a in group] for at, group in groupby(files, key=lambda f: f[0])
    }
    while start is not None and start <= end:
        ticks.setdefault(start, [])
        start += size
    return sorted(ticks.items())


def said(alerts: Iterable[Alert]) -> list[Mapping[str, object]]:
    """Alerts without their ids and when they were found."""
    found = []
    for alert in alerts:
        one = alert.as_json()
        for late in ("id", "opened_at", "resolved_at", "found_late", "covered_by", "episodes"):
            del one[late]
        found.append(one)
    return sorted(found, key=lambda a: (str(a["rule"]), str(a["scope"]), str(a["breach_start"])))
