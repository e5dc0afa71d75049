"""The judge for plain series: what it tells, when, and what it lets pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.detect.series import TUNING, Floats, Verdicts, judge, learn, quantile

PER_DAY = 96  # 15-minute buckets keep the tests quick; the judge counts in buckets
DAYS = 24
BROAD_DAY = 60  # bucket of the day at which nothing is low by itself
WEEKEND = (5, 6)
QUARTERS = replace(TUNING, slow_gain=1 / PER_DAY, accept_after=PER_DAY)  # a day is a day


def ordinary(seed: int = 1, days: int = DAYS, noise: float = 0.03) -> Floats:
    """A day's rise and fall, 3 % noise, and a level that wanders by 10 % over days."""
    at = np.arange(days * PER_DAY)
    rng = np.random.default_rng(seed)
    day = 100.0 * (1.0 + 0.6 * np.sin(2 * np.pi * (at / PER_DAY - 0.3)))
    wander = np.exp(0.1 * np.sin(2 * np.pi * at / (5.3 * PER_DAY)))
    return np.asarray(day * wander * rng.normal(1.0, noise, at.size))


def bucket(day: int, of_day: int = BROAD_DAY) -> int:
    return day * PER_DAY + of_day


def judged(values: Floats) -> Verdicts:
    return judge(values[None, :], PER_DAY, QUARTERS)


def opened(values: Floats) -> list[int]:
    return np.flatnonzero(judged(values).opened[0]).tolist()


def dip(values: Floats, first: int, buckets: int, keep: float) -> Floats:
    values = values.copy()
    values[first : first + buckets] *= keep
    return values


def test_ordinary_days_bring_no_alarm():
    assert not judge(
        np.stack([ordinary(seed) for seed in range(8)]), PER_DAY, QUARTERS
    ).opened.any()


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.5])
def test_a_dip_is_told_at_its_second_bucket_and_is_over_three_buckets_after_it(keep: float):
    first = bucket(20)
    verdicts = judged(dip(ordinary(), first, 8, keep))
    assert np.flatnonzero(verdicts.opened[0]).tolist() == [first + 1]
    assert np.flatnonzero(verdicts.firing[0]).tolist() == list(range(first + 1, first + 10))


def test_what_is_expected_is_near_the_truth_also_during_a_dip():
    first = bucket(20)
    verdicts = judged(dip(ordinary(), first, 24, 0.2))
    off = verdicts.expected[0, first : first + 24] / ordinary()[first : first + 24] - 1
    assert np.abs(off).max() < 0.2


def test_one_low_bucket_and_a_shallow_dip_are_not_told():
    assert opened(dip(ordinary(), bucket(20), 1, 0.1)) == []
    assert opened(dip(ordinary(), bucket(20), 12, 0.8)) == []


def test_a_slow_decline_is_followed():
    values = ordinary(days=30)
    values[bucket(15) :] *= np.linspace(1.0, 0.3, len(values) - bucket(15))
    assert opened(values) == []


def test_the_end_of_a_high_hour_is_no_dip():
    assert opened(dip(ordinary(), bucket(20), 24, 4.0)) == []


def weekends(days: int) -> Floats:
    """At weekends the evening's 60 % are lost, and come back, within two hours."""
    values = ordinary(days=days)
    lost = 1 - 0.6 * np.interp(np.arange(PER_DAY), [50, 58, 74, 82], [0, 1, 1, 0])
    for day in range(days):
        if day % 7 in WEEKEND:
            values[bucket(day, 0) : bucket(day + 1, 0)] *= lost
    return values


def test_a_quiet_weekend_is_no_dip_once_it_is_known():
    told = [at // PER_DAY for at in opened(weekends(days=35))]
    assert max(told, default=0) < 14
    assert 33 % 7 in WEEKEND  # the last weekend was judged


def test_a_dip_of_a_quiet_evening_is_told_all_the_same():
    first = bucket(33)
    assert first + 1 in opened(dip(weekends(days=35), first, 8, 0.2))


def test_where_next_to_nothing_is_expected_nothing_is_told():
    values = ordinary()
    of_day = np.arange(len(values)) % PER_DAY
    values[of_day < 20] *= 0.05
    assert opened(dip(values, bucket(20, 5), 10, 0.0)) == []


def stepping(days: int) -> Floats:
    """Loses 75 % in one step every fourth day and creeps back up within the days between."""
    values = ordinary(days=days, noise=0.01)
    since = (np.arange(len(values)) - bucket(0)) % (4 * PER_DAY)
    return values * (0.25 + 0.75 * since / (4 * PER_DAY))


def test_a_series_that_often_steps_down_is_left_alone_but_not_its_outage():
    values = stepping(days=40)
    told = [at // PER_DAY for at in opened(values)]
    assert told[:2] == [4, 8], "the first steps are news"
    assert len(told) <= 4  # of nine
    first = bucket(38)
    assert set(opened(dip(values, first, 8, 0.0))) & {first + 1, first + 2, first + 3}


def test_told_dips_do_not_make_the_next_one_usual():
    values = ordinary(days=40)
    firsts = [bucket(day) for day in range(15, 40, 3)]
    for first in firsts:
        values = dip(values, first, 6, 0.4)
    assert opened(values) == [first + 1 for first in firsts]


def test_a_drop_that_stays_is_the_level_after_a_while():
    first = bucket(16)
    values = dip(ordinary(days=30), first, 14 * PER_DAY, 0.4)
    verdicts = judged(values)
    assert np.flatnonzero(verdicts.opened[0]).tolist() == [first + 1]
    assert verdicts.firing[0, first + PER_DAY]
    assert not verdicts.firing[0, first + PER_DAY + 2 :].any()
    assert first + 11 * PER_DAY + 1 in opened(dip(values, first + 11 * PER_DAY, 6, 0.1))


def test_a_gap_is_not_a_dip_and_does_not_hide_one():
    values = ordinary()
    values[bucket(19, 10) : bucket(19, 40)] = np.nan
    assert opened(values) == []
    assert bucket(20) + 1 in opened(dip(values, bucket(20), 6, 0.3))


def test_a_gap_between_two_low_buckets_only_delays():
    values = dip(ordinary(), bucket(20), 6, 0.3)
    values[bucket(20) + 1] = np.nan
    assert opened(values) == [bucket(20) + 2]


def test_a_series_that_was_dead_for_days_is_judged_again():
    values = dip(ordinary(days=34), bucket(18), 3 * PER_DAY, 0.0)
    assert opened(values) == [bucket(18) + 1]
    again = bucket(33)
    assert again + 1 in opened(dip(values, again, 6, 0.1))


def test_a_verdict_needs_nothing_of_the_future():
    values = dip(ordinary(), bucket(20), 8, 0.4)
    whole = judged(values)
    for end in (bucket(20) + 2, bucket(20) + 9, bucket(21, 0), bucket(21, 0) - 1):
        part = judged(values[:end])
        np.testing.assert_array_equal(part.opened[0], whole.opened[0, :end])
        np.testing.assert_array_equal(part.firing[0], whole.firing[0, :end])
        np.testing.assert_array_equal(part.expected[0], whole.expected[0, :end])


def test_series_do_not_influence_each_other():
    one, other = dip(ordinary(1), bucket(20), 8, 0.4), dip(ordinary(2), bucket(18), 4, 0.1) * 50
    both = judge(np.stack([one, other]), PER_DAY, QUARTERS)
    for row, values in enumerate((one, other)):
        alone = judged(values)
        np.testing.assert_array_equal(both.opened[row], alone.opened[0])
        np.testing.assert_array_equal(both.expected[row], alone.expected[0])


def test_the_scale_does_not_matter():
    values = dip(ordinary(), bucket(20), 8, 0.4)
    assert opened(values * 1e6) == opened(values) != []


def test_a_series_that_is_unknown_or_zero_throughout_is_not_judged():
    nothing = np.stack([np.full(DAYS * PER_DAY, np.nan), np.zeros(DAYS * PER_DAY)])
    verdicts = judge(nothing, PER_DAY, QUARTERS)
    assert not verdicts.opened.any()
    assert np.isnan(verdicts.expected).all()


def test_the_least_fall_can_be_set():
    values = dip(ordinary(noise=0.01), bucket(20), 12, 0.75)
    assert opened(values) == []
    told = judge(values[None, :], PER_DAY, replace(QUARTERS, least_fall=0.15)).opened[0]
    assert told[bucket(20) : bucket(20) + 4].any()


def test_impossible_days_are_refused():
    with pytest.raises(ValueError, match="whole hours"):
        judge(np.ones((1, 100)), 100)
    with pytest.raises(ValueError, match="axes"):
        judge(np.ones(100), PER_DAY)


def test_shapes_are_known_after_three_days_and_the_weekly_one_differs_after_two_weeks():
    values = np.column_stack([weekends(days=21)])
    shapes = learn(values, PER_DAY)
    assert np.isnan(shapes.course[0, : 3 * PER_DAY]).all()
    assert np.isfinite(shapes.course[0, 3 * PER_DAY :]).all()
    same = np.isclose(shapes.course[0], shapes.course[1], equal_nan=True).reshape(21, PER_DAY)
    assert same[:14].all()
    assert not same[14:].all(axis=1).any()


def test_quantiles_leave_the_unknown_out():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 7.0, np.nan], [2.0, np.nan, np.nan]])
    np.testing.assert_array_equal(quantile(values, 0.5), [2.0, 7.0, np.nan])
    np.testing.assert_array_equal(quantile(values, 1.0), [3.0, 7.0, np.nan])
