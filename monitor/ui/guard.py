"""The frame of every page: which campaign, how fresh, what is wrong with the monitor itself.

A page is one fragment that runs again every five seconds in the same session, so scroll and choices
stay. What a fragment does not write again vanishes, so nothing is skipped; writing again is cheap
instead: HTML out of the picture, and chart specs with their data kept per picture (`memo`).
Measured on Live: 4 ms of script time when the picture is the same, 20 ms when it is new; the
browser redraws no chart whose spec and data are the same.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from monitor.picture import CampaignPicture, Picture
from monitor.ui import live
from monitor.ui import words as w
from monitor.ui.cards import head
from monitor.ui.controls import from_url
from monitor.ui.frame import Frame
from monitor.ui.fresh import freshness
from monitor.ui.markup import banner, block, empty

REFRESH_S = 5


def page(body: Callable[[Frame], None]) -> None:
    """Draw `body` for the chosen campaign, with banners above it, again and again."""

    @st.fragment(run_every=REFRESH_S)
    def refreshed() -> None:
        picture = live.current()
        if picture is None or not picture.campaigns:
            st.html(block(empty(w.WAITING_TITLE, w.WAITING)))
            return
        now = live.clock().now()
        left, right = st.columns([1, 3], vertical_alignment="center")
        with left:
            shown, asked_for = choose_campaign(picture)
        frame = Frame(picture, shown, now, freshness(picture, shown, now))
        right.html(block(head(frame)))
        warned = "".join(banners(frame, asked_for))
        if warned:
            st.html(block(warned))
        body(frame)

    refreshed()


def choose_campaign(picture: Picture) -> tuple[CampaignPicture, str | None]:
    """The campaign that the URL names, and the name in the URL when there is no such campaign.

    The id stays in the URL, the default's too: a link means the same campaign tomorrow, when
    another one is live.
    """
    asked_for = st.query_params.get("campaign")
    known = asked_for in picture.campaigns
    if known:
        chosen = str(asked_for)
    else:
        remembered = st.session_state.get("last_campaign")
        chosen = str(remembered) if remembered in picture.campaigns else default_campaign(picture)
        if asked_for is None:
            st.query_params["campaign"] = chosen
    st.session_state["last_campaign"] = chosen
    from_url(
        st.selectbox,
        "Campaign",
        list(picture.campaigns),
        key="campaign",
        words=lambda i: picture.campaigns[i].campaign.name if i in picture.campaigns else i,
        default=chosen,
        clears=("alert",),  # an alert belongs to the campaign that is left
    )
    return picture.campaigns[chosen], None if known or asked_for is None else asked_for


def default_campaign(picture: Picture) -> str:
    """A live one; else the one whose start or end is nearest to now."""

    def key(shown: CampaignPicture) -> tuple[bool, float]:
        campaign, now = shown.campaign, picture.published_at
        away = min(abs(campaign.start - now), abs(campaign.end - now))
        return shown.phase != "live", away.total_seconds()

    return min(picture.campaigns.values(), key=key).campaign.id


def banners(frame: Frame, asked_for: str | None) -> list[str]:
    """What must be said before any number, worst first."""
    said = []
    if frame.fresh.level == "stopped":
        said.append(banner("bad", "✕ STOPPED", frame.fresh.words))
    said += [banner("bad", "✕ Problem", problem) for problem in frame.picture.problems]
    if frame.fresh.level == "late":
        said.append(banner("late", "! OLD NUMBERS", frame.fresh.words))
    if asked_for is not None:
        name = frame.shown.campaign.name
        said.append(
            banner(
                "late", f"No campaign {asked_for!r}", f"The link names none here; this is {name}."
            )
        )
    if frame.picture.demo:
        speed = f", clock ×{frame.picture.speed:g}" if frame.picture.speed != 1 else ""
        words = w.DEMO
        if all(shown.phase == "ended" for shown in frame.picture.campaigns.values()):
            words = w.DEMO_OVER
        said.append(banner("demo", f"Demo: simulated data{speed}", words))
    return said
