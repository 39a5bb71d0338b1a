"""After a fault: does the ledger agree with the answers that the clients received?"""
import contextlib

import httpx
from luna_stack import wait_until
from stack_control import page
from syncd_process import metrics_of

REQUEST_LIMIT_S = 26  # twice the worker's budget and its grace: the client waited for two of them


def syncd_metrics(stack):
    with contextlib.suppress(httpx.TransportError):
        return metrics_of(page(stack, "LUNA_SYNCD_METRICS_URL", "/metrics").text)
    return {}


def settle(stack, redis_store):
    """Waits until what was charged is booked: two more whole rounds, and nothing dirty."""
    def rounds():
        return syncd_metrics(stack).get("luna_syncd_rounds_total")

    first = wait_until(lambda: rounds() is not None and (rounds(),), "quota-syncd's metrics")[0]
    wait_until(lambda: (rounds() or 0) >= first + 2, "two rounds of booking")
    wait_until(lambda: redis_store.scard("quota:dirty") == 0, "an empty dirty set")


class Books:
    """What the ledger says of one account."""

    def __init__(self, db, account):
        with db.cursor() as cursor:
            cursor.execute("SELECT COALESCE(sum(delta), 0), max(used_after - limit_after) FILTER (WHERE delta > 0) FROM quota_events"
                           " WHERE account_id = %s", (account.id,))
            self.event_sum, self.worst_overdraft = cursor.fetchone()
            cursor.execute("SELECT quota_used, quota_limit, quota_epoch FROM accounts WHERE id = %s", (account.id,))
            self.used, self.limit, self.epoch = cursor.fetchone()


def check(stack, db, redis_store, load, name, *, excess_max=0, others=frozenset({503}), periods=False, note="", report=print):
    """Settles, proves the invariants for every account of the load, and prints the scenario's line.

    excess_max: charges that a killed worker may leave without an answer. others: the statuses that this fault may cause.
    periods: the accounts have periods, so that quota_used is what the present one used. note: for the line."""
    settle(stack, redis_store)
    successes = events = used = 0
    faults, unanswered = [], {}
    excess_left = excess_max
    for account in load.accounts:
        books = Books(db, account)
        answered = load.count(200, account=account)
        successes, events, used = successes + answered, events + books.event_sum, used + books.used
        excess = books.event_sum - answered
        if not 0 <= excess <= excess_left:
            faults.append(f"account {account.id}: {answered} answers 200, {books.event_sum} units in the log")
        excess_left -= max(excess, 0)
        if excess > 0:
            unanswered[account.id] = int(excess)
        if not periods and books.used != books.event_sum:
            faults.append(f"account {account.id}: {books.event_sum} units in the log, quota_used {books.used}")
        if not periods and answered > books.limit and not getattr(account, "limit_lowered", False):
            faults.append(f"account {account.id}: {answered} answers 200 with a limit of {books.limit}")
        if books.worst_overdraft is not None and books.worst_overdraft > 0 and not getattr(account, "limit_lowered", False):
            faults.append(f"account {account.id}: {books.worst_overdraft} units over its limit")
        verified = stack.luna("audit", "verify", "--account", str(account.id), check=False)
        if verified.returncode != 0:
            faults.append(f"account {account.id}: audit verify: {verified.stderr.strip()}")
    statuses = load.statuses()
    line = (f"{name}: 200s={successes} events={events} quota_used={used} excess={unanswered or 0} "
            f"statuses={dict(sorted(statuses.items()))} slowest={load.slowest_s():.2f}s{note and ', '}{note}")
    report(line)
    unexpected = set(statuses) - {200, 429} - set(others)
    if unexpected:
        codes = {(answer.status, answer.code) for answer in load.answers if answer.status in unexpected}
        faults.append(f"statuses that this fault must not cause: {codes}")
    if load.slowest_s() > REQUEST_LIMIT_S:
        faults.append(f"a request took {load.slowest_s():.1f} s")
    await_conservation(stack, name)
    assert not faults, line + "\n" + "\n".join(faults)
    return successes


def await_conservation(stack, name):
    """By a check that was made after the last booking."""
    gauges = {}

    def conserved():
        gauges.update({part: value for part, value in syncd_metrics(stack).items() if part.startswith("luna_syncd_conservation_")})
        return gauges and not any(value for part, value in gauges.items() if part.endswith(("_stale", "_broken")))

    try:
        wait_until(conserved)
    except AssertionError as late:
        raise AssertionError(f"{name}: the conservation gauges do not read 0: {gauges}") from late
