"""Workers: killed under load and at every step that anybody can see; stalled in the middle of a cold load."""
import contextlib
import os
import signal

from load import Load
from luna_stack import wait_until
from stack_control import at_every_step, attached, await_stall, children_of, is_alive, page

VISIBLE = ("write", "sendto", "sendmsg", "fcntl", "fdatasync")
LEASE_STALL_S = 3.2  # longer than the lease of a load
FENCE_STALL_S = 1.5
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

    return wait_until(serving, "a whole pool")


def killed_at_every_step(stack, workers, account_for, step):
    """One request per visible step: its worker is killed there. Then more requests on the same accounts. Gives all answers as
    one load, and how many workers died."""
    accounts, answers = {}, []

    def killed_at(call, nth):
        victim, *_ = pids = sorted(whole_pool(workers))  # the oldest: who dies young again and again is replaced ever more slowly
        account = account_for(nth)
        accounts[account.id] = account
        with only(pids, victim), attached(victim, call, "signal=SIGKILL", nth), Load(stack, [account], threads=1, requests_each=1) as load:
            pass
        answers.extend(load.answers)
        return not is_alive(victim)

    killed = at_every_step(VISIBLE, killed_at, step)
    whole_pool(workers)
    served = list(accounts.values())
    with Load(stack, served, threads=4, pause_s=0.01) as load:
        wait_until(lambda: all(load.count(200, account=account) for account in served), "every account to be served again")
    load.answers += answers
    return load, killed


def test_killed_at_every_visible_step_of_a_warm_request(stack, proven, workers, fault_accounts):
    account, = fault_accounts(1)
    first = few_requests(stack, account)
    load, killed = killed_at_every_step(stack, workers, lambda nth: account, 1)
    load.answers += first
    assert killed >= 4
    proven(load, excess_max=killed, others={502}, note=f"killed at {killed} steps")


def test_killed_at_every_visible_step_of_a_cold_load(stack, proven, workers, fault_accounts, long_run):
    load, killed = killed_at_every_step(stack, workers, lambda nth: fault_accounts(1)[0], 1 if long_run else 3)
    assert killed >= (10 if long_run else 4)
    proven(load, excess_max=killed, others={502, 503}, note=f"killed at {killed} steps")


def test_loader_stalled_past_its_lease_at_every_step(stack, proven, workers, fault_accounts, long_run):
    """A loader holds still before a visible step until its lease is over and another worker has loaded and served the account."""
    accounts, answers = [], []

    def stalled_at(call, nth):
        accounts.extend(fault_accounts(1))
        with stalled_request(workers, accounts[-1], call, nth, LEASE_STALL_S) as stalled:
            stepped = not stalled.answers
            if stepped:
                with Load(stack, accounts[-1:], threads=3, pause_s=0.005) as load:
                    load.await_success()
                    load.await_count(50)
                    wait_until(lambda: stalled.answers, "the stalled loader's answer")
                    load.await_count(50)
                answers.extend(load.answers)
        answers.extend(stalled.answers)
        return stepped

    points = at_every_step(("write", "sendto"), stalled_at, 1 if long_run else 9)
    load = Load(stack, accounts)
    load.answers = answers
    proven(load, note=f"stalled at {points} steps")


@contextlib.contextmanager
def stalled_request(workers, account, call, nth, stall_s):
    """One request whose worker holds still before its nth use of `call`. Gives its load, with the answer already in it if there
    was no such use; the answer has come when the context ends."""
    chosen, *_ = pids = whole_pool(workers)
    request = Load(workers.stack, [account], threads=1, requests_each=1)
    with attached(chosen, call, f"delay_enter={int(stall_s * 1000)}ms", nth):
        with only(pids, chosen):
            request.start()
            await_stall(chosen, lambda: request.answers)
        try:
            yield request
        finally:
            request.join()


def test_answer_stalled_across_a_fence_at_every_step(stack, proven, workers, fault_accounts, redis_store, long_run):
    """A worker that has charged holds still before it answers; meanwhile Redis loses everything, the journals are read, and the
    account starts again. The charge is in no journal that was read: the answer must not be a success, or be counted again."""
    account, = fault_accounts(1)
    answers = few_requests(stack, account)

    def stalled_at(call, nth):
        with stalled_request(workers, account, call, nth, FENCE_STALL_S) as stalled:
            stepped = not stalled.answers
            if stepped:
                redis_store.flushall()
                with Load(stack, [account], threads=2, pause_s=0.005) as load:
                    load.await_success()
                answers.extend(load.answers)
        answers.extend(stalled.answers)
        return stepped

    points = at_every_step(("fcntl", "write", "sendmsg"), stalled_at, 1 if long_run else 4)
    load = Load(stack, [account])
    load.answers = answers
    proven(load, note=f"stalled at {points} steps")


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
                with contextlib.suppress(ProcessLookupError):  # a child ends when its master has
                    os.kill(pid, signal.SIGKILL)
            workers.await_end(pids)
            workers.start_and_await()
            running.await_success()
    proven(running, excess_max=killed, others={502, 503})
