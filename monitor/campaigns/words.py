"""The dimensions and metrics that canonical snapshots may have, in their one order."""

from __future__ import annotations

DIMENSIONS = (
    "channel",
    "category",
    "creator_id",
    "shop_id",
    "product_id",
    "live_id",
    "slot_id",
)
METRICS = (
    "gmv",
    "orders",
    "items_sold",
    "visitors",
    "impressions",
    "clicks",
    "refunds",
    "commission",
)
MONEY = frozenset({"gmv", "refunds", "commission"})
METRIC_INDEX = {metric: i for i, metric in enumerate(METRICS)}

KINDS = {
    "double_digit": "Double Digit",
    "payday": "Payday",
    "creator_carnival": "Creator Carnival",
    "cny": "CNY",
    "all_star_showcase": "All Star Showcase",
    "linkshare_leaderboard": "LinkShare Leaderboard",
    "custom": "Custom",
}

Scope = dict[str, str]
"""Dimension values that narrow a campaign, such as `{"channel": "live"}`; `{}` is all of it."""


def scope_key(scope: Scope) -> str:
    """One text per scope, the same whatever the order of its dimensions: `channel=live`."""
    return ",".join(f"{dim}={scope[dim]}" for dim in sorted(scope))
