"""Set A: labels become dips, alarms meet them, and the run counts right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitor.detect.series import Bools, Floats
from monitor.evaluate import kpis
from monitor.evaluate.kpis import account, evaluate, figures, interval, main, of_flags
from monitor.evaluate.labelled import PER_DAY, WARM_DAYS, Dip, Kpi, Truth, read, spans, truth

DAYS = 20
NOON = PER_DAY // 2
LATER = 16 * PER_DAY + NOON


def amounts(seed: int = 1) -> Floats:
    at = np.arange(DAYS * PER_DAY)
    noise = np.random.default_rng(seed).normal(1.0, 0.02, at.size)
    return 100.0 * (1.5 + np.sin(2 * np.pi * (at / PER_DAY - 0.25))) * noise


def kpi(*falls: tuple[int, int, float], labels: bool = True, name: str = "k") -> Kpi:
    """With (first, buckets, factor) put in, and labelled if so wished."""
    values, labelled = amounts(), np.zeros(DAYS * PER_DAY, bool)
    for first, buckets, factor in falls:
        values[first : first + buckets] *= factor
        labelled[first : first + buckets] = labels
    return Kpi(name, values, labelled)


def test_only_labelled_falls_are_dips():
    found = truth(kpi((LATER, 10, 0.5), (LATER + 600, 10, 3.0), (LATER + 900, 10, 0.95)))
    assert [(dip.first, dip.end) for dip in found.dips] == [(LATER, LATER + 10)]
    assert found.dips[0].depth == pytest.approx(0.5, abs=0.05)
    assert found.stretches == 3
    assert truth(kpi((LATER, 10, 0.5), labels=False)).dips == ()


def test_a_blip_and_a_slight_fall_are_doubtful():
    found = truth(kpi((LATER, 1, 0.5), (LATER + 600, 10, 0.82)))
    assert found.dips == ()
    assert found.doubtful == ((LATER, LATER + 1), (LATER + 600, LATER + 610))


def test_dips_within_an_hour_are_one_incident_and_far_ones_are_two():
    close = truth(kpi((LATER, 4, 0.5), (LATER + 12, 4, 0.3)))
    assert [(dip.first, dip.end) for dip in close.dips] == [(LATER, LATER + 16)]
    assert close.dips[0].depth == pytest.approx(0.7, abs=0.05)
    far = truth(kpi((LATER, 4, 0.5), (LATER + 40, 4, 0.5)))
    assert len(far.dips) == 2


def test_dips_of_the_warm_up_do_not_count():
    found = truth(kpi((5 * PER_DAY, 10, 0.3)))
    assert found.dips == ()
    assert found.stretches == 0
    assert (5 * PER_DAY, 5 * PER_DAY + 10) in found.doubtful


def test_what_falls_below_zero_or_is_mostly_zero_is_no_amount():
    flags = np.zeros(10, bool)
    assert Kpi("a", np.ones(10), flags).is_amount
    assert not Kpi("b", np.linspace(-1, 1, 10), flags).is_amount
    assert not Kpi("c", np.array([0.0] * 5 + [1.0] * 5), flags).is_amount


def test_spans_bridge_up_to_three_buckets():
    marks = np.zeros(20, bool)
    marks[[2, 6, 11]] = True
    assert spans(marks) == [(2, 7), (11, 12)]
    assert spans(np.zeros(5, bool)) == []


def test_alarms_are_hits_repeats_doubtful_or_false():
    labels = Truth(
        3, (Dip(LATER, LATER + 6, 0.5), Dip(LATER + 300, LATER + 306, 0.5)), ((5000, 5010),)
    )
    found = account(
        kpi(), labels, [100, LATER - 3, LATER - 2, LATER + 5, LATER + 307, LATER + 400, 5005]
    )
    assert found.told == (LATER - 2, None)
    assert found.repeats == 1
    assert found.doubtful == 1
    assert found.false == (LATER - 3, LATER + 307, LATER + 400)
    assert found.days == DAYS - WARM_DAYS
    assert found.days_near == 4  # days 15 to 18
    assert found.false_near == 3


def test_figures_are_those_of_the_counts():
    labels = Truth(2, (Dip(LATER, LATER + 6, 0.3), Dip(LATER + 300, LATER + 306, 0.9)), ())
    found = account(kpi(), labels, [LATER + 1, LATER + 100, LATER + 150, LATER + 160])
    figure = figures([found])
    assert (figure["hit"], figure["dips"], figure["false"]) == (1, 2, 3)
    assert figure["recall"] == pytest.approx(1 / 2)
    assert figure["precision"] == pytest.approx(1 / 4)
    assert figure["f1"] == pytest.approx(1 / 3)
    assert figure["false_a_day"] == pytest.approx(3 / (DAYS - WARM_DAYS))
    assert figure["delay_median"] == 10.0
    assert figure["by_depth"]["25%–40%"] == {"hit": 1, "of": 1}
    assert figure["by_depth"]["70%–100%"] == {"hit": 0, "of": 1}
    low, high = interval([found])
    assert low <= figure["f1"] <= high


def test_a_rival_needs_two_flags_and_ends_after_three_clear_ones():
    def flags(text: str) -> Bools:
        return np.array([mark == "x" for mark in text])

    assert of_flags(flags(".x.x..xx.x..xx")) == [7]
    assert of_flags(flags(".xx...xx")) == [2, 7]
    assert of_flags(flags("......")) == []


def test_a_gap_at_the_start_and_the_order_of_rows_do_not_matter(written: Path):
    one, other = read(written)
    assert (one.name, other.name) == ("dips", "spikes")
    assert np.isnan(one.values[:30]).all()
    assert one.values[30] == pytest.approx(amounts()[30])
    assert one.labelled[LATER : LATER + 10].all()
    assert one.labelled.sum() == 10


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Two KPIs that start at 02:30; one has a dip, the other a spike."""
    tables = []
    for one in (kpi((LATER, 10, 0.3), name="dips"), kpi((LATER, 10, 4.0), name="spikes")):
        at = pd.Timestamp("2017-05-01", tz="UTC") + pd.to_timedelta(
            np.arange(DAYS * PER_DAY) * 5, "min"
        )
        table = pd.DataFrame(
            {"kpi": one.name, "time": at, "value": one.values, "anomaly": one.labelled}
        )
        tables.append(table.iloc[30:])
    path = tmp_path / "kpis.parquet"
    pd.concat(tables).sample(frac=1.0, random_state=1).to_parquet(path)
    return path


@pytest.fixture
def few_rivals(monkeypatch: pytest.MonkeyPatch):
    def never(values: Floats, per_day: int) -> Bools:
        return np.zeros(len(values), bool)

    def always(values: Floats, per_day: int) -> Bools:
        return np.ones(len(values), bool)

    monkeypatch.setattr(kpis, "_rivals", lambda: {"never": never, "always": always})


def test_a_run_finds_the_dip_and_not_the_spike(
    written: Path, few_rivals: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "run.json"
    assert main([str(written), "--json", str(out)]) == 0
    text = capsys.readouterr().out
    assert "2 of 2 KPIs are amounts" in text
    assert "never" in text
    document = json.loads(out.read_text())
    assert document["pace"]["f1"] == 1.0
    assert document["pace"]["delay_median"] == 10.0
    assert document["rivals"]["never"]["f1"] == 0.0
    assert document["rivals"]["always"]["hit"] == 0  # it fires before the warm-up and never ends
    assert document["missed"] == document["false"] == []


def test_thresholds_can_be_chosen_on_the_other_half(
    written: Path, few_rivals: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kpis, "GRID", {"least_fall": (0.35, 0.9)})
    monkeypatch.setattr(kpis, "FIRST_HALF", frozenset({"dips"}))
    monkeypatch.setattr(kpis, "CURVE", (0.9,))
    document = evaluate(written, cross=True, curve=True)
    assert document["cross"]["chosen on 1"]["thresholds"] == {"least_fall": 0.35}
    assert document["cross"]["chosen on 1"]["there"]["f1"] == 1.0
    assert document["cross"]["chosen on 1"]["on the other"]["dips"] == 0
    assert document["curve"]["0.9"]["hit"] == 0
    assert "least fall 0.9" in kpis.table(document)


def test_what_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MONITOR_KPIS", raising=False)
    assert main([]) == 2
    assert "MONITOR_KPIS" in capsys.readouterr().err
    assert main([str(tmp_path / "none.parquet")]) == 2
    assert "none.parquet" in capsys.readouterr().err
    other = tmp_path / "other.parquet"
    pd.DataFrame({"kpi": ["a"], "time": [1]}).to_parquet(other)
    monkeypatch.setenv("MONITOR_KPIS", str(other))
    assert main([]) == 2
    assert "anomaly, value" in capsys.readouterr().err
