"""What other rules would have told of a night, beside the product and kept nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.answers import alerts_json
from monitor.clock import iso
from monitor.rehearse import Rehearser
from monitor.rulebook import Rulebook
from monitor.tick import Heart
from tests.scenarios.shop import Shop, a_night, alerts, between, live


@pytest.fixture(scope="module")
def night() -> Heart:
    """Both channels sell a fifth from 03:00 to 03:25."""
    heart = a_night()
    shop = Shop(gain=between("03:00", "03:25", 0.2, "gmv", "orders"))
    live(heart, shop.files("04:20"), since="02:50", until="04:20")
    return heart


def rehearsed(heart: Heart, rules: Rulebook) -> list[tuple[object, ...]]:
    found = Rehearser(heart.store, heart.settings).rehearse(["sale"], rules)
    return sorted(
        (a["rule"], str(a["scope"]), a["breach_start"], a["due_at"], a["status"]) for a in found
    )


def with_rules(heart: Heart, **changes: float) -> Rulebook:
    book = heart.rulebook
    return replace(book, rules=tuple(replace(r, **changes) for r in book.rules))  # type: ignore[arg-type]


def test_the_rules_in_force_tell_what_was_told(night: Heart) -> None:
    told = sorted(
        (a.rule, str(a.scope), iso(a.breach_start), iso(a.due_at), a.status)
        for a in alerts(night)
        if a.kind in ("dip", "surge")
    )
    assert told
    assert rehearsed(night, night.rulebook) == told


def test_less_sharp_rules_tell_less(night: Heart) -> None:
    assert rehearsed(night, with_rules(night, least_fall=0.95)) == []


def test_a_rule_that_is_off_tells_nothing(night: Heart) -> None:
    rules = with_rules(night)
    off = tuple(replace(r, enabled=r.name == "orders_dip") for r in rules.rules)
    assert {name for name, *_ in rehearsed(night, replace(rules, rules=off))} == {"orders_dip"}


def test_nothing_of_it_is_kept(night: Heart) -> None:
    before = alerts_json(night.store)
    signals = night.store.rows("alerts.signals", ["sale"])
    rehearsed(night, with_rules(night, sensitivity=4.0))
    assert alerts_json(night.store) == before
    assert night.store.rows("alerts.signals", ["sale"]) == signals


def test_the_night_goes_on_as_if_nobody_had_asked(night: Heart) -> None:
    judged = night.judge.rules
    rehearsed(night, with_rules(night, least_fall=0.5))
    assert night.judge.rules == judged


def test_several_campaigns_at_once(night: Heart) -> None:
    rules = with_rules(night)
    found = Rehearser(night.store, night.settings).rehearse(["past", "sale"], rules)
    assert {a["campaign_id"] for a in found} == {"sale"}
