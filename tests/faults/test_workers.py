"""Workers: killed under load and at every step that anybody can see; stalled in the middle of a cold load."""
import contextlib
import itertools
import os
import signal

from load import Load
from luna_stack import wait_until
from stack_control import attached, children_of, is_alive, page, pause

VISIBLE = "sendto,sendmsg,write,writev,pwrite64,ftruncate,fdatasync,fsync,rename,renameat,renameat2,unlink,unlinkat"
CRASH_POINTS_MAX = 100
STALL_S = 4  # longer than the lease of a load
WORKERS = 4


def worker_pids(workers):
    """Those that serve, by the monitor's own account."""
    return [worker["pid"] for worker in page(workers.stack, "LUNA_METRICS_URL", "/status").json()["workers"] if is_alive(worker["pid"])]


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


@contextlib.contextmanager
def only(pids, chosen):
    """The other workers are frozen: the next request is the chosen one's."""
    others = [pid for pid in pids if pid != chosen]
    try:
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def whole_pool(workers):
    """The workers' pids, once there are as many as there should be."""
    def serving():
        pids = workers.is_ready() and worker_pids(workers)
        return pids and len(pids) == WORKERS and pids

    return wait_until(serving, 30, "a whole pool")


def killed_at_every_step(stack, workers, account_for):
    """One request per visible call: its worker is killed there; until a request comes through whole. Then more requests on
    the same accounts. Gives all answers as one load, and how many workers died."""
    accounts, answers = [], []
    for nth in itertools.count(1):
        pids = whole_pool(workers)
        victim = sorted(pids)[0]  # the oldest: one that dies young again and again is respawned ever more slowly
        accounts.append(account_for(nth))
        with only(pids, victim), attached([victim], VISIBLE, "signal=SIGKILL", nth), Load(stack, accounts[-1:], threads=1, requests_each=1) as load:
            pass
        answers += load.answers
        if is_alive(victim):
            break
        assert nth < CRASH_POINTS_MAX
    whole_pool(workers)
    accounts = list({account.id: account for account in accounts}.values())
    with Load(stack, accounts, threads=4, pause_s=0.01) as load:
        wait_until(lambda: all(load.count(200, account=account) for account in accounts), 30, "every account to be served again")
    load.answers += answers
    return load, nth - 1


def test_killed_at_every_visible_step_of_a_warm_request(stack, proven, workers, fault_accounts):
    account, = fault_accounts(1)
    with Load(stack, [account], threads=1, requests_each=1) as first:
        pass
    load, killed = killed_at_every_step(stack, workers, lambda nth: account)
    load.answers += first.answers
    assert killed >= 3
    proven(load, excess_max=killed, others={502}, note=f"{killed} crash points")


def test_killed_at_every_visible_step_of_a_cold_load(stack, proven, workers, fault_accounts):
    load, killed = killed_at_every_step(stack, workers, lambda nth: fault_accounts(1)[0])
    assert killed >= 8
    proven(load, excess_max=killed, others={502, 503}, note=f"{killed} crash points")


def test_loader_stalled_past_its_lease_at_every_step(stack, proven, workers, fault_accounts, long_run):
    """A loader holds still before a visible call until its lease is over and another worker has loaded and served the account."""
    accounts, answers = [], []
    for nth in itertools.count(2, 1 if long_run else 2):
        pids = whole_pool(workers)
        accounts += fault_accounts(1)
        stalled = Load(stack, accounts[-1:], threads=1, requests_each=1)
        with attached(pids[:1], VISIBLE, f"delay_enter={STALL_S}s", nth):
            with stalled:
                with only(pids, pids[0]):
                    pause(0.5)
                with Load(stack, accounts[-1:], threads=3, pause_s=0.005) as load:
                    load.await_success()
                    load.await_count(50)
                    wait_until(lambda: stalled.answers, 20, "the stalled loader's answer")
                    load.await_count(50)
        answers += stalled.answers + load.answers
        if stalled.slowest_s() < STALL_S / 2:
            break
        assert nth < CRASH_POINTS_MAX
    load.accounts, load.answers = accounts, answers
    proven(load, others={503}, note=f"stalled at {len(accounts) - 1} steps")


def test_answer_stalled_across_a_fence_at_every_step(stack, proven, workers, fault_accounts, redis_store, long_run):
    """A worker that has charged holds still before it answers; meanwhile Redis loses everything, the journals are read, and the
    account begins anew. The charge is in no journal that was read: the answer must not be a success, or be counted again."""
    account, = fault_accounts(1)
    answers = few_requests(stack, account)
    for nth in itertools.count(1, 1 if long_run else 2):
        pids = whole_pool(workers)
        stalled = Load(stack, [account], threads=1, requests_each=1)
        with attached(pids[:1], f"{VISIBLE},fcntl", f"delay_enter={STALL_S}s", nth), stalled:
            with only(pids, pids[0]):
                pause(0.5)
            if stalled.answers:
                break
            redis_store.flushall()
            with Load(stack, [account], threads=2, pause_s=0.005) as load:
                load.await_success()
            answers += load.answers
        answers += stalled.answers
        assert nth < CRASH_POINTS_MAX
    answers += stalled.answers
    load = Load(stack, [account])
    load.answers = answers
    proven(load, note=f"stalled at {nth - 1} steps")


def few_requests(stack, account):
    with Load(stack, [account], threads=4, requests_each=5) as load:
        pass
    return load.answers


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
