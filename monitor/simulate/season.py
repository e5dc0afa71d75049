"""The simulated season: 9.9, 10.10 and 11.11 of 2026 in Malaysia, alike but not the same.

One cast of creators plays all three days. The noon and early-evening flash sales and the biggest
creator's evening show are at the same hours each time, so that the past can teach the plan; the
other shows move by a quarter of an hour, and the unplanned rooms are each day's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.simulate.cast import Creator, make_creators
from monitor.simulate.curve import Boost
from monitor.simulate.event import EventSpec, Incident
from monitor.simulate.rooms import LiveRoom

ZONE = ZoneInfo("Asia/Kuala_Lumpur")

PHASES = (
    ("midnight rush", 0, 120),
    ("daytime", 120, 1140),
    ("evening", 1140, 1380),
    ("last hour", 1380, 1440),
)


@dataclass(frozen=True)
class Sale:
    """What differs between the season's days. `shift_min` moves all shows but the first."""

    code: str
    campaign_id: str
    name: str
    start: datetime
    gmv_rm: int
    target_rm: int
    noon_factor: float
    payout_factor: float
    shift_min: int


SALES = (
    Sale(
        code="99",
        campaign_id="my-0909-2026",
        name="9.9 Super Sale",
        start=datetime(2026, 9, 9, tzinfo=ZONE),
        gmv_rm=1_450_000,
        target_rm=1_400_000,
        noon_factor=1.75,
        payout_factor=1.45,
        shift_min=-15,
    ),
    Sale(
        code="1010",
        campaign_id="my-1010-2026",
        name="10.10 Mega Sale",
        start=datetime(2026, 10, 10, tzinfo=ZONE),
        gmv_rm=1_820_000,
        target_rm=1_850_000,
        noon_factor=1.9,
        payout_factor=1.4,
        shift_min=15,
    ),
    Sale(
        code="1111",
        campaign_id="my-1111-2026",
        name="11.11 Mega Sale",
        start=datetime(2026, 11, 11, tzinfo=ZONE),
        gmv_rm=2_430_000,
        target_rm=2_400_000,
        noon_factor=1.8,
        payout_factor=1.5,
        shift_min=0,
    ),
)


def sale(code: str) -> Sale:
    """The sale called `99`, `1010` or `1111`."""
    for one in SALES:
        if one.code == code:
            return one
    raise ValueError(f"no sale {code!r}; known: {', '.join(one.code for one in SALES)}")


def mega_sale(
    code: str,
    creators: int | Sequence[Creator] = 60,
    seed: int = 1,
    incidents: Sequence[Incident] = (),
) -> EventSpec:
    """One day of the season, compared with the days before it."""
    chosen = sale(code)
    cast = make_creators(creators, seed) if isinstance(creators, int) else tuple(creators)
    return EventSpec(
        campaign_id=chosen.campaign_id,
        name=chosen.name,
        start=chosen.start,
        gmv_rm=chosen.gmv_rm,
        target_rm=chosen.target_rm,
        creators=cast,
        boosts=(
            Boost("noon flash sale", 12 * 60, 13 * 60, chosen.noon_factor),
            Boost("payout flash sale", 17 * 60, 17 * 60 + 30, chosen.payout_factor),
        ),
        shows=planned_shows(cast, chosen.shift_min),
        incidents=tuple(incidents),
        compare_with=tuple(s.campaign_id for s in SALES if s.start < chosen.start),
        seed=seed,
    )


def season(
    codes: Sequence[str] = ("99", "1010", "1111"), creators: int = 60, seed: int = 1
) -> tuple[EventSpec, ...]:
    """Several days with one cast, in order of time, compared only with days that are among them."""
    cast = make_creators(creators, seed)
    specs = sorted((mega_sale(code, cast, seed) for code in codes), key=lambda spec: spec.start)
    ids = {spec.campaign_id for spec in specs}
    return tuple(
        replace(spec, compare_with=tuple(i for i in spec.compare_with if i in ids))
        for spec in specs
    )


def planned_shows(creators: Sequence[Creator], shift_min: int) -> tuple[LiveRoom, ...]:
    """Shows of the biggest creators who go live. None begins or ends between 19:15 and 21:30."""
    stars = sorted((c for c in creators if c.goes_live), key=lambda c: (-c.size, c.id))[:4]
    times = (
        (0, 0, 90),
        (0, 19 * 60, 23 * 60),
        (1, 18 * 60 + 30 + shift_min, 22 * 60 + shift_min),
        (2, 11 * 60 + 45 + shift_min, 14 * 60 + shift_min),
        (3, 9 * 60 + 30 + shift_min, 11 * 60 + 15 + shift_min),
    )
    return tuple(
        LiveRoom(stars[star].id, start, end, planned=True)
        for star, start, end in times
        if star < len(stars)
    )
