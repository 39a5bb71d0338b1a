"""quota-syncd and stores that are unavailable, unsafe, or of another schema."""
import contextlib
import signal
import subprocess

import pytest
import redis
from luna_stack import WAIT_S, wait_until
from syncd_process import free_port, run_syncd, running_syncd, settings_for

SAFE = ("--appendonly", "yes", "--maxmemory-policy", "noeviction")


@contextlib.contextmanager
def redis_server(folder, *options):
    """A Redis of the test's own; gives its URL and its process."""
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", "", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            url = f"redis://127.0.0.1:{port}"
            wait_until(lambda: answers(url), what="Redis")
            yield url, process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def answers(url):
    with contextlib.suppress(redis.RedisError):
        return redis.Redis.from_url(url, socket_timeout=WAIT_S).ping()
    return False


@pytest.mark.parametrize("options, advice", [
    (("--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"), "maxmemory-policy noeviction"),
    (("--appendonly", "yes", "--maxmemory-policy", "volatile-ttl"), "maxmemory-policy noeviction"),
    (("--appendonly", "no"), "appendonly yes"),
])
@pytest.mark.parametrize("how", ["daemon", "once"])
def test_a_redis_that_would_lose_quota_is_taken_or_the_repair_is_missing(stack, tmp_path, options, advice, how):
    with redis_server(tmp_path, *options) as (url, _):
        outcome = run_syncd(*(["--once"] if how == "once" else []), **settings_for(stack, LUNA_REDIS_URL=url))
    assert outcome.returncode == 78
    assert advice in outcome.stderr


def test_the_override_for_development_is_implicit(stack, tmp_path):
    with redis_server(tmp_path, "--appendonly", "no") as (url, _):
        outcome = run_syncd("--once", **settings_for(stack, LUNA_REDIS_URL=url, LUNA_ALLOW_UNSAFE_REDIS="on"))
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize("setting, url", [
    ("LUNA_REDIS_URL", "redis://127.0.0.1:1"), ("LUNA_DATABASE_URL", "postgresql://luna_syncd@127.0.0.1:1/luna")])
def test_once_without_a_store_is_not_status_69(stack, setting, url):
    outcome = run_syncd("--once", **settings_for(stack, **{setting: url}))
    assert outcome.returncode == 69 and "not_booked" in outcome.stderr


def test_it_does_not_wait_for_a_redis_that_is_not_there_yet_or_does_not_stop_meanwhile(stack, tmp_path):
    with running_syncd(tmp_path / "syncd.log", **settings_for(stack, LUNA_REDIS_URL="redis://127.0.0.1:1")) as daemon:
        daemon.await_page("/readyz", 503, "retrying")
        assert daemon.answers("/livez", 200)
        assert daemon.events().count("round_failed") == 1
        assert daemon.stop() == 0


def test_a_frozen_redis_hangs_the_daemon(stack, tmp_path):
    with redis_server(tmp_path, *SAFE) as (url, process):
        process.send_signal(signal.SIGSTOP)
        settings = settings_for(stack, LUNA_REDIS_URL=url, LUNA_REDIS_TIMEOUT_MS="200")
        with running_syncd(tmp_path / "syncd.log", **settings) as daemon:
            daemon.await_page("/readyz", 503, "retrying")
            assert daemon.stop() == 0


def test_another_trouble_is_hidden_behind_the_first(stack, tmp_path):
    with redis_server(tmp_path, *SAFE) as (url, process):
        process.send_signal(signal.SIGSTOP)
        with running_syncd(tmp_path / "syncd.log", **settings_for(stack, LUNA_REDIS_URL=url, LUNA_REDIS_TIMEOUT_MS="200")) as daemon:
            daemon.await_page("/readyz", 503, "retrying")
            process.kill()
            daemon.await_page("/readyz", 503, "refused")
            reasons = [line["reason"] for line in daemon.logged() if line["event"] == "round_failed"]
            assert "refused" not in reasons[0] and "refused" in reasons[-1], reasons


def test_a_schema_of_another_build_is_touched(stack, tmp_path):
    """The database `postgres` has none of our tables."""
    url = stack.database_url("luna_syncd").removesuffix("/luna") + "/postgres"
    with redis_server(tmp_path, *SAFE) as (redis_url, _):
        outcome = run_syncd("--once", **settings_for(stack, LUNA_DATABASE_URL=url, LUNA_REDIS_URL=redis_url))
    assert outcome.returncode == 69
    assert "migrate up" in outcome.stderr
