"""Rules in plain sentences, and what changed between two rulebooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from monitor.campaigns.markets import symbol
from monitor.detect.rule import Rule
from monitor.rulebook.book import SCOPES, Rulebook, Severities
from monitor.rulebook.write import number, percent, scope_names

TITLES: Mapping[str, str] = {
    "gmv_dip": "GMV dip",
    "traffic_dip": "Traffic dip",
    "orders_dip": "Orders dip",
    "conversion_dip": "Conversion dip",
    "aov_dip": "Order value dip",
    "ctr_dip": "Click rate dip",
    "ctor_dip": "Click-to-order dip",
    "refund_surge": "Refund surge",
    "flatline": "Flatline",
    "opportunity": "Opportunity",
}
MEASURES: Mapping[str, str] = {
    "gmv": "GMV",
    "orders": "orders",
    "visitors": "visitors",
    "impressions": "impressions",
    "clicks": "clicks",
    "conversion": "conversion (orders per visitor)",
    "aov": "order value (GMV per order)",
    "ctr": "click rate (clicks per impression)",
    "ctor": "click-to-order rate (orders per click)",
    "refund_rate": "refunds (as a share of GMV)",
}
SCOPE_WORDS: Mapping[str, str] = {
    "campaign": "the whole campaign",
    "channel": "channels",
    "category": "categories",
    "channel+category": "channel × category",
    "creator": "creators",
    "shop": "shops",
    "live": "LIVE rooms",
    "slot": "slots",
}
KINDS: Mapping[str, str] = {"dip": "dip", "surge": "opportunity", "flatline": "flatline"}
SEVERITIES: Mapping[str, str] = {
    "money": "by what it costs",
    "info": "info",
    "warning": "warning",
    "critical": "critical",
}


def title(rule: Rule) -> str:
    """What a rule is called on a page."""
    known = TITLES.get(rule.name)
    if known is not None:
        return known
    words = rule.name.replace("_", " ").strip() or rule.name
    return words[0].upper() + words[1:]


def judged(rule: Rule) -> list[str]:
    """Names of the scopes that a rule can ever judge: those that have what `only` asks for."""
    return [name for name in scope_names(rule) if set(rule.only) <= set(SCOPES[name])]


def span(length: timedelta) -> str:
    """`10 min`, `1 h 30 min`, `90 s`."""
    seconds = int(length.total_seconds())
    if seconds % 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    said = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours)
    return " ".join(said)


def money(amount: float, currency: str) -> str:
    """`RM 500`; without a currency, `500 in the campaign's currency`."""
    said = f"{amount:,.0f}" if amount == int(amount) else f"{amount:,.2f}"
    if not currency:
        return f"{said} (in the campaign's currency)"
    unit = symbol(currency).strip()
    return f"{unit} {said}" if unit[-1:].isalpha() else f"{unit}{said}"


def sentence(rule: Rule, currency: str = "") -> str:
    """`GMV at least 15% below what is expected, costing at least 0.5% …, for 10 min.`"""
    said = f"{condition(rule)}{stake(rule, currency)}, for {span(rule.for_)}"
    said += f". {where(rule)}"
    if rule.phases:
        phases = ", ".join(f"“{phase}”" for phase in rule.phases)
        said += f", only in the {'phase' if len(rule.phases) == 1 else 'phases'} {phases}"
    return f"{said}."


def condition(rule: Rule) -> str:
    """What has to be seen: `GMV at least 15% below what is expected`."""
    measure = MEASURES.get(rule.measure, rule.measure)
    if rule.kind == "flatline" and rule.least_fall >= 1:
        said = f"No {measure} at all where some are expected"
    else:
        way = "above" if rule.up else "below"
        size = f"at least {percent(rule.least_fall)} {way}" if rule.least_fall else way
        said = f"{measure} {size} what is expected"
    return said[0].upper() + said[1:]


def stake(rule: Rule, currency: str = "") -> str:
    """The least money, as the rest of a sentence; "" where any will do."""
    if not rule.least_at_risk:
        return ""
    verb = "worth" if rule.kind == "surge" else "costing"
    if rule.in_money:
        return f", {verb} at least {money(rule.least_at_risk, currency)} an hour"
    share = percent(rule.least_at_risk)
    return f", {verb} at least {share} of the campaign's expected GMV an hour"


def where(rule: Rule) -> str:
    """`In the whole campaign, channels, creators`."""
    names = judged(rule)
    said = "Everywhere" if len(names) == len(SCOPES) else "In " + listed(names)
    if rule.only:
        values = " and ".join(f"{dim} “{value}”" for dim, value in rule.only.items())
        said += f", where it is {values}"
    return said


def listed(names: list[str]) -> str:
    return ", ".join(SCOPE_WORDS.get(name, name) for name in names)


def sensitivity(value: float) -> str:
    """What a sensitivity asks for."""
    if value == 1:
        return "as calibrated"
    if value > 1:
        return f"keen: {percent(round(1 / value, 2))} of the usual evidence is enough"
    return f"calm: {number(round(1 / value, 2))} times the usual evidence is asked for"


def changes(old: Rulebook, new: Rulebook) -> tuple[str, ...]:
    """What differs, one line a thing: `gmv_dip: least fall 15% → 25%`; () when both judge alike."""
    said = _severity(old.severity, new.severity)
    before = {rule.name: rule for rule in old.rules}
    after = {rule.name: rule for rule in new.rules}
    for name in [*before, *(n for n in after if n not in before)]:
        if name not in after:
            said.append(f"{name}: removed")
        elif name not in before:
            said.append(f"{name}: new: {sentence(after[name])}")
        else:
            said += [f"{name}: {line}" for line in differences(before[name], after[name])]
    kept = [name for name in before if name in after]
    if not said and kept != list(after):
        said.append("the order of the rules")
    return tuple(said)


def differences(old: Rule, new: Rule) -> list[str]:
    """What differs between two versions of one rule."""
    if old.enabled != new.enabled:
        switched = ["switched on" if new.enabled else "switched off"]
    else:
        switched = []
    told_old, told_new = _told(old, new.up), _told(new, new.up)
    return switched + [
        f"{key} {told_old[key]} → {told_new[key]}"
        for key in told_new
        if told_old[key] != told_new[key]
    ]


def _told(rule: Rule, up: bool) -> dict[str, str]:
    """All of a rule but its name and switch, in words."""
    per_hour = " an hour"
    risk = f"{rule.least_at_risk:,g}" if rule.in_money else f"{percent(rule.least_at_risk)} of GMV"
    return {
        "measure": rule.measure,
        "kind": KINDS[rule.kind],
        "direction": "up" if rule.up else "down",
        "scopes": listed(scope_names(rule)),
        "only": ", ".join(f"{k} = {v}" for k, v in rule.only.items()) or "anything",
        "least rise" if up else "least fall": percent(rule.least_fall),
        "least money": risk + per_hour,
        "sensitivity": number(rule.sensitivity),
        "for": span(rule.for_),
        "calm before it is over": span(rule.keep),
        "phases": ", ".join(rule.phases) or "always",
        "severity": SEVERITIES[rule.severity],
    }


def _severity(old: Severities, new: Severities) -> list[str]:
    return [
        f"{name} from {percent(a)} → {percent(b)} of the campaign's GMV an hour"
        for name, a, b in (
            ("critical", old.critical, new.critical),
            ("warning", old.warning, new.warning),
        )
        if a != b
    ]
