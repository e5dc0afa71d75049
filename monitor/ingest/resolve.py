"""What a stream says in the end: of several readings of one snapshot and key, the last to arrive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.campaigns.words import METRICS
from monitor.ingest import parse
from monitor.ingest.columns import stamp
from monitor.ingest.counters import NONE, Ints
from monitor.store import Store


@dataclass(frozen=True)
class Resolved:
    """Snapshots in order of their instants, rows in order of snapshot and key.

    `starts`: first row of each snapshot, and the number of rows. `values`: (rows, metrics), NONE
    unknown. `watermarks`: least of each snapshot.
    """

    instants: Ints
    starts: Ints
    keys: Ints
    values: Ints
    watermarks: Ints


def resolved(store: Store, stream: int, since_ms: int) -> Resolved:
    """A stream's readings from an instant on. Per metric the last arrival counts, a blank never."""
    got = store.table("ingest.readings", [stream, stamp(since_ms)])
    instants, step = parse.present(got["observed_ms"].to_numpy())
    rank = np.argsort(instants)
    place = np.empty_like(rank)
    place[rank] = np.arange(len(rank))
    instants, step, keys = instants[rank], place[step], got["key_id"].to_numpy()
    code = step * (int(keys.max(initial=0)) + 1) + keys
    columns = [got[name].to_numpy() for name in (*METRICS, "complete_ms")]
    if (code[1:] <= code[:-1]).any():
        order = np.lexsort((got["ord"].to_numpy(), code))
        code, step, keys = code[order], step[order], keys[order]
        columns = [column[order] for column in columns]
        new = np.append(True, code[1:] != code[:-1])
        if not new.all():
            first = np.flatnonzero(new)
            step, keys = step[first], keys[first]
            columns = [_last_said(column, first) for column in columns]
    values = np.column_stack(columns[:-1])
    starts = np.searchsorted(step, np.arange(len(instants) + 1))
    own, at_ms = columns[-1], instants[step]
    marks = np.where(own == NONE, at_ms, np.minimum(own, at_ms))
    least = np.minimum.reduceat(marks, starts[:-1]) if len(marks) else marks
    return Resolved(instants, starts, keys, values, least)


def _last_said(column: Ints, first: Ints) -> Ints:
    """Per group of rows the last value that is none blank; `first`: row of each group."""
    last = np.maximum.reduceat(np.where(column != NONE, np.arange(len(column)), -1), first)
    return np.where(last >= 0, column[last], NONE)
