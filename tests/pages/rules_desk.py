"""A rules desk on a database in memory, and a rehearsal that knows what happened on three evenings.

The desk is the real one; only the judging is made up: an incident is told by a rule that is on, looks
at its scope, and asks for no more than its fall and its cost.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor.clock import Clock, iso, to_db
from monitor.picture import Picture
from monitor.rulebook import Rulebook, configured, take_effect
from monitor.rules_desk import RulesDesk
from monitor.settings import Campaign, Settings, parse_settings
from monitor.store import Store, open_store
from tests.pages import pictures as p

HOSTILE = '<img src=x onerror="window.__hurt=1">![x](https://evil.example/x.png)\u202efdp'
PAST = "my-1010-2026"
CONFIG = """
{monitor}
[[campaign]]
id = "my-1010-2026"
name = "10.10 Mega Sale"
kind = "double_digit"
start = 2026-10-10T00:00:00+08:00
end = 2026-10-11T00:00:00+08:00
[[campaign]]
id = "my-1111-2026"
name = "11.11 Mega Sale"
kind = "double_digit"
start = 2026-11-11T00:00:00+08:00
end = 2026-11-12T00:00:00+08:00
[[campaign]]
id = "my-1212-2026"
name = "12.12 Birthday Sale"
kind = "double_digit"
start = 2026-12-12T00:00:00+08:00
end = 2026-12-13T00:00:00+08:00
[[feed]]
id = "performance"
source = {{ type = "folder", path = "inbox" }}
counter = "cumulative_day"
"""


@dataclass(frozen=True)
class Incident:
    """`hour`: after the campaign's start. `share`: of the campaign's hourly GMV."""

    campaign_id: str
    rule: str
    scope: tuple[tuple[str, str], ...]
    hour: float
    fall: float
    share: float
    money: float
    headline: str
    within: str | None = None  # the rule whose alert tells it while that is on


LIVE = (("channel", "live"),)
INCIDENTS = (
    Incident(p.CAMPAIGN.id, "gmv_dip", LIVE, 20, 0.53, 0.21, 11_641,
             "LIVE GMV 53% below expected since 20:00 (RM 11.6k short)"),
    Incident(p.CAMPAIGN.id, "conversion_dip", LIVE, 20, 0.5, 0.2, 11_200,
             "LIVE conversion 50% below expected since 20:00", "gmv_dip"),
    Incident(p.CAMPAIGN.id, "gmv_dip", (("creator_id", HOSTILE),), 15, 0.19, 0.011, 1_450,
             f"{HOSTILE} GMV 19% below expected since 15:00"),
    Incident(PAST, "gmv_dip", (("category", "home_living"),), 13, 0.18, 0.012, 1_212,
             "Home living GMV 18% below expected since 13:00 (RM 1.2k short)"),
    Incident(PAST, "traffic_dip", (("channel", "video"),), 9, 0.17, 0.02, 2_210,
             "Video visitors 17% below expected since 09:00"),
)  # fmt: skip


@dataclass
class FakeRehearsal:
    """`asked`: (campaign, version) of each call. `gate`: closed, a call waits. `trouble`: raised."""

    settings: Settings
    asked: list[tuple[str, int]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    trouble: Exception | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    def rehearse(self, campaign_ids: Sequence[str], rules: Rulebook) -> list[dict[str, Any]]:
        self.asked += [(campaign_id, rules.version) for campaign_id in campaign_ids]
        assert self.gate.wait(20)
        if self.trouble is not None:
            raise self.trouble
        found: list[dict[str, Any]] = []
        for number, incident in enumerate(INCIDENTS):
            if incident.campaign_id in campaign_ids and told(incident, rules):
                campaign = self.settings.campaign_by_id(incident.campaign_id)
                found.append(alert(number, incident, rules, campaign))
        return found


def told(incident: Incident, rules: Rulebook) -> bool:
    rule = rules.rule(incident.rule)
    dims = tuple(sorted(dim for dim, _ in incident.scope))
    return (
        rule is not None
        and rule.enabled
        and dims in rule.scopes
        and incident.fall >= rule.least_fall
        and (incident.money if rule.in_money else incident.share) >= rule.least_at_risk
    )


def alert(number: int, incident: Incident, rules: Rulebook, campaign: Campaign) -> dict[str, Any]:
    rule, outer = rules.rule(incident.rule), rules.rule(incident.within or "")
    assert rule is not None
    begins = campaign.start + timedelta(hours=incident.hour)
    critical = incident.share >= rules.severity.critical
    return {
        "id": number,
        "campaign_id": incident.campaign_id,
        "rule": incident.rule,
        "kind": rule.kind,
        "metric": "gmv",
        "scope": dict(incident.scope),
        "severity": "critical" if critical else "warning",
        "opened_at": iso(begins + rule.for_),
        "resolved_at": iso(begins + timedelta(minutes=50)),
        "shortfall": incident.money,
        "headline": incident.headline,
        "covered_by": 0 if outer is not None and outer.enabled else None,
    }


@dataclass
class RulesRuntime:
    """A runtime with a rules desk; `tick` lets the newest rules come into force."""

    picture: Picture | None
    clock: Clock
    rules: RulesDesk
    rehearsal: FakeRehearsal

    @property
    def store(self) -> Store:
        return self.rules.store

    def tick(self, after_s: float = 0) -> Rulebook:
        with self.store.transaction():
            at = self.clock.now() + timedelta(seconds=after_s)
            return take_effect(self.store, self.rules.file, at)


def runtime(
    clock: Clock, folder: Path | None = None, data: Sequence[str] = (PAST, p.CAMPAIGN.id)
) -> RulesRuntime:
    """`folder`: has a rules.toml of its own. `data`: campaigns that have any."""
    own = '[monitor]\nrules = "rules.toml"' if folder else ""
    path = (folder or Path("/nowhere")) / "monitor.toml"
    settings = parse_settings(CONFIG.format(monitor=own), path)
    store = open_store(None)
    for campaign_id in data:
        arrive(store, campaign_id)
    rehearsal = FakeRehearsal(settings)
    desk = RulesDesk(store, settings, clock, configured(settings), rehearsal)
    return RulesRuntime(p.picture(), clock, desk, rehearsal)


def arrive(store: Store, campaign_id: str) -> None:
    """A file of a campaign is taken."""
    number = store.cursor.execute("select count(*) + 1 from batch").fetchall()[0][0]
    at = to_db(p.NOW)
    store.cursor.execute(
        "insert into batch (batch_id, seq, feed_id, file, format, status, arrived_at, "
        "last_arrived_at, rows_read, taken, quarantined, known, campaigns) "
        "values (?, ?, 'performance', 'f.csv', 'canonical', 'taken', ?, ?, 1, 1, 0, 0, ?)",
        [f"b{number}", number, at, at, campaign_id],
    )
