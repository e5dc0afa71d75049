"""A canonical table (CSV, Parquet, JSON Lines) into readings, and every row that cannot be read.

Nothing here touches the store. What a file says is kept as it says it: money and counts as whole
hundredths, ids as text, a blank as unknown. A row with a fault is set aside with its line, column,
value and the reason; the rest of the file is taken. Columns are read whole: Python looks at distinct
texts and at faults, never at each row.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from monitor.campaigns.words import DIMENSIONS, METRICS
from monitor.clock import iso, to_ms
from monitor.errors import FileRefused, Unsaid
from monitor.ingest import parse
from monitor.ingest.counters import NONE, Bools, Ints
from monitor.ingest.readings import Columns as Columns
from monitor.ingest.readings import Key
from monitor.ingest.readings import Readings as Readings
from monitor.ingest.schema import CANONICAL, KNOWN, OUTSIDE, REQUIRED, Field
from monitor.ingest.table import Column, Fault, Table
from monitor.settings import Campaign, Settings

LONGEST_VALUE = 200


def read_table(
    table: Table, settings: Settings, campaign: str | None = None, at: datetime | None = None
) -> Readings:
    """Read a table with canonical labels.

    `campaign`: for files without a campaign column. `at`: the instant of reading for files without
    one; such a file is an export of a period and closes no bucket.

    Raises FileRefused when the file as a whole cannot be taken.
    """
    labels = [column.label for column in table.columns]
    names = [label.strip().lower() for label in labels]
    doubled = sorted({name for name in names if name in KNOWN and names.count(name) > 1})
    if doubled:
        raise FileRefused(f"the column {doubled[0]!r} stands in the header twice; keep one of them")
    found = {name: c for name, c in zip(names, table.columns, strict=True) if name in KNOWN}
    given = {"observed_at": at, "campaign_id": campaign}
    columns = Columns(
        matched=tuple(label for label, n in zip(labels, names, strict=True) if n in KNOWN),
        unmatched=tuple(label for label, n in zip(labels, names, strict=True) if n not in KNOWN),
        missing=tuple(name for name in REQUIRED if name not in found and given[name] is None),
    )
    if not found:
        raise FileRefused(
            f"no known columns (found: {', '.join(map(repr, labels[:8]))}); a canonical file has "
            f"observed_at, campaign_id, dimensions and metrics, separated by commas"
        )
    if columns.missing:
        option = {"observed_at": "--at TIME", "campaign_id": "--campaign ID"}[columns.missing[0]]
        what = {"observed_at": "at", "campaign_id": "campaign"}[columns.missing[0]]
        raise Unsaid(
            f"the column {columns.missing[0]!r} is missing (found: {', '.join(labels[:12])}); add it"
            f" or give {option}",
            what,
        )
    if not any(metric in found for metric in METRICS):
        raise FileRefused(f"no metric column; at least one of {', '.join(METRICS)} is needed")
    readings = _Reader(found, table, columns, settings, campaign, at).readings()
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
    """Checks column after column, as the schema has them; the first fault sets a row aside."""

    def __init__(
        self,
        found: dict[str, Column],
        table: Table,
        columns: Columns,
        settings: Settings,
        campaign: str | None,
        at: datetime | None,
    ) -> None:
        self.found, self.table, self.columns = found, table, columns
        self.campaigns = {c.id: c for c in settings.campaign}
        self.campaign, self.at = campaign, at
        self.count = len(table.line)
        self.good: Bools = np.ones(self.count, bool)
        self.faults: list[Fault] = []

    def readings(self) -> Readings:
        instants: dict[str, Ints] = {}
        texts: dict[str, tuple[list[str], Ints]] = {}
        values = np.full((self.count, len(METRICS)), NONE)
        for field in CANONICAL:
            if field.kind == "instant":
                instants[field.name] = self._instants(field)
            elif field.kind == "campaign":
                texts[field.name] = self._campaigns(field, instants["observed_at"])
            elif field.kind == "number":
                if field.name in self.found:
                    values[:, METRICS.index(field.name)] = self._numbers(field)
            elif field.name in self.found:
                texts[field.name] = self._texts(field)
        kept = np.flatnonzero(self.good)
        if len(kept) < self.count:
            values = values[kept]
        campaign_ids, campaign = texts["campaign_id"]
        which, campaign = parse.present(campaign[kept])
        keys, key = _keys({d: (t, c[kept]) for d, (t, c) in texts.items()}, len(kept))
        return Readings(
            columns=self.columns,
            read=self.count + len(self.table.faults),
            line=self.table.line[kept],
            observed_ms=instants["observed_at"][kept],
            complete_ms=instants["complete_through"][kept],
            campaigns=tuple(campaign_ids[i] for i in which.tolist()),
            campaign=campaign,
            keys=keys,
            key=key,
            values=values,
            faults=tuple(sorted([*self.table.faults, *self.faults], key=lambda fault: fault.line)),
            closes="observed_at" in self.found,
        )

    def _fault(self, rows: Ints, field: Field, cells: pa.Array | list[str], reason: str) -> None:
        """Set rows aside. `cells`: what they hold, an entry for each of them."""
        fresh = np.flatnonzero(self.good[rows])
        rows = rows[fresh]
        self.good[rows] = False
        shown = [cells[int(i)] for i in fresh]
        named = self.found.get("campaign_id")
        for row, cell in zip(rows.tolist(), shown, strict=True):
            campaign = self.campaign if named is None else parse.shown(named, row)
            value = cell.as_py() if isinstance(cell, pa.Scalar) else cell
            value = None if value is None else str(value)[:LONGEST_VALUE]
            line = int(self.table.line[row])
            self.faults.append(Fault(line, field.name, value, reason, campaign or None))

    def _instants(self, field: Field) -> Ints:
        """Milliseconds; few distinct texts are parsed once each."""
        column = self.found.get(field.name)
        if column is None:
            given = self.at if field.name == "observed_at" else None
            return np.full(self.count, NONE if given is None else to_ms(given))
        found, wrong = parse.instants(column)
        for reason, rows in wrong.items():
            self._fault(rows, field, [parse.shown(column, row) or "" for row in rows], reason)
        if field.blank:
            blank = np.flatnonzero((found == NONE) & self.good)
            self._fault(blank, field, pa.nulls(len(blank)), field.blank)
        return found

    def _campaigns(self, field: Field, observed: Ints) -> tuple[list[str], Ints]:
        column = self.found.get(field.name)
        if column is None:
            distinct, which = [self.campaign or ""], np.zeros(self.count, np.int64)
        else:
            distinct, which = parse.texts(column)
        for i, campaign_id in enumerate(distinct):
            campaign = self.campaigns.get(campaign_id)
            if campaign is None:
                known = ", ".join(self.campaigns)
                reason = f"unknown campaign; known: {known}" if campaign_id else field.blank
                rows = np.flatnonzero(which == i)
                self._fault(rows, field, [campaign_id] * len(rows), reason)
            else:
                self._far(campaign, which == i, observed)
        return distinct, which

    def _far(self, campaign: Campaign, mine: Bools, observed: Ints) -> None:
        low, high = to_ms(campaign.start - OUTSIDE), to_ms(campaign.end + OUTSIDE)
        far = np.flatnonzero(mine & (observed != NONE) & ((observed < low) | (observed > high)))
        if len(far):
            column = self.found.get("observed_at")
            said = [
                iso(self.at) if column is None else parse.shown(column, row) for row in far.tolist()
            ]
            self._fault(
                far,
                CANONICAL[0],
                [text or "" for text in said],
                f"more than a day outside the campaign {campaign.id} "
                f"({iso(campaign.start)} to {iso(campaign.end)})",
            )

    def _texts(self, field: Field) -> tuple[list[str], Ints]:
        distinct, which = parse.texts(self.found[field.name])
        if field.kind == "id":
            for text, reason in parse.spoilt_ids(distinct).items():
                rows = np.flatnonzero(which == text)
                self._fault(rows, field, [distinct[text]] * len(rows), reason)
        return distinct, which

    def _numbers(self, field: Field) -> Ints:
        column = self.found[field.name]
        found, wrong = parse.numbers(column)
        for reason, rows in wrong.items():
            self._fault(rows, field, [parse.shown(column, row) or "" for row in rows], reason)
        return found


def _keys(texts: dict[str, tuple[list[str], Ints]], count: int) -> tuple[tuple[Key, ...], Ints]:
    """The distinct keys of rows, and which of them each row has."""
    dims = [texts.get(dim, ([""], np.zeros(count, np.int64))) for dim in DIMENSIONS]
    code, size = np.zeros(count, np.int64), 1
    for distinct, which in dims:
        if size * len(distinct) > 2**62:  # renumber what there is, so that the codes stay whole
            some, code = parse.present(code)
            size = len(some)
        code = code * len(distinct) + which
        size *= len(distinct)
    first, key = parse.first_rows(code)
    cells = [
        [distinct[i] for i in which[first].tolist()] if len(distinct) else []
        for distinct, which in dims
    ]
    return tuple(zip(*cells, strict=True)), key
