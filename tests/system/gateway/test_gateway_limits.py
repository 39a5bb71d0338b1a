"""Limits of conf/nginx/limits.conf and nginx.conf that the other tests do not reach: nginx alone, with smaller values."""
import contextlib
import pathlib
import re
import resource
import socket

import pytest
from lone_nginx import answers, limits, running
from luna_stack import ROOT, WAIT_S
from sources import is_open
from test_gateway_sources import workers_of
from waiting import wait_until

HEAD = b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
KEEP = b"GET /up HTTP/1.1\r\nHost: localhost\r\n\r\n"
# Nobody is behind it: what asks for it waits for its body first.
SERVER = f"location = /body {{ proxy_pass http://127.0.0.1:9; }} location / {{ root {ROOT / 'tests'}; }}"


def connect(port, address="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", port), timeout=WAIT_S, source_address=(address, 0))


@contextlib.contextmanager
def bodies_in_progress(port, *addresses):
    """Requests that have announced a body of ten bytes, and sent one."""
    with contextlib.ExitStack() as held:
        opened = [held.enter_context(connect(port, address)) for address in addresses]
        for connection in opened:
            connection.sendall(HEAD % 10 + b"1")
        yield opened


def status_of(connection):
    return int(connection.recv(65536).split(b" ")[1])


def answered(connections):
    """The statuses of those that have an answer."""
    found = []
    for connection in connections:
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            found.append(status_of(connection))
        connection.setblocking(True)
    return found


def test_requests_of_many_sources_exceed_the_total(tmp_path):
    with running(tmp_path, limits(limit_conn_everyone="4"), SERVER) as (_, port):
        with bodies_in_progress(port, *(f"127.0.0.{number}" for number in range(2, 7))) as opened:
            assert wait_until(lambda: answered(opened), what="an answer") == [503]
        wait_until(lambda: answers(port, "/up"), what="an answer when they have ended")


def test_requests_of_one_source_exceed_its_share(tmp_path):
    with running(tmp_path, limits(limit_conn_address="4"), SERVER) as (_, port):
        with bodies_in_progress(port, *["127.0.0.2"] * 5) as opened:
            assert wait_until(lambda: answered(opened), what="an answer") == [503]
            assert answers(port, "/up"), "another source is served"


def test_connections_above_those_of_a_process_are_kept(tmp_path):
    """Those without a request make room; more would be refused."""
    with running(tmp_path, limits(), SERVER, worker_connections=16) as (_, port), contextlib.ExitStack() as held:
        opened = [held.enter_context(connect(port)) for _ in range(32)]
        wait_until(lambda: sum(map(is_open, opened)) < 16, what="the end of half of them")
        assert answers(port, "/up")


@pytest.mark.parametrize("name", ["keepalive_timeout", "client_header_timeout"])
def test_an_idle_connection_stays_open(tmp_path, name):
    with running(tmp_path, limits(**{name: "1s"}), SERVER) as (_, port), connect(port) as connection:
        if name == "keepalive_timeout":
            connection.sendall(KEEP)
            assert status_of(connection) == 204
        assert connection.recv(1) == b""


def test_a_connection_is_used_without_end(tmp_path):
    with running(tmp_path, limits(keepalive_requests="3"), SERVER) as (_, port), connect(port) as connection:
        for _ in range(3):
            connection.sendall(KEEP)
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 204 ")
        assert b"\r\nConnection: close\r\n" in answer and connection.recv(1) == b""


def test_an_answer_that_nobody_reads_is_kept(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 32_000_000)
    with running(tmp_path, limits(send_timeout="1s"), f"location /large {{ root {tmp_path}; }}") as (process, port), connect(port) as connection:
        connection.sendall(KEEP.replace(b"/up", b"/large"))
        wait_until(lambda: not established(process, port), what="the end of the connection")


def established(process, port):
    """Does the gateway have a connection on its port?"""
    table = pathlib.Path(f"/proc/{process.pid}/net/tcp").read_text(encoding="ascii")
    return any(f":{port:04X}" in fields[1] and fields[3] == "01" for fields in map(str.split, table.splitlines()[1:]))


def test_a_body_above_the_buffer_stays_in_memory(tmp_path):
    with running(tmp_path, limits(client_body_buffer_size="8k"), SERVER) as (_, port), connect(port) as connection:
        key = b"X-API-Key: luna_live_%s\r\n\r\n" % (b"a" * 33)  # without one of this form the body is not read
        head = (HEAD % 100_000).replace(b"\r\n\r\n", b"\r\n" + key)
        connection.sendall(head + b" " * 50_000)
        wait_until(lambda: "is buffered to a temporary file" in (tmp_path / "error.log").read_text(encoding="utf-8"), what="a temporary file")


@pytest.mark.parametrize("line, status", [(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414),
                                          (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 9000 + b"\r\n", 400)], ids=["request line", "header line"])
def test_a_long_line_is_read_whole(tmp_path, line, status):
    """494 of nginx, which errors.conf makes a 431, is 400 here."""
    with running(tmp_path, limits(), SERVER) as (_, port), connect(port) as connection:
        connection.sendall(line + b"Host: localhost\r\n\r\n")
        assert status_of(connection) == status


def test_a_process_of_the_gateway_has_too_few_descriptors(stack):
    text = (ROOT / "conf/nginx/nginx.conf").read_text(encoding="utf-8")
    wanted, hard = int(re.search(r"worker_rlimit_nofile (\d+);", text).group(1)), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for pid in workers_of(stack.pid("nginx")):
        allowed = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        assert int(re.search(r"(?m)^Max open files +(\d+) ", allowed).group(1)) == min(wanted, hard)
