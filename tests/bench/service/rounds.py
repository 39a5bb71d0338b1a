"""Interleaved rounds of load against several targets, and the medians they give."""
import json
import pathlib
import random
import statistics

from loads import LOADS


def body(points):
    """A noisy walk with the shape of the Nile series; the same bytes for every target and every run."""
    source, level, values = random.Random(points), 1120.0, []
    for _ in range(points):
        level += source.gauss(0, 38.3)
        values.append(round(level + source.gauss(0, 122.9), 2))
    model = {"name": "local_level", "parameters": {"level_variance": 1469.1, "observation_variance": 15099}}
    return json.dumps({"results": values, "model": model}, separators=(",", ":"))


def write_body(var, points):
    file = pathlib.Path(var) / f"body-{points}.json"
    file.write_text(body(points), encoding="ascii")
    return file


def measure(target, load, body_file, connections, seconds):
    """One round: requests a second, latencies in milliseconds, processor microseconds a request by group of processes, errors."""
    before = target.cpu()
    found = load(target, body_file, connections, seconds)
    after = target.cpu()
    target.settle()
    done = max(found["requests"], 1)
    cpu = {f"cpu_{name}_us": 1e6 * (after[name] - before[name]) / done for name in before}
    return found | cpu | {"cpu_us": sum(cpu.values()), "cpu_load_us": 1e6 * found.pop("load_s") / done}


def prepare(targets, body_file):
    sent = body_file.read_bytes()
    luna = next((target for target in targets if target.name == "luna"), None)
    answer = luna.ask(sent).content if luna else None
    for target in targets:
        target.prepare(sent, answer)


def interleaved(targets, body_file, protocol, connections, seconds, rounds):
    """Every target in turn, `rounds` times; the median of each figure, the sum of the errors."""
    figures = {target.name: [] for target in targets}
    for target in targets:
        measure(target, LOADS[protocol], body_file, connections, 1)
    for _ in range(rounds):
        for target in targets:
            lasting = target.round_seconds(seconds, body_file.stat().st_size)
            figures[target.name].append(measure(target, LOADS[protocol], body_file, connections, lasting))
    return {name: medians(rows) for name, rows in figures.items()}


def medians(rows):
    middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    return middle | {"errors": sum(row["errors"] for row in rows)}
