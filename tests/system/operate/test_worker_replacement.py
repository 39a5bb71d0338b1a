"""Reload and upgrade of the real pool, through nginx and TLS: not one request fails, and every success is charged once."""
import os
import signal
import time

import httpx
from clients import Clients
from luna_stack import WAIT_S, wait_until

BODY = {"results": [1120, 1160, 963, 1210]}


class Steady(Clients):
    """Four clients, a little under the account's rate limit."""

    def __init__(self, stack, account):
        super().__init__(threads=4)
        self.stack, self.account, self.statuses = stack, account, []

    def run(self):
        with httpx.Client(verify=self.stack.ca, timeout=WAIT_S) as client:
            while not self.stopping:
                answer = client.post(self.account.url, headers=self.account.headers, json=BODY)
                self.statuses.append(answer.status_code)
                time.sleep(0.12)


def pool(stack):
    return httpx.get(stack.env["LUNA_METRICS_URL"].replace("/metrics", "/status"), timeout=WAIT_S).json()["pool"]


def test_a_reload_or_upgrade_fails_a_request_or_charges_it_twice(stack, account_factory, redis_store):
    account = account_factory(100_000)
    master = stack.pid("fcgi-worker")
    before = pool(stack)
    with Steady(stack, account) as load:
        for number in (1, 2, 3):
            os.kill(master, signal.SIGHUP)
            wait_until(lambda n=number: pool(stack)["reloads"] == before["reloads"] + n, f"reload {number}")
        for number in (1, 2):
            os.kill(master, signal.SIGUSR2)
            wait_until(lambda n=number: upgrades(stack) == before["upgrades"] + n, f"upgrade {number}")
        wait_until(lambda: len(load.statuses) >= 60, "60 answers")
    assert set(load.statuses) == {200}
    assert stack.pid("fcgi-worker") == master
    assert int(redis_store.get(f"user:{account.id}:quota")) == 100_000 - len(load.statuses)


def upgrades(stack):
    try:
        return pool(stack)["upgrades"]
    except httpx.HTTPError:
        return None  # the monitor is being replaced

