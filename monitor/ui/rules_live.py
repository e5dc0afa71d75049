"""The desk of the running product at which rules are changed."""

from __future__ import annotations

from monitor.rules_desk import RulesDesk
from monitor.ui import live


def rules_desk() -> RulesDesk | None:
    """None when the product that runs takes no rules from its pages."""
    found: RulesDesk | None = getattr(live._runtime, "rules", None)
    return found
