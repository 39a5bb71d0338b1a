"""What the pool logs: into a file that is turned over under load, at a level that changes, without storms, and past a reader that stops."""
import contextlib
import fcntl
import grp
import json
import os
import pathlib
import pty
import pwd
import re
import select
import signal
import socket
import subprocess

import pytest
from conftest import BODY, ROOT, WAIT_S, Load, children_of, wait_until

UNAVAILABLE = 80012  # the fake store's account that meets no store


def log_of(tmp_path):
    """The file that the first pool of a test logs to; Pool.events() reads it."""
    return tmp_path / "pool0" / "log"


def processes(pool):
    return [pool.process.pid, *children_of(pool.process.pid)]


def all_write_to(pool, file):
    return all(os.path.realpath(f"/proc/{pid}/fd/2") == str(file) for pid in processes(pool))


def as_this_user(settings):
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    return re.sub(r"\bsu \S+ \S+", f"su {user} {group}", settings)


def requests_in(*files):
    return sum(file.read_text(encoding="utf-8").count('"event":"request"') for file in files)


def test_a_rotation_under_load_loses_a_line_or_a_request(make_pool, tmp_path):
    log = log_of(tmp_path)
    pool = make_pool(LUNA_LOG_FILE=log, LUNA_WORKERS=3).start()
    before = sorted(worker["pid"] for worker in pool.workers())
    with Load(pool) as load:
        for number in (1, 2):
            wait_until(lambda: log.exists() and requests_in(log) > 50, "requests in the present file")
            log.rename(log.with_suffix(f".{number}"))
            pool.signal(signal.SIGUSR1)
            wait_until(lambda: log.exists() and all_write_to(pool, log), "every process in the new file")
    assert not load.bad
    assert sorted(worker["pid"] for worker in pool.workers()) == before, "workers were replaced for it"
    wait_until(lambda: requests_in(log, log.with_suffix(".1"), log.with_suffix(".2")) == load.count, f"{load.count} lines")
    assert [event["file"] for event in pool.events("log_reopened")] == [str(log)]


def test_an_idle_pool_keeps_the_old_file(make_pool, tmp_path):
    """Else a compressed and removed file would keep its blocks for as long as nobody asks for anything."""
    log = log_of(tmp_path)
    pool = make_pool(LUNA_LOG_FILE=log, LUNA_WORKERS=2).start()
    log.unlink()
    pool.signal(signal.SIGUSR1)
    wait_until(lambda: log.exists() and all_write_to(pool, log), "workers and monitor in the new file")


def test_logrotate_turns_it_over_by_the_shipped_file(make_pool, tmp_path):
    log = log_of(tmp_path).with_name("worker-main.log")
    pool = make_pool(LUNA_LOG_FILE=log, LUNA_WORKERS=2)
    pool.start(ready=False)
    pool.log_path = log
    wait_until(lambda: log.exists() and pool.events("pool_ready"), "pool_ready")
    shipped = (ROOT / "conf/logrotate/luna-worker").read_text(encoding="utf-8")
    block = re.search(r"^/var/log/luna-daemons/worker-\*\.log \{.*?^\}", shipped, re.DOTALL | re.MULTILINE)[0]
    ours = as_this_user(block).replace("/var/log/luna-daemons", str(log.parent))
    ours, replaced = re.subn(r"systemctl kill --kill-whom=main --signal=USR1 \S+", f"kill -USR1 {pool.process.pid}", ours)
    assert replaced == 1
    settings = tmp_path / "logrotate.conf"
    settings.write_text(ours, encoding="utf-8")
    settings.chmod(0o644)
    outcome = subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", settings], capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    wait_until(lambda: log.exists() and all_write_to(pool, log), "every process in the new file")
    assert pool.post().status == 200
    wait_until(lambda: requests_in(log) == 1, "the request's line")
    assert "pool_ready" in pathlib.Path(f"{log}.1").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["luna-worker", "luna-syncd"])
def test_logrotate_understands_the_shipped_file(name, tmp_path):
    settings = tmp_path / name
    settings.write_text(as_this_user((ROOT / "conf/logrotate" / name).read_text(encoding="utf-8")), encoding="utf-8")
    settings.chmod(0o644)
    outcome = subprocess.run(["logrotate", "--debug", settings], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0 and "error:" not in outcome.stderr, outcome.stderr


def test_a_new_file_that_cannot_be_had_stops_something(make_pool, tmp_path):
    log = log_of(tmp_path)
    pool = make_pool(LUNA_LOG_FILE=log, LUNA_WORKERS=2).start()
    old = log.with_suffix(".1")
    log.rename(old)
    log.mkdir()
    pool.signal(signal.SIGUSR1)
    pool.log_path = old
    wait_until(lambda: pool.events("log_not_reopened"), "log_not_reopened in the old file")
    assert pool.post().status == 200
    wait_until(lambda: pool.events("request"), "the request's line in the old file")
    log.rmdir()
    pool.signal(signal.SIGUSR1)
    wait_until(lambda: log.exists() and all_write_to(pool, log), "the new file")


def test_a_log_file_that_cannot_be_had_is_told_at_the_start(make_pool, tmp_path):
    pool = make_pool(LUNA_LOG_FILE=tmp_path / "nowhere" / "log").start(ready=False)
    assert pool.process.wait(WAIT_S) == 78
    assert "LUNA_LOG_FILE: cannot append to" in pool.log_path.read_text(encoding="utf-8")


def test_the_level_does_not_change_at_a_reload_in_the_workers(make_pool):
    """New workers start before the reload is known to succeed: with the old level they would keep it for their life."""
    pool = make_pool(LUNA_LOG_LEVEL="", LUNA_WORKERS=2)
    logged = []
    for generation, level in enumerate(("warning", "info", "error"), 1):
        (pool.folder / "env").write_text(f"LUNA_LOG_LEVEL={level}\n", encoding="utf-8")
        if generation == 1:
            pool.start(ready=False)
        else:
            pool.signal(signal.SIGHUP)
        wait_until(lambda: pool.fetch("/readyz")[0] == 200 and pool.status()["pool"]["generation"] == generation, f"generation {generation}")
        wait_until(lambda: {worker["generation"] for worker in pool.workers()} == {generation}, "no older worker")
        for _ in range(10):
            assert pool.post().status == 200
        pool.await_metric(f'luna_worker_requests_total{{status="200"}} {10 * generation}')
        logged.append(len(pool.events("request")))
    assert logged == [0, 10, 10]


def test_a_storm_of_one_error_is_not_cut_or_not_counted(make_pool):
    pool = make_pool(LUNA_WORKERS=1).start()
    for _ in range(200):
        assert pool.post(UNAVAILABLE).status == 503
    pool.stop()
    assert len(pool.events("request")) == 200, "the requests themselves are all there"
    suppressed = pool.events("suppressed")
    assert {event["of"] for event in suppressed} == {"admission_unavailable"}
    # 20 lines in ten seconds; each such time ends with a line that says how many more there were.
    assert len(pool.events("admission_unavailable")) <= 20 * len(suppressed)
    assert len(pool.events("admission_unavailable")) + sum(event["lines"] for event in suppressed) == 200


def test_what_a_client_sends_forges_a_line(make_pool):
    """Past nginx, which would refuse most of it: a path with a line end, quotes, control bytes and bytes that are no UTF-8."""
    pool = make_pool(LUNA_WORKERS=1).start()
    hostile = '/api/v1/42/x"}\n{"event":"pool_ready","forged":true}\r\x1b[31m\\ü'
    assert pool.client().post(hostile, BODY).status == 404
    wait_until(lambda: pool.events("request"), "the request's line")
    lines = pool.log_path.read_bytes().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert not any("forged" in event for line in lines for event in [json.loads(line)])
    assert b"\x1b" not in pool.log_path.read_bytes()
    assert pool.events("request")[0]["path"] == hostile


@contextlib.contextmanager
def pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    os.close(reader)
    os.close(writer)


@contextlib.contextmanager
def journal_socket():
    """What systemd gives a service: a stream socket."""
    reader, writer = socket.socketpair()
    writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    with reader, writer:
        yield reader.fileno(), writer.fileno()


@contextlib.contextmanager
def terminal():
    """One that is held, as by Ctrl-S."""
    master, terminal_fd = pty.openpty()
    yield master, terminal_fd
    os.close(master)
    os.close(terminal_fd)


def read_while(reader, missing):
    text = ""
    while missing(text):
        ready, _, _ = select.select([reader], [], [], WAIT_S)
        assert ready, text[-2000:]
        text += os.read(reader, 65536).decode(errors="replace")
    return text


@pytest.mark.parametrize("output", [pipe, journal_socket, terminal])
def test_a_log_reader_that_stops_stops_a_process(make_pool, output):
    """It froze master and workers in write(2), while /livez said 200."""
    with output() as (reader, writer):
        flags = fcntl.fcntl(writer, fcntl.F_GETFL)
        pool = make_pool(LUNA_WORKERS=2, LUNA_LOG_FORMAT="json")
        pool.process = subprocess.Popen([pool.binary], env=pool.environment, stderr=writer)
        wait_until(lambda: pool.fetch("/readyz")[0] == 200 and len(pool.workers()) == 2, "two workers")
        for _ in range(100):
            assert pool.post().status == 200
        dropped = wait_until(lambda: dropped_lines(pool), "dropped lines in the metrics")
        assert dropped > 50
        before = {worker["pid"] for worker in pool.workers()}
        os.kill(min(before), signal.SIGKILL)  # the master, too, goes on, and logs this
        wait_until(lambda: len(pool.workers()) == 2 and {worker["pid"] for worker in pool.workers()} != before, "another worker")
        assert pool.fetch("/livez")[0] == 200
        assert fcntl.fcntl(writer, fcntl.F_GETFL) == flags, "the shell's own description has changed"
        text = read_while(reader, lambda text: '"event":"log_lines_dropped"' not in text)
        assert '"event":"worker_started"' in text
        assert pool.stop() == 0


def dropped_lines(pool):
    found = re.search(r"(?m)^luna_worker_log_lines_dropped_total (\d+)$", pool.fetch("/metrics")[1])
    return int(found[1]) if found else 0


def test_a_fifo_as_log_file_holds_up_start_or_service(make_pool, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    pool = make_pool(LUNA_LOG_FILE=fifo, LUNA_WORKERS=1).start(ready=False)
    wait_until(lambda: pool.fetch("/readyz")[0] == 200, "/readyz without a reader")
    for _ in range(300):
        assert pool.post().status == 200
    assert dropped_lines(pool) > 0
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    text = read_while(reader, lambda text: '"event":"log_lines_dropped"' not in text)
    assert '"event":"pool_ready"' in text
    os.close(reader)
    assert pool.post().status == 200 and pool.stop() == 0
