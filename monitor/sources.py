"""Where a feed's data comes from, as the configuration says it: folder, http, sql or push.

Every source has an inbox folder (`path`): what it gives becomes a file there first.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from monitor.campaigns.words import DIMENSIONS, METRICS


def _duration(value: Any) -> Any:
    """`5m`, `90s`, `1h` → timedelta."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+)\s*(s|m|h)", value) if isinstance(value, str) else None
    if not match or int(match[1]) == 0:
        raise ValueError('a duration is a whole number with s, m or h, such as "5m"')
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] * timedelta(seconds=1)


def _instant(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("an instant needs an offset, such as 2026-11-11T00:00:00+08:00")
    if isinstance(value, date) and not isinstance(value, datetime):
        raise ValueError("an instant needs a time and an offset, not a date alone")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def _overlap(value: Any) -> Any:
    return value if isinstance(value, int) and value >= 0 else _duration(value)


def _size(value: Any) -> Any:
    """`512kB`, `8MB`, or bytes as a number, up to 256MB: a body is held in memory."""
    match = re.fullmatch(r"(\d+) ?(B|kB|KB|MB)", value) if isinstance(value, str) else None
    size = (
        int(match[1]) * {"B": 1, "K": 1024, "M": 1024**2}[match[2][0].upper()] if match else value
    )
    if not isinstance(size, int) or not 0 < size <= 256 * 1024**2:
        raise ValueError('a size is such as "8MB", at most "256MB"')
    return size


Overlap = Annotated[timedelta | int, BeforeValidator(_overlap)]
Size = Annotated[int, BeforeValidator(_size)]
SNAPSHOT_FIELDS = ("observed_at", "campaign_id", *DIMENSIONS, *METRICS, "complete_through")
ORDER_FIELDS = (
    *("order_id", "item_id", "placed_at", "state", "campaign_id", *DIMENSIONS),
    *("gmv", "items_sold", "refunds", "commission"),
)


class Part(BaseModel):
    """A piece of configuration: frozen, and every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Inboxed(Part):
    """An inbox folder of files. `settle` is how long a file must lie unchanged to be read."""

    path: Path
    settle: Duration | Literal["0s"] = timedelta(seconds=5)

    @property
    def settle_s(self) -> float:
        return 0.0 if isinstance(self.settle, str) else self.settle.total_seconds()


class FolderSource(Inboxed):
    """Files that people or programs put into a folder, local or on a mounted share."""

    type: Literal["folder"]


class Bearer(Part):
    """`Authorization: Bearer TOKEN`. All secrets are `env:NAME` or `file:PATH`, never themselves."""

    kind: Literal["bearer"]
    token: str


class HeaderAuth(Part):
    """A header of its own, such as X-Api-Key."""

    kind: Literal["header"]
    name: str = Field(pattern=r"^[A-Za-z0-9-]+$")
    value: str


class ShopAuth(Part):
    """TikTok Shop: app_key, timestamp and HMAC-SHA256 `sign` in the query, the token in a header."""

    kind: Literal["tiktok_shop"]
    app_key: str
    app_secret: str
    access_token: str


class Paging(Part):
    """How the rest is asked for. `param` goes into `place`; `next` is where the answer has the token.

    `total`: where the answer says how many records there are, all pages together.
    """

    kind: Literal["token", "page", "offset", "link"]
    param: str = "page_token"
    place: Literal["params", "body"] = "params"
    next: str = "next_page_token"
    size: int = Field(100, ge=1)
    size_param: str = "page_size"
    first: int = 1
    total: str = ""
    most: int = Field(5000, ge=1)  # pages; more is a mistake


class ColumnOf(Part):
    """Where a canonical column comes from: the first of `path` that holds something.

    `times`: multiplied by the largest of these. `unit`: what one of it is worth, 0.01 for cents.
    `read`: what an instant is written as. `needed`: if no record has it, the field was renamed.
    """

    path: tuple[str, ...] = Field(min_length=1)
    times: tuple[str, ...] = ()
    unit: Decimal = Decimal(1)
    read: Literal["as_is", "iso", "local", "unix", "unix_ms", "hour"] = "as_is"
    values: dict[str, str] = Field(default_factory=dict)
    needed: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        value = {"path": value} if isinstance(value, str | list) else value
        if not isinstance(value, dict):
            return value
        lists = {k: (v,) for k, v in value.items() if k in ("path", "times") and isinstance(v, str)}
        return {**value, **lists}


class Window(Part):
    """Asked by time, from where it was complete last: `{since}` and `{until}` (`read` says how).

    `overlap` before that is asked again, and every `again` all of `back`: states change later.
    """

    read: Literal["unix", "unix_ms", "iso", "date"] = "iso"
    longest: Duration = timedelta(days=1)
    overlap: Duration = timedelta(hours=2)
    again: Duration = timedelta(hours=6)
    back: Duration = timedelta(days=3)


class AnswerCodes(Part):
    """Errors that come in a 200 body. `later`: ask again soon. `words`: what to do, by code."""

    code: str
    ok: str = "0"
    message: str = "message"
    later: tuple[str, ...] = ()
    words: dict[str, str] = Field(default_factory=dict)


PRESETS = Path(__file__).parent / "ingest" / "sources" / "presets"
PLACEHOLDERS = ("date", "since", "until", "campaign_start_date", "tomorrow")


class HttpSource(Inboxed):
    """JSON or CSV over REST, asked every `every` (default: the feed's cadence); docs/sources.md, "HTTP".

    `preset` fills in what is not said here. `rate`: requests a second, at most. `timeout`: for a
    connection and between two pieces of an answer; a whole answer gets ten times that.
    """

    type: Literal["http"]
    settle: Duration | Literal["0s"] = "0s"
    every: Duration | None = None
    preset: str | None = None
    kind: Literal["snapshots", "orders"] = "snapshots"
    feed: dict[str, str] = Field(default_factory=dict)  # what a preset needs its feed to say
    url: str = Field(pattern=r"^https?://")
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    body: dict[str, Any] | None = None
    auth: Bearer | HeaderAuth | ShopAuth | None = Field(None, discriminator="kind")
    timezone: str | None = None
    campaign: Id | None = None
    back: Duration = timedelta(days=29)  # how far {date} goes back after downtime
    rate: float = Field(5, gt=0, le=100)
    timeout: Duration = timedelta(seconds=20)
    max_size: Size = 64 * 1024 * 1024
    answer: Literal["json", "csv"] = "json"
    paging: Paging | None = None
    records: str = ""
    explode: str = ""
    columns: dict[str, ColumnOf] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    currency: str = ""
    watermark: ColumnOf | None = None
    window: Window | None = None
    codes: AnswerCodes | None = None
    home: Path = Path()  # what a relative file:PATH counts from

    @model_validator(mode="before")
    @classmethod
    def _preset_fills_in(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "preset" not in values:
            return values
        known = sorted(path.stem for path in PRESETS.glob("*.toml"))
        if values["preset"] not in known:
            raise ValueError(f"preset = {values['preset']!r}: known are {', '.join(known)}")
        text = (PRESETS / f"{values['preset']}.toml").read_text(encoding="utf-8")
        return _filled(values, tomllib.loads(text))

    @model_validator(mode="after")
    def _can_be_asked(self) -> HttpSource:  # as a whole: a message shows no secret then
        for key, secret in (self.auth.model_dump() if self.auth else {}).items():
            if key in ("token", "value", "app_secret", "access_token") and not re.match(
                r"(env|file):.", secret
            ):
                raise ValueError(f"auth.{key}: name where it is kept, env:NAME or file:PATH")
        if self.timezone is not None and self.timezone not in available_timezones():
            raise ValueError(f"timezone = {self.timezone!r}: no IANA time zone")
        fields = ORDER_FIELDS if self.kind == "orders" else SNAPSHOT_FIELDS
        for name in (*self.columns, *self.constants):
            if name not in fields:
                raise ValueError(f"{name}: no column of {self.kind}; known: {', '.join(fields)}")
        for name in self.placeholders:
            if name not in PLACEHOLDERS:
                raise ValueError(f"{{{name}}}: no placeholder; known: {', '.join(PLACEHOLDERS)}")
        if self.window and not {"since", "until"} <= self.placeholders:
            raise ValueError("window: the url, params or body must have {since} and {until}")
        if self.placeholders & {"since", "until"} and not self.window:
            raise ValueError("{since}: say in window how times are written and how much overlaps")
        return self

    @property
    def placeholders(self) -> frozenset[str]:
        """Names in braces anywhere in the request."""
        return frozenset(re.findall(r"\{(\w+)\}", f"{self.url} {self.params} {self.body}"))


def _filled(said: dict[str, Any], preset: dict[str, Any]) -> dict[str, Any]:
    """What is said, and below it, table by table, what the preset says."""
    both = dict(preset)
    for key, value in said.items():
        old = preset.get(key)
        both[key] = value
        if isinstance(value, dict) and isinstance(old, dict):
            kind = old.get("kind")  # of another kind of auth or paging nothing fits
            both[key] = _filled(value, old) if value.get("kind", kind) == kind else value
    return both


class SqlSource(Inboxed):
    """A query, asked every `every` (default: the feed's cadence); docs/sources.md, "SQL".

    `url`: an SQLAlchemy URL, or `env:NAME` or `file:PATH` that holds it. `incremental`: the column
    that `:since` in the query goes on from, beginning with `first`; `overlap`, a duration or for
    numbers a number, is read again each time. `columns`: canonical column ← column of the query;
    `constants`: canonical column ← one value for all rows. `timezone`: of instants without an
    offset. `limit`: rows a file. `home`: the folder that relative paths in `url` count from.
    """

    type: Literal["sql"]
    settle: Duration | Literal["0s"] = "0s"
    every: Duration | None = None
    url: str = Field(repr=False)
    query: str
    kind: Literal["snapshots", "orders"] = "snapshots"
    incremental: str | None = None
    first: datetime | date | int | str | None = None
    overlap: Overlap = 0
    limit: int = Field(50_000, ge=1, le=1_000_000)
    connect_timeout: Duration = timedelta(seconds=10)
    statement_timeout: Duration = timedelta(seconds=60)
    timezone: str | None = None
    campaign: Id | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str | int | float] = Field(default_factory=dict)
    home: Path = Path()

    @property
    def fields(self) -> tuple[str, ...]:
        """The canonical columns of its kind."""
        return ORDER_FIELDS if self.kind == "orders" else SNAPSHOT_FIELDS

    @model_validator(mode="after")
    def _can_be_asked(self) -> SqlSource:  # as a whole: a message shows no url then
        if not re.match(r"(env:|file:).|(sqlite|postgres(ql)?|mysql|mariadb)(\+\w+)?:/", self.url):
            raise ValueError(
                "url: begin it with sqlite:///, postgresql:// or mysql://, or name where it is "
                "kept: env:NAME or file:PATH"
            )
        if self.timezone is not None and self.timezone not in available_timezones():
            raise ValueError(f"timezone = {self.timezone!r}: no IANA time zone")
        for key, named in (("columns", self.columns), ("constants", self.constants)):
            for field in named:
                if field not in self.fields:
                    raise ValueError(f"{key}.{field}: no column; known: {', '.join(self.fields)}")
        if doubled := sorted(set(self.columns) & set(self.constants)):
            raise ValueError(f"{doubled[0]!r} stands in columns and in constants; keep one")
        since = re.search(r"(?<![:\w\\]):since\b", self.query)
        if self.incremental is None:
            if since:
                raise ValueError("the query has :since; name its column in incremental")
            return self
        if not since:
            raise ValueError(f"query: ask for rows from :since on ({self.incremental} >= :since)")
        if re.search(r">\s*:since\b", self.query):
            raise ValueError("query: write >= :since; > would lose rows that share the last value")
        if not re.search(r"\border\s+by\b", self.query, re.IGNORECASE):
            raise ValueError(f"query: end it with ORDER BY {self.incremental}")
        if self.first is None:
            raise ValueError("first: say where to begin, as the column has it")
        return self


class PushSource(Inboxed):
    """Snapshots that a program sends to POST /api/feeds/{feed}/snapshots.

    `tokens`: `sha256:<hex>` of each token that may push to this feed; several while one is replaced.
    `max_size`: bytes of a body, unpacked; `8MB` is 8 × 1024 × 1024.
    """

    type: Literal["push"]
    settle: Duration | Literal["0s"] = "0s"
    tokens: tuple[str, ...] = Field(min_length=1, repr=False)
    max_size: Size = 8 * 1024 * 1024

    @model_validator(mode="after")
    def _tokens_are_hashed(self) -> PushSource:  # as a whole: a message shows no token then
        for number, token in enumerate(self.tokens, 1):
            if not re.fullmatch(r"sha256:[0-9a-f]{64}", token):
                raise ValueError(
                    f"tokens: number {number} is no sha256:… of 64 hex digits; make one with "
                    "python -m monitor token, keep the token itself out of the configuration"
                )
        return self


Source = Annotated[FolderSource | HttpSource | SqlSource | PushSource, Field(discriminator="type")]
