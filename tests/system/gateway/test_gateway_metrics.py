"""nginx's own counts: what an operator's Prometheus would miss, because no worker sees the request or no program says so."""
import contextlib
import http.client
import http.server
import os
import re
import signal
import socket
import subprocess
import threading

import pytest
from lone_nginx import answers, running
from waiting import WAIT_S, free_port, wait_until

ZONE = "luna_source_zone 1m; luna_source_connections 4;"
PAGE = "location = /metrics { luna_gateway_metrics; access_log off; }"
PIPE_BYTES = 1024 * 1024


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def count(port, name, **labels):
    """The value of a metric; None where it is not exported."""
    text = ",".join(f'{label}="{value}"' for label, value in labels.items())
    found = re.search(rf"^luna_gateway_{name}{re.escape(f'{{{text}}}') if text else ''} (\d+)$", get(port, "/metrics")[1], re.MULTILINE)
    return int(found[1]) if found else None


def answer_count(port, by, status):
    return count(port, "answers_total", by=by, status=status)


class Pool(http.server.BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self):
        self.send_response(int(self.path.rsplit("/", 1)[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def pool():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pool) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def silent():
    """The port of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_what_the_gateway_refuses_itself_is_counted_nowhere(tmp_path, pool, silent):
    places = (f"location /pool/ {{ proxy_pass http://127.0.0.1:{pool}; }}"
              f"location /gone {{ proxy_pass http://127.0.0.1:{free_port()}; }}"
              f"location /silent {{ proxy_pass http://127.0.0.1:{silent}; proxy_read_timeout 200ms; }}"
              "location /limited { return 429; }")
    with running(tmp_path, ZONE, PAGE + places) as (_, port):
        asked = {"/pool/200": ("pool", 200), "/pool/429": ("pool", 429), "/pool/502": ("pool", 502), "/gone": ("gateway", 502),
                 "/silent": ("gateway", 504), "/limited": ("gateway", 429)}
        for path, (_, status) in asked.items():
            assert get(port, path)[0] == status
        for by, status in asked.values():
            wait_until(lambda by=by, status=status: answer_count(port, by, status) == 1, f"one {status} by the {by}")
        assert answer_count(port, "gateway", 503) == 0, "a series that an alert asks for is missing until its first answer"


def test_a_reload_loses_the_counts_or_the_scrapes_count_themselves(tmp_path):
    with running(tmp_path, ZONE, PAGE + "location /limited { return 429; }") as (process, port):
        assert get(port, "/limited")[0] == 429
        wait_until(lambda: answer_count(port, "gateway", 429) == 1, "the count")
        workers = children(process.pid)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: not workers & children(process.pid), "workers of the next generation")
        assert answer_count(port, "gateway", 429) == 1
        assert answer_count(port, "gateway", 200) is None


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return set(file.read().split())


def test_a_connection_that_is_reset_at_accept_leaves_no_trace(tmp_path):
    with running(tmp_path, ZONE, PAGE) as (_, port):
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        for connection in held:
            connection.settimeout(WAIT_S)
        refused = [connection for connection in held if is_reset(connection)]
        for connection in held:
            connection.close()
        assert len(refused) == 4
        wait_until(lambda: admits(port), "a connection that is admitted again")
        assert count(port, "connections_refused_total") >= 4


def admits(port):
    with contextlib.suppress(ConnectionError):
        return answers(port, "/up")
    return False


def is_reset(connection):
    """Is it reset, rather than answered?"""
    try:
        connection.sendall(b"GET /up HTTP/1.1\r\nHost: x\r\n\r\n")
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_lines_of_the_access_log_are_lost_in_silence(tmp_path):
    """Each line is either in the pipe or counted."""
    path, requests = "/" + "a" * 3000, 2 * PIPE_BYTES // 3000
    log_to_pipe = ZONE + 'log_format line "$request_uri"; access_log /proc/self/fd/1 line;'
    with running(tmp_path, log_to_pipe, PAGE + "location / { return 204; }", stdout=subprocess.PIPE) as (process, port):
        os.set_blocking(process.stdout.fileno(), False)
        wait_until(lambda: process.stdout.read() is not None, "the line of the first request")
        assert count(port, "log_lines_dropped_total") == 0
        for _ in range(requests):
            assert answers(port, path)
        wait_until(lambda: answer_count(port, "gateway", 204) >= requests, "all of them to be counted")
        dropped = count(port, "log_lines_dropped_total")
        written = (process.stdout.read() or b"").count(path.encode())
        assert dropped > 0 and written + dropped == requests


def test_lines_that_a_full_disk_refuses_are_lost_in_silence(tmp_path):
    """nginx tries one, and leaves out the others of that second."""
    with running(tmp_path, ZONE + "access_log /dev/full;", PAGE + "location / { return 204; }") as (_, port):
        wait_until(lambda: answer_count(port, "gateway", 204), "the count of the first request")
        requests, dropped = answer_count(port, "gateway", 204), count(port, "log_lines_dropped_total")
        for _ in range(20):
            assert answers(port, "/")
        wait_until(lambda: answer_count(port, "gateway", 204) == requests + 20, "all of them to be counted")
        assert count(port, "log_lines_dropped_total") == dropped + 20


@contextlib.contextmanager
def page_apart(folder):
    """The ports of a server and of another one with the page."""
    page = free_port()
    of_its_own = f"server {{ listen 127.0.0.1:{page}; luna_source_apart on; location = /up {{ return 204; }} {PAGE} }}"
    with running(folder, ZONE + of_its_own) as (_, port):
        yield port, page


@contextlib.contextmanager
def at_the_limit(port):
    with contextlib.ExitStack() as held:
        for _ in range(4):
            held.enter_context(socket.create_connection(("127.0.0.1", port)))
        wait_until(lambda: not admits(port), "the limit")
        yield


def test_a_source_at_its_limit_of_connections_is_not_scraped(tmp_path):
    """A proxy or a Prometheus on the gateway's own host has the address of the scrapes."""
    with page_apart(tmp_path) as (port, page), at_the_limit(port):
        assert count(page, "connections_refused_total") > 0


def test_connections_to_the_page_are_without_limit_or_count_for_the_service(tmp_path):
    with page_apart(tmp_path) as (port, page), at_the_limit(page):
        assert admits(port)
