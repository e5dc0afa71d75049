"""A detector that goes on: kept, gone back to, and grown when members appear.

`Members.AXES` and `Detector.AXES` name every array that one bucket hands to the next; this module
copies them. A member or scope that is new starts as in a new detector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

from monitor.detect.detector import Detector
from monitor.detect.event import Event
from monitor.detect.growth import Growth

PLAIN = ("bucket", "doubts")  # numbers that go along


@dataclass(frozen=True)
class Kept:
    """All that the bucket after `bucket - 1` needs. Curves of wide scopes are not in it: what is
    judged again is written again."""

    bucket: int
    members: int
    scopes: tuple[tuple[tuple[str, str], ...], ...]
    wide: int
    arrays: Mapping[str, np.ndarray]
    plain: Mapping[str, int]


def keep(detector: Detector, curves: bool = False) -> Kept:
    """A detector's state as copies; with `curves`, the wide scopes' too."""
    arrays = {
        name: np.array(_get(detector, name))
        for name, axes in _axes(detector).items()
        if curves or "d" not in axes
    }
    return Kept(
        detector.bucket, detector.event.members, tuple(detector.scopes.keys), detector.wide, arrays,
        {name: int(getattr(detector, name)) for name in PLAIN},
    )  # fmt: skip


def put(kept: Kept, into: Detector) -> None:
    """Set a detector to what was kept of it, or of one with fewer members."""
    places = np.array([into.scopes.place[key] for key in kept.scopes], np.int64)
    picks = {"m": np.arange(kept.members), "s": places, "d": places[: kept.wide]}
    fresh = Detector(into.event, into.growth, into.rules)
    axes_of = _axes(into)
    for name, was in kept.arrays.items():
        now = np.array(_get(fresh, name))
        where = [
            picks.get(axis, np.arange(size))
            for axis, size in zip(axes_of[name], was.shape, strict=True)
        ]
        now[np.ix_(*where)] = was
        _set(into, name, now)
    for name, value in kept.plain.items():
        setattr(into, name, value)


def grown(old: Detector, event: Event, growth: Growth) -> Detector:
    """The same detector over an event whose first members are the old ones."""
    new = Detector(event, growth, old.rules)
    if new.measures != old.measures:
        raise ValueError("the event has other measures than before")
    put(keep(old, curves=True), new)
    return new


def _axes(detector: Detector) -> Mapping[str, str]:
    return detector.AXES | {f"members.{n}": axes for n, axes in detector.members.AXES.items()}


def _get(detector: Detector, path: str) -> np.ndarray:
    return np.asarray(reduce(getattr, path.split("."), detector))


def _set(detector: Detector, path: str, value: np.ndarray) -> None:
    *owners, name = path.split(".")
    setattr(reduce(getattr, owners, detector), name, value)
