"""Imports point one way. These tests read the sources; nothing is imported."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each layer may import itself and the layers below it.
LAYERS = [
    {"errors", "clock", "settings", "sources", "campaigns", "picture", "spreadsheet"},
    {"store", "detect", "explain"},
    {"rulebook"},
    {"ingest"},
    {"preview"},
    {"observe"},
    {"grain"},
    {"lens"},
    {"judgement"},
    {"alerts", "boards", "notify"},
    {"publish"},
    {"tick"},
    {"witness"},
    {"replay", "runtime", "imports", "rules_desk", "rehearse", "answers", "why", "simulate"},
    {"scheduler", "launch"},
    {"evaluate"},
    {"ui", "web", "cli"},
    {"__main__"},
]
# The store must not know what is kept in it, nor the domain how it is kept.
ONLY_THERE = {
    "duckdb": ("monitor/store/",),
    "apscheduler": ("monitor/scheduler.py",),
    "streamlit": ("monitor/ui/", "pages/", "app.py"),
    "starlette": ("monitor/web/",),
    "altair": ("monitor/ui/",),
    "prometheus_client": ("monitor/web/",),
    "openpyxl": ("monitor/ingest/files/",),
    "lxml": ("monitor/ingest/files/",),
    "rapidfuzz": ("monitor/ingest/recognise.py",),
    "requests": ("monitor/ingest/sources/",),
    "sqlalchemy": ("monitor/ingest/sources/",),
}
NO_IO = [
    "monitor/detect",
    "monitor/explain",
    "monitor/alerts/signal.py",
    "monitor/alerts/conditions.py",
    "monitor/ingest/counters.py",
    "monitor/ingest/walk.py",
    "monitor/ingest/closing.py",
    "monitor/campaigns/pace.py",
    "monitor/simulate/event.py",
]
IO = {"os", "pathlib", "io", "time", "socket", "subprocess", "shutil", "requests", "httpx", "open"}


def sources() -> list[Path]:
    return [
        ROOT / "app.py",
        *sorted((ROOT / "pages").glob("*.py")),
        *sorted((ROOT / "monitor").rglob("*.py")),
    ]


def imported(path: Path) -> set[str]:
    """Full names of all modules that a source imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "monitor":
                found |= {f"monitor.{alias.name}" for alias in node.names}
    return found


def layer(name: str) -> int | None:
    return next((i for i, names in enumerate(LAYERS) if name in names), None)


def part(path: Path) -> str:
    """`monitor/ingest/load.py` → `ingest`, `monitor/tick.py` → `tick`."""
    inside = path.relative_to(ROOT / "monitor").parts
    return inside[0].removesuffix(".py")


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_its_own_layer_and_those_below(path: Path) -> None:
    if path.parts[len(ROOT.parts)] != "monitor" or path.name == "__init__.py":
        return
    mine = layer(part(path))
    assert mine is not None, f"{path.relative_to(ROOT)} belongs to no layer; put it into LAYERS"
    for name in imported(path):
        if name.startswith("monitor."):
            other = layer(name.split(".")[1])
            assert other is not None, f"{name} belongs to no layer"
            assert other <= mine, f"{path.relative_to(ROOT)} reaches up to {name}"


@pytest.mark.parametrize("library", ONLY_THERE)
def test_a_library_is_known_in_one_place(library: str) -> None:
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(ONLY_THERE[library]):
            users = {i for i in imported(path) if i.split(".")[0] == library}
            assert not users, f"{name} imports {library}; only {ONLY_THERE[library]} may"


@pytest.mark.parametrize("place", NO_IO)
def test_the_pure_core_does_no_io(place: str) -> None:
    for path in sources():
        if not path.relative_to(ROOT).as_posix().startswith(place):
            continue
        for name in imported(path):
            top = name.split(".")[0]
            assert top not in IO, f"{path.relative_to(ROOT)} imports {name}"
            assert not name.startswith("monitor.store"), f"{path.relative_to(ROOT)} knows the store"
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "open" not in calls


def test_nothing_below_the_runtime_reads_a_clock() -> None:
    may_read = {"clock.py", "runtime.py", "scheduler.py", "replay.py", "launch.py"}
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(("monitor/web", "monitor/ui", "pages")) or path.name in may_read:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"now", "utcnow", "today"}
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"datetime", "date"}
            ):
                raise AssertionError(f"{name}:{node.lineno} reads the wall clock")


def test_the_database_is_never_asked_what_time_it_is() -> None:
    for path in (ROOT / "monitor/store/queries").glob("*.sql"):
        text = path.read_text(encoding="utf-8").lower()
        assert "now()" not in text
        assert "current_timestamp" not in text


def test_pages_are_thin() -> None:
    for path in (ROOT / "pages").glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 120, path.name


def test_modules_fit_on_a_few_screens() -> None:
    for path in sources():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 400, f"{path.relative_to(ROOT)} has {lines} lines: does it hold two nouns?"
