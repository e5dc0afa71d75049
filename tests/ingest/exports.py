"""Files just as the platforms make them, with what is in them known to the cent.

A builder gives a Grid: labels and rows of values that mean something (money is a Decimal, a count an
int, a percentage a Percent, an id an Id, an instant a naive local datetime, None is unknown). A Style
says how they are written. `truth` has, for every row, what it is and what it must be read as.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from monitor.clock import to_ms

KL = ZoneInfo("Asia/Kuala_Lumpur")
DAY = date(2026, 11, 11)
DAY_END_MS = to_ms(datetime(2026, 11, 12, tzinfo=KL)) - 1000  # an export's last second
PERIOD = "20261111-20261111"

Values = dict[str, int]  # metric → hundredths
Ident = tuple[Any, ...]
"""Of a reading: (key, instant in ms). Of a line: (order id, item, instant, key, state)."""


class Percent(float):
    """0.0593 is 5.93 %."""


class Id(str):
    """Digits that are a name, not a number."""

    __slots__ = ()


@dataclass(frozen=True)
class Style:
    """How values are written. `dates` "" gives real dates where the file has such."""

    dialect: str = "comma"  # comma dot bare
    before: str = ""
    after: str = ""
    nothing: str = "--"
    dates: str = "%d/%m/%Y %H:%M:%S"
    typed: bool = False  # money and counts as numbers, where the file has such
    places: int = 2

    def written(self, value: Any) -> str:
        """A value as text."""
        if value is None:
            return self.nothing
        if isinstance(value, Percent):
            return self._points(f"{value * 100:.2f}") + "%"
        if isinstance(value, Decimal):
            return self.before + self._grouped(f"{value:,.{self.places}f}") + self.after
        if isinstance(value, int):
            return self._grouped(f"{value:,}")
        if isinstance(value, datetime):
            return value.strftime(self.dates or "%Y-%m-%d %H:%M:%S")
        return str(value)

    def cell(self, value: Any) -> Any:
        """A value as a cell of a workbook."""
        if isinstance(value, datetime) and not self.dates:
            return value
        if self.typed and isinstance(value, Decimal | int):
            return float(value) if isinstance(value, Decimal) else value
        return self.written(value)

    def _grouped(self, text: str) -> str:
        if self.dialect == "dot":
            return text.translate(str.maketrans(",.", ".,"))
        return text.replace(",", "") if self.dialect == "bare" else text

    def _points(self, text: str) -> str:
        return text.replace(".", ",") if self.dialect == "dot" else text


@dataclass(frozen=True)
class Grid:
    """A table before it is written. `above`: rows over the header; `under`: the row of definitions."""

    format: str
    name: str
    labels: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truth: tuple[tuple[Ident, Values], ...]
    style: Style = field(default_factory=Style)
    above: tuple[tuple[Any, ...], ...] = ()
    under: tuple[tuple[Any, ...], ...] = ()
    below: tuple[tuple[Any, ...], ...] = ()

    @property
    def expected(self) -> dict[Ident, Values]:
        return dict(self.truth)

    @property
    def totals(self) -> Values:
        """Hundredths per metric over all rows."""
        found: Values = {}
        for _, values in self.truth:
            for metric, value in values.items():
                found[metric] = found.get(metric, 0) + value
        return found

    def styled(self, **changes: Any) -> Grid:
        return replace(self, style=replace(self.style, **changes))

    def relabelled(self, **new: str) -> Grid:
        """Labels replaced; keys are the old ones with `_` for anything but letters and digits."""
        plain = {"".join(c if c.isalnum() else "_" for c in label): label for label in self.labels}
        names = {plain[old]: label for old, label in new.items()}
        return replace(self, labels=tuple(names.get(label, label) for label in self.labels))

    def reordered(self, order: Sequence[int]) -> Grid:
        """Columns in another order, or without some of them."""

        def pick(rows: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
            return tuple(tuple(row[i] if i < len(row) else None for i in order) for row in rows)

        return replace(
            self, labels=tuple(self.labels[i] for i in order), rows=pick(self.rows),
            under=pick(self.under), below=pick(self.below),
        )  # fmt: skip

    def without(self, *labels: str) -> Grid:
        assert set(labels) <= set(self.labels)
        return self.reordered([i for i, label in enumerate(self.labels) if label not in labels])

    def chosen(self, numbers: Sequence[int]) -> Grid:
        """Only these rows, in this order."""
        return replace(
            self,
            rows=tuple(self.rows[i] for i in numbers),
            truth=tuple(self.truth[i] for i in numbers),
        )

    def with_cell(self, row: int, label: str, value: Any) -> Grid:
        """One cell replaced; `truth` stays as it was."""
        at = self.labels.index(label)
        cells = list(self.rows[row])
        cells[at] = value
        rows = (*self.rows[:row], tuple(cells), *self.rows[row + 1 :])
        return replace(self, rows=rows)

    def lines(self) -> list[list[Any]]:
        """All rows of the file as values."""
        head = [list(row) for row in self.above]
        return [*head, list(self.labels), *map(list, (*self.under, *self.rows, *self.below))]


def table(
    format: str,
    name: str,
    rows: list[dict[str, Any]],
    truth: list[tuple[Ident, Values]],
    **more: Any,
) -> Grid:
    labels = tuple(rows[0])
    return Grid(format, name, labels, tuple(tuple(r.values()) for r in rows), tuple(truth), **more)


def key(**dims: str) -> tuple[str, ...]:
    order = ("channel", "category", "creator_id", "shop_id", "product_id", "live_id", "slot_id")
    return tuple(dims.get(dim, "") for dim in order)


def known(**values: Decimal | int | None) -> Values:
    """Hundredths of the metrics that are known."""
    return {m: int(v * 100) for m, v in values.items() if v is not None}


def money(rng: random.Random, top: int = 90_000_00) -> Decimal:
    return Decimal(rng.randrange(100, top)).scaleb(-2)


def big_id(rng: random.Random) -> Id:
    return Id(f"17{rng.randrange(10**16, 10**17 - 1):017d}")


def handle(rng: random.Random, number: int) -> str:
    return (
        f"{rng.choice(['aina', 'budi', 'chai', 'linh', 'mei'])}.{number:03d}_{rng.randrange(100)}"
    )


# --- TikTok Shop: exports of a period -----------------------------------------------------------

CREATOR_DEFINITIONS = (
    "The creator's username",
    "GMV of all orders that are attributed to the creator, refunds included",
    "Total amount refunded to customers",
    "Number of orders that are attributed to the creator's content",
    "Number of items sold through the creator's content",
)


def creator_data(seed: int = 1, count: int = 12) -> Grid:
    """TikTok Shop → Creator analysis, 23 columns; GMV = live + video + card to the cent."""
    rng = random.Random(seed)
    rows, truth = [], []
    for number in range(count):
        live, video, card = money(rng), money(rng, 300_000_00), money(rng, 9_000_00)
        gmv, refunds, orders = live + video + card, money(rng, 500_00), rng.randrange(1, 4000)
        items, commission, views = orders + rng.randrange(99), money(rng, 20_000_00), 0
        views = rng.randrange(1_000, 900_000)
        name = handle(rng, number)
        rows.append({
            "Creator name": name, "Creator-attributed GMV": gmv, "Refunds": refunds,
            "Attributed orders": orders, "Creator-attributed items sold": items,
            "Items refunded": rng.randrange(9), "AOV": gmv / orders, "Videos": rng.randrange(40),
            "Live streams": rng.randrange(9), "Est. commission": commission,
            "Samples shipped": rng.randrange(5), "Est. flat fee": Decimal(0),
            "Creator video-attributed GMV": video, "Creator live-attributed GMV": live,
            "Affiliate product card-attributed GMV": card, "CTOR": Percent(rng.random() / 9),
            "CTR": Percent(2.0 if number == 0 else rng.random() / 5),
            "Total sample content": rng.randrange(9), "Products added to showcase": None,
            "Product impressions": views, "Video views": rng.randrange(10**6),
            "Customers": orders, "Products sold": rng.randrange(1, 60),
        })  # fmt: skip
        values = known(
            gmv=gmv, refunds=refunds, orders=orders, items_sold=items, commission=commission,
            impressions=views,
        )  # fmt: skip
        truth.append(((key(creator_id=name), DAY_END_MS), values))
    labels = list(rows[0])
    words = [f"What {label} means, in a few words" for label in labels[5:]]
    return table(
        "tiktok_creator_data", f"Creator_List_{PERIOD}.xlsx", rows, truth,
        under=((*CREATOR_DEFINITIONS, *words),),
    )  # fmt: skip


def video_data(seed: int = 2, count: int = 10) -> Grid:
    """TikTok Shop → Video Data."""
    rng = random.Random(seed)
    rows, truth = [], []
    for number in range(count):
        name, product, gmv = handle(rng, number), big_id(rng), money(rng)
        orders, refunds, commission = rng.randrange(1, 900), money(rng, 90_00), money(rng, 900_00)
        shown, clicks = rng.randrange(1000, 90_000), rng.randrange(10, 999)
        rows.append({
            "Video title": f"Sale 💄 #{number} =1+1", "Video ID": big_id(rng),
            "Post date": "2026/11/10/ 19:30", "Video link": f"https://example.com/v/{number}",
            "Creator name": name, "Product ID": product, "Creator video-attributed GMV": gmv,
            "Video-attributed orders": orders, "AOV": gmv / orders, "Avg. GMV per customer": None,
            "Video-attributed items sold": orders + 1, "Refunds": refunds,
            "Items refunded": rng.randrange(5), "Est. commission": commission,
            "Est. flat fee": Decimal(0), "Video views": rng.randrange(10**6),
            "Likes": rng.randrange(9999), "Comments": 3, "Shares": 4,
            "Video product impressions": shown, "Video product clicks": clicks,
            "Completion rate": Percent(0.21), "CTR": Percent(clicks / shown),
            "Engagement": rng.randrange(99), "Video GPM": money(rng, 90_00),
        })  # fmt: skip
        values = known(
            gmv=gmv, orders=orders, items_sold=orders + 1, refunds=refunds, commission=commission,
            impressions=shown, clicks=clicks,
        )  # fmt: skip
        where = key(channel="video", creator_id=name, product_id=product)
        truth.append(((where, DAY_END_MS), values))
    return table("tiktok_video_data", f"Video_Data_{PERIOD}.xlsx", rows, truth)


def video_list(seed: int = 3, count: int = 10) -> Grid:
    """The older Video List; one label ends with a space."""
    rng = random.Random(seed)
    rows, truth = [], []
    for number in range(count):
        name, gmv, orders = handle(rng, number), money(rng), rng.randrange(1, 900)
        shown, commission = rng.randrange(1000, 90_000), money(rng, 900_00)
        rows.append({
            "Video name": f"vid {number}", "Video link": f"https://example.com/v/{number}",
            "Video post date": "2026-11-10", "Creator username": name, "GMV": gmv,
            "Affiliate items sold ": orders + 2, "Affiliate shoppable video GMV": gmv / 2,
            "Affiliate orders": orders, "Shoppable video impressions": shown,
            "Shoppable video likes": 7, "Shoppable video comments": 8,
            "Est. commission": commission,
        })  # fmt: skip
        values = known(
            gmv=gmv, items_sold=orders + 2, orders=orders, impressions=shown, commission=commission
        )
        truth.append(((key(channel="video", creator_id=name), DAY_END_MS), values))
    return table("tiktok_video_data", f"Video List_{PERIOD}.xlsx", rows, truth)


def product_data(seed: int = 4, count: int = 10) -> Grid:
    """TikTok Shop → Transaction analysis → Product."""
    rng = random.Random(seed)
    rows, truth = [], []
    for number in range(count):
        product, gmv, orders = big_id(rng), money(rng), rng.randrange(1, 900)
        refunds, commission = money(rng, 90_00), money(rng, 900_00)
        shown, clicks = rng.randrange(1000, 90_000), rng.randrange(10, 999)
        category = rng.choice(["Beauty & Personal Care", "Muslim Fashion"])
        rows.append({
            "Product name": f"มาสก์หน้า {number}", "Product ID": product,
            "Product category": category, "Creator-attributed GMV": gmv, "Refunds": refunds,
            "Creator-attributed items sold": orders + 3, "Items refunded": 1,
            "Attributed orders": orders, "Videos": 5, "Live streams": 2, "Videos with sales": 3,
            "Live streams with sales": 1, "Creators posted content": 4, "Creators with sales": 2,
            "Customers": orders, "Product impressions": shown, "Product clicks": clicks,
            "CTOR": Percent(0.1), "CTR": Percent(clicks / shown), "Est. commission": commission,
            "Samples shipped": 0, "Est. flat fee": Decimal(0), "Total sample content": None,
        })  # fmt: skip
        values = known(
            gmv=gmv, refunds=refunds, items_sold=orders + 3, orders=orders, impressions=shown,
            clicks=clicks, commission=commission,
        )  # fmt: skip
        truth.append(((key(category=category, product_id=product), DAY_END_MS), values))
    return table("tiktok_product_data", f"Product_List_{PERIOD}.xlsx", rows, truth)


def shop_overview(seed: int = 5) -> Grid:
    """Seller Center → Shop Overview: labels in row 3, values, growth, the days from row 9 on."""
    rng = random.Random(seed)
    rows, truth = [], []
    for number in range(3):
        day = date(2026, 11, 10) + timedelta(days=number)
        gmv, orders, refunds = money(rng, 9_000_000_00), rng.randrange(900, 9000), money(rng)
        visitors, shown, clicks = rng.randrange(9999), rng.randrange(10**6), rng.randrange(10**5)
        rows.append({
            "Date": day.isoformat(), "GMV": gmv, "Orders": orders, "Customers": orders,
            "Items sold": orders + 9, "Refunds": refunds, "SKU orders": orders + 4,
            "Gross revenue": gmv, "Page views": visitors * 3, "Visitors": visitors,
            "Conversion rate": "0.0175", "Product impressions": shown, "Product clicks": clicks,
            "AOV": gmv / orders, "Creator LIVE-attributed GMV": gmv / 2,
            "Linked account LIVE-attributed GMV": gmv / 4, "Creator video-attributed GMV": gmv / 8,
        })  # fmt: skip
        end = to_ms(datetime(day.year, day.month, day.day, tzinfo=KL) + timedelta(days=1)) - 1000
        values = known(
            gmv=gmv, orders=orders, items_sold=orders + 9, refunds=refunds, visitors=visitors,
            impressions=shown, clicks=clicks,
        )  # fmt: skip
        truth.append(((key(), end), values))
    summary = ("GMV", "Orders", "Visitors")
    above = (
        ("Date range: 2026-11-10 ~ 2026-11-12",), (), summary, ("123", "4", "5"),
        ("+1.5%", "-2%", "--"), (), ("Daily data",), (),
    )  # fmt: skip
    return table("tiktok_shop_overview", "Shop_Overview.xlsx", rows, truth, above=above)


# --- LIVE sessions ------------------------------------------------------------------------------


def live_analysis(
    seed: int = 6, count: int = 8, mark: str = "Rp", zone: str = "Asia/Jakarta"
) -> Grid:
    """Seller Center → LIVE Analysis; header on row 3; the last LIVE crosses midnight."""
    rng = random.Random(seed)
    rows, truth = [], []
    for number in range(count):
        name = handle(rng, number)
        hour = 23 if number == count - 1 else rng.randrange(1, 22)
        start = datetime(2026, 11, 11, hour, rng.randrange(60))
        gmv, orders = Decimal(rng.randrange(10**6, 10**9)), rng.randrange(1, 900)
        viewers, shown, clicks = rng.randrange(9999), rng.randrange(10**4, 10**6), 900
        rows.append({
            "Creator ID": big_id(rng), "Creator": name, "Nickname": f"{name} ✨",
            "Launched Time": start, "Duration": "4h 0min",
            f"LIVE-attributed GMV ({mark})": gmv, "LIVE-attributed items sold": orders + 5,
            "Orders Paid": orders, "Unique customers": orders,
            f"Average Price ({mark})": gmv / orders, "Viewers": viewers, "Views": viewers * 2,
            "Average viewing duration (LIVE streams)": "00:01:20", "Comments": 5, "Shares": 6,
            "LIVE likes": 7, "New followers (Creator video)": 8, "Product Impressions": shown,
            "Product Clicks": clicks, "CTR": Percent(clicks / shown), "CTOR": Percent(0.02),
        })  # fmt: skip
        at = start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        ident = f"{name}@{at:%Y%m%dT%H%M%SZ}"
        where = key(channel="live", creator_id=name, live_id=ident)
        values = known(
            gmv=gmv, items_sold=orders + 5, orders=orders, visitors=viewers, impressions=shown,
            clicks=clicks,
        )  # fmt: skip
        truth.append(((ident, "", to_ms(at), where, "completed"), values))
    style = Style(dialect="dot", dates="%Y-%m-%d %H:%M", places=0)
    above = (("LIVE analysis",), ("Time zone: local",))
    return table("tiktok_live_analysis", "live.xlsx", rows, truth, above=above, style=style)
