"""An export of a platform into readings, or into lines that stand at their own time.

What all kinds have in common: the dialect of the file's numbers, ids that kept their digits, one
currency, words that mean something, and every row that cannot be read set aside with its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from monitor.campaigns.words import DIMENSIONS, METRICS
from monitor.clock import to_ms
from monitor.errors import FileRefused, Unsaid
from monitor.ingest import dialect as d
from monitor.ingest.cleaned import Cleaned, cleaned
from monitor.ingest.controls import controls
from monitor.ingest.counters import NONE, Ints
from monitor.ingest.formats import NUMBERS, Format
from monitor.ingest.labels import SEVERAL, normal
from monitor.ingest.readings import Columns, Control, Key
from monitor.ingest.recognise import Recognised
from monitor.ingest.table import Fault
from monitor.settings import Campaign, Feed, Settings

SCIENTIFIC = re.compile(r"-?\d+([.,]\d+)?[eE]\+?\d{1,3}")
ENDS_IN_ZEROS = "every long id ends in zeros: Excel has dropped digits, export the id as text"
LOST_DIGITS = "an id in scientific notation has lost its digits: export the id as text"
SAFE_DIGITS = 1e15
KEPT_DIGITS = 15  # of a number, by Excel
BLANK_WORDS = d.NOTHING - {"na", "nan", "null", "none", "nil"}  # those may be somebody's name
ID_WRAPPING = re.compile(
    r"^(?:=\s*)?[\"'](.*?)[\"']?$"
)  # ="173" and '173 keep Excel's hands off ids
OUTSIDE_MS = 86_400_000


@dataclass(frozen=True)
class Given:
    """What is known beside the file: where it goes, who said what, and when that is."""

    settings: Settings
    feed: Feed
    campaign: str | None = None
    at: datetime | None = None
    now: datetime | None = None
    file: str = ""


class Export:
    """One recognised sheet, read column by column; the first fault of a row sets the row aside."""

    def __init__(self, rec: Recognised, given: Given) -> None:
        assert rec.format is not None
        self.rec, self.given = rec, given
        self.format: Format = rec.format
        self.cleaned: Cleaned = cleaned(rec)
        self.line = self.cleaned.table.line[self.cleaned.rows]
        self.count = len(self.line)
        self.good = np.ones(self.count, bool)
        self.faults: dict[int, Fault] = {}
        self.told: list[Control] = []
        self.currencies: set[str] = {rec.currency} if rec.currency else set()
        self.dialect = "comma"
        self.numbers = self._numbers()
        self._one_column_each()
        self._ids()

    # --- what the kinds of rows build from ------------------------------------------------------

    def fault(self, row: int, title: str, value: str | None, reason: str) -> None:
        if self.good[row]:
            self.good[row] = False
            label = self.rec.found[title].label if title in self.rec.found else title
            shown = None if value is None else value[:200]
            campaign = self.given.campaign
            self.faults[row] = Fault(int(self.line[row]), label, shown, reason, campaign)

    def title_of(self, to: str) -> str | None:
        """The column of this file that is `to`."""
        return next((t for t, f in self.rec.found.items() if f.column.to == to), None)

    def texts(self, to: str) -> list[str]:
        """Cells of the column that is `to`, "" for blank or where there is none."""
        title = self.title_of(to)
        if title is None:
            return [""] * self.count
        found = d.texts_of(self.cleaned.columns[title])
        if self.rec.found[title].column.kind == "id":
            return [plain_id(text) for text in found]
        return ["" if text.casefold() in BLANK_WORDS else text for text in found]

    def amounts(self, to: str) -> Ints:
        """Hundredths of the column that is `to`, NONE where there is none."""
        title = self.title_of(to)
        return self.numbers[title] if title is not None else np.full(self.count, NONE)

    def metrics(self) -> Ints:
        """(rows, METRICS) of what stands in the file as it is."""
        return np.column_stack([self.amounts(metric) for metric in METRICS])

    def dimensions(self) -> list[Key]:
        """A key a row: what the file says, in our words, as far as the feed's grain goes."""
        grain = self.given.feed.grain or DIMENSIONS
        columns = []
        for dim in DIMENSIONS:
            constant = self.format.constant.get(dim, "")
            texts = self.texts(dim) if self.title_of(dim) else [constant] * self.count
            if dim not in grain:
                texts = [""] * self.count
            elif dim == "creator_id":
                texts = [text.removeprefix("@") for text in texts]
            elif dim in self.format.words:
                texts = [self.format.word(dim, t) or _snake(t) for t in texts]
            columns.append(texts)
        return list(zip(*columns, strict=True))

    def instants(self, to: str, zone: ZoneInfo) -> Ints:
        """Milliseconds of the column that is `to`; a row without one is set aside."""
        title = self.title_of(to)
        assert title is not None
        column = self.cleaned.columns[title]
        mixed = d.half_turned(column, self.format.dates)
        if mixed is not None:
            raise FileRefused(
                f"the column {self.rec.found[title].label!r} mixes dates with text such as {mixed!r}: "
                "Excel has turned some day-first dates round; export it again, do not save it in Excel"
            )
        swapped = d.other_order(column, self.format.dates)
        if swapped is not None:
            raise FileRefused(
                f"the column {self.rec.found[title].label!r} holds {swapped!r}: its dates are "
                "written month first, this kind of file writes the day first; nothing was taken"
            )
        parsed = d.instants(column, self.format.dates, zone, exact=self.format.exact)
        for row, (value, reason) in parsed.faults.items():
            self.fault(row, title, value, reason)
        for blank in np.flatnonzero((parsed.values == NONE) & self.good):
            self.fault(int(blank), title, None, "no time: the cell is blank")
        return parsed.values

    def columns_told(self) -> Columns:
        rec = self.rec
        used = {f.position for f in rec.found.values()}
        return Columns(
            matched=tuple(label for i, label in enumerate(rec.labels) if i in used),
            unmatched=tuple(label for i, label in enumerate(rec.labels) if label and i not in used),
            missing=tuple(rec.asks),
        )

    def finished(self, values: Ints) -> tuple[tuple[Fault, ...], tuple[Control, ...]]:
        """All faults in order, and the controls; refuses GMV that was exported empty."""
        gmv = values[:, METRICS.index("gmv")][self.good]
        orders = values[:, METRICS.index("orders")][self.good]
        said = gmv[gmv != NONE]
        if len(said) and not said.any() and (orders[orders != NONE] > 0).any():
            raise FileRefused(
                "GMV is 0 in every row while there are orders: the GMV column was exported empty; "
                "export it again"
            )
        mine = [self.faults[row] for row in sorted(self.faults)]
        faults = sorted([*self.cleaned.table.faults, *mine], key=lambda f: f.line)
        return tuple(faults), (
            *self.told,
            *controls(self.rec, self.cleaned, self.numbers, self.dialect),
        )

    @property
    def read(self) -> int:
        return self.count + len(self.cleaned.table.faults)

    def check_currency(self, campaign: Campaign) -> None:
        """The file's currency is the campaign's; a file that names none is taken for it."""
        wrong = {c for c in self.currencies if campaign.currency not in SEVERAL.get(c, {c})}
        if wrong:
            raise FileRefused(
                f"the amounts are in {', '.join(sorted(wrong))}, the campaign {campaign.id} counts "
                f"in {campaign.currency}: export them in {campaign.currency}"
            )

    # --- columns --------------------------------------------------------------------------------

    def _numbers(self) -> dict[str, Ints]:
        """Every column of numbers, by title, in the one dialect of the file."""
        columns = {
            title: self.cleaned.columns[title]
            for title, found in self.rec.found.items()
            if found.column.kind in NUMBERS
        }
        texts = d.number_texts(list(columns.values()))
        dialect = "comma" if self.format.exact else self.format.numbers.of(self.rec.currency)
        strange = d.other_dialect(texts, dialect)
        if strange is not None and not d.shows(texts, dialect):
            dialect = "dot" if dialect == "comma" else "comma"
            written = "1.234,50" if dialect == "dot" else "1,234.50"
            self.told.append(
                Control("numbers", True, f"Numbers are written {written}, as {strange} shows")
            )
        self.dialect = dialect
        sure = self.format.exact
        found: dict[str, Ints] = {}
        rounded = 0
        for title, column in columns.items():
            kept = bool(self.rec.found[title].column.to)
            parsed = d.numbers(column, dialect, kind=self.rec.found[title].column.kind, sure=sure)
            found[title] = parsed.values
            if kept:
                rounded += parsed.rounded
                self.currencies |= parsed.currencies
                for row, (value, reason) in parsed.faults.items():
                    self.fault(row, title, value, reason)
        if rounded:
            words = f"{rounded} counts are rounded in the file, such as 1.2万 or 14.4K"
            self.told.append(Control("rounded", False, words))
        return found

    def _one_column_each(self) -> None:
        """Two columns that are both what we keep must say the same: nobody knows which is meant."""
        for title, found in self.rec.found.items():
            if not found.column.to or found.column.kind not in {*NUMBERS, "id"}:
                continue
            for position, label in enumerate(self.rec.labels):
                known = self.format.by_label.get(normal(label))
                if position == found.position or not known or known[0].title != title:
                    continue
                other = self.cleaned.at(position)
                if d.texts_of(other) != d.texts_of(self.cleaned.columns[title]):
                    raise FileRefused(
                        f"the columns {found.label!r} (number {found.position + 1}) and {label!r} "
                        f"(number {position + 1}) are both {title!r} and differ: delete the wrong one"
                    )

    def _ids(self) -> None:
        """Ids that Excel has shortened are refused, also where we do not keep the column."""
        for title, found in self.rec.found.items():
            when = self.cleaned.columns[title].when
            if when is not None and (found.column.kind == "id" or found.column.to in DIMENSIONS):
                for row, at in enumerate(when.to_pylist()):
                    if at is not None:
                        self.fault(row, title, str(at), "a name that Excel has turned into a date")
            if found.column.kind != "id":
                continue
            column = self.cleaned.columns[title]
            texts = d.by_text(column.text)
            long = [
                i for text, _ in texts if len(i := plain_id(text)) > KEPT_DIGITS and i.isdigit()
            ]
            shortened = len(long) > 1 and not any(i[KEPT_DIGITS:].strip("0") for i in long)
            for text, rows in texts:
                plain = plain_id(text)
                lost = SCIENTIFIC.fullmatch(plain) or re.fullmatch(r"\d{16,}\.0+", plain)
                if lost or (shortened and plain in long):
                    for row in rows.tolist():
                        self.fault(row, title, text, LOST_DIGITS if lost else ENDS_IN_ZEROS)
            if column.number is not None:
                for row, value in enumerate(column.number.to_pylist()):
                    if isinstance(value, float) and abs(value) >= SAFE_DIGITS:
                        reason = "Excel keeps 15 digits of a number: " + LOST_DIGITS.split(": ")[1]
                        self.fault(row, title, f"{value:.0f}", reason)


def campaign_for(low_ms: int, high_ms: int, given: Given) -> Campaign:
    """The campaign given, else the only one that the span [low, high) touches.

    Raises FileRefused when none or several do.
    """
    settings = given.settings
    if given.campaign is not None:
        return settings.campaign_by_id(given.campaign)
    if len(settings.campaign) == 1:
        return settings.campaign[0]
    touched = [c for c in settings.campaign if to_ms(c.start) < high_ms and low_ms < to_ms(c.end)]
    if len(touched) == 1:
        return touched[0]
    known = ", ".join(c.id for c in (touched or settings.campaign))
    raise Unsaid(
        f"which campaign? Choose one, on the Import page or with --campaign, of: {known}",
        "campaign",
    )


def plain_id(text: str) -> str:
    """An id without what programs wrap around it; "" for a blank."""
    plain = ID_WRAPPING.sub(r"\1", text.strip()).strip()
    if re.fullmatch(rf"\d{{1,{KEPT_DIGITS}}}\.0+", plain):
        plain = plain.partition(".")[0]
    return "" if plain.casefold() in d.NOTHING else plain


def _snake(text: str) -> str:
    return re.sub(r"[^\w]+", "_", text.strip().casefold()).strip("_")
