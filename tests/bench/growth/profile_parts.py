"""Where a request's time goes: the worker's own phases, system calls by strace -c, functions by perf; workers and nginx."""
import re
import signal
import subprocess
import threading

import processes
import rounds
from loads import wrk

SYSCALL = re.compile(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", re.MULTILINE)
SAMPLE = re.compile(r"^ *([\d.]+)% +(\S+) +\[(.)\] +(.+?)(?: +-)* *$", re.MULTILINE)
PHASE = re.compile(r'phase="(\w+)"')
SYMBOLS_SHOWN = 12


class Load:
    """wrk in the background while something watches; `requests` is what it sent in all."""

    def __init__(self, bench, points, connections, seconds):
        self.work = lambda: setattr(self, "figures", wrk(bench.luna, bench.body(points), connections, seconds))
        self.figures, self.thread = None, threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()


def phases(bench, points):
    """Microseconds a request in each phase of a worker, and processor time by group; one client, so that nothing waits for a core."""
    with Load(bench, points, 1, 1):  # whatever is still cold
        pass
    requests, before, cpu = bench.pool.settled_requests(), bench.pool.metrics(), bench.luna.cpu()
    with Load(bench, points, 1, bench.seconds) as load:
        pass
    done = bench.pool.settled_requests() - requests
    after, used = bench.pool.metrics(), bench.luna.cpu()
    spent = {}
    for (name, labels), value in after.items():
        if name == "luna_worker_phase_seconds_total":
            phase = PHASE.search(labels)[1]
            spent[phase] = 1e6 * (value - before[name, labels]) / done
    return {"phases": spent, "cpu": {name: 1e6 * (used[name] - cpu[name]) / done for name in used},
            "latency_us": 1e3 * load.figures["p50_ms"], "rps": load.figures["rps"]}


def busy(pids):
    return [pid for root in pids for pid in processes.descendants(root) if pid != root]


def system_calls(bench, points, pids):
    """Calls a request, by name."""
    requests = bench.pool.settled_requests()
    command = ["strace", "-f", "-c", "-U", "time,total-time,avg-time,calls,errors,name"] + [word for pid in pids for word in ("-p", str(pid))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as tracer:
        with Load(bench, points, 4, bench.seconds):
            pass
        done = bench.pool.settled_requests() - requests
        tracer.send_signal(signal.SIGINT)
        said = tracer.communicate(timeout=30)[1]
    counts = {name: int(calls) / done for calls, name in SYSCALL.findall(said) if name != "total"}
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def functions(bench, points, pids, cpu_us):
    """Microseconds a request by shared object, and of the functions that take most."""
    data = bench.var / "perf.data"
    with Load(bench, points, 16, bench.seconds + 2):
        command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o", data, "-p", ",".join(map(str, pids)), "--", "sleep",
                   str(bench.seconds)]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
    said = subprocess.run(["perf", "report", "-i", str(data), "--stdio", "--no-children", "--sort", "dso,symbol", "-g", "none"], check=True,
                          capture_output=True, text=True).stdout
    rows = [(float(share) * cpu_us / 100, "kernel" if kind == "k" else dso, symbol) for share, dso, kind, symbol in SAMPLE.findall(said)]
    objects = {}
    for us, dso, _ in rows:
        objects[dso] = objects.get(dso, 0) + us
    named = [row for row in rows if not row[2].startswith("0x")]
    return {"objects": dict(sorted(objects.items(), key=lambda item: -item[1])), "symbols": named[:SYMBOLS_SHOWN]}


def by_part(bench):
    """For three sizes: phases; and for the smallest and the middle one system calls and functions too."""
    rows = []
    for points in bench.sizes(10, 1000, 10000):
        row = {"points": points} | phases(bench, points)
        figures = rounds.interleaved([bench.luna], bench.body(points), "1.1", 16, bench.seconds, 1)["luna"]
        for group, pids in (("workers", bench.pool.workers()), ("nginx", busy(bench.luna.groups["nginx"]))):
            row[f"{group}_us"] = figures[f"cpu_{group}_us"]
            row[f"{group}_calls"] = system_calls(bench, points, pids)
            row[f"{group}_functions"] = functions(bench, points, pids, figures[f"cpu_{group}_us"])
        rows.append(row)
    return rows
