"""Sixty damaged files, a thousand with TORTURE=1: no crash, no wrong number, each with a reason."""

from __future__ import annotations

import os

import pytest

from monitor.errors import FileRefused
from monitor.ingest.readings import OrderLines, Readings
from tests.ingest import exports, fuzz, writers
from tests.ingest.fuzz import Case, a_case
from tests.ingest.writers import read, taken

COUNT = 1000 if os.environ.get("TORTURE") else 60
BATCHES = 10


def judged(case: Case) -> str:
    """What became of a file: refused or taken. Fails on anything that must not be."""
    about = f"seed {case.seed}: {', '.join(case.told)}"
    try:
        content = read(case.content, case.grid.name, market=case.market).content
    except FileRefused as e:
        said = str(e)
    else:
        said = ""
    if said:
        assert len(said) > 15, about
        return "refused"
    check_accounts(content, about)
    if case.sound:
        found = fuzz.wrong(case, content) if len(content.line) else ""
        assert not found, f"{about}: {found}"
    return "taken" if len(content.line) else "all set aside"


def check_accounts(content: Readings | OrderLines, about: str) -> None:
    assert content.read == taken(content) + len(content.faults), about
    for fault in content.faults:
        assert fault.line >= 1, about
        assert len(fault.reason) > 5, about
        assert fault.value is None or len(fault.value) <= 200, about


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_damaged_file_is_right_or_set_aside(batch: int):
    fates = [judged(a_case(seed)) for seed in range(batch, COUNT, BATCHES)]
    assert len(fates) == COUNT // BATCHES
    print({fate: fates.count(fate) for fate in sorted(set(fates))})


def test_the_judge_sees_a_number_that_is_wrong():
    case = a_case(0)
    content = read(writers.as_csv(exports.creator_data(0)), "x_20261111-20261111.csv").content
    assert fuzz.wrong(case, content) == ""
    content.values[2, 0] += 1
    assert "is not" in fuzz.wrong(case, content)


def test_the_judge_sees_a_row_that_counts_twice():
    case = a_case(0)
    content = read(writers.as_csv(exports.creator_data(0)), "x_20261111-20261111.csv").content
    assert isinstance(content, Readings)
    assert fuzz.wrong(case, content) == ""
    content.key[1] = content.key[0]
    content.values[1] = content.values[0]
    assert "is not" in fuzz.wrong(case, content)


def test_a_thousand_times_packed_zeros_are_refused():
    with pytest.raises(FileRefused, match=r"unpack|one byte"):
        read(fuzz.zeros(1024 if os.environ.get("TORTURE") else 32), "bomb.zip")


ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">
<!ENTITY c SYSTEM "file:///etc/passwd">]><table><tr><td>Creator name</td><td>&b;&c;</td></tr></table>"""


def test_xml_entities_are_neither_blown_up_nor_read():
    with pytest.raises(FileRefused) as refused:
        read(ENTITIES, "x.xls")
    assert "root:" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 999, b"\xff" * 999, b"{" * 9999, b"[" * 9999, b'"', b"PK\x03\x04", b"\x1f\x8b"],
)
def test_what_is_no_file_at_all_is_refused(content: bytes):
    with pytest.raises(FileRefused):
        read(content, "x.csv")
