"""A detector that was kept, gone back to and grown on its way is the one that went straight through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.detect.detector import Detector
from monitor.detect.event import Event
from monitor.detect.growth import Growth, learn
from monitor.detect.resume import grown, keep, put
from monitor.detect.shipped import SHIPPED
from tests.detect.made import Fault, Plan, made

BUCKETS = 40
CHANNELS, CATEGORIES = ("live", "video"), ("beauty", "food", "home")


@st.composite
def events(draw: st.DrawFn) -> tuple[Event, list[int]]:
    """An event, its members in order of their first reading, and the bucket of each first reading."""
    members = draw(st.integers(3, 14))
    appear = sorted(draw(st.lists(st.sampled_from((0, 0, 3, 11, 24)), min_size=members,
                                  max_size=members)))  # fmt: skip
    appear[0] = 0
    dims = {
        "channel": tuple(CHANNELS[i % 2] for i in range(members)),
        "category": tuple(CATEGORIES[i % 3] for i in range(members)),
        "creator_id": tuple(f"c{i // 2}" for i in range(members)),
    }
    scope = draw(st.sampled_from(({}, {"channel": "live"}, {"creator_id": "c0"})))
    first = draw(st.integers(8, 30))
    fault = Fault(scope, draw(st.sampled_from(("visitors", "conversion"))), 0.3, first, first + 7)
    level = draw(st.sampled_from((4.0, 60.0, 400.0)))
    event = made(Plan(buckets=BUCKETS, level=level, dims=dims, faults=(fault,)),
                 draw(st.integers(0, 999)))  # fmt: skip
    amounts = {m: grid.copy() for m, grid in event.amounts.items()}
    usable = {m: marks.copy() for m, marks in event.usable.items()}
    for member, b in enumerate(appear):
        for grid in amounts.values():
            grid[member, :b] = np.nan
    unread = draw(st.integers(0, members - 1)), draw(st.integers(0, BUCKETS - 1))
    amounts["visitors"][unread] = np.nan
    bridged = draw(st.integers(0, BUCKETS - 1))
    for marks in usable.values():
        marks[bridged] = False
    return replace(event, amounts=amounts, usable=usable), appear


def part(event: Event, members: int) -> Event:
    """The first members alone."""
    return replace(
        event,
        dims={dim: values[:members] for dim, values in event.dims.items()},
        amounts={m: grid[:members] for m, grid in event.amounts.items()},
    )


def past(event: Event) -> Event:
    plan = Plan(buckets=BUCKETS, dims=event.dims)
    return made(plan, 77, "past")


def arrays(detector: Detector) -> dict[str, np.ndarray]:
    return dict(keep(detector, curves=True).arrays)


def through(event: Event, growth: Growth, until: int = BUCKETS) -> Detector:
    detector = Detector(event, growth, SHIPPED)
    while detector.bucket < until:
        detector.step()
    return detector


def assert_same(one: Detector, two: Detector) -> None:
    """Array by array, but for curves, which a scope has only since it was met. `two` may have scopes
    and members that `one` has not met yet."""
    mine, theirs = keep(one), keep(two)
    assert mine.bucket == theirs.bucket
    places = np.array([two.scopes.place[key] for key in one.scopes.keys])
    picks = {"s": places, "m": np.arange(one.event.members)}
    axes = one.AXES | {f"members.{name}": of for name, of in one.members.AXES.items()}
    for name, values in mine.arrays.items():
        other = theirs.arrays[name]
        for axis, letter in enumerate(axes[name]):
            if letter in picks:
                other = np.take(other, picks[letter], axis=axis)
        np.testing.assert_allclose(values, other, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(made_up=events(), known=st.booleans(), at=st.integers(1, BUCKETS - 1))
def test_kept_and_gone_back_to(made_up: tuple[Event, list[int]], known: bool, at: int) -> None:
    """What is judged again after going back is what was judged the first time, bit for bit."""
    event, _ = made_up
    growth = learn([past(event)] if known else [], event.plans, BUCKETS)
    detector = through(event, growth, at)
    kept = keep(detector)
    while detector.bucket < BUCKETS:
        detector.step()
    again = Detector(event, growth, SHIPPED)
    for name in ("observed", "expected", "low", "high", "states"):
        setattr(again, name, getattr(detector, name).copy())
    put(kept, again)
    while again.bucket < BUCKETS:
        again.step()
    mine, theirs = arrays(detector), arrays(again)
    for name, values in mine.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(made_up=events(), known=st.booleans())
def test_grown_when_members_appear(made_up: tuple[Event, list[int]], known: bool) -> None:
    """Members that nobody had read before change nothing by being known from the start."""
    event, appear = made_up
    growth = learn([past(event)] if known else [], event.plans, BUCKETS)
    straight = through(event, growth)
    met = sum(b <= 0 for b in appear)
    detector = Detector(part(event, met), growth, SHIPPED)
    while detector.bucket < BUCKETS:
        now = sum(b <= detector.bucket for b in appear)
        if now > met:
            detector = grown(detector, part(event, now), growth)
            met = now
        detector.step()
    assert_same(detector, straight)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(made_up=events(), at=st.integers(0, BUCKETS - 1))
def test_kept_before_members_appeared(made_up: tuple[Event, list[int]], at: int) -> None:
    """Gone back with all members to a state that was kept with fewer."""
    event, appear = made_up
    growth = learn([past(event)], event.plans, BUCKETS)
    met = sum(b <= at for b in appear)
    kept = keep(through(part(event, met), growth, at))
    again = Detector(event, growth, SHIPPED)
    put(kept, again)
    while again.bucket < BUCKETS:
        again.step()
    assert_same(again, through(event, growth))


def test_another_set_of_measures_is_refused() -> None:
    event = made(Plan(buckets=4), 1)
    growth = learn([], (), 4)
    rest = {m: grid for m, grid in event.amounts.items() if m != "visitors"}
    fewer = replace(event, amounts=rest, usable={m: event.usable[m] for m in rest})
    with pytest.raises(ValueError, match="other measures"):
        grown(Detector(event, growth, SHIPPED), fewer, growth)
