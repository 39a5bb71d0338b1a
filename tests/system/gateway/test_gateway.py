"""What nginx itself answers: limits, errors in the API's shape, and which pages it lets through."""
import json
import socket
import ssl
import subprocess
import time
import urllib.parse

import h2.connection
import httpx
import pytest
from answer_checks import assert_error, assert_serves
from luna_stack import WAIT_S, wait_until
from raw_http import head_of, parse_raw, raw_connection, read_answer, read_to_end


def remaining_of(redis_store, account):
    return int(redis_store.get(f"user:{account.id}:quota"))


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_forty_megabytes_are_not_413_or_are_charged(stack, client, account, redis_store, tmp_path, version):
    """By curl, which over HTTP/2 reads an answer that comes before it has sent everything."""
    assert_serves(client, account)
    before = remaining_of(redis_store, account)
    (tmp_path / "body").write_bytes(b" " * 40_000_000)
    answer = subprocess.run(["curl", "-sS", "-i", version, "--cacert", stack.ca, "-H", f"X-API-Key: {account.key}", "-H", "Expect:",
                             "-H", "Content-Type: application/json", "--data-binary", f"@{tmp_path}/body", account.url],
                            capture_output=True, check=False, timeout=WAIT_S).stdout
    assert_error(parse_raw(answer), 413)
    assert remaining_of(redis_store, account) == before
    assert_serves(client, account)


def test_a_chunked_body_over_the_limit_is_not_413(stack, account):
    def chunks():
        for _ in range(40):
            yield b" " * 1_000_000

    with httpx.Client(verify=stack.ca, timeout=WAIT_S, trust_env=False) as client:
        assert_error(client.post(account.url, headers=account.headers | {"Content-Type": "application/json"}, content=chunks()), 413)


def test_a_body_shorter_than_its_length_over_http2_is_not_400(stack, account, client, redis_store):
    """HTTP/2 can still answer: the stream's own end shows that bytes are missing."""
    assert_serves(client, account)
    before = remaining_of(redis_store, account)
    connection = raw_connection(stack, alpn=("h2",))
    protocol = h2.connection.H2Connection()
    protocol.config.validate_outbound_headers = False
    protocol.initiate_connection()
    url = urllib.parse.urlsplit(account.url)
    headers = [(":method", "POST"), (":path", url.path), (":scheme", "https"), (":authority", url.netloc),
               ("x-api-key", account.key), ("content-type", "application/json"), ("content-length", "1000")]
    protocol.send_headers(1, headers)
    protocol.send_data(1, b'{"results":[1,2]}', end_stream=True)
    connection.sendall(protocol.data_to_send())
    status, body = receive_stream(connection, protocol)
    connection.close()
    assert status == "400" and b'"request_id"' in body, (status, body)
    assert remaining_of(redis_store, account) == before
    assert_serves(client, account)


def receive_stream(connection, protocol):
    status, body = None, b""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        for event in protocol.receive_data(connection.recv(65536)):
            kind = type(event).__name__
            if kind == "ResponseReceived":
                status = dict(event.headers).get(":status") or dict(event.headers).get(b":status", b"").decode()
            elif kind == "DataReceived":
                body += event.data
            elif kind in ("StreamEnded", "StreamReset"):
                return status, body
        connection.sendall(protocol.data_to_send())
    raise AssertionError("no answer on the stream")


def short_body(stack, account, name):
    """A request whose body is shorter than it says, on a connection that stays open."""
    connection = raw_connection(stack)
    connection.sendall(head_of(account, 1000).replace(b"\r\n", f"\r\nX-Request-Id: {name}\r\n".encode(), 1) + b'{"results":[1,2]}')
    return connection


def test_a_body_shorter_than_its_length_over_http1_reaches_a_worker(stack, account, client, redis_store):
    """Over HTTP/1.1 only time or a closed connection distinguishes a short body from a slow one. nginx waits for it, no worker does;
    its log has the request. Without a closed connection: test_gateway_slow.py."""
    assert_serves(client, account)
    before = remaining_of(redis_store, account)
    short_body(stack, account, "short-body-connection").close()
    wait_until(lambda: logged_status(stack, "short-body-connection") == 400, what="400 in the access log")
    assert remaining_of(redis_store, account) == before
    assert_serves(client, account)


def access_log(stack):
    return (stack.var / "log" / "access.log").read_text(encoding="utf-8", errors="replace")


def logged_status(stack, request_id):
    return next((json.loads(line)["status"] for line in access_log(stack).splitlines() if f'"{request_id}"' in line), None)


def test_a_body_longer_than_its_length_is_not_cut_there(stack, account):
    connection = raw_connection(stack)
    body = b'{"results":[1,2]}'
    connection.sendall(head_of(account, len(body)) + body + b"garbage that is no request")
    answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("request_bytes, status", [
    (b"GET / HTTP/9.9\r\n\r\n", 505),
    (b"nonsense\r\n\r\n", 400),
    (b"POST /api/v1/1/kalman HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /api/v1/1/kalman HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"POST /api/v1/1/kalman HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST /api/v1/1/kalman HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: magic\r\n\r\n", 501),
    (b"GET /api HTTP/1.1\r\n\r\n", 400),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n", 431),
], ids=lambda value: str(value)[:60])
def test_broken_http_is_not_answered_as_json(stack, request_bytes, status):
    connection = raw_connection(stack)
    connection.sendall(request_bytes)
    assert_error(parse_raw(read_answer(connection)), status)


def test_plain_http_on_the_tls_port_is_not_told_so(stack):
    url = urllib.parse.urlsplit(stack.url)
    answer = httpx.get(f"http://{url.netloc}/", trust_env=False)
    assert "HTTPS" in assert_error(answer, 400)["detail"]


@pytest.mark.parametrize("path", ["/metrics", "/status", "/metrics/", "//metrics", "/%6detrics"])
def test_an_operators_page_is_public(stack, client, path):
    assert_error(client.get(stack.url + path), 404)


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_not_public(client, path):
    answer = client.get(path)
    assert answer.status_code == 200 and "x-request-id" in answer.headers
    assert_error(client.post(path), 405)


def test_an_operators_page_does_not_answer_on_its_own_address(stack):
    for url in (stack.env["LUNA_METRICS_URL"], stack.env["LUNA_SYNCD_METRICS_URL"]):
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 200 and "luna_" in answer.text


def test_an_error_of_nginx_is_no_rfc_9457_problem(client):
    answer = client.get("/metrics", headers={"Accept": "application/problem+json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version, accepted", [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_an_old_tls_version_is_spoken_or_a_modern_one_is_not(stack, version, accepted):
    url = urllib.parse.urlsplit(stack.url)
    context = ssl.create_default_context(cafile=stack.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1 if not accepted else ssl.TLSVersion[version]
    context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("ALL:@SECLEVEL=0")
    plain = socket.create_connection((url.hostname, url.port), timeout=WAIT_S)
    try:
        with context.wrap_socket(plain, server_hostname=url.hostname) as connection:
            assert accepted and connection.version() == version.replace("_", ".")
    except ssl.SSLError as error:
        assert not accepted, error


def test_a_key_or_a_body_is_in_the_access_log(stack, client, account):
    assert_serves(client, account)
    log = access_log(stack)
    assert account.key not in log + stack.log("fcgi-worker")
    assert f"/api/v1/{account.id}/kalman" in log


def test_an_ordinary_request_writes_a_temporary_file(stack, client, account):
    before = stack.log("nginx")
    answer = client.post(account.url, headers=account.headers, json={"results": list(range(20000))})
    assert answer.status_code == 200
    assert "buffered to a temporary file" not in stack.log("nginx").removeprefix(before)
