"""The witness: what the detector knew, of any scope, measure and moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.clock import to_ms
from monitor.picture import SERIES_SCHEMA
from monitor.rulebook import configured, current
from monitor.tick import Heart
from monitor.witness import WhyDesk, Witness, witness
from tests.conftest import local
from tests.scenarios.shop import Shop, a_night, alerts, between, live

LIVE = {"channel": "live"}


@pytest.fixture(scope="module")
def night() -> Heart:
    """LIVE sells a fifth from 03:00 to 03:30, to as many visitors as ever."""
    heart = a_night()
    shop = Shop(gain=between("03:00", "03:30", 0.2, "gmv", "orders", channel="live"))
    live(heart, shop.files("04:30"), since="02:50", until="04:30")
    return heart


@pytest.fixture(scope="module")
def desk(night: Heart) -> WhyDesk:
    made = WhyDesk(night.store, night.settings)
    assert night.last_tick is not None
    made.at(night.last_tick, night.generation, night.scopes())
    return made


def test_it_tells_of_the_moment_of_the_dip_what_the_alert_says(night: Heart, desk: WhyDesk) -> None:
    [alert] = alerts(night, rule="conversion_dip", scope=LIVE)
    found = desk.why("sale", LIVE, "conversion", local("03:17"))
    assert found is not None
    assert (found.state, found.rule, found.signal) == ("breach", "conversion_dip", "firing")
    assert found.breach_since_ms == to_ms(alert.breach_start)
    assert found.observed is not None
    assert found.expected is not None
    assert found.low is not None
    assert found.low <= found.observed < 0.5 * found.expected
    assert found.at_risk_per_hour is not None
    assert found.at_risk_per_hour > 0
    assert found.basis == "past"


def test_its_windows_are_held_against_what_the_rule_needs(desk: WhyDesk) -> None:
    found = desk.why("sale", LIVE, "conversion", local("03:17"))
    assert found is not None
    assert [w.minutes for w in found.windows] == [5, 10, 15, 30, 60]
    deepest = max(found.windows, key=lambda w: w.z)
    assert deepest.z > deepest.needed_z
    assert 0.5 < deepest.fall < 1
    for window in found.windows:
        assert window.fall == pytest.approx(1 - window.observed / window.expected)


def test_a_calm_moment_is_normal(desk: WhyDesk) -> None:
    found = desk.why("sale", LIVE, "conversion", local("02:42"))
    assert found is not None
    assert (found.state, found.signal, found.gate) == ("normal", "normal", None)
    assert found.breach_since_ms is None


def test_the_first_minutes_are_told_as_such(desk: WhyDesk) -> None:
    found = desk.why("sale", LIVE, "gmv", local("00:07"))
    assert found is not None
    assert (found.state, found.gate) == ("too_little", "quiet_start")


def test_the_campaigns_fall_is_explained_by_the_channel(desk: WhyDesk) -> None:
    found = [desk.why("sale", {}, "conversion", local(f"03:{m:02}")) for m in (12, 17, 22, 27)]
    assert {"channel": "live"} in [f.explained_by for f in found if f is not None]


def test_moments_that_nobody_judged_have_no_evidence(desk: WhyDesk) -> None:
    assert desk.why("sale", LIVE, "gmv", local("04:50")) is None
    assert desk.why("sale", LIVE, "gmv", local("23:00", day="2026-11-10")) is None
    assert desk.why("sale", {"channel": "nowhere"}, "gmv", local("03:00")) is None
    assert desk.series("sale", {"channel": "nowhere"}, "gmv") is None


def test_the_series_has_every_bucket(desk: WhyDesk) -> None:
    series = desk.series("sale", LIVE, "conversion")
    assert series is not None
    assert series.schema == SERIES_SCHEMA
    assert series.num_rows == 72
    state = series["state"].to_pylist()
    assert state[60:] == ["open"] * 12
    assert state[39] == "breach"
    assert series["observed"].to_pylist()[60:] == [None] * 12


def test_scopes_are_offered_the_campaign_first(desk: WhyDesk) -> None:
    assert desk.scopes("sale")[0] == {}
    assert {"channel": "video"} in desk.scopes("sale")
    assert desk.scopes("nothing") == ()


def test_an_answer_is_kept_until_the_next_tick(night: Heart) -> None:
    desk = WhyDesk(night.store, night.settings)
    assert night.last_tick is not None
    desk.at(night.last_tick, 7, {})
    first = desk.series("sale", LIVE, "gmv")
    held = desk._held
    desk.why("sale", LIVE, "gmv", local("03:00"))
    assert desk._held is held
    desk.at(night.last_tick + timedelta(minutes=5), 8, {})
    assert desk.series("sale", LIVE, "gmv") == first
    assert desk._held is not held


def asked(heart: Heart, measure: str, scope: dict[str, str]) -> Witness:
    campaign = heart.settings.campaign_by_id("sale")
    assert heart.last_tick is not None
    rules = current(heart.store, configured(heart.settings)).enabled
    found, _ = witness(
        heart.store, heart.settings, campaign, scope, measure, heart.last_tick, rules
    )
    return found


def test_looking_changes_nothing(night: Heart) -> None:
    before = [a.as_json() for a in alerts(night)]
    signals = night.store.rows("alerts.signals", ["sale"])
    assert asked(night, "orders", LIVE).found
    assert [a.as_json() for a in alerts(night)] == before
    assert night.store.rows("alerts.signals", ["sale"]) == signals


def test_the_signal_goes_the_way_of_the_alert(night: Heart) -> None:
    """What the witness steps is what the desk stepped: firing and over in the same buckets."""
    [alert] = alerts(night, rule="orders_dip", scope=LIVE)
    found = asked(night, "orders", LIVE).found
    ends = {b: to_ms(local("00:00:00")) + (b + 1) * 300_000 for b in found}
    firing = [b for b, e in found.items() if e.signal in ("firing", "recovering")]
    assert ends[firing[0]] == to_ms(alert.due_at)
    assert alert.resolve_event is not None
    assert ends[firing[-1] + 1] == to_ms(alert.resolve_event)
