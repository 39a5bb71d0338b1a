"""LUNA_DURABILITY=strict: everything is killed at once, and the journals are lost with it."""
import collections
import contextlib
import http.client
import os
import shutil
import signal
import ssl
import threading
import time
import urllib.parse
import uuid

import pytest
import redis
from ledger import Books, settle
from load import BODY, Load, ask
from luna_stack import Account, own_stack, wait_until
from stack_control import Process, children_of
from waiting import WAIT_S

KILLED = ("fcgi-worker", "quota-syncd", "redis")
WORKERS = 4
PASSED_OVER = frozenset({0, 409, 502, 503, 504})  # sent again, under the same Idempotency-Key


@pytest.fixture(scope="module", name="strict")
def strict_stack():
    with own_stack("strict", mode=0o755, LUNA_DURABILITY="strict", LUNA_WORKERS=WORKERS) as running:
        running.up()
        running.luna("plan", "set", "faults", "--rate", "1000000", "--burst", "1000000")
        yield running


@pytest.fixture(scope="module", name="fallen")
def servers_that_fall(strict):
    return [Process(strict, name) for name in KILLED]


@pytest.fixture(autouse=True, name="healed")
def healed_again(fallen):
    yield
    for server in reversed(fallen):
        server.heal()
        wait_until(server.is_ready, f"{server.name} to be ready")


class Insisting:
    """Clients that send each request again, under its Idempotency-Key, until it is answered with 200."""

    def __init__(self, stack, accounts, threads=8):
        self.accounts, self.stopping = accounts, threading.Event()
        self.target = urllib.parse.urlsplit(stack.env["LUNA_URL"])
        self.trust = ssl.create_default_context(cafile=stack.ca)
        self.answered = collections.Counter()  # distinct keys, by account
        self.statuses = collections.Counter()
        self.threads = [threading.Thread(target=self.run, args=(index,), daemon=True) for index in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def run(self, index):
        account = self.accounts[index % len(self.accounts)]
        while not self.stopping.is_set():
            key = str(uuid.uuid4())

            def send(connection, account, key=key):
                headers = {"X-API-Key": account.key, "Content-Type": "application/json", "Idempotency-Key": key}
                connection.request("POST", f"/api/v1/{account.id}/kalman", BODY, headers)

            status = 0
            while status != 200:
                connection = http.client.HTTPSConnection(self.target.hostname, self.target.port, timeout=WAIT_S, context=self.trust)
                status, code, *_ = ask(connection, account, send)
                connection.close()
                self.statuses[status] += 1
                assert status == 200 or status in PASSED_OVER, (status, code)
                if status != 200:
                    time.sleep(1 if status == 409 else 0.05)  # the gateway refuses who does not wait for a first request
            self.answered[account.id] += 1

    def await_count(self, count):
        wanted = self.answered.total() + count
        wait_until(lambda: self.answered.total() >= wanted, f"{count} answers")


def kill_all_at_once(servers):
    families = {server: [server.pid, *children_of(server.pid)] for server in servers}
    for pid in [pid for family in families.values() for pid in family]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for server, family in families.items():
        server.await_end(family)


def lose_the_journals(stack):
    folder = stack.var / "state"
    owner = folder.stat()
    shutil.rmtree(folder)
    folder.mkdir(mode=0o750)
    os.chown(folder, owner.st_uid, owner.st_gid)


def accounts_of(stack, count, name):
    made = [stack.luna_json("account", "create", f"{name}-{uuid.uuid4()}", "--quota", "1000000", "--plan", "faults") for _ in range(count)]
    return [Account(stack, account["id"], account["api_key"], name) for account in made]


def test_everything_killed_and_the_journals_lost_under_load(strict, fallen, long_run, capsys):
    """Each Idempotency-Key that was answered is one unit. Without a key nothing that was answered is missing, and at most the
    request that each killed worker had confirmed and not yet sent is charged."""
    keyed, plain = accounts_of(strict, 3, "keyed"), accounts_of(strict, 2, "plain")
    rounds = 10 if long_run else 2
    with Insisting(strict, keyed) as insisting, Load(strict, plain, threads=4) as load:
        for _ in range(rounds):
            load.await_success()
            insisting.await_count(200)
            kill_all_at_once(fallen)
            lose_the_journals(strict)
            for server in reversed(fallen):
                server.start_and_await()
        load.await_success()
        insisting.await_count(200)
    with contextlib.closing(strict.connect()) as db, redis.Redis.from_url(strict.env["REDIS_URL"]) as store:
        settle(strict, store)
        difference = {account.id: Books(db, account).event_sum - insisting.answered[account.id] for account in keyed}
        excess = {account.id: Books(db, account).event_sum - load.count(200, account=account) for account in plain}
    with capsys.disabled():
        print(f"\n  strict, everything killed and the journals lost {rounds} times: {insisting.answered.total()} keys answered, difference "
              f"{sum(difference.values())}; without keys {load.count(200)} answers, {sum(excess.values())} charged and not received; "
              f"statuses {dict(sorted((insisting.statuses + load.statuses()).items()))}")
    assert set(difference.values()) == {0}, difference
    assert min(excess.values()) >= 0 and sum(excess.values()) <= rounds * WORKERS, excess
    assert strict.luna("audit", "verify", check=False).returncode == 0


def test_a_redis_that_does_not_wait_for_its_disk_is_refused_while_it_runs(strict, fallen):
    account, = accounts_of(strict, 1, "refused")
    with redis.Redis.from_url(strict.env["REDIS_URL"]) as store, Load(strict, [account], threads=1, pause_s=0.02) as load:
        load.await_success()
        logged = len(strict.log("quota-syncd"))
        store.config_set("appendfsync", "everysec")
        wait_until(lambda: load.answers[-1].status == 503, "503")
        wait_until(lambda: "appendfsync always" in strict.log("quota-syncd")[logged:], "the reason in the log")
        store.config_set("appendfsync", "always")
        fallen[1].heal()
        load.await_success()
    assert set(load.statuses()) <= {200, 503}
