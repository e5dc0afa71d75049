"""Each feed of each campaign: is it on time, how far it goes, and what waits for it; worst first.

Cards and not a table: every line says its own thing in words, and it reads on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.picture import CampaignPicture, FeedPicture, SourceStatus
from monitor.ui import numbers as n
from monitor.ui import words as w
from monitor.ui.frame import Frame
from monitor.ui.markup import banner, chip, esc, name

LATE, STUCK, FAILING, SILENT, ODD, FINE, COUNTED, RESTING = range(8)  # worst first
TONES = ("critical", "critical", "warning", "warning", "warning", "", "", "over")


@dataclass(frozen=True)
class FeedState:
    """One feed of one campaign, as it stands now. `rank`: 0 is worst; `running`: its event is on."""

    feed: FeedPicture
    shown: CampaignPicture | None
    source: SourceStatus | None
    rank: int
    running: bool

    @property
    def label(self) -> tuple[str, str]:
        """(symbol, words)."""
        if self.rank == LATE:
            return "!", "behind" if self.feed.behind else "late"
        if self.rank == RESTING:
            upcoming = self.shown is not None and self.shown.phase == "upcoming"
            return ("○", "not begun") if upcoming else ("■", "ended")
        return {
            STUCK: ("‖", "stuck"),
            FAILING: ("✕", "source fails"),
            SILENT: ("◌", "nothing arrived yet"),
            ODD: ("◆", "on time, with a question"),
            FINE: ("✓", "on time"),
            COUNTED: ("✓", "in the totals"),
        }[self.rank]


def states(frame: Frame) -> list[FeedState]:
    """The feeds of every running campaign and of the chosen one, worst first."""
    found = []
    for feed in frame.picture.feeds:
        shown = frame.picture.campaigns.get(feed.campaign_id or "")
        running = frame.shown.phase == "live" if shown is None else shown.phase == "live"
        if running or feed.campaign_id in (frame.campaign_id, None):
            source = frame.picture.sources.get(feed.feed_id)
            found.append(FeedState(feed, shown, source, _rank(feed, source, running), running))
    return sorted(found, key=lambda s: (s.rank, -(s.feed.lag_s or 0)))


def _rank(feed: FeedPicture, source: SourceStatus | None, running: bool) -> int:
    if feed.late:
        return LATE
    if running and feed.stuck:
        return STUCK
    if source is not None and source.trouble:
        return FAILING
    if feed.newest is None and feed.told is None:
        return SILENT
    if not running:
        return RESTING
    if feed.troubles:
        return ODD
    return COUNTED if feed.newest is None else FINE


def headline(frame: Frame, found: Sequence[FeedState]) -> str:
    """One sentence on all feeds of what runs now."""
    running = [s for s in found if s.running]
    ids = {s.feed.feed_id for s in running}
    if not running:
        return banner("", "■ No campaign is running", _resting(frame))
    bad: dict[str, FeedState] = {}
    for state in running:
        if state.rank < ODD:
            bad.setdefault(state.feed.feed_id, state)
    marks = [s.feed.complete_to for s in running if s.feed.complete_to is not None]
    complete = f"complete to {frame.clock(min(marks))}" if marks else "nothing has arrived yet"
    if not bad:
        count = "The one feed is" if len(ids) == 1 else f"All {len(ids)} feeds are"
        return banner("", f"✓ {count} on time", f"{complete}.")
    ranks = {s.rank for s in bad.values()}
    worst = min(ranks)
    named = {LATE: "late", STUCK: "stuck", SILENT: "silent"}
    what = named.get(worst, "in trouble") if len(ranks) == 1 else "in trouble"
    said = "; ".join(f"{feed_id} {_short(frame, state)}" for feed_id, state in bad.items())
    tone = "bad" if worst in (LATE, STUCK) else "late"
    return banner(tone, f"! {len(bad)} of {w.counted(len(ids), 'feed')} {what}", f"{said}.")


def _resting(frame: Frame) -> str:
    word = "has not begun" if frame.shown.phase == "upcoming" else "has ended"
    mark = frame.shown.watermark
    to = f", complete to {frame.clock(mark)}" if mark else ""
    return f"{frame.shown.campaign.name} {word}{to}."


def _short(frame: Frame, state: FeedState) -> str:
    feed = state.feed
    if state.rank == STUCK:
        return "brings files in which nothing moves"
    if state.rank == FAILING and state.source is not None:
        return f"cannot be asked ({state.source.trouble})"
    if feed.complete_to is None:
        return "has brought nothing yet"
    to = frame.clock(feed.complete_to)
    return f"is complete only to {to}, {_lag(frame, feed)} behind"


def _lag(frame: Frame, feed: FeedPicture) -> str:
    """How far the feed's data lies behind the time it is looked at."""
    return n.span((frame.now - feed.complete_to).total_seconds()) if feed.complete_to else n.UNKNOWN


def cards(frame: Frame, found: Sequence[FeedState]) -> str:
    return f'<div class="m-alerts">{"".join(_card(frame, state) for state in found)}</div>'


def _card(frame: Frame, state: FeedState) -> str:
    feed = state.feed
    symbol, word = state.label
    tone = {"critical": "red", "warning": "orange"}.get(TONES[state.rank], "")
    campaign = state.shown.campaign.name if state.shown else "no campaign yet"
    lag = f"{_lag(frame, feed)} behind" if state.running and feed.complete_to else ""
    lines = [esc(line) for line in _lines(frame, state)]
    blocked = _blocks(state)
    if blocked:
        lines.append(f"<b>{esc(blocked)}</b>")
    told = "".join(f"<li>{line}</li>" for line in lines)
    told = f'<div style="grid-column:1/-1"><ul class="m-list">{told}</ul></div>' if told else ""
    return (
        f'<div class="m-alert {TONES[state.rank]}">'
        f'<span class="h">{name(feed.feed_id)} {chip(symbol, word, tone)}</span>'
        f'<span class="rm num">{esc(lag)}</span>{told}'
        f'<div class="s"><span>{name(campaign)}</span>'
        f"<span>{esc(w.COUNTERS.get(feed.counter, feed.counter))}</span>"
        f"<span>every {esc(n.span(feed.cadence_s))}</span><span>inbox {name(feed.path)}</span></div>"
        f'<div class="s">{_facts(frame, state)}</div></div>'
    )


def _facts(frame: Frame, state: FeedState) -> str:
    feed = state.feed
    reach = ("Complete to", feed.complete_to)
    if feed.complete_to is None and feed.told is not None:
        reach = ("Speaks of", feed.told)
    facts = [
        (reach[0], frame.clock(reach[1]), n.age(reach[1], frame.now)),
        ("Last arrival", frame.clock(feed.last_arrival), n.age(feed.last_arrival, frame.now)),
    ]
    if state.running and feed.next_at is not None:
        over = (frame.now - feed.next_at).total_seconds()
        when = f"{n.span(over)} overdue" if over >= 1 else f"in {n.span(-over)}"
        facts.append(("Next reading", frame.clock(feed.next_at), when))
    facts.append(("Taken", w.counted(feed.snapshots, "snapshot"), w.counted(feed.batches, "file")))
    facts.append(("Unreadable", w.counted(feed.quarantined, "row"), "in quarantine"))
    cells = "".join(
        f"<div><dt>{esc(title)}</dt><dd>{esc(value)} <small>{esc(more)}</small></dd></div>"
        for title, value, more in facts
    )
    return f'<dl class="m-facts">{cells}</dl>'


def _lines(frame: Frame, state: FeedState) -> list[str]:
    """What is wrong, in sentences."""
    feed, lines = state.feed, list(state.feed.troubles)
    if state.rank == LATE and feed.due_at is not None:
        since = f"Late since {frame.clock(feed.due_at)} ({n.age(feed.due_at, frame.now)})"
        if feed.behind:
            lines.insert(
                0,
                f"{since}: readings come, but the source says that they are complete only to "
                f"{frame.clock(feed.complete_to)}.",
            )
        else:
            lines.insert(0, f"{since}: nothing for the time after {frame.clock(feed.complete_to)}.")
    if state.rank == COUNTED:
        lines.append(
            "Exports or orders: they count in totals and boards and close no five minutes, so no "
            "rule judges them and they are never late."
        )
    if state.rank == SILENT:
        lines.append("Nothing that could be read has come from this feed for it yet.")
    source = state.source
    if source is not None and source.trouble:
        since = ""
        if source.failing_since is not None:
            since = f" since {frame.clock(source.failing_since)}"
            since += f", {w.counted(source.attempts, 'try', 'tries')}"
        again = f"; asked again at {frame.clock(source.next_at)}" if source.next_at else ""
        lines.append(f"Its {source.type} source fails{since}: {source.trouble}{again}.")
    elif source is not None and source.asked_at is not None and source.type != "folder":
        again = f", next at {frame.clock(source.next_at)}" if source.next_at else ""
        lines.append(f"{source.type} source: answered {n.age(source.asked_at, frame.now)}{again}.")
    return lines


def _blocks(state: FeedState) -> str:
    """What stands still or waits because of it."""
    feed = state.feed
    if state.rank not in (LATE, STUCK):
        return ""
    parts = []
    if feed.metrics:
        parts.append(f"totals of {', '.join(w.metric(m) for m in feed.metrics)}")
    if feed.boards:
        named = ", ".join(w.BOARDS.get(board, board) for board in feed.boards)
        parts.append(f"boards {named}")
    still = f"Stand still: {'; '.join(parts)}." if parts else "No total counts on it."
    rules = ", ".join(w.RULES.get(rule, rule) for rule in feed.rules)
    if not rules:
        return still
    waits = "wait" if state.rank == LATE else "are explained by it"
    return f"{still} Rules that read it {waits}: {rules}."
