"""The counters once more, a snapshot at a time and as plain as can be: what `walk` is held to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.campaigns.words import METRICS
from monitor.ingest.counters import MONTH_MS, NONE, Bools, Ints, Meaning, Parts, State


@dataclass(frozen=True)
class Correction:
    """A counter that fell on one local date: booked where it was read."""

    bucket_ms: int
    observed_ms: int
    key: int
    metric: str
    amount: int


@dataclass(frozen=True)
class Stepped:
    """What one snapshot gave. `missing` are keys of the same period that it lacks, or has blank."""

    state: State
    parts: Parts
    corrections: list[Correction]
    missing: Ints
    missing_usual: Ints  # their totals so far, shape (missing, metrics), NONE where read
    unknown_start: bool  # what the counter held before this first reading is unknown


def step(
    state: State, before_ms: int | None, t_ms: int, keys: Ints, values: Ints, meaning: Meaning
) -> Stepped:
    """Take one snapshot.

    `before_ms`: instant of the stream's previous snapshot. `keys`: sorted, distinct; `values`: shape
    (keys, metrics), NONE for a blank. Snapshots must be given in order of their instant.
    """
    state = state.holding(keys)
    rows = np.searchsorted(state.keys, keys)
    if meaning.counter == "interval":
        at = np.full_like(values, t_ms - meaning.cadence_ms)
        parts = _spread(keys, at, values, t_ms, meaning)
        total = _added(state.total, state.keys, parts)
        after = State(state.keys, state.day, state.value, state.at, total)
        nobody = np.zeros(len(state.keys), bool)  # a key that an interval lacks had nothing in it
        return Stepped(after, parts, [], *_unread(state, rows, values, nobody), False)

    day = meaning.day(t_ms)
    value, at = state.value[rows], state.at[rows]
    fresh = state.day[rows] != day
    unknown_start = False
    if fresh.any():
        if before_ms is not None and meaning.day(before_ms) == day:
            zero: int | None = before_ms  # first seen after other snapshots of this period
        else:
            zero = meaning.zero_ms(t_ms)
            unknown_start = zero is None and t_ms > meaning.start_ms
        value[fresh] = 0
        at[fresh] = NONE if zero is None else zero
    if meaning.counter == "cumulative_campaign" and t_ms > meaning.start_ms:
        # A counter of the campaign that stood at 0 before the start, or of which nothing was said
        # (NONE is the least instant), began to count at the start.
        at[(value == 0) & (at < meaning.start_ms)] = meaning.start_ms

    read = values != NONE
    known = read & (at != NONE)
    change = np.where(known, values - np.where(known, value, 0), NONE)
    fell = known & (change < 0)
    parts = _spread(keys, at, np.where(fell, 0, change), t_ms, meaning)
    corrections = _corrections(keys, change, fell, t_ms, meaning)

    here = np.isin(state.keys, keys, assume_unique=True)
    gone = ~here & (state.day == day)
    total = _added(state.total, state.keys, parts)
    for correction in corrections:
        row = np.searchsorted(state.keys, correction.key)
        metric = METRICS.index(correction.metric)
        old = total[row, metric]
        total[row, metric] = correction.amount + (0 if old == NONE else old)
    today = state.day == day  # of an earlier period nothing is carried on but the totals
    new_day = np.where(today, day, -1)
    new_value = np.where(today[:, None], state.value, NONE)
    new_at = np.where(today[:, None], state.at, NONE)
    new_value[rows] = np.where(read, values, value)
    new_at[rows] = np.where(read, t_ms, at)
    new_day[rows] = day
    return Stepped(
        State(state.keys, new_day, new_value, new_at, total),
        parts,
        corrections,
        *_unread(state, rows, values, gone),
        unknown_start,
    )


def _unread(state: State, rows: Ints, values: Ints, gone: Bools) -> tuple[Ints, Ints]:
    """Keys with something that the snapshot does not say, and what of them was usual so far."""
    usual = np.where(gone[:, None], state.total, NONE)
    usual[rows] = np.where(values == NONE, state.total[rows], NONE)
    some = (usual != NONE).any(axis=1)
    return state.keys[some], usual[some]


def _spread(keys: Ints, at: Ints, change: Ints, t_ms: int, meaning: Meaning) -> Parts:
    """Spread `change` (keys, metrics) of (at, t] over the campaign's buckets; NONE stays NONE."""
    size = meaning.bucket_ms
    known = change != NONE
    found: list[Parts] = []
    if known.any():
        begin = np.where(known, at, t_ms)
        first = max(int(begin.min()), meaning.start_ms)
        last = min(t_ms, meaning.end_ms)
        span = np.maximum(t_ms - begin, 1)
        whole, rest = np.divmod(np.where(known, change, 0), span)

        def counted(x: int) -> Ints:
            passed = np.clip(x - begin, 0, span)
            # rest · passed < span²: beyond a month between two readings only Python's ints hold it.
            exact = rest if span.max() < MONTH_MS else rest.astype(object)
            return np.asarray(whole * passed + exact * passed // span, np.int64)

        bucket = first // size * size if first < last else last
        while bucket < last:
            low, high = max(bucket, meaning.start_ms), min(bucket + size, last)
            touched = known & (begin < high)
            if touched.any():
                amount = counted(high) - counted(low)
                found.append(_rows(keys, bucket, t_ms, np.where(touched, amount, NONE)))
            bucket += size
    at_once = known & (at == t_ms)  # a first reading at the very zero point, as at midnight
    if at_once.any() and meaning.start_ms <= t_ms < meaning.end_ms:
        bucket = t_ms // size * size
        found.append(_rows(keys, bucket, t_ms, np.where(at_once, change, NONE)))
    return Parts.joined(found)


def _rows(keys: Ints, bucket: int, t_ms: int, amount: Ints) -> Parts:
    some = (amount != NONE).any(axis=1)
    count = int(some.sum())
    return Parts(np.full(count, bucket), np.full(count, t_ms), keys[some], amount[some])


def _corrections(
    keys: Ints, change: Ints, fell: Bools, t_ms: int, meaning: Meaning
) -> list[Correction]:
    """A fall belongs whole to the bucket that ends with, or holds, the reading that shows it."""
    bucket = (t_ms - 1) // meaning.bucket_ms * meaning.bucket_ms
    if not fell.any() or not meaning.start_ms < t_ms <= meaning.end_ms:
        return []
    return [
        Correction(bucket, t_ms, int(keys[i]), METRICS[m], int(change[i, m]))
        for i, m in zip(*np.nonzero(fell), strict=True)
    ]


def _added(total: Ints, all_keys: Ints, parts: Parts) -> Ints:
    """Totals with the parts added; a key recurs in parts once per bucket that it spans."""
    total = total.copy()
    where = np.searchsorted(all_keys, parts.keys)
    for bucket in np.unique(parts.bucket_ms):
        here = parts.bucket_ms == bucket
        at, amount = where[here], parts.amount[here]
        old, known = total[at], amount != NONE
        total[at] = np.where(known, np.where(old == NONE, 0, old) + amount, old)
    return total
