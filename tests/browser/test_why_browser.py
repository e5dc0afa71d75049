"""The Why page in a real browser: links, the keyboard, the search, a phone, hostile names."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.conftest import PATIENCE_MS
from tests.product import ROOT, clean_environment, eventually, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.xdist_group("why_page")
QUERY = "campaign=my-1111-2026&scope=channel%3Dlive&at=2026-11-11T12:20:00Z"


@pytest.fixture(scope="module")
def address(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages on a picture in memory, in a process of their own."""
    port = free_port()
    log = tmp_path_factory.mktemp("why") / "served.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.why_app", str(port)],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: "You can now view" in log.read_text(), "the pages are served")
        yield f"http://localhost:{port}"
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    page.goto(f"{address}/why?{QUERY}")
    page.wait_for_selector(".m-answer")
    return page


def answer(page: Page) -> str:
    return re.sub(r"\s+", " ", page.inner_text(".m-answer").replace("\xa0", " "))


def sees(page: Page, text: str) -> None:
    eventually(lambda: page.locator(".m-answer").count() and text in answer(page), f"{text!r}")


def asked(page: Page, name: str) -> str:
    return "".join(parse_qs(urlsplit(page.url).query).get(name, []))


def test_a_first_answer_is_waited_for_in_words(page: Page, address: str) -> None:
    page.goto(f"{address}/why?{QUERY.replace('12:20', '12:30')}")
    page.wait_for_selector(".m-empty")
    assert "Working it out" in page.inner_text(".m-empty")
    sees(page, "LIVE · GMV · 20:30–20:35")
    assert not page.locator(".m-empty").count()


def test_the_keyboard_goes_through_the_moments(opened: Page) -> None:
    sees(opened, "Alert: LIVE GMV is below expected since 20:00")
    opened.keyboard.press("ArrowLeft")
    sees(opened, "20:15–20:20")
    assert asked(opened, "at") == "2026-11-11T12:15:00Z"
    opened.keyboard.press("ArrowRight")
    sees(opened, "20:20–20:25")
    opened.keyboard.press("End")
    sees(opened, "21:05–21:10")
    assert asked(opened, "at") == ""
    opened.go_back()
    sees(opened, "20:20–20:25")


def test_a_creator_is_found_by_typing_a_name(opened: Page) -> None:
    opened.locator(".st-key-scope_box input").click()
    opened.keyboard.type("aina")
    opened.keyboard.press("Enter")
    sees(opened, "Creator c0003 · GMV")
    assert asked(opened, "scope") == "creator_id=c0003"
    assert "Nothing is known of this scope" in answer(opened)


def test_an_alert_leads_to_its_evidence_without_a_new_load(page: Page, address: str) -> None:
    page.goto(f"{address}/alerts?campaign=my-1111-2026&alert=12")
    page.wait_for_selector(".m-panel h1")
    page.evaluate("window.__same = true")
    page.get_by_text("Why this alert?").click()
    page.wait_for_selector(".m-answer")
    sees(page, "LIVE · GMV · 20:05–20:10")
    assert page.evaluate("window.__same"), "the page was loaded anew"
    page.locator(".m-hour a", has_text="20:15").click()
    sees(page, "LIVE · GMV · 20:15–20:20")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_a_hostile_name_hurts_nobody(
    browser: Browser, address: str, scheme: str
) -> None:
    phone = browser.new_context(
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    phone.set_default_timeout(PATIENCE_MS)
    page = phone.new_page()
    page.goto(f"{address}/why?{QUERY}")
    page.wait_for_selector(".m-hour")
    wide = "m => m.scrollWidth > m.clientWidth"
    assert not page.locator('[data-testid="stMain"]').evaluate(wide)
    assert "<img src=x" in page.inner_text('[data-testid="stMain"]'), "told as it is written"
    assert page.evaluate("window.__hurt === undefined")
    phone.close()
