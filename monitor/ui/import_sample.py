"""Columns, first rows and problems of a dropped file, as HTML. A problem is marked where it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from monitor.ingest.table import Fault
from monitor.preview import Matched, Preview
from monitor.ui import import_words as iw
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.markup import Head, chip, esc, panel, table

SHOWN_FAULTS = 50
SHOWN_ROWS = 12  # and those after them that have a problem, up to
MOST_ROWS = 30
TOLD = 3  # cells that tell the same reason; later ones say "as above"
SHOWN_UNUSED = 400
CELL = 60


def columns(preview: Preview) -> str:
    """How many columns are understood and how; all of them in a list that opens."""
    if not preview.columns:
        return ""
    matched = sum(1 for c in preview.columns if c.field)
    counts: Counter[str] = Counter(c.how for c in preview.columns)
    chips = [
        chip(iw.HOW[how][0], f"{counts[how]} {iw.HOW[how][1]}", _tone(how))
        for how in iw.HOW
        if counts[how]
    ]
    chips += [chip("✕", f"{iw.flat(label)} missing", "red") for label in _missing(preview)]
    heads = (Head("In the file", "key"), Head("Is", ""), Head("Matched", ""))
    rows = [
        (iw.shown(c.label), esc(iw.field(c.field)), chip(*iw.HOW[c.how], _tone(c.how)))
        for c in sorted(preview.columns, key=lambda c: c.field is None)[:SHOWN_UNUSED]
    ]
    whole = w.counted(len(preview.columns), "column")
    return panel(
        "Columns",
        f'<div class="m-chips">{"".join(chips)}</div>'
        f'<details class="m-more"><summary>All {esc(whole)}</summary>'
        f"{table(heads, rows, 'Columns of the file')}</details>",
        esc(f"{matched} of {whole} matched"),
    )


def _tone(how: str) -> str:
    return {"name": "blue", "alias": "blue", "learned": "orange"}.get(how, "")


def _missing(preview: Preview) -> list[str]:
    titles = {s.field: s.title for s in preview.suggestions}
    return [titles.get(label, label) for label in preview.missing]


def shown_rows(preview: Preview) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """The first rows of the sample, and those after them that have a problem."""
    bad = {fault.line for fault in preview.faults}
    rows = [row for i, row in enumerate(preview.sample) if i < SHOWN_ROWS or row[0] in bad]
    return tuple(rows[:MOST_ROWS])


def placed(preview: Preview) -> dict[tuple[int, int], list[Fault]]:
    """The problems of the first rows by (line, place of the column); place -1 is the whole row."""
    cells = dict(shown_rows(preview))
    found: dict[tuple[int, int], list[Fault]] = defaultdict(list)
    for fault in preview.faults:
        row = cells.get(fault.line)
        if row is not None:
            found[fault.line, _place(preview, fault, row)].append(fault)
    return found


def _place(preview: Preview, fault: Fault, row: Sequence[str]) -> int:
    """Labels may repeat, and a problem may name its column in the format's own words instead of the
    file's: then the cell that holds the value of the problem."""
    fits = [
        i
        for i, label in enumerate(preview.sample_labels)
        if fault.column and (label == fault.column or _is(preview, i, label) == fault.column)
    ]
    same = [i for i, cell in enumerate(row) if cell == fault.value]
    if not fits:
        return same[0] if len(same) == 1 else -1
    return next((i for i in same if i in fits), fits[0])


def _of(preview: Preview, place: int, label: str) -> Matched | None:
    """What is known of a column of the sample: by its place, else by its label."""
    if place < len(preview.columns) and preview.columns[place].label == label:
        return preview.columns[place]
    return next((c for c in preview.columns if c.label == label), None)


def _is(preview: Preview, place: int, label: str) -> str | None:
    column = _of(preview, place, label)
    return column.field if column else None


def places(preview: Preview, everything: bool) -> list[int]:
    """Which columns of the sample are drawn: those that are used or have a problem, or all."""
    marked = {place for _, place in placed(preview)}
    used = [
        i
        for i, label in enumerate(preview.sample_labels)
        if everything or i in marked or _is(preview, i, label)
    ]
    return used or list(range(len(preview.sample_labels)))


def first_rows(preview: Preview, everything: bool = False) -> str:
    """The first rows as they stand in the file, each problem marked in its cell with its reason."""
    if not preview.sample:
        return ""
    marked = placed(preview)
    drawn = places(preview, everything)
    heads = [Head("Line", "num")] + [
        Head(iw.flat(preview.sample_labels[i], CELL), "any", _hint(preview, i)) for i in drawn
    ]
    rows = []
    told: Counter[str] = Counter()
    for line, row in shown_rows(preview):
        whole = marked.get((line, -1), [])
        cells = [_cell(f"{line:,}", whole, told)]
        cells += [
            _cell(row[i] if i < len(row) else "", marked.get((line, i), []), told) for i in drawn
        ]
        rows.append(cells)
    bad = len({line for line, _ in marked})
    aside = "as in the file"
    aside += f" · {w.counted(bad, 'row')} with a problem" if bad else " · no problem in them"
    body = f'<div class="m-sample">{table(heads, rows, "First rows of the file")}</div>'
    return panel("First rows", body, esc(aside))


def _hint(preview: Preview, place: int) -> str:
    known = _of(preview, place, preview.sample_labels[place])
    return f"is: {iw.field(known.field)}" if known and known.field else "not used"


def _cell(value: str, faults: Sequence[Fault], told: Counter[str]) -> str:
    """A cell; with a problem it gets a frame, a symbol and the reason. `told` counts the reasons."""
    text = iw.shown(value, CELL) if value else '<span class="m-muted">blank</span>'
    if not faults:
        return text
    why = "; ".join(f.reason for f in faults)
    told[why] += 1
    said = iw.shown(why) if told[why] <= TOLD else "as above"
    return (
        f'<div class="m-fault" title="{esc(iw.flat(why, 300))}"><b>✕ {text}</b>'
        f"<small>{said}</small></div>"
    )


def problems(preview: Preview) -> str:
    """Problems after the first rows: what kinds there are, then each with its line."""
    lines = {line for line, _ in shown_rows(preview)}
    rest = [f for f in preview.faults if f.line not in lines]
    if not rest:
        return ""
    kinds = Counter((f.column, f.reason) for f in preview.faults)
    chips = [
        chip("✕", f"{count:,} × {iw.flat(column or 'row', 30)}: {iw.flat(reason, 60)}", "red")
        for (column, reason), count in kinds.most_common(5)
        if count > 1
    ]
    heads = (
        Head("Line", "num"),
        Head("Column", "any"),
        Head("Value", "any"),
        Head("Reason", "any"),
    )
    rows = [
        (
            f"{f.line:,}",
            iw.shown(f.column or n.UNKNOWN),
            iw.shown(f.value or "blank"),
            iw.shown(f.reason),
        )
        for f in rest[:SHOWN_FAULTS]
    ]
    more = len(rest) - len(rows)
    after = (
        f'<div class="m-asof">and {more:,} more: after the import all of them are in the file of '
        "rows to correct, in the list below</div>"
        if more > 0
        else ""
    )
    return panel(
        "Further problems",
        (f'<div class="m-chips">{"".join(chips)}</div>' if chips else "")
        + table(heads, rows, "Further problems")
        + after,
        esc(f"{w.counted(len(preview.faults), 'problem')} in the file; these rows are set aside"),
    )
