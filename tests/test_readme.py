"""What the README tells people to type, typed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


def python_commands() -> list[str]:
    return [line for line in commands() if line.startswith(".venv/bin/python")]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the README's own files in it, as a newcomer would have made them."""
    folder = tmp_path_factory.mktemp("newcomer")
    [config] = [block for block in blocks("toml") if block.startswith("# my.toml")]
    (folder / "my.toml").write_text(config, encoding="utf-8")
    [rows] = [block for block in blocks("csv") if block.startswith("# first.csv")]
    (folder / "first.csv").write_text(rows.split("\n", 1)[1], encoding="utf-8")
    [export] = [block for block in blocks("csv") if block.startswith("# creators.csv")]
    (folder / "creators.csv").write_text(export.split("\n", 1)[1], encoding="utf-8")
    (folder / "data").symlink_to(ROOT / "data")
    return folder


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *shlex.split(command)[1:]]
    return subprocess.run(
        words,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_every_python_command_of_the_readme_works_in_order(desk: Path) -> None:
    quick = [c for c in python_commands() if " replay " not in c]
    assert len(quick) >= 6
    for command in quick:
        done = run(command, desk)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert (desk / "season" / "monitor.toml").exists()


def test_its_example_file_is_taken_whole(desk: Path) -> None:
    ingest = next(c for c in python_commands() if " ingest " in c)
    done = run(ingest.replace("my.duckdb", "again.duckdb") + " --json", desk)
    [file] = json.loads(done.stdout)["files"]
    assert file["status"] == "taken"
    assert file["rows"] == {"read": 4, "taken": 4, "quarantined": 0, "known": 0}


def test_its_replay_command_names_files_that_are_there() -> None:
    [command] = [c for c in python_commands() if " replay " in c]
    words = shlex.split(command)
    folder, config = words[words.index("replay") + 1], words[words.index("--config") + 1]
    assert (ROOT / folder).is_dir()
    assert load_settings(ROOT / config).campaign


def test_every_make_command_of_the_readme_is_a_target() -> None:
    named = [shlex.split(c)[1] for c in commands() if c.startswith("make ")]
    assert {"run", "test"} <= set(named)
    assert set(named) <= make_targets()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_windows_commands_use_the_same_files() -> None:
    [block] = blocks("bat")
    for name in re.findall(r"requirements[\w-]*\.txt|app\.py", block):
        assert (ROOT / name).exists()
