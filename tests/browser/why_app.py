"""The pages on the hand-made picture with evidence, for the browser tests: `… why_app PORT`.

The fake is the desk alone, which takes its time; shell, pages and the websocket are the real ones.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st

from monitor.ui.live import set_live
from tests.pages import pictures
from tests.pages.conftest import StoppedClock
from tests.pages.why_desk import WhyDesk, WhyRuntime
from tests.product import ROOT

SLOW_S = 1.0


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    shown = pictures.picture()
    set_live(WhyRuntime(shown, StoppedClock(pictures.NOW), WhyDesk(shown, slow_s=SLOW_S)))
    yield
    set_live(None)


app = st.App(ROOT / "pages" / "shell.py", lifespan=lifespan)

if __name__ == "__main__":
    app.run(config={"server.port": int(sys.argv[1])})
