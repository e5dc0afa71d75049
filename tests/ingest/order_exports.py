"""Exports with a row per order line, just as the platforms make them; see exports.py."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from monitor.clock import iso, to_ms
from tests.ingest.exports import (
    KL,
    Grid,
    Id,
    Ident,
    Percent,
    Style,
    Values,
    big_id,
    handle,
    key,
    known,
    money,
    table,
)

STATES = ("placed", "completed", "completed", "cancelled", "returned", "ineligible")
ZERO = Decimal(0)

THAI = {
    "Order ID": "หมายเลขคำสั่งซื้อ", "Product ID": "รหัสสินค้า", "Product Name": "ชื่อสินค้า",
    "SKU ID": "ID ของ SKU", "Price": "ราคา", "Currency": "สกุลเงิน", "Quantity": "ปริมาณ",
    "Fully returned or refunded": "คืนสินค้าหรือคืนเงินทั้งหมดแล้ว",
    "Payment method": "วิธีการชำระเงิน", "Order Status": "สถานะคำสั่งซื้อ",
    "Creator Username": "ชื่อผู้ใช้ของครีเอเตอร์", "Content Type": "ประเภทเนื้อหา",
    "Content ID": "รหัสเนื้อหา", "Standard commission rate": "อัตราค่าคอมมิชชั่นมาตรฐาน",
    "Time Created": "เวลาที่สร้าง", "Payment time": "เวลาชำระเงิน",
    "Time Commission Paid": "เวลาที่ชำระค่าคอมมิชชั่น",
    "Photo carousel": "รูปภาพแบบเลื่อน",
}  # fmt: skip
THAI_WORDS = {"Completed": "เสร็จสมบูรณ์", "Processing": "กำลังดำเนินการ", "Cancelled": "ยกเลิกแล้ว",
              "Returned": "คืนสินค้าแล้ว", "Ineligible": "ไม่มีสิทธิ์", "LIVE": "ไลฟ์", "Video": "วิดีโอ",
              "Showcase": "โชว์เคส", "Yes": "ใช่", "No": "ไม่ใช่"}  # fmt: skip


def instant(rng: random.Random) -> datetime:
    return datetime(2026, 11, 11) + timedelta(seconds=rng.randrange(86_400))


def at_ms(local: datetime) -> int:
    return to_ms(local.replace(tzinfo=KL))


def counted(
    state: str, gmv: Decimal, items: int, commission: Decimal, refunds: Decimal | None = None
) -> Values:
    """What a line counts for, by its state."""
    if state == "ineligible":
        return known(gmv=ZERO, orders=0, items_sold=0, commission=ZERO, refunds=ZERO)
    gone = state in ("cancelled", "returned")
    back = max(gmv, refunds or ZERO) if gone else refunds or ZERO
    return known(gmv=gmv, items_sold=items, commission=ZERO if gone else commission, refunds=back)


def affiliate_orders(
    seed: int = 11, count: int = 24, columns: str = "US", currency: str = "MYR"
) -> Grid:
    """`creator_order_all_…`: 30 columns, 31 with the creator's region (UK), 34 Thai and English."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    truth: list[tuple[Ident, Values]] = []
    words = {"placed": "Processing", "completed": "Completed", "cancelled": "Cancelled",
             "returned": "Completed", "ineligible": "Ineligible"}  # fmt: skip
    channels = {
        "LIVE": "live",
        "Video": "video",
        "Showcase": "product_card",
        "LINKSHARE": "linkshare",
    }
    for number in range(count):
        state, made = STATES[number % len(STATES)], instant(rng)
        order, product, sku = big_id(rng), big_id(rng), big_id(rng)
        name, content = handle(rng, number % 5), rng.choice(list(channels))
        gmv, items = money(rng, 900_00), rng.randrange(1, 4)
        estimated, actual = money(rng, 90_00), money(rng, 80_00)
        ads, settled = money(rng, 9_00), state == "completed"
        row = {
            "Order ID": order, "Product ID": product, "Product Name": f"Serum {number} 🧴",
            "SKU ID": sku, "Price": gmv / items, "Payment Amount": gmv, "Currency": currency,
            "Quantity": items, "Fully returned or refunded": "Yes" if state == "returned" else "No",
            "Payment method": "Cash on delivery", "Order Status": words[state],
            "Creator Username": name, "Content Type": content, "Photo carousel": None,
            "Content ID": big_id(rng), "commission model": "Open collaboration",
            "Standard commission rate": Percent(0.1), "Est. Commission Base": gmv,
            "Est. standard commission payment": estimated,
            "Actual Commission Base": gmv if settled else None,
            "Actual Commission Payment": actual if settled else None,
            "Shop Ads commission rate": Percent(0.02), "Est. Shop Ads commission payment": ads,
            "Actual Shop Ads commission payment": ads if settled else None,
            "Est. co-funded creator bonus": ZERO, "Actual co-funded creator bonus": None,
            "Time Created": made, "Payment time": made, "Order Delivery Time": None,
            "Time Commission Paid": None,
        }  # fmt: skip
        if columns == "UK":
            cells = list(row.items())
            row = dict([*cells[:12], ("Creator Region", "MY"), *cells[12:]])
        if columns == "TH":
            extra = {"PIT withholding rate": Percent(0.03), "Est. PIT": ZERO, "Actual PIT": None,
                     "Platform": "TikTok"}  # fmt: skip
            row = {THAI.get(k, k): _thai(v) for k, v in {**row, **extra}.items()}
        rows.append(row)
        where = key(channel=channels[content], creator_id=name, product_id=product)
        commission = (actual if settled else estimated) + ads
        values = counted(state, gmv, items, commission)
        truth.append(((order, f"{sku}|{product}", at_ms(made), where, state), values))
    return table("tiktok_affiliate_orders", f"creator_order_all_{seed}.xlsx", rows, truth)


def _thai(value: Any) -> Any:
    return THAI_WORDS.get(value, value) if type(value) is str else value


def shopee_commission(
    seed: int = 12, count: int = 24, mark: str = "(RM)", indonesian: bool = False
) -> Grid:
    """Shopee Affiliate → commission report: 47 columns, one row an item, a third of them 0."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    truth: list[tuple[Ident, Values]] = []
    words = {"placed": "Pending", "completed": "Completed", "cancelled": "Cancelled",
             "returned": "Completed", "ineligible": "Completed"}  # fmt: skip
    for number in range(count):
        state, made = STATES[number % len(STATES)], instant(rng)
        order, shop, item, model = f"2611{number:04d}XYZ", Id("80012345"), Id(f"{number + 9**9}"), Id(
            f"{number + 7**9}"
        )  # fmt: skip
        gmv = ZERO if number % 3 == 2 else money(rng, 900_00)
        refund = gmv if state == "returned" else ZERO
        commission, sub = money(rng, 90_00), "" if number % 4 else "aina"
        first = {
            "Order id": Id(order), "Order Status": words[state], "Conversion id": big_id(rng),
            "Order Time": made, "Complete Time": None, "Click Time": made, "Shop Name": "Kedai, 1",
            "Shop id": shop, "Shop Type": "Mall", "Item id": item, "Item Name": "Serum \"X\"",
            "Model id": model, "Product Type": "Normal Product", "Promotion id": None,
            "L1 Global Category": "Beauty", "L2 Global Category": "Skincare",
            "L3 Global Category": "Serum", f"Price{mark}": gmv, "Qty": 2, "Offer Type": "Regular",
            "Campaign": "", f"Purchase Value{mark}": gmv, f"Refund Amount{mark}": refund,
            "Item Shopee Commission Rate": Percent(0.03), f"Item Shopee Commission{mark}": ZERO,
            "Item Seller Commission Rate": Percent(0.07), f"Item Seller Commission{mark}": ZERO,
            f"Item Total Commission{mark}": commission, f"Order Shopee Commission{mark}": ZERO,
            f"Order Seller Commission{mark}": ZERO, f"Total Order Commission{mark}": commission,
            "Linked MCN Name": "", "MCN Contract id": None, "MCN Management Fee Rate": Percent(0.0),
            f"MCN Management Fee{mark}": ZERO, "Affiliate Agreement Fee Rate": Percent(0.0),
            f"Affiliate Net Commission{mark}": commission,
            "Affiliate Item Status": {"returned": "Returned", "ineligible": "Invalid"}.get(state, ""),
            "Item Note": "", "Attribution Type": "Direct", "Buyer Status": "Existing",
            "Sub_id1": sub, "Sub_id2": "", "Sub_id3": "", "Sub_id4": "", "Sub_id5": "",
            "Channel": "Others",
        }  # fmt: skip
        if indonesian:
            names = {"Order id": "ID Pemesanan", "Order Time": "Waktu Pemesanan",
                     "Click Time": "Waktu Klik", f"Purchase Value{mark}": f"Nilai Pembelian{mark}",
                     f"Affiliate Net Commission{mark}": f"Komisi Bersih Affiliate {mark}",
                     "Sub_id1": "Tag_link1"}  # fmt: skip
            first = {names.get(k, k): v for k, v in first.items()}
        rows.append(first)
        where = key(
            channel="Others", category="Beauty", creator_id=sub, shop_id=shop, product_id=item
        )
        values = counted(state, gmv, 2, commission, refund)
        truth.append(((order, f"{model}|{item}", at_ms(made), where, state), values))
    style = Style(nothing="", dates="%Y-%m-%d %H:%M:%S", dialect="bare")
    name = "AffiliateCommissionReport.csv"
    return table("shopee_affiliate_commission", name, rows, truth, style=style)


def lazada_conversion(seed: int = 13, count: int = 18) -> Grid:
    """Lazada → Conversion report: 47 columns."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    truth: list[tuple[Ident, Values]] = []
    words = {"placed": ("Fulfilled", "valid"), "completed": ("Delivered", "valid"),
             "cancelled": ("Rejected", "invalid"), "returned": ("Returned", "invalid"),
             "ineligible": ("Delivered", "invalid")}  # fmt: skip
    for number in range(count):
        state, made = STATES[number % len(STATES)], instant(rng)
        order, sku, product, shop = big_id(rng), big_id(rng), Id(f"{number + 10**8}"), Id("1000234")
        gmv, commission = money(rng, 900_00), money(rng, 90_00)
        sub = f"café_{number % 3}"
        cells: dict[str, Any] = {
            "Conversion Time": made, "Check Out ID": order, "Sku Order ID": sku,
            "Sub Order ID": sku, "Status": words[state][0], "Validity": words[state][1],
            "Payout": commission, "Order Amount": gmv, "Currency": "MYR", "Aff Sub ID": sub,
            **{f"Sub ID {i}": "" for i in range(1, 7)}, "Product ID": product,
            "Product Name": "Crème – “été”", "Seller ID": shop, "Seller Name": "Shop",
            "Category": "Beauty", "Quantity": 1, "Commission Rate": Percent(0.1),
            "Fulfilled Time": made,
        }  # fmt: skip
        cells.update({f"Lazada field {i}": "" for i in range(len(cells), 47)})
        rows.append(cells)
        where = key(category="Beauty", creator_id=sub, shop_id=shop, product_id=product)
        values = counted(state, gmv, 1, commission)
        truth.append(((order, f"{sku}|{product}", at_ms(made), where, state), values))
    style = Style(nothing="", dates="%Y-%m-%d %H:%M:%S", dialect="bare")
    return table("lazada_conversion", "Conversion_Report.csv", rows, truth, style=style)


def canonical(seed: int = 14, count: int = 20) -> Grid:
    """Our own snapshots: two readings of ten keys."""
    rng = random.Random(seed)
    rows, truth = [], []
    for number in range(count):
        at = datetime(2026, 11, 11, 12, 5 * (number % 2), tzinfo=KL)
        name, gmv, orders = f"c{number // 2:03d}", money(rng), rng.randrange(1, 900)
        rows.append({
            "observed_at": at.isoformat(), "campaign_id": "sale", "channel": "live",
            "creator_id": name, "gmv": gmv, "orders": orders, "visitors": orders * 40,
        })  # fmt: skip
        values = known(gmv=gmv, orders=orders, visitors=orders * 40)
        truth.append(((key(channel="live", creator_id=name), to_ms(at)), values))
    style = Style(nothing="", dialect="bare")
    return table("canonical", "snapshots.csv", rows, truth, style=style)


def canonical_orders(seed: int = 15, count: int = 20) -> Grid:
    """Lines of orders in our own words."""
    rng = random.Random(seed)
    rows, truth = [], []
    for number in range(count):
        state, made = STATES[number % len(STATES)], instant(rng)
        at = made.replace(tzinfo=KL).astimezone(UTC)
        order, item, product = big_id(rng), Id(f"i{number}"), big_id(rng)
        gmv, commission, items = money(rng), money(rng, 900_00), rng.randrange(1, 5)
        rows.append({
            "order_id": order, "item_id": item, "placed_at": iso(at), "state": state,
            "campaign_id": "sale", "channel": "live", "creator_id": "aina", "product_id": product,
            "gmv": gmv, "items_sold": items, "refunds": ZERO, "commission": commission,
        })  # fmt: skip
        where = key(channel="live", creator_id="aina", product_id=product)
        values = counted(state, gmv, items, commission)
        truth.append(((order, f"{item}|{product}", to_ms(at), where, state), values))
    style = Style(nothing="", dialect="bare")
    return table("canonical_orders", "orders.csv", rows, truth, style=style)
