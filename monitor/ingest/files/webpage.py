"""HTML pages with tables, which many systems export as .xls."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from lxml import etree

from monitor.errors import FileRefused
from monitor.ingest.files.grid import GridSheet, Row
from monitor.ingest.files.limits import MIB, refusing
from monitor.ingest.files.text import MARKS, decoded
from monitor.ingest.table import Cell

SAVE_AS = "open it in Excel and save it as Excel Workbook (.xlsx) or CSV UTF-8"
SIZE_LIMIT = 64 * MIB  # a page is held in memory as a tree, about 12 times its size
WIDEST = 1000  # cells that one may span, as browsers have it; and rows
LAST_COLUMN = 16_384
OPENING = re.compile(
    rb"\s*<(!doctype\s+html|!--|\?xml|(html|head|meta|title|style|script|body|table|thead|tbody|tr|div|"
    rb"span|center|font|form|p|b|h[1-6]|br)\b)",
    re.IGNORECASE,
)
CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
LATER_NAMES = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "us-ascii": "cp1252"}


def looks_like_html(content: bytes) -> bool:
    """Whether the content begins as a page does."""
    return bool(OPENING.match(content.removeprefix(codecs.BOM_UTF8)[:2048]))


def html_text(content: bytes, encoding: str | None) -> str:
    """The page as text: UTF-8 where it is that, else what it says of itself, else what is given."""
    if content.startswith(tuple(mark for mark, _ in MARKS)):
        return decoded(content)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        said = CHARSET.search(content[:8192])
        return decoded(content, (_codec(said[1].decode()) if said else None) or encoding)


def _codec(name: str) -> str | None:
    """The codec of a charset's name on the web; None when there is none of that name."""
    name = LATER_NAMES.get(name.lower(), name.lower())
    try:
        return codecs.lookup(re.sub(r"^(x-)?windows-", "cp", name)).name
    except LookupError:
        return None


def html_sheets(text: str) -> list[GridSheet]:
    """Every table of a page that holds anything. All cells are text."""
    if "urn:schemas-microsoft-com:office:spreadsheet" in text[:4096] and "<Workbook" in text[:8192]:
        raise FileRefused(f"an Excel 2003 XML file: {SAVE_AS}")
    if len(text) > SIZE_LIMIT:
        raise FileRefused(f"an HTML file of more than {SIZE_LIMIT // MIB} MB: {SAVE_AS}")
    with refusing("an HTML page that cannot be read", SAVE_AS):
        parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
        body = re.sub(r"^\s*<\?xml[^>]*\?>", "", text).replace("\0", "")
        parser.feed(body.encode("utf-8", "replace"))
        root = parser.close()
        tables = [] if root is None else list(root.iter("table"))
        found = []
        for number, table in enumerate(tables, 1):
            name = "" if len(tables) == 1 else f"table {number}"
            sheet = GridSheet.of(name, "html", partial(_rows, table))
            if sheet is not None:
                found.append(sheet)
    if not found:
        words = " ".join("".join(root.itertext()).split())[:80] if root is not None else ""
        raise FileRefused(
            f"an HTML page without a table, so no known columns (it says {words!r}): a sign-in or "
            f"error page was saved in place of the export; download the export again"
        )
    return found


def _rows(table: Any) -> Iterator[Row]:
    """Rows as Excel shows them: a cell that spans others is followed by blank ones."""
    below: dict[int, int] = {}  # column → rows that a cell from above still covers
    rows = table.xpath("./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr")
    for line, row in enumerate(rows, 1):
        cells: list[Cell] = []
        covered = below
        below = {column: left - 1 for column, left in covered.items() if left > 1}
        for element in row.iterchildren("td", "th"):
            while len(cells) in covered:
                cells.append(None)
            wide = high = 1
            if element.attrib:
                wide, high = _span(element, "colspan"), _span(element, "rowspan")
            if high > 1:
                below.update(dict.fromkeys(range(len(cells), len(cells) + wide), high - 1))
            cells += [_words(element), *[None] * (wide - 1)]
            if len(cells) > LAST_COLUMN:
                raise FileRefused(f"a row of more than {LAST_COLUMN} cells: {SAVE_AS}")
        yield line, cells


def _span(element: Any, name: str) -> int:
    said = (element.get(name) or "").strip()
    return min(max(int(said), 1), WIDEST) if said.isascii() and said.isdigit() else 1


def _words(element: Any) -> str | None:
    """The text of a cell; blanks of any kind count as one space."""
    text = "".join(element.itertext()) if len(element) else element.text or ""
    return " ".join(text.split()) or None
