"""A campaign at its finest grain: what every key brought in every bucket, as the detector wants it.

Filled as buckets close, and filled again from where late data changed something. A key that a
closing snapshot lacks though it had it since the period began, or has blank, is unknown there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from monitor.campaigns.words import DIMENSIONS
from monitor.clock import from_ms, to_db, to_ms
from monitor.detect.event import Bools, Event, Floats, Planned
from monitor.ingest.counters import NONE, Ints
from monitor.observe import Observed, Stream
from monitor.settings import Campaign
from monitor.store import Store

ROOM = 64  # members that arrays are made larger by


class Grain:
    """One campaign's members × buckets. `order`: key ids in the order they were first seen."""

    def __init__(self, store: Store, campaign: Campaign, starts_ms: Ints, size_ms: int) -> None:
        self.store, self.campaign = store, campaign
        self.starts_ms, self.size_ms = starts_ms, size_ms
        self.order: list[int] = []
        self._ids: Ints = np.empty(0, np.int64)  # the same, sorted; `_rows`: the row of each
        self._rows: Ints = np.empty(0, np.int64)
        self.dims: dict[str, list[str]] = {dim: [] for dim in DIMENSIONS}
        self.amounts: dict[str, Floats] = {}
        self.usable: dict[str, Bools] = {}
        self._read: dict[int, Bools] = {}  # per stream: which keys its closing snapshots held
        self._stream: dict[str, int] = {}  # which counts for a metric
        self._closer: dict[int, Ints] = {}  # per stream: by which snapshot each bucket was filled

    @property
    def buckets(self) -> int:
        return len(self.starts_ms)

    def take(self, observed: Observed, changed_ms: Mapping[int, int]) -> int:
        """Fill what closed since, and again what changed; gives the first bucket concerned.

        `changed_ms`: per stream the earliest reading that is not what it was.
        """
        first = self.buckets
        streams = {s.stream_id: s for s in observed.by_metric.values()}
        for stream in sorted(streams.values(), key=lambda s: s.stream_id):
            metrics = [m for m, s in observed.by_metric.items() if s.stream_id == stream.stream_id]
            since = changed_ms.get(stream.stream_id)
            first = min(first, self._take(stream, metrics, observed, since))
        return first

    def _take(
        self, stream: Stream, metrics: list[str], observed: Observed, changed_ms: int | None
    ) -> int:
        closing = stream.closing
        was = self._closer.setdefault(stream.stream_id, np.full(self.buckets, NONE))
        stale = (was != NONE) & (was != closing.closer_ms)
        if changed_ms is not None:
            stale |= (was != NONE) & (was >= changed_ms)
        fresh = ((was == NONE) | stale) & (closing.closer_ms != NONE)
        for metric in metrics:
            if metric not in self.amounts:
                self.amounts[metric] = np.zeros((self._room(), self.buckets))
            self._stream[metric] = stream.stream_id
            told = observed.said[metric]
            self.usable[metric] = closing.closed & closing.read & ~closing.bridged & told
        if fresh.any():
            self._fill(stream, metrics, np.flatnonzero(fresh))
        self._closer[stream.stream_id] = closing.closer_ms.copy()
        concerned = np.flatnonzero(fresh | stale)
        return int(concerned[0]) if len(concerned) else self.buckets

    def _fill(self, stream: Stream, metrics: list[str], places: Ints) -> None:
        closing = stream.closing
        bucket = closing.starts_ms[places] // self.size_ms * self.size_ms
        closers = pa.table(
            {
                "bucket": pa.array(bucket, pa.timestamp("ms")),
                "closer": pa.array(closing.closer_ms[places], pa.timestamp("ms")),
            }
        )
        with self.store.lent("closers", closers):
            low = to_db(from_ms(int(bucket.min())))
            facts = self.store.arrays("observe.member_facts", [stream.stream_id, low])
            since = to_db(from_ms(int(closing.closer_ms[places].min())))
            reads = self.store.arrays("observe.member_reads", [stream.stream_id, since])
            unknown = self.store.arrays("observe.member_unknown", [stream.stream_id, low])
        self._meet(facts, reads)
        rows = self._room()
        read = self._read.setdefault(stream.stream_id, np.zeros((rows, self.buckets), bool))
        who, when = self._cells(facts, bucket)
        who_read, when_read = self._cells(reads, bucket)
        read[:, places] = False
        read[who_read, places[when_read]] = True
        interval = stream.meaning.counter == "interval"
        had, met = self._had(stream, read, places)
        mute, mute_who, mute_when = self._mute(unknown, bucket)
        for metric in metrics:
            told = np.zeros((rows, len(places)), bool)
            told[who_read, when_read] = np.ma.getdata(reads[metric]).astype(bool)
            value = np.where(told | interval, 0.0, np.nan)
            if not interval:  # not read since the period began: it has brought nothing yet
                value[np.isnan(value) & ~had] = 0.0
            value[~met] = np.nan
            some = ~np.ma.getmaskarray(facts[metric])
            known = value[who[some], when[some]]
            brought = np.ma.getdata(facts[metric])[some].astype(float) / 100.0
            value[who[some], when[some]] = np.where(np.isnan(known), np.nan, brought)
            value[mute_who[mute == metric], mute_when[mute == metric]] = np.nan
            self.amounts[metric][:, places] = value

    def _mute(self, found: Mapping[str, np.ndarray], bucket: Ints) -> tuple[np.ndarray, Ints, Ints]:
        """Metric, member and place of what corrections and resets make unknown."""
        met = np.isin(np.ma.getdata(found["key_id"]), self._ids)
        known = {name: np.ma.getdata(column)[met] for name, column in found.items()}
        return known["metric"], *self._cells(known, bucket)

    def _had(self, stream: Stream, read: Bools, places: Ints) -> tuple[Bools, Bools]:
        """(members, places): read since the counter's period began, and read at all by then."""
        period = np.array([stream.meaning.day(int(ms)) for ms in self.starts_ms.tolist()])
        had = np.zeros((len(read), len(places)), bool)
        met = np.zeros_like(had)
        before, so_far = 0, np.zeros(len(read), bool)
        for column, b in enumerate(places.tolist()):
            first = int(np.argmax(period == period[b]))
            so_far |= read[:, before : b + 1].any(axis=1)
            before = b + 1
            met[:, column] = so_far
            had[:, column] = so_far if not first else read[:, first : b + 1].any(axis=1)
        return had, met

    def _cells(self, got: Mapping[str, np.ndarray], bucket: Ints) -> tuple[Ints, Ints]:
        """Member, and place among `bucket` (ms, in order), of every row."""
        keys = np.ma.getdata(got["key_id"])
        at = np.searchsorted(self._ids, keys)
        when = np.searchsorted(bucket, milliseconds(got["bucket"]))
        return self._rows[at], when

    def _meet(self, *found: Mapping[str, np.ndarray]) -> None:
        """Give a row to every key not seen before, in the order of first bucket and key id."""
        pairs: list[tuple[int, int]] = []
        for got in found:
            keys = np.ma.getdata(got["key_id"]).astype(np.int64)
            new = ~np.isin(keys, self._ids)
            at = milliseconds(got["bucket"])[new]
            pairs += zip(at.tolist(), keys[new].tolist(), strict=True)
        new_keys = list(dict.fromkeys(k for _, k in sorted(pairs)))
        if not new_keys:
            return
        named = {row[0]: row[1:] for row in self.store.rows("observe.keys", [new_keys])}
        for key in new_keys:
            self.order.append(key)
            for dim, value in zip(DIMENSIONS, named[key], strict=True):
                self.dims[dim].append(value)
        self._rows = np.argsort(np.array(self.order, np.int64), kind="stable")
        self._ids = np.array(self.order, np.int64)[self._rows]
        rows = self._room()
        for metric, grid in self.amounts.items():
            if len(grid) < rows:  # of what is filled already nobody had read them
                filled = self._closer[self._stream[metric]] != NONE
                more = np.where(filled, np.nan, np.zeros((rows - len(grid), 1)))
                self.amounts[metric] = np.concatenate([grid, more])
        for stream, marks in self._read.items():
            if len(marks) < rows:
                extra = np.zeros((rows - len(marks), self.buckets), bool)
                self._read[stream] = np.concatenate([marks, extra])

    def _room(self) -> int:
        return -(-max(len(self.order), 1) // ROOM) * ROOM

    def event(self) -> Event:
        """A view of all that is filled; it changes as more is."""
        n = len(self.order)
        dims = {d: tuple(v) for d, v in self.dims.items() if any(v)}
        local = from_ms(int(self.starts_ms[0])).astimezone(self.campaign.zone)
        return Event(
            name=self.campaign.name,
            dims=dims,
            amounts={m: grid[:n] for m, grid in self.amounts.items()},
            usable=dict(self.usable),
            plans=plans_of(self.campaign, self.starts_ms, self.size_ms),
            bucket_min=self.size_ms / 60_000,
            minute=local.hour * 60 + local.minute,
            weekday=local.weekday(),
        )


def milliseconds(column: np.ndarray) -> Ints:
    return np.asarray(np.ma.getdata(column).astype("datetime64[ms]").astype(np.int64))


def plans_of(campaign: Campaign, starts_ms: Ints, size_ms: int) -> tuple[Planned, ...]:
    """The campaign's plans in bucket numbers."""
    if not len(starts_ms):
        return ()
    origin = int(starts_ms[0])
    return tuple(
        Planned(
            plan.name,
            (to_ms(plan.start) - origin) // size_ms,
            -((origin - to_ms(plan.end)) // size_ms),
            dict(plan.scope),
        )
        for plan in campaign.plan
    )


def whole(store: Store, observed: Observed) -> Event | None:
    """An earlier campaign at its finest grain, None where nothing is known of it."""
    if not observed.by_metric:
        return None
    size = next(iter(observed.by_metric.values())).meaning.bucket_ms
    grain = Grain(store, observed.campaign, observed.starts_ms, size)
    grain.take(observed, {})
    return grain.event() if grain.order else None
