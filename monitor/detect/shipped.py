"""The rules that ship, as objects: what `data/rules.toml` says, for evaluation and tests."""

from __future__ import annotations

from datetime import timedelta

from monitor.detect.rule import COMBINATIONS, Rule

NARROW = tuple(c for c in COMBINATIONS if c != ("slot_id",))
LEAST = 0.005  # of what the campaign is expected to make in the hour

DIPS = tuple(
    Rule(name, measure, scopes=NARROW, least_at_risk=LEAST)
    for name, measure in (
        ("gmv_dip", "gmv"),
        ("traffic_dip", "visitors"),
        ("orders_dip", "orders"),
        ("conversion_dip", "conversion"),
        ("aov_dip", "aov"),
        ("ctr_dip", "ctr"),
        ("ctor_dip", "ctor"),
    )
)
REFUNDS = Rule(
    "refund_surge", "refund_rate", up=True, least_fall=0.75, least_at_risk=LEAST,
    scopes=((), ("channel",), ("category",), ("creator_id",), ("shop_id",)),
    for_=timedelta(minutes=15), keep=timedelta(minutes=30),
)  # fmt: skip
FLATLINE = Rule(
    "flatline", "orders", kind="flatline", least_fall=1.0, least_at_risk=LEAST, scopes=NARROW,
    keep=timedelta(minutes=10),
)  # fmt: skip
OPPORTUNITY = Rule(
    "opportunity", "gmv", kind="surge", up=True, least_fall=0.6, least_at_risk=LEAST,
    scopes=(("creator_id",), ("live_id",), ("slot_id",)),
    for_=timedelta(minutes=15), keep=timedelta(minutes=30), severity="info",
)  # fmt: skip
SHIPPED = (*DIPS, REFUNDS, FLATLINE, OPPORTUNITY)
