"""When a counter that stands still is stuck: the arithmetic, without a store."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.campaigns.words import METRICS
from monitor.detect.moves import Moves, stills, taken_back

CADENCE = 300_000


def moves(metric: str, *gained: float, fell: dict[int, float] | None = None) -> Moves:
    count = len(gained)
    gains = np.full((count, len(METRICS)), np.nan)
    gains[:, METRICS.index(metric)] = gained
    back = np.zeros_like(gains)
    for i, amount in (fell or {}).items():
        back[i, METRICS.index(metric)] = amount
    at = np.arange(1, count + 1) * CADENCE
    return Moves(at, np.zeros(count, np.int64), gains, back)


def stuck(one: Moves, pace: float = 1.0, short: bool = False) -> list[tuple[int, int, int | None]]:
    found = stills(one, CADENCE, lambda *_: pace, lambda _: short)
    return [
        (
            s.since_ms // CADENCE,
            s.due_ms // CADENCE,
            None if s.over_ms is None else s.over_ms // CADENCE,
        )
        for s in found
    ]


STEADY = (20, 24, 17, 22, 19, 25, 16, 21)


def test_three_still_snapshots_of_a_busy_counter_are_enough_and_two_are_not() -> None:
    assert stuck(moves("orders", *STEADY, 0, 0)) == []
    assert stuck(moves("orders", *STEADY, 0, 0, 0)) == [(8, 11, None)]
    assert stuck(moves("orders", *STEADY, 0, 0, 0, 0, 9)) == [(8, 11, 13)]


def test_a_fall_is_a_move() -> None:
    assert stuck(moves("orders", *STEADY, 0, 0, 0, 0, fell={9: 3})) == []


@pytest.mark.parametrize(
    ("before", "still", "told"),
    [
        (
            (1, 0, 2, 1, 0, 1, 2, 0, 1, 1, 1, 1),
            6,
            False,
        ),  # one order a snapshot: half an hour is little
        ((1, 0, 2, 1, 0, 1, 2, 0, 1, 1, 1, 1), 14, True),
        ((600, 0, 0, 0, 580, 0, 0, 0, 610, 0, 0, 5), 6, False),  # visitors in crowds
        ((60, 40, 20, 12, 8, 4, 2, 1, 1), 4, False),  # a sale that fell asleep
    ],
)
def test_how_long_is_long_depends_on_what_came(
    before: tuple[int, ...], still: int, told: bool
) -> None:
    assert bool(stuck(moves("visitors", *before, *[0] * still))) == told


def test_an_hour_that_is_quiet_in_every_event_needs_longer() -> None:
    one = moves("orders", *STEADY, 0, 0, 0)
    assert stuck(one, pace=0.5)
    assert not stuck(one, pace=0.1)


def test_money_alone_vouches_for_eight_events_a_snapshot_at_most() -> None:
    assert not stuck(moves("gmv", 1000, 1000, 1000, 1000, 1000, 0, 0, 0))
    assert stuck(moves("gmv", *[1000] * 7, 0, 0, 0))


def test_without_a_rate_of_its_own_the_curve_decides() -> None:
    one = moves("orders", 0, 0, 0, 0)
    assert not stuck(one)
    assert stuck(one, short=True) == [(1, 4, None)]


def test_a_correction_lasts_while_the_last_hour_holds_enough_of_it() -> None:
    fell = {5: 30.0, 8: 10.0}
    one = moves("gmv", *[100.0] * 30, fell=fell)
    [span] = taken_back(one, "gmv", 0.02, 12 * CADENCE, set())
    assert (span.since_ms // CADENCE, span.due_ms // CADENCE) == (6, 6)
    assert span.over_ms == 18 * CADENCE  # the first of them is an hour old
    assert span.amount == 40
    assert taken_back(one, "gmv", 0.02, 12 * CADENCE, {6 * CADENCE}) == []
