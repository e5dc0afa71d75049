"""Step 4 of the tick: every rule and scope of a campaign against its expected curve.

Joins what was observed with what the plan and the earlier events say, and has the campaign's lens
judge it. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from monitor.campaigns.words import Scope, scope_key
from monitor.clock import to_ms
from monitor.detect.detector import NORMAL
from monitor.detect.event import Floats
from monitor.detect.growth import Growth, learn
from monitor.detect.rule import Rule
from monitor.detect.shape import Past, PlannedSpan, Shape, or_parent, planned_span
from monitor.detect.shape import learn as learn_shape
from monitor.grain import plans_of, whole
from monitor.ingest.closing import Closing
from monitor.lens import Lens, Track, Watch, needs, overlaid
from monitor.observe import Observed, observe
from monitor.settings import Campaign, Settings
from monitor.store import Store

PACE_HOURS = 3.0  # that tell today's level for the projection


@dataclass(frozen=True)
class Verdicts:
    """One measure of one campaign in its wide scopes; arrays are (scopes, buckets), in units."""

    measure: str
    scopes: tuple[Scope, ...]
    observed: Floats
    expected: Floats
    low: Floats
    high: Floats
    state: np.ndarray  # uint8, index into detect.detector.STATES
    closing: Closing
    late_after: timedelta


@dataclass(frozen=True)
class Judgement:
    """All that was judged in one campaign. `tracks`: what was judged in this tick, by feeds.

    `shape`: the event's top-down shape for pacing, its first row the campaign; `level`: the total
    that it tends to. `basis`: which campaigns the expectation rests on.
    """

    observed: Observed
    by_metric: Mapping[str, Verdicts]
    tracks: tuple[Track, ...]
    shape: Shape
    level: float
    basis: str

    def scopes(self, most: int = 400) -> tuple[Scope, ...]:
        """The scopes that are judged, the campaign first, then the largest."""
        best = max((t.detector for t in self.tracks), key=lambda d: len(d.scopes), default=None)
        if best is None:
            return ()
        size = best.usual[best.index.get("gmv", 0)]
        order = np.argsort(-size, kind="stable")[:most].tolist()
        return tuple(dict(best.scopes.named[row]) for row in order)


class Judge:
    """Judges campaigns of one store; remembers how far each has come."""

    def __init__(self, store: Store, settings: Settings, rules: Sequence[Rule]) -> None:
        self.store, self.settings, self.rules = store, settings, enabled(rules)
        self._past: dict[str, Observed] = {}
        self._growth: dict[str, tuple[tuple[int, ...], Growth]] = {}
        self._shape: dict[str, tuple[tuple[object, ...], Shape]] = {}
        self._lenses: dict[str, Lens] = {}
        self._changed: dict[int, int] = {}

    def changed(self, since_ms: Mapping[int, int]) -> None:
        """Per stream the earliest reading that is new or not what it was."""
        for stream, ms in since_ms.items():
            self._changed[stream] = min(self._changed.get(stream, ms), ms)

    def use(self, rules: Sequence[Rule]) -> None:
        """Judge by other rules: every campaign anew."""
        self.rules = enabled(rules)
        self._lenses.clear()

    def begin_anew(self, campaign_ids: Iterable[str]) -> None:
        """Something was taken back: what was judged of these campaigns is judged again."""
        for campaign_id in campaign_ids:
            self._lenses.pop(campaign_id, None)

    def forget(self, campaign_id: str) -> None:
        """A campaign got new data: as an earlier event it is not what was remembered."""
        self._past.pop(campaign_id, None)

    def forget_all(self) -> None:
        """A tick was rolled back, or the rules changed: what is remembered may never have been."""
        self._past.clear()
        self._growth.clear()
        self._shape.clear()
        self._lenses.clear()
        self._changed.clear()

    def campaign(self, campaign: Campaign, now: datetime) -> Judgement:
        """Judge what closed since the last call, by all rules."""
        observed = observe(self.store, self.settings, campaign, now)
        pasts = self._pasts(campaign, now)
        lens = self._lenses.setdefault(campaign.id, Lens(self.store, campaign))
        growth = self._learned(campaign, observed, pasts)
        streams = {s.stream_id for s in observed.streams}
        changed = {s: ms for s, ms in self._changed.items() if s in streams}
        tracks = lens.look(observed, growth, self.rules, changed)
        for stream in streams:
            self._changed.pop(stream, None)
        return self._judgement(campaign, observed, pasts, tracks)

    def watched(
        self, campaign: Campaign, now: datetime, watch: Watch, scope: Scope | None = None
    ) -> Judgement:
        """Judge the whole campaign anew, with `watch` looking on after every bucket."""
        observed = observe(self.store, self.settings, campaign, now)
        pasts = self._pasts(campaign, now)
        growth = self._learned(campaign, observed, pasts)
        lens = Lens(self.store, campaign, [scope] if scope else ())
        tracks = lens.look(observed, growth, self.rules, {}, watch)
        return self._judgement(campaign, observed, pasts, tracks)

    # --- the earlier events -----------------------------------------------------------------------

    def _pasts(self, campaign: Campaign, now: datetime) -> list[Observed]:
        found = []
        for past in self.settings.comparables(campaign):
            # A whole campaign is over by the time it is compared with; its end closed it.
            closed_by = max(now, past.end + timedelta(days=2))
            seen = self._past.get(past.id) or observe(self.store, self.settings, past, closed_by)
            self._past[past.id] = seen
            if seen.by_metric:
                found.append(seen)
        return found

    def _learned(self, campaign: Campaign, observed: Observed, pasts: list[Observed]) -> Growth:
        """The like-for-like growth, kept while the earlier events are the same."""
        key = (len(observed.starts_ms), *(id(p) for p in pasts))
        held = self._growth.get(campaign.id)
        if held and held[0] == key:
            return held[1]
        events = [e for p in pasts if (e := whole(self.store, p)) is not None]
        plans = plans_of(campaign, observed.starts_ms, self._size(observed))
        growth = learn(events, plans, len(observed.starts_ms))
        self._growth[campaign.id] = key, growth
        return growth

    def _size(self, observed: Observed) -> int:
        stream = next(iter(observed.by_metric.values()), None)
        return stream.meaning.bucket_ms if stream else 300_000

    def _top_down(
        self, campaign: Campaign, observed: Observed, pasts: list[Observed],
        scopes: tuple[Scope, ...],
    ) -> Shape:  # fmt: skip
        """The share of the event by time, rooms and all: for pacing and what is still to come."""
        key = (len(observed.starts_ms), scopes_key(scopes), *(id(p) for p in pasts))
        held = self._shape.get(campaign.id)
        if held and held[0] == key:
            return held[1]
        metric = "gmv" if "gmv" in observed.by_metric else next(iter(observed.by_metric), "gmv")
        size, buckets = self._size(observed), len(observed.starts_ms)
        learned = [
            Past(
                p.campaign.name,
                by_scope(p, metric, scopes),
                np.full(len(scopes), np.nan),
                spans(p.campaign, size),
            )
            for p in pasts
            if metric in p.by_metric
        ]
        shape = or_parent(learn_shape(learned, spans(campaign, size), len(scopes), buckets))
        self._shape[campaign.id] = key, shape
        return shape

    # --- the answer -------------------------------------------------------------------------------

    def _judgement(
        self, campaign: Campaign, observed: Observed, pasts: list[Observed], tracks: list[Track]
    ) -> Judgement:
        widest = max((t.detector for t in tracks), key=lambda d: d.wide, default=None)
        scopes = tuple(dict(s) for s in widest.scopes.named[: widest.wide]) if widest else ({},)
        shape = self._top_down(campaign, observed, pasts, scopes)
        found: dict[str, Verdicts] = {}
        for track in tracks:
            for measure in track.detector.measures:
                found.setdefault(measure.name, _verdicts(measure.name, track, observed, shape))
        level = _level(observed, shape)
        return Judgement(observed, found, tuple(tracks), shape, level, _basis(pasts))


def _verdicts(measure: str, track: Track, observed: Observed, shape: Shape) -> Verdicts:
    d = track.detector
    k = d.index[measure]
    scopes = tuple(dict(s) for s in d.scopes.named[: d.wide])
    seen = d.observed[k]
    if measure in observed.by_metric:
        seen = by_scope(observed, measure, scopes)
    tops = needs(d.measures[k])
    said = np.logical_and.reduce([observed.said[m] for m in tops])
    rule = next((r for r, x in enumerate(d.rules) if x.measure == measure and not x.up), None)
    states = d.states[rule] if rule is not None else np.full(seen.shape, NORMAL, np.uint8)
    expected, low, high = (_carried(g[k], d.bucket, shape, d.measures[k].mix_free)
                           for g in (d.expected, d.low, d.high))  # fmt: skip
    states = overlaid(states, track.closing, said, _covered(observed, tops, scopes))
    return Verdicts(
        measure, scopes, seen, expected, low, high, states, track.closing, track.late_after
    )


def _covered(observed: Observed, metrics: tuple[str, ...], scopes: tuple[Scope, ...]) -> Floats:
    """(scopes, buckets) share of the usual volume whose keys were read at the bucket's end."""
    found = np.ones((len(scopes), len(observed.starts_ms)))
    for metric in metrics:
        lost = by_scope(observed, metric, scopes, observed.lost)
        usual = by_scope(observed, metric, scopes, observed.usual)
        share = np.divide(lost, usual, out=np.zeros_like(lost), where=usual > 0)
        found = np.minimum(found, 1.0 - share)
    return found


def _carried(curve: Floats, bucket: int, shape: Shape, rate: bool) -> Floats:
    """A curve with what is still to come: the last hour's height times the event's shape."""
    found = np.asarray(curve, float).copy()
    last = found[:, max(bucket - 12, 0) : bucket]
    if not bucket or np.isnan(last).all() or bucket >= found.shape[1]:
        return found
    known = ~np.isnan(last)
    height = np.where(known, last, 0.0).sum(axis=1)
    if rate:
        due = known.sum(axis=1).astype(float)
        ahead = np.ones((len(found), found.shape[1] - bucket))
    elif len(shape.share) == len(found):
        was = shape.share[:, max(bucket - 12, 0) : bucket]
        due = np.where(known, np.nan_to_num(was), 0.0).sum(axis=1)
        ahead = shape.share[:, bucket:]
    else:
        return found
    scale = np.divide(height, due, out=np.full(len(found), np.nan), where=due > 0)
    found[:, bucket:] = scale[:, None] * ahead
    return found


def _level(observed: Observed, shape: Shape) -> float:
    """The total that the campaign tends to, by its last hours: observed ÷ share, NaN unknown."""
    if "gmv" not in observed.by_metric or not len(shape.share):
        return float("nan")
    stream = observed.by_metric["gmv"]
    amount = by_scope(observed, "gmv", ({},))[0]
    known = stream.closing.closed & ~np.isnan(amount) & ~np.isnan(shape.share[0])
    if not known.any():
        return float("nan")
    place = np.flatnonzero(known)
    age = (place[-1] - place) * stream.meaning.bucket_ms / 3_600_000
    weight = 0.5 ** (age / PACE_HOURS)
    due = float((weight * shape.share[0][place]).sum())
    return float((weight * amount[place]).sum()) / due if due > 0 else float("nan")


def by_scope(
    observed: Observed,
    metric: str,
    scopes: tuple[Scope, ...],
    grids: Mapping[str, Floats] | None = None,
) -> Floats:
    """A metric in units as (scopes, buckets), for scopes of channel and category."""
    grid = (observed.amount if grids is None else grids)[metric]
    if not len(observed.groups):
        return np.full((len(scopes), len(observed.starts_ms)), np.nan)
    named = tuple(np.array(part) for part in zip(*observed.groups, strict=True))
    every = np.ones(len(observed.groups), bool)
    mine = np.array([_members(scope, named, every) for scope in scopes], float)  # (scopes, groups)
    known = ~np.isnan(grid)
    found = mine @ np.where(known, grid, 0.0) / 100.0  # whole hundredths: exact in any order
    found[mine @ known.astype(float) == 0] = np.nan
    return np.asarray(found)


def _members(scope: Scope, named: tuple[np.ndarray, ...], every: np.ndarray) -> np.ndarray:
    """Which of the groups (channels, categories) belong to a scope."""
    found = every
    for dim, names in zip(("channel", "category"), named, strict=True):
        if dim in scope:
            found = found & (names == scope[dim])
    return found


def enabled(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    return tuple(r for r in rules if r.enabled)


def scopes_key(scopes: Sequence[Scope]) -> tuple[str, ...]:
    return tuple(scope_key(s) for s in scopes)


def spans(campaign: Campaign, size_ms: int) -> list[PlannedSpan]:
    """Plans whose effect on a channel or category can be learned: not a single creator's show."""
    origin = to_ms(campaign.start) // size_ms * size_ms
    buckets = -((origin - to_ms(campaign.end)) // size_ms)
    found = []
    for plan in campaign.plan:
        if set(plan.scope) <= {"channel", "category"}:
            key = (plan.name.strip().lower(), scope_key(plan.scope))
            span = planned_span(key, to_ms(plan.start), to_ms(plan.end), origin, size_ms, buckets)
            found += [span] if span else []
    return found


def _basis(pasts: list[Observed]) -> str:
    if not pasts:
        return "no earlier comparable campaign with data yet"
    return ", ".join(p.campaign.name for p in pasts)
