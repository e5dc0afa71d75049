"""What is ours in the heavy rivals: when they are refitted, on what, and that they may be missing."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detect.event import Event, Floats, Planned
from monitor.evaluate import heavy

PER_DAY = 288


def test_a_rival_whose_package_is_missing_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch):
    missing = {"Nobody": heavy.Heavy("no_such_package", heavy.mstl)}
    monkeypatch.setattr(heavy, "ALL", missing)
    heavy.skipped.cache_clear()
    try:
        assert "no_such_package" in heavy.skipped()["Nobody"]
        assert "requirements-evaluate.txt" in heavy.skipped()["Nobody"]
        assert not heavy.on_events()
        assert not heavy.on_series()
    finally:
        heavy.skipped.cache_clear()


def test_each_hour_is_forecast_from_what_was_before_it_two_weeks_at_most():
    asked: list[tuple[int, int, int]] = []

    def mean(history: Floats, planned: Floats, per_day: int, steps: int) -> tuple[Floats, Floats]:
        asked.append((history.size, planned.size, steps))
        assert history.max() < 1000  # the bucket to be judged is not among them
        return np.full(steps, history.mean()), np.full(steps, 2.0)

    values = np.full(15 * PER_DAY + 30, 10.0)
    values[-1] = 1000.0
    low = heavy.lowness(mean, values, np.zeros(values.size), PER_DAY, 15 * PER_DAY, 12)
    assert asked == [(14 * PER_DAY, 14 * PER_DAY + n, n) for n in (12, 12, 6)]
    assert np.isnan(low[: 15 * PER_DAY]).all()
    assert low[-2] == 0.0
    assert low[-1] == -495.0


def test_an_hour_with_too_little_before_it_says_nothing():
    def never(*_: object) -> tuple[Floats, Floats]:
        raise AssertionError("asked without history")

    values = np.full(20, np.nan)
    assert np.isnan(heavy.lowness(never, values, np.zeros(20), PER_DAY, 0, 12)).all()


def test_mstl_needs_two_days():
    mean, sigma = heavy.mstl(np.ones(PER_DAY), np.zeros(PER_DAY + 12), PER_DAY, 12)
    assert np.isnan(mean).all()
    assert np.isnan(sigma).all()


def test_on_events_the_campaign_is_watched_with_its_own_plans_and_the_days_before():
    seen: list[Floats] = []

    def level(history: Floats, planned: Floats, per_day: int, steps: int) -> tuple[Floats, Floats]:
        seen.append(planned)
        return np.full(steps, 20.0), np.full(steps, 1.0)

    def event(name: str, plans: tuple[Planned, ...] = ()) -> Event:
        orders = np.full((2, PER_DAY), 10.0)
        orders[:, 100:110] = 2.0
        return Event(
            name,
            {"channel": ("a", "b")},
            {"orders": orders},
            {"orders": np.ones(PER_DAY, bool)},
            plans,
        )

    boost, show = Planned("flash", 12, 24), Planned("show", 0, 288, {"channel": "a"})
    found = heavy._alarms(level, event("now", (boost, show)), (event("past", (boost,)),))
    assert [(dict(a.scope), a.measure, a.first, a.opened, a.ended) for a in found] == [
        ({}, "orders", 100, 101, 112)
    ]
    assert np.flatnonzero(seen[-1]).tolist() == [*range(12, 24), *range(300, 312)]
