"""Leaderboards: who and what sells most, and who is moving."""

from __future__ import annotations

import streamlit as st

from monitor.picture import Board
from monitor.ui import guard, tables
from monitor.ui import words as w
from monitor.ui.controls import from_url
from monitor.ui.frame import Frame
from monitor.ui.markup import block, empty, esc, panel
from monitor.ui.memo import memo
from monitor.ui.numbers import money


def body(frame: Frame) -> None:
    boards = {
        key: frame.shown.boards[key]
        for key in dict.fromkeys((*w.BOARDS, *frame.shown.boards))
        if key in frame.shown.boards
        and (key != "linkshare" or frame.shown.boards[key].rows.num_rows)
    }
    if not any(b.rows.num_rows for b in boards.values()):
        st.html(block(empty(w.NO_DATA_TITLE, w.NO_BOARD)))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        which = from_url(
            st.segmented_control, "Board", list(boards), key="board", required=True,
            words=lambda b: w.BOARDS.get(b, b),
        )  # fmt: skip
        wanted = st.text_input(
            "Filter", key="q", bind="query-params", type="search", live=True, width=260,
            placeholder="Filter by name or id", label_visibility="collapsed",
        )  # fmt: skip
        ranking = boards[which]
        st.download_button(
            "CSV", lambda: tables.board_csv(frame.shown, ranking, ranking.rows),
            f"{frame.campaign_id}-{ranking.name}.csv", "text/csv", on_click="ignore",
            icon=":material/download:", help="The whole board, safe to open in Excel", key="csv",
        )  # fmt: skip
    ranked(frame, ranking, wanted or "")


def ranked(frame: Frame, ranking: Board, wanted: str) -> None:
    """The ranking itself, fifty rows a page, the filter applied to all of it."""
    rows = tables.matching(ranking.rows, wanted)
    pages = -(-rows.num_rows // tables.PAGE)
    holder = st.container(gap="small")
    page = 1
    if pages > 1:
        page = min(st.pagination(pages, key=f"page_{ranking.name}"), pages)
    part = rows.slice((page - 1) * tables.PAGE, tables.PAGE)
    if not rows.num_rows:
        shown = empty(w.NO_MATCH if wanted else w.NO_BOARD)
    elif wanted:
        shown = tables.board(frame, ranking, part)
    else:
        key = ("board", frame.campaign_id, ranking.name, page)
        shown = memo.get(frame.picture, key, lambda: tables.board(frame, ranking, part))
    total = f"total {money(ranking.total, frame.currency)} · " if ranking.total is not None else ""
    found = f"{rows.num_rows:,} of {ranking.rows.num_rows:,} · " if wanted else ""
    aside = f"{esc(found)}{esc(total)}{esc(frame.as_of())}"
    stale = "is-stale" if frame.fresh.stale else ""
    holder.html(block(panel(ranking.title, shown, aside), classes=f"m-board {stale}"))


guard.page(body)
