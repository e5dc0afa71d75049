"""How long and over which days: durations in cells, periods in file names and rows above a header."""

from __future__ import annotations

import re
from datetime import date

import numpy as np

from monitor.ingest.counters import NONE, Ints
from monitor.ingest.dialect import by_text
from monitor.ingest.table import Column


def durations(column: Column) -> Ints:
    """Milliseconds of `4h 0min`, `04:00:20`, seconds, or a fraction of a day; NONE when none of it."""
    found = np.full(len(column.text), NONE)
    if column.number is not None:
        for row, value in enumerate(column.number.to_pylist()):
            if value is not None and value == value and value >= 0:
                found[row] = round(value * (86_400_000 if value < 5 else 1000))
    for text, rows in by_text(column.text):
        found[rows] = duration(text)
    return found


def duration(text: str) -> int:
    """Milliseconds, NONE when the text is none."""
    cleaned = text.strip().casefold()
    if match := re.fullmatch(r"(\d+):(\d{2})(?::(\d{2}))?", cleaned):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((hours * 60 + minutes) * 60 + seconds) * 1000
    parts = re.fullmatch(
        r"(?:(\d+)\s*h(?:ours?|rs?)?)?\s*(?:(\d+)\s*m(?:in(?:ute)?s?)?)?\s*(?:(\d+)\s*s(?:ec(?:ond)?s?)?)?",
        cleaned,
    )
    if parts and any(parts.groups()):
        hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        return ((hours * 60 + minutes) * 60 + seconds) * 1000
    if re.fullmatch(r"\d+(\.\d+)?", cleaned):
        return round(float(cleaned) * 1000)
    return int(NONE)


_DAY = r"(20\d{2})[-/.]?(0[1-9]|1[0-2])[-/.]?(0[1-9]|[12]\d|3[01])(?:\d{6})?(?!\d)"
PERIOD = re.compile(
    rf"(?<!\d){_DAY}\s*(?:~|–|—|-|_|to|至|ถึง|đến|s/d|hingga)\s*{_DAY}", re.IGNORECASE
)


def period_in(text: str) -> tuple[date, date] | None:
    """The first and last day (inclusive) that a file name or a metadata row names."""
    match = PERIOD.search(text)
    if not match:
        return None
    numbers_ = [int(part) for part in match.groups()]
    try:
        first, last = date(*numbers_[:3]), date(*numbers_[3:])
    except ValueError:
        return None
    return (first, last) if first <= last else None
