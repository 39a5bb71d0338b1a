"""Interleaved rounds of wrk against several targets, and the table of medians and ratios they give."""
import json
import os
import pathlib
import random
import re
import statistics
import subprocess

HERE = pathlib.Path(__file__).parent
FIGURES = re.compile(r"^figures (.*)$", re.MULTILINE)


def body(points):
    """A noisy walk with the shape of the Nile series; the same bytes for every target and every run."""
    source, level, values = random.Random(points), 1120.0, []
    for _ in range(points):
        level += source.gauss(0, 38.3)
        values.append(round(level + source.gauss(0, 122.9), 2))
    model = {"name": "local_level", "parameters": {"level_variance": 1469.1, "observation_variance": 15099}}
    return json.dumps({"results": values, "model": model}, separators=(",", ":"))


def measure(target, body_file, connections, seconds):
    """One round: requests a second, latencies in milliseconds, CPU microseconds a request, errors."""
    environment = os.environ | {"LUNA_BENCH_BODY": str(body_file), "LUNA_BENCH_KEY": target.key}
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "--latency", "-s", str(HERE / "post.lua"), target.url]
    before = target.cpu()
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    cpu = target.cpu() - before
    found = {name: int(value) for name, value in (pair.split("=") for pair in FIGURES.search(said).group(1).split())}
    done = max(found["requests"], 1)
    return {"rps": 1e6 * found["requests"] / found["duration_us"], "p50_ms": found["p50_us"] / 1e3, "p99_ms": found["p99_us"] / 1e3,
            "cpu_us": 1e6 * cpu / done, "errors": found["errors"]}


def interleaved(targets, var, points, connections, seconds, rounds):
    """Every target in turn, `rounds` times; the median of each figure, the sum of the errors."""
    body_file = pathlib.Path(var) / f"body-{points}.json"
    body_file.write_text(body(points), encoding="ascii")
    figures = {target.name: [] for target in targets}
    for target in targets:
        measure(target, body_file, connections, 1)
    for _ in range(rounds):
        for target in targets:
            figures[target.name].append(measure(target, body_file, connections, seconds))
    return {name: medians(rows) for name, rows in figures.items()}


def medians(rows):
    middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    return middle | {"errors": sum(row["errors"] for row in rows)}


def table(points, figures):
    """The rows for one size, with Luna's ratios where there is something to divide by."""
    lines = []
    luna = figures.get("luna")
    for name, row in figures.items():
        ratio = f"{luna['rps'] / row['rps']:7.2f}x" if luna and name != "luna" and row["rps"] else "        "
        lines.append(f"{points:>8} {name:<6} {row['rps']:>10.1f} {row['p50_ms']:>9.2f} {row['p99_ms']:>9.2f} {row['cpu_us']:>10.0f} "
                     f"{row['errors']:>7} {ratio}")
    return "\n".join(lines)


HEADER = f"{'points':>8} {'target':<6} {'requests/s':>10} {'p50 ms':>9} {'p99 ms':>9} {'CPU us/req':>10} {'errors':>7} luna/target"
