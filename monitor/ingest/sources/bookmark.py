"""How far a query has been read: the last value of its incremental column, as JSON and back."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from monitor.ingest.sources.base import SourceTrouble

DATE = re.compile(r"\d{4}-\d\d-\d\d")
Value = datetime | date | int | float | Decimal | str


def to_json(value: Value) -> dict[str, str]:
    """The value and its kind, exact: a cursor must come back as the type that the column has."""
    match value:
        case datetime():
            return {"kind": "instant", "value": value.isoformat()}
        case date():
            return {"kind": "date", "value": value.isoformat()}
        case bool() | int():
            return {"kind": "int", "value": str(int(value))}
        case float():
            return {"kind": "float", "value": repr(value)}
        case Decimal():
            return {"kind": "decimal", "value": str(value)}
        case str():
            return {"kind": "text", "value": value}
    raise SourceTrouble(
        f"the incremental column holds {type(value).__name__} values; take one of numbers, "
        "instants or text, or write a CAST into the query",
        permanent=True,
    )


def from_json(said: dict[str, Any]) -> Value:
    """Raises KeyError or ValueError for what `to_json` did not write."""
    text: str = said["value"]
    read = {
        "instant": datetime.fromisoformat,
        "date": date.fromisoformat,
        "int": int,
        "float": float,
        "decimal": Decimal,
        "text": str,
    }
    return read[said["kind"]](text)  # type: ignore[operator,no-any-return]


def back(value: Value, overlap: timedelta | int) -> Value:
    """`overlap` before a value. Text must be an ISO 8601 date and time."""
    if not overlap:
        return value
    if isinstance(overlap, timedelta):
        if isinstance(value, datetime | date):
            return value - overlap
        if isinstance(value, str):
            return _text_back(value, overlap)
    elif isinstance(value, int | float | Decimal):
        return value - overlap
    raise SourceTrouble(
        f"overlap does not fit the incremental column, whose value is {value!r}: give a duration "
        'such as "10m" for instants, a whole number for numbers',
        permanent=True,
    )


def _text_back(text: str, overlap: timedelta) -> str:
    """Cut to the second and without its zone, so that it sorts before every way to write that second."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SourceTrouble(
            f"overlap: the incremental column holds the text {text[:60]!r}, which is no ISO 8601 "
            "date and time; leave overlap out",
            permanent=True,
        ) from None
    between = " " if " " in text.strip() else "T"
    return (at - overlap).replace(tzinfo=None).isoformat(between, "seconds")


def in_order(earlier: Value, later: Value) -> bool:
    """Whether `later` may follow. Of text only dates are compared: the order of other text is the
    database's, by a collation that we do not know."""
    if isinstance(earlier, str) and isinstance(later, str):
        dates = DATE.match(earlier), DATE.match(later)
        return not all(dates) or earlier[:10] <= later[:10]
    try:
        return bool(earlier <= later)  # type: ignore[operator]
    except TypeError:
        raise SourceTrouble(
            f"the incremental column holds both {earlier!r} and {later!r}, which have no order; "
            "write a CAST into the query",
            permanent=True,
        ) from None
