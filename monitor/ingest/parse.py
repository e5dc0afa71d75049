"""Cells of one column into instants, texts and hundredths: whole columns, distinct texts once."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import to_ms
from monitor.ingest.counters import NONE, Ints
from monitor.ingest.schema import (
    LARGEST,
    LOST_DIGITS,
    NEGATIVE,
    NO_INSTANT,
    NO_NUMBER,
    NO_OFFSET,
    SCIENTIFIC,
    SEPARATORS,
    TOO_LARGE,
)
from monitor.ingest.table import Column
from monitor.spreadsheet import plain_cell

Wrong = dict[str, Ints]  # reason → rows
PLAIN_NUMBER = r"^\d{1,12}(\.\d{1,12})?$"
EXACT = 1e12  # below it a float tells the nearest hundredth for sure, unless it lies between two
CLEAR = 0.25  # of a hundredth: nearer than that to a whole one, rounding leaves no doubt


def shown(column: Column, row: int) -> str | None:
    """What a cell says, as text."""
    for cells in (column.text, column.number, column.when):
        cell = None if cells is None else cells[int(row)].as_py()
        if cell is not None:
            return str(cell).strip() if cells is column.number else str(cell)
    return None


def instants(column: Column) -> tuple[Ints, Wrong]:
    """Milliseconds, NONE for blank cells, and what is no instant."""
    found, wrong = _by_text(column.text, _instant)
    if column.number is not None:
        typed, more = _by_text(_number_texts(column.number), _instant)
        found = np.where(typed == NONE, found, typed)
        wrong = _joined(wrong, more)
    if column.when is not None and column.when.type.tz is not None:
        cast = column.when.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64())
        typed = pc.fill_null(cast, int(NONE)).to_numpy(zero_copy_only=False)
        found = np.where(typed == NONE, found, typed)
    elif column.when is not None:
        typed, more = _by_text(column.when, _instant)
        wrong = _joined(wrong, more)
    return found, wrong


def texts(column: Column) -> tuple[list[str], Ints]:
    """The distinct texts, "" for blank, and which of them each row has.

    Ids that a float has cut short come out in scientific notation, which gives them away.
    """
    cells = _plain(column.text)
    for typed in (column.number, column.when):
        if typed is not None:
            said = _number_texts(typed) if typed is column.number else _when_texts(typed)
            cells = pc.coalesce(_decoded(cells), said)
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    bare = [plain_cell(text) for text in pc.utf8_trim_whitespace(encoded.dictionary).to_pylist()]
    trimmed = pa.array(bare, pa.string()).dictionary_encode()
    which = _indices(encoded.indices)
    again = _indices(trimmed.indices)
    distinct: list[str] = trimmed.dictionary.to_pylist()
    if (which == NONE).any():
        if "" not in distinct:
            distinct.append("")
        again = np.append(again, distinct.index(""))
        which = np.where(which == NONE, len(again) - 1, which)
    return distinct, again[which] if len(which) else which


def spoilt_ids(distinct: list[str]) -> dict[int, str]:
    """Which ids a spreadsheet has spoilt: place → reason."""
    return {i: LOST_DIGITS for i, text in enumerate(distinct) if SCIENTIFIC.match(text)}


def numbers(column: Column) -> tuple[Ints, Wrong]:
    """Hundredths, half a hundredth to the even one, NONE for blank; and what is no such number."""
    found, wrong = _text_numbers(_decoded(_plain(column.text)))
    if column.number is not None:
        typed, more = _typed_numbers(column.number)
        found = np.where(typed == NONE, found, typed)
        wrong = _joined(wrong, more)
    if column.when is not None:
        _, more = _text_numbers(_when_texts(column.when))
        wrong = _joined(wrong, more)
    return found, wrong


def present(codes: Ints) -> tuple[Ints, Ints]:
    """The distinct codes in order of appearance, and which of them each row has."""
    encoded = pa.array(codes).dictionary_encode()
    return encoded.dictionary.to_numpy(), encoded.indices.to_numpy().astype(np.int64)


def first_rows(codes: Ints) -> tuple[Ints, Ints]:
    """The first row of each distinct code, and which distinct code each row has."""
    distinct, which = present(codes)
    first = np.empty(len(distinct), np.int64)
    first[which[::-1]] = np.arange(len(which))[::-1]  # of several, the first is written last
    return first, which


# --- one kind of cells --------------------------------------------------------------------------


def _plain(cells: pa.Array) -> pa.Array:
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
        if isinstance(cells, pa.ChunkedArray):
            cells = cells.chunk(0) if cells.num_chunks else pa.nulls(0, pa.string())
    if pa.types.is_null(cells.type) or pa.types.is_large_string(cells.type):
        return cells.cast(pa.string())
    return cells


def _decoded(cells: pa.Array) -> pa.Array:
    return cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells


def _indices(indices: pa.Array) -> Ints:
    found: Ints = pc.fill_null(indices.cast(pa.int64()), int(NONE)).to_numpy(zero_copy_only=False)
    return found


def _by_text(cells: pa.Array, parsed: Any) -> tuple[Ints, Wrong]:
    """Each distinct cell through `parsed`, which gives a number, None for blank, or a reason."""
    cells = _plain(cells)
    if cells.null_count == len(cells):
        return np.full(len(cells), NONE), {}
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    which = _indices(encoded.indices)
    answers = [parsed(cell) for cell in encoded.dictionary.to_pylist()]
    value = np.array([a if isinstance(a, int) else NONE for a in [*answers, None]], np.int64)
    reasons: dict[str, list[int]] = {}
    for i, answer in enumerate(answers):
        if isinstance(answer, str):
            reasons.setdefault(answer, []).append(i)
    wrong = {reason: np.flatnonzero(np.isin(which, some)) for reason, some in reasons.items()}
    return value[np.where(which == NONE, len(answers), which)], wrong


def _text_numbers(cells: pa.Array) -> tuple[Ints, Wrong]:
    if cells.null_count == len(cells):
        return np.full(len(cells), NONE), {}
    plain: pa.Array | None = None
    try:
        floats = cells.cast(pa.float64())
    except pa.ArrowInvalid:  # some cell is no number, blank ones among them
        plain = pc.fill_null(pc.match_substring_regex(cells, PLAIN_NUMBER), False)
        floats = pc.if_else(plain, cells, None).cast(pa.float64())
    return _from_floats(floats, cells)


def _typed_numbers(cells: pa.Array) -> tuple[Ints, Wrong]:
    if pa.types.is_floating(cells.type):
        cells = pc.if_else(pc.is_nan(cells), None, cells.cast(pa.float64()))
        return _from_floats(cells, cells)
    said = cells.cast(pa.string())
    if pa.types.is_decimal(cells.type):
        return _text_numbers(said)
    return _from_floats(cells.cast(pa.float64(), safe=False), said)


def _from_floats(floats: pa.Array, said: pa.Array) -> tuple[Ints, Wrong]:
    """Hundredths of floats where those leave no doubt, else of what is said."""
    exact = pc.fill_null(floats, float("nan")).to_numpy(zero_copy_only=False)
    sure = (exact >= 0) & (exact < EXACT)
    hundredths = np.where(sure, exact, 0) * 100
    nearest = np.rint(hundredths)
    sure &= np.abs(hundredths - nearest) < CLEAR
    found = np.where(sure, nearest, 0).astype(np.int64)
    rest = np.flatnonzero(~sure)
    if not len(rest):
        return found, {}
    found[rest], wrong = _by_text(said.take(pa.array(rest)), _number)
    return found, {reason: rest[rows] for reason, rows in wrong.items()}


def _number_texts(cells: pa.Array) -> pa.Array:
    if not pa.types.is_floating(cells.type):
        return cells.cast(pa.string())
    encoded = cells.dictionary_encode()
    said = [_float_text(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(said, pa.string()).take(encoded.indices)


def _float_text(value: float | None) -> str | None:
    if value is None or value != value:
        return None
    return str(int(value)) if abs(value) < 2**53 and value % 1 == 0 else f"{value:E}"


def _when_texts(cells: pa.Array) -> pa.Array:
    return pa.array([None if c is None else str(c) for c in cells.to_pylist()], pa.string())


def _joined(wrong: Wrong, more: Wrong) -> Wrong:
    for reason, rows in more.items():
        wrong[reason] = np.concatenate([wrong.get(reason, rows[:0]), rows])
    return wrong


# --- one cell -----------------------------------------------------------------------------------


def _instant(cell: Any) -> int | str | None:
    """Milliseconds, None for a blank, or the reason why it is no instant."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, datetime):
        return f"no offset: write it as {cell.isoformat()}+08:00, with the zone's own offset"
    try:
        at = datetime.fromisoformat(str(cell).strip())
    except ValueError:
        return NO_INSTANT
    if at.tzinfo is None:
        return NO_OFFSET
    try:
        return to_ms(at)
    except OverflowError:
        return NO_INSTANT


def _number(cell: Any) -> int | str | None:
    """Hundredths, None for a blank, or the reason why it is no such number."""
    text = "" if cell is None else str(cell).strip()
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return NO_NUMBER.format(hint=SEPARATORS if re.search(r"\d", text) else "")
    if not number.is_finite():
        return NO_NUMBER.format(hint="")
    if number < 0:
        return NEGATIVE
    if number >= LARGEST:
        return TOO_LARGE
    return int((number * 100).to_integral_value(rounding="ROUND_HALF_EVEN"))
