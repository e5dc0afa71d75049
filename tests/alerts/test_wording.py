"""Headlines: every rule told in a sentence that needs no glossary."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.wording import (
    amount_words,
    dip_headline,
    headline,
    money_words,
    rate_words,
    scope_words,
    subject,
    times_words,
)
from monitor.campaigns.words import Scope

SINCE = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Kuala_Lumpur")
LIVE: Scope = {"channel": "live"}


def told(
    measure: str,
    scope: Scope,
    observed: float | None,
    expected: float | None,
    at_risk: float | None = None,
    *,
    rule: str = "",
    kind: str = "dip",
    **more: object,
) -> str:
    return headline(
        rule or f"{measure}_dip", kind, measure, scope, observed, expected, at_risk, SINCE, ZONE,
        "MYR", **more,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            told("gmv", LIVE, 10_234.5, 21_876.0),
            "LIVE GMV 53% below expected since 20:00 (RM 11.6k short)",
        ),
        (
            told("gmv", LIVE, 10_234.5, 21_876.0, 9_100.0),
            "LIVE GMV 53% below expected since 20:00 (RM 9.1k short)",
        ),
        (
            told("visitors", {"channel": "video"}, 8_000, 9_500),
            "Video visitors 16% below expected since 20:00 (1.5k visitors short)",
        ),
        (
            told("visitors", {}, 8_000, 9_500, 2_100.0),
            "Visitors 16% below expected since 20:00 (1.5k fewer, about RM 2.1k short)",
        ),
        (
            told("orders", {"creator_id": "c0017"}, 100, 200, 3_800.0),
            "Creator c0017 orders 50% below expected since 20:00 (100 fewer, about RM 3.8k short)",
        ),
        (
            told("conversion", LIVE, 0.021, 0.034, 11_641.0),
            "LIVE conversion 2.1% instead of 3.4% since 20:00 (RM 11.6k short): "
            "fewer of the visitors buy",
        ),
        (
            told("conversion", LIVE, 0.021, 0.034, 11_641.0, steady_traffic=True),
            "LIVE conversion 2.1% instead of 3.4% since 20:00 (RM 11.6k short): "
            "as many visitors, fewer buy",
        ),
        (
            told("aov", LIVE, 31.0, 45.2, 2_100.0),
            "LIVE average order RM 31 instead of RM 45 since 20:00 (RM 2.1k short): "
            "orders are smaller",
        ),
        (
            told("ctr", {}, 0.0041, 0.0068),
            "Click rate 0.41% instead of 0.68% since 20:00: it is shown, but fewer click",
        ),
        (
            told("ctor", LIVE, 0.02, 0.033),
            "LIVE click-to-order rate 2.0% instead of 3.3% since 20:00: people click, but fewer buy",
        ),
        (
            told("refund_rate", LIVE, 0.091, 0.03, 2_000.0, rule="refund_surge"),
            "LIVE refund rate 9.1% instead of 3.0% since 20:00 (RM 2.0k more than usual): "
            "more is sent back than usual",
        ),
        (
            told("orders", {"channel": "live", "category": "beauty"}, 0, 23, 1_100.0,
                 rule="flatline", kind="flatline"),
            "No order in LIVE beauty since 20:00; 23 were expected (RM 1.1k)",
        ),
        (
            told("gmv", {}, 0, 5_400.0, rule="flatline", kind="flatline"),
            "No sale since 20:00; RM 5.4k was expected",
        ),
        (
            told("gmv", {"creator_id": "@mei.ling"}, 6_200, 3_100, rule="opportunity", kind="surge"),
            "@mei.ling sells twice the usual since 20:00 (RM 3.1k more): give them a slot",
        ),
        (
            told("gmv", {"live_id": "r12"}, 7_200, 3_000, rule="opportunity", kind="surge"),
            "Live room r12 sells 2.4 times the usual since 20:00 (RM 4.2k more): keep it on air",
        ),
    ],
)  # fmt: skip
def test_a_rule_speaks_in_a_plain_sentence(sentence: str, expected: str) -> None:
    assert sentence == expected


def test_what_was_planned_is_told_calmly() -> None:
    assert told("gmv", {"creator_id": "c3"}, 1, 9, reason="expected", cause="live show") == (
        "Creator c3's live show ended as planned: nothing is wrong"
    )
    assert told("gmv", {}, 1, 9, reason="expected", cause="flash sale") == (
        "Flash sale ended as planned: nothing is wrong"
    )
    assert told("gmv", {"creator_id": "c3"}, 1, 9, reason="expected") == (
        "Creator c3 closed the live room: nothing is wrong"
    )
    assert told("gmv", {"live_id": "r7"}, 1, 9, reason="expected") == (
        "Live room r7 closed: nothing is wrong"
    )


def test_a_withdrawn_alert_takes_its_word_back() -> None:
    assert told("gmv", LIVE, 1, 9, reason="withdrawn") == (
        "LIVE GMV did not dip: numbers that came later explain it"
    )
    assert told("gmv", LIVE, 9, 1, kind="surge", reason="withdrawn", cause="Feed a was stuck") == (
        "LIVE GMV did not rise: Feed a was stuck"
    )


def test_a_late_feed_and_a_weak_basis_are_said_in_the_headline() -> None:
    assert told("gmv", LIVE, 1, 2, reason="feed_late").endswith(
        "; its feed is late, sales may be fine"
    )
    assert told("gmv", LIVE, 1, 2, basis="today's own last hour").endswith(
        "(RM 1 short) (compared with today's own last hour)"
    )


@pytest.mark.parametrize(
    ("measure", "observed", "expected", "kind"),
    [
        ("gmv", 9.0, 9.0, "dip"),
        ("conversion", 0.04, 0.034, "dip"),
        ("refund_rate", 0.02, 0.03, "dip"),
        ("gmv", 1.0, 2.0, "surge"),
    ],
)
def test_a_measure_that_came_back_is_not_called_short(
    measure: str, observed: float, expected: float, kind: str
) -> None:
    said = told(measure, LIVE, observed, expected, 500.0, kind=kind)
    assert " back at " in said
    assert "RM" not in said


def test_unknown_figures_make_no_figures_up() -> None:
    assert told("gmv", LIVE, None, None) == "LIVE GMV falls since 20:00"
    assert told("orders", LIVE, None, None, kind="flatline") == "No order in LIVE since 20:00"


def test_scopes_are_named_in_one_order_whatever_the_dictionary() -> None:
    assert scope_words({"category": "home_living", "channel": "product_card"}) == (
        "product card home living"
    )
    assert scope_words({"shop_id": "s1", "channel": "live"}) == "LIVE shop s1"
    assert subject("gmv", {"feed": "performance"}) == "GMV"
    assert subject("ctor", {"slot_id": "5"}) == "Slot 5 click-to-order rate"


def test_rates_that_differ_never_look_the_same() -> None:
    assert rate_words(0.0214, 0.0212) == ("2.14%", "2.12%")
    assert rate_words(0.021, 0.021) == ("2.1%", "2.1%")
    assert rate_words(0.004) == ("0.40%",)


def test_amounts_carry_the_sign_of_their_market() -> None:
    assert money_words(12_345.0, "MYR") == "RM 12.3k"
    assert money_words(12_345.0, "THB") == "฿12.3k"
    assert money_words(12_345.0, "SGD") == "S$12.3k"
    assert amount_words("aov", 31.0, "MYR") == "RM 31"
    assert amount_words("conversion", 0.021, "MYR") == "2.1%"
    assert amount_words("visitors", 412, "MYR") == "412 visitors"


def test_a_multiple_of_the_usual_is_told_as_people_say_it() -> None:
    ratios = (1.6, 2.1, 2.9, 4.44, 12.3)
    assert [times_words(r) for r in ratios] == [
        "60% more than usual",
        "twice the usual",
        "three times the usual",
        "4.4 times the usual",
        "12 times the usual",
    ]


def test_the_short_form_is_the_long_one_without_a_rule() -> None:
    assert dip_headline("gmv", {}, 50, 100, SINCE, ZONE, "MYR") == told("gmv", {}, 50, 100)
