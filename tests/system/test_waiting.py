"""What the tests themselves rely on."""
import pathlib
import random
import subprocess
import sys

import pytest
from waiting import free_port

HERE = pathlib.Path(__file__).parent


def test_a_port_that_another_process_keeps_for_later_is_free(monkeypatch):
    """Nobody listens on it yet, or just now: a port that was free a moment ago is what two test runs would both take."""
    with subprocess.Popen([sys.executable, "-c", "from waiting import free_port; print(free_port(), flush=True); input()"], cwd=HERE,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        theirs = int(other.stdout.readline())
        draw = random.randrange
        numbers = iter([theirs])
        monkeypatch.setattr(random, "randrange", lambda *limits: next(numbers, None) or draw(*limits))
        assert free_port() != theirs
        assert next(numbers, None) is None, "the port was not even drawn"
        other.communicate("\n")


def test_a_free_port_is_one_that_the_kernel_gives_to_connections():
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    if lowest < 32000:
        pytest.skip(f"this kernel gives connections ports from {lowest} on")
    assert free_port() < lowest
