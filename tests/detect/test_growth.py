"""The like-for-like shape: rooms leave no mark in it, boosts are taken out and put back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detect.event import Event, Planned
from monitor.detect.fit import smoothed, two_way
from monitor.detect.growth import Growth, learn
from tests.detect.made import Plan, made, pasts

TIDE = np.exp(0.5 * np.sin(np.arange(96) / 96 * 2 * np.pi))


def growth_of(learned: Growth, metric: str = "visitors") -> np.ndarray:
    log = learned.volume[metric][0]
    return np.asarray(log - log[24:].mean())


def test_two_way_recovers_a_known_shape_and_levels():
    rng = np.random.default_rng(1)
    levels = rng.lognormal(4, 0.5, 40)
    amount = rng.poisson(levels[:, None] * TIDE).astype(float)
    level, shape, on = two_way(amount)
    assert on.mean() > 0.99
    assert np.abs(np.log(shape / shape.mean() / (TIDE / TIDE.mean()))).max() < 0.06
    assert np.abs(level / level.mean() / (levels / levels.mean()) - 1).max() < 0.1


def test_rooms_that_open_and_close_leave_no_mark():
    rng = np.random.default_rng(2)
    means = np.repeat(rng.lognormal(4, 0.3, 40)[:, None], 96, axis=1)
    means[:5, :40] = 0.0  # five big rooms open at noon and close in the evening
    means[:5, 40:70] *= 8
    means[:5, 70:] = 0.0
    _, shape, _ = two_way(rng.poisson(means).astype(float))
    assert np.abs(np.log(shape / shape.mean())).max() < 0.12


def test_an_unknown_value_is_no_zero():
    rng = np.random.default_rng(3)
    amount = rng.poisson(50.0, (20, 96)).astype(float)
    amount[:, 30:36] = np.nan
    _, shape, on = two_way(amount)
    assert not on[:, 30:36].any()
    known = np.delete(shape, np.s_[30:36])
    assert np.abs(np.log(known / known.mean())).max() < 0.12


def test_growth_is_that_of_the_past_events():
    plan = Plan(shape=TIDE)
    learned = learn(pasts(plan, 3), (), 96)
    want = np.log(TIDE) - np.log(TIDE)[24:].mean()
    assert np.abs(growth_of(learned) - want)[2:-2].max() < 0.08
    assert learned.known
    assert learned.basis == ("past 0", "past 1", "past 2")


def test_without_history_nothing_grows_and_little_is_sure():
    learned = learn((), (), 96)
    assert not learned.known
    assert not learned.volume["visitors"].any()
    assert learned.error.min() > learn(pasts(Plan(), 2), (), 96).error.max()


def test_a_boost_is_learned_by_its_name_and_put_where_today_plans_it():
    plan = Plan(sale=(40, 52), lift=2.0)
    earlier = pasts(plan, 3)
    moved = learn(earlier, (Planned("Sale ", 60, 72),), 96)  # names are compared without case
    inside, before = growth_of(moved)[62:70].mean(), growth_of(moved)[42:50].mean()
    assert inside - before == pytest.approx(np.log(2), abs=0.1)
    assert not moved.unknown.any()
    without = growth_of(learn(earlier, (), 96))
    assert np.abs(without[30:70] - without.mean()).max() < 0.1


def test_a_boost_starts_and_ends_sharply():
    log = growth_of(
        learn(pasts(Plan(sale=(40, 52), lift=3.0), 3), made(Plan(sale=(40, 52)), 1).plans, 96)
    )
    assert log[39] < 0.3 * log[40]
    assert log[52] < 0.3 * log[51]


def test_a_boost_that_nobody_knows_is_said():
    learned = learn(pasts(Plan(), 2), (Planned("never seen", 30, 40),), 96)
    assert learned.unknown[30:40].all()
    assert not learned.unknown[:30].any()
    assert learned.error[35] > 2 * learned.error[25]


def test_a_category_sale_is_that_categorys():
    rng = np.random.default_rng(4)
    plan = Planned("beauty hour", 40, 52, {"category": "beauty"})

    def past(seed: int) -> Event:
        event = made(Plan(), seed)
        beauty = np.array(event.dims["category"]) == "beauty"
        amounts = dict(event.amounts)
        amounts["visitors"] = amounts["visitors"].copy()
        more = rng.poisson(amounts["visitors"][beauty, 40:52])
        amounts["visitors"][beauty, 40:52] += more
        return replace(event, amounts=amounts, plans=(plan,))

    learned = learn([past(1), past(2)], (plan,), 96)
    beauty = 1 + learned.groups.index(("category", "beauty"))
    food = 1 + learned.groups.index(("category", "food"))
    shape = learned.volume["visitors"]
    apart = shape[beauty] - shape[food]
    assert apart[42:50].mean() - apart[:30].mean() == pytest.approx(np.log(2), abs=0.25)


def test_events_that_disagree_err_more():
    flat, steep = Plan(), Plan(shape=np.where(np.arange(96) < 48, 1.0, 2.0))
    alike = learn((made(flat, 1), made(flat, 2)), (), 96)
    apart = learn((made(flat, 1), made(steep, 2)), (), 96)
    assert apart.error[50] > 2 * alike.error[50]
    assert apart.error[10] < 2 * alike.error[10]


def test_a_smoother_does_not_reach_across_midnight_or_a_step():
    log = np.r_[np.zeros(20), np.ones(20)]
    sure = np.full(40, 1e-4)
    by_day, _ = smoothed(log, sure, 13, np.arange(40) // 20)
    by_step, _ = smoothed(log, sure, 13, np.zeros(40, int))
    assert by_day[19] == 0.0
    assert by_day[20] == 1.0
    assert by_step[19] < 0.05


def test_the_smoother_tells_what_is_unknown():
    mean, variance = smoothed(np.zeros(30), np.full(30, np.inf), 5, np.zeros(30, int))
    assert not mean.any()
    assert np.isinf(variance).all()


def test_a_sale_inside_a_sale_is_told_from_it():
    def past(seed: int) -> Event:
        shape = np.ones(96)
        shape[30:60] = 1.5
        shape[42:48] = 3.0
        plans = (Planned("long", 30, 60), Planned("short", 42, 48))
        return made(Plan(shape=shape, plans=plans), seed)

    learned = growth_of(learn([past(1), past(2)], (Planned("short", 42, 48),), 96))
    assert learned[44:47].mean() - learned[20:28].mean() == pytest.approx(np.log(2), abs=0.12)
    assert learned[32:40].mean() - learned[20:28].mean() == pytest.approx(0.0, abs=0.1)


def test_a_sale_is_not_measured_by_the_next_one():
    def past(seed: int) -> Event:
        shape = np.ones(96)
        shape[30:40] = 1.5
        shape[52:58] = 2.0
        plans = (Planned("one", 30, 40), Planned("two", 52, 58))
        return made(Plan(shape=shape, plans=plans), seed)

    learned = growth_of(learn([past(1), past(2)], (Planned("one", 30, 40),), 96))
    assert np.abs(learned[42:70] - learned[15:28].mean()).max() < 0.15
