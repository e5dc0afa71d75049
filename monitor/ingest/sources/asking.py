"""One HTTP request and its answer: signed, in time, at the source's rate, with troubles in words.

A request that fails for a moment (a reset, a cut body, 5xx, a short Retry-After) is made again a few
times, so that a long answer in pages need not begin anew. What fails for longer is a SourceTrouble.
No secret gets into a message: errors of the library, which carry the address, are never shown.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from monitor.ingest.sources.base import SourceTrouble
from monitor.ingest.sources.mapping import found
from monitor.ingest.sources.secrets import is_kept, resolved, without
from monitor.ingest.sources.signing import tiktok_sign
from monitor.sources import Bearer, HeaderAuth, HttpSource, ShopAuth

logging.getLogger("urllib3").setLevel(logging.WARNING)  # its debug lines show signed addresses

TRIES = 4
PATIENCE_S = 20.0  # waited within a poll; a source that asks for more is left alone until then
WHOLE = 10.0  # times `timeout`: what all of an answer is given
CHUNK = 64 * 1024
AGENT = "monitor/0.1 (sale event monitor)"
GENTLE = {429, 500, 502, 503, 504, 408, 425}

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Request:
    """What is asked for, before it is signed. `etag`: what the answer had last time."""

    url: str
    params: Mapping[str, str]
    body: Any = None
    etag: str | None = None


@dataclass(frozen=True)
class Answer:
    """`document` is None when nothing changed (304). `link`: the next page, by its Link header.
    `raw`: the bytes of a CSV answer, which may be handed on as they are."""

    document: Any
    etag: str | None = None
    link: str | None = None
    raw: bytes = b""


class _Momentary(Exception):
    """Worth another try at once. `wait_s`: how long the source asks to be left alone."""

    def __init__(self, words: str, wait_s: float | None = None) -> None:
        super().__init__(words)
        self.words, self.wait_s = words, wait_s


class _Signature(requests.auth.AuthBase):
    """The headers of the source's auth. Given as auth, so that no .netrc file adds its own."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = headers

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers.update(self.headers)
        return r


class Asking:
    """A session with one source. Used by one thread."""

    def __init__(self, feed_id: str, source: HttpSource, sleep: Sleep) -> None:
        self.feed_id, self.source, self._sleep = feed_id, source, sleep
        self._session = requests.Session()
        self._next_s = 0.0  # monotonic: not asked before
        self._secrets: frozenset[str] = frozenset()

    def close(self) -> None:
        self._session.close()

    def ask(self, request: Request, now: Callable[[], datetime]) -> Answer:
        """One answer, read whole. Raises SourceTrouble."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(request, now)
            except _Momentary as e:
                wait_s = max(e.wait_s or 0, 0.5 * 2**attempt)
                if attempt == TRIES or (e.wait_s or 0) > PATIENCE_S:
                    raise SourceTrouble(self._said(e.words), retry_after_s=e.wait_s) from None
                self._sleep(wait_s)
        raise AssertionError("not reached")

    # --- one try ---------------------------------------------------------------------------------

    def _once(self, request: Request, now: Callable[[], datetime]) -> Answer:
        self._keep_to_the_rate()
        params, headers, content = self._signed(request, now())
        each_s = self.source.timeout.total_seconds()
        try:
            with self._session.request(
                self.source.method,
                request.url,
                params=params,
                data=content,
                headers={
                    "User-Agent": AGENT,
                    "Accept": "text/csv" if self.source.answer == "csv" else "application/json",
                    **({"If-None-Match": request.etag} if request.etag else {}),
                    **{key: self._kept(v, f"headers.{key}") for key, v in self._headers.items()},
                },
                auth=_Signature(headers),
                timeout=(min(each_s, 10.0), each_s),
                allow_redirects=False,  # a signed request must not be carried to another host
                stream=True,
            ) as response:
                body = self._body(response, time.monotonic() + WHOLE * each_s)
        except requests.exceptions.SSLError:
            raise self._trouble(
                f"the certificate of {self._host(request)} is not trusted", permanent=True
            ) from None
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidHeader,
            requests.exceptions.InvalidSchema,
        ):
            raise self._trouble(
                "the url or a header cannot be sent as it is; check url, headers and auth",
                permanent=True,
            ) from None
        except (requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError):
            raise _Momentary(f"{self._host(request)} did not answer within {each_s:g} s") from None
        except (requests.exceptions.ConnectionError, urllib3.exceptions.NewConnectionError):
            raise _Momentary(f"{self._host(request)} cannot be reached") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError):
            raise _Momentary(f"the answer of {self._host(request)} was cut off") from None
        return self._read(response, body, request, now)

    @property
    def _headers(self) -> dict[str, str]:
        return self.source.headers

    def _keep_to_the_rate(self) -> None:
        wait_s = self._next_s - time.monotonic()
        if wait_s > 0:
            self._sleep(wait_s)
        self._next_s = time.monotonic() + 1 / self.source.rate

    def _signed(
        self, request: Request, now: datetime
    ) -> tuple[dict[str, str], dict[str, str], bytes | None]:
        """Parameters, headers of the auth and the bytes of the body, with the secrets in them."""
        params = {key: self._kept(value, f"params.{key}") for key, value in request.params.items()}
        content = None
        headers: dict[str, str] = {}
        if request.body is not None:
            body = self._kept_in(request.body, "body")
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        auth = self.source.auth
        if isinstance(auth, Bearer):
            headers["Authorization"] = f"Bearer {self._kept(auth.token, 'auth.token')}"
        elif isinstance(auth, HeaderAuth):
            headers[auth.name] = self._kept(auth.value, "auth.value")
        elif isinstance(auth, ShopAuth):
            params["app_key"] = self._kept(auth.app_key, "auth.app_key")
            params["timestamp"] = str(int(now.timestamp()))
            secret = self._kept(auth.app_secret, "auth.app_secret")
            path = urlsplit(request.url).path
            params["sign"] = tiktok_sign(secret, path, params, content or b"")
            headers["x-tts-access-token"] = self._kept(auth.access_token, "auth.access_token")
        return params, headers, content

    def _kept(self, value: str, key: str) -> str:
        if not is_kept(value):
            return value
        secret = resolved(value, self.source.home, f"feed {self.feed_id}: {key}")
        self._secrets |= {secret}
        return secret

    def _kept_in(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {k: self._kept_in(v, f"{key}.{k}") for k, v in value.items()}
        if isinstance(value, list):
            return [self._kept_in(v, key) for v in value]
        return self._kept(value, key) if isinstance(value, str) else value

    def _body(self, response: requests.Response, until_s: float) -> bytes:
        """The whole body, within the size and the time; whoever drips forever is cut off."""
        parts: list[bytes] = []
        size = 0
        while True:
            part: bytes = response.raw.read1(CHUNK, decode_content=True)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > self.source.max_size:
                raise self._trouble(
                    f"the answer is larger than {self.source.max_size // 1024} kB; ask for less at "
                    "a time (paging.size, window.longest) or raise max_size",
                    permanent=True,
                )
            if time.monotonic() > until_s:
                raise _Momentary("the answer did not end in time")

    # --- what it says ----------------------------------------------------------------------------

    def _read(
        self,
        response: requests.Response,
        body: bytes,
        request: Request,
        now: Callable[[], datetime],
    ) -> Answer:
        status = response.status_code
        host = self._host(request)
        if status == 304:
            return Answer(None, request.etag)
        document = self._document(body, host) if status == 200 else _loaded(body)
        code, message = self._code(document)
        hint = self._hint(code)
        if code in (self.source.codes.later if self.source.codes else ()):
            raise _Momentary(f"{host} says {code}: {message}", self._retry_after(response, now()))
        if hint:
            raise self._trouble(f"{host} refuses ({code}): {hint}", permanent=True)
        if status in (401, 403):
            raise self._trouble(
                f"{host} refuses the request ({status}"
                + (f", {code}: {message}" if code or message else "")
                + f"): the access has expired or lacks a right; {self._renew()}",
                permanent=True,
            )
        if status in GENTLE or status >= 500:
            words = "asks for fewer requests" if status == 429 else "has a failure"
            raise _Momentary(f"{host} {words} ({status})", self._retry_after(response, now()))
        if status >= 300:
            where = urlsplit(response.headers.get("Location", "")).netloc
            to = f" and leads to {where}" if where else ""
            said = f": {message}" if message else ""
            raise self._trouble(
                f"{host} answers {status}{to}{said}; check url, params and method", permanent=True
            )
        if self.source.codes and code != self.source.codes.ok:
            raise self._trouble(
                f"{host} says {code or 'no code'}: {message}; "
                + (self._renew() if "token" in message else "check params and body"),
                permanent=True,
            )
        raw = body if self.source.answer == "csv" else b""
        link = response.links.get("next", {}).get("url")
        return Answer(document, response.headers.get("ETag"), link, raw)

    def _document(self, body: bytes, host: str) -> Any:
        start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:200]
        if start[:1] == b"<":
            title = re.search(rb"<title[^>]*>([^<]{1,80})", body[:20_000], re.I)
            named = f" titled {title[1].decode('utf-8', 'replace').strip()!r}" if title else ""
            raise self._trouble(
                f"{host} answers a web page{named} instead of data: a sign-in page or a proxy in "
                "between? Check url and auth"
            )
        try:
            text = body.decode("utf-8-sig")
            if self.source.answer == "csv":
                return _table(text)
            return json.loads(text, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError, csv.Error):
            what = self.source.answer.upper()
            raise _Momentary(f"{host} answers what is no whole {what}: cut off?") from None

    def _code(self, document: Any) -> tuple[str, str]:
        """The answer's own code and message, "" where it has none."""
        codes = self.source.codes
        code = found(document, codes.code) if codes else None
        message = found(document, codes.message if codes else "message")
        return (
            "" if code is None else str(code),
            "" if message is None else self._said(str(message))[:200],
        )

    def _hint(self, code: str) -> str:
        codes = self.source.codes
        return codes.words.get(code, "") if codes and code != codes.ok else ""

    def _renew(self) -> str:
        match self.source.auth:
            case Bearer(token=kept):
                return f"renew auth.token ({kept})"
            case HeaderAuth(value=kept):
                return f"renew auth.value ({kept})"
            case ShopAuth(access_token=kept):
                return f"renew auth.access_token ({kept})"
        return "the source has no auth; add one"

    def _retry_after(self, response: requests.Response, now: datetime) -> float | None:
        """Seconds, from a number or a date; None when nothing sensible is said."""
        said = response.headers.get("Retry-After", "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", said):
            return float(said)
        try:
            at = parsedate_to_datetime(said)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max((at - now) / timedelta(seconds=1), 0.0)

    # --- words -----------------------------------------------------------------------------------

    def _host(self, request: Request) -> str:
        return urlsplit(request.url).netloc.rpartition("@")[2]

    def _said(self, text: str) -> str:
        return without(text, self._secrets)

    def _trouble(self, words: str, *, permanent: bool = False) -> SourceTrouble:
        return SourceTrouble(self._said(words), permanent=permanent)


def _loaded(body: bytes) -> Any:
    """What an answer that is no success says, if it is JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _table(text: str) -> list[dict[str, str]]:
    """The rows of CSV text. Raises ValueError when one has another number of cells."""
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a row has another number of cells than the header")
    return rows
