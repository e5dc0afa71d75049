"""The lens: however the buckets come, tick by tick or late, it judges what a new one would."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from monitor.detect import detector as codes
from monitor.detect.growth import Growth, learn
from monitor.detect.resume import keep
from monitor.detect.rule import Rule
from monitor.detect.shipped import SHIPPED
from monitor.ingest.closing import Closing
from monitor.lens import KEEP_EVERY, KEEPS, Lens, Track, grouped, overlaid
from monitor.observe import observe
from monitor.tick import Heart
from tests.conftest import File, a_heart, csv_text, load, local, settings_for
from tests.scenarios.shop import NIGHTS, Shop, between

LATE = "01:30"
UNTIL = "03:30"


def night(feeds: Mapping[str, str] | None = None) -> Heart:
    return a_heart(settings_for(campaigns=NIGHTS, feeds=feeds or {"shop": "cumulative_day"}))


def shop() -> dict[str, File]:
    return Shop(gain=between("02:30", "03:10", 0.3, "gmv", "orders", channel="live")).files(UNTIL)


class Looking:
    """One lens over one store, looked through as files come."""

    def __init__(self, heart: Heart, rules: tuple[Rule, ...] = SHIPPED) -> None:
        self.heart, self.rules = heart, rules
        self.campaign = heart.settings.campaign_by_id("sale")
        self.lens = Lens(heart.store, self.campaign)
        self.growth: Growth | None = None
        self.changed: dict[int, int] = {}

    def take(self, *files: File) -> list[Track]:
        load(self.heart, *files)
        return self.look(self.heart.loader.take_changed())

    def look(self, changed: Mapping[int, int]) -> list[Track]:
        now = local("06:30")
        observed = observe(self.heart.store, self.heart.settings, self.campaign, now)
        if self.growth is None:
            self.growth = learn([], (), len(observed.starts_ms))
        return self.lens.look(observed, self.growth, self.rules, changed)


def at_once(*files: File) -> Track:
    [track] = Looking(night()).take(*files)
    return track


def same(one: Track, two: Track) -> None:
    mine, theirs = keep(one.detector, curves=True), keep(two.detector, curves=True)
    assert one.detector.scopes.keys == two.detector.scopes.keys
    assert mine.bucket == theirs.bucket
    for name, values in mine.arrays.items():
        np.testing.assert_array_equal(values, theirs.arrays[name], err_msg=name)
    assert one.standing == two.standing


def test_tick_by_tick_is_what_all_at_once_is() -> None:
    files = shop()
    looking = Looking(night())
    judged: list[int] = []
    for at in sorted(files):
        [track] = looking.take(files[at])
        judged += [one.step.bucket for one in track.passes]
    same(track, at_once(*files.values()))
    assert judged == list(range(len(files)))
    assert track.detector.states[:, :, 30:36].max() == codes.TOO_LITTLE
    assert codes.BREACHED in track.detector.states


@pytest.mark.parametrize("comes_after", ["01:35", "02:50", "03:30"])
def test_a_late_file_is_judged_as_if_it_had_been_on_time(comes_after: str) -> None:
    """However long ago its bucket was: from the last state that was kept before it."""
    files = shop()
    late = files.pop(LATE)
    looking = Looking(night())
    for at in sorted(files):
        [track] = looking.take(files[at])
        if at == comes_after:
            [track] = looking.take(late)
            assert track.passes[0].step.bucket <= 17
    same(track, at_once(*shop().values()))


def test_a_file_that_is_older_than_all_that_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.lens.KEEPS", 1)
    files = shop()
    late = files.pop("00:20")
    looking = Looking(night())
    for at in sorted(files):
        looking.take(files[at])
    [track] = looking.take(late)
    assert track.passes[0].step.bucket == 0
    same(track, at_once(*shop().values()))


def test_only_a_few_states_are_kept() -> None:
    track = at_once(*Shop().files("05:55").values())
    assert len(track.kept) <= KEEPS
    assert [k.bucket % KEEP_EVERY for k in track.kept] == [0] * len(track.kept)


def test_nothing_new_is_nothing_judged() -> None:
    looking = Looking(night())
    looking.take(*shop().values())
    [track] = looking.look({})
    assert not track.passes


def test_other_rules_judge_anew() -> None:
    looking = Looking(night())
    [before] = looking.take(*shop().values())
    looking.rules = SHIPPED[1:2]
    [after] = looking.look({})
    assert len(after.passes) == before.detector.bucket
    assert [r.name for r in after.detector.rules] == ["traffic_dip"]
    assert codes.BREACHED not in after.detector.states


FEEDS = {"sales": "cumulative_day", "traffic": "cumulative_day"}


def test_rules_over_other_feeds_have_a_detector_of_their_own() -> None:
    looking = Looking(night(FEEDS))
    sales = Shop(metrics=("gmv", "orders")).files("02:00", "sales")
    traffic = Shop(metrics=("visitors",)).files("01:00", "traffic")
    tracks = looking.take(*sales.values(), *traffic.values())
    found = {frozenset(r.name for r in t.detector.rules): t.detector.bucket for t in tracks}
    assert found == {
        frozenset({"gmv_dip", "orders_dip", "aov_dip"}) | others("gmv", "orders", "refunds"): 24,
        frozenset({"traffic_dip"}): 12,
        frozenset({"conversion_dip"}): 12,
    }


def others(*metrics: str) -> frozenset[str]:
    """Names of the shipped rules besides the dips that a test names, over such metrics."""
    named = {"gmv_dip", "orders_dip", "aov_dip", "traffic_dip", "conversion_dip"}
    return frozenset(
        r.name for r in SHIPPED
        if r.name not in named and r.measure in ("gmv", "orders") and set(metrics)
    )  # fmt: skip


def test_a_rule_that_no_feed_serves_is_left_out() -> None:
    looking = Looking(night())
    looking.take(*Shop(metrics=("orders",)).files("01:00").values())
    observed = observe(
        looking.heart.store, looking.heart.settings, looking.campaign, local("06:30")
    )
    assert looking.lens.grain is not None
    found = grouped(SHIPPED, observed, looking.lens.grain.event())
    assert {r.measure for rules in found.values() for r in rules} == {"orders"}


def test_without_a_reading_there_is_nothing_to_look_at() -> None:
    assert Looking(night()).look({}) == []


def test_a_campaign_over_which_a_key_is_met_late() -> None:
    files = shop()
    newcomer = [
        {"observed_at": f"2026-11-11T03:{m:02}:20+08:00", "campaign_id": "sale",
         "channel": "card", "gmv": 50 * m, "orders": m, "visitors": 20 * m}
        for m in (15, 20, 25, 30)
    ]  # fmt: skip
    looking = Looking(night())
    for at in sorted(files):
        [track] = looking.take(files[at])
    [track] = looking.take(File("new.csv", csv_text(newcomer)))
    assert {"channel": "card"} in track.detector.scopes.named
    assert track.detector.event.members == 3


def test_what_only_the_data_can_say_lies_over_what_was_judged() -> None:
    no, yes = np.zeros(5, bool), np.ones(5, bool)
    closed = np.array([True, True, True, True, False])
    bridged = np.array([False, True, False, False, False])
    read = np.array([True, True, False, True, True])
    closing = Closing(
        np.arange(5), np.arange(5) + 1, closed, np.arange(5), read, bridged, 0, 0, False, 0, 0
    )
    covered = np.array([[1.0, 1.0, 1.0, 0.85, 0.0]])
    found = overlaid(np.full((1, 5), codes.NORMAL, np.uint8), closing, yes, covered)
    assert found[0].tolist() == [
        codes.NORMAL, codes.BRIDGED, codes.INCOMPLETE, codes.INCOMPLETE, codes.OPEN,
    ]  # fmt: skip
    silent = overlaid(np.full((1, 5), codes.NORMAL, np.uint8), closing, no, np.ones((1, 5)))
    assert silent[0].tolist()[0] == codes.INCOMPLETE
