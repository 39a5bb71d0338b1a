"""What reaches the socket: foreign users, noise, strange records, and what systemd hands over."""
import os
import resource
import signal
import socket
import subprocess
import time

import pytest
from conftest import BIN, ROOT, WAIT_S, Load, children_of, wait_until
from fcgi_client import NoAnswer, begin, params_records, record, stdin_records

BODY = b'{"results":[1,2,3]}'


def exchange(pool, data):
    connection = pool.client().connect()
    connection.send(data)
    try:
        return connection.answer()
    finally:
        connection.close()


def test_long_and_split_params_and_records(make_pool):
    pool = make_pool(LUNA_WORKERS="1").start()
    params = pool.client().params("POST", "/api/v1/42/kalman", BODY, HTTP_ACCEPT="x" * 300)
    for chunk, long_form in ((1, False), (7, True), (127, False), (65535, True)):
        answer = exchange(pool, begin() + params_records(params, chunk, long_form) + stdin_records(BODY, chunk))
        assert answer.status == 200 and answer.ended


def test_records_that_trickle_in_are_put_together(make_pool):
    pool = make_pool(LUNA_WORKERS="1").start()
    data = begin() + params_records(pool.client().params("POST", "/api/v1/42/kalman", BODY)) + stdin_records(BODY, 3)
    connection = pool.client().connect()
    for i in range(0, len(data), 11):
        connection.send(data[i : i + 11])
        time.sleep(0.001)
    assert connection.answer().status == 200
    connection.close()


@pytest.mark.parametrize("data", [
    b"", b"\0", b"\1\1", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), record(9) * 3, begin(role=7), record(5, b"x"), begin() * 2,
    begin() + record(4, b"\xff\xff\xff\xff\xff\xff\xff\xff"), begin() + record(4, b"\xff\xff\xff\xfe\xff\xff\xff\xfe") + record(4), record(1, b"", version=9),
    begin() + params_records({"REQUEST_URI": b"/x\0/y"}) + stdin_records(b""), begin() + record(4, b"\x01\x01NV" * 65) + record(4) + stdin_records(b"")])
def test_noise_costs_more_than_one_connection(make_pool, data):
    pool = make_pool(LUNA_WORKERS="1").start()
    pid = pool.workers()[0]["pid"]
    connection = pool.client().connect()
    if data:
        connection.send(data)
    connection.sock.shutdown(socket.SHUT_WR)
    with pytest.raises(NoAnswer):
        connection.answer()
    connection.close()
    assert pool.post().status == 200
    assert pool.workers()[0]["pid"] == pid


def test_keep_conn_is_not_answered_by_a_close(make_pool):
    pool = make_pool(LUNA_WORKERS="1").start()
    connection = pool.client().connect()
    connection.send(begin(keep=True) + params_records(pool.client().params("POST", "/api/v1/42/kalman", BODY)) + stdin_records(BODY))
    assert connection.answer().status == 200
    assert connection.sock.recv(1) == b""
    connection.close()


def test_an_early_refusal_leaves_a_large_body_unread(make_pool):
    pool = make_pool(LUNA_WORKERS="1", LUNA_BODY_BYTES_MAX="1000000").start()
    for uri, key, status in (("/nowhere", "k", 404), ("/api/v1/42/kalman", None, 403), ("/api/v1/42/kalman", "k", 413)):
        answer = pool.client().post(uri, b"[" * (5 << 20), HTTP_X_API_KEY=key)
        assert answer.status == status and answer.ended


def test_a_wrong_length_is_not_400_or_is_charged(make_pool):
    pool = make_pool(LUNA_WORKERS="1").start()
    for length in ("5", "20", "-1", "x", "99999999999999999999"):
        answer = pool.post(CONTENT_LENGTH=length, body=BODY)
        assert answer.status == 400 and answer.json()["code"] == "body_incomplete"
    assert pool.status()["totals"]["units"] == 0


def open_folders(folder):
    """pytest's folders are its user's alone."""
    for one in (folder, *folder.parents):
        if one.stat().st_uid == os.geteuid() and (one.stat().st_mode & 0o055) != 0o055:
            os.chmod(one, 0o755)


def test_a_refused_body_is_charged_at_admission(make_pool):
    pool = make_pool(LUNA_WORKERS="1").start()
    assert pool.post().headers["x-ratelimit-remaining"] == "499"
    for body in ("not JSON", '{"results":[]}', '{"results":["x"]}', '{"results":[1],"model":{"name":"no such"}}'):
        answer = pool.post(42, body)
        assert answer.status == 422 and answer.headers["x-ratelimit-remaining"] == "500"
    assert pool.post(CONTENT_TYPE="text/html").headers["x-ratelimit-remaining"] == "500"


def test_a_foreign_user_is_let_in(make_pool):
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    pool = make_pool(LUNA_WORKERS="1", LUNA_SOCKET_PEERS="")
    pool.start()
    open_folders(pool.folder)
    os.chmod(pool.socket, 0o666)
    # Its text, because that user may not be able to enter the checkout.
    code = (ROOT / "tests/lib/fcgi_client.py").read_text(encoding="utf-8") + f"\nprint(Fcgi({str(pool.socket)!r}).post('/api/v1/42/kalman', '{{}}').status)"
    outcome = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", code], capture_output=True, text=True,
                             check=False, timeout=WAIT_S)
    assert outcome.returncode != 0 and "NoAnswer" in outcome.stderr, outcome.stdout + outcome.stderr
    wait_until(lambda: pool.events("connection_dropped"), "connection_dropped")
    assert "65534" in pool.events("connection_dropped")[0]["reason"]
    assert pool.post().status == 200


def test_root_is_kept(make_pool):
    if os.geteuid() != 0:
        pytest.skip("needs root, to give it up")
    pool = make_pool(LUNA_USER="nobody", LUNA_WORKERS="1")
    os.chown(pool.folder / "state", 65534, -1)
    open_folders(pool.folder)
    pool.start()
    for pid in (pool.process.pid, pool.workers()[0]["pid"]):
        status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status", encoding="utf-8").read().splitlines())
        assert set(status["Uid"].split()) == {"65534"} and int(status["CapEff"], 16) == 0 and int(status["NoNewPrivs"]) == 1
    assert pool.post().status == 200


def assert_sandboxed(pid):
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status", encoding="utf-8").read().splitlines())
    assert int(status["Seccomp"]) == 2 and int(status["NoNewPrivs"]) == 1
    assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
    # Not dumpable: its files in /proc belong to root, not to the user that it runs as.
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0


def test_the_sandbox_is_off_or_cores_are_on(make_pool):
    pool = make_pool(LUNA_WORKERS="1").start()
    children = children_of(pool.process.pid)
    assert pool.workers()[0]["pid"] in children and len(children) == 2  # and the monitor
    for pid in children:
        assert_sandboxed(pid)


def test_a_monitor_in_its_sandbox_cannot_reopen_its_log(make_pool):
    pool = make_pool(LUNA_WORKERS="1", LUNA_SANDBOX="kill")
    log = pool.folder / "log_file"
    pool.environment["LUNA_LOG_FILE"] = str(log)
    pool.start(ready=False)
    wait_until(lambda: log.exists() and "pool_ready" in log.read_text(), "pool_ready")
    children = children_of(pool.process.pid)
    os.rename(log, pool.folder / "log_file.1")
    pool.signal(signal.SIGUSR1)
    wait_until(log.exists, "a new log file")
    for path in ("/livez", "/readyz", "/metrics", "/status"):
        assert pool.fetch(path)[0] == 200
    assert pool.post().status == 200
    assert children_of(pool.process.pid) == children


def test_socket_activation_and_notification(make_pool):
    pool = make_pool(LUNA_WORKERS="1")
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind(str(pool.folder / "notify"))
    notified.settimeout(WAIT_S)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(pool.socket))
    listening.listen(64)
    pool.environment |= {"NOTIFY_SOCKET": str(pool.folder / "notify"), "LISTEN_FDS": "1", "WATCHDOG_USEC": "400000"}
    code = (f"import os; os.dup2({listening.fileno()}, 3); os.environ['LISTEN_PID'] = str(os.getpid()); "
            f"os.execv({str(pool.binary)!r}, ['fcgi-worker'])")
    command = ["/usr/bin/python3", "-c", code]
    pool.start(command=command, pass_fds=[listening.fileno()])
    told = {notified.recv(100) for _ in range(4)}
    assert told == {b"READY=1", b"WATCHDOG=1"}
    assert pool.post().status == 200
    pool.install("fcgi-worker-fake")
    pool.signal(signal.SIGUSR2)
    wait_until(lambda: pool.status()["pool"]["upgrades"] == 1, "an upgrade")
    assert pool.post().status == 200
    assert pool.stop() == 0
    assert pool.socket.exists()  # systemd's, not ours


def test_two_pools_share_a_socket(make_pool):
    pool = make_pool().start()
    outcome = subprocess.run([BIN / "fcgi-worker-fake"], env=pool.environment, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert outcome.returncode == 75 and f"process id {pool.process.pid}" in outcome.stderr
    assert pool.post().status == 200


def test_an_idle_pool_is_large_or_loud(make_pool):
    pool = make_pool(LUNA_WORKERS="4").start()
    with Load(pool) as load:
        wait_until(lambda: load.count > 500, "500 requests")
    time.sleep(0.5)
    for worker in pool.workers():
        with open(f"/proc/{worker['pid']}/smaps_rollup", encoding="utf-8") as file:
            private = sum(int(line.split()[1]) for line in file if line.startswith("Private_"))
        assert private <= 3 * 1024, f"{private} KiB"
    ticks = [cpu_ticks(pool.process.pid)]
    time.sleep(5)
    ticks.append(cpu_ticks(pool.process.pid))
    assert ticks[1] - ticks[0] <= 1
    print(f"private memory of the last worker: {private} KiB; the master's processor time in 5 s: {(ticks[1] - ticks[0]) * 10} ms")


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])

