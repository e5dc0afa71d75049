"""The figures of the Live page and the rows of alerts; each says how old it is."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.fresh import phase_words
from monitor.ui.markup import chip, empty, esc, link, name, panel
from monitor.ui.triage import Alert, at_risk, in_order, is_open, total_at_risk

FIGURES = ("gmv", "orders", "visitors", "conversion", "aov")
SHOWN_ALERTS = 4


def head(frame: Frame) -> str:
    """Phase, countdown and freshness: the line beside the campaign's name."""
    word, countdown = phase_words(frame.shown, frame.now)
    symbol = {"LIVE": "●", "UPCOMING": "○"}.get(word, "■")
    complete = frame.shown.watermark
    fresh = f"complete to {frame.clock(complete)} · " if complete else ""
    return (
        f'<div class="m-head">{chip(symbol, word, "live" if word == "LIVE" else "")}'
        f"<b>{esc(countdown)}</b>"
        f'<span class="m-fresh">{esc(fresh)}{esc(frame.as_of())}</span></div>'
    )


def figures(frame: Frame) -> str:
    """The five totals so far, with their change against the comparable campaign."""
    shown = frame.shown
    cards = "".join(_figure(frame, metric) for metric in FIGURES)
    against = (
        f"Changes against {name(shown.compared_with)} at the same time of event"
        if shown.compared_with
        else esc(w.NO_COMPARISON)
    )
    stale = "is-stale" if frame.fresh.stale else ""
    return (
        f'<div class="m-total"><div class="m-figs {stale}">{cards}</div>'
        f'<div class="m-asof">{against}</div></div>'
    )


def _figure(frame: Frame, metric: str) -> str:
    value = frame.shown.totals.get(metric)
    then = frame.shown.compared.get(metric)
    change = n.change(metric, value, then)
    exact = n.exact(metric, value, frame.currency)
    hint = f"{w.EXPLAINED.get(metric, w.metric(metric))}: {exact}"
    against = frame.shown.compared_with
    then_hint = f"{against}: {n.exact(metric, then, frame.currency)}" if against else ""
    shift = (
        f'<dd class="c {change.way}" title="{esc(then_hint)}">{esc(change.text)}</dd>'
        if against
        else ""
    )
    unknown = "" if value is not None else " m-unknown"
    return (
        f'<dl class="m-fig"><dt>{esc(w.metric(metric))}</dt>'
        f'<dd class="v{unknown}" title="{esc(hint)}">'
        f"{esc(n.amount(metric, value, frame.currency))}</dd>"
        f'{shift}<dd class="a">{esc(frame.as_of())}</dd></dl>'
    )


def risk(frame: Frame) -> str:
    """What is wrong and what it costs: the open alerts, dearest first."""
    running = [a for a in in_order(frame.shown.alerts) if is_open(a)]
    total = total_at_risk(running)
    own = [a for a in running if a.get("covered_by") is None]
    every = link(
        "alerts", f"all alerts ({len(frame.shown.alerts)}) →", "m-more", campaign=frame.campaign_id
    )
    if not running:
        body = empty(f"✓ {w.NO_ALERTS_TITLE}", _judged(frame))
        return panel("What is wrong", body, every, "m-wrong")
    stated = (
        f'<div class="m-risk down">{esc(n.money(total, frame.currency))} at risk '
        f"<small>in {esc(w.counted(len(own), 'open alert'))}, so far</small></div>"
        if total is not None
        else f'<div class="m-risk">{esc(w.counted(len(own), "open alert"))}</div>'
    )
    told = [
        alert
        for parent in own
        for alert in (parent, *(c for c in running if c.get("covered_by") == parent["id"]))
    ]
    rows = "".join(alert_row(frame, a) for a in told[:SHOWN_ALERTS])
    hidden = len(running) - min(len(told), SHOWN_ALERTS)
    rest = f"and {hidden} more on the alerts page · " if hidden else ""
    foot = f'<div class="m-asof">{esc(rest)}{esc(frame.as_of())}</div>'
    stale = "is-stale" if frame.fresh.stale else ""
    body = f'{stated}<div class="m-alerts">{rows}</div>{foot}'
    return panel("What is wrong", body, every, f"m-wrong {stale}")


def _judged(frame: Frame) -> str:
    """What "no open alerts" rests on: how far the data goes, and what there was before."""
    over = w.counted(len(frame.shown.alerts), "alert")
    before = f"; {over} before, resolved" if frame.shown.alerts else ""
    if frame.fresh.stale:
        return (
            f"But the numbers are old: nothing after {frame.clock(frame.shown.watermark)} is judged"
        )
    whole = [table for (scope, _), table in frame.shown.series.items() if not scope]
    if not any(state != "open" for table in whole for state in table["state"].to_pylist()):
        return f"{w.NOT_JUDGED}{before}"
    return f"Judged up to {frame.clock(frame.shown.watermark)}{before}"


def alert_row(frame: Frame, alert: Alert) -> str:
    """One alert as a link to its page."""
    symbol, word = w.SEVERITIES.get(str(alert.get("severity")), ("●", str(alert.get("severity"))))
    money = at_risk(alert)
    if money is not None:
        cost = n.money(money, frame.currency)
    elif alert.get("shortfall") is not None and alert.get("kind") == "dip":
        cost = f"{n.compact(alert['shortfall'])} {w.metric(alert.get('metric')).lower()}"
    else:
        cost = ""
    opened = is_open(alert)
    classes = f"m-alert {esc(alert.get('severity'))}{'' if opened else ' over'}"
    covered = alert.get("covered_by")
    if covered is not None and opened:
        classes += " covered"
    return link(
        "alerts",
        f'<span class="h">{name(alert.get("headline", ""))}</span>'
        f'<span class="rm num">{esc(cost)}</span>'
        f'<span class="s">{chip(symbol, word, str(alert.get("severity")))}'
        f"{''.join(f'<span>{part}</span>' for part in _small_print(frame, alert, opened))}</span>",
        classes,
        campaign=frame.campaign_id,
        alert=alert["id"],
    )


def _small_print(frame: Frame, alert: Alert, opened: bool) -> Iterable[str]:
    yield f"#{esc(alert['id'])}"
    yield esc(w.KINDS.get(str(alert.get("kind")), str(alert.get("kind"))))
    begun = n.instant(alert.get("breach_start") or alert.get("opened_at"))
    if opened and begun is not None:
        passed = n.span((frame.now - begun).total_seconds())
        yield f"since {esc(frame.clock(begun))} ({esc(passed)})"
        if alert.get("status") == "acknowledged":
            yield "acknowledged"
    elif not opened:
        ended = str(alert.get("resolve_reason") or "")
        why = f": {w.RESOLVED.get(ended, ended)}" if ended else ""
        yield f"resolved {esc(frame.clock(alert.get('resolved_at')))}{esc(why)}"
    if alert.get("reason"):
        yield esc(w.REASON_SHORT.get(str(alert["reason"]), str(alert["reason"])))
    if alert.get("covered_by") is not None:
        yield f"explained by #{esc(alert['covered_by'])}"


def first_data(frame: Frame) -> str:
    """Why a campaign shows nothing yet, and when it will."""
    if frame.now < frame.shown.campaign.start:
        word, countdown = phase_words(frame.shown, frame.now)
        return f"{word.capitalize()}: {countdown}."
    running = ""
    if frame.now < frame.shown.campaign.end:
        begun = n.span((frame.now - frame.shown.campaign.start).total_seconds())
        running = f"The event began {begun} ago and nothing is known of it. "
    folders = ", ".join(f"{feed.path} ({feed.feed_id})" for feed in frame.picture.feeds)
    return (
        f"{running}Its feeds have delivered nothing that could be read. Looked into every few "
        f"seconds: {folders}. Put a CSV, Parquet or JSON Lines file there; the Data page says what "
        "became of it."
    )
