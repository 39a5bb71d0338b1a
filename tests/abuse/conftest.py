"""Abuse: a stack of its own, a paying client, and somebody who tries to take its place."""
import os
import pathlib
import shutil
import sys
import tempfile

import pytest
from arena import Arena
from luna_stack import Stack, ports_of_our_own

pytest_plugins = ["luna_stack"]
sys.path.append(str(pathlib.Path(__file__).parents[1] / "faults"))  # stack_control


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="longer attacks, held against the clock")


@pytest.fixture(scope="session")
def stack():
    """Shadows the stack of the other suites: this one is abused, with the limits that are shipped."""
    var = tempfile.mkdtemp(prefix="luna-abuse-")
    os.chmod(var, 0o755)
    running = Stack(var, LUNA_SYNC_INTERVAL_MS=100, LUNA_WORKERS=4, **ports_of_our_own())
    try:
        running.up()
        running.luna("plan", "set", "paying", "--rate", "100000", "--burst", "100000")
        yield running
    finally:
        running.script("down", check=False)
        shutil.rmtree(var, ignore_errors=True)


@pytest.fixture(scope="session")
def arena(request, stack, account_factory):
    long = request.config.getoption("--long")
    return Arena(stack, account_factory(10**9, "--plan", "paying"), 10 if long else 1.2, is_timed=long)
