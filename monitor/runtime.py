"""The running product: the heart, its inboxes and its clock. One `pulse` looks at everything once.

A pulse first runs the ticks of bucket ends that have passed, then one tick for the files that came:
the same order that a replay of the archived files gives. Sources that are asked run in threads of
their own beside it, and put what they get into the inboxes.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from monitor.clock import Clock, floor_to
from monitor.errors import MonitorError
from monitor.imports import ImportDesk
from monitor.ingest.arrivals import Arrival, arrival_of
from monitor.ingest.reading import Reading
from monitor.ingest.sources.collector import Collector, keep_cursor, kept_cursor
from monitor.ingest.sources.folder import Inbox, archived_name
from monitor.ingest.sources.watching import Watch
from monitor.picture import Picture, SourceStatus
from monitor.rehearse import Rehearser
from monitor.rules_desk import RulesDesk
from monitor.settings import Feed, Settings
from monitor.sources import HttpSource, SqlSource
from monitor.store import Store
from monitor.tick import AFTER_END, Heart, Ticked
from monitor.witness import WhyDesk

log = logging.getLogger("monitor")
SECOND = timedelta(seconds=1)
Found = tuple[Watch, Path, Arrival]
ENDING_S = 1.5  # what the threads of sources are given to end


@dataclasses.dataclass
class Health:
    """How the pulse is doing, for /readyz and /metrics."""

    started_s: float = dataclasses.field(default_factory=time.monotonic)
    last_pulse_s: float | None = None
    ticks: int = 0
    failures: int = 0
    last_tick_took_s: float = 0.0
    failure: str | None = None
    source_failures: dict[str, str] = dataclasses.field(default_factory=dict)


class Runtime:
    """What app.py starts and the pages read. All of `pulse` runs in one thread.

    The first pulse starts the threads of asked sources, `stop` ends them.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        before_pulse: Callable[[datetime], None] | None = None,
        demo: bool = False,
    ) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self.heart = Heart(store, settings, demo=demo, speed=clock.speed)
        self.watches = [Watch(self._inbox(feed)) for feed in settings.feed]
        self.collectors = [
            Collector(feed, settings, clock, kept_cursor(store, feed.id))
            for feed in settings.feed
            if isinstance(feed.source, HttpSource | SqlSource)
        ]
        self.imports = ImportDesk(self)
        rehearser = Rehearser(store, settings)
        self.rules = RulesDesk(store, settings, clock, self.heart.file_rules, rehearser)
        self.why = WhyDesk(store, settings)
        self._reading = Reading()
        self._started = False
        self._undo: deque[tuple[str, str]] = deque()  # asked for by any thread, done by the pulse
        self.health = Health()
        self._before_pulse = before_pulse
        self._picture: Picture | None = None

    @property
    def inboxes(self) -> list[Inbox]:
        return [watch.inbox for watch in self.watches]

    @property
    def picture(self) -> Picture | None:
        return self._picture

    def ask_undo(self, batch_id: str, who: str) -> None:
        """Take a batch back at the next pulse. May be called from any thread."""
        self._undo.append((batch_id, who))

    def stop(self) -> None:
        """End the threads of the sources, within two seconds. The store stays open."""
        self._started = True  # none is started any more
        for collector in self.collectors:
            collector.end()
        until_s = time.monotonic() + ENDING_S
        for collector in self.collectors:
            collector.join(max(until_s - time.monotonic(), 0.0))
        for watch in self.watches:
            watch.stop()

    def pulse(self) -> None:
        """Look once. Never raises: what goes wrong is logged, shown on every page, and tried again."""
        try:
            self._pulse()
            self.health.failure = None
        except Exception as e:
            self.health.failures += 1
            self.health.failure = (
                str(e) if isinstance(e, MonitorError) else f"{type(e).__name__}: {e}"
            )
            log.exception("tick failed; nothing of it was kept, it will be tried again")
            self._revive()
        self.health.last_pulse_s = time.monotonic()
        self._show_pulse()

    def _revive(self) -> None:
        """After a failure: make sure that the next pulse has a store that works."""
        try:
            if self.store.revive():
                self.heart.loader.refresh()
                log.warning("the database was opened anew after a failed write")
        except Exception:
            log.exception("the database cannot be opened anew yet; it will be tried again")

    def _pulse(self) -> None:
        now = self.clock.now()
        if self._before_pulse:
            self._before_pulse(now)
        if not self._started:
            self._started = True
            for collector in self.collectors:
                collector.start()
        if self._picture is None:
            self._tick(max(now, self.heart.last_tick or now))
        for bucket_end in self._bucket_ends(now):
            self._tick(bucket_end)
        # Two ticks never share an instant, and the clock never goes back.
        last = self.heart.last_tick
        found = self._read_ahead(self._collect(), now)
        if found or self._undo:
            self._take(found, now if last is None or now > last else last + SECOND)

    def _bucket_ends(self, now: datetime) -> list[datetime]:
        """Bucket ends since the last tick at which a campaign that has data was in play."""
        last, bucket = self.heart.last_tick, self.settings.monitor.bucket
        if last is None:
            return []
        begun = {row[2] for row in self.store.rows("ingest.streams")}
        campaigns = [c for c in self.settings.campaign if c.id in begun]
        found: list[datetime] = []
        at = floor_to(last, bucket) + bucket
        while at <= now:
            if any(at <= c.end + AFTER_END for c in campaigns):
                found.append(at)
                at += bucket
            else:
                break
        return found

    def _inbox(self, feed: Feed) -> Inbox:
        """A folder that this database has seen there before is never made anew when it is gone."""
        kept = kept_cursor(self.store, feed.id)
        return Inbox(feed, known=kept.get("folder") == str(feed.source.path))

    def _read_ahead(self, found: list[tuple[Watch, Path]], now: datetime) -> list[Found]:
        """The files that a tick can take now; long ones are read beside it first."""
        arrivals = [(watch, path, arrival_of(path, watch.inbox.feed)) for watch, path in found]
        ready = self._reading.ready([a for _, _, a in arrivals], self.store, self.settings, now)
        return [(watch, path, ready[path]) for watch, path, _ in arrivals if path in ready]

    def _collect(self) -> list[tuple[Watch, Path]]:
        found: list[tuple[Watch, Path]] = []
        at_s, now = time.monotonic(), self.clock.now()
        for watch in self.watches:
            new = not watch.inbox.known
            try:
                found += [(watch, path) for path in watch.look(at_s, now)]
                self.health.source_failures.pop(watch.inbox.feed.id, None)
            except OSError:
                trouble = watch.status.trouble or ""
                self.health.source_failures[watch.inbox.feed.id] = trouble
                continue
            if new and watch.inbox.feed.source.type == "folder":
                self._remember(watch.inbox, now)
        return sorted(found, key=lambda item: (archived_name(item[1]), item[0].inbox.feed.id))

    def _remember(self, inbox: Inbox, now: datetime) -> None:
        with self.store.transaction():
            kept = json.dumps({"folder": str(inbox.folder)})
            keep_cursor(self.store, inbox.feed.id, kept, now)

    def _take(self, found: list[Found], now: datetime) -> None:
        undo = tuple(self._undo)
        ticked = self._tick(now, [arrival for _, _, arrival in found], undo)
        for _ in undo:  # done; asked for again if the tick failed
            self._undo.popleft()
        for (watch, path, _), loaded in zip(found, ticked.loaded, strict=True):
            if loaded.status in ("refused", "needs_mapping"):
                what = "was refused" if loaded.status == "refused" else "waits for a person"
                log.warning("%s of feed %s %s: %s", path.name, loaded.feed_id, what, loaded.reason)
            try:
                watch.away(path, now, loaded.status, loaded.reason)
            except OSError as e:
                log.warning("%s was read but cannot be moved away: %s", path.name, e)

    def _tick(
        self,
        now: datetime,
        arrivals: Sequence[Arrival] = (),
        undo: Sequence[tuple[str, str]] = (),
    ) -> Ticked:
        began = time.perf_counter()
        ticked = self.heart.tick(now, arrivals, undo=undo)
        self.health.ticks += 1
        self.health.last_tick_took_s = time.perf_counter() - began
        self._picture = ticked.picture
        self.why.at(self.heart.last_tick or now, self.heart.generation, self.heart.scopes())
        return ticked

    def _show_pulse(self) -> None:
        """Tell every page when we looked last, and what is wrong with the product itself.

        The generation stays: nothing that was counted has changed.
        """
        problems = tuple(self.health.source_failures.values())
        if self.health.failure:
            problems += (
                f"The last look at the data failed ({self.health.failure}). Nothing was lost; "
                "it is tried again every few seconds. The numbers below stand still until then.",
            )
        picture = self._picture
        if picture is not None:
            looked = (
                picture.published_at if problems else max(self.clock.now(), picture.published_at)
            )
            self._picture = dataclasses.replace(
                picture, published_at=looked, problems=problems, sources=self._statuses()
            )

    def _statuses(self) -> dict[str, SourceStatus]:
        """How every source is doing: the asking of it, or else the looks at its folder."""
        found = {watch.inbox.feed.id: watch.status for watch in self.watches}
        return found | {collector.feed.id: collector.status for collector in self.collectors}


def keep_configuration(store: Store, path: Path, text: str) -> None:
    """Remember the configuration in the database, so that verbs with only `--db` understand it."""
    with store.transaction():
        store.run("config.keep", [str(path), text])
