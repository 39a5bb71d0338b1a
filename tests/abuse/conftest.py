"""Abuse: a stack of its own, a paying client, and somebody who tries to take its place."""
import pathlib
import sys

import pytest
from arena import Arena
from luna_stack import own_stack

pytest_plugins = ["luna_stack"]
sys.path.append(str(pathlib.Path(__file__).parents[1] / "faults"))  # stack_control


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="longer attacks, held against the clock")


@pytest.fixture(scope="session")
def stack():
    """Shadows the stack of the other suites: this one is abused, with the limits that are shipped."""
    with own_stack("abuse", mode=0o755, LUNA_WORKERS=4) as running:
        running.up()
        running.luna("plan", "set", "paying", "--rate", "100000", "--burst", "100000")
        yield running


@pytest.fixture(scope="session")
def arena(request, stack, account_factory):
    long = request.config.getoption("--long")
    return Arena(stack, account_factory(10**9, "--plan", "paying"), 10 if long else 1.2, is_timed=long)
