"""The running service as pytest sees it: one stack a session, started by scripts/up under its own LUNA_VAR and ports.

LUNA_TEST_VAR names the LUNA_VAR of a stack that runs already; it is then used as it is and left running. With LUNA_TEST_HAR all
goes through a recording proxy (recording.py).
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import uuid

import httpx
import psycopg2
import pytest
import redis
from recording import RECORDING
from log_secrets import found_in_logs, secrets_in
from waiting import WAIT_S, free_port, wait_until  # noqa: F401  (most tests take both from here)

pytest.register_assert_rewrite("answer_checks")
ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / os.environ.get("LUNA_PRESET", "dev")
CLI = BUILD / "bin" / "luna"
START_TIMEOUT_S = 300
PORTS = ("LUNA_HTTPS_PORT", "LUNA_POSTGRES_PORT", "LUNA_REDIS_PORT", "LUNA_MONITOR_PORT", "LUNA_SYNCD_METRICS_PORT",
         "LUNA_GATEWAY_METRICS_PORT")
PAGES = ("https://pages.example.org", "https://b.example.org:8443")  # whose pages may call the API


def clean_environment(**settings):
    """This process's environment without any LUNA_ setting but those given (and the preset)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LUNA_") or name == "LUNA_PRESET"}
    return kept | {name: str(value) for name, value in settings.items()}


def ports_of_our_own():
    """For a stack whose servers are ended and started again: another that starts meanwhile does not take their ports."""
    return {name: free_port() for name in PORTS}


class Stack:
    """One stack: where it is, what it says, and the processes of it."""

    def __init__(self, var, **settings):
        self.var = pathlib.Path(var)
        self.settings = settings
        self.env = {}
        self.recording = None
        self.issued = []  # keys and tokens that were given out

    def script(self, name, *arguments, check=True, **settings):
        # Most tests of what is killed start it again themselves.
        environment = clean_environment(LUNA_VAR=self.var, **({"LUNA_SUPERVISE": "off"} | self.settings | settings))
        return subprocess.run([ROOT / "scripts" / name, *arguments], env=environment, check=check, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=START_TIMEOUT_S)

    def up(self):
        outcome = self.script("up", "--detach", check=False)
        assert outcome.returncode == 0, f"scripts/up failed:\n{outcome.stdout[-4000:]}"
        self.read_environment()
        return outcome.stdout

    def down(self):
        return self.script("down").stdout

    def read_environment(self):
        lines = (self.var / "demo.env").read_text(encoding="utf-8").splitlines()
        self.env = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    @property
    def url(self):
        """Where a test sends its requests: the gateway, or the recording proxy before it."""
        return self.recording.url(self.env["LUNA_URL"]) if self.recording else self.env["LUNA_URL"]

    @property
    def ca(self):
        return self.env["LUNA_CA"]

    def secret(self, name):
        return (self.var / "secrets" / name).read_text(encoding="utf-8").strip()

    def ports(self):
        lines = (self.var / "ports.env").read_text(encoding="utf-8").split()
        return {name: int(port) for name, port in (line.split("=") for line in lines)}

    def database_url(self, role):
        return f"postgresql://{role}:{self.secret(role)}@127.0.0.1:{self.ports()['LUNA_POSTGRES_PORT']}/luna"

    def connect(self, role="luna_owner"):
        connection = psycopg2.connect(self.database_url(role))
        connection.autocommit = True
        return connection

    def pid(self, name):
        return int((self.var / "run" / f"{name}.pid").read_text(encoding="utf-8"))

    def log(self, name):
        return (self.var / "log" / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def secrets_in_logs(self):
        """Which secret is in which log: the stack's own, and every key and token that was given out for a test."""
        logs = [file for file in (self.var / "log").iterdir() if file.is_file()]
        issued = {f"key {number}": key.encode() for number, key in enumerate(self.issued)}
        return found_in_logs(logs, secrets_in(self.var / "secrets") | issued)

    def remember(self, response):
        """What an answer gives out is a secret from then on."""
        if response.is_success and response.request.method == "POST" and response.url.path.endswith(("/keys", "/token", "/rotate")):
            response.read()
            self.issued += [response.json()[name] for name in ("api_key", "access_token") if name in response.json()]

    def luna(self, *arguments, check=True, **settings):
        """Runs the luna program with the stack's settings, as the role luna_admin."""
        lines = (self.var / "admin.env").read_text(encoding="utf-8").splitlines()
        given = dict(line.removeprefix("export ").replace('"', "").split("=", 1) for line in lines if line.startswith("export "))
        environment = clean_environment(**(given | settings))
        outcome = subprocess.run([CLI, *arguments], env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False)
        assert not check or outcome.returncode == 0, f"luna {arguments}: {outcome.returncode} {outcome.stderr}"
        return outcome

    def luna_json(self, *arguments, **settings):
        return json.loads(self.luna(*arguments, "--json", **settings).stdout)


@dataclasses.dataclass
class Account:
    """An account made for one test."""

    stack: Stack
    id: int
    key: str
    name: str

    @property
    def url(self):
        return f"{self.stack.url}/api/v1/{self.id}/kalman"

    @property
    def headers(self):
        return {"X-API-Key": self.key}


class StackClient(httpx.Client):
    """Looks the stack up again for each request: some tests reach it through the recording proxy, others directly."""

    def __init__(self, stack):
        # A second less than the proxy keeps an idle connection.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=4)
        super().__init__(verify=stack.ca, timeout=WAIT_S, http2=True, trust_env=False, limits=limits, event_hooks={"response": [stack.remember]})
        self.stack = stack

    def build_request(self, method, url, **options):
        return super().build_request(method, self.stack.url + url if str(url).startswith("/") else url, **options)


def assert_no_secret_in_logs(stack):
    assert stack.secrets_in_logs() == [], "the logs of the whole test run hold secrets"


@contextlib.contextmanager
def own_stack(name, mode=0o700, **settings):
    """A stack for one suite or test, which starts it. `mode`: of its folder."""
    var = tempfile.mkdtemp(prefix=f"luna-{name}-")
    os.chmod(var, mode)
    own = Stack(var, LUNA_SYNC_INTERVAL_MS=100, **ports_of_our_own(), **settings)
    try:
        yield own
    finally:
        own.script("down", check=False)
        shutil.rmtree(var, ignore_errors=True)


@pytest.fixture(scope="session")
def stack():
    given = os.environ.get("LUNA_TEST_VAR")
    if given:
        running = Stack(given)
        running.read_environment()
        yield running
        assert_no_secret_in_logs(running)
        return
    with own_stack("test", LUNA_SANDBOX="kill", LUNA_CORS_ORIGINS=", ".join(PAGES)) as running, contextlib.ExitStack() as ended:
        ended.callback(RECORDING.stop)
        running.up()
        RECORDING.start(running.env["LUNA_URL"], running.ca, running.var / "log" / "access.log")
        running.recording = RECORDING
        yield running
        assert RECORDING.stop() == {}, "tests got around the recording proxy and are not in recording.NOT_RECORDED"
        assert_no_secret_in_logs(running)


@pytest.fixture(scope="session")
def spare_stack():
    """Another one, whose secrets, schema and processes a test may replace."""
    with own_stack("spare", LUNA_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8") as spare:
        spare.up()
        yield spare
        assert_no_secret_in_logs(spare)


@pytest.fixture(scope="module")
def client(stack):
    """One for each module: nginx ends a connection after a thousand requests, and this httpx cannot follow that over HTTP/2."""
    with StackClient(stack) as session:
        yield session


@pytest.fixture(scope="session")
def account_factory(stack):
    def make(quota=100000, *options):
        name = f"test-{uuid.uuid4()}"
        made = stack.luna_json("account", "create", name, "--quota", str(quota), *options)
        stack.issued.append(made["api_key"])
        return Account(stack, made["id"], made["api_key"], name)

    return make


@pytest.fixture
def account(account_factory):
    return account_factory()


@pytest.fixture(scope="session")
def luna(stack):
    return stack.luna


@pytest.fixture
def db(stack):
    connection = stack.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def redis_store(stack):
    return redis.Redis.from_url(stack.env["REDIS_URL"])
