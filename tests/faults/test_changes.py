"""Changes under load: limits, periods, keys; and the herd that finds an account cold."""
import threading
import time

from ledger import Books
from load import Load
from luna_stack import wait_until


def test_the_last_unit_is_spent_once(load, proven):
    with load(count=2, quota=150, threads=8) as running:
        wait_until(lambda: running.count(429) >= 20, "the end of the quota")
    proven(running, others=())
    assert all(running.count(200, account=account) == 150 for account in running.accounts)


def test_limit_lowered_and_raised(stack, load, proven):
    """Lowered below what is used: nothing more succeeds once the command has returned. Raised: exactly the difference does."""
    with load(count=1, quota=100000, threads=6) as running:
        account = running.accounts[0]
        account.limit_lowered = True
        running.await_count(100)
        stack.luna("account", "set-limit", str(account.id), "10")
        lowered = time.monotonic()
        running.await_count(40)
        assert [answer for answer in running.answers if answer.status == 200 and answer.began > lowered] == []
        reached = running.count(200)
        stack.luna("account", "set-limit", str(account.id), str(reached + 30))
        wait_until(lambda: running.count(200) == reached + 30, "30 more units")
        running.await_count(40)
    proven(running, others=())
    assert running.count(200) == reached + 30


def test_limit_changed_again_and_again(stack, load, proven, long_run):
    with load(count=1, quota=200, threads=6) as running:
        account = running.accounts[0]
        account.limit_lowered = True
        highest = 200
        for turn in range(40 if long_run else 8):
            limit = 120 + (turn * 97) % 300
            highest = max(highest, limit)
            stack.luna("account", "set-limit", str(account.id), str(limit))
            running.await_count(20)
        stack.luna("account", "set-limit", str(account.id), str(highest + 20))
        wait_until(lambda: running.count(200) == highest + 20, "the highest limit to be used up")
        running.await_count(20)
    proven(running, others=())
    assert running.count(200) == highest + 20


def test_rollover(stack, db, fault_accounts, proven, long_run):
    """The period ends in the middle of the load: every unit is in exactly one period, and each period has its own limit."""
    stack.luna("plan", "set", "faults-daily", "--rate", "1000000", "--burst", "1000000", "--period", "day")
    accounts = fault_accounts(2, 300, "faults-daily")
    with db.cursor() as cursor:  # cold still, so the load takes this end over, long before it
        cursor.execute("UPDATE accounts SET period_end = now() + interval '8 seconds' WHERE id IN (%s, %s)", tuple(account.id for account in accounts))
    with Load(stack, accounts, threads=8, pause_s=0.002) as running:
        wait_until(lambda: all(closings(db, account) == 1 for account in accounts), "the end of the period")
        closed = time.monotonic()
        wait_until(lambda: {answer.account_id for answer in running.answers if answer.status == 429 and answer.began > closed}
                   == {account.id for account in accounts}, "the end of the second period's quota")
    proven(running, periods=True, others=())
    for account in accounts:
        before, after = units_by_period(db, account)
        assert before + after == running.count(200, account=account)
        assert before <= 300 and after == 300 == Books(db, account).used


def closings(db, account):
    with db.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM quota_events WHERE account_id = %s AND kind = 'period_close'", (account.id,))
        return cursor.fetchone()[0]


def units_by_period(db, account):
    with db.cursor() as cursor:
        cursor.execute("SELECT period_no, sum(delta) FROM quota_events WHERE account_id = %s GROUP BY 1 ORDER BY 1", (account.id,))
        return [units for _, units in cursor.fetchall()]


def test_500_cold_requests_at_once_load_once(load, proven, db):
    with load(count=1, threads=500, requests_each=1) as running:
        pass
    assert len(running.answers) == 500
    proven(running)
    assert running.count(200) > 0
    assert Books(db, running.accounts[0]).epoch == 1


def test_revoked_key_is_dead_when_the_command_returns(stack, load, proven):
    with load(count=1, threads=8) as running:
        account = running.accounts[0]
        running.await_success()
        running.await_count(50)
        key_id = stack.luna_json("key", "list", str(account.id))[0]["key_id"]
        stack.luna("key", "revoke", str(account.id), str(key_id), "--yes")
        revoked = time.monotonic()
        running.await_count(100)
    proven(running, others={403})
    late = [answer for answer in running.answers if answer.began > revoked]
    assert late and {answer.status for answer in late} == {403}


def test_rotated_key_is_dead_when_the_command_returns(stack, load, proven, long_run):
    """The new key works at once, the old one never again, however often that is done."""
    with load(count=1, threads=6) as running:
        account = running.accounts[0]
        for _ in range(10 if long_run else 3):
            running.await_success()
            fresh = stack.luna_json("account", "rotate-key", str(account.id), "--yes")["api_key"]
            old, rotated = account.key, time.monotonic()
            account.key = fresh
            running.await_success()
            late = [answer for answer in running.answers if answer.key == old and answer.began > rotated]
            assert not any(answer.status == 200 for answer in late)
    proven(running, others={403})


def test_changes_and_charges_race_with_cold_loads(stack, load, proven, redis_store, long_run):
    """Limits change while Redis is flushed repeatedly: a load must not install a limit older than a push."""
    with load(count=2, quota=100000) as running:
        ending = threading.Event()

        def flush():
            while not ending.wait(0.3):
                redis_store.flushall()

        flusher = threading.Thread(target=flush)
        flusher.start()
        try:
            for turn in range(30 if long_run else 5):
                for account in running.accounts:
                    stack.luna("account", "set-limit", str(account.id), str(100000 + turn))
        finally:
            ending.set()
            flusher.join()
        running.await_success()
    proven(running)
    for account in running.accounts:
        usage = stack.luna_json("usage", str(account.id))
        assert usage["remaining"] == usage["quota_limit"] - usage["used"]
