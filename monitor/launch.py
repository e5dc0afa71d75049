"""From a configuration (or none: the demo) to a runtime. Used by app.py and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.clock import FastClock, SystemClock
from monitor.errors import ConfigError
from monitor.runtime import Runtime, keep_configuration
from monitor.settings import load_settings, parse_settings
from monitor.simulate.demo import CLOCK_START, SPEED, Demo, demo_config_text
from monitor.store import open_store
from monitor.store.database import note_path

DATA = Path(__file__).resolve().parent.parent / "data"
DEFAULT_PORT = 8501


@dataclass(frozen=True)
class Options:
    """What `serve` was told; read from the environment, where the command line puts it."""

    config: Path | None
    db: Path
    port: int

    @classmethod
    def from_environment(cls) -> Options:
        config = os.environ.get("MONITOR_CONFIG")
        default = DATA / ("monitor.duckdb" if config else "demo/monitor.duckdb")
        port = os.environ.get("MONITOR_PORT") or str(DEFAULT_PORT)
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigError(f"PORT={port}: a port is a number from 1 to 65535")
        return cls(
            config=Path(config).absolute() if config else None,
            db=Path(os.environ.get("MONITOR_DB") or default).absolute(),
            port=int(port),
        )

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


def check_port(port: int) -> None:
    """Say before anything starts that somebody else has the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError as e:
            raise ConfigError(
                f"port {port} is taken by another program: stop it, or choose another with "
                f"make run PORT={port + 1}"
            ) from e


def launch(options: Options) -> Runtime:
    """Open the store and make the runtime; nothing ticks until the scheduler starts."""
    if options.config is None:
        return _demo(options)
    settings = load_settings(options.config)
    store = open_store(options.db)
    keep_configuration(store, options.config, options.config.read_text(encoding="utf-8"))
    _leave_note(options)
    return Runtime(store, settings, SystemClock())


def leave(runtime: Runtime, options: Options) -> None:
    """End the sources' threads, close the store and take the note away."""
    runtime.stop()
    runtime.store.close()
    note_path(options.db).unlink(missing_ok=True)


def _demo(options: Options) -> Runtime:
    """A fresh demo at every start: simulated files, through an inbox like any other."""
    folder = options.db.parent
    store = open_store(options.db)  # refuses, before anything is deleted, while a demo runs
    store.close()
    for name in (options.db.name, options.db.name + ".wal"):
        (folder / name).unlink(missing_ok=True)
    for name in ("inbox", "history"):
        shutil.rmtree(folder / name, ignore_errors=True)
    config = folder / "demo.toml"
    config.write_text(demo_config_text("inbox/performance"), encoding="utf-8")
    text = config.read_text(encoding="utf-8")
    settings = parse_settings(text, config)
    store = open_store(options.db)
    keep_configuration(store, config, text)
    _leave_note(options)
    inbox = settings.feed[0].source.path
    demo = Demo()
    clock = _DemoClock()
    feeding = _feeding(demo, inbox, clock)
    return Runtime(store, settings, clock, before_pulse=feeding, demo=True)


class _DemoClock:
    """Stands at the demo's start until the past has been read, then runs."""

    speed = SPEED

    def __init__(self) -> None:
        self._running: FastClock | None = None

    def start(self) -> None:
        self._running = FastClock(CLOCK_START, SPEED)

    def now(self) -> datetime:
        return self._running.now() if self._running else CLOCK_START


def _feeding(demo: Demo, inbox: Path, clock: _DemoClock) -> Callable[[datetime], None]:
    """Writes the demo's files into its inbox: the past at the first pulse, then what is due."""
    written: list[datetime] = []

    def feed(now: datetime) -> None:
        if not written:
            demo.write_history(inbox, CLOCK_START)
            written.append(CLOCK_START)
        elif clock.now() == CLOCK_START:
            clock.start()
        else:
            demo.write_due(inbox, written[-1], now)
            written[:] = [max(now, written[-1])]

    return feed


def _leave_note(options: Options) -> None:
    note = {"pid": os.getpid(), "url": options.url}
    note_path(options.db).write_text(json.dumps(note), encoding="utf-8")
