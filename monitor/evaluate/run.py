"""Our detector over a whole event, with the signals that the product has: what it would have said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from monitor.alerts.book import TOLD_TWICE
from monitor.alerts.signal import Event as Fired
from monitor.alerts.signal import Outcome, Signal, State, advance
from monitor.detect.detector import BAND, BREACHED, NORMAL, Detector
from monitor.detect.event import Event
from monitor.detect.growth import learn
from monitor.detect.rule import Rule
from monitor.detect.shipped import SHIPPED
from monitor.evaluate.alarm import Alarm

REASONS = {"dip": "real_drop", "flatline": "real_drop", "surge": "opportunity"}
OUTCOMES = {NORMAL: Outcome.CLEAR, BAND: Outcome.BAND, BREACHED: Outcome.BREACH}


def alarms(
    event: Event, pasts: Sequence[Event], rules: Sequence[Rule] | None = None
) -> list[Alarm]:
    """Every firing, in order; a rule's narrower scope is covered while a wider one fires."""
    growth = learn(pasts, event.plans, event.buckets)
    detector = Detector(event, growth, SHIPPED if rules is None else rules)
    ms = round(event.bucket_min * 60_000)
    signals: dict[tuple[int, int], Signal] = {}
    running: dict[tuple[int, int], int] = {}
    found: list[Alarm] = []
    for b in range(event.buckets):
        step = detector.step()
        busy = {(r, s) for r, s in zip(*np.nonzero(step.state == BREACHED), strict=True)}
        for key in sorted(busy | set(signals)):
            r, s = int(key[0]), int(key[1])
            rule = detector.rules[r]
            outcome = OUTCOMES.get(int(step.state[r, s]), Outcome.HOLD)
            before = signals.get((r, s), Signal(judged_to_ms=b * ms))
            signal, event_ = advance(
                before, outcome, b * ms, (b + 1) * ms,
                for_ms=round(rule.for_.total_seconds() * 1000),
                keep_ms=round(rule.keep.total_seconds() * 1000),
            )  # fmt: skip
            signals[r, s] = signal
            if event_ is Fired.FIRE:
                first = (signal.since_ms or 0) // ms
                due, seen = detector.figures.due[r, s], detector.figures.seen[r, s]
                scope = detector.scopes.named[s]
                covered = any(
                    (q == r and detector.scopes.named[t].items() < scope.items())
                    or (t == s and (detector.rules[q].measure, rule.measure) in TOLD_TWICE)
                    for q, t in running
                )
                running[r, s] = len(found)
                fall = float(1 - seen / due) if due > 0 else 0.0
                found.append(
                    Alarm(rule.name, rule.measure, dict(scope), first, b, None, REASONS[rule.kind],
                          covered, fall)
                )  # fmt: skip
            if (r, s) in running and step.gone[r, s] and signal.state is not State.NORMAL:
                i = running[r, s]
                found[i] = replace(found[i], reason="expected")
            if event_ is Fired.RESOLVE and (r, s) in running:
                i = running.pop((r, s))
                found[i] = replace(found[i], ended=b)
            if signals[r, s].state is State.NORMAL:
                del signals[r, s]
    return found
