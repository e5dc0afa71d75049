"""What a file is: which format its header shows, where the header stands, which columns are which.

The header is found, not assumed: every row of a sheet's head is compared with every format. A label
that a person has explained before (`aliases`) counts like one of the format's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from monitor.campaigns.words import DIMENSIONS, METRICS
from monitor.errors import FileRefused
from monitor.ingest.dialect import NOTHING, PLAIN, bare
from monitor.ingest.files import NotUtf8, open_sheets
from monitor.ingest.files.archive import is_workbook
from monitor.ingest.formats import NUMBERS, Format, FormatColumn, formats
from monitor.ingest.labels import SEVERAL, clean, currency_of, normal
from monitor.ingest.table import Cell, Sheet

CANONICAL = "canonical"
CANONICAL_LABELS = {"observed_at", "campaign_id", *DIMENSIONS, *METRICS, "complete_through"}
OTHER_ENCODINGS = ("cp1252", "cp874", "gb18030")  # after those that formats declare
MIN_SHARE, MIN_COLUMNS = 0.5, 3
LIKELY, POSSIBLE = 75.0, 45.0  # RapidFuzz WRatio of an unknown label and a missing column
DEFINITION_ROWS = 2

Aliases = Mapping[tuple[str, str], str]
"""(format, normalised label) → title of the column that it is; "" means: leave it out."""


@dataclass(frozen=True)
class Found:
    """One column of the file. `how`: by its own name, another language or older name, or learned."""

    position: int
    label: str
    column: FormatColumn
    how: str


@dataclass(frozen=True)
class Recognised:
    """A sheet with a known kind of table in it. `format` None: a canonical snapshot file.

    `found`: by title. `unmatched`: labels that nothing is known of; `left_out`: those that a person
    said to leave out. `asks`: columns that must be there, or likely only changed their name; each
    with the labels that may be it, best first.
    """

    sheet: Sheet
    format: Format | None
    header: int
    first: int
    labels: tuple[str, ...]
    found: Mapping[str, Found]
    unmatched: tuple[str, ...]
    left_out: tuple[str, ...]
    missing: tuple[str, ...]
    asks: Mapping[str, tuple[str, ...]]
    language: str
    currency: str
    encoding: str

    @property
    def name(self) -> str:
        return self.format.name if self.format else CANONICAL


def recognise(content: bytes, name: str, aliases: Aliases) -> list[Recognised]:
    """All tables of a file that we know; more than one only where several sheets hold the same kind.

    Raises FileRefused when there is none, naming what came nearest.
    """
    packed = content.startswith(b"PK") and not is_workbook(content)
    try:
        return _best(open_sheets(content, name), aliases, "UTF-8", packed)
    except NotUtf8 as refused:
        if not packed and _is_damaged(content):
            raise FileRefused(f"damaged UTF-8 text, {refused}; or export it again") from refused
        declared = [e for f in formats().values() for e in f.encodings]
        for encoding in dict.fromkeys((*declared, *OTHER_ENCODINGS)):
            try:
                found = _best(open_sheets(content, name, encoding), aliases, encoding, packed)
            except (FileRefused, UnicodeError):
                continue
            if found and found[0].format and not found[0].asks:
                return found
        raise refused


def _is_damaged(content: bytes) -> bool:
    """Whether text is UTF-8 but for a few bytes: read as anything else, its names would be others."""
    text = content.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return sum(c > "\x7f" for c in text) - wrong >= 4 * wrong


def _best(sheets: list[Sheet], aliases: Aliases, encoding: str, packed: bool) -> list[Recognised]:
    """All sheets of the kind that is recognised best. Of an archive every file must be that kind."""
    scored = [
        (score, recognised)
        for sheet in sheets
        for score, recognised in [_of_sheet(sheet, aliases, encoding)]
        if recognised is not None
    ]
    if not scored:
        raise FileRefused(_why_not(sheets))
    best = max(scored, key=lambda item: item[0])[1]
    known = {id(r.sheet) for _, r in scored}
    others = [r.sheet.name for s, r in scored if r.name != best.name and (packed or s[0] >= 2.0)]
    others += [sheet.name for sheet in sheets if packed and id(sheet) not in known]
    if others:
        raise FileRefused(
            f"{best.sheet.name!r} is a table of {best.name}, {others[0]!r} is none: "
            "drop each by itself, or leave out what is not meant"
        )
    return [r for _, r in scored if r.name == best.name and (packed or r is best or not r.asks)]


def _of_sheet(
    sheet: Sheet, aliases: Aliases, encoding: str
) -> tuple[tuple[float, ...], Recognised | None]:
    """The best reading of one sheet and how good it is."""
    best: tuple[tuple[float, ...], Recognised | None] = ((-1.0,), None)
    for row, cells in enumerate(sheet.head):
        labels = tuple("" if cell is None else clean(cell) for cell in cells)
        if not any(labels):
            continue
        given = sum(1 for label in labels if label)
        canonical = {label.lower() for label in labels} & CANONICAL_LABELS
        if "observed_at" in canonical:  # no export has it, and this is what comes every minute
            return (3.0, len(canonical) / given), _canonical(sheet, row, labels, encoding)
        if canonical and row == 0:
            best = (0.5, len(canonical) / given, 0.0), _canonical(sheet, row, labels, encoding)
        for format in formats().values():
            hits = _hits(format, labels, aliases)
            if len(hits) < MIN_COLUMNS or len(hits) / given < MIN_SHARE:
                continue
            required = [c for c in format.column if c.required]
            share = sum(c.title in hits for c in required) / len(required)
            score = (1.0 + (share == 1.0), share + len(hits) / given, len(hits))
            if format.exact and share < 1.0:
                continue
            if score > best[0]:
                best = score, _export(sheet, format, row, labels, hits, aliases, encoding)
    return best


def _canonical(sheet: Sheet, row: int, labels: tuple[str, ...], encoding: str) -> Recognised:
    return Recognised(
        sheet, None, row, row + 1, labels, {}, (), (), (), {}, "English", "", encoding
    )


def _hits(format: Format, labels: tuple[str, ...], aliases: Aliases) -> dict[str, Found]:
    """Title → the column of the file that is it; of repeated labels the first counts."""
    hits: dict[str, Found] = {}
    for position, label in enumerate(labels):
        if not label:
            continue
        key = label if format.exact else normal(label)
        learned = aliases.get((format.name, normal(label)))
        if learned and learned in format.by_title:
            hits.setdefault(learned, Found(position, label, format.by_title[learned], "learned"))
        elif learned is None and key in format.by_label:
            column, language = format.by_label[key]
            own = not language and key == normal(column.title)
            hits.setdefault(
                column.title, Found(position, label, column, "name" if own else "alias")
            )
    return hits


def _export(
    sheet: Sheet,
    format: Format,
    row: int,
    labels: tuple[str, ...],
    hits: dict[str, Found],
    aliases: Aliases,
    encoding: str,
) -> Recognised:
    taken = {found.position for found in hits.values()}
    rest = [(i, label) for i, label in enumerate(labels) if label and i not in taken]
    left_out = [
        label for _, label in rest
        if aliases.get((format.name, normal(label))) == "" or normal(label) in format.by_label
    ]  # fmt: skip
    unmatched = tuple(label for _, label in rest if label not in left_out)
    missing = [c for c in format.column if c.title not in hits and (c.required or c.to)]
    asks: dict[str, tuple[str, ...]] = {}
    for column in missing:
        ranked = process.extract(
            normal(column.title), {label: normal(label) for label in unmatched}, scorer=fuzz.WRatio
        )
        near = tuple(label for _, score, label in ranked if score >= POSSIBLE)
        likely = bool(ranked) and ranked[0][1] >= LIKELY
        if column.required or likely:
            asks[column.title] = near
    counted: dict[str, int] = {}
    for found in hits.values():
        language = format.by_label.get(normal(found.label), (None, ""))[1]
        counted[language] = counted.get(language, 0) + 1
    foreign = {k: v for k, v in counted.items() if k}
    language = max(foreign, key=lambda k: foreign[k]) if foreign else ""
    marks = {c for label in labels if (c := currency_of(label))}
    currencies = marks - SEVERAL.keys() or marks
    if len(currencies) > 1:
        raise FileRefused(
            f"the headers name several currencies ({', '.join(sorted(currencies))}): "
            "export one currency at a time"
        )
    return Recognised(
        sheet=sheet,
        format=format,
        header=row,
        first=_first(sheet.head, row, hits),
        labels=labels,
        found=hits,
        unmatched=unmatched,
        left_out=tuple(left_out),
        missing=tuple(c.title for c in missing),
        asks=asks,
        language=language,
        currency=next(iter(currencies), ""),
        encoding=encoding,
    )


def _first(head: tuple[tuple[Cell, ...], ...], header: int, hits: Mapping[str, Found]) -> int:
    """The first row of data: a row of definitions right under the header is none."""
    row = header + 1
    for _ in range(DEFINITION_ROWS):
        if row < len(head) and _defines(head[row], hits):
            row += 1
    return row


def _defines(cells: tuple[Cell, ...], hits: Mapping[str, Found]) -> bool:
    """Whether a row says in words what its columns of numbers mean."""
    said = [
        cells[found.position]
        for found in hits.values()
        if found.column.kind in NUMBERS and found.position < len(cells)
    ]
    texts = [c for c in said if isinstance(c, str) and c.strip().casefold() not in NOTHING]
    words = [t for t in texts if not PLAIN["comma"].fullmatch(bare(t)[0]) and " " in t.strip()]
    typed = [c for c in said if c is not None and not isinstance(c, str)]
    return bool(words) and len(words) == len(texts) and not typed and max(map(len, words)) > 12


def _why_not(sheets: list[Sheet]) -> str:
    """What came nearest, for a file that is nothing we know."""
    near: tuple[int, int, str, tuple[str, ...]] = (0, 0, "", ())
    labels: tuple[str, ...] = ()
    for sheet in sheets:
        for cells in sheet.head:
            shown = tuple(clean(cell) for cell in cells if cell is not None)
            labels = labels or shown
            for format in formats().values():
                hits = _hits(format, shown, {})
                if len(hits) > near[0]:
                    near = len(hits), len(format.column), format.title, shown
    found = ", ".join(repr(label[:40]) for label in (near[3] or labels)[:8])
    if near[0]:
        return (
            f"not recognised: nearest is {near[2]}, with {near[0]} of its {near[1]} columns "
            f"(found: {found}); export it again with all columns, or see docs/formats.md"
        )
    return (
        f"no known columns (found: {found}); a canonical file has observed_at, campaign_id, "
        "dimensions and metrics, separated by commas; docs/formats.md lists the exports we know"
    )
