"""Evaluation days: always the same for a seed, whole counts, and broken only where a dip says."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from monitor.detect.event import Event
from monitor.evaluate import other
from monitor.evaluate.case import Day, Dip, Noise, Truth, inside
from monitor.evaluate.days import FAMILIES, case, cases, days_of
from monitor.evaluate.inject import (
    APART_MIN,
    FIRST_MIN,
    LEAST_SIGMA,
    bridged,
    broken,
    choose,
    kind_of,
    weighed,
)
from monitor.evaluate.world import make_world

FAMILY = pytest.mark.parametrize("family", FAMILIES)
SEED = 2
built = cache(lambda family: FAMILIES[family](SEED))
known = cache(lambda family: case(family, SEED))


def same(one: Event, two: Event) -> bool:
    return one.dims == two.dims and all(
        np.array_equal(one.amounts[name], two.amounts[name]) for name in one.amounts
    )


def flat(orders: float = 200.0, members: int = 4, buckets: int = 288) -> Day:
    """A day on which nothing happens: the same mean everywhere, an order being 10 RM."""
    grid = np.full((members, buckets), 1.0)
    channels = tuple("ab"[i % 2] for i in range(members))
    amounts = {
        "visitors": grid * orders * 20,
        "clicks": grid * orders * 30,
        "impressions": grid * orders * 300,
        "orders": grid * orders,
        "gmv": grid * orders * 10,
        "refunds": grid * 5.0,
    }
    event = Event(
        name="flat",
        dims={"channel": channels, "creator_id": tuple(f"c{i}" for i in range(members))},
        amounts=amounts,
        usable={name: np.ones(buckets, bool) for name in amounts},
    )
    return Day(event, Truth(grid * orders * 20, grid * 0.05, grid * 10, 0.0, ()))


@FAMILY
def test_a_seed_gives_one_case(family: str) -> None:
    one, two = known(family), case(family, SEED)
    assert one.dips == two.dips
    assert same(one.event, two.event)
    assert all(map(same, one.pasts, two.pasts))
    assert not same(one.event, FAMILIES[family](SEED + 2)[0].event)


@FAMILY
def test_a_cold_start_is_the_same_day_without_its_past(family: str) -> None:
    warm, cold = known(family), case(family, SEED, cold=True)
    assert len(warm.pasts) >= 2
    assert warm.history
    assert cold.pasts == ()
    assert not cold.history
    assert same(warm.event, cold.event)


@FAMILY
def test_what_happened_is_counts_inside_one_another(family: str) -> None:
    amounts = built(family)[0].event.amounts
    for name in ("visitors", "orders", "clicks", "impressions"):
        assert (amounts[name] == np.round(amounts[name])).all()
    assert (amounts["orders"] <= amounts["visitors"]).all()
    assert (amounts["visitors"] <= amounts["clicks"]).all()
    assert (amounts["clicks"] <= amounts["impressions"]).all()
    assert (amounts["gmv"][amounts["orders"] == 0] == 0).all()


@FAMILY
def test_a_day_is_drawn_around_its_truth(family: str) -> None:
    day, _ = built(family)
    event, truth = day.event, day.truth
    everybody = np.ones(event.members, bool)
    sd = truth.sd(everybody, 0, event.buckets)
    assert abs(event.amounts["gmv"].sum() - truth.gmv.sum()) < 4 * sd
    assert sd < 0.05 * truth.gmv.sum()


def test_every_fourth_event_of_the_second_family_lasts_five_days() -> None:
    assert [days_of("other", seed) for seed in range(1, 9)] == [1, 1, 5, 1, 1, 1, 5, 1]
    assert days_of("project", 3) == 1
    world = make_world(np.random.default_rng(1), days_of("other", 3), strong=False, pasts=2)
    assert other.healthy(world, 2, 3).event.buckets == 5 * 288


def test_the_second_family_has_newcomers_and_planned_and_unplanned_changes() -> None:
    day, pasts = built("other")
    before = {creator for past in pasts for creator in past.dims["creator_id"]}
    assert set(day.event.dims["creator_id"]) - before
    shows = [plan for plan in day.event.plans if "creator_id" in plan.scope]
    live = inside(day.event, {"channel": "live"})
    hosts = {day.event.dims["creator_id"][i] for i in np.flatnonzero(live)}
    assert {plan.scope["creator_id"] for plan in shows} < hosts


def test_the_project_family_plans_what_its_simulator_plans() -> None:
    day, _ = built("project")
    noon = next(plan for plan in day.event.plans if plan.name == "noon flash sale")
    assert (noon.first, noon.end, dict(noon.scope)) == (144, 156, {})


@FAMILY
def test_dips_are_plain_to_an_oracle_and_keep_their_distance(family: str) -> None:
    day, _ = built(family)
    kinds = set()
    for seed in range(12):
        chosen = choose(day, np.random.default_rng(seed))
        for dip in chosen.dips:
            assert dip.oracle_sigma >= LEAST_SIGMA
            assert 0.25 <= dip.depth <= 0.70
            assert 15 <= dip.end_min - dip.first_min <= 120
            assert dip.first_min >= FIRST_MIN
            assert inside(day.event, dip.scope).any()
            kinds.add(kind_of(dip.scope))
        for one, two in zip(chosen.dips, chosen.dips[1:], strict=False):
            assert two.first_min >= one.end_min + APART_MIN
    assert len(kinds) >= 3


def test_a_dip_thins_its_own_members_and_minutes_alone() -> None:
    day = flat()
    dip = Dip({"channel": "a"}, "visitors", 0.4, 600, 660)
    after = broken(day.event, (dip,), np.random.default_rng(1))
    inside_it = np.zeros((4, 288), bool)
    inside_it[np.ix_([0, 2], range(120, 132))] = True
    for name, before in day.event.amounts.items():
        now = after.amounts[name]
        assert np.array_equal(now[~inside_it], before[~inside_it])
        kept = now[inside_it].sum() / before[inside_it].sum()
        assert kept == pytest.approx(1.0 if name == "refunds" else 0.6, abs=0.02)
    assert (after.amounts["orders"] <= after.amounts["visitors"]).all()
    assert (after.amounts["visitors"] <= after.amounts["clicks"]).all()


def test_a_dip_of_conversion_leaves_the_visitors() -> None:
    day = flat()
    after = broken(day.event, (Dip({}, "conversion", 0.5, 600, 660),), np.random.default_rng(1))
    window = slice(120, 132)
    assert np.array_equal(after.amounts["visitors"], day.event.amounts["visitors"])
    for name in ("orders", "gmv"):
        kept = after.amounts[name][:, window].sum() / day.event.amounts[name][:, window].sum()
        assert kept == pytest.approx(0.5, abs=0.02)


def test_a_dip_of_order_value_leaves_the_orders_and_begins_inside_a_bucket() -> None:
    day = flat()
    after = broken(day.event, (Dip({}, "aov", 0.5, 602, 660),), np.random.default_rng(1))
    assert np.array_equal(after.amounts["orders"], day.event.amounts["orders"])
    share = after.amounts["gmv"][0] / day.event.amounts["gmv"][0]
    assert share[119:122].tolist() == [1.0, 0.7, 0.5]  # three of five minutes at half


def test_what_a_dip_costs_and_how_plain_it_is() -> None:
    dip = weighed(flat(orders=100.0), Dip({"channel": "a"}, "conversion", 0.5, 600, 660))
    assert dip.loss == pytest.approx(0.5 * 2 * 12 * 100 * 10)
    # 2 400 orders of 10 RM that never vary: a standard deviation of √2400 × 10 RM.
    assert dip.oracle_sigma == pytest.approx(dip.loss / (np.sqrt(2400) * 10))


def test_noise_that_members_share_does_not_average_out() -> None:
    day = flat()
    everybody = np.ones(4, bool)
    counting = day.truth.sd(everybody, 0, 12) ** 2
    money = 12 * 4 * 2000.0

    def added(noise: Noise) -> float:
        truth = replace(day.truth, noises=(noise,))
        return float((truth.sd(everybody, 0, 12) ** 2 - counting) / money**2)

    sd = np.full(4, 0.1)
    assert added(Noise(np.zeros(4, int), sd[:1], 1.0)) == pytest.approx(0.01)
    assert added(Noise(np.arange(4), sd, 1.0)) == pytest.approx(0.01 / 4)
    assert added(Noise(np.arange(4), sd, 0.0)) == pytest.approx(0.01 / 48)


def test_a_gap_keeps_the_sums_and_is_not_judged() -> None:
    event = built("project")[0].event
    gap = bridged(event, 100, 103)
    assert gap.amounts["gmv"].sum() == pytest.approx(event.amounts["gmv"].sum())
    assert np.ptp(gap.amounts["orders"][:, 100:103], axis=1).max() == 0
    assert np.flatnonzero(~gap.usable["gmv"]).tolist() == [100, 101, 102]
    assert event.usable["gmv"].all()


def test_quiet_days_have_no_dips() -> None:
    (quiet,) = cases("project", [SEED], quiet_share=1.0)
    assert quiet.quiet
    assert quiet.dips == ()
    (loud,) = cases("project", [SEED], quiet_share=0.0)
    assert not loud.quiet
    assert loud.dips
