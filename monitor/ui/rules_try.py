"""The draft: what was changed, what that would have done, and saving it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from monitor.errors import MonitorError
from monitor.rulebook.book import digest
from monitor.rulebook.versions import Changed
from monitor.rulebook.words import changes
from monitor.rules_desk import RulesDesk, Trial
from monitor.settings import Campaign
from monitor.ui import rules_view as view
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.markup import banner, block, chip, esc
from monitor.ui.rules_draft import Draft

WATCH_S = 1
NOTHING = (
    "Nothing is changed. Switch a rule off or on, or edit one: what that would have done on this "
    "campaign and the ones before it is shown here before it is saved."
)


def panel(frame: Frame, desk: RulesDesk, draft: Draft, who: str) -> None:
    """What was changed, its preview, and Save."""
    lines = draft.changes
    with st.container(key="rules_draft", gap="small"):
        title = "Not saved yet" if lines else "Your change"
        st.html(f'<div class="m"><h2>{title}</h2></div>')
        if draft.done:
            st.html(block(banner("demo", "✓ Saved", draft.done)))
        if draft.said:
            st.html(block(banner("bad", "✕ Not done", draft.said)))
        if not lines:
            st.html(block(f'<div class="m-muted">{esc(NOTHING)}</div>'))
            return
        st.html(block(view.changes(lines)))
        fresh = previewed(frame, desk, draft)
        _save(frame, desk, draft, who, fresh)


def previewed(frame: Frame, desk: RulesDesk, draft: Draft) -> bool:
    """The preview of the draft; True when one is done that is about exactly what would be saved."""
    if not desk.previews:
        st.html(block('<div class="m-muted">Previews cannot be worked out here.</div>'))
        return False
    trial = desk.trial(draft.trial) if draft.trial else None
    about_this = trial is not None and is_about(trial, draft)

    def ask() -> None:
        draft.said = draft.done = ""
        try:
            draft.trial = desk.try_out(draft.text, frame.campaign_id, draft.owner)
        except MonitorError as e:
            draft.said = f"no preview: {e}"

    def end() -> None:
        desk.stop(draft.owner)

    if trial is not None and trial.runs and about_this:
        _watched(desk, trial)
        st.button("Stop", key="rules_stop", on_click=end)
        return False
    shown = trial is not None and trial.state == "done"
    st.button(
        "Preview again" if shown else "Preview: what would this have done?",
        key="rules_preview", on_click=ask, type="secondary" if shown and about_this else "primary",
    )  # fmt: skip
    if trial is None or trial.state == "stopped":
        return False
    if trial.state == "failed":
        st.html(block(banner("bad", "✕ The preview failed", trial.trouble)))
        return False
    if trial.effect is None:
        return False
    _outcome(frame, desk, trial, about_this)
    return about_this


def campaigns(desk: RulesDesk) -> Mapping[str, Campaign]:
    return {campaign.id: campaign for campaign in desk.settings.campaign}


def is_about(trial: Trial, draft: Draft) -> bool:
    """Whether a preview is about what saving would keep now."""
    return (trial.text_digest, trial.base) == (digest(draft.text), draft.base.version)


def _outcome(frame: Frame, desk: RulesDesk, trial: Trial, about_this: bool) -> None:
    assert trial.effect is not None
    warned = ""
    if not about_this:
        warned = banner("late", "! Old preview", "The rules were changed since; preview again.")
    elif frame.campaign_id != trial.campaign_id:
        warned = banner("late", "! Another campaign", "It was made for another campaign.")
    elif desk.outdated(trial):
        warned = f"<p>{chip('!', 'older data', 'orange')} Data came since this preview.</p>"
    st.html(block(warned, view.effect(trial.effect, frame, campaigns(desk))))


def _watched(desk: RulesDesk, trial: Trial) -> None:
    """How far a preview is, again and again until it is over."""

    @st.fragment(run_every=WATCH_S)
    def refreshed() -> None:
        now = desk.trial(trial.id)
        if now is None or not now.runs:
            st.rerun()
        said = "waits for another preview"
        if now is not None and now.state == "running":
            i, after = divmod(now.step, 2)
            name = campaigns(desk)[now.campaigns[i]].name
            which = "the changed rules" if after else "the rules as they are"
            said = f"judging {name} by {which}: step {now.step + 1} of {now.steps}"
        share = (now.step if now else 0) / max(trial.steps, 1)
        bar = f'<div class="m-steps" aria-hidden="true"><i style="width:{share:.0%}"></i></div>'
        st.html(block(f'<div role="status">{esc(said)} …</div>{bar}'))

    refreshed()


def _save(frame: Frame, desk: RulesDesk, draft: Draft, who: str, fresh: bool) -> None:
    key = f"rules_note_{draft.revision}"
    st.session_state.setdefault(key, draft.note)
    st.text_input("Why (a note for the others)", key=key, max_chars=300)

    def save() -> None:
        if not draft.changes:
            return  # told twice by a browser under load: it is saved
        draft.said = ""
        try:
            note = str(st.session_state.get(key) or "")
            book = desk.save(draft.text, who, note, draft.base.version)
        except Changed as e:
            draft.said = (
                f"{e.who} saved version {e.version} at {frame.clock(e.at)}, so yours was not saved; "
                "your changes are kept here"
            )
        except (MonitorError, OSError) as e:
            draft.said = f"it was not saved: {e}"
        else:
            draft.reset(book)
            draft.done = f"Version {book.version}; it judges from the next tick on."

    def discard() -> None:
        desk.stop(draft.owner)
        draft.reset(desk.book())

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Save" if fresh else "Save without a preview", key="rules_save", on_click=save,
            type="primary" if fresh else "secondary", disabled=not who,
        )  # fmt: skip
        st.button("Discard", key="rules_discard", on_click=discard)
    if not who:
        st.caption("Write your name at the top first: the history says who changed the rules.")


def behind(frame: Frame, desk: RulesDesk, draft: Draft) -> None:
    """Others saved while this draft has changes."""
    book = desk.book()
    when = f" at {frame.clock(book.at)}" if book.at else ""
    said = f"{book.who or 'The rules file'} changed the rules{when} (version {book.version})."
    st.html(block(banner("late", "! The rules changed", f"{said} Your changes are not saved.")))

    def onto() -> None:
        both = draft.rebase(book)
        if both:
            draft.said = f"also changed there, yours is kept: {', '.join(both)}"

    with st.container(horizontal=True):
        st.button("Put my changes onto the new rules", key="rules_rebase", on_click=onto)
        st.button("Drop mine", key="rules_drop", on_click=draft.reset, args=(book,))


def file_told(desk: RulesDesk, draft: Draft) -> None:
    """The rules file was changed, or cannot be read: say so, and offer to take it."""
    standing = desk.standing()
    if standing.file_trouble:
        st.html(block(banner("late", "! The rules file", standing.file_trouble)))
    file = standing.file
    if file is None:
        return
    saved = "what was saved here stands" if standing.book.who else "it is read at the next start"
    what = f"{standing.file_name} was changed; {saved}. In the file it is:"
    lines = view.changes(changes(standing.book, file))
    st.html(block(banner("late", "! The rules file", what), lines))

    def take() -> None:
        if draft.take(file.text):
            draft.note = f"as in {standing.file_name}"

    said = w.counted(len(file.rules), "rule")
    st.button(f"Look at the file's rules here ({said})", key="rules_file", on_click=take)
