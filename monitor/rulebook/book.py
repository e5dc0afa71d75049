"""A rulebook: all rules of one moment, and what makes an alert critical."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.detect.rule import Combination, Rule

Told = Literal["info", "warning", "critical"]

# How a rule says which scopes it judges, in the order in which they are listed.
SCOPES: dict[str, Combination] = {
    "campaign": (),
    "channel": ("channel",),
    "category": ("category",),
    "channel+category": ("category", "channel"),
    "creator": ("creator_id",),
    "shop": ("shop_id",),
    "live": ("live_id",),
    "slot": ("slot_id",),
}


@dataclass(frozen=True)
class Severities:
    """Shortfall an hour from which an alert is so severe, as a share (0..1) of what the whole campaign
    is expected to make in that hour."""

    critical: float = 0.08
    warning: float = 0.01


@dataclass(frozen=True)
class Rulebook:
    """`version`: 0 is a file that no tick has used yet. `who`, `at`: who saved it, and when (UTC);
    "" and None for a file."""

    version: int
    rules: tuple[Rule, ...]
    severity: Severities
    text: str
    who: str = ""
    at: datetime | None = None

    @property
    def enabled(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.enabled)

    def rule(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.name == name), None)

    def says_the_same(self, other: Rulebook) -> bool:
        """Whether both judge alike, whatever their comments."""
        return (self.rules, self.severity) == (other.rules, other.severity)


def severity_of(rule: Rule, share: float, severities: Severities) -> Told:
    """How severe an alert is. `share`: its shortfall an hour as a share of what the campaign is
    expected to make in an hour."""
    if rule.severity != "money":
        return rule.severity
    if share >= severities.critical:
        return "critical"
    return "warning" if share >= severities.warning else "info"


def digest(text: str) -> str:
    """What tells one text from another."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
