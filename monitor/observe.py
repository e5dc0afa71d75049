"""What was observed: the store's facts as arrays per bucket, and who may count them.

If several feeds carry one metric, the first in the configuration counts. Amounts are hundredths.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.campaigns.words import DIMENSIONS, METRICS, Scope
from monitor.clock import from_db, from_ms, to_db, to_ms
from monitor.ingest.closing import Closing, closing
from monitor.ingest.counters import NONE, Bools, Ints, Meaning
from monitor.ingest.orders import as_orders
from monitor.settings import Campaign, Feed, Settings
from monitor.store import Store

Floats = NDArray[np.float64]
Group = tuple[str, str]  # channel, category; "" where the source does not say


@dataclass(frozen=True)
class Stream:
    """One feed in one campaign, as far as it has come."""

    stream_id: int
    feed: Feed
    meaning: Meaning
    carries: frozenset[str]
    closing: Closing
    snapshots: int

    @property
    def watermark(self) -> datetime | None:
        ms = self.closing.watermark_ms
        return None if ms == NONE else from_ms(ms)

    @property
    def newest(self) -> datetime | None:
        ms = self.closing.newest_ms
        return None if ms == NONE else from_ms(ms)

    @property
    def told(self) -> datetime | None:
        """What totals are complete to: the watermark, or a later export of a period."""
        ms = self.closing.told_ms
        return None if ms == NONE else from_ms(ms)

    @property
    def read(self) -> datetime | None:
        """The newest reading, be it an export of a period."""
        ms = self.closing.read_ms
        return None if ms == NONE else from_ms(ms)

    @property
    def visible(self) -> tuple[datetime, timedelta, datetime]:
        """Parameters of a query that leaves out what is provisional."""
        at = to_db(self.told or datetime(1970, 1, 1, tzinfo=UTC))
        return at, timedelta(milliseconds=self.meaning.bucket_ms), at


@dataclass(frozen=True)
class Observed:
    """One campaign's buckets. `groups` are its channel × category pairs.

    `amount[metric]`: (groups, buckets) what closed buckets held, NaN unknown. `lost`, `usual`: usual
    volume of the keys not read at a bucket's end, and of all keys so far. `said[metric]`: (buckets,)
    whether the snapshot that closed a bucket says anything of the metric.
    """

    campaign: Campaign
    streams: tuple[Stream, ...]
    by_metric: dict[str, Stream]
    starts_ms: Ints
    groups: tuple[Group, ...]
    amount: dict[str, Floats]
    lost: dict[str, Floats]
    usual: dict[str, Floats]
    said: dict[str, Bools]

    def members(self, scope: Scope) -> Bools:
        """Which groups belong to a scope of channel and category."""
        wanted = (scope.get("channel"), scope.get("category"))
        return np.array(
            [
                all(w is None or w == g for w, g in zip(wanted, group, strict=True))
                for group in self.groups
            ],
            bool,
        )

    @property
    def watermark(self) -> datetime | None:
        """What the totals are complete to: the least of the streams that count."""
        found = [s.told for s in self.by_metric.values() if s.told is not None]
        return min(found) if found else None

    @property
    def as_of(self) -> datetime | None:
        found = [s.read for s in self.streams if s.read is not None]
        return max(found) if found else None


def streams_of(
    store: Store, settings: Settings, campaign: Campaign, now: datetime
) -> tuple[Stream, ...]:
    """The campaign's streams in order of the configuration."""
    order = {feed.id: i for i, feed in enumerate(settings.feed)}
    found = []
    for feed_id, stream_id, kind, *carried in store.rows("observe.carries", [campaign.id]):
        if feed_id not in order:
            continue  # a feed that the configuration no longer has
        feed = settings.feed_by_id(feed_id)
        if kind == "orders":
            feed = as_orders(feed, settings.monitor.bucket)
        meaning = Meaning.of(feed, campaign, settings.monitor.bucket)
        got = store.arrays("ingest.instants", [stream_id])
        instants, marks = (
            np.ma.getdata(got[name]).astype("datetime64[ms]").astype(np.int64)
            for name in ("observed_at", "watermark")
        )
        carries = frozenset(m for m, has in zip(METRICS, carried, strict=True) if has)
        closes = np.ma.getdata(got["closes"]).astype(bool)
        closed = closing(meaning, instants, marks, to_ms(now), closes)
        found.append(Stream(stream_id, feed, meaning, carries, closed, len(instants)))
    return tuple(sorted(found, key=lambda s: order[s.feed.id]))


def counting(streams: tuple[Stream, ...]) -> dict[str, Stream]:
    """Which stream counts for which metric: the first that carries it."""
    return {
        metric: next(s for s in streams if metric in s.carries)
        for metric in METRICS
        if any(metric in s.carries for s in streams)
    }


def observe(
    store: Store, settings: Settings, campaign: Campaign, now: datetime, scope: Scope | None = None
) -> Observed:
    """Read a campaign's buckets; with `scope`, only that scope's, from the finest facts."""
    streams = streams_of(store, settings, campaign, now)
    by_metric = counting(streams)
    some = streams[0].closing if streams else None
    starts = some.starts_ms if some else np.empty(0, np.int64)
    rows: dict[int, pa.Table] = {}
    gone: dict[int, pa.Table] = {}
    told: dict[int, dict[str, Bools]] = {}
    groups: set[Group] = set()
    for stream in {s.stream_id: s for s in by_metric.values()}.values():
        with store.lent("closers", _closers(stream)):
            if scope is None:
                got = store.table("observe.judged_rollup", [stream.stream_id])
                gone[stream.stream_id] = store.table("observe.missing", [stream.stream_id])
            else:
                given = [v for dim in DIMENSIONS for v in [scope.get(dim, "")] * 2]
                got = store.table("observe.judged_fact", [stream.stream_id, *given])
                asked = [*given, stream.stream_id, stream.stream_id]
                gone[stream.stream_id] = store.table("observe.missing_fact", asked)
            told[stream.stream_id] = _said(store, stream)
        rows[stream.stream_id] = got
        groups |= {(row[0], row[1]) for row in store.rows("observe.groups", [stream.stream_id])}
    ordered = tuple(sorted(groups))
    amount: dict[str, Floats] = {}
    lost: dict[str, Floats] = {}
    usual: dict[str, Floats] = {}
    shape = (len(ordered), len(starts))
    for stream_id, got in rows.items():
        stream = next(s for s in streams if s.stream_id == stream_id)
        metrics = [m for m, s in by_metric.items() if s.stream_id == stream_id]
        grids = _grids(got, metrics, ordered, stream, np.full(shape, np.nan))
        lost.update(_grids(gone[stream_id], metrics, ordered, stream, np.zeros(shape)))
        for metric, grid in grids.items():
            # A closed, read bucket in which a group has no row, and lost none, had none of it.
            # One whose last snapshot has the metric blank in every row is unknown.
            grid[np.isnan(grid) & stream.closing.read & (lost[metric] == 0)] = 0.0
            grid[:, ~told[stream_id][metric]] = np.nan
            amount[metric] = grid
            usual[metric] = np.nancumsum(grid, axis=1)
    said = {metric: told[s.stream_id][metric] for metric, s in by_metric.items()}
    return Observed(campaign, streams, by_metric, starts, ordered, amount, lost, usual, said)


def _closers(stream: Stream) -> pa.Table:
    closed = stream.closing
    known = closed.closer_ms != NONE
    size = stream.meaning.bucket_ms
    periods = [stream.meaning.period_ms(ms) for ms in closed.closer_ms[known].tolist()]
    return pa.table(
        {
            "bucket": pa.array(closed.starts_ms[known] // size * size, pa.timestamp("ms")),
            "closer": pa.array(closed.closer_ms[known], pa.timestamp("ms")),
            "since": pa.array(periods, pa.timestamp("ms")),
        }
    )


def _said(store: Store, stream: Stream) -> dict[str, Bools]:
    """Per metric, the buckets whose closing snapshot says anything of it."""
    got = store.arrays("observe.said", [stream.stream_id])
    starts, size = stream.closing.starts_ms, stream.meaning.bucket_ms
    bucket = np.ma.getdata(got["bucket"]).astype("datetime64[ms]").astype(np.int64)
    place = np.searchsorted(starts // size * size, bucket)
    found = {}
    for metric in METRICS:
        found[metric] = np.zeros(len(starts), bool)
        found[metric][place] = np.ma.getdata(got[metric]).astype(bool)
    return found


def _grids(
    rows: pa.Table, metrics: list[str], groups: tuple[Group, ...], stream: Stream, into: Floats
) -> dict[str, Floats]:
    """Rows of (bucket, channel, category, metrics) as (groups, buckets) per metric.

    `into` stands where there is no row.
    """
    if not rows.num_rows:
        return {metric: into.copy() for metric in metrics}
    place = {group: i for i, group in enumerate(groups)}
    size = stream.meaning.bucket_ms
    bucket = np.asarray(rows["bucket"].cast(pa.timestamp("ms")).cast(pa.int64()))
    column = (bucket - stream.closing.starts_ms[0] // size * size) // size
    who = zip(rows["channel"].to_pylist(), rows["category"].to_pylist(), strict=True)
    line = np.array([place[group] for group in who])
    found = {}
    for metric in metrics:
        grid = into.copy()
        value = rows[metric].cast(pa.float64()).to_numpy(zero_copy_only=False)
        keep = ~np.isnan(value)
        grid[line[keep], column[keep]] = value[keep]
        found[metric] = grid
    return found


def totals(
    store: Store, streams: tuple[Stream, ...], by: tuple[str, ...] = ()
) -> dict[tuple[str, ...], dict[str, int]]:
    """Sums per metric and group up to the watermark: group values → metric → hundredths.

    A metric that a group says nothing about is absent, not 0.
    """
    found: dict[tuple[str, ...], dict[str, int]] = {}
    by_metric = counting(streams)
    for stream in streams:
        metrics = [m for m, s in by_metric.items() if s.stream_id == stream.stream_id]
        if not metrics or stream.told is None:
            continue
        at, size, _ = stream.visible
        rows = store.grouped(
            "observe.totals", by, {"stream": stream.stream_id, "watermark": at, "size": size}
        )
        for row in rows:
            group = tuple(row[: len(by)])
            sums = dict(zip(METRICS, row[len(by) :], strict=True))
            for metric in metrics:
                if sums[metric] is not None:
                    found.setdefault(group, {})[metric] = sums[metric]
    return found


def cumulative(store: Store, observed: Observed) -> dict[str, Floats]:
    """All that came per bucket and group up to the watermark, corrections included (hundredths).

    NaN where nothing was ever said of a metric. Summed over a scope this agrees with `totals`.
    """
    found: dict[str, Floats] = {}
    for stream in {s.stream_id: s for s in observed.by_metric.values()}.values():
        rows = store.table("observe.bucket_sums", [stream.stream_id, *stream.visible])
        fixes = store.rows("observe.corrections", [stream.stream_id, *stream.visible])
        metrics = [m for m, s in observed.by_metric.items() if s.stream_id == stream.stream_id]
        unknown = np.full((len(observed.groups), len(observed.starts_ms)), np.nan)
        grids = _grids(rows, metrics, observed.groups, stream, unknown)
        for metric, grid in grids.items():
            _book(grid, fixes, metric, observed)
        found.update(grids)
    return found


def _book(grid: Floats, fixes: list[tuple[object, ...]], metric: str, observed: Observed) -> None:
    place = {group: i for i, group in enumerate(observed.groups)}
    for bucket, channel, category, name, amount in fixes:
        if name == metric and isinstance(bucket, datetime) and isinstance(amount, int):
            at = to_ms(from_db(bucket))
            b = int(np.searchsorted(observed.starts_ms, max(at, int(observed.starts_ms[0]))))
            cell = place[str(channel), str(category)], min(b, grid.shape[1] - 1)
            grid[cell] = np.nan_to_num(grid[cell]) + amount
