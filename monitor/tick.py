"""The heartbeat: what happens when new data, or a moment without any, comes to the product.

Read `Heart.tick` from top to bottom: it is the story of the product. Steps 3 to 6 are one
transaction, so a crash at any point leaves the state before or after the tick. `now` is given and
passed down; nothing below asks a clock, so a replay does what the live day did, bit for bit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerts.desk import Desk
from monitor.campaigns.words import Scope
from monitor.clock import from_db, to_db
from monitor.errors import MonitorError
from monitor.ingest.aliases import aliases
from monitor.ingest.arrivals import Arrival, read_arrival
from monitor.ingest.load import Loaded, Loader
from monitor.ingest.undo import undo as undo_batch
from monitor.judgement import Judge, Judgement
from monitor.picture import Picture
from monitor.publish import Publisher
from monitor.rulebook import Rulebook, configured, current, take_effect
from monitor.settings import Campaign, Settings
from monitor.store import Store

log = logging.getLogger("monitor")
AFTER_END = timedelta(minutes=30)  # ticks go on this long after a campaign's end


@dataclass(frozen=True)
class Ticked:
    """What one tick did."""

    picture: Picture | None  # None when it was not published
    loaded: tuple[Loaded, ...]
    undone: tuple[str, ...] = ()  # ids of batches that were taken back


class Heart:
    """One store, its settings, and the picture that was published last."""

    def __init__(
        self, store: Store, settings: Settings, *, demo: bool = False, speed: float = 1.0
    ) -> None:
        self.store, self.settings = store, settings
        self.demo, self.speed = demo, speed  # only told on, to whoever looks at the picture
        self.loader = Loader(store, settings)
        self.file_rules = configured(settings)
        self.rulebook = current(store, self.file_rules)
        self.judge = Judge(store, settings, self.rulebook.enabled)
        self.publisher = Publisher(store, settings, self.rulebook.rules)
        self.picture: Picture | None = None
        self._judgements: dict[str, tuple[datetime, Judgement]] = {}
        self._unpublished: dict[str, Judgement] = {}
        self._seen: set[str] = set()
        ticked = store.rows("publish.ticked")
        self.last_tick: datetime | None = from_db(ticked[0][0]) if ticked else None
        self.generation: int = ticked[0][1] if ticked else 0

    def tick(
        self,
        now: datetime,
        arrivals: Sequence[Arrival] = (),
        *,
        undo: Sequence[tuple[str, str]] = (),
        publish: bool = True,
    ) -> Ticked:
        """Take what arrived, judge what closed, record what it means, publish the picture.

        `undo`: (batch id, who) of batches to take back first. Raises whatever went wrong, with
        nothing of this tick kept; the same arrivals may be given again. `publish=False` leaves out
        the last step, for replays that nobody watches.
        """
        now = max(now, self.last_tick or now)  # the clock never goes back

        # 1 collect, 2 read: files into canonical rows; what cannot be read is set aside with a reason
        learned = aliases(self.store) if arrivals else {}
        incoming = [read_arrival(arrival, self.settings, learned, now) for arrival in arrivals]

        try:
            with self.store.transaction():
                # 3 load: ledger, snapshots, facts; the same batch twice changes nothing
                undone = [(batch, self._undo(batch, who, now)) for batch, who in undo]
                loaded = self.loader.load(incoming, now)
                for arrival in arrivals:
                    if arrival.cursor is not None:
                        kept = [arrival.feed.id, arrival.cursor, to_db(now)]
                        self.store.run("source.keep", kept)
                touched = {c for result in loaded for c in result.campaigns if result.taken}
                self.judge.changed(self.loader.take_changed())
                for _, campaigns in undone:
                    touched |= campaigns or set()
                    self.judge.begin_anew(campaigns or set())
                self._forget(touched)
                self._keep_rules(take_effect(self.store, self.file_rules, now))

                judgements: dict[str, Judgement] = {}
                for campaign in self._in_play(touched, now):
                    # 4 judge: closed buckets against the expected curve, every rule and scope
                    judgement = self._judged(campaign, now)
                    # 5 explain: which factor and slice carries the shortfall (not in this version)
                    # 6 record: signals, alerts, audit
                    Desk(self.store, campaign, now, self.rulebook).record(judgement)
                    judgements[campaign.id] = judgement
                generation = self.generation + 1
                self.store.run("publish.tick", [to_db(now), generation])
        except BaseException:
            self._judgements.clear()
            self.judge.forget_all()
            self.loader.refresh()
            raise

        # 7 publish: one immutable picture for all viewers
        self.generation, self.last_tick = generation, now
        self._unpublished.update(judgements)
        if publish:
            self.picture = self.publisher.picture(
                self._unpublished, now, generation, demo=self.demo, speed=self.speed
            )
            self._unpublished = {}
        done = tuple(batch for batch, campaigns in undone if campaigns is not None)
        return Ticked(self.picture if publish else None, tuple(loaded), done)

    def _keep_rules(self, book: Rulebook) -> None:
        """Judge by these rules from now on; when they are others, every running event anew."""
        same = book.says_the_same(self.rulebook)
        self.rulebook = book
        if not same:
            self._judgements.clear()
            self.judge.use(book.enabled)
            self.publisher.rules = book.rules

    def _undo(self, batch: str, who: str, now: datetime) -> set[str] | None:
        """Take a batch back; None when there is nothing to take back any more."""
        try:
            return undo_batch(self.store, self.loader, batch, who, now)
        except MonitorError as e:  # as when two people press the button
            log.warning("not undone: %s", e)
            return None

    def _judged(self, campaign: Campaign, now: datetime) -> Judgement:
        """The judgement of a campaign; the last one while no data came and the end closed nothing."""
        held = self._judgements.get(campaign.id)
        if held is not None:
            ends = [campaign.end + s.feed.cadence for s in held[1].observed.streams]
            if all((held[0] >= end) == (now >= end) for end in ends):
                return held[1]
        judgement = self.judge.campaign(campaign, now)
        self._judgements[campaign.id] = now, judgement
        return judgement

    def _forget(self, touched: set[str]) -> None:
        """Campaigns with new data, and those compared with them, must be judged anew."""
        for campaign in self.settings.campaign:
            compared = {c.id for c in self.settings.comparables(campaign)}
            if campaign.id in touched or compared & touched:
                self._judgements.pop(campaign.id, None)
        for campaign_id in touched:
            self.judge.forget(campaign_id)
            self.publisher.forget(campaign_id)

    def scopes(self) -> dict[str, tuple[Scope, ...]]:
        """Per campaign the scopes that are judged, the campaign first, then the largest."""
        return {c: judgement.scopes() for c, (_, judgement) in self._judgements.items()}

    def _in_play(self, touched: set[str], now: datetime) -> list[Campaign]:
        """Campaigns that got data, that run, that ended a moment ago, or that nobody has seen yet."""
        before = self.last_tick
        found = [
            c
            for c in self.settings.campaign
            if c.id in touched
            or c.id not in self._seen
            or c.start <= now <= c.end + AFTER_END
            or (before is not None and any(before < at <= now for at in (c.start, c.end)))
        ]
        self._seen |= {c.id for c in found}
        return found
