"""scripts/bench service: Luna beside the floor (a bare responder behind the same nginx) and the peer (the original design)."""
import argparse
import json
import pathlib
import sys

import rounds
from stand import Stand


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench service", description=__doc__)
    parser.add_argument("--points", default="10,100,1000,10000,100000", help="series lengths, comma-separated")
    parser.add_argument("--targets", default="floor,luna,peer", help="which to start and measure")
    parser.add_argument("--connections", type=int, default=16, help="connections that wrk keeps open")
    parser.add_argument("--seconds", type=int, default=4, help="length of one round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each target, interleaved")
    parser.add_argument("--workers", type=int, default=4, help="processes of the floor's and of Luna's pool")
    parser.add_argument("--var", type=pathlib.Path, required=True, help="folder for everything that is made")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here too")
    return parser.parse_args()


def main():
    asked = arguments()
    asked.var.mkdir(parents=True, exist_ok=True)
    results, failed = {}, 0
    with Stand(asked.var, asked.workers) as stand:
        targets = [getattr(stand, name)() for name in asked.targets.split(",")]
        print(rounds.HEADER, flush=True)
        for points in map(int, asked.points.split(",")):
            figures = rounds.interleaved(targets, asked.var, points, asked.connections, asked.seconds, asked.rounds)
            print(rounds.table(points, figures), flush=True)
            failed += sum(row["errors"] for row in figures.values())
            results[points] = figures
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if failed:
        print(f"{failed} requests failed: the figures do not count", file=sys.stderr)
    return 1 if failed else 0


sys.exit(main())
