"""Without history: today's own growth, followed from bucket to bucket.

What all members did together is the event's growth, unless it looks like a dip; it is carried on at
a slope that dies away. The next day is foreseen to go as this one went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.detect.evidence import CLIP, Tested
from monitor.detect.members import Windows
from monitor.detect.states import DOUBTFUL

if TYPE_CHECKING:
    from monitor.detect.detector import Detector

FOLLOW, FOLLOW_SLOPE = 0.8, 0.3  # how closely growth and its slope are followed
PATIENCE = 3  # doubtful buckets in a row, after which they are believed


def foresee(d: Detector, b: int) -> None:
    """Today's own growth, carried on: as yesterday at this time, where there was a yesterday."""
    day = round(1440 / d.event.bucket_min)
    if b >= day + 2:
        was = d.index_log[:, b - day + 2] - d.index_log[:, b - day - 3]
        d.members.slope = np.asarray(was / 5)


def follow(d: Detector, windows: Windows, tested: Tested, b: int) -> None:
    """Follow what all members did together, unless it looks like a dip."""
    members = d.members
    doubtful = False
    for k in np.flatnonzero(d.volume).tolist():
        due, seen = windows.due[0, k], windows.seen[0, k]
        if due.sum() <= 0 or not d.usable(k, b):
            continue
        noise = windows.counting[0, k] + windows.model[0, k]
        weight = np.where(due > 0, due / np.where(due > 0, noise, 1.0), 0.0)
        clipped = np.clip(seen, (1 - CLIP) * due, (1 + CLIP) * due)
        off = float((weight * clipped).sum() / (weight * due).sum())
        held = any(d.held[r, 0] for r, x in enumerate(d.rules) if d.index[x.measure] == k)
        low = tested.z[0, k, 0] <= -DOUBTFUL
        doubtful |= bool(low)
        moved = 0.0 if held or (low and d.doubts < PATIENCE) else FOLLOW * np.log(max(off, 0.2))
        slope = members.slope[k]
        members.common[k] += slope + moved
        members.exposure[-1, k] *= np.exp(moved)
        if not held and not low:
            members.slope[k] = 0.9 * ((1 - FOLLOW_SLOPE) * slope + FOLLOW_SLOPE * (slope + moved))
        elif held or low:
            members.slope[k] = 0.8 * slope
    d.index_log[:, b] = members.common
    d.doubts = d.doubts + 1 if doubtful else 0
