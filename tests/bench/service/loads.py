"""The load generators: one round of wrk (HTTP/1.1) or of h2load (HTTP/2) against a target, as the same few figures."""
import os
import pathlib
import re
import resource
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).parent
FIGURES = re.compile(r"^figures (.*)$", re.MULTILINE)
# nginx ends a connection after a thousand requests (keepalive_requests). wrk makes a new one;
# h2load does not, so it never gets that far.
H2_REQUESTS_PER_CONNECTION = 900


def run(command, **environment):
    """What the command says, and the processor seconds it took itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run([str(word) for word in command], env=os.environ | environment, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return said, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wrk(target, body_file, connections, seconds):
    command = ["wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "--latency", "-s", HERE / "post.lua",
               target.url]
    said, cpu_s = run(command, LUNA_BENCH_BODY=str(body_file), LUNA_BENCH_KEY=target.key)
    found = {name: int(value) for name, value in (pair.split("=") for pair in FIGURES.search(said).group(1).split())}
    return {"requests": found["requests"], "rps": 1e6 * found["requests"] / found["duration_us"], "p50_ms": found["p50_us"] / 1e3,
            "p99_ms": found["p99_us"] / 1e3, "errors": found["errors"], "load_s": cpu_s}


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class H2Log:
    """What h2load tells of its requests: when each began, how it was answered, how long it took."""

    def __init__(self):
        self.durations, self.errors, self.busy_us, self.cpu_s = [], 0, 0, 0.0

    def batch(self, target, body_file, connections, each):
        with tempfile.NamedTemporaryFile("r", encoding="ascii") as log:
            command = ["h2load", "-t", min(2, connections), "-c", connections, "-n", connections * each, "-m", 1, "-d", body_file,
                       "-H", "content-type: application/json", "-H", f"x-api-key: {target.key}", f"--log-file={log.name}", target.url]
            self.cpu_s += run(command)[1]
            rows = [tuple(map(int, line.split())) for line in log]
        self.errors += connections * each - sum(status == 200 for _, status, _ in rows)
        self.durations += [duration for _, _, duration in rows]
        self.busy_us += max(start + duration for start, _, duration in rows) - min(start for start, _, _ in rows)
        return len(rows)


def h2load(target, body_file, connections, seconds):
    """Batches of ever more requests until the time is up: h2load's own timed mode goes on counting when its connections have ended."""
    log, end, each = H2Log(), time.monotonic() + seconds, 2
    while time.monotonic() < end:
        log.batch(target, body_file, connections, each)
        each = min(H2_REQUESTS_PER_CONNECTION, each * 4)
    ordered, requests = sorted(log.durations), len(log.durations)
    return {"requests": requests, "rps": 1e6 * requests / log.busy_us, "p50_ms": percentile(ordered, 0.5) / 1e3,
            "p99_ms": percentile(ordered, 0.99) / 1e3, "errors": log.errors, "load_s": log.cpu_s}


LOADS = {"1.1": wrk, "2": h2load}
