"""The push route: who may send, what is taken, what is refused, and what a crash leaves."""

from __future__ import annotations

import errno
import gzip
import json
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from monitor.errors import ConfigError
from monitor.ingest.note import note_of
from monitor.ingest.sources.tokens import hashed, is_one_of, new_token
from monitor.runtime import Runtime
from monitor.settings import Settings, parse_settings
from monitor.store import open_store
from monitor.web import deliver, push
from monitor.web import routes as web
from tests.conftest import totals_of
from tests.product import HEADER, Product, a_sale_now, eventually, sale_rows

TOKEN, OTHER = "token-of-the-script", "token-of-another-feed"
NOW = datetime(2026, 11, 11, 4, 10, tzinfo=UTC)
CSV = (
    "observed_at,campaign_id,channel,gmv,orders\n"
    "2026-11-11T12:05:00+08:00,sale,live,10.50,2\n"
    "2026-11-11T12:05:00+08:00,sale,card,1.25,1\n"
)
ROWS = [
    {
        "observed_at": "2026-11-11T12:05:00+08:00",
        "campaign_id": "sale",
        "channel": "live",
        "gmv": 10.5,
    },
    {
        "observed_at": "2026-11-11T12:05:00+08:00",
        "campaign_id": "sale",
        "channel": "card",
        "gmv": 1.25,
    },
]
FORM = "application/x-www-form-urlencoded"  # what curl says when nobody says anything
SNAPSHOTS = "/api/feeds/script/snapshots"


@dataclass(frozen=True)
class FixedClock:
    speed: float = 1.0

    def now(self) -> datetime:
        return NOW


def settings_in(folder: Path, *tokens: str, max_size: str = "20kB") -> Settings:
    text = (
        '[[campaign]]\nid = "sale"\nname = "sale"\nkind = "custom"\n'
        "start = 2026-11-11T00:00:00+08:00\nend = 2026-11-12T00:00:00+08:00\n"
        '[[feed]]\nid = "script"\ncounter = "interval"\n'
        f'source = {{ type = "push", tokens = {json.dumps(tokens)}, max_size = "{max_size}" }}\n'
        '[[feed]]\nid = "second"\ncounter = "interval"\n'
        f'source = {{ type = "push", tokens = {json.dumps([hashed(OTHER)])} }}\n'
        '[[feed]]\nid = "files"\ncounter = "interval"\n'
        'source = { type = "folder", path = "inbox/files" }\n'
    )
    return parse_settings(text, folder / "monitor.toml")


@dataclass(frozen=True)
class Pushing:
    """A runtime whose routes are asked in this process, and the inbox of its feed `script`."""

    runtime: Runtime
    folder: Path

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox" / "script"

    @property
    def files(self) -> list[Path]:
        """All that a push left in the inbox, hidden or not."""
        return sorted(p for p in self.inbox.rglob("*") if p.is_file())

    def post(
        self,
        body: bytes | str | list[bytes],
        path: str = SNAPSHOTS,
        token: str | None = TOKEN,
        **headers: str,
    ) -> httpx.Response:
        return post(
            Starlette(routes=web.routes(lambda: self.runtime, int)), body, path, token, headers
        )

    def taken(self, body: bytes | str, path: str = SNAPSHOTS, **headers: str) -> Any:
        answer = self.post(body, path, **headers)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def refused(self, status: int, body: bytes | str, path: str = SNAPSHOTS, **headers: str) -> Any:
        answer = self.post(body, path, **headers)
        assert answer.status_code == status, answer.text
        assert self.files == []  # nothing of it was kept
        return answer.json()

    def totals(self) -> Mapping[str, Any]:
        """GMV of the campaign after a pulse."""
        self.runtime.pulse()
        assert self.runtime.health.failure is None
        (row,) = totals_of(self.runtime.heart)
        return dict(row)


def post(
    app: Starlette,
    body: bytes | str | list[bytes],
    path: str,
    token: str | None,
    headers: Mapping[str, str],
) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        given.setdefault("Authorization", f"Bearer {token}")

    async def chunks() -> AsyncIterator[bytes]:
        assert isinstance(body, list)
        for chunk in body:
            yield chunk

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            content = chunks() if isinstance(body, list) else body
            return await client.post(path, content=content, headers=given)

    return anyio.run(ask)


@pytest.fixture
def pushing(tmp_path: Path) -> Iterator[Pushing]:
    store = open_store(None)
    yield Pushing(Runtime(store, settings_in(tmp_path, hashed(TOKEN)), FixedClock()), tmp_path)
    store.close()


# --- what is taken --------------------------------------------------------------------------------


def test_a_push_is_in_the_inbox_when_202_is_said_and_counts_at_the_next_tick(
    pushing: Pushing,
) -> None:
    said = pushing.taken(CSV)
    (file,) = pushing.files
    assert file.read_text() == CSV
    assert said["rows"] == {"read": 2, "accepted": 2, "quarantined": 0}
    assert said["quarantine"] == []
    assert said["warnings"] == []
    assert pushing.totals()["gmv"] == 11.75
    ledger = pushing.runtime.store.cursor.execute("select batch_id, taken from batch").fetchall()
    assert ledger == [(said["batch_id"], 2)]


def test_the_same_body_twice_is_one_batch_and_changes_nothing(pushing: Pushing) -> None:
    first = pushing.taken(CSV)
    assert pushing.totals()["gmv"] == 11.75
    assert pushing.taken(CSV)["batch_id"] == first["batch_id"]
    assert pushing.taken(CSV)["batch_id"] == first["batch_id"]
    assert pushing.totals()["gmv"] == 11.75


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(ROWS), "application/json"),
        (json.dumps({"rows": ROWS}), "application/json; charset=utf-8"),
        (json.dumps(ROWS, indent=2), "application/octet-stream"),
        ("\n".join(map(json.dumps, ROWS)), "application/x-ndjson"),
        ("\n".join(map(json.dumps, ROWS)) + "\n", ""),
        ("\ufeff" + CSV, "text/csv"),
        (CSV.replace("\n", "\r\n"), "application/x-www-form-urlencoded"),
    ],
)
def test_json_in_each_shape_and_csv_count_alike(pushing: Pushing, body: str, kind: str) -> None:
    said = pushing.taken(body.encode(), Content_Type=kind)
    assert said["rows"]["accepted"] == 2
    assert pushing.totals()["gmv"] == 11.75


def test_one_object_is_one_row_and_amounts_stay_as_they_are_written(pushing: Pushing) -> None:
    at = '"observed_at": "2026-11-11T12:05:00+08:00", "campaign_id": "sale"'
    body = f'{{{at}, "creator_id": 1729382256910270001, "gmv": 99999999999.99}}'
    assert pushing.taken(body)["rows"]["read"] == 1
    assert pushing.totals()["gmv"] == 99999999999.99
    keys = pushing.runtime.store.cursor.execute("select creator_id from series_key").fetchall()
    assert keys == [("1729382256910270001",)]


def test_gzip_is_unpacked(pushing: Pushing) -> None:
    packed = gzip.compress(CSV[:60].encode()) + gzip.compress(CSV[60:].encode())
    pushing.taken(packed, Content_Encoding="gzip")
    assert pushing.files[0].read_text() == CSV


def test_campaign_and_instant_may_stand_in_the_address(pushing: Pushing) -> None:
    body = "observed_at,channel,gmv\n2026-11-11T12:05:00+08:00,live,7\n"
    said = pushing.taken(body, SNAPSHOTS + "?campaign=sale&at=2026-11-11T12:05:00%2B08:00")
    (file,) = (p for p in pushing.files if not p.name.startswith("."))
    note = note_of(file)
    assert (note.campaign, note.at) == ("sale", "2026-11-11T12:05:00+08:00")
    pushing.runtime.pulse()
    ledger = pushing.runtime.store.cursor.execute("select batch_id, status from batch").fetchall()
    assert ledger == [(said["batch_id"], "taken")]


def test_rows_that_cannot_be_read_are_told_with_their_place(pushing: Pushing) -> None:
    said = pushing.taken(CSV.replace("1.25", "1,25").replace(",card,1,25,", ",card,x,"))
    assert said["rows"] == {"read": 2, "accepted": 1, "quarantined": 1}
    (fault,) = said["quarantine"]
    assert (fault["row"], fault["column"], fault["value"]) == (3, "gmv", "x")
    assert "number" in fault["reason"]


def test_a_column_that_is_not_used_is_a_warning(pushing: Pushing) -> None:
    said = pushing.taken(CSV.replace("orders", "oders"))
    assert len(said["warnings"]) == 1
    assert "oders" in said["warnings"][0]


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (SNAPSHOTS, {"Authorization": "Bearer wrong"}, 401),
        (SNAPSHOTS, {"Authorization": "Bearer "}, 401),
        (SNAPSHOTS, {"Authorization": f"Basic {TOKEN}"}, 401),
        (SNAPSHOTS, {"Authorization": f"Bearer {hashed(TOKEN)}"}, 401),  # who reads the file
        (SNAPSHOTS, {"Authorization": f"Bearer {OTHER}"}, 401),
        ("/api/feeds/nope/snapshots", {"Authorization": "Bearer wrong"}, 401),
        ("/api/feeds/files/snapshots", {"Authorization": "Bearer wrong"}, 401),
        ("/api/feeds/nope/snapshots", {"Authorization": f"Bearer {TOKEN}"}, 404),
        ("/api/feeds/files/snapshots", {"Authorization": f"bearer {TOKEN}"}, 404),
    ],
)
def test_only_a_token_of_the_feed_may_and_only_who_has_one_learns_of_feeds(
    pushing: Pushing,
    path: str,
    headers: dict[str, str],
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = pushing.post(CSV, path, None, **headers)
    assert answer.status_code == status
    assert pushing.files == []
    assert ("script" in answer.json()["error"]) == (status == 404)
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    for secret in (TOKEN, OTHER, "wrong"):
        assert secret not in caplog.text + answer.text


def test_no_token_at_all_is_401_and_the_body_is_not_even_read(pushing: Pushing) -> None:
    assert pushing.post(CSV, token=None).status_code == 401
    assert pushing.post(b"x" * 100_000, token=None).status_code == 401  # not 413


def test_several_tokens_serve_while_one_is_replaced(tmp_path: Path) -> None:
    token, kept = new_token()
    store = open_store(None)
    settings = settings_in(tmp_path, hashed(TOKEN), kept)
    pushing = Pushing(Runtime(store, settings, FixedClock()), tmp_path)
    assert pushing.post(CSV).status_code == 202
    assert pushing.post(CSV, token=token).status_code == 202
    store.close()


def test_a_new_token_is_long_and_only_its_hash_is_kept() -> None:
    token, kept = new_token()
    assert len(token) >= 43
    assert kept == hashed(token)
    assert token not in kept
    assert is_one_of(token, [hashed("a"), kept])
    assert not is_one_of(token, [hashed("a")])
    assert not is_one_of("", [])
    assert new_token()[0] != token


def test_a_token_itself_in_the_configuration_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_in(tmp_path, hashed(TOKEN), "my-plain-token")
    assert "number 2 is no sha256:" in str(caught.value)
    assert "my-plain-token" not in str(caught.value)
    assert hashed(TOKEN) not in repr(settings_in(tmp_path, hashed(TOKEN)))


@pytest.mark.parametrize("size", ["8XB", "0MB", "1GB", "-5"])
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: str) -> None:
    with pytest.raises(ConfigError, match='a size is such as "8MB"'):
        settings_in(tmp_path, hashed(TOKEN), max_size=size)


# --- what is refused ------------------------------------------------------------------------------


def test_more_than_max_size_is_413_whatever_the_headers_say(pushing: Pushing) -> None:
    large = CSV + "#" * 20_480
    assert "larger than 20480 bytes" in pushing.refused(413, large)["error"]
    chunks = [large.encode()[start : start + 1000] for start in range(0, len(large), 1000)]
    assert pushing.post(chunks).status_code == 413
    assert pushing.post(chunks, content_length="10").status_code == 413
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) > 20_480 or pushing.post(bomb, Content_Encoding="gzip").status_code == 413
    small_bomb = gzip.compress(b"0" * 5_000_000)
    assert len(small_bomb) < 20_480
    assert pushing.post(small_bomb, Content_Encoding="gzip").status_code == 413
    assert pushing.files == []


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"", {}, "the body is empty"),
        (b" \n ", {}, "the body is empty"),
        (b"[]", {}, "empty"),
        (b'{"rows": []}', {}, "empty"),
        (b'{"rows": 5}', {}, "no rows: send a list of objects"),
        (b'{"rows": [], "campaign_id": "sale"}', {}, "'campaign_id' beside rows"),
        (b'[{"observed_at": ', {}, "no JSON:"),
        (b"[" * 100_00 + b"]" * 100_00, {}, "JSON in too many levels"),
        (b'[{"gmv": "\xff"}]', {}, "not UTF-8 text (byte 10)"),
        (b"12345", {"Content_Type": "application/json"}, "no rows: send a list of objects"),
        (b"hello world\n", {}, "no known columns"),
        (CSV.replace("\n", " ").encode(), {"Content_Type": FORM}, "--data-binary"),
        (CSV.encode(), {"Content_Encoding": "gzip"}, "the body is no gzip"),
        (gzip.compress(CSV.encode())[:-9], {"Content_Encoding": "gzip"}, "ends in the middle"),
        (CSV.encode(), {"Content_Encoding": "br"}, "send the body plain or as gzip"),
        (CSV.replace("observed_at", "when").encode(), {}, "observed_at"),
        (CSV.replace("10.50", "0").replace("1.25", "0").encode(), {}, "GMV is 0 in every row"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_taken_is_422_with_the_reason(
    pushing: Pushing, body: bytes, headers: dict[str, str], reason: str
) -> None:
    assert reason in pushing.refused(422, body, **headers)["error"]


def test_a_body_of_nothing_but_faults_is_422_with_all_of_them(pushing: Pushing) -> None:
    said = pushing.refused(422, CSV.replace("+08:00", ""))
    assert said["error"] == "all 2 rows went to quarantine"
    assert [fault["row"] for fault in said["quarantine"]] == [2, 3]
    assert "no offset" in said["quarantine"][0]["reason"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("?campaign=nope", "campaign=nope: no such campaign; known: sale"),
        ("?at=noon", "at=noon: an instant such as"),
        ("?at=2026-11-11T12:05:00", "an instant such as"),
    ],
)
def test_a_wrong_address_is_422(pushing: Pushing, query: str, reason: str) -> None:
    assert reason in pushing.refused(422, CSV, SNAPSHOTS + query)["error"]


def test_reading_is_no_way_to_push(pushing: Pushing) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=web.routes(lambda: pushing.runtime, int)))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(SNAPSHOTS)

    assert anyio.run(ask).status_code == 405


# --- what the machine cannot do -------------------------------------------------------------------


def test_a_product_that_is_not_there_yet_says_503() -> None:
    answer = post(Starlette(routes=web.routes(lambda: None, int)), CSV, SNAPSHOTS, TOKEN, {})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "starting or stopping" in answer.json()["error"]


def test_a_full_disk_is_503_and_leaves_nothing_behind(
    pushing: Pushing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        assert "the disk is full" in pushing.refused(503, CSV)["error"]
    assert TOKEN not in caplog.text
    assert pushing.taken(CSV)["rows"]["accepted"] == 2


def test_a_body_that_does_not_come_ends(pushing: Pushing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "BODY_LIMIT_S", 0.05)

    async def ask() -> list[Any]:
        said: list[Any] = []

        async def receive() -> Any:
            await anyio.sleep(60)

        async def send(message: Any) -> None:
            said.append(message)

        scope = {
            "type": "http", "method": "POST", "path": SNAPSHOTS, "query_string": b"",
            "headers": [(b"authorization", f"Bearer {TOKEN}".encode())],
        }  # fmt: skip
        app = Starlette(routes=web.routes(lambda: pushing.runtime, int))
        await app(scope, receive, send)
        return said

    assert anyio.run(ask)[0]["status"] == 408
    assert pushing.files == []


def test_what_a_crash_left_half_written_is_cleared_away(pushing: Pushing) -> None:
    arriving = pushing.inbox / deliver.ARRIVING
    arriving.mkdir(parents=True)
    old, fresh = arriving / "push-old.csv", arriving / "push-fresh.csv"
    for path in (old, fresh):
        path.write_text(CSV)
    os.utime(old, (0, 0))
    pushing.taken(CSV)
    assert not old.exists()
    assert fresh.exists()  # another push may be writing it
    assert pushing.totals()["gmv"] == 11.75


def test_pushes_at_the_same_time_are_all_kept(pushing: Pushing) -> None:
    bodies = [
        CSV.replace("live", f"c{number}").replace("card", f"d{number}") for number in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(pushing.post, bodies))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["batch_id"] for answer in answers}) == 8
    assert pushing.totals()["gmv"] == 8 * 11.75


# --- the real product -----------------------------------------------------------------------------


def curl(product: Product, body: str, token: str = TOKEN) -> tuple[int, Any]:
    """Status and JSON, as a script gets them over the network."""
    done = httpx.post(
        f"{product.url}/api/feeds/performance/snapshots",
        content=body.encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "text/csv"},
        timeout=20,
    )
    return done.status_code, done.json()


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    now = datetime.now(UTC)
    config = a_sale_now(tmp_path, now)
    text = config.read_text(encoding="utf-8")
    source = 'source = { type = "folder", path = "inbox/performance", settle = "1s" }'
    assert source in text
    pushed = f'source = {{ type = "push", tokens = ["{hashed(TOKEN)}"] }}'
    config.write_text(text.replace(source, pushed), encoding="utf-8")
    product = Product(tmp_path, config)
    yield product.start().ready()
    product.stop()


def test_the_product_shows_a_push_within_seconds_and_kill_9_after_202_loses_nothing(
    product: Product,
) -> None:
    at = datetime.now(UTC).replace(microsecond=0)

    def gmv() -> Any:
        rows = product.get("/api/totals.json?campaign=sale").get("rows", [{}])
        return rows[0].get("gmv")

    assert curl(product, HEADER + sale_rows(at - timedelta(hours=2), 0), "wrong")[0] == 401
    status, said = curl(product, HEADER + sale_rows(at - timedelta(hours=2), 0))
    assert (status, said["rows"]["accepted"]) == (202, 2)
    status, said = curl(product, HEADER + sale_rows(at - timedelta(minutes=1), 1000))
    assert status == 202
    eventually(lambda: gmv() == 1000, "the push counts")
    product.kill()
    product.start().ready()
    status, said = curl(product, HEADER + sale_rows(at, 1500))
    product.kill()  # before the next tick, or after: either way it is counted once
    assert (status, said["rows"]["accepted"]) == (202, 2)
    product.start().ready()
    eventually(lambda: gmv() == 1500, "the push that was answered with 202 counts")
    status, again = curl(product, HEADER + sale_rows(at, 1500))
    assert (status, again["batch_id"]) == (202, said["batch_id"])
    rows = product.get("/api/totals.json?campaign=sale")["rows"]
    assert rows[0]["gmv"] == 1500
    assert TOKEN not in product.logged()
