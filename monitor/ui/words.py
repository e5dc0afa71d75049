"""The wording of the pages: what states, kinds and reasons are called on screen."""

from __future__ import annotations

from collections.abc import Mapping

from monitor.ui.numbers import percent

METRICS: Mapping[str, str] = {
    "gmv": "GMV",
    "orders": "Orders",
    "items_sold": "Items sold",
    "visitors": "Visitors",
    "impressions": "Impressions",
    "clicks": "Clicks",
    "refunds": "Refunds",
    "commission": "Commission",
    "conversion": "Conversion",
    "aov": "AOV",
    "ctr": "Click rate",
    "ctor": "Click-to-order rate",
    "refund_rate": "Refund rate",
}
EXPLAINED: Mapping[str, str] = {
    "conversion": "orders ÷ visitors",
    "aov": "average order value: GMV ÷ orders",
    "gmv": "gross merchandise value",
    "ctr": "CTR: clicks ÷ impressions",
    "ctor": "CTOR: orders ÷ clicks",
    "refund_rate": "refunds ÷ GMV",
}
DIMENSIONS: Mapping[str, str] = {
    "channel": "Channel",
    "category": "Category",
    "creator_id": "Creator",
    "shop_id": "Shop",
    "product_id": "Product",
    "live_id": "LIVE room",
    "slot_id": "Slot",
}
STATES: Mapping[str, tuple[str, str]] = {  # state → (symbol, word)
    "normal": ("✓", "normal"),
    "band": ("◇", "borderline"),
    "breach": ("▼", "dip"),
    "surge": ("▲", "surge"),
    "open": ("…", "still filling"),
    "bridged": ("≈", "bridged over a gap"),
    "incomplete": ("◌", "incomplete"),
    "too_little": ("·", "too little to judge"),
    "": ("·", "not judged"),
}
KINDS: Mapping[str, str] = {
    "dip": "Dip",
    "surge": "Surge",
    "flatline": "No sales",
    "pace": "Behind target",
    "data": "Data",
    "slot": "Slot",
}
SEVERITIES: Mapping[str, tuple[str, str]] = {  # severity → (symbol, word)
    "critical": ("■", "critical"),
    "warning": ("◆", "warning"),
    "info": ("●", "info"),
}
REASONS: Mapping[str, str] = {
    "real_drop": "Real drop: the data is complete and the sales are missing.",
    "expected": "Expected: a planned show or sale ended, or a live room closed.",
    "feed_late": "Feed late: the numbers have not arrived, sales may be fine.",
    "counter_reset": "Counter reset at the source: no sales were lost.",
    "correction": "Correction by the source: booked and marked, not a dip.",
    "withdrawn": "Withdrawn: data that came later explains it.",
}
REASON_SHORT: Mapping[str, str] = {
    "real_drop": "real drop",
    "expected": "expected",
    "feed_late": "feed late",
    "counter_reset": "counter reset",
    "correction": "correction",
    "withdrawn": "withdrawn",
}
RESOLVED: Mapping[str, str] = {
    "recovered": "back to normal",
    "window_ended": "the event ended",
    "manual": "closed by hand",
    "rule_changed": "its rule changed",
    "merged": "merged into another alert",
    "withdrawn": "withdrawn: later data explains it",
}
FACTORS: Mapping[str, str] = {
    "traffic": "visitors",
    "conversion": "conversion",
    "aov": "order value",
    "impressions": "impressions",
    "ctr": "click rate",
    "ctor": "click-to-order rate",
}
COUNTERS: Mapping[str, str] = {
    "cumulative_day": "running total of the day",
    "cumulative_campaign": "running total of the campaign",
    "interval": "one interval a file",
}
BATCH_STATUS: Mapping[str, tuple[str, str]] = {
    "taken": ("✓", "taken"),
    "known": ("=", "known already"),
    "refused": ("✕", "refused"),
    "needs_mapping": ("?", "columns not recognised"),
    "undone": ("↶", "undone"),
}
RULES: Mapping[str, str] = {
    "gmv_dip": "GMV dip",
    "traffic_dip": "traffic dip",
    "orders_dip": "orders dip",
    "conversion_dip": "conversion dip",
    "aov_dip": "AOV dip",
    "ctr_dip": "click rate dip",
    "ctor_dip": "click-to-order dip",
    "refund_surge": "refund surge",
    "flatline": "no sales",
    "opportunity": "opportunity",
}
CALM_REASONS = ("expected", "withdrawn")  # nothing is wrong, nothing is at risk
SIGNALS: Mapping[str, tuple[str, str]] = {  # the rule's state → (symbol, words)
    "normal": ("✓", "rule is quiet"),
    "pending": ("◔", "rule waits"),
    "firing": ("▼", "alert on"),
    "recovering": ("◑", "alert about to end"),
}
BOARDS: Mapping[str, str] = {
    "creators": "Creators",
    "categories": "Categories",
    "channels": "Channels",
    "linkshare": "LinkShare",
}

WAITING_TITLE = "Waiting for the first data"
WAITING = "The monitor is running and has published nothing yet. This page fills by itself."
DEMO = "No real shop, no real money."
DEMO_OVER = "Its evening is over: stop it and start `make run` again to see it once more."
NO_DATA_TITLE = "No data for this campaign yet"
NO_ALERTS_TITLE = "No open alerts"
NO_SUCH_ALERTS = "No alerts of this kind and status"
NO_BOARD = "Nothing to rank yet: this board fills with the first sales."
NO_MATCH = "Nobody matches this filter."
NO_SERIES = "No minute-by-minute series is kept for this scope."
NO_BUCKETS_TITLE = "No numbers by the minute"
NO_BUCKETS = (
    "What came so far are exports of a period or orders: they count in the totals, and nobody can "
    "tell from them that a moment is complete."
)
NOT_JUDGED = "Nothing is judged yet: no moment of the event is complete."
NO_BATCHES = "No file has arrived yet."
NO_QUARANTINE = "Nothing was refused: every row could be read."
NO_FEEDS = "No feed is set up for this campaign."
NO_HISTORY = "Nothing recorded yet."
NO_WHY = "This monitor does not keep what its alerts rest on."
WHY_WORKING = "Working it out …"
NO_CAUSE = "No cause was worked out."
CHANCE = "It sells far beyond its usual; whether it can be given more is for you to say."
NO_TARGET = "No target is set for this campaign."
NO_COMPARISON = "No comparable campaign, so no changes are shown."


def metric(name: str | None) -> str:
    """What a metric is called."""
    return METRICS.get(name or "", (name or "").replace("_", " "))


def member(dim: str, value: str) -> str:
    """What one channel or category is called; the source may not say."""
    if not value:
        return f"{DIMENSIONS.get(dim, dim).lower()} not stated"
    if dim == "channel" and value.lower() == "live":
        return "LIVE"
    return value.replace("_", " ") if dim in ("channel", "category") else value


def scope(parts: Mapping[str, str]) -> str:
    """`LIVE · beauty`, or the whole campaign."""
    if not parts:
        return "Whole campaign"
    return " · ".join(member(dim, parts[dim]) for dim in sorted(parts, reverse=True))


def parse_scope(key: str) -> dict[str, str]:
    """The scope of a key such as `category=beauty,channel=live`."""
    return dict(part.split("=", 1) for part in key.split(",") if "=" in part)


def driver(entry: Mapping[str, object]) -> str:
    """`conversion 93%`, or `creator c0017 71%`."""
    share = entry.get("share")
    size = f" {percent(share, 0)}" if isinstance(share, int | float) else ""
    part = entry.get("slice")
    if isinstance(part, Mapping):
        names = [f"{DIMENSIONS.get(d, d).lower()} {member(d, str(v))}" for d, v in part.items()]
        return ", ".join(names) + size
    factor = str(entry.get("factor", ""))
    return FACTORS.get(factor, factor) + size


def state(name: str) -> tuple[str, str]:
    """(symbol, word) of a judged state."""
    return STATES.get(name, ("·", name.replace("_", " ")))


def counted(n: int, one: str, many: str = "") -> str:
    """`1 alert`, `3 alerts`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
