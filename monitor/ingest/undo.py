"""A batch taken back: afterwards all that was worked out is as if it had never arrived.

Its readings go. What later batches said too was known when they came, so it was only held: those
repeats speak now, in the order of their arrival. The streams concerned are folded again.
"""

from __future__ import annotations

from datetime import datetime

from monitor.clock import from_db, iso, to_db
from monitor.errors import MonitorError
from monitor.ingest.columns import db_ms
from monitor.ingest.load import Loader, ords_of
from monitor.settings import Settings
from monitor.store import Store


def undo(store: Store, loader: Loader, batch_id: str, who: str, now: datetime) -> set[str]:
    """Undo a batch of the ledger, within the caller's transaction; gives the campaigns touched.

    The batch stays in the ledger, marked; what it had in quarantine goes. The same content arriving
    again is taken anew.

    Raises MonitorError, with nothing changed, when there is no such batch, nothing in it to undo, or its
    feed or campaign is no longer configured.
    """
    seq = _seq_of(store, loader.settings, batch_id)
    booked = loader.book.undo(seq)
    for stream, since_ms in booked.items():
        loader.touch(stream, since_ms)
    ords = ords_of(seq)
    touched = store.rows("ingest.given_by", ords * 2)
    silenced = store.table("ingest.silenced", ords)
    store.run("ingest.forget_readings", ords)
    store.run("ingest.forget_held", ords)
    store.run("ingest.forget_period_readings", [seq])
    store.run("ingest.forget_faults", [seq])
    if silenced.num_rows:
        with store.lent("silenced", silenced):
            speaking = store.table("ingest.speak_again")
        with store.lent("speaking", speaking):
            store.run("ingest.forget_spoken")
        store.append("snapshot", speaking)
    for stream, first in touched:
        loader.touch(stream, db_ms(first))
    store.run("ingest.mark_undone", [to_db(now), who, batch_id])
    campaigns = loader.fold()
    store.run("ingest.forget_empty_streams", [[*booked, *(row[0] for row in touched)]])
    loader.refresh()
    return campaigns


def _seq_of(store: Store, settings: Settings, batch_id: str) -> int:
    """The batch's place in the ledger, once it is sure that it can be undone."""
    rows = store.rows("ingest.undo_of", [batch_id])
    if not rows:
        raise MonitorError(
            f"no batch {batch_id!r}: look its id up in the list of batches on the Import page"
        )
    seq, status, feed_id, file, undone_at, undone_by, campaigns = rows[0]
    named = f"batch {batch_id} ({file}, feed {feed_id})"
    if undone_at is not None:
        by = undone_by or "nobody named"
        raise MonitorError(f"{named} was undone before: by {by} at {iso(from_db(undone_at))}")
    if status in ("refused", "needs_mapping"):
        raise MonitorError(f"{named}: nothing of it was taken, so there is nothing to undo")
    settings.feed_by_id(feed_id)  # what it gave cannot be worked out anew without either
    for campaign_id in filter(None, campaigns.split(",")):
        settings.campaign_by_id(campaign_id)
    return int(seq)
