"""Evaluation cases as files: counters that tell what the arrays hold, and the trouble on their way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from monitor.detect.event import Event, Planned
from monitor.evaluate.case import Case
from monitor.evaluate.files import TODAY, Report, readings, starts_of, write_case
from monitor.evaluate.trouble import KINDS, Correction, Trouble, trouble
from monitor.ingest.arrivals import instant_of
from monitor.replay import recorded
from monitor.settings import load_settings

START = datetime(2026, 11, 11, tzinfo=ZoneInfo("Asia/Kuala_Lumpur"))
BUCKETS = 300  # a day and an hour


def event(buckets: int = BUCKETS) -> Event:
    rng = np.random.default_rng(4)
    orders = rng.poisson(3, (3, buckets)).astype(float)
    amounts = {"gmv": np.round(orders * 9.99, 2), "orders": orders}
    dims = {"channel": ("live", "live", "video"), "creator_id": ("a", 'b, "B"', "c")}
    usable = {m: np.ones(buckets, bool) for m in amounts}
    plans = (Planned("show", 10, 20, {"creator_id": "a"}),)
    return Event("made", dims, amounts, usable, plans, weekday=2)


def case() -> Case:
    return Case("made", event(), (replace(event(), name="before"),), (), event(), True, True)


@pytest.mark.parametrize("counter", ["cumulative_day", "cumulative_campaign", "interval"])
@pytest.mark.parametrize("read_after_s", [0.0, 30.0])
def test_a_counter_tells_all_that_came(counter: str, read_after_s: float) -> None:
    made = event()
    report = Report(counter=counter, read_after_s=read_after_s)  # type: ignore[arg-type]
    every = list(readings(made, START, report))
    orders = np.stack([r.values[:, 1] for r in every], axis=1)
    if counter == "cumulative_day":
        told = orders[:, 287] + orders[:, -1]
    else:
        told = orders.sum(axis=1) if counter == "interval" else orders[:, -1]
    np.testing.assert_array_equal(told, made.amounts["orders"].sum(axis=1))
    at = [r.observed_at for r in every]
    assert at == sorted(at)
    assert all(20 <= (r.arrives_at - r.observed_at).total_seconds() <= 41 for r in every)


def test_the_last_reading_of_a_day_comes_before_midnight() -> None:
    every = list(readings(event(), START))
    assert every[287].observed_at == START + timedelta(hours=23, minutes=59, seconds=30)
    assert every[288].values.sum() < every[287].values.sum()


def test_a_gap_is_read_over() -> None:
    made = event(24)
    made.usable["orders"][10:14] = False
    buckets = [r.bucket for r in readings(made, START)]
    assert buckets == [*range(10), *range(13, 24)]


def test_reset_correction_and_missing_keys() -> None:
    faults = Trouble(reset=5, corrections=(Correction(9, 1, 0.5),), missing={12: (0,)})
    every = list(readings(event(24), START, Report(every_key=True), faults))
    orders = np.stack([r.values[:, 1] for r in every])
    assert (orders[5] == 0).all()
    fell = [
        (b + 1, int(m)) for b, (x, y) in enumerate(pairwise(orders)) for m in np.flatnonzero(y < x)
    ]
    assert fell == [(5, 0), (5, 1), (5, 2), (9, 1)]
    assert [r.bucket for r in every if not r.present[0]] == [12]


def test_a_case_is_a_recording_that_can_be_replayed(tmp_path: Path) -> None:
    faults = Trouble(late={7: 12.0}, doubled=frozenset({8}), again=frozenset({8}))
    settings = load_settings(write_case(tmp_path, case(), faults))
    campaign = settings.campaign_by_id(TODAY)
    assert (campaign.compare_with, campaign.start.weekday()) == (("past-0",), 2)
    assert campaign.plan[0].start == campaign.start + timedelta(minutes=50)
    files = recorded(tmp_path / "recorded", settings)
    assert len(files) == 1 + BUCKETS + 1
    arrived = {a.path.name.split("@")[0]: instant_of(a, settings) for _, a in files}
    late, next_one = arrived["event-0007"], arrived["event-0008"]
    assert late is not None
    assert next_one is not None
    assert late > next_one
    twice = next(a.path for _, a in files if a.path.name.startswith("event-0009")).read_text()
    assert len(twice.splitlines()) == 1 + 2 * 3
    assert '"b, ""B"""' in twice


def test_events_begin_weeks_apart_on_their_weekday() -> None:
    before, now = starts_of(case())
    assert before.weekday() == now.weekday() == 2
    assert now - before >= timedelta(weeks=3)


def test_trouble_is_the_same_for_a_seed_and_only_of_the_kinds_asked_for() -> None:
    assert trouble(event(), 7) == trouble(event(), 7) != trouble(event(), 8)
    assert trouble(event(), 7, []) == Trouble()
    late = trouble(event(), 7, ["late"])
    assert late.late == trouble(event(), 7, KINDS).late
    assert (late.reset, late.corrections, late.missing) == (None, (), {})
    with pytest.raises(ValueError, match="known kinds"):
        trouble(event(), 7, ["rain"])
