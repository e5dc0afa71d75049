"""What the pages read: the published picture and the product's clock.

One holder for the whole process, because the scheduler that fills it runs once per process while
scripts run once per viewer. `app.py` calls `set_live` in its lifespan, before any browser connects.
"""

from __future__ import annotations

from typing import Protocol

from monitor.clock import Clock, SystemClock
from monitor.picture import Picture


class Runtime(Protocol):
    """The running product, as far as the pages know it. Swapping `picture` publishes it."""

    @property
    def picture(self) -> Picture | None: ...

    @property
    def clock(self) -> Clock: ...


_runtime: Runtime | None = None


def set_live(runtime: Runtime | None) -> None:
    """Tell the pages where to read; None takes it away again."""
    global _runtime
    _runtime = runtime


def current() -> Picture | None:
    """The newest published picture, or None before the first tick."""
    return _runtime.picture if _runtime is not None else None


def clock() -> Clock:
    """The product's clock: the wall clock, or a faster one in the demo."""
    return _runtime.clock if _runtime is not None else SystemClock()
