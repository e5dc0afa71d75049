"""What a page draws from: one picture, the campaign in it, and the time it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.picture import CampaignPicture, Picture
from monitor.ui import numbers as n
from monitor.ui.fresh import Freshness


@dataclass(frozen=True)
class Frame:
    """What a page draws from: one picture, the campaign in it, and the time it is drawn."""

    picture: Picture
    shown: CampaignPicture
    now: datetime
    fresh: Freshness

    @property
    def currency(self) -> str:
        return self.shown.campaign.currency

    @property
    def campaign_id(self) -> str:
        return self.shown.campaign.id

    def clock(self, at: datetime | str | None) -> str:
        """A time of day in the campaign's zone."""
        return n.clock_time(n.instant(at), self.shown.campaign.zone, self.now)

    def as_of(self) -> str:
        """`as of 21:14 · 40 s ago`, in words that say so when it is old."""
        if self.shown.as_of is None:
            return "no data yet"
        text = f"as of {self.clock(self.shown.as_of)}"
        if self.fresh.level == "final":
            return f"{text} · final"
        old = "OLD · " if self.fresh.stale else ""
        return f"{old}{text} · {n.age(self.shown.as_of, self.now)}"
