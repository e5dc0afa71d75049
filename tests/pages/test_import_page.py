"""The import page on a desk in memory: what is dropped, what is asked, what is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from streamlit.testing.v1 import AppTest

from monitor.errors import MonitorError
from monitor.imports import ImportDesk as RealDesk
from monitor.ingest.table import Fault
from monitor.store import open_store
from monitor.ui import import_sample as sample
from monitor.ui import import_words as iw
from monitor.ui import live
from monitor.ui.import_list import correction_name, to_correct
from monitor.ui.import_tray import Sent, Tray, arrived, blocked, status_of
from tests.conftest import END, START, settings_for
from tests.pages import pictures as p
from tests.pages.conftest import SHELL, Opener, Page, StoppedClock
from tests.pages.import_desk import HOSTILE, LABELS, LEDGER, DeskRuntime, FakeDesk, whole

Visit = Callable[..., "Visitor"]


class Visitor(Page):
    """The page with a desk behind it, as one person uses it."""

    def __init__(self, at: AppTest, desk: FakeDesk) -> None:
        super().__init__(at)
        self.desk = desk

    def run(self) -> Visitor:
        self.at.run()
        assert not self.at.exception, self.at.exception
        return self

    def named(self, who: str = "Mei") -> Visitor:
        self.at.text_input(key="import_who").set_value(who)
        return self.run()

    def drop(self, *names: str) -> Visitor:
        self.at.file_uploader[0].set_value([(n, n.encode(), "text/csv") for n in names])
        return self.run()

    def press(self, start: str) -> Visitor:
        """Press the one enabled button whose label begins so."""
        fits = [b for b in self.at.button if b.label.replace("\\", "").startswith(start)]
        assert len(fits) == 1, (start, [b.label for b in self.at.button])
        assert not fits[0].disabled, f"{start} is off"
        fits[0].click()
        return self.run()

    def off(self, start: str) -> bool:
        return any(b.disabled for b in self.at.button if b.label.startswith(start))

    def choose(self, key: str, value: str) -> Visitor:
        box = next(s for s in self.at.selectbox if str(s.key).startswith(key))
        box.set_value(value)
        return self.run()

    @property
    def labels(self) -> list[str]:
        return [b.label for b in self.at.button]


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Opens the import page for somebody; several visitors share one desk."""

    def opener(desk: FakeDesk | None = None) -> Visitor:
        desk = desk or FakeDesk()
        live.set_live(DeskRuntime(p.picture(), StoppedClock(p.NOW), desk))
        at = AppTest.from_file(str(SHELL), default_timeout=30)
        at.run()
        at.switch_page("import_files.py")
        return Visitor(at, desk).run()

    yield opener
    live.set_live(None)


def test_an_empty_page_says_what_can_be_dropped_and_opens_the_guide(visit: Visit) -> None:
    page = visit()
    assert "Drop the export as you downloaded it" in page.text
    assert "Shopee: affiliate commission report" in page.text
    assert "200 MB" in page.at.file_uploader[0].label
    assert "No file has arrived yet." in page.text
    page.press("Guide")
    assert "Importing files by hand" in page.at.markdown[0].value


def test_a_good_file_shows_what_it_is_and_what_would_happen(visit: Visit) -> None:
    text = visit().drop("creators.xlsx").text
    assert "creators.xlsx ✓ ready to import 408 of 412 rows will be taken, 4 set aside" in text
    for said in (
        "What it is TikTok Shop Creator Data Headers in English Text as Excel workbook",
        "Currency MYR (RM) Time zone Asia/Kuala_Lumpur of the campaign",
        "Read at Wed 11 Nov 21:14 Kuala Lumpur time",
        "✓ holds live + video + card = total RM 1,218,400.25 on both sides",
        "GMV RM 1,160,100.00 RM 1,218,400.25 ▲ 5.0%",
        "Before: creators-2000.xlsx (20:14, 60 min ago)",
        "6 of 12 columns matched",
        "Campaign 11.11 Mega Sale",
    ):
        assert said in text, said
    assert "Commission – –" in text, "what is unknown is never 0"


def test_problems_stand_in_their_cell_and_later_ones_below_with_their_line(visit: Visit) -> None:
    page = visit().drop("creators.xlsx")
    assert "5 abang.gadget ✕ RM 7.878,40 number in another dialect than its file" in page.text
    assert "✕ -132 a negative count" in page.text
    assert "2 rows with a problem" in page.text
    assert "88 Creator-attributed GMV =SUM(B3:B87) a formula, not a number" in page.text
    assert "1.73E+18 an id in scientific notation; export ids as text" in page.text
    assert "CTOR" not in page.raw.split("<h2>First rows")[1], (
        "columns that are not used are left out"
    )
    next(c for c in page.at.checkbox if "not used" in c.label).check()
    assert "CTOR" in page.run().raw.split("<h2>First rows")[1]


def test_import_needs_a_name_then_hands_the_file_in_and_tells_what_became_of_it(
    visit: Visit,
) -> None:
    page = visit().drop("creators.xlsx")
    assert page.off("Import")
    assert "Import is off: write your name at the top" in page.text
    page.named().press("Import 408 rows")
    said = ("creators.xlsx", b"creators.xlsx", "performance", None, None, "Mei")
    assert page.desk.submitted == [said]
    assert "creators.xlsx ◌ waiting in the inbox" in page.text
    assert "Drop the export" not in page.text
    page.run()
    assert "creators.xlsx ✓ taken 408 of 412 rows taken, 4 set aside" in page.text
    assert "by Mei · 21:14 · tiktok_creator_data → performance · 11.11 Mega Sale" in page.text
    page.press("Clear this list")
    assert "You handed in" not in page.text


def test_a_file_that_cannot_be_handed_in_stays_and_says_why(visit: Visit) -> None:
    page = visit(FakeDesk(full=True)).named().drop("creators.xlsx").press("Import")
    assert "creators.xlsx was not handed in: No space left on device. It is still here" in page.text
    page.desk.full = False
    page.press("Import")
    assert len(page.desk.submitted) == 1
    assert "was not handed in" not in page.text


def test_a_preview_is_not_made_again_by_refreshes_or_other_widgets(visit: Visit) -> None:
    page = visit().drop("creators.xlsx").run().named()
    page.at.checkbox[0].check()
    page.run()
    assert page.desk.looks == [("creators.xlsx", "performance", None, None)]
    page.press("Look again")
    assert len(page.desk.looks) == 2
    page.choose("import_feed_", "affiliate")
    assert page.desk.looks[2:] == [("creators.xlsx", "affiliate", None, None)]


def test_dropped_files_are_still_there_after_a_visit_to_another_page(visit: Visit) -> None:
    page = visit().named().drop("creators.xlsx")
    page.at.switch_page("data.py")
    page.run()
    page.at.switch_page("import_files.py")
    page.run()
    assert "408 of 412 rows will be taken" in page.text
    assert page.at.text_input(key="import_who").value == "Mei"
    assert len(page.desk.looks) == 1
    page.press("Import 408 rows")
    assert page.desk.submitted[0][1] == b"creators.xlsx"


def test_a_renamed_column_is_explained_by_one_press_and_can_be_forgotten(visit: Visit) -> None:
    page = visit().drop("renamed.xlsx")
    assert "5 of 12 columns matched; “Creator-attributed GMV” is missing" in page.text
    assert page.off("Affiliate"), "it is remembered who said it, so a name is needed"
    page.named().press("Affiliate GMV")
    assert page.desk.learned[0][:4] == (
        "tiktok_creator_data", "Affiliate GMV (RM)", "gmv", "Mei",
    )  # fmt: skip
    assert "✓ ready to import 412 of 412 rows will be taken" in page.text
    assert "1 explained by a person before" in page.text
    assert "Affiliate GMV (RM) is GMV in tiktok_creator_data · said by Mei · 21:14" in page.text
    page.press("Forget")
    assert page.desk.learned == []
    assert "? a column is missing" in page.text
    page.choose("import_other_0", "Videos")
    page.press("Use it")
    assert page.desk.learned[0][1:3] == ("Videos", "gmv")


def test_nobody_is_asked_for_the_feed_of_garbage(visit: Visit) -> None:
    page = visit().named().drop("mystery-garbage.bin")
    assert "mystery-garbage.bin ✕ cannot be imported" in page.text
    assert "no table: binary data" in page.text


def test_a_large_file_is_not_read_before_its_feed_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.ui.import_tray.GLANCE", 3)
    tray, desk = Tray(), FakeDesk()
    tray.add([("mystery.csv", b"1234")])
    tray.look(desk, tray.open[0], p.NOW)
    assert desk.looks == []
    assert status_of(tray.open[0]) == "unsorted"


def test_rows_that_cannot_be_fetched_say_why_in_the_file_and_on_the_page() -> None:
    class Empty(FakeDesk):
        def quarantine_csv(self, batch_id: str) -> tuple[str, bytes]:
            raise MonitorError("its file is not in the archive any more")

    tray = Tray()
    assert b"not in the archive any more" in to_correct(Empty(), tray, LEDGER[0])
    assert "the rows of creators-2000.xlsx to correct could not be fetched" in tray.said


def test_what_a_file_does_not_say_is_asked_in_the_campaigns_zone(visit: Visit) -> None:
    page = visit().named().drop("bare.csv")
    assert "bare.csv ? which campaign? The file names no campaign" in page.text
    assert "Import is off: choose the campaign: the file names none" in page.text
    page.choose("import_campaign_", p.CAMPAIGN.id)
    assert "Import is off: say when the numbers were read" in page.text
    assert "bare.csv ? read when?" in page.text
    assert "Kuala Lumpur time" in page.at.datetime_input[0].label
    page.at.datetime_input[0].set_value(datetime(2026, 11, 12, 9, 0))
    assert "lies in the future" in page.run().text
    page.at.datetime_input[0].set_value(datetime(2026, 11, 11, 21, 5))
    page.run().press("Import")
    said = page.desk.submitted[0]
    assert said[3:5] == (p.CAMPAIGN.id, datetime(2026, 11, 11, 13, 5, tzinfo=UTC))


def test_just_now_is_one_press(visit: Visit) -> None:
    page = visit().named().drop("bare.csv").choose("import_campaign_", p.CAMPAIGN.id)
    page.press("Just now (21:14)").press("Import")
    assert page.desk.submitted[0][4] == p.AS_OF


def test_a_feed_that_cannot_be_told_is_asked_for(visit: Visit) -> None:
    page = visit().named().drop("mystery.csv")
    assert "It is TikTok Shop Creator Data: which feed does it belong to?" in page.text
    assert "will be taken" not in page.text
    assert "Import is off: choose the feed it belongs to" in page.text
    page.choose("import_feed_", "affiliate").press("Import")
    assert page.desk.submitted[0][2] == "affiliate"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("zero.csv", "✕ cannot be imported Nothing of it can be taken 0 GMV in every row while "
                     "there are orders: the export is not finished Nothing of it was kept."),
        ("again.csv", "= nothing new in it Every row of it is held already batch b-old of 20:14"),
        ("password.xlsx", "✕ could not be looked at password.xlsx: locked with a password; save"),
        ("broken.csv", "✕ could not be looked at ZeroDivisionError: division by zero. Tell the"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_imported_says_why_and_what_to_do(
    visit: Visit, file: str, said: str
) -> None:
    page = visit().named().drop(file)
    assert f"{file} {said}" in page.text
    assert page.off("Import")
    page.press("Remove")
    assert "Drop the export as you downloaded it" in page.text


def test_a_failed_check_and_a_strange_change_are_said_at_the_top(visit: Visit) -> None:
    text = visit().drop("fallen.xlsx").text
    assert "! can be imported, but look first 408 of 412 rows" in text
    assert "! look GMV is 38% below the file of an hour ago" in text
    assert "1 of 1 fail ✕ does not hold live + video + card = total RM 12.40 apart" in text


def test_several_files_at_once_and_all_that_are_ready_in_one_press(visit: Visit) -> None:
    page = visit().named().drop("a.xlsx", "zero.csv", "b.xlsx", "a.xlsx")
    assert "3 files" in page.text, "the same file twice is one"
    assert "zero.csv ✕ cannot be imported Nothing of it can be taken" in page.text
    page.press("Import all that are ready (2 of 3)")
    assert [s[0] for s in page.desk.submitted] == ["a.xlsx", "b.xlsx"]
    assert "zero.csv ✕ cannot be imported" in page.text
    page.drop("bare.csv")
    page.choose("import_shown", page.at.selectbox(key="import_shown").options[1])
    assert "bare.csv ? which campaign? The file names no campaign" in page.text


def test_undo_says_what_it_will_do_asks_again_and_says_when_it_is_done(visit: Visit) -> None:
    page = visit(FakeDesk(ledger=list(LEDGER)))
    page.press("Undo …")
    assert "Undo takes the 398 rows of creators-2000.xlsx out of 11.11 Mega Sale" in page.text
    assert page.off("Yes, undo"), "without a name nobody knows who undid it"
    page.press("Keep it")
    assert "Undo takes" not in page.text
    page.named().press("Undo …").press("Yes, undo")
    assert page.desk.undoing == {"b-old": "Mei"}
    assert "being undone" in page.text
    assert "undo asked for at 21:14, done at the next tick" in page.text
    page.desk._tick()
    assert "undone by Mei at 21:14; it had 398 of 400 rows taken" in page.run().text
    assert not any(label.startswith("Undo") for label in page.labels)


def test_an_undo_that_fails_says_so(visit: Visit) -> None:
    page = visit(FakeDesk(ledger=list(LEDGER), full=True)).named()
    page.press("Undo …").press("Yes, undo")
    assert "creators-2000.xlsx was not undone: the database is busy; try again" in page.text
    assert "being undone" not in page.text


def test_hostile_names_and_cells_are_shown_and_do_nothing(visit: Visit) -> None:
    page = visit(FakeDesk(ledger=list(LEDGER))).drop(HOSTILE, f"renamed{HOSTILE}")
    assert "<img" not in page.raw
    assert "<script" not in page.raw
    assert "<b>mak" not in page.raw
    assert "\u202e" not in page.raw
    assert "<img src=x" in page.text
    assert "<b>mak</b> long" in page.text
    assert not any("![x]" in label for label in page.labels)


def test_text_for_labels_is_flat_short_and_no_markdown() -> None:
    assert iw.plain("![a](b)\n\u202e*c*") == r"\!\[a\]\(b\) \*c\*"
    assert iw.flat("x" * 100) == "x" * 79 + "…"
    assert iw.flat("ชื่อผู้ใช้") == "ชื่อผู้ใช้"


def test_a_problem_under_a_repeated_label_is_marked_where_its_value_is() -> None:
    shown = replace(
        whole("x", "f", None),
        sample_labels=("GMV", "GMV"),
        columns=(),
        sample=((4, ("1", "zwei")), (5, ("1",))),
        faults=(Fault(4, "GMV", "zwei", "no number"), Fault(5, "", None, "too few cells")),
    )
    assert set(sample.placed(shown)) == {(4, 1), (5, -1)}
    assert "blank" in sample.first_rows(shown), "a short row has blank cells at its end"


def test_a_correction_file_is_named_after_its_file() -> None:
    assert correction_name("../<b>11 sale.xlsx") == "b_11_sale-rows-to-correct.csv"
    assert correction_name("…") == "file-rows-to-correct.csv"


def test_looking_again_also_looks_for_the_feed_again() -> None:
    class Moody(FakeDesk):
        moody = True

        def suggest_feed(self, name: str, content: bytes) -> str | None:
            if self.moody:
                raise MonitorError("the database is busy; look again")
            return "affiliate"

    tray, desk = Tray(), Moody()
    tray.add([("a.csv", b"1")])
    tray.look(desk, tray.open[0], p.NOW)
    assert status_of(tray.open[0]) == "trouble"
    assert not tray.stale(tray.open[0]), "what fails is not tried at every refresh"
    desk.moody = False
    tray.again()
    tray.look(desk, tray.open[0], p.NOW)
    assert status_of(tray.open[0]) == "ready"
    assert desk.looks[0][1] == "affiliate"


def test_a_tray_holds_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.ui.import_tray.HOLDS", 2_000_000)
    tray = Tray()
    tray.add([("a", b"1" * 1_500_000), ("b", b"2" * 600_000), ("c", b"3" * 400_000)])
    assert [f.name for f in tray.open] == ["a", "c"]
    assert tray.said.startswith("b was not taken in: together the dropped files are over 2 MB.")


def test_an_earlier_try_of_the_same_file_is_not_taken_for_this_one() -> None:
    sent = Sent("b-old", "creators.xlsx", p.NOW)
    refused = replace(LEDGER[0], status="refused")
    assert arrived(sent, None) is None
    assert arrived(sent, refused) is None, "it was refused before it was handed in again"
    assert arrived(sent, replace(refused, arrived_at=p.NOW)) is not None
    assert arrived(sent, LEDGER[0]) is not None, "somebody else handed it in before"


def test_a_problem_late_in_the_sample_is_shown_with_the_first_rows() -> None:
    rows = tuple((line, (str(line),)) for line in range(2, 42))
    late = (Fault(38, "GMV", "38", "no"), Fault(90, "GMV", "x", "no"))
    shown = replace(
        whole("x", "f", None), sample_labels=("GMV",), columns=(), sample=rows, faults=late
    )
    assert [line for line, _ in sample.shown_rows(shown)] == [*range(2, 14), 38]
    many = replace(shown, faults=tuple(Fault(r, "GMV", str(r), "no number") for r in range(2, 42)))
    assert len(sample.shown_rows(many)) == 30
    assert sample.first_rows(many).count("<small><bdi>no number") == 3, "then: as above"
    assert "90" in sample.problems(shown)


def test_the_real_desk_asks_for_what_a_bare_export_does_not_say() -> None:
    settings = settings_for(
        campaigns={p.CAMPAIGN.id: (START, END), p.NEXT.id: ("2026-12-12T00:00:00+08:00",
                                                           "2026-12-13T00:00:00+08:00")},
    )  # fmt: skip
    with closing(open_store(None)) as store:
        clock = StoppedClock(p.NOW)
        parts = SimpleNamespace(store=store, settings=settings, clock=clock, inboxes=[])
        desk: live.ImportDesk = RealDesk(cast(Any, parts))
        tray = Tray()
        content = ",".join(LABELS) + "\n" + '"a","1,234.50",0,10,12,0,35,1,2,12.5,3.1%,9\n'
        tray.add([("creators.csv", content.encode())])
        file = tray.open[0]
        tray.look(desk, file, p.NOW)
        assert status_of(file) == "no_campaign", file
        file.campaign_id = p.CAMPAIGN.id
        tray.look(desk, file, p.NOW)
        assert status_of(file) == "no_instant", file
        file.at = p.AS_OF
        tray.look(desk, file, p.NOW)
        assert status_of(file) == "ready", file
        assert file.preview is not None
        assert file.preview.totals["gmv"] == 1234.50


def test_the_order_of_what_keeps_a_file_from_being_imported(visit: Visit) -> None:
    tray, desk = Tray(), FakeDesk()
    tray.add([("bare.csv", b"1")])
    file = tray.open[0]
    tray.look(desk, file, p.NOW)
    assert status_of(file) == "no_campaign"
    assert blocked(file, "", p.NOW) == "choose the campaign: the file names none"
    file.campaign_id = p.CAMPAIGN.id
    assert tray.stale(file)
    tray.look(desk, file, p.NOW)
    file.at = p.AS_OF
    assert blocked(file, "", p.NOW) == "write your name at the top, so that others know whom to ask"
    assert blocked(file, "Mei", p.NOW) is None


def test_without_a_desk_the_page_says_where_files_go(open_page: Opener) -> None:
    assert "Files cannot be handed in here" in open_page("import_files.py", p.picture()).text
    assert "Waiting for the first data" in open_page("import_files.py", None).text
