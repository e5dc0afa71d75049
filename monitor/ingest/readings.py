"""What the readers of files give: readings of counters, or lines of orders, and what was set aside."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.ingest.counters import Ints
from monitor.ingest.table import Fault

Key = tuple[str, ...]  # the DIMENSIONS in their order, "" unknown


@dataclass(frozen=True)
class Columns:
    """Header labels: understood, not understood, and needed but absent."""

    matched: tuple[str, ...]
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Control:
    """One check of a file against itself, such as live + video + card = total."""

    what: str
    ok: bool
    words: str


@dataclass(frozen=True)
class Readings:
    """The readable rows of a file, in its order, and the others.

    `campaigns`, `keys`: the distinct ids and keys; `campaign`, `key`: (rows,) which of them each row
    has. `values`: (rows, METRICS) hundredths, NONE unknown. `complete_ms`: (rows,) NONE where not
    given. `closes`: False for an export of a period, which closes no bucket. `read`: all rows, those
    in `faults` too. `weight`: how many rows of the file each stands for (None: one), where several
    are added up. `period_ms`: what an export says it covers, half-open.
    """

    columns: Columns
    read: int
    line: Ints
    observed_ms: Ints
    complete_ms: Ints
    campaigns: tuple[str, ...]
    campaign: Ints
    keys: tuple[Key, ...]
    key: Ints
    values: Ints
    faults: tuple[Fault, ...]
    closes: bool = True
    controls: tuple[Control, ...] = ()
    weight: Ints | None = None
    period_ms: tuple[int, int] | None = None


@dataclass(frozen=True)
class OrderLines:
    """Lines of orders, or LIVE sessions, each at its own time. Shapes as in Readings.

    `order`: (rows,) order ids; `item`: (rows,) what tells lines of one order apart. `placed_ms`: the
    order's own time. `state`: (rows,) index into STATES. `values`: (rows, METRICS) hundredths; a line
    whose `orders` is NONE counts as one order together with the other lines of its order.
    """

    columns: Columns
    read: int
    line: Ints
    placed_ms: Ints
    campaigns: tuple[str, ...]
    campaign: Ints
    keys: tuple[Key, ...]
    key: Ints
    order: tuple[str, ...]
    item: tuple[str, ...]
    state: Ints
    values: Ints
    faults: tuple[Fault, ...]
    controls: tuple[Control, ...] = ()


STATES = ("placed", "completed", "cancelled", "returned", "ineligible")
