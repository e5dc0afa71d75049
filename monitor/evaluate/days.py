"""Evaluation set B: event days with dips that were put there, and quiet ones with nothing wrong.

Two independent families: `project` is the product's own simulator, `other` shares nothing with it.
Seeds below 100 are for tuning; TEST_SEEDS and above were frozen for the figures that are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from monitor.detect.event import Event
from monitor.evaluate import other, project
from monitor.evaluate.case import Case, Day, Dip
from monitor.evaluate.inject import bridged, broken, choose

__all__ = ["FAMILIES", "TEST_SEEDS", "TUNING_SEEDS", "Case", "Dip", "case", "cases", "days_of"]

TUNING_SEEDS = range(1, 100)
TEST_SEEDS = 1000
GAP_CHANCE, GAP_BUCKETS = 0.15, (1, 4)
FAMILIES: dict[str, Callable[[int], tuple[Day, tuple[Event, ...]]]] = {
    "project": project.day_and_pasts,
    "other": other.day_and_pasts,
}


def cases(
    generator: str, seeds: Iterable[int], cold: bool = False, quiet_share: float = 0.3
) -> Iterator[Case]:
    """One case a seed and family. `generator`: a family's name, or `both`."""
    families = tuple(FAMILIES) if generator == "both" else (generator,)
    for seed in seeds:
        for family in families:
            yield case(family, seed, cold, quiet_share)


def days_of(family: str, seed: int) -> int:
    """How many days the event of a seed lasts."""
    return other.days_of(seed) if family == "other" else 1


def case(family: str, seed: int, cold: bool = False, quiet_share: float = 0.3) -> Case:
    """The case of a seed: always the same, and the same event whether cold or not."""
    day, pasts = FAMILIES[family](seed)
    rng = np.random.default_rng([seed, 7001, list(FAMILIES).index(family)])
    quiet = bool(rng.random() < quiet_share)
    chosen = choose(day, rng)
    dips = () if quiet else tuple(chosen.dips)
    event = broken(day.event, dips, rng) if dips else day.event
    gap = _gap(event, dips, rng)
    return Case(
        name=f"{family}-{seed}" + ("-cold" if cold else ""),
        event=bridged(event, *gap) if gap else event,
        pasts=() if cold else pasts,
        dips=dips,
        healthy=day.event,
        quiet=quiet,
        history=not cold,
        drawn=tuple(chosen.drawn),
    )


def _gap(event: Event, dips: Sequence[Dip], rng: np.random.Generator) -> tuple[int, int] | None:
    """Now and then the feed is silent for a few buckets, half-open; away from all dips."""
    if rng.random() >= GAP_CHANCE:
        return None
    lasts = int(rng.integers(GAP_BUCKETS[0], GAP_BUCKETS[1] + 1))
    first = int(rng.integers(12, event.buckets - 12))
    size, away = event.bucket_min, 60
    near = any(
        first * size < d.end_min + away and d.first_min - away < (first + lasts) * size
        for d in dips
    )
    return None if near else (first, first + lasts)
