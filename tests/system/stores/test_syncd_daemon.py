"""quota-syncd beside the stack's own: pages, standby, reload, stop, and what it tells its service manager."""
import contextlib
import fcntl
import os
import resource
import signal
import socket
import uuid

import httpx
import pytest
import redis
from luna_stack import WAIT_S, wait_until
from syncd_process import metrics_of, run_syncd, running_syncd, settings_for

BODY = {"results": [1120, 1160, 963, 1210]}


@pytest.fixture
def standby(stack, tmp_path):
    with running_syncd(tmp_path / "syncd.log", **settings_for(stack)) as daemon:
        daemon.await_page("/readyz", 200)
        yield daemon


def leader_get(stack, path):
    return httpx.get(stack.env["LUNA_SYNCD_METRICS_URL"].removesuffix("/metrics") + path, timeout=WAIT_S, trust_env=False)


def test_a_page_of_the_leader_is_missing(stack):
    assert leader_get(stack, "/livez").text == "ok\n"
    assert leader_get(stack, "/readyz").text == "leading\n"
    status = leader_get(stack, "/status").json()
    assert status["state"] == "leading" and status["trouble"] is None and status["metrics"]["leading"] == 1
    metrics = leader_get(stack, "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert metrics_of(metrics.text)["luna_syncd_incarnation"] >= 1
    assert leader_get(stack, "/elsewhere").status_code == 404


def leader_metric(stack, name):
    return metrics_of(leader_get(stack, "/metrics").text)[f"luna_syncd_{name}"]


def test_booked_units_are_not_counted_or_a_conservation_gauge_is_not_zero(client, stack, account):
    before = leader_metric(stack, "units_booked_total")
    for _ in range(3):
        assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200
    wait_until(lambda: leader_metric(stack, "units_booked_total") >= before + 3, what="three booked units")
    for name in ("redis", "ledger", "total"):
        assert leader_metric(stack, f"conservation_{name}_broken") == 0
    wait_until(lambda: leader_metric(stack, "conservation_accounts") > 0, what="a check of conservation")


def test_a_quota_changed_by_hand_in_redis_does_not_show_in_the_gauges(client, stack, redis_store, account):
    assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200
    # The sums are looked at every five seconds, and once when what was charged is booked: the
    # second is waited for.
    redis_store.incrby(f"user:{account.id}:quota", 5)
    assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200
    try:
        wait_until(lambda: leader_metric(stack, "conservation_redis_broken") == 1, "the gauge to show it")
    finally:
        redis_store.decrby(f"user:{account.id}:quota", 5)
    assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200
    wait_until(lambda: leader_metric(stack, "conservation_redis_broken") == 0, "the gauge to read 0 again")
    assert "conservation_broken" in stack.log("quota-syncd")


def test_cold_and_warm_admissions_are_counted_as_one(client, stack, account):
    hits, loads = leader_metric(stack, "cache_hits_total"), leader_metric(stack, "cache_loads_total")
    for _ in range(4):
        assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200
    wait_until(lambda: leader_metric(stack, "cache_loads_total") >= loads + 1, what="one load")
    wait_until(lambda: leader_metric(stack, "cache_hits_total") >= hits + 3, what="three hits")


def test_a_second_daemon_books(standby):
    assert standby.get("/readyz").text == "standby\n"
    assert standby.metric("leading") == 0
    assert standby.metric("rounds_total") == 0


def test_once_beside_a_leader_books(stack):
    outcome = run_syncd("--once", **settings_for(stack))
    assert outcome.returncode == 0 and '"standby"' in outcome.stderr


def test_sigterm_does_not_end_it_with_status_0(standby):
    assert standby.stop(signal.SIGTERM) == 0
    assert standby.events()[-2:] == ["stopping", "stopped"]


def test_a_file_size_limit_ends_the_daemon(standby):
    resource.prlimit(standby.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    standby.process.send_signal(signal.SIGHUP)  # which it logs
    wait_until(lambda: standby.get("/livez").status_code == 200, "an answer")
    assert standby.stop(signal.SIGTERM) == 0


@pytest.fixture
def hup_with(stack, tmp_path):
    """A daemon whose interval comes from its settings file; hup_with(INTERVAL, EVENT) writes another and awaits what it says to that."""
    file, settings = tmp_path / "syncd.env", settings_for(stack)
    del settings["LUNA_SYNC_INTERVAL_MS"]
    file.write_text("LUNA_SYNC_INTERVAL_MS=100\n", encoding="utf-8")
    with running_syncd(tmp_path / "syncd.log", **settings, LUNA_ENV_FILE=file) as daemon:
        daemon.await_page("/readyz", 200)

        def change(interval_ms, event):
            file.write_text(f"LUNA_SYNC_INTERVAL_MS={interval_ms}\n", encoding="utf-8")
            os.kill(daemon.process.pid, signal.SIGHUP)
            wait_until(lambda: event in daemon.events(), what=event)
            return daemon

        yield change


def test_sighup_does_not_take_new_values_from_the_settings_file(hup_with):
    daemon = hup_with(200, "reloaded")
    assert [line["interval_ms"] for line in daemon.logged() if line["event"] == "reloaded"] == [200]


def test_a_wrong_value_at_sighup_is_taken_or_the_old_one_is_lost(hup_with):
    assert hup_with("never", "reload_refused").answers("/readyz", 200)


@pytest.fixture
def role(stack):
    """A login of its own in the role luna_syncd; role(PASSWORD) sets the password and ends its sessions."""
    name = f"syncd_{uuid.uuid4().hex[:12]}"

    def set_password(password):
        with superuser.cursor() as cursor:
            cursor.execute(f"ALTER ROLE {name} PASSWORD '{password}'")
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (name,))
        return name

    superuser = stack.connect("postgres")
    with superuser.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {name} LOGIN IN ROLE luna_syncd")
    yield set_password
    set_password("ended")
    with superuser.cursor() as cursor:
        cursor.execute(f"DROP ROLE {name}")
    superuser.close()


def test_new_passwords_need_a_restart_of_the_daemon(stack, role, redis_store, tmp_path):
    file, settings = tmp_path / "syncd.env", settings_for(stack)
    file.touch(mode=0o600)  # it will hold passwords
    del settings["LUNA_DATABASE_URL"], settings["LUNA_REDIS_URL"]

    def write(password):
        database = f"postgresql://{role(password)}:{password}@127.0.0.1:{stack.ports()['LUNA_POSTGRES_PORT']}/luna"
        cache = f"redis://luna_syncd:{password}@127.0.0.1:{stack.ports()['LUNA_REDIS_PORT']}/0"
        file.write_text(f"LUNA_DATABASE_URL={database}\nLUNA_REDIS_URL={cache}\n", encoding="utf-8")

    def reload(daemon):
        return run_syncd("--reload", str(daemon.process.pid), **settings, LUNA_ENV_FILE=file)

    try:
        redis_store.execute_command("ACL", "SETUSER", "luna_syncd", ">first", ">second")
        write("first")
        with running_syncd(tmp_path / "syncd.log", **settings, LUNA_ENV_FILE=file) as daemon:
            daemon.await_page("/readyz", 200)
            write("second")
            redis_store.execute_command("ACL", "SETUSER", "luna_syncd", "<first")
            outcome = reload(daemon)
            assert outcome.returncode == 0, outcome.stderr
            assert outcome.stdout == "quota-syncd: reload complete\n"
            daemon.await_page("/readyz", 200)
            file.write_text(file.read_text(encoding="utf-8").replace("luna_syncd:second", "luna_syncd:third"), encoding="utf-8")
            outcome = reload(daemon)
            assert outcome.returncode == 1 and "WRONGPASS" in outcome.stderr, outcome.stderr
            assert daemon.answers("/readyz", 200)  # with the settings that it has
            file.write_text("LUNA_REDIS_URL=nonsense\n", encoding="utf-8")
            assert reload(daemon).returncode == 78
    finally:
        redis_store.execute_command("ACL", "SETUSER", "luna_syncd", "<second")
        with contextlib.suppress(redis.ResponseError):
            redis_store.execute_command("ACL", "SETUSER", "luna_syncd", "<first")


def test_its_level_or_its_file_does_not_change_while_it_runs(stack, tmp_path):
    """USR1 goes on in a new file, HUP with another level."""
    log, settings = tmp_path / "logs" / "syncd.log", tmp_path / "syncd.env"
    log.parent.mkdir()
    settings.write_text("LUNA_LOG_LEVEL=info\n", encoding="utf-8")
    with running_syncd(tmp_path / "stderr", **settings_for(stack), LUNA_ENV_FILE=settings, LUNA_LOG_LEVEL="", LUNA_LOG_FILE=log) as daemon:
        daemon.await_page("/readyz", 200)
        daemon.log_path = log
        assert "started" in daemon.events() and "state" in daemon.events()
        log.rename(log.with_suffix(".1"))
        os.kill(daemon.process.pid, signal.SIGUSR1)
        wait_until(lambda: log.exists() and daemon.events() == ["log_reopened"], what="the new file")
        settings.write_text("LUNA_LOG_LEVEL=error\n", encoding="utf-8")
        reloaded = run_syncd("--reload", str(daemon.process.pid), **settings_for(stack), LUNA_ENV_FILE=settings)
        assert reloaded.returncode == 0, reloaded.stderr
        assert daemon.stop() == 0
        assert daemon.events() == ["log_reopened"], "lines below the new level"
        assert (tmp_path / "stderr").read_text(encoding="utf-8") == ""


def test_a_log_file_that_cannot_be_had_is_told_at_the_start(stack, tmp_path):
    outcome = run_syncd(**settings_for(stack), LUNA_LOG_FILE=tmp_path / "nowhere" / "log")
    assert outcome.returncode == 78 and "LUNA_LOG_FILE: cannot append to" in outcome.stderr


def test_an_address_that_another_process_holds_is_a_wrong_setting(stack):
    """78 would keep its service manager from trying again."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        outcome = run_syncd(**settings_for(stack), LUNA_METRICS_LISTEN=address)
    assert outcome.returncode == 75 and "Address already in use" in outcome.stderr


def test_a_log_reader_that_stops_stops_the_daemon(stack, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    with running_syncd(fifo, **settings_for(stack)) as daemon:
        wait_until(lambda: daemon.answers("/readyz", 200), what="/readyz")

        def dropped():
            os.kill(daemon.process.pid, signal.SIGHUP)  # another line
            return daemon.metric("log_lines_dropped_total")

        wait_until(dropped, what="dropped lines in the metrics")
        assert daemon.answers("/readyz", 200)
        text = os.read(reader, 65536).decode()
        wait_until(lambda: "log_lines_dropped" in read_more(reader), what="the line that counts them")
        assert '"event":"started"' in text
        assert daemon.stop() == 0
    os.close(reader)


def read_more(reader):
    with contextlib.suppress(BlockingIOError):
        return os.read(reader, 65536).decode()
    return ""


def test_the_service_manager_does_not_hear_ready_status_watchdog_or_stopping(stack, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(WAIT_S)
        heard = []

        def hear(text):
            while not any(text in message for message in heard):
                heard.append(manager.recv(4096).decode())

        environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}
        with running_syncd(tmp_path / "syncd.log", environment, **settings_for(stack)) as daemon:
            hear("READY=1")
            hear("STATUS=standby")
            hear("WATCHDOG=1")
            os.kill(daemon.process.pid, signal.SIGHUP)
            hear("RELOADING=1")
            hear("READY=1")
            daemon.stop()
            hear("STOPPING=1")


def test_the_daemon_is_not_in_a_sandbox(stack, tmp_path):
    log, file, secret = tmp_path / "log", tmp_path / "syncd.env", tmp_path / "database_url"
    settings = settings_for(stack) | {"LUNA_SANDBOX": "kill", "LUNA_LOG_FILE": str(log), "LUNA_ENV_FILE": file}
    secret.touch(mode=0o600)
    secret.write_text(settings.pop("LUNA_DATABASE_URL"), encoding="utf-8")
    file.write_text(f"LUNA_DATABASE_URL_FILE={secret}\n", encoding="utf-8")  # read again at a reload
    with running_syncd(tmp_path / "stderr.log", **settings) as daemon:
        daemon.await_page("/readyz", 200)
        pid = daemon.process.pid
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            status = dict(line.split(":", 1) for line in file.read().splitlines())
        assert int(status["Seccomp"]) == 2 and int(status["NoNewPrivs"]) == 1
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
        os.rename(log, tmp_path / "log.1")
        os.kill(pid, signal.SIGUSR1)
        wait_until(log.exists, what="a new log file")
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: '"reloaded"' in log.read_text(encoding="utf-8"), what="a reload")
        assert daemon.stop() == 0
