"""After an outage everything missed is read oldest first, and the alerts are those that would have
been told, but for when they were found.

Left out of the comparison: `feed_late`. To a monitor that was down its feeds were silent, and what it
says of that is its own story, not the sale's.
"""

from __future__ import annotations

import functools

import pytest

from monitor.alerts.records import Alert, load_alerts
from monitor.tick import Heart
from tests.conftest import File, ingest, local
from tests.scenarios.shop import Share, Shop, a_night, alerts, between, live, moment, told

FEEDS = {"sales": "cumulative_day", "traffic": "cumulative_day"}
TROUBLE: dict[str, Share] = {
    "a dip within the outage": between("03:00", "03:25", 0.2, "gmv", "orders"),
    "a dip that began before it": between("02:45", "03:20", 0.3, channel="live"),
    "a dip that is not over": between("03:00", "05:00", 0.2),
}
DOWN, UP, UNTIL = "02:55", "03:35", "03:50"


def two_feeds(gain: Share) -> tuple[dict[str, File], dict[str, File]]:
    """The same night from two sources: money from one, visitors from the other."""
    sales = Shop(gain=gain, metrics=("gmv", "orders")).files("03:50", "sales")
    return sales, Shop(gain=gain, metrics=("visitors",)).files("03:50", "traffic")


def on_time(*sources: dict[str, File]) -> Heart:
    heart = a_night(FEEDS)
    live(heart, *sources, since="02:45", until=UNTIL)
    return heart


@functools.cache
def never_down(name: str) -> Heart:
    return on_time(*two_feeds(TROUBLE[name]))


def after_an_outage(*sources: dict[str, File]) -> Heart:
    """Down from `DOWN` to `UP`; a new process takes all that lies there, oldest first."""
    first = a_night(FEEDS)
    live(first, *sources, since="02:45", until=DOWN)
    heart = Heart(first.store, first.settings)
    missed = [f[at] for at in sorted(sources[0]) if DOWN < at <= UP for f in sources]
    heart.tick(local("03:10"), publish=False)  # what the runtime catches up on: bucket ends
    ingest(heart, *missed, now=moment(UP))
    live(heart, *sources, since=UP, until=UNTIL, history=False)
    return heart


@pytest.mark.parametrize("name", TROUBLE)
def test_an_outage_of_forty_minutes_changes_no_alert(name: str) -> None:
    sources = two_feeds(TROUBLE[name])
    always, caught_up = never_down(name), after_an_outage(*sources)
    expected = told(always)
    assert [a for a in expected if a["kind"] == "dip"], "nothing to compare"
    assert told(caught_up, but=("feed_late",)) == expected
    missed = [a for a in load_alerts(caught_up.store, "sale") if found_in_outage(a)]
    assert all(a.found_late and a.opened_at == moment(UP) for a in missed)
    assert missed or name == "a dip that began before it"
    assert not any(a.found_late for a in alerts(always))


def found_in_outage(alert: Alert) -> bool:
    return alert.rule != "feed_late" and moment(DOWN) < alert.due_at < local("03:24")


def test_all_at_once_gives_what_file_by_file_gave() -> None:
    sources = two_feeds(TROUBLE["a dip within the outage"])
    heart = a_night(FEEDS)
    every = [f[at] for at in sorted(sources[0]) for f in sources]
    ingest(heart, *every, now=moment(UNTIL))
    assert told(heart) == told(never_down("a dip within the outage"))
    assert all(a.found_late for a in alerts(heart) if a.due_at < local("03:40"))


def test_a_stuck_counter_and_a_reset_in_the_outage_are_told_afterwards() -> None:
    """They came and went while nobody looked: told with their own times, and over already."""
    stuck = Shop(frozen=("02:55", "03:20")).files("03:50", "sales")
    reset = Shop(seed=3, shown=lambda at, v: 0 if at == "03:10" else v).files("03:50", "traffic")
    always, caught_up = on_time(stuck, reset), after_an_outage(stuck, reset)
    expected = told(always)
    assert {"stuck_counter", "counter_reset"} <= {a["rule"] for a in expected}
    assert told(caught_up, but=("feed_late",)) == expected
    for rule in ("stuck_counter", "counter_reset"):
        [alert] = alerts(caught_up, rule=rule)
        assert (alert.status, alert.found_late) == ("resolved", True)
