"""What a rule may find of a scope in one bucket, and the thresholds by which it is found."""

from __future__ import annotations

NORMAL, BAND, BREACHED, OPEN, BRIDGED, INCOMPLETE, TOO_LITTLE = range(7)
STATES = ("normal", "band", "breach", "open", "bridged", "incomplete", "too_little")

NEEDED = (4.0, 4.2, 4.2, 4.4, 4.7, 4.7, 4.7, 4.7)  # σ by kind of scope: the more, the surer
STILL, CLEAR = 2.0, 1.5  # σ at which a dip that is on goes on, and is over
DOUBTFUL = 2.5  # σ at which nothing is learned as noise or as today's own growth
QUIET = 4  # buckets at the start that are learned from, not judged
ENOUGH = 27.0  # events due in an hour, below which not even a halving can be seen
AFTER_CHANGE = 45.0  # minutes after a planned change in which the shape errs more
CAUSES = ("visitors", "impressions", "conversion", "aov", "ctr", "ctor")
CAUSES_OF = {
    "gmv": ("visitors", "conversion", "aov"),
    "orders": ("visitors", "conversion"),
    "clicks": ("impressions", "ctr"),
}
