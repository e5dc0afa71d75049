"""The rows of one sheet of an Excel workbook, out of its XML, piece by piece."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from xml.parsers import expat

from openpyxl.utils.datetime import from_excel, from_ISO8601

from monitor.errors import FileRefused
from monitor.ingest.files.grid import Row
from monitor.ingest.files.limits import MIB, PIECE, Readable
from monitor.ingest.table import Cell

SAVE_AGAIN = "open it in Excel and save it again as Excel Workbook (.xlsx), or as CSV UTF-8"
ROW_LIMIT = 32 * MIB  # of XML from one row to the next
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
REFERENCE = re.compile(r"([A-Z]{1,3})\d+\Z")
NS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
CELL, VALUE, FORMULA, TEXT = NS + "c", NS + "v", NS + "f", NS + "t"
ROW, DATA, PHONETIC = NS + "row", NS + "sheetData", NS + "rPh"


@dataclass(frozen=True)
class Meaning:
    """What the cells of a workbook refer to. `dates`, `spans`: styles of instants and of durations."""

    texts: list[str]
    dates: frozenset[int]
    spans: frozenset[int]
    epoch: datetime

    def cell(
        self, kind: str, style: str | None, value: str | None, formula: str | None, inline: str
    ) -> Cell:
        """What a cell says. `value`: of its `v`, None without one; `formula`: "=…", None for none.

        A formula without a cached value is its own text, so that nobody takes it for a blank.
        """
        if formula is not None and (value is None or (value == "" and kind != "str")):
            return formula
        if kind == "inlineStr":
            return inline or None
        if not value:
            return None
        if kind == "n":
            return self._number(value, style)
        if kind == "s":
            return self.texts[int(value)] or None
        if kind == "b":
            return value.strip() == "1"
        if kind == "d":
            try:
                return _told(from_ISO8601(value))
            except ValueError:
                return value
        return value  # str: the text of a formula; e: an error such as #N/A

    def _number(self, value: str, style: str | None) -> Cell:
        """A number or, by its style, an instant; what is neither stays text, to be set aside."""
        try:
            number = int(value) if value.isdigit() else float(value)
        except ValueError:
            return value
        if not math.isfinite(number) or "_" in value:
            return value
        if style is None or int(style) not in self.dates:
            return number
        try:
            return _told(from_excel(number, self.epoch, timedelta=int(style) in self.spans))
        except (OverflowError, ValueError):
            return "#VALUE!"


def _told(value: datetime | date | time | timedelta) -> Cell:
    """A duration as text, hours:minutes:seconds; the others as they are."""
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        hours, rest = divmod(abs(seconds), 3600)
        return f"{'-' if seconds < 0 else ''}{hours:02}:{rest // 60:02}:{rest % 60:02}"
    return value


def sheet_rows(part: Readable, meaning: Meaning) -> Iterator[Row]:
    """Line numbers and cells of all rows that are written, blank cells None."""
    parser = _Parser(meaning)
    since_row = 0
    while not parser.done and (piece := part.read(PIECE)):
        parser.feed(piece)
        if parser.ready:
            since_row = 0
            yield from parser.ready
            parser.ready.clear()
        since_row += len(piece)
        if since_row > ROW_LIMIT:
            raise FileRefused(f"{ROW_LIMIT // MIB} MB without the end of a row: {SAVE_AGAIN}")
    if not parser.done:
        raise FileRefused(f"the sheet breaks off after row {parser.line}: {SAVE_AGAIN}")


class _Parser:
    """Takes XML by pieces and gives rows as they end; holds no more than the row it is in."""

    def __init__(self, meaning: Meaning) -> None:
        self.ready: list[Row] = []
        self.line = 0
        self.done = False
        self._meaning = meaning.cell
        self._columns: dict[str, int] = {}  # letters of a cell → column, filled as they are met
        self._cells: list[Cell] = []
        self._texts: list[str] = []
        self._in_cell: dict[str, str] = {}
        self._value: str | None = None
        self._formula: str | None = None
        self._inline = ""
        self._phonetic = False
        self._xml = expat.ParserCreate(namespace_separator=" ")
        self._xml.buffer_text = True
        self._xml.StartElementHandler = self._begin
        self._xml.EndElementHandler = self._end
        self.feed: Callable[[bytes], int] = self._xml.Parse

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == CELL:
            self._in_cell = attributes
            self._value = self._formula = None
            self._inline = ""
        elif tag in (VALUE, TEXT, FORMULA):
            self._texts = []
            self._xml.CharacterDataHandler = self._texts.append
        elif tag == ROW:
            self.line = max(self.line + 1, int(attributes.get("r") or 0))
            if self.line > LAST_ROW:
                raise FileRefused(f"a row of number {self.line}: {SAVE_AGAIN}")
            self._cells = []
        elif tag == PHONETIC:
            self._phonetic = True

    def _end(self, tag: str) -> None:
        if tag == CELL:
            self._place()
        elif tag == VALUE:
            self._xml.CharacterDataHandler = None
            self._value = "".join(self._texts)
        elif tag == TEXT:
            self._xml.CharacterDataHandler = None
            if not self._phonetic:  # a reading aid beside the text
                self._inline += "".join(self._texts)
        elif tag == FORMULA:
            self._xml.CharacterDataHandler = None
            self._formula = "=" + "".join(self._texts)
        elif tag == ROW:
            self.ready.append((self.line, self._cells))
        elif tag == PHONETIC:
            self._phonetic = False
        elif tag == DATA:
            self.done = True

    def _place(self) -> None:
        cells, said = self._cells, self._in_cell
        reference = said.get("r")
        if reference is not None:
            letters = reference.rstrip("0123456789")
            at = self._columns.get(letters)
            if at is None:
                at = self._columns[letters] = _column(reference)
            if at < len(cells):
                raise FileRefused(f"the cells of row {self.line} are out of order: {SAVE_AGAIN}")
            if at > len(cells):
                cells.extend([None] * (at - len(cells)))
        elif len(cells) >= LAST_COLUMN:
            raise FileRefused(f"row {self.line} has too many cells: {SAVE_AGAIN}")
        cells.append(
            self._meaning(
                said.get("t", "n"), said.get("s"), self._value, self._formula, self._inline
            )
        )


def _column(reference: str) -> int:
    """0 for A1."""
    match = REFERENCE.match(reference)
    number = 0
    for letter in match[1] if match else "":
        number = number * 26 + ord(letter) - 64
    if not 1 <= number <= LAST_COLUMN:
        raise FileRefused(f"a cell at {reference[:20]!r}, which is no place: {SAVE_AGAIN}")
    return number - 1
