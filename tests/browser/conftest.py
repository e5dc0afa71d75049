"""A browser, the real product behind it, and pages as a person opens them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import FLAGS, HOW, find, must_not_skip
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

DESK = {"width": 1440, "height": 900}
PATIENCE_MS = 30_000


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; without one the test is skipped, or fails when nothing may be."""
    found = find()
    if found.path is not None:
        return found.path
    if must_not_skip():
        pytest.fail(f"no browser, and NO_SKIP is set: {found.words}; {HOW}", pytrace=False)
    pytest.skip(f"no browser: {found.words}; {HOW}")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser a module: Playwright keeps an event loop in this thread, which would be in the
    way of other tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def fresh(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing: no cookie, no cache, no storage."""
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(fresh: BrowserContext) -> Page:
    return fresh.new_page()


@pytest.fixture(scope="session")
def demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The demo, running. Its clock starts with it: a minute is twenty minutes of the evening."""
    product = Product(tmp_path_factory.mktemp("demo"))
    try:
        yield product.start().ready()
    finally:
        product.stop()
    assert "Traceback" not in product.logged(), product.logged()
