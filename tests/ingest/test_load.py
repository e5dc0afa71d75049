"""Loading: the ledger, repeats, restatements, and ticks that fail halfway."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.desk import Desk
from monitor.answers import alerts_json
from monitor.ingest.arrivals import Arrival
from monitor.ingest.load import Incoming, Loaded, content_hash
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
    ingest,
    ledger,
    load,
    local,
    read_canonical,
    reading,
    settings_for,
    total,
    totals_of,
)

ONE = file_of(reading("10:00", channel="live", gmv=100, orders=4), name="one.csv")
TWO = file_of(reading("10:05", channel="live", gmv=150, orders=5), name="two.csv")


def counts(loaded: Loaded) -> tuple[str, int, int, int, int]:
    """status, then rows read, taken, quarantined, known."""
    return loaded.status, loaded.read, loaded.taken, loaded.quarantined, loaded.known


def take(heart: Heart, *rows: Row, name: str = "") -> Loaded:
    return load(heart, file_of(*rows, name=name))[0]


def quarantine(heart: Heart) -> list[tuple[Any, ...]]:
    query = 'select file, line, "column", value, reason from quarantine order by seq, line'
    return heart.store.cursor.execute(query).fetchall()


def everything(heart: Heart) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    cursor = heart.store.cursor
    tables = [row[0] for row in cursor.execute("select table_name from duckdb_tables()").fetchall()]
    assert "snapshot" in tables
    return {t: sorted(cursor.execute(f"select * from {t}").fetchall(), key=repr) for t in tables}


# --- what a file is answered --------------------------------------------------------------------


def test_a_new_file_is_taken(heart: Heart):
    loaded = load(heart, ONE)[0]
    assert counts(loaded) == ("taken", 1, 1, 0, 0)
    assert (loaded.file, loaded.format, loaded.reason) == ("one.csv", "canonical", None)


def test_the_same_file_again_is_known_and_changes_nothing(heart: Heart):
    first = load(heart, ONE)[0]
    before = derived(heart)
    again = load(heart, ONE)[0]
    assert counts(again) == ("known", 1, 0, 0, 1)
    assert again.batch_id == first.batch_id
    assert (again.totals, again.columns) == (first.totals, first.columns)
    assert derived(heart) == before


def test_the_same_content_under_another_name_is_known(heart: Heart):
    load(heart, ONE)
    assert load(heart, File("other.csv", ONE.content))[0].status == "known"


def test_the_same_file_twice_in_one_tick_is_known_the_second_time(heart: Heart):
    statuses = [x.status for x in load(heart, ONE, File("copy.csv", ONE.content))]
    assert statuses == ["taken", "known"]
    assert total(heart) == 100


def test_the_same_snapshot_in_another_file_is_known(heart: Heart):
    load(heart, ONE)
    before = derived(heart)
    row = reading("10:00", channel="live", gmv="100.00", orders="4.0", clicks=None)
    assert counts(take(heart, row)) == ("known", 1, 0, 0, 1)
    assert derived(heart) == before


def test_the_same_snapshot_in_another_file_of_the_same_tick_is_known(heart: Heart):
    other = file_of(reading("10:00", channel="live", gmv="100.00", orders="4.0"), name="other.csv")
    assert [x.status for x in load(heart, ONE, other)] == ["taken", "known"]


def test_the_same_row_twice_in_a_file_is_known_the_second_time(heart: Heart):
    row = reading("10:00", gmv=100)
    assert counts(take(heart, row, row)) == ("taken", 2, 1, 0, 1)


def test_a_file_with_one_new_row_is_taken(heart: Heart):
    load(heart, ONE)
    rows = [reading("10:00", channel="live", gmv=100), reading("10:05", channel="live", gmv=110)]
    assert counts(take(heart, *rows)) == ("taken", 2, 1, 0, 1)


def test_read_is_taken_and_quarantined_and_known(heart: Heart):
    load(heart, ONE)
    loaded = take(
        heart,
        reading("10:00", channel="live", gmv=100),
        reading("10:00", channel="video", gmv=7),
        reading("10:00", channel="card", gmv="x"),
        reading("10:00", channel="card", gmv=1, campaign="nobody"),
    )
    assert counts(loaded) == ("taken", 4, 1, 2, 1)


def test_a_file_of_faults_alone_is_refused(heart: Heart):
    loaded = take(heart, reading("10:00", gmv="x"), reading("10:00", gmv="y"))
    assert counts(loaded) == ("refused", 2, 0, 2, 0)
    assert loaded.reason
    assert len(quarantine(heart)) == 2


def test_a_file_that_is_no_table_is_refused_with_the_reason(heart: Heart):
    loaded = load(heart, File("page.csv", "<html></html>"))[0]
    assert counts(loaded) == ("refused", 0, 0, 0, 0)
    assert "no known columns" in (loaded.reason or "")


def test_a_refused_file_does_not_keep_others_of_its_tick_out(heart: Heart):
    statuses = [x.status for x in load(heart, File("page.csv", "<html></html>"), ONE)]
    assert statuses == ["refused", "taken"]
    assert total(heart) == 100


def test_a_refused_file_stays_refused_when_it_comes_again(heart: Heart):
    page = File("page.csv", "<html></html>")
    load(heart, page)
    assert load(heart, page)[0].status == "refused"
    assert [(row["status"], row["arrivals"]) for row in ledger(heart)] == [("refused", 2)]


def test_the_same_content_for_another_feed_is_another_file():
    heart = a_heart(settings_for(feeds={"live": "cumulative_day", "late": "cumulative_day"}))
    load(heart, ONE)
    assert load(heart, File("one.csv", ONE.content, feed="late"))[0].status == "taken"


def test_the_same_content_for_another_campaign_is_another_file():
    day = ("2026-11-11T00:00:00+08:00", "2026-11-12T00:00:00+08:00")
    heart = a_heart(settings_for(campaigns={"sale": day, "show": day}))
    text = "observed_at,gmv\n2026-11-11T10:00:00+08:00,5\n"
    for campaign in ("sale", "show"):
        assert load(heart, File("x.csv", text, campaign=campaign))[0].status == "taken"
        assert total(heart, campaign=campaign) == 5


def test_a_file_without_rows_is_nothing_new(heart: Heart):
    assert counts(load(heart, "observed_at,campaign_id,gmv\n")[0]) == ("known", 0, 0, 0, 0)
    assert total(heart) is None


def test_the_answer_is_one_json_document_as_the_contract_has_it(heart: Heart):
    rows = [{**reading("10:00", gmv=5), "notes": "hm"}, reading("10:00", gmv=-1)]
    document = json.loads(json.dumps(take(heart, *rows, name="x.csv").as_json()))
    assert document.pop("batch_id")
    reason = document["quarantine"][0].pop("reason")
    assert "negative" in reason
    assert document == {
        "file": "x.csv",
        "format": "canonical",
        "status": "taken",
        "reason": None,
        "rows": {"read": 2, "taken": 1, "quarantined": 1, "known": 0},
        "columns": {
            "matched": ["observed_at", "campaign_id", "gmv"], "unmatched": ["notes"], "missing": [],
        },
        "totals": {"gmv": 5},
        "quarantine": [{"row": 3, "column": "gmv", "value": "-1"}],
    }  # fmt: skip


# --- totals of a file ---------------------------------------------------------------------------

FROM_TO = ("2026-11-11T00:00:00+08:00", "2026-11-13T00:00:00+08:00")
DAYS = [
    reading("10:00", channel="live", gmv=100, orders=1),
    reading("10:05", channel="live", gmv=150, orders=2),
    reading("10:05", channel="video", gmv=7),
    reading("10:00", channel="live", gmv=30, orders=5, day="2026-11-12"),
]


@pytest.mark.parametrize(
    ("counter", "totals"),
    [
        ("cumulative_day", {"gmv": 187, "orders": 7}),
        ("cumulative_campaign", {"gmv": 37, "orders": 5}),
        ("interval", {"gmv": 287, "orders": 8}),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_file_adds_up_its_last_readings_or_its_intervals(
    counter: str, totals: dict[str, float], backwards: bool
):
    heart = a_heart(settings_for(counter=counter, start=FROM_TO[0], end=FROM_TO[1]))
    rows = DAYS[::-1] if backwards else DAYS
    assert take(heart, *rows).totals == totals


def test_a_blank_last_reading_leaves_the_one_before_in_the_totals_of_a_file(heart: Heart):
    loaded = take(heart, reading("10:00", gmv=100, orders=1), reading("10:05", orders=2))
    assert loaded.totals == {"gmv": 100, "orders": 2}


def test_a_metric_that_a_file_never_states_is_not_in_its_totals(heart: Heart):
    assert take(heart, reading("10:00", gmv=100, orders=None)).totals == {"gmv": 100}


# --- the ledger ---------------------------------------------------------------------------------


def test_the_ledger_has_one_row_for_each_content_in_order_of_arrival(heart: Heart):
    for file in (ONE, TWO, ONE):
        load(heart, file)
    assert [(r["file"], r["status"], r["arrivals"]) for r in ledger(heart)] == [
        ("one.csv", "taken", 2),
        ("two.csv", "taken", 1),
    ]


def test_the_ledger_keeps_both_files_of_a_restatement(heart: Heart):
    take(heart, reading("10:00", gmv=100), name="first.csv")
    take(heart, reading("10:00", gmv=90), name="second.csv")
    assert [(r["file"], r["taken"]) for r in ledger(heart)] == [("first.csv", 1), ("second.csv", 1)]
    assert heart.store.cursor.execute("select count(*) from snapshot").fetchone() == (2,)


def test_the_ledger_keeps_who_gave_a_file_and_what_was_said_of_it(heart: Heart):
    content = csv_text([{"campaign_id": "sale", "gmv": 5}]).encode()
    note = json.dumps({"at": "2026-11-11T10:00:00+08:00"})
    readings = read_canonical(content, heart.settings, None, local("10:00:00"))
    for who, name in (("ana@example.com", "a.csv"), ("", "b.csv")):
        hashed = content_hash(content, name)
        incoming = Incoming(name, heart.settings.feed[0], hashed, "x", readings, who=who, note=note)
        with heart.store.transaction():
            heart.loader.load([incoming], afterwards(heart.settings))
    assert [(r["who"], r["note"]) for r in ledger(heart)] == [("ana@example.com", note), ("", note)]


def test_repeats_are_told_value_by_value_whichever_row_said_them_before(heart: Heart):
    """GMV in the store, orders earlier in the file: the third row says nothing new."""
    take(heart, reading("10:00", gmv=100), name="a.csv")
    rows = reading("10:00", orders=4), reading("10:00", gmv=90), reading("10:00", gmv=100, orders=4)
    assert counts(take(heart, *rows)) == ("taken", 3, 2, 0, 1)
    assert total(heart) == 90


def test_rows_that_stand_for_several_count_as_many(heart: Heart):
    content = csv_text([reading("10:00", channel=c, gmv=1) for c in ("live", "video")]).encode()
    readings = replace(
        read_canonical(content, heart.settings), read=7, weight=np.array([3, 4], np.int64)
    )
    feed = heart.settings.feed[0]
    with heart.store.transaction():
        loaded = heart.loader.load([Incoming("x", feed, "1", "x", readings)], local("10:01:00"))
    assert counts(loaded[0]) == ("taken", 7, 7, 0, 0)


@pytest.mark.parametrize("times", [2, 3])
def test_a_file_with_faults_that_comes_again_keeps_its_place_in_the_ledger(times: int):
    """Its row says what was taken of it, when it first came, and how often it came."""
    heart = a_heart()
    file = file_of(reading("10:00", gmv=1), reading("10:00", gmv="x", channel="live"), name="x.csv")
    first = local("10:01")
    for n in range(times):
        ingest(heart, file, now=first + timedelta(minutes=n))
    row = ledger(heart)[0]
    assert (row["status"], row["rows_read"], row["taken"], row["quarantined"], row["known"]) == (
        "taken", 2, 1, 1, 0,
    )  # fmt: skip
    assert row["arrivals"] == times
    assert row["arrived_at"] == first.replace(tzinfo=None)
    assert row["last_arrived_at"] == (first + timedelta(minutes=times - 1)).replace(tzinfo=None)
    assert len(quarantine(heart)) == 1


def test_a_file_with_faults_is_answered_as_known_when_it_comes_again(heart: Heart):
    rows = reading("10:00", gmv=1), reading("10:00", gmv="x", channel="live")
    take(heart, *rows)
    assert counts(take(heart, *rows)) == ("known", 2, 0, 1, 1)


def test_a_repeated_file_does_not_bring_back_an_alert_that_it_had_ended():
    heart = a_heart()
    mended = file_of(
        reading("10:00", gmv=1), reading("10:00", gmv="x", channel="live"), name="b.csv"
    )
    for minute, file in enumerate([File("a.csv", "<html></html>"), mended, mended], 1):
        ingest(heart, file, now=local(f"10:0{minute}"))
    refused = [a for a in alerts_json(heart.store)["alerts"] if a["rule"] == "refused_file"]
    assert [(a["status"], len(a["episodes"])) for a in refused] == [("resolved", 1)]


# --- quarantine, and a configuration that becomes wiser -----------------------------------------


def test_a_quarantined_row_is_kept_with_file_line_column_value_and_reason(heart: Heart):
    take(heart, reading("10:00", gmv=1), reading("10:00", gmv="1,5"), name="x.csv")
    assert [row[:4] for row in quarantine(heart)] == [("x.csv", 3, "gmv", "1,5")]
    assert "not a number" in quarantine(heart)[0][4]


def wiser(heart: Heart, settings: Settings) -> Heart:
    """The same database after the configuration was changed."""
    return Heart(heart.store, settings)


SHOW = ("2026-11-11T00:00:00+08:00", "2026-11-12T00:00:00+08:00")
WISER = settings_for(campaigns={"sale": SHOW, "show": SHOW})


def test_rows_of_a_campaign_that_was_added_are_taken_when_the_file_comes_again(heart: Heart):
    rows = reading("10:00", gmv=1), reading("10:00", gmv=5, campaign="show")
    take(heart, *rows)
    after = wiser(heart, WISER)
    assert counts(take(after, *rows)) == ("taken", 2, 1, 0, 1)
    assert (total(after, campaign="sale"), total(after, campaign="show")) == (1, 5)
    assert quarantine(after) == []
    row = ledger(after)[0]
    assert (row["status"], row["taken"], row["quarantined"], row["known"]) == ("taken", 2, 0, 0)


def test_a_file_refused_for_its_campaign_is_taken_once_the_campaign_is_there(heart: Heart):
    row = reading("10:00", gmv=5, campaign="show")
    assert take(heart, row).status == "refused"
    after = wiser(heart, WISER)
    assert take(after, row).status == "taken"
    assert take(after, row).status == "known"
    assert total(after, campaign="show") == 5


def test_rows_taken_late_do_not_overrule_a_restatement_that_came_in_between(heart: Heart):
    """As if the configuration had been wise from the start: the file came first."""
    early = reading("10:00", gmv=5, campaign="show"), reading("10:00", gmv=1)
    take(heart, *early)
    after = wiser(heart, WISER)
    take(after, reading("10:00", gmv=8, campaign="show"))
    take(after, *early)
    assert total(after, campaign="show") == 8


# --- restatements -------------------------------------------------------------------------------


def test_a_later_arrival_replaces_a_value(heart: Heart):
    take(heart, reading("10:00", gmv=100))
    assert take(heart, reading("10:00", gmv=90)).status == "taken"
    assert total(heart) == 90


def test_a_restatement_is_no_correction(heart: Heart):
    take(heart, reading("10:00", gmv=100))
    take(heart, reading("10:00", gmv=90))
    assert derived(heart)["correction"] == []


def test_in_one_tick_the_later_file_name_counts(heart: Heart):
    a = file_of(reading("10:00", gmv=100), name="a.csv")
    b = file_of(reading("10:00", gmv=90), name="b.csv")
    load(heart, a, b)
    assert total(heart) == 90


def test_in_one_file_the_later_line_counts(heart: Heart):
    take(heart, reading("10:00", gmv=100), reading("10:00", gmv=90))
    assert total(heart) == 90


def test_the_replaced_file_coming_again_does_not_restore_its_value(heart: Heart):
    for gmv in (100, 90, 100):
        take(heart, reading("10:00", gmv=gmv))
    assert total(heart) == 90


def test_each_metric_is_restated_alone_and_a_blank_never_erases(heart: Heart):
    take(heart, reading("10:00", gmv=100, orders=4))
    take(heart, reading("10:00", gmv=None, orders=5))
    assert (total(heart), total(heart, "orders")) == (100, 5)


def test_a_blank_does_not_erase_even_when_the_whole_snapshot_comes_again(heart: Heart):
    take(heart, reading("10:00", gmv=100), reading("10:05", gmv=150))
    assert take(heart, reading("10:05", gmv=None)).status == "known"
    assert total(heart) == 150


def test_keys_that_the_later_file_lacks_stay(heart: Heart):
    take(heart, reading("10:00", channel="live", gmv=100), reading("10:00", channel="video", gmv=7))
    take(heart, reading("10:00", channel="live", gmv=90))
    rows = {row["by"]["channel"]: row["gmv"] for row in totals_of(heart, "channel")}
    assert rows == {"live": 90, "video": 7}


def test_a_restatement_concerns_its_feed_alone():
    heart = a_heart(settings_for(feeds={"live": "cumulative_day", "late": "cumulative_day"}))
    load(heart, file_of(reading("10:00", gmv=100), feed="live"))
    load(heart, file_of(reading("10:00", gmv=90), feed="late"))
    assert total(heart) == 100


def test_a_restated_middle_reading_changes_what_came_before_and_after_it(heart: Heart):
    rows = [reading("10:00", gmv=100), reading("10:05", gmv=110), reading("10:10", gmv=120)]
    take(heart, *rows)
    take(heart, reading("10:05", gmv=118))
    facts = {f[1].strftime("%H:%M"): f[4] for f in derived(heart)["fact"]}
    assert (facts["02:00"], facts["02:05"]) == (1800, 200)
    assert total(heart) == 120


@given(st.permutations([100, 90, 120, 95]))
def test_after_restatements_it_is_as_if_only_the_last_had_come(said: list[int]):
    heart, plain = a_heart(), a_heart()
    for n, gmv in enumerate(said):
        take(heart, reading("10:00", gmv=gmv), reading(f"11:{n:02d}", gmv=200))
    take(
        plain,
        reading("10:00", gmv=said[-1]),
        *[reading(f"11:{n:02d}", gmv=200) for n in range(len(said))],
    )
    assert derived(heart) == derived(plain)


# --- all or nothing -----------------------------------------------------------------------------


class PowerCut(Exception):
    pass


def test_a_tick_that_fails_leaves_everything_as_it_was(
    heart: Heart, monkeypatch: pytest.MonkeyPatch
):
    ingest(heart, ONE, now=local("10:01"))
    before, generation, last = everything(heart), heart.generation, heart.last_tick
    bad = file_of(
        reading("10:05", channel="video", gmv=9), reading("10:05", gmv="x"), name="bad.csv"
    )

    def fail(*_: object) -> None:
        raise PowerCut

    with monkeypatch.context() as cut:
        cut.setattr(Desk, "record", fail)
        with pytest.raises(PowerCut):
            ingest(heart, TWO, bad, now=local("10:06"))
    assert everything(heart) == before
    assert (heart.generation, heart.last_tick) == (generation, last)


def test_the_same_arrivals_work_after_a_tick_that_failed(monkeypatch: pytest.MonkeyPatch):
    """New keys, new campaigns and faults included, the result is that of a tick that never failed."""
    files = [
        TWO,
        file_of(reading("10:05", channel="video", creator_id="new", gmv=9), name="new.csv"),
        file_of(reading("10:05", gmv=1), reading("10:05", gmv="x"), name="bad.csv"),
        File("page.csv", "<html></html>"),
    ]
    hearts = a_heart(), a_heart()
    for heart in hearts:
        ingest(heart, ONE, now=local("10:01"))
    with monkeypatch.context() as cut:
        cut.setattr(Desk, "record", lambda *_: (_ for _ in ()).throw(PowerCut()))
        with pytest.raises(PowerCut):
            ingest(hearts[0], *files, now=local("10:06"))
    statuses = [[x.status for x in ingest(heart, *files, now=local("10:06"))] for heart in hearts]
    assert statuses[0] == statuses[1] == ["taken", "taken", "taken", "refused"]
    assert everything(hearts[0]) == everything(hearts[1])


def test_a_failure_on_the_very_first_tick_leaves_an_empty_database(monkeypatch: pytest.MonkeyPatch):
    heart = a_heart()
    before = everything(heart)
    with monkeypatch.context() as cut:
        cut.setattr(Desk, "record", lambda *_: (_ for _ in ()).throw(PowerCut()))
        with pytest.raises(PowerCut):
            ingest(heart, ONE)
    assert everything(heart) == before
    ingest(heart, ONE)
    assert total(heart) == 100


def test_a_restarted_heart_goes_on_where_the_last_one_stopped():
    one, two = a_heart(), a_heart()
    load(one, ONE)
    load(two, ONE)
    load(one, TWO)
    load(Heart(two.store, two.settings), TWO)
    assert derived(one) == derived(two)


def test_an_arrival_that_vanished_is_refused_not_a_crash(heart: Heart, tmp_path: Path):
    gone = Arrival(tmp_path / "gone.csv", heart.settings.feed[0])
    loaded = heart.tick(local("10:00"), [gone], publish=False).loaded
    assert [x.status for x in loaded] == ["refused"]
    assert "cannot be read" in (loaded[0].reason or "")


def test_text_of_any_kind_goes_through_the_database_and_back(heart: Heart):
    names = [
        "emoji 🎉",
        'quote " and, comma',
        "two\nlines",
        "naïve",
        "\u202eright to left",
        "'; drop table fact",
    ]
    text = csv_text(reading("10:00", creator_id=name, gmv=1) for name in names)
    load(heart, text)
    found = [row["by"]["creator_id"] for row in totals_of(heart, "creator_id")]
    assert found == sorted(names)
