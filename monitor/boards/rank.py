"""Boards: who leads, by how much, and who moved in the last hour. One pass at publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.clock import to_db
from monitor.observe import Observed, Stream
from monitor.picture import BOARD_SCHEMA, Board
from monitor.store import Store

NOT_STATED = "not stated"
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class BoardKind:
    name: str
    title: str
    dim: str


BOARDS = (
    BoardKind("creators", "Creators", "creator_id"),
    BoardKind("categories", "Categories", "category"),
    BoardKind("channels", "Channels", "channel"),
    BoardKind("linkshare", "LinkShare", "creator_id"),
)


Sums = dict[str, tuple[int | None, int | None]]  # id → GMV, orders


def boards(store: Store, observed: Observed) -> dict[str, Board]:
    """Every shipped board of a campaign; empty ones where nobody says what they rank."""
    nothing = BOARD_SCHEMA.empty_table()
    found = {k.name: Board(k.name, k.title, "gmv", None, nothing) for k in BOARDS}
    told: set[str] = set()
    for stream in _carrying_gmv(observed):
        if len(told) == len(BOARDS):
            break
        sums = _so_far(store, stream)
        others = observed.by_metric.get("orders")
        own = others is None or "orders" in stream.carries
        orders = sums if own or others is None else _so_far(store, others)
        # An export of a period says nothing of its last hour; snapshots and orders do.
        timed = stream.watermark is not None or stream.feed.counter == "interval"
        fresh = _by_board(store.rows_named("boards.since", _last_hour(stream))) if timed else None
        for kind in BOARDS:
            gmv = {i: g for i, (g, _) in sums[kind.name].items() if g is not None}
            first = stream is observed.by_metric["gmv"]
            if kind.name in told or not (any(gmv) or (first and gmv)):
                continue  # what only says "not stated" gives way to a stream that says more
            counts = {i: count for i, (_, count) in orders[kind.name].items()}
            late = None if fresh is None else {i: g for i, (g, _) in fresh[kind.name].items()}
            found[kind.name] = rank(kind, gmv, counts, late)
            told |= {kind.name} if any(gmv) else set()
    return found


def _carrying_gmv(observed: Observed) -> list[Stream]:
    """The streams that know GMV, in order of the configuration: the first that knows what a board
    ranks makes it, though totals come from the very first."""
    return [s for s in observed.streams if "gmv" in s.carries and s.told is not None]


def _so_far(store: Store, stream: Stream) -> dict[str, Sums]:
    if stream.closing.read_ms <= stream.closing.told_ms:
        return _by_board(store.rows_named("boards.ranked", {"stream": stream.stream_id}))
    return _by_board(store.rows_named("boards.ranked_visible", _visible(stream)))


def _visible(stream: Stream) -> dict[str, object]:
    at, size, _ = stream.visible
    return {"stream": stream.stream_id, "watermark": at, "size": size}


def _last_hour(stream: Stream) -> dict[str, object]:
    assert stream.told is not None
    return {**_visible(stream), "since": to_db(stream.told - HOUR)}


def _by_board(rows: list[tuple[Any, ...]]) -> dict[str, Sums]:
    """Rows of the grouping sets by board: the columns outside a row's own set are NULL."""
    found: dict[str, Sums] = {kind.name: {} for kind in BOARDS}
    for creator, channel, category, linkshare, gmv, orders in rows:
        if channel is not None:
            found["channels"][channel] = gmv, orders
        elif category is not None:
            found["categories"][category] = gmv, orders
        elif linkshare is None:
            found["creators"][creator] = gmv, orders
        elif linkshare:
            found["linkshare"][creator] = gmv, orders
    return found


def rank(
    kind: BoardKind,
    sums: dict[str, int],
    orders: dict[str, int | None],
    last_hour: dict[str, int | None] | None,
) -> Board:
    """Rank by GMV so far (hundredths), ties by id; `rank_change` against an hour ago. Without
    `last_hour` neither is known.

    Rows without the dimension count in the total. They are no creator, so no board of creators
    lists them; boards of channels and categories do, as "not stated".
    """
    total = sum(sums.values())
    listed = sorted(i for i in sums if i or kind.dim != "creator_id")
    value = np.array([sums[i] for i in listed], np.int64)
    fresh = np.array([(last_hour or {}).get(i) or 0 for i in listed], np.int64)
    place = np.lexsort((np.arange(len(listed)), -value))
    before = np.empty(len(listed), np.int64)
    before[np.lexsort((np.arange(len(listed)), -(value - fresh)))] = np.arange(1, len(listed) + 1)
    ranks = np.arange(1, len(listed) + 1)
    ids = [listed[i] for i in place]
    unknown = np.full(len(listed), last_hour is None)
    was_there = ((value - fresh)[place] > 0) & ~unknown
    table = pa.table(
        {
            "rank": pa.array(ranks, pa.int32()),
            "id": ids,
            "name": [i or NOT_STATED for i in ids],
            "value": value[place] / 100.0,
            "share": value[place] / total if total else np.zeros(len(ids)),
            "orders": pa.array(
                [None if orders.get(i) is None else (orders[i] or 0) / 100 for i in ids],
                pa.float64(),
            ),
            "rank_change": pa.array(before[place] - ranks, pa.int32(), mask=~was_there),
            "last_hour": pa.array(fresh[place] / 100.0, pa.float64(), mask=unknown),
        },
        schema=BOARD_SCHEMA,
    )
    return Board(kind.name, kind.title, "gmv", total / 100.0 if sums else None, table)
