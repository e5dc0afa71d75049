"""Scopes: the campaign and every combination of dimensions that is judged, with their members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from monitor.detect.event import Bools, Floats, Ints
from monitor.detect.rule import COMBINATIONS, Combination

ASKED = COMBINATIONS.index(("creator_id",))  # judged as sharply as a creator


class Scopes:
    """All scopes that some members give, the campaign first; `extra` ones come last.

    `named`: the scopes as dicts. `kind`: (scopes,) index into COMBINATIONS. `size`: (scopes,) number
    of members. `entry`: members of all scopes one after the other, `starts` where each begins.
    """

    def __init__(
        self,
        dims: Mapping[str, Sequence[str]],
        members: int,
        extra: Sequence[Mapping[str, str]] = (),
    ) -> None:
        self.named: list[dict[str, str]] = []
        self.keys: list[tuple[tuple[str, str], ...]] = []
        kinds: list[int] = []
        entries: list[np.ndarray] = []
        for kind, combination in enumerate(COMBINATIONS):
            for values, who in _groups(combination, dims, members):
                self.named.append(dict(zip(combination, values, strict=True)))
                self.keys.append(tuple(zip(combination, values, strict=True)))
                kinds.append(kind)
                entries.append(who)
        self.extra = len(self.named)  # from here on: asked about, but judged by no rule
        for scope in extra:
            key = tuple(sorted(scope.items()))
            who = _having(key, dims, members)
            if key not in self.keys and len(who):
                self.named.append(dict(key))
                self.keys.append(key)
                kinds.append(ASKED)
                entries.append(who)
        self.kind: Ints = np.array(kinds, np.int64)
        self.size: Ints = np.array([len(e) for e in entries], np.int64)
        self.starts: Ints = np.concatenate([[0], np.cumsum(self.size)[:-1]]).astype(np.int64)
        self.entry: Ints = np.concatenate(entries) if entries else np.empty(0, np.int64)
        self.place = {key: i for i, key in enumerate(self.keys)}
        self._by_member = np.argsort(self.entry, kind="stable")
        self._member_starts = np.searchsorted(self.entry[self._by_member], np.arange(members))
        self.room = _rooms(dims, members)
        whose = np.repeat(np.arange(len(kinds)), self.size)
        order = np.lexsort((self.room[self.entry], whose)) if members else self.entry
        sorted_room, sorted_scope = self.room[self.entry][order], whose[order]
        new = np.r_[True, (np.diff(sorted_room) != 0) | (np.diff(sorted_scope) != 0)][: len(order)]
        self._by_room = self.entry[order]
        self._room_starts = np.flatnonzero(new)
        self._scope_starts = np.searchsorted(sorted_scope[self._room_starts], np.arange(len(kinds)))

    def __len__(self) -> int:
        return len(self.named)

    def members_of(self, row: int) -> Ints:
        """(size,) member numbers of one scope."""
        return self.entry[self.starts[row] : self.starts[row] + self.size[row]]

    def sums(self, values: Floats) -> Floats:
        """(…, members) → (…, scopes)."""
        return np.asarray(np.add.reduceat(values[..., self.entry], self.starts, axis=-1))

    def any_of(self, scopes: Bools) -> Bools:
        """(…, scopes) → (…, members) whether any scope of a member is marked."""
        marked = np.repeat(scopes, self.size, axis=-1)[..., self._by_member]
        return np.asarray(np.logical_or.reduceat(marked, self._member_starts, axis=-1))

    def largest_room(self, values: Floats) -> Floats:
        """(members,) → (scopes,) what the largest room in each scope has of it."""
        rooms = np.add.reduceat(values[self._by_room], self._room_starts)
        return np.asarray(np.maximum.reduceat(rooms, self._scope_starts))

    def row(self, scope: Mapping[str, str]) -> int | None:
        return self.place.get(tuple(sorted(scope.items())))


ROOM = ("channel", "creator_id", "shop_id", "live_id")


def _rooms(dims: Mapping[str, Sequence[str]], members: int) -> Ints:
    """(members,) number of each one's room: a creator's stream or shelf in one channel, whatever it
    sells. What opens and closes together is one room."""
    of = [dims[dim] for dim in ROOM if dim in dims]
    if not any(dim in dims for dim in ROOM[1:]):
        return np.arange(members)
    keys = list(zip(*of, strict=True))
    number = {key: i for i, key in enumerate(sorted(set(keys)))}
    return np.array([number[key] for key in keys], np.int64)


def _having(
    key: tuple[tuple[str, str], ...], dims: Mapping[str, Sequence[str]], members: int
) -> np.ndarray:
    found = np.ones(members, bool)
    for dim, value in key:
        found &= np.array([v == value for v in dims.get(dim, ("",) * members)], bool)
    return np.flatnonzero(found)


def _groups(
    combination: Combination, dims: Mapping[str, Sequence[str]], members: int
) -> list[tuple[tuple[str, ...], np.ndarray]]:
    if not combination:
        return [((), np.arange(members))] if members else []
    if any(dim not in dims for dim in combination):
        return []
    found: dict[tuple[str, ...], list[int]] = {}
    for member, values in enumerate(zip(*(dims[dim] for dim in combination), strict=True)):
        if all(values):
            found.setdefault(values, []).append(member)
    return [(values, np.array(found[values], np.int64)) for values in sorted(found)]
