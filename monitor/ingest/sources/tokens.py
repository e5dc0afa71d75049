"""Tokens of programs that push. The configuration keeps only their SHA-256.

A token is 256 random bits, so a plain hash is enough: there is no short list to try.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "sha256:"


def new_token() -> tuple[str, str]:
    """A token to give away once, and what to write into `tokens` of the feed's source."""
    token = secrets.token_urlsafe(32)
    return token, hashed(token)


def hashed(token: str) -> str:
    """`sha256:<64 hex digits>`."""
    return PREFIX + hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_one_of(token: str, known: Iterable[str]) -> bool:
    """Whether a token is one of these hashed ones. How long it takes tells nothing about which."""
    given = hashed(token)
    found = False
    for one in known:
        found |= hmac.compare_digest(given, one)
    return found
