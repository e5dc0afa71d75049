"""Configuration text (TOML) for simulated and recorded campaigns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.simulate.event import EventSpec
from monitor.simulate.season import PHASES


@dataclass(frozen=True)
class Span:
    """A phase, or a plan when it has a scope or stands among the plans."""

    name: str
    start: datetime
    end: datetime
    scope: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CampaignEntry:
    """One `[[campaign]]`. `compare_with` None leaves the choice to the product."""

    id: str
    name: str
    kind: str
    market: str
    start: datetime
    end: datetime
    compare_with: Sequence[str] | None = None
    target_gmv: int | None = None
    phases: Sequence[Span] = ()
    plans: Sequence[Span] = ()


@dataclass(frozen=True)
class FeedEntry:
    """One `[[feed]]` that reads a folder."""

    id: str
    path: str
    grain: Sequence[str]
    counter: str
    cadence: str = "5m"
    settle: str | None = None


def entry(spec: EventSpec, name_suffix: str = "") -> CampaignEntry:
    """The configuration that a team would have written for a simulated event."""
    phases = [Span(name, spec.instant(start), spec.instant(end)) for name, start, end in PHASES]
    plans = [
        Span(boost.name, spec.instant(boost.start_min), spec.instant(boost.end_min))
        for boost in spec.boosts
    ] + [
        Span(
            "live show",
            spec.instant(show.start_min),
            spec.instant(show.end_min),
            {"creator_id": show.creator_id},
        )
        for show in spec.shows
    ]
    return CampaignEntry(
        id=spec.campaign_id,
        name=spec.name + name_suffix,
        kind=spec.kind,
        market=spec.market,
        start=spec.start,
        end=spec.end,
        compare_with=spec.compare_with or None,
        target_gmv=spec.target_rm,
        phases=phases,
        plans=sorted(plans, key=lambda plan: plan.start),
    )


def render(
    campaigns: Sequence[CampaignEntry], feeds: Sequence[FeedEntry], comment: str = ""
) -> str:
    """The configuration file as text."""
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    lines += ["[monitor]", 'bucket = "5m"']
    for one in campaigns:
        lines += _campaign(one)
    for feed in feeds:
        source = f'type = "folder", path = {_text(feed.path)}'
        if feed.settle is not None:
            source += f", settle = {_text(feed.settle)}"
        lines += [
            "",
            "[[feed]]",
            f"id = {_text(feed.id)}",
            f"source = {{ {source} }}",
            f"grain = [{', '.join(_text(dim) for dim in feed.grain)}]",
            f"counter = {_text(feed.counter)}",
            f"cadence = {_text(feed.cadence)}",
        ]
    return "\n".join(lines) + "\n"


def _campaign(one: CampaignEntry) -> list[str]:
    lines = [
        "",
        "[[campaign]]",
        f"id = {_text(one.id)}",
        f"name = {_text(one.name)}",
        f"kind = {_text(one.kind)}",
        f"market = {_text(one.market)}",
        f"start = {one.start.isoformat()}",
        f"end = {one.end.isoformat()}",
    ]
    if one.compare_with is not None:
        lines.append(f"compare_with = [{', '.join(_text(i) for i in one.compare_with)}]")
    if one.target_gmv is not None:
        lines += ["[campaign.targets]", f"gmv = {one.target_gmv:_}"]
    for table, spans in (("phase", one.phases), ("plan", one.plans)):
        for span in spans:
            lines += [f"[[campaign.{table}]]", f"name = {_text(span.name)}"]
            if span.scope:
                pairs = ", ".join(f"{dim} = {_text(value)}" for dim, value in span.scope.items())
                lines.append(f"scope = {{ {pairs} }}")
            lines += [f"start = {span.start.isoformat()}", f"end = {span.end.isoformat()}"]
    return lines


def _text(value: str) -> str:
    """A TOML basic string: JSON's escapes are a subset of TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
