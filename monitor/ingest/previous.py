"""A file against the previous one of its kind: the same feed, format and campaign."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.clock import from_db
from monitor.store import Store

FELL = 0.10  # of GMV: a fall by more is asked about

Totals = dict[str, float | None]


@dataclass(frozen=True)
class Previous:
    """The newest batch in force that brought something to the campaign."""

    batch_id: str
    file: str
    arrived_at: datetime
    totals: Totals


def previous(
    store: Store, feed_id: str, format: str, campaign_id: str, batch_id: str
) -> Previous | None:
    """The one before batch `batch_id`, or None."""
    rows = store.rows("imports.previous", [feed_id, format, batch_id, campaign_id])
    if not rows:
        return None
    other, file, arrived_at, summary = rows[0]
    return Previous(other, file, from_db(arrived_at), json.loads(summary)["totals"])


def odd(before: Previous, totals: Totals, zone: ZoneInfo) -> str:
    """What is odd about a file's totals beside those of the one before; "" when nothing is."""
    old, new = before.totals.get("gmv"), totals.get("gmv")
    if not old or new is None or new >= old * (1 - FELL):
        return ""
    when = before.arrived_at.astimezone(zone)
    return (
        f"GMV is {1 - new / old:.0%} below the file of {when:%H:%M} ({before.file}): "
        "a correction, or only a part of it?"
    )
