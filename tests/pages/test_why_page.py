"""Why: any scope, measure and moment, answered in one sentence with what it rests on."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from monitor.picture import Picture
from monitor.ui import live
from tests.pages import pictures as p
from tests.pages.conftest import FakeRuntime, StoppedClock
from tests.pages.why_desk import WhyDesk, WhyRuntime

SHELL = Path(__file__).parents[2] / "pages" / "shell.py"
IN_THE_DIP = "2026-11-11T12:20:00Z"


class WhyPage:
    """The Why page as a viewer has it, with the desk that it asks."""

    def __init__(self, at: AppTest, desk: WhyDesk | None) -> None:
        self.at, self.desk = at, desk

    @property
    def raw(self) -> str:
        return "\n".join(
            h.value for h in self.at.html if not h.value.startswith(("<style", "<script"))
        )

    @property
    def text(self) -> str:
        plain = html.unescape(re.sub(r"<[^>]+>", " ", self.raw)).replace("\u00a0", " ")
        return re.sub(r"\s+", " ", plain)

    @property
    def asked(self) -> tuple[str, str, datetime]:
        assert self.desk is not None
        return self.desk.asked[-1]


Opener = Callable[..., WhyPage]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens the page with URL parameters, and evidence out of the picture's own series."""

    def opener(
        *,
        shown: Picture | None = None,
        now: datetime = p.NOW,
        desk: WhyDesk | None = None,
        nobody: bool = False,
        **params: str,
    ) -> WhyPage:
        picture = shown or p.picture()
        asked = desk or WhyDesk(picture)
        asked.picture = picture
        clock = StoppedClock(now)
        live.set_live(FakeRuntime(picture, clock) if nobody else WhyRuntime(picture, clock, asked))
        at = AppTest.from_file(str(SHELL), default_timeout=30).run()
        at.switch_page("why.py")
        for name, value in params.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, at.exception
        return WhyPage(at, asked)

    yield opener
    live.set_live(None)


def test_it_begins_with_the_last_judged_moment_of_the_whole_campaign(opened: Opener) -> None:
    page = opened()
    assert page.asked == ("", "gmv", p.WATERMARK - p.BUCKET)
    assert "Whole campaign · GMV · 21:05–21:10" in page.text
    assert "No alert: GMV was" in page.text
    assert "at" not in page.at.query_params
    assert len(page.at.get("vega_lite_chart")) == 1


def test_a_link_opens_one_scope_measure_and_moment(opened: Opener) -> None:
    page = opened(scope="channel=live", measure="gmv", at=IN_THE_DIP)
    assert page.asked == ("channel=live", "gmv", datetime.fromisoformat(IN_THE_DIP))
    assert "LIVE · GMV · 20:20–20:25" in page.text
    assert "▼ Alert: LIVE GMV is below expected since 20:00" in page.text
    assert "▼ dip ▼ alert on ▸ GMV dip" in page.text
    assert "Observed RM 2,559 56% below Expected RM 5,775" in page.text
    assert "Normal range RM 4,620 to RM 7,046" in page.text


def test_the_evidence_is_shown_by_window_and_by_what_it_rests_on(opened: Opener) -> None:
    page = opened(scope="channel=live", at=IN_THE_DIP)
    assert "15 min RM 8,047 RM 17,220 ▼ 53% below sure" in page.text
    assert "hour RM 49,758 RM 64,853 ▼ 23% below sure" in page.text
    assert "It speaks from 15% below expected and RM 500 an hour" in page.text
    assert "Compared with 9.9 Mega Sale and 10.10 Brands Festival at this time" in page.text
    assert "41 of 44 parts compared like for like, 3 left out." in page.text
    assert "c0003 (its live show ended)" in page.text


def test_the_alerts_of_the_moment_and_the_figures_around_it_are_linked(opened: Opener) -> None:
    page = opened(scope="channel=live", at=IN_THE_DIP)
    assert "Alerts at this moment" in page.text
    assert "alert=12" in page.raw
    assert "alert=14" not in page.raw, "another scope's alert"
    assert "20:20 ◂ RM 2,559 RM 5,775" in page.text
    assert "at=2026-11-11T12%3A15%3A00Z" in page.raw
    before = opened(scope="channel=live", at="2026-11-11T11:30:00Z")
    assert "Alerts at this moment" not in before.text


def test_an_instant_inside_a_bucket_means_that_bucket(opened: Opener) -> None:
    for text in ("2026-11-11T20:23:11+08:00", "2026-11-11T20:23:11 08:00"):
        page = opened(at=text)
        assert page.asked[2] == datetime.fromisoformat(IN_THE_DIP)
        assert page.at.query_params["at"] == IN_THE_DIP
        assert page.at.selectbox(key="at_box").value == IN_THE_DIP


def test_earlier_and_later_go_one_bucket_and_stop_at_the_edges(opened: Opener) -> None:
    page = opened(at=IN_THE_DIP)
    page.at.button(key="why_back").click().run()
    assert page.at.query_params["at"] == "2026-11-11T12:15:00Z"
    page.at.button(key="why_on").click().run()
    page.at.button(key="why_on").click().run()
    assert page.asked[2] == datetime.fromisoformat(IN_THE_DIP) + p.BUCKET
    page.at.button(key="why_last").click().run()
    assert "at" not in page.at.query_params
    assert page.at.button(key="why_last").disabled
    assert opened(at="2026-11-10T16:00:00Z").at.button(key="why_back").disabled
    assert opened(at="2026-11-11T15:55:00Z").at.button(key="why_on").disabled


def test_the_moments_on_offer_tell_where_the_dips_are(opened: Opener) -> None:
    options = opened(scope="channel=live").at.selectbox(key="at_box").options
    assert len(options) == 288
    assert "20:00–20:05  ▼ dip" in options
    assert "08:20–08:25  ≈ bridged over a gap" in options
    assert "20:40–20:45" in options


def test_scopes_on_offer_are_the_known_ones_and_that_of_the_link(opened: Opener) -> None:
    page = opened(scope="creator_id=c0099")
    options = page.at.selectbox(key="scope_box").options
    assert options[0] == "Whole campaign"
    assert "LIVE · beauty" in options
    assert "Creator Aina Cantik (c0003)" in options
    assert "Creator c0099" in options
    page.at.selectbox(key="scope_box").select("channel=live").run()
    assert page.at.query_params["scope"] == "channel=live"
    assert page.asked[0] == "channel=live"


def test_a_scope_that_nothing_came_of_says_so(opened: Opener) -> None:
    text = opened(scope="creator_id=nobody").text
    assert "Nothing is known of this scope: no number of it has come." in text
    assert "Is the name right?" in text
    assert "RM 0" not in text


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"scope": "bogus"}, "The link asks for 'bogus', which is no scope"),
        ({"scope": "colour=red"}, "The link asks for 'colour=red', which is no scope"),
        ({"measure": "luck"}, "The link asks for 'luck', which is not measured; this is GMV."),
        ({"at": "soon"}, "The link asks for 'soon', which is no time"),
    ],
)
def test_a_link_that_is_wrong_is_told_and_leads_somewhere(
    opened: Opener, params: dict[str, str], said: str
) -> None:
    page = opened(**params)
    assert said in page.text
    assert "Whole campaign · GMV · 21:05–21:10" in page.text


def test_before_the_start_after_the_data_and_after_the_end_it_says_why(opened: Opener) -> None:
    assert "The event begins on Wed 11 Nov 00:00" in opened(at="2026-11-10T12:00:00Z").text
    ahead = opened(at="2026-11-11T13:10:00Z")
    assert "Not judged yet: the numbers are complete to 21:10 only." in ahead.text
    assert ahead.desk is not None
    assert not ahead.desk.asked, "nothing is worked out for what cannot be known"
    assert "The event ended on Thu 12 Nov 00:00" in opened(at="2026-11-12T12:00:00Z").text
    assert "The event begins on Sat 12 Dec 00:00" in (
        opened(campaign="my-1212-2026", at="2026-11-12T12:00:00Z").text
    )


def test_a_campaign_without_judged_moments_says_where_to_look(opened: Opener) -> None:
    begun = p.upcoming_picture().campaign.start + timedelta(minutes=3)
    text = opened(campaign="my-1212-2026", now=begun).text
    assert "Nothing is judged yet: no moment of the event is complete." in text
    assert "Look on the Data page" in text


def test_a_product_that_keeps_no_evidence_says_so(opened: Opener) -> None:
    assert "This monitor does not keep what its alerts rest on." in opened(nobody=True).text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"gate": "too_little", "enough": (14.0, 27.0)},
            "No alert: too little to judge. 14 orders are expected in the hour, 27 are needed",
        ),
        ({"gate": "bridged"}, "No alert: nothing was read in these minutes."),
        ({"explained_by": {}, "state": "breach"}, "but the whole campaign (wider) explains it."),
        ({"half_sensitivity": "noon flash sale ended 12 min ago"}, "The rule is half as sharp"),
    ],
)
def test_what_kept_the_rule_silent_is_the_first_thing_said(
    opened: Opener, changes: dict[str, Any], said: str
) -> None:
    page = opened(desk=WhyDesk(changes=changes), scope="channel=live")
    assert said in page.text


def test_the_scope_that_explains_a_fall_is_one_click_away(opened: Opener) -> None:
    explained: dict[str, object] = {"explained_by": {}, "state": "breach"}
    raw = opened(desk=WhyDesk(changes=explained), scope="channel=live", at=IN_THE_DIP).raw
    assert 'href="why?campaign=my-1111-2026&amp;measure=gmv&amp;at=2026-11-11T12%3A20%3A00Z"' in raw
    assert "Look at <bdi>Whole campaign</bdi>" in raw


def test_what_goes_wrong_while_it_is_worked_out_is_told_and_the_page_stays(opened: Opener) -> None:
    page = opened(desk=WhyDesk(trouble="the earlier events cannot be read"))
    assert "This could not be worked out." in page.text
    assert "the earlier events cannot be read" in page.text
    assert page.at.selectbox(key="scope_box").value == ""


def test_an_answer_is_kept_until_the_numbers_change(opened: Opener) -> None:
    desk = WhyDesk()
    page = opened(desk=desk, at=IN_THE_DIP)
    page.at.run()
    assert len(desk.asked) == 1
    newer = p.picture(generation=256)
    runtime = WhyRuntime(newer, StoppedClock(p.NOW), desk)
    live.set_live(runtime)
    page.at.run()
    assert len(desk.asked) == 2


def test_names_cannot_become_markup(opened: Opener) -> None:
    page = opened(scope='creator_id=<img src=x onerror="alert(1)">')
    assert "<img" not in page.raw
    page = opened(scope="channel=live", at=IN_THE_DIP)
    assert "&lt;img src=x" in page.raw, "the name of a member that was left out"
    assert "<img" not in page.raw


def test_a_rate_is_shown_in_per_cent(opened: Opener) -> None:
    desk = WhyDesk(changes={"observed": 0.0211, "expected": 0.034, "low": 0.03, "high": 0.038})
    whole = p.campaign_picture()
    series = {**whole.series, ("channel=live", "conversion"): p.series(scale=1e-5)}
    shown = p.picture((p.campaign_picture(series=series),))
    page = opened(shown=shown, desk=desk, scope="channel=live", measure="conversion")
    assert "Observed 2.11% 38% below Expected 3.40%" in page.text
    assert "Normal range 3.00% to 3.80%" in page.text


def test_choosing_another_campaign_leaves_the_moment(opened: Opener) -> None:
    page = opened(at=IN_THE_DIP)
    page.at.selectbox(key="campaign_box").select("my-1212-2026").run()
    assert "at" not in page.at.query_params
    assert "The event begins on Sat 12 Dec 00:00" in page.text
