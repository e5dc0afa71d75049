"""The book of orders: files of lines in any split, order and repetition give the same buckets."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.answers import expected_json
from monitor.tick import Heart
from tests.conftest import File, a_heart, afterwards, ingest, local, settings_for, total, totals_of

START = local("00:00")
STATES = ("placed", "completed", "cancelled", "returned", "ineligible")


@dataclass(frozen=True)
class Line:
    order: int
    item: int
    minute: int  # since the start of the campaign
    state: str
    gmv: int  # cents
    creator: str = "ali"
    channel: str = "linkshare"

    def cells(self) -> dict[str, str]:
        at = START + timedelta(minutes=self.minute)
        gone = self.state in ("cancelled", "returned")
        return {
            "order_id": str(5_770_000_000_000_000_000 + self.order),
            "item_id": str(self.item),
            "placed_at": at.isoformat(),
            "state": self.state,
            "channel": self.channel,
            "creator_id": self.creator,
            "gmv": f"{self.gmv / 100:.2f}",
            "items_sold": "1",
            "refunds": f"{self.gmv / 100 if gone else 0:.2f}",
            "commission": f"{self.gmv / 1000:.2f}",
        }


def file_of(lines: list[Line], name: str = "") -> File:
    return File(name, "".join(json.dumps(line.cells()) + "\n" for line in lines))


def sums(lines: list[Line]) -> dict[str, Any]:
    """What the newest versions of lines add up to, worked out the slow way; `lines` by arrival."""
    newest: dict[tuple[int, int], Line] = {}
    said: set[Line] = set()
    for arrived in lines:
        line = (
            replace(arrived, gmv=0) if arrived.state == "ineligible" else arrived
        )  # it counts nothing
        if line not in said:  # what was said before, whenever, changes nothing
            newest[line.order, line.item] = line
        said.add(line)
    counted = [x for x in newest.values() if x.state != "ineligible"]
    gone = [x for x in counted if x.state in ("cancelled", "returned")]
    return {
        "gmv": sum(x.gmv for x in counted) / 100,
        "orders": len({x.order for x in counted}),
        "refunds": sum(x.gmv for x in gone) / 100,
    }


def shown(heart: Heart) -> dict[str, Any]:
    row = totals_of(heart)[0]
    return {metric: row[metric] for metric in ("gmv", "orders", "refunds")}


def test_an_order_counts_in_the_bucket_of_its_own_time_and_once_for_all_its_lines():
    heart = a_heart()
    ingest(heart, file_of([
        Line(1, 1, 0, "placed", 2050),
        Line(2, 1, 5, "placed", 1000, channel="live"),
        Line(2, 2, 5, "placed", 500, channel="live"),
    ]))  # fmt: skip
    assert total(heart) == 35.5
    assert total(heart, "orders") == 2
    rows = heart.store.cursor.execute(
        "select epoch_ms(bucket), gmv, orders from rollup order by bucket"
    ).fetchall()
    first = int(START.timestamp() * 1000)
    assert rows == [(first, 2050, 100), (first + 300_000, 1500, 100)]


def test_orders_at_the_very_start_count_and_at_the_very_end_do_not():
    heart = a_heart()
    ingest(heart, file_of([Line(1, 1, 0, "placed", 100), Line(2, 1, 24 * 60, "placed", 700)]))
    assert total(heart) == 1.0


def test_cancelled_and_returned_lines_are_kept_apart_and_ineligible_ones_count_nothing():
    heart = a_heart()
    ingest(heart, file_of([
        Line(1, 1, 0, "completed", 1000),
        Line(2, 1, 1, "cancelled", 2000),
        Line(3, 1, 2, "returned", 3000),
        Line(4, 1, 3, "ineligible", 4000),
    ]))  # fmt: skip
    row = totals_of(heart)[0]
    assert (row["gmv"], row["orders"], row["refunds"]) == (60.0, 3, 50.0)
    assert row["commission"] == 1.0, "only the commission of what was not given back"


def test_a_later_file_that_leaves_orders_out_takes_nothing_away():
    heart = a_heart()
    ingest(heart, file_of([Line(1, 1, 7, "placed", 1000), Line(2, 1, 8, "placed", 500)]))
    ingest(heart, file_of([Line(2, 1, 8, "cancelled", 500)]))
    row = totals_of(heart)[0]
    assert (row["gmv"], row["orders"], row["refunds"]) == (15.0, 2, 5.0)


def test_an_old_export_dropped_late_does_not_bring_back_an_old_state():
    heart = a_heart()
    old = [Line(1, 1, 7, "placed", 1000)]
    ingest(heart, file_of(old))
    ingest(heart, file_of([Line(1, 1, 7, "cancelled", 1000)]))
    (loaded,) = ingest(heart, file_of([*old, Line(9, 1, 9, "placed", 100)]))
    assert (loaded.taken, loaded.known) == (1, 1)
    assert totals_of(heart)[0]["refunds"] == 10.0


def test_a_line_that_two_files_gave_stays_when_one_is_taken_back():
    heart = a_heart()
    first = ingest(heart, file_of([Line(1, 1, 7, "placed", 500)]))[0].batch_id
    ingest(heart, file_of([Line(1, 1, 7, "placed", 500), Line(2, 1, 7, "placed", 700)]))
    heart.tick(afterwards(heart.settings), undo=[(first, "aina")], publish=False)
    assert total(heart) == 12.0


def test_a_line_whose_creator_was_corrected_leaves_the_first_creator():
    heart = a_heart()
    ingest(heart, file_of([Line(1, 1, 7, "placed", 1000, creator="wrong")]))
    ingest(heart, file_of([Line(1, 1, 7, "placed", 1000, creator="right")]))
    by = {row["by"]["creator_id"]: row["gmv"] for row in totals_of(heart, "creator_id")}
    assert by == {"right": 10.0}


def test_orders_close_no_bucket_and_so_are_never_a_dip():
    heart = a_heart()
    lines = [Line(i, 1, 5 * i, "placed", 1000) for i in range(100)]
    with_picture = heart.tick(local("12:00"))
    assert with_picture.picture is not None
    ingest(heart, file_of(lines), now=local("12:00"))
    picture = heart.tick(local("20:00")).picture
    assert picture is not None
    assert not picture.campaigns["sale"].series, (
        "no bucket is closed, so nothing is judged or drawn"
    )
    campaign = heart.settings.campaign[0]
    rows = expected_json(heart.store, heart.settings, campaign, {}, "gmv", local("20:00"))["rows"]
    assert {(row["state"], row["observed"], row["why"]) for row in rows} == {("open", None, None)}
    assert picture.campaigns["sale"].alerts == ()
    assert picture.campaigns["sale"].totals["gmv"] == 1000.0


def test_linkshare_orders_make_the_linkshare_board_whichever_feed_counts_for_totals():
    settings = settings_for(feeds={"shop": "cumulative_day", "orders": "interval"})
    heart = a_heart(settings)
    rows = "observed_at,campaign_id,gmv\n2026-11-11T12:00:00+08:00,sale,9000\n"
    orders = file_of([
        Line(1, 1, 7, "placed", 1000, creator="ali"),
        Line(2, 1, 8, "placed", 700, creator="siti", channel="live"),
        Line(3, 1, 9, "placed", 300, creator="siti"),
    ])  # fmt: skip
    ingest(heart, File("a.csv", rows, "shop"), File("o.jsonl", orders.content, "orders"))
    picture = heart.tick(afterwards(settings)).picture
    assert picture is not None
    shown = picture.campaigns["sale"]
    board = shown.boards["linkshare"].rows.to_pylist()
    assert [(row["name"], row["value"]) for row in board] == [("ali", 10.0), ("siti", 3.0)]
    assert shown.totals["gmv"] == 9000.0


def test_a_feed_holds_orders_or_snapshots_and_says_so():
    heart = a_heart()
    ingest(heart, file_of([Line(1, 1, 7, "placed", 1000)]))
    (loaded,) = ingest(heart, "observed_at,campaign_id,gmv\n2026-11-11T12:00:00+08:00,sale,9\n")
    assert loaded.status == "refused"
    assert "holds lines of orders" in (loaded.reason or "")
    assert total(heart) == 10.0


def test_an_order_far_from_every_campaign_is_set_aside_with_its_place():
    heart = a_heart()
    (loaded,) = ingest(heart, file_of([Line(1, 1, 7, "placed", 1), Line(2, 1, -3000, "placed", 1)]))
    assert (loaded.taken, loaded.quarantined) == (1, 1)
    fault = loaded.faults[0]
    assert (fault.line, fault.column) == (2, "placed_at")
    assert "more than a day outside the campaign sale" in fault.reason


lines = st.builds(  # few enough that files repeat each other
    Line,
    order=st.integers(1, 3),
    item=st.integers(1, 2),
    minute=st.sampled_from([0, 7]),
    state=st.sampled_from(STATES),
    gmv=st.sampled_from([500, 700]),
    creator=st.sampled_from(["ali", "siti"]),
)


@given(
    st.lists(
        st.lists(lines, min_size=1, max_size=5, unique_by=lambda x: (x.order, x.item)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_files_came_the_newest_version_of_every_line_counts(files: list[list[Line]]):
    heart = a_heart()
    for lines in files:
        ingest(heart, file_of(lines))
    assert shown(heart) == sums([line for lines in files for line in lines])


@given(
    st.lists(
        st.lists(lines, min_size=1, max_size=5, unique_by=lambda x: (x.order, x.item)),
        min_size=2,
        max_size=4,
    ),
    st.integers(0, 3),
)
def test_a_batch_of_orders_taken_back_was_never_there(files: list[list[Line]], which: int):
    gone = which % len(files)
    heart = a_heart()
    batches = [ingest(heart, file_of(lines))[0].batch_id for lines in files]
    kept = [lines for i, lines in enumerate(files) if batches[i] != batches[gone]]
    heart.tick(afterwards(heart.settings), undo=[(batches[gone], "aina")], publish=False)
    other = a_heart()
    for lines in kept:
        ingest(other, file_of(lines))
    if kept:
        assert shown(heart) == shown(other)
        assert by_bucket(heart) == by_bucket(other)
    else:
        assert shown(heart)["gmv"] is None


def by_bucket(heart: Heart) -> dict[tuple[datetime, str], tuple[int, ...]]:
    found: dict[tuple[datetime, str], tuple[int, ...]] = defaultdict(tuple)
    rows = heart.store.cursor.execute(
        "select bucket, creator_id, sum(gmv), sum(orders), sum(refunds) from fact "
        "join series_key using (key_id) group by all having sum(gmv) + sum(orders) > 0"
    ).fetchall()
    for bucket, creator, *amounts in rows:
        found[bucket, creator] = tuple(amounts)
    return dict(found)
