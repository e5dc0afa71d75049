"""A REST service as a source: its answers become canonical JSON Lines.

Each question (a day, a window of time, a campaign) is asked to its last page before anything of it
is given, so a source that dies between two pages gives nothing half; it is asked again from the
same place. An answer that says what it said last time gives no file.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from monitor.errors import ConfigError
from monitor.ingest.sources.asking import Answer, Asking, Request, Sleep
from monitor.ingest.sources.base import Cursor, Fetched, SourceTrouble
from monitor.ingest.sources.mapping import Asked, Mapping, Row, found, line, line_key, numbered
from monitor.ingest.sources.questions import Question, filled, is_final, questions
from monitor.settings import Feed, Settings
from monitor.sources import HttpSource

REMEMBERED = 64  # questions whose last answer is remembered
GIVEN = 500_000  # lines of orders that are remembered as given


class HttpFeed:
    """The source of one feed. Implements `base.Source`.

    The cursor: `of`, the settings it belongs to; `final`, days that are over; `until`, up to when
    windows were asked, and `again`, when they were looked back through; `digests` and `etags` of the
    last answers, by question.
    """

    def __init__(self, feed: Feed, settings: Settings, sleep: Sleep = time.sleep) -> None:
        assert isinstance(feed.source, HttpSource)
        self.feed, self.source, self.settings = feed, feed.source, settings
        self.zone = _zone(feed, feed.source, settings)
        _check_feed(feed, feed.source)
        self.mapping = Mapping(feed, settings, self.source, self.zone)
        self._asking = Asking(feed.id, self.source, sleep)
        self._of = _fingerprint(self.source, settings)
        self._ahead: tuple[Cursor, Cursor] | None = None  # moved on from there without a file
        self._given: dict[tuple[str, ...], int] = {}  # hashes of the lines of orders that are held
        self._giving: dict[tuple[str, ...], int] = {}

    def close(self) -> None:
        self._asking.close()

    def poll(self, cursor: Cursor, now: datetime) -> Iterator[Fetched]:
        """What is new since `cursor`. Raises SourceTrouble, also half way."""
        given = cursor
        if self._ahead is not None and self._ahead[0] == given:
            cursor = self._ahead[1]
        if cursor.get("of") != self._of:  # another url, another campaign: begin anew
            cursor = {"of": self._of}
        began_s = time.monotonic()

        def clock() -> datetime:
            return now + timedelta(seconds=time.monotonic() - began_s)

        campaigns = self.settings.campaign
        for question in questions(self.source, campaigns, self.zone, cursor, now):
            fetched = self._answered(question, cursor, clock, now)
            cursor = fetched.cursor
            if fetched.content:
                given, self._ahead = cursor, None
                yield fetched
                self._held()
            else:
                self._ahead = (given, cursor)

    # --- one question ----------------------------------------------------------------------------

    def _answered(self, question: Question, cursor: Cursor, clock: Any, now: datetime) -> Fetched:
        """The rows of a question and the cursor after it; no content when nothing is new."""
        asked = Asked(now, question.day, question.campaign)
        answers = list(self._pages(question, cursor.get("etags", {}).get(question.key), clock))
        part = question.key if question.day or question.campaign else ""
        name = f"{self.feed.id}-{part}".rstrip("-")
        if answers[0].document is None:  # 304
            return Fetched(name, b"", self._moved(cursor, question, None, None, now))
        watermark = self.mapping.watermark(answers[0].document, asked)
        if self.source.answer == "csv" and not self.source.columns and len(answers) == 1:
            name, content = f"{name}.csv", answers[0].raw  # a file like any other
        else:
            name = f"{name}.jsonl"
            content = self._lines(self.mapping.rows(self._records(answers), watermark, asked))
        digest = None if question.piece else hashlib.sha256(content).hexdigest()[:24]
        known = digest is not None and cursor.get("digests", {}).get(question.key) == digest
        etag = answers[0].etag if len(answers) == 1 and not question.piece else None
        after = self._moved(cursor, question, digest, etag, now, watermark)
        return Fetched(name, b"" if known else content, after)

    def _lines(self, rows: list[Row]) -> bytes:
        """Canonical JSON Lines. Of orders only the lines that are not held as they are: times that
        overlap are asked for again and again."""
        if self.source.kind != "orders":
            return "".join(line(row) for row in rows).encode()
        fresh: list[str] = []
        self._giving = {}
        for row in numbered(rows):
            key, text = line_key(row), line(row)
            if self._given.get(key) != hash(text):
                fresh.append(text)
                self._giving[key] = hash(text)
        return "".join(fresh).encode()

    def _held(self) -> None:
        """What was given last is in the inbox now."""
        for key, value in self._giving.items():
            self._given.pop(key, None)
            self._given[key] = value
        for key in list(self._given)[: max(len(self._given) - GIVEN, 0)]:
            del self._given[key]
        self._giving = {}

    def _moved(
        self,
        cursor: Cursor,
        question: Question,
        digest: str | None,
        etag: str | None,
        now: datetime,
        watermark: datetime | None = None,
    ) -> Cursor:
        """Where to go on once this question's answer is held."""
        after: Cursor = json.loads(json.dumps(cursor))
        for what, value in (("digests", digest), ("etags", etag)):
            if value is not None:
                kept = after.setdefault(what, {})
                kept.pop(question.key, None)
                kept[question.key] = value
                for old in list(kept)[:-REMEMBERED]:
                    del kept[old]
        if question.day is not None and is_final(question.day, self.zone, watermark, now):
            after["final"] = [*after.get("final", []), question.key][-400:]
        if question.piece is not None:
            question.piece.moved(after, now)
        return after

    def _records(self, answers: list[Answer]) -> list[Any]:
        """The records of all pages. Raises SourceTrouble when they are not where they should be."""
        records: list[Any] = []
        path, paging = self.source.records, self.source.paging
        total: int | None = None
        for answer in answers:
            if paging and paging.total:
                said = found(answer.document, paging.total)
                if str(said).isdigit():
                    total = min(int(said), int(said) if total is None else total)
            here = found(answer.document, path)
            if isinstance(here, list):
                records += here
            elif here is not None or total or not (paging and paging.total):
                have = sorted(answer.document) if isinstance(answer.document, dict) else "no object"
                raise SourceTrouble(
                    f"feed {self.feed.id}: the answer has no list at {path or 'its top'} "
                    f"(at its top: {have}); was it renamed? Say where it is in `records`",
                    permanent=True,
                )
        if total is not None and len(records) < total:
            raise SourceTrouble(
                f"feed {self.feed.id}: the source says {total} records and gave {len(records)}; "
                "asking again (if it counts something else, leave out paging.total)"
            )
        return records

    # --- pages -----------------------------------------------------------------------------------

    def _pages(self, question: Question, etag: str | None, clock: Any) -> Iterator[Answer]:
        """Every page of an answer. Raises SourceTrouble when they never end or repeat."""
        tokens, paging = question.tokens, self.source.paging
        url = filled(self.source.url, tokens)
        params = {k: _param(v) for k, v in filled(dict(self.source.params), tokens).items()}
        body = filled(self.source.body, tokens)
        if paging and paging.kind != "link":
            place: dict[str, Any] = params if paging.place == "params" else body
            place[paging.size_param] = _param(paging.size) if place is params else paging.size
        position: Any = paging.first if paging and paging.kind == "page" else 0
        if paging and paging.kind in ("page", "offset"):
            self._put(params, body, position)
        seen: set[str] = set()
        for _ in range(paging.most if paging else 1):
            answer = self._asking.ask(Request(url, params, body, etag), clock)
            etag = None
            yield answer
            if paging is None or answer.document is None:
                return
            if paging.kind == "token":
                following = found(answer.document, paging.next)
                if following in (None, "", "0", 0):
                    return
                self._put(params, body, following)
            elif paging.kind == "link":
                if not answer.link:
                    return
                following = urljoin(url, answer.link)
                if urlsplit(following).netloc != urlsplit(url).netloc:
                    raise SourceTrouble(
                        f"feed {self.feed.id}: the next page is said to be on another host "
                        f"({urlsplit(following).netloc}); it is not followed",
                        permanent=True,
                    )
                url, params = following, {}
            else:
                here = found(answer.document, self.source.records)
                count = len(here) if isinstance(here, list) else 0
                if count < paging.size:
                    return
                position += 1 if paging.kind == "page" else count
                self._put(params, body, position)
                following = hashlib.sha256(repr(here).encode()).hexdigest()
            if str(following) in seen:
                raise SourceTrouble(
                    f"feed {self.feed.id}: the source gives the same page again and again; "
                    f"check paging.{'next' if paging.kind == 'token' else 'param'}",
                    permanent=True,
                )
            seen.add(str(following))
        raise SourceTrouble(
            f"feed {self.feed.id}: more than {paging.most if paging else 1} pages for one question; "
            "ask for less at a time (window.longest) or raise paging.most",
            permanent=True,
        )

    def _put(self, params: dict[str, str], body: Any, position: Any) -> None:
        paging = self.source.paging
        assert paging is not None
        if paging.place == "params":
            params[paging.param] = _param(position)
        else:
            body[paging.param] = position


def _param(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _zone(feed: Feed, source: HttpSource, settings: Settings) -> ZoneInfo:
    """The zone of the shop: as said, or that of all campaigns that the source is for."""
    if source.timezone:
        return ZoneInfo(source.timezone)
    meant = [c for c in settings.campaign if source.campaign in (None, c.id)]
    if source.campaign and not meant:
        raise ConfigError(
            f"feed {feed.id}: source.campaign = {source.campaign!r} is no campaign; known: "
            + ", ".join(c.id for c in settings.campaign)
        )
    zones = sorted({c.timezone for c in meant})
    if len(zones) > 1:
        raise ConfigError(
            f"feed {feed.id}: the campaigns lie in several time zones ({', '.join(zones)}); say the "
            'shop\'s own in the source, such as timezone = "Asia/Kuala_Lumpur"'
        )
    return ZoneInfo(zones[0])


def _check_feed(feed: Feed, source: HttpSource) -> None:
    """A preset's numbers mean nothing with another counter."""
    seconds = feed.cadence.total_seconds()
    has = {"counter": feed.counter, "cadence": f"{seconds / 3600:g}h"}
    for key, needed in source.feed.items():
        if has.get(key) != needed:
            raise ConfigError(
                f"feed {feed.id}: {key} must be {needed!r} with preset = {source.preset!r}; it is "
                f"{getattr(feed, key, None)!s}"
            )
    if source.paging and source.paging.place == "body" and source.body is None:
        raise ConfigError(f"feed {feed.id}: paging.place is the body, but the source has no body")


def _fingerprint(source: HttpSource, settings: Settings) -> str:
    """Names what a cursor belongs to: other questions or other campaigns begin anew."""
    asked = source.model_dump_json(
        include={"url", "params", "body", "window", "records", "explode", "columns", "constants"}
    )
    near = [(c.id, c.start.isoformat(), c.end.isoformat()) for c in settings.campaign]
    return hashlib.sha256(f"{asked}{near}{source.timezone}".encode()).hexdigest()[:16]
