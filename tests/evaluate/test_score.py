"""What counts as told, what as false, and what the figures make of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from monitor.detect.event import Event
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.case import Case, Dip, Draw
from monitor.evaluate.match import Account, account, contradicts, incidents
from monitor.evaluate.score import Score, score

# Member 0 is a star who sells on both channels; 1 sells live only, 2 video only.
DIMS = {
    "channel": ("live", "video", "live", "video"),
    "category": ("beauty", "beauty", "food", "food"),
    "creator_id": ("star", "star", "one", "two"),
}
MONEY = np.array([60.0, 20.0, 10.0, 10.0])
LIVE = {"channel": "live"}
DIP = Dip(LIVE, "conversion", 0.5, 602, 640, loss=100.0, oracle_sigma=7.0)


def event() -> Event:
    gmv = np.tile(MONEY[:, None], (1, 288))
    return Event("day", DIMS, {"gmv": gmv}, {"gmv": np.ones(288, bool)})


def day(*dips: Dip, name: str = "day") -> Case:
    return Case(name, event(), (), dips, event(), quiet=not dips, history=False)


def alarm(scope: dict[str, str], opened: int, ended: int | None = None, **more: object) -> Alarm:
    plain = Alarm("conversion_dip", "conversion", scope, opened - 1, opened, ended, fall=0.5)
    return replace(plain, **more)  # type: ignore[arg-type]


def told(*alarms: Alarm, dips: tuple[Dip, ...] = (DIP,)) -> Account:
    return account(day(*dips), alarms)


def test_an_alarm_in_time_is_a_hit_and_its_delay_counts_from_the_first_arrival() -> None:
    (heard,) = told(alarm(LIVE, 122)).dips
    assert heard.delay_min == 10.0  # bucket 120 ends 10:05, the opener 10:15
    assert heard.first_scope
    assert heard.kind == "channel"


@pytest.mark.parametrize(("opened", "hit"), [(119, False), (120, True), (131, True), (132, False)])
def test_it_must_open_from_the_first_bucket_to_a_quarter_of_an_hour_after_the_end(
    opened: int, hit: bool
) -> None:
    found = told(alarm(LIVE, opened))
    assert found.dips[0].hit is hit
    assert len(found.false) == (not hit)


@pytest.mark.parametrize(
    ("scope", "denies"),
    [
        ({}, False),
        (LIVE, False),
        ({"channel": "live", "category": "food"}, False),
        ({"channel": "video"}, True),
        ({"channel": "video", "category": "beauty"}, True),
        ({"creator_id": "star"}, False),  # 60 of 80 RM are in the dip
        ({"creator_id": "one"}, False),
        ({"creator_id": "two"}, True),  # sells on video alone
        ({"category": "food"}, False),  # half of it
    ],
)
def test_a_scope_contradicts_a_dip(scope: dict[str, str], denies: bool) -> None:
    assert contradicts(event(), scope, DIP) is denies


def test_a_scope_of_other_dimensions_needs_a_third_of_its_money_in_the_dip() -> None:
    video = replace(DIP, scope={"channel": "video"})
    assert contradicts(event(), {"creator_id": "star"}, video)  # 20 of 80 RM
    assert not contradicts(event(), {"category": "food"}, video)


def test_only_uncovered_real_drops_count() -> None:
    found = told(
        alarm(LIVE, 122, covered=True),
        alarm(LIVE, 122, reason="expected"),
        alarm({}, 20, reason="feed_late"),
    )
    assert not found.dips[0].hit
    assert (found.alarms, found.false) == (0, ())


def test_a_dip_told_twice_counts_once_and_the_first_names_the_scope() -> None:
    found = told(alarm(LIVE, 124), alarm({}, 122, rule="gmv_dip", measure="gmv"))
    (heard,) = found.dips
    assert (heard.delay_min, heard.said, heard.measure) == (10.0, {}, "gmv")
    assert not heard.first_scope
    assert heard.any_scope
    assert found.false_alarms == 0


def test_false_alarms_that_share_time_and_members_are_one_event() -> None:
    alarms = [
        alarm(LIVE, 20, 30),
        alarm({"creator_id": "star"}, 28, 40),  # shares the live part with the first
        alarm({"creator_id": "two"}, 38, 42),  # shares nothing with either
        alarm(LIVE, 60, 70),  # later
    ]
    assert [len(group) for group in incidents(event(), alarms)] == [2, 1, 1]
    found = told(*alarms, dips=())
    assert (found.false_alarms, len(found.false)) == (4, 3)
    assert found.false[0].opened_min == 105.0


def test_an_alarm_that_never_ends_is_one_event_with_what_follows() -> None:
    assert len(incidents(event(), [alarm(LIVE, 20), alarm({}, 200, 210)])) == 1


def test_a_contradicting_alarm_during_a_dip_is_false() -> None:
    found = told(alarm({"channel": "video"}, 122))
    assert not found.dips[0].hit
    assert len(found.false) == 1


def figures() -> Score:
    """Three dips of which two are told, and two false events, over four days."""
    late = replace(DIP, depth=0.3, first_min=900, end_min=960, oracle_sigma=13.0, scope={})
    draws = (Draw("campaign", 0.3, 13.0), Draw("channel", 0.3, 2.0))
    return score(
        [
            (replace(day(DIP, late), drawn=draws), [alarm(LIVE, 122), alarm({}, 40, 44)]),
            (day(DIP), [alarm({}, 123)]),
            (day(), [alarm(LIVE, 40, 44), alarm({}, 41, 44)]),
            (day(), []),
        ]
    )


def test_the_figures() -> None:
    found = figures()
    assert found.recall.value == pytest.approx(2 / 3)
    assert found.precision.value == pytest.approx(2 / 4)
    assert found.f1.value == pytest.approx(4 / 7)
    assert found.alarm_precision.value == pytest.approx(2 / 5)
    assert found.false_per_day.value == pytest.approx(2 / 4)
    assert found.quiet_alarms_per_day.value == pytest.approx(2 / 2)
    assert found.quiet_events_per_day.value == pytest.approx(1 / 2)
    assert found.delay_median.value == pytest.approx(12.5)
    assert found.scope_first.value == pytest.approx(0.5)
    assert [miss.depth for miss in found.misses] == [0.3]


def test_recall_by_depth_scope_and_oracle_and_the_oracles_limit() -> None:
    found = figures()
    assert found.by["depth"]["25%–40%"].recall == 0.0
    assert found.by["depth"]["40%–55%"].recall == 1.0
    assert (found.by["scope"]["channel"].hit, found.by["scope"]["campaign"].of) == (2, 1)
    assert (found.by["oracle σ"]["6–8"].of, found.by["oracle σ"]["12–20"].of) == (2, 1)
    assert (found.oracle["25%–40%"].hit, found.oracle["25%–40%"].of) == (1, 2)


def test_the_intervals_hold_the_figure_and_repeat() -> None:
    one, two = figures(), figures()
    assert one.recall == two.recall
    assert one.recall.low < one.recall.value < one.recall.high


def test_a_run_without_dips_has_no_recall_and_is_still_json() -> None:
    found = score([(day(), [])])
    assert np.isnan(found.recall.value)
    assert found.false_per_day.value == 0.0
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["recall"]["value"] is None
