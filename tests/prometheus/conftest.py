"""Prometheus's rules and the dashboards: by promtool, and against what a running stack exports."""
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "faults"))  # stack_control

pytest_plugins = ["luna_stack"]


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the drill with a real Prometheus too")


@pytest.fixture
def long_form(request):
    """For tests that take minutes."""
    if not request.config.getoption("--long"):
        pytest.skip("takes a minute and a half; scripts/test prometheus --long runs it")
