"""The signature that TikTok Shop's open API wants on every request."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

UNSIGNED = frozenset({"sign", "access_token"})


def tiktok_sign(secret: str, path: str, params: Mapping[str, str], body: bytes = b"") -> str:
    """64 hex digits over path, sorted parameters and the exact bytes of the body that is sent.

    `path` begins with / and has neither host nor query; `params` are as sent, before encoding, the
    `timestamp` (10 digits, within five minutes of theirs) and `app_key` among them.
    """
    named = "".join(f"{key}{params[key]}" for key in sorted(params) if key not in UNSIGNED)
    wrapped = b"".join([secret.encode(), path.encode(), named.encode(), body, secret.encode()])
    return hmac.new(secret.encode(), wrapped, hashlib.sha256).hexdigest()
