"""Step 7 of the tick: one immutable picture for all viewers. What did not change is kept as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.alerts.conditions import behind, due, late, reach
from monitor.alerts.evidence import arrivals
from monitor.alerts.records import load_alerts
from monitor.boards.rank import boards
from monitor.campaigns.pace import pace, passed
from monitor.campaigns.words import METRICS, scope_key
from monitor.clock import from_db, iso, to_ms
from monitor.detect import detector as codes
from monitor.detect.event import MEASURES
from monitor.detect.rule import Rule
from monitor.ingest.counters import NONE
from monitor.judgement import Judgement, Verdicts, by_scope
from monitor.observe import Floats, Observed, Stream, counting, cumulative, observe
from monitor.picture import SERIES_SCHEMA, CampaignPicture, FeedPicture, Member, Phase, Picture
from monitor.settings import Campaign, Feed, Settings
from monitor.store import Store

SHOWN = ("gmv", "orders", "visitors", "conversion")  # measures whose curves every viewer gets


@dataclass(frozen=True)
class Grown:
    """A campaign's sums per group and bucket, all that came: (groups, buckets) hundredths."""

    observed: Observed
    sums: dict[str, Floats]


class Publisher:
    """Makes pictures of one store; campaigns that nothing happened to are taken over."""

    def __init__(self, store: Store, settings: Settings, rules: Sequence[Rule]) -> None:
        self.store, self.settings, self.rules = store, settings, tuple(rules)
        self._campaigns: dict[str, CampaignPicture] = {}
        self._arrivals: dict[str, dict[str, datetime]] = {}  # by campaign and feed
        self._grown: dict[str, Grown] = {}
        self._streams: dict[str, tuple[Campaign, tuple[Stream, ...]]] = {}

    def forget(self, campaign_id: str) -> None:
        """The campaign has new data."""
        self._grown.pop(campaign_id, None)

    def picture(
        self,
        judgements: dict[str, Judgement],
        now: datetime,
        generation: int,
        problems: tuple[str, ...] = (),
        *,
        demo: bool = False,
        speed: float = 1.0,
    ) -> Picture:
        """`judgements`: the campaigns that were judged in this tick, by id."""
        for campaign in self.settings.campaign:
            if campaign.id in judgements:
                made = self._campaign(campaign, judgements[campaign.id], now)
                self._campaigns[campaign.id] = made
        return Picture(
            generation=generation,
            published_at=now,
            demo=demo,
            campaigns={
                c.id: self._campaigns[c.id]
                for c in self.settings.campaign
                if c.id in self._campaigns
            },
            feeds=self._feeds(judgements, now),
            batches=self.store.table("publish.batches"),
            quarantine=self.store.table("publish.quarantine"),
            problems=problems,
            speed=speed,
        )

    # --- one campaign ---------------------------------------------------------------------------

    def _campaign(self, campaign: Campaign, judgement: Judgement, now: datetime) -> CampaignPicture:
        observed = judgement.observed
        grown = self._grow(observed)
        comparable = self._comparable(campaign, now)
        elapsed = elapsed_buckets(observed, campaign)
        sums = {
            m: None if np.isnan(g).all() else float(np.nansum(g)) for m, g in grown.sums.items()
        }
        before = _then(comparable, elapsed, None)
        totals = with_ratios({m: _unit(sums.get(m)) for m in METRICS})
        per_hour = 3_600_000 / (self.settings.monitor.bucket.total_seconds() * 1000)
        shape = judgement.shape
        share = (
            shape.share[0] if len(shape.share) else np.full(max(len(observed.starts_ms), 1), np.nan)
        )
        alerts = load_alerts(self.store, campaign.id)
        told = tuple(a.as_json() for a in alerts)
        came = self._arrivals[campaign.id] = arrivals(self.store, campaign.id)
        history: dict[int, list[dict[str, Any]]] = {a.id: [] for a in alerts}
        for subject, at, actor, what, note in self.store.rows("alerts.history"):
            number = int(subject.split(":")[1])
            if number in history:
                history[number].append(
                    {"at": iso(from_db(at)), "actor": actor, "what": what, "note": note}
                )
        return CampaignPicture(
            campaign=campaign,
            phase=phase_of(campaign, now),
            as_of=observed.as_of,
            watermark=observed.watermark,
            late_feeds=tuple(
                s.feed.id for s in observed.streams if late(s, campaign, now, came.get(s.feed.id))
            ),
            totals=totals,
            compared_with=comparable.observed.campaign.name if comparable else None,
            compared=before,
            members=self._members(judgement, grown, comparable, elapsed),
            series=self._series(judgement, comparable, told),
            pace=pace(
                totals["gmv"],
                campaign.targets.get("gmv"),
                share,
                shape.each,
                judgement.level,
                elapsed,
                per_hour,
                judgement.basis,
            ),
            boards=boards(self.store, observed),
            alerts=told,
            history={number: tuple(rows) for number, rows in history.items()},
            corrections=self._corrections(observed),
            comparable_basis=judgement.basis,
        )

    def _grow(self, observed: Observed) -> Grown:
        return Grown(observed, cumulative(self.store, observed))

    def _comparable(self, campaign: Campaign, now: datetime) -> Grown | None:
        """The newest earlier campaign that has data."""
        for past in reversed(self.settings.comparables(campaign)):
            if past.id not in self._grown:
                self._grown[past.id] = self._grow(observe(self.store, self.settings, past, now))
            if self._grown[past.id].sums:
                return self._grown[past.id]
        return None

    def _members(
        self, judgement: Judgement, grown: Grown, comparable: Grown | None, elapsed: float
    ) -> tuple[Member, ...]:
        observed = grown.observed
        found: list[Member] = []
        whole = grown.sums.get("gmv")
        total = 0.0 if whole is None else float(np.nansum(whole))
        for place, dim in enumerate(("channel", "category")):
            names = sorted({group[place] for group in observed.groups})
            for name in names if any(names) else ():  # a feed may not know the dimension at all
                mine = np.array([group[place] == name for group in observed.groups])
                sums = {m: _sum(grid[mine]) for m, grid in grown.sums.items()}
                gmv = sums.get("gmv")
                found.append(
                    Member(
                        dim=dim,
                        id=name,
                        totals=with_ratios({m: _unit(sums.get(m)) for m in METRICS}),
                        compared=_then(comparable, elapsed, (place, name)),
                        share=gmv / total if gmv is not None and total else None,
                        state=_last_state(judgement.by_metric.get("gmv"), dim, name),
                    )
                )
        return tuple(found)

    def _series(
        self, judgement: Judgement, comparable: Grown | None, alerts: Sequence[dict[str, Any]]
    ) -> dict[tuple[str, str], pa.Table]:
        """Curves of the campaign, its channels and categories, and of what is told right now."""
        found: dict[tuple[str, str], pa.Table] = {}
        told = {(scope_key(a["scope"]), a["metric"]) for a in alerts if a["status"] != "resolved"}
        order = [*SHOWN, *(m for m in judgement.by_metric if m not in SHOWN)]
        for metric in order:
            verdicts = judgement.by_metric.get(metric)
            if verdicts is None:
                continue
            past = None
            if comparable and metric in comparable.observed.by_metric:
                past = by_scope(comparable.observed, metric, verdicts.scopes)
            for row, scope in enumerate(verdicts.scopes):
                key = scope_key(scope), metric
                if key in told or (len(scope) <= 1 and metric in SHOWN):
                    found[key] = series_table(verdicts, row, None if past is None else past[row])
        return found

    def _corrections(self, observed: Observed) -> dict[str, float]:
        found: dict[str, float] = {}
        for stream in {s.stream_id: s for s in observed.by_metric.values()}.values():
            for row in self.store.rows("observe.corrections", [stream.stream_id, *stream.visible]):
                metric, amount = row[3], row[4]
                if observed.by_metric[metric].stream_id == stream.stream_id:
                    found[metric] = found.get(metric, 0.0) + amount / 100
        return found

    # --- feeds ----------------------------------------------------------------------------------

    def _feeds(self, judgements: dict[str, Judgement], now: datetime) -> tuple[FeedPicture, ...]:
        arrived = {row[0]: row[1:] for row in self.store.rows("publish.feeds")}
        for judgement in judgements.values():
            observed = judgement.observed
            self._streams[observed.campaign.id] = observed.campaign, observed.streams
        found: list[FeedPicture] = []
        for campaign, streams in self._streams.values():
            came = self._arrivals[campaign.id]
            counts = counting(streams)
            for stream in streams:
                own = tuple(m for m, s in counts.items() if s.stream_id == stream.stream_id)
                found.append(self._feed(stream, campaign, own, came, now))
        running = [c for c in self.settings.campaign if c.start <= now < c.end]
        for feed in self.settings.feed:
            known = {f.campaign_id for f in found if f.feed_id == feed.id}
            silent = [c.id for c in running if known and c.id not in known]
            for campaign_id in silent if known else [None]:
                found.append(_nothing_yet(feed, campaign_id))
        order = {feed.id: i for i, feed in enumerate(self.settings.feed)}
        return tuple(
            replace(f, batches=row[1], quarantined=row[2], last_arrival=_last(f, row[0]))
            for f in sorted(found, key=lambda f: order[f.feed_id])
            for row in [arrived.get(f.feed_id, (None, 0, 0))]
        )

    def _feed(
        self,
        stream: Stream,
        campaign: Campaign,
        metrics: tuple[str, ...],
        came: dict[str, datetime],
        now: datetime,
    ) -> FeedPicture:
        feed, shown = stream.feed, self._campaigns.get(campaign.id)
        arrived = came.get(feed.id)
        complete, live = reach(stream, arrived), campaign.start <= now < campaign.end
        wrong = [
            a
            for a in (shown.alerts if shown else ())
            if a["kind"] == "data" and a["status"] != "resolved" and a["scope"] == {"feed": feed.id}
        ]
        return FeedPicture(
            feed_id=feed.id,
            campaign_id=campaign.id,
            counter=feed.counter,
            cadence_s=feed.cadence.total_seconds(),
            path=feed.source.path.name,
            last_arrival=arrived,
            newest=stream.newest,
            told=stream.told,
            watermark=stream.watermark,
            late=late(stream, campaign, now, arrived),
            lag_s=(now - complete).total_seconds() if live and complete else None,
            snapshots=stream.snapshots,
            batches=0,
            quarantined=0,
            complete_to=complete,
            due_at=due(stream, campaign, arrived),
            behind=live and behind(stream, now, arrived),
            metrics=metrics,
            rules=tuple(
                r.name for r in self.rules if r.enabled and MEASURES[r.measure].top in metrics
            ),
            boards=tuple(
                board.name
                for board in (shown.boards.values() if shown else ())
                if board.metric in metrics and board.rows.num_rows
            ),
            troubles=tuple(str(a["headline"]) for a in wrong if a["rule"] != "feed_late"),
            stuck=any(a["rule"] == "stuck_counter" for a in wrong),
        )


def _nothing_yet(feed: Feed, campaign_id: str | None) -> FeedPicture:
    """A feed that has brought nothing, for a campaign that runs or at all."""
    return FeedPicture(
        feed_id=feed.id,
        campaign_id=campaign_id,
        counter=feed.counter,
        cadence_s=feed.cadence.total_seconds(),
        path=feed.source.path.name,
        last_arrival=None,
        newest=None,
        watermark=None,
        late=False,
        lag_s=None,
        snapshots=0,
        batches=0,
        quarantined=0,
    )


def _last(feed: FeedPicture, arrived: datetime | None) -> datetime | None:
    """When the feed's newest file came: the campaign's own, or any where it has none."""
    if feed.last_arrival is not None or arrived is None or feed.campaign_id is not None:
        return feed.last_arrival
    return from_db(arrived)


def series_table(verdicts: Verdicts, row: int, past: Floats | None) -> pa.Table:
    """One scope's buckets as viewers get them; unknown is null."""
    closed = verdicts.closing
    buckets = len(closed.starts_ms)
    comparable = np.full(buckets, np.nan)
    if past is not None:
        comparable[: min(buckets, len(past))] = past[:buckets]
    observed = np.where(closed.closed, verdicts.observed[row], np.nan)
    columns = {
        "bucket_start": pa.array(closed.starts_ms, pa.timestamp("ms")).cast(
            pa.timestamp("ms", tz="UTC")
        ),
        "observed": pa.array(observed, from_pandas=True),
        "expected": pa.array(verdicts.expected[row], from_pandas=True),
        "low": pa.array(verdicts.low[row], from_pandas=True),
        "high": pa.array(verdicts.high[row], from_pandas=True),
        "state": pa.array([codes.STATES[s] for s in verdicts.state[row]]),
        "comparable": pa.array(comparable, from_pandas=True),
    }
    return pa.table(columns, schema=SERIES_SCHEMA)


def with_ratios(totals: dict[str, float | None]) -> dict[str, float | None]:
    """Totals with conversion (orders ÷ visitors) and AOV (GMV ÷ orders); unknown stays unknown."""
    orders, visitors, gmv = totals.get("orders"), totals.get("visitors"), totals.get("gmv")
    return {
        **totals,
        "conversion": orders / visitors if orders is not None and visitors else None,
        "aov": gmv / orders if gmv is not None and orders else None,
    }


def phase_of(campaign: Campaign, now: datetime) -> Phase:
    if now < campaign.start:
        return "upcoming"
    return "live" if now < campaign.end else "ended"


def elapsed_buckets(observed: Observed, campaign: Campaign) -> float:
    """How many buckets of the event the data covers."""
    stream = observed.by_metric.get("gmv") or next(iter(observed.by_metric.values()), None)
    if stream is None or stream.closing.watermark_ms == NONE:
        return 0.0
    closed = stream.closing
    if closed.closed.all():
        return float(len(closed.starts_ms))
    passed_ms = min(closed.watermark_ms, to_ms(campaign.end)) - to_ms(campaign.start)
    return max(passed_ms, 0) / stream.meaning.bucket_ms


def _then(
    comparable: Grown | None, elapsed: float, member: tuple[int, str] | None
) -> dict[str, float | None]:
    """What the comparable had after as many buckets; for one channel or category, if given."""
    if comparable is None:
        return with_ratios({})
    groups = comparable.observed.groups
    mine = np.array([member is None or g[member[0]] == member[1] for g in groups], bool)
    if not mine.any():
        return with_ratios({})
    return with_ratios(
        {
            metric: _unit(float(passed(grid[mine], elapsed).sum()))
            for metric, grid in comparable.sums.items()
            if not np.isnan(grid[mine]).all()
        }
    )


def _last_state(verdicts: Verdicts | None, dim: str, name: str) -> str:
    if verdicts is None or {dim: name} not in verdicts.scopes:
        return ""
    row = verdicts.scopes.index({dim: name})
    closed = np.flatnonzero(verdicts.closing.closed)
    return codes.STATES[verdicts.state[row, closed[-1]]] if len(closed) else ""


def _sum(grid: Floats) -> float | None:
    return None if np.isnan(grid).all() else float(np.nansum(grid))


def _unit(hundredths: float | None) -> float | None:
    return None if hundredths is None else hundredths / 100.0
