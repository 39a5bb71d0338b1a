"""Reload, binary upgrade and stop lose no request."""
import os
import shutil
import signal
import subprocess
import time

from conftest import WAIT_S, Load, wait_until


def until_generation(pool, generation):
    wait_until(lambda: pool.status()["pool"]["generation"] == generation, f"generation {generation}")


def upgrade(pool, program, upgrades=None, rollbacks=None):
    pool.install(program)
    pool.signal(signal.SIGUSR2)
    name, number = ("upgrades", upgrades) if upgrades is not None else ("upgrade_rollbacks", rollbacks)
    wait_until(lambda: pool.status()["pool"][name] == number, f"{name} {number}")


def test_a_reload_or_upgrade_under_load_loses_something(make_pool, long_form):
    """Short: 4 reloads, 5 upgrades. Long: 20 reloads, 5 upgrades, 100,000 requests. Two upgrades are of builds that fail: one
    fails its self-test, one starts no worker."""
    reloads, requests = (20, 100_000) if long_form else (4, 3000)
    pool = make_pool(LUNA_LOG_LEVEL="warning", LUNA_REQUESTS_MAX="3000").start(ready=False)
    wait_until(lambda: pool.fetch("/readyz")[0] == 200, "/readyz")
    master = pool.process.pid
    with Load(pool) as load:
        for number in range(1, reloads + 1):
            pool.signal(signal.SIGHUP)
            wait_until(lambda: pool.status()["pool"]["reloads"] == number, f"reload {number}")
        upgrade(pool, "fcgi-worker-fake", upgrades=1)
        upgrade(pool, "/bin/false", rollbacks=1)
        upgrade(pool, "fcgi-worker-fake-stillborn", rollbacks=2)
        assert "stillborn" not in os.readlink(f"/proc/{master}/exe")
        upgrade(pool, "fcgi-worker-fake", upgrades=2)
        upgrade(pool, "fcgi-worker-fake", upgrades=3)
        wait_until(lambda: load.count >= requests, f"{requests} requests")
    status = pool.status()
    assert load.bad == []
    assert pool.process.poll() is None and pool.process.pid == master
    assert status["pool"]["crashes"] == 0 and status["pool"]["kills"] == 0
    assert status["totals"]["statuses"]["200"] == status["totals"]["requests"]
    print(f"{load.count} requests, {reloads} reloads, 3 upgrades, 2 rolled back: 0 failed")


def test_a_stillborn_build_is_not_rolled_back_to_the_old_binary(make_pool):
    pool = make_pool().start()
    old = os.stat(f"/proc/{pool.process.pid}/exe").st_ino
    upgrade(pool, "fcgi-worker-fake-stillborn", rollbacks=1)
    wait_until(lambda: os.stat(f"/proc/{pool.process.pid}/exe").st_ino == old, "the old binary")
    assert pool.events("upgrade_rolled_back")[0]["reason"] == "a store is unavailable"
    assert pool.post().status == 200
    pool.signal(signal.SIGHUP)  # and the old master still works
    wait_until(lambda: pool.status()["pool"]["reloads"] == 1, "reload after a rollback")
    assert len(pool.workers()) == 4


def test_a_file_that_is_no_program_is_taken_for_a_build_that_computes_wrongly(make_pool):
    pool = make_pool().start()
    text = pool.folder / "text"
    text.write_text("no program\n")
    upgrade(pool, text, rollbacks=1)
    assert pool.events("upgrade_rolled_back")[0]["reason"] == "the file cannot be executed"
    assert pool.post().status == 200


def test_a_reload_keeps_old_settings_or_takes_wrong_ones(make_pool):
    pool = make_pool().start()
    (pool.folder / "env").write_text("LUNA_WORKERS=6\n")
    pool.signal(signal.SIGHUP)
    # Four old and two new ones are six as well, for a moment.
    wait_until(lambda: [worker["generation"] for worker in pool.workers()] == 6 * [2], "six new workers")
    (pool.folder / "env").write_text("LUNA_WORKERS=none\n")
    pool.signal(signal.SIGHUP)
    wait_until(lambda: pool.events("reload_refused"), "reload_refused")
    assert "LUNA_WORKERS" in pool.events("reload_refused")[0]["reason"]
    assert len(pool.workers()) == 6 and pool.post().status == 200


def test_a_reload_with_an_unreachable_store_does_not_roll_back(make_pool):
    pool = make_pool(LUNA_WORKERS="2")
    del pool.environment["LUNA_REDIS_URL"]
    (pool.folder / "env").write_text("LUNA_REDIS_URL=redis://fake\n")
    pool.start()
    (pool.folder / "env").write_text("LUNA_REDIS_URL=redis://away\n")
    pool.signal(signal.SIGHUP)
    wait_until(lambda: pool.events("reload_rolled_back"), "reload_rolled_back")
    assert pool.post().status == 200
    assert {worker["generation"] for worker in pool.workers()} == {1}


def ask(pool, option):
    """fcgi-worker --reload or --upgrade: (exit status, what it said)."""
    outcome = subprocess.run([pool.binary, option, str(pool.process.pid)], env=pool.environment, capture_output=True, text=True,
                             timeout=WAIT_S, check=False)
    return outcome.returncode, outcome.stdout + outcome.stderr


def test_a_failed_reload_looks_like_a_good_one_to_its_caller(make_pool):
    pool = make_pool()
    del pool.environment["LUNA_REDIS_URL"]
    (pool.folder / "env").write_text("LUNA_REDIS_URL=redis://fake\n")
    pool.start()
    assert ask(pool, "--reload") == (0, "fcgi-worker: reload complete\n")
    assert {worker["generation"] for worker in pool.workers()} == {2}  # it has waited
    (pool.folder / "env").write_text("LUNA_REDIS_URL=redis://away\n")
    assert ask(pool, "--reload") == (1, "fcgi-worker: the reload failed: a store is unavailable\n")
    (pool.folder / "env").write_text("LUNA_REDIS_URL=redis://fake\nLUNA_SLOW_MS=none\n")
    status, said = ask(pool, "--reload")
    assert status == 78 and "LUNA_SLOW_MS" in said
    assert pool.status()["pool"]["reloads"] == 1 and pool.post().status == 200
    (pool.folder / "env").write_text("LUNA_REDIS_URL=redis://fake\nLUNA_BACKLOG=77\n")
    assert ask(pool, "--reload") == (0, "fcgi-worker: reload complete; a restart is needed for LUNA_BACKLOG\n")
    assert list((pool.folder / "state").glob("reload.*")) == []


def test_a_failed_upgrade_looks_like_a_good_one_to_its_caller(make_pool):
    pool = make_pool(LUNA_WORKERS="2").start()
    assert ask(pool, "--upgrade") == (0, "fcgi-worker: upgrade complete\n")
    assert pool.status()["pool"]["upgrades"] == 1
    good = pool.folder / "good"
    shutil.copy(pool.binary, good)
    pool.install("fcgi-worker-fake-stillborn")
    pool.binary, installed = good, pool.binary
    assert ask(pool, "--upgrade") == (1, "fcgi-worker: the upgrade failed: a store is unavailable\n")
    pool.binary = installed
    pool.install("/bin/false")
    pool.binary = good
    status, said = ask(pool, "--upgrade")
    assert status == 1 and "the upgrade failed: " in said
    assert pool.status()["pool"]["upgrades"] == 1 and pool.post().status == 200


def test_a_worker_that_never_idles_is_kept(make_pool):
    pool = make_pool(LUNA_WORKERS="1").start()
    with Load(pool, threads=30, uri="/api/v1/1020/kalman") as load:  # the queue is never empty
        wait_until(lambda: pool.status()["totals"]["requests"] >= 20, "load")
        pool.signal(signal.SIGHUP)
        wait_until(lambda: {worker["generation"] for worker in pool.status()["workers"]} == {2}, "the end of generation 1")
    assert load.bad == [] and not pool.events("worker_hangs")


def test_a_stop_cuts_off_what_is_in_hand(make_pool):
    pool = make_pool().start()
    with Load(pool, threads=1, uri="/api/v1/4000/kalman") as load:  # 3 s each
        wait_until(lambda: any(worker["request"] for worker in pool.workers()), "a busy worker")
        load.stopping = True
        pool.signal(signal.SIGTERM)
        assert pool.process.wait(WAIT_S) == 0
    assert load.bad == [] and load.count == 1
    assert not pool.socket.exists()


def test_a_second_stop_waits(make_pool):
    pool = make_pool().start()
    with Load(pool, threads=1, uri="/api/v1/31000/kalman") as load:  # 30 s each
        wait_until(lambda: any(worker["request"] for worker in pool.workers()), "a busy worker")
        load.stopping = True
        began = time.monotonic()
        pool.signal(signal.SIGTERM)
        wait_until(lambda: pool.events("stopping"), "the first stop")  # two signals at once would be one
        pool.signal(signal.SIGTERM)
        pool.process.wait(WAIT_S)
    assert time.monotonic() - began < 20


def test_an_idle_stop_takes_long(make_pool):
    """The best of five: it waits for no timer of its own, however busy the machine."""
    took_s = []
    for _ in range(5):
        pool = make_pool().start()
        began = time.monotonic()
        pool.signal(signal.SIGTERM)
        assert pool.process.wait(WAIT_S) == 0
        took_s.append(time.monotonic() - began)
    assert min(took_s) < 0.3


def test_orphans_outlive_a_killed_master(make_pool):
    pool = make_pool().start()
    pids = [worker["pid"] for worker in pool.workers()]
    pool.process.kill()
    pool.process.wait()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") and "luna-worker" in open(f"/proc/{pid}/comm").read() for pid in pids),
               "the end of the workers")
    assert pool.fetch("/livez")[0] is None


def test_the_replacement_of_a_recycled_worker_loses_a_request(make_pool):
    pool = make_pool(LUNA_REQUESTS_MAX="50").start()
    with Load(pool) as load:
        wait_until(lambda: load.count > 1500, "1500 requests")
    assert load.bad == []
    reasons = {event["reason"] for event in pool.events("worker_recycles")}
    assert reasons == {"requests"}
    assert pool.status()["pool"]["crashes"] == 0


def test_a_pool_does_not_grow_or_shrink_by_hand(make_pool):
    pool = make_pool(LUNA_WORKERS="2").start()
    for number in (3, 4):  # one signal at a time: two that arrive together are one
        pool.signal(signal.SIGTTIN)
        wait_until(lambda: len(pool.workers()) == number, f"{number} workers")
    for number in (3, 2, 1):
        pool.signal(signal.SIGTTOU)
        wait_until(lambda: len(pool.status()["workers"]) == number, f"{number} workers")
    pool.signal(signal.SIGTTOU)
    assert pool.post().status == 200
