"""Hours of days that the product's simulator did not make, played as files through the product.

Trouble with the data is never told as a drop; what is told is the same however the data came.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.answers import alerts_json
from monitor.detect.event import Event, Planned
from monitor.evaluate import run
from monitor.evaluate.case import Case, Dip, inside
from monitor.evaluate.files import TODAY, Report, write_case
from monitor.evaluate.match import account, hits
from monitor.evaluate.trouble import Correction, Trouble
from monitor.ingest.arrivals import instant_of
from monitor.replay import recorded, replay
from monitor.rulebook import configured
from monitor.rulebook.versions import save
from monitor.runtime import Runtime
from monitor.settings import load_settings
from monitor.store import open_store
from monitor.tick import Heart
from tests.scenarios.unseen import Played, dipped, hours, play, said, silenced

EVENING = ("other", 1005, 18, 21)
# The evening begins in mid-day. With all keys in all files the product knows what the arrays tell.
CAMPAIGN = Report(counter="cumulative_campaign", every_key=True)
DIP_FROM, DIP_TO = 16, 24  # buckets


def evening() -> Case:
    return hours(*EVENING)


def largest(event: Event, dim: str) -> str:
    money = event.amounts["gmv"].sum(axis=1)
    sums: dict[str, float] = {}
    for value, amount in zip(event.dims[dim], money.tolist(), strict=True):
        sums[value] = sums.get(value, 0.0) + amount
    return max(sums, key=lambda value: sums[value])


def one_channel(metric: str = "conversion") -> Case:
    """The evening with its largest channel broken for forty minutes."""
    whole = evening()
    scope = {"channel": largest(whole.event, "channel")}
    return dipped(whole, Dip(scope, metric, 0.6, DIP_FROM * 5, DIP_TO * 5))  # type: ignore[arg-type]


# --- nothing is wrong -----------------------------------------------------------------------------


def biggest(event: Event, count: int) -> list[int]:
    return [int(m) for m in np.argsort(-event.amounts["gmv"].sum(axis=1))[:count]]


def test_late_repeated_and_incomplete_files_are_no_drop(tmp_path: Path) -> None:
    chosen = evening()
    faults = Trouble(
        late={14: 22.0, 20: 17.0, 21: 13.0, 22: 9.0},
        doubled=frozenset({10, 22}),
        again=frozenset({12, 24}),
        missing={16: tuple(biggest(chosen.event, 3)), 26: tuple(range(chosen.event.members // 2))},
    )
    played = play(tmp_path, chosen, faults, [CAMPAIGN])
    assert len(list((tmp_path / "recorded").rglob(f"{TODAY}-*"))) == chosen.event.buckets + 2
    assert not played.dips


def test_a_counter_that_begins_anew_is_no_drop(tmp_path: Path) -> None:
    played = play(tmp_path, evening(), Trouble(reset=20), [CAMPAIGN])
    assert played.alerts(rule="counter_reset")
    assert not played.dips


def test_one_wrong_reading_is_no_drop(tmp_path: Path) -> None:
    """A file in which every counter stands at 0, and is back in the next."""
    played = play(tmp_path, evening(), reports=[CAMPAIGN], spoil=blank_out)
    assert played.alerts(rule="counter_reset")
    assert not played.dips


def blank_out(folder: Path) -> None:
    [path] = folder.rglob(f"{TODAY}-0020@*.csv")
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    dims = header.split(",").index("gmv")
    none = ",0" * (header.count(",") + 1 - dims)
    zeros = [",".join(row.split(",")[:dims]) + none for row in rows]
    path.write_text("\n".join([header, *zeros]) + "\n", encoding="utf-8")


def test_corrections_are_no_drop(tmp_path: Path) -> None:
    """The largest sellers lose a third of all they had, at once."""
    chosen = evening()
    taken = tuple(Correction(20, m, 0.35) for m in biggest(chosen.event, 12))
    played = play(tmp_path, chosen, Trouble(corrections=taken), [CAMPAIGN])
    assert played.alerts(rule="correction")
    assert not played.dips


def test_a_scope_that_was_not_read_is_not_judged(tmp_path: Path) -> None:
    """Half of a channel's volume is not in the files while it dips: it says nothing of the channel."""
    chosen = one_channel()
    members = np.flatnonzero(inside(chosen.event, chosen.dips[0].scope))
    money = chosen.event.amounts["gmv"][members].sum(axis=1)
    some = tuple(members[np.argsort(-money)][::2].tolist())
    lacking = Trouble(missing=dict.fromkeys(range(DIP_FROM, DIP_FROM + 7), some))
    played = play(tmp_path, chosen, lacking, [CAMPAIGN], until=DIP_FROM + 8)
    assert not played.alerts(kind="dip", scope=chosen.dips[0].scope)


@pytest.mark.parametrize("planned", [True, False])
def test_a_room_that_closes_is_no_drop(planned: bool, tmp_path: Path) -> None:
    chosen = evening()
    creator = largest(chosen.event, "creator_id")
    members = np.flatnonzero(inside(chosen.event, {"creator_id": creator}))
    event = silenced(chosen.event, members, 24, chosen.event.buckets)
    if planned:
        show = Planned("live show", 0, 24, {"creator_id": creator})
        event = replace(event, plans=(*event.plans, show))
    share = chosen.event.amounts["gmv"][members].sum() / chosen.event.amounts["gmv"].sum()
    assert share > 0.1, "too small to be missed"
    played = play(tmp_path, replace(chosen, event=event), reports=[CAMPAIGN])
    assert not played.accusing


# --- something is wrong, and the data comes as it likes -------------------------------------------


@pytest.fixture(scope="module")
def on_time(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The broken channel, every file on time."""
    return play(tmp_path_factory.mktemp("on_time"), one_channel(), reports=[CAMPAIGN])


def test_the_product_says_what_the_detector_says_of_the_arrays(on_time: Played) -> None:
    """The same rules, scopes and buckets, though it all went through files, counters and ticks."""
    rules = on_time.heart.judge.rules
    expected = run.alarms(on_time.case.event, on_time.case.pasts, rules)
    assert {(a.rule, str(a.scope), a.first, a.opened) for a in on_time.alarms()} == {
        (a.rule, str(a.scope), a.first, a.opened) for a in expected
    }
    assert expected


def test_the_dip_is_told_in_time_and_by_its_name(on_time: Played) -> None:
    [heard] = account(on_time.case, on_time.alarms()).dips
    assert heard.hit
    assert heard.delay_min is not None
    assert heard.delay_min <= 15
    assert heard.any_scope
    assert all(hits(on_time.case.event, a, on_time.case.dips[0]) for a in on_time.alarms())


def test_late_files_change_nothing_but_when_it_was_found(on_time: Played, tmp_path: Path) -> None:
    """Half an hour without a file in the dip; then all that is missing comes within minutes."""
    late = {DIP_FROM + i: 24.0 - 4.5 * i for i in range(1, 6)}
    played = play(tmp_path, on_time.case, Trouble(late=late), [CAMPAIGN])
    assert said(played.dips) == said(on_time.dips)
    assert any(a.found_late for a in played.dips)
    assert not any(a.found_late for a in on_time.dips)


def test_files_that_other_files_overtake_accuse_the_same(on_time: Played, tmp_path: Path) -> None:
    late = dict.fromkeys((DIP_FROM + 1, DIP_FROM + 2, DIP_FROM + 3), 17.0)
    played = play(tmp_path, on_time.case, Trouble(late=late), [CAMPAIGN])
    assert accused(played) == accused(on_time)


def accused(played: Played) -> set[tuple[object, ...]]:
    return {(a.rule, str(a.scope), a.reason, a.at_risk, a.resolve_event) for a in played.dips}


def test_files_that_come_twice_change_nothing(on_time: Played, tmp_path: Path) -> None:
    every = frozenset(range(DIP_FROM - 4, DIP_TO + 4))
    played = play(tmp_path, on_time.case, Trouble(doubled=every, again=every), [CAMPAIGN])
    assert said(played.dips) == said(on_time.dips)


def test_after_a_restart_in_the_dip_all_goes_on_as_if_nothing_had_happened(
    on_time: Played, tmp_path: Path
) -> None:
    first = play(tmp_path / "a", on_time.case, reports=[CAMPAIGN], until=DIP_FROM + 5)
    assert first.alerts(kind="dip", status="open")
    again = Heart(first.store, first.heart.settings)
    rest = play(tmp_path / "b", on_time.case, reports=[CAMPAIGN], heart=again)
    assert exactly(rest) == exactly(on_time)


def exactly(played: Played) -> str:
    return json.dumps(alerts_json(played.store, TODAY))


class HandClock:
    """Moves when it is told to."""

    speed = 1.0

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def test_a_replay_of_the_archive_says_what_was_said_live_though_files_came_late(
    tmp_path: Path,
) -> None:
    chosen = one_channel()
    late = {11: 12.0} | {DIP_FROM + i: 24.0 - 4.5 * i for i in range(1, 6)}
    config = write_case(tmp_path / "made", chosen, Trouble(late=late), [CAMPAIGN])
    made = load_settings(config)
    waiting = recorded(tmp_path / "made" / "recorded", made)
    text = config.read_text(encoding="utf-8").replace("recorded/", "inbox/")
    text = text.replace('performance" }', 'performance", settle = "0s" }')
    settings = load_settings(_written(tmp_path / "monitor.toml", text))
    inbox = settings.feed[0].source.path
    inbox.mkdir(parents=True)
    clock = HandClock(made.campaign_by_id(TODAY).start)
    live = open_store(None)
    runtime = Runtime(live, settings, clock)
    until = clock.at + timedelta(minutes=5 * (DIP_TO + 3))
    while clock.at < until:
        while waiting and waiting[0][0] <= clock.at:
            _, arrival = waiting.pop(0)
            arrival.path.rename(inbox / arrival.path.name)
        runtime.pulse()
        assert runtime.health.failure is None
        clock.at += timedelta(seconds=97)
    again = open_store(None)
    replay(Heart(again, settings), tmp_path / "inbox" / "archive", until=runtime.heart.last_tick)
    expected = alerts_json(live)["alerts"]
    assert [a for a in expected if a["rule"] == "conversion_dip" and a["found_late"]]
    assert json.dumps(alerts_json(again)["alerts"]) == json.dumps(expected)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


MONEY = Report("money", "cumulative_campaign", ("gmv", "orders"))
SALES = Report("sales", "cumulative_campaign", ("orders",))
PEOPLE = Report("people", "cumulative_campaign", ("visitors",))


@pytest.mark.parametrize(
    ("late", "waits", "speaks"),
    [
        ("sales", {"orders_dip", "conversion_dip"}, {"traffic_dip"}),
        ("people", {"traffic_dip", "conversion_dip"}, {"orders_dip"}),
    ],
)
def test_a_rule_waits_for_its_own_feeds_only(
    late: str, waits: set[str], speaks: set[str], tmp_path: Path
) -> None:
    """While one feed is half an hour late, the other's rules speak on time."""
    feeds = [SALES, PEOPLE] if late == "sales" else [PEOPLE, SALES]
    faults = Trouble(late=dict.fromkeys(range(DIP_FROM, DIP_TO), 30.0))
    played = play(tmp_path, one_channel("visitors"), faults, feeds, until=DIP_FROM + 4)
    told = {a.rule for a in played.dips}
    assert speaks <= told
    assert not waits & told
    play(tmp_path, played.case, faults, feeds, heart=played.heart, until=34)
    found = {a.rule: a.found_late for a in played.dips if a.due_at < played.at(DIP_TO)}
    assert {rule for rule, was_late in found.items() if was_late} & waits
    assert not {rule for rule, was_late in found.items() if was_late} & speaks


def test_feeds_of_another_cadence_wait_for_each_other_only_where_a_rule_reads_both(
    tmp_path: Path,
) -> None:
    """Orders every five minutes, visitors every quarter of an hour."""
    played = play(tmp_path, one_channel(), reports=[SALES, replace(PEOPLE, every=3)], until=DIP_TO)
    [orders] = [a for a in played.dips if a.rule == "orders_dip"]
    assert not orders.found_late
    assert {str(a.scope) for a in played.accusing} == {str(played.case.dips[0].scope)}


# --- who comes, who goes --------------------------------------------------------------------------


def test_a_newcomer_at_noon_disturbs_nobody(on_time: Played, tmp_path: Path) -> None:
    chosen = on_time.case
    event = chosen.event
    first = DIP_FROM + 4
    like = int(np.argmax(event.amounts["gmv"].sum(axis=1)))
    other = next(c for c in event.dims["channel"] if c != chosen.dips[0].scope["channel"])
    named = {"channel": other, "creator_id": "new"}
    dims = {d: (*values, named.get(d, values[like])) for d, values in event.dims.items()}
    amounts = {}
    for metric, grid in event.amounts.items():
        row = np.where(np.arange(event.buckets) >= first, grid[like], 0.0)
        amounts[metric] = np.concatenate([grid, row[None]])
    grown = replace(chosen, event=replace(event, dims=dims, amounts=amounts))
    played = play(tmp_path, grown, reports=[replace(CAMPAIGN, every_key=False)])
    scope = chosen.dips[0].scope
    mine = {(a.rule, a.breach_start, a.due_at, a.resolve_event) for a in played.alerts(scope=scope)}
    assert mine == {
        (a.rule, a.breach_start, a.due_at, a.resolve_event) for a in on_time.alerts(scope=scope)
    }
    assert not [a for a in played.accusing if a.scope.get("channel") == other]


def test_a_campaign_of_one_member_is_judged(tmp_path: Path) -> None:
    whole = evening()
    one = _together(whole)
    broken = dipped(one, Dip({}, "conversion", 0.6, DIP_FROM * 5, DIP_TO * 5))
    played = play(tmp_path, broken, reports=[CAMPAIGN])
    assert {a.rule for a in played.accusing} >= {"conversion_dip"}
    assert all(hits(broken.event, a, broken.dips[0]) for a in played.alarms())


def _together(chosen: Case) -> Case:
    """All members as one, of one channel."""

    def one(event: Event) -> Event:
        amounts = {m: grid.sum(axis=0, keepdims=True) for m, grid in event.amounts.items()}
        plans = tuple(p for p in event.plans if not p.scope)
        return replace(event, dims={"channel": ("all",)}, amounts=amounts, plans=plans)

    event = one(chosen.event)
    return replace(chosen, event=event, healthy=event, pasts=tuple(map(one, chosen.pasts)))


def test_a_feed_that_only_counts_orders_per_interval_is_judged(tmp_path: Path) -> None:
    report = Report("counts", "interval", ("orders",))
    played = play(tmp_path, one_channel(), reports=[report])
    assert {a.rule for a in played.accusing} == {"orders_dip"}
    assert all(hits(played.case.event, a, played.case.dips[0]) for a in played.alarms())


def test_feeds_without_a_row_say_nothing(tmp_path: Path) -> None:
    settings = load_settings(write_case(tmp_path, evening(), reports=[MONEY, PEOPLE]))
    heart = Heart(open_store(None), settings)
    start = settings.campaign_by_id(TODAY).start
    for minutes in range(0, 60, 5):
        heart.tick(start + timedelta(minutes=minutes))
    assert not [a for a in alerts_json(heart.store)["alerts"] if a["kind"] != "data"]


# --- what people change ---------------------------------------------------------------------------


def test_a_rule_that_is_switched_off_ends_its_alerts_and_the_rest_is_judged_anew(
    on_time: Played, tmp_path: Path
) -> None:
    played = play(tmp_path, on_time.case, reports=[CAMPAIGN], until=DIP_FROM + 5)
    assert played.alerts(rule="conversion_dip", status="open")
    book, store = played.heart.rulebook, played.store
    off = _switched_off(book.text, "conversion_dip")
    file_rules = configured(played.heart.settings)
    now = played.heart.last_tick
    assert now is not None
    save(store, file_rules, off, "lead@example.com", "too loud", now, book.version)
    play(tmp_path, on_time.case, reports=[CAMPAIGN], heart=played.heart)
    gone = played.alerts(rule="conversion_dip")
    assert {a.resolve_reason for a in gone} == {"rule_changed"}
    rest = [a for a in said(on_time.dips) if a["rule"] in ("orders_dip", "gmv_dip")]
    assert rest
    kept = {(a.rule, str(a.scope), a.breach_start) for a in played.dips}
    for alert in on_time.dips:
        if alert.rule in ("orders_dip", "gmv_dip") and alert.covered_by is None:
            assert (alert.rule, str(alert.scope), alert.breach_start) in kept


def _switched_off(text: str, name: str) -> str:
    head, rest = text.split(f'name = "{name}"')
    return f'{head}name = "{name}"' + rest.replace("enabled = true", "enabled = false", 1)


def test_undo_of_a_wrong_file_leaves_the_alerts_of_the_right_ones(
    on_time: Played, tmp_path: Path
) -> None:
    """A file with one reading too low is taken back; what is told from then on is as without it."""
    played = play(tmp_path, on_time.case, reports=[CAMPAIGN], until=DIP_FROM - 4)
    [path] = (tmp_path / "recorded").rglob(f"{TODAY}-{DIP_FROM - 5:04}@*.csv")
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    place = header.split(",").index("orders")
    wrong = []
    for row in rows:
        cells = row.split(",")
        cells[place] = str(int(cells[place]) // 2)
        wrong.append(",".join(cells))
    path.write_text("\n".join([header, *wrong]) + "\n", encoding="utf-8")
    heart = played.heart
    assert heart.last_tick is not None
    now = heart.last_tick + timedelta(seconds=5)
    arrival = next(a for _, a in recorded(path.parent.parent, heart.settings) if a.path == path)
    assert instant_of(arrival, heart.settings)
    [loaded] = heart.tick(now, [arrival], publish=False).loaded
    heart.tick(now + timedelta(seconds=5), undo=[(loaded.batch_id, "intern@example.com")])
    play(tmp_path, on_time.case, reports=[CAMPAIGN], heart=heart)
    assert said(played.dips) == said(on_time.dips)


# --- several days ---------------------------------------------------------------------------------


def test_an_event_of_two_days_over_its_midnight(tmp_path: Path) -> None:
    """The counters begin anew, half an hour after a dip."""
    chosen = hours(*EVENING[:2], 20, 26)
    midnight = 4 * 12
    scope = {"channel": largest(chosen.event, "channel")}
    broken = dipped(chosen, Dip(scope, "conversion", 0.65, (midnight - 16) * 5, (midnight - 6) * 5))
    played = play(tmp_path, broken, since=midnight - 18, until=midnight + 10)
    assert [a for a in played.alarms() if hits(broken.event, a, broken.dips[0])]
    about = played.at(midnight - 2), played.at(midnight + 10)
    assert not [a for a in played.accusing if about[0] <= (a.breach_start or about[0]) < about[1]]
