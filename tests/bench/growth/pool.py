"""The stand's worker pool, as its monitor sees it, and how its size is changed."""
import re
import os
import signal
import time

import httpx
import processes
from luna_stack import wait_until

METRIC = re.compile(r'^(\w+)(?:\{([^}]*)\})? (\S+)$', re.MULTILINE)


class Pool:
    def __init__(self, stack):
        self.stack = stack
        self.master = stack.pid("fcgi-worker")

    def status(self):
        return httpx.get(self.stack.env["LUNA_METRICS_URL"].replace("/metrics", "/status"), timeout=5, trust_env=False).json()

    def metrics(self):
        """Every sample by (name, labels)."""
        text = httpx.get(self.stack.env["LUNA_METRICS_URL"], timeout=5, trust_env=False).text
        return {(name, labels): float(value) for name, labels, value in METRIC.findall(text)}

    def workers(self):
        return processes.workers(self.master)

    def reload(self):
        """New workers, every one of them ready and the old ones gone."""
        reloads, old = self.status()["pool"]["reloads"], set(self.workers())
        os.kill(self.master, signal.SIGHUP)
        wait_until(lambda: self.status()["pool"]["reloads"] > reloads and not old & set(self.workers()), "the reload")
        wait_until(lambda: all(worker["state"] == "ready" for worker in self.status()["workers"]), "ready workers")

    def resize(self, workers):
        file = self.stack.var / "etc" / "fcgi-worker.env"
        file.write_text(re.sub(r"^LUNA_WORKERS=\d+$", f"LUNA_WORKERS={workers}", file.read_text(encoding="utf-8"), flags=re.MULTILINE),
                        encoding="utf-8")
        self.reload()
        assert len(self.workers()) == workers

    def requests(self):
        return self.status()["totals"]["requests"]

    def settled_requests(self):
        """The count when no request is in progress any more."""
        wait_until(lambda: self.status()["totals"]["busy"] == 0, "idle workers")
        time.sleep(0.1)
        return self.requests()
