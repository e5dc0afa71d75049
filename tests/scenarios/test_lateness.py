"""What is wrong with the data is told as that, once, with its own times, and never as a dip."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta

from monitor.alerts.records import Alert
from monitor.tick import Heart
from tests.conftest import File, a_heart, csv_text, ingest, local, settings_for, total
from tests.scenarios.shop import NIGHTS, Shop, a_night, alerts, between, live, moment

# --- a counter that stands still ------------------------------------------------------------------


def test_a_stuck_counter_is_told_after_three_snapshots_and_explains_the_dips_it_makes() -> None:
    heart, files = a_night(), Shop(frozen=("03:00", "03:40")).files()
    live(heart, files, since="02:55", until="03:10")
    assert not alerts(heart, rule="stuck_counter")
    live(heart, files, since="03:10", until="03:35", history=False)
    [stuck] = alerts(heart, rule="stuck_counter")
    assert (stuck.status, stuck.severity, stuck.reason) == ("open", "warning", "feed_late")
    assert stuck.due_at == local("03:15:20")
    assert stuck.breach_start == local("03:00:00")
    assert not stuck.found_late
    assert stuck.headline.startswith("Feed shop is stuck: files come, but no counter in it has mov")
    dips = alerts(heart, kind="dip", status="open")
    assert dips
    assert {dip.reason for dip in dips} == {"feed_late"}
    parents = {dip.covered_by for dip in dips}
    assert stuck.id in parents
    assert parents <= {stuck.id, *(dip.id for dip in dips)}


def test_when_it_moves_again_and_makes_up_the_dips_were_none() -> None:
    heart, files = a_night(), Shop(frozen=("03:00", "03:40")).files()
    live(heart, files, since="02:55", until="04:05")
    [stuck] = alerts(heart, rule="stuck_counter")
    assert (stuck.status, stuck.resolve_reason) == ("resolved", "recovered")
    assert stuck.resolve_event == local("03:45:20")
    assert stuck.headline == (
        "Feed shop was stuck from 03:00 to 03:45: what was held back came at once"
    )
    dips = alerts(heart, kind="dip")
    assert {(dip.status, dip.resolve_reason, dip.reason) for dip in dips} == {
        ("resolved", "withdrawn", "withdrawn")
    }


def test_a_total_stop_that_is_not_made_up_speaks_for_itself() -> None:
    """All counters stood still and nothing came after: the sale was down, and that is a dip."""
    heart = a_night()
    live(heart, Shop(gain=between("03:00", "03:40", 0)).files(), since="02:55", until="04:15")
    [stuck] = alerts(heart, rule="stuck_counter")
    assert stuck.headline.endswith("what was missing did not come")
    [dip] = alerts(heart, rule="gmv_dip", scope={})
    assert (dip.resolve_reason, dip.reason) == ("recovered", "real_drop")
    assert dip.covered_by is None


def test_a_sale_that_stops_while_visitors_move_is_a_dip_and_no_stuck_counter() -> None:
    heart = a_night()
    live(
        heart,
        Shop(gain=between("03:00", "05:00", 0, "gmv", "orders")).files(),
        since="02:55",
        until="03:30",
    )
    assert not alerts(heart, rule="stuck_counter")
    [dip] = alerts(heart, rule="gmv_dip", scope={})
    assert (dip.reason, dip.covered_by, dip.severity) == ("real_drop", None, "critical")


def test_a_sleepy_hour_of_a_tiny_feed_is_not_stuck() -> None:
    """About one visitor every five minutes, then none for half an hour: that happens."""

    def gain(at: str, metric: str, channel: str) -> float:
        if "03:00" < at <= "03:30":
            return 0.0
        return {"visitors": 0.004, "orders": 0.03}.get(metric, 1.0)

    heart = a_night()
    live(heart, Shop(gain=gain).files(), since="02:55", until="03:45")
    assert not alerts(heart, rule="stuck_counter")


def test_a_sale_that_falls_asleep_is_not_stuck() -> None:
    """Twenty orders every five minutes at midnight, one at three, none after."""

    def gain(at: str, metric: str, channel: str) -> float:
        minutes = int(at[:2]) * 60 + int(at[3:])
        return math.pow(0.3 if metric == "visitors" else 0.5, minutes / 20)

    heart = a_night()
    live(heart, Shop(gain=gain).files(), since="02:00", until="04:00")
    assert not alerts(heart, rule="stuck_counter")


def test_a_feed_of_money_alone_can_be_stuck_too() -> None:
    heart = a_night()
    shop = Shop(frozen=("03:00", "03:40"), metrics=("gmv",))
    live(heart, shop.files(), since="02:55", until="03:20")
    [stuck] = alerts(heart, rule="stuck_counter")
    assert stuck.due_at == local("03:15:20")


def test_a_counter_stuck_from_the_start_is_told_by_the_curve() -> None:
    heart = a_night()
    live(heart, Shop(frozen=("00:05", "03:00")).files(), since="00:05", until="00:45")
    [stuck] = alerts(heart, rule="stuck_counter")
    assert stuck.breach_start == local("00:05:00")
    assert stuck.due_at <= local("00:40:20")


# --- a counter that begins anew -------------------------------------------------------------------


def restart(at_restart: str, until: str = "99") -> Callable[[str, int], int]:
    """What a source shows that lost its counters at an instant (and found them again)."""

    def shown(at: str, value: int) -> int:
        return value // 50 if at_restart <= at < until else value

    return shown


def test_a_reset_at_an_odd_time_is_told_as_one_and_is_no_dip() -> None:
    heart = a_night()
    live(heart, Shop(shown=restart("03:00")).files(), since="02:55", until="03:15")
    [reset] = alerts(heart, rule="counter_reset")
    assert (reset.status, reset.reason, reset.kind) == ("open", "counter_reset", "data")
    assert reset.due_at == reset.breach_start == local("03:00:20")
    assert re.search(
        r"^Counter reset at an odd time: GMV of feed shop fell from RM 3\d\.\dk to RM \d{3} at 03:00; "
        r"RM 3\d\.\dk less is booked as a correction",
        reset.headline,
    )
    assert not alerts(heart, rule="correction")
    live(heart, Shop(shown=restart("03:00")).files(), since="04:05", until="04:10")
    [reset] = alerts(heart, rule="counter_reset")
    assert reset.status == "resolved"


def test_one_wrong_reading_is_told_as_that() -> None:
    heart = a_night()
    live(heart, Shop(shown=restart("03:00", "03:05")).files(), since="02:55", until="03:15")
    [reset] = alerts(heart, rule="counter_reset")
    assert reset.headline.endswith("at 03:00 and was back at 03:05: one wrong reading")
    assert reset.resolve_event == local("03:05:20")
    assert not alerts(heart, rule="correction")


def test_a_reset_at_midnight_is_none() -> None:
    heart = a_night()
    yesterday = Shop(campaign="sale", day="2026-11-10").readings("23:55")
    rows = [row for at, rows in yesterday.items() if at > "23:00" for row in rows]
    ingest(heart, File("before.csv", csv_text(rows)), now=local("00:00:02"))
    live(heart, Shop().files(), since="00:05", until="00:20")
    assert not alerts(heart, kind="data")


# --- corrections ----------------------------------------------------------------------------------


def correction(share: float) -> Callable[[str, int], int]:
    def shown(at: str, value: int) -> int:
        return value - int(30_000 * share) if at >= "03:00" and value > 15_000 else value

    return shown


def test_a_correction_of_one_per_cent_is_told_for_an_hour() -> None:
    heart = a_night()
    live(heart, Shop(shown=correction(0.06)).files(), since="02:55", until="03:15")
    [told] = alerts(heart, rule="correction")
    assert (told.status, told.severity, told.reason) == ("open", "info", "correction")
    assert "a correction, not a dip" in told.headline
    assert not alerts(heart, rule="counter_reset")
    live(heart, Shop(shown=correction(0.06)).files(), since="04:05", until="04:10")
    [told] = alerts(heart, rule="correction")
    assert told.status == "resolved"
    assert local("03:55") <= (told.resolve_event or local("00:00")) <= local("04:05")


def test_a_small_correction_is_no_news() -> None:
    heart = a_night()
    live(heart, Shop(shown=correction(0.02)).files(), since="02:55", until="03:15")
    assert not alerts(heart, rule="correction")


# --- files that wait for somebody -----------------------------------------------------------------


def half_read(at: str, bad: int, good: int = 20) -> File:
    rows = [
        {
            "observed_at": f"2026-11-11T{at}:20+08:00",
            "campaign_id": "sale",
            "channel": "live",
            "creator_id": f"c{i}",
            "gmv": "12,3x" if i < bad else 100 + i,
        }
        for i in range(bad + good)
    ]
    return File(f"half-{at.replace(':', '')}.csv", csv_text(rows))


def data_alerts(heart: Heart, rule: str) -> list[tuple[str, str]]:
    return [(a.status, a.headline) for a in alerts(heart, rule=rule)]


def test_a_refused_file_is_told_once_until_a_readable_one_follows() -> None:
    heart = a_night()
    ingest(heart, half_read("00:01", 0), now=moment("00:01"))
    ingest(heart, File("broken.csv", "this is no table"), now=moment("00:05"))
    ingest(heart, File("broken2.csv", "neither is this"), now=moment("00:06"))
    [(status, headline)] = data_alerts(heart, "refused_file")
    assert status == "open"
    assert headline.startswith("File broken2.csv of feed shop was refused (and 1 before it): ")
    ingest(heart, half_read("00:10", 0), now=moment("00:10"))
    [(status, _)] = data_alerts(heart, "refused_file")
    assert status == "resolved"


def test_a_file_whose_columns_nobody_knows_waits_until_they_are_explained() -> None:
    heart = a_night()
    ingest(heart, half_read("00:01", 0), now=moment("00:01"))
    ingest(heart, File("odd.csv", "this is no table"), now=moment("00:05"))
    heart.store.cursor.execute(
        "update batch set status = 'needs_mapping', reason = '3 of 4 columns matched'"
        " where file = 'odd.csv'"
    )
    heart.tick(local("00:06"), publish=False)
    [(status, headline)] = data_alerts(heart, "needs_mapping")
    assert status == "open"
    assert headline.startswith(
        "File odd.csv of feed shop waits: 3 of 4 columns matched; say on the"
    )
    assert [s for s, _ in data_alerts(heart, "refused_file")] == ["resolved"]
    ingest(heart, half_read("00:10", 0), now=moment("00:10"))
    assert [s for s, _ in data_alerts(heart, "needs_mapping")] == ["open"]  # it still waits
    heart.store.cursor.execute("update batch set status = 'taken' where file = 'odd.csv'")
    heart.tick(local("00:12"), publish=False)
    assert [s for s, _ in data_alerts(heart, "needs_mapping")] == ["resolved"]


def test_a_file_with_much_in_quarantine_is_told_once() -> None:
    heart = a_night()
    ingest(heart, half_read("00:05", 1), now=moment("00:05"))
    assert data_alerts(heart, "quarantine") == []  # one of 21 is under a twentieth
    ingest(heart, half_read("00:10", 2), now=moment("00:10"))
    for minute in ("00:15", "00:20"):
        ingest(heart, half_read(minute, 0), now=moment(minute))
        [(status, headline)] = data_alerts(heart, "quarantine")
        assert status == "open"
        assert headline.startswith("9% of the rows of half-0010.csv (feed shop) could not be read;")
    ingest(heart, half_read("00:25", 0), now=moment("00:25"))
    assert [s for s, _ in data_alerts(heart, "quarantine")] == ["resolved"]


# --- late, and behind -----------------------------------------------------------------------------


def hours(until: int, complete: int, gmv: int = 1000) -> File:
    """A day of hours as the hourly shop performance gives them: zeros after `complete`."""
    rows = [
        {
            "observed_at": f"2026-11-11T{hour:02}:00:00+08:00",
            "campaign_id": "sale",
            "gmv": gmv + hour if hour <= complete else 0,
            "orders": 10 if hour <= complete else 0,
            "complete_through": f"2026-11-11T{complete:02}:00:00+08:00",
        }
        for hour in range(1, until + 1)
    ]
    return File(f"hours-{complete}.csv", csv_text(rows), "hours")


def late_alerts(heart: Heart) -> list[Alert]:
    return alerts(heart, rule="feed_late")


def test_a_feed_whose_watermark_stands_still_is_behind_though_files_come() -> None:
    heart = a_night({"hours": "interval"})
    for minute in range(0, 50, 5):
        row = {
            "observed_at": f"2026-11-11T01:{minute:02}:00+08:00",
            "campaign_id": "sale",
            "gmv": 100,
            "complete_through": f"2026-11-11T01:{min(minute, 20):02}:00+08:00",
        }
        ingest(heart, File(f"i{minute}.csv", csv_text([row])), now=moment(f"01:{minute:02}"))
        assert bool(late_alerts(heart)) == (minute >= 35)  # 01:20 + two cadences and a minute
    [told] = late_alerts(heart)
    assert told.due_at == local("01:31")
    assert told.headline.startswith(
        "Feed hours is behind: readings come, but its source says that they are complete only to 01:20"
    )
    row |= {"observed_at": "2026-11-11T01:50:00+08:00"}
    row |= {"complete_through": "2026-11-11T01:50:00+08:00"}
    ingest(heart, File("i50.csv", csv_text([row])), now=moment("01:50"))
    assert late_alerts(heart)[0].status == "resolved"


def test_rows_that_end_in_the_future_do_not_make_a_feed_early() -> None:
    """An hour that still runs ends after its file came; the file cannot speak for the rest of it."""
    heart = a_night({"hours": "interval"})
    row = {"observed_at": "2026-11-11T05:00:00+08:00", "campaign_id": "sale", "gmv": 100}
    ingest(heart, File("ahead.csv", csv_text([row])), now=moment("01:00"))
    heart.tick(local("01:10"), publish=False)
    assert not late_alerts(heart)
    heart.tick(local("01:15"), publish=False)
    [told] = late_alerts(heart)
    assert told.due_at == moment("01:00") + timedelta(minutes=11)


def test_zeros_after_the_watermark_are_no_dip_and_no_stuck_counter() -> None:
    heart = a_heart(settings_for(campaigns=NIGHTS, feeds={"hours": "interval"}, cadence="1h"))
    ingest(heart, hours(6, 2), now=local("02:20"))
    heart.tick(local("03:30"), publish=True)
    assert not alerts(heart, kind="dip")
    assert not alerts(heart, rule="stuck_counter")
    assert not late_alerts(heart)
    assert total(heart, "gmv", campaign="sale") == 2003
    heart.tick(local("04:05"), publish=True)
    [told] = late_alerts(heart)
    assert told.due_at == local("04:01")
    assert heart.picture is not None
    [feed] = [f for f in heart.picture.feeds if f.campaign_id == "sale"]
    assert (feed.late, feed.complete_to, feed.lag_s) == (True, local("02:00"), 7500.0)
    assert heart.picture.campaigns["sale"].late_feeds == ("hours",)
