"""The inbox folder: which files are whole, and where they go. Seconds are given, nothing waits."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.ingest.arrivals import files_in, is_data, stamped, unstamped
from monitor.ingest.note import Note, note_of, write_note
from monitor.ingest.sources import folder as folder_module
from monitor.ingest.sources.folder import TORN_PATIENCE, Inbox, archived_name, open_for_writing
from monitor.runtime import Runtime
from monitor.settings import Feed, load_settings
from monitor.sources import FolderSource
from monitor.store import open_store
from tests.product import HEADER, a_sale_now, change, eventually, sale_rows

SETTLE_S = 5.0
NOW = datetime(2026, 11, 11, 4, 5, tzinfo=UTC)
WHOLE = "observed_at,campaign_id,gmv\n2026-11-11T12:00:00+08:00,sale,1\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    folder = tmp_path / "inbox" / "performance"
    folder.mkdir(parents=True)
    source = FolderSource(type="folder", path=folder)
    return Inbox(Feed(id="performance", source=source, counter="interval"))


def put(inbox: Inbox, name: str, content: str | bytes = WHOLE) -> Path:
    path = inbox.folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(inbox: Inbox, at_s: float) -> list[str]:
    return [path.name for path in inbox.ready(at_s)]


def below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# --- when a file is whole -------------------------------------------------------------------------


def test_a_file_is_ready_when_it_has_lain_unchanged_for_the_settle_time(inbox: Inbox) -> None:
    put(inbox, "a.csv")
    assert names(inbox, 100.0) == []
    assert names(inbox, 100.0 + SETTLE_S - 0.1) == []
    assert names(inbox, 100.0 + SETTLE_S) == ["a.csv"]


def test_a_change_begins_the_settle_time_anew(inbox: Inbox) -> None:
    path = put(inbox, "a.csv")
    assert names(inbox, 0.0) == []
    put(inbox, "a.csv", WHOLE + "2026-11-11T12:05:00+08:00,sale,2\n")
    assert names(inbox, SETTLE_S) == []
    os.utime(path, ns=(1, 1))  # same size, written again
    assert names(inbox, 2 * SETTLE_S - 1) == []
    assert names(inbox, 3 * SETTLE_S - 2) == []
    assert names(inbox, 3 * SETTLE_S - 1) == ["a.csv"]


def test_without_a_settle_time_a_whole_file_is_ready_at_once(tmp_path: Path) -> None:
    source = FolderSource(type="folder", path=tmp_path / "new", settle="0s")
    inbox = Inbox(Feed(id="performance", source=source, counter="interval"))
    assert names(inbox, 0.0) == []
    put(inbox, "a.csv")
    assert names(inbox, 0.0) == ["a.csv"]


@pytest.mark.parametrize("torn", [WHOLE[:-1], WHOLE + "2026-11-11T12:05", "observe"])
def test_a_file_that_ends_in_the_middle_of_a_line_is_waited_for_but_not_forever(
    inbox: Inbox, torn: str
) -> None:
    put(inbox, "a.csv", torn)
    assert names(inbox, 0.0) == []
    assert names(inbox, SETTLE_S * (TORN_PATIENCE - 1)) == []
    assert names(inbox, SETTLE_S * TORN_PATIENCE) == ["a.csv"]


def test_a_torn_file_that_is_finished_in_time_is_read_whole(inbox: Inbox) -> None:
    path = put(inbox, "a.csv", WHOLE[:-3])
    assert names(inbox, 0.0) == names(inbox, SETTLE_S * 2) == []
    path.write_text(WHOLE, encoding="utf-8")
    assert names(inbox, SETTLE_S * 3) == []
    assert names(inbox, SETTLE_S * 4) == ["a.csv"]


def test_a_parquet_file_is_whole_when_its_footer_is_there(inbox: Inbox, tmp_path: Path) -> None:
    pq.write_table(pa.table({"gmv": [1, 2, 3]}), tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    put(inbox, "torn.parquet", content[:-4])
    put(inbox, "whole.parquet", content)
    assert names(inbox, 0.0) == []
    assert names(inbox, SETTLE_S) == ["whole.parquet"]


def _zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sales.csv", WHOLE * 50)
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "whole", "torn"),
    [
        ("a.zip", _zipped(), _zipped()[:-30]),
        ("a.xlsx", _zipped(), _zipped()[: len(_zipped()) // 2]),
        ("really-a-workbook.csv", _zipped(), _zipped()[:-30]),
        ("a.tsv", "gmv\torders\n1\t2\n", "gmv\torders\n1\t"),
        ("a.txt", "gmv\r\n10000\r\n", "gmv\r\n10000"),
        ("a.csv", "gmv\n12345\n".encode("utf-16"), "gmv\n12345".encode("utf-16")),
        ("a.json", '[{"gmv": 1}]', '[{"gmv": 1},'),
        ("a.jsonl", '{"gmv": 12}\n', '{"gmv": 12'),
    ],
    ids=["zip", "xlsx", "workbook-as-csv", "tsv", "txt", "utf16", "json", "jsonl"],
)
def test_each_kind_of_file_is_whole_when_it_has_its_end(
    inbox: Inbox, name: str, whole: str | bytes, torn: str | bytes
) -> None:
    put(inbox, f"torn-{name}", torn)
    put(inbox, f"whole-{name}", whole)
    assert names(inbox, 0.0) == []
    assert names(inbox, SETTLE_S) == [f"whole-{name}"]
    assert len(names(inbox, SETTLE_S * TORN_PATIENCE)) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", gzip.compress(WHOLE.encode())),
        ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old workbook"),
    ],
    ids=["gzip", "html", "old-workbook"],
)
def test_files_whose_end_tells_nothing_only_have_to_lie_still(
    inbox: Inbox, name: str, content: bytes
) -> None:
    put(inbox, name, content)
    assert names(inbox, 0.0) == []
    assert names(inbox, SETTLE_S) == [name]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a file open")
def test_a_file_that_another_process_has_open_for_writing_is_not_ready(inbox: Inbox) -> None:
    path = put(inbox, "a.csv")
    script = f"f = open({str(path)!r}, 'a'); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        assert open_for_writing(path)
        assert names(inbox, 0.0) == names(inbox, 10 * SETTLE_S) == []
        writer.communicate("\n")
    assert names(inbox, 10 * SETTLE_S) == ["a.csv"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a file open")
def test_a_file_that_somebody_only_reads_is_ready(inbox: Inbox) -> None:
    path = put(inbox, "a.csv")
    with path.open(encoding="utf-8"):
        assert not open_for_writing(path)
        assert names(inbox, 0.0) == []
        assert names(inbox, SETTLE_S) == ["a.csv"]


def test_two_files_at_once_are_given_in_order_of_name(inbox: Inbox) -> None:
    put(inbox, "b.csv")
    put(inbox, "a.csv")
    put(inbox, "C.CSV")
    assert names(inbox, 0.0) == []
    assert names(inbox, SETTLE_S) == ["C.CSV", "a.csv", "b.csv"]


def test_hidden_temporary_and_foreign_files_and_folders_are_left_alone(inbox: Inbox) -> None:
    for name in (".a.csv.part", ".a.csv", "~$a.csv", "a.csv.part", "a.docx", "README"):
        put(inbox, name)
    (inbox.folder / "folder.csv").mkdir()
    assert names(inbox, 0.0) == names(inbox, SETTLE_S) == []


def test_a_missing_folder_is_made_and_one_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    source = FolderSource(type="folder", path=tmp_path / "deep" / "inbox")
    inbox = Inbox(Feed(id="performance", source=source, counter="interval"))
    assert names(inbox, 0.0) == []
    assert inbox.folder.is_dir()
    inbox.folder.rmdir()
    inbox.folder.write_text("not a folder", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match="a file of that name"):
        inbox.ready(1.0)


def test_a_file_that_is_moved_away_between_two_looks_is_forgotten(inbox: Inbox) -> None:
    path = put(inbox, "a.csv")
    assert names(inbox, 0.0) == []
    path.unlink()
    assert names(inbox, SETTLE_S) == []
    put(inbox, "a.csv")
    assert names(inbox, SETTLE_S + 1) == [], "a new file of the same name waits its own time"


# --- where it goes --------------------------------------------------------------------------------


def test_a_file_that_was_taken_moves_to_the_archive_with_its_arrival(
    inbox: Inbox, tmp_path: Path
) -> None:
    inbox.done(put(inbox, "export 9.csv"), NOW, None)
    assert below(tmp_path) == ["inbox/archive/performance/export 9@20261111T040500Z.csv"]
    archived = next((tmp_path / "inbox" / "archive" / "performance").iterdir())
    assert archived.read_text(encoding="utf-8") == WHOLE
    assert stamped(archived.name) == NOW, "a replay of the archive reads the arrival from it"


def test_files_of_one_name_in_one_second_are_numbered_and_none_is_overwritten(
    inbox: Inbox, tmp_path: Path
) -> None:
    for number in range(3):
        inbox.done(put(inbox, "a.csv", f"{number}\n"), NOW, None)
    archive = tmp_path / "inbox" / "archive" / "performance"
    assert below(archive) == [
        "a@20261111T040500Z.csv",
        "a_2@20261111T040500Z.csv",
        "a_3@20261111T040500Z.csv",
    ]
    assert sorted(path.read_text(encoding="utf-8") for path in archive.iterdir()) == [
        "0\n", "1\n", "2\n",
    ]  # fmt: skip


def test_a_name_that_already_carries_an_arrival_gets_the_real_one(inbox: Inbox) -> None:
    inbox.done(put(inbox, "a@20200101T000000Z.csv"), NOW, None)
    archived = next((inbox.folder.parent / "archive" / "performance").iterdir())
    assert archived.name == "a_20200101T000000Z@20261111T040500Z.csv"
    assert stamped(archived.name) == NOW


def test_a_refused_file_moves_away_with_its_reason_beside_it(inbox: Inbox, tmp_path: Path) -> None:
    inbox.done(put(inbox, "a.csv"), NOW, "no known columns")
    refused = tmp_path / "inbox" / "refused" / "performance"
    assert below(refused) == [
        "a@20261111T040500Z.csv",
        "a@20261111T040500Z.csv.reason.txt",
    ]
    note = refused / "a@20261111T040500Z.csv.reason.txt"
    assert note.read_text(encoding="utf-8") == "a.csv was refused: no known columns\n"
    assert (refused / "a@20261111T040500Z.csv").read_text(encoding="utf-8") == WHOLE


def test_a_file_that_cannot_be_moved_is_not_read_again_until_it_changes(inbox: Inbox) -> None:
    (inbox.folder.parent / "archive").write_text("in the way", encoding="utf-8")
    path = put(inbox, "a.csv")
    assert names(inbox, 0.0) == []
    assert names(inbox, SETTLE_S) == ["a.csv"]
    with pytest.raises(OSError, match="archive"):
        inbox.done(path, NOW, None)
    assert names(inbox, 2 * SETTLE_S) == names(inbox, 9 * SETTLE_S) == []
    put(inbox, "a.csv", WHOLE + "2026-11-11T12:05:00+08:00,sale,2\n")
    assert names(inbox, 10 * SETTLE_S) == []
    assert names(inbox, 11 * SETTLE_S) == ["a.csv"]


def test_what_was_said_about_a_file_moves_along_with_it(inbox: Inbox, tmp_path: Path) -> None:
    said = Note(campaign="sale", at="2026-11-11T12:00:00+08:00", who="amy", cursor='{"n": 1}')
    for name in ("a.csv", "b.csv", "c.csv"):
        write_note(put(inbox, name), said)
    inbox.done(inbox.folder / "a.csv", NOW, None)
    inbox.done(inbox.folder / "b.csv", NOW, "no known columns")
    inbox.waiting(inbox.folder / "c.csv", NOW, "the column GMV is missing")
    for place, name in (("archive", "a"), ("refused", "b"), ("waiting", "c")):
        path = tmp_path / "inbox" / place / "performance" / f"{name}@20261111T040500Z.csv"
        assert note_of(path) == said, place
    assert below(inbox.folder) == []
    assert files_in(tmp_path / "inbox" / "archive") == [
        tmp_path / "inbox" / "archive" / "performance" / "a@20261111T040500Z.csv"
    ], "a note is no file to replay"


def test_a_file_has_its_note_wherever_a_crash_leaves_it(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(inbox, "a.csv")
    write_note(path, Note(campaign="sale"))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("shutil.move", crash)
        with pytest.raises(KeyboardInterrupt):
            inbox.done(path, NOW, None)
    assert note_of(path).campaign == "sale", "it will be read again, as it was meant"
    with monkeypatch.context() as broken:
        broken.setattr("monitor.ingest.sources.folder.drop_note", crash)
        with pytest.raises(KeyboardInterrupt):
            inbox.done(path, NOW, None)
    archived = tmp_path / "inbox" / "archive" / "performance" / "a@20261111T040500Z.csv"
    assert note_of(archived).campaign == "sale"


def test_a_file_that_waits_for_a_person_is_read_again_under_its_own_name(
    inbox: Inbox, tmp_path: Path
) -> None:
    for content in ("the first\n", "the second\n"):
        path = put(inbox, "a.csv", content)
        write_note(path, Note(who=content.split()[1]))
        inbox.waiting(path, NOW, "did `GMV` become `Sales`?")
    waiting = tmp_path / "inbox" / "waiting" / "performance"
    reason = (waiting / "a@20261111T040500Z.csv.reason.txt").read_text(encoding="utf-8")
    assert reason == "a.csv waits: did `GMV` become `Sales`?\n"
    inbox.read_again()
    assert names(inbox, 0.0) == []
    assert names(inbox, SETTLE_S) == ["a.csv", "a_2.csv"]
    assert note_of(inbox.folder / "a.csv").who == "first"
    assert note_of(inbox.folder / "a_2.csv").who == "second"
    assert below(waiting) == []


# --- a share that is gone -------------------------------------------------------------------------


def test_a_folder_that_is_lost_is_said_and_never_made_anew(inbox: Inbox) -> None:
    assert names(inbox, 0.0) == []
    inbox.folder.rmdir()
    with pytest.raises(FileNotFoundError, match="it is gone; mount the share again"):
        inbox.ready(1.0)
    assert not inbox.folder.exists()
    inbox.folder.mkdir()
    assert names(inbox, 2.0) == []


def test_what_was_there_before_the_start_is_known_to_be_lost(tmp_path: Path) -> None:
    config = a_sale_now(tmp_path, NOW)
    store = open_store(None)
    try:
        first = Runtime(store, load_settings(config), _Clock())
        first.pulse()
        first.stop()
        (tmp_path / "inbox" / "performance").rmdir()
        again = Runtime(store, load_settings(config), _Clock())
        again.pulse()
        again.stop()
        assert again.picture is not None
        assert "it is gone; mount the share again" in again.picture.problems[0]
        assert again.picture.sources["performance"].trouble == again.picture.problems[0]
        assert again.picture.sources["performance"].failing_since == NOW
        assert not (tmp_path / "inbox" / "performance").exists()
    finally:
        store.close()


def test_a_folder_where_a_share_ought_to_be_mounted_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "SHARES", (f"{tmp_path}/mnt/",))
    source = FolderSource(type="folder", path=tmp_path / "mnt" / "team" / "exports")
    inbox = Inbox(Feed(id="performance", source=source, counter="interval"))
    (tmp_path / "mnt").mkdir()
    with pytest.raises(FileNotFoundError, match="mount the share"):
        inbox.ready(0.0)  # nothing is mounted
    (tmp_path / "mnt" / "team").mkdir()
    with pytest.raises(FileNotFoundError, match="mount the share"):
        inbox.ready(0.0)  # the place of a share that is not mounted is empty
    (tmp_path / "mnt" / "team" / "other").mkdir()
    assert inbox.ready(0.0) == []
    assert inbox.folder.is_dir()


def test_a_share_that_hangs_keeps_no_other_feed_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_sale_now(tmp_path, NOW, {"one": "cumulative_campaign", "two": "interval"})
    change(config, settle="0s")
    answers = threading.Event()
    ready = Inbox.ready

    def hanging(inbox: Inbox, at_s: float) -> list[Path]:
        if inbox.feed.id == "two":
            assert answers.wait(60)
        return ready(inbox, at_s)

    monkeypatch.setattr(Inbox, "ready", hanging)
    store = open_store(None)
    runtime = Runtime(store, load_settings(config), _Clock())
    try:
        for feed, gmv in (("one", 400), ("two", 800)):
            folder = tmp_path / "inbox" / feed
            folder.mkdir(parents=True)
            (folder / "a.csv").write_text(HEADER + sale_rows(NOW, gmv), encoding="utf-8")
        watches = {watch.inbox.feed.id: watch for watch in runtime.watches}
        watches["one"].patience_s, watches["two"].patience_s = 30.0, 0.1
        runtime.pulse()
        assert runtime.picture is not None
        assert not runtime.picture.problems, "it may only be slow"
        watches["two"].worry_s = 0.0
        runtime.pulse()
        assert runtime.picture is not None
        assert runtime.picture.campaigns["sale"].totals["gmv"] == 400
        assert (
            "feed two: the folder two cannot be read (it has not answered"
            in (runtime.picture.problems[0])
        )
        answers.set()
        watches["two"].patience_s = 30.0

        def taken() -> bool:
            runtime.pulse()
            arrivals = "select count(*) from batch where feed_id = 'two'"
            return store.cursor.execute(arrivals).fetchall() == [(1,)]

        eventually(taken, "the look that hung is taken up once it has ended")
        runtime.pulse()
        assert runtime.picture.problems == ()
    finally:
        answers.set()
        runtime.stop()
        store.close()


# --- in the running product -----------------------------------------------------------------------


class _Clock:
    speed = 1.0

    def now(self) -> datetime:
        return NOW


def test_a_feed_whose_folder_is_gone_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    config = a_sale_now(tmp_path, NOW, {"one": "cumulative_campaign", "two": "interval"})
    change(config, settle="0s")
    store = open_store(None)
    try:
        runtime = Runtime(store, load_settings(config), _Clock())
        (tmp_path / "inbox").mkdir()
        (tmp_path / "inbox" / "two").write_text("not a folder", encoding="utf-8")
        (tmp_path / "inbox" / "one").mkdir()
        file = tmp_path / "inbox" / "one" / "a.csv"
        file.write_text(HEADER + sale_rows(NOW, 400), encoding="utf-8")
        runtime.pulse()
        assert runtime.picture is not None
        assert runtime.health.failure is None
        assert runtime.picture.campaigns["sale"].totals["gmv"] == 400
        assert "feed two: the folder two cannot be read" in runtime.picture.problems[0]
        (tmp_path / "inbox" / "two").unlink()
        runtime.pulse()
        assert runtime.picture.problems == ()
    finally:
        store.close()


CREATOR_DATA = (
    "Creator name,Creator-attributed GMV,Refunds,Attributed orders,Creator-attributed items sold,"
    "Items refunded,AOV,Videos,Live streams,Est. commission,Samples shipped,Est. flat fee,"
    "Creator video-attributed GMV,Creator live-attributed GMV,"
    "Affiliate product card-attributed GMV,CTOR,CTR,Total sample content,"
    "Products added to showcase,Product impressions,Video views,Customers,Products sold\n"
    "amy,300,0,3,3,0,100,1,1,30,0,0,100,100,100,1%,1%,0,1,100,10,3,1\n"
)


def test_a_file_with_a_renamed_column_waits_until_a_person_has_explained_it(
    tmp_path: Path,
) -> None:
    config = a_sale_now(tmp_path, NOW)
    change(config, settle="0s")
    folder = tmp_path / "inbox" / "performance"
    folder.mkdir(parents=True)
    renamed = CREATOR_DATA.replace("Creator-attributed GMV", "Total sales by creators")
    path = folder / "creators.csv"
    write_note(path, Note(campaign="sale", at=NOW.isoformat(), who="amy"))
    path.write_text(renamed, encoding="utf-8")
    store = open_store(None)
    runtime = Runtime(store, load_settings(config), _Clock())
    try:
        runtime.pulse()
        assert runtime.health.failure is None
        waiting = tmp_path / "inbox" / "waiting" / "performance"
        files = below(waiting)
        assert len(files) == 3, "the file, its note and the reason"
        reason = next(waiting.glob("*.reason.txt")).read_text(encoding="utf-8")
        assert "Creator-attributed GMV" in reason
        runtime.inboxes[0].read_again()
        assert below(folder) == [".creators.csv.note.json", "creators.csv"]
        assert note_of(path).who == "amy"
    finally:
        runtime.stop()
        store.close()


def gmv_of(runtime: Runtime) -> float | None:
    runtime.pulse()
    assert runtime.health.failure is None
    assert runtime.picture is not None
    return runtime.picture.campaigns["sale"].totals["gmv"]


def test_a_batch_is_taken_back_at_the_next_pulse(tmp_path: Path) -> None:
    config = a_sale_now(tmp_path, NOW)
    change(config, settle="0s")
    folder = tmp_path / "inbox" / "performance"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(HEADER + sale_rows(NOW, 400), encoding="utf-8")
    store = open_store(None)
    runtime = Runtime(store, load_settings(config), _Clock())
    try:
        assert gmv_of(runtime) == 400
        batch = store.cursor.execute("select batch_id from batch").fetchall()[0][0]
        runtime.ask_undo(batch, "amy")
        assert gmv_of(runtime) is None
        by = store.cursor.execute("select undone_by from batch").fetchall()
        assert by == [("amy",)]
    finally:
        runtime.stop()
        store.close()


def test_a_file_that_cannot_be_moved_is_counted_once_in_the_ledger(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = a_sale_now(tmp_path, NOW)
    change(config, settle="0s")
    folder = tmp_path / "inbox" / "performance"
    folder.mkdir(parents=True)
    (tmp_path / "inbox" / "archive").write_text("in the way", encoding="utf-8")
    (folder / "a.csv").write_text(HEADER + sale_rows(NOW, 400), encoding="utf-8")
    store = open_store(None)
    try:
        runtime = Runtime(store, load_settings(config), _Clock())
        for _ in range(4):
            runtime.pulse()
        assert runtime.health.failure is None
        arrivals = store.cursor.execute("select file, arrivals from batch").fetchall()
        assert arrivals == [("a.csv", 1)]
        assert "a.csv was read but cannot be moved away" in caplog.text
    finally:
        store.close()


def test_two_files_of_one_tick_are_taken_in_the_order_in_which_a_replay_takes_them() -> None:
    names = ["a1.csv", "a.csv", "a@20261111T000000Z.csv", "a-b.csv"]
    live = sorted(names, key=lambda name: archived_name(Path(name)))
    stamped = [_archived(name) for name in names]
    again = sorted(stamped, key=lambda name: unstamped(Path(name)))
    assert again == [_archived(name) for name in live]


def _archived(name: str) -> str:
    path = Path(archived_name(Path(name)))
    return f"{path.stem}@20261111T040500Z{path.suffix}"


def test_a_workbook_in_the_inbox_is_told_about_not_passed_over() -> None:
    assert is_data(Path("report.xlsx"))
    assert not is_data(Path("~$report.xlsx"))
    assert not is_data(Path("report.csv.part"))
