"""The signal machine: what the evaluator believes of one rule and scope. Pure; event time only.

| state      | breach                       | band   | clear                        | hold  |
| normal     | pending, or firing at once   | stays  | stays                        | stays |
| pending    | firing once `for` is served  | normal | normal                       | stays |
| firing     | stays                        | stays  | recovering                   | stays |
| recovering | firing                       | firing | normal once `keep` is served | stays |

*band* lies between the recovery and the alert threshold (hysteresis). *hold* is a bucket that could
not be judged: neither a breach nor a recovery, and the clocks stand still.
A bucket at or before the last judged changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never


class State(StrEnum):
    NORMAL = "normal"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


class Outcome(StrEnum):
    BREACH = "breach"
    BAND = "band"
    CLEAR = "clear"
    HOLD = "hold"


class Event(StrEnum):
    FIRE = "fire"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Signal:
    """`since_ms`: start of the first bucket of the breach. `served_ms`: judged time in this state."""

    state: State = State.NORMAL
    episode: int = 0
    judged_to_ms: int = 0
    since_ms: int | None = None
    served_ms: int = 0
    hold: str | None = None


def advance(
    signal: Signal,
    outcome: Outcome,
    start_ms: int,
    end_ms: int,
    *,
    for_ms: int,
    keep_ms: int,
    why: str | None = None,
) -> tuple[Signal, Event | None]:
    """Take the bucket [start, end). `why` names a hold. Gives the new signal and what happened."""
    if end_ms <= signal.judged_to_ms:
        return signal, None
    if outcome is Outcome.HOLD:
        return replace(signal, hold=why), None
    span = end_ms - start_ms
    signal = replace(signal, judged_to_ms=end_ms, hold=None)
    match signal.state:
        case State.NORMAL:
            if outcome is not Outcome.BREACH:
                return signal, None
            return _wait(replace(signal, state=State.PENDING, since_ms=start_ms), span, for_ms)
        case State.PENDING:
            if outcome is not Outcome.BREACH:
                return replace(signal, state=State.NORMAL, since_ms=None, served_ms=0), None
            return _wait(signal, signal.served_ms + span, for_ms)
        case State.FIRING:
            if outcome is not Outcome.CLEAR:
                return signal, None
            return _recover(replace(signal, state=State.RECOVERING), span, keep_ms)
        case State.RECOVERING:
            if outcome is not Outcome.CLEAR:
                return replace(signal, state=State.FIRING, served_ms=0), None
            return _recover(signal, signal.served_ms + span, keep_ms)
        case _ as never:
            assert_never(never)


def _wait(signal: Signal, served_ms: int, for_ms: int) -> tuple[Signal, Event | None]:
    if served_ms < for_ms:
        return replace(signal, served_ms=served_ms), None
    fired = replace(signal, state=State.FIRING, served_ms=0, episode=signal.episode + 1)
    return fired, Event.FIRE


def _recover(signal: Signal, served_ms: int, keep_ms: int) -> tuple[Signal, Event | None]:
    if served_ms < keep_ms:
        return replace(signal, served_ms=served_ms), None
    return replace(signal, state=State.NORMAL, since_ms=None, served_ms=0), Event.RESOLVE
