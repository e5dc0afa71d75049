"""What goes wrong between a shop and its monitor though nothing is wrong with the sale.

None of it may ever be told as a drop: files that come late or twice, counters that begin anew,
amounts that are taken back, keys that a snapshot forgets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.detect.event import Event

KINDS = ("late", "doubled", "reset", "corrections", "missing")
LATE_SHARE, LATE_MIN = 0.04, (5, 40)  # of files, and by how many minutes
DOUBLED_SHARE, AGAIN_SHARE = 0.05, 0.05
CORRECTIONS, CORRECTED = 4, (0.05, 0.4)
MISSING_SHARE, MISSING_KEYS = 0.05, 0.04  # of snapshots, and of the keys in such a one
SETTLED = 24  # buckets after the start before anything goes wrong


@dataclass(frozen=True)
class Correction:
    """From the reading at the end of `bucket` on, `share` (0..1) of what a member had is gone."""

    bucket: int
    member: int
    share: float


@dataclass(frozen=True)
class Trouble:
    """Buckets name the reading at their end.

    `late`: by how many minutes a file comes later. `doubled`: files that come a second time, under
    another name. `again`: snapshots that the next file holds once more. `reset`: the reading at which
    all counters show 0, to go on from there. `missing`: members that a snapshot lacks.
    """

    late: Mapping[int, float] = field(default_factory=dict)
    doubled: frozenset[int] = frozenset()
    again: frozenset[int] = frozenset()
    reset: int | None = None
    corrections: tuple[Correction, ...] = ()
    missing: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


NONE = Trouble()


def trouble(event: Event, seed: int, kinds: Sequence[str] = KINDS) -> Trouble:
    """Trouble of these kinds at instants that the seed draws. Raises ValueError for another kind."""
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ValueError(f"{unknown[0]!r}: known kinds of trouble are {', '.join(KINDS)}")
    rng = np.random.default_rng([seed, 8101])
    buckets = np.arange(min(SETTLED, event.buckets // 2), event.buckets)
    late, doubled, again, missing = (rng.random(len(buckets)) for _ in range(4))
    by_min = rng.uniform(*LATE_MIN, len(buckets))
    reset = int(rng.choice(buckets))
    corrections = [
        Correction(int(rng.choice(buckets)), int(rng.integers(event.members)),
                   float(rng.uniform(*CORRECTED)))
        for _ in range(CORRECTIONS)
    ]  # fmt: skip
    few = max(round(MISSING_KEYS * event.members), 1)
    left_out = {
        int(b): tuple(sorted(rng.choice(event.members, few, replace=False).tolist()))
        for b in buckets[missing < MISSING_SHARE]
    }
    found = Trouble(
        late={int(b): float(m) for b, m in zip(buckets, by_min, strict=True)
              if late[b - buckets[0]] < LATE_SHARE},
        doubled=frozenset(buckets[doubled < DOUBLED_SHARE].tolist()),
        again=frozenset(buckets[again < AGAIN_SHARE].tolist()),
        reset=reset,
        corrections=tuple(corrections),
        missing=left_out,
    )  # fmt: skip
    kept = {name: getattr(found, name) for name in kinds}
    if "doubled" in kinds:
        kept["again"] = found.again
    return Trouble(**kept)
