"""The routes beside the pages, asked without a browser: health, metrics, and JSON as the verbs print."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from monitor.cli import main
from monitor.clock import SystemClock
from monitor.runtime import Runtime
from monitor.settings import load_settings
from monitor.store import open_store
from monitor.web import routes as web
from tests.product import TODAY, UNTIL, an_evening

pytestmark = pytest.mark.xdist_group("routes")


@dataclass(frozen=True)
class FixedClock:
    at: datetime
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Configuration and database of an evening with an open dip."""
    folder = tmp_path_factory.mktemp("evening")
    config, db = an_evening(folder), folder / "evening.duckdb"
    given = ["--config", str(config), "--db", str(db), "--until", UNTIL.isoformat()]
    assert main(["replay", str(folder / "recorded"), *given, "--json"]) == 0
    return config, db


@pytest.fixture
def evening(replayed: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The same, with a copy of the database that the test may spoil."""
    config, db = replayed
    return config, Path(shutil.copy(db, tmp_path / db.name))


@pytest.fixture
def runtime(evening: tuple[Path, Path]) -> Iterator[Runtime]:
    """A runtime on that database, a moment after the last file; it has not looked yet."""
    config, db = evening
    store = open_store(db)
    yield Runtime(store, load_settings(config), FixedClock(UNTIL + timedelta(seconds=30)))
    store.close()


@dataclass(frozen=True)
class Client:
    """Asks the routes in this process. Not starlette's TestClient: that one wants another httpx."""

    app: Starlette

    def get(self, path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get(path)

        return anyio.run(ask)


def asking(runtime: Runtime | None, viewers: int = 0) -> Client:
    return Client(Starlette(routes=web.routes(lambda: runtime, lambda: viewers)))


@pytest.fixture
def client(runtime: Runtime) -> Client:
    runtime.pulse()
    return asking(runtime)


def get(client: Client, path: str, status: int = 200) -> Any:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


# --- health ---------------------------------------------------------------------------------------


def test_healthz_is_ok_before_during_and_after_the_run(runtime: Runtime) -> None:
    assert get(asking(None), "/healthz")["status"] == "ok"
    assert get(asking(runtime), "/healthz")["generation"] is None
    before = runtime.heart.generation
    runtime.pulse()
    said = get(asking(runtime), "/healthz")
    assert said == {
        "status": "ok",
        "generation": before + 1,
        "last_tick": "2026-11-11T12:40:50Z",
        "lag_s": {f"performance/{TODAY}": 50.0},
    }


def test_readyz_waits_for_the_first_tick_and_then_is_ready(runtime: Runtime) -> None:
    assert get(asking(None), "/readyz", 503)["reason"] == "the product is starting or stopping"
    assert get(asking(runtime), "/readyz", 503) == {
        "ready": False,
        "reason": "the first tick is still running",
    }
    runtime.pulse()
    assert get(asking(runtime), "/readyz") == {"ready": True, "reason": None}


def test_readyz_says_why_a_tick_failed_until_one_succeeds(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.pulse()
    with monkeypatch.context() as broken:

        def fail(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        broken.setattr(runtime, "_collect", fail)
        runtime.pulse()
        reason = get(asking(runtime), "/readyz", 503)["reason"]
        assert reason.startswith("the last tick failed: ")
        assert "No space left on device" in reason
        assert get(asking(runtime), "/healthz")["status"] == "ok"
    assert "tick failed; nothing of it was kept" in caplog.text
    runtime.pulse()
    assert get(asking(runtime), "/readyz")["ready"] is True


def test_readyz_notices_a_scheduler_that_no_longer_runs(runtime: Runtime) -> None:
    runtime.pulse()
    assert runtime.health.last_pulse_s is not None
    runtime.health.last_pulse_s -= 3600
    assert "has not run for 3600 s" in get(asking(runtime), "/readyz", 503)["reason"]


# --- metrics --------------------------------------------------------------------------------------


def metrics(client: Client) -> dict[str, list[tuple[dict[str, str], float]]]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(answer.text)
    }


def test_metrics_parse_and_count_what_happened(client: Client, runtime: Runtime) -> None:
    found = metrics(asking(runtime, viewers=3))
    assert found["monitor_viewers"] == [({}, 3.0)]
    assert found["monitor_tick_failures"] == [({}, 0.0)]
    assert found["monitor_feed_lag_seconds"] == [({"feed": "performance", "campaign": TODAY}, 50.0)]
    files = len(list((runtime.settings.feed[0].source.path.parents[1] / "recorded").rglob("*.csv")))
    assert found["monitor_batches"] == [({}, float(files))]
    assert found["monitor_rows"][0][1] > 1000
    dips = [s for s in found["monitor_alerts"] if s[0]["kind"] == "dip"]
    assert any(labels["status"] == "open" for labels, _ in dips)


def test_metrics_answer_before_the_product_has_started() -> None:
    assert metrics(asking(None, viewers=0)) == {"monitor_viewers": [({}, 0.0)]}


def test_a_failed_pulse_is_counted(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime.pulse()

    def fail() -> None:
        raise OSError("gone")

    monkeypatch.setattr(runtime, "_collect", fail)
    runtime.pulse()
    assert metrics(asking(runtime))["monitor_tick_failures"] == [({}, 1.0)]


# --- the same answers as the verbs ----------------------------------------------------------------

ASKED = {
    "/api/alerts.json": ["alerts"],
    f"/api/alerts.json?campaign={TODAY}": ["alerts", "--campaign", TODAY],
    f"/api/totals.json?campaign={TODAY}": ["totals", "--campaign", TODAY],
    f"/api/totals.json?campaign={TODAY}&by=channel,category": [
        "totals", "--campaign", TODAY, "--by", "channel,category",
    ],
    f"/api/expected.json?campaign={TODAY}&metric=gmv": [
        "expected", "--campaign", TODAY, "--metric", "gmv",
    ],
    f"/api/expected.json?campaign={TODAY}&scope=channel=live&metric=visitors": [
        "expected", "--campaign", TODAY, "--scope", "channel=live", "--metric", "visitors",
    ],
    f"/api/boards/creators.json?campaign={TODAY}": ["board", "creators", "--campaign", TODAY],
    f"/api/boards/channels.json?campaign={TODAY}&limit=2": [
        "board", "channels", "--campaign", TODAY, "--limit", "2",
    ],
}  # fmt: skip


def test_routes_answer_what_the_verbs_print(
    evening: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    config, db = evening
    store = open_store(db)
    runtime = Runtime(store, load_settings(config), SystemClock())
    runtime.pulse()
    by_route = {path: get(asking(runtime), path) for path in ASKED}
    store.close()
    capsys.readouterr()
    for path, arguments in ASKED.items():
        assert main([*arguments, "--db", str(db), "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        if "/boards/" in path:  # only the running product knows whether its picture is stale
            printed["stale"] = by_route[path]["stale"]
        assert by_route[path] == printed, path
    assert by_route["/api/alerts.json"]["alerts"]
    assert len(by_route[f"/api/boards/channels.json?campaign={TODAY}&limit=2"]["rows"]) == 2


def test_the_list_of_boards_names_the_four_that_ship(client: Client) -> None:
    names = [board["name"] for board in get(client, "/api/boards.json")["boards"]]
    assert names == ["creators", "categories", "channels", "linkshare"]


# --- wrong questions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/api/alerts.json?campaign=nope", "no campaign 'nope'; known: my-0909-2026"),
        ("/api/totals.json?campaign=nope", "no campaign 'nope'"),
        ("/api/expected.json?campaign=nope", "no campaign 'nope'"),
        ("/api/boards/creators.json?campaign=nope", "no campaign 'nope'"),
        ("/api/totals.json", "the address needs ?campaign=…"),
        (
            f"/api/totals.json?campaign={TODAY}&by=colour",
            "'colour' is no dimension; known: channel",
        ),
        (f"/api/expected.json?campaign={TODAY}&metric=joy", "'joy': no metric; known: gmv"),
        (f"/api/expected.json?campaign={TODAY}&scope=live", "write it as channel=live"),
        (f"/api/boards/nope.json?campaign={TODAY}", "no board 'nope'; known: creators"),
        (f"/api/boards/creators.json?campaign={TODAY}&limit=many", "limit='many': a whole number"),
    ],
)
def test_a_wrong_question_is_answered_with_404_and_the_reason(
    client: Client, path: str, reason: str
) -> None:
    assert reason in get(client, path, 404)["error"]


def test_a_product_that_is_not_there_yet_answers_503_with_the_reason(runtime: Runtime) -> None:
    for name in ("alerts", "totals", "expected"):
        reason = get(asking(None), f"/api/{name}.json?campaign={TODAY}", 503)["error"]
        assert reason == "the product is starting or stopping"
    early = f"/api/boards/creators.json?campaign={TODAY}"
    assert get(asking(runtime), early, 503)["error"] == "nothing is published yet"


def test_live_is_the_first_page_whatever_the_link_says(client: Client) -> None:
    answer = client.get("/live?campaign=x&metric=gmv")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/?campaign=x&metric=gmv"


def test_a_late_feed_makes_its_boards_stale(evening: tuple[Path, Path]) -> None:
    config, db = evening
    store = open_store(db)
    try:
        later = FixedClock(UNTIL + timedelta(minutes=30))
        runtime = Runtime(store, load_settings(config), later)
        runtime.pulse()
        board = get(asking(runtime), f"/api/boards/creators.json?campaign={TODAY}")
        assert board["stale"] is True
        assert board["as_of"] == "2026-11-11T12:40:00Z"
    finally:
        store.close()
