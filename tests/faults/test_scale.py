"""The cost of a round grows with the accounts that were active: 100,000 of them are booked in under ten seconds."""
import signal
import time

import pytest
from syncd_process import run_syncd, settings_for

ACCOUNTS = 100_000
LIMIT_S = 60.0  # a round trip for each account would take minutes
EXTRA = "scale-"


@pytest.fixture
def many_dirty_accounts(stack, db, redis_store, syncd, long_run):
    """As if each had been warm and charged once: made in bulk, since requests would take minutes. Taken away afterwards."""
    if not long_run:
        pytest.skip("only with --long: it makes 100,000 accounts")
    syncd.kill(signal.SIGTERM)
    first = make_accounts(db)
    make_dirty(redis_store, first)
    yield first
    redis_store.flushall()
    syncd.heal()


def make_accounts(db):
    with db.cursor() as cursor:
        cursor.execute("INSERT INTO accounts (account_name, api_key, quota_limit, quota_epoch, epoch_open)"
                       " SELECT %s || i, gen_random_uuid(), 1000, 1, true FROM generate_series(1, %s) AS i RETURNING id", (EXTRA, ACCOUNTS))
        return cursor.fetchone()[0]


def make_dirty(redis_store, first):
    incarnation = redis_store.hget("quota:fence", "incarnation").decode()
    for start in range(first, first + ACCOUNTS, 5000):
        pipe = redis_store.pipeline(transaction=False)
        for account in range(start, start + 5000):
            quota = f"user:{account}:quota"
            pipe.hset("{%s}:m" % quota, mapping={"I": incarnation, "e": 1, "c": 1, "r": 0, "a": 0, "ar": 0, "lim": 1000, "base": 0, "pc": 0,
                                                 "pr": 0, "pn": 0, "pend": 0, "nend": 0, "lv": 1, "d": 1})
            pipe.set(quota, 999)
            pipe.set("{%s}:delta" % quota, 1)
            pipe.sadd("quota:dirty", quota)
        pipe.execute()


def test_100000_dirty_accounts(stack, db, redis_store, many_dirty_accounts, capsys):
    assert redis_store.scard("quota:dirty") >= ACCOUNTS
    began = time.monotonic()
    outcome = run_syncd("--once", **settings_for(stack))
    took_s = time.monotonic() - began
    with capsys.disabled():
        print(f"\n  {ACCOUNTS} dirty accounts booked in {took_s:.2f} s", flush=True)
    assert outcome.returncode == 0, outcome.stderr
    assert redis_store.scard("quota:dirty") == 0
    with db.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM quota_events e JOIN accounts a ON a.id = e.account_id WHERE a.account_name LIKE %s"
                       " AND e.kind = 'book' AND e.delta = 1 AND a.quota_used = 1", (EXTRA + "%",))
        assert cursor.fetchone()[0] == ACCOUNTS
    assert took_s < LIMIT_S
