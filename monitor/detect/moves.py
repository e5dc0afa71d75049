"""Whether a running counter still moves: what each snapshot added, and spans without any. Pure.

A counter that keeps arriving and adds nothing is stuck when clearly more than nothing would have
come. How many events a span would have brought is taken from the counter's own last snapshots: for
amounts that come in crowds, mean² ÷ variance of what a snapshot adds is a floor of the events in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monitor.campaigns.words import METRICS, MONEY
from monitor.detect.shape import Bools, Floats

LEAST_STILL = 3  # snapshots, and as many cadences, before anything is said
SURE = 10.0  # events that would have come: none of ten comes by chance once in 20,000 spans
BEFORE = 12  # snapshots before the span that tell the rate
FEW, FEW_OF_MONEY = 3, 6  # of those that are needed
MONEY_CAP = 8.0  # events a snapshot that money alone can vouch for: it does not count them
MADE_UP = 0.5  # of what was due while the counter stood still

Share = Callable[
    [int, int, int], float
]  # (from, since, until) ms → pace of [since, until) in [from, since)


@dataclass(frozen=True)
class Moves:
    """What each snapshot of one cumulative counter showed since the one before.

    `at_ms`: (n,) instants in order. `day`: (n,) the counting period. `gained`: (n, METRICS) units,
    NaN unknown. `fell`: (n, METRICS) units taken back, 0 where nothing was.
    """

    at_ms: np.ndarray
    day: np.ndarray
    gained: Floats
    fell: Floats

    @property
    def still(self) -> Bools:
        """(n,) nothing of any metric moved."""
        return np.asarray(
            (np.nan_to_num(self.gained) == 0).all(axis=1) & (self.fell == 0).all(axis=1)
        )


@dataclass(frozen=True)
class Still:
    """A span in which the counter stood still though it should have moved.

    `since_ms`: the last snapshot that moved. `due_ms`: the snapshot that made it sure. `over_ms`: the
    one that moved again, None: not yet. `snapshots`: how many stood still. `made_up`: the first move
    after it brought what was due meanwhile.
    """

    since_ms: int
    due_ms: int
    over_ms: int | None
    snapshots: int
    made_up: bool


def stills(
    moves: Moves, cadence_ms: int, share: Share, short: Callable[[int], bool]
) -> list[Still]:
    """All such spans, oldest first. `short`: whether the expected curve says at an instant that too
    little came, for a counter that has no rate of its own yet."""
    still, found = moves.still, list[Still]()
    i, n = 0, len(still)
    while i < n:
        if not still[i]:
            i += 1
            continue
        end = i + int(np.argmin(still[i:])) if not still[i:].all() else n
        one = _judged(moves, i, end, cadence_ms, share, short)
        if one:
            found.append(one)
        i = end
    return found


def _judged(
    moves: Moves, first: int, end: int, cadence_ms: int, share: Share, short: Callable[[int], bool]
) -> Still | None:
    """The run of snapshots [first, end), each of which is judged by what came before it only."""
    since = int(moves.at_ms[max(first - 1, 0)])
    low = max(first - BEFORE, 1)
    begin = int(moves.at_ms[low - 1])
    for j in range(first, end):
        now = int(moves.at_ms[j])
        if j - first + 1 < LEAST_STILL or now - since < LEAST_STILL * cadence_ms:
            continue
        due = _events(moves, low, first, cadence_ms) * (now - since) / cadence_ms
        told = short(now) if due == 0 else due * share(begin, since, now) >= SURE
        if told:
            over = int(moves.at_ms[end]) if end < len(moves.at_ms) else None
            made_up = over is not None and _made_up(moves, low, first, end, share)
            return Still(since, now, over, end - first, made_up)
    return None


def _events(moves: Moves, low: int, first: int, cadence_ms: int) -> float:
    """A floor of the events that a cadence brought over snapshots [low, first); 0 unknown."""
    gaps = np.diff(moves.at_ms[max(low - 1, 0) : first]) / cadence_ms
    best = 0.0
    for m, metric in enumerate(METRICS):
        gained = moves.gained[low:first, m]
        known = ~np.isnan(gained)
        money = metric in MONEY
        if metric == "refunds" or known.sum() < (FEW_OF_MONEY if money else FEW):
            continue
        each = gained[known] / gaps[known]
        mean, spread = float(each.mean()), float(each.var(ddof=1))
        steady = mean * mean / spread if spread > 0 else np.inf
        lately = float(each[-FEW:].mean())
        if mean <= 0:
            continue
        events = (
            min(steady, MONEY_CAP) * min(lately / mean, 1) if money else min(steady, mean, lately)
        )
        best = max(best, events)
    return best


def _made_up(moves: Moves, low: int, first: int, end: int, share: Share) -> bool:
    """Whether the move that ended the run brought most of what was due since it began."""
    at = moves.at_ms
    for m in range(len(METRICS)):
        before, came = moves.gained[low:first, m], moves.gained[end, m]
        if np.isnan(before).any() or np.isnan(came) or before.sum() <= 0:
            continue
        begin, since, over = int(at[low - 1]), int(at[first - 1]), int(at[end])
        rate = before.sum() / (since - begin)
        return bool(came >= MADE_UP * rate * (over - since) * share(begin, since, over))
    return False


@dataclass(frozen=True)
class Span:
    """Instants between which something holds; `over_ms` None: as far as the snapshots go."""

    since_ms: int
    due_ms: int
    over_ms: int | None
    amount: float


def taken_back(
    moves: Moves, metric: str, least: float, within_ms: int, leave: set[int]
) -> list[Span]:
    """Spans in which at least the share `least` of a metric was taken back within `within_ms`.

    `leave`: instants whose falls are told otherwise.
    """
    m = METRICS.index(metric)
    fell = np.where(np.isin(moves.at_ms, sorted(leave)), 0.0, moves.fell[:, m])
    total = np.cumsum(np.nan_to_num(moves.gained[:, m]) - moves.fell[:, m])
    found: list[Span] = []
    begun: int | None = None
    times = moves.at_ms
    for i, at in enumerate(times.tolist()):
        low = int(np.searchsorted(times, at - within_ms, side="right"))
        back = float(fell[low : i + 1].sum())
        holds = back > 0 and back >= least * max(float(total[i]) + back, 0.01)
        if holds and begun is None:
            begun = i
            first = low + int(np.flatnonzero(fell[low : i + 1])[0])
            found.append(Span(int(times[first]), at, None, back))
        elif begun is not None:
            one = found[-1]
            since = int(np.searchsorted(times, one.since_ms))
            amount = float(fell[since : i + 1].sum())
            found[-1] = Span(one.since_ms, one.due_ms, None if holds else at, amount)
            begun = begun if holds else None
    if begun is not None:
        one = found[-1]
        last = int(times[int(np.flatnonzero(fell)[-1])]) + within_ms
        found[-1] = Span(one.since_ms, one.due_ms, last, one.amount)
    return found
