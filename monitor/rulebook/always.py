"""Alerts that are always on: conditions of the data, with nothing to tune.

Turned off, they would let a late file look like a dip. `monitor/alerts/conditions.py` finds them.
"""

from __future__ import annotations

from collections.abc import Mapping

ALWAYS_ON: Mapping[str, str] = {
    "feed_late": "A feed has brought nothing new for two cadences and a minute: its numbers stand "
    "still, and its rules wait.",
    "stuck_counter": "Readings come, but nothing in them moves: the source repeats itself, so "
    "nothing it says is taken for a dip.",
    "counter_reset": "A counter of the source began anew: no sale was lost, and no dip is told.",
    "correction": "The source took sales back: it is booked and marked, and rules leave it out.",
    "unknown_start": "A counter began before the campaign and no earlier reading exists: what lies "
    "between is unknown.",
    "refused_file": "A whole file could not be taken; the alert says why.",
    "needs_mapping": "A file waits until somebody says on the Import page what its columns are.",
    "quarantine": "More than 5% of the rows of a file could not be read.",
}
