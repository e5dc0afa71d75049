"""The verbs, as people and scripts use them: exit codes, one JSON document, the same answer again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main
from tests.product import (
    HEADER,
    ROOT,
    TODAY,
    UNTIL,
    Product,
    a_sale_now,
    an_evening,
    clean_environment,
    sale_rows,
    verb,
)

pytestmark = pytest.mark.xdist_group("cli")

CONFIG = """
[[campaign]]
id = "sale"
name = "Sale"
kind = "custom"
market = "MY"
start = 2026-11-11T00:00:00+08:00
end = 2026-11-12T00:00:00+08:00
[[feed]]
id = "performance"
source = { type = "folder", path = "inbox" }
counter = "interval"
cadence = "5m"
"""


@dataclass(frozen=True)
class Said:
    """What a verb left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output holds one JSON document, a line end, and nothing else."""
        assert self.out.endswith("\n")
        assert "\n" not in self.out[:-1]
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb in this process."""

    def runner(*arguments: object) -> Said:
        capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as e:  # argparse
            code = e.code if isinstance(e.code, int) else 1
        return Said(code, *capsys.readouterr())

    return runner


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "monitor.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "monitor.duckdb"


def file_at(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


ROW = "2026-11-11T12:05:00+08:00,sale,live,c1,10.50,2,40\n"
OTHER = "2026-11-11T12:10:00+08:00,sale,live,c1,5.25,1,20\n"


@pytest.fixture
def filled(run: Run, config: Path, db: Path, tmp_path: Path) -> Path:
    """A database with one file in it."""
    path = file_at(tmp_path, "a.csv", HEADER + ROW)
    assert run("ingest", path, "--config", config, "--db", db).code == 0
    return db


# --- ingest ---------------------------------------------------------------------------------------


def test_ingest_says_what_became_of_each_file_as_the_contract_has_it(
    run: Run, config: Path, db: Path, tmp_path: Path
) -> None:
    a = file_at(tmp_path, "a.csv", HEADER + ROW)
    said = run("ingest", a, "--config", config, "--db", db, "--json")
    assert said.code == 0
    (found,) = said.json["files"]
    assert found.pop("batch_id")
    assert found == {
        "file": "a.csv",
        "format": "canonical",
        "status": "taken",
        "reason": None,
        "rows": {"read": 1, "taken": 1, "quarantined": 0, "known": 0},
        "columns": {
            "matched": HEADER.strip().split(","),
            "unmatched": [],
            "missing": [],
        },
        "totals": {"gmv": 10.5, "orders": 2, "visitors": 40},
        "quarantine": [],
    }


def test_ingest_tells_taken_known_refused_and_quarantined_apart(
    run: Run, config: Path, db: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    file_at(folder, "1-taken.csv", HEADER + ROW)
    file_at(folder, "2-known.csv", HEADER + ROW + "\n")
    file_at(folder, "3-some.csv", HEADER + OTHER + OTHER.replace("sale", "sail"))
    file_at(folder, "4-refused.csv", "colour,taste\nred,sweet\n")
    said = run("ingest", folder, "--config", config, "--db", db, "--json")
    assert said.code == 1, "one file was refused"
    files = {f["file"]: f for f in said.json["files"]}
    assert {name: f["status"] for name, f in files.items()} == {
        "1-taken.csv": "taken",
        "2-known.csv": "known",
        "3-some.csv": "taken",
        "4-refused.csv": "refused",
    }
    for f in files.values():
        rows = f["rows"]
        assert rows["read"] == rows["taken"] + rows["quarantined"] + rows["known"]
    assert files["2-known.csv"]["rows"] == {"read": 1, "taken": 0, "quarantined": 0, "known": 1}
    assert files["3-some.csv"]["quarantine"] == [
        {"row": 3, "column": "campaign_id", "value": "sail",
         "reason": "unknown campaign; known: sale"}
    ]  # fmt: skip
    assert "no known columns" in files["4-refused.csv"]["reason"]


def test_ingest_without_json_is_a_line_a_file_for_people(
    run: Run, config: Path, db: Path, tmp_path: Path
) -> None:
    path = file_at(tmp_path, "a.csv", HEADER + ROW + ROW.replace("10.50", "ten"))
    said = run("ingest", path, "--config", config, "--db", db)
    assert said.code == 0
    assert said.out.startswith(
        "a.csv: taken (1 new, 0 known, 1 in quarantine)\n  line 3, gmv = 'ten'"
    )


def test_the_same_ingest_again_finds_everything_known(
    run: Run, config: Path, filled: Path, tmp_path: Path
) -> None:
    said = run("ingest", tmp_path / "a.csv", "--config", config, "--db", filled, "--json")
    assert said.code == 0
    assert said.json["files"][0]["status"] == "known"
    total = run("totals", "--db", filled, "--campaign", "sale", "--json").json
    assert total["rows"][0]["gmv"] == 10.5


def test_a_file_without_campaigns_is_taken_for_the_one_that_is_given(
    run: Run, config: Path, db: Path, tmp_path: Path
) -> None:
    path = file_at(tmp_path, "a.csv", "observed_at,gmv\n2026-11-11T12:05:00+08:00,3\n")
    given = ["ingest", path, "--config", config, "--db", db, "--json"]
    assert run(*given).json["files"][0]["status"] == "refused"
    assert run(*given, "--campaign", "sale").json["files"][0]["status"] == "taken"
    said = run(*given, "--campaign", "nope")
    assert (said.code, said.out) == (2, "")
    assert "no campaign 'nope'; known: sale" in said.err


# --- exit codes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["totals", "--campaign", "sale"],
        ["totals", "--db", "x.duckdb"],
        ["ingest", "x.csv", "--db", "x.duckdb"],
        ["replay", ".", "--config", "c", "--db", "d", "--until", "2026-11-11T20:00:00"],
        ["replay", ".", "--config", "c", "--db", "d", "--speed", "0"],
        ["replay", ".", "--config", "c", "--db", "d", "--speed", "nan"],
    ],
)
def test_wrong_arguments_are_exit_code_2_and_leave_standard_output_empty(
    run: Run, arguments: list[str]
) -> None:
    said = run(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["totals", "--campaign", "nope"], "no campaign 'nope'; known: sale"),
        (["totals", "--campaign", "sale", "--by", "colour"], "'colour' is no dimension; known:"),
        (
            ["expected", "--campaign", "sale", "--metric", "joy"],
            "--metric 'joy': no metric; known:",
        ),
        (
            ["expected", "--campaign", "sale", "--scope", "live"],
            "write it as channel=live,category",
        ),
        (["expected", "--campaign", "sale", "--scope", "channel="], "write it as channel=live"),
        (["expected", "--campaign", "sale", "--scope", "colour=red"], "'colour' is no dimension"),
        (["board", "nope", "--campaign", "sale"], "no board 'nope'; known: creators"),
        (["board", "creators", "--campaign", "sale", "--limit", "-1"], "'-1': a whole number"),
        (["board", "creators", "--campaign", "sale", "--limit", "many"], "'many': a whole number"),
        (["alerts", "--campaign", "nope"], "no campaign 'nope'; known: sale"),
    ],
)
def test_a_question_about_what_is_not_there_is_exit_code_2(
    run: Run, filled: Path, arguments: list[str], message: str
) -> None:
    said = run(*arguments, "--db", filled, "--json")
    assert (said.code, said.out) == (2, "")
    assert message in said.err


def test_a_missing_database_is_named_and_not_made(run: Run, tmp_path: Path) -> None:
    db = tmp_path / "typo.duckdb"
    for arguments in (["alerts"], ["totals", "--campaign", "sale"]):
        said = run(*arguments, "--db", db, "--json")
        assert (said.code, said.out) == (2, "")
        assert said.err == f"--db {db}: no such file; ingest or replay makes one\n"
    assert not db.exists()


def test_a_database_that_is_none_is_exit_code_1(run: Run, tmp_path: Path) -> None:
    db = file_at(
        tmp_path, "notes.duckdb", "this is not a database, but text that is long enough\n" * 99
    )
    said = run("alerts", "--db", db, "--json")
    assert (said.code, said.out) == (1, "")
    assert str(db) in said.err


def test_what_cannot_be_found_is_named(run: Run, config: Path, db: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for arguments in (["ingest", nowhere], ["replay", nowhere]):
        said = run(*arguments, "--config", config, "--db", db)
        assert (said.code, said.out) == (2, "")
        assert str(nowhere) in said.err
    said = run("ingest", config, "--config", nowhere, "--db", db)
    assert said.code == 2
    assert f"{nowhere}: cannot be read (No such file or directory); " in said.err


# --- configuration --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[feed]]", '[monitor]\nbukket = "5m"\n[[feed]]',
         "monitor.bukket = '5m': unknown key; check its spelling or remove it"),
        ('market = "MY"', 'market = "MY"\ncolour = "red"', "campaign.0.colour = 'red': unknown key"),
        ('cadence = "5m"', 'cadence = "5m"\nretries = 3', "feed.0.retries = 3: unknown key"),
        ('path = "inbox"', 'path = "inbox", depth = 1', "feed.0.source.depth = 1: unknown key"),
        ("end = 2026-11-12", "end = 2026-11-10", "is not after start"),
        ("+08:00\nend", "\nend", "campaign.0.start = '2026-11-11T00:00:00'"),
        ('kind = "custom"', 'kind = "party"', "campaign.0.kind = 'party'"),
        ('market = "MY"', 'timezone = "Mars/Base"', "campaign.0.timezone = 'Mars/Base'"),
        ('market = "MY"', 'currency = "DOGE"', "campaign.0.currency = 'DOGE'"),
        ('cadence = "5m"', 'cadence = "often"', "feed.0.cadence = 'often': a duration is"),
        ('counter = "interval"', 'counter = "clicker"', "feed.0.counter = 'clicker'"),
        ('type = "folder"', 'type = "ftp"', "'folder', 'http', 'sql', 'push'"),
        ('id = "sale"', 'id = "a b"', "campaign.0.id = 'a b'"),
        ("[[campaign]]", "[[campaign]", "not valid TOML"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_refused_with_file_key_and_value(
    run: Run, config: Path, db: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in CONFIG
    config.write_text(CONFIG.replace(old, new, 1), encoding="utf-8")
    path = file_at(tmp_path, "a.csv", HEADER + ROW)
    said = run("ingest", path, "--config", config, "--db", db, "--json")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"{config}: ")
    assert message in said.err
    assert not db.exists(), "nothing is made before the configuration is right"


def test_an_id_that_is_used_twice_is_refused(run: Run, config: Path, db: Path) -> None:
    feed = CONFIG[CONFIG.index("[[feed]]") :]
    config.write_text(CONFIG + feed, encoding="utf-8")
    said = run("ingest", config, "--config", config, "--db", db)
    assert said.code == 2
    assert "feed id 'performance' is used twice" in said.err


# --- questions ------------------------------------------------------------------------------------

QUESTIONS = [
    ["alerts"],
    ["alerts", "--campaign", "sale"],
    ["totals", "--campaign", "sale"],
    ["totals", "--campaign", "sale", "--by", "channel,creator_id"],
    ["expected", "--campaign", "sale"],
    ["expected", "--campaign", "sale", "--scope", "channel=live", "--metric", "visitors"],
    ["board", "creators", "--campaign", "sale", "--limit", "1"],
]


@pytest.mark.parametrize("arguments", QUESTIONS, ids=" ".join)
def test_json_is_one_document_and_the_rest_is_for_people(
    run: Run, filled: Path, arguments: list[str]
) -> None:
    said = run(*arguments, "--db", filled, "--json")
    assert said.code == 0
    assert isinstance(said.json, dict)
    plain = run(*arguments, "--db", filled)
    assert plain.code == 0
    assert plain.out.strip()
    assert not plain.out.startswith("{")


@pytest.mark.parametrize(
    ("scope", "meant", "observed"),
    [
        ("", {}, 10.5),
        ("channel=live", {"channel": "live"}, 10.5),
        ("channel=live,creator_id=c1", {"channel": "live", "creator_id": "c1"}, 10.5),
        (" channel = live ,", {"channel": "live"}, 10.5),
        ("creator_id=a%2Cb", {"creator_id": "a,b"}, None),
        ("creator_id=a=b", {"creator_id": "a=b"}, None),
    ],
)
def test_a_scope_is_dimensions_and_values_with_commas_between(
    run: Run, filled: Path, scope: str, meant: dict[str, str], observed: float | None
) -> None:
    asked = ["expected", "--db", filled, "--campaign", "sale", "--scope", scope, "--json"]
    found = run(*asked).json
    assert found["scope"] == meant
    sums = [row["observed"] for row in found["rows"] if row["observed"]]
    assert sum(sums) == (observed or 0)


def test_totals_by_a_dimension_add_up_to_the_whole(run: Run, filled: Path) -> None:
    asked = ["totals", "--db", filled, "--campaign", "sale", "--json"]
    whole, parts = run(*asked).json, run(*asked, "--by", "creator_id").json
    assert whole["currency"] == "MYR"
    assert whole["as_of"] == whole["watermark"] == "2026-11-11T04:05:00Z"
    assert [row["by"] for row in parts["rows"]] == [{"creator_id": "c1"}]
    assert sum(row["gmv"] for row in parts["rows"]) == whole["rows"][0]["gmv"] == 10.5
    assert whole["rows"][0]["refunds"] is None, "unknown is not 0"


# --- replay ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return an_evening(tmp_path_factory.mktemp("evening"))


def replayed(
    run: Run, config: Path, db: Path, until: str = "", recorded: Path | None = None
) -> Any:
    said = run(
        "replay", recorded or config.parent / "recorded", "--config", config, "--db", db,
        "--until", until or UNTIL.isoformat(), "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    return said.json


def answers(run: Run, db: Path) -> list[str]:
    """Alerts and totals as they are printed, byte for byte."""
    asked = [["alerts"], ["totals", "--campaign", TODAY]]
    asked.append(["totals", "--campaign", TODAY, "--by", "channel,category,creator_id"])
    return [run(*arguments, "--db", db, "--json").out for arguments in asked]


def test_a_replay_again_or_elsewhere_or_with_every_file_twice_gives_the_same_bytes(
    run: Run, evening: Path, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / f"{n}.duckdb" for n in range(3))
    summary = replayed(run, evening, first)
    expected = answers(run, first)
    assert "gmv_dip" in [a["rule"] for a in json.loads(expected[0])["alerts"]]
    assert summary["alerts"] == len(json.loads(expected[0])["alerts"])
    assert summary["refused"] == 0

    replayed(run, evening, first)
    assert answers(run, first) == expected, "again into the same database"
    replayed(run, evening, second)
    assert answers(run, second) == expected, "into a fresh one"

    doubled = tmp_path / "doubled"
    shutil.copytree(evening.parent / "recorded", doubled)
    for path in sorted(doubled.rglob("*.csv")):
        shutil.copy(path, path.with_name(f"copy-of-{path.name}"))
    twice = replayed(run, evening, third, recorded=doubled)
    assert twice["files"] == 2 * summary["files"]
    assert answers(run, third) == expected, "every file twice, under another name"


def test_a_replay_stops_where_it_is_told(run: Run, evening: Path, tmp_path: Path) -> None:
    db = tmp_path / "until.duckdb"
    replayed(run, evening, db, until="2026-11-11T20:02:00+08:00")
    totals = run("totals", "--db", db, "--campaign", TODAY, "--json").json
    assert totals["as_of"] == "2026-11-11T12:00:00Z"
    rules = [a["rule"] for a in run("alerts", "--db", db, "--json").json["alerts"]]
    assert "gmv_dip" not in rules
    replayed(run, evening, db, until="2026-11-11T20:11:00+08:00")
    alerts = run("alerts", "--db", db, "--campaign", TODAY, "--json").json["alerts"]
    dips = [a for a in alerts if a["rule"] == "gmv_dip" and a["scope"] == {"channel": "live"}]
    assert [a["opened_at"][:16] for a in dips] == ["2026-11-11T12:10"]


def test_a_replay_says_which_files_it_refused_and_goes_on(
    run: Run, config: Path, db: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "recorded"
    file_at(folder, "good@20261111T040600Z.csv", HEADER + ROW)
    file_at(folder, "bad@20261111T040700Z.csv", "colour\nred\n")
    said = run("replay", folder, "--config", config, "--db", db, "--json")
    assert said.code == 0
    assert (said.json["files"], said.json["refused"]) == (2, 1)
    assert "bad@20261111T040700Z.csv: refused: no known columns" in said.err
    totals = run("totals", "--db", db, "--campaign", "sale", "--json").json
    assert totals["rows"][0]["gmv"] == 10.5


def test_an_empty_folder_is_nothing_to_replay(run: Run, config: Path, db: Path) -> None:
    (config.parent / "empty").mkdir()
    said = run("replay", config.parent / "empty", "--config", config, "--db", db)
    assert said.code == 2
    assert "no .csv, .parquet, .jsonl or .json files in it" in said.err


# --- a database that somebody holds ---------------------------------------------------------------


@pytest.fixture
def holder(filled: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the database open."""
    script = (
        "import sys; from pathlib import Path; from monitor.store import open_store\n"
        f"store = open_store(Path({str(filled)!r})); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=clean_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.communicate("\n")


def test_a_held_database_is_named_with_the_process_that_holds_it(
    holder: subprocess.Popen[str], config: Path, filled: Path
) -> None:
    done = verb("alerts", "--db", filled, "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{filled}: held by " in done.stderr
    assert f"(process {holder.pid})" in done.stderr
    assert "http" not in done.stderr
    done = verb("serve", "--config", config, "--db", filled, "--port", "8999")
    assert done.returncode == 1
    assert f"(process {holder.pid})" in done.stderr


def test_a_database_held_by_the_running_product_names_the_route_that_answers(
    tmp_path: Path,
) -> None:
    config = a_sale_now(tmp_path, datetime.now(UTC))
    path = file_at(tmp_path, "a.csv", HEADER + sale_rows(datetime.now(UTC), 400))
    product = Product(tmp_path, config)
    assert verb("ingest", path, "--config", config, "--db", product.db).returncode == 0
    try:
        product.start().ready()
        asked = {
            f"{product.url} instead at /api/alerts.json?campaign=sale": ["alerts"],
            f"{product.url} instead at /api/totals.json?campaign=sale&by=channel": [
                "totals", "--by", "channel",
            ],
            f"{product.url} instead at /api/boards/creators.json?campaign=sale&limit=3": [
                "board", "creators", "--limit", "3",
            ],
        }  # fmt: skip
        for route, arguments in asked.items():
            done = verb(*arguments, "--campaign", "sale", "--db", product.db, "--json")
            assert (done.returncode, done.stdout) == (1, "")
            assert f"(process {product.pid})" in done.stderr
            assert route in done.stderr
            answer = product.get(route.rpartition(" at ")[2])
            assert "error" not in answer
        done = verb("ingest", path, "--config", config, "--db", product.db)
        assert done.returncode == 1
        assert f"ask {product.url} instead" in done.stderr
    finally:
        product.stop()
    assert verb("alerts", "--db", product.db, "--json").returncode == 0, "free again"


# --- serve ----------------------------------------------------------------------------------------


def test_serve_refuses_a_wrong_port_and_a_wrong_configuration_before_it_starts(
    config: Path, db: Path
) -> None:
    done = verb("serve", "--config", config, "--db", db, "--port", "99999")
    assert done.returncode == 2
    assert "PORT=99999: a port is a number from 1 to 65535" in done.stderr
    config.write_text(CONFIG + '[monitor]\nbukket = "5m"\n', encoding="utf-8")
    done = verb("serve", "--config", config, "--db", db)
    assert done.returncode == 2
    assert f"{config}: monitor.bukket = '5m': unknown key" in done.stderr
    assert not db.exists()


def test_serve_serves_what_it_is_told_to(config: Path, filled: Path, tmp_path: Path) -> None:
    product = Product(tmp_path, config)
    product.db = filled
    try:
        product.start().ready()
        assert product.get("/api/totals.json?campaign=sale")["rows"][0]["gmv"] == 10.5
        assert product.get("/readyz") == {"ready": True, "reason": None}
    finally:
        product.stop()
    assert not filled.with_name(filled.name + ".serving.json").exists()
