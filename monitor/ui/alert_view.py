"""One alert on its own page: what happened, what it costs, why, who did what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.campaigns.words import MONEY
from monitor.ui import measures
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.cards import alert_row
from monitor.ui.frame import Frame
from monitor.ui.markup import Head, chip, esc, link, name, panel, table
from monitor.ui.triage import Alert, at_risk, gained, is_calm, is_chance, is_open, per_hour
from monitor.ui.why_link import EVIDENT, step_of, why_address


def top(frame: Frame, alert: Alert) -> str:
    """Headline, labels, and the numbers over the whole breach."""
    back = link("alerts", "← all alerts", "m-more", campaign=frame.campaign_id)
    severity = str(alert.get("severity"))
    symbol, word = w.SEVERITIES.get(severity, ("●", severity))
    status = str(alert.get("status"))
    calm, chance = is_calm(alert), is_chance(alert)
    tag = chip("▲", "opportunity", "surge") if chance else chip(symbol, word, severity)
    labels = [
        chip("✓", "nothing is wrong") if calm else tag,
        chip("○" if is_open(alert) else "✓", status, "blue" if is_open(alert) else ""),
        chip("#", str(alert["id"])),
        chip("▸", w.KINDS.get(str(alert.get("kind")), str(alert.get("kind")))),
        chip(
            "▸", f"{w.metric(alert.get('metric')) or 'Data'} · {w.scope(alert.get('scope') or {})}"
        ),
    ]
    if alert.get("found_late"):
        labels.append(chip("!", f"found late, due {frame.clock(alert.get('due_at'))}", "orange"))
    return (
        f'<div class="m-back">{back}</div>'
        f'<section class="m-panel"><h1>{name(alert.get("headline", ""))}</h1>'
        f'<div class="m-chips">{"".join(labels)}</div>{_numbers(frame, alert)}</section>'
    )


def _numbers(frame: Frame, alert: Alert) -> str:
    metric = alert.get("metric")

    def amount(value: Any) -> str:
        return measures.amount(metric, value, frame.currency)

    observed, expected = alert.get("observed"), alert.get("expected")
    begun = n.instant(alert.get("breach_start"))
    ended = n.instant(alert.get("resolved_at"))
    lasted = n.span(((ended or frame.now) - begun).total_seconds()) if begun else ""
    ends = str(alert.get("resolve_reason") or "")
    facts = [
        *_stakes(frame, alert),
        ("Observed", amount(observed), "over the breach"),
        ("Expected", amount(expected), "over the breach"),
        ("Since", frame.clock(begun), lasted),
        ("Opened", frame.clock(alert.get("opened_at")), ""),
    ]
    if ended is not None:
        facts.append(("Resolved", frame.clock(ended), w.RESOLVED.get(ends, ends)))
    stale = "is-stale" if frame.fresh.stale and is_open(alert) else ""
    cells = "".join(
        f"<div><dt>{esc(t)}</dt><dd>{esc(v)} <small>{esc(more)}</small></dd></div>"
        for t, v, more in facts
    )
    return (
        f'<div class="{stale}"><dl class="m-facts m-big">{cells}</dl>'
        f'<div class="m-asof">{esc(frame.as_of())}</div></div>'
    )


def _stakes(frame: Frame, alert: Alert) -> list[tuple[str, str, str]]:
    """(title, value, small print): the money, and how far off the measure is."""
    metric, shortfall, expected = (alert.get(k) for k in ("metric", "shortfall", "expected"))
    gap = abs(shortfall) if isinstance(shortfall, int | float) else None
    over = gap is not None and gap != shortfall
    side = "above" if over else "below"
    share = (
        f"{n.percent(gap / expected, 0)} {side} expected" if gap is not None and expected else ""
    )
    money = at_risk(alert)
    if (more := gained(alert)) is not None:
        return [("Made beyond the usual", n.money(more, frame.currency), share)]
    if is_calm(alert):
        return [("At risk", "nothing", "it was planned or is explained")]
    facts = []
    if money is not None:
        hourly = per_hour(alert)
        facts.append(("At risk", n.money(money, frame.currency), "" if hourly else share))
        if hourly:
            facts.append(("An hour", n.money(hourly, frame.currency), "while it lasts"))
        if not hourly and metric in MONEY:
            return facts
    title = "Above expected" if over else "Short"
    return [*facts, (title, measures.difference(metric, gap, frame.currency), share)]


def why_link(frame: Frame, alert: Alert, label: str = "Why this alert? →") -> str:
    """To the evidence of the moment at which the alert began to speak; "" for what has none."""
    scope, begun = dict(alert.get("scope") or {}), n.instant(alert.get("breach_start"))
    if alert.get("kind") not in EVIDENT or begun is None or not alert.get("metric"):
        return ""
    due = n.instant(alert.get("due_at"))
    at = max(begun, due - step_of(frame)) if due else begun
    return why_address(frame.campaign_id, scope, str(alert["metric"]), label, at)


def why(frame: Frame, alert: Alert) -> str:
    """What the system says of it, what carries the shortfall, and which alert explains it."""
    reason = str(alert.get("reason") or "")
    said = w.CHANCE if is_chance(alert) else w.NO_CAUSE
    lines = [esc(w.REASONS.get(reason, reason)) if reason else esc(said)]
    drivers = alert.get("drivers") or []
    factors = [w.driver(d) for d in drivers if "factor" in d]
    slices = [w.driver(d) for d in drivers if "slice" in d]
    if factors:
        lines.append(f"Which factor carries it: <b>{name(', '.join(factors))}</b>")
    if slices:
        lines.append(f"Where it sits: <b>{name(', '.join(slices))}</b>")
    if not drivers and not is_chance(alert) and not is_calm(alert):
        lines.append(
            '<span class="m-muted">Which factor or slice carries it is not worked out.</span>'
        )
    body = "".join(f"<li>{line}</li>" for line in lines)
    evidence = why_link(frame, alert, "Why this alert? The evidence →")
    return panel("Why", f'<ul class="m-list">{body}</ul>{_relatives(frame, alert)}', evidence)


def _relatives(frame: Frame, alert: Alert) -> str:
    parts = []
    parent = alert.get("covered_by")
    if parent is not None:
        found = next((a for a in frame.shown.alerts if a["id"] == parent), None)
        shown = alert_row(frame, found) if found else f"#{esc(parent)}"
        parts.append(f'<h2 class="m-sub">Explained by #{esc(parent)}</h2>{shown}')
    children = [a for a in frame.shown.alerts if a.get("covered_by") == alert["id"]]
    if children:
        shown = "".join(alert_row(frame, a) for a in children)
        parts.append(f'<h2 class="m-sub">It explains</h2><div class="m-alerts">{shown}</div>')
    return "".join(parts)


def episodes(frame: Frame, alert: Alert) -> str:
    """Each time it fired."""
    heads = (Head("#", "num"), Head("Breach from"), Head("Fired"), Head("Over"))
    rows = [
        (
            str(i),
            esc(frame.clock(e.get("breach_start"))),
            esc(frame.clock(e.get("opened_at"))),
            esc(frame.clock(e["resolved_at"])) if e.get("resolved_at") else "still on",
        )
        for i, e in enumerate(alert.get("episodes") or [], 1)
    ]
    body = (
        table(heads, rows, "Episodes") if rows else f'<span class="m-muted">{w.NO_HISTORY}</span>'
    )
    return panel("Episodes", body)


def history(frame: Frame, rows: tuple[Mapping[str, Any], ...]) -> str:
    """Who did what, newest last."""
    heads = (Head("When"), Head("Who", "any"), Head("What"), Head("Note", "any"))
    cells = [
        (
            esc(frame.clock(r.get("at"))),
            name(r.get("actor") or "system"),
            esc(str(r.get("what") or "").replace("_", " ")),
            name(r.get("note") or ""),
        )
        for r in rows
    ]
    body = (
        table(heads, cells, "History") if rows else f'<span class="m-muted">{w.NO_HISTORY}</span>'
    )
    return panel("History", body)
