"""The list of rules with their switches, and the form of the one that is edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import streamlit as st

from monitor.campaigns.markets import symbol
from monitor.detect.rule import Rule
from monitor.rulebook import words as rw
from monitor.rulebook.book import SCOPES, Severities
from monitor.rulebook.write import scope_names
from monitor.ui import numbers as n
from monitor.ui import rules_view as view
from monitor.ui.frame import Frame
from monitor.ui.import_words import flat, plain
from monitor.ui.markup import banner, block, empty
from monitor.ui.rules_draft import Draft

SENSITIVITIES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
SHARE, MONEY = "share", "money"
HOUR_S = 3600.0
SEVERITY = "*severity"  # the form of severities; no rule can be called so


def listed(frame: Frame, draft: Draft) -> None:
    """All rules of the draft; a switch or a form changes the draft alone."""
    known = phases(frame)
    before = {rule.name: rule for rule in draft.base.rules}
    severity = draft.book.severity
    on = len(draft.book.enabled)
    with st.container(key="rules_list", gap="small"):
        told = f"{on} of {len(draft.book.rules)} on"
        st.html(f'<div class="m"><h2>Rules</h2><span class="m-asof">{told}</span></div>')
        if not on:
            st.html(
                block(empty("Every rule is off", "Only alerts of the data itself would speak."))
            )
        for rule in draft.book.rules:
            strange = [phase for phase in rule.phases if phase not in known]
            changed = before.get(rule.name) != rule
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                with st.container(width="stretch", key=f"rules_r_{rule.name}"):
                    said = view.rule_row(rule, changed, strange, frame.currency)
                    st.html(block(said, classes=f"m-rule {'' if rule.enabled else 'off'}"))
                with st.container(horizontal=True, vertical_alignment="center", width="content"):
                    _switch(draft, rule)
                    _opener(draft, rule.name)
            if draft.open == rule.name:
                _form(frame, draft, rule, known)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(width="stretch", key="rules_r_severity_"):
                changed = draft.base.severity != severity
                said = view.severities(severity.critical, severity.warning, changed)
                st.html(block(said, classes="m-rule"))
            _opener(draft, SEVERITY)
        if draft.open == SEVERITY:
            _severity_form(draft)


def phases(frame: Frame) -> tuple[str, ...]:
    """Names of the phases of all campaigns, lower case, in order of appearance."""
    return tuple(
        dict.fromkeys(
            phase.name.strip().lower()
            for shown in frame.picture.campaigns.values()
            for phase in shown.campaign.phase
        )
    )


def _switch(draft: Draft, rule: Rule) -> None:
    key = f"rules_on_{rule.name}"
    if st.session_state.get(key) != rule.enabled:
        st.session_state[key] = rule.enabled

    def turned() -> None:
        now = draft.book.rule(rule.name)
        if now is not None:
            draft.put(replace(now, enabled=bool(st.session_state[key])))

    st.toggle(f"{plain(rw.title(rule))} is on", key=key, on_change=turned,
              label_visibility="collapsed", width="content")  # fmt: skip


def _opener(draft: Draft, name: str) -> None:
    """Opens or closes a form. Two buttons: a press that a browser under load tells twice does not
    close what it has just opened."""
    is_open = draft.open == name

    def turn() -> None:
        draft.open = None if is_open else name
        draft.wrong = draft.said = ""

    st.button(
        "Close" if is_open else "Edit …",
        key=f"rules_{'close' if is_open else 'edit'}_{name}",
        on_click=turn,
        width="content",
    )


def _severity_form(draft: Draft) -> None:
    def key(what: str) -> str:
        return f"rules_{draft.revision}_severity_{what}"

    def took() -> None:
        critical, warning = (st.session_state.get(key(what)) for what in ("critical", "warning"))
        if critical is not None and warning is not None:
            draft.severe(Severities(round(critical / 100, 8), round(warning / 100, 8)))

    now = draft.book.severity
    with st.container(key="rules_form", gap="small"):
        _told_wrong(draft)
        for what, share, column in zip(
            ("critical", "warning"), (now.critical, now.warning), st.columns(2), strict=True
        ):
            st.session_state.setdefault(key(what), round(share * 100, 6))
            column.number_input(
                f"{what.capitalize()} from, in % of the campaign's expected GMV an hour",
                0.0, 100.0, step=0.5, format="%g", key=key(what), on_change=took,
            )  # fmt: skip


def _told_wrong(draft: Draft) -> None:
    if draft.wrong:
        st.html(block(banner("bad", "✕", draft.wrong)))


def _form(frame: Frame, draft: Draft, rule: Rule, known: Sequence[str]) -> None:
    """All that a form can change of a rule; each change goes into the draft at once."""

    def key(what: str) -> str:
        return f"rules_{draft.revision}_{rule.name}_{what}"

    def first(what: str, value: Any) -> str:
        st.session_state.setdefault(key(what), value)
        return key(what)

    def took() -> None:
        now = draft.book.rule(rule.name)
        if now is not None:
            draft.put(filled(now, {what: st.session_state.get(key(what)) for what in FIELDS}))

    way = "above" if rule.up else "below"
    units = {SHARE: "% of the campaign", MONEY: f"an amount, {symbol(frame.currency).strip()}"}
    options = sorted({*SENSITIVITIES, rule.sensitivity})
    names = tuple(dict.fromkeys([*known, *rule.phases]))
    with st.container(key="rules_form", gap="small"):
        _told_wrong(draft)
        left, right = st.columns(2)
        with left:
            st.number_input(
                f"At least this far {way} what is expected, in %", 0.0, 1000.0 if rule.up else 100.0,
                step=1.0, format="%g", key=first("fall", round(rule.least_fall * 100, 6)),
                on_change=took,
            )  # fmt: skip
            st.segmented_control(
                "Least money an hour, as", [SHARE, MONEY], key=first(
                    "unit", MONEY if rule.in_money else SHARE), on_change=took, required=True,
                format_func=lambda unit: units[unit],
            )  # fmt: skip
            risk = rule.least_at_risk if rule.in_money else round(rule.least_at_risk * 100, 6)
            st.number_input(
                "Least money an hour", 0.0, 1e12 if rule.in_money else 100.0,
                step=50.0 if rule.in_money else 0.1, format="%g",
                key=first(f"risk_{MONEY if rule.in_money else SHARE}", risk), on_change=took,
                help=stakes(frame),
            )  # fmt: skip
        with right:
            st.select_slider(
                "Sensitivity", options, key=first("sensitivity", rule.sensitivity), on_change=took,
                format_func=lambda value: f"{value:g}: {rw.sensitivity(value)}",
            )  # fmt: skip
            st.number_input("It must last, minutes", 1, 360, step=5, on_change=took,
                            key=first("for", minutes(rule.for_)))  # fmt: skip
            st.number_input("Calm before it is over, minutes", 1, 360, step=5, on_change=took,
                            key=first("keep", minutes(rule.keep)))  # fmt: skip
        st.multiselect("Where it looks", list(SCOPES), key=first("scopes", scope_names(rule)),
                       format_func=rw.SCOPE_WORDS.__getitem__, on_change=took)  # fmt: skip
        left, right = st.columns(2)
        with left:
            st.multiselect("Only in these phases (none: always)", names, on_change=took,
                           key=first("phases", list(rule.phases)), format_func=flat)  # fmt: skip
        with right:
            st.selectbox("Severity", list(rw.SEVERITIES), key=first("severity", rule.severity),
                         format_func=rw.SEVERITIES.__getitem__, on_change=took)  # fmt: skip


FIELDS = (
    "fall", "unit", "risk_share", "risk_money", "sensitivity", "for", "keep", "scopes", "phases",
    "severity",
)  # fmt: skip


def filled(rule: Rule, form: dict[str, Any]) -> Rule:
    """A rule with what a form says; what the form does not say stays. Percentages as people write
    them, times in minutes. When the unit of the money changes, the amount begins at 0 and share at
    its default."""
    in_money = form["unit"] == MONEY
    if in_money != rule.in_money:
        risk = 0.0 if in_money else 0.005
    else:
        said = form["risk_money"] if in_money else form["risk_share"]
        risk = rule.least_at_risk if said is None else said if in_money else round(said / 100, 8)
    return replace(
        rule,
        least_fall=rule.least_fall if form["fall"] is None else round(form["fall"] / 100, 8),
        in_money=in_money,
        least_at_risk=risk,
        sensitivity=float(form["sensitivity"] or rule.sensitivity),
        for_=_kept(rule.for_, form["for"]),
        keep=_kept(rule.keep, form["keep"]),
        scopes=tuple(dims for name, dims in SCOPES.items() if name in (form["scopes"] or ())),
        phases=tuple(form["phases"] or ()),
        severity=form["severity"] or rule.severity,
    )


def minutes(length: timedelta) -> int:
    """Whole minutes, at least one: what a form can show."""
    return max(1, round(length.total_seconds() / 60))


def _kept(length: timedelta, said: int | None) -> timedelta:
    """A length that the form did not change keeps its seconds."""
    return length if said is None or said == minutes(length) else timedelta(minutes=said)


def stakes(frame: Frame) -> str:
    """What a share means in money in this campaign, as far as it has run."""
    gmv, until = frame.shown.totals.get("gmv"), frame.shown.watermark
    start = frame.shown.campaign.start
    if gmv is None or until is None or until <= start:
        return "1% of what the whole campaign is expected to make in that hour"
    an_hour = gmv / ((until - start).total_seconds() / HOUR_S)
    said = n.money(an_hour / 100, frame.currency)
    return plain(
        f"{frame.shown.campaign.name} made {n.money(an_hour, frame.currency)} an hour so far; "
        f"1% of that is {said}"
    )
