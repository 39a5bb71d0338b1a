"""Workers: killed under load and at every step that anybody can see; stalled in the middle of a cold load."""
import os
import pathlib
import signal

from load import Load
from luna_stack import wait_until
from stack_control import attached, children_of, is_alive

VISIBLE = "sendto,sendmsg,write,writev,pwrite64"
STORE_CALLS = "sendto,sendmsg,write"
WARM_POINTS = range(1, 25)
COLD_POINTS = range(1, 40)
SHORT_POINTS = (1, 2, 3, 4, 6, 9)
STALL_S = 4  # longer than the lease of a load


def worker_pids(workers):
    """The master's children that serve: the monitor, which listens for scrapes and takes no requests, is not one of them."""
    return [pid for pid in children_of(workers.pid) if "monitor" not in title_of(pid)]


def title_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() + pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8")
    except OSError:
        return ""


def test_killed_under_load(load, proven, workers, long_run):
    killed = 0
    with load() as running:
        for turn in range(60 if long_run else 8):
            running.await_success()
            pids = worker_pids(workers)
            os.kill(pids[turn % len(pids)], signal.SIGKILL)
            killed += 1
            running.await_count(15)
    proven(running, excess_max=killed, others={502, 503})


def killed_at(stack, workers, account, nth):
    """Attaches to every worker; each dies at its nth visible call. Gives the load and how many died."""
    pids = worker_pids(workers)
    with attached(pids, VISIBLE, "signal=SIGKILL", nth), Load(stack, [account], threads=4, requests_each=6) as running:
        pass
    return running, sum(not is_alive(pid) for pid in pids)


def crash_points(stack, workers, fault_accounts, points, *, cold):
    """One load per point; on one warm account, or on a fresh, cold one each time."""
    accounts = fault_accounts(len(points) if cold else 1)
    answers, killed = [], 0
    for index, nth in enumerate(points):
        running, died = killed_at(stack, workers, accounts[index if cold else 0], nth)
        answers += running.answers
        killed += died
        wait_until(workers.is_ready, 20, "the pool to be whole again")
    running.accounts, running.answers = accounts, answers
    return running, killed


def test_killed_at_every_visible_step_of_a_warm_request(stack, proven, workers, fault_accounts, long_run):
    running, killed = crash_points(stack, workers, fault_accounts, WARM_POINTS if long_run else SHORT_POINTS, cold=False)
    assert killed >= len(SHORT_POINTS)
    proven(running, excess_max=killed, others={502, 503})


def test_killed_at_every_visible_step_of_a_cold_load(stack, proven, workers, fault_accounts, long_run):
    running, killed = crash_points(stack, workers, fault_accounts, COLD_POINTS if long_run else SHORT_POINTS, cold=True)
    assert killed >= len(SHORT_POINTS)
    proven(running, excess_max=killed, others={502, 503})


def test_loader_stalled_past_its_lease(stack, proven, workers, fault_accounts, long_run):
    """A worker holds still before a step of a cold load until its lease is over and another has loaded the account."""
    points = range(1, 12) if long_run else (2, 4)
    accounts = fault_accounts(len(points))
    answers = []
    for account, nth in zip(accounts, points):
        stalled = worker_pids(workers)[:2]
        with attached(stalled, STORE_CALLS, f"delay_enter={STALL_S}s", nth):
            with Load(stack, [account], threads=4, pause_s=0.01) as running:
                running.await_count(60)
                wait_until(lambda: running.count(200) >= 40, 20, "the other workers to serve the account")
            answers += running.answers
        wait_until(workers.is_ready, 20, "the pool to be whole again")
    running.accounts, running.answers = accounts, answers
    proven(running, others={502, 503})


def test_pool_killed_and_restarted(load, proven, workers, long_run):
    """kill -9 of the master and all its children at once: what they had charged and not answered is at most one each."""
    killed = 0
    with load() as running:
        for _ in range(5 if long_run else 1):
            running.await_success()
            running.await_count(40)
            pids = worker_pids(workers)
            killed += len(pids)
            for pid in [workers.pid, *children_of(workers.pid)]:
                os.kill(pid, signal.SIGKILL)
            workers.await_end(pids)
            workers.start_and_await()
            running.await_success()
    proven(running, excess_max=killed, others={502, 503})
