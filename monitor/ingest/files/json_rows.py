"""JSON Lines, a JSON array of objects, and an object that holds one list of objects.

All cells are text: a number as its digits stand in the file, so that neither cents nor ids lose any.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.errors import FileRefused
from monitor.ingest.files.grid import CHUNK
from monitor.ingest.files.labelled import LabelledSheet
from monitor.ingest.table import Column, Fault, Table

ARRAY = re.compile(r"\s*\[\s*[\[{\]]")
Objects = Iterator[tuple[int, dict[str, Any] | Fault]]


class _Doubled(ValueError):
    """A key stands twice in one object: either value may be the wrong one."""


def looks_like_json(text: str) -> bool:
    return text[:1024].lstrip().startswith("{") or bool(ARRAY.match(text))


def json_sheet(text: str) -> LabelledSheet:
    """The table in JSON text; `line` is the line of JSON Lines, else the number of the object."""
    if not text[:1024].lstrip().startswith("["):
        begin = list(islice((row for _, row in _lines(text)), 2))
        if len(begin) == 2 and isinstance(_parsed(begin[0]), dict):
            return _sheet("jsonl", _of_lines(text))
    try:
        whole = DECODER.decode(text)
    except _Doubled as e:
        raise FileRefused(f"no table: {e}; export it again") from e
    except (ValueError, RecursionError) as e:
        if ARRAY.match(text):
            raise FileRefused(
                f"a JSON array that is damaged or cut off ({_said(e)}): export it again"
            ) from e
        return _sheet("jsonl", _of_lines(text))
    rows = _rows_in(whole)
    if rows is not None:
        return _sheet("json", _of_items(rows))
    return _sheet("jsonl", _of_items([whole]))


def _rows_in(whole: Any) -> list[Any] | None:
    """The array itself, or the only list of objects in an object or in the objects inside it."""
    if isinstance(whole, list):
        return whole
    found = dict(_lists_in(whole, ""))
    if len(found) > 1:
        raise FileRefused(
            f"the JSON object holds several lists ({', '.join(list(found)[:5])}): "
            f"save the one that is meant as a file of its own"
        )
    return next(iter(found.values()), None)


def _lists_in(value: dict[str, Any], path: str) -> Iterator[tuple[str, list[Any]]]:
    """Lists of objects, by where they are; answers of partner APIs wrap them: data.orders."""
    for name, inside in value.items():
        if isinstance(inside, list) and inside and isinstance(inside[0], dict):
            yield path + name, inside
        elif isinstance(inside, dict) and path.count(".") < 3:
            yield from _lists_in(inside, f"{path}{name}.")


def _of_lines(text: str) -> Objects:
    for line, row in _lines(text):
        value = _parsed(row)
        if isinstance(value, dict):
            yield line, value
        else:
            reason = value or "the line is no JSON object"
            yield line, Fault(line, "", row.strip()[:200], reason)


def _of_items(items: Iterable[Any]) -> Objects:
    for number, value in enumerate(items, 1):
        if isinstance(value, dict) and _is_text(value):
            yield number, value
        else:
            words = json.dumps(value)[:200]
            yield number, Fault(number, "", words, "the item is no JSON object")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    for line, row in enumerate(io.StringIO(text, newline="\n"), 1):
        if row.strip():
            yield line, row


def _parsed(row: str) -> dict[str, Any] | str | None:
    """The object in a line; else the reason why there is none, or None."""
    try:
        value = DECODER.decode(row)
    except _Doubled as e:
        return str(e)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(value, dict) and ("\\u" not in row or _is_text(value))
    return value if whole else None


def _is_text(value: Any) -> bool:
    """An escape may hold half a character, which is no text."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Doubled(f"the name {twice[:40]!r} stands twice in one JSON object")
    return found


DECODER = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object
)


def _said(e: Exception) -> str:
    return str(e)[:120] if isinstance(e, ValueError) else "nested too deep"


def _sheet(kind: str, objects: Objects) -> LabelledSheet:
    """Objects as columns, a chunk at a time; a name that comes late was blank before."""
    chunks: dict[str, list[pa.Array]] = {}
    lines: list[int] = []
    faults: list[Fault] = []
    waiting: list[dict[str, Any]] = []

    def flush() -> None:
        before = len(lines) - len(waiting)
        for row in waiting:
            if not row.keys() <= chunks.keys():
                for name in row:
                    chunks.setdefault(name, [pa.nulls(before, pa.string())])
        for name, column in chunks.items():
            column.append(_texts([row.get(name) for row in waiting]))
        waiting.clear()

    for line, found in objects:
        if isinstance(found, Fault):
            faults.append(found)
            continue
        lines.append(line)
        waiting.append(found)
        if len(waiting) >= CHUNK:
            flush()
    flush()
    if not lines:
        raise FileRefused("no table: no line is a JSON object (JSON Lines has one object a line)")
    columns = tuple(Column(name, pa.concat_arrays(parts)) for name, parts in chunks.items())
    if not columns:
        raise FileRefused("no table: the JSON objects are empty, so no known columns")
    return LabelledSheet("", kind, Table(columns, np.array(lines, np.int64), tuple(faults)))


def _texts(values: list[Any]) -> pa.Array:
    """Cells as text; what is no text, such as true or a list, as JSON writes it."""
    if not all(value is None or type(value) is str for value in values):
        values = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    return pa.array(values, pa.string())
