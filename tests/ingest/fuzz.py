"""Files with something wrong in them, and whether what was read of them is right.

A mutation either changes a Grid, so that every number in the file still says what it said or says
nothing, or it changes bytes. What is read of a changed Grid must be in the truth or absent.
"""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from openpyxl.utils.exceptions import IllegalCharacterError

from monitor.campaigns.words import METRICS
from monitor.ingest.counters import NONE
from monitor.ingest.formats import NUMBERS, formats
from monitor.ingest.labels import normal
from monitor.ingest.readings import STATES, OrderLines, Readings
from tests.ingest import exports, order_exports, writers
from tests.ingest.exports import Grid, Ident, Style, Values

BUILDERS: tuple[Callable[[int], Grid], ...] = (
    exports.creator_data,
    exports.video_data,
    exports.video_list,
    exports.product_data,
    exports.live_analysis,
    exports.shop_overview,
    order_exports.affiliate_orders,
    lambda seed: order_exports.affiliate_orders(seed, columns="TH"),
    order_exports.shopee_commission,
    order_exports.lazada_conversion,
    order_exports.canonical,
    order_exports.canonical_orders,
)
GARBAGE = (
    "=SUM(A1:A9)", "=1+1", "#REF!", "#VALUE!", "nine", "(12.50)", "-12.50", "12,50,1", "1.73E+18",
    "9" * 400, "1e400", "NaN%", "12 .50", "\u0000", "x" * 2000, "12\u00a0345", "½", "1/2", "12:30", "RM",
    "0x1F", "12-", "\u202e12.50", "<b>1</b>", "&#49;2", "TRUE", "1.234.56", "1..2", ",5", "5,",
)  # fmt: skip


@dataclass
class Case:
    """`sound`: what is read must be in the truth. `unsure`: metrics of which that is not asked."""

    grid: Grid
    truth: dict[Ident, Values]
    seed: int
    market: str
    told: list[str]
    content: bytes = b""
    sound: bool = True
    unsure: tuple[str, ...] = ()
    last_unsure: bool = False  # the last row may be cut in the middle of a number


def kept(grid: Grid) -> dict[int, str]:
    """Columns of numbers that are kept: place → metric or the like."""
    if grid.format == "canonical":
        return {
            i: label
            for i, label in enumerate(grid.labels)
            if label in ("gmv", "orders", "visitors")
        }
    by_label = formats()[grid.format].by_label
    found = {i: by_label.get(normal(label)) for i, label in enumerate(grid.labels)}
    return {i: c[0].to for i, c in found.items() if c and c[0].kind in NUMBERS and c[0].to}


def named(grid: Grid) -> set[int]:
    """Columns that say what a row is."""
    return {i for i in range(len(grid.labels)) if i not in kept(grid)}


# --- mutations of a grid ----------------------------------------------------------------------


def shuffled_columns(rng: random.Random, case: Case) -> None:
    order = list(range(len(case.grid.labels)))
    rng.shuffle(order)
    case.grid = case.grid.reordered(order)


def dropped_column(rng: random.Random, case: Case) -> None:
    gone = rng.randrange(len(case.grid.labels))
    _note_lost(case, gone)
    case.grid = case.grid.reordered([i for i in range(len(case.grid.labels)) if i != gone])


def renamed_column(rng: random.Random, case: Case) -> None:
    at = rng.randrange(len(case.grid.labels))
    _note_lost(case, at)
    label = case.grid.labels[at]
    half = label[: len(label) // 2]
    new = rng.choice([f"{label} v2", f"New {label}", "Zebra", "", half, f"{label}s", "X Y"])
    labels = list(case.grid.labels)
    if normal(new) not in {normal(x) for x in labels}:
        labels[at] = new
        case.grid = replace(case.grid, labels=tuple(labels))


def _note_lost(case: Case, column: int) -> None:
    """Without the actual commission the estimate counts: that is meant."""
    if kept(case.grid).get(column, "").startswith("commission"):
        case.unsure = ("commission",)
    if case.grid.labels[column] == "refunds":
        case.unsure = ("refunds",)


def cut_rows(rng: random.Random, case: Case) -> None:
    count = len(case.grid.rows)
    numbers = sorted(rng.sample(range(count), rng.randrange(1, count + 1)))
    case.grid = replace(case.grid, rows=tuple(case.grid.rows[i] for i in numbers))


def shuffled_rows(rng: random.Random, case: Case) -> None:
    rows = list(case.grid.rows)
    rng.shuffle(rows)
    case.grid = replace(case.grid, rows=tuple(rows))


def repeated_rows(rng: random.Random, case: Case) -> None:
    rows = list(case.grid.rows)
    for _ in range(rng.randrange(1, 4)):
        rows.insert(rng.randrange(len(rows) + 1), rng.choice(case.grid.rows))
    case.grid = replace(case.grid, rows=tuple(rows))


def strange_rows(rng: random.Random, case: Case) -> None:
    """Blank rows, rows of words, the header again, rows of totals."""
    grid, rows = case.grid, list(case.grid.rows)
    width = len(grid.labels)
    columns: list[list[Any]] = [
        [row[i] if i < len(row) else None for row in grid.rows] for i in range(width)
    ]
    added = [all(isinstance(x, Decimal | int) for x in column) for column in columns]
    sums = tuple(
        sum(column) if added[i] and i in kept(grid) else None for i, column in enumerate(columns)
    )
    name = min(named(grid))
    word = rng.choice(["Total", "Gesamt", "合计"])
    total = tuple(word if i == name else c for i, c in enumerate(sums))
    kinds: list[tuple[Any, ...]] = [
        (None,) * width, ("",) * width, ("note",) * width, grid.labels, total,
        ("See the help page for what this means",), ("a", "b"), ("x",) * (width + 2),
    ]  # fmt: skip
    for _ in range(rng.randrange(1, 4)):
        kind = rng.choice(kinds)
        if kind is total and (len(grid.rows) < 3 or grid.format == "canonical"):
            continue
        at = rng.choice([0, len(rows)]) if kind is total else rng.randrange(len(rows) + 1)
        rows.insert(at, kind)
        if kind is total:
            break
    case.grid = replace(grid, rows=tuple(rows))


def other_dialect(rng: random.Random, case: Case) -> None:
    if case.grid.format.startswith("canonical"):
        return
    case.grid = case.grid.styled(
        dialect=rng.choice(["comma", "dot", "bare"]),
        nothing=rng.choice(["", "--", "-", "#N/A", "n/a", " "]),
        typed=rng.random() < 0.2,
        places=rng.choice([2, 2, 4]),
    )


def pasted_dialect(rng: random.Random, case: Case) -> None:
    """Some numbers in another dialect than the rest."""
    if case.grid.format == "canonical":  # our own words: 30.960 is 30.96, by contract
        return
    other = Style(dialect=rng.choice(["comma", "dot"]), places=rng.choice([1, 2, 4]))
    _some_cells(rng, case, lambda value: value if value is None else _exactly(other, value))


def _exactly(style: Style, value: Any) -> Any:
    """Written with as many decimals as it has, so that it says what it said."""
    if not isinstance(value, Decimal):
        return style.written(value) if isinstance(value, int) else value
    places = style.places if round(value, style.places) == value else 2
    return replace(style, places=places).written(value)


def garbage_cells(rng: random.Random, case: Case) -> None:
    _some_cells(rng, case, lambda value: rng.choice(GARBAGE))


def blank_cells(rng: random.Random, case: Case) -> None:
    """Cells of numbers that say nothing; an order line without its refund or commission has none."""
    _some_cells(rng, case, lambda value: None)
    case.unsure = (*case.unsure, "commission", "refunds")


def _some_cells(rng: random.Random, case: Case, change: Callable[[Any], Any]) -> None:
    columns = sorted(kept(case.grid))
    for _ in range(rng.randrange(1, 6)):
        row, column = rng.randrange(len(case.grid.rows)), rng.choice(columns)
        cells = case.grid.rows[row]
        if column < len(cells):
            new = (*cells[:column], change(cells[column]), *cells[column + 1 :])
            rows = (*case.grid.rows[:row], new, *case.grid.rows[row + 1 :])
            case.grid = replace(case.grid, rows=rows)


def words_above(rng: random.Random, case: Case) -> None:
    above = [
        ("Report",),
        (),
        ("Region", "MY"),
        ("Note: GMV includes refunds", "", "x"),
        ("1", "2", "3"),
    ]
    case.grid = replace(
        case.grid, above=(*case.grid.above, *rng.sample(above, rng.randrange(1, 4)))
    )


GRID_MUTATIONS = (
    shuffled_columns, dropped_column, renamed_column, cut_rows, shuffled_rows, repeated_rows,
    strange_rows, other_dialect, pasted_dialect, garbage_cells, blank_cells, words_above,
)  # fmt: skip


# --- grids into bytes -------------------------------------------------------------------------


def _unquoted(grid: Grid) -> bytes:
    """A CSV by a program that never heard of quotes: 1,234.50 becomes two cells. No cell is blank."""
    rows = [",".join(cell or "-" for cell in row) for row in writers.texts(grid)]
    return "\n".join(rows).encode() + b"\n"


WRITERS: tuple[Callable[[Grid], bytes], ...] = (
    writers.as_csv,
    writers.as_csv,
    writers.as_xlsx,
    writers.as_tsv,
    writers.as_html,
    writers.as_gzip,
    lambda grid: writers.as_csv(grid, separator=";"),
    lambda grid: writers.as_csv(grid, encoding="utf-8-sig", end="\n"),
    lambda grid: writers.zipped(a__csv=writers.as_csv(grid)),
    _unquoted,
)


# --- mutations of bytes -----------------------------------------------------------------------


def truncated(rng: random.Random, case: Case) -> None:
    case.content = case.content[: rng.randrange(len(case.content))]
    case.last_unsure = True


def flipped(rng: random.Random, case: Case) -> None:
    content = bytearray(case.content)
    for _ in range(rng.randrange(1, 9)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    case.content, case.sound = bytes(content), False


def with_nuls(rng: random.Random, case: Case) -> None:
    at = rng.randrange(len(case.content))
    case.content = case.content[:at] + bytes(rng.randrange(1, 9)) + case.content[at:]
    case.sound = False


def spliced(rng: random.Random, case: Case) -> None:
    """Text in two encodings."""
    extra = "\nжук,émile,ครีเอเตอร์,1\n".encode(rng.choice(["utf-16", "cp1251", "utf-8"]), "ignore")
    case.content, case.sound = case.content + extra, False


def doubled(rng: random.Random, case: Case) -> None:
    """The same file again behind itself."""
    case.content = case.content + case.content


def packed_again(rng: random.Random, case: Case) -> None:
    case.content = gzip.compress(case.content, mtime=0)


BYTE_MUTATIONS = (truncated, flipped, with_nuls, spliced, doubled, packed_again)


def zeros(mib: int) -> bytes:
    out = io.BytesIO()
    pack = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with pack as packed, packed.open("creator.csv", "w") as member:
        for _ in range(mib):
            member.write(bytes(1 << 20))
    return out.getvalue()


def a_case(seed: int) -> Case:
    """A file out of a seed."""
    rng = random.Random(seed)
    build = BUILDERS[seed % len(BUILDERS)]
    grid = build(seed)
    case = Case(
        grid, grid.expected, seed, "ID" if grid.format == "tiktok_live_analysis" else "MY", []
    )
    for mutate in rng.sample(GRID_MUTATIONS, rng.randrange(1, 4)):
        mutate(rng, case)
        case.told.append(mutate.__name__)
    write = rng.choice(WRITERS)
    try:
        case.content = write(case.grid)
    except (ValueError, IllegalCharacterError):  # a workbook holds no NUL
        case.content = writers.as_csv(case.grid)
    if rng.random() < 0.35:
        mutate = rng.choice(BYTE_MUTATIONS)
        mutate(rng, case)
        case.told.append(mutate.__name__)
    return case


# --- the truth --------------------------------------------------------------------------------


def wrong(case: Case, content: Readings | OrderLines) -> str:
    """The first row that was read and is not true; "" when all are."""
    truth = list(case.truth.items())
    rows = [row for row in _rows(content) if row[2]]
    if case.last_unsure and rows:
        rows.remove(max(rows, key=lambda row: row[0]))
    for line, ident, values in sorted(rows):
        same = next(
            (t for t in truth if _is(ident, t[0]) and _within(values, t[1], case.unsure)), None
        )
        if same is None:
            near = [t for t in case.truth.items() if _is(ident, t[0])]
            return f"line {line}: {ident} {values} is not {near[:1] or 'there'}"
        if case.grid.format != "canonical":
            truth.remove(same)  # nothing counts twice
    return ""


def _rows(content: Readings | OrderLines) -> list[tuple[int, Ident, Values]]:
    found = []
    for row in range(len(content.line)):
        values = {
            metric: int(value)
            for metric, value in zip(METRICS, content.values[row].tolist(), strict=True)
            if value != NONE
        }
        where = content.keys[content.key[row]]
        ident: Ident = (where, 0, 0)
        if isinstance(content, OrderLines):
            state = STATES[content.state[row]]
            ident = (
                where,
                int(content.placed_ms[row]),
                (content.order[row], content.item[row], state),
            )
        else:
            ident = (where, int(content.observed_ms[row]), 0)
        found.append((int(content.line[row]), ident, values))
    return found


def _is(ident: Ident, true: Ident) -> bool:
    """Whether a row that was read may be the true one: nothing it says is something else."""
    where, at, line = ident
    if line:
        order, item, placed, key, state = true
        parts = line[1].partition("#")[0].split("|")
        same = (
            line[0] == order and line[2] == state and all(p in item.split("|") for p in parts if p)
        )
    else:
        key, placed = true
        same = True
    return same and at == placed and all(a in ("", b) for a, b in zip(where, key, strict=True))


def _within(values: Values, true: Values, unsure: tuple[str, ...]) -> bool:
    return all(v == true.get(m) for m, v in values.items() if m not in unsure)
