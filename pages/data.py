"""Data: what arrived, what is late, what was refused and why, what was corrected."""

from __future__ import annotations

import streamlit as st

from monitor.ui import feeds, guard, tables
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.markup import block, empty, esc, panel
from monitor.ui.memo import memo

SHOWN = 60


def body(frame: Frame) -> None:
    picture = frame.picture
    found = feeds.states(frame)
    shown = feeds.cards(frame, found) if found else empty(w.NO_FEEDS)
    st.html(
        block(
            feeds.headline(frame, found) if found else "",
            panel("Feeds", shown, esc(f"computed {n.age(picture.published_at, frame.now)}")),
            panel("Corrections", corrections(frame), esc(frame.as_of())),
            memo.get(picture, ("refused", frame.campaign_id), lambda: refused(frame)),
            memo.get(picture, ("arrived", frame.campaign_id), lambda: arrived(frame)),
        )
    )


def corrections(frame: Frame) -> str:
    """What the source took back or added afterwards; totals include it, rules leave it out."""
    booked = {metric: v for metric, v in frame.shown.corrections.items() if v}
    if not booked:
        return '<span class="m-muted">None: the source has corrected nothing.</span>'
    cells = "".join(
        f"<div><dt>{esc(w.metric(m))}</dt><dd>{esc(n.amount(m, v, frame.currency))}</dd></div>"
        for m, v in booked.items()
    )
    return (
        f'<dl class="m-facts">{cells}</dl>'
        '<div class="m-asof">in the totals, never judged as a dip</div>'
    )


def refused(frame: Frame) -> str:
    """The newest rows in quarantine."""
    rows = frame.picture.quarantine
    shown = (
        tables.quarantine(frame, rows.slice(0, SHOWN)) if rows.num_rows else empty(w.NO_QUARANTINE)
    )
    return panel("Rows that could not be read", shown, esc(_part(rows.num_rows, "row")))


def arrived(frame: Frame) -> str:
    """The newest files."""
    rows = frame.picture.batches
    shown = tables.batches(frame, rows.slice(0, SHOWN)) if rows.num_rows else empty(w.NO_BATCHES)
    return panel("Files", shown, esc(_part(rows.num_rows, "file")))


def _part(total: int, what: str) -> str:
    if total > SHOWN:
        return f"newest {SHOWN} of {total:,} {what}s"
    return w.counted(total, what)


guard.page(body)
