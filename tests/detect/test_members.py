"""Levels of members: what each should bring, and when it counts as off air."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detect.detector import Detector
from monitor.detect.event import Event
from tests.detect.made import CREATORS, Plan, detector, dims, made


def at(event: Event, buckets: int) -> Detector:
    running = detector(event)
    for _ in range(buckets):
        running.step()
    return running


def with_visitors(event: Event, member: int, first: int, end: int, value: float) -> Event:
    event.amounts["visitors"][member, first:end] = value
    return event


def test_a_level_is_what_a_member_brings():
    event = made(Plan(), 1)
    running = at(event, 40)
    k = running.index["visitors"]
    want = event.amounts["visitors"][:, 10:40].mean(axis=1)
    assert running.members.level()[k] == pytest.approx(want, rel=0.2)


def test_a_member_that_goes_off_air_starts_anew_and_is_not_expected():
    event = with_visitors(made(Plan(level=200.0), 2), 3, 30, 60, 0.0)
    running = at(event, 31)
    k = running.index["visitors"]
    assert running.members.broke[3] == -1
    assert running.members.age[3] == 0
    assert running.windows is not None
    assert running.windows.due[:, k, 3].sum() == 0.0


def test_a_member_that_comes_on_air_is_not_held_against_its_night():
    event = with_visitors(made(Plan(level=200.0), 2), 3, 0, 30, 2.0)
    running = at(event, 31)
    assert running.members.broke[3] == 1
    assert (np.delete(running.members.broke, 3) == 0).all()


def test_a_whole_channel_that_is_gone_is_an_outage_not_rooms_that_closed():
    event = made(Plan(level=200.0), 3)
    event.amounts["visitors"][:CREATORS, 40:50] = 0.0
    running = at(event, 42)
    k = running.index["visitors"]
    row = running.scopes.row({"channel": dims()["channel"][0]})
    assert running.tested is not None
    assert running.tested.due[0, k, row] > 1000


def test_an_unknown_bucket_leaves_levels_alone():
    event = made(Plan(), 4)
    for metric in event.usable:
        event.usable[metric][30:40] = False
        event.amounts[metric][:, 30:40] = np.nan
    before, after = at(event, 30).members.level(), at(event, 40).members.level()
    assert after == pytest.approx(before, rel=0.02)


def test_a_rate_is_drawn_to_its_scopes_where_little_is_known():
    event = made(Plan(), 5)
    for metric in ("visitors", "orders", "gmv"):
        event.amounts[metric][0] = 0.0
    event.amounts["visitors"][0, 20:40] = 1.0
    event.amounts["orders"][0, 20:40] = 0.0
    running = at(event, 40)
    k = running.index["conversion"]
    level = running.members.level()[k]
    assert 0.3 * np.median(level) < level[0] < np.median(level)
