"""A server on this machine that behaves like TikTok Shop's open API, and one like any REST service.

It checks signatures, tokens and timestamps, gives pages, and has mishaps on demand: one a request,
in order. What it holds is given by each test.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

SECRET, KEY, TOKEN, CIPHER = "a-secret-of-the-app", "68abcd", "ROW_the-access-token", "ROW_cipher"
ZONE = ZoneInfo("Asia/Kuala_Lumpur")


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Shop:
    """What the server holds. `mishaps`: what goes wrong with the next requests, "" is nothing.

    503, 429=2 (Retry-After), 429=Wed, 21 Oct…, code=105002, cut, drop, html, slow, hang, garbage.
    """

    now: datetime
    zone: ZoneInfo = ZONE
    token: str = TOKEN
    currency: str = "MYR"
    hours: dict[date, list[tuple[str, int, int]]] = field(default_factory=dict)
    latest: datetime | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)
    lives: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)  # of the plain service
    text: str = ""  # a CSV table of the plain service
    page: int = 100
    mishaps: list[str] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)  # ends what hangs

    def sale(self, day: date, hour: int, gmv: str, visitors: int = 0, items: int = 0) -> None:
        day_hours = self.hours.setdefault(day, [("0", 0, 0)] * 24)
        day_hours[hour] = (gmv, visitors, items)

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    # --- answers ---------------------------------------------------------------------------------

    def answer(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if seen.path.startswith("/plain"):
            return self._plain(seen)
        refusal = self._refusal(seen)
        if refusal:
            return _json(401, {"code": refusal[0], "message": refusal[1], "request_id": "r"})
        if seen.path.endswith("/performance_per_hour"):
            return _ok(self._hours(date.fromisoformat(seen.path.split("/")[-2])))
        if seen.path.endswith("/orders/search"):
            asked = json.loads(seen.body)
            since, until = asked["create_time_ge"], asked["create_time_lt"]
            within = [o for o in self.orders if since <= o["create_time"] < until]
            return _ok(self._paged(within, "orders", seen))
        if seen.path.endswith("/shop_lives/performance"):
            return _ok(self._paged(self.lives, "live_stream_sessions", seen))
        return _json(404, {"code": 36009009, "message": "Invalid path"})

    def _refusal(self, seen: Seen) -> tuple[int, str] | None:
        signed = {k: v for k, v in seen.params.items() if k not in ("sign", "access_token")}
        text = SECRET + seen.path + "".join(k + signed[k] for k in sorted(signed))
        text += seen.body.decode() + SECRET
        sign = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        if seen.params.get("sign") != sign or seen.params.get("app_key") != KEY:
            return 106001, "Invalid credentials. The 'sign' query parameter is invalid."
        if abs(int(seen.params["timestamp"]) - self.now.timestamp()) > 300:
            return 106001, "Invalid credentials. The 'timestamp' is expired."
        if seen.headers.get("x-tts-access-token") != self.token:
            return 105002, f"Expired credentials: {seen.headers.get('x-tts-access-token')}"
        return None

    def _hours(self, day: date) -> dict[str, Any]:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        latest = min(self.latest or self.now, midnight + timedelta(days=1))
        intervals = []
        for index, (gmv, visitors, items) in enumerate(self.hours.get(day, [("0", 0, 0)] * 24)):
            known = midnight + timedelta(hours=index) < latest
            intervals.append(
                {
                    "index": index,
                    "gmv": {"amount": gmv if known else "0", "currency": self.currency},
                    "visitors": visitors if known else 0,
                    "customers": items if known else 0,
                    "items_sold": items if known else 0,
                }
            )
        stamp = int(latest.timestamp())
        return {"performance": {"intervals": intervals, "latest_available_timestamp": stamp}}

    def _paged(self, held: list[dict[str, Any]], name: str, seen: Seen) -> dict[str, Any]:
        size = min(int(seen.params["page_size"]), self.page)
        begin = int(seen.params.get("page_token", "0"))
        page = held[begin : begin + size]
        data: dict[str, Any] = {"total_count": len(held)}
        if page:
            data[name] = page
        more = begin + size < len(held)
        return {**data, "next_page_token": str(begin + size) if more else ""}

    def _plain(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        """Pages by number, offset and Link header; an ETag; a bearer token."""
        if seen.headers.get("authorization", f"Bearer {self.token}") != f"Bearer {self.token}":
            return _json(401, {"message": "token expired"})
        if seen.path == "/plain.csv":
            return 200, {"Content-Type": "text/csv"}, self.text.encode()
        held = self.records
        size = int(seen.params.get("page_size", "1000000"))
        begin = int(seen.params.get("offset", (int(seen.params.get("page", "1")) - 1) * size))
        page = held[begin : begin + size]
        status, headers, body = _json(200, {"rows": page})
        if seen.path == "/plain/linked" and begin + size < len(held):
            following = f"/plain/linked?page_size={size}&offset={begin + size}"
            headers["Link"] = f'<{following}>; rel="next"'
        headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
        if seen.headers.get("if-none-match") == headers["ETag"]:
            return 304, headers, b""
        return status, headers, body


def _ok(data: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return _json(200, {"code": 0, "message": "Success", "data": data, "request_id": "r"})


def _json(status: int, document: Any) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


@contextmanager
def serving(shop: Shop) -> Iterator[Shop]:
    """The shop on a port of this machine; `shop.url` is its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(url.path, dict(parse_qsl(url.query)), headers, body)
            shop.seen.append(seen)
            mishap = shop.mishaps.pop(0) if shop.mishaps else ""
            status, answer, content = shop.answer(seen)
            if mishap == "drop":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if mishap == "slow":
                time.sleep(1.2)
            elif mishap == "hang":
                shop.released.wait(30)
            elif mishap == "html":
                status, answer = 200, {"Content-Type": "text/html"}
                content = b"<!doctype html><html><head><title>Sign in</title></head></html>"
            elif mishap == "garbage":
                content = content[: len(content) // 2]  # of the right length, but no whole JSON
            elif mishap.startswith("code="):
                status, answer, content = _json(200, {"code": int(mishap[5:]), "message": "No"})
            elif mishap and mishap != "cut":
                code, _, wait = mishap.partition("=")
                status, answer, content = _json(int(code), {"message": "not now"})
                answer |= {"Retry-After": wait} if wait else {}
            self.send_response(status)
            for name, value in answer.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if mishap == "cut" else content)
            if mishap == "cut":
                self.close_connection = True

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass  # a client that hung up

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    shop.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield shop
    finally:
        shop.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def unix(text: str) -> int:
    """Seconds of a time in Kuala Lumpur: `unix("2026-11-11 12:05")`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp())


def instant(text: str) -> datetime:
    return datetime.fromtimestamp(unix(text), UTC)
