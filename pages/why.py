"""Why was there (no) alert? Any scope, measure and moment of a campaign, answered in a sentence."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from monitor.campaigns.words import scope_key
from monitor.ui import guard, why_ask, why_chart, why_view
from monitor.ui import words as w
from monitor.ui.charts import nothing_in
from monitor.ui.frame import Frame
from monitor.ui.markup import banner, block, empty
from monitor.ui.why_ask import Answer, asker
from monitor.ui.why_pick import Asked, pick
from monitor.why import Told, Why, outside

STEP_S, PATIENCE_S = 0.25, 4.0  # of waiting for a first answer; the next refresh goes on
BEFORE, AFTER = timedelta(hours=2), timedelta(hours=1)


def body(frame: Frame) -> None:
    provider = why_ask.provider()
    asked = pick(frame, provider)
    said = "".join(banner("late", "! Not found", text) for text in asked.wrong)
    if said:
        st.html(block(said))
    campaign = frame.shown.campaign
    mark, zone = frame.shown.watermark, campaign.zone
    told = outside(campaign.start, campaign.end, mark, frame.now, asked.at, zone)
    if told is not None:
        st.html(block(why_view.plain(frame, asked, told)))
    elif provider is None:
        st.html(block(empty(w.NO_WHY)))
    else:
        answer = answer_of(frame, asked, provider)
        if answer is not None:
            show(frame, asked, answer)


def answer_of(frame: Frame, asked: Asked, provider: Why) -> Answer | None:
    """What is known; waits for a first answer, telling for how long."""
    place = st.empty()
    known, coming = asker.ask(
        provider, frame.campaign_id, asked.scope, asked.measure, asked.at,
        frame.picture.generation, frame.shown.watermark,
    )  # fmt: skip
    if known is None and coming is not None:

        def waiting(seconds: int) -> None:
            place.html(block(why_view.working(frame, asked, seconds)))

        if why_ask.wait(coming, waiting, STEP_S, PATIENCE_S):
            known = coming.result()
    if known is not None:
        place.empty()
    return known


def show(frame: Frame, asked: Asked, answer: Answer) -> None:
    """The sentence, the chart, the evidence, the figures around."""
    if answer.trouble:
        told = Told("blind", "This could not be worked out.", (answer.trouble,))
        st.html(block(why_view.plain(frame, asked, told)))
        return
    evidence = answer.evidence
    if evidence is None:
        told = Told(
            "blind", "Nothing is known of this scope: no number of it has come.",
            do="Is the name right? Choose another scope above; the Data page shows what came.",
        )  # fmt: skip
        st.html(block(why_view.plain(frame, asked, told)))
        return
    top = why_view.answered(frame, asked, evidence) + why_view.as_of(frame, answer)
    st.html(block(top, why_view.speaking(frame, asked, evidence)))
    series = answer.series
    if series is not None and not nothing_in(series):
        with st.container(key="chart", gap="small"):
            campaign = frame.shown.campaign
            window = max(asked.at - BEFORE, campaign.start), min(asked.at + AFTER, campaign.end)
            st.html(block(why_chart.legend(frame, series, asked.measure, marked=True)))
            key = scope_key(asked.scope)
            why_chart.draw(frame, series, key, asked.measure, window, asked.at)
    both = why_view.windows(frame, evidence) + why_view.basis(evidence)
    around = why_view.hour(frame, asked, series) if series is not None else ""
    st.html(block(f'<div class="m-two">{both}</div>', around))


guard.page(body)
