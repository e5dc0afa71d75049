"""The signal machine: its table, and what must hold of any series of buckets."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.signal import Event, Outcome, Signal, State, advance

MIN = 60_000
BUCKET = 5 * MIN
FOR, KEEP = 10 * MIN, 15 * MIN
NORMAL, PENDING, FIRING, RECOVERING = State
BREACH, BAND, CLEAR, HOLD = Outcome
FIRE, RESOLVE = Event


def walk(
    outcomes: list[Outcome],
    signal: Signal | None = None,
    *,
    for_ms: int = FOR,
    keep_ms: int = KEEP,
    start: int = 0,
) -> list[tuple[Signal, Event | None]]:
    """Consecutive buckets from bucket `start` on; what stood after each."""
    signal = signal or Signal()
    seen = []
    for b, outcome in enumerate(outcomes, start):
        signal, event = advance(
            signal, outcome, b * BUCKET, (b + 1) * BUCKET, for_ms=for_ms, keep_ms=keep_ms, why="gap"
        )
        seen.append((signal, event))
    return seen


def events(
    outcomes: list[Outcome], *, for_ms: int = FOR, keep_ms: int = KEEP
) -> list[tuple[int, Event]]:
    """Which bucket brought which event."""
    steps = walk(outcomes, for_ms=for_ms, keep_ms=keep_ms)
    return [(b, event) for b, (_, event) in enumerate(steps) if event]


STANDING = {
    NORMAL: Signal(judged_to_ms=BUCKET),
    PENDING: Signal(PENDING, 0, BUCKET, since_ms=0, served_ms=BUCKET),
    FIRING: Signal(FIRING, 1, BUCKET, since_ms=0),
    RECOVERING: Signal(RECOVERING, 1, BUCKET, since_ms=0, served_ms=BUCKET),
}
TABLE = [  # state, outcome, next state, event; `for` is two buckets, `keep` three
    (NORMAL, BREACH, PENDING, None),
    (NORMAL, BAND, NORMAL, None),
    (NORMAL, CLEAR, NORMAL, None),
    (NORMAL, HOLD, NORMAL, None),
    (PENDING, BREACH, FIRING, FIRE),
    (PENDING, BAND, NORMAL, None),
    (PENDING, CLEAR, NORMAL, None),
    (PENDING, HOLD, PENDING, None),
    (FIRING, BREACH, FIRING, None),
    (FIRING, BAND, FIRING, None),
    (FIRING, CLEAR, RECOVERING, None),
    (FIRING, HOLD, FIRING, None),
    (RECOVERING, BREACH, FIRING, None),
    (RECOVERING, BAND, FIRING, None),
    (RECOVERING, CLEAR, RECOVERING, None),
    (RECOVERING, HOLD, RECOVERING, None),
]


def test_the_table_has_every_state_and_outcome():
    assert {(state, outcome) for state, outcome, *_ in TABLE} == {
        (state, outcome) for state in State for outcome in Outcome
    }


@pytest.mark.parametrize(("state", "outcome", "then", "event"), TABLE)
def test_the_table(state: State, outcome: Outcome, then: State, event: Event | None):
    after, happened = walk([outcome], STANDING[state], start=1)[0]
    assert (after.state, happened) == (then, event)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("state", State)
def test_a_bucket_at_or_before_the_last_judged_changes_nothing(state: State, outcome: Outcome):
    standing = STANDING[state]
    assert walk([outcome], standing, start=0) == [(standing, None)]


@pytest.mark.parametrize("state", State)
def test_a_hold_keeps_everything_but_its_own_reason(state: State):
    standing = STANDING[state]
    after, event = walk([HOLD], standing, start=1)[0]
    assert event is None
    assert after == replace(standing, hold="gap")


@pytest.mark.parametrize("outcome", [BREACH, BAND, CLEAR])
def test_the_reason_of_a_hold_goes_with_the_next_judged_bucket(outcome: Outcome):
    assert walk([HOLD, outcome])[-1][0].hold is None


def test_it_fires_when_the_last_bucket_of_for_is_judged():
    assert events([CLEAR, BREACH, BREACH]) == [(2, FIRE)]


def test_it_fires_at_once_when_for_is_one_bucket():
    assert events([BREACH], for_ms=BUCKET) == [(0, FIRE)]


def test_a_for_between_two_buckets_is_served_by_the_later():
    assert events([BREACH] * 4, for_ms=BUCKET + 1) == [(1, FIRE)]


def test_the_breach_began_with_its_first_bucket_not_with_the_firing():
    assert walk([CLEAR, BREACH, BREACH])[-1][0].since_ms == BUCKET


def test_a_bucket_in_the_band_starts_the_wait_anew():
    assert events([BREACH, BAND, BREACH, CLEAR, BREACH]) == []


def test_a_hold_stops_the_clock_of_a_pending_signal():
    assert events([BREACH, HOLD, HOLD, HOLD, BREACH]) == [(4, FIRE)]


def test_holds_alone_never_fire():
    assert events([BREACH, *[HOLD] * 50]) == []


def test_holds_alone_never_resolve():
    assert events([BREACH, BREACH, CLEAR, *[HOLD] * 50]) == [(1, FIRE)]


def test_a_hold_stops_the_clock_of_a_recovery():
    assert events([BREACH, BREACH, CLEAR, CLEAR, HOLD, CLEAR]) == [(1, FIRE), (5, RESOLVE)]


def test_it_resolves_when_the_last_bucket_of_keep_is_judged():
    assert events([BREACH, BREACH, CLEAR, CLEAR, CLEAR]) == [(1, FIRE), (4, RESOLVE)]


@pytest.mark.parametrize("back", [BREACH, BAND])
def test_a_relapse_starts_the_recovery_anew_without_a_second_firing(back: Outcome):
    series = [BREACH, BREACH, CLEAR, CLEAR, back, CLEAR, CLEAR, CLEAR]
    assert events(series) == [(1, FIRE), (7, RESOLVE)]


def test_a_relapse_keeps_the_start_of_the_breach_and_none_of_the_recovery():
    after = walk([BREACH, BREACH, CLEAR, BREACH])[-1][0]
    assert (after.state, after.since_ms, after.served_ms) == (FIRING, 0, 0)


def test_a_resolved_signal_forgets_the_breach():
    after = walk([BREACH, BREACH, CLEAR, CLEAR, CLEAR])[-1][0]
    assert (after.state, after.since_ms, after.served_ms) == (NORMAL, None, 0)


def test_a_second_breach_is_a_second_episode():
    series = [BREACH, BREACH, CLEAR, CLEAR, CLEAR, BREACH, BREACH]
    assert events(series) == [(1, FIRE), (4, RESOLVE), (6, FIRE)]
    assert walk(series)[-1][0].episode == 2


def test_a_held_bucket_may_be_judged_later():
    held = walk([HOLD])[0][0]
    assert walk([BREACH], held)[0][0].state is PENDING


# --- whatever comes -----------------------------------------------------------------------------

SERIES = st.lists(
    # mostly breaches and clears, so that long series get through all states
    st.sampled_from([BREACH, BREACH, CLEAR, CLEAR, CLEAR, BAND, HOLD]),
    max_size=60,
)
SPANS = st.sampled_from([1, BUCKET, BUCKET + 1, 2 * BUCKET, 3 * BUCKET, 7 * BUCKET])


def judged(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome is not HOLD]


def trailing(outcomes: list[Outcome], wanted: Outcome) -> int:
    """How many judged buckets in a row, up to the end, were `wanted`."""
    count = 0
    for outcome in reversed(judged(outcomes)):
        if outcome is not wanted:
            break
        count += 1
    return count


@given(SERIES, SPANS, SPANS)
def test_it_never_fires_before_for_was_judged_in_breach(
    series: list[Outcome], for_ms: int, keep_ms: int
):
    for b, event in events(series, for_ms=for_ms, keep_ms=keep_ms):
        if event is FIRE:
            assert trailing(series[: b + 1], BREACH) * BUCKET >= for_ms


@given(SERIES, SPANS, SPANS)
def test_it_never_resolves_before_keep_was_judged_clear(
    series: list[Outcome], for_ms: int, keep_ms: int
):
    for b, event in events(series, for_ms=for_ms, keep_ms=keep_ms):
        if event is RESOLVE:
            assert trailing(series[: b + 1], CLEAR) * BUCKET >= keep_ms


@given(SERIES, SPANS, SPANS)
def test_it_fires_as_soon_as_for_was_judged_in_breach(
    series: list[Outcome], for_ms: int, keep_ms: int
):
    for b, (after, _) in enumerate(walk(series, for_ms=for_ms, keep_ms=keep_ms)):
        if trailing(series[: b + 1], BREACH) * BUCKET >= for_ms:
            assert after.state is FIRING


@given(SERIES, SPANS, SPANS)
def test_it_is_normal_as_soon_as_keep_was_judged_clear(
    series: list[Outcome], for_ms: int, keep_ms: int
):
    for b, (after, _) in enumerate(walk(series, for_ms=for_ms, keep_ms=keep_ms)):
        if trailing(series[: b + 1], CLEAR) * BUCKET >= keep_ms:
            assert after.state is NORMAL


@given(SERIES, SPANS, SPANS)
def test_firing_and_resolving_take_turns_and_episodes_count_the_firings(
    series: list[Outcome], for_ms: int, keep_ms: int
):
    steps = walk(series, for_ms=for_ms, keep_ms=keep_ms)
    happened = [event for _, event in steps if event]
    assert all(one is not other for one, other in pairwise(happened))
    assert happened[:1] in ([], [FIRE])
    firings = 0
    for after, event in steps:
        firings += event is FIRE
        assert after.episode == firings


@given(SERIES, SPANS, SPANS)
def test_holds_only_ever_put_off_what_happens(series: list[Outcome], for_ms: int, keep_ms: int):
    """The same judged buckets bring the same events, with and without holds between them."""
    with_holds = [event for _, event in events(series, for_ms=for_ms, keep_ms=keep_ms)]
    without = [event for _, event in events(judged(series), for_ms=for_ms, keep_ms=keep_ms)]
    assert with_holds == without


@given(SERIES, SPANS, SPANS)
def test_a_breach_has_a_start_exactly_while_it_lasts(
    series: list[Outcome], for_ms: int, keep_ms: int
):
    for b, (after, _) in enumerate(walk(series, for_ms=for_ms, keep_ms=keep_ms)):
        assert (after.since_ms is None) == (after.state is NORMAL)
        if after.since_ms is not None:
            assert series[after.since_ms // BUCKET] is BREACH
            assert after.since_ms <= b * BUCKET


@given(SERIES, SERIES, SPANS, SPANS)
def test_walking_in_two_ticks_is_walking_in_one(
    first: list[Outcome], then: list[Outcome], for_ms: int, keep_ms: int
):
    whole = walk(first + then, for_ms=for_ms, keep_ms=keep_ms)
    halfway = walk(first, for_ms=for_ms, keep_ms=keep_ms)
    signal = halfway[-1][0] if halfway else Signal()
    rest = walk(then, signal, for_ms=for_ms, keep_ms=keep_ms, start=len(first))
    assert halfway + rest == whole


@given(SERIES, SPANS, SPANS)
def test_walking_over_the_same_buckets_again_changes_nothing(
    series: list[Outcome], for_ms: int, keep_ms: int
):
    """Up to the last judged bucket; holds after it change nothing either."""
    steps = walk(series, for_ms=for_ms, keep_ms=keep_ms)
    if steps:
        upto = steps[-1][0].judged_to_ms // BUCKET
        again = walk(series[:upto], steps[-1][0], for_ms=for_ms, keep_ms=keep_ms)
        assert all(step == (steps[-1][0], None) for step in again)
