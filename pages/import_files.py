"""Import: drop a file, see what it is and what it would change, import it, undo it.

Only the head and what stands below the dropped files refresh by themselves: nothing moves under the
hands of the person who decides on a file.
"""

from __future__ import annotations

import streamlit as st

from monitor.ui import guard, live
from monitor.ui import import_card as cards
from monitor.ui import import_drop as drop
from monitor.ui import import_list as lists
from monitor.ui import import_words as iw
from monitor.ui.frame import Frame
from monitor.ui.fresh import freshness
from monitor.ui.import_tray import Tray, arrived, tray_of
from monitor.ui.markup import banner, block, empty

REFRESH_S, WATCH_S = 5, 2


def top(frame: Frame) -> None:
    """Nothing but the head; for another campaign, or the first picture, all is drawn anew."""
    if st.session_state.get("import_drawn") not in (None, frame.campaign_id):
        st.rerun()


def current() -> Frame | None:
    """What this page draws from, outside the fragment of its head."""
    picture, campaign_id = live.current(), st.session_state.get("last_campaign")
    if picture is None or campaign_id not in picture.campaigns:
        return None
    shown, now = picture.campaigns[str(campaign_id)], live.clock().now()
    return Frame(picture, shown, now, freshness(picture, shown, now))


def dropped(frame: Frame, desk: live.ImportDesk, tray: Tray) -> None:
    """The files in the tray, and those on their way."""
    who = drop.inlet(tray)
    if tray.said:
        st.html(block(banner("bad", "✕ Not done", tray.said)))
    if tray.sent:
        watched(desk, tray)
    drop.look(desk, tray)
    if not tray.open and not tray.sent:
        drop.nothing()
    if len(tray.open) > 1:
        drop.several(desk, tray, frame.now, who)
    chosen = st.session_state.get("import_shown")
    file = next((f for f in tray.open if f.id == chosen), tray.open[0] if tray.open else None)
    if file is not None:
        cards.card(desk, tray, file, frame, who)
    below(desk, tray, who)


def watched(desk: live.ImportDesk, tray: Tray) -> None:
    """What becomes of the files that were handed in, until the tick has taken the last."""
    waiting = any(arrived(s, desk.progress(s.batch_id)) is None for s in tray.sent)

    @st.fragment(run_every=WATCH_S if waiting else None)
    def refreshed() -> None:
        frame = current()
        if frame is not None and not lists.on_the_way(frame, desk, tray) and waiting:
            st.rerun()

    refreshed()
    if not waiting:
        st.button("Clear this list", on_click=tray.sent.clear, key="import_clear", type="tertiary")


def below(desk: live.ImportDesk, tray: Tray, who: str) -> None:
    """What was imported and what was learned, again and again."""
    state = st.session_state

    @st.fragment(run_every=REFRESH_S)
    def refreshed() -> None:
        if state["import_below"] not in (None, (tray.revision, tray.said)):
            st.rerun()  # a press in here changed what stands above
        frame = current()
        if frame is not None:
            lists.batches(frame, desk, tray, who)
            lists.learned(frame, desk, tray, who)

    state["import_below"] = None
    refreshed()
    state["import_below"] = (tray.revision, tray.said)


st.session_state["import_drawn"] = None
guard.page(top)
now_shown, at_desk = current(), live.desk()
if now_shown is not None and at_desk is not None:
    dropped(now_shown, at_desk, tray_of(st.session_state))
elif now_shown is not None:
    st.html(block(empty(iw.NO_DESK_TITLE, iw.NO_DESK)))
st.session_state["import_drawn"] = now_shown.campaign_id if now_shown else ""
