"""The command's tables and pictures, from a run that a stand-in for the detector made."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from monitor.detect.event import Event
from monitor.detect.shipped import SHIPPED
from monitor.evaluate import __main__ as command
from monitor.evaluate import report, simulated
from monitor.evaluate.alarm import Alarm
from monitor.evaluate.days import case
from monitor.evaluate.drawing import Chart, svg
from monitor.evaluate.trace import Trace, observed, trace

SEEDS = (1, 2)
again = cache(
    lambda family, seed, cold=False, quiet_share=0.0: case(family, seed, cold, quiet_share)
)
SVG = "{http://www.w3.org/2000/svg}"


def told(event: Event, pasts: tuple[Event, ...]) -> list[Alarm]:
    """Tells the first dip of every project case of these seeds, and one false alarm."""
    found = [Alarm("gmv_dip", "gmv", {}, 30, 31, 33, fall=0.2)]
    for seed in SEEDS:
        one = again("project", seed)
        if one.dips and np.array_equal(one.event.amounts["gmv"], event.amounts["gmv"]):
            first = one.dips[0].buckets(5.0)[0]
            found.append(Alarm("x", "visitors", one.dips[0].scope, first, first + 2, first + 9))
    return found


def as_it_was(
    event: Event, pasts: object, scope: dict[str, str], measure: str, healthy: Event
) -> Trace:
    nothing = np.full(event.buckets, np.nan)
    sound = observed(healthy, scope, measure)
    return Trace(observed(event, scope, measure), sound, nothing, nothing, ours=False)


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    monkeypatch.setattr(simulated, "detector", lambda name: told)
    monkeypatch.setattr(simulated, "case", again)
    monkeypatch.setattr(report, "detector", lambda name: told)
    monkeypatch.setattr(report, "case", again)
    monkeypatch.setattr(report, "trace", as_it_was)
    out = tmp_path / "run.json"
    words = "simulated --generator project --seed 1 --days 2 --quiet-share 0 --processes 1 --out"
    assert command.main([*words.split(), str(out)]) == 0
    return out


def test_a_run_prints_tables_and_what_to_look_at(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = capsys.readouterr().out
    document = json.loads(run.read_text(encoding="utf-8"))
    score = document["detectors"]["monitor"]
    assert document["seeds"] == [1, 2]
    assert len(score["hits"]) == 2
    first = printed.splitlines()[1].split()
    assert first[:3] == ["cases,", "campaign-days,", "dips"]
    assert first[3:5] == ["2,", "2,"]
    assert f"{len(score['misses'])} misses" in printed
    assert f"{len(score['false'])} false events" in printed


def test_a_report_has_tables_and_pictures_of_hits_and_false_alarms(run: Path) -> None:
    written = report.write(run, run.parent / "report")
    names = {path.name for path in written}
    assert {"set-b.md", "hit-1.svg", "false-1.svg"} <= names
    text = (run.parent / "report" / "set-b.md").read_text(encoding="utf-8")
    assert text.startswith("2 cases, 2 campaign-days")
    assert "| monitor |" in text
    for name in names - {"set-b.md"}:
        assert f"({name})" in text
        ElementTree.fromstring((run.parent / "report" / name).read_text(encoding="utf-8"))


def test_jobs_are_seeds_until_there_are_days_enough() -> None:
    todo = simulated.jobs("other", 1, 7)
    assert [job.seed for job in todo] == [1, 2, 3]  # one day, one day, five days
    both = simulated.jobs("both", 1, 2)
    assert [(job.family, job.seed) for job in both] == [
        ("project", 1), ("project", 2), ("other", 1), ("other", 2),
    ]  # fmt: skip


def test_detectors_are_named_one_by_one_or_all_at_once() -> None:
    assert simulated.names("monitor; monitor@0.8") == ("monitor", "monitor@0.8")
    rivals = simulated.names("rivals")
    assert "last hour" in rivals
    assert simulated.names("tuned rivals") == tuple(f"{name}, tuned" for name in rivals)
    for wrong in ("monitor@", "monitor@-1", "rival"):
        with pytest.raises(ValueError, match=wrong):
            simulated.names(wrong)


def test_a_sensitivity_reaches_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setattr(
        simulated, "alarms", lambda event, pasts, rules: seen.extend(r.sensitivity for r in rules)
    )
    simulated.detector.__wrapped__("monitor@0.5")(again("project", 1).event, ())
    assert seen == [rule.sensitivity * 0.5 for rule in SHIPPED]


def test_an_unknown_detector_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main(["simulated", "--detector", "clairvoyant"])
    assert refused.value.code == 2
    assert "clairvoyant" in capsys.readouterr().err


def test_a_chart_shows_what_is_known_and_escapes_its_words() -> None:
    n = 6
    values = np.array([1.0, 2.0, np.nan, 4.0, 5.0, 6.0])
    unknown = np.full(n, np.nan)
    minute = np.arange(0, 30, 5, dtype=np.float64)
    chart = Chart(
        "<b> & co", "note", minute, 5.0, values, values + 1, unknown, unknown,
        [(5.0, 15.0)], [12.0, 500.0],
    )  # fmt: skip
    root = ElementTree.fromstring(svg(chart))
    texts = [node.text for node in root.iter(f"{SVG}text")]
    assert "<b> & co" in texts
    lines = [
        p.attrib["d"] for p in root.iter(f"{SVG}path") if "1.8" in p.attrib.get("stroke-width", "")
    ]
    assert [d.count("M") for d in lines] == [2, 2]  # broken where nothing is known
    broken = [r for r in root.iter(f"{SVG}rect") if r.attrib["fill"] == "#f6d5d0"]
    assert float(broken[0].attrib["width"]) == pytest.approx(690 / 3, abs=0.1)
    marks = [p for p in root.iter(f"{SVG}path") if p.attrib.get("stroke") == "#b42318"]
    assert len(marks) == 1  # the other alarm lies outside


def test_a_rate_is_read_from_its_sums() -> None:
    event = again("project", 1).event
    hit = np.array(event.dims["channel"]) == "video"
    orders, visitors = (event.amounts[m][hit].sum(axis=0) for m in ("orders", "visitors"))
    rate = observed(event, {"channel": "video"}, "conversion")
    some = (visitors > 0) & event.usable["orders"]
    assert some.any()
    assert np.allclose(rate[some], orders[some] / visitors[some])


def test_the_detectors_curve_is_there_for_wide_scopes_and_the_healthy_day_for_narrow_ones() -> None:
    buckets = 24
    amounts = {
        "orders": np.full((3, buckets), 40.0),
        "visitors": np.full((3, buckets), 1000.0),
        "gmv": np.full((3, buckets), 2000.0),
    }
    event = Event(
        "flat",
        {"channel": ("a", "a", "b"), "creator_id": ("x", "y", "z")},
        amounts,
        {name: np.ones(buckets, bool) for name in amounts},
    )
    wide = trace(event, (), {"channel": "a"}, "gmv", event)
    assert wide.ours
    assert wide.observed.tolist() == [4000.0] * buckets
    assert wide.expected[12:] == pytest.approx(4000.0, rel=0.02)
    assert (wide.low[12:] < wide.expected[12:]).all()
    narrow = trace(event, (), {"creator_id": "z"}, "gmv", event)
    assert not narrow.ours
    assert narrow.expected.tolist() == [2000.0] * buckets
