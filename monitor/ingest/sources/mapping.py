"""Records of an answer into canonical rows, as the configuration's `columns` say. No I/O.

What cannot be read is handed on as it came, so that the reader sets the row aside with the reason;
what no record has at all, though it is needed, stops the source in words: a renamed field is never 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from monitor.campaigns.words import METRICS
from monitor.ingest.sources.base import SourceTrouble
from monitor.settings import Campaign, Feed, Settings
from monitor.sources import ColumnOf, HttpSource

AROUND = timedelta(days=1)  # readings so far outside a campaign still serve as its baselines
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
MIDNIGHT = time(0)
CENT = Decimal("0.01")
INSTANTS = ("observed_at", "placed_at", "complete_through")
NO_SUCH_HOUR = datetime.min.replace(tzinfo=UTC)  # skipped when clocks go forward
POSITION = "@position"  # a path: the place of a record in its list, from 0

Record = dict[str, Any]
Row = dict[str, str]


@dataclass(frozen=True)
class Asked:
    """What a mapping must know of a question: when it was asked, for which local day or campaign."""

    at: datetime
    day: date | None = None
    campaign: str | None = None


def found(value: Any, path: str) -> Any:
    """The value at a dotted path, None when there is none. "" is the value itself."""
    for part in path.split(".") if path else ():
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


class Mapping:
    """One feed's way from records to rows."""

    def __init__(self, feed: Feed, settings: Settings, source: HttpSource, zone: ZoneInfo) -> None:
        self.feed, self.source, self.zone = feed, source, zone
        self.campaigns = settings.campaign
        self.at = "placed_at" if source.kind == "orders" else "observed_at"

    def rows(self, records: list[Any], watermark: datetime | None, asked: Asked) -> list[Row]:
        """Rows in the order of the records, one for each campaign that a record belongs to.

        Raises SourceTrouble when a needed field is in none of them, or the currency is another one.
        """
        single = list(self._single(records))
        self._check(single)
        rows: list[Row] = []
        for record in single:
            row, at = self._row(record, asked)
            if at == NO_SUCH_HOUR:
                continue
            if at is not None and watermark is not None and self.source.kind == "snapshots":
                if at - self._span >= watermark:
                    continue  # not begun by then: what stands there is no reading
                row["complete_through"] = _written(self._complete(at, watermark))
            for campaign in self._campaigns(row, at, record, asked):
                rows.append({**row, "campaign_id": campaign} if campaign else row)
        return rows

    def watermark(self, document: Any, asked: Asked) -> datetime | None:
        """Up to when an answer is complete, None when it is not asked to say so."""
        if self.source.watermark is None:
            return None
        value = self._value(document, self.source.watermark)
        at = self._instant(value, self.source.watermark.read, asked)
        if at is None:
            raise SourceTrouble(
                f"feed {self.feed.id}: the answer has no instant at {self.source.watermark.path[0]}"
                f" ({value!r}), so nobody knows how far it is complete; was the field renamed?",
                permanent=True,
            )
        if asked.day is not None:  # 23:59 is the end of the day, as for a counter's last reading
            over = datetime.combine(asked.day + DAY, MIDNIGHT, self.zone).astimezone(UTC)
            return over if over - MINUTE <= at < over else at
        return at

    # --- records ---------------------------------------------------------------------------------

    def _single(self, records: list[Any]) -> Iterator[Record]:
        """Records as dicts, nested lists taken apart: one for each of its items."""
        key = self.source.explode
        for position, record in enumerate(records):
            if not isinstance(record, dict):
                raise SourceTrouble(
                    f"feed {self.feed.id}: record {position + 1} of the answer is no object but "
                    f"{str(record)[:60]!r}; check `records` in the source",
                    permanent=True,
                )
            if not key:
                yield {**record, POSITION: position}
                continue
            items = found(record, key)
            for item in items if isinstance(items, list) else [items] if items else []:
                yield _with(record, key, item) | {POSITION: position}

    def _check(self, records: list[Record]) -> None:
        if not records:
            return
        for name, column in self.source.columns.items():
            if column.needed and all(self._value(r, column) is None for r in records):
                have = ", ".join(k for k in records[0] if k != POSITION)
                raise SourceTrouble(
                    f"feed {self.feed.id}: none of {len(records)} records has "
                    f"{' or '.join(column.path)} ({name}); was it renamed? A record has: {have}. "
                    f"Say where it is now in columns.{name}",
                    permanent=True,
                )

    def _row(self, record: Record, asked: Asked) -> tuple[Row, datetime | None]:
        row: Row = dict(self.source.constants)
        instant: datetime | None = None
        for name, column in self.source.columns.items():
            value = self._value(record, column)
            if value is None:
                continue
            if name in INSTANTS:
                at = self._instant(value, column.read, asked)
                row[name] = _text(value) if at is None else _written(at)
                instant = at if name == self.at else instant
            elif name in METRICS:
                row[name] = _amount(value, column, self._factor(record, column))
            else:
                row[name] = column.values.get(_text(value), _text(value))
        if self.source.columns:
            if self.at not in row and self.source.kind == "snapshots":
                row[self.at], instant = _written(asked.at), asked.at  # counters as they stand
        else:  # canonical already
            row = {k: _text(v) for k, v in record.items() if v is not None and k != POSITION}
            instant = self._instant(row.get(self.at), "iso", asked)
        return row, instant

    def _value(self, record: Any, column: ColumnOf) -> Any:
        """The first path that holds something, None when none does."""
        for path in column.path:
            value = found(record, path)
            if value not in (None, "", {}, []):
                return value
        return None

    def _factor(self, record: Record, column: ColumnOf) -> Decimal | None:
        """The largest of `times`; 1 without any, None when it is unknown."""
        if not column.times:
            return Decimal(1)
        numbers = [_decimal(found(record, path)) for path in column.times]
        return max((n for n in numbers if n is not None), default=None)

    # --- instants --------------------------------------------------------------------------------

    @property
    def _span(self) -> timedelta:
        return self.feed.cadence if self.feed.counter == "interval" else timedelta(0)

    def _complete(self, at: datetime, watermark: datetime) -> datetime:
        """The row's own watermark: the last end of a whole interval, or the instant itself."""
        if watermark >= at:
            return at
        if not self._span:
            return watermark
        return at - -((watermark - at) // self._span) * self._span

    def _instant(self, value: Any, read: str, asked: Asked) -> datetime | None:
        """An instant of UTC, None for what is none."""
        try:
            if read in ("unix", "unix_ms"):
                seconds = Decimal(str(value)) / (1000 if read == "unix_ms" else 1)
                at = datetime.fromtimestamp(float(seconds), UTC)
                return at if 2000 <= at.year < 2100 else None
            if read == "hour":
                return self._hour_end(int(str(value)), asked)
            at = datetime.fromisoformat(str(value).strip())
        except (ValueError, ArithmeticError, OSError):
            return None
        if at.tzinfo is None:
            if read != "local":
                return None
            at = at.replace(tzinfo=self.zone)
        return at.astimezone(UTC)

    def _hour_end(self, index: int, asked: Asked) -> datetime | None:
        """The end of the hour `index` of the day that was asked for, by the clock of the shop."""
        if asked.day is None or not 0 <= index <= 23:
            return None
        day = asked.day
        begin = datetime(day.year, day.month, day.day, index, tzinfo=self.zone).astimezone(UTC)
        return begin + HOUR if begin.astimezone(self.zone).hour == index else NO_SUCH_HOUR

    # --- campaigns -------------------------------------------------------------------------------

    def _campaigns(
        self, row: Row, at: datetime | None, record: Record, asked: Asked
    ) -> list[str | None]:
        """The row's own, the one that was asked for, or all that are near; a row without an instant
        goes on without one, to be set aside in words."""
        if own := row.get("campaign_id"):
            return [own]
        given = asked.campaign or self.source.campaign
        if at is None:
            return [given]
        near = [
            c
            for c in self.campaigns
            if given in (None, c.id) and c.start - AROUND <= at <= c.end + AROUND
        ]
        return [c.id for c in self._of_currency(near, record)]

    def _of_currency(self, near: list[Campaign], record: Record) -> list[Campaign]:
        """Those that count in the currency of the record; raises SourceTrouble when none does."""
        currency = found(record, self.source.currency) if self.source.currency else None
        if not currency or not near:
            return near
        same = [c for c in near if c.currency == str(currency).upper()]
        if not same:
            raise SourceTrouble(
                f"feed {self.feed.id}: the amounts come in {currency}, the campaign {near[0].id} "
                f"counts in {near[0].currency}; ask for the shop's own currency "
                '(params.currency = "LOCAL"), or correct the market of the campaign',
                permanent=True,
            )
        return same


def numbered(rows: list[Row]) -> list[Row]:
    """Lines of one order that would share an item id get a number each, in their order."""
    seen: dict[tuple[str, ...], int] = {}
    found: list[Row] = []
    for row in rows:
        key = line_key(row)
        seen[key] = seen.get(key, 0) + 1
        found.append(row if seen[key] == 1 else {**row, "item_id": f"{key[-1]}#{seen[key]}"})
    return found


def line_key(row: Row) -> tuple[str, ...]:
    """What names a line of an order."""
    return row.get("campaign_id", ""), row.get("order_id", ""), row.get("item_id", "")


def line(row: Row) -> str:
    """A row as a line of canonical JSON Lines."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def _with(record: Record, path: str, item: Any) -> Record:
    """A copy of a record with one item in place of the list at `path`."""
    first, _, rest = path.partition(".")
    return {**record, first: _with(record[first], rest, item) if rest else item}


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value).strip()) if not isinstance(value, bool) else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None


def _amount(value: Any, column: ColumnOf, factor: Decimal | None) -> str:
    """A number without an exponent; what is no number is handed on as it came."""
    number = _decimal(value)
    if number is None:
        return _text(value)
    if factor is None:
        return ""  # times something unknown
    if column.times or column.unit != 1:
        number = (number * factor * column.unit).quantize(CENT, ROUND_HALF_EVEN)
    return format(number, "f")
