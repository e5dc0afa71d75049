"""What a detector said of an event, in one form for ours and for all rivals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Alarm:
    """One firing of one rule in one scope. Bucket numbers count from the event's start.

    `first`: first bucket of the breach. `opened`: the bucket whose end opened it. `ended`: the
    bucket whose end resolved it, None while it lasts. `reason`: as in the alerts' JSON; only
    `real_drop` accuses anybody. `covered`: explained by another alarm, so nobody is called.
    `fall`: relative fall over the breach when it opened, 0..1.
    """

    rule: str
    measure: str
    scope: Mapping[str, str]
    first: int
    opened: int
    ended: int | None = None
    reason: str = "real_drop"
    covered: bool = False
    fall: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it calls somebody because of a drop."""
        return self.reason == "real_drop" and not self.covered
