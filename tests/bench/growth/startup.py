"""From a start to the first answer: of a whole pool, and of a worker in the place of one that was killed."""
import contextlib
import http.client
import os
import pwd
import signal
import ssl
import statistics
import subprocess
import time
import urllib.parse

import processes
import rounds
from luna_stack import BUILD, wait_until
from stand import port_after

SLOT_FIRST, SLOTS = 128, 32  # of the charge journals


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
                             "LUNA_JOURNAL_SLOT_COUNT": str(SLOTS), "LUNA_STATE_DIR": str(folder / "state"),
                             "LUNA_MONITOR_LISTEN": f"127.0.0.1:{port_after(bench.stack.ports()['LUNA_MONITOR_PORT'] + 200)}"}
        if os.getuid() == 0:
            user = pwd.getpwnam("luna")
            os.chown(folder, user.pw_uid, user.pw_gid)
            self.environment["LUNA_USER"] = "luna"
        port, self.nginx = bench.stand.gateway("second", f'server "unix:{self.socket}" max_fails=0;')
        self.url = bench.luna.url.replace(f":{bench.stack.ports()['LUNA_HTTPS_PORT']}/", f":{port}/")
        self.master = None

    def start(self):
        with open(self.bench.var / "second.log", "ab") as log:
            self.master = subprocess.Popen([BUILD / "bin" / "fcgi-worker"], env=self.environment, stdout=log, stderr=log)
        self.bench.stand.started.append(self.master)

    def stop(self):
        self.bench.stand.stop(self.master)


@contextlib.contextmanager
def connection(bench, url):
    """Of http.client: it sends head and body as one segment. httpx sends two, and waits 40 ms for the other side's delayed ACK in between."""
    address = urllib.parse.urlsplit(url)
    made = http.client.HTTPSConnection(address.hostname, address.port, timeout=20, context=ssl.create_default_context(cafile=bench.stack.ca))
    try:
        yield made
    finally:
        made.close()


def until_answered(pool, client, began):
    """Milliseconds from `began` to the first success."""
    body, headers = rounds.body(10).encode(), {"X-API-Key": pool.bench.luna.key, "Content-Type": "application/json"}
    status = None
    while status != 200:
        assert time.monotonic() - began < 20, "no answer within 20 s"
        client.request("POST", urllib.parse.urlsplit(pool.url).path, body, headers)
        answer = client.getresponse()
        answer.read()
        status = answer.status
    return 1e3 * (time.monotonic() - began)


def replacement_ms(pool, client):
    worker = wait_until(lambda: processes.workers(pool.master.pid), "a worker")[0]
    began = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    return until_answered(pool, client, began)


def starts(pool, count, replaces):
    """The times of so many starts; where asked for, also of as many replacements of a killed worker."""
    times, replaced = [], []
    with connection(pool.bench, pool.url) as client:
        for _ in range(count):
            began = time.monotonic()
            pool.start()
            times.append(until_answered(pool, client, began))
            if replaces:
                replaced.append(replacement_ms(pool, client))
            pool.stop()
    pool.bench.stand.stop(pool.nginx)
    return times, replaced


def by_start(bench):
    """The medians, in milliseconds, of starts with one worker and with four, and of a killed worker's replacement."""
    count = 3 if bench.quick else 9
    one, replaced = starts(SecondPool(bench, 1), count, True)
    four, _ = starts(SecondPool(bench, 4), count, False)
    return {"start_1_ms": statistics.median(one), "start_4_ms": statistics.median(four), "respawn_ms": statistics.median(replaced)}
