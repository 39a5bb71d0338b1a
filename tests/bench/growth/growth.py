"""Measure how the service scales, and where the time of a request goes.

Each section is measured separately; its figures are kept in bench/growth.json under LUNA_VAR.
"""
import argparse
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "service"))
from stand import Stand, replace_in  # noqa: E402  (the path comes first)

import measures  # noqa: E402
import profile_parts  # noqa: E402
import render  # noqa: E402
import startup  # noqa: E402
import steps  # noqa: E402
from pool import Pool  # noqa: E402

SECTIONS = {"points": measures.by_points, "connections": measures.by_connections, "accounts": measures.by_accounts,
            "workers": measures.by_workers, "memory": measures.by_memory, "startup": startup.by_start, "steps": steps.by_step,
            "parts": profile_parts.by_part}
PEAK_PER_BODY = 4  # of a worker that is sent a million points, everything it holds counted


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"what to measure: {', '.join(SECTIONS)} (default: all of them)")
    parser.add_argument("--quick", action="store_true", help="run only a few short rounds, to check that the benchmark works; the figures are not usable")
    parser.add_argument("--write", action="store_true", help="write the measured figures, and the latest ones of scripts/bench service, to docs/PERFORMANCE.md and its plots")
    parser.add_argument("--render", action="store_true", help="measure nothing; write the figures of earlier runs")
    parser.add_argument("--var", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    for section in asked.sections:
        if section not in SECTIONS:
            parser.error(f"no section \"{section}\": there are {', '.join(SECTIONS)}")
    return asked


def allow_connections(stack):
    """A thousand from one address, which the gateway would not have."""
    for zone in ("everyone", "address"):
        replace_in(stack.var / "nginx" / "limits.conf", rf"limit_conn {zone} \d+;", f"limit_conn {zone} 4000;")
    replace_in(stack.var / "nginx" / "limits.conf", r"luna_source_connections \d+;", "luna_source_connections 4000;")
    os.kill(stack.pid("nginx"), signal.SIGHUP)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def said_by(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE).stdout.strip()


def describe_machine(quick):
    processors = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    versions = [f"{name} {said_by('dpkg-query', '-W', '-f=${Version}', name)}" for name in ("nginx", "redis-server", "postgresql-15", "wrk")]
    return {"date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "kernel": os.uname().release, "quick": quick,
            "cpu": next((line.split(": ")[1] for line in processors if line.startswith("model name")), os.uname().machine),
            "packages": ", ".join(versions), "commit": said_by("git", "rev-parse", "--short=12", "HEAD")}


def measure(asked, results):
    results["machine"] = describe_machine(asked.quick)
    with Stand(asked.var, 4) as stand:
        allow_connections(stand.stack)
        bench = measures.Bench(stand, Pool(stand.stack), asked.quick)
        for section in asked.sections or SECTIONS:
            print(f"==> {section}", flush=True)
            results[section] = SECTIONS[section](bench)
            print(render.tables(section, results[section]), flush=True)


def peak_holds(results):
    """A million points: the worker's peak beside the body."""
    for row in results.get("memory", []):
        times = row["after"]["peak"] / row["body"]
        if row["points"] == 1000000 and times > PEAK_PER_BODY:
            print(f"a million points ({row['model']}) took {times:.2f} times their body; at most {PEAK_PER_BODY} are allowed", file=sys.stderr)
            return False
    return True


def main():
    asked = arguments()
    asked.var.mkdir(parents=True, exist_ok=True)
    kept = asked.var / "growth.json"
    results = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    if not asked.render:
        measure(asked, results)
        kept.write_text(json.dumps(results, indent=1), encoding="utf-8")
    if asked.write or asked.render:
        service = asked.var / "service.json"
        if service.exists():
            results["service"] = json.loads(service.read_text(encoding="utf-8"))
        render.write(results)
    return 0 if peak_holds(results) else 1


sys.exit(main())
