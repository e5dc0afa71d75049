"""A rule as data: which measure, in which scopes, how far off, how dear, for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

Kind = Literal["dip", "surge", "flatline"]
Severity = Literal["money", "info", "warning", "critical"]
Combination = tuple[str, ...]  # dimensions of a scope, sorted; () is the campaign

CAMPAIGN: Combination = ()
COMBINATIONS: tuple[Combination, ...] = (
    CAMPAIGN,
    ("channel",),
    ("category",),
    ("category", "channel"),
    ("creator_id",),
    ("shop_id",),
    ("live_id",),
    ("slot_id",),
)


@dataclass(frozen=True)
class Rule:
    """One rule. All that a person may change; `monitor/rulebook.py` reads and checks it.

    `measure`: a name in `detect.event.MEASURES`. `up`: judged upwards (refunds, opportunities).
    `scopes`: combinations of dimensions that are judged; `only`: values that a scope must have.
    `least_fall`: relative fall (or rise) below which it never speaks, 0..1 (a rise may exceed 1).
    `least_at_risk`: money an hour below which it never speaks, as a share (0..1) of what the whole
    campaign is expected to make in that hour, or, where `in_money`, in the campaign's currency.
    `sensitivity`: 1 as calibrated; 2 needs half the evidence, 0.5 twice.
    `for_`, `keep`: judged time before it speaks, and of calm before it is over.
    `phases`: names of the campaign's phases in which it is active, lower case; empty: always.
    `severity`: `money`: by what it costs.
    """

    name: str
    measure: str
    kind: Kind = "dip"
    up: bool = False
    scopes: tuple[Combination, ...] = COMBINATIONS
    only: Mapping[str, str] = field(default_factory=dict)
    least_fall: float = 0.15
    least_at_risk: float = 0.0
    in_money: bool = False
    sensitivity: float = 1.0
    for_: timedelta = timedelta(minutes=10)
    keep: timedelta = timedelta(minutes=15)
    phases: tuple[str, ...] = ()
    severity: Severity = "money"
    enabled: bool = True
