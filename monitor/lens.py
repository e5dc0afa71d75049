"""One campaign under the detector, tick by tick: what closed is judged, what changed is judged again.

Rules that read the same feeds share a detector, so that a feed that is late holds up its own rules
only. A detector goes on where the last tick stopped; when late data changes an earlier bucket, it
goes back to the last state kept before it and judges from there: the result is the one that a new
detector over all of it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from monitor.campaigns.words import Scope
from monitor.detect.detector import BREACHED, BRIDGED, INCOMPLETE, OPEN, Detector, Step
from monitor.detect.event import MEASURES, Event, Measure
from monitor.detect.growth import Growth
from monitor.detect.resume import Kept, grown, keep, put
from monitor.detect.rule import Rule
from monitor.grain import Grain
from monitor.ingest.closing import Closing
from monitor.observe import Observed
from monitor.settings import Campaign
from monitor.store import Store

LEAST_READ = 0.9  # of a scope's usual volume, or it is incomplete
KEEP_EVERY, KEEPS = 12, 6  # buckets between states that are kept, and how many of them
Watch = Callable[[Detector, Step], None]


@dataclass(frozen=True)
class Standing:
    """A breach so far: buckets `since`..`until`; `seen`, `due` in units of the measure's top; `per`
    its denominator; `money` RM short so far, `hourly` RM an hour (NaN unknown)."""

    since: int
    until: int
    seen: float
    due: float
    per: float
    money: float
    hourly: float


@dataclass(frozen=True)
class Pass:
    """One bucket as it was judged, and how every breach stood then, by (rule, scope) row."""

    step: Step
    standing: Mapping[tuple[int, int], Standing]
    worth: float  # RM that the campaign was due in an hour, NaN unknown


@dataclass
class Track:
    """Rules over the same feeds: their detector, and what it judged in this tick."""

    detector: Detector
    closing: Closing
    late_after: timedelta
    passes: list[Pass] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def scope(self, row: int) -> Scope:
        return dict(self.detector.scopes.named[row])

    @property
    def standing(self) -> Mapping[tuple[int, int], Standing]:
        """How every breach stands now."""
        return standing(self.detector)


class Lens:
    """All detectors of one campaign. `extra`: scopes to look at besides those that rules judge."""

    def __init__(self, store: Store, campaign: Campaign, extra: Sequence[Scope] = ()) -> None:
        self.store, self.campaign, self.extra = store, campaign, tuple(extra)
        self.grain: Grain | None = None
        self.tracks: dict[tuple[int, ...], Track] = {}
        self._asked: tuple[object, ...] = ()

    def look(
        self, observed: Observed, growth: Growth, rules: Sequence[Rule],
        changed_ms: Mapping[int, int], watch: Watch | None = None,
    ) -> list[Track]:  # fmt: skip
        """Judge what closed since the last look, and again what changed."""
        if not observed.by_metric:
            return []
        size = next(iter(observed.by_metric.values())).meaning.bucket_ms
        feeds = {m: s.stream_id for m, s in sorted(observed.by_metric.items())}
        asked = (id(growth), tuple(rules), tuple(feeds.items()))
        if self.grain is None or asked != self._asked:
            self.grain = Grain(self.store, self.campaign, observed.starts_ms, size)
            self.tracks, changed_ms = {}, {}
            self._asked = asked
        first = self.grain.take(observed, changed_ms)
        event = self.grain.event()
        if not event.members:
            return []
        for streams, mine in grouped(rules, observed, event).items():
            track = self._track(streams, mine, observed, growth, event)
            self._rewind(track, first)
            self._run(track, watch)
        return list(self.tracks.values())

    def _track(
        self, streams: tuple[int, ...], rules: list[Rule], observed: Observed, growth: Growth,
        event: Event,
    ) -> Track:  # fmt: skip
        of = [s for s in observed.streams if s.stream_id in streams]
        slowest = min(of, key=lambda s: int(s.closing.closed.sum()))
        part = _part(event, streams, observed)
        late_after = max(s.feed.late_after for s in of)
        track = self.tracks.get(streams)
        if track is None:
            track = Track(Detector(part, growth, rules, self.extra), slowest.closing, late_after)
            self.tracks[streams] = track
        elif part.members > track.detector.event.members:
            track.detector = grown(track.detector, part, growth)
        else:
            track.detector.event = track.detector.members.event = part
        track.closing, track.late_after, track.passes = slowest.closing, late_after, []
        return track

    def _rewind(self, track: Track, first: int) -> None:
        """Back to the last state kept at or before a bucket that is not what it was."""
        detector = track.detector
        if detector.bucket <= first:
            return
        usable = [k for k in track.kept if k.bucket <= first]
        fresh = Detector(detector.event, detector.growth, detector.rules)
        if usable:
            for name in ("observed", "expected", "low", "high", "states"):
                setattr(fresh, name, getattr(detector, name))
            put(usable[-1], fresh)
        track.detector, track.kept = fresh, usable

    def _run(self, track: Track, watch: Watch | None) -> None:
        detector, closed = track.detector, track.closing.closed
        upto = int(closed.sum()) if closed.all() else int(np.argmin(closed))
        while detector.bucket < upto:
            if detector.bucket % KEEP_EVERY == 0 and detector.bucket:
                track.kept = [*track.kept, keep(detector)][-KEEPS:]
            with np.errstate(all="ignore"):
                step = detector.step()
            track.passes.append(Pass(step, standing(detector), worth(detector)))
            if watch is not None:
                watch(detector, step)


def grouped(
    rules: Sequence[Rule], observed: Observed, event: Event
) -> dict[tuple[int, ...], list[Rule]]:
    """Rules by the feeds that they read; rules that no feed serves are left out."""
    found: dict[tuple[int, ...], list[Rule]] = {}
    for rule in rules:
        needed = needs(MEASURES[rule.measure])
        if rule.enabled and all(m in event.amounts for m in needed):
            streams = tuple(sorted({observed.by_metric[m].stream_id for m in needed}))
            found.setdefault(streams, []).append(rule)
    return found


def needs(measure: Measure) -> tuple[str, ...]:
    return (measure.top,) if measure.per is None else (measure.top, measure.per)


def _part(event: Event, streams: tuple[int, ...], observed: Observed) -> Event:
    """What a group of feeds says of the event."""
    mine = [m for m in event.amounts if observed.by_metric[m].stream_id in streams]
    return Event(
        event.name, event.dims, {m: event.amounts[m] for m in mine},
        {m: event.usable[m] for m in mine}, event.plans, event.bucket_min, event.minute,
        event.weekday,
    )  # fmt: skip


def standing(detector: Detector) -> dict[tuple[int, int], Standing]:
    """Every breach that is on, by (rule, scope) row."""
    f = detector.figures
    money = "gmv" in detector.index
    return {
        (r, s): Standing(
            int(f.since[r, s]), int(f.until[r, s]), float(f.seen[r, s]), float(f.due[r, s]),
            float(f.per[r, s]), float(f.money[r, s]) if money else float("nan"),
            float(f.hourly[r, s]),
        )
        for r, s in zip(*(i.tolist() for i in np.nonzero(f.since >= 0)), strict=True)
    }  # fmt: skip


def worth(detector: Detector) -> float:
    """RM that the whole campaign is due in an hour, by the last bucket; NaN unknown."""
    k = detector.index.get("gmv")
    if k is None or detector.tested is None:
        return float("nan")
    return float(detector.expected[k, 0, detector.bucket - 1]) * 60.0 / detector.event.bucket_min


def overlaid(
    states: np.ndarray, closing: Closing, said: np.ndarray, covered: np.ndarray
) -> np.ndarray:
    """(scopes, buckets) states with what only the data can say: open, bridged, not read.

    `covered`: (scopes, buckets) share of the usual volume whose keys were read at the bucket's end.
    """
    found = states.copy()
    found[:, closing.closed & closing.bridged] = BRIDGED
    found[(covered < LEAST_READ) & closing.closed] = INCOMPLETE
    found[:, closing.closed & ~(closing.read & said)] = INCOMPLETE
    found[:, ~closing.closed] = OPEN
    return found


__all__ = ["BREACHED", "Lens", "Pass", "Standing", "Track", "grouped", "needs", "overlaid"]
