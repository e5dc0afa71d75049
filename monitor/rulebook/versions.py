"""Versions of the rules in the database: who saved what, and from which tick on it judged.

What a person saved wins over the file. A file that judged is kept as a version too, so that it is
known of every moment which rules judged it.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from monitor.clock import from_db, to_db
from monitor.errors import ConfigError, MonitorError
from monitor.rulebook.book import Rulebook, digest
from monitor.rulebook.read import parse
from monitor.rulebook.words import changes
from monitor.rulebook.write import render
from monitor.store import Store

log = logging.getLogger("monitor")
ALL = 1_000_000
LONGEST_NOTE = 500


class Changed(MonitorError):
    """Somebody saved rules in between."""

    def __init__(self, version: int, who: str, at: datetime) -> None:
        self.version, self.who, self.at = version, who, at
        super().__init__(
            f"the rules were changed by {who} at {at:%Y-%m-%d %H:%M} UTC (version {version}): "
            "nothing was saved; look at the new rules and make your change again"
        )


@dataclass(frozen=True)
class Version:
    """One version. `origin`: file or person. `since`: when it began to judge (None: not yet).

    `changes`: against the version before, in words; `trouble`: why it cannot be read any more.
    """

    version: int
    origin: str
    text: str
    file_digest: str
    who: str
    note: str
    at: datetime
    since: datetime | None = None
    changes: tuple[str, ...] = ()
    trouble: str = ""

    def book(self) -> Rulebook:
        """Its rules. Raises ConfigError when this release cannot read them."""
        book = _parsed(self.text, f"version {self.version} of the rules")
        return replace(book, version=self.version, who=self.who, at=self.at)


def current(store: Store, file: Rulebook) -> Rulebook:
    """What judges from the next tick on: what was saved last, else the file."""
    for row in store.rows("rules.saved"):
        version = _version(row)
        try:
            return version.book()
        except ConfigError as e:  # of another release: a tick must not fail of it
            log.warning("version %s of the rules is left out: %s", version.version, e)
    newest = _newest(store)
    if newest is not None and newest.origin == "file" and newest.file_digest == fingerprint(file):
        return replace(file, version=newest.version)
    return replace(file, version=0)


def take_effect(store: Store, file: Rulebook, now: datetime) -> Rulebook:
    """The rules that judge the tick of `now`, and its record. Call it in the tick's transaction."""
    book = current(store, file)
    if book.version == 0:
        number = _next(store)
        store.run("rules.keep", [number, "file", file.text, fingerprint(file), "", "", to_db(now)])
        book = replace(file, version=number)
    last = store.rows("rules.last_in_force")
    if not last or last[0][0] != book.version:
        store.run("rules.enforce", [book.version, to_db(now)])
    return book


def in_force(store: Store, at: datetime) -> tuple[Rulebook, datetime] | None:
    """The rules that judged at an instant and since when; None before the first tick.

    Raises ConfigError when this release cannot read them.
    """
    found = store.rows("rules.in_force", [to_db(at)])
    if not found:
        return None
    version, since = found[0]
    return _version(store.one("rules.version", [version])).book(), from_db(since)


def save(
    store: Store,
    file: Rulebook,
    text: str,
    who: str,
    note: str,
    now: datetime,
    expected_version: int,
) -> Rulebook:
    """Keep `text` as a new version; it judges from the next tick on. `expected_version`: the version
    of which the person who saves has made it.

    Raises ConfigError when the text is no rules, `Changed` when somebody saved in between, and
    MonitorError when nothing would change or nobody is named.
    """
    book = parse(text, "the rules")
    who, note = " ".join(who.split()), note.strip()[:LONGEST_NOTE]
    if not who:
        raise MonitorError("nobody is named: write your name, so that others know whom to ask")
    with store.transaction():
        newest = _newest(store)
        if newest is not None and newest.version != expected_version:
            recorded = newest.origin == "file" and newest.file_digest == fingerprint(file)
            if not (recorded and expected_version == 0):  # the file got its number in between
                raise Changed(newest.version, newest.who or "a new rules file", newest.at)
        if current(store, file).says_the_same(book):
            raise MonitorError("nothing would change: these rules are in force already")
        number = _next(store)
        kept = [number, "person", text, fingerprint(file), who, note, to_db(now)]
        store.run("rules.keep", kept)
    return replace(book, version=number, who=who, at=now)


def history(store: Store, limit: int = 50) -> tuple[Version, ...]:
    """The newest versions, newest first, each with what it changed."""
    rows = [_version(row) for row in store.rows("rules.versions", [min(limit + 1, ALL)])]
    told = [_told(v, rows[i + 1] if i + 1 < len(rows) else None) for i, v in enumerate(rows)]
    return tuple(told[:limit])


def version_of(store: Store, number: int) -> Version:
    """One version. Raises MonitorError when there is none."""
    rows = store.rows("rules.version", [number])
    if not rows:
        raise MonitorError(f"there is no version {number} of the rules; look at the list again")
    return _version(rows[0])


def file_changed(store: Store, file: Rulebook) -> bool:
    """Whether the file judges differently from when rules were saved last; False if none were."""
    saved = store.rows("rules.saved")
    return bool(saved) and _version(saved[0]).file_digest != fingerprint(file)


def fingerprint(book: Rulebook) -> str:
    """The same for two texts that judge alike, whatever their comments."""
    return digest(render(book.rules, book.severity))


def _told(version: Version, before: Version | None) -> Version:
    try:
        book = version.book()
    except ConfigError as e:
        return replace(version, trouble=str(e))
    if before is None:
        return version
    try:
        return replace(version, changes=changes(before.book(), book))
    except ConfigError:
        return version


def _newest(store: Store) -> Version | None:
    rows = store.rows("rules.newest")
    return _version(rows[0]) if rows else None


def _next(store: Store) -> int:
    newest = _newest(store)
    return 1 if newest is None else newest.version + 1


def _version(row: tuple[Any, ...]) -> Version:
    number, origin, text, file_digest, who, note, at, since = row
    return Version(
        int(number), origin, text, file_digest, who, note, from_db(at),
        None if since is None else from_db(since),
    )  # fmt: skip


@functools.lru_cache(maxsize=64)
def _parsed(text: str, where: str) -> Rulebook:
    return parse(text, where)
