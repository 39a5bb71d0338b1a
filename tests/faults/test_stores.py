"""Redis and PostgreSQL: killed, emptied, rolled back, away."""
import contextlib
import shutil
import time

import httpx
import pytest
from load import Load, forget, send_usage
from luna_stack import wait_until
from stack_control import page, pause


def seconds(long_run, short, long):
    return long if long_run else short


def test_no_fault_at_all(load, proven, long_run):
    with load() as running:
        pause(seconds(long_run, 1, 10))
    assert proven(running, others=()) > 0


def test_counters_in_redis_add_up_at_every_moment(load, proven, redis_store, long_run):
    """Read in one step, under load and booking: quota = limit - base - charged + refunded, and delta = charged - booked."""
    look = redis_store.register_script("""
        local v = redis.call('HMGET', KEYS[1], 'lim', 'base', 'c', 'pc', 'r', 'pr', 'a')
        if not v[1] then return {0, 0} end
        local left = v[1] - v[2] - (v[3] - v[4]) + (v[5] - v[6])
        return {left - redis.call('GET', KEYS[2]), v[3] - v[7] - redis.call('GET', KEYS[3])}""")
    with load(count=2) as running:
        running.await_success()
        end = time.monotonic() + seconds(long_run, 2, 20)
        while time.monotonic() < end:
            for account in running.accounts:
                quota = f"user:{account.id}:quota"
                assert look(keys=["{%s}:m" % quota, quota, "{%s}:delta" % quota]) == [0, 0]
    proven(running, others=())


def test_redis_killed_and_restarted(load, proven, redis_server):
    with load() as running:
        running.await_success()
        redis_server.kill()
        running.await_count(20)
        redis_server.start_and_await()
        running.await_success()
        running.await_count(500)
    proven(running)


def test_readyz_does_not_change_from_one_moment_to_the_next_behind_a_fence(stack, syncd, redis_server, account):
    """Workers without a request only asked whether Redis answers, and the others what it lacked: /readyz told what the last one found."""
    assert page(stack, "LUNA_METRICS_URL").status_code == 200
    syncd.freeze()
    redis_server.restart()
    wait_until(lambda: page(stack, "LUNA_METRICS_URL").status_code == 503, "a pool that notices the fence")
    told, end = set(), time.monotonic() + 6  # longer than the interval in which an idle worker asks
    while time.monotonic() < end:
        httpx.post(account.url, json={"results": [1, 2]}, headers=account.headers, verify=stack.ca, trust_env=False)
        told.add(page(stack, "LUNA_METRICS_URL").status_code)
        pause(0.05)
    syncd.thaw()
    assert told == {503}
    wait_until(lambda: page(stack, "LUNA_METRICS_URL").status_code == 200, "a pool that is ready again")


def test_redis_restarted_has_what_its_scripts_wrote(load, proven, redis_server, redis_store):
    """Each script is a transaction in the append-only file, which Redis replays as the user `default`."""
    with load(count=1) as running:
        running.await_success()
    quota = f"user:{running.accounts[0].id}:quota"
    before = redis_store.get(quota)
    redis_server.restart()
    assert redis_store.get(quota) == before
    proven(running)


def test_redis_flushed(load, proven, redis_store, long_run):
    with load() as running:
        for _ in range(seconds(long_run, 2, 10)):
            running.await_success()
            running.await_count(300)
            redis_store.flushall()
        running.await_success()
        running.await_count(300)
    proven(running)


def test_redis_restarted_with_an_older_append_only_file(load, proven, redis_server, stack, tmp_path):
    data, old = stack.var / "redis", tmp_path / "old"
    with load() as running:
        running.await_success()
        running.await_count(300)
        shutil.copytree(data, old)
        running.await_count(1000)
        redis_server.kill()
        shutil.rmtree(data)
        shutil.copytree(old, data)
        give_back(data, redis_server)
        redis_server.start_and_await()
        running.await_success()
        running.await_count(500)
    proven(running)


def give_back(folder, process):
    for path in [folder, *folder.rglob("*")]:
        shutil.chown(path, process.user, process.group)


def test_redis_restarted_empty(load, proven, redis_server, stack):
    with load() as running:
        running.await_success()
        running.await_count(100)
        redis_server.kill()
        shutil.rmtree(stack.var / "redis" / "appendonlydir")
        redis_server.start_and_await()
        running.await_success()
        running.await_count(500)
    proven(running)


def test_one_accounts_keys_deleted(load, proven, redis_store, long_run):
    """By hand, or by a Redis that evicts after all: the account is loaded again in the same incarnation of Redis."""
    with load(count=2) as running:
        for _ in range(seconds(long_run, 5, 50)):
            running.await_success()
            running.await_count(100)
            forget(redis_store, running.accounts[0])
        running.await_success()
        running.await_count(100)
    proven(running)


def test_redis_frozen(load, proven, redis_server, long_run):
    with load() as running:
        running.await_success()
        redis_server.freeze()
        try:
            pause(seconds(long_run, 2, 20))
        finally:
            redis_server.thaw()
        running.await_success()
        running.await_count(50)
    proven(running)


def test_redis_demoted_is_looked_for_under_its_name_again(load, proven, redis_store):
    """What was the primary is a replica now and keeps its connections, as after a failover by hand: the name may lead elsewhere."""
    def askers():
        return {client["id"] for client in redis_store.client_list() if client["cmd"] == "evalsha"}

    with load() as running:
        running.await_success()
        before = wait_until(askers)
        redis_store.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            wait_until(lambda: not before & askers(), "every worker to reconnect")
        finally:
            redis_store.execute_command("REPLICAOF", "NO", "ONE")
        running.await_success()
        running.await_count(100)
    proven(running)


def test_redis_away_is_only_503(load, proven, redis_server, long_run):
    with load() as running:
        running.await_success()
        redis_server.kill()
        pause(seconds(long_run, 2, 30))
        redis_server.start_and_await()
        running.await_success()
    proven(running)


def test_postgres_killed_and_restarted(load, proven, postgres):
    with load() as running:
        running.await_success()
        postgres.kill()
        running.await_count(50)
        postgres.start_and_await()
        running.await_count(100)
    proven(running)


def test_postgres_away_warm_accounts_go_on_and_cold_ones_wait(load, proven, postgres, long_run):
    cold = load(count=1, threads=1)
    with load() as running:
        running.await_success()
        running.await_count(60)  # every account is warm by now
        postgres.kill()
        gone = time.monotonic()
        with cold:
            pause(seconds(long_run, 2, 60))
        back = time.monotonic()
        postgres.start_and_await()
        running.await_count(50)
    assert set(cold.statuses()) == {503}
    meanwhile = [answer.status for answer in running.answers if answer.began > gone and answer.ended < back]
    assert meanwhile and set(meanwhile) == {200}
    proven(running)


@pytest.mark.parametrize("target", ["redis", "postgres"])
def test_store_killed_again_and_again(load, proven, servers, target, long_run):
    with load() as running:
        for _ in range(seconds(long_run, 2, 15)):
            running.await_success()
            running.await_count(300)
            servers[target].restart()
        running.await_success()
    proven(running)


def test_database_sessions_ended_while_idle_cost_no_request(stack, fault_accounts):
    """As a restart of PostgreSQL ends them: with a last word that is not read before the next question."""
    accounts = fault_accounts(1)
    with Load(stack, accounts, threads=8, requests_each=4, send=send_usage) as before:
        pass
    with contextlib.closing(stack.connect("postgres")) as connection, connection.cursor() as operator:
        operator.execute("SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = 'luna_worker'")
        ended, = operator.fetchone()
    with Load(stack, accounts, threads=8, requests_each=4, send=send_usage) as after:
        pass
    assert ended > 0 and before.statuses() == after.statuses() == {200: 32}
