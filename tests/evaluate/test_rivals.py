"""The rivals do what they are known for, on series and on events, and never look ahead."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detect.event import Event, Floats
from monitor.evaluate import rivals, usual
from monitor.evaluate.case import Case, Dip
from monitor.evaluate.rivals import EVENT_RIVALS, RIVALS, Setting
from monitor.evaluate.watch import CAMPAIGN, Watched, alarms, sums, watched

PER_DAY = 288
DAYS = 16
FIRST, END = 15 * PER_DAY + 150, 15 * PER_DAY + 174


def series(seed: int = 1, days: int = DAYS) -> Floats:
    """A gentle day, a percent of noise."""
    at = np.arange(days * PER_DAY)
    noise = np.random.default_rng(seed).normal(1.0, 0.01, at.size)
    return 1000.0 * (1.0 + 0.3 * np.sin(2 * np.pi * at / PER_DAY)) * noise


def halved(values: Floats, share: float = 0.3) -> Floats:
    """With a dip to `share` of what it was; the adaptive bands need more than a half."""
    values = values.copy()
    values[..., FIRST:END] *= share
    return values


@pytest.mark.parametrize("name", RIVALS)
def test_a_plain_dip_is_flagged_and_a_healthy_series_is_not(name: str):
    share = 0.2 if name == "static" else 0.3
    flagged = RIVALS[name](halved(series(), share), PER_DAY)
    assert flagged[FIRST : FIRST + 2].all()
    clean = RIVALS[name](series(), PER_DAY)
    # Rules in σ must err: by chance, or as every new point is a new test at α = 0.05.
    assert clean.mean() < (0.02 if name in ("S-H-ESD", "mean ± σ") else 1e-9)
    assert np.array_equal(flagged[:FIRST], clean[:FIRST])


@pytest.mark.parametrize("name", RIVALS)
def test_flags_do_not_depend_on_what_comes_later(name: str):
    values = halved(series())
    whole = RIVALS[name](values, PER_DAY)
    for cut in (FIRST + 1, FIRST + 3, END + 20):
        changed = values.copy()
        changed[cut:] = np.random.default_rng(cut).uniform(0, 9000, changed.size - cut)
        assert np.array_equal(RIVALS[name](changed, PER_DAY)[:cut], whole[:cut])
        assert np.array_equal(RIVALS[name](values[:cut], PER_DAY), whole[:cut])


@pytest.mark.parametrize("name", RIVALS)
def test_what_is_unknown_is_not_flagged(name: str):
    values = halved(series())
    values[FIRST : FIRST + 4] = np.nan
    assert not RIVALS[name](values, PER_DAY)[FIRST : FIRST + 4].any()


def test_a_threshold_can_be_set():
    values = halved(series(), 0.65)
    assert not rivals.on_series("yesterday", 0.5)(values, PER_DAY).any()
    assert rivals.on_series("yesterday", 0.2)(values, PER_DAY)[FIRST:END].all()


def test_a_rule_without_that_form_says_so():
    with pytest.raises(ValueError, match="events only"):
        rivals.on_series("last event")
    with pytest.raises(ValueError, match="another rule"):
        rivals.on_events("yesterday")(event(1), ())


# --- S-H-ESD against the textbook ------------------------------------------------------------


def test_the_quantile_of_student_is_the_tabled_one():
    assert usual._student(0.975, 30) == pytest.approx(2.0423, abs=5e-4)
    assert usual._student(0.9995, 60) == pytest.approx(3.4602, abs=5e-3)


def test_esd_removes_what_lies_below_before_it_tests_a_point():
    others = np.sort(np.random.default_rng(2).normal(0, 1, 500))
    others[:3] = -30.0
    assert usual._esd(others, -8.0) > 1.5
    assert usual._esd(others, -1.6) < 0.7
    assert np.isnan(usual._esd(np.zeros(100), -1.0))


def test_grafanas_band_is_half_the_hourly_mean_where_a_series_is_steady():
    values = np.full((1, 4 * PER_DAY), 100.0)
    values[0, -1] = 40.0
    hour = usual.hour_of(PER_DAY)
    mean = (100.0 * (hour - 1) + 40.0) / hour
    assert usual.promql(values, PER_DAY)[0, -1] == pytest.approx(1 - 40.0 / mean)


# --- events ----------------------------------------------------------------------------------

BUCKETS = 288
DIMS = {
    "channel": ("live", "live", "shop", "shop"),
    "category": ("beauty", "home", "beauty", "home"),
    "creator_id": ("a", "b", "c", "d"),
}
BROKEN = slice(150, 174)


def event(seed: int, broken: tuple[int, ...] = (), level: float = 1.0) -> Event:
    """Four members over one day, those in `broken` at a quarter from 12:30 to 14:30."""
    rng = np.random.default_rng(seed)
    day = 1.0 + 0.5 * np.sin(2 * np.pi * np.arange(BUCKETS) / BUCKETS)
    visitors = level * 400 * day * rng.normal(1.0, 0.02, (4, BUCKETS))
    for member in broken:
        visitors[member, BROKEN] *= 0.25
    amounts = {"visitors": visitors, "gmv": visitors * 3.0}
    return Event(f"e{seed}", DIMS, amounts, {name: np.ones(BUCKETS, bool) for name in amounts})


PASTS = (event(1), event(2), event(3))


@pytest.mark.parametrize("name", EVENT_RIVALS)
def test_a_broken_campaign_is_told_once_for_each_measure(name: str):
    found = EVENT_RIVALS[name](event(9, broken=(0, 1, 2, 3)), PASTS)
    mine = [a for a in found if not a.scope and BROKEN.start <= a.opened < BROKEN.stop]
    assert {a.measure for a in mine} == {"gmv", "visitors"}
    assert mine[0].opened == BROKEN.start + 1
    assert mine[0].fall == pytest.approx(0.75, abs=0.08)
    children = [a for a in found if a.scope and a.opened == BROKEN.start + 1]
    assert children
    assert all(a.covered for a in children)


@pytest.mark.parametrize("name", EVENT_RIVALS)
def test_a_healthy_event_is_quiet(name: str):
    found = EVENT_RIVALS[name](event(9), PASTS)
    assert len([a for a in found if a.counts]) <= (3 if name in ("S-H-ESD", "mean ± σ") else 0)


@pytest.mark.parametrize("name", EVENT_RIVALS)
def test_without_history_a_rule_still_runs(name: str):
    found = EVENT_RIVALS[name](event(9, broken=(0, 1, 2, 3)), ())
    assert bool(found) == (name in ("last hour", "static", "PromQL adaptive"))


@pytest.mark.parametrize("name", EVENT_RIVALS)
def test_alarms_do_not_depend_on_what_comes_later(name: str):
    now = event(9, broken=(0, 1))
    cut = BROKEN.start + 6
    changed = {metric: values.copy() for metric, values in now.amounts.items()}
    for values in changed.values():
        values[:, cut:] *= 0.1
    later = Event(now.name, now.dims, changed, now.usable)

    def before(one: Event) -> list[tuple[str, str, int, int]]:
        found = EVENT_RIVALS[name](one, PASTS)
        return [
            (a.measure, str(a.scope), a.first, a.opened)
            for a in found
            if a.opened < cut and not a.scope.keys() & {"creator_id"}
        ]

    assert before(now)
    assert before(now) == before(later)


def test_a_higher_level_today_hides_a_dip_from_the_last_event_but_not_from_the_scaled_one():
    now = event(9, broken=(0, 1, 2, 3), level=5.0)
    assert not EVENT_RIVALS["last event"](now, PASTS)
    assert EVENT_RIVALS["last event, scaled"](now, PASTS)


def test_sums_leave_out_what_is_not_usable_and_scopes_without_members():
    one = event(1)
    usable = {name: np.arange(BUCKETS) != 5 for name in one.amounts}
    one = Event(one.name, one.dims, one.amounts, usable)
    got = sums(one, "visitors", [{}, {"channel": "live"}, {"channel": "nowhere"}, {"shop_id": "x"}])
    assert np.isnan(got[:, 5]).all()
    assert got[0, 6] == pytest.approx(one.amounts["visitors"][:, 6].sum())
    assert got[1, 6] == pytest.approx(one.amounts["visitors"][:2, 6].sum())
    assert np.isnan(got[2:]).all()


def test_two_flags_open_an_alarm_three_clear_buckets_end_it_and_unknown_ones_are_neither():
    now = np.full((1, 20), 10.0)
    now[0, [4, 8]] = np.nan
    seen = Watched("gmv", ({},), now, (), BUCKETS)
    flagged = np.zeros((1, 20), bool)
    flagged[0, [1, 3, 4, 5, 12, 14, 15]] = True
    found = alarms(flagged, seen)
    assert [(a.first, a.opened, a.ended) for a in found] == [(3, 5, 9), (14, 15, 18)]


def test_orders_are_watched_where_there_is_nothing_else():
    one = event(1)
    orders = Event(
        "o", one.dims, {"orders": one.amounts["visitors"]}, {"orders": np.ones(BUCKETS, bool)}
    )
    assert [seen.measure for seen in watched(orders, ())] == ["orders"]


def test_every_rule_on_events_has_a_tuned_setting_from_its_own_grid():
    assert rivals.TUNED.keys() == EVENT_RIVALS.keys()
    for name, setting in rivals.TUNED.items():
        assert setting in rivals.ALL[name].settings()


def test_tuning_finds_the_setting_that_tells_the_dip_and_nothing_else():
    dip = Dip({}, "visitors", 0.75, BROKEN.start * 5, BROKEN.stop * 5)
    now = event(9, broken=(0, 1, 2, 3))
    case = Case("c", now, PASTS, (dip,), event(9), quiet=False, history=True)
    setting, f1 = rivals.tune("last event", [case])
    assert f1 == 1.0
    told = rivals.on_events("last event", setting)(now, PASTS)
    assert [a for a in told if a.counts]
    shallow = rivals.on_events("last event", Setting(0.9, CAMPAIGN))(now, PASTS)
    assert not shallow
