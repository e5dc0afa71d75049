"""Rules out of TOML: strict, and refused with file, rule, key, value and what to do."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from monitor.detect.event import MEASURES
from monitor.detect.rule import Rule
from monitor.errors import ConfigError
from monitor.rulebook.always import ALWAYS_ON
from monitor.rulebook.book import SCOPES, Rulebook, Severities
from monitor.settings import Settings
from monitor.sources import Duration

FILE = Path(__file__).resolve().parents[2] / "data" / "rules.toml"
LONGEST = 200_000  # characters of a rules file
MAX_RISE = 10.0  # 1000%: ten times as much again
SCOPE_DIMS = tuple(dict.fromkeys(dim for dims in SCOPES.values() for dim in dims))
NAME = re.compile(r"[a-z0-9_]{1,40}")


def _share(value: Any) -> Any:
    """`"15%"` → 0.15, exactly as the literal 0.15."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?) ?%", value) if isinstance(value, str) else None
    if not match:
        raise ValueError('write a percentage in quotes, such as "15%"')
    return float(Decimal(match[1]) / 100)


def _at_risk(value: Any) -> Any:
    """A share of the campaign, or money: `("share", 0.005)`, `("money", 500.0)`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= 1e12:
            raise ValueError("money an hour is 0 or more")
        return "money", float(value)
    try:
        share = _share(value)
    except ValueError:
        raise ValueError(
            'write a share of the campaign in quotes, such as "0.5%", or money an hour, such as 500'
        ) from None
    if share > 1:
        raise ValueError("nothing can cost more than 100% of the campaign")
    return "share", share


Share = Annotated[float, BeforeValidator(_share)]
AtRisk = Annotated[tuple[str, float], BeforeValidator(_at_risk)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Severity(_Strict):
    critical: Share = 0.08
    warning: Share = 0.01

    @field_validator("critical", "warning")
    @classmethod
    def _possible(cls, share: float) -> float:
        if not 0 <= share <= 1:
            raise ValueError("a share of the campaign is from 0% to 100%")
        return share

    @model_validator(mode="after")
    def _in_order(self) -> _Severity:
        if self.critical < self.warning:
            raise ValueError("critical is below warning; make it the larger of the two")
        return self


class _Rule(_Strict):
    name: str
    measure: str
    kind: Literal["dip", "surge", "flatline"] = "dip"
    direction: Literal["down", "up"] | None = None
    scopes: list[str] = Field(default=list(SCOPES), min_length=1)
    only: dict[str, str] = Field(default_factory=dict)
    least_fall: Share | None = None
    least_at_risk: AtRisk = ("share", 0.0)
    sensitivity: float = Field(default=1.0, ge=0.1, le=10, allow_inf_nan=False)
    for_: Duration = Field(default=timedelta(minutes=10), alias="for")
    keep: Duration = timedelta(minutes=15)
    phases: list[str] = Field(default_factory=list, max_length=50)
    severity: Literal["money", "info", "warning", "critical"] = "money"
    enabled: bool = True

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("a name is 1 to 40 of a-z, 0-9 and _, such as gmv_dip")
        if name in ALWAYS_ON:
            raise ValueError("an alert of the data is called so already; choose another name")
        return name

    @field_validator("measure")
    @classmethod
    def _known_measure(cls, measure: str) -> str:
        if measure not in MEASURES:
            raise ValueError(f"no such measure; known: {', '.join(MEASURES)}")
        return measure

    @field_validator("scopes")
    @classmethod
    def _known_scopes(cls, scopes: list[str]) -> list[str]:
        for scope in scopes:
            if scope not in SCOPES:
                raise ValueError(f"{scope!r} is no scope; known: {', '.join(SCOPES)}")
        return _once(scopes)

    @field_validator("phases")
    @classmethod
    def _told_phases(cls, phases: list[str]) -> list[str]:
        told = [phase.strip().lower() for phase in phases]
        if not all(0 < len(phase) <= 80 for phase in told):
            raise ValueError("a phase is the name of a phase in the configuration, not empty")
        return _once(told)

    @field_validator("for_", "keep")
    @classmethod
    def _bearable(cls, span: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= span <= timedelta(hours=6):
            raise ValueError("from 1m to 6h")
        return span

    @model_validator(mode="after")
    def _fits_together(self) -> _Rule:
        for dim, value in self.only.items():
            if dim not in SCOPE_DIMS:
                raise ValueError(
                    f"only: {dim!r} is no dimension of a scope; known: {', '.join(SCOPE_DIMS)}"
                )
            if not value:
                raise ValueError(f"only: {dim} is empty; name a value or leave it out")
        if not any(set(self.only) <= set(SCOPES[scope]) for scope in self.scopes):
            raise ValueError(
                f"only names {' and '.join(self.only)}, which none of its scopes has; "
                "add a scope that has it"
            )
        up = self.up
        if self.kind == "surge" and not up:
            raise ValueError('a surge goes up: leave direction out or write "up"')
        if self.kind == "flatline" and up:
            raise ValueError('a flatline is down: leave direction out or write "down"')
        if self.kind == "flatline" and MEASURES[self.measure].per is not None:
            raise ValueError("a flatline needs something counted, such as orders, not a rate")
        fall = self.fall
        if fall > (MAX_RISE if up else 1.0):
            most = f"{MAX_RISE:.0%} upwards" if up else "100% downwards"
            raise ValueError(f"least_fall = {fall:.0%}: at most {most}; make it smaller")
        return self

    @property
    def up(self) -> bool:
        return self.direction == "up" or (self.direction is None and self.kind == "surge")

    @property
    def fall(self) -> float:
        if self.least_fall is not None:
            return self.least_fall
        return 1.0 if self.kind == "flatline" else 0.15

    def rule(self) -> Rule:
        unit, risk = self.least_at_risk
        return Rule(
            name=self.name,
            measure=self.measure,
            kind=self.kind,
            up=self.up,
            scopes=tuple(dims for name, dims in SCOPES.items() if name in self.scopes),
            only=dict(self.only),
            least_fall=self.fall,
            least_at_risk=risk,
            in_money=unit == "money",
            sensitivity=self.sensitivity,
            for_=self.for_,
            keep=self.keep,
            phases=tuple(self.phases),
            severity=self.severity,
            enabled=self.enabled,
        )


class _Book(_Strict):
    severity: _Severity = _Severity()
    rule: list[_Rule] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _names_stand_alone(self) -> _Book:
        names = [rule.name for rule in self.rule]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"rule {doubled[0]!r} is there twice; rename or remove one of them")
        return self


def _once(values: list[str]) -> list[str]:
    doubled = [value for value in values if values.count(value) > 1]
    if doubled:
        raise ValueError(f"{doubled[0]!r} is there twice; remove one")
    return values


def parse(text: str, where: str) -> Rulebook:
    """Check the text of a rules file; `where` names it in messages. Its version is 0.

    Raises ConfigError with one line for each thing that is wrong.
    """
    if len(text) > LONGEST:
        raise ConfigError(f"{where}: longer than {LONGEST:,} characters; is it a rules file?")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{where}: not valid TOML: {e}") from e
    except RecursionError as e:
        raise ConfigError(f"{where}: too deeply nested; is it a rules file?") from e
    try:
        book = _Book.model_validate(values)
    except ValidationError as e:
        raise ConfigError("\n".join(_messages(where, values, e))) from e
    severity = Severities(book.severity.critical, book.severity.warning)
    return Rulebook(0, tuple(rule.rule() for rule in book.rule), severity, text)


def load(path: Path) -> Rulebook:
    """Read and check a rules file. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise ConfigError(
            f"{path}: the rules cannot be read ({e.strerror}); check `rules` under [monitor]"
        ) from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 text; save it as UTF-8") from e
    return parse(text, str(path))


def configured(settings: Settings) -> Rulebook:
    """The rules of the file that the configuration names, else those that ship. Raises ConfigError."""
    return load(settings.monitor.rules or FILE)


def shipped() -> Rulebook:
    """The rules that come with the product."""
    return load(FILE)


def _messages(where: str, values: dict[str, Any], error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        path = list(problem["loc"])
        said = [where]
        if path[:1] == ["rule"] and len(path) > 1 and isinstance(path[1], int):
            said.append(_called(values["rule"], path[1]))
            path = path[2:]
        value = problem["input"]
        shown = (
            "" if isinstance(value, dict | list) or problem["type"] == "missing" else repr(value)
        )
        key = ".".join(str(part) for part in path)
        if key:
            said.append(f"{key} = {shown[:120]}" if shown else key)
        lines.append(": ".join([*said, _reason(problem)]))
    return lines


def _called(rules: Any, index: int) -> str:
    """What a rule is called, as far as it says."""
    rule = rules[index] if isinstance(rules, list) and index < len(rules) else None
    name = rule.get("name") if isinstance(rule, dict) else None
    return f"rule {name}" if isinstance(name, str) and name else f"rule number {index + 1}"


def _reason(problem: Any) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return "unknown key; check its spelling or remove it"
        case "missing":
            return "is missing; add it"
        case "literal_error":
            return f"must be one of {context.get('expected', '')}"
        case "bool_type":
            return "write true or false, without quotes"
        case "float_type" | "int_type":
            return "write a number, without quotes"
        case "string_type":
            return "write text in quotes"
        case "list_type":
            return 'write a list, such as ["channel", "category"]'
        case "dict_type" | "model_type":
            return 'write a table, such as { channel = "live" }'
        case _:
            return str(problem["msg"]).removeprefix("Value error, ")
