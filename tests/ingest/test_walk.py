"""Many snapshots at once against the chain of single steps: the same, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.campaigns.words import METRICS
from monitor.clock import to_ms
from monitor.ingest.counters import NONE, WIDTH, Ints, Meaning, Parts, State
from monitor.ingest.walk import Walked, walk
from tests.conftest import settings_for
from tests.ingest import stepwise

SPANS = (
    ("2026-11-11T00:00:00+08:00", "2026-11-12T00:00:00+08:00"),
    ("2026-11-11T22:03:00+08:00", "2026-11-12T02:01:30+08:00"),
    ("2026-11-11T00:00:00+08:00", "2026-11-13T00:00:00+08:00"),
)
COUNTERS = ("cumulative_day", "cumulative_campaign", "interval")
GROUPS = np.array([0, 1, 0, 2, 1])
VALUES = st.one_of(
    st.just(int(NONE)),
    st.sampled_from([0, 0, 1, 700]),
    st.integers(0, 10_000),
    st.integers(0, 10**15),
)


@dataclass(frozen=True)
class Read:
    """Snapshots of a stream: instants, rows in each, and what the rows say."""

    meaning: Meaning
    instants: Ints
    lengths: Ints
    keys: Ints
    values: Ints


@st.composite
def reads(draw: st.DrawFn) -> Read:
    counter, span = draw(st.sampled_from(COUNTERS)), draw(st.sampled_from(SPANS))
    settings = settings_for(counter=counter, start=span[0], end=span[1])
    campaign = settings.campaign[0]
    meaning = Meaning.of(settings.feed[0], campaign, settings.monitor.bucket)
    midnight = to_ms(campaign.start) // 86_400_000 * 86_400_000 - 8 * 3_600_000
    near = st.builds(
        lambda day, s: midnight + day * 86_400_000 + s * 1000,
        st.integers(0, 2),
        st.one_of(st.sampled_from([-60, 0, 1, 300, 303, 600]), st.integers(-90_000, 90_000)),
    )
    months = draw(st.sampled_from([0, 0, 0, 40 * 86_400_000]))  # longer than int64 can multiply
    instants = sorted(draw(st.lists(near, min_size=1, max_size=9, unique=True)))
    instants[0] -= months
    rows = [
        sorted(draw(st.lists(st.integers(0, len(GROUPS) - 1), max_size=5, unique=True)) or [0])
        for _ in instants
    ]
    keys = [key for some in rows for key in some]
    cells = [[draw(VALUES) for _ in range(3)] + [int(NONE)] * (WIDTH - 3) for _ in keys]
    return Read(
        meaning,
        np.array(instants, np.int64),
        np.array([len(some) for some in rows]),
        np.array(keys, np.int64),
        np.array(cells, np.int64).reshape(-1, WIDTH),
    )


Told = dict[str, list[tuple[int, ...]]]


def chain(read: Read, before: int | None, state: State) -> tuple[State, Told]:
    """One step after the other."""
    told: Told = {"parts": [], "falls": [], "missing": []}
    low = 0
    for t, length in zip(read.instants.tolist(), read.lengths.tolist(), strict=True):
        rows = slice(low, low + length)
        low += length
        stepped = stepwise.step(state, before, t, read.keys[rows], read.values[rows], read.meaning)
        state, before = stepped.state, t
        told["parts"] += listed(stepped.parts)
        told["falls"] += [
            (c.bucket_ms, c.observed_ms, c.key, METRICS.index(c.metric), c.amount)
            for c in stepped.corrections
        ]
        usual = np.where(stepped.missing_usual == NONE, 0, stepped.missing_usual)
        for group in range(int(GROUPS.max()) + 1):
            mine = GROUPS[stepped.missing] == group
            if mine.any():
                sums = tuple(usual[mine].sum(axis=0).tolist())
                told["missing"].append((t, group, int(mine.sum()), *sums))
    return state, {name: sorted(rows) for name, rows in told.items()}


def listed(parts: Parts) -> list[tuple[int, ...]]:
    head = zip(
        parts.bucket_ms.tolist(), parts.observed_ms.tolist(), parts.keys.tolist(), strict=True
    )
    return [(*h, *amount) for h, amount in zip(head, parts.amount.tolist(), strict=True)]


def walked(read: Read, before: int | None, state: State) -> tuple[State, Told]:
    found: Walked = walk(
        state, before, read.instants, read.lengths, read.keys, read.values, GROUPS, read.meaning
    )
    falls = (found.falls.bucket_ms, found.falls.observed_ms, found.falls.keys)
    columns = [c.tolist() for c in (*falls, found.falls.metric, found.falls.amount)]
    missing = [
        (int(read.instants[s]), int(g), int(found.lacks[s, g]), *found.missing[s, g].tolist())
        for s, g in zip(*np.nonzero(found.lacks), strict=True)
    ]
    told = {
        "parts": sorted(listed(found.parts)),
        "falls": sorted(zip(*columns, strict=True)),
        "missing": sorted(missing),
    }
    return found.state, told


def assert_same(one: State, other: State) -> None:
    one, other = one.told(), other.told()
    for name in ("keys", "day", "value", "at", "total"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name


@given(reads(), st.integers(0, 9))
def test_a_walk_is_the_chain_of_its_steps(read: Read, cut: int):
    """At once, and in two walks of which the second starts from what the first left."""
    state, told = chain(read, None, State.empty())
    whole, at_once = walked(read, None, State.empty())
    assert at_once == told
    assert_same(whole, state)
    cut = min(cut, len(read.instants))
    rows = int(read.lengths[:cut].sum())
    begun, before = State.empty(), None
    both: Told = {name: [] for name in told}
    for some in (slice(None, cut), slice(cut, None)):
        mine = slice(None, rows) if some.start is None else slice(rows, None)
        part = Read(
            read.meaning,
            read.instants[some],
            read.lengths[some],
            read.keys[mine],
            read.values[mine],
        )
        if len(part.instants):
            begun, more = walked(part, before, begun)
            begun, before = begun.told(), int(part.instants[-1])
            both = {name: sorted(both[name] + more[name]) for name in both}
    assert both == told
    assert_same(begun, state)


@pytest.mark.parametrize("counter", COUNTERS)
def test_a_dense_day_is_the_chain_of_its_steps(counter: str):
    """Many keys that grow, come and go, fall and have blanks, over a day and a bit."""
    chance = np.random.default_rng(11)
    settings = settings_for(counter=counter, end="2026-11-12T06:00:00+08:00")
    meaning = Meaning.of(settings.feed[0], settings.campaign[0], settings.monitor.bucket)
    instants = meaning.start_ms + np.arange(1, 330, dtype=np.int64) * 300_000 + 7_000
    keys, lengths, values = [], [], []
    sums = np.zeros((len(GROUPS), WIDTH), np.int64)
    for _ in instants:
        sums += chance.integers(-3, 5_000, sums.shape)
        here = np.flatnonzero(chance.random(len(GROUPS)) < 0.9)
        here = here if len(here) else np.array([0])
        said = np.where(chance.random((len(here), WIDTH)) < 0.1, NONE, np.maximum(sums[here], 0))
        keys.append(here)
        values.append(said)
        lengths.append(len(here))
    read = Read(meaning, instants, np.array(lengths), np.concatenate(keys), np.concatenate(values))
    state, told = chain(read, None, State.empty())
    found, at_once = walked(read, None, State.empty())
    assert at_once == told
    assert_same(found, state)
