"""Excel workbooks (XLSX): the visible sheets, row by row, in bounded memory.

openpyxl reads what describes the workbook: sheets, texts, date formats. The rows are read by
`sheet_xml`, for openpyxl gives either formulas or their values, leaves out rows whose numbers do not
rise, and takes twice as long.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial

from openpyxl import load_workbook

from monitor.errors import FileRefused
from monitor.ingest.files.archive import opened_zip
from monitor.ingest.files.grid import GridSheet, Row
from monitor.ingest.files.limits import MIB, Budget, refusing
from monitor.ingest.files.sheet_xml import SAVE_AGAIN, Meaning, sheet_rows

OTHER_DOCUMENTS = (
    ("xl/workbook.bin", "an Excel binary workbook (.xlsb)"),
    ("Index/Document.iwa", "a Numbers, Pages or Keynote document"),
    ("mimetype", "an OpenDocument file (.ods)"),
    ("word/document.xml", "a Word document"),
    ("ppt/presentation.xml", "a PowerPoint document"),
)
TEXTS_LIMIT = 256 * MIB  # the shared texts of a workbook; its other parts stay below it by far
SHEET_ROOT = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*\?>)?\s*<(\w+:)?worksheet\b")


def workbook_sheets(content: bytes, budget: Budget) -> list[GridSheet]:
    """The visible sheets that hold anything.

    A number cell is a number, a date cell a naive instant; a formula without a cached value is its
    own text, "=A1+B1"; an error such as #N/A is text.
    """
    packed = opened_zip(content)
    names = set(packed.namelist())
    for part, what in OTHER_DOCUMENTS:
        if part in names:
            raise FileRefused(
                f"{what}: open it in the program it is from and save or export it as XLSX or CSV"
            )
    _check_parts(packed, len(content), budget)
    with refusing("an Excel file that cannot be read", SAVE_AGAIN), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheets = book.worksheets
        hidden = [sheet.title for sheet in sheets if sheet.sheet_state != "visible"]
        found: list[GridSheet] = []
        for sheet in sheets:
            if sheet.sheet_state != "visible":
                continue
            meaning = Meaning(
                texts=sheet._shared_strings,
                dates=frozenset(book._date_formats),
                spans=frozenset(book._timedelta_formats),
                epoch=book.epoch,
            )
            rows = partial(_rows, packed, sheet._worksheet_path, sheet.title, meaning)
            grid = GridSheet.of(sheet.title, "xlsx", rows)
            if grid is not None:
                found.append(grid)
    if not found:
        words = f" (hidden: {', '.join(map(repr, hidden[:5]))})" if hidden else ""
        raise FileRefused(
            f"the workbook has no visible sheet with cells in it{words}: "
            f"show the sheet that is meant, or export it again"
        )
    return found


def _rows(packed: zipfile.ZipFile, path: str, title: str, meaning: Meaning) -> Iterator[Row]:
    with refusing(f"the sheet {title!r} cannot be read", SAVE_AGAIN), packed.open(path) as part:
        yield from sheet_rows(part, meaning)


def _check_parts(packed: zipfile.ZipFile, size: int, budget: Budget) -> None:
    """Unpack every part once: within limits, undamaged, and without entities that blow up."""
    for info in packed.infolist():
        what = f"the part {info.filename!r} of the Excel file"
        smaller = min(info.compress_size, size)
        read, tail, is_sheet = 0, b"", False
        with refusing(f"{what} is damaged", SAVE_AGAIN), packed.open(info) as part:
            for piece in budget.pieces(part, smaller, what, kept=False):
                if not read:
                    is_sheet = bool(SHEET_ROOT.match(piece))
                    if b"\0" in piece[:64] and info.filename.endswith((".xml", ".rels")):
                        raise FileRefused(f"{what} is no UTF-8 text: {SAVE_AGAIN}")
                read += len(piece)
                if b"<!DOCTYPE" in tail + piece:
                    raise FileRefused(f"{what} declares XML entities, no Excel does: {SAVE_AGAIN}")
                tail = piece[-16:]
                if read > TEXTS_LIMIT and not is_sheet:
                    raise FileRefused(
                        f"{what} is larger than {TEXTS_LIMIT // MIB} MB: save it as CSV UTF-8"
                    )
