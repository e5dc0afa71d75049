"""The Data page: which numbers are behind, since when, what that blocks; files, and what was refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from monitor.picture import FeedPicture, SourceStatus
from tests.pages import pictures as p
from tests.pages.conftest import Opener

ASKED = SourceStatus(
    feed_id="performance",
    type="http",
    asked_at=p.NOW - timedelta(minutes=9),
    next_at=p.NOW + timedelta(minutes=2),
    trouble="HTTP 503 from the shop's address",
    failing_since=p.NOW - timedelta(minutes=4),
    attempts=3,
)


def test_one_sentence_says_that_all_is_well(open_page: Opener) -> None:
    text = open_page("data.py", p.picture()).text
    assert "✓ The one feed is on time complete to 21:14." in text
    both = p.picture(feeds=(p.FEED, replace(p.FEED, feed_id="orders", complete_to=p.WATERMARK)))
    assert "✓ All 2 feeds are on time complete to 21:10." in open_page("data.py", both).text


def test_a_feed_on_time_says_how_far_it_goes_and_when_more_is_due(open_page: Opener) -> None:
    text = open_page("data.py", p.picture()).text
    assert "performance ✓ on time 40 s behind 11.11 Mega Sale running total of the day" in text
    assert "Complete to 21:14 40 s ago" in text
    assert "Last arrival 21:14 28 s ago" in text
    assert "Next reading 21:19 in 4 min" in text
    assert "Stand still" not in text


def test_a_late_feed_comes_first_and_says_what_it_blocks(open_page: Opener) -> None:
    text = open_page("data.py", p.picture(feeds=(p.FEED, p.late_feed()))).text
    assert "! 1 of 2 feeds late visitors is complete only to 20:45, 29 min behind." in text
    assert text.index("visitors ! late") < text.index("performance ✓ on time")
    assert "Late since 20:56 (18 min ago): nothing for the time after 20:45." in text
    assert "Stand still: totals of Visitors. Rules that read it wait: traffic dip." in text
    assert "Next reading 20:50 24 min overdue" in text


def test_a_feed_that_comes_but_is_not_complete_is_behind(open_page: Opener) -> None:
    behind = p.late_feed(newest=p.AS_OF, last_arrival=p.AS_OF, behind=True)
    page = open_page("data.py", p.picture(feeds=(behind,)))
    assert "visitors ! behind" in page.text
    assert "readings come, but the source says that they are complete only to 20:45." in page.text
    assert "! OLD NUMBERS Feed visitors behind: its source is complete only to 20:45" in page.text


def test_a_stuck_feed_is_no_feed_on_time(open_page: Opener) -> None:
    told = "Feed performance is stuck: files come, but no counter in it has moved since 20:55"
    stuck = replace(p.FEED, stuck=True, troubles=(told,))
    text = open_page("data.py", p.picture(feeds=(stuck,))).text
    assert "! 1 of 1 feed stuck performance brings files in which nothing moves." in text
    assert told in text
    assert "boards Creators, Categories, Channels." in text
    assert "Rules that read it are explained by it: GMV dip, traffic dip." in text
    assert "! OLD NUMBERS Feed performance stuck" in text


def test_a_failing_source_says_since_when_and_when_it_is_asked_again(open_page: Opener) -> None:
    text = open_page("data.py", p.picture(sources={"performance": ASKED})).text
    assert (
        "Its http source fails since 21:10, 3 tries: HTTP 503 from the shop's address; asked again "
        "at 21:16." in text
    )
    assert "! 1 of 1 feed in trouble" in text
    fine = replace(ASKED, trouble=None, failing_since=None, attempts=0)
    text = open_page("data.py", p.picture(sources={"performance": fine})).text
    assert "http source: answered 9 min ago, next at 21:16." in text
    assert "✓ The one feed is on time" in text


def silent(campaign_id: str | None) -> FeedPicture:
    return FeedPicture(
        "orders", campaign_id, "interval", 300.0, "orders", None, None, None, False, None, 0, 0, 0
    )


@pytest.mark.parametrize("campaign_id", [None, p.CAMPAIGN.id])
def test_a_feed_that_brought_nothing_has_no_numbers(
    open_page: Opener, campaign_id: str | None
) -> None:
    text = open_page("data.py", p.picture(feeds=(p.FEED, silent(campaign_id)))).text
    assert "! 1 of 2 feeds silent orders has brought nothing yet." in text
    assert "orders ◌ nothing arrived yet" in text
    assert "Complete to – never" in text


def test_an_event_that_does_not_run_is_never_late(open_page: Opener) -> None:
    over = p.campaign_picture(phase="ended")
    feed = replace(p.FEED, lag_s=None, due_at=p.AS_OF - timedelta(days=1))
    text = open_page("data.py", p.picture((over,), feeds=(feed,))).text
    assert "■ No campaign is running 11.11 Mega Sale has ended, complete to 21:10." in text
    assert "performance ■ ended" in text
    assert "Next reading" not in text


def test_an_undone_file_says_so_and_who_imported_and_undid_it(open_page: Opener) -> None:
    rows = p.BATCHES.drop_columns(["undone_at", "undone_by"])
    stamp = pa.array([None, p.AS_OF], pa.timestamp("ms", tz="UTC"))
    undone = rows.append_column("undone_at", stamp).append_column(
        "undone_by", pa.array([None, "ana<b>"])
    )
    page = open_page("data.py", p.picture(batches=undone))
    assert "imported by farah@example.com undone 21:14 by ana<b> : it counts no more" in page.text
    assert "↶ undone" in page.text
    assert "ana<b>" not in page.raw


def test_a_name_of_a_feed_cannot_become_markup(open_page: Opener) -> None:
    evil = replace(p.FEED, feed_id="<img src=x>", troubles=("<script>1</script>",))
    raw = open_page("data.py", p.picture(feeds=(evil,))).raw
    assert "<img" not in raw
    assert "<script>1" not in raw


def test_the_data_page_shows_files_and_refused_rows_with_their_reasons(open_page: Opener) -> None:
    page = open_page("data.py", p.picture())
    assert "<b>broken</b>.csv 0 GMV in every row while there are orders" in page.text
    assert "<b>broken" not in page.raw
    assert "export ids as text performance@20261111T131400Z.csv , line 9 1.73E+18" in page.text
    assert "not a number performance@20261111T131400Z.csv , line 7 12,3x gmv 21:14" in page.text
    assert "✓ taken 410 2 0 performance canonical" in page.text
    assert "GMV −RM 1,250" in page.text


def test_the_data_page_without_data_is_calm(open_page: Opener) -> None:
    bare = p.picture(feeds=(), batches=p.BATCHES.slice(0, 0), quarantine=p.QUARANTINE.slice(0, 0))
    text = open_page("data.py", bare).text
    assert "No feed is set up for this campaign." in text
    assert "No file has arrived yet." in text
    assert "Nothing was refused" in text


def test_times_without_a_zone_are_read_as_utc(open_page: Opener) -> None:
    naive = p.BATCHES.set_column(
        p.BATCHES.schema.get_field_index("arrived_at"),
        "arrived_at",
        p.BATCHES["arrived_at"].cast(pa.timestamp("ms")),
    )
    assert "taken" in open_page("data.py", p.picture(batches=naive)).text
