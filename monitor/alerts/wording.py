"""Headlines: one plain sentence per alert, with the money and the time in the campaign's own terms."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.campaigns.markets import symbol
from monitor.campaigns.words import MONEY, Scope

METRIC_WORDS = {
    "gmv": "GMV",
    "orders": "orders",
    "items_sold": "items sold",
    "visitors": "visitors",
    "impressions": "impressions",
    "clicks": "clicks",
    "refunds": "refunds",
    "commission": "commission",
}
CHANNEL_WORDS = {"live": "LIVE", "linkshare": "LinkShare", "product_card": "product card"}


def short(amount: float) -> str:
    """12345.6 → 12.3k; three figures are enough for a headline."""
    size = abs(amount)
    if size >= 999_500:
        return f"{amount / 1e6:.2f}M"
    if size >= 999.5:
        return f"{amount / 1e3:.1f}k"
    return f"{amount:.0f}"


def metric_words(metric: str) -> str:
    return METRIC_WORDS[metric]


def amount_words(metric: str, amount: float, currency: str) -> str:
    """`RM 12.3k`, or `412 visitors`."""
    if metric in MONEY:
        return f"{symbol(currency).strip()} {short(amount)}"
    return f"{short(amount)} {METRIC_WORDS[metric]}"


def scope_words(scope: Scope) -> str:
    """`{"channel": "live", "category": "beauty"}` → `LIVE beauty`; "" for the whole campaign."""
    return " ".join(
        CHANNEL_WORDS.get(value.lower(), value.replace("_", " "))
        for dim, value in scope.items()
        if dim != "feed"
    )


def dip_headline(
    metric: str,
    scope: Scope,
    observed: float,
    expected: float,
    since: datetime,
    zone: ZoneInfo,
    currency: str,
) -> str:
    """`LIVE GMV 53% below expected since 20:00 (RM 11.6k short)`."""
    if observed >= expected:
        return f"{subject(metric, scope)} back at what is expected"
    fall = (expected - observed) / expected if expected > 0 else 0.0
    lost = expected - observed
    unit = f"{amount_words(metric, lost, currency)} short"
    return f"{subject(metric, scope)} {fall:.0%} below expected since {clock(since, zone)} ({unit})"


def subject(metric: str, scope: Scope) -> str:
    """`LIVE GMV`, `Video visitors`, `GMV`."""
    where = scope_words(scope)
    name = f"{where} {METRIC_WORDS[metric]}" if where else METRIC_WORDS[metric]
    return f"{name[0].upper()}{name[1:]}"


def clock(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%H:%M")
