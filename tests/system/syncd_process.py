"""A quota-syncd of a test's own, beside the stack's or alone."""
import contextlib
import json
import os
import signal
import subprocess

import httpx
from luna_stack import BUILD, clean_environment
from waiting import WAIT_S, free_port, wait_until

SYNCD = BUILD / "bin" / "quota-syncd"


def settings_for(stack, **settings):
    """What it takes to run against the stores of `stack`."""
    return {"LUNA_DATABASE_URL": stack.database_url("luna_syncd"), "LUNA_REDIS_URL": stack.env["REDIS_URL"],
            "LUNA_STATE_DIR": str(stack.var / "state"), "LUNA_SYNC_INTERVAL_MS": "100"} | settings


class Syncd:
    """A running daemon; `logged()` is what it has said so far."""

    def __init__(self, log_path, environment=None, program=SYNCD, **settings):
        self.port = free_port()
        self.log_path = log_path
        given = {"LUNA_METRICS_LISTEN": f"127.0.0.1:{self.port}", "LUNA_LOG_LEVEL": "debug"} | settings
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen([program], env=clean_environment(**given) | (environment or {}), stderr=log)

    def logged(self):
        return [json.loads(line) for line in self.log_path.read_text(encoding="utf-8").splitlines()]

    def events(self):
        return [line["event"] for line in self.logged()]

    def get(self, path):
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=WAIT_S, trust_env=False)

    def answers(self, path, status, text=""):
        with contextlib.suppress(httpx.TransportError):
            answer = self.get(path)
            return answer.status_code == status and text in answer.text
        return False

    def await_page(self, path, status, text=""):
        wait_until(lambda: self.answers(path, status, text), f"{path} with {status} {text}: {self.log_path.read_text()}")

    def metric(self, name):
        return metrics_of(self.get("/metrics").text)[f"luna_syncd_{name}"]

    def stop(self, with_signal=signal.SIGTERM):
        if self.process.poll() is None:
            os.kill(self.process.pid, with_signal)
        return self.process.wait(timeout=WAIT_S)


@contextlib.contextmanager
def running_syncd(log_path, environment=None, program=SYNCD, **settings):
    daemon = Syncd(log_path, environment, program, **settings)
    try:
        yield daemon
    finally:
        daemon.stop(signal.SIGKILL)


def run_syncd(*arguments, **settings):
    """Runs it to its end."""
    return subprocess.run([SYNCD, *arguments], env=clean_environment(**settings), capture_output=True, text=True, timeout=WAIT_S,
                          check=False)


def metrics_of(text):
    """Samples by their names, labels included."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in lines}
