"""The rows of a file that were set aside, as a file that can be corrected and dropped back in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from monitor.ingest.dialect import texts_of
from monitor.ingest.recognise import Aliases, recognise
from monitor.ingest.table import Column
from monitor.spreadsheet import safe_cell

WHY = "why it was set aside"


def corrected_csv(
    content: bytes, name: str, faults: Sequence[tuple[int, str, str | None, str]], aliases: Aliases
) -> bytes:
    """UTF-8 CSV with BOM (Excel reads it): the file's own header, the rows at fault as they stand,
    and why. `faults`: (line, column, value, reason).

    A row that is no row of the table stands as one cell. A cell that Excel would take for a formula
    gets a leading apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    for rec in recognise(content, name, aliases):
        table = rec.sheet.table(rec.header, rec.first)
        row_of = {int(line): row for row, line in enumerate(table.line.tolist())}
        wanted = [fault for fault in faults if fault[0] in row_of]
        cells = [_texts(column, [row_of[f[0]] for f in wanted]) for column in table.columns]
        writer.writerow([*(safe_cell(label) for label in rec.labels), WHY])
        for i, (_, column_name, _, reason) in enumerate(wanted):
            why = f"{column_name}: {reason}" if column_name else reason
            writer.writerow([*(safe_cell(column[i]) for column in cells), safe_cell(why)])
        for fault in table.faults:
            writer.writerow(
                [safe_cell(fault.value or ""), *[""] * (len(rec.labels) - 1), fault.reason]
            )
    return out.getvalue().encode("utf-8-sig")


def _texts(column: Column, rows: list[int]) -> list[str]:
    taken = Column(
        column.label,
        column.text.take(rows),
        None if column.number is None else column.number.take(rows),
        None if column.when is None else column.when.take(rows),
    )
    return texts_of(taken)
