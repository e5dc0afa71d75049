"""A sale of one's own that runs now: the wall clock, an inbox, files as people and scripts drop them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.product import HEADER, Product, a_sale_now, eventually, sale_rows

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.xdist_group("own_config")


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def shop(chromium: str, tmp_path: Path, now: datetime) -> Iterator[Product]:
    """The product on an empty database and an empty inbox."""
    product = Product(tmp_path, a_sale_now(tmp_path, now))
    try:
        yield product.start().ready()
    finally:
        product.stop()
    assert "Traceback" not in product.logged(), product.logged()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox" / "performance"


def drop(inbox: Path, name: str, text: str) -> None:
    """As a careful script does it: write under another name, then rename."""
    part = inbox / f".{name}.part"
    part.write_text(text, encoding="utf-8")
    os.replace(part, inbox / name)


def snapshot(now: datetime, *gmv_by_age: tuple[int, float]) -> str:
    """A file with the running total as it stood so many minutes ago."""
    return HEADER + "".join(sale_rows(now - timedelta(minutes=m), gmv) for m, gmv in gmv_by_age)


def opened(page: Page, product: Product, path: str = "/") -> Page:
    page.goto(product.url + path)
    page.wait_for_selector(".m-head")
    return page


def words(page: Page) -> str:
    return re.sub(r"\s+", " ", page.inner_text('[data-testid="stMain"]').replace("\xa0", " "))


def gmv(product: Product) -> Any:
    return product.get("/api/totals.json?campaign=sale")["rows"][0]["gmv"]


def test_a_sale_without_data_says_so_and_fills_by_itself_when_a_file_arrives(
    page: Page, shop: Product, inbox: Path, now: datetime
) -> None:
    opened(page, shop)
    eventually(lambda: "No data for this campaign yet" in words(page), "the empty state in words")
    assert "Its feeds have delivered nothing that could be read" in words(page)
    assert "LIVE" in words(page)
    assert "RM 0" not in words(page), "unknown is never shown as 0"
    page.evaluate("window.__same = true")

    drop(inbox, "first.csv", snapshot(now, (10, 20_000), (5, 30_000), (0, 41_234)))
    page.wait_for_selector(".m-figs")
    shown = page.locator('.m-fig:has(dt:text-is("GMV")) dd.v')
    assert shown.inner_text().replace("\xa0", " ") == "RM 41,234"
    assert gmv(shop) == 41_234

    drop(inbox, "second.csv", snapshot(now, (-1, 50_000)))
    eventually(
        lambda: shown.inner_text().replace("\xa0", " ") == "RM 50,000", "the second file shows"
    )
    assert page.evaluate("window.__same"), "the page was loaded anew"


def test_a_garbage_file_is_refused_with_its_reason_and_shown_on_the_data_page(
    page: Page, shop: Product, inbox: Path, now: datetime
) -> None:
    drop(inbox, "good.csv", snapshot(now, (0, 1_000)))
    drop(inbox, "garbage.csv", "Penjualan;Jumlah\nsatu;dua\n")
    drop(inbox, "picture.csv", "\x00\x01\x02 no table \x00\n")
    refused = inbox.parent / "refused" / "performance"
    notes = eventually(
        lambda: found if len(found := sorted(refused.glob("*.reason.txt"))) == 2 else None,
        "both files lie in the refused folder with their reasons",
    )
    assert "garbage.csv was refused: no known columns" in notes[0].read_text(encoding="utf-8")
    assert "binary data" in notes[1].read_text(encoding="utf-8")
    assert notes[0].with_suffix("").with_suffix("").read_text(encoding="utf-8").startswith("Penj")

    opened(page, shop, "/data")
    files = page.locator('table[aria-label="Files"]')
    row = files.locator("tr", has_text="garbage.csv")
    assert "refused" in row.inner_text()
    assert "no known columns (found: 'Penjualan', 'Jumlah')" in row.inner_text()
    assert "taken" in files.locator("tr", has_text="good.csv").inner_text()
    alerts = shop.get("/api/alerts.json?campaign=sale")["alerts"]
    assert [a["rule"] for a in alerts if a["status"] == "open"] == ["refused_file"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a file open")
def test_a_file_that_is_still_being_written_is_not_read_half(
    page: Page, shop: Product, inbox: Path, now: datetime
) -> None:
    whole = snapshot(now, (5, 7_000), (0, 9_000))
    half = whole[: whole.index("video") + 3]
    writing = (inbox / "export.csv").open("w", encoding="utf-8")
    try:
        writing.write(half)
        writing.flush()
        # Other files come and go, each after the settle time: the inbox was looked at again and again.
        for name, age in (("other-1.csv", 20), ("other-2.csv", 15), ("other-3.csv", 12)):
            drop(inbox, name, snapshot(now, (age, 1_000)))
            eventually(lambda n=name: not (inbox / n).exists(), f"{name} is taken")  # type: ignore[misc]
        assert (inbox / "export.csv").exists()
        assert gmv(shop) == 1_000
        writing.write(whole[len(half) :])
    finally:
        writing.close()
    eventually(lambda: gmv(shop) == 9_000, "the finished file is taken")
    opened(page, shop, "/data")
    row = page.locator('table[aria-label="Files"] tr', has_text="export.csv")
    assert "taken" in row.inner_text()
    assert "Nothing was refused: every row could be read." in words(page)
    assert len(list(inbox.parent.glob("archive/*/export*"))) == 1
    assert not list(inbox.parent.glob("refused/*/*"))


def test_a_wrong_configuration_is_said_at_the_start_and_no_server_comes_up(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[monitor]\nbukket = "5m"\n', encoding="utf-8")
    product = Product(tmp_path, config).start()
    try:
        with pytest.raises(AssertionError, match=r"exit 2.*\n.*own\.toml: monitor\.bukket"):
            eventually(product.listening, "it listens", within_s=30)
    finally:
        product.stop()
