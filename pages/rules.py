"""Rules: what the monitor watches and when it speaks; change it, try it on past events, save it.

Only the head refreshes by itself, and a preview while it runs: nothing moves under the hands of the
person who edits.
"""

from __future__ import annotations

import streamlit as st

from monitor.rules_desk import RulesDesk
from monitor.ui import guard, live, rules_form, rules_history, rules_try
from monitor.ui import rules_view as view
from monitor.ui.frame import Frame
from monitor.ui.fresh import freshness
from monitor.ui.markup import block, empty
from monitor.ui.rules_draft import draft_of
from monitor.ui.rules_live import rules_desk

NO_DESK = "Rules cannot be changed here", "The product that runs takes no rules from this page."


def top(frame: Frame) -> None:
    """Nothing but the head; for another campaign, or other rules, all is drawn anew."""
    desk = rules_desk()
    drawn = (frame.campaign_id, desk.mark() if desk else None)
    if st.session_state.get("rules_drawn") not in (None, drawn):
        st.rerun()


def current() -> Frame | None:
    """What this page draws from, outside the fragment of its head."""
    picture, campaign_id = live.current(), st.session_state.get("last_campaign")
    if picture is None or campaign_id not in picture.campaigns:
        return None
    shown, now = picture.campaigns[str(campaign_id)], live.clock().now()
    return Frame(picture, shown, now, freshness(picture, shown, now))


def body(frame: Frame, desk: RulesDesk) -> None:
    draft = draft_of(st.session_state, desk.book())
    who = st.text_input(
        "Your name", key="import_who", max_chars=60, persist_state="session", width=320,
        placeholder="so that others know whom to ask", autocomplete="name",
    )  # fmt: skip
    if not draft.follow(desk.book()):
        rules_try.behind(frame, desk, draft)
    rules_try.file_told(desk, draft)
    left, right = st.columns([7, 5])
    with left:
        rules_form.listed(frame, draft)
    with right:
        rules_try.panel(frame, desk, draft, (who or "").strip())
    rules_history.as_text(draft)
    left, right = st.columns(2)
    with left:
        rules_history.history(frame, desk, draft)
    right.html(block(view.always_on()))


st.html(view.STYLE)
st.session_state["rules_drawn"] = None
guard.page(top)
now_shown, at_desk = current(), rules_desk()
if now_shown is not None and at_desk is not None:
    body(now_shown, at_desk)
elif now_shown is not None:
    st.html(block(empty(*NO_DESK), view.always_on()))
at_mark = at_desk.mark() if at_desk else None
st.session_state["rules_drawn"] = (now_shown.campaign_id if now_shown else "", at_mark)
