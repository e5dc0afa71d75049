"""Numbers, ages, triage and freshness as plain values."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.ui import chart_spec, charts, fresh, numbers, triage
from monitor.ui.memo import Memo
from tests.pages import pictures as p


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.0, "RM\u00a00"),
        (38.314, "RM\u00a038.31"),
        (99.996, "RM\u00a0100"),
        (98_765.4, "RM\u00a098,765"),
        (99_999.6, "RM\u00a0100.0k"),
        (123_449.0, "RM\u00a0123.4k"),
        (999_960.0, "RM\u00a01.00M"),
        (1_234_567.0, "RM\u00a01.23M"),
        (4_560_000_000.0, "RM\u00a04.56B"),
        (-1_250.0, "−RM\u00a01,250"),
        (-0.2, "−RM\u00a00.20"),
    ],
)
def test_money_is_short_and_unknown_is_a_dash(value: float | None, text: str) -> None:
    assert numbers.money(value, "MYR") == text


def test_currencies_without_cents_show_none() -> None:
    assert numbers.money(38.3, "VND") == "₫38"
    assert numbers.money(1_234_567.0, "SGD") == "S$1.23M"
    assert numbers.money(5.0, "AED") == "AED\u00a05.00"


def test_a_change_is_unknown_when_a_side_is() -> None:
    assert numbers.change("gmv", None, 5.0).way == "unknown"
    assert numbers.change("gmv", 5.0, None).text == "no comparison"
    assert numbers.change("gmv", 5.0, 0.0).text == "no comparison"
    assert numbers.change("gmv", 5.0, 5.0).text == "= 0.0%"


def test_ages_have_one_unit() -> None:
    ages = {
        1: "1 s ago",
        119: "119 s ago",
        120: "2 min ago",
        7200: "2 h ago",
        200_000: "2 days ago",
    }
    for seconds, text in ages.items():
        assert numbers.age(p.NOW - timedelta(seconds=seconds), p.NOW) == text
    assert numbers.age(p.NOW + timedelta(seconds=9), p.NOW) == "just now"
    assert numbers.age(None, p.NOW) == "never"


def test_money_at_risk_counts_nothing_twice() -> None:
    alerts = [
        p.alert(id=1, scope={"channel": "live"}, shortfall=100.0),
        p.alert(id=2, scope={"channel": "video"}, shortfall=50.0),
        p.alert(id=3, scope={"category": "beauty"}, shortfall=120.0),  # may be the same sales
        p.alert(id=4, scope={"creator_id": "c1"}, shortfall=90.0, covered_by=1),
        p.alert(id=5, scope={"shop_id": "s1"}, shortfall=999.0, status="resolved"),
        p.alert(id=6, scope={}, shortfall=999.0, kind="pace"),
        p.alert(id=7, scope={}, shortfall=999.0, metric="visitors"),
        p.alert(id=8, scope={}, shortfall=None),
    ]
    assert triage.total_at_risk(alerts) == 150.0
    assert triage.total_at_risk(alerts[4:]) is None


def test_acknowledged_alerts_are_still_open() -> None:
    assert triage.is_open(p.alert(status="acknowledged"))
    assert not triage.is_open(p.alert(status="resolved"))


def test_resolved_alerts_come_last_newest_first() -> None:
    alerts = [
        p.alert(id=1, status="resolved", resolved_at="2026-11-11T01:00:00Z"),
        p.alert(id=2, status="resolved", resolved_at="2026-11-11T03:00:00Z"),
        p.alert(id=3, shortfall=1.0),
    ]
    assert [a["id"] for a in triage.in_order(alerts)] == [3, 2, 1]


def test_freshness_is_measured_in_cadences_of_the_campaign() -> None:
    slow = p.picture(
        feeds=(replace(p.FEED, cadence_s=1800.0),), published_at=p.NOW - timedelta(minutes=80)
    )
    shown = p.campaign_picture()
    assert fresh.freshness(slow, shown, p.NOW).level == "fresh"
    assert fresh.freshness(slow, shown, p.NOW + timedelta(minutes=11)).level == "stopped"


def test_a_chart_stands_in_the_zone_of_the_campaign_whatever_the_browser() -> None:
    rows = charts.rows(p.series(), p.CAMPAIGN, "gmv", p.NOW, (p.START, p.END))
    first = rows.slice(0, 1).to_pylist()[0]
    assert first["start"] % 86_400_000 == 0  # local midnight, as if it were UTC
    assert first["when"] == "Wed 00:00–00:05"
    assert first["now_text"] == "now 21:14"
    assert rows.num_rows == 288


def test_a_dip_is_marked_once_and_unknown_buckets_have_no_value() -> None:
    rows = charts.rows(p.series(dip=0.5), p.CAMPAIGN, "gmv", p.NOW, (p.START, p.END)).to_pylist()
    assert [r["symbol"] for r in rows].count("▼") == 1
    assert sum(r["look"] == "breach" for r in rows) == 8
    open_bucket = rows[-1]
    assert open_bucket["observed"] is None
    assert open_bucket["observed_text"] == "–"


def test_a_breach_above_expectation_is_a_surge() -> None:
    assert charts.look("breach", 20.0, 10.0) == "surge"
    assert charts.look("breach", 5.0, 10.0) == "breach"
    assert charts.look("incomplete", 5.0, 10.0) == "weak"


def test_a_chart_spec_is_built_once() -> None:
    spans = charts.spans(p.CAMPAIGN, p.START, p.END)
    one = chart_spec.spec("GMV", (0.0, 1.0), spans, False)
    assert chart_spec.spec("GMV", (0.0, 1.0), spans, False) is one
    assert [s.label for s in spans] == [
        "midnight rush",
        "last call",
        "flash sale",
        "live show (c0003)",
    ]


def test_what_is_kept_for_a_picture_goes_with_it() -> None:
    memo, made = Memo(), []
    first = p.picture()
    later = replace(first, published_at=p.NOW)  # the same numbers, published again
    other = p.picture(generation=256)
    for picture in (first, first, later, other):
        memo.get(picture, "key", lambda: made.append(1))
    assert len(made) == 2
