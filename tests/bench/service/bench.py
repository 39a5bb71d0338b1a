"""Compare the throughput of Luna with that of other programs behind the same nginx.

Targets
  luna        Luna
  floor       a program that answers at once, without any work
  floor-same  the floor with an answer as long as Luna's; shows the cost of TLS, nginx and sockets
  peer        the original design (FastAPI)
"""
import argparse
import json
import pathlib
import sys

import rounds
import verdicts
from loads import LOADS
from stand import Stand


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", default="10,100,1000,10000,100000", help="series lengths, comma-separated (default: %(default)s)")
    parser.add_argument("--targets", default="floor,floor-same,luna,peer", help="targets to measure, comma-separated (default: %(default)s)")
    parser.add_argument("--http", default="1.1,2", help="versions of HTTP, comma-separated: 1.1 (measured by wrk), 2 (measured by h2load) (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=16, help="number of connections that send requests (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="duration of one round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds of each target; the targets take turns (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=4, help="number of worker processes of Luna and of the floor (default: %(default)s)")
    parser.add_argument("--var", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=pathlib.Path, help="file for the figures (default: bench/service.json under LUNA_VAR)")
    parser.add_argument("--require", action="store_true", help="exit with 1 if the ratio to the floor or to the peer over HTTP/1.1 is below its required minimum")
    asked = parser.parse_args()
    for protocol in asked.http.split(","):
        if protocol not in LOADS:
            parser.error(f"--http {protocol}: there are {', '.join(LOADS)}")
    return asked


def measure(asked, targets, points):
    """All protocols for one size: the figures by protocol, errors, requirements that are not met."""
    body_file = rounds.write_body(asked.var, points)
    rounds.prepare(targets, body_file)
    results, errors, missed = {}, 0, 0
    for protocol in asked.http.split(","):
        figures = rounds.interleaved(targets, body_file, protocol, asked.connections, asked.seconds, asked.rounds)
        text, below = verdicts.table(points, protocol, figures)
        print(text, flush=True)
        results[protocol] = figures
        errors += sum(row["errors"] for row in figures.values())
        missed += below
    return results, errors, missed


def main():
    asked = arguments()
    asked.var.mkdir(parents=True, exist_ok=True)
    results, failed, missed = {}, 0, 0
    with Stand(asked.var, asked.workers) as stand:
        targets = [stand.target(name) for name in asked.targets.split(",")]
        print(verdicts.HEADER, flush=True)
        for points in map(int, asked.points.split(",")):
            results[points], errors, below = measure(asked, targets, points)
            failed, missed = failed + errors, missed + below
    (asked.json or asked.var / "service.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    if failed:
        print(f"{failed} requests failed: the figures do not count", file=sys.stderr)
    if missed:
        print(f"{missed} rows are not what is required", file=sys.stderr)
    return 1 if failed or (missed and asked.require) else 0


sys.exit(main())
