"""Rules, changes, what a change would have done, and versions, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monitor.detect.rule import Rule
from monitor.rulebook import words as rw
from monitor.rulebook.always import ALWAYS_ON
from monitor.rulebook.preview import Alert, Count, Effect
from monitor.rulebook.versions import Version
from monitor.rulebook.write import percent
from monitor.settings import Campaign
from monitor.ui import import_words as iw
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.markup import Head, chip, esc, panel, table

Campaigns = Mapping[str, Campaign]
SHOWN = 40  # alerts of one list
STYLE = """<style>
.st-key-rules_list,.st-key-rules_draft,.st-key-rules_history{
 background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem .8rem}
.st-key-rules_form{background:var(--raise);border-left:4px solid var(--blue);border-radius:6px;
 padding:.6rem .8rem .8rem}
.st-key-rules_list .m-rule{gap:.15rem;font-size:.92rem;padding:.25rem 0}
.m-rule.off{color:var(--muted)}
.m-rule p,.m-changes li{margin:0;overflow-wrap:anywhere;max-width:75ch}
[data-testid="stLayoutWrapper"]:has(>[class*="st-key-rules_r_"]),
[data-testid="stLayoutWrapper"]:has(>[class*="st-key-rules_v_"]){min-width:min(100%,17rem)}
.m-effect{border-left:4px solid var(--muted);padding:.3rem .55rem;border-top:1px solid var(--line);
 display:grid;grid-template-columns:1fr auto;gap:.05rem .8rem}
.m-effect.new{border-left-color:var(--orange)}.m-effect.gone{border-left-color:var(--blue)}
.m-effect b{font-weight:600;font-size:.92rem;overflow-wrap:anywhere}
.m-effect .rm{font-weight:650;white-space:nowrap}
.m-effect .s{grid-column:1/-1;font-size:.8rem;color:var(--muted);overflow-wrap:anywhere}
/* the change stays in sight beside the list, and above it on a phone */
[data-testid="stColumn"]:has(.st-key-rules_draft)>[data-testid="stVerticalBlock"]{
 position:sticky;top:3.6rem;max-height:calc(100vh - 4.5rem);overflow-y:auto}
@media (max-width:640px){[data-testid="stColumn"]:has(.st-key-rules_draft){order:-1}
 [data-testid="stColumn"]:has(.st-key-rules_draft)>[data-testid="stVerticalBlock"]{
 position:static;max-height:none}}
.st-key-rules_draft .m-sub{margin:.3rem 0 -.3rem!important}
.m-steps{height:.5rem;background:var(--raise);border-radius:3px;overflow:hidden}
.m-steps i{display:block;height:100%;background:var(--blue)}
</style>"""


def rule_row(rule: Rule, changed: bool, unknown_phases: Sequence[str], currency: str) -> str:
    """One rule: title, switch and sentence."""
    chips = [chip("✓", "on", "blue") if rule.enabled else chip("○", "off")]
    if changed:
        chips.append(chip("✎", "changed, not saved", "orange"))
    more = [
        f"alerts are called {rule.name}",
        f"severity {rw.SEVERITIES[rule.severity]}",
        f"sensitivity {rw.sensitivity(rule.sensitivity)}",
        f"over after {rw.span(rule.keep)} of calm",
    ]
    warned = "".join(
        f"<p>{chip('!', 'look', 'orange')} no campaign has a phase {iw.shown(f'“{phase}”', 82)}</p>"
        for phase in unknown_phases
    )
    return (
        f"<div><b>{iw.shown(rw.title(rule))}</b> {''.join(chips)}</div>"
        f"<p>{iw.shown(rw.sentence(rule, currency), 700)}</p>{warned}"
        f'<div class="m-asof">{iw.shown(" · ".join(more))}</div>'
    )


def severities(critical: float, warning: float, changed: bool) -> str:
    """What money makes of an alert."""
    mark = chip("✎", "changed, not saved", "orange") if changed else ""
    said = (
        f"Critical when it costs {percent(critical)} of the campaign's expected GMV an hour or more, "
        f"a warning from {percent(warning)}, below that info."
    )
    return f"<div><b>Severity by what it costs</b> {mark}</div><p>{esc(said)}</p>"


def changes(lines: Iterable[str]) -> str:
    said = "".join(f"<li>{iw.shown(line, 500)}</li>" for line in lines)
    return f'<ul class="m-list m-changes">{said}</ul>'


def always_on() -> str:
    """The alerts that have nothing to tune."""
    rows = [
        (f"<b>{esc(rw.title(Rule(name, '')))}</b>", esc(told)) for name, told in ALWAYS_ON.items()
    ]
    return panel(
        "Always on: alerts of the data itself",
        table((Head("Alert", "key"), Head("Speaks when", "any")), rows, "Always on"),
        esc("they keep late or broken data from looking like a dip"),
    )


def effect(told: Effect, frame: Frame, campaigns: Campaigns) -> str:
    """What a change would have done: how often, which alerts are new, gone, or at another time."""
    parts = [counts(told.counts, campaigns)]

    def entry(alert: Alert, way: str, more: str) -> str:
        return _entry(alert, frame, campaigns[str(alert["campaign_id"])], way, more)

    new = [entry(e.alert, "new", "was told by another alert" if e.part else "") for e in told.new]
    gone = [
        entry(e.alert, "gone", "told by another alert then" if e.part else "") for e in told.gone
    ]
    moved = [entry(m.after, "", _moved(m.later_s, m.before, m.after)) for m in told.moved]
    parts.append(_listed("would be new", new))
    parts.append(_listed("would be gone", gone))
    if moved:
        parts.append(_listed("would come at another time or be of another severity", moved))
    same = f"{w.counted(told.same, 'alert')} the same." if told.same else "None stays the same."
    if not (new or gone or moved):
        same = "Nothing would change: the same alerts, at the same times."
    return "".join(parts) + f'<div class="m-asof">{esc(same)}</div>'


def counts(told: Iterable[Count], campaigns: Campaigns) -> str:
    """Alerts a day, now and with the change, by campaign."""
    heads = (
        Head("Campaign", "key"),
        Head("Now a day", "num", "alerts that speak for themselves, each campaign-day"),
        Head("Then a day", "num"),
        Head("New", "num"),
        Head("Gone", "num"),
    )
    rows = [
        (
            f"{iw.shown(campaigns[c.campaign_id].name)}"
            f"<small>{esc(n.span(c.days * n.DAY))}</small>",
            esc(_a_day(c.before, c.days)),
            esc(_a_day(c.after, c.days)),
            f"{c.new:,}",
            f"{c.gone:,}",
        )
        for c in told
    ]
    return table(heads, rows, "Alerts a campaign-day")


def _a_day(count: int, days: float) -> str:
    return f"{count / days:.1f}" if days > 0 else n.UNKNOWN


def _moved(later_s: float, before: Alert, after: Alert) -> str:
    said = []
    if later_s:
        said.append(f"{n.span(abs(later_s))} {'later' if later_s > 0 else 'earlier'}")
    if before.get("severity") != after.get("severity"):
        said.append(f"{before.get('severity')} → {after.get('severity')}")
    return ", ".join(said)


def _listed(what: str, rows: Sequence[str]) -> str:
    more = len(rows) - SHOWN
    tail = f'<div class="m-asof">and {more:,} smaller ones</div>' if more > 0 else ""
    many = w.counted(len(rows), "alert") if rows else "No alert"
    title = f'<h3 class="m-sub">{esc(many)} {esc(what)}</h3>'
    body = f"<div>{''.join(rows[:SHOWN])}</div>" if rows else ""
    return f"{title}{body}{tail}"


def _entry(alert: Alert, frame: Frame, campaign: Campaign, way: str, more: str) -> str:
    """One alert of a preview: its sentence, money, rule, scope and time."""
    shortfall = alert.get("shortfall")
    money = ""
    if isinstance(shortfall, int | float) and alert.get("metric") in ("gmv", None):
        money = n.money(abs(shortfall), campaign.currency)
    opened = n.clock_time(n.instant(alert.get("opened_at")), campaign.zone, frame.now)
    resolved = n.instant(alert.get("resolved_at"))
    until = (
        f" to {n.clock_time(resolved, campaign.zone, frame.now)}" if resolved else ", still open"
    )
    symbol, word = w.SEVERITIES.get(str(alert.get("severity")), ("●", ""))
    mark = {"new": "+ ", "gone": "− "}.get(way, "")
    scope = alert.get("scope")
    said = [
        f"{symbol} {word}",
        campaign.name,
        f"{opened}{until}",
        str(alert.get("rule", "")),
        w.scope({str(k): str(v) for k, v in scope.items()} if isinstance(scope, Mapping) else {}),
        more,
    ]
    line = " · ".join(iw.flat(part) for part in said if part)
    return (
        f'<div class="m-effect {way}"><b>{esc(mark)}{iw.shown(alert.get("headline", ""))}</b>'
        f'<span class="rm">{esc(money)}</span><span class="s">{iw.shown(line)}</span></div>'
    )


def version_row(version: Version, frame: Frame, standing: int) -> str:
    """One version: who, when, why, and what it changed."""
    who = version.who or "the rules file"
    chips = chip("✓", "stands now", "blue") if version.version == standing else ""
    since = f"judged from {frame.clock(version.since)}" if version.since else "never judged"
    if version.since is None and version.version == standing:
        since = "judges from the next tick on"
    said = changes(version.changes)
    if version.trouble:
        said = f"<p>{chip('✕', 'cannot be read', 'red')} {iw.shown(version.trouble, 600)}</p>"
    elif not version.changes:
        said = '<div class="m-muted">no rule changed</div>' if version.version > 1 else ""
    note = f"<div>{iw.shown(f'“{version.note}”', 502)}</div>" if version.note else ""
    when = frame.clock(version.at)
    return (
        f"<div><b>Version {version.version}</b> {chips}</div>{note}{said}"
        f'<div class="m-asof">by {iw.shown(who)} · {esc(when)} · {esc(since)}</div>'
    )
