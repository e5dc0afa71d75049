"""The wording of the import page, and text of files made safe for the labels of widgets."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.preview import Preview
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.markup import name

LIMIT_MB = 200
KINDS = "CSV, TSV, Excel (.xlsx, .xls), Parquet, JSON Lines, also inside .gz or .zip"
EMPTY_TITLE = "Drop the export as you downloaded it: no renaming, no cleaning, no opening in Excel"
EMPTY = (
    "TikTok Shop: Creator, Video, Product and LIVE data, Shop Overview, affiliate orders.",
    "Shopee: affiliate commission report. Lazada: conversion report.",
    "The product's own snapshot files.",
    "Headers may be English, Chinese, Thai, Vietnamese or Indonesian. "
    "What the file is, is found out; you see it before anything is kept.",
    "Nothing changes before you press Import, and every import can be undone.",
)
NO_DESK_TITLE = "Files cannot be handed in here"
NO_DESK = (
    "The product that runs takes no files by hand: put them into the inbox folder of their feed."
)

STATUS: Mapping[str, tuple[str, str, str]] = {  # status → (symbol, word, tone)
    "ready": ("✓", "ready to import", "blue"),
    "known": ("=", "nothing new in it", ""),
    "needs_mapping": ("?", "a column is missing", "orange"),
    "refused": ("✕", "cannot be imported", "red"),
    "taken": ("✓", "taken", "blue"),
    "undone": ("↶", "undone", ""),
    "waiting": ("◌", "waiting", ""),
    "undoing": ("◌", "being undone", "orange"),
    "trouble": ("✕", "could not be looked at", "red"),
    "unsorted": ("?", "say where it goes", "orange"),
    "no_campaign": ("?", "which campaign?", "orange"),
    "no_instant": ("?", "read when?", "orange"),
}
NEXT: Mapping[str, str] = {  # status → the next step
    "refused": "Nothing of it was kept. Put right what is said above at the source, export again, "
    "and drop the new file here.",
    "no_campaign": "Choose it below; what the file holds is looked at then.",
    "no_instant": "Say below when the platform showed these numbers. For a file you have just "
    "downloaded that is just now.",
    "known": "There is nothing to do: importing it again would change nothing.",
    "needs_mapping": "A renamed column must not be read as zero, so nothing is taken until a person "
    "says what it is called now. If the column is really gone, export again with it switched on.",
}
HOW: Mapping[str, tuple[str, str]] = {  # Matched.how → (symbol, words)
    "name": ("✓", "by name"),
    "alias": ("≈", "by another language or an older name"),
    "learned": ("✎", "explained by a person before"),
    "unused": ("·", "not used"),
}
FIELDS: Mapping[str, str] = {
    "observed_at": "Instant of reading",
    "campaign_id": "Campaign",
    "complete_through": "Complete through",
}
_MARKDOWN = str.maketrans({c: f"\\{c}" for c in string.punctuation})
# Characters that are not seen and would turn, join or hide the text around them.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")


def flat(text: object, longest: int = 80) -> str:
    """One line of a file's text, no longer than `longest`, without characters that are not seen."""
    seen = " ".join(_UNSEEN.sub(" ", str(text)).split())
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}…"


def shown(text: object, longest: int = 300) -> str:
    """Text of a file as HTML: escaped, on one line, and unable to turn what stands around it."""
    return name(flat(text, longest))


def plain(text: object) -> str:
    """Text of a file for the label of a widget, which would read Markdown, images too."""
    return flat(text).translate(_MARKDOWN)


def field(what: str | None) -> str:
    """What a column is to us: `GMV`, `Creator`; a dash when it is nothing."""
    if not what:
        return n.UNKNOWN
    known = {**w.METRICS, **w.DIMENSIONS, **FIELDS}
    return known.get(what, what.replace("_", " "))


def size(octets: int) -> str:
    """`48.2 MB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if octets >= factor:
            return f"{octets / factor:.1f} {unit}"
    return f"{octets} bytes"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`Wed 11 Nov 21:14`, always with its date: files are often of another day."""
    return n.clock_time(at, zone)


def stretch(between: tuple[datetime, datetime], zone: ZoneInfo) -> str:
    """`Wed 11 Nov 00:00 to Thu 12 Nov 00:00`, or the one instant."""
    first, last = between
    said = moment(first, zone)
    return said if first == last else f"{said} to {moment(last, zone)}"


def headline(preview: Preview, status: str) -> str:
    """One sentence: what pressing Import would do. `status` is a key of STATUS."""
    if status == "no_campaign":
        return "The file names no campaign"
    if status == "no_instant":
        return "The file does not say when its numbers were read"
    rows = preview.rows
    read, taken, aside = (rows.get(k, 0) for k in ("read", "taken", "quarantined"))
    if preview.status == "ready":
        said = f"{taken:,} of {w.counted(read, 'row')} will be taken"
        return f"{said}, {aside:,} set aside" if aside else said
    if preview.status == "needs_mapping":
        matched = sum(1 for c in preview.columns if c.field)
        gone = [s.title for s in preview.suggestions] or list(preview.missing)
        be = "is" if len(gone) == 1 else "are"
        names = ", ".join(f"“{flat(g)}”" for g in gone)
        missing = f"; {names} {be} missing" if gone else ""
        return f"{matched} of {w.counted(len(preview.columns), 'column')} matched{missing}"
    if preview.status == "known":
        return "Every row of it is held already"
    return "Nothing of it can be taken"
