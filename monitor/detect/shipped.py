"""The rules that ship, as objects: what `data/rules.toml` says, for evaluation and tests."""

from __future__ import annotations

from monitor.detect.rule import COMBINATIONS, Rule

NARROW = tuple(c for c in COMBINATIONS if c not in (("slot_id",),))

SHIPPED = (
    Rule("traffic_dip", "visitors", scopes=NARROW),
    Rule("conversion_dip", "conversion", scopes=NARROW),
    Rule("aov_dip", "aov", scopes=NARROW),
    Rule("orders_dip", "orders", scopes=NARROW),
    Rule("gmv_dip", "gmv", scopes=NARROW),
)
