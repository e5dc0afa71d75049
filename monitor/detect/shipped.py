"""The rules that ship, as objects: what `data/rules.toml` says, for evaluation and tests."""

from __future__ import annotations

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
SHIPPED = DIPS
