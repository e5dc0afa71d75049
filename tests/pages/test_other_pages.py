"""Leaderboards and Alerts, and what every page does before the first picture."""

from __future__ import annotations

from monitor.spreadsheet import safe_cell
from monitor.ui import tables
from tests.pages import pictures as p
from tests.pages.conftest import Opener

EVIL = [
    ("c0666", '<img src=x onerror="alert(1)">'),
    ("c0667", "=cmd|'/C calc'!A0"),
    ("1730000000000000001", "@SUM(A1)"),
]


def test_the_creators_board_shows_rank_change_value_share_and_last_hour(open_page: Opener) -> None:
    text = open_page("leaderboards.py", p.picture()).text
    assert "1 = Aina Cantik c0003 RM 240.0k 27% 6,316 RM 16,800" in text
    assert "2 ▲3 Jia Hui 佳慧 c0017 RM 192.0k" in text
    assert "3 ▼1 Abang Gadget" in text
    assert "4 new Mak Long Dapur" in text
    assert "total RM 885.4k · as of 21:14 · 40 s ago" in text


def test_a_link_opens_another_board(open_page: Opener) -> None:
    text = open_page("leaderboards.py", p.picture(), board="categories").text
    assert "beauty RM 801.0k" in text
    assert "Aina Cantik" not in text


def test_the_filter_finds_names_and_ids(open_page: Opener) -> None:
    page = open_page("leaderboards.py", p.picture())
    page.at.text_input(key="q").set_value("SOFEA").run()
    assert "5 ▲2 Sofea & Co" in page.text
    assert "1 of 6" in page.text
    page.at.text_input(key="q").set_value("c0001").run()
    assert "Abang Gadget" in page.text
    page.at.text_input(key="q").set_value("nobody").run()
    assert "Nobody matches this filter." in page.text


def test_the_linkshare_board_shows_only_with_rows(open_page: Opener) -> None:
    whole = p.campaign_picture()
    nobody = p.board("linkshare", "LinkShare", [], 0.0)
    some = p.board("linkshare", "LinkShare", [("c1", "Ana")], 500.0)
    without = p.campaign_picture(boards={**whole.boards, "linkshare": nobody})
    with_it = p.campaign_picture(boards={**whole.boards, "linkshare": some})
    page = open_page("leaderboards.py", p.picture((without,)))
    assert "LinkShare" not in page.at.segmented_control(key="board_box").options
    page = open_page("leaderboards.py", p.picture((with_it,)), board="linkshare")
    assert "Ana c1 RM 500" in page.text


def test_a_creator_name_cannot_become_markup(open_page: Opener) -> None:
    board = p.board("creators", "Creators", EVIL, 1000.0)
    page = open_page(
        "leaderboards.py", p.picture((p.campaign_picture(boards={"creators": board}),))
    )
    assert "<img" not in page.raw
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in page.raw


def test_a_downloaded_board_holds_no_formula_and_no_number_that_excel_would_round() -> None:
    board = p.board("creators", "Creators", EVIL, 1000.0)
    text = tables.board_csv(p.campaign_picture(), board, board.rows).decode("utf-8-sig")
    lines = text.splitlines()
    assert lines[0] == (
        "rank,id,name,gmv,share,orders,rank_change,last_hour,currency,campaign_id,as_of"
    )
    assert "'=cmd|'/C calc'!A0" in lines[2]
    assert "'1730000000000000001,'@SUM(A1)" in lines[3]
    assert lines[1].endswith(",MYR,my-1111-2026,2026-11-11T13:14:00Z")


def test_only_text_is_quoted_in_a_download() -> None:
    assert safe_cell(-1) == -1
    assert safe_cell("-1") == "'-1"
    assert safe_cell("\t=1") == "'\t=1"
    assert safe_cell("Aina") == "Aina"
    assert safe_cell(None) is None


def test_a_campaign_without_sales_has_an_empty_board(open_page: Opener) -> None:
    page = open_page("leaderboards.py", p.picture(), campaign="my-1212-2026")
    assert "Nothing to rank yet" in page.text


def test_the_list_shows_open_alerts_dearest_first(open_page: Opener) -> None:
    text = open_page("alerts.py", p.picture()).text
    assert "3 alerts RM 11,642 at risk" in text
    assert text.index("#12") < text.index("#14") < text.index("#13")  # 13 is explained by 12
    assert "Feed performance is late" not in text


def test_the_list_filters_by_status_and_kind_from_the_url(open_page: Opener) -> None:
    text = open_page("alerts.py", p.picture(), status="resolved", kind="data").text
    assert "Feed performance is late: nothing since 12:05" in text
    assert "resolved 12:20: back to normal" in text
    assert "LIVE GMV 53%" not in text


def test_one_alert_has_its_own_page_with_numbers_reason_and_history(open_page: Opener) -> None:
    page = open_page("alerts.py", p.picture(), campaign="my-1111-2026", alert="12")
    assert "LIVE GMV 53% below expected since 20:00" in page.text
    assert "At risk RM 11,642 53% below expected" in page.text
    assert "Observed RM 10,234" in page.text
    assert "Expected RM 21,876" in page.text
    assert "Since 20:00 1 h 14 min" in page.text
    assert "Real drop: the data is complete and the sales are missing." in page.text
    assert "conversion 93%, visitors 5%" in page.text
    assert "creator c0017 71%" in page.text
    assert "1 20:00 20:10 still on" in page.text
    assert "20:20 farah@example.com note calling the <host>" in page.text
    assert "<host>" not in page.raw
    assert page.charts == 1


def test_an_explained_alert_links_to_the_one_that_explains_it(open_page: Opener) -> None:
    page = open_page("alerts.py", p.picture(), alert="13")
    assert "Explained by #12" in page.text
    assert "alert=12" in page.raw
    assert "No minute-by-minute series is kept for this scope." in page.text


def test_an_alert_without_numbers_shows_none(open_page: Opener) -> None:
    text = open_page("alerts.py", p.picture(), alert="7").text
    assert "Observed –" in text
    assert "Feed late: the numbers have not arrived, sales may be fine." in text
    assert "RM 0" not in text


def test_an_unknown_alert_says_so_and_leads_back(open_page: Opener) -> None:
    for unknown in ("99", "x<b>"):
        page = open_page("alerts.py", p.picture(), alert=unknown)
        assert f"There is no alert #{unknown} in 11.11 Mega Sale" in page.text
        assert "all alerts of this campaign" in page.text
        assert "<b>x" not in page.raw


def test_choosing_another_campaign_leaves_the_alert(open_page: Opener) -> None:
    page = open_page("alerts.py", p.picture(), alert="12")
    page.at.selectbox(key="campaign_box").select("my-1212-2026").run()
    assert "alert" not in page.at.query_params
    assert "No open alerts" in page.text


def test_every_page_waits_calmly_before_the_first_picture(open_page: Opener) -> None:
    for page in ("leaderboards.py", "alerts.py", "data.py"):
        assert "Waiting for the first data" in open_page(page, None).text
