"""Alerts as cards: one story once, money first, rates in per cent, what was planned told calmly."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.ui import triage
from tests.pages import pictures as p
from tests.pages.conftest import Opener

CONVERSION = p.alert(
    id=20, rule="conversion_dip", metric="conversion", observed=0.0208, expected=0.0341,
    shortfall=0.0133, at_risk=11_200.0, at_risk_per_hour=16_000.0,
    headline="LIVE conversion 2.1% instead of 3.4% since 20:00 (RM 11.2k short)",
)  # fmt: skip
ORDERS = p.alert(
    id=21, rule="orders_dip", metric="orders", observed=268.0, expected=571.0, shortfall=303.0,
    at_risk=11_500.0, covered_by=12, headline="LIVE orders 53% below expected since 20:00",
)  # fmt: skip
CHANCE = p.alert(
    id=22, rule="opportunity", kind="surge", scope={"creator_id": "c0017"}, severity="info",
    reason=None, observed=6200.0, expected=3100.0, shortfall=-3100.0, drivers=[],
    headline="Creator c0017 sells twice the usual since 20:00 (RM 3.1k more): give them a slot",
)  # fmt: skip
PLANNED = p.alert(
    id=23, scope={"creator_id": "c0003"}, severity="critical", reason="expected", drivers=[],
    shortfall=2800.0, headline="Creator c0003's live show ended as planned: nothing is wrong",
)  # fmt: skip


def ids(told: list[list[triage.Alert]]) -> list[list[int]]:
    return [[a["id"] for a in story] for story in told]


def test_alerts_of_one_scope_and_time_are_one_story_with_the_money_first() -> None:
    assert ids(triage.stories([CONVERSION, p.alert(), ORDERS])) == [[12, 20, 21]]


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": {"channel": "video"}},
        {"kind": "flatline"},
        {"metric": "refund_rate"},
        {"reason": "expected"},
        {"status": "resolved", "resolved_at": "2026-11-11T13:00:00Z"},
    ],
)
def test_what_is_another_story_stays_apart(changes: dict[str, Any]) -> None:
    assert ids(triage.stories([p.alert(), p.alert(id=30, **changes)])) == [[12], [30]]


def test_resolved_alerts_are_one_story_only_where_their_times_overlap() -> None:
    early = {"status": "resolved", "resolved_at": "2026-11-11T12:30:00Z"}
    later = {"status": "resolved", "resolved_at": "2026-11-11T14:00:00Z", "id": 31}
    apart = p.alert(breach_start="2026-11-11T12:40:00Z", **later)
    over = p.alert(breach_start="2026-11-11T12:20:00Z", **later)
    assert ids(triage.stories([p.alert(**early), apart])) == [[12], [31]]
    assert ids(triage.stories([p.alert(**early), over])) == [[12, 31]]


def test_money_of_one_scope_counts_once_and_planned_or_made_money_never() -> None:
    assert triage.total_at_risk([p.alert(), CONVERSION, ORDERS]) == 11_641.5
    assert triage.total_at_risk([CONVERSION]) == 11_200.0
    assert triage.total_at_risk([PLANNED, CHANCE]) is None
    assert triage.at_risk(p.alert(at_risk=900.0)) == 900.0
    assert triage.at_risk(p.alert(at_risk=None)) == 11_641.5
    assert triage.gained(CHANCE) == 3100.0
    assert triage.gained(p.alert()) is None
    assert triage.per_hour(p.alert(at_risk_per_hour=50.0, status="resolved")) is None


def listed(
    open_page: Opener, *alerts: dict[str, Any], page: str = "alerts.py", **params: str
) -> Any:
    shown = p.campaign_picture(alerts=tuple(alerts))
    return open_page(page, p.picture((shown,)), **params)


def test_a_story_is_one_card_and_each_alert_can_be_opened(open_page: Opener) -> None:
    for name in ("alerts.py", "live.py"):
        page = listed(open_page, p.alert(at_risk_per_hour=17_460.0), CONVERSION, ORDERS, page=name)
        assert "RM 11,642 RM 17,460 an hour" in page.text
        assert "▼ Conversion 2.1% instead of 3.4% #20 ▼ Orders −53% #21" in page.text
        assert page.raw.count('class="m-story') == 1
        assert all(f"alert={i}" in page.raw for i in (12, 20, 21))
        assert "explained by #12" not in page.text


def test_what_was_judged_normal_beside_a_dip_is_said(open_page: Opener) -> None:
    video = p.alert(scope={"channel": "video"}, headline="Video GMV 40% below expected")
    assert "✓ visitors normal" not in listed(open_page, video).text, "visitors dip there as well"
    whole = p.alert(scope={}, headline="GMV 20% below expected")
    assert "✓ visitors normal" in listed(open_page, whole).text


def test_what_was_planned_is_calm_last_and_costs_nothing(open_page: Opener) -> None:
    page = listed(open_page, PLANNED, CHANCE, p.alert())
    assert page.text.index("#12") < page.text.index("#22") < page.text.index("#23")
    assert "3 alerts RM 11,642 at risk" in page.text
    assert "✓ nothing is wrong #23" in page.text
    assert "RM 2,800" not in page.text
    assert 'class="m-alert calm"' in page.raw
    one = listed(open_page, PLANNED, alert="23")
    assert "At risk nothing it was planned or is explained" in one.text
    assert "critical" not in one.text


def test_an_opportunity_is_money_made_not_missing(open_page: Opener) -> None:
    page = listed(open_page, CHANCE)
    assert "+RM 3,100 ▲ opportunity" in page.text
    assert "at risk" not in page.text
    one = listed(open_page, CHANCE, alert="22")
    assert "Made beyond the usual RM 3,100 100% above expected" in one.text


def test_a_rate_alert_shows_per_cent_and_money(open_page: Opener) -> None:
    text = listed(open_page, CONVERSION, alert="20").text
    assert "At risk RM 11,200 An hour RM 16,000 while it lasts" in text
    assert "Short 1.33 pp 39% below expected" in text
    assert "Observed 2.08%" in text
    assert "Expected 3.41%" in text


def test_an_alert_leads_to_the_evidence_of_the_moment_it_spoke(open_page: Opener) -> None:
    page = listed(open_page, p.alert(), alert="12")
    assert "Why this alert? The evidence →" in page.text
    assert (
        'href="why?campaign=my-1111-2026&amp;measure=gmv&amp;scope=channel%3Dlive'
        '&amp;at=2026-11-11T12%3A05%3A00Z"'
    ) in page.raw
    assert "Why this alert?" not in listed(open_page, p.ALERTS[0], alert="7").text


def test_only_kinds_that_there_are_can_be_chosen(open_page: Opener) -> None:
    options = listed(open_page, p.alert(), CHANCE).at.segmented_control(key="kind_box").options
    assert options == ["All kinds", "Dip", "Surge"]
