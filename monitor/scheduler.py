"""When the pulse and housekeeping run. The only place that knows APScheduler."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.runtime import Runtime

CHECKPOINT = timedelta(minutes=10)
FASTEST_POLL_S = 1.0


def start(runtime: Runtime) -> BackgroundScheduler:
    """Start the pulse at once, in one thread of its own; a pulse that takes long delays the next."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a long pulse is no news
    scheduler = BackgroundScheduler(
        timezone=UTC, executors={"default": ThreadPoolExecutor(max_workers=1)}
    )
    fast = runtime.clock.speed > 1
    poll_s = FASTEST_POLL_S if fast else runtime.settings.monitor.poll.total_seconds()
    always = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    scheduler.add_job(
        runtime.pulse, "interval", seconds=poll_s, next_run_time=datetime.now(UTC), **always
    )
    scheduler.add_job(
        runtime.store.checkpoint, "interval", seconds=CHECKPOINT.total_seconds(), **always
    )
    scheduler.start()
    return scheduler
