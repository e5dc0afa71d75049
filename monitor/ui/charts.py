"""Charts of buckets: observed against expected, as rows for the kept spec, and as small bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from monitor.campaigns.markets import symbol
from monitor.campaigns.words import MONEY
from monitor.clock import floor_to, to_ms
from monitor.settings import Campaign, Plan
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.chart_spec import Span, spec
from monitor.ui.frame import Frame
from monitor.ui.markup import esc, name
from monitor.ui.memo import memo

GAP = 0.14  # of a bucket, left between bars
CHARACTERS = 190  # of a label that fit across the chart on a laptop
SPARK_BARS = 12  # a quarter of an hour each


def bucket(table: pa.Table) -> timedelta:
    """The length of a series' buckets, read off its first two."""
    first = table["bucket_start"].slice(0, 2).to_pylist()
    step = first[1] - first[0] if len(first) == 2 else timedelta(0)
    return step if step > timedelta(0) else timedelta(minutes=5)


def local_ms(at: datetime, zone: ZoneInfo) -> float:
    """The wall time of `at` in `zone`, as if it were UTC, in milliseconds."""
    return float(to_ms(at.astimezone(zone).replace(tzinfo=UTC)))


def spans(campaign: Campaign, start: datetime, end: datetime) -> tuple[Span, ...]:
    """The phases and plans of a campaign that touch [start, end)."""
    found: list[Span] = []
    for window in (*campaign.phase, *campaign.plan):
        if window.start >= end or window.end <= start:
            continue
        scope = window.scope if isinstance(window, Plan) else {}
        whom = f" ({w.scope(scope)})" if scope else ""
        found.append(
            Span(
                local_ms(max(window.start, start), campaign.zone),
                local_ms(min(window.end, end), campaign.zone),
                window.name + whom,
                isinstance(window, Plan),
            )
        )
    return tuple(_labelled(found, local_ms(end, campaign.zone) - local_ms(start, campaign.zone)))


def _labelled(shaded: list[Span], width: float) -> Iterator[Span]:
    """Give labels rows so that none covers another; one that finds no room is left out.

    Phases have the first row, plans the next two. What concerns the whole campaign comes first.
    """
    taken: dict[int, list[tuple[float, float]]] = {0: [], 1: [], 2: []}
    for span in sorted(shaded, key=lambda s: (s.planned, "(" in s.label, s.start)):
        ends = span.start + len(span.label) * width / CHARACTERS
        free = [
            row
            for row in ((1, 2) if span.planned else (0,))
            if all(ends <= low or span.start >= high for low, high in taken[row])
        ]
        if free:
            taken[free[0]].append((span.start, ends))
            yield replace(span, row=free[0])
        else:
            yield replace(span, label="")


def look(state: str, observed: float | None, expected: float | None) -> str:
    """How a bucket is drawn: a breach above expectation is a surge, not a dip."""
    if state == "breach":
        above = observed is not None and expected is not None and observed > expected
        return "surge" if above else "breach"
    return "normal" if state in ("normal", "band", "") else "weak"


def rows(
    table: pa.Table,
    campaign: Campaign,
    metric: str,
    now: datetime,
    window: tuple[datetime, datetime],
) -> pa.Table:
    """The buckets of `window` as the spec wants them: local times, texts for the tooltip."""
    zone, currency = campaign.zone, campaign.currency
    step = bucket(table)
    length = step.total_seconds() * 1000
    at = pc.cast(table["bucket_start"], pa.int64())
    inside = pc.and_(pc.greater_equal(at, to_ms(window[0])), pc.less(at, to_ms(window[1])))
    picked = table.filter(inside).to_pylist()
    out: list[dict[str, Any]] = []
    for row in picked:
        start = row["bucket_start"].astimezone(zone)
        drawn = look(row["state"], row["observed"], row["expected"])
        sign, word = w.state("surge" if drawn == "surge" else row["state"])
        low, high = row["low"], row["high"]
        begin = local_ms(start, zone)

        def text(value: float | None) -> str:
            return n.amount(metric, value, currency)

        out.append(
            {
                "start": begin,
                "middle": begin + length / 2,
                "bar_end": begin + length * (1 - GAP),
                "end": begin + length,
                "observed": row["observed"],
                "expected": row["expected"],
                "low": low,
                "high": high,
                "comparable": row["comparable"],
                "look": drawn,
                "symbol": sign if drawn in ("breach", "surge") else "",  # thinned out below
                "when": f"{start:%a %H:%M}–{start + step:%H:%M}",
                "observed_text": text(row["observed"]),
                "expected_text": text(row["expected"]),
                "range_text": n.UNKNOWN if low is None else f"{text(low)} to {text(high)}",
                "comparable_text": text(row["comparable"]),
                "word": f"{sign} {word}",
                "now": None,
                "now_text": "",
            }
        )
    _one_symbol_a_run(out)
    if out and window[0] <= now < window[1]:
        out[0]["now"] = local_ms(now, zone)
        out[0]["now_text"] = f"now {now.astimezone(zone):%H:%M}"
    return pa.Table.from_pylist(out, schema=_SCHEMA)


def _one_symbol_a_run(out: list[dict[str, Any]]) -> None:
    """Keep the symbol of the middle bucket of each dip: side by side they hide the bars."""
    first = 0
    for i in range(1, len(out) + 1):
        if i == len(out) or out[i]["look"] != out[first]["look"]:
            for j in range(first, i):
                if j != (first + i - 1) // 2:
                    out[j]["symbol"] = ""
            first = i


_TEXTS = (
    *("look", "symbol", "when", "observed_text", "expected_text", "range_text"),
    *("comparable_text", "word", "now_text"),
)
_NUMBERS = (
    *("start", "middle", "bar_end", "end", "observed", "expected", "low", "high"),
    *("comparable", "now"),
)
_SCHEMA = pa.schema([(c, pa.float64()) for c in _NUMBERS] + [(c, pa.string()) for c in _TEXTS])


def buckets(frame: Frame, scope_key: str, metric: str, window: tuple[datetime, datetime]) -> None:
    """Draw the buckets of one scope and metric in `window`."""
    table = frame.shown.series[(scope_key, metric)]
    campaign, picture = frame.shown.campaign, frame.picture
    dark = st.context.theme.type == "dark"

    def make() -> tuple[Mapping[str, Any], bytes]:
        domain = (local_ms(window[0], campaign.zone), local_ms(window[1], campaign.zone))
        built = spec(w.metric(metric), domain, spans(campaign, *window), dark)
        data = rows(table, campaign, metric, picture.published_at, window)
        return built, _ipc(data)

    key = ("buckets", campaign.id, scope_key, metric, window, dark)
    built, data = memo.get(picture, key, make)
    st.vega_lite_chart(
        spec={**built, "datasets": {"d": data}},
        width="stretch",
        alt=f"{w.metric(metric)} every five minutes: observed against expected",
    )


def _ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def nothing_in(series: pa.Table) -> bool:
    """Whether a series has nothing to draw: not observed, not expected, not compared."""
    drawn = ("observed", "expected", "comparable")
    return all(series[name].null_count == series.num_rows for name in drawn)


def legend(frame: Frame, scope_key: str, metric: str) -> str:
    """What the marks mean, as text: it wraps on a phone where a legend in the chart would not."""
    minutes = int(bucket(frame.shown.series[(scope_key, metric)]).total_seconds() // 60)
    unit = f", {symbol(frame.currency).strip()}" if metric in MONEY else ""
    title = f"{w.metric(metric)} every {minutes} minutes{unit}"
    compared_with = frame.shown.compared_with
    thin = f'<span><i class="thin"></i>{name(compared_with)}</span>' if compared_with else ""
    return (
        f'<div class="m-legend"><b>{esc(title)}</b><span><i class="bars"></i>observed</span>'
        '<span><i class="line"></i>expected</span><span><i class="range"></i>normal range</span>'
        f'<span><i class="dip">▼</i>dip</span>{thin}</div>'
    )


def spark(table: pa.Table) -> str:
    """The last three hours of closed buckets as small bars; a bar with a dip in it is marked."""
    closed = [r for r in table.to_pylist() if r["observed"] is not None]
    step = max(1, timedelta(minutes=15) // bucket(table))
    last = closed[-SPARK_BARS * step :]
    groups = [last[i : i + step] for i in range(0, len(last), step)]
    sums = [sum(r["observed"] for r in g) / len(g) for g in groups]
    top = max(sums, default=0.0)
    if top <= 0:
        return ""
    bars = []
    for group, value in zip(groups, sums, strict=True):
        looks = {look(r["state"], r["observed"], r["expected"]) for r in group}
        mark = "breach" if "breach" in looks else ""
        bars.append(f'<i class="{mark}" style="height:{max(4.0, value / top * 100):.0f}%"></i>')
    dips = sum('class="breach"' in bar for bar in bars)
    says = f"last three hours, {w.counted(dips, 'quarter hour')} with a dip"
    return f'<span class="m-spark" role="img" title="{esc(says)}">{"".join(bars)}</span>'


def around(campaign: Campaign, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Two hours before `begin` to one hour after `end`, in whole quarters, inside the campaign."""
    quarter = timedelta(minutes=15)
    first = max(floor_to(begin - timedelta(hours=2), quarter), campaign.start)
    last = min(floor_to(end + timedelta(hours=1), quarter), campaign.end)
    return first, max(last, first + quarter)
