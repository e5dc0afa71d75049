"""Exports whose rows are numbers of a period: all of the file's, or each row's own day.

They become readings of a counter at the end of what they cover, and close no bucket. Rows of one
key (several videos of one creator) are added up.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from monitor.campaigns.words import METRICS
from monitor.clock import from_ms, to_ms
from monitor.errors import FileRefused, Unsaid
from monitor.ingest import dialect as d
from monitor.ingest.counters import NONE, Ints
from monitor.ingest.doubled import set_aside
from monitor.ingest.export import OUTSIDE_MS, Export, campaign_for
from monitor.ingest.readings import Control, Key, Readings
from monitor.ingest.spans import period_in
from monitor.ingest.table import Cell
from monitor.settings import Campaign

LAST_S = 1_000  # a reading at midnight belongs to the new day, so a day's last is a second before


def period_readings(export: Export) -> Readings:
    """Readings of an export of a period, at the end of the period or at the instant given."""
    given = export.given
    days = period_of(export)
    if days is None and given.at is None:
        raise Unsaid(
            "the file does not say which period it covers or when it was read: give the instant of "
            "reading, on the Import page or with --at 2026-11-11T12:05:00+08:00",
            "at",
        )
    if days is not None:
        campaign = _campaign(export, days)
        low, high = _span(days, campaign.zone)
        if given.now is not None and low > to_ms(given.now):
            words = (
                f"The file says it covers {days[0]} to {days[1]}, which has not begun by this machine's "
                "clock: is the period right, and the clock?"
            )
            export.told.append(Control("period", False, words))
        observed = _observed(low, high, export)
        _check_counter(export, days, low, campaign)
    else:
        assert given.at is not None
        observed = to_ms(given.at)
        campaign = campaign_for(observed, observed + 1, given)
        low = high = observed
    export.check_currency(campaign)
    _check_near(observed, campaign)
    at = np.full(export.count, observed)
    return _readings(export, at, campaign, None if days is None else (low, high))


def day_readings(export: Export) -> Readings:
    """Readings of an export with a row a day."""
    title = export.title_of("date")
    assert title is not None
    column = export.cleaned.columns[title]
    zones = {c.timezone for c in export.given.settings.campaign}
    first = d.instants(column, export.format.dates, ZoneInfo(min(zones)), exact=False)
    told = first.values[first.values != NONE]
    if not len(told):
        raise FileRefused("no row has a date that can be read")
    campaign = campaign_for(int(told.min()), int(told.max()) + 1, export.given)
    if export.given.feed.counter == "cumulative_campaign":
        raise FileRefused(
            f"the file has a row a day, feed {export.given.feed.id} counts since the campaign began: "
            'import it into a feed with counter = "cumulative_day" or "interval"'
        )
    export.check_currency(campaign)
    began = export.instants("date", campaign.zone)
    observed = began.copy()
    for row in np.flatnonzero(began != NONE):
        day = from_ms(int(began[row])).astimezone(campaign.zone).date()
        low, high = _span((day, day), campaign.zone)
        observed[row] = _observed(low, high, export)
        if high <= to_ms(campaign.start) - OUTSIDE_MS or low >= to_ms(campaign.end) + OUTSIDE_MS:
            reason = f"more than a day outside the campaign {campaign.id}"
            export.fault(int(row), title, day.isoformat(), reason)
    good = began[export.good]
    if not len(good):
        span = None
    else:
        span = int(good.min()), int(good.max()) + 86_400_000
    return _readings(export, observed, campaign, span)


def period_of(export: Export) -> tuple[date, date] | None:
    """First and last day, from the rows above the header, the sheet's or the file's name."""
    head = export.rec.sheet.head[: export.rec.header]
    for cells in head:
        found = period_in(" ".join(_shown(cell) for cell in cells if cell is not None))
        if found:
            return found
    return period_in(export.rec.sheet.name) or period_in(export.given.file)


def _shown(cell: Cell) -> str:
    return cell.date().isoformat() if isinstance(cell, datetime) else str(cell)


def _span(days: tuple[date, date], zone: ZoneInfo) -> tuple[int, int]:
    low = datetime.combine(days[0], time(), zone)
    high = datetime.combine(days[1] + timedelta(days=1), time(), zone)
    return to_ms(low), to_ms(high)


def _observed(low: int, high: int, export: Export) -> int:
    """The end of the period, or now while it still runs: nobody has read the future."""
    now = export.given.now
    at = high - LAST_S
    return min(at, to_ms(now)) if now is not None and low <= to_ms(now) else at


def _campaign(export: Export, days: tuple[date, date]) -> Campaign:
    zones = {c.timezone for c in export.given.settings.campaign}
    spans = [_span(days, ZoneInfo(zone)) for zone in zones]
    return campaign_for(min(s[0] for s in spans), max(s[1] for s in spans), export.given)


def _check_counter(export: Export, days: tuple[date, date], low: int, campaign: Campaign) -> None:
    """A period that is not what the feed's counter counts would be counted wrong."""
    feed, count = export.given.feed, (days[1] - days[0]).days + 1
    if feed.counter == "cumulative_day" and count > 1:
        raise FileRefused(
            f"the file covers {count} days ({days[0]} to {days[1]}), feed {feed.id} counts by day: "
            "export each day by itself, or import it into a feed that counts by campaign"
        )
    local = from_ms(to_ms(campaign.start)).astimezone(campaign.zone)
    midnight = to_ms(datetime.combine(local.date(), time(), campaign.zone))
    if feed.counter == "cumulative_campaign" and low < midnight:
        raise FileRefused(
            f"the file covers {days[0]} to {days[1]}, the campaign {campaign.id} begins on "
            f"{local.date()}: what came before would be counted in; export from {local.date()} on"
        )


def _check_near(observed: int, campaign: Campaign) -> None:
    low, high = to_ms(campaign.start) - OUTSIDE_MS, to_ms(campaign.end) + OUTSIDE_MS
    if not low <= observed <= high:
        at = from_ms(observed).astimezone(campaign.zone).isoformat()
        raise FileRefused(f"{at} is more than a day outside the campaign {campaign.id}")


def _readings(
    export: Export, observed: Ints, campaign: Campaign, period: tuple[int, int] | None
) -> Readings:
    """Rows of one key and instant added up, in order of the first."""
    values, keys = export.metrics(), export.dimensions()
    set_aside(export, values)
    faults, told = export.finished(values)
    if not (values != NONE).any():
        raise FileRefused("no column of numbers that we keep; nothing to import")
    groups: dict[tuple[int, Key], list[int]] = {}
    for row in np.flatnonzero(export.good).tolist():
        groups.setdefault((int(observed[row]), keys[row]), []).append(row)
    distinct = tuple(dict.fromkeys(key for _, key in groups))
    place = {key: i for i, key in enumerate(distinct)}
    added = np.full((len(groups), len(METRICS)), NONE)
    for i, rows in enumerate(groups.values()):
        block = values[rows]
        said = (block != NONE).any(axis=0)
        added[i, said] = np.where(block != NONE, block, 0).sum(axis=0)[said]
    return Readings(
        columns=export.columns_told(),
        read=export.read,
        line=np.array([export.line[rows[0]] for rows in groups.values()], np.int64),
        observed_ms=np.array([at for at, _ in groups], np.int64),
        complete_ms=np.full(len(groups), NONE),
        campaigns=(campaign.id,),
        campaign=np.zeros(len(groups), np.int64),
        keys=distinct,
        key=np.array([place[key] for _, key in groups], np.int64),
        values=added,
        faults=faults,
        closes=False,
        controls=told,
        weight=np.array([len(rows) for rows in groups.values()], np.int64),
        period_ms=period,
    )
