"""Column names that people explained: remembered in the database, with who and when."""

from __future__ import annotations

from datetime import datetime

from monitor.clock import from_db, to_db
from monitor.errors import MonitorError
from monitor.ingest.formats import formats
from monitor.ingest.labels import normal
from monitor.ingest.recognise import Aliases
from monitor.store import Store


def aliases(store: Store) -> Aliases:
    """All that was learned, for `recognise`."""
    return {(row[0], row[1]): row[2] for row in store.rows("alias.all")}


def learned(store: Store) -> list[tuple[str, str, str, str, datetime]]:
    """(format, label, field, who, at), newest first."""
    return [(*row[:4], from_db(row[4])) for row in store.rows("alias.all")]


def learn(store: Store, format: str, label: str, field: str, who: str, now: datetime) -> None:
    """From now on `label` is the column `field` in files of `format`; "" leaves it out for good.

    Raises MonitorError when there is no such format or column.
    """
    known = formats().get(format)
    if known is None:
        raise MonitorError(f"no format {format!r}; known: {', '.join(formats())}")
    if field and field not in known.by_title:
        raise MonitorError(
            f"{known.title} has no column {field!r}; known: {', '.join(known.by_title)}"
        )
    if not normal(label):
        raise MonitorError("a column without a name cannot be remembered: name it in the file")
    with store.transaction():
        store.run("alias.learn", [format, normal(label), field, who, to_db(now)])


def forget(store: Store, format: str, label: str) -> None:
    """Take a learned name back; what was imported with it stays."""
    with store.transaction():
        store.run("alias.forget", [format, normal(label)])
