"""Values made from the published picture, kept for all viewers until the next one.

Not `st.cache_resource`: that hashes its arguments on every call and keeps old generations; this is
one dictionary look-up, and what it holds goes when a new picture comes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from monitor.picture import Picture

T = TypeVar("T")


class Memo:
    """Remembers what was made from one picture. A race between two viewers costs a recount only."""

    def __init__(self) -> None:
        self._slot: tuple[Picture | None, dict[Hashable, Any]] = (None, {})

    def get(self, picture: Picture, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key` for `picture`, made at its first use."""
        of, values = self._slot
        if of is not picture:
            same = (
                of is not None
                and of.generation == picture.generation
                and of.campaigns is picture.campaigns
            )
            values = values if same else {}
            self._slot = (picture, values)
        if key not in values:
            values[key] = make()
        value: T = values[key]
        return value


memo = Memo()
