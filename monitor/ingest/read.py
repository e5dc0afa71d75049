"""One canonical file (CSV, Parquet, JSON Lines) into readings, and every row that cannot be read.

Nothing here touches the store. What a file says is kept as it says it: money and counts as whole
hundredths, ids as text, a blank as unknown. A row with a fault is set aside with its line, column,
value and the reason; the rest of the file is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.campaigns.words import DIMENSIONS, METRICS
from monitor.clock import iso, to_ms
from monitor.errors import FileRefused
from monitor.ingest.cells import Fault, Raw, read_cells
from monitor.ingest.counters import NONE, Bools, Ints
from monitor.settings import Settings

REQUIRED = ("observed_at", "campaign_id")
KNOWN = (*REQUIRED, *DIMENSIONS, *METRICS, "complete_through")
PLAIN_NUMBER = r"^\d{1,12}(\.\d{1,2})?$"
SCIENTIFIC = re.compile(r"^-?\d+(\.\d+)?[eE]\+?\d{1,3}$")
OUTSIDE = timedelta(days=1)
LARGEST = Decimal(10) ** 14


@dataclass(frozen=True)
class Columns:
    """Header labels: understood, not understood, and needed but absent."""

    matched: tuple[str, ...]
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Readings:
    """The readable rows of a file, in its order, and the others.

    `campaign`: (rows,) ids. `keys`: (rows,) tuples of the DIMENSIONS, "" unknown. `values`: (rows,
    METRICS) hundredths. `complete_ms`: (rows,) NONE where not given.
    """

    columns: Columns
    read: int
    line: Ints
    observed_ms: Ints
    complete_ms: Ints
    campaign: list[str]
    keys: list[tuple[str, ...]]
    values: Ints
    faults: tuple[Fault, ...]


def read_canonical(content: bytes, settings: Settings, campaign: str | None = None) -> Readings:
    """Read a whole file. `campaign` is for files without a campaign column.

    Raises FileRefused when the file as a whole cannot be taken.
    """
    raw = read_cells(content)
    labels = list(raw.columns)
    names = {label: label.strip().lower() for label in labels}
    doubled = sorted({n for n in names.values() if n in KNOWN and [*names.values()].count(n) > 1})
    if doubled:
        raise FileRefused(f"the column {doubled[0]!r} stands in the header twice; keep one of them")
    table = {names[label]: raw.columns[label] for label in labels if names[label] in KNOWN}
    required = REQUIRED if campaign is None else ("observed_at",)
    columns = Columns(
        matched=tuple(label for label in labels if names[label] in KNOWN),
        unmatched=tuple(label for label in labels if names[label] not in KNOWN),
        missing=tuple(name for name in required if name not in table),
    )
    if not table:
        raise FileRefused(
            f"no known columns (found: {', '.join(map(repr, labels[:8]))}); a canonical file has "
            f"observed_at, campaign_id, dimensions and metrics, separated by commas"
        )
    if columns.missing:
        raise FileRefused(
            f"the column {columns.missing[0]!r} is missing (found: {', '.join(labels[:12])}); add it"
            + (" or give --campaign ID" if columns.missing[0] == "campaign_id" else "")
        )
    if not any(metric in table for metric in METRICS):
        raise FileRefused(f"no metric column; at least one of {', '.join(METRICS)} is needed")
    readings = _Reader(table, raw, columns, settings, campaign).readings()
    _refuse_all_zero(readings)
    return readings


def _refuse_all_zero(readings: Readings) -> None:
    gmv = readings.values[:, METRICS.index("gmv")]
    orders = readings.values[:, METRICS.index("orders")]
    said = gmv[gmv != NONE]
    if len(said) and not said.any() and (orders[orders != NONE] > 0).any():
        raise FileRefused(
            "GMV is 0 in every row while there are orders: the GMV column was exported empty; "
            "export it again, or leave the column out (then GMV is unknown, not 0)"
        )


class _Reader:
    """Reads column by column; the first fault of a row sets the row aside."""

    def __init__(
        self,
        table: dict[str, pa.Array],
        raw: Raw,
        columns: Columns,
        settings: Settings,
        campaign: str | None,
    ) -> None:
        self.table, self.raw, self.columns = table, raw, columns
        self.settings, self.campaign = settings, campaign
        self.good: Bools = np.ones(len(raw.line), bool)
        self.faults: dict[int, Fault] = {}

    def readings(self) -> Readings:
        count = len(self.good)
        observed = self._instants("observed_at", needed=True)
        complete = self._instants("complete_through", needed=False)
        campaign = self._campaigns(observed)
        keys = list(zip(*[self._dimension(dim) for dim in DIMENSIONS], strict=True))
        values = np.full((count, len(METRICS)), NONE)
        for m, metric in enumerate(METRICS):
            if metric in self.table:
                values[:, m] = self._numbers(metric)
        kept = np.flatnonzero(self.good)
        set_aside = [self.faults[row] for row in sorted(self.faults)]
        return Readings(
            columns=self.columns,
            read=count + len(self.raw.faults),
            line=self.raw.line[kept],
            observed_ms=observed[kept],
            complete_ms=complete[kept],
            campaign=[campaign[row] for row in kept],
            keys=[keys[row] for row in kept],
            values=values[kept],
            faults=tuple(sorted([*self.raw.faults, *set_aside], key=lambda fault: fault.line)),
        )

    def _fault(self, row: int, column: str, value: object, reason: str) -> None:
        if self.good[row]:
            self.good[row] = False
            named = self.table.get("campaign_id")
            shown = None if value is None else str(value)[:200]
            campaign = self.campaign if named is None else str(named[row].as_py() or "")
            line = int(self.raw.line[row])
            self.faults[row] = Fault(line, column, shown, reason, campaign or None)

    def _instants(self, name: str, *, needed: bool) -> Ints:
        """Milliseconds; a column of few distinct texts is parsed once per text."""
        count = len(self.good)
        column = self.table.get(name)
        if column is None:
            return np.full(count, NONE)
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            cast = column.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64())
            found = pc.fill_null(cast, int(NONE)).to_numpy(zero_copy_only=False).astype(np.int64)
            faults: list[tuple[Bools, Any, str]] = []
        else:
            distinct, which = _distinct(column)
            parsed = [_instant(cell) for cell in distinct]
            per_text = [NONE if isinstance(p, str) else p for p in parsed]
            found = np.array(per_text, np.int64)[which]
            faults = [
                (which == i, distinct[i], p)
                for i, p in enumerate(parsed)
                if isinstance(p, str) and not _blank(distinct[i])
            ]
        for rows, cell, reason in faults:
            for row in np.flatnonzero(rows):
                self._fault(int(row), name, cell, reason)
        if needed:
            for row in np.flatnonzero((found == NONE) & self.good):
                self._fault(int(row), name, None, "no instant: the cell is blank")
        return np.asarray(found, np.int64)

    def _campaigns(self, observed: Ints) -> list[str]:
        known = {c.id: c for c in self.settings.campaign}
        column = self.table.get("campaign_id")
        if column is None:
            distinct, which = [self.campaign or ""], np.zeros(len(self.good), np.int64)
        else:
            distinct, which = _distinct(pa.array(_texts(column), pa.string()))
        for i, campaign_id in enumerate(distinct):
            rows = which == i
            campaign = known.get(campaign_id)
            if campaign is None:
                reason = f"unknown campaign; known: {', '.join(known)}" if campaign_id else "blank"
                for row in np.flatnonzero(rows):
                    self._fault(int(row), "campaign_id", campaign_id, reason)
                continue
            low, high = to_ms(campaign.start - OUTSIDE), to_ms(campaign.end + OUTSIDE)
            far = rows & (observed != NONE) & ((observed < low) | (observed > high))
            for row in np.flatnonzero(far):
                reason = (
                    f"more than a day outside the campaign {campaign_id} "
                    f"({iso(campaign.start)} to {iso(campaign.end)})"
                )
                value = self.table["observed_at"][int(row)].as_py()
                self._fault(int(row), "observed_at", value, reason)
        return [distinct[i] for i in which]

    def _dimension(self, name: str) -> list[str]:
        column = self.table.get(name)
        if column is None:
            return [""] * len(self.good)
        texts = _texts(column)
        if name.endswith("_id"):
            bad = {text for text in set(texts) if SCIENTIFIC.match(text)}
            for row, text in enumerate(texts) if bad else ():
                if text in bad:
                    reason = (
                        "an id in scientific notation has lost its digits: export the id as text"
                    )
                    self._fault(row, name, text, reason)
        return texts

    def _numbers(self, name: str) -> Ints:
        """Hundredths; half a hundredth goes to the even one."""
        column = self.table[name]
        if pa.types.is_integer(column.type):
            column = column.cast(pa.string())
        elif pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
            column = pa.array([None if _absent(v) else str(v) for v in column.to_pylist()])
        elif not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            column = pa.array([None if v is None else str(v) for v in column.to_pylist()])
        column = column.cast(pa.string())
        found = np.full(len(column), NONE)
        plain = pc.fill_null(pc.match_substring_regex(column, PLAIN_NUMBER), False)
        mask = plain.to_numpy(zero_copy_only=False)
        if mask.any():
            exact = column.filter(plain).cast(pa.float64()).to_numpy(zero_copy_only=False)
            found[mask] = np.rint(exact * 100).astype(np.int64)
        parsed: dict[str, int | str] = {"": int(NONE)}
        for row in np.flatnonzero(~mask):
            cell = column[int(row)].as_py()
            text = "" if cell is None else cell.strip()
            if text not in parsed:
                parsed[text] = _number(text)
            number = parsed[text]
            if isinstance(number, str):
                self._fault(int(row), name, cell, number)
            else:
                found[row] = number
        return found


def _distinct(column: pa.Array) -> tuple[list[Any], Ints]:
    """The distinct cells, and for each row which one it holds."""
    encoded = column.dictionary_encode(null_encoding="encode")
    which = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), which


def _blank(cell: Any) -> bool:
    return _absent(cell) or (isinstance(cell, str) and not cell.strip())


def _absent(value: Any) -> bool:
    return value is None or value != value


def _texts(column: pa.Array) -> list[str]:
    """Cells as text, "" for blank. Float ids beyond 2^53 come out in scientific notation."""
    if pa.types.is_string(column.type):
        filled = pc.fill_null(pc.utf8_trim_whitespace(column), "")
        return filled.to_pylist()  # type: ignore[no-any-return]
    texts: list[str] = []
    for value in column.to_pylist():
        if _absent(value):
            texts.append("")
        elif isinstance(value, float):
            texts.append(str(int(value)) if abs(value) < 2**53 and value % 1 == 0 else f"{value:E}")
        else:
            texts.append(str(value).strip())
    return texts


def _instant(text: Any) -> int | str:
    """Milliseconds, or the reason why the text is no instant."""
    if isinstance(text, datetime):
        return f"no offset: write it as {text.isoformat()}+08:00, with the zone's own offset"
    try:
        at = datetime.fromisoformat(str(text).strip())
    except ValueError:
        return "no ISO 8601 instant, such as 2026-11-11T12:05:00+08:00"
    if at.tzinfo is None:
        return "no offset: add the zone's, such as +08:00 or Z"
    try:
        return to_ms(at)
    except OverflowError:
        return "no ISO 8601 instant, such as 2026-11-11T12:05:00+08:00"


def _number(text: str) -> int | str:
    """Hundredths, or the reason why the text is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        hint = " (no thousands separators, no currency)" if re.search(r"\d", text) else ""
        return f"not a number{hint}; leave the cell blank if it is unknown"
    if not number.is_finite():
        return "not a number; leave the cell blank if it is unknown"
    if number < 0:
        return "negative: cancellations and returns go to refunds, as positive amounts"
    if number >= LARGEST:
        return "too large to be true"
    return int((number * 100).to_integral_value(rounding="ROUND_HALF_EVEN"))
