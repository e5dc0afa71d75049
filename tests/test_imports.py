"""The import desk on a running product: what a person is told, and what their click changes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import MonitorError
from monitor.imports import ImportDesk
from monitor.runtime import Runtime
from monitor.settings import load_settings
from monitor.store import open_store
from monitor.ui import cards, feeds
from monitor.ui.frame import Frame
from monitor.ui.fresh import freshness
from tests.conftest import local
from tests.ingest.writers import workbook

CONFIG = """
[[campaign]]
id = "sale"
name = "Sale"
kind = "custom"
market = "MY"
start = 2026-11-11T00:00:00+08:00
end = 2026-11-12T00:00:00+08:00
[[feed]]
id = "export"
source = { type = "folder", path = "inbox/export", settle = "0s" }
grain = ["creator_id"]
counter = "cumulative_day"
[[feed]]
id = "orders"
source = { type = "folder", path = "inbox/orders", settle = "0s" }
counter = "interval"
"""
LABELS = [
    "Creator name",
    "Creator-attributed GMV",
    "Refunds",
    "Attributed orders",
    "Est. commission",
]
ROWS = [["aina", "RM 1,200.50", "0", "12", "120.05"], ["siti", "RM 800.00", "0", "8", "80.00"]]
NOON = local("12:00")


class Clock:
    """A clock that a test moves by hand."""

    speed = 1.0

    def __init__(self, now: datetime) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Runtime]:
    config = tmp_path / "monitor.toml"
    config.write_text(CONFIG, encoding="utf-8")
    runtime = Runtime(open_store(tmp_path / "db.duckdb"), load_settings(config), Clock(NOON))
    runtime.pulse()
    yield runtime
    runtime.stop()
    runtime.store.close()


@pytest.fixture
def desk(product: Runtime) -> ImportDesk:
    return product.imports


def sheet(*rows: list[str], labels: list[str] = LABELS) -> bytes:
    return workbook(Creators=[labels, *(rows or ROWS)])


def gmv(product: Runtime) -> float | None:
    picture = product.picture
    assert picture is not None
    return picture.campaigns["sale"].totals["gmv"]


def open_alerts(product: Runtime) -> set[str]:
    picture = product.picture
    assert picture is not None
    return {a["rule"] for a in picture.campaigns["sale"].alerts if a["status"] == "open"}


def pulse(product: Runtime) -> None:
    """The next look at the inboxes, a moment later."""
    assert isinstance(product.clock, Clock)
    product.clock.at += timedelta(seconds=5)
    product.pulse()
    assert product.health.failure is None


def test_a_preview_says_what_a_file_is_and_keeps_nothing(
    product: Runtime, desk: ImportDesk
) -> None:
    shown = desk.preview("creators.xlsx", sheet(), "export", None, NOON)
    assert (shown.status, shown.format, shown.title) == (
        "ready", "tiktok_creator_data", "TikTok Shop Creator Data",
    )  # fmt: skip
    assert (shown.currency, shown.timezone, shown.campaigns) == (
        "MYR", "Asia/Kuala_Lumpur", ("sale",),
    )  # fmt: skip
    assert shown.observed == (NOON, NOON)
    assert shown.rows == {"read": 2, "taken": 2, "quarantined": 0, "known": 0}
    assert shown.totals["gmv"] == 2000.5
    assert [(c.label, c.field, c.how) for c in shown.columns][:2] == [
        ("Creator name", "creator_id", "name"), ("Creator-attributed GMV", "gmv", "name"),
    ]  # fmt: skip
    assert shown.sample[0] == (2, tuple(ROWS[0]))
    pulse(product)
    assert gmv(product) is None
    assert desk.batches(10) == ()


def test_a_file_handed_in_is_taken_with_the_next_look_and_who_gave_it_is_kept(
    product: Runtime, desk: ImportDesk
) -> None:
    content = sheet()
    batch = desk.submit("creators.xlsx", content, "export", None, NOON, "Aina")
    assert desk.progress(batch) is None
    pulse(product)
    entry = desk.progress(batch)
    assert entry is not None
    assert (entry.status, entry.who, entry.taken) == ("taken", "Aina", 2)
    assert gmv(product) == 2000.5
    again = desk.preview("creators.xlsx", content, "export", None, NOON)
    assert again.status == "known"
    assert "Aina" in (again.reason or "")


def test_an_export_is_shown_as_what_it_is_and_nothing_is_made_up_of_it(
    product: Runtime, desk: ImportDesk
) -> None:
    desk.submit("creators.xlsx", sheet(), "export", None, NOON, "Aina")
    pulse(product)
    picture = product.picture
    assert picture is not None
    shown = picture.campaigns["sale"]
    assert (shown.as_of, shown.totals["gmv"]) == (NOON, 2000.5)
    (feed,) = [f for f in picture.feeds if f.feed_id == "export"]
    assert (feed.told, feed.newest, feed.late) == (NOON, None, False)
    clock = product.clock.now()
    frame = Frame(picture, shown, clock, freshness(picture, shown, clock))
    (state,) = [s for s in feeds.states(frame) if s.feed.feed_id == "export"]
    assert state.label == ("✓", "in the totals")
    assert "nothing has come" not in feeds.cards(frame, [state]).lower()
    assert not shown.series, "no bucket is closed, so none is drawn"
    assert "Nothing is judged yet" in cards.risk(frame)
    rows = shown.boards["creators"].rows.to_pylist()
    assert [(r["name"], r["value"]) for r in rows] == [("aina", 1200.5), ("siti", 800.0)]
    assert {r["last_hour"] for r in rows} == {None}, "a total of the day says nothing of an hour"


def test_undo_restores_what_was_before_and_a_second_import_takes_it_anew(
    product: Runtime, desk: ImportDesk
) -> None:
    first = desk.submit("a.xlsx", sheet(), "export", None, local("11:00"), "Aina")
    pulse(product)
    wrong = desk.submit(
        "b.xlsx", sheet(["aina", "9,999", "0", "99", "9"]), "export", None, NOON, "B"
    )
    pulse(product)
    assert gmv(product) == 9999 + 800
    desk.undo(wrong, "Farah")
    pulse(product)
    assert gmv(product) == 2000.5
    entry = desk.progress(wrong)
    assert entry is not None
    assert (entry.status, entry.undone_by) == ("undone", "Farah")
    with pytest.raises(MonitorError, match="undone before, by Farah"):
        desk.undo(wrong, "Farah")
    desk.submit("b.xlsx", sheet(["aina", "9,999", "0", "99", "9"]), "export", None, NOON, "B")
    pulse(product)
    assert gmv(product) == 9999 + 800
    assert first != wrong


def test_two_people_who_undo_one_batch_at_once_undo_it_once(
    product: Runtime, desk: ImportDesk
) -> None:
    batch = desk.submit("a.xlsx", sheet(), "export", None, NOON, "Aina")
    pulse(product)
    desk.undo(batch, "Farah")
    desk.undo(batch, "Wei")
    pulse(product)
    entry = desk.progress(batch)
    assert entry is not None
    assert (entry.status, entry.undone_by) == ("undone", "Farah")
    assert gmv(product) is None


def test_a_renamed_column_is_asked_for_and_remembered(product: Runtime, desk: ImportDesk) -> None:
    labels = ["Creator name", "Creator driven GMV", *LABELS[2:]]
    content = sheet(labels=labels)
    shown = desk.preview("c.xlsx", content, "export", None, NOON)
    assert shown.status == "needs_mapping"
    assert "4 of 5 columns matched" in (shown.reason or "")
    assert shown.suggestions[0].field == "Creator-attributed GMV"
    assert shown.suggestions[0].labels[0] == "Creator driven GMV"

    batch = desk.submit("c.xlsx", content, "export", None, NOON, "Aina")
    pulse(product)
    entry = desk.progress(batch)
    assert entry is not None
    assert entry.status == "needs_mapping"
    assert gmv(product) is None, "not read as zero"
    assert open_alerts(product) == {"needs_mapping"}

    desk.learn("tiktok_creator_data", "Creator driven GMV", "Creator-attributed GMV", "Farah")
    pulse(product)  # the file that waited is read again
    pulse(product)
    entry = desk.progress(batch)
    assert entry is not None
    assert entry.status == "taken"
    assert gmv(product) == 2000.5
    assert open_alerts(product) == set()
    assert [row[:4] for row in desk.aliases()] == [
        ("tiktok_creator_data", "creator driven gmv", "Creator-attributed GMV", "Farah")
    ]
    shown = desk.preview("d.xlsx", content, "export", None, local("12:30"))
    assert [c.how for c in shown.columns][1] == "learned"
    desk.forget("tiktok_creator_data", "Creator driven GMV", "Farah")
    assert desk.preview("d.xlsx", content, "export", None, NOON).status == "needs_mapping"


def test_a_file_that_fell_against_the_last_one_is_asked_about(
    product: Runtime, desk: ImportDesk
) -> None:
    desk.submit("a.xlsx", sheet(), "export", None, local("11:00"), "Aina")
    pulse(product)
    less = sheet(["aina", "RM 900.00", "0", "9", "90"], ["siti", "RM 340.31", "0", "3", "30"])
    shown = desk.preview("b.xlsx", less, "export", None, NOON)
    assert shown.previous is not None
    assert shown.previous.file.startswith("a@") or shown.previous.file == "a.xlsx"
    change = next(c for c in shown.previous.changes if c.metric == "gmv")
    assert (change.before, change.now) == (2000.5, 1240.31)
    assert "GMV is 38% below the file of 12:00" in shown.previous.words


def test_rows_set_aside_come_back_as_a_file_that_can_be_corrected_and_dropped_in(
    product: Runtime, desk: ImportDesk
) -> None:
    content = sheet(ROWS[0], ["=cmd|'x'!A1", "12 apples", "0", "1", "1"])
    batch = desk.submit("a.xlsx", content, "export", None, NOON, "Aina")
    pulse(product)
    entry = desk.progress(batch)
    assert entry is not None
    assert (entry.taken, entry.quarantined) == (1, 1)
    name, given = desk.quarantine_csv(batch)
    rows = list(csv.reader(io.StringIO(given.decode("utf-8-sig"))))
    assert name.endswith("-to-correct.csv")
    assert rows[0][:2] == LABELS[:2]
    assert rows[1][:2] == ["'=cmd|'x'!A1", "12 apples"]
    assert "not a number" in rows[1][-1]
    corrected = given.decode("utf-8-sig").replace("12 apples", "12.00").encode()
    desk.submit(name, corrected, "export", None, NOON, "Aina")
    pulse(product)
    assert gmv(product) == 1212.5
    picture = product.picture
    assert picture is not None
    names = {row["name"] for row in picture.campaigns["sale"].boards["creators"].rows.to_pylist()}
    assert names == {"aina", "=cmd|'x'!A1"}


def test_a_feed_is_suggested_by_what_it_took_before(product: Runtime, desk: ImportDesk) -> None:
    canonical = b"observed_at,campaign_id,gmv\n2026-11-11T12:00:00+08:00,sale,5\n"
    assert desk.suggest_feed("a.csv", canonical) is None
    assert desk.suggest_feed("a.xlsx", sheet()) == "export", "the only one that counts that way"
    desk.submit("a.csv", canonical, "orders", None, None, "Aina")
    pulse(product)
    assert desk.suggest_feed("b.csv", canonical.replace(b",5", b",6")) == "orders"


@pytest.mark.parametrize(
    ("content", "at", "words"),
    [
        (b"", NOON, "empty"),
        (b"hello\nworld\n", NOON, "no known columns"),
        (sheet(), None, "give the instant of reading"),
        (sheet(), local("12:00", day="2026-12-24"), "more than a day outside the campaign"),
        (sheet(["aina", "0", "0", "5", "0"], ["siti", "0", "0", "7", "0"]), NOON, "exported empty"),
    ],
    ids=["empty", "no table", "no instant", "another month", "all zero"],
)
def test_a_file_that_cannot_be_taken_says_why(
    desk: ImportDesk, content: bytes, at: datetime | None, words: str
) -> None:
    shown = desk.preview("a.xlsx", content, "export", None, at)
    assert shown.status == "refused"
    assert words in (shown.reason or "")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.csv", "..\\x.csv", ".hidden.csv", "a/b.csv", "~$a.csv"]
)
def test_no_file_name_leads_out_of_the_inbox(product: Runtime, desk: ImportDesk, name: str) -> None:
    content = b"observed_at,campaign_id,gmv\n2026-11-11T12:00:00+08:00,sale,5\n"
    desk.submit(name, content, "export", None, None, "Aina")
    pulse(product)
    assert gmv(product) == 5.0
