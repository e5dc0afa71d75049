"""A query as a source: rows of another team's database become canonical JSON Lines.

Incremental by a column: each poll reads from the last value on (`>= :since`, less the overlap), in
pages, and gives files of about `limit` rows, each with the value to go on from. Rows that share the
last value are read again rather than lost; those that were given and have not changed since are
left out, so a quiet table gives no files.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from monitor.campaigns.words import METRICS
from monitor.ingest.sources.base import Cursor, Fetched, SourceTrouble
from monitor.ingest.sources.bookmark import Value, back, from_json, in_order, to_json
from monitor.ingest.sources.database import Database
from monitor.settings import Campaign, Feed, Settings
from monitor.sources import SqlSource

AROUND = timedelta(days=1)  # readings so far outside a campaign still serve as its baselines
GIVEN = 500  # rows remembered as given; more may share the last value, and are then given again
MOST = 4  # times `limit`: a file grows so far to keep rows of one value together
INSTANTS = ("observed_at", "placed_at", "complete_through")
LINE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
MILLISECONDS = 10**11  # seconds reach this in the year 5138


class SqlFeed:
    """The source of one feed. Implements `base.Source`."""

    def __init__(self, feed: Feed, settings: Settings) -> None:
        assert isinstance(feed.source, SqlSource)
        self.feed_id, self.source, self.campaigns = feed.id, feed.source, settings.campaign
        self._database: Database | None = None
        self._ahead: tuple[Cursor, Cursor] | None = None  # read on from there, but nothing to give

    def poll(self, cursor: Cursor, now: datetime) -> Iterator[Fetched]:
        """What is new since `cursor`. Raises SourceTrouble, also half way."""
        try:
            if self._database is None:
                self._database = Database(self.source)
            if self.source.incremental is None:
                yield from self._whole(self._database, cursor, now)
            else:
                yield from self._since(self._database, self.source.incremental, cursor, now)
        except SourceTrouble as e:
            raise SourceTrouble(f"feed {self.feed_id}: {e}", permanent=e.permanent) from None

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    # --- all of the result, each time ------------------------------------------------------------

    def _whole(self, database: Database, cursor: Cursor, now: datetime) -> Iterator[Fetched]:
        """Files of `limit` rows; one that is as it was last time is left out."""
        digests = dict(cursor.get("parts", {}))
        with database.asked(None, now) as answer:
            shape = Shape(self.source, self.campaigns, answer.labels, database.name)
            part = 0
            lines: list[bytes] = []
            for row in answer.rows:
                lines += shape.lines(row, now)
                if len(lines) >= self.source.limit:
                    yield from self._changed(part, lines, digests)
                    part, lines = part + 1, []
            yield from self._changed(part, lines, digests)

    def _changed(self, part: int, lines: list[bytes], digests: dict[str, str]) -> Iterator[Fetched]:
        content = b"".join(lines)
        digest = _digest(content)
        if content and digests.get(str(part)) != digest:
            digests[str(part)] = digest
            yield self._fetched(part, lines, {"parts": dict(digests)})

    # --- what is new by the incremental column ----------------------------------------------------

    def _since(
        self, database: Database, incremental: str, cursor: Cursor, now: datetime
    ) -> Iterator[Fetched]:
        asked, part = cursor, 0
        if self._ahead is not None and self._ahead[0] == cursor:
            cursor = self._ahead[1]
        start = _goes_on(cursor, incremental)
        given = set(cursor.get("given", ())) if start is not None else set()
        first = self.source.first
        since = back(start, self.source.overlap) if start is not None else first
        assert since is not None
        lines: list[bytes] = []
        recent: deque[str] = deque(maxlen=GIVEN)
        before: Value | None = None
        with database.asked(since, now) as answer:
            shape = Shape(self.source, self.campaigns, answer.labels, database.name)
            position = shape.position(incremental)
            for row in answer.rows:
                value = row[position]
                self._check(database.name, before, value)
                full = len(lines) >= self.source.limit
                if full and (value != before or len(lines) >= MOST * self.source.limit):
                    yield self._fetched(part, lines, _cursor(incremental, before, recent))
                    part, lines = part + 1, []
                made = shape.lines(row, now)
                digest = _digest(repr(value).encode() + b"".join(made))
                recent.append(digest)
                if digest not in given:
                    lines += made
                before = value
        if before is None:
            return
        on = _cursor(incremental, before, recent)
        if lines:
            yield self._fetched(part, lines, on)
        elif part == 0:
            self._ahead = (asked, on)

    def _check(self, name: str, before: Value | None, value: Value | None) -> None:
        column = self.source.incremental
        if value is None:
            raise SourceTrouble(
                f"{name}: a row has no {column}, so it has no place in the order; leave such rows "
                "out in the query",
                permanent=True,
            )
        if before is not None and not in_order(before, value):
            raise SourceTrouble(
                f"{name}: {column} falls from {before} to {value}; end the query with "
                f"ORDER BY {column}, ascending",
                permanent=True,
            )

    def _fetched(self, part: int, lines: list[bytes], cursor: Cursor) -> Fetched:
        return Fetched(self._name(part), b"".join(lines), cursor)

    def _name(self, part: int) -> str:
        return f"{self.feed_id}-{part + 1:04d}.jsonl"


def _cursor(incremental: str, last: Value | None, recent: deque[str]) -> Cursor:
    assert last is not None
    return {"by": incremental, "last": to_json(last), "given": list(dict.fromkeys(recent))}


def _goes_on(cursor: Cursor, incremental: str) -> Value | None:
    """The value to go on from; None to begin, also when the configuration took another column."""
    if cursor.get("by") != incremental:
        return None
    try:
        return from_json(cursor["last"])
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return None


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


class Shape:
    """How a row of the query becomes lines of the canonical file: one for each campaign it is of."""

    def __init__(
        self,
        source: SqlSource,
        campaigns: Sequence[Campaign],
        labels: Sequence[str],
        database: str,
    ) -> None:
        self.source, self.labels, self.database = source, tuple(labels), database
        self.zone: tzinfo | None = ZoneInfo(source.timezone) if source.timezone else None
        self.windows = [(c.id, c.start - AROUND, c.end + AROUND) for c in campaigns]
        self.at = "placed_at" if source.kind == "orders" else "observed_at"
        self.positions: dict[str, int] = {}
        for field in source.fields:
            if field in source.columns:
                self.positions[field] = self.position(source.columns[field])
            elif field not in source.constants and field in self.labels:
                self.positions[field] = self.position(field)
        self._check()

    def position(self, label: str) -> int:
        """Of a column of the query; raises SourceTrouble when it has none or two of them."""
        found = [i for i, one in enumerate(self.labels) if one == label]
        if not found:
            found = [i for i, one in enumerate(self.labels) if one.lower() == label.lower()]
        if len(found) == 1:
            return found[0]
        raise SourceTrouble(
            f"{self.database}: the query gives {'two columns' if found else 'no column'} "
            f"{label!r}; it gives {', '.join(self.labels[:30])}",
            permanent=True,
        )

    def _check(self) -> None:
        have = set(self.positions) | set(self.source.constants)
        if self.source.kind == "orders":
            missing = [f for f in ("order_id", "placed_at", "state") if f not in have]
        else:
            missing = [] if have & set(METRICS) else [f"a metric ({', '.join(METRICS)})"]
        if missing:
            raise SourceTrouble(
                f"{self.database}: the query gives no {missing[0]}; name its column in columns or "
                f"write AS into the query (it gives {', '.join(self.labels[:30])})",
                permanent=True,
            )

    def lines(self, row: Sequence[Any], now: datetime) -> list[bytes]:
        cells: dict[str, Any] = dict(self.source.constants)
        instant: datetime | None = None
        for field, position in self.positions.items():
            value = row[position]
            if field in INSTANTS:
                cells[field], at = self._instant(field, value)
                instant = at if field == self.at else instant
            elif field in METRICS:
                cells[field] = _number(value)
            else:
                cells[field] = _text(value)
        if self.at not in cells:  # a query of counters as they stand: read when it was asked
            cells[self.at], instant = now.isoformat(), now
        elif self.at not in self.positions:
            cells[self.at], instant = self._instant(self.at, cells[self.at])
        return [_line({**cells, "campaign_id": one}) for one in self._campaigns(cells, instant)]

    def _campaigns(self, cells: dict[str, Any], at: datetime | None) -> list[Any]:
        """The row's own campaign, the option, or all that are near; a row without an instant goes
        on without one, to be set aside in words."""
        own = cells.get("campaign_id") or self.source.campaign
        if own or at is None:
            return [own]
        return [campaign for campaign, start, end in self.windows if start <= at <= end]

    def _instant(self, field: str, value: Any) -> tuple[Any, datetime | None]:
        """ISO 8601 with an offset; what is no instant is handed on as it is."""
        at = _moment(value)
        if at is None:
            return _text(value), None
        if at.tzinfo is None:
            if self.zone is None:
                raise SourceTrouble(
                    f"{self.database}: {field} {at.isoformat(' ')} has no offset; say whose time "
                    'it is, such as timezone = "Asia/Kuala_Lumpur"',
                    permanent=True,
                )
            at = at.replace(tzinfo=self.zone)
        return at.isoformat(), at


def _moment(value: Any) -> datetime | None:
    """An instant, naive if it has no offset: of text with a time of day, or of a Unix time."""
    try:
        if isinstance(value, datetime):
            return value
        if isinstance(value, str) and ":" in value:
            return datetime.fromisoformat(value.strip())
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            stamp = float(value)
            return datetime.fromtimestamp(stamp / (1000 if stamp >= MILLISECONDS else 1), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _number(value: Any) -> Any:
    """Decimals as text, exact and without an exponent."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN
    return value if isinstance(value, int) else _text(value)


def _text(value: Any) -> str | None:
    """Ids and names. A float beyond 2^53 has lost digits and is left in scientific notation."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == value.to_integral_value() else format(value, "f")
    if isinstance(value, float):
        return str(int(value)) if value % 1 == 0 and abs(value) < 2**53 else f"{value:E}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _line(cells: dict[str, Any]) -> bytes:
    return LINE.encode(cells).encode() + b"\n"
