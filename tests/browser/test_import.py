"""The import page in a real browser: uploads, refreshes, the keyboard, a phone, hostile names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import PATIENCE_MS
from tests.pages.import_desk import HOSTILE
from tests.product import ROOT, clean_environment, eventually, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.xdist_group("import_page")
DROP = '[data-testid="stFileUploaderDropzoneInput"]'


@pytest.fixture(scope="module")
def address(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages on a desk in memory, in a process of their own."""
    port = free_port()
    log = tmp_path_factory.mktemp("import") / "served.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.import_app", str(port)],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: "You can now view" in log.read_text(), "the pages are served")
        yield f"http://localhost:{port}/import"
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.wait_for_selector(".st-key-import_list")
    return page


def drop(page: Page, *names: str) -> None:
    files = [{"name": n, "mimeType": "text/csv", "buffer": n.encode()} for n in names]
    page.set_input_files(DROP, files)  # type: ignore[arg-type]


def words(page: Page) -> str:
    return re.sub(r"\s+", " ", page.inner_text('[data-testid="stMain"]').replace("\xa0", " "))


def named(page: Page, who: str = "Mei") -> None:
    page.get_by_label("Your name").fill(who)
    page.get_by_label("Your name").press("Enter")


def sees(page: Page, text: str) -> None:
    eventually(lambda: text in words(page), f"the page says {text!r}")


def test_a_file_is_dropped_imported_and_undone_while_the_page_refreshes(opened: Page) -> None:
    page = opened
    drop(page, "creators.xlsx")
    sees(page, "408 of 412 rows will be taken, 4 set aside")
    page.get_by_text("Show the 6 columns not used as well").click()
    sees(page, "CTOR")
    page.locator("summary", has_text="All 12 columns").click()
    before = page.inner_text(".m-fresh")
    eventually(lambda: page.inner_text(".m-fresh") != before, "the head refreshes by itself")
    assert "408 of 412 rows will be taken" in words(page), "the file survives a refresh"
    assert page.locator("details[open]").count() == 1, "what was opened stays open"
    named(page)
    page.get_by_role("button", name="Import 408 rows").click()
    sees(page, "creators.xlsx ◌ waiting")
    sees(page, "creators.xlsx ✓ taken 408 of 412 rows taken, 4 set aside")
    with page.expect_download() as download:
        page.get_by_role("button", name="4 to correct").click()
    assert download.value.suggested_filename == "creators-rows-to-correct.csv"
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.splitlines()[1] == "'=HYPERLINK(1),-5.20"
    page.locator(".st-key-import_list").get_by_role("button", name="Undo …").first.click()
    sees(page, "Undo takes the 408 rows of creators.xlsx out of 11.11 Mega Sale")
    page.get_by_role("button", name="Yes, undo this import").click()
    sees(page, "undo asked for at 21:")


def test_the_keyboard_alone_explains_a_column_and_imports(opened: Page) -> None:
    page = opened
    page.get_by_label("Your name").focus()
    page.keyboard.type("Kavi")
    page.keyboard.press("Enter")
    drop(page, "renamed.xlsx")
    sees(page, "did it become")

    def reach(label: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText || ''").endswith(label):
                return
        raise AssertionError(f"Tab does not reach {label!r}")

    reach("Affiliate GMV (RM)")
    page.keyboard.press("Enter")
    sees(page, "Affiliate GMV (RM) is GMV")
    sees(page, "ready to import 412 of 412 rows will be taken")
    reach("Import 412 rows")
    page.keyboard.press("Enter")
    sees(page, "renamed.xlsx ✓ taken 412 of 412 rows taken")
    reach("Forget")
    page.keyboard.press("Enter")
    sees(page, "None yet: every name so far was known.")


def test_hostile_names_do_nothing_and_load_nothing(opened: Page, address: str) -> None:
    page = opened
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    drop(page, HOSTILE, f"renamed{HOSTILE}")
    sees(page, "2 files")
    page.get_by_label("Shown below").click()
    page.get_by_role("option").nth(1).click()
    sees(page, "did it become")
    assert page.evaluate("window.__hurt") is None
    assert page.locator(f"img[src='x'], img[src*={json.dumps('evil')}]").count() == 0
    assert not [url for url in asked if "evil" in url]


def test_another_campaign_is_drawn_in_its_own_words(opened: Page) -> None:
    page = opened
    drop(page, "creators.xlsx")
    sees(page, "408 of 412")
    page.locator('[data-testid="stSelectbox"] input').first.click()
    page.get_by_role("option", name="12.12 Birthday Sale").click()
    page.wait_for_url(re.compile(r"campaign=my-1212-2026"))
    sees(page, "UPCOMING")
    assert "408 of 412 rows will be taken" in words(page)


def test_it_fits_a_phone(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".st-key-import_list")
    drop(page, "renamed.xlsx", "creators.xlsx", "bare.csv")
    sees(page, "3 files")
    wide = """[...document.querySelectorAll('[data-testid="stMain"] *')]
      .filter(e => !e.closest('.m-scroll') && e.getBoundingClientRect().right > innerWidth + 1)
      .map(e => e.className + ' ' + e.innerText).slice(0, 3)"""
    assert page.evaluate(wide) == []
    context.close()
