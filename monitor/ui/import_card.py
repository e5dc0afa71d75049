"""One dropped file with its choices: where it goes, what a renamed column is, and the Import button."""

from __future__ import annotations

from datetime import datetime, timedelta

import streamlit as st

from monitor.campaigns.words import KINDS
from monitor.errors import MonitorError
from monitor.picture import Picture
from monitor.preview import Preview, Suggestion
from monitor.settings import Campaign
from monitor.ui import import_sample as sample
from monitor.ui import import_view as view
from monitor.ui import import_words as iw
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.import_tray import Dropped, Tray, blocked, status_of
from monitor.ui.live import ImportDesk
from monitor.ui.markup import block, esc, panel

BUTTONS = 4  # likely new names that get a button; the others are in the select box


def campaign_of(file: Dropped, frame: Frame) -> Campaign:
    """Whose time zone and currency a file is shown in: its own campaign's, else the page's."""
    known = frame.picture.campaigns
    named = file.preview.campaigns if file.preview else ()
    own = [i for i in (file.campaign_id, *named) if i is not None and i in known]
    return known[own[0] if own else frame.campaign_id].campaign


def card(desk: ImportDesk, tray: Tray, file: Dropped, frame: Frame, who: str) -> None:
    """Everything about one file, worst first, and the button."""
    campaign = campaign_of(file, frame)
    preview = file.preview
    if file.trouble is not None:
        st.html(block(view.trouble(file.name, file.trouble)))
    elif preview is not None:
        st.html(block(view.verdict(preview, status_of(file))))
        if preview.status == "needs_mapping":
            mapping(desk, tray, preview, who)
    else:
        st.html(block(view.feedless(file.name, file.kind)))
    goes_to(desk, file, frame, campaign)
    buttons(desk, tray, file, frame, who)
    if preview is None:
        return
    numbers = view.checks(preview) + view.totals(
        preview, campaign.currency, campaign.zone, frame.now
    )
    st.html(
        block(
            view.what(preview, frame.picture, campaign.zone),
            f'<div class="m-two">{numbers}</div>' if numbers else "",
            sample.columns(preview),
        )
    )
    whole = False
    unused = len(preview.sample_labels) - len(sample.places(preview, False))
    if preview.sample and unused:
        label = f"Show the {w.counted(unused, 'column')} not used as well"
        whole = st.checkbox(label, key=f"import_whole_{file.id}")
    st.html(block(sample.first_rows(preview, whole), sample.problems(preview)))


def goes_to(desk: ImportDesk, file: Dropped, frame: Frame, campaign: Campaign) -> None:
    """The feed, and what the file does not say itself: its campaign and its instant of reading."""
    feeds = dict(desk.feeds())
    asked, at = file.campaign_id, file.at
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Feed it belongs to",
            list(feeds),
            index=list(feeds).index(file.feed_id) if file.feed_id in feeds else None,
            format_func=lambda i: f"{i}: {feeds[i]}" if feeds.get(i) else i,
            placeholder="The file does not say: choose",
            key=f"import_feed_{file.id}",
            width=300,
        )
        if file.asks_campaign:
            ids = in_order(frame.picture)
            asked = st.selectbox(
                "Campaign (the file names none)",
                ids,
                index=ids.index(asked) if asked in ids else None,
                format_func=lambda i: _campaign_words(frame.picture, i),
                placeholder=_found(file, frame.picture),
                key=f"import_campaign_{file.id}",
                width=340,
            )
        if file.asks_at:
            at = when(file, campaign, frame.now)
    if (chosen, asked, at) != (file.feed_id, file.campaign_id, file.at):
        file.feed_id, file.campaign_id, file.at = chosen, asked, at
        if chosen is None:
            file.preview = None
        st.rerun()


def _found(file: Dropped, picture: Picture) -> str:
    ids = file.preview.campaigns if file.preview and file.campaign_id is None else ()
    return f"found by its dates: {view.campaigns(ids, picture)}" if ids else "Choose the campaign"


def in_order(picture: Picture) -> list[str]:
    """Campaigns to choose from: live ones first, then the newest."""
    rank = {"live": 0, "ended": 1, "upcoming": 2}
    known = picture.campaigns
    return sorted(known, key=lambda i: (rank[known[i].phase], -known[i].campaign.start.timestamp()))


def _campaign_words(picture: Picture, campaign_id: str) -> str:
    shown = picture.campaigns[campaign_id]
    kind = KINDS.get(shown.campaign.kind, shown.campaign.kind)
    day = f"{shown.campaign.start.astimezone(shown.campaign.zone):%-d %b %Y}"
    return f"{shown.campaign.name} · {kind}, {shown.campaign.market}, {day} · {shown.phase}"


def when(file: Dropped, campaign: Campaign, at: datetime) -> datetime | None:
    """The instant of reading, asked for in the campaign's zone."""
    zone, key = campaign.zone, f"import_at_{file.id}"
    now = at.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)
    if key not in st.session_state and file.at is not None:
        st.session_state[key] = file.at.astimezone(zone).replace(tzinfo=None)
    local = st.datetime_input(
        f"Numbers read at ({n.place(zone)})",
        value=None,
        key=key,
        step=timedelta(minutes=1),
        format="DD/MM/YYYY",
        width=260,
    )

    def just_now() -> None:
        st.session_state[key] = now

    st.button(
        f"Just now ({now:%H:%M})", on_click=just_now, key=f"import_now_{file.id}", width="content"
    )
    return None if local is None else local.replace(tzinfo=zone)


def mapping(desk: ImportDesk, tray: Tray, preview: Preview, who: str) -> None:
    """A renamed column: one press says what it is called now, and it is remembered."""
    others = tuple(c.label for c in preview.columns if c.how == "unused")
    for i, suggestion in enumerate(preview.suggestions):
        gone = iw.plain(suggestion.title)
        with st.container(border=True, gap="small", key=f"import_map_{i}"):
            likely = suggestion.labels[:BUTTONS]
            asked = "did it become" if likely else "which column is it now?"
            st.markdown(f"**{gone}** is missing; {asked} …" if likely else f"**{gone}** {asked}")
            with st.container(horizontal=True, vertical_alignment="bottom"):
                for j, label in enumerate(likely):
                    st.button(
                        iw.plain(label),
                        key=f"import_likely_{i}_{j}",
                        disabled=not who,
                        icon=":material/check:",
                        on_click=_learn,
                        args=(desk, tray, preview, suggestion, label, who),
                    )
                _any_other(desk, tray, preview, suggestion, i, others, who)
            st.caption(
                f"It will be remembered for every later file of this kind, as said by "
                f"{iw.plain(who)}, and can be forgotten at the foot of this page."
                if who
                else "Write your name at the top first: it is remembered who explained a column."
            )
    if not preview.suggestions:
        gone = ", ".join(iw.flat(label) for label in preview.missing) or "a needed column"
        said = f"No column of this file looks like {gone}. Export again with it switched on."
        st.html(block(panel("What is missing", esc(said))))


def _any_other(
    desk: ImportDesk,
    tray: Tray,
    preview: Preview,
    suggestion: Suggestion,
    i: int,
    others: tuple[str, ...],
    who: str,
) -> None:
    left = [label for label in others if label not in suggestion.labels[:BUTTONS]]
    if not left:
        return
    chosen = st.selectbox(
        "or another column",
        left,
        index=None,
        format_func=iw.flat,
        placeholder="another column of the file",
        key=f"import_other_{i}",
        label_visibility="collapsed",
        width=280,
    )
    st.button(
        "Use it",
        key=f"import_use_{i}",
        disabled=not who or chosen is None,
        on_click=_learn,
        args=(desk, tray, preview, suggestion, chosen, who),
    )


def _learn(
    desk: ImportDesk,
    tray: Tray,
    preview: Preview,
    suggestion: Suggestion,
    label: str,
    who: str,
) -> None:
    try:
        desk.learn(preview.format, label, suggestion.field, who)
    except MonitorError as e:
        tray.said = f"{label} was not remembered: {e}"
    else:
        tray.said = ""
        tray.again()


def buttons(desk: ImportDesk, tray: Tray, file: Dropped, frame: Frame, who: str) -> None:
    """Import, look again, remove; a button that is off says why."""
    why = blocked(file, who, frame.now)
    taken = file.preview.rows.get("taken", 0) if file.preview and why is None else 0
    label = f"Import {taken:,} rows" if taken else "Import"
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            label,
            type="primary",
            disabled=why is not None,
            key=f"import_go_{file.id}",
            icon=":material/upload:",
        ):
            tray.submit(desk, file, who, frame.now)
            st.rerun()
        st.button("Look again", key=f"import_again_{file.id}", on_click=tray.again)
        st.button("Remove", key=f"import_remove_{file.id}", on_click=tray.remove, args=(file.id,))
        if why is not None:
            st.html(f'<div class="m-off" role="status">○ Import is off: {esc(why)}</div>')
        elif file.looked_at is not None:
            st.html('<div class="m-off m-muted">Nothing is kept before you press Import.</div>')
