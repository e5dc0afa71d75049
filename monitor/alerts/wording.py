"""Headlines: one plain sentence per alert, with the money and the time in the campaign's own terms."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.campaigns.markets import symbol
from monitor.campaigns.words import DIMENSIONS, MONEY, Scope

METRIC_WORDS = {
    "gmv": "GMV",
    "orders": "orders",
    "items_sold": "items sold",
    "visitors": "visitors",
    "impressions": "impressions",
    "clicks": "clicks",
    "refunds": "refunds",
    "commission": "commission",
    "conversion": "conversion",
    "aov": "average order",
    "ctr": "click rate",
    "ctor": "click-to-order rate",
    "refund_rate": "refund rate",
}
CHANNEL_WORDS = {"live": "LIVE", "linkshare": "LinkShare", "product_card": "product card"}
NOUNS = {
    "creator_id": "creator",
    "shop_id": "shop",
    "product_id": "product",
    "live_id": "live room",
    "slot_id": "slot",
}
RATES = frozenset({"conversion", "ctr", "ctor", "refund_rate"})  # shown in per cent
MEANINGS = {  # what a fall of the rate means, so that nobody has to know its name
    "conversion": "fewer of the visitors buy",
    "aov": "orders are smaller",
    "ctr": "it is shown, but fewer click",
    "ctor": "people click, but fewer buy",
    "refund_rate": "more is sent back than usual",
}
GROW = {  # what to do with an opportunity, by the dimension that it is about
    "creator_id": "give them a slot",
    "live_id": "keep it on air",
    "slot_id": "give it more time",
}


def short(amount: float) -> str:
    """12345.6 → 12.3k; three figures are enough for a headline."""
    size = abs(amount)
    if size >= 999_500:
        return f"{amount / 1e6:.2f}M"
    if size >= 999.5:
        return f"{amount / 1e3:.1f}k"
    return f"{amount:.0f}"


def metric_words(metric: str) -> str:
    return METRIC_WORDS.get(metric, metric.replace("_", " "))


def money_words(amount: float, currency: str) -> str:
    """`RM 12.3k`, `฿12.3k`."""
    unit = symbol(currency).strip()
    return f"{unit}{' ' if unit[-1:].isalpha() else ''}{short(amount)}"


def amount_words(metric: str, amount: float, currency: str) -> str:
    """`RM 12.3k`, `412 visitors`; a rate is `2.1%`."""
    if metric in MONEY or metric == "aov":
        return money_words(amount, currency)
    if metric in RATES:
        return rate_words(amount)[0]
    return f"{short(amount)} {metric_words(metric)}"


def rate_words(*rates: float) -> tuple[str, ...]:
    """Rates in per cent, with as many digits as tell them apart: `2.1%`, `3.4%`."""
    least = 1 if max(rates, default=0.0) >= 0.01 else 2
    for digits in range(least, least + 3):
        texts = tuple(f"{rate:.{digits}%}" for rate in rates)
        if len(set(texts)) == len(set(rates)):
            break
    return texts


def scope_words(scope: Scope) -> str:
    """`{"channel": "live", "category": "beauty"}` → `LIVE beauty`; "" for the whole campaign."""
    return " ".join(_part(dim, scope[dim]) for dim in DIMENSIONS if dim in scope)


def _part(dim: str, value: str) -> str:
    if dim in NOUNS:
        return value if value.startswith("@") else f"{NOUNS[dim]} {value}"
    return CHANNEL_WORDS.get(value.lower(), value.replace("_", " "))


def subject(metric: str, scope: Scope) -> str:
    """`LIVE GMV`, `Video visitors`, `GMV`."""
    return _begin(f"{scope_words(scope)} {metric_words(metric)}".strip())


def clock(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%H:%M")


def headline(
    rule: str,
    kind: str,
    measure: str,
    scope: Scope,
    observed: float | None,
    expected: float | None,
    at_risk: float | None,
    since: datetime,
    zone: ZoneInfo,
    currency: str,
    basis: str = "",
    reason: str | None = None,
    *,
    steady_traffic: bool = False,
    cause: str = "",
) -> str:
    """The sentence of any alert about numbers. Amounts in units over the whole breach, rates 0..1.

    `kind`: dip, surge or flatline. `at_risk`: money missing so far (for an opportunity: made beyond
    what is usual); None unknown. `basis`: what it was compared with, only where that is worth a
    word ("today's own last hour: no earlier event"). `cause`: for `expected` the name of the plan
    that ended, "" for a room that closed; for `withdrawn` and `feed_late` what explains it.
    `steady_traffic`: as many visitors as expected, in the same scope and time.
    """
    if reason == "expected":
        return ended_headline(scope, cause)
    if reason == "withdrawn":
        told = "did not rise" if _up(kind, measure) else "did not dip"
        return f"{subject(measure, scope)} {told}: {cause or 'numbers that came later explain it'}"
    time = clock(since, zone)
    if kind == "flatline" or rule == "flatline":
        text = flatline_headline(measure, scope, expected, at_risk, time, currency)
    elif observed is None or expected is None:
        text = (
            f"{subject(measure, scope)} {'rises' if _up(kind, measure) else 'falls'} since {time}"
        )
    elif kind == "surge" and measure not in RATES:
        text = surge_headline(measure, scope, observed, expected, at_risk, time, currency)
    elif measure in RATES or measure == "aov":
        text = _rate_headline(
            measure, scope, observed, expected, at_risk, time, currency, steady_traffic
        )
    else:
        text = _amount_headline(measure, scope, observed, expected, at_risk, time, currency)
    if reason == "feed_late":
        text += f"; {cause or 'its feed is late, sales may be fine'}"
    return f"{text} (compared with {basis})" if basis else text


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
    return headline("", "dip", metric, scope, observed, expected, None, since, zone, currency)


def _amount_headline(
    metric: str,
    scope: Scope,
    observed: float,
    expected: float,
    at_risk: float | None,
    time: str,
    currency: str,
) -> str:
    """`LIVE GMV 53% below expected since 20:00 (RM 11.6k short)`."""
    lost = expected - observed
    if lost <= 0 or expected <= 0:
        return f"{subject(metric, scope)} back at what is expected"
    short_of = f"{money_words(at_risk, currency)} short" if at_risk is not None else ""
    if metric in MONEY:
        short_of = short_of or f"{money_words(lost, currency)} short"
    else:
        fewer = f"{short(lost)} {'fewer' if short_of else f'{metric_words(metric)} short'}"
        short_of = f"{fewer}, about {short_of}" if short_of else fewer
    fall = lost / expected
    return f"{subject(metric, scope)} {fall:.0%} below expected since {time} ({short_of})"


def _rate_headline(
    measure: str,
    scope: Scope,
    observed: float,
    expected: float,
    at_risk: float | None,
    time: str,
    currency: str,
    steady_traffic: bool,
) -> str:
    """`LIVE conversion 2.1% instead of 3.4% since 20:00 (RM 11.6k short): fewer of the visitors buy`."""
    worse = observed > expected if measure == "refund_rate" else observed < expected
    if not worse:
        return f"{subject(measure, scope)} back at what is expected"
    if measure == "aov":
        was, due = (money_words(value, currency) for value in (observed, expected))
    else:
        was, due = rate_words(observed, expected)
    more = "more than usual" if measure == "refund_rate" else "short"
    cost = f" ({money_words(at_risk, currency)} {more})" if at_risk is not None else ""
    meaning = MEANINGS[measure]
    if measure == "conversion" and steady_traffic:
        meaning = "as many visitors, fewer buy"
    return f"{subject(measure, scope)} {was} instead of {due} since {time}{cost}: {meaning}"


def flatline_headline(
    measure: str,
    scope: Scope,
    expected: float | None,
    at_risk: float | None,
    time: str,
    currency: str,
) -> str:
    """`No order in LIVE beauty since 20:05; 23 were expected (RM 1.1k)`."""
    thing = "sale" if measure in MONEY else metric_words(measure).removesuffix("s")
    where = scope_words(scope)
    due = ""
    if expected is not None and expected > 0:
        due = f"; {amount_words(measure, expected, currency) if measure in MONEY else short(expected)}"
        due += " was expected" if measure in MONEY or round(expected) == 1 else " were expected"
    cost = f" ({money_words(at_risk, currency)})" if at_risk is not None else ""
    return f"No {thing}{f' in {where}' if where else ''} since {time}{due}{cost}"


def surge_headline(
    measure: str,
    scope: Scope,
    observed: float,
    expected: float,
    more: float | None,
    time: str,
    currency: str,
) -> str:
    """`Creator c0017 sells twice the usual since 20:15 (RM 3.1k more): give them a slot`."""
    who = scope_words(scope)
    if observed <= expected or expected <= 0:
        return f"{subject(measure, scope)} back at the usual"
    gained = observed - expected if more is None and measure in MONEY else more
    cost = f" ({money_words(gained, currency)} more)" if gained is not None else ""
    dim = next((d for d in reversed(DIMENSIONS) if d in scope), "")
    told = f": {GROW[dim]}" if dim in GROW else ""
    if measure in MONEY and who:
        return f"{_begin(who)} sells {times_words(observed / expected)} since {time}{cost}{told}"
    return f"{subject(measure, scope)} {times_words(observed / expected)} since {time}{cost}{told}"


def times_words(ratio: float) -> str:
    """`twice the usual`, `2.4 times the usual`, `60% more than usual`."""
    if ratio < 1.8:
        return f"{ratio - 1:.0%} more than usual"
    if abs(ratio - 2) <= 0.15:
        return "twice the usual"
    if abs(ratio - 3) <= 0.2:
        return "three times the usual"
    return f"{ratio:.1f} times the usual" if ratio < 10 else f"{ratio:.0f} times the usual"


def ended_headline(scope: Scope, plan: str = "") -> str:
    """`Creator c0017's live show ended as planned: nothing is wrong`; without a plan a room closed."""
    who = scope_words(scope)
    if plan:
        whose = f"{who}'s {plan}" if who else plan
        return f"{_begin(whose)} ended as planned: nothing is wrong"
    if not who or "live_id" in scope:
        return f"{_begin(who or 'a live room')} closed: nothing is wrong"
    return f"{_begin(who)} closed the live room: nothing is wrong"


def _up(kind: str, measure: str) -> bool:
    return kind == "surge" or measure == "refund_rate"


def _begin(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
