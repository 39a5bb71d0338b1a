"""How the service grows: with points, connections, accounts and workers; each as rows of figures for the tables and plots."""
import pathlib
import time

import accounts
import httpx
import processes
import redis
import rounds
from loads import FIGURES, run
from luna_stack import wait_until
from stand import PLAN

SPREAD = pathlib.Path(__file__).with_name("spread.lua")


class Bench:
    """What every measure needs. `quick` takes fewer and shorter rounds: to see that it works, not for figures."""

    def __init__(self, stand, pool, quick):
        self.stand, self.stack, self.pool, self.quick = stand, stand.stack, pool, quick
        self.var = stand.var
        self.seconds, self.rounds = (1, 1) if quick else (3, 3)
        self.luna, self.floor = stand.target("luna"), stand.target("floor")

    def sizes(self, *sizes):
        return [size for size in sizes if not self.quick or size in (sizes[0], sizes[len(sizes) // 2], sizes[-1])]

    def body(self, points):
        return rounds.write_body(self.var, points)

    def beside_floor(self, points, connections):
        """Figures of Luna and of the floor, interleaved; no request may fail."""
        figures = rounds.interleaved([self.floor, self.luna], self.body(points), "1.1", connections, self.seconds, self.rounds)
        refuse_errors(figures)
        return figures


def refuse_errors(figures):
    for name, row in figures.items():
        if row["errors"]:
            raise RuntimeError(f"{row['errors']} requests to {name} failed: {row}")


def by_points(bench):
    rows = []
    for points in bench.sizes(10, 100, 1000, 10000, 100000, 1000000):
        connections = 16 if points <= 10000 else 4 if points <= 100000 else 2
        rows.append({"points": points, "connections": connections} | bench.beside_floor(points, connections))
    return rows


def by_connections(bench):
    return [{"connections": connections} | bench.beside_floor(10, connections)
            for connections in bench.sizes(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)]


def by_workers(bench):
    rows = []
    for workers in bench.sizes(1, 2, 3, 4, 6, 8):
        bench.pool.resize(workers)
        for points in (10, 1000):
            figures = rounds.interleaved([bench.luna], bench.body(points), "1.1", 16, bench.seconds, bench.rounds)
            refuse_errors(figures)
            rows.append({"workers": workers, "points": points} | figures)
    bench.pool.resize(bench.stand.workers)
    return rows


class Spread:
    """Requests over many accounts, as a target for measure()."""

    def __init__(self, bench, keys):
        self.name, self.cpu, self.settle, self.url = "luna", bench.luna.cpu, bench.luna.settle, bench.luna.url
        self.keys, self.sent = keys, 0
        self.keys_file = bench.var / "keys"
        self.keys_file.write_text("".join(f"/api/v1/{number}/kalman {key}\n" for number, key in keys), encoding="ascii")

    def load(self, _, body_file, connections, seconds):
        command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "--latency", "-s", SPREAD, self.url]
        said, cpu_s = run(command, LUNA_BENCH_BODY=str(body_file), LUNA_BENCH_KEYS=str(self.keys_file),
                          LUNA_BENCH_SKIP=str(self.sent // 2))
        found = {name: int(value) for name, value in (pair.split("=") for pair in FIGURES.search(said).group(1).split())}
        self.sent += found["requests"]  # the next round goes on from there
        return {"requests": found["requests"], "rps": 1e6 * found["requests"] / found["duration_us"], "p50_ms": found["p50_us"] / 1e3,
                "p99_ms": found["p99_us"] / 1e3, "errors": found["errors"], "load_s": cpu_s}


def all_warm(store, keys):
    """Does Redis know every account?"""
    for first in range(0, len(keys), 10000):
        names = [f"user:{number}:quota" for number, _ in keys[first:first + 10000]]
        if store.exists(*names) < len(names):
            return False
    return True


def told_everything(stack):
    """Has quota-syncd nothing left to tell Redis of accounts that were made or changed?"""
    connection = stack.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM config_outbox")
        left = cursor.fetchone()[0]
    connection.close()
    return left == 0


def redis_us(store):
    """All the time that Redis spent in scripts, in microseconds. What a script calls is counted twice there: by its own name too."""
    return sum(figures["usec"] for name, figures in store.info("commandstats").items() if name.startswith(("cmdstat_eval", "cmdstat_fcall")))


def by_accounts(bench):
    store = redis.Redis.from_url(bench.stack.env["REDIS_URL"])
    counts = bench.sizes(1, 100, 1000, 10000, 100000)
    made, rows = accounts.make(bench.stack, max(counts), PLAN), []
    wait_until(lambda: told_everything(bench.stack), "quota-syncd's end with the new accounts")
    for count in counts:
        spread, began = Spread(bench, made[:count]), time.monotonic()
        while not all_warm(store, spread.keys):  # each account's first request brings it from PostgreSQL into Redis
            spread.load(spread, bench.body(10), 16, 2)
        warm_s, before = time.monotonic() - began, redis_us(store)
        measured = [rounds.measure(spread, spread.load, bench.body(10), 16, bench.seconds) for _ in range(bench.rounds)]
        asked = sum(row["requests"] for row in measured)
        rows.append({"accounts": count, "warm_s": warm_s, "redis_us": (redis_us(store) - before) / asked,
                     "redis_bytes": store.info("memory")["used_memory"], "luna": rounds.medians(measured)})
        refuse_errors({"luna": rows[-1]["luna"]})
    return rows


def ask_once(bench, body):
    with httpx.Client(verify=bench.stack.ca, timeout=60, trust_env=False) as client:
        answer = client.post(bench.luna.url, content=body, headers={"X-API-Key": bench.luna.key, "Content-Type": "application/json"})
    if answer.status_code != 200:
        raise RuntimeError(f"{len(body)} bytes are answered {answer.status_code}: {answer.text[:300]}")
    return len(answer.content)


def by_memory(bench):
    """One worker, new for every size: what it holds before, at its peak, and after."""
    rows = []
    bench.pool.resize(1)
    for points in bench.sizes(10, 100, 1000, 10000, 100000, 1000000):
        for model in ("given", "fitted"):
            bench.pool.reload()
            body, worker = rounds.body(points), bench.pool.workers()[0]
            sent = (body if model == "given" else body[:body.index("]") + 1] + "}").encode()
            ask_once(bench, rounds.body(10).encode())
            before = processes.memory(worker)
            answered = ask_once(bench, sent)
            after = processes.memory(worker)
            rows.append({"points": points, "model": model, "body": len(sent), "answer": answered, "before": before, "after": after})
    bench.pool.resize(bench.stand.workers)
    return rows
