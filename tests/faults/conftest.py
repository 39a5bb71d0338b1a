"""Faults: a stack of its own that is killed, frozen and rolled back under load. --long enumerates every crash point."""
import pytest
from ledger import check
from load import Load
from luna_stack import assert_no_secret_in_logs, own_stack, wait_until
from stack_control import Process

pytest_plugins = ["luna_stack"]

SERVERS = ("postgres", "redis", "quota-syncd", "fcgi-worker")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="every crash point, longer loads")


@pytest.fixture(scope="session")
def long_run(request):
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def stack():
    """Shadows the stack of the other suites: this one is broken on purpose, repeatedly."""
    # Over TCP, whose packets can be lost.
    with own_stack("faults", mode=0o755, LUNA_WORKERS=4, LUNA_REDIS_TRANSPORT="tcp") as running:
        running.up()
        running.luna("plan", "set", "faults", "--rate", "1000000", "--burst", "1000000")
        yield running
        assert_no_secret_in_logs(running)


@pytest.fixture(scope="session")
def servers(stack):
    return {name: Process(stack, name) for name in SERVERS}


@pytest.fixture(autouse=True)
def healed(servers):
    """A test that fails must not fail the next ones."""
    yield
    for server in servers.values():
        server.heal()
    for server in servers.values():
        wait_until(server.is_ready, f"{server.name} to be ready")


@pytest.fixture
def postgres(servers):
    return servers["postgres"]


@pytest.fixture
def redis_server(servers):
    return servers["redis"]


@pytest.fixture
def syncd(servers):
    return servers["quota-syncd"]


@pytest.fixture
def workers(servers):
    return servers["fcgi-worker"]


@pytest.fixture
def fault_accounts(account_factory):
    def make(count=3, quota=1000000, plan="faults"):
        return [account_factory(quota, "--plan", plan) for _ in range(count)]

    return make


@pytest.fixture
def load(stack, fault_accounts):
    """load(): requests on fresh accounts, to be used as a context."""
    def make(count=3, quota=1000000, **options):
        return Load(stack, fault_accounts(count, quota), **options)

    return make


@pytest.fixture
def proven(stack, redis_store, request, capsys):
    """proven(load, …): the invariants hold for every account of the load; prints the scenario's line past pytest's capture."""
    def report(line):
        with capsys.disabled():
            print(f"\n  {line}", flush=True)

    def prove(load, **options):
        connection = stack.connect()
        try:
            return check(stack, connection, redis_store, load, request.node.name.removeprefix("test_"), report=report, **options)
        finally:
            connection.close()

    return prove
