"""Dips of plain numbers with a daily rhythm: no event, no members, no counts behind them.

Method ("event pace", `docs/detection.md`, without an event): expected = the usual course of the day
× how the series runs now. The usual course is the median of the last days, and of the last same
weekdays; the level is learned at two speeds from before the window that is judged, downward and
upward steps clipped, and stands still while a dip is on. Of the four expectations the lowest
counts: a fall has to be one against all of them, so that neither the end of a high hour nor a
Saturday is one.

How much a fall means is learned from the series itself: a band by hour of the day (the median of
past deviations there), and on top the largest deviations of the last weeks that came to nothing.
A drop that never came back was a change, not a dip: what looked like it before is held against the
next one, so a series that steps down every week is soon left alone. A dip that was told and ended
is not counted as usual.

Causal: a bucket's verdict needs the buckets up to it. All series go through the day together;
they do not influence each other. Gaps are NaN.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WINDOWS = np.array([1, 2, 3, 6, 12])  # buckets that are summed before they are compared
HOURS = 24
WEEK = 7
LONGEST = int(WINDOWS.max())
RELATIVE_MAD = 1.4826  # median of |x| → standard deviation, if x were normal
FIRST_NOISE = 0.05  # relative noise of a bucket before any was seen
FIRST_BAND = 0.1  # band where no past day says anything
SLOW_CLIP = 0.3  # one bucket's pull on the slow level, relative
NOISE_GAIN = 0.01  # of the running mean of |deviation| that clips the fast level
LEAST_NOISE = 0.01
BEFORE = 3  # buckets that the level goes back when a dip is told: it has learned from the dip
LEAST_DAYS = 3  # whole days before anything is judged
LEAST_WEEKS = 2  # same weekdays that make a shape
SMOOTH_RECENT, SMOOTH_WEEKLY = 5, 7  # buckets in the centred mean of a shape
EDGE = 0.8  # of the smoothed course, below which the bucket itself is believed
TYPICAL_DAYS = 14  # days whose median level says what is small
AROUND_HOURS = 1  # hours on either side that share a band


@dataclass(frozen=True)
class Tuning:
    """The thresholds. Rates are per bucket and meant for 5 minutes, falls are shares of expected."""

    shape_days: int = 10  # days in the median of the recent shape
    shape_weeks: int = 4  # same weekdays in the median of the weekly shape
    gain: float = 0.05  # of the fast level: forgets in an hour and a half
    slow_gain: float = 1 / 200  # of the slow level: forgets in most of a day
    clip: float = 2.0  # one bucket's pull on the fast level, in noise
    band_days: int = 10  # days whose deviations make the band
    least_band: float = 0.02  # nothing is steadier than this
    least_fall: float = 0.35  # shallower dips are not told
    least_size: float = 0.1  # expected, as a share of the usual level, below which none is judged
    breach: float = 3.0  # bands that a fall has to reach
    margin: float = 1.3  # × the deviations that came to nothing
    usual_share: float = 0.9  # of the days stay below what counts as the largest usual deviation
    never_usual: float = 0.8  # falls of this share are told whatever came to nothing before
    memory_days: int = 42  # how long usual deviations and steps are remembered
    floor: float = 0.02  # of expected: deeper falls are not told apart
    relax: float = 0.5  # × least_fall: where a bucket is low in itself, and where a dip is over
    open_after: int = 2  # buckets in breach
    close_after: int = 3  # buckets that are well again
    accept_after: int = 288  # buckets after which a drop has become the level


TUNING = Tuning()


@dataclass(frozen=True)
class Shapes:
    """`course`: (2, buckets, series), the recent and the weekly course of the day in multiples of a
    day's median; NaN before there are days to learn from. `typical`: (buckets, series), the median
    level of the days before."""

    course: Floats
    typical: Floats


@dataclass(frozen=True)
class Verdicts:
    """All (series, buckets). `opened`: True in the one bucket whose end tells a dip. `firing`: from
    there until it is over. `expected`: NaN where nothing is known; while firing, as if it were not."""

    expected: Floats
    opened: Bools
    firing: Bools


def judge(values: Floats, per_day: int, tuning: Tuning = TUNING) -> Verdicts:
    """Judge every bucket of `values` (series, buckets) in order.

    `per_day`: buckets of a day, a multiple of 24 and at least 24; the first bucket may be any time of
    day. Raises ValueError for another `per_day` and for values of another rank.
    """
    if per_day < HOURS or per_day % HOURS:
        raise ValueError(f"{per_day} buckets a day do not make whole hours")
    if values.ndim != 2:
        raise ValueError(f"values have {values.ndim} axes, not series × buckets")
    series, buckets = values.shape
    whole = -(-buckets // per_day) * per_day
    padded = np.full((whole, series), np.nan)
    padded[:buckets] = values.T
    with np.errstate(all="ignore"):
        shapes = learn(padded, per_day, tuning)
        walk = _Walk(padded, shapes, per_day, tuning)
        for bucket in range(buckets):
            walk.step(bucket)
    return Verdicts(
        walk.expected[:buckets].T.copy(),
        walk.opened[:buckets].T.copy(),
        walk.firing[:buckets].T.copy(),
    )


def learn(values: Floats, per_day: int, tuning: Tuning = TUNING) -> Shapes:
    """The shapes of every day of `values` (whole days of buckets, series), each from days before it."""
    days, series = len(values) // per_day, values.shape[1]
    by_day = values.reshape(days, per_day, series)
    level = quantile(by_day.swapaxes(0, 1), 0.5)
    relative = by_day / np.where(level > 0, level, np.nan)[:, None]
    course = np.full((2, days, per_day, series), np.nan)
    typical = np.full((days, 1, series), np.nan)
    for day in range(1, days):
        typical[day] = quantile(level[max(0, day - TYPICAL_DAYS) : day], 0.5)
        recent = relative[max(0, day - tuning.shape_days) : day]
        course[0, day] = _course(recent, LEAST_DAYS, SMOOTH_RECENT)
        same = relative[day - WEEK :: -WEEK][: tuning.shape_weeks] if day >= WEEK else recent[:0]
        course[1, day] = _course(same, LEAST_WEEKS, SMOOTH_WEEKLY)
    course[1] = np.where(course[1] > 0, course[1], course[0])
    return Shapes(
        course.reshape(2, days * per_day, series),
        np.broadcast_to(typical, by_day.shape).reshape(days * per_day, series),
    )


def quantile(values: Floats, share: float) -> Floats:
    """A quantile over the first axis, NaN left out and in their stead where there is nothing else.

    The nearest rank, so that it is one sort: `nanquantile` walks the columns one by one.
    """
    ordered = np.sort(values, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    rank = np.floor(share * (count - 1) + 0.5).astype(int).clip(0)
    result: Floats = np.take_along_axis(ordered, rank[None], axis=0)[0]
    return result


def _course(days: Floats, least: int, smooth: int) -> Floats:
    """The median of days (days, buckets, series), smoothed around the clock."""
    if len(days) < least:
        return np.full(days.shape[1:], np.nan)
    middle = quantile(days, 0.5)
    middle[np.isfinite(days).sum(axis=0) < least] = np.nan
    half = smooth // 2
    turned = np.stack([np.roll(middle, step, axis=0) for step in range(-half, half + 1)])
    mean = turned.mean(axis=0)
    cliff = middle < EDGE * mean  # smoothing would promise what is never there
    result: Floats = np.where(np.isnan(mean) | cliff, middle, mean)
    return result


class _Usual:
    """What past days were like: bands by hour, and deviations that came to nothing.

    Arrays are (series, windows), with hours or buckets of the running day in front.
    """

    def __init__(self, series: int, per_day: int, tuning: Tuning) -> None:
        self.tuning, self.per_day = tuning, per_day
        shape = (series, len(WINDOWS))
        self.deviation = np.full((per_day, *shape), np.nan)  # log of expected ÷ observed
        self.bands = np.zeros((per_day, *shape))  # the same in bands, where it could be told
        self.steps = np.zeros(shape)  # the running day's largest drop that became the level
        self.told = np.zeros(shape)  # how large the dip that is on was when it was told
        self.past_deviation: deque[Floats] = deque(maxlen=tuning.band_days)
        self.past_bands: deque[Floats] = deque(maxlen=tuning.memory_days)
        self.past_steps: deque[Floats] = deque(maxlen=tuning.memory_days)
        self.band = np.full((HOURS, *shape), FIRST_BAND)
        self.need = np.full(shape, tuning.breach)

    def end_day(self) -> None:
        """Learn from the running day and start another one."""
        hours = np.abs(self.deviation).reshape(HOURS, -1, *self.steps.shape)
        self.past_deviation.append(quantile(hours.swapaxes(0, 1), 0.5) * RELATIVE_MAD)
        self.past_bands.append(self.bands.max(axis=0))
        self.past_steps.append(self.steps)
        if len(self.past_deviation) >= LEAST_DAYS:
            days = np.stack(self.past_deviation)
            turns = range(-AROUND_HOURS, AROUND_HOURS + 1)
            middle = quantile(np.concatenate([np.roll(days, t, axis=1) for t in turns]), 0.5)
            self.band = np.where(np.isnan(middle), FIRST_BAND, middle)
            usual = np.quantile(np.stack(self.past_bands), self.tuning.usual_share, axis=0)
            usual = np.maximum(usual, np.stack(self.past_steps).max(axis=0))
            self.need = np.maximum(self.tuning.breach, self.tuning.margin * usual)
        self.deviation = np.full_like(self.deviation, np.nan)
        self.bands = np.zeros_like(self.bands)
        self.steps = np.zeros_like(self.steps)

    def tell(self, new: Bools, now: int) -> None:
        """A dip is told for the series `new`: its buckets, up to `now` of the day, are not usual."""
        onset = self.bands[max(0, now - self.tuning.open_after) : now + 1].max(axis=0)
        self.told = np.where(new[:, None], onset, self.told)
        self.bands[max(0, now + 1 - LONGEST) : now + 1, new] = 0.0
        self.deviation[max(0, now + 1 - LONGEST) : now + 1, new] = np.nan

    def accept(self, stayed: Bools) -> None:
        """The drop that was told for the series `stayed` was a change of level."""
        self.steps = np.where(stayed[:, None], np.maximum(self.steps, self.told), self.steps)


class _Walk:
    """The judge on its way through the buckets. Arrays end in series, or in series × windows."""

    def __init__(self, values: Floats, shapes: Shapes, per_day: int, tuning: Tuning) -> None:
        self.tuning, self.per_day = tuning, per_day
        buckets, series = values.shape
        known = np.isfinite(values) & np.isfinite(shapes.course).all(axis=0)
        known &= (shapes.course > 0).all(axis=0)
        self.values, self.course, self.typical, self.known = (
            values, shapes.course, shapes.typical, known,
        )  # fmt: skip
        self.observed_sum = _running(np.where(known, values, 0.0))
        self.course_sum = np.stack([_running(np.where(known, c, 0.0)) for c in shapes.course])
        self.level = np.full((2, 2, series), np.nan)  # shape × fast, slow
        self.past_level = np.full((LONGEST + 1, 2, 2, series), np.nan)  # at a bucket's start
        self.noise = np.full(series, FIRST_NOISE)
        self.usual = _Usual(series, per_day, tuning)
        self.on = np.zeros(series, bool)
        self.in_row, self.well_row = np.zeros(series, int), np.zeros(series, int)
        self.since = np.zeros(series, int)
        self.epoch = np.zeros(series, int)  # windows do not reach back into a dip that was told
        self.expected = np.full((buckets, series), np.nan)
        self.opened = np.zeros((buckets, series), bool)
        self.firing = np.zeros((buckets, series), bool)

    def step(self, t: int) -> None:
        """Judge bucket t, then learn from it."""
        tuning, usual, of_day = self.tuning, self.usual, t % self.per_day
        if t and of_day == 0:
            usual.end_day()
        self.past_level[t % len(self.past_level)] = self.level
        fall, due = self._falls(t)
        deviation = -np.log(np.clip(1.0 - fall, tuning.floor, None))
        hour = of_day * HOURS // self.per_day
        bands = deviation / np.maximum(usual.band[hour], tuning.least_band)
        large = due >= tuning.least_size * self.typical[t][:, None] * WINDOWS
        low = fall[:, 0] >= tuning.relax * tuning.least_fall
        need = np.where(fall >= tuning.never_usual, tuning.breach, usual.need)
        breach = large & (fall >= tuning.least_fall) & (bands >= need) & low[:, None]
        quiet = ~self.on[:, None]
        usual.bands[of_day] = np.where(quiet & large & (bands > 0), bands, 0.0)
        usual.deviation[of_day] = np.where(quiet, deviation, np.nan)

        otherwise = np.where(self.known[t], 0, self.in_row)
        self.in_row = np.where(breach.any(axis=1), self.in_row + 1, otherwise)
        new = ~self.on & (self.in_row >= tuning.open_after)
        ended = self._ended(t)
        if new.any():
            usual.tell(new, of_day)
            before = max(t + 1 - BEFORE, 0) % len(self.past_level)
            self.level = np.where(new, self.past_level[before], self.level)
            self.since[new] = t
        self.on = (self.on | new) & ~ended
        self.epoch[new | ended] = t + 1
        self.in_row[ended], self.well_row[ended] = 0, 0
        self.opened[t], self.firing[t] = new, self.on
        self._learn(t)

    def _falls(self, t: int) -> tuple[Floats, Floats]:
        """Fall (share, NaN unknown) and what was due, per (series, window). Writes what t expects."""
        first = np.maximum(t + 1 - WINDOWS, 0)
        start = np.maximum(first, self.epoch[:, None])
        rows = np.arange(len(start))[:, None]
        level = np.fmin.reduce(self.past_level[first % len(self.past_level)], axis=2)
        course = self.course_sum[:, t + 1][:, :, None] - self.course_sum[:, start, rows]
        due = np.fmin.reduce(level.transpose(1, 2, 0) * course, axis=0)
        observed = self.observed_sum[t + 1][:, None] - self.observed_sum[start, rows]
        full = (t + 1 - start >= WINDOWS) & self.known[t][:, None]
        now = np.fmin.reduce((self.level * self.course[:, None, t]).reshape(4, -1), axis=0)
        self.expected[t] = now
        return np.where(full, 1.0 - observed / due, np.nan), due

    def _ended(self, t: int) -> Bools:
        """Which of the dips that are on are over with bucket t."""
        if not self.on.any():
            return np.zeros_like(self.on)
        tuning = self.tuning
        still_low = 1.0 - self.values[t] / self.expected[t] > tuning.relax * tuning.least_fall
        well = self.on & self.known[t] & ~still_low
        self.well_row = np.where(well, self.well_row + 1, 0)
        stayed = self.on & (t - self.since >= tuning.accept_after)
        if stayed.any():
            self.usual.accept(stayed)
            self.level = np.where(stayed, np.nan, self.level)
        return stayed | (self.on & (self.well_row >= tuning.close_after))

    def _learn(self, t: int) -> None:
        """Follow bucket t with the levels of the series that are well."""
        tuning = self.tuning
        use = self.known[t] & ~self.on
        ratio = np.maximum(self.values[t], 0.0) / self.course[:, t]
        fast, slow = self.level[:, 0], self.level[:, 1]
        none = ~(fast > 0), ~(slow > 0)  # after a stretch of nothing the next bucket is the level
        away = np.where(none[0], 0.0, ratio / fast - 1.0)
        most = tuning.clip * np.maximum(self.noise, LEAST_NOISE)
        fast = np.where(none[0], ratio, fast * (1 + tuning.gain * np.clip(away, -most, most)))
        pull = np.clip(ratio / slow - 1.0, -SLOW_CLIP, SLOW_CLIP)
        slow = np.where(none[1], ratio, slow * (1 + tuning.slow_gain * pull))
        self.level = np.where(use, np.stack([fast, slow], axis=1), self.level)
        seen = np.minimum(1.25 * np.abs(away[0]), 4 * self.noise)  # 1.25: mean |x| → σ
        noise = np.maximum(self.noise + NOISE_GAIN * (seen - self.noise), LEAST_NOISE / 2)
        self.noise = np.where(use, noise, self.noise)


def _running(values: Floats) -> Floats:
    """Sums of the first 0, 1, … rows."""
    zero = np.zeros((1, values.shape[1]))
    return np.concatenate([zero, np.cumsum(values, axis=0)])
