"""What was imported: files on their way, the ledger with undo, and the names that people explained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath

import streamlit as st

from monitor.errors import MonitorError
from monitor.preview import Batch
from monitor.ui import import_words as iw
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.import_tray import Sent, Tray, arrived
from monitor.ui.import_view import campaigns
from monitor.ui.live import ImportDesk
from monitor.ui.markup import Head, block, chip, empty, esc, panel, table
from monitor.ui.memo import memo

SHOWN = 10
ALL = 200
SLOW_S = 60


def status(batch: Batch, undoing: bool = False) -> tuple[str, str, str]:
    """(symbol, word, tone) of a batch."""
    if undoing and batch.status != "undone":
        return iw.STATUS["undoing"]
    if batch.status in iw.STATUS and batch.status not in ("needs_mapping", "known", "refused"):
        return iw.STATUS[batch.status]
    symbol, word = w.BATCH_STATUS.get(batch.status, ("?", batch.status))
    return symbol, word, "red" if batch.status in ("refused", "needs_mapping") else ""


def counts(batch: Batch) -> str:
    """`410 of 412 rows taken, 2 set aside`."""
    said = f"{batch.taken:,} of {w.counted(batch.read, 'row')} taken"
    if batch.quarantined:
        said += f", {batch.quarantined:,} set aside"
    return f"{said}, {batch.known:,} held already" if batch.known else said


def on_the_way(frame: Frame, desk: ImportDesk, tray: Tray) -> bool:
    """Files that this viewer handed in; True while one of them waits for the tick."""
    waiting, rows = False, []
    for sent in tray.sent:
        batch = arrived(sent, desk.progress(sent.batch_id))
        waiting = waiting or batch is None
        rows.append(_progress(frame, sent, batch))
    heads = (Head("File", "key"), Head("Became"), Head("Rows", "any"))
    st.html(block(panel("You handed in", table(heads, rows, "Handed in"))))
    return waiting


def _progress(frame: Frame, sent: Sent, batch: Batch | None) -> tuple[str, str, str]:
    if batch is not None:
        said = iw.shown(batch.reason) if batch.reason and not batch.taken else esc(counts(batch))
        return iw.shown(sent.name), chip(*status(batch)), said
    passed = (frame.now - sent.at).total_seconds()
    said = "in the inbox; it is taken within seconds"
    if passed > SLOW_S * frame.picture.speed:
        said = (
            f"still in the inbox after {n.span(passed)}: longer than usual. If this page says at the "
            "top that the monitor stopped, tell the person who runs it; the file is safe."
        )
    return iw.shown(sent.name), chip(*iw.STATUS["waiting"]), esc(said)


def batches(frame: Frame, desk: ImportDesk, tray: Tray, who: str) -> None:
    """The ledger, newest first; each batch can be undone, its rows to correct downloaded."""
    limit = ALL if st.session_state.get("import_all") else SHOWN
    key = ("imports", limit + 1)
    known = memo.get(frame.picture, key, lambda: tuple(desk.batches(limit + 1)))
    rows = known[:limit]
    undone = sum(1 for b in rows if b.status == "undone")
    aside = f"newest {len(rows)}" + (f", {undone} undone" if undone else "")
    if not rows:
        st.html(block(panel("Imports", empty(w.NO_BATCHES))))
        return
    with st.container(key="import_list", gap="small"):
        st.html(f'<div class="m"><h2>Imports</h2><span class="m-asof">{esc(aside)}</span></div>')
        for batch in rows:
            _batch(frame, desk, tray, batch, who)
        if len(known) > limit:
            st.checkbox(f"Show up to {ALL}", key="import_all")


def _batch(frame: Frame, desk: ImportDesk, tray: Tray, batch: Batch, who: str) -> None:
    asked = tray.undoing.get(batch.batch_id)
    if batch.status == "undone":
        tray.undoing.pop(batch.batch_id, None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch", key=f"import_b_{batch.batch_id}"):
            st.html(block(_row(frame, batch, asked), classes="m-batch"))
        if batch.quarantined:
            st.download_button(
                f"{batch.quarantined:,} to correct",
                lambda: to_correct(desk, tray, batch),
                correction_name(batch.file),
                "text/csv",
                on_click="ignore",
                icon=":material/download:",
                key=f"import_rows_{batch.batch_id}",
                help="The rows that were set aside. Correct them and drop the file here.",
                width="content",
            )
        if batch.status == "taken" and asked is None:
            st.button(
                "Undo …",
                key=f"import_undo_{batch.batch_id}",
                on_click=_ask,
                args=(batch.batch_id,),
                width="content",
            )
    if st.session_state.get("import_asked") == batch.batch_id and batch.status == "taken":
        _confirm(frame, desk, tray, batch, who)


def _row(frame: Frame, batch: Batch, asked: datetime | None) -> str:
    parts = [f"by {iw.shown(batch.who)}" if batch.who else "by its source"]
    parts.append(f"{esc(frame.clock(batch.arrived_at))}")
    parts.append(f"{iw.shown(batch.format or 'not recognised')} → {iw.shown(batch.feed_id)}")
    if batch.campaigns:
        parts.append(iw.shown(campaigns(batch.campaigns, frame.picture)))
    said = esc(counts(batch))
    if batch.reason and batch.status in ("refused", "needs_mapping"):
        said = iw.shown(batch.reason, 300)
    if batch.status == "undone":
        by = iw.shown(batch.undone_by or "somebody")
        said = f"undone by {by} at {esc(frame.clock(batch.undone_at))}; it had {said}"
    elif asked is not None:
        said += f"; undo asked for at {esc(frame.clock(asked))}, done at the next tick"
    return (
        f"<div><b>{iw.shown(batch.file)}</b> {chip(*status(batch, asked is not None))}</div>"
        f'<div>{said}</div><div class="m-asof">{" · ".join(parts)}</div>'
    )


def _ask(batch_id: str | None) -> None:
    st.session_state["import_asked"] = batch_id


def _confirm(frame: Frame, desk: ImportDesk, tray: Tray, batch: Batch, who: str) -> None:
    where = campaigns(batch.campaigns, frame.picture) or "the totals"
    said = (
        f"Undo takes the {w.counted(batch.taken, 'row')} of {batch.file} out of {where}: totals, "
        "boards and alerts become what they were without it. Where other files said the same, "
        "they count again; files that came later stay. The file stays in the archive and can be "
        "dropped here again."
    )

    def do() -> None:
        _ask(None)
        try:
            desk.undo(batch.batch_id, who)
            tray.undoing[batch.batch_id] = frame.now
            tray.again()
            tray.said = ""
        except (MonitorError, OSError) as e:
            tray.said = f"{batch.file} was not undone: {e}"

    with st.container(key="import_confirm", gap="small"):
        st.html(f'<div class="m" role="alertdialog" aria-label="Undo?">{iw.shown(said, 900)}</div>')
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Yes, undo this import",
                type="primary",
                key="import_undo_yes",
                on_click=do,
                disabled=not who,
            )
            st.button("Keep it", key="import_undo_no", on_click=_ask, args=(None,))
            if not who:
                st.caption("Write your name at the top first: the list says who undid it.")


def to_correct(desk: ImportDesk, tray: Tray, batch: Batch) -> bytes:
    """The rows to correct; when they cannot be had, why, in the file and on the page."""
    try:
        return desk.quarantine_csv(batch.batch_id)[1]
    except (MonitorError, OSError) as e:
        tray.said = f"the rows of {batch.file} to correct could not be fetched: {e}"
        return tray.said.encode("utf-8-sig")


def correction_name(file: str) -> str:
    """`sales-rows-to-correct.csv`, whatever the file was called."""
    stem = re.sub(r"[^\w@.-]+", "_", PurePath(file).stem).strip("_.") or "file"
    return f"{stem[:80]}-rows-to-correct.csv"


def learned(frame: Frame, desk: ImportDesk, tray: Tray, who: str) -> None:
    """Column names that people explained, each with Forget."""

    def forget(format: str, label: str) -> None:
        try:
            desk.forget(format, label, who)
            tray.said = ""
            tray.again()
        except MonitorError as e:
            tray.said = f"{label} was not forgotten: {e}"

    rows = desk.aliases()
    with st.container(key="import_learned", gap="small"):
        st.html(f'<div class="m"><h2>Column names explained by people</h2>{_none(rows)}</div>')
        for i, (format, label, field, by, at) in enumerate(rows):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                with st.container(width="stretch", key=f"import_l_{i}"):
                    said = (
                        f"<div><b>{iw.shown(label)}</b> is {esc(iw.field(field))}</div>"
                        f'<div class="m-asof">in {iw.shown(format)} · said by {iw.shown(by)} · '
                        f"{esc(frame.clock(at))}</div>"
                    )
                    st.html(block(said, classes="m-batch"))
                st.button(
                    "Forget",
                    key=f"import_forget_{i}_{format}",
                    on_click=forget,
                    args=(format, label),
                    disabled=not who,
                    width="content",
                )


def _none(rows: Sequence[object]) -> str:
    if rows:
        return '<span class="m-asof">Forgetting one changes later files only.</span>'
    return '<span class="m-muted">None yet: every name so far was known.</span>'
