"""The worker pool alone, with its stores faked (tests/lib/fake_admission.c): one pool a test, in a folder of its own."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from clients import Clients
from log_secrets import found_in_logs
from waiting import WAIT_S, free_port, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / os.environ.get("LUNA_PRESET", "dev") / "bin"
sys.path.insert(0, str(ROOT / "tests" / "lib"))
from fcgi_client import Fcgi, NoAnswer  # noqa: E402

PEPPER = "ab" * 32
# A pool's own deadlines are out of reach of a busy machine; a test of one of them sets it.
UNHURRIED = {"LUNA_REQUEST_TIMEOUT_MS": 60_000, "LUNA_QUEUE_WAIT_MAX_MS": 60_000}
BODY = '{"results":[1120,1160,963,1210]}'


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the long forms")


@pytest.fixture(scope="session")
def long_form(request):
    return request.config.getoption("--long")


class Load(Clients):
    """They post one request after the other; every answer that is not 200 is kept."""

    def __init__(self, pool, threads=3, uri="/api/v1/42/kalman"):
        super().__init__(threads)
        self.pool, self.uri = pool, uri
        self.count, self.bad, self.lock = 0, [], threading.Lock()

    def run(self):
        client, done, bad = self.pool.client(), 0, []
        while not self.stopping:
            try:
                answer = client.post(self.uri, BODY)
                if answer.status != 200 or not answer.ended:
                    bad.append((answer.status, answer.body))
            except (NoAnswer, OSError) as error:
                bad.append((None, repr(error)))
            done += 1
            if done % 50 == 0:
                with self.lock:
                    self.count += 50
        with self.lock:
            self.count += done % 50
            self.bad += bad


class Pool:
    def __init__(self, folder, **settings):
        self.folder, self.socket, self.port = folder, folder / "w.sock", free_port()
        self.binary, self.log_path, self.process = folder / "fcgi-worker", folder / "log", None
        (folder / "state").mkdir()
        self.install("fcgi-worker-fake")
        given = {
            "LUNA_WORKER_SOCKET": self.socket, "LUNA_STATE_DIR": folder / "state", "LUNA_REDIS_URL": "redis://fake",
            "LUNA_DATABASE_URL": "dbname=fake", "LUNA_KEY_PEPPER": PEPPER, "LUNA_SANDBOX": "kill", "LUNA_LOG_LEVEL": "info",
            "LUNA_MONITOR_LISTEN": f"127.0.0.1:{self.port}", "LUNA_ENV_FILE": folder / "env", **UNHURRIED}
        (folder / "env").touch(mode=0o600)  # tests add secrets to it
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LUNA_")}
        self.environment = inherited | {name: str(value) for name, value in (given | settings).items()}

    def install(self, program):
        """Replaces the binary on disk, as a package does: another file of the same name."""
        fresh = self.folder / "fresh"
        shutil.copy(program if os.path.isabs(program) else BIN / program, fresh)
        os.chmod(fresh, 0o755)
        os.replace(fresh, self.binary)

    def start(self, ready=True, command=None, **popen):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command or [self.binary], env=self.environment, stderr=log, **popen)
        if ready:
            wait_until(lambda: self.process.poll() is not None or self.events("pool_ready"), "pool_ready")
            assert self.process.poll() is None, self.log_path.read_text()
            wait_until(lambda: self.fetch("/readyz")[0] == 200, "/readyz")  # by the first worker that is ready
            wait_until(lambda: len(self.workers()) == self.status()["pool"]["target"], "every worker")
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        return self.process.returncode if self.process else None

    def signal(self, number):
        self.process.send_signal(number)

    def client(self, **options):
        return Fcgi(self.socket, **options)

    def post(self, account=42, body=BODY, **options):
        return self.client().post(f"/api/v1/{account}/kalman", body, **options)

    def fetch(self, path):
        """(status, text) of the monitor's answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=WAIT_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None, ""

    def await_metric(self, line):
        """A worker counts a request after the answer's last byte has left, so a client may look too early."""
        wait_until(lambda: line in self.fetch("/metrics")[1].splitlines(), line)

    def status(self):
        return json.loads(wait_until(lambda: self.fetch("/status")[1], "/status"))

    def workers(self, state="ready"):
        return [worker for worker in self.status()["workers"] if worker["state"] == state]

    def events(self, *names):
        lines = self.log_path.read_text(errors="replace").splitlines() if self.log_path.exists() else []
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [event for event in found if event["event"] in names]


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(child) for child in file.read().split()]


@pytest.fixture
def make_pool(tmp_path):
    pools = []

    def make(**settings):
        folder = tmp_path / f"pool{len(pools)}"
        folder.mkdir()
        os.chmod(folder, 0o755)
        pools.append(Pool(folder, **settings))
        return pools[-1]

    yield make
    for pool in pools:
        pool.stop()
    secrets = {"pepper": PEPPER.encode(), "key": Fcgi("").api_key.encode()}
    assert found_in_logs([pool.log_path for pool in pools if pool.log_path.exists()], secrets) == []
