"""Live rooms of the second family: they open and close when their hosts like, mostly unplanned.

Many begin on the full or half hour, the rest at any minute. A room fades in and out, its strength
drifts, and some take a break. Closed rooms still sell a little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.detect.event import Floats
from monitor.evaluate.tides import DAY_MIN, KNOT_HOURS, ORDINARY

ON_THE_HOUR = 0.6
BREAK_CHANCE = 0.2
DRIFT_SD, DRIFT_MIN = 0.10, 20  # of log strength, per knot, and minutes between knots
KEEP = 0.85  # correlation of a room's strength from knot to knot


@dataclass(frozen=True)
class Room:
    """One host on air for [start_min, end_min) since the event's start."""

    host: int
    start_min: int
    end_min: int
    planned: bool = False


@dataclass(frozen=True)
class Show:
    """A planned show, in minutes since its day's midnight; every edition moves it a little."""

    host: int
    start_min: int
    lasts_min: int


def rooms_of(
    hosts: Floats, shows: tuple[Show, ...], days: int, rng: np.random.Generator
) -> list[Room]:
    """All rooms of an event. `hosts`: (creators,) usual rooms a day, 0 for who never goes live.

    Rooms of one host do not overlap; a planned show comes first. Real shows begin up to 5 minutes
    late and end up to 10 early or late, whatever the plan says.
    """
    taken: dict[int, list[Room]] = {}
    for date in range(days):
        for show in shows:
            start = date * DAY_MIN + show.start_min + int(rng.integers(0, 6))
            end = date * DAY_MIN + show.start_min + show.lasts_min + int(rng.integers(-10, 11))
            room = Room(show.host, start, min(end, days * DAY_MIN), planned=True)
            taken.setdefault(show.host, []).append(room)
        for host in np.flatnonzero(hosts):
            for _ in range(int(rng.poisson(hosts[host]))):
                start = date * DAY_MIN + _start(rng)
                lasts = int(np.clip(rng.lognormal(np.log(100), 0.6), 20, 480))
                room = Room(int(host), start, min(start + lasts, days * DAY_MIN))
                others = taken.setdefault(int(host), [])
                apart = all(
                    room.end_min + 10 < o.start_min or o.end_min + 10 < room.start_min
                    for o in others
                )
                if apart and room.end_min - room.start_min >= 20:
                    others.append(room)
    return [room for host in sorted(taken) for room in taken[host]]


def on_air(rooms: list[Room], creators: int, minutes: int, rng: np.random.Generator) -> Floats:
    """(creators, minutes) share of a full room's traffic."""
    air = np.full((creators, minutes), 0.0)
    air += rng.uniform(0.02, 0.07, creators)[:, None]
    at = np.arange(minutes) + 0.5
    for room in rooms:
        fade_in, fade_out = rng.uniform(0.5, 15, 2)
        window = slice(max(room.start_min, 0), min(room.end_min + 15, minutes))
        t = at[window]
        filling = np.clip((t - room.start_min) / fade_in, 0, 1)
        leaving = np.clip(1 - (t - room.end_min) / fade_out, 0, 1)
        strength = rng.lognormal(0, 0.25) * _drift(len(t), rng)
        if rng.random() < BREAK_CHANCE and room.end_min - room.start_min > 60:
            pause = int(rng.integers(room.start_min + 20, room.end_min - 20))
            strength = np.where((t > pause) & (t < pause + rng.integers(3, 16)), 0.1, strength)
        air[room.host, window] += filling * leaving * strength
    return air


def _start(rng: np.random.Generator) -> int:
    """A minute of the day: hosts go live when people are there."""
    hour = float(rng.uniform(0, 24))
    while rng.random() > np.interp(hour, KNOT_HOURS, ORDINARY) / ORDINARY.max():
        hour = float(rng.uniform(0, 24))
    if rng.random() < ON_THE_HOUR:
        return min(round(hour * 2) * 30 + int(rng.integers(0, 4)), DAY_MIN - 1)
    return int(hour * 60)


def _drift(minutes: int, rng: np.random.Generator) -> Floats:
    knots = np.arange(0, minutes + DRIFT_MIN, DRIFT_MIN)
    log = np.zeros(len(knots))
    for i, step in enumerate(rng.normal(0, DRIFT_SD, len(knots) - 1), start=1):
        log[i] = KEEP * log[i - 1] + step
    drift: Floats = np.exp(np.interp(np.arange(minutes) + 0.5, knots, log))
    return drift
