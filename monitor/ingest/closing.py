"""Which buckets of a stream are closed, and which of those can be judged. Pure.

A bucket is closed when a snapshot at or after its end has arrived and the watermark has passed it.
A closed bucket can still be no evidence: nobody read the counter at its end, or it lies in a gap and
was only bridged by the readings on either side.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from monitor.clock import from_ms, local_midnight_ms
from monitor.ingest.counters import NONE, Bools, Ints, Meaning

DAY_END = timedelta(hours=23, minutes=59)
GAP = 1.5  # cadences between two readings that make a gap: one was missed


@dataclass(frozen=True)
class Closing:
    """Per bucket of the campaign, in order.

    `closer_ms`: the snapshot that closed it (NONE: open, or closed by the end of the campaign).
    `read`: the counter was read at its end. `bridged`: more than half of it lies in a gap.
    `watermark_ms`, `newest_ms`: complete up to here and read last, by the snapshots that close
    buckets; NONE without any. `told_ms`, `read_ms`: the same with exports of a period, which count in
    totals but close nothing. `unknown_start`: the counter began before the campaign and was first
    read inside it, so the part before is unknown.
    """

    starts_ms: Ints
    ends_ms: Ints
    closed: Bools
    closer_ms: Ints
    read: Bools
    bridged: Bools
    watermark_ms: int
    newest_ms: int
    unknown_start: bool
    told_ms: int
    read_ms: int


def buckets(meaning: Meaning) -> tuple[Ints, Ints]:
    """Starts and ends of the campaign's buckets, clipped to the campaign."""
    size = meaning.bucket_ms
    starts = np.arange(meaning.start_ms // size * size, meaning.end_ms, size, dtype=np.int64)
    return np.maximum(starts, meaning.start_ms), np.minimum(starts + size, meaning.end_ms)


def closing(
    meaning: Meaning,
    instants_ms: Ints,
    watermarks_ms: Ints,
    now_ms: int,
    closes: Bools | None = None,
) -> Closing:
    """`instants_ms`: the stream's snapshots in order; `watermarks_ms`: the least of each; `closes`:
    which of them are no exports of a period (None: all)."""
    starts, ends = buckets(meaning)
    count = len(starts)
    no = np.zeros(count, bool)
    none = int(NONE)
    told = int(watermarks_ms.max(initial=none))
    read_ms = int(instants_ms.max(initial=none))
    if closes is not None:
        instants_ms, watermarks_ms = instants_ms[closes], watermarks_ms[closes]
    if not len(instants_ms):
        unclosed = np.full(count, NONE)
        return Closing(starts, ends, no, unclosed, no, no, none, none, False, told, read_ms)
    newest, watermark = int(instants_ms[-1]), int(watermarks_ms.max())
    closed = ends <= min(_through(newest, meaning), _through(watermark, meaning))
    first = np.searchsorted(instants_ms, ends)
    closer = np.where(
        first < len(instants_ms), instants_ms[np.minimum(first, len(instants_ms) - 1)], NONE
    )
    for b, before in _day_ends(ends, instants_ms, meaning):
        closer[b] = before
    closer[~closed] = NONE
    if now_ms >= meaning.end_ms + meaning.cadence_ms:
        closed = closed.copy()
        closed[-1] = True

    first_ms = int(instants_ms[0])
    cumulative = meaning.counter != "interval"
    zero = meaning.zero_ms(first_ms) if cumulative else None
    unknown_start = cumulative and zero is None and first_ms > meaning.start_ms
    if cumulative:
        same_period = np.array(
            [
                c != NONE and meaning.day(int(c)) == meaning.day(int(s))
                for c, s in zip(closer, starts, strict=True)
            ]
        )
        read = closed & same_period
        if unknown_start:
            read &= starts >= first_ms
        gap = _gap_share(starts, ends, instants_ms, meaning)
    else:
        begins = instants_ms - meaning.cadence_ms
        through = np.array([_through(t, meaning) for t in instants_ms.tolist()], np.int64)
        covered = _overlap(starts, ends, begins, through)
        read = closed & (closer != NONE) & (covered >= ends - starts)
        gap = np.zeros(count)
    return Closing(
        starts, ends, closed, closer, read, closed & (gap > 0.5), watermark, newest, unknown_start,
        told, read_ms,
    )  # fmt: skip


def _through(t_ms: int, meaning: Meaning) -> int:
    """A reading at 23:59:00 or later speaks for the rest of its day."""
    local = from_ms(t_ms).astimezone(meaning.zone)
    since_midnight = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    if since_midnight < DAY_END:
        return t_ms
    return local_midnight_ms(local.date() + timedelta(days=1), meaning.zone)


def _day_ends(ends: Ints, instants: Ints, meaning: Meaning) -> list[tuple[int, int]]:
    """Buckets that end at a local midnight, with the late reading of that day that closes them."""
    found = []
    for b, end in enumerate(ends.tolist()):
        i = int(np.searchsorted(instants, end)) - 1
        if i >= 0 and _through(int(instants[i]), meaning) == end:
            found.append((b, int(instants[i])))
    return found


def _gap_share(starts: Ints, ends: Ints, instants: Ints, meaning: Meaning) -> np.ndarray:
    """How much of each bucket lies between two readings that are too far apart."""
    points: list[int] = []
    lows: list[int] = []
    highs: list[int] = []
    day: int | None = None
    for t in instants.tolist():
        if meaning.day(t) != day:
            day = meaning.day(t)
            zero = meaning.zero_ms(t)
            points = [t if zero is None else min(zero, t)]
        if t - points[-1] > GAP * meaning.cadence_ms:
            lows.append(points[-1])
            highs.append(t)
        points.append(t)
    if not lows:
        return np.zeros(len(starts))
    inside = _overlap(starts, ends, np.array(lows, np.int64), np.array(highs, np.int64))
    return np.asarray(inside / np.maximum(ends - starts, 1))


def _overlap(starts: Ints, ends: Ints, lows: Ints, highs: Ints) -> Ints:
    """Milliseconds of each [start, end) that lie in the union of the [low, high), sorted by high."""
    lows = np.maximum(lows, np.concatenate([[NONE], highs[:-1]]))  # no instant counts twice
    part = np.minimum(ends[:, None], highs[None, :]) - np.maximum(starts[:, None], lows[None, :])
    return np.asarray(np.maximum(part, 0).sum(axis=1), np.int64)
