"""Undo: whatever came before and after, it is as if the batch had never arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import MonitorError
from monitor.ingest.load import Incoming, Loaded, content_hash
from monitor.ingest.undo import undo
from monitor.settings import Settings
from monitor.tick import Heart
from tests.conftest import (
    File,
    Row,
    a_heart,
    afterwards,
    csv_text,
    derived,
    file_of,
    ledger,
    load,
    local,
    read_canonical,
    reading,
    settings_for,
    total,
    totals_of,
)

LATER = local("10:00", day="2026-11-13")


def take(heart: Heart, *rows: Row, name: str = "", campaign: str | None = None) -> Loaded:
    return load(heart, File(name, csv_text(rows), campaign=campaign))[0]


def take_back(heart: Heart, batch_id: str, who: str = "ana") -> set[str]:
    with heart.store.transaction():
        return undo(heart.store, heart.loader, batch_id, who, LATER)


def all_of(heart: Heart) -> dict[str, Any]:
    """All that was worked out, with which snapshots close, and what the verbs say."""
    found: dict[str, Any] = dict(derived(heart))
    found["closes"] = sorted(
        heart.store.cursor.execute(
            "select feed_id, campaign_id, observed_at, closes from instant join stream using (stream_id)"
        ).fetchall()
    )
    found["streams"] = sorted(
        heart.store.cursor.execute("select * exclude (stream_id) from stream").fetchall()
    )
    found["totals"] = [
        totals_of(heart, "channel", "creator_id", campaign=c.id) for c in heart.settings.campaign
    ]
    return found


# --- one by one ---------------------------------------------------------------------------------


def test_the_only_batch_undone_leaves_nothing(heart: Heart):
    loaded = take(heart, reading("10:00", gmv=100))
    assert take_back(heart, loaded.batch_id) == {"sale"}
    assert all_of(heart) == all_of(a_heart())
    assert total(heart) is None


def test_an_export_of_a_period_undone_leaves_no_trace(heart: Heart):
    came = Came("live", (("11T10:00", "sale", "live", 5, None, None),), "11T10:00")
    take_back(heart, arrive(heart, came, 0).batch_id)
    assert all_of(heart) == all_of(a_heart())
    for table in ("snapshot", "held", "period_reading", "quarantine"):
        assert heart.store.cursor.execute(f"select * from {table}").fetchall() == []


def test_a_restatement_undone_gives_the_first_value_back(heart: Heart):
    take(heart, reading("10:00", gmv=100))
    before = all_of(heart)
    take_back(heart, take(heart, reading("10:00", gmv=90)).batch_id)
    assert all_of(heart) == before
    assert total(heart) == 100


def test_what_a_later_batch_said_too_stays_when_the_first_is_undone(heart: Heart):
    first = take(heart, reading("10:00", gmv=100), reading("10:05", gmv=120), name="a.csv")
    assert take(heart, reading("10:00", gmv=100), name="b.csv").status == "known"
    take_back(heart, first.batch_id)
    assert total(heart) == 100


def test_repeats_speak_in_the_order_of_their_arrival(heart: Heart):
    """100, 90, then 100 again (known), 90 again (known): without the first, 90 was before 100."""
    said = [take(heart, reading("10:00", gmv=n, orders=i)) for i, n in enumerate((100, 90), 1)]
    take(heart, reading("10:00", gmv=100), name="c.csv")
    take(heart, reading("10:00", gmv=90), name="d.csv")
    assert total(heart) == 90
    take_back(heart, said[0].batch_id)
    assert total(heart) == 100
    take_back(heart, said[1].batch_id)
    assert total(heart) == 90


def test_only_the_batch_itself_goes_not_its_neighbours_in_one_tick(heart: Heart):
    a, b = load(
        heart,
        file_of(reading("10:00", channel="live", gmv=1), name="a.csv"),
        file_of(reading("10:00", channel="video", gmv=2), name="b.csv"),
    )
    take_back(heart, a.batch_id)
    assert total(heart) == 2
    take_back(heart, b.batch_id)
    assert total(heart) is None


def test_a_batch_of_two_campaigns_goes_from_both():
    span = ("2026-11-11T00:00:00+08:00", "2026-11-12T00:00:00+08:00")
    heart = a_heart(settings_for(campaigns={"sale": span, "show": span}))
    loaded = take(heart, reading("10:00", gmv=1), reading("10:00", gmv=2, campaign="show"))
    assert take_back(heart, loaded.batch_id) == {"sale", "show"}
    assert total(heart, campaign="show") is None


def test_the_ledger_keeps_an_undone_batch_with_who_and_when(heart: Heart):
    loaded = take(heart, reading("10:00", gmv=1), reading("10:05", gmv="x"))
    take_back(heart, loaded.batch_id, who="ana@example.com")
    row = ledger(heart)[0]
    assert (row["status"], row["undone_by"]) == ("taken", "ana@example.com")
    assert row["undone_at"] == LATER.replace(tzinfo=None)
    assert heart.store.cursor.execute("select * from quarantine").fetchall() == []


def test_the_same_content_after_an_undo_is_taken_anew(heart: Heart):
    row = reading("10:00", gmv=100)
    first = take(heart, row)
    take_back(heart, first.batch_id)
    again = take(heart, row)
    assert (again.status, again.taken, again.batch_id) == ("taken", 1, first.batch_id)
    assert total(heart) == 100
    assert [(r["seq"], r["undone_by"]) for r in ledger(heart)] == [(1, "ana"), (2, None)]
    take_back(heart, again.batch_id)
    assert take(heart, row).status == "taken"
    assert len({r["batch_id"] for r in ledger(heart)}) == 3
    assert take(heart, row).status == "known"


def test_an_undo_can_be_followed_by_anything(heart: Heart):
    first = take(heart, reading("10:00", gmv=100))
    take_back(heart, first.batch_id)
    take(heart, reading("10:05", channel="live", gmv=50), name="next.csv")
    assert total(heart) == 50


def test_faults_of_a_batch_that_came_twice_do_not_speak_twice(heart: Heart):
    rows = reading("10:00", gmv=100), reading("10:05", gmv="x")
    first = take(heart, *rows)
    take(heart, *rows)
    take_back(heart, first.batch_id)
    assert total(heart) is None
    assert heart.store.cursor.execute("select * from held").fetchall() == []


@pytest.mark.parametrize("status", ["unknown", "refused", "undone"])
def test_what_cannot_be_undone_is_refused_in_words(heart: Heart, status: str):
    batch_id, words = "nothing", "no batch 'nothing'"
    if status == "refused":
        batch_id, words = (
            load(heart, File("x.csv", "<html></html>"))[0].batch_id,
            "x.csv.*nothing to undo",
        )
    if status == "undone":
        batch_id, words = (
            take(heart, reading("10:00", gmv=1)).batch_id,
            "undone before: by ana at 2026",
        )
        take_back(heart, batch_id)
    before = all_of(heart)
    with pytest.raises(MonitorError, match=words):
        take_back(heart, batch_id)
    assert all_of(heart) == before


def test_an_undo_that_is_rolled_back_changes_nothing(heart: Heart):
    loaded = take(heart, reading("10:00", gmv=100))
    before = all_of(heart)

    def fails() -> None:
        with heart.store.transaction():
            undo(heart.store, heart.loader, loaded.batch_id, "ana", LATER)
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    heart.loader.refresh()
    assert all_of(heart) == before
    take(heart, reading("10:05", gmv=110), name="b.csv")
    assert total(heart) == 110


def test_a_whole_day_undone_leaves_the_day_before_as_it_stood():
    settings = settings_for(end="2026-11-13T00:00:00+08:00")
    heart, plain = a_heart(settings), a_heart(settings)
    for some in (heart, plain):
        take(some, reading("10:00", gmv=100), reading("10:05", gmv=120))
    take_back(heart, take(heart, reading("00:05", day="2026-11-12", gmv=9)).batch_id)
    assert all_of(heart) == all_of(plain)
    for some in (heart, plain):
        take(some, reading("10:10", gmv=130))
    assert all_of(heart) == all_of(plain)
    assert total(heart) == 130


# --- whatever was loaded, whatever is undone ----------------------------------------------------

SPAN = ("2026-11-11T00:00:00+08:00", "2026-11-12T02:00:00+08:00")
NEXT = ("2026-11-11T09:00:00+08:00", "2026-11-12T00:00:00+08:00")


def world(counter: str) -> Settings:
    return settings_for(
        campaigns={"sale": SPAN, "show": NEXT}, feeds={"live": counter, "late": "cumulative_day"}
    )


@dataclass(frozen=True)
class Came:
    """One file: the feed it came for, its rows, and whether it is an export of a period."""

    feed: str
    rows: tuple[tuple[str, str, str, int | None, int | None, int | None], ...]
    at: str | None = None

    def file(self, n: int) -> File:
        rows = [
            {
                **({} if self.at else {"observed_at": f"2026-11-{clock}:00+08:00"}),
                "campaign_id": campaign, "channel": channel, "gmv": gmv, "orders": orders,
                "complete_through": None if behind is None else f"2026-11-11T09:{behind:02d}:00+08:00",
            }
            for clock, campaign, channel, gmv, orders, behind in self.rows
        ]  # fmt: skip
        return File(
            f"{n:02d}.csv", csv_text([*rows, {"campaign_id": "nobody", "gmv": n}]), self.feed
        )


CLOCKS = ("11T10:00", "11T10:05", "11T10:07", "11T23:59", "12T00:00", "12T00:05")
FEW = st.sampled_from([None, 5, 7, 100])
ROWS = st.tuples(
    st.sampled_from(CLOCKS), st.sampled_from(["sale", "show"]), st.sampled_from(["live", "video"]),
    FEW, FEW, st.sampled_from([None] * 4 + [30]),
)  # fmt: skip
FILES = st.lists(
    st.builds(
        Came,
        st.sampled_from(["live", "live", "late"]),
        st.lists(ROWS, min_size=1, max_size=5).map(tuple),
        st.sampled_from([None, None, None, *CLOCKS[:3]]),
    ),
    min_size=1,
    max_size=6,
)


def arrive(heart: Heart, came: Came, n: int) -> Loaded:
    """Load one file, with the instant of reading that was said of it."""
    file = came.file(n)
    content = str(file.content).encode()
    at = came.at and local(f"{came.at[3:]}:00", day=f"2026-11-{came.at[:2]}")
    incoming = Incoming(
        file.name, heart.settings.feed_by_id(came.feed), content_hash(content, came.at), "canonical",
        read_canonical(content, heart.settings, None, at or None),
    )  # fmt: skip
    with heart.store.transaction():
        return heart.loader.load([incoming], afterwards(heart.settings) + timedelta(minutes=n))[0]


@given(st.data(), FILES, st.sampled_from(["cumulative_day", "cumulative_campaign", "interval"]))
def test_undone_is_as_if_never_loaded(data: st.DataObject, files: list[Came], counter: str):
    """Any files, any of them undone in any order and at any time: the rest is as if alone."""
    heart, plain = a_heart(world(counter)), a_heart(world(counter))
    gone = data.draw(st.lists(st.sampled_from(range(len(files))), unique=True))
    when = {n: data.draw(st.integers(n, len(files) - 1)) for n in gone}
    batches: dict[int, Loaded] = {}
    for n, came in enumerate(files):
        batches[n] = arrive(heart, came, n)
        for m in gone:
            if when[m] == n and batches[m].status != "refused":
                take_back(heart, batches[m].batch_id)
    for n, came in enumerate(files):
        if n not in gone:
            arrive(plain, came, n)
    assert all_of(heart) == all_of(plain)
