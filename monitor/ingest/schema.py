"""The canonical table, declared once: which columns there are, what their cells are, and what no
cell may be. `read.py` checks a file against it in one pass over its columns.

Why not pandera: a cell is judged as it stands in the file, before it is a number or an instant, and
pandera judges frames that are parsed already. On a million rows of 13 columns its lazy validation of
these rules (0.35) took 0.33 s of CPU on top of parsing; here parsing, checking and telling the keys
apart take 0.71 s together, and every fault keeps its line, its text and a reason in words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from monitor.campaigns.words import DIMENSIONS, METRICS

Kind = Literal["instant", "campaign", "text", "id", "number"]
OUTSIDE = timedelta(days=1)  # readings this far outside a campaign still serve as baselines
LARGEST = Decimal(10) ** 14  # no amount and no count is as large

NO_INSTANT = "no ISO 8601 instant, such as 2026-11-11T12:05:00+08:00"
NO_OFFSET = "no offset: add the zone's, such as +08:00 or Z"
LOST_DIGITS = "an id in scientific notation has lost its digits: export the id as text"
SCIENTIFIC = re.compile(r"^-?\d+(\.\d+)?[eE]\+?\d{1,3}$")
NO_NUMBER = "not a number{hint}; leave the cell blank if it is unknown"
SEPARATORS = " (no thousands separators, no currency)"
NEGATIVE = "negative: cancellations and returns go to refunds, as positive amounts"
TOO_LARGE = "too large to be true"


@dataclass(frozen=True)
class Field:
    """A column of the table. `blank`: why a blank cell is a fault; "" when it is just unknown."""

    name: str
    kind: Kind
    blank: str = ""


# In this order a row is checked; its first fault sets it aside.
CANONICAL: tuple[Field, ...] = (
    Field("observed_at", "instant", blank="no instant: the cell is blank"),
    Field("complete_through", "instant"),
    Field("campaign_id", "campaign", blank="blank"),
    *(Field(name, "id" if name.endswith("_id") else "text") for name in DIMENSIONS),
    *(Field(name, "number") for name in METRICS),
)
REQUIRED = ("observed_at", "campaign_id")
KNOWN = frozenset(f.name for f in CANONICAL)
