"""Who sells in the second family: one cast, and the habits that its events have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.detect.event import Floats, Ints
from monitor.evaluate.airtime import Show
from monitor.evaluate.tides import KNOT_HOURS, FlashSale

CHANNELS = ("live", "short_video", "mall", "affiliate", "search")
LIVE = 0
CATEGORIES = (
    "skincare", "womenswear", "menswear", "phones", "kitchen", "groceries", "toys", "sports",
)  # fmt: skip
AOV_RM = np.array([52.0, 38.0, 44.0, 140.0, 61.0, 27.0, 48.0, 75.0])
CHANNEL_APPETITE = np.array([3.0, 1.6, 1.2, 0.8, 0.5])
STARS = 3
NEW_FACES, GONE = 0.10, 0.05
CONVERSION_KNOTS = 9  # every three hours
REST_OF_PASTS = 99  # an edition that never comes


@dataclass(frozen=True)
class World:
    """Members are creator × channel × category. `size`: (creators,) share of sales; `debut` and
    `gone`: (creators,) editions of which each is part, half-open. The bends are of log traffic at
    the knots of a day, (rows, knots).

    `peak`, `hours`, `power`: the midnight rush. `orders`: of a usual day. `unrest`:
    how noisy traffic is here, 1 being the noisiest worlds. `days`: of an event.
    """

    size: Floats
    debut: Ints
    gone: Ints
    rooms_a_day: Floats
    creator: Ints
    channel: Ints
    category: Ints
    split: Floats
    conversion: Floats
    aov: Floats
    ctr: Floats
    noise_sd: Floats
    bend: Floats
    channel_bend: Floats
    category_bend: Floats
    conversion_bend: Floats
    aov_bend: Floats
    shows: tuple[Show, ...]
    sales: tuple[FlashSale, ...]
    peak: float
    hours: float
    power: float
    orders: float
    value_cv: float
    unrest: float
    days: int


def make_world(rng: np.random.Generator, days: int, strong: bool, pasts: int) -> World:
    """A cast of 80–160 creators, a few of whom make a tenth of the money each."""
    creators = int(rng.integers(80, 161))
    size = rng.pareto(1.3, creators) + 0.05
    size = np.minimum(size, np.sort(size)[-STARS - 1])
    size /= size.sum()
    stars = rng.uniform(0.08, 0.15, STARS)
    size *= 1 - stars.sum()
    size[:STARS] = stars
    size /= size.sum()
    debut = np.where(rng.random(creators) < NEW_FACES, pasts, 0)
    gone = np.where(rng.random(creators) < GONE, pasts, REST_OF_PASTS)
    gone[debut > 0] = REST_OF_PASTS
    rows = [row for i in range(creators) for row in _members(i, rng)]
    creator, channel, category = (
        np.array(c, np.int64) for c in zip(*[r[:3] for r in rows], strict=True)
    )
    split = np.array([row[3] for row in rows])
    n = len(rows)
    live = np.unique(creator[channel == LIVE])
    rooms = np.zeros(creators)
    rooms[live] = rng.gamma(2.0, 0.6, len(live)) + 0.3
    style = rng.normal(0, 0.25, creators)
    chance = 0.031 * np.exp(style[creator] + rng.normal(0, 0.15, n))
    price = AOV_RM[category] * rng.lognormal(0, 0.3, creators)[creator] * rng.lognormal(0, 0.1, n)
    knots, unrest = len(KNOT_HOURS), float(rng.uniform(0.25, 1.0))
    return World(
        size=size,
        debut=debut,
        gone=gone,
        rooms_a_day=rooms,
        creator=creator,
        channel=channel,
        category=category,
        split=split,
        conversion=np.clip(chance, 0.008, 0.12),
        aov=price,
        ctr=rng.uniform(0.02, 0.09, n),
        noise_sd=unrest
        * (rng.gamma(4.0, 0.03, creators)[creator] * rng.uniform(0.8, 1.2, n) + 0.02),
        bend=_ring(rng.normal(0, 0.12, (1, knots))),
        channel_bend=_ring(rng.normal(0, 0.10, (len(CHANNELS), knots))),
        category_bend=_ring(rng.normal(0, 0.10, (len(CATEGORIES), knots))),
        conversion_bend=rng.normal(0, 0.07, (1, CONVERSION_KNOTS)),
        aov_bend=rng.normal(0, 0.03, (1, CONVERSION_KNOTS)),
        shows=_shows(size, rooms, rng),
        sales=_sales(rng),
        peak=float(rng.uniform(6, 11) if strong else rng.uniform(3, 5)),
        hours=float(rng.uniform(0.35, 0.8)),
        power=float(rng.uniform(1.5, 2.3)),
        orders=float(np.exp(rng.uniform(np.log(40e3), np.log(200e3))) * (1 if strong else 0.5)),
        value_cv=float(rng.uniform(0.6, 1.1)),
        unrest=unrest,
        days=days,
    )


def _members(creator: int, rng: np.random.Generator) -> list[tuple[int, int, int, float]]:
    """A creator's members: one to four channels, in one or two categories, and each one's share."""
    count = int(rng.choice([1, 2, 3, 4], p=[0.2, 0.35, 0.3, 0.15]))
    weights = CHANNEL_APPETITE / CHANNEL_APPETITE.sum()
    channels = rng.choice(len(CHANNELS), count, replace=False, p=weights)
    home = int(rng.integers(len(CATEGORIES)))
    second = int(rng.integers(len(CATEGORIES)))
    second_share = float(rng.uniform(0.1, 0.4)) if rng.random() < 0.4 and second != home else 0.0
    shares = rng.dirichlet(1.5 * CHANNEL_APPETITE[channels])
    rows = []
    for channel, share in zip(channels, shares, strict=True):
        rows.append((creator, int(channel), home, float(share * (1 - second_share))))
        if second_share:
            rows.append((creator, int(channel), second, float(share * second_share)))
    return rows


def _shows(size: Floats, rooms: Floats, rng: np.random.Generator) -> tuple[Show, ...]:
    """Planned shows of the five biggest who go live; the biggest has two."""
    hosts = [int(i) for i in np.argsort(-size) if rooms[i] > 0][:5]
    shows = [
        Show(host, int(rng.choice([9, 11, 13, 15, 19, 20])) * 60, int(rng.integers(90, 210)))
        for host in hosts
    ]
    if hosts:
        shows.append(Show(hosts[0], 0, int(rng.integers(60, 120))))
    return tuple(shows)


def _sales(rng: np.random.Generator) -> tuple[FlashSale, ...]:
    """One to three planned flash sales at hours of their own, some in one category alone."""
    hours = rng.choice([9, 10, 12, 15, 17, 18, 20, 21], int(rng.integers(1, 4)), replace=False)
    sales = []
    for i, hour in enumerate(sorted(int(h) for h in hours)):
        scope = (
            (("category", CATEGORIES[int(rng.integers(len(CATEGORIES)))]),)
            if rng.random() < 0.3
            else ()
        )
        start = hour * 60
        sales.append(
            FlashSale(
                name=f"flash sale {i + 1}",
                start_min=start,
                end_min=start + int(rng.choice([30, 60, 120])),
                factor=float(rng.uniform(1.3, 2.5)),
                tired=float(rng.uniform(0.05, 0.25)),
                rest_min=float(rng.uniform(15, 45)),
                scope=scope,
            )
        )
    return tuple(sales)


def _ring(bend: Floats) -> Floats:
    """A day ends where the next begins."""
    bend[:, -1] = bend[:, 0]
    return bend
