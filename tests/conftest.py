"""Small builders that every test may use: settings, files, a heart that takes them.

Import the functions (`from tests.conftest import ingest`); take `heart` as a fixture.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from monitor.answers import totals_json
from monitor.ingest.arrivals import Arrival, read_arrival
from monitor.ingest.files import open_sheets
from monitor.ingest.load import Loaded
from monitor.ingest.read import read_table
from monitor.ingest.readings import Readings
from monitor.settings import Settings, parse_settings
from monitor.store import open_store
from monitor.tick import Heart

hypothesis.configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hypothesis")
_SEARCH = (hypothesis.Phase.explicit, hypothesis.Phase.reuse, hypothesis.Phase.generate)
for _profile, _examples, _phases in (
    ("default", 15, _SEARCH),
    ("torture", 400, _SEARCH),
    ("shrink", 100, (*_SEARCH, hypothesis.Phase.shrink)),  # minutes, for the smallest example
):
    hypothesis.settings.register_profile(
        _profile,
        max_examples=_examples,
        phases=_phases,
        derandomize=_profile == "default",
        deadline=None,
        database=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
        print_blob=True,
    )
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

START = "2026-11-11T00:00:00+08:00"
END = "2026-11-12T00:00:00+08:00"

Row = Mapping[str, object]


def settings_for(
    *,
    counter: str = "cumulative_day",
    start: str = START,
    end: str = END,
    market: str = "MY",
    cadence: str = "5m",
    bucket: str = "5m",
    campaigns: Mapping[str, tuple[str, str]] | None = None,
    feeds: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from TOML text: campaign `sale`, feed `live`, unless `campaigns` (id → start, end)
    or `feeds` (id → counter) say more."""
    text = f'[monitor]\nbucket = "{bucket}"\n'
    for campaign_id, (first, last) in (campaigns or {"sale": (start, end)}).items():
        text += (
            f'[[campaign]]\nid = "{campaign_id}"\nname = "{campaign_id}"\nkind = "custom"\n'
            f'market = "{market}"\nstart = {first}\nend = {last}\n'
        )
    for feed_id, kind in (feeds or {"live": counter}).items():
        text += (
            f'[[feed]]\nid = "{feed_id}"\nsource = {{ type = "folder", path = "{feed_id}" }}\n'
            f'counter = "{kind}"\ncadence = "{cadence}"\n'
        )
    return parse_settings(text, Path("/nowhere/monitor.toml"))


def csv_text(rows: Iterable[Row], *, end: str = "\n") -> str:
    """Rows as CSV; the header is all their columns in order of appearance, None is blank."""
    rows = list(rows)
    header = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator=end)
    writer.writeheader()
    writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)
    return text.getvalue()


def reading(at: str, *, campaign: str = "sale", day: str = "2026-11-11", **cells: object) -> Row:
    """One row read at a local time in Kuala Lumpur: `reading("12:05", channel="live", gmv=10)`."""
    clock = at if at.count(":") == 2 else f"{at}:00"
    return {"observed_at": f"{day}T{clock}+08:00", "campaign_id": campaign, **cells}


@dataclass(frozen=True)
class File:
    """A file that arrives; the feed is the first of the configuration unless named."""

    name: str
    content: str | bytes
    feed: str | None = None
    campaign: str | None = None


def file_of(*rows: Row, name: str = "", feed: str | None = None) -> File:
    return File(name, csv_text(rows), feed)


def arrived(files: Sequence[File | str | bytes], settings: Settings, folder: Path) -> list[Arrival]:
    """Write files below `folder` and give them as arrivals; nameless ones are numbered."""
    arrivals = []
    for number, given in enumerate(files):
        file = given if isinstance(given, File) else File("", given)
        path = folder / (file.name or f"file-{number:04d}.csv")
        content = file.content
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        feed = settings.feed_by_id(file.feed) if file.feed else settings.feed[0]
        arrivals.append(Arrival(path, feed, file.campaign))
    return arrivals


def ingest(
    heart: Heart, *files: File | str | bytes, now: datetime | None = None
) -> tuple[Loaded, ...]:
    """One tick that takes files, an hour after the last campaign's end unless `now` is given."""
    with tempfile.TemporaryDirectory() as folder:
        arrivals = arrived(files, heart.settings, Path(folder))
        return heart.tick(now or afterwards(heart.settings), arrivals, publish=False).loaded


def load(heart: Heart, *files: File | str | bytes) -> list[Loaded]:
    """The loader's part of a tick alone: nothing is judged, so it is quick."""
    with tempfile.TemporaryDirectory() as folder:
        arrivals = arrived(files, heart.settings, Path(folder))
        incoming = [read_arrival(arrival, heart.settings) for arrival in arrivals]
    with heart.store.transaction():
        return heart.loader.load(incoming, afterwards(heart.settings))


def afterwards(settings: Settings) -> datetime:
    return max(c.end for c in settings.campaign) + timedelta(hours=1)


def read_canonical(
    content: bytes, settings: Settings, campaign: str | None = None, at: datetime | None = None
) -> Readings:
    """The readings of a canonical file, or FileRefused."""
    (sheet,) = open_sheets(content, "file.csv")
    header = next(i for i, cells in enumerate(sheet.head) if cells)
    return read_table(sheet.table(header, header + 1), settings, campaign, at)


def local(at: str, *, day: str = "2026-11-11") -> datetime:
    """A local time in Kuala Lumpur as an instant: `local("12:05")`."""
    return datetime.fromisoformat(f"{day}T{at}+08:00").astimezone(UTC)


def a_heart(settings: Settings | None = None) -> Heart:
    """A heart on an empty database in memory."""
    return Heart(open_store(None), settings or settings_for())


@pytest.fixture
def heart() -> Heart:
    return a_heart()


def totals_of(heart: Heart, *by: str, campaign: str = "", now: datetime | None = None) -> Any:
    """Rows of the totals verb: of the first campaign unless named."""
    settings = heart.settings
    chosen = settings.campaign_by_id(campaign) if campaign else settings.campaign[0]
    at = now or afterwards(settings)
    return totals_json(heart.store, settings, chosen, by, at)["rows"]


def total(heart: Heart, metric: str = "gmv", *, campaign: str = "") -> Any:
    """One metric of a campaign, all of it; None when unknown."""
    return totals_of(heart, campaign=campaign)[0][metric]


def ledger(heart: Heart) -> list[dict[str, Any]]:
    """Rows of the batch ledger, in order of arrival."""
    got = heart.store.cursor.execute("select * from batch order by seq")
    names = [column[0] for column in got.description or ()]
    return [dict(zip(names, row, strict=True)) for row in got.fetchall()]


DERIVED = {
    "fact": "stream_id, bucket, observed_at, key_id, gmv, orders, visitors",
    "rollup": "stream_id, bucket, observed_at, channel, category, gmv, orders, visitors",
    "correction": "stream_id, bucket, observed_at, key_id, metric, amount",
    "missing": "stream_id, observed_at, channel, category, gmv, orders, visitors",
    "instant": "stream_id, observed_at, watermark",
    "latest": "stream_id, key_id, day, v_gmv, t_gmv, s_gmv, v_orders, t_orders, s_orders",
}


def derived(heart: Heart) -> dict[str, list[tuple[Any, ...]]]:
    """All that was worked out from the snapshots, with names in place of the ids of arrival."""
    cursor = heart.store.cursor
    keys = {row[0]: row[1:] for row in cursor.execute("select * from series_key").fetchall()}
    streams = {row[0]: row[1:] for row in cursor.execute("select * from stream").fetchall()}
    found = {}
    for table, columns in DERIVED.items():
        names = columns.split(", ")
        rows = cursor.execute(f"select {columns} from {table}").fetchall()
        named = [
            tuple(
                keys[cell] if name == "key_id" else streams[cell] if name == "stream_id" else cell
                for name, cell in zip(names, row, strict=True)
            )
            for row in rows
        ]
        found[table] = sorted(named, key=repr)
    return found
