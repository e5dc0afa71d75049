"""Rules as TOML text, such that reading it gives the same rules."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

from monitor.detect.rule import Rule
from monitor.rulebook.book import SCOPES, Severities

HEAD = "# Rules, as saved on the Rules page. docs/rules.md says what each key means.\n"


def percent(share: float) -> str:
    """0.005 → `0.5%`, exactly."""
    number = (Decimal(repr(share)) * 100).quantize(Decimal("0.000001")).normalize()
    return f"{number:f}%"


def span(length: timedelta) -> str:
    """`90m`, `6h`, `45s`."""
    seconds = int(length.total_seconds())
    for letter, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else repr(value)


def scope_names(rule: Rule) -> list[str]:
    """The scopes of a rule as they stand in its file."""
    return [name for name, dims in SCOPES.items() if dims in rule.scopes]


def render(rules: tuple[Rule, ...], severity: Severities) -> str:
    """All rules, every key written out."""
    said = [
        HEAD,
        "[severity]",
        f'critical = "{percent(severity.critical)}"',
        f'warning = "{percent(severity.warning)}"',
    ]
    for rule in rules:
        said += ["", "[[rule]]", *_lines(rule)]
    return "\n".join(said) + "\n"


def _lines(rule: Rule) -> list[str]:
    risk = number(rule.least_at_risk) if rule.in_money else _text(percent(rule.least_at_risk))
    lines = [
        f"name = {_text(rule.name)}",
        f"measure = {_text(rule.measure)}",
        f"kind = {_text(rule.kind)}",
        f"direction = {_text('up' if rule.up else 'down')}",
        f"scopes = [{', '.join(_text(name) for name in scope_names(rule))}]",
    ]
    if rule.only:
        pairs = ", ".join(f"{dim} = {_text(value)}" for dim, value in rule.only.items())
        lines.append(f"only = {{ {pairs} }}")
    lines += [
        f"least_fall = {_text(percent(rule.least_fall))}",
        f"least_at_risk = {risk}",
        f"sensitivity = {number(rule.sensitivity)}",
        f"for = {_text(span(rule.for_))}",
        f"keep = {_text(span(rule.keep))}",
    ]
    if rule.phases:
        lines.append(f"phases = [{', '.join(_text(phase) for phase in rule.phases)}]")
    return [
        *lines,
        f"severity = {_text(rule.severity)}",
        f"enabled = {str(rule.enabled).lower()}",
    ]


def _text(text: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
