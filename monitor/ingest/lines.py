"""Exports whose rows stand at their own time: lines of orders, and LIVE sessions.

An order counts at the time it was placed. Cancelled and returned lines keep their GMV, as the
platforms count it, and their amount stands in `refunds` too; their commission is not counted. An
ineligible line is kept and counts nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from monitor.campaigns.words import DIMENSIONS, METRICS
from monitor.clock import from_ms, to_ms
from monitor.errors import FileRefused
from monitor.ingest import dialect as d
from monitor.ingest.counters import NONE, Ints
from monitor.ingest.export import OUTSIDE_MS, Export, campaign_for
from monitor.ingest.formats import Format
from monitor.ingest.labels import CURRENCY_MARKS
from monitor.ingest.periods import period_of
from monitor.ingest.readings import STATES, Control, Key, OrderLines
from monitor.ingest.spans import durations
from monitor.settings import Campaign

WORST = ("completed", "placed", "ineligible", "returned", "cancelled")  # of two words, the later
GMV, ORDERS, ITEMS, REFUNDS, COMMISSION = (
    METRICS.index(m) for m in ("gmv", "orders", "items_sold", "refunds", "commission")
)


def order_lines(export: Export) -> OrderLines:
    """Lines of orders in the states they have by this file."""
    campaigns, placed = _placed(export)
    ids = export.texts("order_id")
    items = [
        "|".join(part)
        for part in zip(export.texts("item_id"), export.texts("product_id"), strict=True)
    ]
    title = export.title_of("order_id") or "order_id"
    for row, order in enumerate(ids):
        if not order:
            export.fault(row, title, None, "no order id: the cell is blank")
    _check_currencies(export)
    state = _states(export)
    values = _values(export, state)
    _twice(export, ids, items, values, state)
    return _finished(export, campaigns, placed, export.dimensions(), ids, items, state, values)


def sessions(export: Export) -> OrderLines:
    """LIVE sessions, each whole at the time it began; of one account and start the longest."""
    campaigns, placed = _placed(export)
    creators = export.texts("creator_id")
    title = export.title_of("duration")
    length = durations(export.cleaned.columns[title]) if title else np.full(export.count, NONE)
    ids = [
        f"{creator}@{from_ms(int(at)):%Y%m%dT%H%M%SZ}" if at != NONE else ""
        for creator, at in zip(creators, placed.tolist(), strict=True)
    ]
    longest: dict[str, int] = {}
    for row in np.flatnonzero(export.good).tolist():
        other = longest.setdefault(ids[row], row)
        if other == row:
            continue
        shorter, longer = sorted((row, other), key=lambda r: (length[r], -r))
        longest[ids[row]] = longer
        reason = f"same account and start as line {export.line[longer]}, which ran longer: left out"
        export.fault(shorter, export.title_of("placed_at") or "", ids[row], reason)
    keys = export.dimensions()
    live = DIMENSIONS.index("live_id")
    if not export.given.feed.grain or "live_id" in export.given.feed.grain:
        keys = [(*key[:live], ids[row], *key[live + 1 :]) for row, key in enumerate(keys)]
    state = np.full(export.count, STATES.index("completed"))
    values = export.metrics()
    for row in np.flatnonzero((values[:, ORDERS] == NONE) & (values[:, GMV] != 0)).tolist():
        export.fault(row, export.title_of("orders") or "", None, "sales but no number of orders")
    values[:, ORDERS] = np.where(values[:, ORDERS] == NONE, 0, values[:, ORDERS])
    return _finished(export, campaigns, placed, keys, ids, [""] * len(ids), state, values)


def _placed(export: Export) -> tuple[list[Campaign | None], Ints]:
    """The campaign and the own time of each row; rows that lie far from every campaign set aside."""
    settings = export.given.settings
    zones = {c.timezone for c in settings.campaign}
    title = export.title_of("placed_at")
    assert title is not None
    named = export.texts("campaign_id")
    if export.given.campaign is not None or len(zones) == 1 or export.format.exact:
        zone = campaign_zone(export)
        placed = export.instants("placed_at", zone.zone)
    else:
        told = d.instants(export.cleaned.columns[title], export.format.dates, min(
            settings.campaign, key=lambda c: c.id).zone)  # fmt: skip
        known = told.values[told.values != NONE]
        if not len(known):
            raise FileRefused("no row has a time that can be read")
        campaign = campaign_for(int(known.min()), int(known.max()) + 1, export.given)
        placed = export.instants("placed_at", campaign.zone)
    _check_period(export, placed)
    campaigns: list[Campaign | None] = [None] * export.count
    by_id = {c.id: c for c in settings.campaign}
    allowed = [by_id[export.given.campaign]] if export.given.campaign else list(settings.campaign)
    for row in np.flatnonzero(export.good).tolist():
        at = int(placed[row])
        if named[row] and named[row] not in by_id:
            export.fault(
                row, "campaign_id", named[row], f"unknown campaign; known: {', '.join(by_id)}"
            )
            continue
        mine = [by_id[named[row]]] if named[row] else allowed
        inside = [c for c in mine if to_ms(c.start) <= at < to_ms(c.end)]
        near = inside or [
            c for c in mine if to_ms(c.start) - OUTSIDE_MS <= at <= to_ms(c.end) + OUTSIDE_MS
        ]
        if near:
            campaigns[row] = near[0]
        else:
            where = f"the campaign {mine[0].id}" if len(mine) == 1 else "every campaign"
            shown = from_ms(at).astimezone(mine[0].zone).isoformat()
            export.fault(row, title, shown, f"more than a day outside {where}")
    for campaign in {c.id: c for c in campaigns if c is not None}.values():
        export.check_currency(campaign)
    return campaigns, placed


def _check_period(export: Export, placed: Ints) -> None:
    """Rows that all lie outside the period in the file's name were read with day and month swapped."""
    days = period_of(export)
    known = placed[placed != NONE]
    if days is None or not len(known):
        return
    first, last = (to_ms(datetime(d.year, d.month, d.day, tzinfo=UTC)) for d in days)
    if not ((known > first - 2 * OUTSIDE_MS) & (known < last + 2 * OUTSIDE_MS)).any():
        shown = from_ms(int(known[0])).date()
        raise FileRefused(
            f"the file says it covers {days[0]} to {days[1]}, its first row is read as {shown}: "
            "are day and month swapped? Export it again with the day first"
        )


def campaign_zone(export: Export) -> Campaign:
    """A campaign whose zone the file's local times are in."""
    given = export.given
    if given.campaign is not None:
        return given.settings.campaign_by_id(given.campaign)
    return given.settings.campaign[0]


def _check_currencies(export: Export) -> None:
    texts = {text.upper() for text in export.texts("currency") if text}
    known = {CURRENCY_MARKS.get(text.casefold(), text) for text in texts}
    export.currencies |= known
    if len(known) > 1:
        raise FileRefused(
            f"the file mixes currencies ({', '.join(sorted(known))}): export one at a time"
        )


def _states(export: Export) -> Ints:
    """Index into STATES; of several words on one line the worst counts."""
    format = export.format
    found = np.full(export.count, STATES.index("placed"))
    words = {role: export.texts(role) for role in ("state", "item_state") if export.title_of(role)}
    returned = export.texts("returned")
    for row in np.flatnonzero(export.good).tolist():
        said = []
        for role, texts in words.items():
            text = texts[row]
            meaning = _meaning(format, role, text)
            if meaning is None and text:
                known = ", ".join(w for ws in format.words["state"].values() for w in ws[:2])
                reason = f"unknown status; known are such as {known}"
                export.fault(row, export.title_of(role) or role, text, reason)
            said += [meaning] if meaning else []
        answer = format.word("returned", returned[row]) if returned[row] else "no"
        if answer is None:
            reason = "neither yes nor no in a language we know"
            export.fault(row, export.title_of("returned") or "", returned[row], reason)
        if answer == "yes":
            said.append("returned")
        if said:
            found[row] = STATES.index(max(said, key=WORST.index))
        else:
            export.fault(row, export.title_of("state") or "", None, "no status: the cell is blank")
    return found


def _meaning(format: Format, role: str, text: str) -> str | None:
    meaning = format.word(role, text)
    return format.word("state", text) if meaning is None else meaning


def _values(export: Export, state: Ints) -> Ints:
    values = export.metrics()
    commission = _commission(export, state)
    if commission is not None:
        values[:, COMMISSION] = commission
    gone = np.isin(state, [STATES.index("cancelled"), STATES.index("returned")])
    gmv, refunds = values[:, GMV], values[:, REFUNDS]
    given_back = np.where(gone & (gmv != NONE), np.maximum(gmv, refunds), refunds)
    values[:, REFUNDS] = np.where(given_back == NONE, 0, given_back)
    values[gone & (gmv == NONE) & (values[:, REFUNDS] == 0), REFUNDS] = (
        NONE  # all of an unknown GMV
    )
    values[gone & (values[:, COMMISSION] != NONE), COMMISSION] = 0
    apart = state == STATES.index("ineligible")
    values[apart] = np.where(values[apart] == NONE, NONE, 0)
    values[apart, ORDERS] = 0
    return values


def _commission(export: Export, state: Ints) -> Ints | None:
    """Each part the actual amount if there is one, else the estimate; the parts added up."""
    parts = {
        column.to.partition(":")[2] for column in export.format.column
        if column.to.startswith("commission_")
    }  # fmt: skip
    if not parts:
        return None
    total = np.full(export.count, NONE)
    open_still = state == STATES.index("placed")
    for part in sorted(parts):
        actual = export.amounts(f"commission_actual:{part}")
        estimated = export.amounts(f"commission_estimated:{part}")
        settled = (actual != NONE) & ~((actual == 0) & open_still & (estimated != NONE))
        amount = np.where(settled, actual, estimated)
        known = amount != NONE
        total[known] = np.where(total[known] == NONE, 0, total[known]) + amount[known]
    return total


def _twice(export: Export, ids: list[str], items: list[str], values: Ints, state: Ints) -> None:
    """Two lines of one order and item: one is set aside when they are one, or when the order has moved
    on; else they are told apart by their place. Our own words come in the order of their change."""
    seen: dict[tuple[str, str], int] = {}
    apart: list[int] = []
    for row in np.flatnonzero(export.good).tolist():
        first = seen.setdefault((ids[row], items[row]), row)
        if first == row:
            continue
        both = (values[first] != NONE) & (values[row] != NONE)
        if both[GMV] and not export.format.exact:
            both[[REFUNDS, COMMISSION]] = False  # they follow later; GMV tells lines apart
        same = state[first] == state[row] and (values[first] == values[row])[both].all()
        if not same and export.format.exact and items[row].strip("|"):
            reason = f"line {export.line[row]} has this order line as it is now: left out"
            export.fault(first, export.title_of("order_id") or "", ids[row], reason)
            seen[ids[row], items[row]] = row
        elif state[first] != state[row]:
            reason = (
                f"line {export.line[first]} has this order line as {STATES[state[first]]}: "
                "keep only the newer one in the file"
            )
            export.fault(row, export.title_of("state") or "", STATES[state[row]], reason)
        elif same and items[row].strip("|"):
            reason = f"the same order line as line {export.line[first]}: left out"
            export.fault(row, export.title_of("order_id") or "", ids[row], reason)
        else:
            apart.append(int(export.line[row]))
            number = 2
            while (ids[row], f"{items[row]}#{number}") in seen:
                number += 1
            items[row] = f"{items[row]}#{number}"
            seen[ids[row], items[row]] = row
    if apart:
        words = (
            f"{len(apart)} order lines stand twice with other amounts, first in line {apart[0]}: "
            "all are counted"
        )
        export.told.append(Control("twice", False, words))


def _finished(
    export: Export, campaigns: list[Campaign | None], placed: Ints, keys: list[Key],
    ids: list[str], items: list[str], state: Ints, values: Ints,
) -> OrderLines:  # fmt: skip
    faults, told = export.finished(values)
    good = np.flatnonzero(export.good)
    names = tuple(sorted({c.id for c in campaigns if c is not None}))
    distinct = tuple(dict.fromkeys(keys[row] for row in good.tolist()))
    place = {key: i for i, key in enumerate(distinct)}
    which = [campaigns[row] for row in good.tolist()]
    return OrderLines(
        columns=export.columns_told(),
        read=export.read,
        line=export.line[good],
        placed_ms=placed[good],
        campaigns=names,
        campaign=np.array([names.index(c.id) for c in which if c is not None], np.int64),
        keys=distinct,
        key=np.array([place[keys[row]] for row in good.tolist()], np.int64),
        order=tuple(ids[row] for row in good.tolist()),
        item=tuple(items[row] for row in good.tolist()),
        state=state[good],
        values=values[good],
        faults=faults,
        controls=(*told, *_kept_apart(export, state[good], [keys[r] for r in good.tolist()])),
    )


def _kept_apart(export: Export, state: Ints, keys: list[Key]) -> list[Control]:
    found = []
    for name in ("cancelled", "returned", "ineligible"):
        count = int((state == STATES.index(name)).sum())
        if count:
            how = "counts nothing" if name == "ineligible" else "its amount stands in refunds too"
            words = f"{count} of {len(state)} lines are {name}: {how}"
            found.append(Control(name, True, words))
    nobody = sum(not key[2] for key in keys)
    if nobody and export.title_of("creator_id"):
        label = export.rec.found[export.title_of("creator_id") or ""].label
        words = f"{nobody} of {len(keys)} lines name no creator ({label} is empty): on no board"
        found.append(Control("unattributed", False, words))
    return found
