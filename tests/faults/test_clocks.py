"""Redis's clock: wrong for seconds, under load. What clients get meanwhile, and that nothing stays wrong."""
import struct
import subprocess

import httpx
import pytest
from luna_stack import ROOT, wait_until

HOUR_S = 3600
DAY_S = 24 * HOUR_S


@pytest.fixture
def set_clock(redis_server):
    """set_clock(seconds): Redis's clock is ahead by that."""
    clock, library = redis_server.stack.var / "redis.clock", redis_server.stack.var / "skewed_clock.so"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, ROOT / "tests/lib/skewed_clock.c"], check=True)

    def set_to(seconds):
        with open(clock, "r+b" if clock.exists() else "wb") as file:
            file.write(struct.pack("=q", round(seconds * 1e6)))

    set_to(0)
    before = dict(redis_server.environment)
    redis_server.environment.update(LD_PRELOAD=str(library), LUNA_TEST_CLOCK=str(clock))
    redis_server.restart()
    yield set_to
    set_to(0)
    redis_server.environment = before
    redis_server.restart()


def ready(stack):
    return httpx.get(stack.env["LUNA_METRICS_URL"].removesuffix("/metrics") + "/readyz", trust_env=False).text


def disagreeing(stack):
    return "luna_syncd_clocks_disagree 1\n" in httpx.get(stack.env["LUNA_SYNCD_METRICS_URL"], trust_env=False).text


@pytest.mark.parametrize("ahead_s", [DAY_S, -HOUR_S, 3653 * DAY_S])
def test_redis_clock_wrong_for_seconds(load, proven, stack, set_clock, ahead_s):
    with load() as running:
        running.await_success()
        running.await_count(50)
        sure = len(running.answers)
        set_clock(ahead_s)
        wait_until(lambda: running.answers[-1].code == "clocks_disagree", "the fence")
        wait_until(lambda: "clocks" in ready(stack), "/readyz")
        wait_until(lambda: disagreeing(stack), "the metric")
        wrong = len(running.answers)
        running.await_count(50)
        assert {(answer.status, answer.code) for answer in running.answers[wrong:wrong + 50]} == {(503, "clocks_disagree")}
        set_clock(0)
        running.await_success()
        running.await_count(200)
        wait_until(lambda: '"ready"' in ready(stack) and not disagreeing(stack), "all to be well")
    assert {answer.status for answer in running.answers[sure:]} <= {200, 503}
    proven(running)
