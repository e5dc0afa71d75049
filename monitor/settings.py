"""The configuration file: read, checked, and refused with file, key and value when it is wrong."""

from __future__ import annotations

import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from monitor.campaigns.markets import CURRENCIES, MARKETS
from monitor.campaigns.words import DIMENSIONS, METRICS
from monitor.errors import ConfigError
from monitor.sources import Duration, Id, Instant, Part, Source

Counter = Literal["cumulative_day", "cumulative_campaign", "interval"]
Kind = Literal[
    "double_digit",
    "payday",
    "creator_carnival",
    "cny",
    "all_star_showcase",
    "linkshare_leaderboard",
    "custom",
]


class Window(Part):
    """A named half-open span of time."""

    name: str = Field(min_length=1)
    start: Instant
    end: Instant

    @model_validator(mode="after")
    def _ends_after_start(self) -> Window:
        if self.end <= self.start:
            raise ValueError(f"end {self.end} is not after start {self.start}")
        return self


class Plan(Window):
    """What is known to move the numbers, so that it is expected."""

    scope: dict[str, str] = Field(default_factory=dict)

    @field_validator("scope")
    @classmethod
    def _known_dimensions(cls, scope: dict[str, str]) -> dict[str, str]:
        for dim in scope:
            if dim not in DIMENSIONS:
                raise ValueError(f"{dim!r} is no dimension; known: {', '.join(DIMENSIONS)}")
        return scope


class Campaign(Window):
    """One event in one market."""

    id: Id
    kind: Kind
    market: str = "MY"
    currency: str = ""
    timezone: str = ""
    compare_with: tuple[str, ...] | None = None
    targets: dict[str, float] = Field(default_factory=dict)
    phase: tuple[Window, ...] = ()
    plan: tuple[Plan, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _market_gives_currency_and_zone(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        market = values.get("market", "MY")
        known = MARKETS.get(market) if isinstance(market, str) else None
        if known is None and not (values.get("currency") and values.get("timezone")):
            raise ValueError(
                f"market {market!r} is not known ({', '.join(MARKETS)}): "
                "state currency and timezone as well"
            )
        if known is None:
            return values
        return {"currency": known.currency, "timezone": known.zone, **values}

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, currency: str) -> str:
        if currency not in CURRENCIES:
            raise ValueError("no ISO 4217 currency, such as MYR")
        return currency

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("no IANA time zone, such as Asia/Kuala_Lumpur")
        return zone

    @field_validator("targets")
    @classmethod
    def _known_metrics(cls, targets: dict[str, float]) -> dict[str, float]:
        for metric, target in targets.items():
            if metric not in METRICS:
                raise ValueError(f"{metric!r} is no metric; known: {', '.join(METRICS)}")
            if target <= 0:
                raise ValueError(f"{metric} = {target}: a target is above 0")
        return targets

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def duration(self) -> timedelta:
        return self.end - self.start


class Feed(Part):
    """A stream of snapshots with a declared grain, counter type and cadence."""

    id: Id
    source: Source
    grain: tuple[str, ...] = ()
    counter: Counter
    cadence: Duration = timedelta(minutes=5)

    @field_validator("grain")
    @classmethod
    def _known_dimensions(cls, grain: tuple[str, ...]) -> tuple[str, ...]:
        for dim in grain:
            if dim not in DIMENSIONS:
                raise ValueError(f"{dim!r} is no dimension; known: {', '.join(DIMENSIONS)}")
        return grain

    @property
    def late_after(self) -> timedelta:
        """A feed is late after two cadences and a minute."""
        return 2 * self.cadence + timedelta(minutes=1)


class Monitor(Part):
    """Settings of the product itself."""

    bucket: Duration = timedelta(minutes=5)
    poll: Duration = timedelta(seconds=5)
    roles: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    rules: Path | None = None  # a rules file of one's own, in place of data/rules.toml

    @field_validator("bucket")
    @classmethod
    def _divides_an_hour(cls, bucket: timedelta) -> timedelta:
        if timedelta(hours=1) % bucket or bucket < timedelta(minutes=1):
            raise ValueError("a bucket is a whole part of an hour, at least 1m: 5m, 10m, 15m …")
        return bucket


class Settings(Part):
    """The whole configuration, campaigns in order of their start."""

    monitor: Monitor = Monitor()
    campaign: tuple[Campaign, ...] = Field(min_length=1)
    feed: tuple[Feed, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_stand_alone_and_references_resolve(self) -> Settings:
        for what, ids in (
            ("campaign", [c.id for c in self.campaign]),
            ("feed", [f.id for f in self.feed]),
        ):
            doubled = sorted({i for i in ids if ids.count(i) > 1})
            if doubled:
                raise ValueError(f"{what} id {doubled[0]!r} is used twice")
        ids = [c.id for c in self.campaign]
        for campaign in self.campaign:
            for other in campaign.compare_with or ():
                if other not in ids:
                    raise ValueError(
                        f"campaign {campaign.id!r}: compare_with names {other!r}, "
                        f"which is no campaign here ({', '.join(ids)})"
                    )
        return self

    def campaign_by_id(self, campaign_id: str) -> Campaign:
        for campaign in self.campaign:
            if campaign.id == campaign_id:
                return campaign
        known = ", ".join(c.id for c in self.campaign)
        raise ConfigError(f"no campaign {campaign_id!r}; known: {known}")

    def feed_by_id(self, feed_id: str) -> Feed:
        for feed in self.feed:
            if feed.id == feed_id:
                return feed
        raise ConfigError(f"no feed {feed_id!r}; known: {', '.join(f.id for f in self.feed)}")

    def comparables(self, campaign: Campaign) -> tuple[Campaign, ...]:
        """The earlier campaigns that `campaign` is compared with, oldest first."""
        if campaign.compare_with is not None:
            chosen = [self.campaign_by_id(i) for i in campaign.compare_with]
        else:
            chosen = [
                c
                for c in self.campaign
                if c.kind == campaign.kind and c.market == campaign.market and c.id != campaign.id
            ]
        earlier = [c for c in chosen if c.end <= campaign.start]
        return tuple(sorted(earlier, key=lambda c: (c.start, c.id)))


def load_settings(path: Path) -> Settings:
    """Read and check a configuration file; relative paths in it become relative to it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigError(
            f"{path}: cannot be read ({e.strerror}); check the name after --config or CONFIG="
        ) from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 text; save it as UTF-8") from e
    return parse_settings(text, path)


def parse_settings(text: str, path: Path) -> Settings:
    """Check configuration text; `path` names it in messages and anchors relative folders."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{path}: not valid TOML: {e}") from e
    monitor = values.get("monitor")
    if isinstance(monitor, dict) and isinstance(monitor.get("rules"), str):
        monitor["rules"] = str(path.parent / monitor["rules"])
    for feed in values.get("feed", []) if isinstance(values.get("feed"), list) else []:
        source = feed.get("source") if isinstance(feed, dict) else None
        if not isinstance(source, dict):
            continue
        if source.get("type") in {"http", "sql", "push"}:
            source.setdefault("path", f"inbox/{feed.get('id')}")
        if source.get("type") in {"http", "sql"}:
            source.setdefault("home", str(path.parent))
        if isinstance(source.get("path"), str):
            source["path"] = str(path.parent / source["path"])
    try:
        return Settings.model_validate(values)
    except ValidationError as e:
        raise ConfigError("\n".join(_messages(path, e))) from e


def _messages(path: Path, error: ValidationError) -> list[str]:
    lines = []
    problems = error.errors()
    for problem in problems:
        if problem["type"] == "too_short" and len(problems) > 1:
            continue  # it follows from the others: what is wrong was left out
        where = [str(part) for part in problem["loc"]]
        if "source" in where:  # the kind of source is no key of the file
            where = [part for i, part in enumerate(where) if i != where.index("source") + 1]
        key = ".".join(where) or "file"
        value = problem["input"]
        if isinstance(value, datetime):
            value = value.isoformat()
        shown = "" if isinstance(value, dict | list | tuple) else f" = {value!r}"
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            reason = "unknown key; check its spelling or remove it"
        lines.append(f"{path}: {key}{shown}: {reason}")
    return lines
