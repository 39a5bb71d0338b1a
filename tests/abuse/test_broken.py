"""A clock that is wrong, a log that nobody reads, a disk that is full: what a paying client sees meanwhile and afterwards."""
import contextlib
import os
import shutil
import struct
import subprocess
import threading
import time

import pytest
from arena import STARVED, Arena, wrk
from drill import frozen
from luna_stack import BUILD, Account, clean_environment, own_stack, wait_until
from stack_control import Process

SKEWED_CLOCK = BUILD / "tests/unit/libluna/store/libskewed_clock.so"
HOUR_S, DAY_S = 3600, 86400


@contextlib.contextmanager
def broken_stack(before_up=lambda var: None, **settings):
    """A stack that is broken in one way, for one test; `before_up` prepares its folder."""
    with own_stack("broken", mode=0o755, LUNA_WORKERS=2, **settings) as running:
        before_up(running.var)
        running.up()
        running.luna("plan", "set", "paying", "--rate", "100000", "--burst", "100000")
        yield running


def paying(stack, name="paying"):
    made = stack.luna_json("account", "create", name, "--plan", "paying", "--quota", str(10**9))
    return Account(stack, made["id"], made["api_key"], name)


def used(stack, account):
    return stack.luna_json("usage", str(account.id))["used"]


class FakeClock:
    """Redis's clock in this stack: right, until it is set."""

    def __init__(self, stack):
        self.file = stack.var / "redis-clock"
        self.set(0)
        library = shutil.copy(SKEWED_CLOCK, stack.var / "skewed_clock.so")
        server = Process(stack, "redis")
        server.environment |= {"LD_PRELOAD": str(library), "LUNA_TEST_CLOCK": str(self.file)}
        server.restart()

    def set(self, ahead_s):
        with open(self.file, "r+b" if self.file.exists() else "wb") as file:
            file.write(struct.pack("=q", ahead_s * 1000000))


@pytest.fixture(scope="module", name="clocked")
def stack_with_a_fake_clock():
    with broken_stack() as stack:
        yield stack, FakeClock(stack), paying(stack)


@pytest.mark.parametrize("ahead_s", [DAY_S, -HOUR_S, 3653 * DAY_S], ids=["a day ahead", "an hour behind", "ten years ahead"])
def test_redis_clock_wrong_for_some_seconds_refuses_a_client_for_longer(clocked, ahead_s):
    """429 as long as the clock was wrong by, or a period that ended in the future."""
    stack, clock, account = clocked
    arena = Arena(stack, account, 1.5)
    quiet = arena.figures()
    with arena.watched() as seen:
        time.sleep(0.5)
        clock.set(ahead_s)
        time.sleep(3)
        clock.set(0)
        time.sleep(0.5)
    afterwards = arena.figures()
    print(f"\n  Redis's clock {ahead_s} s ahead for 3 s\n  victim quiet:      {quiet}\n  victim meanwhile:  {seen[0]}\n  victim afterwards: {afterwards}")
    assert set(quiet.statuses) == {"200"} and set(seen[0].statuses) <= {"200", "503"}
    wait_until(lambda: set(arena.figures().statuses) == {"200"}, "a client that is served again")


def test_a_log_that_nobody_reads_stops_the_service():
    """The workers' standard error is a pipe whose reader has stopped."""
    readers = []

    def make_pipe(var):
        (var / "log").mkdir(mode=0o755)
        os.mkfifo(var / "log" / "fcgi-worker.log", 0o666)
        readers.append(os.open(var / "log" / "fcgi-worker.log", os.O_RDWR | os.O_NONBLOCK))

    with broken_stack(make_pipe) as stack:
        arena = Arena(stack, paying(stack), 4)
        attacked = arena.figures()
        print(f"\n  victim, whose lines nobody reads: {attacked}")
        assert set(attacked.statuses) == {"200"} and attacked.statuses["200"] > 100
    os.close(readers[0])


@contextlib.contextmanager
def mostly_frozen(server):
    """It stops again and again for a little less than the timeout of a statement, and so never fails."""
    ended = threading.Event()

    def freeze():
        while not ended.wait(0.02):
            with frozen(server):
                ended.wait(0.8)

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def reads_of(url, key, connections=40):
    with subprocess.Popen(wrk(url, connections, "-H", f"X-API-Key: {key}"), env=clean_environment(), stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def test_a_slow_database_stops_a_client_that_needs_none():
    """All workers waited for PostgreSQL, which was slow, for a tenant who asked for its usage."""
    with broken_stack() as stack:
        account, reader = paying(stack), paying(stack, "reader")
        arena = Arena(stack, account, 4)
        quiet = arena.figures()
        with mostly_frozen(Process(stack, "postgres")), reads_of(reader.url.removesuffix("/kalman") + "/usage", reader.key):
            attacked = arena.figures()
        print(f"\n  victim quiet:                  {quiet}\n  victim of a slow PostgreSQL:   {attacked}")
        assert set(attacked.statuses) == {"200"}
        assert attacked.statuses["200"] >= quiet.statuses["200"] / STARVED, (quiet, attacked)


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "luna-test", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(file):
    with pytest.raises(OSError), open(file, "wb") as filler:
        while True:
            filler.write(b"x" * (1 << 16))
            filler.flush()


@pytest.mark.skipif(os.geteuid() != 0, reason="a disk that can be filled is mounted by root alone")
def test_a_full_disk_kills_workers_or_charges_what_it_refuses():
    """The disk of the state folder is full. A charge that cannot be confirmed is refused, and nothing stays wrong."""
    with contextlib.ExitStack() as disk, broken_stack(lambda var: disk.enter_context(small_disk(var / "state", "64m"))) as stack:
        account = paying(stack)
        arena = Arena(stack, account, 2)
        quiet = arena.figures()
        fill(stack.var / "state" / "filler")
        full = arena.figures()
        (stack.var / "state" / "filler").unlink()
        afterwards = arena.figures()
        print(f"\n  victim quiet:          {quiet}\n  victim on a full disk: {full}\n  victim afterwards:     {afterwards}")
        assert set(full.statuses) <= {"200", "503"} and set(afterwards.statuses) == {"200"}
        assert "worker_killed" not in stack.log("fcgi-worker")
        answered = sum(figures.statuses.get("200", 0) for figures in (quiet, full, afterwards))
        wait_until(lambda: used(stack, account) >= answered, "the charges to be booked")
        assert used(stack, account) == answered
