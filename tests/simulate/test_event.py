"""Simulated sale days: reproducible, exact to the cent, and broken only where an incident says."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from monitor.campaigns.words import METRICS, MONEY
from monitor.settings import load_settings, parse_settings
from monitor.simulate import __main__ as cli
from monitor.simulate.cast import make_creators
from monitor.simulate.configuration import FeedEntry, entry, render
from monitor.simulate.demo import (
    CLOCK_END,
    CLOCK_START,
    Demo,
    checkout_trouble,
    demo_config_text,
)
from monitor.simulate.event import (
    CLICKS,
    GMV,
    IMPRESSIONS,
    ITEMS,
    ORDERS,
    REFUNDS,
    VISITORS,
    Event,
    Incident,
    Key,
    simulate,
)
from monitor.simulate.season import ZONE, mega_sale, season
from monitor.simulate.snapshots import (
    Correction,
    Counter,
    Late,
    Snapshot,
    snapshots,
    write_event,
    write_snapshot,
)

SMALL = 12


def event(*incidents: Incident, creators: int = SMALL, seed: int = 1) -> Event:
    return simulate(mega_sale("1111", creators, seed, incidents))


def at(hour: float) -> datetime:
    return datetime(2026, 11, 11, tzinfo=ZONE) + timedelta(hours=hour)


def steps(start_hour: float, end_hour: float) -> slice:
    return slice(int(start_hour * 12), int(end_hour * 12))


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def demo() -> Demo:
    return Demo()


def test_the_same_seed_gives_the_same_day():
    assert np.array_equal(event().counts(), event().counts())


def test_another_seed_gives_another_day():
    assert not np.array_equal(event(seed=1).step(240), event(seed=2).step(240))


def test_a_step_does_not_depend_on_the_steps_before_it():
    one = event()
    assert np.array_equal(one.step(200), one.counts()[200])


def test_a_cast_has_distinct_handles_and_some_awkward_ones():
    handles = [creator.id for creator in make_creators(5000)]
    assert len(set(handles)) == 5000
    assert any("<b>" in h for h in handles[:20])
    assert any(h.startswith("=") for h in handles[:20])
    assert any("✨" in h for h in handles[:20])


def test_sixty_creators_have_about_130_keys_of_one_to_three_each():
    creators = make_creators(60)
    counts = [len(creator.keys) for creator in creators]
    assert 115 <= sum(counts) <= 150
    assert set(counts) == {1, 2, 3}


def test_numbers_are_those_of_a_real_sale():
    day = simulate(mega_sale("1111")).counts().sum(axis=(0, 1))
    assert 2_000_000_00 < day[GMV] < 2_600_000_00
    assert 0.02 < day[ORDERS] / day[VISITORS] < 0.06
    assert 25_00 < day[GMV] / day[ORDERS] < 120_00
    assert day[IMPRESSIONS] > day[CLICKS] > day[VISITORS] > day[ITEMS] > day[ORDERS]
    assert 0.005 < day[REFUNDS] / day[GMV] < 0.04


def test_the_day_has_a_midnight_rush_a_dead_night_a_noon_and_an_evening():
    by_hour = simulate(mega_sale("1111")).counts()[:, :, GMV].sum(axis=1).reshape(24, 12).sum(1)
    assert by_hour[0] > 3 * by_hour[1]
    assert by_hour[3:6].max() < 0.2 * by_hour[0]
    assert by_hour[12] > 2 * by_hour[10]
    assert by_hour[20:22].min() > 2 * by_hour[15]


def test_the_days_of_the_season_are_alike_but_not_the_same():
    events = [simulate(spec) for spec in season()]
    gmv = [one.counts()[:, :, GMV].sum(axis=1) for one in events]
    assert gmv[0].sum() / gmv[2].sum() == pytest.approx(0.6, abs=0.05)
    assert gmv[1].sum() / gmv[2].sum() == pytest.approx(0.75, abs=0.05)
    shares = [day.reshape(24, 12).sum(axis=1) / day.sum() for day in gmv]
    assert np.corrcoef(shares[0], shares[2])[0, 1] > 0.9
    assert np.abs(np.log(shares[0] / shares[2])).max() > 0.05
    assert events[0].rooms != events[2].rooms


def test_all_days_plan_the_same_flash_sales_and_one_same_show():
    specs = season()
    flash = {tuple((b.name, b.start_min, b.end_min) for b in spec.boosts) for spec in specs}
    evening = {(s.creator_id, s.start_min, s.end_min) for s in specs[0].shows}
    for spec in specs[1:]:
        evening &= {(s.creator_id, s.start_min, s.end_min) for s in spec.shows}
    assert len(flash) == 1
    assert any(start == 19 * 60 for _, start, _ in evening)


def test_a_live_room_sells_while_it_is_on_and_hardly_otherwise():
    one = event()
    star = one.spec.shows[1].creator_id
    key = next(i for i, k in enumerate(one.keys) if (k.creator_id, k.channel) == (star, "live"))
    rooms = [room for room in one.rooms if room.creator_id == star]
    visitors = one.counts()[:, key, VISITORS]
    closed = [
        step
        for step in range(*steps(10, 24).indices(288))
        if all(step * 5 + 5 <= room.start_min or step * 5 >= room.end_min for room in rooms)
    ]
    assert closed
    assert visitors[closed].max() < 0.2 * visitors[steps(20, 22)].mean()


def test_a_conversion_incident_takes_orders_of_its_scope_and_nothing_else():
    healthy = event().counts()
    one = event(Incident(at(20), at(20.75), {"channel": "live"}, "conversion", 0.65))
    broken = one.counts()
    live = np.array([key.channel == "live" for key in one.keys])
    hit = steps(20, 20.75)
    kept = broken[hit][:, live, ORDERS].sum() / healthy[hit][:, live, ORDERS].sum()
    assert kept == pytest.approx(0.35, abs=0.05)
    assert np.array_equal(broken[hit][:, ~live], healthy[hit][:, ~live])
    same = [VISITORS, IMPRESSIONS, CLICKS, REFUNDS]
    assert np.array_equal(broken[hit][:, :, same], healthy[hit][:, :, same])
    outside = np.r_[0 : hit.start, hit.stop : 288]
    assert np.array_equal(broken[outside], healthy[outside])


def test_a_traffic_incident_takes_the_whole_funnel_and_leaves_conversion_alone():
    healthy = event(creators=60).counts()
    one = event(Incident(at(21), at(22), {"category": "beauty"}, depth=0.5), creators=60)
    broken = one.counts()
    beauty = np.array([key.category == "beauty" for key in one.keys])
    before, after = (c[steps(21, 22)][:, beauty].sum(axis=(0, 1)) for c in (healthy, broken))
    for metric in (IMPRESSIONS, CLICKS, VISITORS, ORDERS):
        assert after[metric] / before[metric] == pytest.approx(0.5, abs=0.06)
    conversion = after[ORDERS] / after[VISITORS] / (before[ORDERS] / before[VISITORS])
    assert conversion == pytest.approx(1, abs=0.1)
    assert np.array_equal(broken[:, ~beauty], healthy[:, ~beauty])


def test_an_aov_incident_takes_money_and_no_orders():
    healthy = event().counts()
    broken = event(Incident(at(15), at(16), metric="aov", depth=0.3)).counts()
    hit = steps(15, 16)
    assert np.array_equal(broken[:, :, ORDERS], healthy[:, :, ORDERS])
    assert broken[hit][:, :, GMV].sum() / healthy[hit][:, :, GMV].sum() == pytest.approx(0.7)


def test_an_incident_counts_for_the_part_of_a_step_that_it_covers():
    healthy = event(creators=60).step(240)[:, VISITORS].sum()
    half = Incident(at(20), at(20) + timedelta(minutes=2, seconds=30), depth=1.0)
    assert event(half, creators=60).step(240)[:, VISITORS].sum() / healthy == pytest.approx(
        0.5, abs=0.03
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"depth": 0.0}, "depth"),
        ({"depth": 1.5}, "depth"),
        ({"metric": "gmv"}, "metric"),
        ({"scope": {"shop_id": "x"}}, "scope"),
        ({"end": at(20)}, "not after"),
        ({"start": datetime(2026, 11, 11, 20)}, "offset"),
    ],
)
def test_an_incident_that_makes_no_sense_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Incident(**{"start": at(20), "end": at(21), **wrong})


def total_of(many: list[Snapshot], counter: Counter) -> dict[Key, list[int]]:
    """Sums per key: of all rows of an interval feed, of the last rows of a cumulative one."""
    chosen = many if counter == "interval" else many[-1:]
    return {
        key: sum(one.values[i] for one in chosen).tolist() for i, key in enumerate(chosen[0].keys)
    }


def test_all_counter_types_tell_the_same_totals_to_the_cent():
    one = event()
    totals = [
        total_of(list(snapshots(one, counter)), counter)
        for counter in ("interval", "cumulative_day", "cumulative_campaign")
    ]
    assert totals[0] == totals[1] == totals[2]
    assert list(totals[0].values()) == one.counts().sum(axis=0).tolist()


def test_a_cumulative_reading_never_falls():
    readings = [one.values for one in snapshots(event(), "cumulative_day")]
    assert all((later >= earlier).all() for earlier, later in pairwise(readings))


def test_the_last_daily_reading_comes_before_midnight_and_the_others_at_the_end():
    one = event()
    ends = {c: list(snapshots(one, c))[-1] for c in ("cumulative_day", "interval")}
    assert ends["cumulative_day"].observed_at == at(24) - timedelta(seconds=30)
    assert ends["cumulative_day"].arrives_at < at(24)
    assert ends["interval"].observed_at == at(24)


def test_readings_carry_the_offset_of_the_campaign():
    first = next(snapshots(event()))
    assert first.rows()[0]["observed_at"] == "2026-11-11T00:05:00+08:00"


def test_the_text_of_a_snapshot_says_what_its_rows_say():
    one = list(snapshots(event(creators=60)))[200]
    parsed = read_csv(one.csv())
    assert len(parsed) == one.present.sum()
    for text, row in zip(parsed, one.rows(), strict=True):
        assert [*text] == ["observed_at", "campaign_id", *Key._fields, *METRICS]
        for name, value in row.items():
            same = Decimal(text[name]) == value if name in METRICS else text[name] == value
            assert same, name
        assert all(text[name].split(".")[1:] == [text[name][-2:]] for name in MONEY)


def test_an_interval_snapshot_exists_even_when_nothing_happens():
    one = event()
    quiet = replace(one, visitors=one.visitors * 0)
    assert not quiet.counts().any()
    assert all(len(snapshot.rows()) == 1 for snapshot in snapshots(quiet, "interval"))


def test_a_correction_lowers_one_key_once_and_stays():
    one = event()
    key = one.keys[0]
    plain = list(snapshots(one))
    corrected = list(snapshots(one, corrections=[Correction(at(22.25), key, 0.1)]))
    fallen = [i for i, (a, b) in enumerate(pairwise(corrected)) if (b.values < a.values).any()]
    assert [corrected[i + 1].observed_at for i in fallen] == [at(22.25)]
    assert corrected[-1].values[0, GMV] < plain[-1].values[0, GMV]
    assert np.array_equal(corrected[-1].values[1:], plain[-1].values[1:])


def test_an_interval_feed_refuses_corrections():
    one = event()
    with pytest.raises(ValueError, match="refunds"):
        next(snapshots(one, "interval", corrections=[Correction(at(22), one.keys[0], 0.1)]))


def test_a_late_snapshot_keeps_its_reading_and_arrives_after_its_successor():
    many = list(snapshots(event(), late=[Late(at(22), 7 * 60)]))
    late = next(i for i, one in enumerate(many) if one.observed_at == at(22))
    assert many[late].arrives_at > many[late + 1].arrives_at


def test_a_file_is_named_by_feed_campaign_local_time_and_arrival(tmp_path: Path):
    first = next(snapshots(event()))
    path = write_snapshot(first, tmp_path)
    assert path.name == "performance-my-1111-2026-0005@20261110T160503Z.csv"
    assert path.read_text(encoding="utf-8") == first.csv()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_writing_an_event_twice_gives_the_same_files(tmp_path: Path):
    one = event(creators=3)
    first = write_event(one, tmp_path, "interval", feed="orders")
    texts = [path.read_bytes() for path in first]
    assert write_event(one, tmp_path, "interval", feed="orders") == first
    assert [path.read_bytes() for path in first] == texts
    assert len(list(tmp_path.iterdir())) == 288


def test_the_configuration_of_a_season_is_accepted_by_the_product():
    specs = season(creators=SMALL)
    text = render([entry(s) for s in specs], [FeedEntry("f", "in", Key._fields, "interval")])
    settings = parse_settings(text, Path("monitor.toml"))
    last = settings.campaign_by_id("my-1111-2026")
    assert [c.id for c in settings.comparables(last)] == ["my-0909-2026", "my-1010-2026"]
    assert {plan.scope.get("creator_id") for plan in last.plan} == {
        None,
        *(show.creator_id for show in specs[-1].shows),
    }
    assert (last.start, last.end) == (at(0), at(24))


def test_an_awkward_handle_survives_the_configuration():
    (spec,) = season(["1111"], SMALL)
    odd = '@ali "boss" \\ tech\t✨'
    spec = replace(spec, shows=(replace(spec.shows[0], creator_id=odd),))
    text = render([entry(spec)], [FeedEntry("f", "in", Key._fields, "interval")])
    plan = parse_settings(text, Path("monitor.toml")).campaign[0].plan
    assert odd in [p.scope.get("creator_id") for p in plan]


def test_the_command_writes_a_folder_that_can_be_replayed(tmp_path: Path):
    cli.main(["--out", str(tmp_path), "--creators", "3", "--campaigns", "99,1111", "--incident"])
    settings = load_settings(tmp_path / "monitor.toml")
    assert [c.id for c in settings.campaign] == ["my-0909-2026", "my-1111-2026"]
    assert settings.campaign[1].compare_with == ("my-0909-2026",)
    assert len(list((tmp_path / "recorded" / "performance").glob("*.csv"))) == 2 * 288


def test_the_command_refuses_an_unknown_campaign(tmp_path: Path):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--out", str(tmp_path), "--campaigns", "1212"])
    assert stop.value.code == 2


def test_the_demo_says_that_it_is_one_and_its_configuration_is_accepted():
    settings = parse_settings(demo_config_text(), Path("monitor.toml"))
    assert all("(demo)" in campaign.name for campaign in settings.campaign)
    assert settings.campaign[-1].start + timedelta(hours=19, minutes=55) == CLOCK_START


def test_the_demo_is_on_target_until_its_incidents_put_it_behind(demo: Demo):
    today = demo.specs[-1]
    assert today.target_rm is not None
    target = today.target_rm * 100
    healthy = simulate(replace(today, incidents=())).counts()[:, :, GMV].sum()
    final = demo.today[-1].values[:, GMV].sum()
    assert 0.99 < healthy / target < 1.03
    assert 0.93 < final / target < 0.98


def test_the_demo_incident_is_unmistakable_in_live_and_in_the_campaign(demo: Demo):
    today = demo.specs[-1]
    broken = simulate(today)
    healthy = simulate(replace(today, incidents=()))
    live = np.array([key.channel == "live" for key in broken.keys])
    for step in (240, 241):
        sold, usual = broken.step(step)[:, GMV], healthy.step(step)[:, GMV]
        assert sold[live].sum() < 0.5 * usual[live].sum()
        assert sold.sum() < 0.75 * usual.sum()
    assert checkout_trouble(today).scope == {"channel": "live"}


def test_no_plan_of_the_demo_changes_while_its_checkout_is_broken(demo: Demo):
    today = demo.specs[-1]
    edges = [m for b in today.boosts for m in (b.start_min, b.end_min)]
    edges += [m for show in today.shows for m in (show.start_min, show.end_min)]
    assert not [m for m in edges if 19 * 60 + 15 < m < 21 * 60 + 30]


def test_history_and_due_files_together_are_the_whole_demo_once(demo: Demo):
    before = demo.history(CLOCK_START, combined=False)
    rest = demo.due(CLOCK_START, CLOCK_END)
    names = [f.name for f in before + rest]
    assert len(names) == len(set(names)) == 3 * 288
    assert all(f.arrives_at <= CLOCK_START for f in before)
    assert demo.due(CLOCK_END, CLOCK_END + timedelta(days=9)) == []


def test_due_files_in_pieces_are_the_same_as_in_one_go(demo: Demo):
    clock, pieces = CLOCK_START, []
    while clock < CLOCK_END:
        pieces += demo.due(clock, clock + timedelta(seconds=100))
        clock += timedelta(seconds=100)
    assert pieces == demo.due(CLOCK_START, CLOCK_END)


def test_combined_history_holds_the_same_rows_in_three_files(demo: Demo):
    single = demo.history(CLOCK_START, combined=False)
    together = demo.history(CLOCK_START)
    assert len(together) == 3
    assert sorted(line for f in together for line in f.text.splitlines()[1:]) == sorted(
        line for f in single for line in f.text.splitlines()[1:]
    )


def test_the_demo_has_one_late_snapshot_and_one_falling_reading(demo: Demo, tmp_path: Path):
    paths = demo.write_due(tmp_path, at(21.9), at(22.3))
    clocks = [path.name.split("@")[0][-4:] for path in paths]
    assert clocks == ["2155", "2150", "2200", "2205", "2210", "2215"]
    ordered = sorted(demo.today, key=lambda one: one.observed_at)
    fallen = [b for a, b in pairwise(ordered) if (b.values < a.values).any()]
    assert [one.observed_at for one in fallen] == [at(22.25)]
