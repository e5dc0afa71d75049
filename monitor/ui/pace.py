"""The pace card of the Live page: are we on pace, and what is needed from here?"""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import to_ms
from monitor.picture import CampaignPicture, Pace
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.markup import esc, name, panel
from monitor.ui.memo import memo

ON_PACE = 0.02  # within 2% of what is due is "on pace": the shape is not known better than that
DUE = "Due by now"


def pace(frame: Frame) -> str:
    """Are we on pace: one sentence, the bar with the due mark, and what is needed from here."""
    p = frame.shown.pace
    so_far = frame.shown.totals.get(p.metric)
    body = _verdict(frame, p, so_far)
    if so_far is not None and (p.target or p.projected):
        body += _bar(frame, p, so_far)
    body += _facts(frame, p, so_far)
    basis = f"shape: {name(p.basis)}" if p.basis else ""
    aside = " · ".join(part for part in (basis, esc(frame.as_of())) if part)
    stale = "is-stale" if frame.fresh.stale else ""
    return panel(f"Pace of {w.metric(p.metric)}", body, aside, f"m-pace {stale}")


def verdict(p: Pace, so_far: float | None, ended: bool = False) -> tuple[str, str]:
    """(tone, words) that answer "are we on pace?", or how it ended."""
    if so_far is None:
        return "unknown", "Unknown: no complete numbers yet"
    if p.target is None:
        return "flat", "No target set"
    if so_far >= p.target:
        return "up", "▲ Target reached"
    if ended:
        return "down", f"▼ {n.percent(so_far / p.target, 0)} of the target"
    if p.due_by_now is None:
        return "flat", f"{n.percent(so_far / p.target, 0)} of target"
    if p.due_by_now > 0 and abs(so_far / p.due_by_now - 1) <= ON_PACE:
        return "flat", "≈ On pace"
    return ("up", "▲ Ahead of pace") if so_far > p.due_by_now else ("down", "▼ Behind pace")


def _verdict(frame: Frame, p: Pace, so_far: float | None) -> str:
    ended = frame.shown.phase == "ended"
    tone, text = verdict(p, so_far, ended)
    more = ""
    if so_far is not None and p.target is not None and ended:
        more = f"{_money(frame, p, p.target - so_far)} missing"
    elif so_far is not None and p.target is not None and p.due_by_now is not None:
        gap = so_far - p.due_by_now
        side = "more" if gap >= 0 else "less"
        more = f"{n.amount(p.metric, abs(gap), frame.currency)} {side} than due by now"
    if so_far is not None and p.target is not None and so_far >= p.target:
        more = f"{n.percent(so_far / p.target, 0)} of {_money(frame, p, p.target)}"
    return f'<div class="m-verdict {tone}">{esc(text)}<small>{esc(more)}</small></div>'


def _money(frame: Frame, p: Pace, value: float | None) -> str:
    return n.amount(p.metric, value, frame.currency)


def _bar(frame: Frame, p: Pace, so_far: float) -> str:
    full = max(v for v in (so_far, p.target, p.projected_high, p.projected, 1.0) if v) * 1.02

    def at(value: float) -> str:
        return f"{min(100.0, max(0.0, value / full * 100)):.2f}%"

    def tag(value: float, text: str, under: bool) -> str:
        side = "left" if value > full * 0.8 else "right" if value < full * 0.12 else ""
        where = "under" if under else ""
        return f'<span class="tag {where} {side}" style="left:{at(value)}">{esc(text)}</span>'

    word = "in all" if frame.shown.phase == "ended" else "so far"
    parts = [f'<span class="fill" style="width:{at(so_far)}"></span>']
    low, high = p.projected_low, p.projected_high
    if low is not None and high is not None and high > so_far:
        left = max(low, so_far)
        parts.append(f'<span class="range" style="left:{at(left)};width:{at(high - left)}"></span>')
    parts.append(tag(so_far, f"{_money(frame, p, so_far)} {word}", under=True))
    if p.target is not None:
        parts.append(f'<span class="goal" style="left:{at(p.target)}"></span>')
        parts.append(tag(p.target, f"target {_money(frame, p, p.target)}", under=False))
    if p.due_by_now is not None and frame.shown.phase == "live":
        parts.append(f'<span class="due" style="left:{at(p.due_by_now)}"></span>')
        near = p.target is not None and p.due_by_now > p.target * 0.55
        side = "left" if near else "right" if p.due_by_now < full * 0.12 else ""
        if p.target is None or p.due_by_now < p.target * 0.99:
            text = f"due by now {_money(frame, p, p.due_by_now)}"
            where = f"left:{at(p.due_by_now)}"
            parts.append(f'<span class="tag {side}" style="{where}">{esc(text)}</span>')
    return f'<div class="m-bar" role="img" aria-label="{esc(_spoken(frame, p, so_far))}">' + (
        "".join(parts) + "</div>"
    )


def _spoken(frame: Frame, p: Pace, so_far: float) -> str:
    return (
        f"{_money(frame, p, so_far)} so far, due by now {_money(frame, p, p.due_by_now)}, "
        f"target {_money(frame, p, p.target)}"
    )


def _facts(frame: Frame, p: Pace, so_far: float | None) -> str:
    facts: list[tuple[str, str, str]] = []
    if p.due_by_now is not None and frame.shown.phase == "live":
        facts.append((DUE, _money(frame, p, p.due_by_now), ""))
    if p.projected is not None:
        span = ""
        if p.projected_low is not None and p.projected_high is not None:
            span = f"{_money(frame, p, p.projected_low)} to {_money(frame, p, p.projected_high)}"
        title = "Finish" if frame.shown.phase == "ended" else "Projected finish"
        facts.append((title, _money(frame, p, p.projected), span))
    if p.target is not None:
        share = n.percent(so_far / p.target, 0) + " done" if so_far is not None else ""
        facts.append(("Target", _money(frame, p, p.target), share))
    else:
        facts.append(("Target", n.UNKNOWN, w.NO_TARGET))
    if frame.shown.phase == "live":
        key = ("last hour", frame.campaign_id, p.metric)
        recent = memo.get(frame.picture, key, lambda: last_hour(frame.shown, p.metric))
        facts.append(("Last hour", _money(frame, p, recent), ""))
    if p.need_per_hour is not None and p.need_per_hour > 0 and frame.shown.phase != "ended":
        facts.append(("Need from here", f"{_money(frame, p, p.need_per_hour)} an hour", ""))
    return (
        '<dl class="m-facts">'
        + "".join(
            f'<div class="{"due" if t == DUE else ""}"><dt>{esc(t)}</dt>'
            f"<dd>{esc(v)} <small>{esc(more)}</small></dd></div>"
            for t, v, more in facts
        )
        + "</dl>"
    )


def last_hour(shown: CampaignPicture, metric: str) -> float | None:
    """The sum of the last hour of closed buckets; None unless the whole hour is known."""
    series, complete = shown.series.get(("", metric)), shown.watermark
    if series is None or complete is None:
        return None
    until = to_ms(complete)
    at = pc.cast(series["bucket_start"], pa.int64())
    closed = series.filter(pc.and_(pc.less(at, until), pc.is_valid(series["observed"])))
    starts = closed["bucket_start"].to_pylist()
    step = starts[-1] - starts[-2] if len(starts) > 1 else timedelta(0)
    if not step or len(starts) < timedelta(hours=1) // step:
        return None
    buckets = timedelta(hours=1) // step
    if starts[-1] - starts[-buckets] >= timedelta(hours=1) or complete - starts[-1] > 3 * step:
        return None
    return float(sum(closed["observed"].slice(len(starts) - buckets).to_pylist()))
