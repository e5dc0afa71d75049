"""Rules of other kinds than dips: nothing at all, and far more than expected."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from monitor.detect.event import Event, Floats
from monitor.detect.rule import COMBINATIONS, Rule
from tests.detect.made import CREATORS, ORDER_RM, Fault, Plan, detector, made, pasts, told

MALL = {"channel": "mall"}
FLAT = Rule("flatline", "orders", kind="flatline", least_fall=1.0)
SURGE = Rule(
    "opportunity", "gmv", kind="surge", up=True, least_fall=0.6, least_at_risk=0.005,
    scopes=(("creator_id",), ("live_id",), ("slot_id",)), for_=timedelta(minutes=15),
)  # fmt: skip


def times(event: Event, metrics: tuple[str, ...], member: int, factor: float) -> Event:
    """The event with more of some metrics of one member from bucket 50 on."""
    amounts = {m: a.copy() for m, a in event.amounts.items()}
    for metric in metrics:
        amounts[metric][member, 50:70] = np.round(amounts[metric][member, 50:70] * factor)
    return replace(event, amounts=amounts)


def test_no_orders_at_all_is_a_flatline_of_the_widest_scope():
    plan = Plan(level=150.0, faults=(Fault(MALL, "conversion", 0.0, 50, 60),))
    found = told(detector(made(plan, 1), pasts(plan), (FLAT,)), 60)
    assert {str(scope) for _, _, scope in found} == {str(MALL)}
    assert found[0][0] == 51


def test_few_orders_are_no_flatline():
    plan = Plan(level=150.0, faults=(Fault(MALL, "conversion", 0.3, 50, 60),))
    assert told(detector(made(plan, 2), pasts(plan), (FLAT,)), 60) == []


def test_where_hardly_any_order_is_due_none_is_missed():
    plan = Plan(level=2.0, faults=(Fault(MALL, "conversion", 0.0, 50, 60),))
    assert told(detector(made(plan, 3), pasts(plan), (FLAT,)), 60) == []


def test_a_single_room_without_orders_is_no_flatline():
    plan = Plan(level=150.0, dims={"channel": ("live",), "creator_id": ("c0",)})
    event = made(plan, 4)
    event.amounts["orders"][0, 50:60] = 0.0
    assert told(detector(event, (), (FLAT,)), 60) == []


def test_a_creator_that_sells_far_more_is_an_opportunity():
    plan = Plan(level=200.0)
    event = times(made(plan, 5), ("visitors", "orders", "gmv"), CREATORS + 2, 3.0)
    event = times(event, ("visitors", "orders", "gmv"), 2, 3.0)
    event = times(event, ("visitors", "orders", "gmv"), 2 * CREATORS + 2, 3.0)
    found = told(detector(event, pasts(plan), (SURGE,)), 70)
    assert found
    assert all(scope == {"creator_id": "c2"} for _, _, scope in found)
    assert 52 <= found[0][0] <= 56


def test_more_visitors_who_do_not_buy_are_no_opportunity():
    plan = Plan(level=200.0)
    event = made(plan, 6)
    for member in (2, CREATORS + 2, 2 * CREATORS + 2):
        event = times(event, ("visitors",), member, 3.0)
    assert told(detector(event, pasts(plan), (SURGE,)), 70) == []


def test_a_planned_sale_is_no_opportunity():
    plan = Plan(level=200.0, sale=(40, 52), lift=2.5)
    assert told(detector(made(plan, 7), pasts(plan), (SURGE,))) == []


def refunded(event: Event, share: Floats) -> Event:
    """The event with a share (buckets,) of each bucket's orders given back."""
    rng = np.random.default_rng(8)
    lost = rng.binomial(event.amounts["orders"].astype(np.int64), share)
    amounts = {**event.amounts, "refunds": lost.astype(np.float64) * ORDER_RM}
    return replace(event, amounts=amounts, usable={**event.usable, "refunds": np.ones(96, bool)})


def test_refunds_that_multiply_are_told_and_those_that_fall_are_not():
    plan, usual = Plan(level=300.0), np.full(96, 0.1)
    earlier = [refunded(event, usual) for event in pasts(plan)]
    rule = Rule("refund_surge", "refund_rate", up=True, least_fall=0.5, scopes=COMBINATIONS[:2])
    more = np.where(np.arange(96) < 50, 0.1, 0.4)
    found = told(detector(refunded(made(plan, 8), more), earlier, (rule,)), 60)
    assert found[0][0] <= 53
    assert found[0][2] == {}
    less = np.where(np.arange(96) < 50, 0.1, 0.01)
    assert told(detector(refunded(made(plan, 8), less), earlier, (rule,))) == []
