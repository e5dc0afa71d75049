"""The Rules page on a real desk: rules in words, a draft, its preview, versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from monitor.errors import MonitorError
from monitor.rulebook import render
from monitor.rules_desk import Trial
from monitor.ui import live
from monitor.ui.rules_draft import Draft
from tests.pages import pictures as p
from tests.pages.conftest import SHELL, Opener, Page, StoppedClock
from tests.pages.rules_desk import HOSTILE, PAST, RulesRuntime, arrive, runtime
from tests.product import eventually

Visit = Callable[..., "Visitor"]
CLOCK = StoppedClock(p.NOW)


def calmer(running: RulesRuntime) -> str:
    """The file's rules, with a GMV dip of 25% at least."""
    return running.rules.file.text.replace('least_fall = "15%"', 'least_fall = "25%"', 1)


class Visitor(Page):
    """The page as one person uses it."""

    def __init__(self, at: AppTest, running: RulesRuntime) -> None:
        super().__init__(at)
        self.running = running

    def run(self) -> Visitor:
        self.at.run()
        assert not self.at.exception, self.at.exception
        return self

    def named(self, who: str = "Mei") -> Visitor:
        self.at.text_input(key="import_who").set_value(who)
        return self.run()

    def press(self, start: str) -> Visitor:
        """Press the first enabled button whose label begins so."""
        fits = [b for b in self.at.button if b.label.startswith(start) and not b.disabled]
        assert fits, (start, [b.label for b in self.at.button])
        fits[0].click()
        return self.run()

    def turn(self, rule: str, on: bool) -> Visitor:
        self.at.toggle(key=f"rules_on_{rule}").set_value(on)
        return self.run()

    def edit(self, rule: str = "gmv_dip") -> Visitor:
        self.at.button(key=f"rules_edit_{rule}").click()
        return self.run()

    def fall(self, percent: float) -> Visitor:
        self.at.number_input(key=self.key("fall")).set_value(percent)
        return self.run()

    def key(self, what: str, rule: str = "gmv_dip") -> str:
        return f"rules_{self.draft.revision}_{rule}_{what}"

    @property
    def draft(self) -> Draft:
        draft: Draft = self.at.session_state["rules_draft"]
        return draft

    @property
    def labels(self) -> list[str]:
        return [b.label for b in self.at.button if not b.disabled]

    def tried(self) -> Visitor:
        """Wait until the preview is over."""

        def over() -> Trial | None:
            trial = self.running.rules.trial(str(self.draft.trial))
            return trial if trial is not None and not trial.runs else None

        eventually(over, "the preview is over")
        return self.run()


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Opens the Rules page; several visitors share one product."""

    def opener(running: RulesRuntime | None = None, **params: str) -> Visitor:
        running = running or runtime(CLOCK)
        live.set_live(running)
        at = AppTest.from_file(str(SHELL), default_timeout=30)
        at.run()
        at.switch_page("rules.py")
        for name, value in params.items():
            at.query_params[name] = value
        return Visitor(at, running).run()

    yield opener
    live.set_live(None)


def test_without_a_desk_the_page_says_so_and_lists_what_is_always_on(open_page: Opener) -> None:
    page = open_page("rules.py", p.picture())
    assert "Rules cannot be changed here" in page.text
    assert "Stuck counter Readings come, but nothing in them moves" in page.text


def test_before_the_first_picture_it_waits(open_page: Opener) -> None:
    assert "Waiting for the first data" in open_page("rules.py", None).text


def test_rules_stand_in_plain_sentences_with_what_is_always_on(visit: Visit) -> None:
    text = visit().text
    assert "10 of 10 on" in text
    assert (
        "GMV dip ✓ on GMV at least 15% below what is expected, costing at least 0.5% of the "
        "campaign's expected GMV an hour, for 10 min. In the whole campaign, channels"
    ) in text
    assert "Refunds (as a share of GMV) at least 75% above what is expected" in text
    assert "Critical when it costs 8% of the campaign's expected GMV an hour or more" in text
    assert "Feed late A feed has brought nothing new for two cadences and a minute" in text
    assert "Nothing is changed." in text
    assert "Written with the first tick." in text


def test_a_switched_off_rule_is_previewed_and_saved_with_a_note(visit: Visit) -> None:
    page = visit().named()
    assert page.running.tick().version == 1
    page.run().turn("gmv_dip", False)
    assert "GMV dip ○ off ✎ changed, not saved" in page.text
    assert "gmv_dip: switched off" in page.text
    assert "Save without a preview" in page.labels
    page.press("Preview: what would this have done?").tried()
    assert "11.11 Mega Sale 21 h 14 min 2.3 1.1 1 2" in page.text
    assert "10.10 Mega Sale 1 day 2.0 1.0 0 1" in page.text
    assert (
        "1 alert would be new + LIVE conversion 50% below expected since 20:00 RM 11,200 ■ critical "
        "· 11.11 Mega Sale · 20:10 to 20:50 · conversion_dip · LIVE · was told by another alert"
    ) in page.text
    assert "3 alerts would be gone − LIVE GMV 53% below expected" in page.text
    assert "Sat 10 Oct 13:10 to Sat 10 Oct 13:50 · gmv_dip · home living" in page.text
    assert "1 alert the same." in page.text
    asked = [(PAST, 0), (PAST, 1), (p.CAMPAIGN.id, 0), (p.CAMPAIGN.id, 1)]
    assert sorted(page.running.rehearsal.asked) == asked
    page.at.text_input(key=f"rules_note_{page.draft.revision}").set_value("too loud tonight")
    page.run().press("Save")
    assert "✓ Saved Version 2; it judges from the next tick on." in page.text
    assert "Version 2 ✓ stands now “too loud tonight” gmv_dip: switched off by Mei" in page.text
    assert "judges from the next tick on" in page.text
    assert page.running.tick(60).version == 2
    assert "judged from 21:15" in page.run().text


def test_the_form_changes_every_part_of_a_rule(visit: Visit) -> None:
    page = visit().edit().fall(25.0)
    assert "GMV at least 25% below what is expected" in page.text
    at = page.at
    at.select_slider(key=page.key("sensitivity")).set_value(2.0)
    at.number_input(key=page.key("for")).set_value(20)
    at.number_input(key=page.key("keep")).set_value(45)
    at.multiselect(key=page.key("scopes")).set_value(["channel", "live"])
    at.multiselect(key=page.key("phases")).set_value(["last call"])
    at.selectbox(key=page.key("severity")).set_value("critical")
    page.run()
    at.button_group(key=page.key("unit")).set_value("money")
    page.run()
    at.number_input(key=page.key("risk_money")).set_value(500.0)
    page.run()
    assert (
        "GMV at least 25% below what is expected, costing at least RM 500 an hour, for 20 min. In "
        "channels, LIVE rooms, only in the phase “last call”."
    ) in page.text
    assert "severity critical · sensitivity keen: 50% of the usual evidence is enough" in page.text
    assert "over after 45 min of calm" in page.text
    told = str(at.number_input(key=page.key("risk_money")).help).replace("\\", "")
    assert "11.11 Mega Sale made RM" in told
    assert "an hour so far; 1% of that is RM" in told
    for line in ("least money 0.5% of GMV an hour → 500 an hour", "for 10 min → 20 min"):
        assert f"gmv_dip: {line}" in page.text
    page.press("Close")
    assert not page.at.number_input, "the form is closed"
    assert "least fall 15% → 25%" in page.text, "and its changes are kept"


def test_what_cannot_be_is_not_taken_over(visit: Visit) -> None:
    page = visit().edit()
    page.at.multiselect(key=page.key("scopes")).set_value([])
    page.run()
    assert "not taken over: rule gmv_dip: scopes" in page.text
    assert "In the whole campaign, channels" in page.text
    assert "Nothing is changed." in page.text


def test_severities_are_changed_in_a_form_of_their_own(visit: Visit) -> None:
    page = visit().edit("*severity")
    page.at.number_input(key=f"rules_{page.draft.revision}_severity_critical").set_value(10.0)
    assert "critical from 8% → 10% of the campaign's GMV an hour" in page.run().text
    page.at.number_input(key=f"rules_{page.draft.revision}_severity_warning").set_value(20.0)
    assert "critical is below warning" in page.run().text
    assert page.draft.book.severity.warning == 0.01


def test_a_preview_of_other_rules_or_older_data_is_called_old(visit: Visit) -> None:
    page = visit().named().edit().fall(25.0).press("Preview").tried()
    assert "2 alerts would be gone" in page.text
    assert "Save" in page.labels
    arrive(page.running.store, p.CAMPAIGN.id)
    assert "! older data Data came since this preview." in page.run().text
    page.fall(30.0)
    assert "! Old preview The rules were changed since; preview again." in page.text
    assert "2 alerts would be gone" in page.text
    assert "Save without a preview" in page.labels


def test_progress_is_shown_and_a_preview_can_be_stopped(visit: Visit) -> None:
    page = visit()
    page.running.rehearsal.gate.clear()
    page.turn("gmv_dip", False).press("Preview")
    eventually(lambda: page.running.rehearsal.asked, "the preview runs")
    said = "judging 11.11 Mega Sale by the rules as they are: step 1 of 4"
    assert said in page.run().text
    page.press("Stop")
    page.running.rehearsal.gate.set()
    assert "judging" not in page.text
    assert "Preview: what would this have done?" in page.labels
    page.press("Preview").tried()
    assert "would be gone" in page.text


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (MonitorError("the database is busy"), "The preview failed the database is busy"),
        (ZeroDivisionError("division"), "The preview failed ZeroDivisionError: division"),
    ],
)
def test_a_preview_that_fails_says_why_and_holds_nothing_up(
    visit: Visit, trouble: Exception, said: str
) -> None:
    page = visit().named()
    page.running.rehearsal.trouble = trouble
    page.turn("gmv_dip", False).press("Preview").tried()
    assert said in page.text
    page.press("Save without a preview")
    assert "✓ Saved" in page.text


def test_without_data_or_rehearsal_there_is_no_preview_and_saving_goes_on(visit: Visit) -> None:
    page = visit(runtime(CLOCK, data=())).named().turn("gmv_dip", False).press("Preview")
    assert "no preview: there is no data yet to try the rules on" in page.text
    bare = runtime(CLOCK)
    bare.rules.rehearsal = None
    page = visit(bare).named().turn("gmv_dip", False)
    assert "Previews cannot be worked out here." in page.text
    assert "Save without a preview" in page.labels


def test_a_campaign_that_has_not_begun_is_previewed_on_those_before_it(visit: Visit) -> None:
    page = visit(campaign=p.NEXT.id).turn("gmv_dip", False).press("Preview").tried()
    assert "11.11 Mega Sale 21 h 14 min" in page.text
    assert "10.10 Mega Sale 1 day" in page.text
    assert "Another campaign" not in page.text


def test_nobody_saves_without_a_name(visit: Visit) -> None:
    page = visit().turn("gmv_dip", False)
    assert not any(label.startswith("Save") for label in page.labels)
    assert "Write your name at the top first" in page.at.caption[0].value


def test_when_somebody_was_faster_nothing_is_lost(visit: Visit) -> None:
    running = runtime(CLOCK)
    running.tick()
    mine = visit(running).named("Mei").turn("traffic_dip", False)
    theirs = running.rules.book()
    off = [replace(r, enabled=r.name not in ("gmv_dip", "flatline")) for r in theirs.rules]
    running.rules.save(render(tuple(off), theirs.severity), "Kavi", "", 1)
    mine.press("Save")
    assert (
        "Kavi saved version 2 at 21:14, so yours was not saved; your changes are kept" in mine.text
    )
    assert "! The rules changed Kavi changed the rules at 21:14 (version 2)." in mine.text
    mine.press("Put my changes onto the new rules")
    assert "traffic_dip: switched off" in mine.text
    assert "GMV dip ○ off" in mine.text
    assert "The rules changed" not in mine.text
    mine.press("Save")
    names = {r.name for r in running.rules.book().rules if not r.enabled}
    assert names == {"gmv_dip", "flatline", "traffic_dip"}


def test_a_rule_that_both_changed_is_named(visit: Visit) -> None:
    running = runtime(CLOCK)
    mine = visit(running).named("Mei").turn("gmv_dip", False)
    running.rules.save(calmer(running), "Kavi", "", 0)
    mine.run().press("Put my changes")
    assert "also changed there, yours is kept: gmv_dip" in mine.text
    assert "gmv_dip: switched off" in mine.text
    mine.press("Discard")
    assert "GMV at least 25% below" in mine.text
    assert "Nothing is changed." in mine.text


def test_others_rules_are_shown_at_once_where_nothing_was_changed(visit: Visit) -> None:
    running = runtime(CLOCK)
    page = visit(running)
    running.rules.save(calmer(running), "Kavi", "", 0)
    assert "GMV at least 25% below" in page.run().text
    assert "The rules changed" not in page.text


def test_an_older_version_is_restored_by_saving_it_again(visit: Visit) -> None:
    page = visit().named()
    page.running.tick()
    page.run().turn("gmv_dip", False).press("Save without")
    page.press("Restore …")
    assert "gmv_dip: switched on" in page.text
    page.press("Save without")
    assert "Version 3 ✓ stands now “as in version 1” gmv_dip: switched on by Mei" in page.text


def test_the_text_adds_a_rule_and_keeps_its_comments(visit: Visit) -> None:
    page = visit().named()
    typed = page.draft.text + "\n# at night\n[[rule]]\nname = 'night'\nmeasure = 'clicks'\n"
    page.at.text_area[0].set_value(typed)
    page.run().press("Take over this text")
    assert "night: new: Clicks at least 15% below what is expected" in page.text
    page.press("Save without")
    assert page.running.rules.book().text == typed
    page.at.text_area[0].set_value("nothing = 1")
    page.run().press("Take over this text")
    assert "not taken over: nothing = 1: unknown key" in page.text
    assert page.running.rules.book().text == typed


def test_a_changed_file_is_told_and_can_be_taken(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("[[rule]]\nname = 'gmv_dip'\nmeasure = 'gmv'\n", encoding="utf-8")
    page = visit(runtime(CLOCK, tmp_path)).named().turn("gmv_dip", False).press("Save without")
    assert "The rules file" not in page.text, "it is as it was"
    file.write_text("[[rule]]\nname = 'gmv_dip'\nmeasure = 'orders'\n", encoding="utf-8")
    page.run()
    said = "rules.toml was changed; what was saved here stands. In the file it is: gmv_dip: switched on"
    assert said in page.text
    page.press("Look at the file's rules here (1 rule)").press("Save without")
    assert page.running.rules.book().rules[0].measure == "orders"
    assert "The rules file" not in page.text
    assert "“as in rules.toml”" in page.text
    file.write_text("[[rule]]\n", encoding="utf-8")
    assert "rule number 1: name: is missing" in page.run().text


def test_a_file_that_changes_before_anything_is_saved_waits_for_a_start(
    visit: Visit, tmp_path: Path
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("[[rule]]\nname = 'a'\nmeasure = 'gmv'\n", encoding="utf-8")
    page = visit(runtime(CLOCK, tmp_path))
    file.write_text("[[rule]]\nname = 'a'\nmeasure = 'orders'\n", encoding="utf-8")
    assert "rules.toml was changed; it is read at the next start." in page.run().text
    assert page.running.tick().rules[0].measure == "gmv"


def test_edges_all_off_and_a_phase_that_no_campaign_has(visit: Visit, tmp_path: Path) -> None:
    rule = (
        "[[rule]]\nname = 'a'\nmeasure = 'gmv'\nenabled = false\nphases = ['<b>eve', 'last call']\n"
    )
    (tmp_path / "rules.toml").write_text(rule, encoding="utf-8")
    page = visit(runtime(CLOCK, tmp_path))
    assert "Every rule is off" in page.text
    assert "! look no campaign has a phase “<b>eve”" in page.text
    assert "no campaign has a phase “last call”" not in page.text
    assert "<b>eve" not in page.raw


def test_hostile_names_are_only_text(visit: Visit) -> None:
    page = visit().named("<b>Mei</b>").turn("gmv_dip", False).press("Preview").tried()
    assert HOSTILE.split("\u202e")[0] in page.text
    assert "<img" not in page.raw
    assert "\u202e" not in page.raw
    page.at.text_input(key=f"rules_note_{page.draft.revision}").set_value("<script>x</script>")
    page.run().press("Save")
    assert "“<script>x</script>”" in page.text
    assert "<script" not in page.raw
    assert "<b>Mei" not in page.raw
