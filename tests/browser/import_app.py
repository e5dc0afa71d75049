"""The pages on a desk in memory, for the browser tests of the import page: `… import_app PORT`.

The fake is the desk alone: shell, pages, uploads and the websocket are the real ones.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from monitor.ui.live import set_live
from tests.pages import pictures
from tests.pages.import_desk import LEDGER, DeskRuntime, FakeDesk
from tests.product import ROOT


@dataclass(frozen=True)
class TickingClock:
    """Starts at the picture's time, so that a refresh shows."""

    began_s: float = field(default_factory=time.monotonic)
    speed: float = 1.0

    def now(self) -> datetime:
        passed = timedelta(seconds=int(time.monotonic() - self.began_s))
        return pictures.NOW + passed


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    desk = FakeDesk(ledger=list(LEDGER))
    set_live(DeskRuntime(pictures.picture(), TickingClock(), desk))
    yield
    set_live(None)


app = st.App(ROOT / "pages" / "shell.py", lifespan=lifespan)

if __name__ == "__main__":
    app.run(config={"server.port": int(sys.argv[1])})
