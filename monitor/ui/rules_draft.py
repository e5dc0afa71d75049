"""The draft of the Rules page: rules that a viewer has changed and not saved yet.

It lies in the viewer's session; nothing here draws.
"""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from monitor.detect.rule import Rule
from monitor.errors import ConfigError
from monitor.rulebook import Rulebook, Severities, parse, render
from monitor.rulebook.words import changes

KEY = "rules_draft"


@dataclass
class Draft:
    """`base`: the rulebook that it was made of. `revision` grows when it is replaced as a whole.

    `typed`: the text as a person wrote it, with its comments, while nothing else was changed.
    """

    base: Rulebook
    book: Rulebook
    typed: str | None = None
    revision: int = 0
    open: str | None = None  # the rule whose form is open
    wrong: str = ""  # why the last change of a form was not taken over
    said: str = ""  # what went wrong at the last press
    done: str = ""  # what was saved last
    note: str = ""  # proposed, for what was taken whole
    trial: str | None = None
    owner: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    def of(cls, book: Rulebook) -> Draft:
        return cls(book, book)

    @property
    def text(self) -> str:
        """What saving would keep."""
        return self.typed if self.typed is not None else render(self.book.rules, self.book.severity)

    @property
    def changes(self) -> tuple[str, ...]:
        return changes(self.base, self.book)

    def put(self, rule: Rule) -> bool:
        """Take a changed rule, if it can be; says whether it could, and why not in `wrong`."""
        rules = tuple(rule if r.name == rule.name else r for r in self.book.rules)
        return self._form(render(rules, self.book.severity))

    def severe(self, severity: Severities) -> bool:
        """Take other severities; as `put`."""
        return self._form(render(self.book.rules, severity))

    def _form(self, text: str) -> bool:
        taken = self.take(text, typed=False)
        self.wrong, self.said = self.said, ""
        return taken

    def take(self, text: str, *, typed: bool = True) -> bool:
        """Take a whole text, if it can be; `typed`: keep it as it is."""
        self.wrong = self.said = self.done = ""
        try:
            book = parse(text, "not taken over")
        except ConfigError as e:
            self.said = str(e)
            return False
        self.book = replace(self.base, rules=book.rules, severity=book.severity)
        self.typed = text if typed else None
        if typed:
            self.revision += 1
        return True

    def reset(self, book: Rulebook) -> None:
        """Begin anew from `book`."""
        self.base = self.book = book
        self.typed, self.wrong, self.said, self.done, self.note = None, "", "", "", ""
        self.trial, self.open = None, None
        self.revision += 1

    def follow(self, book: Rulebook) -> bool:
        """Go on from the rules that stand now. False when others saved and this draft has changes."""
        if book.version == self.base.version:
            return True
        if self.base.says_the_same(book):
            self.base = book
            return True
        if not self.changes:
            done = self.done
            self.reset(book)
            self.done = done
            return True
        return False

    def rebase(self, book: Rulebook) -> tuple[str, ...]:
        """Put the changed rules onto `book`; names those that were changed there as well."""
        before = {rule.name: rule for rule in self.base.rules}
        theirs = {rule.name: rule for rule in book.rules}
        mine = {rule.name: rule for rule in self.book.rules}
        changed = {n for n in {*before, *mine} if before.get(n) != mine.get(n)}
        both = tuple(
            sorted(
                n
                for n in changed
                if before.get(n) != theirs.get(n) and theirs.get(n) != mine.get(n)
            )
        )
        names = [*theirs, *(n for n in mine if n not in theirs)]
        chosen = [mine.get(n) if n in changed else theirs.get(n) for n in names]
        severity = book.severity if self.book.severity == self.base.severity else self.book.severity
        rules = tuple(rule for rule in chosen if rule is not None)
        self.base = book
        self.take(render(rules, severity), typed=False)
        self.revision += 1
        return both


def draft_of(state: MutableMapping[Any, Any], book: Rulebook) -> Draft:
    """The viewer's draft, made at the first visit."""
    if KEY not in state:
        state[KEY] = Draft.of(book)
    draft: Draft = state[KEY]
    return draft
