"""The product in one process: pages, routes, and the scheduler that runs with no browser open."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime import exists, get_instance

from monitor.errors import ConfigError, MonitorError
from monitor.launch import Options, check_port, launch, leave
from monitor.runtime import Runtime
from monitor.scheduler import start
from monitor.ui.live import set_live
from monitor.web.routes import routes

HERE = Path(__file__).resolve().parent
# Filled by main, so that a wrong configuration is said before a server starts.
launched: list[tuple[Options, Runtime]] = []


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    if not launched:
        options = Options.from_environment()
        launched.append((options, launch(options)))
    options, runtime = launched[0]
    scheduler = start(runtime)
    set_live(runtime)
    try:
        yield
    finally:
        set_live(None)
        scheduler.shutdown(wait=True)
        launched.clear()
        leave(runtime, options)


def viewers() -> int:
    """Browser sessions connected now. Streamlit has no public figure for it."""
    return get_instance()._session_mgr.num_active_sessions() if exists() else 0


app = st.App(
    HERE / "pages" / "shell.py",
    lifespan=lifespan,
    routes=routes(lambda: launched[0][1] if launched else None, viewers),
)

if __name__ == "__main__":
    try:
        chosen = Options.from_environment()
        check_port(chosen.port)
        launched.append((chosen, launch(chosen)))
    except ConfigError as e:
        print(e, file=sys.stderr)
        sys.exit(2)
    except MonitorError as e:
        print(e, file=sys.stderr)
        sys.exit(1)
    os.chdir(HERE)  # Streamlit reads its settings and theme from the folder it is started in
    print(f"Open {chosen.url} in a browser (Ctrl+C stops the product).", file=sys.stderr)
    app.run(config={"server.port": chosen.port})
