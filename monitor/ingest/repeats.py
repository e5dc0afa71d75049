"""Which arriving rows say nothing new.

A row is a repeat when its snapshot and key were given before and so was each of its values, by
whichever earlier row. Repeats are kept apart (table `held`): they speak when those rows are undone.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monitor.campaigns.words import METRICS
from monitor.ingest import parse
from monitor.ingest.columns import stamp
from monitor.ingest.counters import NONE, Bools, Ints
from monitor.ingest.readings import Readings
from monitor.store import Store

WIDTH = len(METRICS) + 1  # complete_through is said like a metric


def repeats(
    store: Store, rows: pa.Table, readings: Readings, unfolded: set[tuple[int, int]]
) -> Bools:
    """Marks rows of `rows` (stream_id, observed_at, key_id, values, …), made from `readings`.

    `unfolded`: streams and instants (ms) that the store holds but the fold has not seen yet.
    """
    count = rows.num_rows
    if not count:
        return np.zeros(0, bool)
    before, given = _in_file(readings)
    if unfolded & snapshots(rows) or _any_held(store, rows):
        low, high = int(readings.observed_ms.min()), int(readings.observed_ms.max())
        with store.lent("arriving", rows):
            known = store.arrays("ingest.said_before", [stamp(low), stamp(high)])
        where = np.asarray(known.pop("row_no"), np.int64)
        before[where] = True
        flags = np.column_stack([np.asarray(column, bool) for column in known.values()])
        if given is None:
            given = np.zeros((count, WIDTH), bool)
        given[where] |= flags
    if given is None:
        return np.zeros(count, bool)
    said = _said(readings)
    return np.asarray(before & ((said == NONE) | given).all(axis=1), bool)


def snapshots(rows: pa.Table) -> set[tuple[int, int]]:
    """The streams and instants (ms) of rows."""
    streams = rows["stream_id"].to_numpy().astype(np.int64)
    instants, which = parse.present(rows["observed_at"].cast(pa.int64()).to_numpy())
    some, _ = parse.present(streams * max(len(instants), 1) + which)
    return {(code // len(instants), int(instants[code % len(instants)])) for code in some.tolist()}


def _any_held(store: Store, rows: pa.Table) -> bool:
    """A snapshot at an instant that no stream has yet cannot be held: skip the costly look."""
    with store.lent("arriving", rows):
        return bool(store.one("ingest.any_instant_held")[0])


def _said(readings: Readings) -> Ints:
    return np.column_stack([readings.values, readings.complete_ms])


def _in_file(readings: Readings) -> tuple[Bools, Bools | None]:
    """Which rows an earlier one of the file shares snapshot and key with; and (rows, WIDTH) which
    of their values such a row gave, None when there is no such row."""
    count = len(readings.line)
    _, instant = parse.present(readings.observed_ms)
    keys = max(len(readings.keys), 1)
    instants = int(instant.max()) + 1
    first, identity = parse.first_rows(
        (readings.campaign * instants + instant) * keys + readings.key
    )
    before = np.ones(count, bool)
    before[first] = False
    if len(first) == count:
        return before, None
    said = _said(readings)
    given = np.zeros((count, WIDTH), bool)
    some = np.flatnonzero(np.isin(identity, identity[before]))
    for m in range(WIDTH):
        order = some[np.lexsort((some, said[some, m], identity[some]))]
        same = (identity[order][1:] == identity[order][:-1]) & (
            said[order, m][1:] == said[order, m][:-1]
        )
        given[order[1:][same], m] = True
    return before, given
