"""docs/formats.md names every format that is shipped, what it needs, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.ingest.formats import formats

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists():
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    files = (ROOT / "tests" / "ingest").glob("test_*.py")
    defined = {
        name
        for file in files
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 80
    assert named - defined == set()


@pytest.mark.parametrize("name", ["canonical", *formats()])
def test_every_format_has_a_row_with_what_it_needs(name: str):
    row = re.search(rf"^\| `{name}` \|(.*)$", TEXT, re.MULTILINE)
    assert row is not None
    needed = [c.title for c in formats()[name].column if c.required] if name in formats() else []
    said = row[1].replace("GMV", "Creator video-attributed GMV") if "video" in name else row[1]
    assert [title for title in needed if title not in said] == []
