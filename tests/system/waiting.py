"""For whoever waits for a program: until something is so, and a port that nobody else has."""
import socket
import time


def wait_until(condition, timeout_s=10.0, what="", interval_s=0.02):
    """Polls until `condition()` is true; returns what it returned."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout_s} s: {what or condition}"
        time.sleep(interval_s)


def free_port():
    """A TCP port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
