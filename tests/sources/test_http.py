"""Sources over HTTP, against a server that behaves like the real ones. Sleeps are noted, not slept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.errors import ConfigError
from monitor.ingest.sources import asking
from monitor.ingest.sources.base import Cursor, Fetched, SourceTrouble
from monitor.ingest.sources.http import HttpFeed
from monitor.ingest.sources.signing import tiktok_sign
from monitor.settings import Settings, parse_settings
from tests.sources.shops import CIPHER, KEY, SECRET, TOKEN, Shop, instant, serving, unix

DAY = date(2026, 11, 11)
NOON = instant("2026-11-11 12:30")
CAMPAIGN = (
    '[[campaign]]\nid = "sale"\nname = "Sale"\nkind = "custom"\nmarket = "MY"\n'
    "start = 2026-11-11T00:00:00+08:00\nend = 2026-11-12T00:00:00+08:00\n"
)
PATHS = {
    "tiktok_shop_hours": "/analytics/202510/shop/performance/{date}/performance_per_hour",
    "tiktok_affiliate_orders": "/affiliate_partner/202411/orders/search",
    "tiktok_lives": "/analytics/202509/shop_lives/performance",
}
COUNTERS = {
    "tiktok_shop_hours": 'counter = "interval"\ncadence = "1h"',
    "tiktok_affiliate_orders": 'counter = "interval"',
    "tiktok_lives": 'counter = "cumulative_campaign"',
}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("TIKTOK_APP_KEY", KEY)
    monkeypatch.setenv("TIKTOK_APP_SECRET", SECRET)
    monkeypatch.setenv("TIKTOK_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("TIKTOK_SHOP_CIPHER", CIPHER)
    monkeypatch.setenv("TIKTOK_CATEGORY_ASSET_CIPHER", CIPHER)
    monkeypatch.setenv("PLAIN_TOKEN", TOKEN)
    with serving(Shop(NOON)) as shop:
        yield shop


def settings_of(source: str, feed: str = "", campaigns: str = CAMPAIGN) -> Settings:
    text = f'{campaigns}[[feed]]\nid = "shop"\n{feed}\n[feed.source]\ntype = "http"\n{source}\n'
    return parse_settings(text, Path("/nowhere/monitor.toml"))


class Asked:
    """A feed with its cursor, as the collector keeps it, and the sleeps it asked for."""

    def __init__(self, settings: Settings) -> None:
        self.sleeps: list[float] = []
        self.feed = HttpFeed(settings.feed[0], settings, self.sleeps.append)
        self.cursor: Cursor = {}
        self.got: list[Fetched] = []  # also of a poll that failed

    def poll(self, now: datetime = NOON) -> list[Fetched]:
        self.got = []
        for one in self.feed.poll(self.cursor, now):
            self.cursor = json.loads(json.dumps(one.cursor))
            self.got.append(one)
        return self.got

    def rows(self, now: datetime = NOON) -> list[dict[str, str]]:
        return [row for one in self.poll(now) for row in rows_of(one)]


def rows_of(fetched: Fetched) -> list[dict[str, str]]:
    return [json.loads(line) for line in fetched.content.decode().splitlines()]


def preset(
    shop: Shop, name: str, more: str = "", campaigns: str = CAMPAIGN, rate: float = 100
) -> Asked:
    source = f'preset = "{name}"\nurl = "{shop.url}{PATHS[name]}"\nrate = {rate}\n{more}'
    return Asked(settings_of(source, COUNTERS[name], campaigns))


def plain(shop: Shop, more: str = "", path: str = "/plain") -> Asked:
    source = (
        f'url = "{shop.url}{path}"\nrecords = "rows"\nrate = 100\n{more}\n'
        '[feed.source.auth]\nkind = "bearer"\ntoken = "env:PLAIN_TOKEN"\n'
        '[feed.source.columns]\nobserved_at = "at"\ngmv = { path = "sum", needed = true }\n'
    )
    return Asked(settings_of(source, 'counter = "cumulative_day"'))


def reading(at: str, gmv: object) -> dict[str, object]:
    return {"at": f"2026-11-11T{at}:00+08:00", "sum": gmv}


# --- the signature --------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_worked_example_in_tiktoks_documentation() -> None:
    params = {"timestamp": "1623812664", "app_key": "29a39d"}
    sign = "b596b73e0cc6de07ac26f036364178ab16b0a907af13d43f0a0cd2345f582dc8"
    assert tiktok_sign("e59af819cc", "/authorization/202309/shops", params) == sign
    params |= {"sign": "old", "access_token": "none of theirs"}
    assert tiktok_sign("e59af819cc", "/authorization/202309/shops", params) == sign


def test_the_exact_bytes_of_the_body_are_signed() -> None:
    params = {"timestamp": "1696909648", "app_key": "68xu9ks5p4i8", "shop_cipher": "ROW_x"}
    signs = {tiktok_sign("s", "/p", params, body) for body in (b"", b'{"a":1}', b'{"a": 1}')}
    assert len(signs) == 3


# --- TikTok Shop: hours ---------------------------------------------------------------------------


def test_hours_after_the_watermark_are_left_out_and_the_running_one_is_provisional(
    shop: Shop,
) -> None:
    for hour in range(24):
        shop.sale(DAY, hour, f"{100 + hour}.25", visitors=10 * hour, items=hour)
    shop.latest = instant("2026-11-11 12:20")
    rows = [r for r in preset(shop, "tiktok_shop_hours").rows() if r["gmv"] != "0"]
    assert len(rows) == 13, "twelve whole hours and the one that runs"
    assert rows[0] == {
        "observed_at": "2026-11-10T17:00:00Z",
        "gmv": "100.25",
        "visitors": "0",
        "items_sold": "0",
        "complete_through": "2026-11-10T17:00:00Z",
        "campaign_id": "sale",
    }
    assert rows[11]["observed_at"] == rows[11]["complete_through"] == "2026-11-11T04:00:00Z"
    assert rows[12]["observed_at"] == "2026-11-11T05:00:00Z"
    assert rows[12]["complete_through"] == "2026-11-11T04:00:00Z", "12:20 is in the thirteenth hour"
    assert sum(Decimal(r["gmv"]) for r in rows) == sum(Decimal(f"{100 + h}.25") for h in range(13))
    assert {"customers", "orders"} & set(rows[0]) == set(), "customers are no orders"


def test_an_hour_that_begins_at_the_watermark_has_not_begun(shop: Shop) -> None:
    shop.latest = instant("2026-11-11 12:00")
    rows = preset(shop, "tiktok_shop_hours").rows()
    assert max(r["observed_at"] for r in rows) == "2026-11-11T04:00:00Z"
    assert all(r["complete_through"] == r["observed_at"] for r in rows)


def test_nothing_new_gives_no_file_and_yesterday_is_asked_until_it_is_final(shop: Shop) -> None:
    asked = preset(shop, "tiktok_shop_hours")
    shop.sale(DAY, 11, "5.00")
    shop.latest = instant("2026-11-10 23:30")  # yesterday's last hour is not complete
    assert [one.name for one in asked.poll()] == ["shop-2026-11-10.jsonl"]
    assert asked.poll() == []
    assert [path.split("/")[5] for path in shop.paths()] == ["2026-11-10", "2026-11-11"] * 2
    shop.latest = instant("2026-11-11 12:20")
    assert len(asked.poll()) == 2
    shop.seen.clear()
    assert asked.poll() == []
    assert [path.split("/")[5] for path in shop.paths()] == ["2026-11-11"]


def test_a_day_whose_watermark_is_its_last_minute_is_complete(shop: Shop) -> None:
    shop.latest = instant("2026-11-11 23:59")
    shop.now = instant("2026-11-12 00:30")
    rows = preset(shop, "tiktok_shop_hours").rows(shop.now)
    last = [r for r in rows if r["observed_at"] == "2026-11-11T16:00:00Z"]
    assert [r["complete_through"] for r in last] == ["2026-11-11T16:00:00Z"]


def test_the_hour_that_clocks_skip_is_no_hour(shop: Shop) -> None:
    campaign = CAMPAIGN.replace('"MY"', '"US"').replace("2026-11-11", "2027-03-14")
    campaign = campaign.replace("2026-11-12", "2027-03-15")
    shop.zone, shop.currency = ZoneInfo("America/Los_Angeles"), "USD"
    shop.now = shop.latest = datetime(2027, 3, 15, 12, tzinfo=UTC)
    asked = preset(shop, "tiktok_shop_hours", campaigns=campaign)
    ends = [r["observed_at"] for r in asked.rows(shop.now) if r["observed_at"] > "2027-03-14T08:30"]
    day = [end for end in ends if end <= "2027-03-15T07:00:00Z"]
    assert len(day) == len(set(day)) == 23


def test_after_downtime_every_day_near_the_campaign_is_asked_oldest_first(shop: Shop) -> None:
    shop.now = instant("2026-11-13 09:00")
    preset(shop, "tiktok_shop_hours").poll(shop.now)
    days = [path.split("/")[5] for path in shop.paths()]
    assert days == ["2026-11-10", "2026-11-11", "2026-11-12", "2026-11-13"]


def test_another_currency_is_said_and_nothing_is_taken(shop: Shop) -> None:
    shop.currency = "USD"
    with pytest.raises(SourceTrouble, match=r"come in USD, the campaign sale counts in MYR") as e:
        preset(shop, "tiktok_shop_hours").poll()
    assert e.value.permanent


def test_amounts_go_to_the_campaigns_of_their_currency(shop: Shop) -> None:
    other = CAMPAIGN.replace('"sale"', '"sg"').replace('"MY"', '"SG"')
    more = 'timezone = "Asia/Kuala_Lumpur"'
    rows = preset(shop, "tiktok_shop_hours", more, CAMPAIGN + other).rows()
    assert {r["campaign_id"] for r in rows} == {"sale"}


def test_several_zones_need_the_shops_own(shop: Shop) -> None:
    other = CAMPAIGN.replace('"sale"', '"th"').replace('"MY"', '"TH"')
    with pytest.raises(ConfigError, match=r"Asia/Bangkok, Asia/Kuala_Lumpur.*timezone ="):
        preset(shop, "tiktok_shop_hours", campaigns=CAMPAIGN + other)


def test_a_preset_says_which_counter_its_feed_needs(shop: Shop) -> None:
    settings = settings_of('preset = "tiktok_shop_hours"', 'counter = "cumulative_day"')
    with pytest.raises(ConfigError, match="feed shop: counter must be 'interval'"):
        HttpFeed(settings.feed[0], settings)


def test_a_renamed_field_is_caught_not_read_as_zero(shop: Shop) -> None:
    more = '[feed.source.columns]\ngmv = { path = "gross.amount", needed = true }'
    with pytest.raises(SourceTrouble, match=r"none of 24 records has gross.amount \(gmv\)") as e:
        preset(shop, "tiktok_shop_hours", more).poll()
    assert "index, gmv, visitors" in str(e.value)
    with pytest.raises(SourceTrouble, match=r"no list at data.rows"):
        preset(shop, "tiktok_shop_hours", 'records = "data.rows"').poll()


# --- TikTok Shop: orders --------------------------------------------------------------------------


def order(number: int, at: str, **sku: Any) -> dict[str, Any]:
    return {
        "id": f"57{number:016}",
        "create_time": unix(f"2026-11-11 {at}"),
        "status": sku.pop("status", "PROCESSING"),
        "skus": [
            {
                "id": "1729384756102938475",
                "product_id": "1729384756102938000",
                "creator_username": "amy",
                "content_type": "LINKSHARE",
                "price": {"amount": "19.90", "currency": "MYR"},
                "quantity": 2,
                "refunded_quantity": 0,
                "returned_quantity": 0,
                "estimated_creator_commission": {"amount": "3.98", "currency": "MYR"},
                **sku,
            }
        ],
    }


def test_an_order_becomes_lines_with_its_state_channel_and_money(shop: Shop) -> None:
    shop.orders = [
        order(1, "10:00"),
        order(2, "10:01", status="CANCELLED", content_type="PRE_LIVE"),
        order(3, "10:02", status="COMPLETED", content_type="SHOP", quantity=3, refunded_quantity=1),
    ]
    sku = shop.orders[2]["skus"][0]
    sku |= {"returned_quantity": 1, "actual_creator_commission": {"amount": "1.11"}}
    shop.orders[2]["skus"].append({**sku, "content_type": "VIDEO"})  # the same sku once more
    rows = preset(shop, "tiktok_affiliate_orders").rows()
    assert rows[0] == {
        "order_id": "570000000000000001",
        "item_id": "1729384756102938475",
        "placed_at": "2026-11-11T02:00:00Z",
        "creator_id": "amy",
        "product_id": "1729384756102938000",
        "gmv": "39.80",
        "items_sold": "2",
        "refunds": "0.00",
        "commission": "3.98",
        "channel": "linkshare",
        "state": "placed",
        "campaign_id": "sale",
    }
    assert (rows[1]["state"], rows[1]["gmv"], rows[1]["channel"]) == ("cancelled", "39.80", "live")
    assert (rows[2]["gmv"], rows[2]["refunds"], rows[2]["commission"]) == ("59.70", "19.90", "1.11")
    assert [r["item_id"][-2:] for r in rows[2:]] == ["75", "#2"], "two lines stay two"
    assert [r["channel"] for r in rows[2:]] == ["product_card", "video"]


def test_a_state_nobody_knows_is_handed_on_to_be_set_aside(shop: Shop) -> None:
    shop.orders = [order(1, "10:00", status="ON_THE_MOON")]
    assert [r["state"] for r in preset(shop, "tiktok_affiliate_orders").rows()] == ["ON_THE_MOON"]


def held(fetched: list[Fetched], into: dict[tuple[str, str], str]) -> Decimal:
    """What a store holds after these files: the last arrival of a line wins."""
    for one in fetched:
        into |= {(r["order_id"], r["item_id"]): r["gmv"] for r in rows_of(one)}
    return sum((Decimal(gmv) for gmv in into.values()), Decimal(0))


def test_a_source_that_dies_between_pages_gives_nothing_half_and_totals_are_exact_after(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TRIES", 1)
    shop.page = 10
    shop.orders = [order(n, f"{n // 60:02}:{n % 60:02}") for n in range(95)]
    asked = preset(shop, "tiktok_affiliate_orders")
    known: dict[tuple[str, str], str] = {}
    before = 12 + 1  # windows of the day before without an order, then pages of the day itself
    for mishap in ("cut", "drop", "503", "garbage"):
        shop.mishaps = [""] * before + [mishap]
        before = 1  # what had no order is not asked again
        with pytest.raises(SourceTrouble) as e:
            asked.poll()
        assert not e.value.permanent
        assert asked.got == [], mishap
    shop.mishaps = []
    assert held(asked.poll(), known) == 95 * Decimal("39.80")
    assert asked.poll() == [], "asked again with overlap, it says the same"


def test_of_times_that_overlap_only_what_changed_is_given_once_more(shop: Shop) -> None:
    shop.orders = [order(n, f"12:{n:02}") for n in range(20)]
    asked = preset(shop, "tiktok_affiliate_orders")
    assert len(asked.rows()) == 20
    shop.orders.append(order(500, "12:29"))
    shop.orders[3]["status"] = "CANCELLED"
    shop.now = NOON + timedelta(minutes=5)
    changed = asked.rows(shop.now)
    assert [(r["order_id"][-3:], r["state"]) for r in changed] == [
        ("003", "cancelled"),
        ("500", "placed"),
    ]
    shop.orders[3]["status"] = "PROCESSING"
    shop.now += timedelta(minutes=5)
    again = asked.rows(shop.now)
    assert [(r["order_id"][-3:], r["state"]) for r in again] == [("003", "placed")]


def test_what_could_not_be_written_is_given_again(shop: Shop) -> None:
    shop.orders = [order(n, f"12:{n:02}") for n in range(20)]
    asked = preset(shop, "tiktok_affiliate_orders")
    given = asked.feed.poll(asked.cursor, NOON)
    first = next(given).content
    given.close()  # type: ignore[attr-defined]  # as when the disk is full
    assert [one.content for one in asked.poll()] == [first]


def test_later_changes_of_old_orders_are_found_by_looking_back(shop: Shop) -> None:
    shop.orders = [order(1, "01:00")]
    asked = preset(shop, "tiktok_affiliate_orders")
    assert [r["state"] for r in asked.rows()] == ["placed"]
    shop.orders[0]["status"] = "COMPLETED"
    shop.now = NOON + timedelta(hours=5)
    assert asked.rows(shop.now) == [], "beyond the overlap, and too soon to look back"
    shop.now = NOON + timedelta(hours=6, minutes=1)
    assert [r["state"] for r in asked.rows(shop.now)] == ["completed"]
    shop.now = instant("2026-11-14 12:00")
    shop.orders[0]["status"] = "DEDUCTED"
    assert [r["state"] for r in asked.rows(shop.now)] == ["returned"], "the campaign is over"
    shop.seen.clear()
    assert asked.poll(shop.now + timedelta(minutes=5)) == []
    assert shop.seen == [], "and nothing is asked until the next look back"


def test_a_look_back_that_breaks_off_goes_on_where_it_was(shop: Shop, monkeypatch: Any) -> None:
    monkeypatch.setattr(asking, "TRIES", 1)
    shop.orders = [order(1, "01:00"), order(2, "12:00")]
    shop.orders[0]["create_time"] = unix("2026-11-10 09:00")
    asked = preset(shop, "tiktok_affiliate_orders", '[feed.source.window]\nlongest = "6h"')
    shop.mishaps = ["", "", "", "503"]
    with pytest.raises(SourceTrouble):
        asked.poll()
    assert [r["order_id"][-1] for one in asked.got for r in rows_of(one)] == ["1"]
    shop.seen.clear()
    assert [r["order_id"][-1] for r in asked.rows()] == ["2"]
    since = json.loads(shop.seen[0].body)["create_time_ge"]
    assert since == unix("2026-11-10 18:00"), "not from the beginning once more"


def test_pages_that_never_end_are_said(shop: Shop) -> None:
    shop.orders = [order(n, "10:00") for n in range(30)]
    shop.page = 2
    with pytest.raises(SourceTrouble, match="more than 3 pages"):
        preset(shop, "tiktok_affiliate_orders", "[feed.source.paging]\nmost = 3").poll()


# --- TikTok Shop: LIVEs ---------------------------------------------------------------------------


def test_lives_are_counters_by_live_read_at_the_moment_of_asking(shop: Shop) -> None:
    shop.lives = [
        {
            "id": "7512345678901234567",
            "title": "11.11 opening",
            "username": "amy",
            "start_time": str(unix("2026-11-11 10:00")),
            "sales_performance": {
                "gmv": {"amount": "812.40", "currency": "MYR"},
                "sku_orders": 17,
                "unit_sold": 21,
                "24h_live_gmv": {"amount": "900.00", "currency": "MYR"},
            },
        }
    ]
    asked = preset(shop, "tiktok_lives")
    rows = asked.rows()
    assert rows == [
        {
            "channel": "live",
            "live_id": "7512345678901234567",
            "creator_id": "amy",
            "gmv": "812.40",
            "orders": "17",
            "items_sold": "21",
            "observed_at": "2026-11-11T04:30:00Z",
            "campaign_id": "sale",
        }
    ]
    assert shop.seen[0].params["start_date_ge"] == "2026-11-10"
    assert shop.seen[0].params["end_date_lt"] == "2026-11-12"
    later = asked.rows(NOON + timedelta(minutes=5))
    assert [r["observed_at"] for r in later] == ["2026-11-11T04:35:00Z"], "it closes a bucket"


# --- troubles -------------------------------------------------------------------------------------


def test_an_expired_token_is_permanent_and_says_what_to_renew_without_showing_it(
    shop: Shop,
) -> None:
    shop.token = "ROW_another"
    with pytest.raises(SourceTrouble, match=r"105002.*expired: renew auth.access_token") as e:
        preset(shop, "tiktok_shop_hours").poll()
    assert e.value.permanent
    assert len(shop.seen) == 1, "it is not tried again at once"
    assert not any(secret in str(e.value) for secret in (TOKEN, SECRET, CIPHER))
    with pytest.raises(SourceTrouble, match=r"401.*renew auth.token \(env:PLAIN_TOKEN\)") as e:
        plain(shop).poll()
    assert TOKEN not in str(e.value)


def test_a_secret_that_the_service_repeats_is_blotted_out(shop: Shop) -> None:
    shop.token = "ROW_another"
    more = '[feed.source.codes.words]\n105002 = ""'
    with pytest.raises(SourceTrouble, match=r"Expired credentials: …") as e:
        preset(shop, "tiktok_shop_hours", more).poll()
    assert TOKEN not in str(e.value)


def test_a_wrong_secret_is_said_to_be_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOK_APP_SECRET", "something else")
    with pytest.raises(SourceTrouble, match=r"106001.*check auth.app_key and auth.app_secret"):
        preset(shop, "tiktok_shop_hours").poll()
    monkeypatch.delenv("TIKTOK_APP_SECRET")
    with pytest.raises(SourceTrouble, match="the environment variable TIKTOK_APP_SECRET is not"):
        preset(shop, "tiktok_shop_hours").poll()


def test_a_secret_is_read_from_its_file_each_time(shop: Shop, tmp_path: Path) -> None:
    kept = tmp_path / "token"
    kept.write_text("an old one\n", encoding="utf-8")
    more = f'[feed.source.auth]\naccess_token = "file:{kept}"'
    asked = preset(shop, "tiktok_shop_hours", more)
    with pytest.raises(SourceTrouble, match="expired"):
        asked.poll()
    kept.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert len(asked.poll()) == 2


def test_a_secret_in_the_configuration_is_refused_and_not_shown() -> None:
    source = 'url = "https://x"\n[feed.source.auth]\nkind = "bearer"\ntoken = "tok-123456"'
    with pytest.raises(ConfigError, match=r"auth.token: name where it is kept, env:NAME") as e:
        settings_of(source, 'counter = "interval"')
    assert "123456" not in str(e.value)


@pytest.mark.parametrize("mishap", ["503", "500", "429", "drop", "cut", "garbage", "code=36009002"])
def test_a_failure_of_a_moment_is_tried_again_within_the_poll(shop: Shop, mishap: str) -> None:
    shop.mishaps = [mishap, mishap]
    asked = preset(shop, "tiktok_shop_hours")
    assert len(asked.poll()) == 2
    assert asked.sleeps.count(1.0) == asked.sleeps.count(2.0) == 1


@pytest.mark.parametrize(
    ("mishap", "words"),
    [
        ("503", r"has a failure \(503\)"),
        ("429", r"asks for fewer requests \(429\)"),
        ("drop", "cannot be reached|was cut off"),
        ("cut", "was cut off"),
        ("garbage", "no whole JSON: cut off"),
        ("code=36009003", "36009003"),
    ],
)
def test_a_failure_that_lasts_is_a_trouble_that_will_pass(
    shop: Shop, mishap: str, words: str
) -> None:
    shop.mishaps = [mishap] * asking.TRIES
    with pytest.raises(SourceTrouble, match=words) as e:
        preset(shop, "tiktok_shop_hours").poll()
    assert not e.value.permanent
    assert len(shop.seen) == asking.TRIES


def test_a_short_rest_is_kept_and_a_long_one_is_left_to_the_collector(shop: Shop) -> None:
    shop.mishaps = ["429=7"]
    asked = preset(shop, "tiktok_shop_hours")
    assert len(asked.poll()) == 2
    assert 7.0 in asked.sleeps
    until = format_datetime(NOON.astimezone(UTC) + timedelta(minutes=4), usegmt=True)
    for said, least in (("600", 600.0), (until, 235.0)):
        shop.mishaps = [f"429={said}"]
        with pytest.raises(SourceTrouble) as e:
            preset(shop, "tiktok_shop_hours").poll()
        assert e.value.retry_after_s is not None
        assert least <= e.value.retry_after_s <= least + 5


def test_nobody_follows_to_another_place_with_a_secret(shop: Shop) -> None:
    shop.mishaps = ["307"]
    with pytest.raises(SourceTrouble, match="answers 307: not now; check url") as e:
        plain(shop).poll()
    assert e.value.permanent
    assert len(shop.seen) == 1


def test_an_answer_that_drips_forever_is_cut_off(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.records = [reading("12:00", 1)]
    monkeypatch.setattr(asking, "TRIES", 1)
    monkeypatch.setattr(asking, "WHOLE", -1.0)  # the time for all of it is over at once
    with pytest.raises(SourceTrouble, match="did not end in time"):
        plain(shop).poll()


def test_a_netrc_file_of_the_machine_does_not_replace_the_token(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "netrc"
    kept.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(kept))
    shop.records = [reading("12:00", 1)]
    assert len(plain(shop).rows()) == 1
    assert shop.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_web_page_in_place_of_data_is_named(shop: Shop) -> None:
    shop.mishaps = ["html"]
    with pytest.raises(SourceTrouble, match=r"a web page titled 'Sign in' instead of data"):
        plain(shop).poll()


def test_a_source_that_does_not_answer_is_given_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TRIES", 1)
    shop.mishaps = ["slow"]
    with pytest.raises(SourceTrouble, match="did not answer within 1 s"):
        plain(shop, 'timeout = "1s"').poll()


def test_nobody_there_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TRIES", 1)
    source = 'url = "http://127.0.0.1:9/plain"\nrecords = "rows"'
    with pytest.raises(SourceTrouble, match=r"127.0.0.1:9 cannot be reached"):
        Asked(settings_of(source, 'counter = "interval"')).poll()


def test_an_answer_that_is_too_large_is_broken_off(shop: Shop) -> None:
    shop.records = [reading("12:00", n) for n in range(200)]
    with pytest.raises(SourceTrouble, match="larger than 1 kB") as e:
        plain(shop, 'max_size = "1kB"').poll()
    assert e.value.permanent


def test_the_rate_is_kept(shop: Shop) -> None:
    asked = preset(shop, "tiktok_shop_hours", "", rate=0.1)
    asked.poll()
    assert [round(s) for s in asked.sleeps] == [10], "two requests, ten seconds between them"


# --- any other service ----------------------------------------------------------------------------


def test_an_unchanged_answer_is_not_sent_again(shop: Shop) -> None:
    shop.records = [reading("12:00", "10.50"), reading("12:05", 11)]
    asked = plain(shop)
    assert [r["gmv"] for r in asked.rows()] == ["10.50", "11"]
    assert asked.poll() == []
    assert "if-none-match" in shop.seen[-1].headers
    shop.records.append(reading("12:10", 12.25))
    assert [r["gmv"] for r in asked.rows()] == ["10.50", "11", "12.25"]


@pytest.mark.parametrize(
    ("path", "paging"),
    [
        ("/plain", 'kind = "page"\nparam = "page"'),
        ("/plain", 'kind = "offset"\nparam = "offset"'),
        ("/plain/linked?page_size=40", 'kind = "link"'),
    ],
)
def test_pages_by_number_offset_and_link(shop: Shop, path: str, paging: str) -> None:
    shop.records = [reading(f"{n // 60:02}:{n % 60:02}", n) for n in range(120)]
    more = f"[feed.source.paging]\nsize = 40\n{paging}"
    rows = plain(shop, more, path).rows()
    assert [int(r["gmv"]) for r in rows] == list(range(120))


def test_a_service_that_ignores_the_page_is_found_out(shop: Shop) -> None:
    shop.records = [reading("12:00", 1)] * 40
    more = '[feed.source.paging]\nsize = 40\nsize_param = "n"\nkind = "page"\nparam = "p"'
    with pytest.raises(SourceTrouble, match="the same page again and again"):
        plain(shop, more).poll()


def test_csv_is_mapped_or_handed_on_as_the_file_it_is(shop: Shop) -> None:
    shop.text = "at,sum\n2026-11-11T12:00:00+08:00,10.50\n"
    source = f'url = "{shop.url}/plain.csv"\nanswer = "csv"'
    whole = Asked(settings_of(source, 'counter = "interval"')).poll()
    assert [(one.name, one.content) for one in whole] == [("shop.csv", shop.text.encode())]
    text = source + '\n[feed.source.columns]\nobserved_at = "at"\ngmv = "sum"'
    rows = Asked(settings_of(text, 'counter = "interval"')).rows()
    assert rows == [{"observed_at": "2026-11-11T04:00:00Z", "gmv": "10.50", "campaign_id": "sale"}]


def test_cents_local_times_values_and_constants(shop: Shop) -> None:
    shop.records = [{"when": "2026-11-11 12:00:00", "cents": 123456, "kind": "L", "id": 17293847}]
    source = (
        f'url = "{shop.url}/plain"\nrecords = "rows"\n[feed.source.constants]\nshop_id = "s1"\n'
        '[feed.source.columns]\nobserved_at = { path = "when", read = "local" }\n'
        'gmv = { path = ["none", "cents"], unit = 0.01 }\nlive_id = "id"\n'
        'channel = { path = "kind", values = { L = "live" } }\n'
    )
    assert Asked(settings_of(source, 'counter = "interval"')).rows() == [
        {
            "shop_id": "s1",
            "observed_at": "2026-11-11T04:00:00Z",
            "gmv": "1234.56",
            "live_id": "17293847",
            "channel": "live",
            "campaign_id": "sale",
        }
    ]


def test_what_cannot_be_read_is_handed_on_to_be_set_aside(shop: Shop) -> None:
    shop.records = [{"at": "yesterday", "sum": "many"}]
    assert plain(shop).rows() == [{"observed_at": "yesterday", "gmv": "many"}]


def test_nothing_is_asked_when_no_campaign_is_near(shop: Shop) -> None:
    for asked in (plain(shop), *(preset(shop, name) for name in PATHS)):
        assert asked.poll(instant("2026-10-01 12:00")) == []
    assert shop.seen == []


def test_another_configuration_begins_anew(shop: Shop) -> None:
    shop.records = [reading("12:00", 1)]
    first = plain(shop)
    first.poll()
    second = plain(shop, '[feed.source.params]\nmarket = "MY"')
    second.cursor = first.cursor
    assert len(second.poll()) == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('url = "ftp://x"', "url = 'ftp://x'"),
        ('url = "https://x/{dat}"', r"\{dat\}: no placeholder; known: date"),
        ('url = "https://x/{since}"', "say in window how times are written"),
        ('url = "https://x"\n[feed.source.window]\n', r"must have \{since\} and \{until\}"),
        ('url = "https://x"\n[feed.source.columns]\ngvm = "x"', "gvm: no column of snapshots"),
        ('url = "https://x"\ntimezone = "Mars"', "timezone = 'Mars': no IANA time zone"),
        ('preset = "tiktok"', "known are tiktok_affiliate_orders, tiktok_lives"),
    ],
)
def test_a_wrong_configuration_is_refused_in_words(source: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        settings_of(source, 'counter = "interval"')
