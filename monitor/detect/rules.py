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
RESET_SHARE = 0.5  # of a counter's volume that fell to nothing in one snapshot: no correction
NEAR_NOTHING = 0.1  # of what a key had: what a counter that began anew may show already
BACK_AGAIN = 0.9  # of what it had: a counter that fell and came back
RESET_SPAN = timedelta(hours=1)  # that a reset is told for
QUARANTINE_SHARE = 0.05  # of a file's rows: above it a person should look
CLEAN_FILES = 3  # after which quarantine is over
REOPEN_WITHIN = timedelta(minutes=30)
