"""The figures of the Live page and the rows of alerts; each says how old it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.alerts.wording import RATES, rate_words
from monitor.campaigns.words import scope_key
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.fresh import phase_words
from monitor.ui.markup import chip, empty, esc, link, name, panel
from monitor.ui.triage import (
    ONE_STORY,
    Alert,
    at_risk,
    gained,
    in_order,
    is_calm,
    is_chance,
    is_open,
    per_hour,
    stories,
    total_at_risk,
)

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
    wrong = [a for a in running if a.get("covered_by") is None and not is_calm(a)]
    every = link(
        "alerts", f"all alerts ({len(frame.shown.alerts)}) →", "m-more", campaign=frame.campaign_id
    )
    if not running:
        body = empty(f"✓ {w.NO_ALERTS_TITLE}", _judged(frame))
        return panel("What is wrong", body, every, "m-wrong")
    stated = (
        f'<div class="m-risk down">{esc(n.money(total, frame.currency))} at risk '
        f"<small>in {esc(w.counted(len(wrong), 'open alert'))}, so far</small></div>"
        if total is not None
        else f'<div class="m-risk">{esc(w.counted(len(wrong), "open alert"))}</div>'
    )
    every_story = stories(running)
    told = [
        story
        for parent in every_story
        if parent[0].get("covered_by") is None
        for story in (parent, *_explained(every_story, parent))
    ]
    rows = "".join(card(frame, story) for story in told[:SHOWN_ALERTS])
    shown = sum(len(story) for story in told[:SHOWN_ALERTS])
    hidden = len(running) - shown
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


def _explained(told: list[list[Alert]], parent: list[Alert]) -> list[list[Alert]]:
    """The stories that another one explains."""
    ids = {a["id"] for a in parent}
    return [s for s in told if s is not parent and s[0].get("covered_by") in ids]


def card(frame: Frame, story: Sequence[Alert]) -> str:
    """Alerts of one story as one card: the one that tells it best, the others beneath it."""
    first, *others = story
    said = [_annotation(frame, alert) for alert in others]
    said += [
        f"<span>✓ {esc(w.metric(measure).lower())} normal</span>"
        for measure in ("visitors", "orders", "conversion")
        if first.get("metric") in ONE_STORY and _was_normal(frame, story, measure)
    ]
    row = alert_row(frame, first)
    if not said:
        return row
    tone = "calm" if is_calm(first) else str(first.get("severity"))
    over = "" if is_open(first) else " over"
    covered = " covered" if first.get("covered_by") is not None and is_open(first) else ""
    classes = f"m-story {esc(tone)}{over}{covered}"
    return f'<div class="{classes}">{row}<div class="m-also">{"".join(said)}</div></div>'


def _annotation(frame: Frame, alert: Alert) -> str:
    """Another alert of the same story in a few words, as a link to its page: `▼ Conversion −38%`."""
    metric, observed, expected = (alert.get(k) for k in ("metric", "observed", "expected"))
    size = ""
    if metric in RATES and isinstance(observed, int | float) and isinstance(expected, int | float):
        was, due = rate_words(observed, expected)
        size = f" {was} instead of {due}"
    elif isinstance(observed, int | float) and isinstance(expected, int | float) and expected:
        size = f" {n.MINUS if observed < expected else '+'}{abs(observed / expected - 1):.0%}"
    text = f"▼ {w.metric(metric)}{size} #{alert['id']}"
    return link("alerts", esc(text), campaign=frame.campaign_id, alert=alert["id"])


def _was_normal(frame: Frame, story: Sequence[Alert], measure: str) -> bool:
    """Whether a measure of the story's scope was judged in its time and never called a dip."""
    first = story[0]
    key = scope_key(dict(first.get("scope") or {}))
    table = frame.shown.series.get((key, measure))
    begun = n.instant(first.get("breach_start"))
    if table is None or begun is None or any(a.get("metric") == measure for a in story):
        return False
    until = n.instant(first.get("resolved_at")) or frame.now
    later = [
        state
        for at, state in zip(
            table["bucket_start"].to_pylist(), table["state"].to_pylist(), strict=True
        )
        if begun <= at < until and state in ("normal", "band", "breach")
    ]
    return bool(later) and "breach" not in later and later.count("normal") * 2 > len(later)


def alert_row(frame: Frame, alert: Alert) -> str:
    """One alert as a link to its page."""
    severity = "info" if is_calm(alert) else str(alert.get("severity"))
    symbol, word = w.SEVERITIES.get(severity, ("●", severity))
    tag = chip("✓", "nothing is wrong") if is_calm(alert) else chip(symbol, word, severity)
    if is_chance(alert):
        tag = chip("▲", "opportunity", "surge")
    opened = is_open(alert)
    classes = f"m-alert {'calm' if is_calm(alert) else esc(severity)}{'' if opened else ' over'}"
    covered = alert.get("covered_by")
    if covered is not None and opened:
        classes += " covered"
    return link(
        "alerts",
        f'<span class="h">{name(alert.get("headline", ""))}</span>'
        f'<span class="rm num">{_cost(frame, alert)}</span>'
        f'<span class="s">{tag}'
        f"{''.join(f'<span>{part}</span>' for part in _small_print(frame, alert, opened))}</span>",
        classes,
        campaign=frame.campaign_id,
        alert=alert["id"],
    )


def _cost(frame: Frame, alert: Alert) -> str:
    """What it costs so far and an hour, what it brings, or how many are missing; HTML."""
    if (more := gained(alert)) is not None:
        return f"+{esc(n.money(more, frame.currency))}"
    if (money := at_risk(alert)) is not None:
        hourly = per_hour(alert)
        an_hour = f"<small>{esc(n.money(hourly, frame.currency))} an hour</small>" if hourly else ""
        return f"{esc(n.money(money, frame.currency))}{an_hour}"
    short, metric = alert.get("shortfall"), alert.get("metric")
    counts = alert.get("kind") == "dip" and metric not in RATES and metric != "aov"
    if isinstance(short, int | float) and counts and not is_calm(alert):
        return esc(f"{n.compact(short)} {w.metric(metric).lower()}")
    return ""


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
