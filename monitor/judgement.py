"""Step 4 of the tick: every rule and scope of a campaign against its expected curve.

Joins what was observed with what the plan and the earlier events say, and makes the one call into
`monitor.detect`. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from monitor.campaigns.words import Scope, scope_key
from monitor.clock import to_ms
from monitor.detect.judge import Judged, Today, judge
from monitor.detect.rules import CHANGE_SPAN, DIP_RULES, DipRule
from monitor.detect.shape import Past, PlannedSpan, Shape, learn, or_parent, planned_span
from monitor.ingest.closing import Closing
from monitor.observe import Floats, Observed, observe
from monitor.settings import Campaign, Settings
from monitor.store import Store

MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Verdicts:
    """One metric of one campaign: rows of all arrays are `scopes`. Amounts are in units, not cents."""

    rule: DipRule
    scopes: tuple[Scope, ...]
    observed: Floats
    judged: Judged
    shape: Shape
    closing: Closing
    late_after: timedelta


@dataclass(frozen=True)
class Asked:
    """One rule's question, before it is judged together with the others."""

    rule: DipRule
    today: Today
    shape: Shape
    closing: Closing
    late_after: timedelta


@dataclass(frozen=True)
class Judgement:
    """All that was judged in one campaign, by metric."""

    observed: Observed
    by_metric: Mapping[str, Verdicts]
    basis: str


class Judge:
    """Judges campaigns of one store; remembers the earlier events, which seldom change."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self._past: dict[str, Observed] = {}
        self._shapes: dict[tuple[str, str], tuple[tuple[Scope, ...], list[Observed], Shape]] = {}
        self._last: dict[str, tuple[list[Shape], Today, Judged]] = {}

    def forget(self, campaign_id: str) -> None:
        """A campaign got new data: what was remembered of it is out of date."""
        self._past.pop(campaign_id, None)

    def forget_all(self) -> None:
        """A tick was rolled back: what was remembered may never have been."""
        self._past.clear()
        self._shapes.clear()
        self._last.clear()

    def campaign(self, campaign: Campaign, now: datetime, scope: Scope | None = None) -> Judgement:
        """Judge all rules; with `scope`, only that scope."""
        observed = observe(self.store, self.settings, campaign, now, scope)
        scopes = tuple([scope] if scope is not None else scopes_of(observed))
        pasts = self._pasts(campaign, now, scope)
        rules = [rule for rule in DIP_RULES if rule.metric in observed.by_metric]
        asked = [self._asked(rule, campaign, observed, pasts, scopes) for rule in rules]
        return Judgement(observed, self._answered(campaign, scopes, asked, scope), _basis(pasts))

    def _pasts(self, campaign: Campaign, now: datetime, scope: Scope | None) -> list[Observed]:
        found = []
        for past in self.settings.comparables(campaign):
            if scope:
                seen = observe(self.store, self.settings, past, now, scope)
            else:
                # A whole campaign is over by the time it is compared with; its end closed it.
                closed_by = max(now, past.end + timedelta(days=2))
                seen = self._past.get(past.id) or observe(
                    self.store, self.settings, past, closed_by
                )
                self._past[past.id] = seen
            if seen.by_metric:
                found.append(seen)
        return found

    def _asked(
        self,
        rule: DipRule,
        campaign: Campaign,
        observed: Observed,
        pasts: list[Observed],
        scopes: tuple[Scope, ...],
    ) -> Asked:
        stream = observed.by_metric[rule.metric]
        closed, size = stream.closing, stream.meaning.bucket_ms
        amounts = by_scope(observed, rule.metric, scopes)
        shape = self._shape(rule, campaign, pasts, scopes, amounts.shape[1], size)
        lost = by_scope(observed, rule.metric, scopes, observed.lost)
        usual = by_scope(observed, rule.metric, scopes, observed.usual)
        covered = 1.0 - np.divide(lost, usual, out=np.zeros_like(lost), where=usual > 0)
        wide = np.ones((len(scopes), 1), bool)
        today = Today(
            observed=amounts,
            closed=wide & closed.closed,
            read=wide & closed.read,
            bridged=wide & closed.bridged,
            covered=np.clip(covered, 0.0, 1.0),
            counted=_counted(rule, observed, pasts, scopes),
            noise=np.full(len(scopes), rule.noise),
            changes=changes(campaign, closed, size),
            prior=_prior(rule, campaign, shape),
        )
        return Asked(rule, today, shape, closed, stream.feed.late_after)

    def _shape(
        self,
        rule: DipRule,
        campaign: Campaign,
        pasts: list[Observed],
        scopes: tuple[Scope, ...],
        buckets: int,
        size_ms: int,
    ) -> Shape:
        """The learned shape, kept while the same earlier events and scopes are asked for."""
        held = self._shapes.get((campaign.id, rule.metric))
        if held and held[0] == scopes and [id(p) for p in held[1]] == [id(p) for p in pasts]:
            return held[2]
        learned = [
            Past(
                p.campaign.name,
                by_scope(p, rule.metric, scopes),
                _events(rule, p, scopes),
                spans(p.campaign, size_ms),
            )
            for p in pasts
            if rule.metric in p.by_metric
        ]
        shape = or_parent(learn(learned, spans(campaign, size_ms), len(scopes), buckets))
        self._shapes[campaign.id, rule.metric] = scopes, pasts, shape
        return shape

    def _answered(
        self,
        campaign: Campaign,
        scopes: tuple[Scope, ...],
        asked: list[Asked],
        scope: Scope | None,
    ) -> dict[str, Verdicts]:
        """One call of `judge` for all metrics, going on where the last tick stopped."""
        if not asked or not scopes:
            return {}
        today, shape = _stacked(asked)
        held = self._last.get(campaign.id) if scope is None else None
        same = (
            held is not None
            and len(held[0]) == len(asked)
            and all(a.shape is b for a, b in zip(asked, held[0], strict=True))
        )
        judged = judge(today, shape, (held[1], held[2]) if held and same else None)
        if scope is None:
            self._last[campaign.id] = [a.shape for a in asked], today, judged
        found: dict[str, Verdicts] = {}
        for i, one in enumerate(asked):
            rows = slice(i * len(scopes), (i + 1) * len(scopes))
            found[one.rule.metric] = Verdicts(
                one.rule, scopes, one.today.observed, judged.rows(rows), one.shape, one.closing,
                one.late_after,
            )  # fmt: skip
        return found


def _stacked(asked: list[Asked]) -> tuple[Today, Shape]:
    """The rows of all metrics in one table."""

    def rows(name: str) -> np.ndarray:
        return np.concatenate([getattr(a.today, name) for a in asked])

    today = Today(
        observed=rows("observed"),
        closed=rows("closed"),
        read=rows("read"),
        bridged=rows("bridged"),
        covered=rows("covered"),
        counted=rows("counted"),
        noise=rows("noise"),
        changes=asked[0].today.changes,
        prior=rows("prior"),
    )
    first = asked[0].shape
    shape = Shape(
        np.concatenate([a.shape.share for a in asked]),
        np.concatenate([a.shape.error for a in asked]),
        np.concatenate([a.shape.total for a in asked]),
        first.unknown_boost,
        first.each,
        first.basis,
    )
    return today, shape


def scopes_of(observed: Observed) -> list[Scope]:
    """The campaign, each channel, each category; what the source does not name is no scope."""
    channels = sorted({channel for channel, _ in observed.groups if channel})
    categories = sorted({category for _, category in observed.groups if category})
    return [{}, *({"channel": c} for c in channels), *({"category": c} for c in categories)]


def by_scope(
    observed: Observed,
    metric: str,
    scopes: tuple[Scope, ...],
    grids: Mapping[str, Floats] | None = None,
) -> Floats:
    """A metric in units as (scopes, buckets). With one finest scope, the groups are all of it."""
    grid = (observed.amount if grids is None else grids)[metric] / 100.0
    found = np.full((len(scopes), len(observed.starts_ms)), np.nan)
    for row, scope in enumerate(scopes):
        mine = grid[observed.members(scope)]
        known = ~np.isnan(mine).all(axis=0)
        found[row, known] = np.nansum(mine[:, known], axis=0)
    return found


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


def changes(campaign: Campaign, closed: Closing, size_ms: int) -> np.ndarray:
    """Buckets within 45 minutes after a planned start or end, where nobody can be sharp."""
    found = np.zeros(len(closed.starts_ms), bool)
    for plan in campaign.plan:
        for at in (plan.start, plan.end):
            from_start = closed.starts_ms - to_ms(at)
            found |= (from_start > -size_ms) & (from_start < CHANGE_SPAN // MS)
    return found


def _events(rule: DipRule, observed: Observed, scopes: tuple[Scope, ...]) -> Floats:
    """How many orders (for money) or visitors a campaign's scopes had; NaN unknown."""
    metric = "orders" if rule.metric == "gmv" else rule.metric
    if metric not in observed.by_metric:
        return np.full(len(scopes), np.nan)
    return np.asarray(np.nansum(by_scope(observed, metric, scopes), axis=1))


def _counted(
    rule: DipRule, observed: Observed, pasts: list[Observed], scopes: tuple[Scope, ...]
) -> Floats:
    """Events per unit as known before each bucket: orders per unit of money so far; 1 for counts.

    Before the first order the last event's ratio stands in; with none, 0: too little to judge. A
    source that gives no orders at all leaves it NaN: then only the model's error is known.
    """
    shape = (len(scopes), len(observed.starts_ms))
    if rule.metric != "gmv":
        return np.ones(shape)
    if "orders" not in observed.by_metric:
        return np.full(shape, np.nan)
    first = np.zeros(len(scopes))
    for past in pasts:
        if "orders" in past.by_metric and "gmv" in past.by_metric:
            orders = _events(rule, past, scopes)
            money = np.nansum(by_scope(past, "gmv", scopes), axis=1)
            first = np.divide(orders, money, out=first, where=money > 0)
    money = np.nancumsum(by_scope(observed, "gmv", scopes), axis=1)
    orders = np.nancumsum(by_scope(observed, "orders", scopes), axis=1)
    before = np.repeat(first[:, None], shape[1], axis=1)
    known = (money > 0) & (orders > 0)
    before[:, 1:] = np.where(
        known[:, :-1],
        np.divide(orders, money, out=np.zeros(shape), where=known)[:, :-1],
        before[:, 1:],
    )
    return before


def _prior(rule: DipRule, campaign: Campaign, shape: Shape) -> Floats:
    """The level before anything is seen: the target, spread as last time, or the last event."""
    total = np.where(shape.total > 0, shape.total, np.nan)
    target = campaign.targets.get(rule.metric)
    if target is None or not len(total) or np.isnan(total[0]):
        return np.asarray(total, float)
    return np.asarray(total * (target / total[0]), float)


def _basis(pasts: list[Observed]) -> str:
    if not pasts:
        return "no earlier comparable campaign with data yet"
    return ", ".join(p.campaign.name for p in pasts)
