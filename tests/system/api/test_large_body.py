"""A million points in one request: answered, and all that the worker holds at its peak is a few times the body."""
import json
import os
import pathlib
import random
import signal

import httpx
import pytest
from luna_stack import WAIT_S, wait_until

POINTS = 1_000_000
FIXED = {"name": "local_level", "parameters": {"level_variance": 1469.1, "observation_variance": 15099}}


def noisy_walk(points):
    """The series that scripts/bench service sends: two decimals, about nine bytes a number."""
    source, level, values = random.Random(points), 1120.0, []
    for _ in range(points):
        level += source.gauss(0, 38.3)
        values.append(round(level + source.gauss(0, 122.9), 2))
    return values


@pytest.fixture(scope="module")
def values():
    return noisy_walk(POINTS)


def workers(stack):
    master = stack.pid("fcgi-worker")
    pids = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split()
    return [pid for pid in pids if is_worker(pid)]


def is_worker(pid):
    try:
        return "worker" in pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii")
    except FileNotFoundError:  # it has ended since it was listed
        return False


def peak_bytes(pid):
    """The most that was ever resident of this process, libraries and shared memory counted too."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def fresh_pool(stack):
    """Workers that have not served anything yet; who served before would hide behind their old peaks."""
    old = set(workers(stack))
    os.kill(stack.pid("fcgi-worker"), signal.SIGHUP)
    wait_until(lambda: not old & set(workers(stack)), "the old workers are gone")


# Required are 4, everything counted: the libraries (most of them shared with the other workers)
# make 1.1, the body and the numbers, which the results take the place of, 2. One more array of a
# double a point would be 4.
PEAK_PER_BODY = 3.5
CASES = {"given": {"model": FIXED}, "fitted": {}, "smoothed": {"model": FIXED, "output": "smoothed"}}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_a_million_points_take_many_times_their_body(stack, account, values, options):
    body = json.dumps({"results": values} | options, separators=(",", ":")).encode()
    fresh_pool(stack)
    fresh = max(map(peak_bytes, workers(stack)))
    with httpx.Client(verify=stack.ca, timeout=WAIT_S) as client:
        answer = client.post(account.url, headers=account.headers | {"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 200, answer.text[:1000]
    peak = max(map(peak_bytes, workers(stack)))
    print(f"body {len(body) / 1e6:.1f} MB, peak {peak / 1e6:.1f} MB ({fresh / 1e6:.1f} before): {peak / len(body):.2f} times the body")
    assert peak <= PEAK_PER_BODY * len(body)
    decoded = answer.json()
    assert decoded["input_data"] == values
    assert len(decoded["processed_results"]) == POINTS
