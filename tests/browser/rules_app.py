"""The pages on a rules desk in memory, for the browser tests of the Rules page: `… rules_app PORT`.

Only the judging behind a preview is made up, and it takes a moment, so that its progress shows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st

from monitor.rulebook import Rulebook
from monitor.ui.live import set_live
from tests.browser.import_app import TickingClock
from tests.pages.rules_desk import FakeRehearsal, runtime
from tests.product import ROOT

STEP_S = 0.7


class Slow(FakeRehearsal):
    def rehearse(self, campaign_ids: Sequence[str], rules: Rulebook) -> list[dict[str, Any]]:
        time.sleep(STEP_S)
        return super().rehearse(campaign_ids, rules)


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    running = runtime(TickingClock())
    running.rules.rehearsal = Slow(running.rules.settings)
    running.tick()
    set_live(running)
    yield
    set_live(None)


app = st.App(ROOT / "pages" / "shell.py", lifespan=lifespan)

if __name__ == "__main__":
    app.run(config={"server.port": int(sys.argv[1])})
