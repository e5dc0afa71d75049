"""The product in one process: pages, routes, and the scheduler that runs with no browser open."""

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

launched: list[
    Runtime
] = []  # by main, so that a wrong configuration is said before a server starts


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    options = Options.from_environment()
    if not launched:
        launched.append(launch(options))
    runtime = launched[0]
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
    Path(__file__).parent / "pages" / "shell.py",
    lifespan=lifespan,
    routes=routes(lambda: launched[0] if launched else None, viewers),
)

if __name__ == "__main__":
    try:
        chosen = Options.from_environment()
        check_port(chosen.port)
        launched.append(launch(chosen))
    except ConfigError as e:
        print(e, file=sys.stderr)
        sys.exit(2)
    except MonitorError as e:
        print(e, file=sys.stderr)
        sys.exit(1)
    print(f"Open {chosen.url} in a browser (Ctrl+C stops the product).", file=sys.stderr)
    app.run(config={"server.port": chosen.port})
