"""The Rules page in a real browser: a change, its preview, Save; the keyboard, a phone, both themes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PATIENCE_MS
from tests.product import ROOT, clean_environment, eventually, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.xdist_group("rules_page")
WIDE = """[...document.querySelectorAll('[data-testid="stMain"] *')]
  .filter(e => !e.closest('.m-scroll') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.className + ' ' + e.innerText).slice(0, 3)"""


@pytest.fixture
def address(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages on a rules desk in memory, in a process of their own: a test saves rules."""
    port = free_port()
    log = tmp_path_factory.mktemp("rules") / "served.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.rules_app", str(port)],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: "You can now view" in log.read_text(), "the pages are served")
        yield f"http://localhost:{port}/rules"
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.wait_for_selector('table[aria-label="Always on"]')  # the last thing on the page
    return page


def words(page: Page) -> str:
    return re.sub(r"\s+", " ", page.inner_text('[data-testid="stMain"]').replace("\xa0", " "))


def sees(page: Page, text: str) -> None:
    eventually(lambda: text in words(page), f"the page says {text!r}")


def test_a_rule_is_changed_previewed_saved_and_seen_by_another_viewer(
    opened: Page, address: str
) -> None:
    page = opened
    other = page.context.new_page()
    other.goto(address)
    sees(other, "GMV at least 15% below")
    page.get_by_label("Your name").fill("Mei")
    page.get_by_label("Your name").press("Enter")
    page.locator(".st-key-rules_edit_gmv_dip button").click()
    fall = page.get_by_label("At least this far below what is expected")
    fall.fill("25")
    fall.press("Enter")
    sees(page, "gmv_dip: least fall 15% → 25%")
    before = page.inner_text(".m-fresh")
    eventually(lambda: page.inner_text(".m-fresh") != before, "the head refreshes by itself")
    assert "gmv_dip: least fall 15% → 25%" in words(page), "the draft survives a refresh"
    page.get_by_role("button", name="Preview: what would").click()
    eventually(lambda: re.search(r"judging .*: step \d of 4", words(page)), "progress is shown")
    sees(page, "2 alerts would be gone")
    assert page.evaluate("window.__hurt") is None
    assert page.locator("img[src='x']").count() == 0
    page.get_by_role("button", name="Save", exact=True).click()
    sees(page, "✓ Saved Version 2")
    sees(page, "gmv_dip: least fall 15% → 25% by Mei")
    sees(other, "GMV at least 25% below")


def test_the_keyboard_alone_switches_a_rule_and_asks_for_a_preview(opened: Page) -> None:
    page = opened

    def reach(found: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"(() => {{ const e = document.activeElement; return {found}; }})()"):
                return
        raise AssertionError(f"Tab does not reach {found}")

    page.get_by_label("Your name").focus()
    reach("e.type === 'checkbox' && (e.getAttribute('aria-label') || '').startsWith('GMV dip')")
    page.keyboard.press("Space")
    sees(page, "gmv_dip: switched off")
    reach("(e.innerText || '').startsWith('Preview')")
    page.keyboard.press("Enter")
    sees(page, "would be gone")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(browser: Browser, address: str, theme: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        color_scheme=theme,  # type: ignore[arg-type]
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector('table[aria-label="Always on"]')  # the last thing on the page
    page.locator(".st-key-rules_edit_gmv_dip button").click()
    page.wait_for_selector(".st-key-rules_form")
    page.get_by_label("At least this far below what is expected").fill("25")
    page.get_by_label("At least this far below what is expected").press("Enter")
    page.get_by_role("button", name="Preview: what would").click()
    sees(page, "2 alerts would be gone")
    assert page.evaluate(WIDE) == []
    draft = page.locator(".st-key-rules_draft").bounding_box()
    listed = page.locator(".st-key-rules_list").bounding_box()
    assert draft is not None
    assert listed is not None
    assert draft["y"] < listed["y"], "the change stands above the long list"
    context.close()
