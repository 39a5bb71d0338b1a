"""quota-syncd: killed at every step that anybody can see, killed under load, frozen, and two at once."""
import itertools
import signal
import subprocess

from load import Load
from luna_stack import clean_environment, wait_until
from stack_control import injection
from syncd_process import SYNCD, running_syncd, settings_for

VISIBLE = "sendto,sendmsg,write,writev,pwrite64,rename,renameat,renameat2,unlink,unlinkat,ftruncate,fdatasync,fsync"
CRASH_POINTS_MAX = 2000
SHORT_POINTS = (1, 2, 3, 5, 8, 12, 16, 20, 25, 30)


def test_killed_at_every_visible_step(stack, fault_accounts, proven, syncd, long_run):
    """--once under strace, with SIGKILL at the nth visible system call, until one pass comes through whole."""
    accounts = fault_accounts(3)
    answers = []
    syncd.kill(signal.SIGTERM)
    try:
        for nth in itertools.count(1) if long_run else SHORT_POINTS:
            with Load(stack, accounts, threads=3, requests_each=2) as load:
                pass
            answers += load.answers
            command = [*injection(VISIBLE, "signal=SIGKILL", nth), SYNCD, "--once"]
            status = subprocess.run(command, env=clean_environment(**settings_for(stack)), timeout=60, capture_output=True, check=False).returncode
            assert status in (0, -signal.SIGKILL), status
            if status == 0:
                break
            assert nth < CRASH_POINTS_MAX
    finally:
        syncd.start_and_await()
    load.answers = answers
    proven(load, others=())
    assert not long_run or status == 0


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
            other.await_page("/readyz", 200, "leading", 20)
            running.await_count(50)
        finally:
            syncd.thaw()
        running.await_count(50)
    wait_until(syncd.is_ready, 20, "the thawed daemon")
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
                other.await_page("/readyz", 200, "leading", 20)
                running.await_count(40)
                syncd.start_and_await()
            running.await_success()
    proven(running, others=())


def terms_in_log(cursor, account):
    cursor.execute("SELECT term FROM quota_events WHERE account_id = %s AND kind = 'book' ORDER BY seq", (account.id,))
    return [term for term, in cursor.fetchall()]


def test_terms_in_the_log_never_go_back(load, syncd, db, proven):
    with load(count=1, threads=4) as running:
        running.await_success()
        running.await_count(40)
        syncd.restart()
        running.await_success()
        running.await_count(40)
    proven(running, others=())
    with db.cursor() as cursor:
        terms = terms_in_log(cursor, running.accounts[0])
    assert terms == sorted(terms) and len(set(terms)) >= 2
