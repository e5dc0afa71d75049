"""`python -m monitor.simulate`: write a simulated season as a folder for `monitor replay`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from monitor.simulate.configuration import FeedEntry, entry, render
from monitor.simulate.demo import checkout_trouble
from monitor.simulate.event import Key, simulate
from monitor.simulate.season import SALES, season
from monitor.simulate.snapshots import COUNTERS, write_event, write_file

FEED = "performance"


def main(argv: Sequence[str] | None = None) -> int:
    """Write `monitor.toml` and `recorded/performance/*.csv` below `--out`."""
    args = _parser().parse_args(argv)
    specs = season(args.campaigns, args.creators, args.seed)
    if args.incident:
        last = specs[-1]
        specs = (*specs[:-1], replace(last, incidents=(checkout_trouble(last),)))
    out: Path = args.out
    feed = FeedEntry(FEED, f"inbox/{FEED}", Key._fields, args.counter)
    text = render(
        [entry(spec, " (simulated)") for spec in specs],
        [feed],
        f"Simulated season: {args.creators} creators, seed {args.seed}. All names are fictional.",
    )
    write_file(out, "monitor.toml", text)
    (out / "inbox" / FEED).mkdir(parents=True, exist_ok=True)
    for spec in specs:
        paths = write_event(simulate(spec), out / "recorded" / FEED, args.counter, FEED)
        print(f"{spec.campaign_id}: {len(paths)} snapshots", file=sys.stderr)
    print(
        f"Replay it: python -m monitor replay {out / 'recorded'} "
        f"--config {out / 'monitor.toml'} --db simulated.duckdb",
        file=sys.stderr,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m monitor.simulate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--creators", type=int, default=60, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--counter", choices=COUNTERS, default="cumulative_day")
    parser.add_argument(
        "--campaigns",
        type=_codes,
        default=[sale.code for sale in SALES],
        metavar="99,1010,1111",
    )
    parser.add_argument(
        "--incident", action="store_true", help="break the checkout of the last campaign at 20:00"
    )
    return parser


def _codes(text: str) -> list[str]:
    codes = [code.strip() for code in text.split(",")]
    known = [sale.code for sale in SALES]
    for code in codes:
        if code not in known:
            raise argparse.ArgumentTypeError(f"{code!r} is no campaign; known: {', '.join(known)}")
    return list(dict.fromkeys(codes))


if __name__ == "__main__":
    sys.exit(main())
