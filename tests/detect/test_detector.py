"""What the detector says of small events: who is named, how soon, and when it keeps silent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detect.detector import (
    BREACHED,
    BRIDGED,
    INCOMPLETE,
    NORMAL,
    TOO_LITTLE,
    Detector,
)  # fmt: skip
from monitor.detect.event import Event, Planned
from monitor.detect.rule import Rule
from tests.detect.made import CREATORS, Fault, Plan, detector, made, pasts, told

MALL = {"channel": "mall"}
DECAY = 1 + 4 * np.exp(-np.arange(96) / 8)


def scopes_of(found: list[tuple[int, str, dict[str, str]]], rule: str) -> list[dict[str, str]]:
    return [scope for _, name, scope in found if name == rule]


def test_a_healthy_event_says_nothing():
    plan = Plan(shape=DECAY)
    assert told(detector(made(plan, 1), pasts(plan))) == []


def test_a_healthy_event_without_history_says_nothing():
    assert told(detector(made(Plan(shape=DECAY), 2))) == []


@pytest.mark.parametrize("earlier", [0, 2])
def test_a_broken_channel_is_named_within_two_buckets(earlier: int):
    plan = Plan(faults=(Fault(MALL, "visitors", 0.4, 50, 62),))
    found = told(detector(made(plan, 3), pasts(plan, earlier)), 56)
    assert found[0] == (50, "traffic_dip", MALL)
    assert (51, "traffic_dip", MALL) in found
    assert all(scope == MALL for scope in scopes_of(found, "traffic_dip"))


def test_a_broken_campaign_is_the_campaigns():
    plan = Plan(faults=(Fault({}, "conversion", 0.4, 50, 62),))
    found = told(detector(made(plan, 4), pasts(plan)), 56)
    assert scopes_of(found, "conversion_dip")[0] == {}
    assert scopes_of(found, "traffic_dip") == []


def test_a_broken_category_is_that_categorys():
    plan = Plan(faults=(Fault({"category": "food"}, "visitors", 0.45, 50, 62),))
    found = told(detector(made(plan, 5), pasts(plan)), 56)
    assert scopes_of(found, "traffic_dip")[0] == {"category": "food"}


def test_one_creators_dip_is_that_creators():
    plan = Plan(level=300.0, faults=(Fault({"creator_id": "c2"}, "visitors", 0.4, 50, 62),))
    found = told(detector(made(plan, 6), pasts(plan)), 58)
    assert scopes_of(found, "traffic_dip")
    assert all(scope == {"creator_id": "c2"} for scope in scopes_of(found, "traffic_dip"))


def test_what_fell_is_told_by_its_cause_and_its_money_is_counted():
    plan = Plan(faults=(Fault(MALL, "visitors", 0.4, 50, 62),))
    event = made(plan, 7)
    running = detector(event, pasts(plan))
    told(running, 60)
    row = running.scopes.row(MALL)
    names = [rule.name for rule in running.rules]
    traffic = names.index("traffic_dip")
    mall = np.array(event.dims["channel"]) == "mall"
    lost = event.amounts["gmv"][mall, 20:50].sum() / 30 * 10 * 0.6
    assert running.figures.since[traffic, row] == 50
    assert running.figures.money[traffic, row] == pytest.approx(lost, rel=0.3)
    fell = 1 - running.figures.seen[traffic, row] / running.figures.due[traffic, row]
    assert fell == pytest.approx(0.6, abs=0.06)


def test_a_closing_room_says_nothing():
    event = made(Plan(level=150.0), 8)
    fade = np.r_[[0.7, 0.3, 0.05], np.zeros(20)]
    for metric in ("visitors", "orders", "gmv"):
        event.amounts[metric][0] *= 8
        event.amounts[metric][0, 50:73] = np.floor(event.amounts[metric][0, 50:73] * fade)
    assert told(detector(event, pasts(Plan(level=150.0)))) == []


def test_a_planned_show_that_ends_says_nothing():
    event = made(Plan(level=150.0), 9)
    for metric in ("visitors", "orders", "gmv"):
        event.amounts[metric][CREATORS, 20:50] *= 10
    show = Planned("show", 20, 50, {"creator_id": "c0"})
    assert told(detector(replace(event, plans=(show,)), pasts(Plan(level=150.0)))) == []


@pytest.mark.parametrize("lift", [1.5, 3.0])
def test_the_end_of_a_flash_sale_says_nothing(lift: float):
    plan = Plan(sale=(40, 52), lift=lift)
    assert told(detector(made(plan, 10), pasts(plan))) == []


def test_counts_too_small_are_too_little_to_judge():
    running = detector(made(Plan(level=0.02), 11))
    states = {int(state) for _ in range(30) for state in running.step().state[0]}
    assert states == {TOO_LITTLE}


def test_what_is_not_usable_is_not_judged():
    event = made(Plan(faults=(Fault(MALL, "visitors", 0.1, 50, 54),)), 12)
    event.usable["visitors"][50:54] = False
    running = detector(event, pasts(Plan()))
    steps = [running.step() for _ in range(56)]
    names = [rule.name for rule in running.rules]
    traffic, conversion = names.index("traffic_dip"), names.index("conversion_dip")
    assert (steps[51].state[traffic] == BRIDGED).all()
    assert (steps[51].state[conversion] == INCOMPLETE).all()
    assert steps[55].state[traffic, 0] == NORMAL


def test_the_future_changes_nothing():
    plan = Plan(faults=(Fault(MALL, "visitors", 0.4, 50, 62),))
    short = made(plan, 13)
    other = made(plan, 14)
    mixed = {m: np.c_[short.amounts[m][:, :55], other.amounts[m][:, 55:]] for m in short.amounts}
    earlier = pasts(plan)
    one, two = detector(short, earlier), detector(replace(short, amounts=mixed), earlier)
    for _ in range(55):
        a, b = one.step(), two.step()
        assert np.array_equal(a.state, b.state)
    assert np.array_equal(one.tested.z, two.tested.z)  # type: ignore[union-attr]


def test_the_order_of_members_changes_nothing():
    plan = Plan(faults=(Fault(MALL, "visitors", 0.4, 50, 62), Fault({}, "conversion", 0.4, 75, 85)))
    event = made(plan, 15)
    order = np.random.default_rng(1).permutation(event.members)
    turned = Event(
        event.name,
        {dim: tuple(np.array(values)[order]) for dim, values in event.dims.items()},
        {metric: amount[order] for metric, amount in event.amounts.items()},
        event.usable, event.plans, event.bucket_min, event.minute,
    )  # fmt: skip
    assert told(detector(event, pasts(plan))) == told(detector(turned, pasts(plan)))


def test_a_dip_that_is_over_is_clear_again():
    plan = Plan(faults=(Fault(MALL, "visitors", 0.4, 50, 62),))
    running = detector(made(plan, 16), pasts(plan))
    found = told(running)
    assert max(bucket for bucket, *_ in found) < 66
    assert not running.held.any()


def test_a_rule_speaks_only_of_its_scopes_and_values():
    plan = Plan(faults=(Fault({}, "visitors", 0.4, 50, 62),))
    rule = Rule("one", "visitors", scopes=(("channel",),), only=MALL)
    found = told(detector(made(plan, 17), pasts(plan), (rule,)), 60)
    assert found
    assert all(scope == MALL for _, _, scope in found)


def test_a_rule_keeps_silent_below_its_least_fall_and_money():
    plan = Plan(faults=(Fault(MALL, "visitors", 0.6, 50, 62),))
    event, earlier = made(plan, 18), pasts(plan)
    plain, deep, dear = (
        Rule("plain", "visitors"),
        Rule("deep", "visitors", least_fall=0.6),
        Rule("dear", "visitors", least_at_risk=0.5),
    )
    said = {name for _, name, _ in told(detector(event, earlier, (plain, deep, dear)), 58)}
    assert said == {"plain"}


def test_curves_of_wide_scopes_are_kept():
    plan = Plan(faults=(Fault(MALL, "visitors", 0.4, 50, 62),))
    running: Detector = detector(made(plan, 19), pasts(plan))
    told(running)
    k, row = running.index["visitors"], running.scopes.row(MALL)
    assert row is not None
    observed, expected = running.observed[k, row], running.expected[k, row]
    assert observed[55] < running.low[k, row, 55] < expected[55] < running.high[k, row, 55]
    assert observed[54:60].sum() / expected[54:60].sum() == pytest.approx(0.4, abs=0.06)
    names = [rule.name for rule in running.rules]
    assert running.states[names.index("traffic_dip"), row, 55] == BREACHED


def test_without_history_every_volume_follows_what_it_does_itself():
    tide = np.exp(np.sin(np.arange(96) / 96 * 4 * np.pi))
    running = detector(made(Plan(shape=tide, level=200.0), 20))
    told(running)
    grown = np.log(tide[90] / tide[10])
    for name in ("visitors", "orders", "gmv"):
        log = running.index_log[running.index[name]]
        assert log[90] - log[10] == pytest.approx(grown, abs=0.35)
