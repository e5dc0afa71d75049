"""What was found in a dropped file, as HTML: what it is, its totals, what is odd about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.campaigns.markets import SYMBOLS
from monitor.campaigns.words import METRICS
from monitor.picture import Picture
from monitor.preview import Comparison, Preview
from monitor.ui import import_words as iw
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.markup import Head, chip, esc, panel, table

TOLD = ("ready", "known", "refused")  # others say more in their own words than the reason does


def verdict(preview: Preview, status: str) -> str:
    """The file, its status (a key of STATUS) in one sentence, the reason, and the next step."""
    symbol, word, tone = iw.STATUS[status]
    if status == "ready" and (preview.warnings or odd(preview)):
        symbol, word, tone = "!", "can be imported, but look first", "orange"
    lines = []
    if preview.reason and status in TOLD:
        lines.append(f"<p>{iw.shown(preview.reason, 600)}</p>")
    if status in iw.NEXT:
        lines.append(f'<p class="m-muted">{esc(iw.NEXT[status])}</p>')
    said = esc(iw.headline(preview, status))
    return (
        f'<section class="m-panel m-verdicts {tone}" role="status"><h2>{iw.shown(preview.file)}</h2>'
        f'<div class="m-chips">{chip(symbol, word, tone)}<b>{said}</b></div>'
        f"{''.join(lines)}{_warnings(preview)}</section>"
    )


def odd(preview: Preview) -> bool:
    """Whether a check failed or the change since the last import is strange."""
    failed = any(not control.ok for control in preview.controls)
    return failed or bool(preview.previous and preview.previous.words)


def _warnings(preview: Preview) -> str:
    said = [*preview.warnings]
    if preview.previous and preview.previous.words:
        said.append(preview.previous.words)
    if not said:
        return ""
    lines = "".join(f"<li>{chip('!', 'look', 'orange')} {iw.shown(text)}</li>" for text in said)
    return f'<ul class="m-list m-warned">{lines}</ul>'


def trouble(file: str, why: str) -> str:
    """A file that could not be looked into."""
    symbol, word, tone = iw.STATUS["trouble"]
    return (
        f'<section class="m-panel m-verdicts {tone}" role="alert"><h2>{iw.shown(file)}</h2>'
        f'<div class="m-chips">{chip(symbol, word, tone)}</div><p>{iw.shown(why)}</p></section>'
    )


def feedless(file: str, kind: str) -> str:
    """A file of which only the feed is not known."""
    symbol, word, tone = iw.STATUS["unsorted"]
    said = f"It is {kind}: which feed does it belong to?" if kind else "Which feed is it of?"
    return (
        f'<section class="m-panel m-verdicts {tone}" role="status"><h2>{iw.shown(file)}</h2>'
        f'<div class="m-chips">{chip(symbol, word, tone)}<b>{iw.shown(said)}</b></div></section>'
    )


def what(preview: Preview, picture: Picture, zone: ZoneInfo) -> str:
    """Format, language, currency, zone, times and rows, each where it is known."""
    rows = preview.rows
    parts = [f"{rows.get(k, 0):,} {word}" for k, word in _ROWS if rows.get(k)]
    facts = [
        ("What it is", preview.title or preview.format or "not recognised", ""),
        ("Headers in", preview.language, ""),
        ("Text as", preview.encoding, ""),
        ("Size", iw.size(preview.size), ""),
        ("Currency", _currency(preview.currency), ""),
        ("Time zone", preview.timezone, preview.timezone_from),
        *_times(preview, zone),
        ("Rows", f"{rows.get('read', 0):,}" if rows else "", ", ".join(parts)),
        ("Campaign", campaigns(preview.campaigns, picture), ""),
    ]
    cells = "".join(
        f"<div><dt>{esc(title)}</dt><dd>{iw.shown(value)}"
        + (f" <small>{iw.shown(more)}</small>" if more else "")
        + "</dd></div>"
        for title, value, more in facts
        if value
    )
    return panel("About the file", f'<dl class="m-facts">{cells}</dl>')


_ROWS = (("taken", "to be taken"), ("quarantined", "set aside"), ("known", "held already"))


def _currency(code: str) -> str:
    return f"{code} ({SYMBOLS[code]})" if code in SYMBOLS else code


def _times(preview: Preview, zone: ZoneInfo) -> Iterable[tuple[str, str, str]]:
    if preview.period is not None:
        yield "Period", iw.stretch(preview.period, zone), f"{n.place(zone)}, end not included"
    if preview.observed is not None:
        title = "Read at" if preview.observed[0] == preview.observed[1] else "Rows from"
        yield title, iw.stretch(preview.observed, zone), n.place(zone)


def campaigns(ids: Iterable[str], picture: Picture) -> str:
    """The campaigns of a file by their names."""
    known = picture.campaigns
    return ", ".join(known[i].campaign.name if i in known else i for i in ids)


def checks(preview: Preview) -> str:
    """The control totals, each with its outcome in words."""
    if not preview.controls:
        return ""
    lines = "".join(
        f"<li>{chip('✓', 'holds', 'blue') if c.ok else chip('✕', 'does not hold', 'red')} "
        f'<b>{iw.shown(c.what)}</b> <span class="m-muted">{iw.shown(c.words)}</span></li>'
        for c in preview.controls
    )
    failed = sum(1 for c in preview.controls if not c.ok)
    aside = f"{failed} of {len(preview.controls)} fail" if failed else "all hold"
    return panel("Control totals", f'<ul class="m-list">{lines}</ul>', esc(aside))


def totals(preview: Preview, currency: str, zone: ZoneInfo, now: datetime) -> str:
    """Sums per metric, beside those of the previous import of the same kind."""
    before = preview.previous
    then = {c.metric: c for c in before.changes} if before else {}
    names = [m for m in METRICS if m in preview.totals or m in then]
    names += [m for m in (*preview.totals, *then) if m not in names and m not in METRICS]
    if not names:
        return ""
    money = preview.currency or currency

    def sum_of(metric: str, value: float | None) -> str:
        if value is None:
            return f'<span class="m-unknown" title="not in the file">{n.UNKNOWN}</span>'
        return esc(n.exact(metric, value, money))

    heads = [Head("Metric", "key"), Head("This file", "num")]
    if before:
        heads[1:] = [Head("Before", "num"), Head("This file", "num")]
    rows = []
    for metric in names:
        value = preview.totals.get(metric)
        cells = [esc(w.metric(metric)), sum_of(metric, value)]
        if before:
            changed = then.get(metric)
            old, new = (changed.before, changed.now) if changed else (None, value)
            change = n.change(metric, new, old)
            known = change.way != "unknown"
            moved = f'<br><small class="{change.way}">{esc(change.text)}</small>' if known else ""
            cells[1:] = [sum_of(metric, old), sum_of(metric, value) + moved]
        rows.append(cells)
    body = table(heads, rows, "Totals of the file") + _before(before, zone, now)
    return panel("Totals of this file", body, esc(_currency(money)))


def _before(before: Comparison | None, zone: ZoneInfo, now: datetime) -> str:
    if before is None:
        return '<div class="m-asof">No earlier import of this kind to compare with.</div>'
    when = f"{n.clock_time(before.arrived_at, zone, now)}, {n.age(before.arrived_at, now)}"
    said = f'<div class="m-asof">Before: {iw.shown(before.file)} ({esc(when)}).</div>'
    return (
        said if before.words else f'{said}<div class="m-asof">Nothing odd about the change.</div>'
    )
