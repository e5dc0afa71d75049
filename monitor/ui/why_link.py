"""Addresses of the Why page: `/why?campaign=…&scope=channel%3Dlive&measure=gmv&at=…Z`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote

from monitor.campaigns.words import DIMENSIONS
from monitor.clock import iso
from monitor.ui.charts import bucket
from monitor.ui.frame import Frame
from monitor.ui.markup import link

EVIDENT = ("dip", "surge", "flatline")  # kinds of alerts whose evidence can be looked up


def scope_text(scope: Mapping[str, str]) -> str:
    """A scope as one text that `monitor.answers.parse_scope` reads: `category=beauty,channel=live`."""
    known = [dim for dim in sorted(scope) if dim in DIMENSIONS]
    return ",".join(f"{dim}={quote(scope[dim], safe=' /:@.&+')}" for dim in known)


def step_of(frame: Frame) -> timedelta:
    """How long the buckets of the campaign are."""
    table = next(iter(frame.shown.series.values()), None)
    return timedelta(minutes=5) if table is None else bucket(table)


def why_address(
    campaign_id: str, scope: Mapping[str, str], measure: str, label: str, at: datetime | None = None
) -> str:
    """A link to the evidence of a scope and measure at an instant, by default the last judged."""
    params = {"campaign": campaign_id, "measure": measure}
    if scope:
        params["scope"] = scope_text(scope)
    if at is not None:
        params["at"] = iso(at) or ""
    return link("why", label, "m-more", **params)
