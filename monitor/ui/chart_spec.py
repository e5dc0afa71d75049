"""The bucket chart as a Vega-Lite spec, authored in Altair and kept.

Building an Altair chart costs 30 to 55 ms; sending a kept spec costs one or two. Times come as
local wall times in milliseconds on a UTC scale, so the browser's own zone does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt

HEIGHT = 300
LABEL, DOMAIN = "@label", "@domain"
SHADED = {False: "@phases", True: "@plans"}


@dataclass(frozen=True)
class Palette:
    """Okabe-Ito, tuned for a light and a dark ground."""

    bar: str
    weak: str
    dip: str
    surge: str
    ink: str
    comparable: str
    phase: str
    plan: str


LIGHT = Palette(
    "#2F86BF", "#A9CBE2", "#D55E00", "#009E73", "#1B232B", "#A85C8B", "#8A949B", "#E69F00"
)
DARK = Palette(
    "#3F8FC4", "#2A4F69", "#FF7A33", "#2FBF93", "#E6EBEF", "#D992BB", "#7A8791", "#E69F00"
)


@dataclass(frozen=True)
class Span:
    """A stretch of the day behind the bars: a phase, or something planned. Local milliseconds."""

    start: float
    end: float
    label: str  # "" where there is no room for it
    planned: bool
    row: int = 0  # of labels, from the top


@lru_cache(maxsize=128)
def spec(
    label: str, domain: tuple[float, float], shaded: tuple[Span, ...], dark: bool
) -> Mapping[str, Any]:
    """The Vega-Lite spec of a bucket chart; data comes under the name `d`."""
    text = _template(dark)
    text = text.replace(json.dumps(LABEL), json.dumps(label))
    text = text.replace(json.dumps([DOMAIN]), json.dumps(list(domain)))
    for planned in (False, True):
        rows = [
            {"from": s.start, "to": s.end, "label": s.label, "y": 10 + 14 * s.row}
            for s in shaded
            if s.planned is planned
        ]
        text = text.replace(json.dumps({"name": SHADED[planned]}), json.dumps({"values": rows}))
    filled: dict[str, Any] = json.loads(text)
    return filled


@lru_cache(maxsize=2)
def _template(dark: bool) -> str:
    """The spec as JSON with places to fill, so that a moving window costs no authoring."""
    c = DARK if dark else LIGHT
    data = alt.Chart(alt.NamedData("d"))
    time = alt.Scale(type="utc", domain=[DOMAIN], nice=False)
    axis = alt.Axis(
        title=None,
        grid=False,
        tickCount=12,
        labelOverlap=True,
        labelExpr="utchours(datum.value)==0 && utcminutes(datum.value)==0"
        " ? [utcFormat(datum.value,'%H:%M'), utcFormat(datum.value,'%a %d %b')]"
        " : utcFormat(datum.value,'%H:%M')",
    )
    x = alt.X("start:T", scale=time, axis=axis)
    middle = alt.X("middle:T", scale=time)
    y = alt.Y("observed:Q", title=None, axis=alt.Axis(format="~s", tickCount=5, gridOpacity=0.5))
    look = alt.Color(
        "look:N",
        legend=None,
        scale=alt.Scale(
            domain=["normal", "weak", "breach", "surge"], range=[c.bar, c.weak, c.dip, c.surge]
        ),
    )
    hover = alt.selection_point(
        name="hover", on="pointerover", clear="pointerout", fields=["start"]
    )
    tips = [
        alt.Tooltip("when:N", title="Time"),
        alt.Tooltip("observed_text:N", title=LABEL),
        alt.Tooltip("expected_text:N", title="Expected"),
        alt.Tooltip("range_text:N", title="Normal range"),
        alt.Tooltip("comparable_text:N", title="Comparable"),
        alt.Tooltip("word:N", title="Judged"),
    ]
    layers = [*_shading(c, time)]
    layers += [
        data.mark_area(color=c.ink, opacity=0.13, interpolate="monotone").encode(
            x=middle, y=alt.Y("low:Q"), y2="high:Q"
        ),
        data.mark_rect().encode(x=x, x2="bar_end:T", y=y, y2=alt.datum(0), color=look),
        data.mark_line(color=c.comparable, strokeWidth=1.2, interpolate="monotone").encode(
            x=middle, y="comparable:Q"
        ),
        data.mark_line(
            color=c.ink, strokeWidth=1.6, strokeDash=[5, 3], interpolate="monotone"
        ).encode(x=middle, y="expected:Q"),
        data.mark_text(dy=-10, fontSize=15, fontWeight="bold").encode(
            x=middle, y="observed:Q", text="symbol:N", color=look
        ),
        data.transform_filter("isValid(datum.now)")
        .mark_rule(color=c.ink, strokeWidth=1)
        .encode(x=alt.X("now:T", scale=time)),
        data.transform_filter("isValid(datum.now)")
        .mark_text(color=c.ink, fontSize=11, align="right", dx=-4, baseline="bottom")
        .encode(x=alt.X("now:T", scale=time), y=alt.value(-3), text="now_text:N"),
        data.mark_rect(color=c.ink)
        .encode(
            x=x,
            x2="end:T",
            opacity=alt.condition(hover, alt.value(0.12), alt.value(0), empty=False),
            tooltip=tips,
        )
        .add_params(hover),
    ]
    chart = alt.layer(*layers).properties(height=HEIGHT, padding={"top": 16, "left": 2, "right": 8})
    built: dict[str, Any] = chart.to_dict(validate=False)
    built |= {"data": {"name": "d"}, "background": "transparent"}
    return json.dumps(built)


def _shading(c: Palette, time: alt.Scale) -> list[alt.Chart]:
    layers = []
    for planned, colour in ((False, c.phase), (True, c.plan)):
        base = alt.Chart(alt.NamedData(SHADED[planned]))
        x = alt.X("from:T", scale=time)
        layers.append(base.mark_rect(color=colour, opacity=0.11).encode(x=x, x2="to:T"))
        layers.append(
            base.mark_text(
                color=c.ink,
                opacity=0.75,
                clip=True,
                align="left",
                baseline="middle",
                dx=4,
                fontSize=11,
            )
            .encode(x=x, y=alt.Y("y:Q", scale=None, axis=None), text="label:N")
            .properties(name="plan_labels" if planned else "phase_labels")  # style.py hides them
        )
    return layers
