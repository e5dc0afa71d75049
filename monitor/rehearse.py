"""What other rules would have said of an event: judged anew beside the product, kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from monitor.alerts.desk import Desk
from monitor.clock import from_db
from monitor.judgement import Judge
from monitor.rulebook import Rulebook
from monitor.settings import Settings
from monitor.store import Store, open_store


class Rehearser:
    """Judges stored events by rules that are not in force. May run in any thread."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings

    def rehearse(self, campaign_ids: Sequence[str], rules: Rulebook) -> list[dict[str, Any]]:
        """The dips and surges of each campaign so far, as the CONTRACT's alerts, had they been on time.

        What is wrong with the data itself is not told: no rule changes it.
        """
        found: list[dict[str, Any]] = []
        ticked = self.store.rows("publish.ticked")
        for campaign_id in campaign_ids:
            campaign = self.settings.campaign_by_id(campaign_id)
            now = from_db(ticked[0][0]) if ticked else campaign.end + timedelta(days=2)
            judge = Judge(self.store, self.settings, rules.enabled)
            judgement = judge.watched(campaign, now, lambda detector, step: None)
            memory = open_store(None)
            try:
                desk = Desk(memory, campaign, now, rules)
                found += [alert.as_json() for alert in desk.rehearse(judgement)]
            finally:
                memory.close()
        return found
