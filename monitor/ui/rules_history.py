"""Versions of the rules with restore, and all rules as text."""

from __future__ import annotations

import streamlit as st

from monitor.rulebook.book import digest
from monitor.rulebook.versions import Version
from monitor.rules_desk import RulesDesk
from monitor.ui import rules_view as view
from monitor.ui.frame import Frame
from monitor.ui.markup import block
from monitor.ui.rules_draft import Draft

SHOWN, ALL = 8, 200


def history(frame: Frame, desk: RulesDesk, draft: Draft) -> None:
    """Who changed what and when, newest first; each can be looked at and saved again."""
    limit = ALL if st.session_state.get("rules_all") else SHOWN
    known = desk.history(limit + 1)
    with st.container(key="rules_history", gap="small"):
        none = "" if known else '<span class="m-muted">Written with the first tick.</span>'
        st.html(f'<div class="m"><h2>Versions</h2>{none}</div>')
        for version in known[:limit]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                with st.container(width="stretch", key=f"rules_v_{version.version}"):
                    said = view.version_row(version, frame, draft.base.version)
                    st.html(block(said, classes="m-batch"))
                if version.version != draft.base.version and not version.trouble:
                    _restorer(draft, version)
        if len(known) > limit or st.session_state.get("rules_all"):
            st.checkbox(f"Show up to {ALL}", key="rules_all")


def _restorer(draft: Draft, version: Version) -> None:
    def restore() -> None:
        if draft.take(version.text):
            draft.note = f"as in version {version.version}"

    st.button(
        "Restore …", key=f"rules_restore_{version.version}", on_click=restore, width="content",
    )  # fmt: skip


def as_text(draft: Draft) -> None:
    """All rules as the text that would be saved: for new rules, and for a file of one's own."""
    key = f"rules_text_{digest(draft.text)}"

    def take() -> None:
        draft.take(str(st.session_state.get(key) or ""))

    with st.expander("All rules as text: add a rule, take one out, or copy them"):
        st.session_state.setdefault(key, draft.text)
        st.text_area("Rules (TOML; docs/rules.md says what each key means)", key=key, height=420)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Take over this text", key="rules_take", on_click=take)
            st.download_button(
                "Download rules.toml", draft.text, "rules.toml", "application/toml",
                on_click="ignore", key="rules_download", icon=":material/download:",
            )  # fmt: skip
