"""`python -m monitor.evaluate`: how good the detector is, and the usual rules beside it.

`simulated`: set B, event days with dips that were put there. `kpis`: set A, labelled web KPIs.
`recorded`: set C, a real sale's orders. `files`: a case of set B as files to replay. `report`: a run
of `simulated` as Markdown and pictures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from monitor.evaluate import report, simulated
from monitor.evaluate.days import FAMILIES, TEST_SEEDS

OTHERS = ("kpis", "recorded", "files")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one evaluation and print it. Exit code 2 for wrong arguments."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in OTHERS:  # they read their own arguments
        return int(import_module(f"monitor.evaluate.{arguments[0]}").main(arguments[1:]) or 0)
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.verb == "report":
        for path in report.write(args.run, args.out):
            print(path)
        return 0
    try:
        detectors = simulated.names(args.detector)
    except ValueError as e:
        parser.error(str(e))
    todo = simulated.jobs(
        args.generator, args.seed, args.days, detectors, args.cold, args.quiet_share
    )
    scores = simulated.scores(todo, args.processes)
    document = {
        "generator": args.generator,
        "seeds": sorted({job.seed for job in todo}),
        "cold": args.cold,
        "quiet_share": args.quiet_share,
        "detectors": {name: score.document() for name, score in scores.items()},
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")
    if args.json:
        print(text)
        return 0
    print(simulated.table(scores))
    print()
    print(simulated.particulars(scores[detectors[0]]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m monitor.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    days = verbs.add_parser("simulated", help="set B: event days with dips that were put there")
    days.add_argument("--days", type=int, default=40, metavar="N", help="campaign-days a family")
    days.add_argument(
        "--seed", type=int, default=TEST_SEEDS, metavar="S",
        help=f"the first seed; those below 100 are for tuning (default {TEST_SEEDS})",
    )  # fmt: skip
    days.add_argument("--generator", choices=(*FAMILIES, "both"), default="both")
    days.add_argument("--cold", action="store_true", help="without any earlier events")
    days.add_argument("--quiet-share", type=float, default=0.3, metavar="SHARE")
    days.add_argument(
        "--detector", default=simulated.OURS, metavar="NAME[;NAME…]",
        help="`monitor`, `monitor@0.8` (all rules at that sensitivity), the name of a rival, that name "
        "and `, tuned`, `rivals` or `tuned rivals`",
    )  # fmt: skip
    days.add_argument("--processes", type=int, default=simulated.PROCESSES, metavar="N")
    days.add_argument("--json", action="store_true", help="print JSON instead of tables")
    days.add_argument("--out", type=Path, metavar="FILE", help="write the JSON there as well")
    for name, what in (
        ("kpis", "set A: labelled web KPIs"),
        ("recorded", "set C: recorded orders with dips put into them"),
        ("files", "one case of set B as recorded files, to be replayed"),
    ):
        verbs.add_parser(name, help=what, add_help=False)
    told = verbs.add_parser("report", help="a run of `simulated` as Markdown tables and pictures")
    told.add_argument("run", type=Path, help="JSON that `simulated --out` wrote")
    told.add_argument("--out", type=Path, required=True, metavar="DIR")
    return parser


if __name__ == "__main__":
    sys.exit(main())
