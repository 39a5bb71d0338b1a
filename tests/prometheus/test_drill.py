"""A real Prometheus scrapes the running stack: Redis is stopped and the right alerts fire; it is started and they clear.

running_prometheus.py shortens the rules' windows.
"""
import time

import pytest
from running_prometheus import daemons, firing, running_prometheus, scrapes
from stack_control import Process
from waiting import wait_until

MUST_FIRE = {"LunaNotReady", "LunaErrorBurnFast"}
MAY_FIRE = MUST_FIRE | {"LunaErrorBurnSlow", "LunaErrorBurnLong", "LunaNoLeader", "LunaQuotaLag", "LunaUnbookedBacklog",
                        "LunaLatencyBurnFast", "LunaLatencyBurnSlow", "LunaRedisErrors", "LunaRedisSlow"}


@pytest.fixture
def prometheus(stack, tmp_path):
    with running_prometheus(tmp_path, daemons(stack)) as address:
        yield address


@pytest.mark.usefixtures("long_form")
def test_redis_stopped_fires_and_started_clears(stack, client, account, prometheus, capsys):
    stack.var.chmod(0o755)  # Redis starts again as its own user, who has to reach its settings
    redis_server = Process(stack, "redis")

    def ask_and_see():
        client.post(account.url, headers=account.headers, json={"results": [1, 2]})
        time.sleep(0.05)
        return firing(prometheus)

    wait_until(lambda: scrapes(prometheus, 2) >= 10, "Prometheus to have scraped both daemons")
    wait_until(lambda: ask_and_see() == set(), "what fired before the first scrape to clear")
    healthy_until = time.monotonic() + 8
    while time.monotonic() < healthy_until:
        assert not ask_and_see()
    redis_server.kill()
    stopped = time.monotonic()
    try:
        wait_until(lambda: MUST_FIRE <= (ask_and_see() or set()), f"{MUST_FIRE} to fire")
        fired, fired_s = firing(prometheus), time.monotonic() - stopped
    finally:
        redis_server.start_and_await()
    started = time.monotonic()
    wait_until(lambda: ask_and_see() == set(), "every alert to clear", timeout_s=300)  # they look back for minutes
    with capsys.disabled():
        print(f"\n  drill: Redis stopped: {sorted(fired)} after {fired_s:.0f}s; started: all clear after {time.monotonic() - started:.0f}s")
    assert fired <= MAY_FIRE
