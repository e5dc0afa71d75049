"""Where files are dropped, how they are looked into, and all of them at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from monitor.ui import import_words as iw
from monitor.ui import live
from monitor.ui.import_tray import Tray, blocked
from monitor.ui.import_tray import status_of as status
from monitor.ui.markup import Head, block, chip, esc, panel, table

GUIDE = Path(__file__).parents[2] / "docs" / "import-page.md"


def inlet(tray: Tray) -> str:
    """The name field and the place to drop files; gives the name."""

    def taken() -> None:
        # A browser under load tells the same drop twice; what was taken the first time is gone.
        files = [f for f in st.session_state[key] or () if isinstance(f, UploadedFile)]
        if not files:
            return
        tray.add((f.name, f.getvalue()) for f in files)
        tray.uploader += 1
        let_go(f.file_id for f in files)

    key = f"import_drop_{tray.uploader}"
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with right:
        who = st.text_input(
            "Your name", key="import_who", max_chars=60, persist_state="session",
            placeholder="so that others know whom to ask", autocomplete="name",
        )  # fmt: skip
    with left:
        st.file_uploader(
            f"Drop files here, several at once: {iw.KINDS}; up to {iw.LIMIT_MB} MB each",
            accept_multiple_files=True, max_upload_size=iw.LIMIT_MB, key=key, on_change=taken,
        )  # fmt: skip
    return (who or "").strip()


def let_go(file_ids: Iterable[str]) -> None:
    """Take files from Streamlit's own store, which would keep their bytes until the tab is closed.

    It has no public call for that.
    """
    context = get_script_run_ctx()
    remove = getattr(context.uploaded_file_mgr, "remove_file", None) if context else None
    if context is None or remove is None:
        return
    for file_id in file_ids:
        remove(session_id=context.session_id, file_id=file_id)


def look(desk: live.ImportDesk, tray: Tray) -> None:
    """Look into what is new or was changed, and say so while it takes."""
    for file in list(tray.open):
        if tray.stale(file):
            said = f"Reading {iw.plain(file.name)} ({iw.size(len(file.content))}) …"
            with st.spinner(said, show_time=True):
                tray.look(desk, file, live.clock().now())


def several(desk: live.ImportDesk, tray: Tray, now: datetime, who: str) -> None:
    """All dropped files at a glance; all that are ready in one press."""
    ready = [f for f in tray.open if blocked(f, who, now) is None]
    rows = [
        (
            iw.shown(f.name),
            chip(*iw.STATUS[status(f)]),
            iw.shown(
                f.trouble
                or (
                    iw.headline(f.preview, status(f))
                    if f.preview
                    else f"{f.kind or 'a file'}: choose its feed"
                )
            ),
            esc(f.preview.title or f.preview.format) if f.preview else "",
        )
        for f in tray.open
    ]
    heads = (Head("File", "key"), Head("Status"), Head("What would happen", "any"), Head("What"))
    st.html(block(panel(f"{len(rows)} files", table(heads, rows, "Dropped files"))))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ids = {f.id: f.name for f in tray.open}
        st.selectbox("Shown below", list(ids), format_func=lambda i: iw.flat(ids.get(i, i)),
                     key="import_shown", width=360)  # fmt: skip
        label = f"Import all that are ready ({len(ready)} of {len(rows)})"
        if st.button(label, disabled=not ready, key="import_all_ready"):
            for file in ready:
                tray.submit(desk, file, who, now)
            st.rerun()


@st.dialog("Importing files: a guide", width="large")
def guide() -> None:
    st.markdown(GUIDE.read_text(encoding="utf-8"))


def nothing() -> None:
    lines = "".join(f"<li>{esc(line)}</li>" for line in iw.EMPTY)
    said = f'<div class="m-empty"><b>{esc(iw.EMPTY_TITLE)}</b><ul class="m-list">{lines}</ul></div>'
    st.html(block(said))
    if st.button("Guide: which exports, what is checked, what the marks mean", type="tertiary",
                 icon=":material/menu_book:", key="import_guide"):  # fmt: skip
        guide()
