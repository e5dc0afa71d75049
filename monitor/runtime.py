"""The running product: the heart, its inboxes and its clock. One `pulse` looks at everything once.

A pulse first runs the ticks of bucket ends that have passed, then one tick for the files that came:
the same order that a replay of the archived files gives.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from monitor.clock import Clock, floor_to
from monitor.errors import MonitorError
from monitor.ingest.arrivals import Arrival
from monitor.ingest.sources.folder import Inbox, archived_name
from monitor.picture import Picture
from monitor.settings import Settings
from monitor.store import Store
from monitor.tick import AFTER_END, Heart, Ticked

log = logging.getLogger("monitor")
SECOND = timedelta(seconds=1)


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
    """What app.py starts and the pages read. All of `pulse` runs in one thread."""

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
        self.inboxes = [Inbox(feed) for feed in settings.feed]
        self.health = Health()
        self._before_pulse = before_pulse
        self._picture: Picture | None = None

    @property
    def picture(self) -> Picture | None:
        return self._picture

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
        if self._picture is None:
            self._tick(max(now, self.heart.last_tick or now))
        for bucket_end in self._bucket_ends(now):
            self._tick(bucket_end)
        # Two ticks never share an instant, and the clock never goes back.
        last = self.heart.last_tick
        found = self._collect()
        if found:
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

    def _collect(self) -> list[tuple[Inbox, Path]]:
        found: list[tuple[Inbox, Path]] = []
        at_s = time.monotonic()
        for inbox in self.inboxes:
            try:
                found += [(inbox, path) for path in inbox.ready(at_s)]
                self.health.source_failures.pop(inbox.feed.id, None)
            except OSError as e:
                self.health.source_failures[inbox.feed.id] = (
                    f"feed {inbox.feed.id}: the folder {inbox.folder.name} cannot be read "
                    f"({e.strerror or e}); looking again every few seconds"
                )
        return sorted(found, key=lambda item: (archived_name(item[1]), item[0].feed.id))

    def _take(self, found: list[tuple[Inbox, Path]], now: datetime) -> None:
        ticked = self._tick(now, [Arrival(path, inbox.feed) for inbox, path in found])
        for (inbox, path), loaded in zip(found, ticked.loaded, strict=True):
            refused = loaded.reason if loaded.status == "refused" else None
            if refused:
                log.warning("%s of feed %s was refused: %s", path.name, inbox.feed.id, refused)
            try:
                inbox.done(path, now, refused)
            except OSError as e:
                log.warning("%s was read but cannot be moved away: %s", path.name, e)

    def _tick(self, now: datetime, arrivals: list[Arrival] | None = None) -> Ticked:
        began = time.perf_counter()
        ticked = self.heart.tick(now, arrivals or ())
        self.health.ticks += 1
        self.health.last_tick_took_s = time.perf_counter() - began
        self._picture = ticked.picture
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
            self._picture = dataclasses.replace(picture, published_at=looked, problems=problems)


def keep_configuration(store: Store, path: Path, text: str) -> None:
    """Remember the configuration in the database, so that verbs with only `--db` understand it."""
    with store.transaction():
        store.run("config.keep", [str(path), text])
