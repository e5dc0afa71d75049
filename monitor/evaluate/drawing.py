"""A chart of one scope over some hours as a small SVG file: observed, expected, band, what broke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from monitor.detect.event import Floats

WIDTH, HEIGHT = 760, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 46, 30
ABOVE = 1.1  # of what is drawn, so that the band shows above it
INK, MUTED, GRID = "#1f2933", "#5f6c7b", "#e4e8ec"
LINE, EXPECTED, BAND, BROKEN, ALARM = "#0b62b0", "#5f6c7b", "#cfd8e3", "#f6d5d0", "#b42318"
FONT = "font-family='system-ui, sans-serif'"


@dataclass(frozen=True)
class Chart:
    """`minute`: (buckets,) at which each bucket begins, since the event's start. The other arrays
    are (buckets,) in one unit, NaN where unknown. `broken`: half-open minutes of dips. `alarms`:
    minutes at which an alarm opened."""

    title: str
    note: str
    minute: Floats
    bucket_min: float
    observed: Floats
    expected: Floats
    low: Floats
    high: Floats
    broken: Sequence[tuple[float, float]]
    alarms: Sequence[float]
    expected_name: str = "expected"


def svg(chart: Chart) -> str:
    """The chart as one SVG document."""
    start, end = float(chart.minute[0]), float(chart.minute[-1]) + chart.bucket_min
    top = _round_up(ABOVE * _largest(np.concatenate([chart.observed, chart.expected])))

    def x(minute: float) -> float:
        return LEFT + (minute - start) / (end - start) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - min(value / top, 1.0) * (HEIGHT - TOP - BOTTOM)

    middle = chart.minute + chart.bucket_min / 2
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
        f"width='{WIDTH}' height='{HEIGHT}' role='img' aria-label='{escape(chart.title, True)}'>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#ffffff'/>",
        _text(LEFT, 17, chart.title, INK, 14),
        _text(LEFT, 35, chart.note, MUTED, 12),
    ]
    for first, last in chart.broken:
        a, b = x(max(first, start)), x(min(last, end))
        if b > a:
            height = HEIGHT - TOP - BOTTOM
            parts.append(
                f"<rect x='{a:.1f}' y='{TOP}' width='{b - a:.1f}' height='{height}' fill='{BROKEN}'/>"
            )
    for share in (0.0, 0.5, 1.0):
        at = y(share * top)
        parts.append(f"<path d='M{LEFT} {at:.1f}H{WIDTH - RIGHT}' stroke='{GRID}'/>")
        parts.append(_text(LEFT - 6, at + 4, _short(share * top), MUTED, 11, "end"))
    step = next(m for m in (60, 120, 240, 720, 1440) if (end - start) / m <= 12 or m == 1440)
    for minute in range(int(-(-start // step) * step), int(end) + 1, step):
        clock = f"{minute // 60 % 24:02}:{minute % 60:02}"
        anchor = "middle" if x(minute) < WIDTH - 20 else "end"
        parts.append(_text(x(minute), HEIGHT - 10, clock, MUTED, 11, anchor))
    reach = zip(middle, chart.low, chart.high, strict=True)
    parts.append(_band([(x(m), y(low), y(high)) for m, low, high in reach]))
    for values, colour, more in (
        (chart.expected, EXPECTED, " stroke-dasharray='5 3'"),
        (chart.observed, LINE, ""),
    ):
        pairs = zip(middle, values, strict=True)
        path = _path([(x(m), y(v)) if np.isfinite(v) else None for m, v in pairs])
        parts.append(f"<path d='{path}' fill='none' stroke='{colour}' stroke-width='1.8'{more}/>")
    for opened in chart.alarms:
        if start <= opened <= end:
            at = x(opened)
            parts.append(
                f"<path d='M{at:.1f} {TOP}V{HEIGHT - BOTTOM}' stroke='{ALARM}' stroke-width='1.5'/>"
                f"<path d='M{at - 5:.1f} {TOP - 1}h10l-5 8z' fill='{ALARM}'/>"
            )
    legend = (
        ("observed", LINE),
        (chart.expected_name, EXPECTED),
        ("dip", "#d98c82"),
        ("alarm", ALARM),
    )
    place = WIDTH - RIGHT
    for name, colour in reversed(legend):
        parts.append(_text(place, 17, name, colour, 12, "end"))
        place -= 8 + 7 * len(name)
    return "\n".join([*parts, "</svg>", ""])


def _largest(values: Floats) -> float:
    return float(values[np.isfinite(values)].max(initial=0.0))


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    words, drawing = [], False
    for point in points:
        if point is None:
            drawing = False
            continue
        words.append(f"{'L' if drawing else 'M'}{point[0]:.1f} {point[1]:.1f}")
        drawing = True
    return "".join(words)


def _band(points: Sequence[tuple[float, float, float]]) -> str:
    known = [p for p in points if all(map(np.isfinite, p))]
    if not known:
        return ""
    upper = [f"{x:.1f} {high:.1f}" for x, _, high in known]
    lower = [f"{x:.1f} {low:.1f}" for x, low, _ in reversed(known)]
    return f"<path d='M{'L'.join([*upper, *lower])}Z' fill='{BAND}' fill-opacity='0.6'/>"


def _text(x: float, y: float, text: str, fill: str, size: int, anchor: str = "start") -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' fill='{fill}' font-size='{size}' text-anchor='{anchor}' "
        f"{FONT}>{escape(text)}</text>"
    )


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g}m"
    return f"{value / 1e3:g}k" if value >= 1000 else f"{value:.3g}"


def _round_up(value: float) -> float:
    """The next number that reads well, 1 for nothing at all."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(
        next(m * power for m in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if m * power >= value)
    )
