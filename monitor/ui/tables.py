"""Tables of the pages: members of a campaign, boards, batches; and boards as safe CSV.

Own HTML and not `st.dataframe`: it reads on a phone, wraps, has no download of its own (which would
hand formulas to Excel), and costs nothing to send again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import iso
from monitor.picture import Board, CampaignPicture, Member
from monitor.spreadsheet import safe_cell
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.charts import spark
from monitor.ui.frame import Frame
from monitor.ui.markup import Head, chip, esc, name, table
from monitor.ui.memo import memo

PAGE = 50


def members(frame: Frame, dim: str) -> str:
    """Channels or categories: GMV, share, change, the last three hours, and their state."""
    own = [m for m in frame.shown.members if m.dim == dim]
    heads = (
        Head(w.DIMENSIONS.get(dim, dim), "key"),
        Head("GMV", "num"),
        Head("Share", "wide"),
        Head("Change", "num", "against the comparable campaign at the same time of event"),
        Head("Last 3 h", "wide", "GMV, a bar for 15 minutes"),
        Head("Now"),
    )
    rows = [_member(frame, m) for m in own]
    return table(heads, rows, f"GMV by {w.DIMENSIONS.get(dim, dim).lower()}")


def _member(frame: Frame, m: Member) -> tuple[str, ...]:
    gmv, then = m.totals.get("gmv"), m.compared.get("gmv")
    change = n.change("gmv", gmv, then)
    symbol, word = w.state(m.state)
    series = frame.shown.series.get((f"{m.dim}={m.id}", "gmv")) if m.id else None
    bars = ""
    if series is not None:
        key = ("spark", frame.campaign_id, m.dim, m.id)
        bars = memo.get(frame.picture, key, lambda: spark(series))
    text = change.text if change.way != "unknown" else n.UNKNOWN
    return (
        name(w.member(m.dim, m.id)),
        money(gmv, frame.currency),
        share_bar(m.share),
        f'<span class="{change.way}" title="{esc(n.exact("gmv", then, frame.currency))} then">'
        f"{esc(text)}</span>",
        bars,
        chip(symbol, word, m.state),
    )


def money(value: float | None, currency: str) -> str:
    """An amount with its exact value as a tooltip."""
    hint = esc(n.exact("gmv", value, currency))
    return f'<span title="{hint}">{esc(n.money(value, currency))}</span>'


def share_bar(share: float | None) -> str:
    """A share of the whole as a bar and a number."""
    if share is None:
        return f'<span class="m-unknown" title="unknown">{n.UNKNOWN}</span>'
    width = min(100.0, max(0.0, share * 100))
    text = "<0.1%" if 0 < share < 0.0005 else n.percent(share, 1 if share < 0.0995 else 0)
    return f'<span class="m-share"><b><i style="width:{width:.1f}%"></i></b>{esc(text)}</span>'


def rank_change(change: int | None) -> str:
    """▲3, ▼1, = or new: places won or lost in the last hour."""
    if change is None:
        return '<span class="m-muted">new</span>'
    if change == 0:
        return '<span class="m-muted" title="no change in the last hour">=</span>'
    way, arrow = ("up", "▲") if change > 0 else ("down", "▼")
    return f'<span class="{way}">{arrow}{abs(change)}</span>'


def matching(rows: pa.Table, text: str) -> pa.Table:
    """The rows whose name or id contains `text`, in any case."""
    wanted = text.strip()
    if not wanted:
        return rows
    hits = [
        pc.fill_null(pc.match_substring(rows[c], wanted, ignore_case=True), False)
        for c in ("name", "id")
    ]
    return rows.filter(pc.or_(*hits))


def board(frame: Frame, shown: Board, rows: pa.Table) -> str:
    """A page of a ranking."""
    heads = (
        Head("#", "num"),
        Head("1 h", "", "places won or lost in the last hour"),
        Head("Name", "key"),
        Head(w.metric(shown.metric), "num"),
        Head("Share", "wide"),
        Head("Orders", "num wide"),
        Head("Last hour", "num"),
    )
    cells = [
        (
            esc(r["rank"]),
            n.UNKNOWN if r["last_hour"] is None else rank_change(r["rank_change"]),
            _named(shown.name, r),
            money(r["value"], frame.currency),
            share_bar(r["share"]),
            esc(n.compact(r["orders"])),
            money(r["last_hour"], frame.currency),
        )
        for r in rows.to_pylist()
    ]
    return table(heads, cells, shown.title)


def _named(board_name: str, row: Mapping[str, Any]) -> str:
    dim = {"channels": "channel", "categories": "category"}.get(board_name, "")
    label = row["name"] or row["id"]
    shown = w.member(dim, str(label)) if dim else str(label or "not stated")
    return name(shown) + (f"<small>{name(row['id'])}</small>" if label != row["id"] else "")


def board_csv(shown: CampaignPicture, ranking: Board, rows: pa.Table) -> bytes:
    """A board for Excel: UTF-8 with a mark, one line a row, each with its as-of time."""
    out = io.StringIO()
    writer = csv.writer(out)
    fields = ("rank", "id", "name", "value", "share", "orders", "rank_change", "last_hour")
    head = [ranking.metric if f == "value" else f for f in fields]
    writer.writerow([*head, "currency", "campaign_id", "as_of"])
    for row in rows.to_pylist():
        cells = [safe_cell(row[f]) for f in fields]
        writer.writerow([*cells, shown.campaign.currency, shown.campaign.id, iso(shown.as_of)])
    return out.getvalue().encode("utf-8-sig")


def batches(frame: Frame, rows: pa.Table) -> str:
    """What arrived, newest first, and what became of it."""
    heads = (
        Head("File", "key"),
        Head("Arrived", "num"),
        Head("Became"),
        Head("Rows taken", "num"),
        Head("Refused", "num"),
        Head("Known", "num wide", "rows that were held already"),
        Head("Feed", "wide"),
        Head("Format", "wide"),
    )
    cells = []
    for r in rows.to_pylist():
        undone = r.get("undone_at")
        status = "undone" if undone else str(r["status"] or "")
        symbol, word = w.BATCH_STATUS.get(status, ("?", status))
        tone = {"refused": "red", "needs_mapping": "red", "undone": "orange"}.get(status, "")
        reason = f"<small>{name(r['reason'])}</small>" if r["reason"] else ""
        if r.get("who"):
            reason += f"<small>imported by {name(r['who'])}</small>"
        if undone:
            by = f" by {name(r['undone_by'])}" if r.get("undone_by") else ""
            reason += f"<small>undone {esc(frame.clock(undone))}{by}: it counts no more</small>"
        cells.append(
            (
                name(r["file"]) + reason,
                esc(frame.clock(r["arrived_at"])),
                chip(symbol, word, tone),
                _count(r["taken"]),
                _count(r["quarantined"]),
                _count(r["known"]),
                name(r["feed_id"] or n.UNKNOWN),
                esc(r["format"] or n.UNKNOWN),
            )
        )
    return table(heads, cells, "Files")


def quarantine(frame: Frame, rows: pa.Table) -> str:
    """Rows that could not be read, with the reason and where to find them."""
    heads = (
        Head("Reason", "key"),
        Head("Value", "any"),
        Head("Column"),
        Head("When", "num wide"),
    )
    cells = [
        (
            f"{name(r['reason'])}<small>{name(r['file'])}"
            + (f", line {esc(r['row'])}" if r["row"] is not None else "")
            + "</small>",
            name(r["value"] if r["value"] is not None else n.UNKNOWN),
            esc(r["column"] or n.UNKNOWN),
            esc(frame.clock(r["at"])),
        )
        for r in rows.to_pylist()
    ]
    return table(heads, cells, "Rows that could not be read")


def _count(value: int | None) -> str:
    return n.UNKNOWN if value is None else f"{value:,}"
