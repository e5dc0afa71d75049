"""The real product in a process of its own, and an evening's data for it.

Shared by the tests that drive a browser, kill the server or run verbs. Nothing here sleeps a fixed
time: `eventually` asks again and again until a deadline, and then says what it waited for.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from monitor.simulate.configuration import FeedEntry, entry, render
from monitor.simulate.demo import checkout_trouble
from monitor.simulate.event import EventSpec, Key, simulate
from monitor.simulate.season import season
from monitor.simulate.snapshots import arrival_stamp, combined_csv, snapshots, write_file

ROOT = Path(__file__).resolve().parent.parent
TODAY = "my-1111-2026"
ASK_AGAIN_S = 0.05

T = TypeVar("T")


def eventually(
    ask: Callable[[], T | None], what: str, within_s: float = 30.0, every_s: float = ASK_AGAIN_S
) -> T:
    """The first answer that is not empty; fails with `what`, and the last answer, at the deadline."""
    deadline_s = time.monotonic() + within_s
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {within_s:g} s: {what} (last answer: {answer!r})")
        time.sleep(every_s)


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of this process without what would lead the product elsewhere."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MONITOR_", "STREAMLIT_"))}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """`python app.py` on a database of its own; without a configuration it is the demo."""

    def __init__(self, folder: Path, config: Path | None = None) -> None:
        self.config = config
        self.db = folder / "served" / "monitor.duckdb"
        self.log = folder / "served.log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Product:
        """Start it; comes back at once, so that a test may be the first to ask it anything."""
        assert self._process is None, "it runs already"
        self.port = free_port()
        self.db.parent.mkdir(parents=True, exist_ok=True)
        environment = clean_environment(MONITOR_DB=str(self.db), MONITOR_PORT=str(self.port))
        if self.config is not None:
            environment["MONITOR_CONFIG"] = str(self.config)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "app.py"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def listening(self) -> bool:
        """Whether the port is open; this sends no request."""
        self.alive()
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ready(self) -> Product:
        """Wait until the first picture is published."""

        def published() -> object:
            self.alive()
            try:
                return self.get("/healthz")["generation"]
            except OSError:
                return None

        eventually(published, f"{self.url} publishes its first picture", within_s=60)
        return self

    def alive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            code = self._process.returncode
            raise AssertionError(f"the product ended by itself (exit {code}):\n{self.logged()}")

    def get(self, path: str) -> Any:
        """The JSON of a route, whatever its status."""
        request = urllib.request.Request(self.url + path)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            with e:
                return json.load(e)

    def logged(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def wait(self, delay_s: float) -> None:
        """Let it run; it must not end meanwhile."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(delay_s)
        self.alive()

    def kill(self) -> None:
        """`kill -9`: no handler runs, no buffer is written."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As Ctrl+C does it; killed if it does not end within twenty seconds."""
        try:
            self._end(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self._end(signal.SIGKILL)
            raise

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(how)
            self._process.wait(20)
            self._process = None


def verb(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """`python -m monitor …` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "monitor", *map(str, arguments)],
        cwd=ROOT,
        env=clean_environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# --- an evening that goes wrong -------------------------------------------------------------------

LAST = datetime(2026, 11, 11, 12, 40, tzinfo=UTC)  # 20:40 in Kuala Lumpur: the dip is still open
UNTIL = LAST + timedelta(seconds=20)  # when the last file has arrived


def an_evening(folder: Path, creators: int = 4) -> Path:
    """9.9 and 11.11 up to 19:30 as one file each, then single snapshots until 20:40.

    At 20:00 the checkout of the live rooms breaks, so a dip opens at 20:10. Gives the configuration;
    the files lie in `recorded/performance` beside it.
    """
    past, today = season(("99", "1111"), creators, seed=3)
    today = replace(today, incidents=(checkout_trouble(today),))
    feed = FeedEntry("performance", "inbox/performance", Key._fields, "cumulative_day", settle="1s")
    recorded = folder / "recorded" / "performance"
    for spec in (past, today):
        _record(spec, recorded)
    text = render([entry(past), entry(today)], [feed], "An evening, simulated.")
    return write_file(folder, "monitor.toml", text)


def _record(spec: EventSpec, recorded: Path) -> None:
    read = list(snapshots(simulate(spec)))
    if spec.campaign_id == TODAY:
        read = [one for one in read if one.observed_at <= LAST]
    cut = LAST - timedelta(minutes=70)
    past = [one for one in read if one.observed_at <= cut]
    name = f"history-{spec.campaign_id}@{arrival_stamp(past[-1].arrives_at)}.csv"
    write_file(recorded, name, combined_csv(past))
    for one in read[len(past) :]:
        write_file(recorded, one.file_name(), one.csv())


# --- a sale that runs now -------------------------------------------------------------------------


def a_sale_now(
    folder: Path, now: datetime, feeds: Mapping[str, str] | None = None, poll: str = "1s"
) -> Path:
    """A configuration with a campaign that began three hours ago and one like it a week before.

    `feeds`: id → counter. The counters begin with the campaign, so that midnight plays no part.
    """
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    text = f'[monitor]\nbucket = "5m"\npoll = "{poll}"\n'
    for campaign_id, begins in (("before", start - timedelta(days=7)), ("sale", start)):
        text += (
            f'[[campaign]]\nid = "{campaign_id}"\nname = "Sale {campaign_id}"\nkind = "custom"\n'
            f'market = "MY"\nstart = {begins.isoformat()}\n'
            f"end = {(begins + timedelta(hours=9)).isoformat()}\n"
            f"[campaign.targets]\ngmv = 100_000\n"
        )
    for feed_id, counter in (feeds or {"performance": "cumulative_campaign"}).items():
        text += (
            f'[[feed]]\nid = "{feed_id}"\ncounter = "{counter}"\ncadence = "5m"\n'
            f'grain = ["channel", "creator_id"]\n'
            f'source = {{ type = "folder", path = "inbox/{feed_id}", settle = "1s" }}\n'
        )
    return write_file(folder, "own.toml", text)


def change(config: Path, **keys: str) -> None:
    """Give keys of a configuration other values: `change(config, settle="0s")`."""
    text = config.read_text(encoding="utf-8")
    for key, value in keys.items():
        text, found = re.subn(rf'\b{key} = "[^"]*"', f'{key} = "{value}"', text)
        assert found, f"{config} has no {key}"
    config.write_text(text, encoding="utf-8")


HEADER = "observed_at,campaign_id,channel,creator_id,gmv,orders,visitors\n"


def sale_rows(at: datetime, gmv: float, campaign: str = "sale") -> str:
    """Two rows of one snapshot; together their GMV is `gmv`, a whole amount."""
    stamp = at.astimezone(UTC).isoformat()
    return (
        f"{stamp},{campaign},live,c1,{gmv * 0.75:.2f},{int(gmv / 50)},{int(gmv / 2)}\n"
        f"{stamp},{campaign},video,c2,{gmv * 0.25:.2f},{int(gmv / 100)},{int(gmv / 3)}\n"
    )
