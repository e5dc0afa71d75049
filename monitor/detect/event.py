"""One event as the detector sees it: what each member brought in each bucket, and what was planned.

A *member* is the finest key that the feed reports (one channel × category × creator, say). All
judging rests on members, because only like compared with like tells a broken channel from a live
room that closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Measure:
    """What a rule reads: `top`, or `top` for each unit of `per`.

    `mix_free`: a rate per unit of something observed, so that no room that opens or closes moves it.
    `weight`: variance of one event's amount relative to its mean squared, plus 1 (1 for a count).
    """

    name: str
    top: str
    per: str | None = None
    weight: float = 1.0

    @property
    def mix_free(self) -> bool:
        return self.per is not None


MEASURES = {
    m.name: m
    for m in (
        Measure("gmv", "gmv", weight=2.0),
        Measure("orders", "orders"),
        Measure("visitors", "visitors"),
        Measure("impressions", "impressions"),
        Measure("clicks", "clicks"),
        Measure("conversion", "orders", per="visitors"),
        Measure("aov", "gmv", per="orders", weight=1.0),
        Measure("ctr", "clicks", per="impressions"),
        Measure("ctor", "orders", per="clicks"),
        Measure("refund_rate", "refunds", per="gmv", weight=2.0),
    )
}


@dataclass(frozen=True)
class Planned:
    """Something planned, as half-open bucket numbers of its event; `scope` {} concerns everybody.

    Buckets may be negative or beyond the end: what was planned just outside still echoes inside.
    """

    name: str
    first: int
    end: int
    scope: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """`dims[d]`: (members,) values, "" unknown. `amounts[metric]`: (members, buckets) in units (RM,
    orders …), NaN unknown; a member read at a bucket's end that brought nothing is 0.
    `usable[metric]`: (buckets,) closed, read and not bridged: judged and learned from.
    `bucket_min`: minutes of a bucket. `minute`: local minute of the day at which bucket 0 begins;
    `weekday`: its weekday, Monday 0.
    """

    name: str
    dims: Mapping[str, tuple[str, ...]]
    amounts: Mapping[str, Floats]
    usable: Mapping[str, Bools]
    plans: tuple[Planned, ...] = ()
    bucket_min: float = 5.0
    minute: int = 0
    weekday: int = 0

    @property
    def members(self) -> int:
        return next(iter(self.amounts.values())).shape[0] if self.amounts else 0

    @property
    def buckets(self) -> int:
        return next(iter(self.amounts.values())).shape[1] if self.amounts else 0
