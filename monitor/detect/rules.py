"""The rules that ship: which metric, how long before it speaks, how long before it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class DipRule:
    """A metric below its expected curve. `for_` and `keep` are judged time, not wall time."""

    name: str
    metric: str
    noise: float  # variance of one event's amount relative to its mean squared, plus 1
    for_: timedelta = timedelta(minutes=10)
    keep: timedelta = timedelta(minutes=15)


DIP_RULES = (
    DipRule("gmv_dip", "gmv", noise=2.0),
    DipRule("traffic_dip", "visitors", noise=20.0),  # visitors come in crowds: a room, a video
)
CHANGE_SPAN = timedelta(minutes=45)  # half sensitivity after a planned change
CRITICAL_FALL = 0.5
CORRECTION_SHARE = 0.01  # of the campaign's total so far, within an hour
CORRECTION_SPAN = timedelta(hours=1)
REOPEN_WITHIN = timedelta(minutes=30)
