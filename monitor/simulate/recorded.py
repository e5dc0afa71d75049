"""Recorded data as canonical snapshots: real days to replay, with refunds and quiet hours.

    python -m monitor.simulate.recorded online-retail SRC.parquet OUT
    python -m monitor.simulate.recorded shopee-orders SRC.parquet OUT

Online Retail: Chen, D. (2015), Online Retail, UCI Machine Learning Repository,
https://doi.org/10.24432/C5BW33, licensed CC BY 4.0. The Shopee orders state no licence: they can be
converted where somebody holds them, and must never be shipped.

Time stamps in such records are cut to their minute or second: a sale stamped 12:05 happened a
little *after* 12:05:00. It therefore belongs to the reading that ends at 12:10, although an
interval row covers (start, end].
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from monitor.campaigns.words import MONEY
from monitor.simulate.configuration import CampaignEntry, FeedEntry, render
from monitor.simulate.snapshots import write_file

CADENCE = timedelta(minutes=5)

UK, EXPORT = "uk", "export"
RETAIL_DAYS = (date(2011, 11, 17), date(2011, 11, 24), date(2011, 12, 1), date(2011, 12, 8))
"""Four Thursdays: the weekday with late opening, so they compare; the last is the busiest one.
The Mondays have a single invoice of half a day's sales, or marketplace fees booked as refunds."""

TOP_SHOPS = 50
OTHER_SHOPS = "other"

Totals = dict[str, int]
"""Metric → sum, money in cents."""


@dataclass(frozen=True)
class Recording:
    """How the days of one data set become campaigns of one interval feed."""

    feed: str
    dimension: str
    zone: ZoneInfo
    market: str
    kind: str
    id_prefix: str
    name: str
    comment: str

    def window(self, day: date) -> tuple[datetime, datetime]:
        """The campaign's [start, end): one local day."""
        after = day + timedelta(days=1)
        return (
            datetime(day.year, day.month, day.day, tzinfo=self.zone),
            datetime(after.year, after.month, after.day, tzinfo=self.zone),
        )

    def readings(self, day: date) -> Iterator[datetime]:
        """Every 5-minute reading of a local day, the one at its end included."""
        start, end = (at.astimezone(UTC) for at in self.window(day))
        while start < end:
            start += CADENCE
            yield start


RETAIL = Recording(
    feed="sales",
    dimension="channel",
    zone=ZoneInfo("Europe/London"),
    market="GB",
    kind="custom",
    id_prefix="gb-",
    name="UK gift shop",
    comment="Recorded: Chen, D. (2015), Online Retail, UCI Machine Learning Repository,\n"
    "https://doi.org/10.24432/C5BW33, CC BY 4.0. Converted by monitor/simulate/recorded.py.",
)
SHOPEE = Recording(
    feed="orders",
    dimension="shop_id",
    zone=ZoneInfo("Asia/Singapore"),
    market="SG",
    kind="payday",
    id_prefix="sg-payday-",
    name="Year-end payday sale",
    comment="Recorded orders without a stated licence: for use where they are held, not to ship.",
)


@dataclass(frozen=True)
class Row:
    """One canonical row before it is text: money in cents, other metrics as whole counts."""

    observed_at: datetime
    key: str
    metrics: Totals


def convert_online_retail(
    parquet_path: Path, out_dir: Path, days: Sequence[date] = RETAIL_DAYS
) -> dict[str, Totals]:
    """Write `monitor.toml`, `totals.json` and one file per 5-minute snapshot of the chosen days.

    Each day is a campaign that is compared with the earlier ones. The totals, also returned, are
    summed straight from the invoice lines and not from what was written, so that they check it.
    """
    lines = retail_lines(pd.read_parquet(parquet_path))
    rows = {day: list(retail_rows(lines, day)) for day in sorted(days)}
    return _write(RETAIL, out_dir, rows, {day: retail_totals(lines, day) for day in rows})


def retail_lines(frame: pd.DataFrame) -> pd.DataFrame:
    """Invoice lines that are sales or cancellations, with their value in whole pence.

    Left out: lines without a positive price (gifts, write-offs, notes of the stock room) and
    invoices that are neither numbers nor cancellations (`A…` adjusts bad debt). `opens` marks the
    first line of a sale, where it counts as an order: a few invoices carry two adjacent minutes.
    """
    invoice = frame["InvoiceNo"].astype(str)
    cancelled = invoice.str.startswith("C")
    quantity = frame["Quantity"].where(~cancelled, -frame["Quantity"])
    mills = np.rint(frame["UnitPrice"] * 1000).astype("int64")
    lines = pd.DataFrame(
        {
            "invoice": invoice,
            "at": frame["InvoiceDate"],
            "channel": np.where(frame["Country"] == "United Kingdom", UK, EXPORT),
            "cancelled": cancelled,
            "quantity": quantity,
            "pence": (mills * quantity + 5) // 10,
        }
    )
    known = cancelled | invoice.str.isdigit()
    lines = lines[known & (frame["UnitPrice"] > 0) & (quantity > 0)].sort_values(
        "at", kind="stable"
    )
    return lines.assign(opens=~lines["cancelled"] & ~lines.duplicated("invoice"))


def retail_rows(lines: pd.DataFrame, day: date) -> Iterator[Row]:
    """The day in 5-minute readings, two rows each (uk, export), zeros where nothing was sold.

    A cancellation is a refund at its own time, whenever the sale was.
    """
    lines = lines[lines["at"].dt.date == day]
    local = lines["at"].dt.tz_localize(RETAIL.zone, ambiguous=False, nonexistent="shift_forward")
    lines = lines.assign(reading=_reading(local))
    sales, refunds = lines[~lines["cancelled"]], lines[lines["cancelled"]]
    by = ["reading", "channel"]
    metrics = {
        "gmv": sales.groupby(by)["pence"].sum(),
        "orders": sales.groupby(by)["opens"].sum(),
        "items_sold": sales.groupby(by)["quantity"].sum(),
        "refunds": refunds.groupby(by)["pence"].sum(),
    }
    for at in RETAIL.readings(day):
        for channel in (UK, EXPORT):
            key = (pd.Timestamp(at), channel)
            yield Row(at, channel, {name: int(sums.get(key, 0)) for name, sums in metrics.items()})


def retail_totals(lines: pd.DataFrame, day: date) -> Totals:
    """What was sold and taken back on a local date, straight from the invoice lines."""
    lines = lines[lines["at"].dt.date == day]
    sold = lines[~lines["cancelled"]]
    return {
        "gmv": int(sold["pence"].sum()),
        "orders": int(sold["opens"].sum()),
        "items_sold": int(sold["quantity"].sum()),
        "refunds": int(lines.loc[lines["cancelled"], "pence"].sum()),
    }


def convert_shopee_orders(parquet_path: Path, out_dir: Path) -> dict[str, Totals]:
    """Write the recorded year-end sale, a campaign a day: orders by shop, GMV unknown.

    The biggest shops keep their ids, the rest is one shop `other`. Returns orders per campaign.
    """
    orders = shopee_orders(pd.read_parquet(parquet_path))
    per_day = orders["at"].dt.date.value_counts().sort_index()
    rows = {day: list(shopee_rows(orders, day)) for day in per_day.index}
    totals = {day: {"orders": int(count)} for day, count in per_day.items()}
    return _write(SHOPEE, out_dir, rows, totals)


def shopee_orders(frame: pd.DataFrame) -> pd.DataFrame:
    """Distinct orders in Singapore time, with the small shops folded into `other`."""
    at, shop = frame["event_time"], frame["shopid"].astype(str)
    at = at.dt.tz_localize(SHOPEE.zone) if at.dt.tz is None else at.dt.tz_convert(SHOPEE.zone)
    orders = pd.DataFrame({"order": frame["orderid"], "at": at, "shop": shop})
    orders = orders.drop_duplicates("order")
    sizes = orders["shop"].value_counts().rename_axis("shop").reset_index(name="size")
    ranked = sizes.sort_values(["size", "shop"], ascending=[False, True])["shop"]
    named = orders["shop"].isin(ranked.head(TOP_SHOPS))
    return orders.assign(shop=orders["shop"].where(named, OTHER_SHOPS))


def shopee_rows(orders: pd.DataFrame, day: date) -> Iterator[Row]:
    """The day in 5-minute readings: shops that sold, and always `other`, so that quiet is known."""
    counts = orders.assign(reading=_reading(orders["at"])).groupby(["reading", "shop"]).size()
    by_reading: dict[datetime, dict[str, int]] = {}
    for (reading, shop), count in counts.items():
        by_reading.setdefault(reading.to_pydatetime(), {})[shop] = int(count)
    for at in SHOPEE.readings(day):
        for shop, count in sorted(({OTHER_SHOPS: 0} | by_reading.get(at, {})).items()):
            yield Row(at, shop, {"orders": count})


def _reading(local: pd.Series) -> pd.Series:
    """The reading that reports an event: the end of the 5 minutes in which it happened."""
    return local.dt.tz_convert(UTC).dt.floor(CADENCE) + CADENCE


def _write(
    recording: Recording,
    out_dir: Path,
    rows: Mapping[date, Sequence[Row]],
    totals: Mapping[date, Totals],
) -> dict[str, Totals]:
    """Write snapshots, configuration and totals; the totals by campaign id."""
    campaigns: list[CampaignEntry] = []
    by_campaign: dict[str, Totals] = {}
    for day, day_rows in rows.items():
        start, end = recording.window(day)
        campaign = CampaignEntry(
            id=f"{recording.id_prefix}{day.isoformat()}",
            name=f"{recording.name}, {day:%A} {day.day} {day:%B %Y}",
            kind=recording.kind,
            market=recording.market,
            start=start,
            end=end,
            compare_with=[earlier.id for earlier in campaigns] or None,
        )
        _write_snapshots(recording, out_dir, campaign, day_rows)
        campaigns.append(campaign)
        by_campaign[campaign.id] = totals[day]
    feed = FeedEntry(recording.feed, f"inbox/{recording.feed}", (recording.dimension,), "interval")
    write_file(out_dir, "monitor.toml", render(campaigns, [feed], recording.comment))
    shown = {i: {m: _number(m, n) for m, n in sums.items()} for i, sums in by_campaign.items()}
    write_file(out_dir, "totals.json", json.dumps(shown, indent=2) + "\n")
    return by_campaign


def _write_snapshots(
    recording: Recording, out_dir: Path, campaign: CampaignEntry, rows: Sequence[Row]
) -> None:
    """One file a reading. No arrival was recorded, so names carry none: it is the reading."""
    metrics = list(rows[0].metrics)
    header = ",".join(["observed_at", "campaign_id", recording.dimension, *metrics]) + "\n"
    files: dict[datetime, list[str]] = {}
    for row in rows:
        at = row.observed_at.astimezone(recording.zone).isoformat()
        numbers = ",".join(_number(metric, row.metrics[metric]) for metric in metrics)
        text = f"{at},{campaign.id},{row.key},{numbers}\n"
        files.setdefault(row.observed_at, [header]).append(text)
    for observed_at, lines in files.items():
        local = observed_at.astimezone(recording.zone)
        clock = "2400" if observed_at == campaign.end else f"{local:%H%M}"
        name = f"{recording.feed}-{campaign.id}-{clock}.csv"
        write_file(out_dir / "recorded" / recording.feed, name, "".join(lines))


def _number(metric: str, value: int) -> str:
    """Money as decimal text to the cent, so that nothing passes through a float."""
    return f"{value // 100}.{value % 100:02d}" if metric in MONEY else str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Convert one recorded data set; exit code 2 for wrong arguments (argparse)."""
    parser = argparse.ArgumentParser(
        prog="python -m monitor.simulate.recorded",
        description="Convert recorded data to canonical snapshots with a configuration.",
    )
    parser.add_argument("dataset", choices=("online-retail", "shopee-orders"))
    parser.add_argument("source", type=Path, metavar="SRC.parquet")
    parser.add_argument("out", type=Path, metavar="OUT")
    args = parser.parse_args(argv)
    if not args.source.is_file():
        parser.error(f"{args.source}: no such file")
    convert = convert_online_retail if args.dataset == "online-retail" else convert_shopee_orders
    for campaign_id, sums in convert(args.source, args.out).items():
        shown = ", ".join(f"{metric} {_number(metric, n)}" for metric, n in sums.items())
        print(f"{campaign_id}: {shown}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
