"""Workers that hang: seen, survived by the monitor, ended by the hard limit."""
import os
import re
import resource
import signal
import socket
import threading
import time

import pytest
from conftest import Load, wait_until
from fcgi_client import NoAnswer, begin, params_records, stdin_records

HUNG_S = 29  # how long the fake store holds a request that hangs

def test_all_workers_hung_leave_readiness_on_or_stay_hung(make_pool):
    pool = make_pool(LUNA_WORKERS="3", LUNA_REQUEST_TIMEOUT_MS="5000", LUNA_HARD_LIMIT_GRACE_MS="1000", LUNA_READY_STALL_MS="700").start()
    assert pool.fetch("/readyz")[0] == 200
    began = time.monotonic()
    with Load(pool, threads=3, uri=f"/api/v1/{1000 + 1000 * HUNG_S}/kalman") as load:
        wait_until(lambda: len([w for w in pool.workers() if w["request"]]) == 3, "three busy workers")
        load.stopping = True
        wait_until(lambda: pool.fetch("/readyz")[0] == 503, "/readyz 503")
        assert "progress" in pool.fetch("/readyz")[1]
        assert pool.fetch("/livez")[0] == 200
        assert 'luna_worker_busy{phase="admit"} 3' in pool.fetch("/metrics")[1]
        wait_until(lambda: len(pool.events("worker_killed")) == 3, "the hard limit")
        assert time.monotonic() - began < HUNG_S
        wait_until(lambda: pool.fetch("/readyz")[0] == 200, "/readyz 200 again")
    killed = pool.events("worker_killed")
    assert {event["reason"] for event in killed} == {"hard limit"}
    assert {event["account_id"] for event in killed} == {1000 + 1000 * HUNG_S} and all(event["request_id"] for event in killed)
    assert pool.post().status == 200
    assert not pool.events("body_quarantined")  # a store's hang is not the body's


def test_an_idle_pool_finds_out_late_that_the_stores_are_back(make_pool):
    """The best of three: each time right after a worker found them away, so that the next probe is a whole pause later."""
    pool = make_pool(LUNA_WORKERS="1")
    there = pool.folder / "redis"
    there.touch()
    pool.environment["LUNA_REDIS_URL"] = f"unix://{there}"
    pool.start()
    taken = []
    for _ in range(3):
        there.unlink()
        wait_until(lambda: pool.fetch("/readyz")[0] == 503, "/readyz 503")
        there.touch()
        began = time.monotonic()
        wait_until(lambda: pool.fetch("/readyz")[0] == 200, "/readyz 200 again")
        taken.append(time.monotonic() - began)
    assert min(taken) < 4, taken


def test_postgresql_that_does_not_answer_counts_as_computing_or_blames_a_body(make_pool):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections stay in its queue
        pool = make_pool(LUNA_WORKERS="1", LUNA_REQUEST_TIMEOUT_MS="1000", LUNA_HARD_LIMIT_GRACE_MS="1000",
                         LUNA_DATABASE_TIMEOUT_MS="60000",
                         LUNA_DATABASE_URL=f"host=127.0.0.1 port={silent.getsockname()[1]} dbname=fake sslmode=disable").start()

        def create_key():
            with pytest.raises((NoAnswer, OSError)):
                pool.client().post("/api/v1/42/keys", '{"scopes":["read"]}')

        for kills in (1, 2):  # as often as a body that kills is quarantined
            waiting = threading.Thread(target=create_key)
            waiting.start()
            wait_until(lambda: 'luna_worker_busy{phase="store"} 1' in pool.fetch("/metrics")[1], "a worker that waits for PostgreSQL")
            wait_until(lambda: len(pool.events("worker_killed")) == kills, "the hard limit")
            waiting.join()
        assert {(event["reason"], event["phase"]) for event in pool.events("worker_killed")} == {("hard limit", "store")}
        assert 'luna_worker_phase_seconds_total{phase="store",blocked="true"}' in pool.fetch("/metrics")[1]
    assert not pool.events("body_quarantined")


def test_stopped_workers_stop_the_others(make_pool):
    pool = make_pool(LUNA_WORKERS="4").start()
    stopped = [worker["pid"] for worker in pool.workers()][:3]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            assert pool.post(body='{"results":[1,2]}').status == 200
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("behind_s", [0, 2.1, -2.1, 86400])
def test_a_request_that_waited_too_long_is_served(make_pool, behind_s):
    """Whatever the gateway's clock says: only what is later than its other requests counts."""
    def stamp():
        return f"{time.time() - behind_s:.3f}"

    pool = make_pool(LUNA_WORKERS="1", LUNA_QUEUE_WAIT_MAX_MS="1000").start()
    assert pool.post(REQUEST_START=stamp()).status == 200
    busy = threading.Thread(target=pool.post, args=(1000 + 1000 * 3,), kwargs={"REQUEST_START": stamp()})
    busy.start()
    wait_until(lambda: [worker for worker in pool.workers() if worker["request"]], "a busy worker")
    began = time.monotonic()
    answer = pool.post(1000 + 1000 * HUNG_S, REQUEST_START=stamp())
    busy.join()
    assert time.monotonic() - began < HUNG_S
    assert answer.status == 503 and answer.json()["code"] == "overloaded" and answer.headers["retry-after"] == "1"
    pool.await_metric("luna_worker_shed_total 1")
    assert pool.post(REQUEST_START=stamp()).status == 200


@pytest.mark.parametrize("behind_s", [2.1, 60, 86400, -60])
def test_a_gateway_whose_clock_differs_is_shed(make_pool, behind_s):
    pool = make_pool(LUNA_QUEUE_WAIT_MAX_MS="2000").start()
    for _ in range(20):
        assert pool.post(REQUEST_START=f"{time.time() - behind_s:.3f}").status == 200
    assert "luna_worker_shed_total 0" in pool.fetch("/metrics")[1]


def gateway_offset_s(pool):
    """Gateway minus this host, as the pool tells it."""
    return float(re.search(r'(?m)^luna_worker_clock_offset_seconds\{clock="gateway"\} (\S+)$', pool.fetch("/metrics")[1]).group(1))


@pytest.mark.parametrize("behind_s", [60, -60])
def test_a_gateway_with_a_wrong_clock_is_seen_by_nobody(make_pool, behind_s):
    """A request that comes a second after the worker last looked shows the difference but for that second."""
    pool = make_pool(LUNA_WORKERS="1").start()
    assert pool.post(REQUEST_START=f"{time.time() - behind_s:.3f}").status == 200
    wait_until(lambda: abs(gateway_offset_s(pool) + behind_s) < 5, "the offset")
    assert pool.post().status == 200
    wait_until(lambda: abs(gateway_offset_s(pool)) < 5, "the offset of a clock that was set")


@pytest.mark.parametrize("stamp", ["", "soon", "99999999999.000", "-5", "0"])
def test_strange_stamps_count_as_no_wait(make_pool, stamp):
    pool = make_pool(LUNA_WORKERS="1").start()
    assert pool.post(REQUEST_START=stamp).status == 200


def test_a_client_that_left_is_served(make_pool):
    pool = make_pool(LUNA_WORKERS="1").start()
    connection = pool.client().connect()
    body = b'{"results":[1,2,3]}'
    connection.send(begin() + params_records(pool.client().params("POST", "/api/v1/3000/kalman", body)) + stdin_records(body))
    wait_until(lambda: [worker for worker in pool.workers() if worker["request"]], "the request in a worker")  # for 2 s
    connection.close()
    event = wait_until(lambda: pool.events("request"), "the request's line")[0]
    assert event["status"] == 499 and event["units"] == 0
    pool.await_metric("luna_worker_client_left_total 1")


def test_a_slow_request_is_logged_without_its_phases(make_pool):
    pool = make_pool(LUNA_SLOW_MS="2000").start()
    began = time.monotonic()
    assert pool.post(1000 + 2100).status == 200
    event = wait_until(lambda: pool.events("slow_request"), "the slow request's line")[0]
    took_us = (time.monotonic() - began) * 1e6  # the worker may still run when the answer is here
    assert 2_100_000 <= event["admit_us"] <= event["total_us"] <= took_us + 1000  # from a stamp of whole milliseconds
    assert pool.post().status == 200 and len(pool.events("slow_request")) == 1


def test_a_dynamic_pool_does_not_grow_while_workers_are_blocked_or_not_say_why(make_pool):
    pool = make_pool(LUNA_POOL_MODE="dynamic", LUNA_WORKERS_MIN="2", LUNA_WORKERS_MAX="10", LUNA_WORKERS_SPARE="1").start()
    assert pool.status()["pool"]["target"] == 2
    with Load(pool, threads=12, uri="/api/v1/1100/kalman") as load:
        wait_until(lambda: len(pool.workers()) == 10, "ten workers")
    assert load.bad == []
    scaled = pool.events("pool_scaled")
    assert "requests wait while workers are blocked" in {event["reason"] for event in scaled}
    assert all(event["blocked_percent"] >= 50 for event in scaled if "blocked" in event["reason"])


def test_a_dynamic_pool_grows_past_the_cores_for_computing(make_pool):
    cores = os.cpu_count()
    pool = make_pool(LUNA_POOL_MODE="dynamic", LUNA_WORKERS_MIN="1", LUNA_WORKERS_MAX="16", LUNA_WORKERS_SPARE="1",
                     LUNA_QUEUE_WAIT_TARGET_MS="5").start()
    body = '{"results":[%s],"model":{"name":"local_level"}}' % ",".join(str(i * 7919 % 1000) for i in range(60000))
    def post_all(client, end):
        while time.monotonic() < end:
            try:
                client.post("/api/v1/42/kalman", body)
            except (NoAnswer, OSError):
                pass

    end = time.monotonic() + 3
    threads = [threading.Thread(target=post_all, args=(pool.client(), end)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max((event["to"] for event in pool.events("pool_scaled")), default=1) <= cores


def test_a_master_that_is_stopped_leaves_livez_on(make_pool):
    """Else nobody restarts a pool whose workers die one by one and are not replaced."""
    pool = make_pool(LUNA_WORKERS="2", LUNA_LIVE_STALL_MS="2000").start()
    assert pool.fetch("/livez") == (200, '{"status":"alive"}\n')
    pool.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: pool.fetch("/livez")[0] == 503, "/livez 503")
        assert "the master has not moved" in pool.fetch("/livez")[1]
        assert "luna_worker_alive 0" in pool.fetch("/metrics")[1].splitlines()
        assert pool.post().status == 200
    finally:
        pool.signal(signal.SIGCONT)
    wait_until(lambda: pool.fetch("/livez")[0] == 200, "/livez 200 again")


def test_a_file_size_limit_kills_a_process(make_pool):
    """SIGXFSZ: a log that reached its limit, or that of the unit."""
    pool = make_pool(LUNA_WORKERS="2", LUNA_LOG_LEVEL="debug").start()
    pids = [worker["pid"] for worker in pool.workers()] + [pool.process.pid]
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    for _ in range(20):
        assert pool.post(body='{"results":[1,2]}').status == 200
    assert [worker["pid"] for worker in pool.workers()] + [pool.process.pid] == pids
    assert pool.fetch("/livez")[0] == 200
