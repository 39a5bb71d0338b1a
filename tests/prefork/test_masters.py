"""Masters that start while another one runs, and after one that was killed."""
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest
from conftest import BODY, WAIT_S, children_of, wait_until
from fcgi_client import NoAnswer
from waiting import free_port

EX_TEMPFAIL = 75
SLOW = "/api/v1/4000/kalman"  # three seconds in the fake store


def second(pool, log):
    """Another master with the same settings."""
    with open(log, "wb") as file:
        return subprocess.Popen([pool.binary], env=pool.environment, stderr=file)


def reason_in(log):
    return next(json.loads(line)["reason"] for line in log.read_text().splitlines() if "cannot_start" in line)


def test_of_two_masters_started_together_both_live_or_neither(make_pool, tmp_path):
    """Twelve times of twelve. Both found no socket, and the one that lost took the other's away."""
    pool = make_pool(LUNA_WORKERS="1", LUNA_LOG_FORMAT="json")
    for number in range(12):
        logs = [tmp_path / f"{number}-{name}" for name in "ab"]
        masters = [second(pool, log) for log in logs]
        try:
            wait_until(lambda: any(master.poll() is not None for master in masters), "the end of one")
            lost = 0 if masters[0].poll() is not None else 1
            pool.process = masters[1 - lost]
            assert masters[lost].returncode == EX_TEMPFAIL, logs[lost].read_text()
            assert f"process id {pool.process.pid})" in reason_in(logs[lost]) and "pool.lock" in reason_in(logs[lost])
            wait_until(lambda: pool.fetch("/readyz")[0] == 200, "/readyz of the other")
            assert pool.post().status == 200
            assert pool.stop() == 0
        finally:
            for master in masters:
                master.kill()
                master.wait()


@contextlib.contextmanager
def busy(pool, count):
    """Requests that run for seconds; yields the list that their statuses go into."""
    statuses = []

    def ask():
        with contextlib.suppress(NoAnswer, OSError):
            statuses.append(pool.client().post(SLOW, BODY).status)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    wait_until(lambda: sum(bool(worker["request"]) for worker in pool.workers()) == count, "busy workers")
    yield statuses
    for thread in threads:
        thread.join(WAIT_S)


def kill_master(pool):
    pool.process.kill()
    pool.process.wait()


def test_after_a_kill_of_a_busy_master_the_next_one_serves_late(make_pool):
    """The workers of the dead one hold its socket and its journal slots, and finish their requests."""
    pool = make_pool(LUNA_WORKERS="2", LUNA_LOG_FORMAT="json").start()
    with busy(pool, 2) as statuses:
        orphans = {worker["pid"] for worker in pool.workers()}
        kill_master(pool)
        pool.log_path.rename(pool.folder / "log.1")
        pool.start()
        assert statuses == [], "the next one waited for the workers of the dead one"
        assert pool.post().status == 200
        assert {int(pid) for pid in pool.events("orphans_found")[0]["pids"].split(",")} == orphans
    assert statuses == [200, 200], "what was in progress when the master was killed"
    assert pool.post().status == 200
    assert not pool.events("worker_ended", "worker_cannot_start")


def test_a_tcp_address_that_orphans_hold_is_told_with_their_process_ids(make_pool, tmp_path):
    port = free_port()
    pool = make_pool(LUNA_WORKERS="1", LUNA_LOG_FORMAT="json", LUNA_WORKER_LISTEN=f"127.0.0.1:{port}", LUNA_WORKER_PEERS="127.0.0.0/8")
    unused, pool.socket = pool.socket, ("127.0.0.1", port)
    pool.start()
    assert pool.events("pool_ready")[0]["socket"] == f"127.0.0.1:{port}" and not os.path.exists(unused)
    with busy(pool, 1):
        orphan = pool.workers()[0]["pid"]
        kill_master(pool)
        log = tmp_path / "second"
        master = second(pool, log)
        assert master.wait(WAIT_S) == EX_TEMPFAIL
        assert "LUNA_WORKER_LISTEN" in reason_in(log) and f'"pids":"{orphan}"' in log.read_text()
    wait_until(lambda: not os.path.exists(f"/proc/{orphan}"), "the end of the orphan")
    pool.log_path.unlink()
    pool.start()
    assert pool.post().status == 200


def test_a_monitor_that_is_stopped_outlives_its_master(make_pool):
    """It does not see its leash, and held the address of the next one."""
    pool = make_pool(LUNA_WORKERS="1").start()
    monitor = pool.status()["workers"] and next(
        pid for pid in children_of(pool.process.pid) if open(f"/proc/{pid}/comm", encoding="utf-8").read() == "luna-monitor\n")
    os.kill(monitor, signal.SIGSTOP)
    kill_master(pool)
    wait_until(lambda: not os.path.exists(f"/proc/{monitor}"), "the end of the monitor")
    pool.log_path.unlink()
    pool.start()
    assert pool.fetch("/livez")[0] == 200


def test_an_address_of_the_monitor_that_another_program_holds_is_a_wrong_setting(make_pool):
    first = make_pool(LUNA_WORKERS="1").start()
    pool = make_pool(LUNA_WORKERS="1", LUNA_MONITOR_LISTEN=f"127.0.0.1:{first.port}").start(ready=False)
    assert pool.process.wait(WAIT_S) == EX_TEMPFAIL
    assert "Address already in use" in pool.events("monitor_cannot_start")[0]["reason"]
    assert first.post().status == 200


@pytest.mark.parametrize("replacement", [signal.SIGHUP, signal.SIGUSR2])
def test_a_master_killed_during_a_replacement_leaves_no_room_for_the_next_one(make_pool, replacement):
    pool = make_pool(LUNA_WORKERS="2", LUNA_LOG_FORMAT="json").start()
    random.seed(11)
    for number in range(8):
        pool.install("fcgi-worker-fake")
        pool.signal(replacement)
        time.sleep(random.uniform(0, 0.3))  # any moment of it
        kill_master(pool)
        pool.log_path.rename(pool.folder / f"log.{number}")
        pool.start()
        assert pool.post().status == 200


def test_the_lock_is_lost_at_an_upgrade(make_pool, tmp_path):
    pool = make_pool(LUNA_WORKERS="1", LUNA_LOG_FORMAT="json").start()
    pool.install("fcgi-worker-fake")
    pool.signal(signal.SIGUSR2)
    wait_until(lambda: pool.status()["pool"]["upgrades"] == 1, "an upgrade")
    log = tmp_path / "second"
    assert second(pool, log).wait(WAIT_S) == EX_TEMPFAIL
    assert re.search(rf"process id {pool.process.pid}\).*pool\.lock", reason_in(log))
    assert pool.post().status == 200
