"""What a person sees who starts the demo and opens it in a browser, without touching anything.

The tests run in this order where one worker has them all (`--dist loadfile`; with pytest 9.2 and
xdist 3.8 `loadgroup` groups nothing), so that the dip, which opens about 46 seconds after the start,
is waited for once; each also stands alone, with a demo a worker.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import FLAGS
from tests.product import TODAY, Product, a_sale_now, eventually, verb

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

pytestmark = pytest.mark.xdist_group("demo")

PAGES = {
    "live": "/", "leaderboards": "/leaderboards", "alerts": "/alerts",
    "import": "/import", "data": "/data", "rules": "/rules", "why": "/why",
}  # fmt: skip
PHONE = {"width": 390, "height": 844}
DIP_WITHIN_S = 90
REFRESHES = 3

# On a deep link Streamlit's client first asks for its server below the page's own path, and is told
# 404 before it asks at the root. Nothing else is harmless.
HARMLESS = re.compile(r"/(leaderboards|alerts|import|data|rules|why)/_stcore/(health|host-config)$")


def opened(page: Page, product: Product, path: str = "/") -> Page:
    """A page with its numbers on it."""
    page.goto(product.url + path)
    page.wait_for_selector(".m-head")
    page.wait_for_selector(".m-panel, .m-board, .m-empty")
    return page


def text_of(page: Page, selector: str) -> str:
    return re.sub(r"\s+", " ", page.inner_text(selector).replace("\xa0", " ")).strip()


def figure(page: Page, name: str) -> tuple[str, float]:
    """A figure of Live: as it stands there, and exactly, as its tooltip says."""
    value = page.locator(f'.m-fig:has(dt:text-is("{name}")) dd.v')
    return value.inner_text().replace("\xa0", " "), number(value.get_attribute("title") or "")


def number(text: str) -> float:
    """The last number of a text: `RM 1.23M`, `98,765`, `gmv: RM 2,005,071.46`."""
    found = re.findall(r"([\d,]+(?:\.\d+)?)([kMB]?)(?![\d.])", text)
    assert found, f"no number in {text!r}"
    digits, unit = found[-1]
    return float(digits.replace(",", "")) * {"": 1, "k": 1e3, "M": 1e6, "B": 1e9}[unit]


def assert_says(shown: str, value: float) -> None:
    """`RM 1.23M` says 1 231 504.12: right to the last digit that is shown."""
    digits = re.findall(r"\d+(?:,\d{3})*(?:\.(\d+))?([kMB]?)", shown)[-1]
    last = 10.0 ** -len(digits[0]) * {"": 1, "k": 1e3, "M": 1e6, "B": 1e9}[digits[1]]
    assert abs(number(shown) - value) <= last / 2 * 1.000001, f"{shown!r} is not {value}"


@pytest.fixture
def live(page: Page, demo: Product) -> Page:
    return opened(page, demo)


# --- live -----------------------------------------------------------------------------------------


def test_the_first_look_shows_a_labelled_demo_and_no_error(live: Page) -> None:
    assert "Demo: simulated data, clock ×20" in text_of(live, ".m-banner.demo")
    assert "No real shop, no real money." in text_of(live, ".m-banner.demo")
    assert live.locator('[data-testid="stException"]').count() == 0
    assert "Traceback" not in live.inner_text("body")
    assert live.locator(".m-chip.live").inner_text().strip().endswith("LIVE")


def test_gmv_moves_by_itself(live: Page) -> None:
    live.evaluate("window.__same = true")
    _, before = figure(live, "GMV")
    after = eventually(
        lambda: next((v for _, v in [figure(live, "GMV")] if v != before), None),
        f"GMV is no longer {before}",
        within_s=40,
    )
    assert after > before
    assert live.evaluate("window.__same"), "the page was loaded anew"


def test_a_dip_opens_an_alert_on_live(live: Page, demo: Product) -> None:
    def dip() -> str | None:
        said = live.locator("a.m-alert:not(.over) .h").all_inner_texts()
        return next((text for text in said if re.search(r"GMV \d+% below expected", text)), None)

    headline = eventually(dip, "an open dip of GMV stands on Live", within_s=DIP_WITHIN_S)
    assert "since 20:00" in headline
    assert "at risk" in text_of(live, ".m-wrong .m-risk")
    known = demo.get(f"/api/alerts.json?campaign={TODAY}")["alerts"]
    assert any(a["rule"] == "gmv_dip" and a["status"] == "open" for a in known)


def test_the_address_of_an_alert_shows_the_same_in_a_fresh_browser(
    live: Page, demo: Product, chromium: str
) -> None:
    link = live.locator("a.m-alert:not(.over)").first
    link.wait_for(timeout=DIP_WITHIN_S * 1000)
    address = str(link.evaluate("a => a.href"))
    link.click()
    live.wait_for_selector(".m-panel h1")
    assert live.url == address, "a click leads to the address that the link shows"
    alert_id = int(address.rpartition("alert=")[2])

    # A browser process of its own; the browser of this module knows the page already.
    other = live.context.browser
    assert other is not None
    again = other.browser_type.launch(executable_path=chromium, args=list(FLAGS))
    try:
        page = again.new_page()
        page.goto(address)
        page.wait_for_selector(".m-panel h1")

        for shown in (page, live):  # the amounts grow while the dip lasts: compare at one moment
            eventually(
                lambda p=shown: (
                    text_of(p, ".m-panel h1") == alert_called(demo, alert_id)["headline"]
                ),  # type: ignore[misc]
                "the page says the headline of the route",
                within_s=60,
            )
        assert f"# {alert_id}" in text_of(page, ".m-chips")
    finally:
        again.close()


def alert_called(product: Product, alert_id: int) -> dict[str, Any]:
    found = product.get(f"/api/alerts.json?campaign={TODAY}")["alerts"]
    return next(a for a in found if a["id"] == alert_id)


def test_gmv_on_live_is_the_gmv_of_the_route(live: Page, demo: Product) -> None:
    def agreed() -> tuple[str, float] | None:
        route = demo.get(f"/api/totals.json?campaign={TODAY}")["rows"][0]["gmv"]
        shown, exact = figure(live, "GMV")
        return (shown, route) if exact == pytest.approx(route, abs=0.005) else None

    shown, value = eventually(agreed, "the page shows what /api/totals.json says", within_s=40)
    assert_says(shown, value)


# --- the other pages ------------------------------------------------------------------------------


def test_the_leaderboard_is_the_board_of_the_route(page: Page, demo: Product) -> None:
    opened(page, demo, "/leaderboards")

    def agreed() -> list[dict[str, Any]] | None:
        rows = demo.get(f"/api/boards/creators.json?campaign={TODAY}")["rows"]
        return rows if rows and board_of(page) == [as_shown(row) for row in rows[:50]] else None

    rows = eventually(agreed, "the board shows what /api/boards/creators.json says", within_s=40)
    assert [row["rank"] for row in rows] == sorted(row["rank"] for row in rows)
    assert rows[0]["rank"] == 1
    for shown, row in zip(page.locator(".m-board tbody tr").all()[:10], rows, strict=False):
        assert_says(
            shown.locator("td:nth-child(4)").inner_text().replace("\xa0", " "), row["value"]
        )


def board_of(page: Page) -> list[list[str]]:
    """Rank, name and exact GMV of each row, read at one moment."""
    cells = page.evaluate(
        """() => [...document.querySelectorAll(".m-board tbody tr")].map(tr => [
            tr.cells[0].innerText, tr.cells[2].querySelector("bdi").textContent,
            tr.cells[3].querySelector("[title]").title])"""
    )
    return [[rank, name, f"{number(gmv):.2f}"] for rank, name, gmv in cells]


def as_shown(row: dict[str, Any]) -> list[str]:
    return [str(row["rank"]), row["name"], f"{row['value']:.2f}"]


def test_the_data_page_lists_the_feed_and_its_files(page: Page, demo: Product) -> None:
    opened(page, demo, "/data")
    feeds = page.locator(".m-panel", has_text="Feeds").first
    eventually(
        lambda: "on time" in feeds.inner_text(), "the feed is on time on the Data page", within_s=40
    )
    assert "performance" in feeds.inner_text()
    assert "history@" in page.locator('table[aria-label="Files"]').inner_text()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_on_a_desk_without_console_errors(
    name: str, page: Page, demo: Product
) -> None:
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        if message.type == "error" and not HARMLESS.search(address):
            said.append(f"{message.text} ({address})")

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
    opened(page, demo, PAGES[name])
    page.wait_for_load_state("networkidle")
    assert said == []
    assert page.locator('[data-testid="stException"]').count() == 0
    assert overflow(page) == 0


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways_on_a_phone(name: str, browser: Browser, demo: Product) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)  # type: ignore[arg-type]
    try:
        page = opened(context.new_page(), demo, PAGES[name])
        assert overflow(page) == 0
        assert text_of(page, ".m-banner.demo")
    finally:
        context.close()


def overflow(page: Page) -> int:
    """Pixels by which the page, or the part of it that scrolls, is wider than the window."""
    return int(
        page.evaluate(
            """() => Math.max(0, ...[document.scrollingElement, document.body,
                document.querySelector('[data-testid="stMain"]')].map(e =>
                    Math.max(e.scrollWidth - e.clientWidth, e.scrollWidth - innerWidth)))"""
        )
    )


# --- refreshes ------------------------------------------------------------------------------------

# Samples every frame: what the page's own parts are drawn with, and whether any of them is gone.
WATCH = """() => {
  window.__faded = []; window.__gone = 0; window.__frames = 0; window.__refreshes = 0;
  const main = document.querySelector('[data-testid="stMain"]');
  let before = document.querySelector(".m-fresh").textContent;
  const look = () => {
    window.__frames += 1;
    for (const e of main.querySelectorAll(
        '[data-testid="stElementContainer"], [data-testid="stVerticalBlock"], [data-stale], .m')) {
      const style = getComputedStyle(e);
      if (style.opacity !== "1" || style.visibility !== "visible")
        window.__faded.push(e.className + " " + style.opacity);
    }
    const head = document.querySelector(".m-fresh");
    if (!head || !document.querySelector(".m-figs dd.v")) window.__gone += 1;
    else if (head.textContent !== before) { before = head.textContent; window.__refreshes += 1; }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def test_nothing_fades_or_vanishes_while_the_page_refreshes(live: Page) -> None:
    live.wait_for_selector(".stVegaLiteChart canvas, .stVegaLiteChart svg")
    live.evaluate(WATCH)
    eventually(
        lambda: live.evaluate("window.__refreshes") >= REFRESHES,
        f"{REFRESHES} refreshes changed the age of the numbers",
        within_s=60,
    )
    assert live.evaluate("window.__frames") > 20
    assert live.evaluate("window.__faded") == []
    assert live.evaluate("window.__gone") == 0
    # The watch itself works: what fades now is seen.
    live.evaluate("document.querySelector('.m').style.opacity = '0.5'")
    eventually(lambda: live.evaluate("window.__faded.length"), "the watch sees what fades")


def test_a_part_that_waits_for_a_slow_refresh_is_not_dimmed(live: Page) -> None:
    dimmed = live.evaluate(
        """() => {
            const part = document.querySelector('[data-testid="stElementContainer"]');
            part.setAttribute("data-stale", "true");  // as Streamlit marks and dims it
            part.style.opacity = "0.33";
            part.style.transition = "opacity 1s";
            const style = getComputedStyle(part);
            return [style.opacity, style.transitionProperty];
        }"""
    )
    assert dimmed == ["1", "none"]


# --- keyboard -------------------------------------------------------------------------------------

FOCUSED = """() => {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {tag: e.tagName, href: e.getAttribute("href") || "", text: e.innerText || "",
    own: !!e.closest(".m"), nav: e.dataset.testid === "stTopNavLink",
    seen: ring || style.boxShadow !== "none" || style.textDecorationLine === "underline",
    on_screen: box.width > 0 && box.height > 0};
}"""


def test_the_tab_key_reaches_navigation_and_links_with_a_visible_focus(live: Page) -> None:
    live.locator("a.m-alert, a.m-more").first.wait_for()
    reached = list(tabbed(live, 30))
    navigation = [e for e in reached if e["nav"]]
    links = [e for e in reached if e["own"] and e["tag"] == "A"]
    for title in ("Leaderboards", "Alerts", "Data"):
        assert any(title in e["text"] for e in navigation), (title, reached)
    assert any(e["href"].startswith("alerts?campaign=") for e in links), reached
    unseen = [e for e in navigation + links if not (e["seen"] and e["on_screen"])]
    assert unseen == []


def tabbed(page: Page, times: int) -> Iterator[dict[str, Any]]:
    """What has the focus after each press of the tab key."""
    for _ in range(times):
        page.keyboard.press("Tab")
        yield page.evaluate(FOCUSED)


def test_the_enter_key_follows_a_focused_link(live: Page) -> None:
    live.locator("a.m-more").first.focus()
    live.keyboard.press("Enter")
    live.wait_for_url(re.compile(r"/alerts\?campaign="))
    live.wait_for_selector('[data-testid="stMain"] .m-panel')


# --- the very first request -----------------------------------------------------------------------


def test_an_alert_may_be_the_very_first_request_to_a_fresh_server(
    fresh: BrowserContext, tmp_path: Path
) -> None:
    product, alert = a_product_with_an_alert(tmp_path)
    try:
        product.start()
        eventually(product.listening, "the server accepts connections", within_s=60)
        page = fresh.new_page()
        page.goto(f"{product.url}/alerts?campaign=sale&alert={alert['id']}")
        page.wait_for_selector(".m-panel h1")
        assert text_of(page, ".m-panel h1") == alert["headline"]
        assert page.locator('[data-testid="stTopNavLink"]').count() == len(PAGES)
    finally:
        product.stop()
    assert "Traceback" not in product.logged(), product.logged()


def a_product_with_an_alert(folder: Path) -> tuple[Product, dict[str, Any]]:
    """A product whose database, from an earlier run, knows of a refused file; it has not started."""
    now = datetime.now(UTC)
    config = a_sale_now(folder, now)
    product = Product(folder, config)
    (folder / "broken.csv").write_text("what,is,this\n1,2,3\n", encoding="utf-8")
    done = verb("ingest", folder / "broken.csv", "--config", config, "--db", product.db)
    assert done.returncode == 1, done.stderr
    done = verb("alerts", "--db", product.db, "--json")
    alerts = json.loads(done.stdout)["alerts"]
    assert [a["rule"] for a in alerts] == ["refused_file"]
    return product, alerts[0]
