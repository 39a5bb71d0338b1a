"""From a start to the first answer: of a whole pool, and of a worker in the place of one that was killed."""
import os
import pwd
import signal
import statistics
import subprocess
import time

import httpx
import processes
import rounds
from luna_stack import BUILD, wait_until
from stand import port_after

SLOT_FIRST, SLOTS = 128, 32  # of the charge journals: none that the stand's own pool uses


class SecondPool:
    """Another pool on the same stores, behind a gateway of its own."""

    def __init__(self, bench, workers):
        self.bench = bench
        folder = bench.var / "second"
        folder.mkdir(exist_ok=True)
        self.socket = folder / "worker.sock"
        lines = (bench.stack.var / "etc" / "fcgi-worker.env").read_text(encoding="utf-8").splitlines()
        self.environment = {"PATH": os.environ["PATH"]} | dict(line.split("=", 1) for line in lines if line.startswith("LUNA_"))
        self.environment |= {"LUNA_WORKER_SOCKET": str(self.socket), "LUNA_WORKERS": str(workers), "LUNA_JOURNAL_SLOT_FIRST": str(SLOT_FIRST),
                             "LUNA_JOURNAL_SLOT_COUNT": str(SLOTS),
                             "LUNA_MONITOR_LISTEN": f"127.0.0.1:{port_after(bench.stack.ports()['LUNA_MONITOR_PORT'] + 200)}"}
        if os.getuid() == 0:
            user = pwd.getpwnam("www-data")
            os.chown(folder, user.pw_uid, user.pw_gid)
            self.environment["LUNA_USER"] = "www-data"
        port, self.nginx = bench.stand.gateway("second", f'server "unix:{self.socket}" max_fails=0;')
        self.url = bench.luna.url.replace(f":{bench.stack.ports()['LUNA_HTTPS_PORT']}/", f":{port}/")
        self.master = None

    def start(self):
        with open(self.bench.var / "second.log", "ab") as log:
            self.master = subprocess.Popen([BUILD / "bin" / "fcgi-worker"], env=self.environment, stdout=log, stderr=log)
        self.bench.stand.started.append(self.master)

    def stop(self):
        self.bench.stand.stop(self.master)


def until_answered(pool, client, began):
    """Milliseconds from `began` to the first success."""
    body, headers = rounds.body(10), {"X-API-Key": pool.bench.luna.key, "Content-Type": "application/json"}
    while client.post(pool.url, content=body, headers=headers).status_code != 200:
        assert time.monotonic() - began < 20, "no answer within 20 s"
    return 1e3 * (time.monotonic() - began)


def by_start(bench):
    """The medians, in milliseconds, of starts with one worker and with four, and of a killed worker's replacement."""
    rows, rounds_count = {}, 3 if bench.quick else 9
    with httpx.Client(verify=bench.stack.ca, timeout=20, trust_env=False) as client:
        for workers in (1, 4):
            pool, times, replaced = SecondPool(bench, workers), [], []
            for _ in range(rounds_count):
                began = time.monotonic()
                pool.start()
                times.append(until_answered(pool, client, began))
                replaced += [replacement_ms(pool, client)] if workers == 1 else []
                pool.stop()
            bench.stand.stop(pool.nginx)
            rows[f"start_{workers}_ms"] = statistics.median(times)
            rows |= {"respawn_ms": statistics.median(replaced)} if replaced else {}
    return rows


def replacement_ms(pool, client):
    worker = wait_until(lambda: processes.workers(pool.master.pid), 10, "a worker")[0]
    began = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    return until_answered(pool, client, began)
