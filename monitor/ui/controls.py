"""Choices that live in the URL, so that a link shows what its sender saw.

Not `bind="query-params"`: that writes the label on screen into the URL, so a change of wording
would break every link, and two scopes with one label would be one. Here the URL carries the id.
It is the truth, the widget only shows and changes it: so browser back and forward work as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx


def from_url(
    widget: Callable[..., Any],
    label: str,
    options: Sequence[str],
    *,
    key: str,
    words: Callable[[str], str],
    default: str | None = None,
    clears: tuple[str, ...] = (),
    **look: Any,
) -> str:
    """Draw `widget` (a select box or segmented control) bound to the URL parameter `key`.

    An unknown value in the URL is the default, which never stands in the URL. A choice removes the
    parameters in `clears`, which belonged to what was left.
    """
    normal = default if default is not None else options[0]
    asked_for = st.query_params.get(key)
    chosen = asked_for if asked_for is not None and asked_for in options else normal
    box = f"{key}_box"
    # On another page a widget is another one: there it would show its first option, not the value
    # that its key still has.
    context = get_script_run_ctx()
    page = context.page_script_hash if context else ""
    if st.session_state.get(box) != chosen or st.session_state.get(f"{box}_page") != page:
        st.session_state[box] = chosen
        st.session_state[f"{box}_page"] = page
    widget(
        label,
        options,
        format_func=words,
        key=box,
        on_change=_to_url,
        args=(key, None if key == "campaign" else normal, clears),
        label_visibility="collapsed",
        **look,
    )
    return chosen


def _to_url(key: str, normal: str | None, clears: tuple[str, ...]) -> None:
    value = st.session_state[f"{key}_box"]
    for name in (*clears, *((key,) if value == normal else ())):
        if name in st.query_params:
            del st.query_params[name]
    if value != normal:
        st.query_params[key] = value
