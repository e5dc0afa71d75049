"""What kind of file it is, told by its content, and who opens that kind. A suffix is never believed."""

from __future__ import annotations

from dataclasses import replace

from monitor.errors import FileRefused
from monitor.ingest.files.archive import Member, gzip_content, is_workbook, zip_members
from monitor.ingest.files.delimited import DelimitedSheet
from monitor.ingest.files.json_rows import json_sheet, looks_like_json
from monitor.ingest.files.limits import CONTENT_LIMIT, MIB, Budget
from monitor.ingest.files.parquet import parquet_sheet
from monitor.ingest.files.text import MARKS, decoded
from monitor.ingest.files.webpage import html_sheets, html_text, looks_like_html
from monitor.ingest.files.workbook import workbook_sheets
from monitor.ingest.table import Sheet

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SAVE_AS = "open it in Excel, choose File → Save As → Excel Workbook (.xlsx)"
UNPACK = "unpack it and drop the files inside it, or pack them as zip or gzip"
FOREIGN = (
    (b"\x09\x08\x10\x00", f"an old Excel file (.xls): {SAVE_AS}"),
    (b"\x09\x08\x08\x00", f"an old Excel file (.xls): {SAVE_AS}"),
    (b"\x09\x04\x06\x00", f"an old Excel file (.xls): {SAVE_AS}"),
    (b"\x09\x02\x06\x00", f"an old Excel file (.xls): {SAVE_AS}"),
    (b"MIME-Version:", f"a web archive that Excel saved (.mht): {SAVE_AS}"),
    (b"%PDF", "a PDF: export the same figures as CSV or XLSX"),
    (b"\x89PNG", "a picture: export the same figures as CSV or XLSX"),
    (b"\xff\xd8\xff", "a picture: export the same figures as CSV or XLSX"),
    (b"Rar!", f"a RAR archive: {UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive: {UNPACK}"),
    (b"BZh", f"a bzip2 archive: {UNPACK}"),
    (b"\xfd7zXZ\x00", f"an xz archive: {UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"a zstd archive: {UNPACK}"),
    (b"SQLite format 3\x00", "a SQLite database: set it up as a feed with an sql source"),
    (b"ARROW1\x00\x00", "an Arrow file: write it as Parquet"),
)


def open_sheets(content: bytes, name: str, encoding: str | None = None) -> list[Sheet]:
    """All sheets with cells in them, in the file's order. `encoding` is for text without a mark.

    Raises FileRefused in words with the next step; NotUtf8 when an encoding would help.
    """
    if len(content) > CONTENT_LIMIT:
        raise FileRefused(
            f"the file has more than {CONTENT_LIMIT // MIB} MB: split it, for example one a day"
        )
    return _opened(Member(name, content), encoding, Budget(), inside=None)


def _opened(file: Member, encoding: str | None, budget: Budget, inside: str | None) -> list[Sheet]:
    """The sheets of one file; `inside` names what it was packed in: gzip, zip or nothing."""
    content = file.content
    if content.startswith((GZIP, *ZIP)) and not is_workbook(content):
        if inside:
            raise FileRefused(f"an archive inside a {inside} archive: {UNPACK}")
        if content.startswith(GZIP):
            unpacked = Member(file.name.removesuffix(".gz"), gzip_content(content, budget))
            return _opened(unpacked, encoding, budget, inside="gzip")
        return _of_members(zip_members(content, budget), encoding, budget)
    if content.startswith(ZIP):
        return list(workbook_sheets(content, budget))
    if content.startswith(b"PAR1"):
        return [parquet_sheet(content)]
    _refuse_foreign(content)
    return _of_text(content, encoding)


def _of_members(members: list[Member], encoding: str | None, budget: Budget) -> list[Sheet]:
    found: list[Sheet] = []
    for member in members:
        try:
            sheets = _opened(member, encoding, budget, inside="zip")
        except FileRefused as e:
            raise type(e)(f"{member.name!r} in the zip archive: {e}") from e
        for sheet in sheets:
            label = f"{member.name}/{sheet.name}" if sheet.name else member.name
            found.append(replace(sheet, name=label))  # type: ignore[type-var]
    return found


def _refuse_foreign(content: bytes) -> None:
    if content.startswith(OLE2):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise FileRefused(
                "an Excel file with a password: open it in Excel, take the password off under "
                "File → Info → Protect Workbook → Encrypt with Password, save it as .xlsx"
            )
        raise FileRefused(f"an old Excel file (.xls): {SAVE_AS}")
    for magic, words in FOREIGN:
        if content.startswith(magic):
            raise FileRefused(words)


def _of_text(content: bytes, encoding: str | None) -> list[Sheet]:
    if looks_like_html(content):
        return list(html_sheets(html_text(content, encoding)))
    text = decoded(content, encoding)
    if not text or text.isspace():
        raise FileRefused("the file is empty")
    if looks_like_html(text[:2048].encode("utf-8", "replace")):  # UTF-16
        return list(html_sheets(text))
    if "\x00" in text:
        raise FileRefused(
            "no table: the file holds binary data (NUL bytes); "
            "save it as CSV UTF-8, XLSX, Parquet or JSON Lines"
        )
    if looks_like_json(text):
        return [json_sheet(text)]
    plain = not encoding and not content.startswith(tuple(mark for mark, _ in MARKS))
    return [DelimitedSheet.of(content if plain else text.encode())]
