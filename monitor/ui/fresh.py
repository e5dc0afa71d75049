"""How old the numbers are, and whether that is a problem. Pure: no Streamlit in here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from monitor.picture import CampaignPicture, Picture
from monitor.ui.numbers import age, clock_time, place, span

DEFAULT_CADENCE_S = 300.0
Level = Literal["fresh", "late", "stopped", "final", "empty"]

LAST_MINUTE = timedelta(minutes=1)
LAST_NUMBERS = timedelta(minutes=30)  # after the end: how long readings of the event may come


@dataclass(frozen=True)
class Freshness:
    """`level` says how the figures are drawn, `words` why."""

    level: Level
    words: str = ""

    @property
    def stale(self) -> bool:
        return self.level in ("late", "stopped")


def cadence_s(picture: Picture, campaign_id: str) -> float:
    """The quickest cadence of the campaign's feeds; of any feed when it has none yet."""
    own = [f.cadence_s for f in picture.feeds if f.campaign_id == campaign_id]
    return min(own or [f.cadence_s for f in picture.feeds] or [DEFAULT_CADENCE_S])


def freshness(picture: Picture, shown: CampaignPicture, now: datetime) -> Freshness:
    """Whether the figures of a campaign may be trusted at `now`."""
    zone = shown.campaign.zone
    if shown.phase == "ended" and not shown.late_feeds:
        return Freshness("final", "ended: these are the final numbers")
    silent_s = (now - picture.published_at).total_seconds()
    if silent_s > 3 * cadence_s(picture, shown.campaign.id) and now >= shown.campaign.start:
        return Freshness(
            "stopped",
            f"The monitor itself has stopped: nothing was computed for {span(silent_s)} "
            f"(since {clock_time(picture.published_at, zone, now)}). "
            "Do not act on these numbers; tell the person who runs it.",
        )
    own = [f for f in picture.feeds if f.campaign_id == shown.campaign.id]
    if held := [f for f in own if f.late and f.behind]:
        feed = min(held, key=lambda f: f.complete_to or shown.campaign.start)
        return Freshness(
            "late",
            f"Feed {feed.feed_id} behind: its source is complete only to "
            f"{clock_time(feed.complete_to, zone, now)}, {age(feed.complete_to, now)}. "
            "Sales may be fine.",
        )
    if shown.late_feeds:
        feeds = ", ".join(shown.late_feeds)
        word = "Feed" if len(shown.late_feeds) == 1 else "Feeds"
        newest = (
            f"the newest reading is from {clock_time(shown.as_of, zone, now)}, "
            f"{age(shown.as_of, now)}"
            if shown.as_of
            else "nothing has arrived yet"
        )
        return Freshness("late", f"{word} {feeds} late: {newest}. Sales may be fine.")
    if stuck := [f.feed_id for f in own if f.stuck]:
        return Freshness(
            "late",
            f"Feed {', '.join(stuck)} stuck: files come, but nothing in them moves. "
            "Sales may be fine: look into the shop itself.",
        )
    if shown.as_of is None:
        return Freshness("empty", "no data yet")
    return Freshness("fresh")


def phase_words(shown: CampaignPicture, now: datetime) -> tuple[str, str]:
    """(word, countdown) of a campaign at `now`, in its own time zone."""
    campaign = shown.campaign
    zone = campaign.zone
    if now < campaign.start:
        left = span((campaign.start - now).total_seconds())
        return "UPCOMING", f"starts in {left} ({_at(campaign.start, shown, now)})"
    if now < campaign.end:
        left = span((campaign.end - now).total_seconds())
        return "LIVE", f"ends in {left} ({_at(campaign.end, shown, now)})"
    ended = f"ended {clock_time(campaign.end, zone)} {place(zone)}"
    # A reading in the last minute speaks for the rest of the day.
    complete = shown.watermark is not None and shown.watermark >= campaign.end - LAST_MINUTE
    if complete:
        return "ENDED", f"{ended}, numbers final"
    if now < campaign.end + LAST_NUMBERS:
        return "ENDED", f"{ended}, last numbers still coming in"
    until = clock_time(shown.watermark, zone, now) if shown.watermark else "the start"
    return "ENDED", f"{ended}; nothing came for the time after {until}"


def _at(at: datetime, shown: CampaignPicture, now: datetime) -> str:
    zone = shown.campaign.zone
    return f"{clock_time(at, zone, now)} {place(zone)}"
