"""One stream's facts made true again: the counters' steps over its snapshots, kept in the store.

Usually a snapshot comes after all others, and its one step starts from the kept state (`latest`). A
late or restated one starts the same chain again where its period began; what follows is replaced.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from monitor.campaigns.words import METRICS
from monitor.clock import local_midnight_ms
from monitor.ingest import counters
from monitor.ingest.columns import STAMP, db_ms, filled, metric_columns, millis, nullable, stamp
from monitor.ingest.counters import NONE, Ints, Meaning, Parts, State
from monitor.store import Store


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
            state = self._state()
        else:
            since_ms = _fold_start(meaning, since_ms)
            for table in ("fact", "rollup", "correction", "missing", "instant"):
                self.store.run(f"ingest.forget_{table}", [stream, stamp(since_ms)])
            state = self._state_without_readings(since_ms)
        before = self.store.one("ingest.newest_before", [stream, stamp(since_ms)])[0]
        before_ms = None if before is None else db_ms(before)

        got = self.store.arrays("ingest.resolved", [stream, stamp(since_ms)])
        observed = millis(got["observed_at"])
        key_ids = np.asarray(got["key_id"], np.int64)
        values = np.column_stack([filled(got[metric]) for metric in METRICS])
        complete = filled(got["complete_through"], instants=True)
        instants, starts = np.unique(observed, return_index=True)
        parts: list[Parts] = []
        corrections: list[counters.Correction] = []
        missing: list[tuple[int, Ints, Ints]] = []
        watermarks: list[int] = []
        for t_ms, low, high in zip(
            instants.tolist(), starts, [*starts[1:], len(observed)], strict=True
        ):
            stepped = counters.step(
                state, before_ms, t_ms, key_ids[low:high], values[low:high], meaning
            )
            state, before_ms = stepped.state, t_ms
            parts.append(stepped.parts)
            corrections += stepped.corrections
            if len(stepped.missing):
                missing.append((t_ms, stepped.missing, stepped.missing_usual))
            own = complete[low:high]
            watermarks.append(int(np.where(own == NONE, t_ms, np.minimum(own, t_ms)).min()))
        self._write_facts(since_ms, Parts.joined(parts))
        self._write_corrections(corrections)
        self._write_missing(missing)
        self.store.append(
            "instant",
            pa.table(
                {
                    "stream_id": pa.array([stream] * len(instants), pa.int32()),
                    "observed_at": pa.array(instants, STAMP),
                    "watermark": pa.array(watermarks, STAMP),
                }
            ),
        )
        self._write_state(state.told())

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

    def _write_facts(self, since_ms: int, parts: Parts) -> None:
        self.store.append(
            "fact",
            pa.table(
                {
                    "stream_id": pa.array(np.full(len(parts.keys), self.stream), pa.int32()),
                    "bucket": pa.array(parts.bucket_ms, STAMP),
                    "observed_at": pa.array(parts.observed_ms, STAMP),
                    "key_id": pa.array(parts.keys.astype(np.int32)),
                    **metric_columns(parts.amount),
                }
            ),
        )
        self.store.run("ingest.roll_up", [self.stream, stamp(since_ms)])

    def _write_corrections(self, corrections: list[counters.Correction]) -> None:
        if corrections:
            self.store.append(
                "correction",
                pa.table(
                    {
                        "stream_id": pa.array([self.stream] * len(corrections), pa.int32()),
                        "bucket": pa.array([c.bucket_ms for c in corrections], STAMP),
                        "observed_at": pa.array([c.observed_ms for c in corrections], STAMP),
                        "key_id": pa.array([c.key for c in corrections], pa.int32()),
                        "metric": [c.metric for c in corrections],
                        "amount": [c.amount for c in corrections],
                    }
                ),
            )

    def _write_missing(self, missing: list[tuple[int, Ints, Ints]]) -> None:
        if not missing:
            return
        names = self.key_names
        rows: list[tuple[int, str, str, Ints]] = []
        for t_ms, keys, usual in missing:
            groups: dict[tuple[str, str], Ints] = {}
            for key, volume in zip(keys.tolist(), np.where(usual == NONE, 0, usual), strict=True):
                group = names[key][0], names[key][1]
                groups[group] = groups.get(group, np.zeros(len(METRICS), np.int64)) + volume
            rows += [(t_ms, *group, volume) for group, volume in sorted(groups.items())]
        self.store.append(
            "missing",
            pa.table(
                {
                    "stream_id": pa.array([self.stream] * len(rows), pa.int32()),
                    "observed_at": pa.array([row[0] for row in rows], STAMP),
                    "channel": [row[1] for row in rows],
                    "category": [row[2] for row in rows],
                    **metric_columns(np.array([row[3] for row in rows])),
                }
            ),
        )

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


def _fold_start(meaning: Meaning, since_ms: int) -> int:
    """The earliest reading that a new one at `since_ms` can matter to."""
    if meaning.counter == "interval":
        return since_ms
    if meaning.counter == "cumulative_campaign":
        return 0
    local = datetime.fromtimestamp(since_ms / 1000, UTC).astimezone(meaning.zone)
    return local_midnight_ms(local.date(), meaning.zone)
