"""The verbs. `--json` prints one document on standard output; everything else goes to standard error.

Exit codes: 0 done, 1 a failure at work, 2 wrong arguments or configuration.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import runpy
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from monitor import answers
from monitor.alerts.conditions import late
from monitor.boards.rank import boards
from monitor.campaigns.markets import symbol
from monitor.clock import SystemClock
from monitor.errors import ConfigError, MonitorError, StoreHeld
from monitor.ingest.arrivals import Arrival, arrival_of, feed_for, files_in
from monitor.ingest.load import Loaded
from monitor.ingest.sources.tokens import new_token
from monitor.observe import observe
from monitor.replay import Moment, replay
from monitor.runtime import keep_configuration
from monitor.settings import Feed, Settings, load_settings, parse_settings
from monitor.store import Store, open_store
from monitor.tick import Heart, Ticked

REPO = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; gives the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(message)s"
    )
    try:
        return int(options.verb(options) or 0)
    except ConfigError as e:
        print(f"{e}", file=sys.stderr)
        return 2
    except StoreHeld as e:
        route = getattr(options, "route", None)
        print(f"{e}{route(options) if route else ''}", file=sys.stderr)
        return 1
    except MonitorError as e:
        print(f"{e}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m monitor", description="Live monitor for e-commerce sale events."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(
        name: str, run: Callable[[argparse.Namespace], int | None], text: str
    ) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(verb=run)
        return made

    serve = verb("serve", _serve, "The product: scheduler, pages, routes.")
    serve.add_argument("--config", type=Path, help="your campaigns and feeds; without it, the demo")
    serve.add_argument("--db", type=Path, help="database file")
    serve.add_argument("--port", type=int, help="port (8501)")

    ingest = verb("ingest", _ingest, "Read files now, print a summary, exit.")
    ingest.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files or folders")
    ingest.add_argument("--config", type=Path, required=True)
    ingest.add_argument("--db", type=Path, required=True)
    ingest.add_argument("--campaign", help="for files without a campaign column")
    ingest.add_argument("--feed", help="which feed the files belong to")
    ingest.add_argument(
        "--at", type=_instant, help="when it was read, for files that do not say (ISO 8601, offset)"
    )
    ingest.add_argument("--json", action="store_true")

    verb("token", _token, "A new token for a program that pushes snapshots.")

    again = verb("replay", _replay, "Recorded files through the same tick as live.")
    again.add_argument("folder", type=Path, metavar="DIR")
    again.add_argument("--config", type=Path, required=True)
    again.add_argument("--db", type=Path, required=True)
    again.add_argument("--until", type=_instant, help="stop at this instant (ISO 8601, offset)")
    again.add_argument(
        "--speed", type=_speed, default="max", help="virtual seconds a second, or max"
    )
    again.add_argument("--json", action="store_true")

    def asking(
        name: str, run: Callable[[argparse.Namespace], int | None], text: str, path: str, *keys: str
    ) -> argparse.ArgumentParser:
        made = verb(name, run, text)
        made.add_argument("--db", type=Path, required=True)
        made.add_argument("--campaign", required=name != "alerts", default="")
        made.add_argument("--json", action="store_true")
        made.set_defaults(route=lambda options: _route(options, path, keys))
        return made

    asking("alerts", _alerts, "All alerts.", "/api/alerts.json", "campaign")
    expected = asking(
        "expected", _expected, "Per bucket: observed, expected, band, state.",
        "/api/expected.json", "campaign", "scope", "metric",
    )  # fmt: skip
    expected.add_argument("--scope", default="", help="channel=live,category=beauty")
    expected.add_argument("--metric", default="gmv")
    sums = asking("totals", _totals, "Sums per metric.", "/api/totals.json", "campaign", "by")
    sums.add_argument("--by", default="", help="dimensions, separated by commas")
    board = asking("board", _board, "A ranking.", "/api/boards/{name}.json", "campaign", "limit")
    board.add_argument("name")
    board.add_argument("--limit", type=_count)
    return parser


# --- verbs that write -----------------------------------------------------------------------------


def _serve(options: argparse.Namespace) -> None:
    for name in ("config", "db", "port"):
        value = getattr(options, name)
        if value is not None:
            os.environ[f"MONITOR_{name.upper()}"] = str(value)
    sys.argv = [str(REPO / "app.py")]
    runpy.run_path(sys.argv[0], run_name="__main__")


def _ingest(options: argparse.Namespace) -> int:
    settings, text = _configured(options.config)
    if options.campaign is not None:
        settings.campaign_by_id(options.campaign)
    arrivals = []
    for given in options.paths:
        if not given.exists():
            raise ConfigError(f"{given}: no such file or folder")
        for path in files_in(given) if given.is_dir() else [given]:
            feed = feed_for(path, given, settings, options.feed)
            if feed is None:
                known = ", ".join(f.id for f in settings.feed)
                raise ConfigError(f"{path}: which feed? Give --feed with one of: {known}")
            arrivals.append(_arrival(path, feed, options))
    arrivals.sort(key=lambda a: (a.path.name, str(a.path)))
    store = open_store(options.db)
    try:
        keep_configuration(store, options.config, text)
        ticked = Heart(store, settings).tick(SystemClock().now(), arrivals, publish=False)
    finally:
        store.close()
    if options.json:
        _print_json({"files": [loaded.as_json() for loaded in ticked.loaded]})
    else:
        for loaded in ticked.loaded:
            print(_line(loaded))
    return int(any(loaded.status in ("refused", "needs_mapping") for loaded in ticked.loaded))


def _arrival(path: Path, feed: Feed, options: argparse.Namespace) -> Arrival:
    """A file with what was said on the command line, else in the note beside it."""
    noted = arrival_of(path, feed)
    return dataclasses.replace(
        noted, campaign=options.campaign or noted.campaign, at=options.at or noted.at, cursor=None
    )


def _token(options: argparse.Namespace) -> None:
    token, hashed = new_token()
    print(f"token for the program that pushes (shown once): {token}")
    print(f'for the configuration: tokens = ["{hashed}"]')


def _line(loaded: Loaded) -> str:
    rows = f"{loaded.taken} new, {loaded.known} known, {loaded.quarantined} in quarantine"
    lines = [f"{loaded.file}: {loaded.status} ({rows})"]
    if loaded.reason and loaded.status != "taken":
        lines.append(f"  {loaded.reason}")
    for fault in loaded.faults[:5]:
        where = f"line {fault.line}" + (
            f", {fault.column} = {fault.value!r}" if fault.column else ""
        )
        lines.append(f"  {where}: {fault.reason}")
    if len(loaded.faults) > 5:
        lines.append(f"  … and {len(loaded.faults) - 5} more; --json lists all")
    lines += [f"  ! {warning}" for warning in loaded.warnings]
    if loaded.columns.unmatched:
        lines.append(f"  columns not understood: {', '.join(loaded.columns.unmatched)}")
    return "\n".join(lines)


def _replay(options: argparse.Namespace) -> None:
    settings, text = _configured(options.config)
    store = open_store(options.db)
    seen = {"ticks": 0, "files": 0, "refused": 0}

    def on_tick(moment: Moment, ticked: Ticked) -> None:
        seen["ticks"] += 1
        seen["files"] += len(ticked.loaded)
        seen["refused"] += sum(loaded.status == "refused" for loaded in ticked.loaded)
        for loaded in ticked.loaded:
            if loaded.status == "refused":
                print(f"{loaded.file}: refused: {loaded.reason}", file=sys.stderr)
        if sys.stderr.isatty() and seen["ticks"] % 10 == 0:
            print(
                f"\r{moment.now:%Y-%m-%d %H:%M} UTC, {seen['files']} files", end="", file=sys.stderr
            )

    try:
        keep_configuration(store, options.config, text)
        replay(Heart(store, settings), options.folder, options.until, options.speed, on_tick)
        alerts = answers.alerts_json(store)["alerts"]
    finally:
        store.close()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if options.json:
        _print_json({**seen, "alerts": len(alerts)})
        return
    print(f"{seen['files']} files ({seen['refused']} refused) in {seen['ticks']} ticks")
    for alert in alerts:
        print(f"  #{alert['id']} {alert['campaign_id']} {alert['opened_at']} {alert['headline']}")


# --- verbs that ask -------------------------------------------------------------------------------


def _alerts(options: argparse.Namespace) -> None:
    with _Asked(options) as (store, settings):
        if options.campaign:
            settings.campaign_by_id(options.campaign)
        found = answers.alerts_json(store, options.campaign)
    if options.json:
        return _print_json(found)
    for a in found["alerts"]:
        print(f"#{a['id']} {a['severity']:8} {a['status']:8} {a['opened_at']}  {a['headline']}")
    if not found["alerts"]:
        print("no alerts")


def _expected(options: argparse.Namespace) -> None:
    scope = answers.parse_scope(options.scope)
    with _Asked(options) as (store, settings):
        campaign = settings.campaign_by_id(options.campaign)
        now = SystemClock().now()
        found = answers.expected_json(store, settings, campaign, scope, options.metric, now)
    if options.json:
        return _print_json(found)
    print(
        f"{found['metric']} of {options.campaign} {options.scope}, compared with: {found['basis']}"
    )
    for row in found["rows"]:
        cells = [
            row["bucket_start"],
            *(_cell(row[k]) for k in ("observed", "expected", "low", "high")),
        ]
        print("  ".join(cells), row["state"])


def _totals(options: argparse.Namespace) -> None:
    by = tuple(filter(None, options.by.split(",")))
    with _Asked(options) as (store, settings):
        campaign = settings.campaign_by_id(options.campaign)
        found = answers.totals_json(store, settings, campaign, by, SystemClock().now())
    if options.json:
        return _print_json(found)
    print(f"{campaign.name}, {campaign.currency}, complete to {found['watermark'] or 'unknown'}")
    for row in found["rows"]:
        name = " ".join(str(v or "not stated") for v in row["by"].values())
        sums = "  ".join(f"{k} {_cell(v)}" for k, v in row.items() if k != "by")
        print(f"{name}  {sums}".strip())


def _board(options: argparse.Namespace) -> None:
    with _Asked(options) as (store, settings):
        campaign = settings.campaign_by_id(options.campaign)
        observed = observe(store, settings, campaign, SystemClock().now())
        found = boards(store, observed)
        generation = store.rows("publish.ticked")
    if options.name not in found:
        raise ConfigError(f"no board {options.name!r}; known: {', '.join(found)}")
    number = generation[0][1] if generation else 0
    stale = any(late(stream, campaign, SystemClock().now()) for stream in observed.streams)
    answer = answers.board_json(found[options.name], observed.as_of, number, stale, options.limit)
    if options.json:
        return _print_json(answer)
    for row in answer["rows"]:
        print(
            f"{row['rank']:>5}  {row['name']}  {symbol(campaign.currency)}{row['value']:,.2f}"
            f"  {row['share']:.1%}"
        )


# --- helpers --------------------------------------------------------------------------------------


class _Asked:
    """An existing database with the configuration that was last used with it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.path: Path = options.db

    def __enter__(self) -> tuple[Store, Settings]:
        if not self.path.exists():
            raise ConfigError(f"--db {self.path}: no such file; ingest or replay makes one")
        self.store = open_store(self.path)
        kept = self.store.rows("config.kept")
        if not kept:
            self.store.close()
            raise ConfigError(f"--db {self.path}: nothing was ever ingested into it")
        return self.store, parse_settings(kept[0][1], Path(kept[0][0]))

    def __exit__(self, *_: object) -> None:
        self.store.close()


def _configured(path: Path) -> tuple[Settings, str]:
    settings = load_settings(path)
    return settings, path.read_text(encoding="utf-8")


def _route(options: argparse.Namespace, path: str, keys: tuple[str, ...]) -> str:
    query = urlencode(
        {k: getattr(options, k) for k in keys if getattr(options, k) not in (None, "")}
    )
    path = path.replace("{name}", getattr(options, "name", ""))
    return f" at {path}" + (f"?{query}" if query else "")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r}: write it as 2026-11-11T20:00:00+08:00")


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text!r}: a number above 0, or max")
    return speed


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number, 0 or more")
    return int(text)


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _cell(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")
