"""`POST /api/feeds/{feed}/snapshots`: programs that send snapshots; docs/sources.md, "Push".

The body is read for what is wrong with it, then put into the feed's inbox like any other file, and
only then answered with 202: the next tick takes it, also after a crash.
"""

from __future__ import annotations

import errno
import json
import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monitor.ingest.aliases import aliases
from monitor.ingest.arrivals import arrival_of, read_arrival
from monitor.ingest.batch import Incoming
from monitor.ingest.note import Note
from monitor.ingest.sources.tokens import is_one_of
from monitor.runtime import Runtime
from monitor.settings import Feed, Settings
from monitor.sources import PushSource
from monitor.web.deliver import Delivery

log = logging.getLogger("monitor")
BODY_LIMIT_S = 60.0
FAULTS_SHOWN = 200
FULL = {errno.ENOSPC, errno.EDQUOT}


class Refusal(Exception):
    """An answer other than 202, with its reason."""

    def __init__(self, status: int, reason: str, **more: Any) -> None:
        super().__init__(reason)
        self.status, self.said = status, {"error": reason, **more}

    def answer(self) -> Response:
        headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}
        return JSONResponse(self.said, self.status, headers.get(self.status))


@dataclass(frozen=True)
class Given:
    """What was said about a body outside of it."""

    kind: str  # media type, lower case; "" unknown
    campaign: str | None
    at: str | None


def push_route(runtime: Callable[[], Runtime | None]) -> Route:
    few = anyio.CapacityLimiter(2)  # the other routes' threads stay free

    async def push(request: Request) -> Response:
        try:
            live = runtime()
            if live is None:
                raise Refusal(503, "the product is starting or stopping; send it again")
            settings = live.settings
            feed, source = permitted(request, settings)
            given = _given(request, settings)
            with anyio.fail_after(BODY_LIMIT_S):
                body = await _body(request, source.max_size)
            said = await anyio.to_thread.run_sync(take, body, given, feed, live, limiter=few)
            return JSONResponse(said, 202)
        except Refusal as e:
            return e.answer()
        except TimeoutError:
            return Refusal(408, f"the body did not come within {BODY_LIMIT_S:g} s").answer()
        except ClientDisconnect:
            return Refusal(400, "the connection ended before the body did").answer()
        except Exception as e:
            log.exception("%s failed", request.url.path)
            return Refusal(503, f"no answer now ({type(e).__name__}); send it again").answer()

    return Route("/api/feeds/{feed}/snapshots", push, methods=["POST"])


def permitted(request: Request, settings: Settings) -> tuple[Feed, PushSource]:
    """The feed that is asked for, if the token may push to it. The body is not read before.

    Which feeds there are is told only to who has a token of one: others get 401 for every name.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    by_id = {f.id: (f, f.source) for f in settings.feed if isinstance(f.source, PushSource)}
    name = request.path_params["feed"]
    found = by_id.get(name)
    may = is_one_of(token, found[1].tokens if found else ())
    known = is_one_of(token, [one for _, source in by_id.values() for one in source.tokens])
    if found is not None and may:
        return found
    if found is None and known:
        there = ", ".join(by_id)
        raise Refusal(404, f"no feed {name!r} that is pushed to; known: {there}")
    raise Refusal(
        401, "no token of this feed: send the header Authorization: Bearer TOKEN with a token of it"
    )


def _given(request: Request, settings: Settings) -> Given:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    campaign = request.query_params.get("campaign") or None
    at = request.query_params.get("at") or None
    ids = [c.id for c in settings.campaign]
    if campaign is not None and campaign not in ids:
        raise Refusal(422, f"campaign={campaign}: no such campaign; known: {', '.join(ids)}")
    if at is not None:
        try:
            instant = datetime.fromisoformat(at.replace(" ", "+"))  # a + that was not escaped
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            raise Refusal(422, f"at={at}: an instant such as 2026-11-11T12:05:00%2B08:00")
        at = instant.isoformat()
    return Given(kind, campaign, at)


async def _body(request: Request, most: int) -> bytes:
    """The body, unpacked. Never holds more than `most` bytes, whatever the headers say."""
    too_large = Refusal(413, f"the body is larger than {most} bytes; send it in parts")
    packing = request.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip", "x-gzip", ""):
        raise Refusal(422, f"Content-Encoding {packing[:40]!r}: send the body plain or as gzip")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise too_large
    unpack = _Gzip(most) if "gzip" in packing else None
    parts, packed, size = [], 0, 0
    async for chunk in request.stream():
        packed += len(chunk)
        part = unpack.feed(chunk) if unpack else chunk
        size += len(part)
        if max(packed, size) > most:
            raise too_large
        parts.append(part)
    if unpack is not None and not unpack.complete:
        raise Refusal(422, "the gzip body ends in the middle; send it again, whole")
    return b"".join(parts)


class _Gzip:
    """Unpacks as it comes, one byte past `most` at the most."""

    def __init__(self, most: int) -> None:
        self.left = most + 1
        self._member = zlib.decompressobj(wbits=31)

    @property
    def complete(self) -> bool:
        return self._member.eof

    def feed(self, chunk: bytes) -> bytes:
        parts = []
        try:
            while chunk and self.left > 0:
                if self._member.eof:  # gzip files may follow each other
                    self._member = zlib.decompressobj(wbits=31)
                part = self._member.decompress(chunk, self.left)
                self.left -= len(part)
                parts.append(part)
                chunk = self._member.unused_data or self._member.unconsumed_tail
        except zlib.error:
            raise Refusal(422, "the body is no gzip, but Content-Encoding says so") from None
        return b"".join(parts)


# --- in a thread of its own -----------------------------------------------------------------------


def take(body: bytes, given: Given, feed: Feed, live: Runtime) -> dict[str, Any]:
    """Put a body into the feed's inbox and give the answer. Raises Refusal; nothing is kept then."""
    suffix, content = normal(body, given.kind)
    try:
        with Delivery(feed.source.path, datetime.now(UTC), suffix) as delivery:
            delivery.write(content, Note(campaign=given.campaign, at=given.at))
            said = judged(_read(delivery, feed, live))
            delivery.place()
    except OSError as e:
        reason = "the disk is full" if e.errno in FULL else f"the inbox: {e.strerror or e}"
        log.warning("a push to feed %s could not be kept: %s", feed.id, reason)
        raise Refusal(503, f"not kept ({reason}); send it again later") from None
    return said


def _read(delivery: Delivery, feed: Feed, live: Runtime) -> Incoming:
    """As the tick will read it, with its note: the same batch id, the same rows."""
    arrival = arrival_of(delivery.path, feed)
    return read_arrival(arrival, live.settings, aliases(live.store), live.clock.now())


def judged(incoming: Incoming) -> dict[str, Any]:
    """The answer to a body that can be taken. Raises Refusal for one that cannot, as a whole."""
    readings = incoming.readings or incoming.lines
    if readings is None:
        raise Refusal(422, incoming.reason or "it cannot be read", batch_id=incoming.batch_id)
    faults = len(readings.faults)
    said = {
        "batch_id": incoming.batch_id,
        "rows": {"read": readings.read, "accepted": readings.read - faults, "quarantined": faults},
        "quarantine": [
            {"row": f.line, "column": f.column, "value": f.value, "reason": f.reason}
            for f in readings.faults[:FAULTS_SHOWN]
        ],
    }
    if faults == readings.read:
        reason = f"all {faults} rows went to quarantine" if faults else "the body has no rows"
        raise Refusal(422, reason, **said)
    unused = [f"the column {label!r} is not used" for label in readings.columns.unmatched]
    return {**said, "warnings": unused + [c.words for c in readings.controls if not c.ok]}


def normal(body: bytes, kind: str) -> tuple[str, bytes]:
    """Suffix and content for the inbox: CSV as it came, JSON of any shape as JSON Lines."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not start:
        raise Refusal(422, "the body is empty")
    if kind.endswith("csv") or ("json" not in kind and start not in (b"{", b"[")):
        if kind == "application/x-www-form-urlencoded" and b"\n" not in body:
            raise Refusal(422, "the body is one line; with curl use --data-binary, not -d")
        return ".csv", body
    return ".jsonl", _json_lines(body)


def _json_lines(body: bytes) -> bytes:
    """One object a line. Numbers stay as they are written; row 1 is the first object."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise Refusal(422, f"not UTF-8 text (byte {e.start})") from None
    try:
        document = json.loads(text, parse_float=str, parse_constant=str)
    except RecursionError:
        raise Refusal(422, "JSON in too many levels; send a list of flat objects") from None
    except ValueError as e:
        if len(text.strip().splitlines()) > 1 and text.lstrip().startswith("{"):
            return text.encode()  # JSON Lines: a line that is none goes to quarantine
        raise Refusal(422, f"no JSON: {e}") from None
    rows = document
    if isinstance(document, dict):
        rows = _rows(document)
    if not isinstance(rows, list):
        raise Refusal(422, 'no rows: send a list of objects, {"rows": […]}, or JSON Lines')
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _rows(document: Mapping[str, Any]) -> Any:
    """`{"rows": […]}`, or one object that is a row itself."""
    if "rows" not in document:
        return [document]
    others = sorted(set(document) - {"rows"})
    if others:
        raise Refusal(
            422, f"{others[0]!r} beside rows: it belongs into each row, or to ?campaign= and ?at="
        )
    return document["rows"]
