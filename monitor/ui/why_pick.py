"""What the Why page is asked about: scope, measure and moment, all of it in the URL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import streamlit as st

from monitor.answers import parse_scope
from monitor.campaigns.words import Scope, scope_key
from monitor.clock import floor_to, iso
from monitor.detect.event import MEASURES
from monitor.errors import ConfigError
from monitor.ui import words as w
from monitor.ui.charts import look
from monitor.ui.controls import from_url
from monitor.ui.frame import Frame
from monitor.ui.memo import memo
from monitor.ui.numbers import instant
from monitor.ui.why_link import EVIDENT, scope_text, step_of
from monitor.why import Why

BOARD_DIMENSIONS = {"creators": "creator_id", "linkshare": "creator_id"}
JUDGED, NAMED = 2000, 300  # scopes judged, creators of boards: offered; any other by its address


@dataclass(frozen=True)
class Asked:
    """`at`: start of the bucket. `wrong`: what of the address was not understood, in words."""

    scope: Scope
    measure: str
    at: datetime
    step: timedelta
    wrong: tuple[str, ...] = ()


def pick(frame: Frame, provider: Why | None) -> Asked:
    """Draw the choices, and give what is chosen."""
    wrong: list[str] = []
    with st.container(horizontal=True, vertical_alignment="bottom", key="why_pick"):
        scope = _scope(frame, provider, wrong)
        measure = _measure(wrong)
    at, step = _moment(frame, scope, measure, wrong)
    return Asked(scope, measure, at, step, tuple(wrong))


def _scope(frame: Frame, provider: Why | None, wrong: list[str]) -> Scope:
    asked_for = st.query_params.get("scope", "")
    key = ("why_scopes", frame.campaign_id, id(provider))
    listed = memo.get(frame.picture, key, lambda: _offered(frame, provider))
    offered = dict(listed)
    try:
        asked = parse_scope(asked_for)
    except ConfigError:
        asked = {}
        wrong.append(
            f"The link asks for {asked_for!r}, which is no scope; this is the whole campaign."
        )
    else:
        if asked_for and asked_for != (plain := scope_text(asked)):
            st.query_params["scope"] = asked_for = plain
        offered.setdefault(asked_for, asked)  # a link may name a scope that is not on the list
    names = _names(frame)
    chosen = from_url(
        st.selectbox, "Scope", list(offered), key="scope", default="", width=340,
        words=lambda key: scope_label(offered[key], names) if key in offered else key,
    )  # fmt: skip
    return offered[chosen]


def _measure(wrong: list[str]) -> str:
    asked_for = st.query_params.get("measure")
    if asked_for is not None and asked_for not in MEASURES:
        wrong.append(f"The link asks for {asked_for!r}, which is not measured; this is GMV.")
    return from_url(
        st.selectbox, "Measure", list(MEASURES), key="measure", words=w.metric, width=210
    )


def _moment(
    frame: Frame, scope: Scope, measure: str, wrong: list[str]
) -> tuple[datetime, timedelta]:
    """The bucket that is asked about; ◀ and ▶ go one on, also on the keyboard."""
    step, campaign = step_of(frame), frame.shown.campaign
    if st.session_state.get("why_campaign", campaign.id) != campaign.id:
        st.query_params.pop("at", None)  # the moment belonged to the campaign that was left
    st.session_state["why_campaign"] = campaign.id
    latest = last_judged(frame, step)
    text = st.query_params.get("at")
    at = latest
    if text:
        try:
            # A "+08:00" that nobody wrote as %2B comes as a space.
            at = floor_to(instant(text.replace(" ", "+")) or latest, step)
        except ValueError:
            wrong.append(f"The link asks for {text!r}, which is no time; this is the last judged.")
        else:
            if text != _stamp(at):
                st.query_params["at"] = _stamp(at)
    series = scope_key(scope), measure
    key = ("why_states", campaign.id, *series)
    states = memo.get(frame.picture, key, lambda: _states(frame.shown.series.get(series)))
    first, end = floor_to(campaign.start, step), campaign.end
    times = [first + i * step for i in range(max(int((end - first) / step), 1))]
    shown = {_stamp(t): t for t in times}
    shown.setdefault(_stamp(at), at)
    days = (end - first) > timedelta(days=1)

    def words(stamp: str) -> str:
        begin = shown.get(stamp, latest).astimezone(campaign.zone)
        state = states.get(stamp, "")
        sign, word = w.state(state)
        judged = f"  {sign} {word}" if state not in ("", "open", "normal") else ""
        day = f"{begin:%a} {begin.day} {begin:%b} " if days else ""
        return f"{day}{begin:%H:%M}–{(begin + step):%H:%M}{judged}"

    with st.container(
        horizontal=True, vertical_alignment="center", key="why_time", gap="small", width="content"
    ):
        _step(
            "◀ Earlier", "One bucket back", at - step, latest, at - step < first, "Left", "why_back"
        )
        from_url(
            st.selectbox, "Moment", list(shown), key="at", words=words, default=_stamp(latest),
            width=250,
        )  # fmt: skip
        _step("Later ▶", "One bucket on", at + step, latest, at + step >= end, "Right", "why_on")
        newest = "Last judged"
        _step(newest, "The last judged moment", latest, latest, at == latest, "End", "why_last")
    return at, step


def _step(
    label: str, hint: str, to: datetime, latest: datetime, off: bool, keys: str, key: str
) -> None:
    """A button that goes to another bucket; the last judged has no place in the URL."""

    def go() -> None:
        if to == latest:
            st.query_params.pop("at", None)
        else:
            st.query_params["at"] = _stamp(to)

    st.button(label, key=key, on_click=go, disabled=off, shortcut=keys, help=hint)


def last_judged(frame: Frame, step: timedelta) -> datetime:
    """The start of the last bucket that the numbers cover, or the event's first."""
    campaign, mark = frame.shown.campaign, frame.shown.watermark
    first = floor_to(campaign.start, step)
    if mark is None:
        return first
    return max(floor_to(min(mark, campaign.end), step) - step, first)


def known_scopes(frame: Frame, provider: Why | None) -> list[Scope]:
    """What can be asked about: what is judged, what the picture shows, who is on a board."""
    found: list[Scope] = [{}]
    if provider is not None:
        found += provider.scopes(frame.campaign_id)[:JUDGED]
    found += [w.parse_scope(key) for key, _ in frame.shown.series]
    found += [dict(a["scope"]) for a in frame.shown.alerts if a.get("kind") in EVIDENT]
    found += [{m.dim: m.id} for m in frame.shown.members if m.id]
    for board, dim in BOARD_DIMENSIONS.items():
        ranked = frame.shown.boards.get(board)
        if ranked is not None:
            found += [{dim: i} for i in ranked.rows["id"].slice(0, NAMED).to_pylist() if i]
    own = (s for s in found if all(s.values()) and "feed" not in s)
    return sorted(_unlike(own), key=lambda s: (len(s), "creator_id" in s))


def _offered(frame: Frame, provider: Why | None) -> dict[str, Scope]:
    return {scope_text(s): s for s in known_scopes(frame, provider)}


def _unlike(scopes: Iterable[Scope]) -> list[Scope]:
    return list({scope_key(scope): scope for scope in scopes}.values())


def _names(frame: Frame) -> dict[str, str]:
    """What creators are called, by id."""
    board = frame.shown.boards.get("creators")
    if board is None:
        return {}
    return dict(zip(board.rows["id"].to_pylist(), board.rows["name"].to_pylist(), strict=True))


def scope_label(scope: Scope, names: dict[str, str]) -> str:
    """`LIVE · beauty`, `Creator Aina Cantik (c0003)`."""
    parts = []
    for dim in sorted(scope, reverse=True):
        said = w.member(dim, scope[dim])
        if dim not in ("channel", "category"):
            called = names.get(scope[dim], said)
            said = f"{w.DIMENSIONS.get(dim, dim)} {called}"
            said += f" ({scope[dim]})" if called != scope[dim] else ""
        parts.append(said)
    return " · ".join(parts) or "Whole campaign"


def _states(table: pa.Table | None) -> dict[str, str]:
    """The judged state of each bucket by its stamp, where a series is published."""
    if table is None:
        return {}
    columns: Sequence[list] = [table[c].to_pylist() for c in ("observed", "expected", "state")]
    starts = table["bucket_start"].to_pylist()
    return {
        _stamp(at): "surge" if look(state, observed, expected) == "surge" else state
        for at, observed, expected, state in zip(starts, *columns, strict=True)
    }


def _stamp(at: datetime) -> str:
    return iso(at) or ""
