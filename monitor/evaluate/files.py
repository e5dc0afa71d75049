"""An evaluation case as the files that a shop would have sent, and the configuration to read them.

Counters of the day, read at the end of every bucket (the day's last at 23:59:30), one file a
snapshot; each earlier event is one file. Replayed, the product sees what the detector saw as arrays,
but for what `Trouble` does to the files on their way.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from monitor.campaigns.words import METRICS, MONEY
from monitor.detect.event import Bools, Event, Ints
from monitor.evaluate.case import MINUTES_A_DAY, Case
from monitor.evaluate.days import FAMILIES, case
from monitor.evaluate.trouble import KINDS, NONE, Trouble, trouble
from monitor.simulate.configuration import CampaignEntry, FeedEntry, Span, render
from monitor.simulate.snapshots import Counter, arrival_stamp, write_file

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
FIRST_DAY = datetime(2026, 11, 9, tzinfo=ZONE)  # a Monday; the event begins in that week
APART = timedelta(weeks=4)
DAY_END = timedelta(seconds=30)  # before midnight: the day's last reading
ARRIVES_S = (20.0, 41.0)
TODAY = "event"


@dataclass(frozen=True)
class Report:
    """How a feed reports an event.

    `metrics`: those that it carries; empty: all. `every`: buckets from one reading to the next.
    `every_key`: lists all keys from the start, not from their first activity on. `read_after_s`: so
    long after a bucket's end a counter is read. `seed`: of the arrivals.
    """

    feed: str = "performance"
    counter: Counter = "cumulative_day"
    metrics: tuple[str, ...] = ()
    every: int = 1
    every_key: bool = False
    read_after_s: float = 0.0
    seed: int = 0


PLAIN = Report()


@dataclass(frozen=True)
class Reading:
    """One snapshot. `values`: (members, metrics) hundredths or whole counts; `present`: (members,)
    which of them it holds."""

    bucket: int
    observed_at: datetime
    arrives_at: datetime
    values: Ints
    present: Bools


def readings(
    event: Event, start: datetime, report: Report = PLAIN, faults: Trouble = NONE
) -> Iterator[Reading]:
    """The event as its feed reports it, in order of reading.

    Inside a gap of buckets that are not usable nothing is read; a gap of a single bucket leaves no
    reading out, and so no trace.
    """
    names = report.metrics or metrics_of(event)
    usable = np.logical_and.reduce([event.usable[m] for m in names])
    size = timedelta(minutes=event.bucket_min)
    per_day = round(MINUTES_A_DAY / event.bucket_min)
    begins = round(event.minute / event.bucket_min)
    amount = np.stack(
        [np.nan_to_num(event.amounts[m]) * (100 if m in MONEY else 1) for m in names], axis=2
    )  # members, buckets, metrics
    after_s = 0.0 if report.counter == "interval" else report.read_after_s
    rng = np.random.default_rng([report.seed, 8102])
    total, taken = np.zeros((2, event.members, len(names)))
    seen = np.full(event.members, report.every_key)
    for b in range(event.buckets):
        total = total + amount[:, b]
        ends_day = report.counter == "cumulative_day" and (begins + b + 1) % per_day == 0
        last = b + 1 == event.buckets
        observed_at = start + (b + 1) * size - (DAY_END if ends_day else timedelta(0))
        values = total
        if after_s and not ends_day and not last:
            share = after_s / (60 * event.bucket_min)
            values = total + share * amount[:, b + 1]
            observed_at += timedelta(seconds=after_s)
        if faults.reset == b:
            taken = values
        for one in faults.corrections:
            if one.bucket == b:
                taken = taken.copy()
                taken[one.member] += np.rint((values - taken)[one.member] * one.share)
        shown = np.rint(values - taken).astype(np.int64)
        seen = seen | shown.any(axis=1)
        present = seen.copy()
        present[list(faults.missing.get(b, ()))] = False
        delay = timedelta(
            seconds=round(float(rng.uniform(*ARRIVES_S))), minutes=faults.late.get(b, 0.0)
        )
        inside_gap = not usable[b] and not last and not usable[b + 1]
        if not inside_gap and ((b + 1) % report.every == 0 or ends_day or last):
            yield Reading(b, observed_at, observed_at + delay, shown, present)
            if report.counter == "interval":
                total, taken, seen = np.zeros_like(total), np.zeros_like(total), seen & False
                seen[0] = True  # a quiet snapshot still exists
        if ends_day:
            total, taken = np.zeros_like(total), np.zeros_like(total)
            seen = np.full(event.members, report.every_key)


def metrics_of(event: Event) -> tuple[str, ...]:
    return tuple(m for m in METRICS if m in event.amounts)


class Writer:
    """Writes readings of one campaign as canonical CSV."""

    def __init__(self, event: Event, campaign_id: str, report: Report = PLAIN) -> None:
        self.campaign_id = campaign_id
        self.metrics = report.metrics or metrics_of(event)
        self.header = ",".join(("observed_at", "campaign_id", *event.dims, *self.metrics)) + "\n"
        self.keys = [_csv(key) for key in zip(*event.dims.values(), strict=True)]
        self.money = [m in MONEY for m in self.metrics]

    def rows(self, reading: Reading) -> str:
        """The reading's lines, without the header."""
        start = f"{reading.observed_at.isoformat()},{self.campaign_id},"
        found = []
        for i in np.flatnonzero(reading.present).tolist():
            cells = [
                f"{v // 100}.{v % 100:02}" if money else str(v)
                for v, money in zip(reading.values[i].tolist(), self.money, strict=True)
            ]
            found.append(f"{start}{self.keys[i]},{','.join(cells)}\n")
        return "".join(found)

    def name(self, arrives_at: datetime, mark: str = "") -> str:
        return f"{self.campaign_id}{mark}@{arrival_stamp(arrives_at)}.csv"


def _csv(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def write_event(
    folder: Path, event: Event, campaign_id: str, start: datetime, report: Report = PLAIN,
    faults: Trouble = NONE,
) -> list[Path]:  # fmt: skip
    """One file a snapshot; gives the paths by reading."""
    writer = Writer(event, campaign_id, report)
    every = list(readings(event, start, report, faults))
    before: Mapping[int, Reading] = {two.bucket: one for one, two in pairwise(every)}
    paths = []
    for reading in every:
        rows = writer.rows(reading)
        if reading.bucket - 1 in faults.again and reading.bucket in before:
            rows = writer.rows(before[reading.bucket]) + rows
        mark = f"-{reading.bucket:04}"
        text = writer.header + rows
        paths.append(write_file(folder, writer.name(reading.arrives_at, mark), text))
        if reading.bucket in faults.doubled:
            later = reading.arrives_at + timedelta(minutes=3)
            paths.append(write_file(folder, writer.name(later, f"{mark}-again"), text))
    return paths


def write_past(
    folder: Path, event: Event, campaign_id: str, start: datetime, report: Report = PLAIN
) -> Path:
    """A whole event in one file, which arrives with its last reading."""
    writer = Writer(event, campaign_id, report)
    every = list(readings(event, start, report))
    text = writer.header + "".join(writer.rows(reading) for reading in every)
    return write_file(folder, writer.name(every[-1].arrives_at), text)


def write_case(
    folder: Path, chosen: Case, faults: Trouble = NONE, reports: Sequence[Report] = (PLAIN,)
) -> Path:
    """A case's files below `folder/recorded`, a folder a feed, and its configuration; gives the
    configuration's path. `faults` concern the first feed.

    Replay them with `python -m monitor replay FOLDER/recorded --config … --db …`.
    """
    starts = starts_of(chosen)
    pasts = [f"past-{i}" for i in range(len(chosen.pasts))]
    for i, report in enumerate(reports):
        inbox = folder / "recorded" / report.feed
        for past, name, start in zip(chosen.pasts, pasts, starts, strict=False):
            write_past(inbox, past, name, start, report)
        write_event(inbox, chosen.event, TODAY, starts[-1], report, NONE if i else faults)
    entries = [
        entry(past, name, start, ())
        for past, name, start in zip(chosen.pasts, pasts, starts, strict=False)
    ]
    entries.append(entry(chosen.event, TODAY, starts[-1], pasts))
    minutes = chosen.event.bucket_min
    feeds = [
        FeedEntry(
            r.feed, f"recorded/{r.feed}", tuple(chosen.event.dims), r.counter,
            f"{round(r.every * minutes)}m",
        )
        for r in reports
    ]  # fmt: skip
    comment = "\n".join([f"Evaluation case {chosen.name}.", *told(chosen)])
    return write_file(folder, "monitor.toml", render(entries, feeds, comment))


def told(chosen: Case) -> list[str]:
    """What was broken in the event, a line each."""
    start = starts_of(chosen)[-1]
    return [
        f"{dip.metric} -{dip.depth:.0%} in {dict(dip.scope) or 'the campaign'}, "
        f"{start + timedelta(minutes=dip.first_min):%d %b %H:%M} for {dip.end_min - dip.first_min} min"
        for dip in chosen.dips
    ] or ["Nothing is wrong with it."]


def starts_of(chosen: Case) -> list[datetime]:
    """When each event began, the judged one last: weeks apart, on the weekday that it has."""
    events = [*chosen.pasts, chosen.event]
    found = []
    for i, event in enumerate(events):
        week = FIRST_DAY - (len(events) - 1 - i) * APART
        found.append(week + timedelta(days=event.weekday, minutes=event.minute))
    return found


def entry(
    event: Event, campaign_id: str, start: datetime, compare_with: Sequence[str]
) -> CampaignEntry:
    """The configuration of one event."""
    size = timedelta(minutes=event.bucket_min)
    plans = [
        Span(plan.name, start + plan.first * size, start + plan.end * size, plan.scope)
        for plan in event.plans
    ]
    return CampaignEntry(
        id=campaign_id,
        name=event.name,
        kind="payday" if event.buckets * event.bucket_min > MINUTES_A_DAY else "double_digit",
        market="MY",
        start=start,
        end=start + event.buckets * size,
        compare_with=tuple(compare_with),
        plans=plans,
    )


def quiet(chosen: Case) -> Case:
    """The same event without its dips."""
    assert chosen.healthy is not None
    return replace(chosen, event=chosen.healthy, dips=(), quiet=True)


def main(argv: Sequence[str]) -> int:
    """Write one case as files; prints what was broken and how to replay it."""
    parser = argparse.ArgumentParser(prog="python -m monitor.evaluate files", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, metavar="N")
    parser.add_argument("--family", choices=tuple(FAMILIES), default="other")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--cold", action="store_true", help="without any earlier events")
    parser.add_argument("--quiet", action="store_true", help="without its dips")
    parser.add_argument(
        "--trouble", nargs="*", default=(), choices=KINDS, metavar="KIND",
        help=f"what goes wrong with the files: {', '.join(KINDS)}",
    )  # fmt: skip
    parser.add_argument("--read-after", type=float, default=0.0, metavar="SECONDS")
    args = parser.parse_args(argv)
    chosen = case(args.family, args.seed, args.cold)
    chosen = quiet(chosen) if args.quiet else chosen
    faults = trouble(chosen.event, args.seed, args.trouble)
    config = write_case(args.out, chosen, faults, [Report(read_after_s=args.read_after)])
    print("\n".join(told(chosen)))
    print(
        f"python -m monitor replay {config.parent / 'recorded'} --config {config} "
        f"--db {config.parent / 'monitor.duckdb'}"
    )
    return 0
