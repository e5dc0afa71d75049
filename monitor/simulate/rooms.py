"""Live rooms: who is on air when. A room that closes takes its sales along; nothing is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.simulate.cast import Creator

Floats = NDArray[np.float64]

REPLAY_SHARE = 0.02
"""What a closed room still gets (replays, pinned products)."""

SLOTS = (
    # usual start, spread of it, shortest and longest duration (minutes), chance
    (4, 6, 50, 120, 0.40),
    (575, 50, 60, 150, 0.20),
    (700, 50, 70, 160, 0.45),
    (930, 50, 60, 150, 0.25),
    (1165, 45, 110, 220, 0.85),
    (1365, 20, 60, 75, 0.50),
)


@dataclass(frozen=True)
class LiveRoom:
    """One creator on air for [start_min, end_min) since the event's start."""

    creator_id: str
    start_min: int
    end_min: int
    strength: float = 1.0
    planned: bool = False

    def overlaps(self, other: LiveRoom) -> bool:
        return self.start_min < other.end_min and other.start_min < self.end_min


def schedule(
    creators: Sequence[Creator], shows: Sequence[LiveRoom], rng: np.random.Generator
) -> tuple[LiveRoom, ...]:
    """The planned shows plus unplanned rooms of everybody who goes live, this day's own."""
    planned: dict[str, list[LiveRoom]] = {}
    for show in shows:
        planned.setdefault(show.creator_id, []).append(show)
    draws = rng.random((len(creators), len(SLOTS), 4))
    rooms = list(shows)
    for i, creator in enumerate(creators):
        if not creator.goes_live:
            continue
        own = list(planned.get(creator.id, []))
        for slot, (usual, spread, shortest, longest, chance) in enumerate(SLOTS):
            turn, when, length, strength = draws[i, slot]
            certain = slot == len(SLOTS) - 2 and not own
            if turn >= chance and not certain:
                continue
            start = max(0, round(usual + spread * (2 * when - 1)))
            end = min(1440, start + round(shortest + (longest - shortest) * length))
            room = LiveRoom(creator.id, start, end, 0.75 + 0.5 * float(strength))
            if not any(room.overlaps(other) for other in own):
                own.append(room)
                rooms.append(room)
    return tuple(rooms)


@dataclass(frozen=True, eq=False)
class OnAir:
    """The rooms as arrays, to ask for all creators at once how much is on air in a step."""

    creator: NDArray[np.intp]
    start_min: Floats
    end_min: Floats
    strength: Floats
    creators: int

    @classmethod
    def of(cls, rooms: Sequence[LiveRoom], creators: Sequence[Creator]) -> OnAir:
        place = {creator.id: i for i, creator in enumerate(creators)}
        return cls(
            creator=np.array([place[r.creator_id] for r in rooms], dtype=np.intp),
            start_min=np.array([r.start_min for r in rooms], dtype=float),
            end_min=np.array([r.end_min for r in rooms], dtype=float),
            strength=np.array([r.strength for r in rooms], dtype=float),
            creators=len(creators),
        )

    def during(self, start_min: float, end_min: float) -> Floats:
        """Per creator the share of full traffic between two minutes; a room fills in 20 minutes."""
        overlap = np.minimum(self.end_min, end_min) - np.maximum(self.start_min, start_min)
        share = np.clip(overlap, 0, None) / (end_min - start_min)
        age_min = (start_min + end_min) / 2 - self.start_min
        filling = 0.5 + 0.5 * np.clip(age_min / 20, 0, 1)
        amount: Floats = self.strength * share * filling
        on_air: Floats = np.full(self.creators, REPLAY_SHARE)
        np.add.at(on_air, self.creator, amount)
        return on_air
