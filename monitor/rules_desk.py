"""The rules desk: what a person asks of the product about rules, from any thread.

What is saved judges from the next tick on. A preview runs in a thread of its own, one at a time for
the whole process, and keeps nothing.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal, Protocol

from monitor.clock import Clock
from monitor.errors import ConfigError, MonitorError
from monitor.rulebook import versions
from monitor.rulebook.book import Rulebook, digest
from monitor.rulebook.preview import Alert, Effect, compare
from monitor.rulebook.read import FILE, configured, parse
from monitor.settings import Settings
from monitor.store import Store

log = logging.getLogger("monitor")
DAY = timedelta(days=1)
KEPT = 20  # previews
State = Literal["waiting", "running", "done", "failed", "stopped"]


class Rehearsal(Protocol):
    """Judges whole campaigns anew, out of what the store has of them, and keeps nothing."""

    def rehearse(self, campaign_ids: Sequence[str], rules: Rulebook) -> list[dict[str, Any]]:
        """The alerts that `rules` would have told up to now, as the CONTRACT's JSON.

        At least campaign_id, rule, scope, severity, opened_at, resolved_at, shortfall, headline and
        covered_by. Called from the preview's thread while ticks go on."""
        ...


@dataclass(frozen=True)
class Trial:
    """A preview asked for `campaign_id`: `step` of `steps` are done.

    `effect`: when `done`; `trouble`: when `failed`.
    `marks`: per campaign judged, a mark of its data; `base`: the version it is compared with.
    """

    id: str
    campaign_id: str
    text_digest: str
    base: int
    marks: tuple[tuple[str, tuple[int, int]], ...]
    state: State = "waiting"
    step: int = 0
    effect: Effect | None = None
    trouble: str = ""

    @property
    def steps(self) -> int:
        return 2 * len(self.marks)

    @property
    def campaigns(self) -> tuple[str, ...]:
        return tuple(campaign_id for campaign_id, _ in self.marks)

    @property
    def runs(self) -> bool:
        return self.state in ("waiting", "running")


@dataclass(frozen=True)
class Standing:
    """The rules as they stand, and the file that they come from.

    `file_trouble`: why the file cannot be read now. `file`: its rules where they differ from `book`
    and it was changed since `book` was saved (or since the start, if nothing was ever saved).
    """

    book: Rulebook
    file_name: str
    file: Rulebook | None = None
    file_trouble: str = ""


@dataclass
class _Work:
    trial: Trial
    old: Rulebook
    new: Rulebook
    owners: set[str] = field(default_factory=set)


class RulesDesk:
    """Stands on a running product; every method may be called from any thread.

    `file`: the rules of the file as it was at the start. `rehearsal`: None where previews cannot be.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        file: Rulebook,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self.store, self.settings, self.clock = store, settings, clock
        self.file, self.rehearsal = file, rehearsal
        self._guard = threading.Lock()
        self._works: dict[str, _Work] = {}
        self._before: dict[tuple[str, tuple[int, int], int], list[Alert]] = {}
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    # --- what stands -----------------------------------------------------------------------------

    def book(self) -> Rulebook:
        """The rules that judge from the next tick on."""
        return versions.current(self.store, self.file)

    def standing(self) -> Standing:
        book = self.book()
        told = Standing(book, (self.settings.monitor.rules or FILE).name)
        try:
            now = configured(self.settings)
        except ConfigError as e:
            return replace(told, file_trouble=str(e))
        changed = versions.file_changed(self.store, now) or (
            not book.who and not self.file.says_the_same(now)
        )
        return replace(told, file=now) if changed and not book.says_the_same(now) else told

    def mark(self) -> tuple[int, int | None]:
        """Changes when rules are saved, and when they begin to judge."""
        last = self.store.rows("rules.last_in_force")
        return self.book().version, int(last[0][0]) if last else None

    def history(self, limit: int = 50) -> Sequence[versions.Version]:
        return versions.history(self.store, limit)

    # --- what a person does ----------------------------------------------------------------------

    def check(self, text: str) -> Rulebook:
        """The rules of a text, not kept. Raises ConfigError."""
        return parse(text, "the rules")

    def save(self, text: str, who: str, note: str, expected_version: int) -> Rulebook:
        """Keep a text as the new version; see `rulebook.versions.save`."""
        now = self.clock.now()
        return versions.save(self.store, self.file, text, who, note, now, expected_version)

    # --- previews --------------------------------------------------------------------------------

    @property
    def previews(self) -> bool:
        return self.rehearsal is not None

    def marks(self, campaign_ids: Sequence[str]) -> tuple[tuple[str, tuple[int, int]], ...]:
        """Marks of the campaigns' data, those without any left out."""
        found = []
        for campaign_id in campaign_ids:
            newest, undone = self.store.one("rules.data_mark", [campaign_id])
            if newest:
                found.append((campaign_id, (int(newest), int(undone))))
        return tuple(found)

    def comparable(self, campaign_id: str) -> tuple[str, ...]:
        """A campaign and those it is compared with, newest first."""
        campaign = self.settings.campaign_by_id(campaign_id)
        past = self.settings.comparables(campaign)
        return (campaign_id, *(c.id for c in reversed(past)))

    def outdated(self, trial: Trial) -> bool:
        """Whether data came since the preview was asked for."""
        return self.marks(trial.campaigns) != trial.marks

    def try_out(self, text: str, campaign_id: str, owner: str) -> str:
        """Begin a preview of `text` against the rules that stand; gives its id.

        `owner` watches one preview at a time: what it asked for before is stopped, unless another
        watches it too. Raises ConfigError for a text that is no rules.
        """
        if self.rehearsal is None:
            raise MonitorError("this product cannot work previews out")
        new, old = self.check(text), self.book()
        marks = self.marks(self.comparable(campaign_id))
        if not marks:
            raise MonitorError("there is no data yet to try the rules on")
        about = digest(text)
        id_ = digest(repr((about, old.version, campaign_id, marks)))
        with self._guard:
            self._let_go(owner, but=id_)
            known = self._works.get(id_)
            if known is None or known.trial.state in ("failed", "stopped"):
                known = _Work(Trial(id_, campaign_id, about, old.version, marks), old, new)
                self._works.pop(id_, None)
                self._works[id_] = known
                self._forget()
                self._queue.put(id_)
            known.owners.add(owner)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="preview", daemon=True)
                self._thread.start()
        return id_

    def trial(self, id_: str) -> Trial | None:
        with self._guard:
            work = self._works.get(id_)
            return None if work is None else work.trial

    def stop(self, owner: str) -> None:
        """Let go of what `owner` asked for; what nobody watches any more ends at its next step."""
        with self._guard:
            self._let_go(owner)

    def _let_go(self, owner: str, but: str = "") -> None:
        for id_, work in self._works.items():
            if id_ != but and owner in work.owners:
                work.owners.discard(owner)
                if work.trial.runs and not work.owners:
                    work.trial = replace(work.trial, state="stopped")

    def _forget(self) -> None:
        over = [id_ for id_, work in self._works.items() if not work.trial.runs]
        for id_ in over[: max(0, len(self._works) - KEPT)]:
            del self._works[id_]

    def _run(self) -> None:
        while True:
            id_ = self._queue.get()
            with self._guard:
                work = self._works.get(id_)
            if work is not None:
                self._work(work)

    def _work(self, work: _Work) -> None:
        try:
            effect = self._effect(work)
        except Exception as e:
            if not isinstance(e, MonitorError):
                log.exception("a preview of rules failed")
            said = str(e) if isinstance(e, MonitorError) else f"{type(e).__name__}: {e}"
            self._become(work, state="failed", trouble=said)
            return
        if effect is not None:
            self._become(work, state="done", effect=effect)

    def _become(self, work: _Work, **changed: Any) -> bool:
        """Change a preview, unless it was stopped; says whether it goes on."""
        with self._guard:
            if not work.trial.runs:
                return False
            work.trial = replace(work.trial, **changed)
            return True

    def _effect(self, work: _Work) -> Effect | None:
        """Both rulebooks on every campaign, step by step; None when it was stopped."""
        assert self.rehearsal is not None
        before: list[Alert] = []
        after: list[Alert] = []
        days: dict[str, float] = {}
        trial, now = work.trial, self.clock.now()
        for i, (campaign_id, mark) in enumerate(trial.marks):
            if not self._become(work, state="running", step=2 * i):
                return None
            key = (campaign_id, mark, work.old.version)
            if key not in self._before:
                self._before = {k: v for k, v in self._before.items() if k[0] != campaign_id}
                self._before[key] = list(self.rehearsal.rehearse([campaign_id], work.old))
            before += self._before[key]
            if not self._become(work, step=2 * i + 1):
                return None
            after += self.rehearsal.rehearse([campaign_id], work.new)
            campaign = self.settings.campaign_by_id(campaign_id)
            days[campaign_id] = max((min(now, campaign.end) - campaign.start) / DAY, 0.0)
        return compare(before, after, days)
