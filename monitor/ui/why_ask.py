"""Asking the product for evidence beside the page: in threads of its own, each answer kept.

An answer takes up to some seconds, and a page runs again every five. So a page asks and is told at
once what is known: the answer, or an older one while a newer is worked out, or nothing yet.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

import pyarrow as pa

from monitor.campaigns.words import Scope, scope_key
from monitor.detect.why import Evidence
from monitor.errors import MonitorError
from monitor.ui import live
from monitor.why import Why

log = logging.getLogger("monitor")
KEPT = 256  # answers
THREADS = 2


@dataclass(frozen=True)
class Answer:
    """`evidence`, `series`: None where the scope has no data. `trouble`: why there is no answer.

    `generation`, `watermark`: of the picture that was shown when it was asked for.
    """

    generation: int
    watermark: datetime | None
    evidence: Evidence | None = None
    series: pa.Table | None = None
    trouble: str = ""


@dataclass
class _Kept:
    """`newest`: the last question; its answer may be to come. `last`: the last answer there was."""

    newest: tuple[int, Future[Answer]]
    last: Answer | None = None


@dataclass
class Asker:
    """Questions of all viewers. A question that is being worked out is not asked twice."""

    _kept: OrderedDict[Hashable, _Kept] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="why")
    )

    def ask(
        self,
        provider: Why,
        campaign_id: str,
        scope: Scope,
        measure: str,
        at: datetime,
        generation: int,
        watermark: datetime | None,
    ) -> tuple[Answer | None, Future[Answer] | None]:
        """(what is known, what is still being worked out). A new generation asks anew."""

        def work() -> Answer:
            try:
                return Answer(
                    generation,
                    watermark,
                    provider.why(campaign_id, scope, measure, at),
                    provider.series(campaign_id, scope, measure),
                )
            except MonitorError as e:
                return Answer(generation, watermark, trouble=str(e))
            except Exception:
                log.exception("why: %s %s %s %s", campaign_id, scope_key(scope), measure, at)
                return Answer(
                    generation, watermark,
                    trouble="It could not be worked out; the log of the monitor says why.",
                )  # fmt: skip

        key = (id(provider), campaign_id, scope_key(scope), measure, at)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or (kept.newest[0] != generation and kept.newest[1].done()):
                last = kept.newest[1].result() if kept else None
                kept = _Kept((generation, self._pool.submit(work)), last)
                self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        asked = kept.newest[1]
        return (asked.result(), None) if asked.done() else (kept.last, asked)


asker = Asker()


def provider() -> Why | None:
    """Who knows why; None when the product that runs keeps no evidence."""
    found: Why | None = getattr(live._runtime, "why", None)
    return found


def wait(asked: Future[Answer], told: Callable[[int], None], step_s: float, most_s: float) -> bool:
    """Whether the answer came within `most_s`; `told` is called every `step_s` with whole seconds."""
    passed_s = 0.0
    while passed_s < most_s:
        told(int(passed_s))
        try:
            asked.result(step_s)
        except TimeoutError:
            passed_s += step_s
        else:
            return True
    return asked.done()
