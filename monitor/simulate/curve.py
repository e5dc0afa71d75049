"""The shape of a sale day, minute by minute of campaign-local time, as multipliers of traffic.

Strong at midnight and gone within two hours, nearly nothing between 3 and 6, a lunch peak, a long
evening, and a last-hour rush: the shape of the recorded year-end sale in South-East Asia. Two days
of one kind are alike but never equal, so every day bends the common curve by its own slow wobble.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.simulate.cast import CATEGORIES, CHANNELS

Floats = NDArray[np.float64]

DAY_MIN = 1440
MINUTES: Floats = np.arange(DAY_MIN, dtype=np.float64) + 0.5
HOURS: Floats = MINUTES / 60


@dataclass(frozen=True)
class Boost:
    """A planned flash sale for the whole campaign: `factor` on sales, then a tired half hour."""

    name: str
    start_min: int
    end_min: int
    factor: float
    after_dip: float = 0.15


def day_shape() -> Floats:
    """Traffic per minute on an average sale day, 1.0 being an ordinary busy hour."""
    h = HOURS
    shape = (
        0.55
        + 4.3 * np.exp(-h / 0.55)
        + 0.60 / (1 + np.exp(-(h - 8.5)))
        + 0.50 * np.exp(-(((h - 12.6) / 1.5) ** 2))
        + 1.05 * np.exp(-(((h - 21.2) / 1.7) ** 2))
        + 2.00 * np.exp(-(24 - h) / 0.40)
    )
    night: Floats = 1 - 0.72 * np.exp(-(((h - 4.5) / 1.5) ** 2))
    return shape * night


def channel_tilt() -> Floats:
    """How each channel leans away from the common shape, [channel, minute]. Live follows rooms."""
    h = HOURS
    tilt = np.ones((len(CHANNELS), DAY_MIN))
    tilt[CHANNELS.index("video")] = 1 - 0.12 * np.exp(-(((h - 21) / 2) ** 2))
    tilt[CHANNELS.index("product_card")] = 1 + 0.10 * np.exp(-(((h - 14) / 3) ** 2))
    tilt[CHANNELS.index("linkshare")] = 1 + 0.30 * np.exp(-(((h - 12.5) / 1.2) ** 2))
    return tilt


def conversion_shape() -> Floats:
    """Conversion by minute: carts filled before midnight are paid at once, the night browses."""
    return 1 + 0.18 * np.exp(-HOURS / 0.7) - 0.08 * np.exp(-(((HOURS - 4.5) / 1.5) ** 2))


def aov_shape() -> Floats:
    """Order value by minute: the planned purchases at midnight are the large ones."""
    return 1 + 0.08 * np.exp(-HOURS / 1.0)


def boost_curve(boosts: Sequence[Boost]) -> Floats:
    """The factor on sales per minute of planned boosts: spike, plateau, then the after-effect."""
    minute, curve = MINUTES, np.ones(DAY_MIN)
    for boost in boosts:
        since = minute - boost.start_min
        inside = (since > 0) & (minute < boost.end_min)
        lift = (boost.factor - 1) * (0.85 + 0.45 * np.exp(-since / 8))
        curve[inside] *= 1 + lift[inside]
        after = minute > boost.end_min
        curve[after] *= 1 - boost.after_dip * np.exp(-(minute[after] - boost.end_min) / 25)
    return curve


def wobbles(rng: np.random.Generator, sd: float = 0.045) -> tuple[Floats, Floats]:
    """How this day disagrees with the common curve: [channel, minute] and [category, minute]."""
    day = _wobble(rng, 1, sd)
    channel = day * _wobble(rng, len(CHANNELS), 0.7 * sd)
    return channel, _wobble(rng, len(CATEGORIES), sd)


def _wobble(rng: np.random.Generator, rows: int, sd: float) -> Floats:
    """Slow multiplicative noise: normal knots every two hours, joined by half cosines."""
    knots = rng.normal(0.0, sd, (rows, 13))
    place = MINUTES / 120
    left = place.astype(int)
    ease = (1 - np.cos(np.pi * (place - left))) / 2
    wobble: Floats = np.exp(knots[:, left] * (1 - ease) + knots[:, left + 1] * ease)
    return wobble
