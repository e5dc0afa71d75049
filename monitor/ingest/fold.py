"""One stream's facts made true again: a walk over its snapshots, kept in the store.

Usually a snapshot comes after all others, and the walk starts from the kept state (`latest`). A late
or restated one starts it again where its period began; what follows is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from monitor.campaigns.words import METRICS
from monitor.clock import local_midnight_ms
from monitor.ingest.columns import STAMP, db_ms, filled, metric_columns, millis, nullable, stamp
from monitor.ingest.counters import NONE, Bools, Ints, Meaning, Parts, State
from monitor.ingest.resolve import Resolved, resolved
from monitor.ingest.walk import Falls, Walked, walk
from monitor.store import Store

BLOCK_ROWS = 250_000  # so many readings are walked at once, which bounds the memory
BLOCK_CELLS = 1_000_000  # and so many pairs of snapshot and group


class Fold:
    """Folds one stream. `key_names`: dimension values per key id."""

    def __init__(
        self, store: Store, stream: int, meaning: Meaning, key_names: dict[int, tuple[str, ...]]
    ) -> None:
        self.store, self.stream, self.meaning = store, stream, meaning
        self.key_names = key_names

    def run(self, since_ms: int) -> None:
        """Make the facts true again from the earliest new instant on."""
        stream, meaning = self.stream, self.meaning
        newest = self.store.one("ingest.newest", [stream])[0]
        if newest is None or db_ms(newest) < since_ms:
            state, read = self._state(), resolved(self.store, stream, since_ms)
        else:
            since_ms, read = self._restart(since_ms)
            state = self._state_without_readings(since_ms)
        before = self.store.one("ingest.newest_before", [stream, stamp(since_ms)])[0]
        before_ms = None if before is None else db_ms(before)
        groups, names = self._groups(np.union1d(state.keys, read.keys))
        for low, high in _blocks(read.starts, len(names)):
            rows = slice(int(read.starts[low]), int(read.starts[high]))
            walked = walk(
                state, before_ms, read.instants[low:high], np.diff(read.starts[low : high + 1]),
                read.keys[rows], read.values[rows], groups, meaning,
            )  # fmt: skip
            state, before_ms = walked.state, int(read.instants[high - 1])
            self._write_parts(walked.parts)
            self._write_falls(walked.falls)
            self._write_missing(read.instants[low:high], walked, names)
        self.store.run("ingest.roll_up", [stream, stamp(since_ms)])
        instants = {
            "stream_id": pa.array([stream] * len(read.instants), pa.int32()),
            "observed_at": pa.array(read.instants, STAMP),
            "watermark": pa.array(read.watermarks, STAMP),
            "closes": pa.array(self._closes(since_ms, read.instants)),
        }
        self.store.append("instant", pa.table(instants))
        self._write_state(state.told())

    def _restart(self, since_ms: int) -> tuple[int, Resolved]:
        """Forget what was worked out from the period of an instant on, and read it again.

        When nothing is left of it, as after an undo, the period before has the last word.
        """
        since_ms = _fold_start(self.meaning, since_ms)
        asked = [self.stream, stamp(since_ms)]
        for table in ("fact", "rollup", "correction", "missing", "instant"):
            self.store.run(f"ingest.forget_{table}", asked)
        read = resolved(self.store, self.stream, since_ms)
        before = self.store.one("ingest.newest_before", asked)[0]
        if len(read.instants) or before is None:
            return since_ms, read
        return self._restart(db_ms(before))

    def _groups(self, keys: Ints) -> tuple[Ints, list[tuple[str, str]]]:
        """By key id, which pair of channel and category a key belongs to; and those pairs."""
        codes: dict[tuple[str, str], int] = {}
        found = np.zeros(int(keys.max(initial=0)) + 1, np.int64)
        for key in keys.tolist():
            name = self.key_names[key]
            found[key] = codes.setdefault((name[0], name[1]), len(codes))
        return found, list(codes)

    def _closes(self, since_ms: int, instants: Ints) -> Bools:
        """Which snapshots close buckets: those with a row of a batch that is no export of a period."""
        asked = [self.stream, stamp(since_ms)]
        if not self.store.one("ingest.any_period_reading", asked)[0]:
            return np.ones(len(instants), bool)
        got = self.store.arrays("ingest.closing_instants", [*asked, *asked, self.stream])
        return np.isin(instants, millis(got["observed_at"]))

    def _state(self) -> State:
        got = self.store.arrays("ingest.state", [self.stream])
        return State(
            np.asarray(got["key_id"], np.int64),
            np.asarray(got["day"], np.int64),
            *(
                np.column_stack([filled(got[f"{kind}_{metric}"]) for metric in METRICS])
                for kind in "vts"
            ),
        )

    def _state_without_readings(self, since_ms: int) -> State:
        """Sums so far, and no last readings: what a period starts from."""
        at = stamp(since_ms)
        got = self.store.arrays("ingest.totals_before", [self.stream, at, self.stream, at])
        keys = np.asarray(got["key_id"], np.int64)
        total = np.column_stack([filled(got[metric]) for metric in METRICS])
        unknown = np.full_like(total, NONE)
        return State(keys, np.full(len(keys), -1), unknown, unknown.copy(), total)

    def _write_parts(self, parts: Parts) -> None:
        rows = {
            "stream_id": pa.array(np.full(len(parts.keys), self.stream, np.int32)),
            "bucket": pa.array(parts.bucket_ms, STAMP),
            "observed_at": pa.array(parts.observed_ms, STAMP),
            "key_id": pa.array(parts.keys.astype(np.int32)),
            **metric_columns(parts.amount),
        }
        self.store.append("fact", pa.table(rows))

    def _write_falls(self, falls: Falls) -> None:
        rows = {
            "stream_id": pa.array(np.full(len(falls.keys), self.stream, np.int32)),
            "bucket": pa.array(falls.bucket_ms, STAMP),
            "observed_at": pa.array(falls.observed_ms, STAMP),
            "key_id": pa.array(falls.keys.astype(np.int32)),
            "metric": pa.array(METRICS).take(pa.array(falls.metric)),
            "amount": pa.array(falls.amount),
        }
        self.store.append("correction", pa.table(rows))

    def _write_missing(self, instants: Ints, walked: Walked, names: list[tuple[str, str]]) -> None:
        step, group = np.nonzero(walked.lacks)
        rows = {
            "stream_id": pa.array(np.full(len(step), self.stream, np.int32)),
            "observed_at": pa.array(instants[step], STAMP),
            "channel": pa.array([names[g][0] for g in group.tolist()], pa.string()),
            "category": pa.array([names[g][1] for g in group.tolist()], pa.string()),
            **metric_columns(walked.missing[step, group]),
        }
        self.store.append("missing", pa.table(rows))

    def _write_state(self, state: State) -> None:
        self.store.run("ingest.forget_state", [self.stream])
        kinds = {"v": state.value, "t": state.at, "s": state.total}
        self.store.append(
            "latest",
            pa.table(
                {
                    "stream_id": pa.array(np.full(len(state.keys), self.stream), pa.int32()),
                    "key_id": pa.array(state.keys.astype(np.int32)),
                    "day": pa.array(state.day.astype(np.int32)),
                    **{
                        f"{kind}_{metric}": nullable(block[:, m], pa.int64())
                        for kind, block in kinds.items()
                        for m, metric in enumerate(METRICS)
                    },
                }
            ),
        )


def _blocks(starts: Ints, groups: int) -> Iterator[tuple[int, int]]:
    """Ranges of snapshots, each as large as memory should hold; `starts`: of their rows, and the end."""
    low, count = 0, len(starts) - 1
    most = max(BLOCK_CELLS // max(groups, 1), 1)
    while low < count:
        fit = int(np.searchsorted(starts, starts[low] + BLOCK_ROWS, side="right")) - 1
        high = max(min(fit, low + most, count), low + 1)
        yield low, high
        low = high


def _fold_start(meaning: Meaning, since_ms: int) -> int:
    """The earliest reading that a new one at `since_ms` can matter to."""
    if meaning.counter == "interval":
        return since_ms
    if meaning.counter == "cumulative_campaign":
        return 0
    local = datetime.fromtimestamp(since_ms / 1000, UTC).astimezone(meaning.zone)
    return local_midnight_ms(local.date(), meaning.zone)
