"""Formats as data: one `.toml` a kind of file, read and checked here once.

A column is known by the words in its header, in any language; what it means to us is `to`:

- a dimension (`creator_id`, `channel`, …) or a metric (`gmv`, `orders`, …) of canonical snapshots;
- `order_id`, `item_id`, `placed_at`, `state`, `item_state`, `returned`, `currency`, `campaign_id` and
  `duration` of lines that stand at their own time, `date` of rows of a day;
- `commission_estimated:PART` and `commission_actual:PART`: the actual where there is one;
- nothing: it is understood, and not kept.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from monitor.campaigns.words import DIMENSIONS, METRICS
from monitor.ingest.labels import normal

FOLDER = Path(__file__).parent
LANGUAGES = {"zh": "中文", "th": "ไทย", "vi": "Tiếng Việt", "id": "Bahasa Indonesia"}
Kind = Literal[
    "text", "id", "money", "count", "number", "percent", "fraction", "date", "instant", "duration"
]
NUMBERS = {"money", "count", "number"}
ROLES = {
    *("order_id", "item_id", "placed_at", "state", "item_state", "returned", "currency"),
    *("campaign_id", "duration", "date"),
}


class Piece(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FormatColumn(Piece):
    """One column of a kind of file. `title` is how the format itself calls it in English."""

    title: str = Field(alias="is")
    also: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()
    th: tuple[str, ...] = ()
    vi: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    kind: Kind
    to: str = ""
    required: bool = False

    @model_validator(mode="after")
    def _goes_somewhere_known(self) -> FormatColumn:
        known = {"", *DIMENSIONS, *METRICS, *ROLES}
        role, _, part = self.to.partition(":")
        commission = role in {"commission_estimated", "commission_actual"} and part
        if self.to not in known and not commission:
            raise ValueError(f"{self.title}: to = {self.to!r} is nothing we keep")
        return self

    @property
    def labels(self) -> dict[str, str]:
        """Every label of it, normalised → its language ("" is English)."""
        found = {normal(label): "" for label in (self.title, *self.also)}
        for language in LANGUAGES:
            found.update({normal(label): language for label in getattr(self, language)})
        return found


class Numbers(Piece):
    """How numbers that are text are written: `comma` is 1,234.50 and `dot` is 1.234,50.

    One file has one dialect, by the currency in its headers; it is never told cell by cell.
    """

    dialect: Literal["comma", "dot"] = "comma"
    by_currency: dict[str, Literal["comma", "dot"]] = Field(default_factory=dict)

    def of(self, currency: str) -> Literal["comma", "dot"]:
        return self.by_currency.get(currency, self.dialect)


class Sum(Piece):
    """A control total: the columns `of` add up to `total` in every row."""

    total: str = Field(alias="is")
    of: tuple[str, ...]


class Ratio(Piece):
    """A control: the percentage `ratio` is the column `of` over the column `to`."""

    ratio: str = Field(alias="is")
    of: str
    to: str


class Format(Piece):
    """A kind of file. `rows`: what one row is: numbers of the file's period, of its own day, a line
    of an order at its own time, or a LIVE session at the time it began."""

    name: str
    title: str
    rows: Literal["period", "days", "orders", "sessions"]
    constant: dict[str, str] = Field(default_factory=dict)
    encodings: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    numbers: Numbers = Numbers()
    exact: bool = False  # our own words: labels count only as they are, instants carry an offset
    column: tuple[FormatColumn, ...]
    identity: tuple[str, ...] = ()  # columns that no two rows of a file have alike
    sum: tuple[Sum, ...] = ()
    ratio: tuple[Ratio, ...] = ()
    words: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _labels_stand_for_one_column(self) -> Format:
        seen: dict[str, str] = {}
        for column in self.column:
            for label in column.labels:
                if seen.setdefault(label, column.title) != column.title:
                    raise ValueError(f"{label!r} is both {seen[label]!r} and {column.title!r}")
        titles = {column.title for column in self.column}
        named = {t for s in self.sum for t in (s.total, *s.of)}
        named |= {t for r in self.ratio for t in (r.ratio, r.of, r.to)} | set(self.identity)
        if named - titles:
            raise ValueError(f"{sorted(named - titles)[0]!r} is no column")
        return self

    @functools.cached_property
    def by_label(self) -> Mapping[str, tuple[FormatColumn, str]]:
        """Normalised label → its column and language."""
        return {
            label: (column, language)
            for column in self.column
            for label, language in column.labels.items()
        }

    @functools.cached_property
    def by_title(self) -> Mapping[str, FormatColumn]:
        return {column.title: column for column in self.column}

    def word(self, role: str, text: str) -> str | None:
        """What a word in the column `role` means, None when it is not known."""
        return self._meanings.get(role, {}).get(normal(text))

    @functools.cached_property
    def _meanings(self) -> dict[str, dict[str, str]]:
        return {
            role: {normal(word): meaning for meaning, words in by.items() for word in words}
            for role, by in self.words.items()
        }


@functools.cache
def formats() -> dict[str, Format]:
    """All kinds of exports, by name."""
    return {
        path.stem: Format.model_validate(
            {"name": path.stem, **tomllib.loads(path.read_text(encoding="utf-8"))}
        )
        for path in sorted(FOLDER.glob("*.toml"))
    }
