"""The Why page's answer: the sentence first, then the figures it rests on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa

from monitor.alerts.wording import RATES
from monitor.campaigns.words import scope_key
from monitor.detect.why import Evidence, WindowEvidence
from monitor.ui import measures
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.cards import card
from monitor.ui.charts import bucket
from monitor.ui.frame import Frame
from monitor.ui.markup import Head, chip, empty, esc, link, name, panel, table
from monitor.ui.triage import ONE_STORY, Alert, in_order, is_open, stories
from monitor.ui.why_ask import Answer
from monitor.ui.why_link import why_address
from monitor.ui.why_pick import Asked, scope_label
from monitor.why import Told, explain, how_sure, rests_on, strongest, the_rule

TONES = {"alert": "▼", "wait": "◔", "calm": "✓", "blind": "?"}


def heading(frame: Frame, asked: Asked) -> str:
    """`LIVE · GMV · 20:05–20:10`, as HTML."""
    zone = frame.shown.campaign.zone
    times = f"{frame.clock(asked.at)}–{(asked.at + asked.step).astimezone(zone):%H:%M}"
    return name(f"{scope_label(asked.scope, {})} · {w.metric(asked.measure)} · {times}")


def plain(frame: Frame, asked: Asked, told: Told) -> str:
    """An answer without evidence: before the start, after the data, nothing known."""
    return _answer(told, heading(frame, asked), "", "", "")


def working(frame: Frame, asked: Asked, seconds: int) -> str:
    """What stands there until the first answer comes."""
    passed = f" {seconds} s" if seconds >= 2 else ""
    text = f"Looking at all that was known at {frame.clock(asked.at + asked.step)}."
    return empty(f"{w.WHY_WORKING}{passed}", text)


def answered(frame: Frame, asked: Asked, e: Evidence) -> str:
    """The sentence, the state, the figures of these minutes and where to go from here."""
    told = explain(e, frame.shown.campaign.zone, frame.currency)
    symbol, word = w.state(e.state)
    chips = [chip(symbol, word, e.state), chip(*w.SIGNALS.get(e.signal, ("·", e.signal)))]
    if e.rule:
        chips.append(chip("▸", w.RULES.get(e.rule, e.rule.replace("_", " "))))
    if e.half_sensitivity:
        chips.append(chip("½", "half as sharp", "band"))
    return _answer(
        told, heading(frame, asked), "".join(chips), _figures(frame, e), _ways(frame, asked, e)
    )


def _answer(told: Told, head: str, chips: str, figures: str, ways: str) -> str:
    symbol = f'<span aria-hidden="true">{TONES[told.tone]}</span>'
    more = "".join(f"<p>{name(text)}</p>" for text in told.more)
    do = f'<p class="do">{name(told.do)}</p>' if told.do else ""
    tags = f'<div class="m-chips">{chips}</div>' if chips else ""
    links = f'<div class="m-links">{ways}</div>' if ways else ""
    return (
        f'<section class="m-panel m-answer {told.tone}"><div class="m-muted">'
        f"{head}</div><h1>{symbol} {name(told.first)}</h1>"
        f"{more}{do}{tags}{figures}{links}</section>"
    )


def _figures(frame: Frame, e: Evidence) -> str:
    """Observed, expected and the normal range of the bucket, and what is at stake an hour."""

    def amount(value: float | None) -> str:
        return measures.amount(e.measure, value, frame.currency)

    off = ""
    if e.observed is not None and e.expected:
        share = e.observed / e.expected - 1
        off = f"{abs(share):.0%} {'above' if share > 0 else 'below'}" if round(share, 2) else "even"
    range_ = n.UNKNOWN if e.low is None else f"{amount(e.low)} to {amount(e.high)}"
    facts = [
        ("Observed", amount(e.observed), off),
        ("Expected", amount(e.expected), ""),
        ("Normal range", range_, ""),
    ]
    if e.at_risk_per_hour is not None:
        said = strongest(e)
        window = f"by the last {said.minutes:.0f} min" if said else ""
        facts.append(
            ("At stake an hour", n.money(max(e.at_risk_per_hour, 0), frame.currency), window)
        )
    cells = "".join(
        f"<div><dt>{esc(t)}</dt><dd>{esc(v)} <small>{esc(more)}</small></dd></div>"
        for t, v, more in facts
    )
    return f'<dl class="m-facts">{cells}</dl>'


def _ways(frame: Frame, asked: Asked, e: Evidence) -> str:
    """Where to look next: the scope that explains it, a wider one, the rules."""
    ways = []
    if e.explained_by is not None:
        label = f"Look at {name(scope_label(e.explained_by, {}))} →"
        ways.append(why_address(frame.campaign_id, e.explained_by, asked.measure, label, asked.at))
    for wider in _wider(asked):
        if wider != e.explained_by:
            label = f"{name(scope_label(wider, {}))} at the same time →"
            ways.append(why_address(frame.campaign_id, wider, asked.measure, label, asked.at))
    if e.rule:
        label = f"Its rule: {esc(w.RULES.get(e.rule, e.rule.replace('_', ' ')))} →"
        ways.append(link("rules", label, "m-more", campaign=frame.campaign_id))
    return "".join(ways)


def _wider(asked: Asked) -> list[dict[str, str]]:
    """The scopes one step wider, the whole campaign for those of one part."""
    if len(asked.scope) <= 1:
        return [{}] if asked.scope else []
    return [{d: v for d, v in asked.scope.items() if d != dim} for dim in sorted(asked.scope)]


def windows(frame: Frame, e: Evidence) -> str:
    """Over 5, 10, 15, 30 and 60 min: how far off, and how sure."""
    if not e.windows:
        return panel("How far off, and how sure", empty("Nothing was compared here"))
    heads = (
        Head("Over the last"), Head("Observed", "num wide"), Head("Expected", "num wide"),
        Head("Off", "num"), Head("How sure", "", "against what the rule asks for"),
    )  # fmt: skip
    rows = []
    for window in e.windows:
        far = (-window.fall if e.up else window.fall) >= e.least_fall
        sure = how_sure(e, window)[1] >= 1
        mark = ("▲ " if e.up else "▼ ") if far and sure else ""
        rows.append(
            (
                "hour" if window.minutes == 60 else f"{window.minutes:.0f} min",
                esc(measures.amount(e.measure, window.observed, frame.currency)),
                esc(measures.amount(e.measure, window.expected, frame.currency)),
                esc(f"{mark}{_off(window.fall)}"),
                _sure(e, window),
            )
        )
    per = " (each part compared with itself)" if e.measure in RATES else ""
    note = f'<div class="m-asof">{esc(the_rule(e, frame.currency))}{esc(per)}</div>'
    return panel("How far off, and how sure", table(heads, rows, "Windows") + note)


def _sure(e: Evidence, window: WindowEvidence) -> str:
    """How sure a window is, as a bar and in words."""
    words, share = how_sure(e, window)
    tone = ("surge" if e.up else "sure") if share >= 1 else ""
    hint = f"{abs(window.z):.1f} standard deviations; {window.needed_z:.1f} are needed"
    width = min(share, 1) * 100
    return (
        f'<span class="m-sure {tone}" title="{esc(hint)}"><b><i style="width:{width:.0f}%"></i></b>'
        f"{esc(words)}</span>"
    )


def _off(fall: float) -> str:
    if round(abs(fall), 2) == 0:
        return "even"
    return f"{abs(fall):.0%} {'below' if fall > 0 else 'above'}"


def basis(e: Evidence) -> str:
    """What the expectation rests on."""
    lines = rests_on(e) or ("Nothing was compared here.",)
    body = "".join(f"<li>{name(line)}</li>" for line in lines)
    note = (
        '<div class="m-asof">A part is the finest line that the feed reports: one creator in one '
        "channel and category, say. Each is compared with itself, so one that opens or closes moves "
        "nothing.</div>"
        if e.members
        else ""
    )
    return panel("What the expectation rests on", f'<ul class="m-list">{body}</ul>{note}')


def speaking(frame: Frame, asked: Asked, e: Evidence | None) -> str:
    """The alerts of this scope and time, and the one that explains it."""
    scopes = [scope_key(asked.scope)]
    if e is not None and e.explained_by is not None:
        scopes.append(scope_key(e.explained_by))
    found = [
        a
        for a in frame.shown.alerts
        if scope_key(dict(a.get("scope") or {})) in scopes
        and _one_subject(a.get("metric"), asked.measure)
        and _runs(a, asked)
    ]
    ids = {a["id"] for a in found}
    parents = {a.get("covered_by") for a in found} - {None} - ids
    found += [a for a in frame.shown.alerts if a["id"] in parents]
    if not found:
        return ""
    rows = "".join(card(frame, story) for story in stories(in_order(found)))
    return panel("Alerts at this moment", f'<div class="m-alerts">{rows}</div>')


def _one_subject(metric: object, measure: str) -> bool:
    """Whether an alert of `metric` bears on `measure`: its own, or both carry the sales."""
    return metric == measure or (metric in ONE_STORY and measure in ONE_STORY)


def _runs(alert: Alert, asked: Asked) -> bool:
    """Whether its breach covers the bucket: any of its episodes."""
    spans = alert.get("episodes") or [alert]
    for span in spans:
        begun = n.instant(span.get("breach_start"))
        ended = n.instant(span.get("resolved_at")) or (
            None if is_open(alert) else n.instant(alert.get("resolved_at"))
        )
        if (
            begun is not None
            and begun < asked.at + asked.step
            and (ended is None or asked.at < ended)
        ):
            return True
    return False


def hour(frame: Frame, asked: Asked, series: pa.Table) -> str:
    """The hour up to the bucket and a little beyond, in figures; each time leads to its own answer."""
    step = bucket(series)
    first, last = asked.at - timedelta(minutes=60), asked.at + 3 * step
    near = [r for r in series.to_pylist() if first <= r["bucket_start"] <= last]
    heads = (
        Head("Time"), Head("Observed", "num"), Head("Expected", "num"),
        Head("Normal range", "num wide"), Head("Judged"),
    )  # fmt: skip

    def amount(value: float | None) -> str:
        return esc(measures.amount(asked.measure, value, frame.currency))

    rows = []
    for row in near:
        at: datetime = row["bucket_start"]
        label = f"{frame.clock(at)}{' ◂' if at == asked.at else ''}"
        symbol, word = w.state(row["state"])
        rows.append(
            (
                why_address(frame.campaign_id, asked.scope, asked.measure, esc(label), at),
                amount(row["observed"]),
                amount(row["expected"]),
                n.UNKNOWN
                if row["low"] is None
                else f"{amount(row['low'])} to {amount(row['high'])}",
                chip(symbol, word, row["state"]),
            )
        )
    return panel("Around this moment", table(heads, rows, "Around this moment"), "", "m-hour")


def as_of(frame: Frame, answer: Answer) -> str:
    """How old the answer is, where a newer one is still being worked out."""
    if answer.generation == frame.picture.generation:
        return f'<div class="m-asof">{esc(frame.as_of())}</div>'
    known = f"what was known at {frame.clock(answer.watermark)}"
    return f'<div class="m-asof">From {esc(known)}; being worked out anew …</div>'
