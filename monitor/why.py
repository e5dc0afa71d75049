"""Why was there (no) alert? Evidence told in sentences; the plainest one first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa

from monitor.alerts.wording import (
    RATES,
    clock,
    metric_words,
    money_words,
    rate_words,
    scope_words,
    subject,
)
from monitor.campaigns.words import Scope
from monitor.clock import from_ms, iso
from monitor.detect.why import Evidence, WindowEvidence

ALL_SAME = 0.02  # a difference that is not worth a word, relative
LIKELY, MAYBE = 0.7, 0.4  # of the evidence that the rule asks for
FIRING = ("firing", "recovering")
COUNTED = {
    "ctr": "clicks",
    "impressions": "impressions",
    "visitors": "visitors",
    "clicks": "clicks",
}
REASONS = {
    "expected": "what is missing was planned to end, so nothing is wrong",
    "feed_late": "its numbers had not arrived, sales may have been fine",
    "counter_reset": "its counter began anew at the source, no sales were lost",
    "correction": "the source took sales back, which is no dip",
    "withdrawn": "numbers that came later explain it",
}


@dataclass(frozen=True)
class Told:
    """`tone`: alert, wait, calm or blind (could not be judged). `first`: the answer in a sentence;
    `more`: what else matters; `do`: what to do now, may be empty."""

    tone: str
    first: str
    more: tuple[str, ...] = ()
    do: str = ""


class Why(Protocol):
    """What the pages ask the product. Both may take seconds and may raise MonitorError."""

    def why(self, campaign_id: str, scope: Scope, measure: str, at: datetime) -> Evidence | None:
        """The evidence of the bucket that holds `at`; None where the scope has no data at all."""
        ...

    def series(self, campaign_id: str, scope: Scope, measure: str) -> pa.Table | None:
        """All buckets of any scope as `picture.SERIES_SCHEMA`, judged as in `why`; None: no data."""
        ...

    def scopes(self, campaign_id: str) -> Sequence[Scope]:
        """All scopes that are judged, the dearest first. Must answer at once."""
        ...


def outside(
    start: datetime,
    end: datetime,
    watermark: datetime | None,
    now: datetime,
    at: datetime,
    zone: ZoneInfo,
) -> Told | None:
    """Why there can be no evidence at `at` at all; None where there can be."""
    if now < start or at < start:
        when = f"{start.astimezone(zone):%a %d %b %H:%M}"
        return Told("blind", f"The event begins on {when}: nothing is judged before.")
    if at >= end:
        when = f"{end.astimezone(zone):%a %d %b %H:%M}"
        return Told("blind", f"The event ended on {when}: nothing is judged after it.")
    if watermark is None:
        return Told(
            "blind", "Nothing is judged yet: no moment of the event is complete.",
            do="Look on the Data page whether files arrive; this page fills by itself.",
        )  # fmt: skip
    if at >= watermark:
        return Told(
            "blind",
            f"Not judged yet: the numbers are complete to {clock(watermark, zone)} only.",
            do="It is judged as soon as its numbers are in; or look at the last judged moment.",
        )
    return None


def explain(e: Evidence, zone: ZoneInfo, currency: str) -> Told:
    """Why there was an alert, or none, in the order in which a person would ask."""
    what = subject(e.measure, e.scope)
    more = _more(e)
    if e.gate is not None and e.signal not in FIRING:
        return _gated(e, what, more)
    if e.rule is None:
        where = "in this scope" if e.scope else "for the whole campaign"
        return Told(
            "blind", f"No alert: no rule that is switched on watches {metric_words(e.measure)} {where}.",
            (_fact(e, what), *more), "The Rules page says what is watched.",
        )  # fmt: skip
    if e.signal in FIRING or e.signal == "pending" or e.state == "breach":
        return _breach(e, what, more, zone)
    if e.expected is None and not e.windows:
        return Told("blind", f"No alert: there is nothing to compare {what} with yet.", more)
    return Told("calm", _no_alert(e, what, currency), (*_pulled(e), *more))


def _gated(e: Evidence, what: str, more: tuple[str, ...]) -> Told:
    """The bucket was not judged: why, and what can be looked at instead."""
    gate = (e.gate or "").replace(" ", "_")
    if gate == "too_little":
        if e.enough:
            have, need = e.enough
            thing = COUNTED.get(e.measure, "orders")
            first = (
                f"No alert: too little to judge. {have:,.0f} {thing} are expected in the hour, "
                f"{need:,.0f} are needed before a fall can be told from chance."
            )
        else:
            first = "No alert: too little to judge; so few could be missing by chance."
        wider = "Look at a wider scope, where there is more of it." if e.scope else ""
        return Told("blind", first, more, wider)
    known = {
        "incomplete": (
            f"No alert: the numbers of {what} are incomplete here: more than a tenth of what is "
            "usual was not read at the end of these minutes.",
            "Look on the Data page what did not arrive; the moment is judged anew when it does.",
        ),
        "bridged": (
            "No alert: nothing was read in these minutes. What is shown is spread evenly over a "
            "gap in the readings, so nobody can tell what happened inside it.",
            "Look at the first moment after the gap.",
        ),
        "open": (
            "Not judged yet: these minutes are still filling.",
            "They are judged as soon as all their numbers are in.",
        ),
        "quiet_start": (
            "No alert: an event's first minutes are only watched, to see how today runs.", "",
        ),
        "inactive_phase": (
            "No alert: the rule is not active in this part of the event.",
            "The Rules page says when it is.",
        ),
        "nothing_to_compare": (
            f"No alert: there is nothing to compare {what} with: no earlier event, and too little "
            "of today.", "",
        ),
    }  # fmt: skip
    first, do = known.get(gate, (f"No alert: {(e.gate or '').replace('_', ' ')}.", ""))
    return Told("blind", first, more, do)


def _breach(e: Evidence, what: str, more: tuple[str, ...], zone: ZoneInfo) -> Told:
    """Far enough off: an alert, one to come, or one that another alert speaks for."""
    since = f" since {clock(from_ms(e.breach_since_ms), zone)}" if e.breach_since_ms else ""
    off = f"{what} is {_side(e)}{since}{_how_far(e)}"
    if e.explained_by is not None:
        other = scope_words(e.explained_by) or "the whole campaign"
        width = "wider" if len(e.explained_by) < len(e.scope) else "narrower"
        return Told(
            "wait",
            f"No alert of its own: {off}, but {other} ({width}) explains it.",
            more, f"Look at {other}.",
        )  # fmt: skip
    if e.reason in REASONS:
        return Told("calm", f"Nothing to do: {off}, but {REASONS[e.reason]}.", more)
    if e.signal == "recovering":
        return Told(
            "alert",
            f"The alert{since} is about to end: {what} is back near what is expected; it is over "
            f"after {e.keep_minutes:.0f} min of calm.", more,
        )  # fmt: skip
    if e.signal == "firing":
        if e.state in ("normal", "band"):
            text = (
                f"The alert{since} is still on, though these minutes alone are no longer far off."
            )
            return Told("alert", text, more)
        return Told("alert", f"Alert: {off}.", more)
    wait = f"the rule speaks once it has lasted {e.for_minutes:.0f} min"
    return Told("wait", f"No alert yet: {off}; {wait}.", more)


def _no_alert(e: Evidence, what: str, currency: str) -> str:
    """The first of the rule's conditions that was not met, told with the window nearest to it."""
    said = strongest(e)
    sign = -1.0 if e.up else 1.0
    fall = sign * said.fall if said else 0.0
    if said is None or fall <= ALL_SAME:
        return f"No alert: {_fact(e, what)}"
    least = f"{e.least_fall:.0%}"
    off = f"{what} was {_percent(fall, e.least_fall)} {_side(e)} over the last {_span(said)}"
    if fall < e.least_fall:
        return f"No alert: {off}; the rule speaks from {least}."
    if sign * said.z < said.needed_z:
        return f"No alert: {off}, which could still be chance with numbers this small."
    per_hour = e.at_risk_per_hour
    if per_hour is not None and per_hour < e.least_at_risk:
        return (
            f"No alert: {off}, but only {money_words(per_hour, currency)} an hour is at stake; the "
            f"rule speaks from {money_words(e.least_at_risk, currency)} an hour."
        )
    return f"No alert: {off}, but the last minutes alone are not low enough any more."


def strongest(e: Evidence) -> WindowEvidence | None:
    """The window that comes nearest to speaking."""
    sign = -1.0 if e.up else 1.0
    return max(e.windows, key=lambda w: sign * w.z / w.needed_z, default=None)


def _fact(e: Evidence, what: str) -> str:
    """`LIVE GMV was as expected.`, or how far it was off in these minutes."""
    if e.observed is None or e.expected is None or e.expected <= 0:
        return f"{what} is not known well enough here to compare."
    off = e.observed / e.expected - 1
    if abs(off) <= ALL_SAME:
        return f"{what} was as expected."
    return f"{what} was {abs(off):.0%} {'above' if off > 0 else 'below'} expected."


def _how_far(e: Evidence) -> str:
    """` (53% over the last 15 min)`, by the most telling window; a rate says both figures."""
    said = strongest(e)
    if said is None or said.expected <= 0:
        return ""
    if e.measure in RATES:
        was, due = rate_words(said.observed, said.expected)
        return f" ({was} instead of {due} over the last {_span(said)})"
    return f" ({abs(said.fall):.0%} over the last {_span(said)})"


def _side(e: Evidence) -> str:
    return "above expected" if e.up else "below expected"


def _percent(share: float, limit: float) -> str:
    """In whole per cent, with a digit more where it would look like the limit that it is short of."""
    text = f"{share:.0%}"
    return f"{share:.1%}" if share < limit and text == f"{limit:.0%}" else text


def _span(w: WindowEvidence) -> str:
    return "hour" if w.minutes == 60 else f"{w.minutes:.0f} min"


def _pulled(e: Evidence) -> tuple[str, ...]:
    """A rule that is less sharp is said where it did not speak."""
    if e.half_sensitivity is None:
        return ()
    return (f"The rule is half as sharp here: {e.half_sensitivity}.",)


def _more(e: Evidence) -> tuple[str, ...]:
    """What bears on any answer: who explains it, whom it could be compared with."""
    if e.members and e.compared * 2 < e.members:
        return (
            f"Only {e.compared} of its {e.members} parts could be compared like for like, so less "
            "can be said.",
        )
    return ()


def rests_on(e: Evidence) -> tuple[str, ...]:
    """What the expectation rests on, a line each."""
    lines = [f"Compared with {e.basis}."] if e.basis else []
    if e.members:
        out = e.members - e.compared
        compared = f"{e.compared:,} of {e.members:,} parts compared like for like"
        lines.append(f"{compared}{f', {out:,} left out' if out else ''}.")
    named = [f"{who} ({why})" for who, why in e.left_out[:5]]
    if named:
        rest = e.members - e.compared - len(named)
        lines.append(f"Left out: {', '.join(named)}{f' and {rest:,} more' if rest > 0 else ''}.")
    if e.rest is not None and abs(e.rest - 1) > ALL_SAME:
        way = "above" if e.rest > 1 else "below"
        lines.append(
            f"The rest of the campaign ran {abs(e.rest - 1):.0%} {way} what was expected of it in "
            "these minutes; that is allowed for."
        )
    if e.half_sensitivity:
        lines.append(f"Half as sharp: {e.half_sensitivity}.")
    if e.enough:
        have, need = e.enough
        thing = COUNTED.get(e.measure, "orders")
        lines.append(f"{have:,.0f} {thing} expected in the hour; {need:,.0f} are needed to judge.")
    return tuple(lines)


def the_rule(e: Evidence, currency: str) -> str:
    """`It speaks from 15% below expected and RM 500 an hour, after 10 min.`"""
    if e.rule is None:
        return "No rule that is switched on reads this."
    money = f" and {money_words(e.least_at_risk, currency)} an hour" if e.least_at_risk > 0 else ""
    return (
        f"It speaks from {e.least_fall:.0%} {_side(e)}{money}, once that has lasted "
        f"{e.for_minutes:.0f} min; it ends after {e.keep_minutes:.0f} min of calm."
    )


def how_sure(e: Evidence, w: WindowEvidence) -> tuple[str, float]:
    """How sure a window is of a fall (of a rise, for a rule that looks up): words, and the share of
    the evidence that the rule asks for, 0 or more."""
    share = (-w.z if e.up else w.z) / w.needed_z if w.needed_z > 0 else 0.0
    if share >= 1:
        return "sure", share
    if share >= LIKELY:
        return "likely, not sure yet", share
    if share >= MAYBE:
        return "could be chance", share
    return ("no sign of a rise" if e.up else "no sign of a fall"), max(share, 0.0)


def as_json(e: Evidence, zone: ZoneInfo, currency: str) -> dict[str, Any]:
    """For `expected --json`: all of the evidence, and the sentence that the page begins with."""
    told = explain(e, zone, currency)
    row = asdict(e)
    del row["scope"], row["measure"], row["bucket_ms"]
    for name in ("state", "observed", "expected", "low", "high"):
        del row[name]  # the row has them already
    since = row.pop("breach_since_ms")
    return {
        "sentence": told.first,
        **row,
        "left_out": [{"member": who, "why": why} for who, why in e.left_out],
        "enough": None if e.enough is None else {"have": e.enough[0], "need": e.enough[1]},
        "breach_since": None if since is None else iso(from_ms(since)),
    }
