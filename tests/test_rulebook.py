"""Rules as data: what a file may say, what is kept, and what a change would have told."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from monitor.clock import to_db
from monitor.detect.event import MEASURES
from monitor.detect.rule import COMBINATIONS, Rule
from monitor.errors import ConfigError, MonitorError
from monitor.rulebook import (
    Severities,
    configured,
    current,
    history,
    in_force,
    load,
    parse,
    render,
    save,
    severity_of,
    shipped,
    take_effect,
)
from monitor.rulebook import words as rw
from monitor.rulebook.always import ALWAYS_ON
from monitor.rulebook.book import SCOPES
from monitor.rulebook.preview import compare
from monitor.rulebook.versions import Changed, file_changed
from monitor.settings import parse_settings
from monitor.store import Store, open_store

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
FILE = shipped()
CALMER = FILE.text.replace('least_fall = "15%"', 'least_fall = "25%"', 1)


def rule(**keys: str) -> str:
    """One rule in TOML; values as they are written there."""
    given = {"name": '"gmv_dip"', "measure": '"gmv"', **keys}
    return "[[rule]]\n" + "".join(f"{k} = {v}\n" for k, v in given.items())


def one(**keys: str) -> Rule:
    return parse(rule(**keys), "my.toml").rules[0]


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse(text, "my.toml")
    return str(error.value)


# --- the file -------------------------------------------------------------------------------------


def test_the_shipped_rules_are_the_ones_that_are_promised() -> None:
    assert [(r.name, r.measure, r.kind, r.up) for r in FILE.rules] == [
        ("gmv_dip", "gmv", "dip", False),
        ("traffic_dip", "visitors", "dip", False),
        ("orders_dip", "orders", "dip", False),
        ("conversion_dip", "conversion", "dip", False),
        ("aov_dip", "aov", "dip", False),
        ("ctr_dip", "ctr", "dip", False),
        ("ctor_dip", "ctor", "dip", False),
        ("refund_surge", "refund_rate", "dip", True),
        ("flatline", "orders", "flatline", False),
        ("opportunity", "gmv", "surge", True),
    ]
    assert FILE.enabled == FILE.rules
    assert FILE.version == 0
    assert FILE.severity == Severities(0.08, 0.01)
    opportunity = FILE.rule("opportunity")
    assert opportunity is not None
    assert set(opportunity.scopes) == {("creator_id",), ("live_id",), ("slot_id",)}
    assert {r.name for r in FILE.rules} == set(rw.TITLES)


def test_every_key_is_read() -> None:
    got = one(
        kind='"surge"', scopes='["live", "channel+category", "channel"]', only='{ channel = "live" }',
        least_fall='"120%"', least_at_risk="500", sensitivity="2", keep='"30m"', enabled="false",
        phases='["Evening ", "last call"]', severity='"info"', **{"for": '"90s"'},
    )  # fmt: skip
    assert got == Rule(
        "gmv_dip", "gmv", "surge", True, (("channel",), ("category", "channel"), ("live_id",)),
        {"channel": "live"}, 1.2, 500.0, True, 2.0, timedelta(seconds=90), timedelta(minutes=30),
        ("evening", "last call"), "info", False,
    )  # fmt: skip


def test_what_is_left_out_has_its_default() -> None:
    assert one() == Rule("gmv_dip", "gmv", scopes=tuple(SCOPES.values()))
    assert one(kind='"flatline"').least_fall == 1.0
    assert set(SCOPES.values()) == set(COMBINATIONS)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"least_fal": '"3%"'}, "least_fal = '3%': unknown key; check its spelling or remove it"),
        ({"least_fall": "15"}, "least_fall = 15: write a percentage in quotes, such as \"15%\""),
        ({"least_fall": '"150%"'}, "least_fall = 150%: at most 100% downwards"),
        ({"least_fall": '"-5%"'}, "least_fall = '-5%': write a percentage"),
        ({"least_fall": '"2000%"', "direction": '"up"'}, "at most 1000% upwards"),
        ({"least_at_risk": '"101%"'}, "nothing can cost more than 100% of the campaign"),
        ({"least_at_risk": "-1"}, "least_at_risk = -1: money an hour is 0 or more"),
        ({"least_at_risk": "true"}, "least_at_risk = True: write a share of the campaign"),
        ({"measure": '"gvm"'}, "measure = 'gvm': no such measure; known: gmv, orders"),
        ({"scopes": '["room"]'}, "'room' is no scope; known: campaign, channel"),
        ({"scopes": '["channel", "channel"]'}, "scopes: 'channel' is there twice"),
        ({"scopes": "[]"}, "scopes: "),
        ({"only": '{ product_id = "x" }'}, "'product_id' is no dimension of a scope"),
        ({"only": '{ channel = "live" }', "scopes": '["creator"]'}, "none of its scopes has"),
        ({"phases": "[1]"}, "phases.0 = 1: write text in quotes"),
        ({"phases": '"evening"'}, "phases = 'evening': write a list"),
        ({"phases": '[" "]'}, "phases: a phase is the name of a phase"),
        ({"for": '"soon"'}, "for = 'soon': a duration is a whole number with s, m or h"),
        ({"keep": '"7h"'}, "keep = '7h': from 1m to 6h"),
        ({"sensitivity": '"high"'}, "sensitivity = 'high': write a number, without quotes"),
        ({"sensitivity": "nan"}, "sensitivity = nan: "),
        ({"sensitivity": "0"}, "sensitivity = 0: "),
        ({"enabled": '"yes"'}, "enabled = 'yes': write true or false, without quotes"),
        ({"severity": '"loud"'}, "severity = 'loud': must be one of 'money'"),
        ({"direction": '"sideways"'}, "direction = 'sideways': must be one of 'down' or 'up'"),
        ({"kind": '"surge"', "direction": '"down"'}, "a surge goes up"),
        ({"kind": '"flatline"', "measure": '"aov"'}, "a flatline needs something counted"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_rule_key_and_value(
    keys: dict[str, str], said: str
) -> None:
    message = refused(rule(**keys))
    assert message.startswith("my.toml: rule gmv_dip: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "my.toml: rule: is missing; add it"),
        ("rule = 3", "my.toml: rule = 3: write a list"),
        ("rule = [1]", "my.toml: rule number 1: write a table"),
        ("[[rule]]\nmeasure = 'gmv'", "my.toml: rule number 1: name: is missing; add it"),
        (rule(name='"feed_late"'), "an alert of the data is called so already"),
        (rule(name='"Gmv dip"'), "a name is 1 to 40 of a-z, 0-9 and _"),
        (rule() + rule(), "rule 'gmv_dip' is there twice"),
        (rule() + "\n[severity]\ncritical = '1%'\nwarning = '2%'", "critical is below warning"),
        (rule() + "\n[severity]\ncritical = '101%'", "severity.critical = '101%': a share"),
        ("[[rule", "my.toml: not valid TOML"),
        ("x = " + "[" * 5000, "my.toml: "),
        ("#" * 200_001, "longer than 200,000 characters"),
    ],
)
def test_a_file_that_is_no_rules_is_refused(text: str, said: str) -> None:
    assert said in refused(text)


def test_all_that_is_wrong_is_said_at_once() -> None:
    message = refused(rule(measure='"x"', enabled="1") + rule(name='"b"', least_fall='"x"'))
    assert len(message.splitlines()) == 3
    assert "rule b: least_fall" in message


def test_the_configuration_may_name_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "my-rules.toml").write_text("\ufeff" + rule(least_fall='"33%"'), encoding="utf-8")
    text = (
        '[monitor]\nrules = "my-rules.toml"\n[[campaign]]\nid = "a"\nname = "a"\nkind = "custom"\n'
        "start = 2026-11-11T00:00:00+08:00\nend = 2026-11-12T00:00:00+08:00\n"
        '[[feed]]\nid = "f"\nsource = { type = "folder", path = "x" }\ncounter = "interval"\n'
    )
    settings = parse_settings(text, tmp_path / "monitor.toml")
    assert configured(settings).rules[0].least_fall == 0.33
    without = parse_settings(text.replace('rules = "my-rules.toml"', ""), tmp_path / "monitor.toml")
    assert configured(without).says_the_same(FILE)
    (tmp_path / "my-rules.toml").unlink()
    with pytest.raises(
        ConfigError, match=r"my-rules\.toml: the rules cannot be read .*check `rules`"
    ):
        configured(settings)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load(tmp_path / "rules.toml")


texts = some.text(some.characters(codec="utf-8"), min_size=1, max_size=12)
shares = some.integers(0, 100_000).map(lambda n: n / 100_000)
rules = some.builds(
    Rule,
    name=some.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(lambda n: n not in ALWAYS_ON),
    measure=some.sampled_from(sorted(MEASURES)),
    kind=some.just("dip"),
    up=some.booleans(),
    scopes=some.sets(some.sampled_from(list(SCOPES.values())), min_size=1).map(
        lambda chosen: tuple(dims for dims in SCOPES.values() if dims in chosen or dims == ("channel",))
    ),
    only=some.one_of(some.just({}), some.builds(lambda v: {"channel": v}, texts)),
    least_fall=shares,
    least_at_risk=shares,
    in_money=some.booleans(),
    sensitivity=some.floats(0.1, 10),
    for_=some.integers(60, 21_600).map(lambda s: timedelta(seconds=s)),
    keep=some.integers(60, 21_600).map(lambda s: timedelta(seconds=s)),
    phases=some.lists(
        texts.map(lambda t: t.strip().lower()).filter(lambda t: t == t.strip().lower() != ""),
        unique=True, max_size=3,
    ).map(tuple),
    severity=some.sampled_from(["money", "info", "warning", "critical"]),
    enabled=some.booleans(),
)  # fmt: skip


@given(some.lists(rules, min_size=1, max_size=4, unique_by=lambda r: r.name), shares)
def test_rules_that_are_written_are_read_as_they_were(chosen: list[Rule], warning: float) -> None:
    severity = Severities(min(1.0, warning + 0.05), warning)
    severity = replace(severity, critical=round(severity.critical, 6))
    got = parse(render(tuple(chosen), severity), "written")
    assert got.rules == tuple(chosen)
    assert got.severity == severity


# --- words ----------------------------------------------------------------------------------------


def test_a_rule_is_told_in_a_plain_sentence() -> None:
    said = one(scopes='["channel", "category"]', least_at_risk="500", phases='["evening"]')
    assert rw.sentence(said, "MYR") == (
        "GMV at least 15% below what is expected, costing at least RM 500 an hour, for 10 min. "
        "In channels, categories, only in the phase “evening”."
    )
    assert rw.sentence(one(least_at_risk='"0.5%"')) == (
        "GMV at least 15% below what is expected, costing at least 0.5% of the campaign's expected "
        "GMV an hour, for 10 min. Everywhere."
    )
    flat = one(kind='"flatline"', measure='"orders"', only='{ channel = "live" }')
    assert rw.sentence(flat) == (
        "No orders at all where some are expected, for 10 min. In channels, channel × category, "
        "where it is channel “live”."
    )
    assert "above what is expected, worth at least" in rw.sentence(FILE.rules[-1])
    assert rw.title(one(name='"night_watch"')) == "Night watch"
    assert rw.title(one(name='"_"')) == "_"


def test_changes_are_told_in_words() -> None:
    changed = parse(CALMER.replace("enabled = true", "enabled = false", 1), "new")
    assert rw.changes(FILE, changed) == (
        "gmv_dip: switched off",
        "gmv_dip: least fall 15% → 25%",
    )
    assert rw.changes(changed, FILE)[0] == "gmv_dip: switched on"
    fewer = replace(FILE, rules=FILE.rules[1:])
    assert rw.changes(FILE, fewer) == ("gmv_dip: removed",)
    assert rw.changes(fewer, FILE)[0].startswith("gmv_dip: new: GMV at least 15% below")
    turned = replace(FILE, rules=FILE.rules[::-1])
    assert rw.changes(FILE, turned) == ("the order of the rules",)
    dearer = replace(FILE, severity=Severities(0.1, 0.01))
    assert rw.changes(FILE, dearer) == ("critical from 8% → 10% of the campaign's GMV an hour",)
    assert rw.changes(FILE, FILE) == ()


def test_every_field_of_a_rule_is_told_when_it_changes() -> None:
    """A change that nobody is told of would be saved unseen."""
    other: dict[str, Any] = {
        "measure": "orders", "kind": "surge", "up": True, "scopes": (("channel",),),
        "only": {"channel": "live"}, "least_fall": 0.2, "least_at_risk": 0.1, "in_money": True,
        "sensitivity": 2.0, "for_": timedelta(minutes=20), "keep": timedelta(minutes=20),
        "phases": ("evening",), "severity": "info", "enabled": False,
    }  # fmt: skip
    first = one()
    assert {"name", *other} == set(first.__dataclass_fields__)
    for field, value in other.items():
        assert rw.differences(first, replace(first, **{field: value})), field


def test_severity_goes_by_what_it_costs() -> None:
    by_money, fixed = one(), one(severity='"info"')
    told = [severity_of(by_money, share, Severities()) for share in (0.2, 0.08, 0.079, 0.01, 0.009)]
    assert told == ["critical", "critical", "warning", "warning", "info"]
    assert severity_of(fixed, 0.9, Severities()) == "info"


def test_what_is_always_on_is_what_the_conditions_tell() -> None:
    """Every condition of the data is listed: names out of the sources that make them."""
    makers = [*(ROOT / "monitor/alerts").glob("*.py"), ROOT / "monitor/store/queries/alerts.sql"]
    texts = " ".join(path.read_text(encoding="utf-8") for path in makers)
    assert [name for name in ALWAYS_ON if name not in texts] == []
    tree = ast.parse((ROOT / "monitor/alerts/conditions.py").read_text(encoding="utf-8"))
    made = {
        str(call.args[0].value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "Condition"
        and isinstance(call.args[0], ast.Constant)
    }
    assert made
    assert made <= set(ALWAYS_ON)


# --- versions -------------------------------------------------------------------------------------


@pytest.fixture
def store() -> Store:
    return open_store(None)


def tick(store: Store, now: datetime, file: Any = FILE) -> int:
    with store.transaction():
        return take_effect(store, file, now).version


def test_the_file_judges_until_somebody_saves(store: Store) -> None:
    assert in_force(store, NOW) is None
    assert current(store, FILE).version == 0
    assert [tick(store, NOW), tick(store, NOW + timedelta(minutes=1))] == [1, 1]
    saved = save(store, FILE, CALMER, "  Mei  Lin ", " too loud ", NOW, 1)
    assert (saved.version, saved.who, saved.rules[0].least_fall) == (2, "Mei Lin", 0.25)
    before = in_force(store, LATER)
    assert before is not None
    assert before[0].version == 1, "saved is not in force yet"
    assert tick(store, LATER) == 2
    found = in_force(store, LATER)
    assert found is not None
    assert (found[0].version, found[0].rules, found[1]) == (2, saved.rules, LATER)
    earlier = in_force(store, LATER - timedelta(seconds=1))
    assert earlier is not None
    assert earlier[0].version == 1, "a replay finds the rules of its moment"
    newest, first = history(store)
    assert (newest.who, newest.note, newest.since) == ("Mei Lin", "too loud", LATER)
    assert newest.changes == ("gmv_dip: least fall 15% → 25%",)
    assert (first.origin, first.since, first.changes) == ("file", NOW, ())
    assert [v.version for v in history(store, 1)] == [2]
    assert history(store, 1)[0].changes == newest.changes


def test_saving_is_refused_when_somebody_was_faster(store: Store) -> None:
    tick(store, NOW)
    save(store, FILE, CALMER, "Mei", "", NOW, 1)
    other = CALMER.replace("sensitivity = 1\n", "sensitivity = 2\n", 1)
    with pytest.raises(Changed, match=r"changed by Mei at 2026-11-11 12:00 UTC \(version 2\)") as e:
        save(store, FILE, other, "Kavi", "", LATER, 1)
    assert (e.value.version, e.value.who, e.value.at) == (2, "Mei", NOW)
    assert len(history(store)) == 2, "nothing was kept"
    assert save(store, FILE, other, "Kavi", "", LATER, 2).version == 3


def test_what_is_saved_must_be_rules_of_somebody_and_change_something(store: Store) -> None:
    tick(store, NOW)
    with pytest.raises(ConfigError, match="the rules: rule: is missing"):
        save(store, FILE, "", "Mei", "", NOW, 1)
    with pytest.raises(MonitorError, match="nobody is named"):
        save(store, FILE, CALMER, " \n", "", NOW, 1)
    with pytest.raises(MonitorError, match="nothing would change"):
        save(store, FILE, "# another comment\n" + FILE.text, "Mei", "", NOW, 1)
    assert len(history(store)) == 1


def test_rules_may_be_saved_before_the_first_tick_and_across_it(store: Store) -> None:
    tick(store, NOW)
    assert save(store, FILE, CALMER, "Mei", "", NOW, 0).version == 2, (
        "the file got its number since"
    )
    empty = open_store(None)
    assert save(empty, FILE, CALMER, "Mei", "", NOW, 0).version == 1
    assert tick(empty, NOW) == 1


def test_of_several_saved_between_two_ticks_the_last_judges(store: Store) -> None:
    save(store, FILE, CALMER, "Mei", "", NOW, 0)
    save(store, FILE, FILE.text, "Mei", "as it was", NOW, 1)
    assert tick(store, LATER) == 2
    assert [(v.version, v.since) for v in history(store)] == [(2, LATER), (1, None)]


def test_a_changed_file_judges_from_the_next_start_unless_rules_were_saved(store: Store) -> None:
    tick(store, NOW)
    commented = parse("# hello\n" + FILE.text, "file")
    assert tick(store, NOW, commented) == 1, "a comment is no other rule"
    changed = parse(CALMER, "file")
    assert tick(store, LATER, changed) == 2
    assert history(store)[0].changes == ("gmv_dip: least fall 15% → 25%",)
    assert not file_changed(store, FILE), "nothing was saved"
    mine = CALMER.replace('"25%"', '"30%"')
    save(store, changed, mine, "Mei", "", LATER, 2)
    assert not file_changed(store, changed)
    assert file_changed(store, FILE)
    assert current(store, FILE).rules[0].least_fall == 0.3, "what was saved wins"


def test_a_tick_that_is_taken_back_leaves_no_version(store: Store) -> None:
    def fails() -> None:
        with store.transaction():
            take_effect(store, FILE, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert history(store) == ()
    assert in_force(store, LATER) is None


def test_a_version_of_another_release_does_not_stop_the_tick(store: Store) -> None:
    tick(store, NOW)
    future = [2, "person", "[[rule]]\nname = 'x'\nmeasure = 'mood'", "", "Mei", "", to_db(NOW)]
    store.run("rules.keep", future)
    assert tick(store, NOW) == 3, "the file, as a version of its own"
    assert tick(store, LATER) == 3
    newest, unread, _ = history(store)
    assert newest.origin == "file"
    assert "no such measure" in unread.trouble


# --- what a change would have told ----------------------------------------------------------------


def alert(at: int, until: int | None = None, **more: Any) -> dict[str, Any]:
    """An alert that opens `at` minutes after noon."""

    def stamp(minute: int) -> str:
        return (NOW + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")

    return {
        "campaign_id": "sale", "rule": "gmv_dip", "scope": {"channel": "live"}, "severity": "warning",
        "opened_at": stamp(at), "resolved_at": None if until is None else stamp(until),
        "shortfall": 100.0, "covered_by": None, "headline": "h", **more,
    }  # fmt: skip


def test_alerts_are_the_same_when_they_are_open_together() -> None:
    before = [alert(0, 30), alert(60, 90), alert(120)]
    after = [alert(10, 30), alert(95, 99), alert(120)]
    told = compare(before, after, {"sale": 0.5})
    assert [(m.later_s, m.after["opened_at"]) for m in told.moved] == [
        (600.0, after[0]["opened_at"])
    ]
    assert [e.alert for e in told.gone] == [before[1]]
    assert [e.alert for e in told.new] == [after[1]]
    assert told.same == 1
    count = told.counts[0]
    assert (count.days, count.before, count.after, count.new, count.gone) == (0.5, 3, 3, 1, 1)


def test_what_another_alert_tells_is_no_alert_of_its_own() -> None:
    child = alert(0, 30, covered_by=7)
    told = compare([child], [alert(0, 30)], {"sale": 1.0})
    assert [(e.part, e.alert["covered_by"]) for e in told.new] == [(True, None)]
    back = compare([alert(0, 30)], [child], {"sale": 1.0})
    assert [(e.part, e.alert["covered_by"]) for e in back.gone] == [(True, None)]
    neither = compare([child], [child], {"sale": 1.0})
    assert (neither.new, neither.gone, neither.same, neither.counts[0].before) == ((), (), 0, 0)


def test_the_dearest_come_first_and_scopes_are_told_apart() -> None:
    after = [alert(0, 9, scope={"channel": c}, shortfall=s) for c, s in (("a", 5.0), ("b", 50.0))]
    told = compare([], [*after, alert(3, rule="other", shortfall=None)], {"sale": 1.0})
    assert [e.alert["shortfall"] for e in told.new] == [50.0, 5.0, None]


def test_another_severity_is_told() -> None:
    told = compare([alert(0)], [alert(0, severity="critical")], {"sale": 1.0})
    assert [(m.before["severity"], m.after["severity"]) for m in told.moved] == [
        ("warning", "critical")
    ]


# --- the guide ------------------------------------------------------------------------------------


def test_the_examples_of_the_guide_are_rules() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    examples = [b for b in re.findall(r"```toml\n(.*?)```", text, re.S) if "[[rule]]" in b]
    assert len(examples) == 3
    assert [parse(example, "docs").rules[0].name for example in examples] == [
        "gmv_dip", "live_evening", "refunds_doubled",
    ]  # fmt: skip
    keys = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    written = set(
        re.findall(r"^(\w+) = ", render(parse(examples[1], "docs").rules, Severities()), re.M)
    )
    assert keys == written - {"critical"} - {"warning"}
