"""Alerts: the list, dearest first; one alert at `/alerts?campaign=…&alert=12`."""

from __future__ import annotations

import streamlit as st

from monitor.campaigns.words import scope_key
from monitor.ui import alert_view, cards, charts, guard, why_chart
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.controls import from_url
from monitor.ui.frame import Frame
from monitor.ui.markup import block, empty, esc, link, panel
from monitor.ui.triage import Alert, by_id, chosen, is_open, stories, total_at_risk

STATUSES = ("open", "resolved", "all")
KINDS = ("all", *w.KINDS)
kinds = {**w.KINDS, "all": "All kinds"}.__getitem__


def body(frame: Frame) -> None:
    wanted = st.query_params.get("alert")
    if wanted is None:
        listed(frame)
        return
    alert = by_id(frame.shown.alerts, wanted)
    if alert is None:
        back = link("alerts", "← all alerts of this campaign", "m-more", campaign=frame.campaign_id)
        missing = f"There is no alert #{wanted} in {frame.shown.campaign.name}"
        text = "The link may be for another campaign: choose it above."
        st.html(block(empty(missing, text), f"<div>{back}</div>"))
        return
    one(frame, alert)


def listed(frame: Frame) -> None:
    """All alerts of a status and kind."""
    with st.container(horizontal=True, vertical_alignment="center"):
        pick = st.segmented_control
        status = from_url(pick, "Status", STATUSES, key="status", words=str.title, required=True)
        there = {str(a.get("kind")) for a in frame.shown.alerts} | {st.query_params.get("kind")}
        some = [kind for kind in KINDS if kind == "all" or kind in there]
        kind = from_url(pick, "Kind", some, key="kind", words=kinds, required=True)
    rows = chosen(frame.shown.alerts, status, kind)
    risk = total_at_risk(frame.shown.alerts)
    stated = f"{n.money(risk, frame.currency)} at risk · " if risk is not None else ""
    shown = empty(w.NO_ALERTS_TITLE if status == "open" else w.NO_SUCH_ALERTS)
    if rows:
        told = "".join(cards.card(frame, story) for story in stories(rows))
        shown = f'<div class="m-alerts">{told}</div>'
    stale = "is-stale" if frame.fresh.stale else ""
    aside = esc(stated + frame.as_of())
    st.html(block(panel(w.counted(len(rows), "alert"), shown, aside, stale)))


def one(frame: Frame, alert: Alert) -> None:
    """Everything known of one alert."""
    st.html(block(alert_view.top(frame, alert)))
    key = (scope_key(alert.get("scope") or {}), str(alert.get("metric")))
    begun = n.instant(alert.get("breach_start"))
    if key in frame.shown.series and begun is not None:
        with st.container(key="chart", gap="small"):
            last = frame.shown.watermark or begun
            ended = last if is_open(alert) else n.instant(alert.get("resolved_at")) or last
            window = charts.around(frame.shown.campaign, begun, ended)
            table = frame.shown.series[key]
            st.html(block(why_chart.legend(frame, table, key[1])))
            why_chart.draw(frame, table, *key, window)
    elif alert.get("metric"):
        st.html(block(empty(w.NO_SERIES)))
    past = frame.shown.history.get(int(alert["id"]), ())
    both = alert_view.episodes(frame, alert) + alert_view.history(frame, past)
    st.html(block(alert_view.why(frame, alert), f'<div class="m-two">{both}</div>'))


guard.page(body)
