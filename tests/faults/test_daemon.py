"""quota-syncd: killed at every step that anybody can see, killed under load, frozen, and two at once."""
import signal
import subprocess

import pytest
from load import Load, forget
from luna_stack import WAIT_S, clean_environment, wait_until
from stack_control import at_every_step, await_stall, injection
from syncd_process import SYNCD, running_syncd, settings_for

VISIBLE = ("sendto", "write", "pwrite64", "rename", "unlink", "ftruncate", "fdatasync", "fsync")
STALL_MS = 1500


def book_once(stack, *in_front):
    command = [*in_front, SYNCD, "--once"]
    return subprocess.run(command, env=clean_environment(**settings_for(stack)), timeout=WAIT_S, capture_output=True, check=False).returncode


def enumerate_crash_points(stack, accounts, prepare, step):
    """SIGKILL at every visible step of one round. Before each round that is killed a whole one, some charges, and prepare().
    Gives all answers as one load, and the number of steps."""
    load = Load(stack, accounts)

    def killed_at(call, nth):
        assert book_once(stack) == 0
        load.answers += few_requests(stack, accounts)
        prepare(nth)
        status = book_once(stack, *injection(call, "signal=SIGKILL", nth))
        assert status in (0, -signal.SIGKILL)
        return status != 0

    return load, at_every_step(VISIBLE, killed_at, step)


@pytest.fixture
def alone(syncd):
    """The daemon of the stack is stopped meanwhile."""
    syncd.kill(signal.SIGTERM)
    yield
    syncd.heal()


def test_killed_at_every_visible_step_of_a_round(stack, fault_accounts, alone, syncd, proven, long_run):
    """A round that books, and that pushes a change which the operator's tool could not deliver."""
    accounts = fault_accounts(3)

    def change_without_redis(nth):
        stack.luna("account", "set-limit", str(accounts[0].id), str(1000000 + nth), LUNA_REDIS_URL_FILE="")

    load, points = enumerate_crash_points(stack, accounts, change_without_redis, 1 if long_run else 9)
    syncd.start_and_await()
    proven(load, others=(), note=f"killed at {points} steps")


def test_killed_at_every_visible_step_of_a_fence(stack, fault_accounts, alone, syncd, redis_store, proven, long_run):
    """A round that finds Redis flushed, with charges that were answered and never booked."""
    accounts = fault_accounts(3)

    load, points = enumerate_crash_points(stack, accounts, lambda _: redis_store.flushall(), 1 if long_run else 7)
    syncd.start_and_await()
    proven(load, note=f"killed at {points} steps")


def test_stalled_at_every_visible_step_while_its_accounts_begin_a_new_epoch(stack, fault_accounts, alone, syncd, redis_store, proven, long_run):
    """What a round has read grows old before it is booked: meanwhile the accounts are lost, loaded again, and charged."""
    load = Load(stack, [])

    def stalled_at(call, nth):
        fresh = fault_accounts(1)
        load.accounts.extend(fresh)
        load.answers.extend(few_requests(stack, fresh))
        command = [*injection(call, f"delay_enter={STALL_MS}ms", nth), SYNCD, "--once"]
        with subprocess.Popen(command, env=clean_environment(**settings_for(stack)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
            if not await_stall(daemon.pid, lambda: daemon.poll() is not None):
                return False
            forget(redis_store, fresh[0])
            load.answers.extend(few_requests(stack, fresh, each=1))  # fewer than before: an old count would be too high
            assert daemon.wait(timeout=WAIT_S) in (0, 69)
        return True

    points = at_every_step(VISIBLE[:2], stalled_at, 1 if long_run else 7)
    syncd.start_and_await()
    proven(load, note=f"stalled at {points} steps")


def few_requests(stack, accounts, each=3):
    with Load(stack, accounts, threads=2, requests_each=each) as load:
        pass
    return load.answers


def test_killed_under_load(load, proven, syncd, long_run):
    with load() as running:
        for _ in range(20 if long_run else 3):
            running.await_success()
            running.await_count(30)
            syncd.restart()
    proven(running, others=())


def test_frozen_past_the_life_of_its_database_session(load, proven, syncd, stack, tmp_path):
    """Its lock goes with the session; another leads meanwhile; thawed, it must not book under its old term."""
    with load() as running, running_syncd(tmp_path / "other.log", **settings_for(stack)) as other:
        other.await_page("/readyz", 200)
        running.await_success()
        syncd.freeze()
        try:
            end_sessions_of(stack, "luna_syncd")
            other.await_page("/readyz", 200, "leading")
            running.await_count(50)
        finally:
            syncd.thaw()
        running.await_count(50)
    wait_until(syncd.is_ready, "the thawed daemon")
    proven(running, others=())


def end_sessions_of(stack, role):
    with stack.connect("postgres") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,))


def test_two_at_once(load, proven, syncd, stack, tmp_path, long_run):
    """Leadership changes hands under load; nothing is booked twice."""
    with load() as running:
        for turn in range(10 if long_run else 2):
            with running_syncd(tmp_path / f"other-{turn}.log", **settings_for(stack)) as other:
                other.await_page("/readyz", 200)
                running.await_count(40)
                syncd.kill()
                other.await_page("/readyz", 200, "leading")
                running.await_count(40)
                syncd.start_and_await()
            running.await_success()
    proven(running, others=())


def terms_in_log(db, account):
    with db.cursor() as cursor:
        cursor.execute("SELECT term FROM quota_events WHERE account_id = %s AND kind = 'book' ORDER BY seq", (account.id,))
        return [term for term, in cursor.fetchall()]


def test_terms_in_the_log_never_go_back(load, syncd, db, proven):
    with load(count=1, threads=4) as running:
        for books in range(1, 4):
            wait_until(lambda: len(set(terms_in_log(db, running.accounts[0]))) == books, "a booking under the new term")
            syncd.restart()
    proven(running, others=())
    terms = terms_in_log(db, running.accounts[0])
    assert terms == sorted(terms) and len(set(terms)) >= 3
