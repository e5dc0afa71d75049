"""Control totals: a file checked against itself before anybody relies on it."""

from __future__ import annotations

import numpy as np

from monitor.ingest import dialect as d
from monitor.ingest.cleaned import Cleaned
from monitor.ingest.counters import NONE, Ints
from monitor.ingest.readings import Control
from monitor.ingest.recognise import Recognised

RATIO_ROUNDING = 0.006  # a percentage with two digits, of counts that may be minutes apart


def controls(
    rec: Recognised, cleaned: Cleaned, numbers: dict[str, Ints], dialect: str
) -> list[Control]:
    """All checks that the format declares and the file has the columns for."""
    found: list[Control] = []
    assert rec.format is not None
    for check in rec.format.sum:
        if {check.total, *check.of} <= numbers.keys():
            found.append(_sum(check.total, check.of, cleaned, numbers))
    for ratio in rec.format.ratio:
        if {ratio.of, ratio.to} <= numbers.keys() and ratio.ratio in rec.found:
            control = _ratio(ratio.ratio, ratio.of, ratio.to, cleaned, numbers)
            if control is not None:
                found.append(control)
    if cleaned.total is not None:
        found += _total_row(rec, cleaned, numbers, dialect)
    if cleaned.cut_line is not None:
        words = (
            f"A second table begins at line {cleaned.cut_line}: "
            f"its {cleaned.cut_rows} rows were left out"
        )
        found.append(Control("second table", False, words))
    return found


def _sum(total: str, parts: tuple[str, ...], cleaned: Cleaned, numbers: dict[str, Ints]) -> Control:
    stack = np.column_stack([numbers[part] for part in parts])
    known = (stack != NONE).all(axis=1) & (numbers[total] != NONE)
    off = known & (stack.sum(axis=1, where=stack != NONE) != numbers[total])
    words = f"{' + '.join(parts)} = {total}"
    if not known.any():
        return Control("sum", True, f"{words}: no row has them all")
    if not off.any():
        return Control("sum", True, f"{words} in all {int(known.sum())} rows")
    line = int(cleaned.table.line[cleaned.rows[int(np.argmax(off))]])
    return Control("sum", False, f"{words} fails in {int(off.sum())} rows, first in line {line}")


def _ratio(
    title: str, above: str, below: str, cleaned: Cleaned, numbers: dict[str, Ints]
) -> Control | None:
    said = [d.percent(text) for text in d.texts_of(cleaned.columns[title])]
    over, under = numbers[above], numbers[below]
    rows = [
        (row, value) for row, value in enumerate(said)
        if value is not None and over[row] != NONE and under[row] not in (NONE, 0)
    ]  # fmt: skip
    if not rows:
        return None
    off = [row for row, value in rows if abs(over[row] / under[row] - value) > RATIO_ROUNDING]
    words = f"{title} = {above} ÷ {below}"
    if not off:
        return Control("ratio", True, f"{words} in all {len(rows)} rows")
    line = int(cleaned.table.line[cleaned.rows[off[0]]])
    return Control("ratio", False, f"{words} differs in {len(off)} rows, first in line {line}")


def _total_row(
    rec: Recognised, cleaned: Cleaned, numbers: dict[str, Ints], dialect: str
) -> list[Control]:
    """The file's own row of totals against the sum of its rows; ratios are no sums."""
    assert cleaned.total is not None
    found = []
    for title, values in numbers.items():
        column = rec.found[title].column
        if not column.to:
            continue
        cell = cleaned.whole(title, rec)
        only = d.numbers(
            type(cell)(
                cell.label, cell.text.slice(cleaned.total, 1),
                None if cell.number is None else cell.number.slice(cleaned.total, 1),
            ),
            dialect, kind=column.kind, sure=True,
        ).values[0]  # fmt: skip
        if only == NONE:
            continue
        own = int(values[values != NONE].sum())
        words = (
            f"The row of totals says {only / 100:,.2f} {title}, the rows add up to {own / 100:,.2f}"
        )
        found.append(Control("total row", bool(own == only), words))
    return found
