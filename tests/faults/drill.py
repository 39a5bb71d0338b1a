"""A drill: a store is made unreachable in one way for some seconds, under load of every kind, and put right again."""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

import redis
from ledger import syncd_metrics
from load import Load, send_usage
from luna_stack import wait_until
from stack_control import children_of

REQUEST_LIMIT_S = 20  # twice the worker's budget: the client waited for two of them
RETRY_AFTER_MAX_S = 5
STORE_NAMES = {"redis": "Redis", "postgres": "PostgreSQL"}
LOGINS = ("luna_worker", "luna_syncd")
REDIS_USERS = ("worker", "syncd", "admin")
OTHER_PASSWORD = "another-password-for-a-while"


class Drill:
    """warm: accounts that Redis holds. cold: accounts that nobody has asked for yet, asked for by more clients than there are
    workers. readers: free questions to PostgreSQL."""

    def __init__(self, stack, make_accounts, store, name):
        self.stack, self.store, self.name = stack, store, name
        self.warm = Load(stack, make_accounts(3), threads=4, pause_s=0.005)
        self.cold = Load(stack, make_accounts(2), threads=8, pause_s=0.05)
        self.readers = Load(stack, self.warm.accounts[:1], threads=1, pause_s=0.05, send=send_usage)
        self.loads = (self.warm, self.cold, self.readers)
        self.broken_at = self.repaired_at = self.healed_at = self.booked_after_s = 0.0  # repaired_at: when the repair begins

    def run(self, fault, length_s):
        with self.warm, self.readers:
            self.warm.await_success()
            self.warm.await_count(60)
            self.readers.await_success()
            with fault:
                self.broken_at = time.monotonic()
                self.cold.start()
                time.sleep(length_s)
                rounds = rounds_of(self.stack)
                self.repaired_at = time.monotonic()
            self.healed_at = time.monotonic()
            self.await_recovery(rounds)
            self.cold.join()

    def await_recovery(self, rounds):
        wait_until(lambda: rounds_of(self.stack) > rounds, "a booking by quota-syncd")
        self.booked_after_s = time.monotonic() - self.healed_at
        for load in self.loads:
            load.await_success()
        for load in self.loads:
            load.await_count(20)

    def while_broken(self, load):
        """Answers to requests that started and ended while the store was unavailable."""
        return [answer for answer in load.answers if answer.began > self.broken_at and answer.ended < self.repaired_at]

    def recovery(self, *loads):
        """Seconds from the healing to the first success, and to the last failure: from then on, every request succeeds."""
        later = [answer for load in loads for answer in load.answers if answer.ended > self.healed_at]
        first = min(answer.ended for answer in later if answer.status == 200 and answer.began > self.broken_at)
        last = max((answer.ended for answer in later if answer.status != 200), default=self.healed_at)
        return first - self.healed_at, last - self.healed_at

    def slowest_s(self):
        return max(load.slowest_s() for load in self.loads)

    def charged(self):
        """The load whose every success is in the ledger."""
        load = Load(self.stack, self.warm.accounts + self.cold.accounts)
        load.answers = self.warm.answers + self.cold.answers
        return load

    def line(self):
        first_s, last_s = self.recovery(*self.loads)
        counts = " ".join(f"{name}={dict(sorted(load.statuses().items()))}" for name, load in
                          (("warm", self.warm), ("cold", self.cold), ("usage", self.readers)))
        failed = sum(1 for load in self.loads for answer in load.answers if answer.status != 200)
        return (f"drill: {STORE_NAMES[self.store]} {self.name}, {self.repaired_at - self.broken_at:.1f} s: {failed} of "
                f"{sum(len(load.answers) for load in self.loads)} requests failed ({counts}), slowest {self.slowest_s():.2f} s; "
                f"after healing: first 200 {first_s:.2f} s, no failure after {last_s:.2f} s, booking again {self.booked_after_s:.2f} s")

    def complaints(self, within_s):
        """What no drill may show."""
        found = []
        answers = [answer for load in self.loads for answer in load.answers]
        strange = {(answer.status, answer.code) for answer in answers if answer.status not in (200, 503)}
        if strange:
            found.append(f"other answers than 200 and 503: {strange}")
        advice = {answer.retry_after for answer in answers if answer.status == 503}
        if not all(value and 1 <= int(value) <= RETRY_AFTER_MAX_S for value in advice):
            found.append(f"503 with a Retry-After of {advice}")
        if self.slowest_s() > REQUEST_LIMIT_S:
            found.append(f"a request took {self.slowest_s():.1f} s")
        if max(*self.recovery(*self.loads), self.booked_after_s) > within_s:
            found.append(f"not well {within_s} s after the healing")
        return found


def rounds_of(stack):
    return syncd_metrics(stack).get("luna_syncd_rounds_total", 0)


@contextlib.contextmanager
def restarted(server, with_signal):
    """Ended in good order; healed when it takes connections again."""
    server.kill(with_signal)
    yield
    server.start_and_await()


@contextlib.contextmanager
def frozen(server):
    """SIGSTOP to it and to all its children: connections are taken by the kernel, and nobody answers."""
    family = [server.pid, *children_of(server.pid)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def in_a_network_of_our_own():
    """Only the loopback is in it: nobody else's packets can be meant."""
    interfaces = pathlib.Path("/proc/net/dev").read_text(encoding="utf-8").count(":")
    return os.geteuid() == 0 and interfaces == 1


@contextlib.contextmanager
def dropped(port, share=1.0):
    """Packets to and from the port vanish: no reset, no refusal. share: how many of them."""
    chance = [] if share == 1.0 else ["-m", "statistic", "--mode", "random", "--probability", str(share)]
    rules = [["INPUT", "-p", "tcp", side, str(port), *chance, "-j", "DROP"] for side in ("--dport", "--sport")]
    for rule in rules:
        subprocess.run(["iptables", "-w", "-A", *rule], check=True, capture_output=True)
    try:
        yield
    finally:
        for rule in rules:
            subprocess.run(["iptables", "-w", "-D", *rule], check=True, capture_output=True)


@contextlib.contextmanager
def redis_refusing(stack):
    """Another password, and whoever is connected is sent away."""
    stack.issued.append(OTHER_PASSWORD)
    with redis.Redis.from_url(stack.env["REDIS_URL"]) as operator:
        for user in REDIS_USERS:
            operator.execute_command("ACL", "SETUSER", f"luna_{user}", "resetpass", f">{OTHER_PASSWORD}")
        try:
            operator.execute_command("CLIENT", "KILL", "TYPE", "normal")
            yield
        finally:
            for user in REDIS_USERS:
                operator.execute_command("ACL", "SETUSER", f"luna_{user}", "resetpass", f">{stack.secret(f'redis_{user}')}")


@contextlib.contextmanager
def postgres_refusing(stack):
    with contextlib.closing(stack.connect("postgres")) as connection, connection.cursor() as operator:
        for role in LOGINS:
            operator.execute(f"ALTER ROLE {role} PASSWORD %s", (OTHER_PASSWORD,))
        try:
            operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)", (list(LOGINS),))
            yield
        finally:
            for role in LOGINS:
                operator.execute(f"ALTER ROLE {role} PASSWORD %s", (stack.secret(role),))
