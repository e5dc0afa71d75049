"""A small hand-built published picture: an 11.11 in Malaysia at 21:14 local time, with one dip.

Every figure that the page tests expect on screen is written here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from monitor.picture import (
    BOARD_SCHEMA,
    SERIES_SCHEMA,
    Board,
    CampaignPicture,
    FeedPicture,
    Member,
    Pace,
    Picture,
)
from monitor.settings import Campaign, Plan, Window

START = datetime(2026, 11, 10, 16, 0, tzinfo=UTC)  # midnight in Kuala Lumpur
END = START + timedelta(days=1)
NOW = START + timedelta(hours=21, minutes=14, seconds=40)
WATERMARK = START + timedelta(hours=21, minutes=10)
AS_OF = START + timedelta(hours=21, minutes=14)
BUCKET = timedelta(minutes=5)

CAMPAIGN = Campaign(
    id="my-1111-2026",
    name="11.11 Mega Sale",
    kind="double_digit",
    market="MY",
    start=START,
    end=END,
    targets={"gmv": 2_400_000},
    phase=(
        Window(name="midnight rush", start=START, end=START + timedelta(hours=2)),
        Window(name="last call", start=START + timedelta(hours=22), end=END),
    ),
    plan=(
        Plan(
            name="flash sale",
            start=START + timedelta(hours=12),
            end=START + timedelta(hours=13),
        ),
        Plan(
            name="live show",
            scope={"creator_id": "c0003"},
            start=START + timedelta(hours=19, minutes=30),
            end=START + timedelta(hours=22),
        ),
    ),
)
NEXT = Campaign(
    id="my-1212-2026",
    name="12.12 Birthday Sale",
    kind="double_digit",
    market="MY",
    start=START + timedelta(days=31),
    end=END + timedelta(days=31),
)

TOTALS: Mapping[str, float | None] = {
    "gmv": 1_843_210.55,
    "orders": 48_112.0,
    "items_sold": 71_020.0,
    "visitors": 1_203_400.0,
    "impressions": None,
    "clicks": None,
    "refunds": None,
    "commission": 151_200.25,
    "conversion": 0.03998,
    "aov": 38.31,
}
COMPARED: Mapping[str, float | None] = {
    "gmv": 1_640_000.0,
    "orders": 44_000.0,
    "visitors": 1_251_000.0,
    "conversion": 0.03517,
    "aov": 37.27,
}
DIP = (START + timedelta(hours=20), START + timedelta(hours=20, minutes=40))


def _shape(hour: float) -> float:
    """GMV a bucket over the day: a midnight rush, a lunch bump and a prime-time hill."""
    return (
        2_600
        + 15_000 * math.exp(-hour / 0.9)
        + 3_400 * math.exp(-((hour - 12.5) ** 2) / 0.8)
        + 9_000 * math.exp(-((hour - 20.5) ** 2) / 5)
        + 7_000 * math.exp(-((24 - hour) ** 2) / 1.2)
    )


def series(scale: float = 1.0, dip: float = 1.0, until: datetime = WATERMARK) -> pa.Table:
    """A day of 5-minute buckets; in `DIP` only `dip` of the expected came in."""
    rows: list[dict[str, Any]] = []
    for i in range(int((END - START) / BUCKET)):
        start = START + i * BUCKET
        expected = _shape(i / 12) * scale
        inside = DIP[0] <= start < DIP[1] and dip < 1
        noise = 1 + 0.07 * math.sin(i * 2.3) * math.cos(i * 0.71)
        observed = expected * noise * (dip if inside else 1.0)
        closed = start + BUCKET <= until
        state = ("breach" if inside else "normal") if closed else "open"
        if i in (100, 101):
            state = "bridged"
        rows.append(
            {
                "bucket_start": start,
                "observed": observed if closed else None,
                "expected": expected,
                "low": expected * 0.8,
                "high": expected * 1.22,
                "state": state,
                "comparable": expected * 0.9 * (1 + 0.05 * math.sin(i)),
            }
        )
    return pa.Table.from_pylist(rows, schema=SERIES_SCHEMA)


def board(name: str, title: str, names: list[tuple[str, str]], top: float) -> Board:
    """A ranking in which each place has four fifths of the place before."""
    values = [top * 0.8**i for i in range(len(names))]
    total = sum(values)
    changes = [0, 3, -1, None, 2, -2]
    rows = [
        {
            "rank": i + 1,
            "id": id_,
            "name": name_,
            "value": value,
            "share": value / total,
            "orders": round(value / 38),
            "rank_change": changes[i % len(changes)],
            "last_hour": value * 0.07,
        }
        for i, ((id_, name_), value) in enumerate(zip(names, values, strict=True))
    ]
    return Board(name, title, "gmv", total, pa.Table.from_pylist(rows, schema=BOARD_SCHEMA))


CREATORS = [
    ("c0003", "Aina Cantik"),
    ("c0017", "Jia Hui 佳慧"),
    ("c0001", "Abang Gadget"),
    ("c0044", "Mak Long Dapur"),
    ("c0029", "Sofea & Co"),
    ("c0008", "Raj Tries It"),
]


def alert(**changes: Any) -> dict[str, Any]:
    """Alert 12 of the contract: LIVE GMV fell at 20:00."""
    return {
        "id": 12,
        "campaign_id": CAMPAIGN.id,
        "rule": "gmv_dip",
        "kind": "dip",
        "metric": "gmv",
        "scope": {"channel": "live"},
        "severity": "critical",
        "status": "open",
        "verdict": None,
        "reason": "real_drop",
        "breach_start": "2026-11-11T12:00:00Z",
        "opened_at": "2026-11-11T12:10:00Z",
        "resolved_at": None,
        "resolve_reason": None,
        "due_at": "2026-11-11T12:10:00Z",
        "found_late": False,
        "episodes": [
            {
                "breach_start": "2026-11-11T12:00:00Z",
                "opened_at": "2026-11-11T12:10:00Z",
                "resolved_at": None,
            }
        ],
        "observed": 10234.5,
        "expected": 21876.0,
        "shortfall": 11641.5,
        "covered_by": None,
        "drivers": [
            {"factor": "conversion", "share": 0.93},
            {"factor": "traffic", "share": 0.05},
            {"slice": {"creator_id": "c0017"}, "share": 0.71},
        ],
        "headline": "LIVE GMV 53% below expected since 20:00 (RM 11.6k short): conversion fell, "
        "visitors normal; 71% of it in creator c0017",
    } | changes


ALERTS: tuple[dict[str, Any], ...] = (
    alert(
        id=7,
        rule="feed_late",
        kind="data",
        metric=None,
        scope={},
        severity="warning",
        status="resolved",
        reason="feed_late",
        resolved_at="2026-11-11T04:20:00Z",
        resolve_reason="recovered",
        breach_start="2026-11-11T04:05:00Z",
        opened_at="2026-11-11T04:11:00Z",
        observed=None,
        expected=None,
        shortfall=None,
        drivers=[],
        episodes=[],
        headline="Feed performance is late: nothing since 12:05",
    ),
    alert(),
    alert(
        id=13,
        scope={"category": "beauty", "channel": "live"},
        severity="warning",
        shortfall=8200.0,
        covered_by=12,
        headline="LIVE beauty GMV 48% below expected since 20:00 (RM 8.2k short)",
    ),
    alert(
        id=14,
        rule="traffic_dip",
        metric="visitors",
        scope={"channel": "video"},
        severity="warning",
        status="acknowledged",
        reason=None,
        observed=8000.0,
        expected=9500.0,
        shortfall=1500.0,
        drivers=[],
        headline="VIDEO visitors 16% below expected since 20:20",
    ),
)
HISTORY: Mapping[int, tuple[dict[str, Any], ...]] = {
    12: (
        {"at": "2026-11-11T12:10:00Z", "actor": "system", "what": "opened", "note": "fired"},
        {
            "at": datetime(2026, 11, 11, 12, 20, tzinfo=UTC),
            "actor": "farah@example.com",
            "what": "note",
            "note": "calling the <host>",
        },
    )
}


def member(dim: str, id_: str, gmv: float, compared: float | None, state: str) -> Member:
    return Member(
        dim=dim,
        id=id_,
        totals={"gmv": gmv, "orders": round(gmv / 38)},
        compared={"gmv": compared},
        share=gmv / 1_843_210.55,
        state=state,
    )


def campaign_picture(**changes: Any) -> CampaignPicture:
    """The 11.11 of this module, live at 21:14."""
    whole = CampaignPicture(
        campaign=CAMPAIGN,
        phase="live",
        as_of=AS_OF,
        watermark=WATERMARK,
        late_feeds=(),
        totals=TOTALS,
        compared_with="9.9 Mega Sale",
        compared=COMPARED,
        members=(
            member("channel", "live", 920_000.0, 985_000.0, "breach"),
            member("channel", "video", 610_000.0, 470_000.0, "normal"),
            member("channel", "product_card", 313_210.55, None, "too_little"),
            member("category", "beauty", 801_000.0, 690_000.0, "band"),
            member("category", "fashion", 560_000.0, 560_000.0, "normal"),
            member("category", "", 482_210.55, 390_000.0, ""),
        ),
        series={
            ("", "gmv"): series(dip=0.8),
            ("", "visitors"): series(scale=70),
            ("channel=live", "gmv"): series(scale=0.5, dip=0.47),
            ("channel=video", "gmv"): series(scale=0.33),
            ("channel=video", "visitors"): series(scale=22, dip=0.84),
            ("category=beauty", "gmv"): series(scale=0.43, dip=0.8),
            ("category=fashion", "gmv"): series(scale=0.3),
        },
        pace=Pace(
            metric="gmv",
            target=2_400_000,
            due_by_now=1_905_000.0,
            projected=2_322_000.0,
            projected_low=2_248_000.0,
            projected_high=2_401_000.0,
            need_per_hour=201_900.0,
            basis="9.9 Mega Sale and 10.10 Brands Festival",
        ),
        boards={
            "creators": board("creators", "Creators", CREATORS, 240_000.0),
            "categories": board(
                "categories", "Categories", [("beauty", "beauty"), ("fashion", "fashion")], 801_000
            ),
            "channels": board("channels", "Channels", [("live", "live")], 920_000.0),
        },
        alerts=ALERTS,
        history=HISTORY,
        corrections={"gmv": -1_250.0},
        comparable_basis="shape of 9.9 Mega Sale and 10.10 Brands Festival",
    )
    return replace(whole, **changes)


def upcoming_picture() -> CampaignPicture:
    """A campaign that starts in a month: nothing is known."""
    return CampaignPicture(
        campaign=NEXT,
        phase="upcoming",
        as_of=None,
        watermark=None,
        late_feeds=(),
        totals=dict.fromkeys(TOTALS),
        compared_with=None,
        compared={},
        members=(),
        series={},
        pace=Pace("gmv", None, None, None, None, None, None, "no earlier campaign of this kind"),
        boards={},
        alerts=(),
        history={},
    )


FEED = FeedPicture(
    feed_id="performance",
    campaign_id=CAMPAIGN.id,
    counter="cumulative_day",
    cadence_s=300.0,
    path="inbox/performance",
    last_arrival=AS_OF + timedelta(seconds=12),
    newest=AS_OF,
    watermark=AS_OF,
    late=False,
    lag_s=40.0,
    snapshots=255,
    batches=255,
    quarantined=2,
    complete_to=AS_OF,
    due_at=AS_OF + timedelta(minutes=11),
    metrics=("gmv", "orders", "visitors"),
    rules=("gmv_dip", "traffic_dip"),
    boards=("creators", "categories", "channels"),
)


def late_feed(**changes: Any) -> FeedPicture:
    """A feed of the same campaign that has brought nothing for 29 minutes."""
    mark = NOW - timedelta(minutes=29, seconds=40)
    late = replace(
        FEED,
        feed_id="visitors",
        path="visitors",
        last_arrival=mark + timedelta(seconds=15),
        newest=mark,
        watermark=mark,
        complete_to=mark,
        due_at=mark + timedelta(minutes=11),
        late=True,
        lag_s=1780.0,
        metrics=("visitors",),
        rules=("traffic_dip",),
        boards=(),
    )
    return replace(late, **changes)


BATCHES = pa.table(
    {
        "batch_id": ["b2", "b1"],
        "file": ["performance@20261111T131400Z.csv", "<b>broken</b>.csv"],
        "feed_id": ["performance", "performance"],
        "campaign_ids": [[CAMPAIGN.id], []],
        "format": ["canonical", None],
        "status": ["taken", "refused"],
        "reason": [None, "0 GMV in every row while there are orders"],
        "arrived_at": pa.array([AS_OF, AS_OF - timedelta(minutes=5)], pa.timestamp("ms", tz="UTC")),
        "read": [412, 90],
        "taken": [410, 0],
        "quarantined": [2, 0],
        "known": [0, 0],
        "undone_at": pa.array([None, None], pa.timestamp("ms", tz="UTC")),
        "undone_by": pa.array([None, None], pa.string()),
        "who": ["", "farah@example.com"],
    }
)
QUARANTINE = pa.table(
    {
        "file": ["performance@20261111T131400Z.csv"] * 2,
        "row": [7, 9],
        "column": ["gmv", "creator_id"],
        "value": ["12,3x", "1.73E+18"],
        "reason": ["not a number", "an id in scientific notation; export ids as text"],
        "at": pa.array([AS_OF, AS_OF], pa.timestamp("ms", tz="UTC")),
        "campaign_id": [CAMPAIGN.id] * 2,
        "feed_id": ["performance"] * 2,
    }
)


def picture(campaigns: tuple[CampaignPicture, ...] | None = None, **changes: Any) -> Picture:
    """The published picture of this module's day; name what differs."""
    shown = campaigns if campaigns is not None else (campaign_picture(), upcoming_picture())
    whole = Picture(
        generation=255,
        published_at=NOW - timedelta(seconds=5),
        demo=False,
        campaigns={c.campaign.id: c for c in shown},
        feeds=(FEED,),
        batches=BATCHES,
        quarantine=QUARANTINE,
    )
    return replace(whole, **changes)
