"""What the store knows of the data's own troubles: read here, decided in `conditions` and `detect`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from monitor.alerts.conditions import Condition, FileTrouble, episode, now_wrong
from monitor.alerts.wording import amount_words, clock, metric_words
from monitor.campaigns.words import METRICS
from monitor.clock import from_db, from_ms, to_db, to_ms
from monitor.detect import detector as codes
from monitor.detect.moves import Moves, stills, taken_back
from monitor.detect.rules import (
    BACK_AGAIN,
    CLEAN_FILES,
    CORRECTION_SHARE,
    CORRECTION_SPAN,
    NEAR_NOTHING,
    QUARANTINE_SHARE,
    RESET_SHARE,
    RESET_SPAN,
)
from monitor.judgement import Judgement
from monitor.observe import Stream
from monitor.settings import Campaign
from monitor.store import Store

MS = timedelta(milliseconds=1)


def held(store: Store, judgement: Judgement, now: datetime) -> list[Condition]:
    """What is wrong with the data of a campaign now."""
    observed = judgement.observed
    campaign = observed.campaign
    found: list[FileTrouble] = []
    if campaign.start <= now < campaign.end:
        asked = [QUARANTINE_SHARE, CLEAN_FILES, campaign.id]
        found = [
            FileTrouble(
                rule, feed, file, reason or "its columns are not known", from_db(at), count, share
            )
            for rule, feed, file, reason, at, count, share in store.rows(
                "alerts.file_troubles", asked
            )
        ]
    return now_wrong(campaign, observed.streams, arrivals(store, campaign.id), found, now)


def arrivals(store: Store, campaign_id: str) -> dict[str, datetime]:
    """Per feed, when its newest file with rows for the campaign came."""
    return {row[0]: from_db(row[1]) for row in store.rows("alerts.arrivals", [campaign_id])}


def episodes(store: Store, judgement: Judgement, now: datetime) -> list[Condition]:
    """Stuck counters, resets and corrections of a campaign, all that its data tells, by due time."""
    found: list[Condition] = []
    observed = judgement.observed
    gmv = observed.by_metric.get("gmv")
    for stream in observed.streams:
        if stream.feed.counter == "interval" or stream.watermark is None:
            continue
        moves = moves_of(store, stream)
        if not len(moves.at_ms):
            continue
        found += _stuck(stream, moves, judgement, now)
        resets = _resets(store, stream, moves, observed.campaign, now)
        found += resets
        if gmv is not None and stream.stream_id == gmv.stream_id:
            found += _corrections(stream, moves, resets, observed.campaign, now)
    return sorted(found, key=lambda c: (c.due_at, c.rule, sorted(c.scope.items())))


def moves_of(store: Store, stream: Stream) -> Moves:
    """What each snapshot up to the watermark added to a cumulative counter, and took back."""
    asked = [stream.stream_id, to_db(stream.watermark or from_ms(0))]
    rows = store.rows("alerts.moves", asked)
    at = np.array([to_ms(from_db(row[0])) for row in rows], np.int64)
    gained = np.array([row[1:] for row in rows], float).reshape(-1, len(METRICS)) / 100
    fell = np.zeros_like(gained)
    for observed_at, metric, amount in store.rows("alerts.falls", asked):
        i = int(np.searchsorted(at, to_ms(from_db(observed_at))))
        if i < len(at) and at[i] == to_ms(from_db(observed_at)):
            fell[i, METRICS.index(metric)] += -amount / 100
    day = np.array([stream.meaning.day(t) for t in at.tolist()], np.int64)
    return Moves(at, day, gained, fell)


# --- a counter that stands still ------------------------------------------------------------------


def _stuck(stream: Stream, moves: Moves, judgement: Judgement, now: datetime) -> list[Condition]:
    campaign, feed = judgement.observed.campaign, stream.feed
    cadence_ms, bucket_ms = stream.meaning.cadence_ms, stream.meaning.bucket_ms
    found = []
    for one in stills(moves, cadence_ms, _share(judgement), _short(judgement, stream)):
        since = clock(from_ms(one.since_ms), campaign.zone)
        told = (
            f"Feed {feed.id} is stuck: files come, but no counter in it has moved since {since}; "
            "its numbers stand still. Look into the shop itself: if it sells, tell whoever runs "
            "the source"
        )
        if one.over_ms is not None and one.over_ms <= to_ms(now):
            until = clock(from_ms(one.over_ms), campaign.zone)
            then = (
                "what was held back came at once"
                if one.made_up
                else "what was missing did not come"
            )
            told = f"Feed {feed.id} was stuck from {since} to {until}: {then}"
        found.append(
            episode(
                "stuck_counter", {"feed": feed.id}, feed, one.since_ms // bucket_ms * bucket_ms,
                one.due_ms, one.over_ms,
                told, now, made_up=one.made_up,
            )
        )  # fmt: skip
    return found


def _share(judgement: Judgement) -> Callable[[int, int, int], float]:
    """How the event's shape runs in a span against the time before it; at most 1, 1 unknown."""
    verdicts = judgement.by_metric.get("gmv") or next(iter(judgement.by_metric.values()), None)
    shape = judgement.shape.share

    def mean(low: int, high: int) -> float:
        assert verdicts is not None
        closed = verdicts.closing
        inside = (closed.starts_ms < high) & (closed.ends_ms > low)
        some = shape[0][inside]
        return float(np.nanmean(some)) if len(some) and not np.isnan(some).all() else float("nan")

    def share(begin: int, since: int, until: int) -> float:
        if verdicts is None or not len(shape):
            return 1.0
        before, after = mean(begin, since), mean(since, until)
        return min(after / before, 1.0) if before > 0 and after >= 0 else 1.0

    return share


def _short(judgement: Judgement, stream: Stream) -> Callable[[int], bool]:
    """Whether a rule that reads the stream calls the whole campaign's last bucket a breach."""
    reads = [
        v
        for metric, v in judgement.by_metric.items()
        if metric in judgement.observed.by_metric
        and judgement.observed.by_metric[metric].stream_id == stream.stream_id
        and {} in v.scopes
    ]

    def short(now_ms: int) -> bool:
        for verdicts in reads:
            done = np.flatnonzero(verdicts.closing.closed & (verdicts.closing.ends_ms <= now_ms))
            row = verdicts.scopes.index({})
            if len(done) and verdicts.state[row, done[-1]] == codes.BREACHED:
                return True
        return False

    return short


# --- a counter that began anew --------------------------------------------------------------------


def _resets(
    store: Store, stream: Stream, moves: Moves, campaign: Campaign, now: datetime
) -> list[Condition]:
    """Snapshots in which most of a counter's volume fell to (near) nothing, away from its midnight."""
    found = []
    for i in np.flatnonzero(moves.fell.any(axis=1)).tolist():
        for m, metric in enumerate(METRICS):
            running = _running(moves, m, i)
            if not moves.fell[i, m] or moves.fell[i, m] < RESET_SHARE * 0.8 * running:
                continue
            fallen = _fallen(store, stream, metric, int(moves.at_ms[i]))
            if fallen is not None:
                found.append(_reset(stream, moves, i, metric, fallen, campaign, now))
                break
    return found


def _running(moves: Moves, m: int, i: int) -> float:
    """What the counter held before snapshot i, as far as it was seen in this period."""
    same = moves.day[:i] == moves.day[i]
    return float((np.nan_to_num(moves.gained[:i, m]) - moves.fell[:i, m])[same].sum())


def _fallen(store: Store, stream: Stream, metric: str, at_ms: int) -> tuple[float, float] | None:
    """(before, after) of the whole counter, in units, when it began anew at a snapshot; else None."""
    asked = [metric, stream.stream_id, to_db(from_ms(at_ms)), stream.stream_id, metric,
             to_db(from_ms(at_ms))]  # fmt: skip
    before = after = gone = 0.0
    for now_has, fell in store.rows("alerts.fallen", asked):
        had = now_has - fell
        before, after = before + had, after + now_has
        gone += had if fell and now_has <= NEAR_NOTHING * had else 0
    return (before / 100, after / 100) if before > 0 and gone >= RESET_SHARE * before else None


def _reset(
    stream: Stream, moves: Moves, i: int, metric: str, fallen: tuple[float, float],
    campaign: Campaign, now: datetime,
) -> Condition:  # fmt: skip
    before, after = fallen
    m, at = METRICS.index(metric), int(moves.at_ms[i])
    gained = np.nan_to_num(moves.gained[i + 1 :, m]) - moves.fell[i + 1 :, m]
    again = np.flatnonzero(
        (after + np.cumsum(gained) >= BACK_AGAIN * before)
        & (moves.at_ms[i + 1 :] <= at + RESET_SPAN // MS)
    )
    over = int(moves.at_ms[i + 1 + int(again[0])]) if len(again) else at + RESET_SPAN // MS
    when = clock(from_ms(at), campaign.zone)

    def words(amount: float) -> str:
        return amount_words(metric, amount, campaign.currency)

    told = (
        f"Counter reset at an odd time: {metric_words(metric)} of feed {stream.feed.id} fell from "
        f"{words(before)} to {words(after)} at {when}"
    )
    if len(again):
        told += f" and was back at {clock(from_ms(over), campaign.zone)}: one wrong reading"
    else:
        told += (
            f"; {words(before - after)} less is booked as a correction, so totals are too low; no "
            "sales were lost. Ask the source why, then drop in a file with the right readings"
        )
    scope = {"feed": stream.feed.id}
    return episode("counter_reset", scope, stream.feed, at, at, over, told, now)


# --- corrections ----------------------------------------------------------------------------------


def _corrections(
    stream: Stream, moves: Moves, resets: list[Condition], campaign: Campaign, now: datetime
) -> list[Condition]:
    """GMV taken back within an hour, when it is enough to be asked about."""
    found = []
    leave = {to_ms(reset.due_at) for reset in resets}
    for one in taken_back(moves, "gmv", CORRECTION_SHARE, CORRECTION_SPAN // MS, leave):
        money = amount_words("gmv", one.amount, campaign.currency)
        told = (
            f"The source took back {money} of GMV since "
            f"{clock(from_ms(one.since_ms), campaign.zone)}: a correction, not a dip; totals "
            "include it, rules leave it out"
        )
        found.append(
            episode("correction", {}, stream.feed, one.since_ms, one.due_ms, one.over_ms, told, now)
        )
    return found
