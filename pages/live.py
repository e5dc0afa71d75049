"""Live: are we on pace, what is wrong, what is it costing, how old is this number?"""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from monitor.ui import cards, charts, guard, pace, tables, why_chart
from monitor.ui import words as w
from monitor.ui.controls import from_url
from monitor.ui.frame import Frame
from monitor.ui.markup import block, empty, panel
from monitor.ui.why_link import why_address

HOUR = timedelta(hours=1)
SPANS = {"event": "Whole event", "last": "Last 3 hours"}


def body(frame: Frame) -> None:
    if frame.shown.as_of is None:
        st.html(block(empty(w.NO_DATA_TITLE, cards.first_data(frame))))
        return
    top = pace.pace(frame) + cards.risk(frame) + cards.figures(frame)
    st.html(block(f'<div class="m-top">{top}</div>'))
    with st.container(key="chart", gap="small"):
        chart(frame)
    stale = "is-stale" if frame.fresh.stale else ""
    as_of = frame.as_of()
    by = [
        panel(f"By {dim}", tables.members(frame, dim), as_of, stale)
        for dim in ("channel", "category")
        if any(m.dim == dim for m in frame.shown.members)
    ]
    if by:
        st.html(block(f'<div class="m-two">{"".join(by)}</div>'))


def chart(frame: Frame) -> None:
    """Observed against expected, for a scope, a metric and a stretch of the day."""
    scopes = list(dict.fromkeys(key for key, _ in frame.shown.series))
    if not scopes:
        st.html(block(empty(w.NO_BUCKETS_TITLE, w.NO_BUCKETS)))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        scope = from_url(
            st.selectbox, "Scope", scopes, key="scope", width=240,
            words=lambda key: w.scope(w.parse_scope(key)),
        )  # fmt: skip
        metrics = [m for s, m in frame.shown.series if s == scope]
        pick = st.segmented_control
        metric = from_url(pick, "Metric", metrics, key="metric", words=w.metric, required=True)
        span = from_url(
            pick, "Span", list(SPANS), key="span", words=SPANS.__getitem__, required=True
        )
    if charts.nothing_in(frame.shown.series[scope, metric]):
        st.html(block(empty(w.NO_BUCKETS_TITLE, w.NO_BUCKETS)))
        return
    campaign = frame.shown.campaign
    window = (campaign.start, campaign.end)
    if span == "last" and frame.shown.watermark is not None:
        window = charts.around(campaign, frame.shown.watermark - HOUR, frame.shown.watermark)
    table = frame.shown.series[scope, metric]
    why = why_address(frame.campaign_id, w.parse_scope(scope), metric, "Why (no) alert? →")
    st.html(block(why_chart.legend(frame, table, metric), f"<div>{why}</div>"))
    why_chart.draw(frame, table, scope, metric, window)


guard.page(body)
