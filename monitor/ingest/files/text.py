"""Bytes into text: UTF-8, UTF-16 by its mark, or an encoding that is given."""

from __future__ import annotations

import codecs

from monitor.errors import FileRefused

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class NotUtf8(FileRefused):
    """Text in an encoding that the file does not tell. It may be opened again with one given."""


def decoded(content: bytes, encoding: str | None = None) -> str:
    """The text, without its mark. A mark says more than `encoding`."""
    for mark, marked in MARKS:
        if content.startswith(mark):
            try:
                return content[len(mark) :].decode(marked)
            except UnicodeDecodeError as e:
                raise FileRefused(
                    f"damaged {marked.upper()} text (byte {e.start + len(mark)}): "
                    f"save the file as CSV UTF-8, or export it again"
                ) from e
    try:
        return content.decode(encoding or "utf-8")
    except UnicodeDecodeError as e:
        if encoding:
            raise FileRefused(
                f"not {encoding} text (byte {e.start}): save the file as CSV UTF-8"
            ) from e
        raise NotUtf8(
            f"not UTF-8 text (byte {e.start}): save the file as CSV UTF-8, Parquet or JSON Lines"
        ) from e
    except LookupError as e:
        raise FileRefused(f"unknown encoding {encoding!r}: save the file as CSV UTF-8") from e
