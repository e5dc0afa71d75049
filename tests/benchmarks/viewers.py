"""Many viewers of the Live page: how long a refresh takes, as their browsers see it.

Each viewer is a WebSocket that speaks Streamlit's protocol: it opens the page, finds the page's own
refresh timer and sends what the timer sends, every REFRESH_S seconds, for MINUTES minutes. The time
of a refresh runs from the request to the end of the script.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.product import Product

PAGE = "/_stcore/stream"
WHOLE, FRAGMENT = (
    ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY,
    ForwardMsg.ScriptFinishedStatus.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
)


@dataclass
class Viewer:
    """One browser tab."""

    loads_ms: list[float] = field(default_factory=list)
    refreshes_ms: list[float] = field(default_factory=list)
    fragments: set[str] = field(default_factory=set)
    received: int = 0

    async def watch(self, url: str, refresh_s: float, until_s: float) -> None:
        await asyncio.sleep(random.random() * refresh_s)
        async with websockets.connect(
            url, max_size=None, subprotocols=[websockets.Subprotocol("streamlit")]
        ) as tab:
            first = BackMsg()
            first.rerun_script.query_string = ""
            self.loads_ms.append(await self._ask(tab, first, WHOLE))
            while time.monotonic() < until_s:
                await asyncio.sleep(refresh_s)
                for fragment in sorted(self.fragments):
                    again = BackMsg()
                    again.rerun_script.fragment_id = fragment
                    self.refreshes_ms.append(await self._ask(tab, again, FRAGMENT))

    async def _ask(self, tab: websockets.ClientConnection, message: BackMsg, ending: int) -> float:
        began = time.perf_counter()
        await tab.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            data = await tab.recv()
            answer.ParseFromString(data if isinstance(data, bytes) else data.encode())
            kind = answer.WhichOneof("type")
            if kind == "auto_rerun":
                self.fragments.add(answer.auto_rerun.fragment_id)
            self.received += len(data)
            if kind == "script_finished" and answer.script_finished == ending:
                return (time.perf_counter() - began) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


async def watch(url: str, count: int, refresh_s: float, minutes: float) -> list[Viewer]:
    viewers = [Viewer() for _ in range(count)]
    until_s = time.monotonic() + minutes * 60
    await asyncio.gather(*(viewer.watch(url, refresh_s, until_s) for viewer in viewers))
    return viewers


def main() -> None:
    """Print p50 and p95 of first loads and refreshes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--viewers", type=int, default=60)
    parser.add_argument("--refresh", type=float, default=15.0)
    parser.add_argument("--minutes", type=float, default=2.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder)).start().ready()
        try:
            url = f"ws://127.0.0.1:{product.port}{PAGE}"
            viewers = asyncio.run(watch(url, options.viewers, options.refresh, options.minutes))
        finally:
            product.stop()
    sent_kb = sum(viewer.received for viewer in viewers) / 1024 / max(len(viewers), 1)
    print(f"received by a viewer: {sent_kb:.0f} KB")
    loads = [ms for viewer in viewers for ms in viewer.loads_ms]
    refreshes = [ms for viewer in viewers for ms in viewer.refreshes_ms]
    for name, values in (("first load", loads), ("refresh", refreshes)):
        print(
            f"{options.viewers} viewers, {name}: median {statistics.median(values):.0f} ms, "
            f"p95 {percentile(values, 0.95):.0f} ms, worst {max(values):.0f} ms, n = {len(values)}"
        )


if __name__ == "__main__":
    main()
