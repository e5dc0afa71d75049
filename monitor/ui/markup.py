"""Small pieces of safe HTML. Every text that is not ours goes through `esc`."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode


def esc(text: object) -> str:
    """Text as HTML, safe inside elements and quoted attributes."""
    return html.escape(str(text), quote=True)


def name(text: object) -> str:
    """A name that people chose: escaped, and kept from turning the text around it."""
    return f"<bdi>{esc(text)}</bdi>"


def link(page: str, label: str, classes: str = "", **params: str | int) -> str:
    """A link to a page of the product; `label` is HTML. Relative, so a base path is fine.

    `data-soft` lets the shell change page without a reload; the address works without that too.
    """
    query = f"?{urlencode(params)}" if params else ""
    href = esc(f"{page}{query}")
    return f'<a class="{classes}" href="{href}" target="_self" data-soft>{label}</a>'


def chip(symbol: str, word: str, tone: str = "") -> str:
    """A small label: symbol and word, so that colour says nothing alone."""
    return f'<span class="m-chip {tone}"><i aria-hidden="true">{esc(symbol)}</i>{esc(word)}</span>'


def block(*parts: str, classes: str = "") -> str:
    """The outermost element of what a page writes at once."""
    return f'<div class="m {classes}">{"".join(parts)}</div>'


def banner(tone: str, title: str, text: str) -> str:
    """A strip across the page. `title` and `text` are plain text."""
    role = "alert" if tone in ("bad", "late") else "status"
    said = f"<b>{esc(title)}</b><span>{esc(text)}</span>"
    return f'<div class="m-banner {tone}" role="{role}">{said}</div>'


def empty(title: str, text: str = "") -> str:
    """What stands where there is nothing to show."""
    more = f"<span>{esc(text)}</span>" if text else ""
    return f'<div class="m-empty"><b>{esc(title)}</b>{more}</div>'


@dataclass(frozen=True)
class Head:
    """A column: its title, and classes (`num` right-aligned, `wide` hidden on phones)."""

    title: str
    classes: str = ""
    hint: str = ""


def table(heads: Sequence[Head], rows: Iterable[Sequence[str]], label: str) -> str:
    """A dense table of cells that are HTML already."""
    top = "".join(
        f'<th scope="col" class="{h.classes}" title="{esc(h.hint)}">{esc(h.title)}</th>'
        for h in heads
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{h.classes}">{cell}</td>' for h, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="m-scroll"><table class="m-table" aria-label="{esc(label)}">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def panel(title: str, body: str, aside: str = "", classes: str = "") -> str:
    """A titled card; `aside` stands at the right of the title. Both are HTML, `title` is text."""
    right = f'<span class="m-aside">{aside}</span>' if aside else ""
    return (
        f'<section class="m-panel {classes}"><header><h2>{esc(title)}</h2>{right}</header>'
        f"{body}</section>"
    )
