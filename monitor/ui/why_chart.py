"""The bucket chart of any measure: rates in per cent, and the bucket in question marked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import streamlit as st

from monitor.alerts.wording import RATES
from monitor.campaigns.markets import symbol
from monitor.campaigns.words import MONEY
from monitor.ui import charts, measures
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.chart_spec import Span, spec
from monitor.ui.frame import Frame
from monitor.ui.markup import esc, name
from monitor.ui.memo import memo

Window = tuple[datetime, datetime]
ROW = 3  # of labels: under those of phases and plans


def draw(
    frame: Frame, table: pa.Table, scope_key: str, measure: str, window: Window,
    at: datetime | None = None,
) -> None:  # fmt: skip
    """Draw the buckets of `table` (SERIES_SCHEMA) in `window`; `at`: start of a bucket to mark."""
    campaign, picture = frame.shown.campaign, frame.picture
    dark = st.context.theme.type == "dark"

    def make() -> tuple[Mapping[str, Any], bytes]:
        ends = tuple(charts.local_ms(t, campaign.zone) for t in window)
        shaded = charts.spans(campaign, *window)
        if at is not None:
            begin = charts.local_ms(at, campaign.zone)
            length = charts.bucket(table).total_seconds() * 1000
            shaded += (Span(begin, begin + length, "▼ here", planned=True, row=ROW),)
        built = spec(w.metric(measure), (ends[0], ends[1]), shaded, dark)
        rows = charts.rows(table, campaign, measure, picture.published_at, window)
        if measure in RATES:
            built = json.loads(json.dumps(built).replace('"format": "~s"', '"format": ".1~%"'))
            rows = _in_per_cent(rows, measure, frame.currency)
        return built, charts._ipc(rows)

    key = ("why", campaign.id, scope_key, measure, window, at, id(table), dark)
    built, data = memo.get(picture, key, make)
    st.vega_lite_chart(
        spec={**built, "datasets": {"d": data}},
        width="stretch",
        alt=f"{w.metric(measure)} by the bucket: observed against expected",
    )


def _in_per_cent(rows: pa.Table, measure: str, currency: str) -> pa.Table:
    """The texts of the tooltip, which would round a rate away."""
    for column in ("observed", "expected", "comparable"):
        texts = [measures.amount(measure, v, currency) for v in rows[column].to_pylist()]
        rows = _with(rows, f"{column}_text", texts)
    ranges = [
        n.UNKNOWN if low is None
        else " to ".join(measures.amount(measure, v, currency) for v in (low, high))
        for low, high in zip(rows["low"].to_pylist(), rows["high"].to_pylist(), strict=True)
    ]  # fmt: skip
    return _with(rows, "range_text", ranges)


def _with(rows: pa.Table, column: str, texts: list[str]) -> pa.Table:
    return rows.set_column(
        rows.schema.get_field_index(column), column, pa.array(texts, pa.string())
    )


def legend(frame: Frame, table: pa.Table, measure: str, *, marked: bool = False) -> str:
    """What the marks mean, as text."""
    minutes = int(charts.bucket(table).total_seconds() // 60)
    unit = f", {symbol(frame.currency).strip()}" if measure in MONEY or measure == "aov" else ""
    title = f"{w.metric(measure)} every {minutes} minutes{unit}"
    compared_with = frame.shown.compared_with
    known = compared_with and table["comparable"].null_count < table.num_rows
    thin = f'<span><i class="thin"></i>{name(compared_with)}</span>' if known else ""
    here = '<span><i class="at"></i>the moment in question</span>' if marked else ""
    return (
        f'<div class="m-legend"><b>{esc(title)}</b><span><i class="bars"></i>observed</span>'
        '<span><i class="line"></i>expected</span><span><i class="range"></i>normal range</span>'
        f'<span><i class="dip">▼</i>dip</span>{thin}{here}</div>'
    )
