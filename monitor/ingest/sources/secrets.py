"""Secrets: the configuration names where one is kept, and it is read at the moment of use.

`env:NAME` is a variable of the environment, `file:PATH` the first line of a file. What is read is
never logged, shown or put into an error.
"""

from __future__ import annotations

import os
from pathlib import Path

from monitor.ingest.sources.base import SourceTrouble


def is_kept(text: object) -> bool:
    """Whether a setting names where its value is kept."""
    return isinstance(text, str) and text.startswith(("env:", "file:"))


def resolved(text: str, home: Path, key: str) -> str:
    """The value of a setting that may name where it is kept; `home` is where relative paths begin.

    Raises SourceTrouble that names `key` and the place.
    """
    kind, _, where = text.partition(":")
    if kind == "env":
        value = os.environ.get(where, "").strip()
        if not value:
            raise SourceTrouble(
                f"{key}: the environment variable {where} is not set; set it and start again",
                permanent=True,
            )
        return value
    if kind == "file":
        try:
            value = (home / where).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as e:
            why = e.strerror if isinstance(e, OSError) else "not UTF-8 text"
            raise SourceTrouble(
                f"{key}: the file {where} cannot be read ({why}); put the secret there",
                permanent=True,
            ) from None
        if not value:
            raise SourceTrouble(
                f"{key}: the file {where} is empty; put the secret there", permanent=True
            )
        return value.splitlines()[0].strip()
    return text


def without(text: str, secrets: frozenset[str]) -> str:
    """A text with every secret in it blotted out."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, "…")
    return text
