"""A 50 MB Excel file into columns: how long, and how much memory beside the file itself.

Each way of reading runs in a child process of its own, for the peak of memory is that of a process.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from openpyxl import Workbook

from monitor.ingest.files import open_sheets

SIZE = 50 << 20
LABELS = ("Creator name", "Date", "Order ID", *(f"Metric {i}" for i in range(16)), "CTR", "Note")
ROWS_A_MB = 6_700  # of this content, as openpyxl packs it


def write(path: Path, rows: int) -> None:
    """A workbook of `rows` rows, seeded: texts, instants, long ids, amounts, percentages, blanks."""
    chance = Random(1)
    book = Workbook(write_only=True)
    page = book.create_sheet("Data")
    page.append(LABELS)
    start = datetime(2026, 11, 11)
    for row in range(rows):
        amounts = [chance.randrange(10**7) / 100 for _ in range(8)]
        counts = [chance.randrange(10**5) for _ in range(8)]
        at = start + timedelta(seconds=row)
        order = f"5{chance.randrange(10**17):017}"
        name, rate = f"creator_{chance.randrange(5000)}", f"{chance.randrange(10**4) / 100}%"
        page.append([name, at, order, *amounts, *counts, rate, None])
    book.save(path)


def read(path: Path) -> str:
    """Read all of it in this process and say what it took."""
    open_sheets(b"a,b\n1,2\n", "warm-up")[0].table(0, 1)
    content = path.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, worked = time.perf_counter(), time.process_time()
    table = open_sheets(content, path.name)[0].table(0, 1)
    took_s = time.perf_counter() - began
    worked_s = time.process_time() - worked
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    arrays = [a for c in table.columns for a in (c.text, c.number, c.when) if a is not None]
    held = sum(a.nbytes for a in arrays) >> 20
    cells = len(table.line) * len(table.columns)
    return (
        f"{len(content) >> 20} MB, {len(table.line)} rows, {cells / 1e6:.1f} M cells: {took_s:.0f} s "
        f"({worked_s:.0f} s of one core), {more} MB of memory, of which the columns are {held} MB"
    )


def main() -> None:
    """Print the figures of this file; `--read PATH` is what the children are asked."""
    if sys.argv[1:2] == ["--read"]:
        print(read(Path(sys.argv[2])))
        return
    with tempfile.TemporaryDirectory() as folder:
        for part in (10, 1):
            path = Path(folder) / f"{SIZE // part}.xlsx"
            write(path, ROWS_A_MB * (SIZE // part >> 20))
            command = [sys.executable, "-m", "tests.benchmarks.xlsx", "--read", str(path)]
            print(
                "XLSX:",
                subprocess.run(command, check=True, capture_output=True, text=True).stdout,
                end="",
            )


if __name__ == "__main__":
    main()
