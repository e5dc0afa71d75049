"""Observed against expected, bucket by bucket: the seam of detection, one call from the tick.

expected(t) = the event's shape × today's level, where the level is learned from the closed buckets
before t only. The level follows slow over- and under-performance (an exponentially weighted mean of
log(observed ÷ shape), steps down clipped) and stands still while a dip is on, so that a dip is not
swallowed. The band holds counting noise, the disagreement of earlier events and today's own spread.

A bucket is in breach when the last 1, 2, 3, 6 or 12 buckets together fall short by more than
BREACH standard deviations and by LEAST_FALL, and the bucket itself is low too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.detect.shape import Bools, Floats, Shape

WINDOWS = np.array([1, 2, 3, 6, 12])
BUCKETS_AN_HOUR = 12.0  # at the default bucket; the gate need not be finer
BREACH = 3.5
STRONG = 5.0
CLEAR = 1.5
LEAST_FALL = 0.15
GAIN = 0.15
DRIFT = 0.01  # how much an event's level wanders in a bucket, relative
SUSPECT = 2.0
STEP_DOWN, STEP_UP = 1.5, 2.5  # clips of one bucket's pull on the level, in σ
QUIET = 4  # buckets at the start of an event that are learned from, not judged
PRIOR_WEIGHT = 2.0  # buckets that the prior of the level counts for
TELLING = 0.5  # relative standard deviation up to which a bucket counts in full
SPREAD_GAIN = 0.05
ENOUGH = 27.0  # expected orders in an hour below which not even a halving can be seen
ORDER_NOISE = 2.0  # the noise of money that ENOUGH is meant for; noisier counts need more
HOLD_AFTER, CLEAR_AFTER = 2, 3  # buckets until the level stands still, and moves again

NORMAL, BAND, BREACHED, OPEN, BRIDGED, INCOMPLETE, TOO_LITTLE = range(7)
STATES = ("normal", "band", "breach", "open", "bridged", "incomplete", "too_little")


@dataclass(frozen=True)
class Today:
    """What is known of the running event. All arrays are (rows, buckets) unless said; a row is one
    metric of one scope, and rows do not influence each other.

    `observed`: NaN unknown. `closed`, `read`, `bridged`: see `ingest.closing`. `covered`: share
    (0..1) of the usual volume whose keys were read at the bucket's end. `counted`: events per unit of
    `observed` as known before the bucket (orders per RM for GMV, 1 for counts), NaN unknown.
    `noise`: (rows,) variance of one event's amount relative to its mean squared, plus 1.
    `changes`: (buckets,) True for 45 min after a planned change. `prior`: (rows,) level to start
    from, as the total that the whole event would reach; NaN unknown.
    """

    observed: Floats
    closed: Bools
    read: Bools
    bridged: Bools
    covered: Floats
    counted: Floats
    noise: Floats
    changes: Bools
    prior: Floats

    def same_before(self, other: Today, buckets: int) -> bool:
        """Whether the first `buckets` buckets are the same in both, so that a verdict stands."""
        ours, theirs = self._before(buckets), other._before(buckets)
        return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(ours, theirs, strict=True))

    def _before(self, buckets: int) -> list[np.ndarray]:
        grids = (self.observed, self.covered, self.counted)
        marks = (self.closed, self.read, self.bridged)
        return [
            *(grid[:, :buckets] for grid in grids),
            *(mark[:, :buckets].astype(float) for mark in marks),
            self.changes[:buckets].astype(float),
            self.noise,
            self.prior,
        ]


@dataclass
class Progress:
    """How far the filter has come: everything `judge` carries from one bucket to the next."""

    bucket: int
    level: Floats  # log of the total that the event tends to
    weight: Floats  # buckets learned from, the prior's included
    spread: Floats  # today's own variance in multiples of the model's
    in_row: np.ndarray
    clear_row: np.ndarray
    held: Bools
    epoch: np.ndarray  # first bucket that windows may reach back to: never into a dip that was told

    def copy(self) -> Progress:
        return Progress(
            self.bucket,
            self.level.copy(),
            self.weight.copy(),
            self.spread.copy(),
            self.in_row.copy(),
            self.clear_row.copy(),
            self.held.copy(),
            self.epoch.copy(),
        )


@dataclass(frozen=True)
class Judged:
    """Per row and bucket. `expected`, `low`, `high` are NaN without any history.

    `sigma`: standard deviation of one bucket relative to what is expected. `strong`: so low that it
    is critical at once. `level`: (rows,) total that the event tends to. `sums`: running sums over
    the buckets of shortfall, expected, counting variance, model error.
    """

    expected: Floats
    low: Floats
    high: Floats
    sigma: Floats
    state: np.ndarray  # uint8, index into STATES
    strong: Bools
    level: Floats
    sums: Floats  # (4, rows, buckets + 1)
    progress: Progress

    def rows(self, part: slice) -> Judged:
        """The verdicts of some rows alone."""
        return Judged(
            self.expected[part], self.low[part], self.high[part], self.sigma[part], self.state[part],
            self.strong[part], self.level[part], self.sums[:, part], self.progress,
        )  # fmt: skip


def judge(today: Today, shape: Shape, earlier: tuple[Today, Judged] | None = None) -> Judged:
    """Judge every bucket in order, each only by what was known before it.

    `earlier`: the last call's input and result for the same shape. Buckets that are the same as
    then keep their verdict; the result is the one that a call without it gives.
    """
    rows, buckets = today.observed.shape
    last = int(np.flatnonzero(today.closed.any(axis=0)).max(initial=-1)) + 1
    if earlier and earlier[0].same_before(today, earlier[1].progress.bucket):
        before = earlier[1]
        expected, sigma = before.expected.copy(), before.sigma.copy()
        state, strong = before.state.copy(), before.strong.copy()
        sums, now = before.sums.copy(), before.progress.copy()
    else:
        expected = np.full((rows, buckets), np.nan)
        sigma = np.full((rows, buckets), np.nan)
        state = np.full((rows, buckets), OPEN, np.uint8)
        strong = np.zeros((rows, buckets), bool)
        sums = np.zeros((4, rows, buckets + 1))
        with np.errstate(all="ignore"):
            level = np.log(today.prior)
        now = Progress(
            0, level, np.where(np.isfinite(level), PRIOR_WEIGHT, 0.0), np.ones(rows),
            np.zeros(rows, int), np.zeros(rows, int), np.zeros(rows, bool), np.zeros(rows, int),
        )  # fmt: skip
    with np.errstate(all="ignore"):
        for b in range(now.bucket, last):
            _judge_bucket(b, today, shape, now, expected, sigma, state, strong, sums)
        now.bucket = last
        ahead = slice(last, None)
        mean = np.exp(now.level)[:, None] * shape.share[:, ahead]
        counting = today.noise[:, None] / np.maximum(mean * today.counted[:, ahead], 1e-9)
        counting[np.isnan(counting)] = 0.0
        error = shape.error[:, ahead] * np.where(today.changes[ahead], 2.0, 1.0)
        expected[:, ahead] = mean
        sigma[:, ahead] = np.sqrt((counting + error**2) * now.spread[:, None])
        state[:, ahead] = OPEN
        low = expected * np.maximum(1.0 - BREACH * sigma, 0.0)
        high = expected * (1.0 + BREACH * sigma)
    return Judged(expected, low, high, sigma, state, strong, np.exp(now.level), sums, now)


def _judge_bucket(
    b: int,
    today: Today,
    shape: Shape,
    now: Progress,
    expected: Floats,
    sigma_of: Floats,
    state: np.ndarray,
    strong: Bools,
    sums: Floats,
) -> None:
    """One closed bucket of all rows: expect, compare, learn. Writes column b of the arrays."""
    observed, covered, share = today.observed[:, b], today.covered[:, b], shape.share[:, b]
    closed, bridged = today.closed[:, b], today.bridged[:, b]
    unknown = np.isnan(observed)
    first = np.log(observed / np.maximum(share * covered, 1e-12))
    now.level = np.where(np.isfinite(now.level) | unknown | (observed <= 0), now.level, first)
    mean = np.exp(now.level) * share
    events = mean * today.counted[:, b]
    counting = today.noise / np.maximum(events * covered, 1e-9)
    counting = np.where(np.isnan(counting), 0.0, counting)
    error = shape.error[:, b] * (2.0 if today.changes[b] else 1.0)
    variance = (counting + error**2) * now.spread
    sigma = np.sqrt(variance)
    due = mean * np.where(closed & today.read[:, b], covered, 1.0)
    expected[:, b], sigma_of[:, b] = due, sigma

    incomplete = closed & (~today.read[:, b] | (covered < 0.9) | unknown)
    whole = closed & ~incomplete & ~bridged
    usable = whole & (mean > 0)
    state[:, b] = np.select(
        [~closed, incomplete, bridged, ~usable], [OPEN, INCOMPLETE, BRIDGED, TOO_LITTLE], NORMAL
    )
    gap = np.where(usable, observed - due, 0.0)
    due = np.where(usable, due, 0.0)
    model = np.where(usable, due * error * np.sqrt(now.spread), 0.0)
    noise = np.where(usable, due**2 * counting * now.spread, 0.0)
    sums[:, :, b + 1] = sums[:, :, b] + np.stack([gap, due, noise, model])
    off = np.where(usable, gap / np.maximum(due, 1e-12), 0.0)
    z = np.where(usable, off / sigma, 0.0)

    deepest = _deepest(sums, b, now.epoch)
    breach = usable & (deepest <= -BREACH) & (z <= -1.0)
    clear = usable & ~breach & (z > -CLEAR)
    enough = np.isnan(events) | (events * BUCKETS_AN_HOUR >= ENOUGH * today.noise / ORDER_NOISE)
    judged = usable & enough & (b >= QUIET)
    state[usable & ~judged, b] = TOO_LITTLE
    state[judged & breach, b] = BREACHED
    state[judged & ~breach & ~clear, b] = BAND
    strong[:, b] = judged & breach & (z <= -STRONG) & (off <= -0.5)

    now.in_row = np.where(judged & breach, now.in_row + 1, np.where(usable, 0, now.in_row))
    now.clear_row = np.where(clear, now.clear_row + 1, np.where(usable, 0, now.clear_row))
    now.held = (now.held | (now.in_row >= HOLD_AFTER)) & (now.clear_row < CLEAR_AFTER)
    now.epoch = np.where(now.held, b, now.epoch)
    learns = usable & ~(judged & breach) & (not shape.unknown_boost[b])
    young = now.weight < QUIET + PRIOR_WEIGHT  # the start of an event corrects the prior freely
    step = np.clip(off, np.maximum(-STEP_DOWN * sigma, -0.9), STEP_UP * sigma)
    step = np.where(young, np.clip(off, -0.9, 9.0), step)
    telling = np.minimum((TELLING / sigma) ** 2, 1.0)  # a bucket of two orders teaches little
    steady = np.clip(DRIFT / sigma, 0.0, GAIN)  # the noisier a bucket, the less it may pull
    gain = np.maximum(steady, telling / (now.weight + 1.0))
    # Under suspicion the level all but waits, in a dip it stands still; yet a little short is no
    # dip any more, or an event that comes back a little lower would never be called recovered.
    suspect = deepest <= -SUSPECT
    gain = np.where(now.held & suspect, 0.0, np.where(now.held | suspect, gain * 0.3, gain))
    surprise = np.minimum(off**2 * now.spread / np.maximum(variance, 1e-12), 9.0 * now.spread)
    grown = np.clip(now.spread + SPREAD_GAIN * (surprise - now.spread), 1.0, 9.0)
    now.level = np.where(learns, now.level + gain * np.log1p(step), now.level)
    now.spread = np.where(learns & ~young, grown, now.spread)
    now.weight = np.where(usable, now.weight + telling, now.weight)


def _deepest(sums: Floats, b: int, epoch: np.ndarray) -> Floats:
    """The most telling window that ends with bucket b: its z, 0 where it falls too little.

    A row that is in a dip looks at two buckets only, and afterwards never back into the dip: the
    evidence that opened an alert must not keep it open.
    """
    starts = np.maximum(np.maximum(b + 1 - WINDOWS, 0)[None, :], np.minimum(epoch, b)[:, None])
    before = np.take_along_axis(sums, np.broadcast_to(starts, (4, *starts.shape)), axis=2)
    gap, due, noise, model = sums[:, :, b + 1, None] - before
    sigma = np.sqrt(noise + model**2)
    z = np.where((due > 0) & (gap <= -LEAST_FALL * due), gap / sigma, 0.0)
    return np.asarray(np.minimum(z, 0.0).min(axis=1))
