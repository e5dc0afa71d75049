"""Healthy days by the product's own simulator, as arrays: 9.9 and 10.10 are the past of 11.11."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.campaigns.words import METRICS, MONEY
from monitor.detect.event import Event, Planned
from monitor.evaluate.case import Day, Noise, Truth
from monitor.simulate import event as simulated
from monitor.simulate.season import season

CODES = ("99", "1010", "1111")
NAMES = ("gmv", "orders", "visitors", "impressions", "clicks", "refunds")


def day_and_pasts(seed: int) -> tuple[Day, tuple[Event, ...]]:
    """One season of 40–120 creators, with 0.4 to 3 times the demo's money."""
    rng = np.random.default_rng([seed, 9901])
    creators = int(rng.integers(40, 121))
    scale = float(np.exp(rng.uniform(np.log(0.4), np.log(3.0))))
    specs = season(CODES, creators, seed)
    *pasts, day = (healthy(replace(s, gmv_rm=round(s.gmv_rm * scale))) for s in specs)
    return day, tuple(past.event for past in pasts)


def healthy(spec: simulated.EventSpec) -> Day:
    """One simulated day; dimensions channel × category × creator_id."""
    built = simulated.simulate(spec)
    counts = built.counts()  # [step, key, metric], money in cents
    buckets = counts.shape[0]
    amounts = {
        name: counts[:, :, METRICS.index(name)].T / (100.0 if name in MONEY else 1.0)
        for name in NAMES
    }
    size = simulated.STEP_MIN
    plans = [Planned(b.name, b.start_min // size, -(-b.end_min // size)) for b in spec.boosts] + [
        Planned(
            "live show", s.start_min // size, -(-s.end_min // size), {"creator_id": s.creator_id}
        )
        for s in spec.shows
    ]
    dims = dict(zip(simulated.Key._fields, zip(*built.keys, strict=True), strict=True))
    event = Event(
        name=spec.campaign_id,
        dims=dims,
        amounts=amounts,
        usable={name: np.ones(buckets, bool) for name in NAMES},
        plans=tuple(plans),
        bucket_min=float(size),
        weekday=spec.start.weekday(),
    )
    visitors, conversion, cents = (
        np.stack(grid, axis=1) for grid in zip(*map(built.expected, range(buckets)), strict=True)
    )
    noise = Noise(np.arange(len(built.keys)), 1 / np.sqrt(built.gamma_shape), 0.0)
    cv = simulated.ORDER_VALUE_CV
    return Day(event, Truth(visitors, conversion, cents / 100, cv, (noise,)))
