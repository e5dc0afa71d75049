"""From readings to increases per bucket: any number of snapshots of one stream at once.

Pure functions on integer arrays, in the words of `counters`. What a row brings depends on the last
row of its key that says anything, so all is worked out per metric on rows in order of key and instant.
`tests/ingest/test_walk.py` holds it to single steps from snapshot to snapshot, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.campaigns.words import METRICS
from monitor.ingest.counters import MONTH_MS, NONE, Bools, Ints, Meaning, Parts, State

WIDTH = len(METRICS)


@dataclass(frozen=True)
class Falls:
    """Corrections as columns. `metric`: place in METRICS."""

    bucket_ms: Ints
    observed_ms: Ints
    keys: Ints
    metric: Ints
    amount: Ints


@dataclass(frozen=True)
class Walked:
    """What a walk gave. `lacks`: (snapshots, groups) how many keys of a group a snapshot does not
    say all of; `missing`: (snapshots, groups, metrics) what was usual of them so far."""

    state: State
    parts: Parts
    falls: Falls
    lacks: Ints
    missing: Ints


@dataclass(frozen=True)
class _Rows:
    """Rows by key, then instant. `key`: place in the state's keys; `step`: which snapshot; `place`:
    where the row stands in the arguments of `walk`; `first`: of its key; `value`: (rows, metrics)."""

    key: Ints
    step: Ints
    place: Ints
    at_ms: Ints
    day: Ints
    first: Bools
    value: Ints

    @property
    def last(self) -> Bools:
        return np.append(self.first[1:], True)


def walk(
    state: State,
    before_ms: int | None,
    instants: Ints,
    lengths: Ints,
    keys: Ints,
    values: Ints,
    groups: Ints,
    meaning: Meaning,
) -> Walked:
    """Take snapshots at `instants`, in order, each of the next `lengths` rows of `keys` and `values`.

    `before_ms`: instant of the stream's previous snapshot. `keys`: sorted and distinct in a snapshot;
    `values`: (rows, metrics), NONE for a blank. `groups`: by key id, a small number for its group.
    """
    state = state.holding(np.unique(keys))
    days = np.array([meaning.day(t) for t in instants.tolist()], np.int64)
    rows = _rows(state, instants, lengths, days, keys, values)
    if meaning.counter == "interval":
        begin = np.repeat((rows.at_ms - meaning.cadence_ms)[:, None], WIDTH, axis=1)
        change, after = rows.value, state
    else:
        zeros = _zeros(before_ms, instants, days, meaning)
        begin, change, after = _increases(state, rows, zeros, int(days[-1]), meaning)
    fell = (change != NONE) & (change < 0)
    booked = fell & ((rows.at_ms > meaning.start_ms) & (rows.at_ms <= meaning.end_ms))[:, None]
    fallen = np.where(booked, change, 0)
    rising = np.where(fell, 0, change) if fell.any() else change
    totals = _totals(state, rows, begin, rising, fallen, booked, meaning)
    size = int(groups.max(initial=0)) + 1
    lacks, missing = _missing(state, rows, totals, days, groups[state.keys], size, meaning)
    total = state.total.copy()
    total[rows.key[rows.last]] = totals[rows.last]
    return Walked(
        State(after.keys, after.day, after.value, after.at, total),
        _parts(state.keys, rows, begin, rising, meaning),
        _falls(state.keys, rows, fallen, booked, meaning),
        lacks,
        missing,
    )


def _rows(
    state: State, instants: Ints, lengths: Ints, days: Ints, keys: Ints, values: Ints
) -> _Rows:
    key = np.searchsorted(state.keys, keys)
    step = np.repeat(np.arange(len(instants)), lengths)
    place = np.argsort(key, kind="stable")
    key, step = key[place], step[place]
    first = np.ones(len(key), bool)
    first[1:] = key[1:] != key[:-1]
    return _Rows(key, step, place, instants[step], days[step], first, values[place])


def _zeros(before_ms: int | None, instants: Ints, days: Ints, meaning: Meaning) -> Ints:
    """Per snapshot, since when a key counts from 0 that it shows first; NONE: nobody knows."""
    found = np.empty(len(instants), np.int64)
    found[1:] = instants[:-1]
    new = np.append(True, days[1:] != days[:-1])
    if before_ms is not None and meaning.day(before_ms) == days[0]:
        found[0], new[0] = before_ms, False
    for step in np.flatnonzero(new).tolist():
        zero = meaning.zero_ms(int(instants[step]))
        found[step] = NONE if zero is None else zero
    return found


def _increases(
    state: State, rows: _Rows, zeros: Ints, last_day: int, meaning: Meaning
) -> tuple[Ints, Ints, State]:
    """Since when each cell counts, (rows, metrics); by how much it grew, NONE unknown; and the last
    readings after all rows, with the totals of before."""
    opens = rows.first.copy()  # the first row of its key in this period
    opens[1:] |= rows.day[1:] != rows.day[:-1]
    opener = np.flatnonzero(opens)
    period = np.cumsum(opens) - 1  # which of the openers a row belongs to
    who = rows.key[opener]
    carried = rows.first[opener] & (state.day[who] == rows.day[opener])  # the state has its last
    zero = zeros[rows.step[opener]]
    begin, change = np.full_like(rows.value, NONE), np.full_like(rows.value, NONE)
    today = state.day == last_day  # of an earlier period nothing is carried on but the totals
    value = np.where(today[:, None], state.value, NONE)
    at = np.where(today[:, None], state.at, NONE)
    ends = np.flatnonzero(rows.last)
    lasting = ends[rows.day[ends] == last_day]
    for m in range(WIDTH):
        said = rows.value[:, m]
        read = said != NONE
        first_base = np.where(carried, state.value[who, m], 0)
        first_since = np.where(carried, state.at[who, m], zero)
        if read.any():
            base, since = _before(said, read, rows.at_ms, opener, period, first_base, first_since)
            _restart(base, since, rows.at_ms, meaning)
            known = read & (since != NONE)
            begin[:, m] = since
            change[:, m] = np.where(known, said - np.where(known, base, 0), NONE)
            last_said = np.where(read[lasting], said[lasting], base[lasting])
            last_at = np.where(read[lasting], rows.at_ms[lasting], since[lasting])
        else:
            last_said, last_at = first_base[period[lasting]], first_since[period[lasting]]
            _restart(last_said, last_at, rows.at_ms[lasting], meaning)
        value[rows.key[lasting], m], at[rows.key[lasting], m] = last_said, last_at
    day = np.where(today, last_day, -1)
    day[rows.key[lasting]] = last_day
    gone = rows.key[ends[rows.day[ends] != last_day]]
    day[gone], value[gone], at[gone] = -1, NONE, NONE
    return begin, change, State(state.keys, day, value, at, state.total)


def _before(
    said: Ints, read: Bools, at_ms: Ints, opener: Ints, period: Ints, base: Ints, since: Ints
) -> tuple[Ints, Ints]:
    """Per row, what its key said last before it, and when; `base`, `since`: of each opener."""
    if read.all():
        source = np.arange(-1, len(said) - 1)  # the row before
    else:
        latest = np.maximum.accumulate(np.where(read, np.arange(len(said)), -1))
        source = np.append(-1, latest[:-1])
    found, when = said[source], at_ms[source]
    found[opener], when[opener] = base, since
    if not read.all():  # blank since its period began: what counts is how that began
        silent = source < opener[period]
        found[silent], when[silent] = base[period[silent]], since[period[silent]]
    return found, when


def _restart(base: Ints, since: Ints, at_ms: Ints, meaning: Meaning) -> None:
    """A counter of the campaign that stood at 0 before the start, or of which nothing was said (NONE
    is the least instant), began to count at the start."""
    if meaning.counter == "cumulative_campaign":
        early = (at_ms > meaning.start_ms) & (base == 0) & (since < meaning.start_ms)
        since[early] = meaning.start_ms


def _counted(x: Ints, begin: Ints, at_ms: Ints, change: Ints) -> Ints:
    """How much of `change` over (begin, at] lies before `x`: floor(change · passed / span)."""
    span = np.maximum(at_ms - begin, 1)
    passed = np.clip(x - begin, 0, span)
    whole, rest = np.divmod(change, span)
    if len(span) and span.max() >= MONTH_MS:  # only Python's integers hold rest · passed
        return np.asarray(whole * passed + rest.astype(object) * passed // span, np.int64)
    return np.asarray(whole * passed + rest * passed // span, np.int64)


def _totals(
    state: State,
    rows: _Rows,
    begin: Ints,
    rising: Ints,
    fallen: Ints,
    booked: Bools,
    meaning: Meaning,
) -> Ints:
    """What each row's key has brought up to and with it, (rows, metrics), NONE unknown."""
    end = np.minimum(rows.at_ms, meaning.end_ms)
    found = np.empty_like(rising)
    starts = np.flatnonzero(rows.first)
    lengths = np.diff(np.append(starts, len(rows.key)))
    for m in range(WIDTH):
        since, change = begin[:, m], rising[:, m]
        before = state.total[rows.key[starts], m]
        known = change != NONE
        if not known.any():
            found[:, m] = np.repeat(before, lengths)
            continue
        inside = known & (np.maximum(since, meaning.start_ms) < end)
        at_once = known & (since == rows.at_ms)
        at_once &= (rows.at_ms >= meaning.start_ms) & (rows.at_ms < meaning.end_ms)
        gained = np.where(inside | at_once, change, 0)
        cut = np.flatnonzero(inside & ((since < meaning.start_ms) | (rows.at_ms > meaning.end_ms)))
        if len(cut):
            given = since[cut], rows.at_ms[cut], change[cut]
            low = np.full(len(cut), meaning.start_ms)
            gained[cut] = _counted(end[cut], *given) - _counted(low, *given)
        gained += fallen[:, m]
        gains = np.cumsum(inside | at_once | booked[:, m])
        sums = np.cumsum(gained)
        offset = np.where(before == NONE, 0, before) - (sums[starts] - gained[starts])
        some = inside[starts] | at_once[starts] | booked[starts, m]
        had = (before != NONE).astype(np.int64) - (gains[starts] - some)
        sums += np.repeat(offset, lengths)
        found[:, m] = np.where(gains + np.repeat(had, lengths) > 0, sums, NONE)
    return found


def _parts(keys: Ints, rows: _Rows, begin: Ints, change: Ints, meaning: Meaning) -> Parts:
    """Increases spread over the campaign's buckets: in order of snapshot, key and bucket."""
    size, start = meaning.bucket_ms, meaning.start_ms
    known = change != NONE
    place = np.argsort(rows.place, kind="stable")  # back to the order of snapshots
    told = np.flatnonzero(known.any(axis=0)).tolist()
    since = rows.at_ms.copy()
    for m in told:
        np.minimum(since, begin[:, m], out=since, where=known[:, m])
    since = since[place]
    at_ms, key = rows.at_ms[place], keys[rows.key[place]]
    first = np.maximum(since, start)
    last = np.minimum(at_ms, meaning.end_ms)
    buckets = np.where(first < last, (last - 1) // size - first // size + 1, 0)
    row = np.repeat(np.arange(len(at_ms)), buckets)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(buckets) - buckets, buckets)
    bucket = (first[row] // size + nth) * size
    low, high = np.maximum(bucket, start), np.minimum(bucket + size, last[row])
    source, reading = place[row], at_ms[row]
    amount = np.full((len(row), WIDTH), NONE)
    for m in told:
        whole, began = change[source, m], begin[source, m]
        touched = (whole != NONE) & (began < high)
        amount[:, m] = np.where(touched, whole, NONE)
        cut = np.flatnonzero(touched & ((began < low) | (reading > high)))
        if len(cut):
            given = began[cut], reading[cut], whole[cut]
            amount[cut, m] = _counted(high[cut], *given) - _counted(low[cut], *given)
    spread = Parts(bucket, reading, key[row], amount)
    # A first reading at the very zero point, as at midnight.
    at_once = (known & (begin == rows.at_ms[:, None]))[place]
    at_once &= ((at_ms >= start) & (at_ms < meaning.end_ms))[:, None]
    some = np.flatnonzero(at_once.any(axis=1))
    if not len(some):
        return spread
    sums = np.where(at_once[some], change[place[some]], NONE)
    return Parts.joined([spread, Parts(at_ms[some] // size * size, at_ms[some], key[some], sums)])


def _falls(keys: Ints, rows: _Rows, fallen: Ints, booked: Bools, meaning: Meaning) -> Falls:
    """A fall belongs whole to the bucket that ends with, or holds, the reading that shows it."""
    row, metric = np.nonzero(booked)
    at_ms = rows.at_ms[row]
    bucket = (at_ms - 1) // meaning.bucket_ms * meaning.bucket_ms
    return Falls(bucket, at_ms, keys[rows.key[row]], metric, fallen[row, metric])


def _missing(
    state: State, rows: _Rows, totals: Ints, days: Ints, group: Ints, size: int, meaning: Meaning
) -> tuple[Ints, Ints]:
    """Per snapshot and group: how many keys of the period it lacks or has blank, and their usual
    volume. A key that is gone for some snapshots counts from the first to the last of them."""
    steps = len(days)
    lacks = np.zeros((steps + 1, size), np.int64)
    missing = np.zeros((steps + 1, size, WIDTH), np.int64)

    def gone(who: Ints, usual: Ints, since: Ints, until: Ints) -> None:
        some = (since < until) & (usual != NONE).any(axis=1)
        volume = np.where(usual[some] == NONE, 0, usual[some])
        for at, sign in ((since[some], 1), (until[some], -1)):
            np.add.at(lacks, (at, who[some]), sign)
            np.add.at(missing, (at, who[some]), sign * volume)

    if meaning.counter != "interval":  # a key that an interval lacks had nothing in it
        over = np.searchsorted(days, days, side="right")  # where the period of a snapshot is over
        until = np.where(rows.last, steps, np.append(rows.step[1:], steps))
        until = np.minimum(until, over[rows.step])
        some = np.flatnonzero(until > rows.step + 1)
        gone(group[rows.key[some]], totals[some], rows.step[some] + 1, until[some])
        first = np.full(len(state.keys), steps)
        first[rows.key[rows.first]] = rows.step[rows.first]
        first = np.where(state.day == days[0], np.minimum(first, over[0]), 0)
        gone(group, state.total, np.zeros_like(first), first)
    lacks, missing = np.cumsum(lacks, axis=0)[:steps], np.cumsum(missing, axis=0)[:steps]

    told = (totals != NONE).any(axis=0) | (state.total != NONE).any(axis=0)
    blank = np.flatnonzero((rows.value[:, told] == NONE).any(axis=1))
    before = np.where(
        rows.first[blank, None], state.total[rows.key[blank]], totals[np.maximum(blank - 1, 0)]
    )
    usual = np.where(rows.value[blank] == NONE, before, NONE)
    some = (usual != NONE).any(axis=1)
    where = rows.step[blank[some]], group[rows.key[blank[some]]]
    np.add.at(lacks, where, 1)
    np.add.at(missing, where, np.where(usual[some] == NONE, 0, usual[some]))
    return lacks, missing
