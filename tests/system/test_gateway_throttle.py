"""The throttle of refused keys and of refused requests, against clients that ask for much at the same time."""
import socket
import ssl
import time
import urllib.parse
import uuid

import httpx
import pytest
from h2_streams import connections, receive_until
from luna_stack import WAIT_S, wait_until
from test_gateway import read_to_end
from test_gateway_security import from_address
from test_gateway_sources import guess_until_throttled, limit

STREAMS = limit(r"http2_max_concurrent_streams (\d+)")
REFUSALS_PER_S = limit(r"luna_source_refusals \S+ rate=(\d+) burst=\d+")
DELAY_S = limit(r"luna_refusal_delay (\d+)ms") / 1000
ALLOWED_BY_KEY = limit(r"luna_key_refusals \S+ rate=\d+ burst=(\d+)")


def wrong_keys(count=STREAMS):
    return [{"x-api-key": str(uuid.uuid4())} for _ in range(count)]


def throttle(stack, account, address):
    with from_address(stack, address) as session:
        guess_until_throttled(session, account)


def test_guesses_that_are_sent_together_pass_the_throttle_together(stack, account):
    """However many are in progress, workers see no more of them than the rate says."""
    throttle(stack, account, "127.0.0.12")
    began, passed = time.monotonic(), 0
    for _ in range(5):
        with connections(stack, "127.0.0.12", 1) as (connection,):
            connection.get(f"/api/v1/{account.id}/usage", wrong_keys())
            receive_until([connection], lambda connection=connection: len(connection.answers) == STREAMS)
            passed += [status for status, _ in connection.answers].count(403)
    assert passed <= REFUSALS_PER_S * (time.monotonic() - began) + 2


def answered_at_once(stack, account, address, count):
    """How many of the streams of the last of so many connections got 429 sooner than a request that waits can."""
    with connections(stack, address, count) as opened:
        for connection in opened:
            connection.get(f"/api/v1/{account.id}/usage", wrong_keys())
        receive_until(opened, lambda: all(len(connection.answers) == STREAMS for connection in opened))
    return sum(status == 429 and after < DELAY_S / 2 for status, after in opened[-1].answers)


def test_any_number_of_streams_waits_for_the_throttles_answer(stack, account):
    """Of more streams than may wait, the last ones do not."""
    throttle(stack, account, "127.0.0.13")
    count = limit(r"luna_refusals_waiting (\d+)") // STREAMS + 1
    wait_until(lambda: answered_at_once(stack, account, "127.0.0.13", count) > STREAMS / 2, what="answers without a wait")


def spellings(key):
    yield {"X-API-Key": key}
    for number in range(64):
        scheme = "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate("bearer"))
        yield {"Authorization": f"{scheme} {' ' * (number % 3)}{key}"}


@pytest.fixture(name="eager")
def account_of_a_slow_plan(account_factory, luna):
    luna("plan", "set", "slow", "--rate", "1", "--burst", "1")
    return account_factory(1000, "--plan", "slow")


def refuse_until_throttled(session, account, headers, count=10 * ALLOWED_BY_KEY, body=b'{"results":[1,2]}'):
    """With one set of headers after the other; the gateway's own 429 has no RateLimit."""
    for number in range(count):
        answer = session.post(account.url, headers=headers[number % len(headers)] | {"Content-Type": "application/json"}, content=body)
        if answer.status_code == 429 and "ratelimit" not in answer.headers:
            return
    raise AssertionError(f"the gateway passed {count} refused requests on")


def test_a_key_in_another_spelling_is_another_key_to_the_throttle(stack, eager):
    with from_address(stack, "127.0.0.14") as session:
        refuse_until_throttled(session, eager, list(spellings(eager.key)))


def test_refused_megabytes_count_like_small_bodies(stack, eager):
    """Over HTTP/1.1: this httpx waits to send the rest of a body that HTTP/2 has refused."""
    transport = httpx.HTTPTransport(verify=stack.ca, local_address="127.0.0.17")
    with httpx.Client(transport=transport, base_url=stack.url, timeout=WAIT_S, trust_env=False) as session:
        refuse_until_throttled(session, eager, [eager.headers], ALLOWED_BY_KEY // 4, b'{"results":[1,2' + b" " * 1_000_000 + b"]}")


def answer_to_large_body(stack, account, body, *head):
    """All that is said on a connection with a wrong key that announces a megabyte, and sends what is given of it."""
    url = urllib.parse.urlsplit(account.url)
    context = ssl.create_default_context(cafile=stack.ca)
    plain = socket.create_connection((url.hostname, url.port), timeout=WAIT_S, source_address=("127.0.0.15", 0))
    with context.wrap_socket(plain, server_hostname=url.hostname) as connection:
        lines = [f"POST {url.path} HTTP/1.1", "Host: localhost", f"X-API-Key: {uuid.uuid4()}", "Content-Type: application/json",
                 "Content-Length: 1000000", *head, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)
        return read_to_end(connection)


@pytest.mark.parametrize("body, head", [(b"", ["Expect: 100-continue"]), (b" " * 1_000_000, [])], ids=["not sent yet", "sent"])
def test_the_gateway_reads_a_large_body_that_it_refuses(stack, account, body, head):
    """It answers and ends the connection; it asks for no body, and waits for none."""
    throttle(stack, account, "127.0.0.15")
    for _ in range(10):  # the throttle may let one pass just then
        with connections(stack, "127.0.0.15", 1) as (connection,):
            connection.get(f"/api/v1/{account.id}/usage", wrong_keys())
            answer = answer_to_large_body(stack, account, body, *head)
        if b"HTTP/1.1 429 " in answer:
            break
    assert answer.startswith(b"HTTP/1.1 429 ") and b"\r\nConnection: close\r\n" in answer, answer[:500]


def test_the_gateway_takes_a_refused_body_over_http2(stack, account):
    """It takes no more than the first window of a stream, 64 KiB."""
    throttle(stack, account, "127.0.0.16")
    headers = {"content-type": "application/json", "content-length": "1000000"}
    for _ in range(10):  # the throttle may let one pass just then
        with connections(stack, "127.0.0.16", 2) as (others, connection):
            others.get(f"/api/v1/{account.id}/usage", wrong_keys())
            connection.post(urllib.parse.urlsplit(account.url).path, headers | {"x-api-key": str(uuid.uuid4())}, b" " * 1000)
            receive_until([connection], lambda connection=connection: connection.answers or connection.granted)
            if not connection.granted:
                break
    assert connection.answers[0][0] == 429 and connection.protocol.remote_settings.initial_window_size <= 65536
