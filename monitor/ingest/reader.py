"""One file into what the loader takes: the steps from bytes to readings, told in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monitor.errors import FileRefused
from monitor.ingest.counters import NONE
from monitor.ingest.export import Export, Given
from monitor.ingest.lines import order_lines, sessions
from monitor.ingest.periods import day_readings, period_readings
from monitor.ingest.read import read_table
from monitor.ingest.readings import Columns, Control, OrderLines, Readings
from monitor.ingest.recognise import Aliases, Recognised, recognise


class NeedsMapping(FileRefused):
    """A column that must be there is missing, and a person may know its new name."""

    def __init__(self, message: str, format: str, columns: Columns) -> None:
        super().__init__(message)
        self.format, self.columns = format, columns


@dataclass(frozen=True)
class Understood:
    """What a file is and holds: readings of counters, or lines at their own time."""

    recognised: tuple[Recognised, ...]
    content: Readings | OrderLines

    @property
    def format(self) -> str:
        return self.recognised[0].name


def understand(content: bytes, given: Given, aliases: Aliases) -> Understood:
    """Recognise a file and read all of it.

    Raises FileRefused when nothing of it can be taken, NeedsMapping when a person can help.
    """
    found = recognise(content, given.file, aliases)
    for rec in found:
        if rec.asks:
            raise NeedsMapping(question(rec), rec.name, columns_of(rec))
    parts = [_read(rec, given) for rec in found]
    if len(parts) > 1:
        found, parts = _once(found, parts)
    return Understood(tuple(found), parts[0] if len(parts) == 1 else _joined(found, parts))


def _read(rec: Recognised, given: Given) -> Readings | OrderLines:
    if rec.format is None:
        table = rec.sheet.table(rec.header, rec.first)
        return read_table(table, given.settings, given.campaign, given.at)
    export = Export(rec, given)
    if rec.format.rows == "orders":
        return order_lines(export)
    if rec.format.rows == "sessions":
        return sessions(export)
    return period_readings(export) if rec.format.rows == "period" else day_readings(export)


def question(rec: Recognised) -> str:
    """`21 of 23 columns matched; X is missing; did it become Y?`"""
    said = [f"{len(rec.found)} of {sum(map(bool, rec.labels))} columns matched"]
    for title, labels in rec.asks.items():
        guess = f"; did it become `{labels[0]}`?" if labels else ""
        said.append(f"`{title}` is missing{guess}")
    return "; ".join(said).replace("?;", "?")


def columns_of(rec: Recognised) -> Columns:
    """What matched in a file whose rows were not read."""
    used = {f.position for f in rec.found.values()}
    return Columns(
        matched=tuple(label for i, label in enumerate(rec.labels) if i in used),
        unmatched=tuple(label for i, label in enumerate(rec.labels) if label and i not in used),
        missing=tuple(rec.asks),
    )


def _once(
    found: list[Recognised], parts: list[Readings | OrderLines]
) -> tuple[list[Recognised], list[Readings | OrderLines]]:
    """Sheets without those that repeat another. Raises FileRefused where two tell of one thing."""
    kept: list[tuple[Recognised, dict[Any, tuple[int, ...]]]] = []
    chosen: list[Readings | OrderLines] = []
    for rec, part in zip(found, parts, strict=True):
        rows = _told(part)
        twin = next((other for other, seen in kept if seen == rows), None)
        for other, seen in kept if twin is None else ():
            for what in sorted(rows.keys() & seen.keys()):
                if rec.format is None and _agree(rows[what], seen[what]):
                    continue
                named = " ".join(cell for cell in what[1] if cell) if what[0] else "one order line"
                raise FileRefused(
                    f"{other.sheet.name!r} and {rec.sheet.name!r} both have numbers of {named}: "
                    "leave one out, or drop them one after the other, the newer last"
                )
        if twin is not None:
            words = f"{rec.sheet.name!r} repeats {twin.sheet.name!r}: read once"
            chosen[0] = replace(
                chosen[0], controls=(*chosen[0].controls, Control("sheets", False, words))
            )
            continue
        kept.append((rec, rows))
        chosen.append(part)
    return [rec for rec, _ in kept], chosen


def _agree(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether no number stands against another."""
    return all(a in (b, NONE) or b == NONE for a, b in zip(one, other, strict=True))


def _told(part: Readings | OrderLines) -> dict[Any, tuple[int, ...]]:
    """What a part tells of, and its numbers."""
    values = [tuple(row) for row in part.values.tolist()]
    if isinstance(part, OrderLines):
        names = [("", (order, item)) for order, item in zip(part.order, part.item, strict=True)]
        return dict(zip(names, values, strict=True))
    campaigns = [part.campaigns[i] for i in part.campaign.tolist()]
    keys = [part.keys[i] for i in part.key.tolist()]
    return dict(
        zip(zip(campaigns, keys, part.observed_ms.tolist(), strict=True), values, strict=True)
    )


def _joined(found: list[Recognised], parts: list[Readings | OrderLines]) -> Readings | OrderLines:
    """Several sheets of one kind, one after the other; faults say which sheet."""
    first = parts[0]
    faults = tuple(
        replace(fault, reason=f"{rec.sheet.name}: {fault.reason}")
        for rec, part in zip(found, parts, strict=True)
        for fault in part.faults
    )
    campaigns = tuple(dict.fromkeys(c for part in parts for c in part.campaigns))
    keys = tuple(dict.fromkeys(key for part in parts for key in part.keys))
    place = {key: i for i, key in enumerate(keys)}
    common: dict[str, Any] = {
        "read": sum(part.read for part in parts),
        "line": np.concatenate([part.line for part in parts]),
        "campaigns": campaigns,
        "campaign": np.concatenate([_again(p.campaigns, p.campaign, campaigns) for p in parts]),
        "keys": keys,
        "key": np.concatenate(
            [np.array([place[k] for k in p.keys], np.int64)[p.key] for p in parts]
        ),
        "values": np.concatenate([part.values for part in parts]),
        "faults": faults,
        "controls": tuple(c for part in parts for c in part.controls),
    }
    if isinstance(first, OrderLines):
        lines = [part for part in parts if isinstance(part, OrderLines)]
        return replace(
            first,
            **common,
            placed_ms=np.concatenate([p.placed_ms for p in lines]),
            order=tuple(o for p in lines for o in p.order),
            item=tuple(i for p in lines for i in p.item),
            state=np.concatenate([p.state for p in lines]),
        )
    readings = [part for part in parts if isinstance(part, Readings)]
    spans = [p.period_ms for p in readings if p.period_ms is not None]
    weights = [np.ones(len(p.line), np.int64) if p.weight is None else p.weight for p in readings]
    return replace(
        first,
        **common,
        observed_ms=np.concatenate([p.observed_ms for p in readings]),
        complete_ms=np.concatenate([p.complete_ms for p in readings]),
        closes=all(p.closes for p in readings),
        weight=np.concatenate(weights),
        period_ms=(min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None,
    )


def _again(ids: tuple[str, ...], which: np.ndarray, campaigns: tuple[str, ...]) -> np.ndarray:
    return np.asarray(np.array([campaigns.index(i) for i in ids], np.int64)[which])
