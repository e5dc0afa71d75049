"""Text on its way into a spreadsheet and back: no formula runs, no id is rounded."""

from __future__ import annotations

import re
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
LONG_ID = re.compile(r"\d{12,}")


def safe_cell(value: Any) -> Any:
    """A CSV cell that no spreadsheet takes for a formula or a rounded number.

    Text that starts like a formula, and ids of 12 digits and more (Excel makes 1.73E+18 of them),
    get a leading apostrophe. Numbers stay numbers.
    """
    if not isinstance(value, str):
        return value
    risky = value.startswith(FORMULA) or LONG_ID.fullmatch(value)
    return f"'{value}" if risky else value


def plain_cell(text: str) -> str:
    """What `safe_cell` was given: the apostrophe of a cell that went through a spreadsheet goes."""
    rest = text[1:]
    if text.startswith("'") and (rest.startswith(FORMULA) or LONG_ID.fullmatch(rest)):
        return rest
    return text
