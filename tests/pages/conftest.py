"""Opens pages on a hand-built picture, at a fixed time."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from monitor.clock import Clock
from monitor.picture import Picture
from monitor.ui import live
from tests.pages import pictures

SHELL = Path(__file__).parents[2] / "pages" / "shell.py"


@dataclass(frozen=True)
class StoppedClock:
    at: datetime
    speed: float = 1.0

    def now(self) -> datetime:
        return self.at


@dataclass
class FakeRuntime:
    picture: Picture | None
    clock: Clock


class Page:
    """A page as a viewer has it: its text, its raw HTML, its widgets."""

    def __init__(self, at: AppTest) -> None:
        self.at = at

    @property
    def raw(self) -> str:
        """What the page wrote as HTML, without the style sheet and the script of the shell."""
        return "\n".join(
            h.value for h in self.at.html if not h.value.startswith(("<style", "<script"))
        )

    @property
    def text(self) -> str:
        """What can be read on it, white space made single."""
        plain = html.unescape(re.sub(r"<[^>]+>", " ", self.raw)).replace("\u00a0", " ")
        return re.sub(r"\s+", " ", plain)

    @property
    def charts(self) -> int:
        return len(self.at.get("vega_lite_chart"))


Opener = Callable[..., Page]


@pytest.fixture
def open_page() -> Iterator[Opener]:
    """Opens a page by its file name, with a picture, a time and URL parameters."""

    def opener(
        page: str,
        picture: Picture | None,
        now: datetime = pictures.NOW,
        **params: str,
    ) -> Page:
        live.set_live(FakeRuntime(picture, StoppedClock(now)))
        at = AppTest.from_file(str(SHELL), default_timeout=30)
        if page != "live.py":
            at.run()
            at.switch_page(page)
        for name, value in params.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, at.exception
        return Page(at)

    yield opener
    live.set_live(None)
