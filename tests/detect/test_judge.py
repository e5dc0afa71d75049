"""Observed against expected on plain arrays: what is a dip, and what only looks like one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.detect import judge as j
from monitor.detect.judge import Judged, Today, judge
from monitor.detect.shape import Floats, Past, PlannedSpan, Shape, learn, or_parent, planned_span

BUCKETS = 288
FLASH = PlannedSpan(("flash sale", ""), 144, 156)


def event_day(total: float = 100_000.0, boost: float = 1.0) -> Floats:
    """A midnight rush, a lunch and an evening peak, and a flash sale at noon if `boost` > 1."""
    hour = np.arange(BUCKETS) / 12
    day = (
        0.4
        + 4 * np.exp(-hour)
        + np.exp(-((hour - 12.5) ** 2))
        + 2 * np.exp(-((hour - 21) ** 2) / 4)
    )
    day[FLASH.first : FLASH.end] *= boost
    return np.asarray(day / day.sum() * total)


def history(boost: float = 1.0, events: float = 30_000.0) -> list[Past]:
    """Two earlier events that differ a little, as events do."""
    plans = [FLASH] if boost != 1.0 else []
    wave = 1 + 0.03 * np.sin(np.arange(BUCKETS) / 30)
    counts = np.array([events])
    return [
        Past("9.9", (event_day(60_000, boost) * wave)[None, :], counts, plans),
        Past("10.10", (event_day(80_000, boost) / wave)[None, :], counts, plans),
    ]


def shape_of(pasts: list[Past], plans: list[PlannedSpan] | None = None, scopes: int = 1) -> Shape:
    return learn(pasts, plans or [], scopes, BUCKETS)


def today(observed: Floats, closed: int = BUCKETS, orders_per_unit: float = 0.3) -> Today:
    rows = np.atleast_2d(observed)
    shape = rows.shape
    done = np.broadcast_to(np.arange(BUCKETS) < closed, shape)
    return Today(
        observed=np.where(done, rows, np.nan),
        closed=done,
        read=done,
        bridged=np.zeros(shape, bool),
        covered=np.ones(shape),
        counted=np.full(shape, orders_per_unit),
        noise=np.full(shape[0], 2.0),
        changes=np.zeros(BUCKETS, bool),
        prior=np.full(shape[0], np.nan),
    )


def states(judged: Judged, row: int = 0) -> list[str]:
    return [j.STATES[s] for s in judged.state[row]]


def breaches(judged: Judged) -> list[int]:
    return [b for b, s in enumerate(states(judged)) if s == "breach"]


def noisy(day: Floats, seed: int = 3, orders_per_unit: float = 0.3) -> Floats:
    rng = np.random.default_rng(seed)
    orders = rng.poisson(day * orders_per_unit)
    return np.asarray(orders / orders_per_unit)


def test_a_day_in_the_shape_of_the_last_ones_has_no_dip() -> None:
    judged = judge(today(noisy(event_day())), shape_of(history()))
    assert breaches(judged) == []
    assert states(judged)[:4] == ["too_little"] * 4  # the quiet first twenty minutes
    assert judged.level[0] == pytest.approx(100_000, rel=0.05)


def test_the_decay_after_midnight_and_the_end_of_the_evening_are_no_dips() -> None:
    for seed in range(5):
        assert breaches(judge(today(noisy(event_day(), seed)), shape_of(history()))) == []


def test_a_dip_is_found_in_its_first_buckets_and_ends_when_it_ends() -> None:
    day = noisy(event_day())
    day[240:252] *= 0.4
    found = breaches(judge(today(day), shape_of(history())))
    assert found[0] in (240, 241)
    assert set(range(242, 252)) <= set(found)
    assert not [b for b in found if b >= 253]


def test_a_dip_is_not_swallowed_by_the_level() -> None:
    day = noisy(event_day())
    day[230:272] *= 0.5
    judged = judge(today(day), shape_of(history()))
    assert judged.expected[0, 270] == pytest.approx(event_day()[270], rel=0.1)
    assert set(range(232, 272)) <= set(breaches(judged))


def test_a_whole_day_below_the_last_event_is_followed_not_alarmed() -> None:
    judged = judge(today(noisy(event_day(45_000))), shape_of(history()))
    assert breaches(judged) == []
    assert judged.level[0] == pytest.approx(45_000, rel=0.08)


def test_the_end_of_a_planned_flash_sale_is_expected() -> None:
    plans = [FLASH]
    day = noisy(event_day(boost=2.5))
    judged = judge(today(day), shape_of(history(boost=2.5), plans))
    assert breaches(judged) == []
    expected = judged.expected[0]
    assert expected[FLASH.first] > 1.8 * expected[FLASH.first - 1]


def test_a_flash_sale_that_did_not_come_is_a_dip() -> None:
    day = noisy(event_day())  # planned, and nothing lifts
    judged = judge(today(day), shape_of(history(boost=2.5), [FLASH]))
    assert FLASH.first + 1 in breaches(judged)


def test_a_planned_boost_without_a_precedent_does_not_raise_what_is_expected_after_it() -> None:
    day = noisy(event_day(boost=3.0))
    with_plan = judge(today(day), shape_of(history(), [FLASH]))
    assert [b for b in breaches(with_plan) if b >= FLASH.end] == []


def test_too_few_orders_are_too_little_to_judge() -> None:
    day = event_day(1_000.0)
    day[240:252] = 0.0
    judged = judge(today(day, orders_per_unit=0.05), shape_of(history()))
    assert set(states(judged)) == {"too_little"}


def test_without_history_nothing_is_expected() -> None:
    judged = judge(today(noisy(event_day())), shape_of([]))
    assert np.isnan(judged.expected).all()
    assert set(states(judged)) == {"too_little"}


def test_open_incomplete_and_bridged_buckets_are_never_dips() -> None:
    day = noisy(event_day())
    day[200:210] = 0.0
    known = today(day, closed=260)
    covered, bridged = known.covered.copy(), known.bridged.copy()
    covered[0, 200:205] = 0.85
    bridged[0, 205:210] = True
    judged = judge(
        Today(
            known.observed, known.closed, known.read, bridged, covered,
            known.counted, known.noise, known.changes, known.prior,
        ),
        shape_of(history()),
    )  # fmt: skip
    assert states(judged)[200:205] == ["incomplete"] * 5
    assert states(judged)[205:210] == ["bridged"] * 5
    assert states(judged)[260:] == ["open"] * 28
    assert breaches(judged) == []
    assert judged.expected[0, 270] > 0  # what is still to come is expected all the same


def test_keys_that_were_not_read_are_left_out_of_what_is_expected() -> None:
    day = noisy(event_day())
    known = today(day)
    covered = np.full_like(known.covered, 0.95)
    less = Today(
        known.observed * 0.95, known.closed, known.read, known.bridged, covered,
        known.counted, known.noise, known.changes, known.prior,
    )  # fmt: skip
    judged, whole = judge(less, shape_of(history())), judge(known, shape_of(history()))
    assert breaches(judged) == []
    assert judged.expected[0, 250] == pytest.approx(whole.expected[0, 250] * 0.95, rel=0.01)


def test_a_verdict_does_not_know_the_future() -> None:
    day = noisy(event_day())
    other = day.copy()
    other[200:] *= 0.1
    a, b = judge(today(day), shape_of(history())), judge(today(other), shape_of(history()))
    assert states(a)[:200] == states(b)[:200]
    np.testing.assert_array_equal(a.expected[0, :200], b.expected[0, :200])


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(0, 1000))
def test_going_on_from_the_last_tick_gives_what_starting_again_gives(
    steps: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = np.stack([noisy(event_day(), seed), noisy(event_day(), seed + 1) * 0.6])
    start = rng.integers(20, 250)
    rows[:, start : start + 10] *= 0.3
    pasts = [
        Past(p.name, np.repeat(p.amount, 2, axis=0), np.repeat(p.events, 2), p.plans)
        for p in history()
    ]
    shape = shape_of(pasts, scopes=2)
    earlier: tuple[Today, Judged] | None = None
    closed = 0
    for step in steps:
        closed = min(closed + step, BUCKETS)
        now = today(rows, closed)
        went_on, again = judge(now, shape, earlier), judge(now, shape)
        for name in ("expected", "low", "high", "state", "strong", "level"):
            np.testing.assert_array_equal(getattr(went_on, name), getattr(again, name))
        earlier = now, went_on


def test_data_that_changes_in_the_past_is_judged_again() -> None:
    day = noisy(event_day())
    shape = shape_of(history())
    before = today(day, 250)
    first = judge(before, shape)
    day[100:110] *= 0.3
    np.testing.assert_array_equal(
        judge(today(day, 251), shape, (before, first)).state, judge(today(day, 251), shape).state
    )


def test_a_scope_without_history_takes_the_shape_of_its_campaign() -> None:
    pasts = [
        Past(
            p.name,
            np.vstack([p.amount, np.full_like(p.amount, np.nan)]),
            np.array([3e4, np.nan]),
            [],
        )
        for p in history()
    ]
    shape = or_parent(shape_of(pasts, scopes=2))
    np.testing.assert_allclose(shape.share[1], shape.share[0])
    assert (shape.error[1] > shape.error[0]).all()


def test_a_plan_outside_the_campaign_touches_no_bucket() -> None:
    hour = 3_600_000
    assert planned_span(("x", ""), -2 * hour, -hour, 0, 300_000, BUCKETS) is None
    found = planned_span(("x", ""), hour // 2, hour, 0, 300_000, BUCKETS)
    assert found == PlannedSpan(("x", ""), 6, 12)
