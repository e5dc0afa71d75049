"""Why was there (no) alert: each reason is told by the condition that decided it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.clock import to_ms
from monitor.detect.why import Evidence, WindowEvidence
from monitor.why import as_json, explain, how_sure, outside, rests_on, the_rule

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
START = datetime(2026, 11, 10, 16, 0, tzinfo=UTC)
END = START + timedelta(days=1)
AT = datetime(2026, 11, 11, 12, 5, tzinfo=UTC)


def window(fall: float, z: float, minutes: float = 15, expected: float = 1000.0) -> WindowEvidence:
    return WindowEvidence(minutes, expected * (1 - fall), expected, fall, z, 3.5)


def evidence(*windows: WindowEvidence, **changes: Any) -> Evidence:
    """LIVE GMV in the bucket 20:05, judged and normal."""
    whole = Evidence(
        {"channel": "live"}, "gmv", to_ms(AT), "normal", 970.0, 1000.0, 800.0, 1200.0,
        windows or (window(0.03, 0.4),), members=44, compared=44, rule="gmv_dip",
        at_risk_per_hour=900.0, least_at_risk=500.0,
    )  # fmt: skip
    return replace(whole, **changes)


def first(*windows: WindowEvidence, **changes: Any) -> str:
    return explain(evidence(*windows, **changes), ZONE, "MYR").first


BREACH: dict[str, Any] = {
    "state": "breach", "breach_since_ms": to_ms(AT - timedelta(minutes=5)), "reason": "real_drop",
}  # fmt: skip
DEEP = window(0.53, 6.0, 10)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            first(window(0.09, 4.0)),
            "No alert: LIVE GMV was 9% below expected over the last 15 min; the rule speaks from 15%.",
        ),
        (
            first(window(0.148, 4.0)),
            "No alert: LIVE GMV was 14.8% below expected over the last 15 min; "
            "the rule speaks from 15%.",
        ),
        (
            first(window(0.2, 2.0, 60)),
            "No alert: LIVE GMV was 20% below expected over the last hour, which could still be "
            "chance with numbers this small.",
        ),
        (
            first(window(0.2, 4.0), at_risk_per_hour=120.0),
            "No alert: LIVE GMV was 20% below expected over the last 15 min, but only RM 120 an "
            "hour is at stake; the rule speaks from RM 500 an hour.",
        ),
        (
            first(window(0.2, 4.0)),
            "No alert: LIVE GMV was 20% below expected over the last 15 min, but the last minutes "
            "alone are not low enough any more.",
        ),
        (
            first(window(-0.3, -3.0), observed=1300.0),
            "No alert: LIVE GMV was 30% above expected.",
        ),
        (first(window(0.01, 0.1), observed=1010.0), "No alert: LIVE GMV was as expected."),
        (
            first(DEEP, signal="firing", **BREACH),
            "Alert: LIVE GMV is below expected since 20:00 (53% over the last 10 min).",
        ),
        (
            first(DEEP, signal="pending", **BREACH),
            "No alert yet: LIVE GMV is below expected since 20:00 (53% over the last 10 min); the "
            "rule speaks once it has lasted 10 min.",
        ),
        (
            first(DEEP, signal="recovering", **BREACH),
            "The alert since 20:00 is about to end: LIVE GMV is back near what is expected; it is "
            "over after 15 min of calm.",
        ),
        (
            first(DEEP, signal="firing", **BREACH, explained_by={}),
            "No alert of its own: LIVE GMV is below expected since 20:00 (53% over the last 10 "
            "min), but the whole campaign (wider) explains it.",
        ),
        (
            first(DEEP, **BREACH, explained_by={"channel": "live", "creator_id": "c3"}),
            "No alert of its own: LIVE GMV is below expected since 20:00 (53% over the last 10 "
            "min), but LIVE creator c3 (narrower) explains it.",
        ),
        (
            first(DEEP, **(BREACH | {"reason": "expected"})),
            "Nothing to do: LIVE GMV is below expected since 20:00 (53% over the last 10 min), but "
            "what is missing was planned to end, so nothing is wrong.",
        ),
        (
            first(gate="too little", enough=(14.0, 27.0), state="too_little"),
            "No alert: too little to judge. 14 orders are expected in the hour, 27 are needed "
            "before a fall can be told from chance.",
        ),
        (
            first(gate="too_little", measure="visitors", enough=(140.0, 272.0)),
            "No alert: too little to judge. 140 visitors are expected in the hour, 272 are needed "
            "before a fall can be told from chance.",
        ),
        (
            first(gate="bridged", state="bridged"),
            "No alert: nothing was read in these minutes. What is shown is spread evenly over a "
            "gap in the readings, so nobody can tell what happened inside it.",
        ),
        (
            first(rule=None),
            "No alert: no rule that is switched on watches GMV in this scope.",
        ),
        (
            first(gate="its live room opened 10 min ago"),
            "No alert: its live room opened 10 min ago.",
        ),
    ],
)
def test_the_first_sentence_names_what_decided(said: str, expected: str) -> None:
    assert said == expected


def test_a_rate_is_told_by_both_figures() -> None:
    rate = WindowEvidence(30, 0.021, 0.034, 0.38, 5.0, 3.5)
    said = first(rate, measure="conversion", signal="firing", **BREACH)
    assert said == (
        "Alert: LIVE conversion is below expected since 20:00 (2.1% instead of 3.4% over the last "
        "30 min)."
    )


def test_a_rule_that_looks_up_is_told_upwards() -> None:
    up = {"measure": "refund_rate", "rule": "refund_surge", "up": True}
    assert "LIVE refund rate was 10% above expected" in first(window(-0.1, -4.0), **up)
    assert "chance" in first(window(-0.4, -2.0), **up)
    fell = first(window(0.4, 4.0), **up, observed=600.0)
    assert fell == "No alert: LIVE refund rate was 40% below expected."


def test_an_alert_that_still_runs_wins_over_a_bucket_that_was_not_judged() -> None:
    told = explain(evidence(DEEP, gate="bridged", **BREACH, signal="firing"), ZONE, "MYR")
    assert told.tone == "alert"
    assert told.first.startswith("Alert:")


def test_a_firing_alert_on_a_calm_bucket_says_so() -> None:
    calm = first(DEEP, signal="firing", **(BREACH | {"state": "normal"}))
    assert calm == (
        "The alert since 20:00 is still on, though these minutes alone are no longer far off."
    )


def test_the_sharpness_of_the_rule_and_missing_parts_are_said_beside() -> None:
    e = evidence(window(0.2, 2.0), half_sensitivity="noon flash sale ended 12 min ago", compared=9)
    assert explain(e, ZONE, "MYR").more == (
        "The rule is half as sharp here: noon flash sale ended 12 min ago.",
        "Only 9 of its 44 parts could be compared like for like, so less can be said.",
    )


def test_without_any_expectation_nothing_is_claimed() -> None:
    e = replace(evidence(), expected=None, windows=())
    said = explain(e, ZONE, "MYR")
    assert said.tone == "blind"
    assert said.first == "No alert: there is nothing to compare LIVE GMV with yet."


def test_what_the_expectation_rests_on_is_listed() -> None:
    e = evidence(
        compared=41,
        left_out=(("c3", "its live room closed"), ("c9", "first seen an hour ago")),
        basis="9.9 and 10.10 at this time, today's own last hour",
        enough=(312.0, 27.0),
        rest=0.92,
    )
    assert rests_on(e) == (
        "Compared with 9.9 and 10.10 at this time, today's own last hour.",
        "41 of 44 parts compared like for like, 3 left out.",
        "Left out: c3 (its live room closed), c9 (first seen an hour ago) and 1 more.",
        "The rest of the campaign ran 8% below what was expected of it in these minutes; that is "
        "allowed for.",
        "312 orders expected in the hour; 27 are needed to judge.",
    )
    assert rests_on(evidence()) == ("44 of 44 parts compared like for like.",)


def test_how_sure_is_said_in_words() -> None:
    e = evidence()
    said = [how_sure(e, window(0.2, z))[0] for z in (4.0, 3.0, 1.5, 0.1, -2.0)]
    assert said == [
        "sure",
        "likely, not sure yet",
        "could be chance",
        "no sign of a fall",
        "no sign of a fall",
    ]
    assert how_sure(e, window(0.2, -2.0))[1] == 0.0
    assert how_sure(replace(e, up=True), window(-0.2, -4.0))[0] == "sure"


def test_the_rule_is_told_with_its_thresholds() -> None:
    assert the_rule(evidence(), "MYR") == (
        "It speaks from 15% below expected and RM 500 an hour, once that has lasted 10 min; it "
        "ends after 15 min of calm."
    )
    assert the_rule(evidence(rule=None), "MYR") == "No rule that is switched on reads this."


@pytest.mark.parametrize(
    ("at", "watermark", "said"),
    [
        (START - timedelta(minutes=5), AT, "The event begins on Wed 11 Nov 00:00"),
        (END, END, "The event ended on Thu 12 Nov 00:00"),
        (AT, None, "Nothing is judged yet: no moment of the event is complete."),
        (AT, AT, "Not judged yet: the numbers are complete to 20:05 only."),
    ],
)
def test_a_moment_that_cannot_be_judged_says_why(
    at: datetime, watermark: datetime | None, said: str
) -> None:
    told = outside(START, END, watermark, END, at, ZONE)
    assert told is not None
    assert told.first.startswith(said)


def test_before_the_event_no_data_is_asked_for() -> None:
    told = outside(START, END, None, START - timedelta(days=1), START, ZONE)
    assert told is not None
    assert told.first == "The event begins on Wed 11 Nov 00:00: nothing is judged before."
    assert told.do == ""


def test_a_moment_that_is_covered_is_asked_about() -> None:
    assert outside(START, END, AT + timedelta(minutes=5), END, AT, ZONE) is None


def test_the_json_carries_the_sentence_and_the_evidence() -> None:
    e = evidence(DEEP, **BREACH, signal="firing", left_out=(("c3", "closed"),), enough=(9.0, 27.0))
    got = json.loads(json.dumps(as_json(e, ZONE, "MYR")))
    assert got["sentence"] == first(DEEP, signal="firing", **BREACH)
    assert got["breach_since"] == "2026-11-11T12:00:00Z"
    assert got["left_out"] == [{"member": "c3", "why": "closed"}]
    assert got["enough"] == {"have": 9.0, "need": 27.0}
    assert got["windows"][0]["needed_z"] == 3.5
    assert "observed" not in got, "the row has it already"
