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
from sources import limit

STREAMS = limit(r"http2_max_concurrent_streams (\d+)")
REFUSALS_PER_S = limit(r"luna_source_refusals \S+ rate=(\d+) burst=\d+")
JSON = {"Content-Type": "application/json"}
DELAY_S = limit(r"luna_refusal_delay (\d+)ms") / 1000
ALLOWED_BY_KEY = limit(r"luna_key_refusals \S+ rate=\d+ burst=(\d+)")


def wrong_keys(count=STREAMS):
    return [{"x-api-key": str(uuid.uuid4())} for _ in range(count)]


def throttle(stack, account, address):
    """Guesses in waves, until some are refused by the gateway."""
    while True:
        with connections(stack, address, 1) as (connection,):
            connection.ask(f"/api/v1/{account.id}/usage", wrong_keys())
            receive_until([connection], lambda connection=connection: len(connection.answers) == STREAMS)
        if any(answer.status == 429 for answer in connection.answers):
            return


def test_guesses_that_are_sent_together_pass_the_throttle_together(stack, account):
    """However many are in progress, workers see no more of them than the rate says."""
    throttle(stack, account, "127.0.0.12")
    began, passed = time.monotonic(), 0
    for _ in range(5):
        with connections(stack, "127.0.0.12", 1) as (connection,):
            connection.ask(f"/api/v1/{account.id}/usage", wrong_keys())
            receive_until([connection], lambda connection=connection: len(connection.answers) == STREAMS)
            passed += sum(answer.status == 403 for answer in connection.answers)
    assert passed <= REFUSALS_PER_S * (time.monotonic() - began) + 2


def answered_at_once(stack, account, address, count):
    """How many of the streams of the last of so many connections got 429 sooner than a request that waits can."""
    with connections(stack, address, count) as opened:
        for connection in opened:
            connection.ask(f"/api/v1/{account.id}/usage", wrong_keys())
        receive_until(opened, lambda: all(len(connection.answers) == STREAMS for connection in opened))
    return sum(answer.status == 429 and answer.after_s < DELAY_S / 2 for answer in opened[-1].answers)


def test_any_number_of_streams_waits_for_the_throttles_answer(stack, account):
    """Of more streams than may wait, the last ones do not."""
    throttle(stack, account, "127.0.0.13")
    count = limit(r"luna_refusals_waiting (\d+)") // STREAMS + 1
    wait_until(lambda: answered_at_once(stack, account, "127.0.0.13", count) > STREAMS / 2, what="answers without a wait")


def spellings(key):
    """As many as there are streams, most of them of its scheme."""
    yield {"X-API-Key": key}
    for number in range(1, STREAMS):
        scheme = "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate("bearer"))
        yield {"Authorization": f"{scheme} {' ' * (number % 3)}{key}"}


@pytest.fixture(name="eager")
def account_of_a_slow_plan(account_factory, luna):
    luna("plan", "set", "slow", "--rate", "1", "--burst", "1")
    return account_factory(1000, "--plan", "slow")


def own_refusals(connection):
    """The gateway's own 429 have no RateLimit."""
    return sum(answer.status == 429 and b"ratelimit" not in answer.headers for answer in connection.answers)


def test_a_key_in_another_spelling_is_another_key_to_the_throttle(stack, eager):
    """In as many waves as one spelling would need, twice: else one throttle for each of sixty-four."""
    path, refused = urllib.parse.urlsplit(eager.url).path, 0
    for _ in range(4 * ALLOWED_BY_KEY // STREAMS):
        with connections(stack, "127.0.0.14", 1) as (connection,):
            connection.ask(path, [headers | JSON for headers in spellings(eager.key)], b'{"results":[1,2]}')
            receive_until([connection], lambda connection=connection: len(connection.answers) == STREAMS)
            refused += own_refusals(connection)
    assert refused > 0


def test_refused_megabytes_count_like_small_bodies(stack, eager):
    """Over HTTP/1.1: this httpx waits to send the rest of a body that HTTP/2 has refused."""
    transport = httpx.HTTPTransport(verify=stack.ca, local_address="127.0.0.17")
    body = b'{"results":[1,2' + b" " * 1_000_000 + b"]}"
    with httpx.Client(transport=transport, base_url=stack.url, timeout=WAIT_S, trust_env=False) as session:
        answers = [session.post(eager.url, headers=eager.headers | JSON, content=body) for _ in range(ALLOWED_BY_KEY // 4)]
    assert any(answer.status_code == 429 and "ratelimit" not in answer.headers for answer in answers)


def answer_to_large_body(stack, account, body, *head):
    """What is said first on a connection with a wrong key that announces a megabyte, and sends what is given of it."""
    url = urllib.parse.urlsplit(account.url)
    context = ssl.create_default_context(cafile=stack.ca)
    plain = socket.create_connection((url.hostname, url.port), timeout=WAIT_S, source_address=("127.0.0.15", 0))
    with context.wrap_socket(plain, server_hostname=url.hostname) as connection:
        lines = [f"POST {url.path} HTTP/1.1", "Host: localhost", f"X-API-Key: {uuid.uuid4()}", "Content-Type: application/json",
                 "Content-Length: 1000000", *head, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)
        return connection.recv(65536)


@pytest.mark.parametrize("body, head", [(b"", ["Expect: 100-continue"]), (b" " * 1_000_000, [])], ids=["not sent yet", "sent"])
def test_the_gateway_reads_a_large_body_that_it_refuses(stack, account, body, head):
    """It answers and ends the connection; it asks for no body, and waits for none."""
    throttle(stack, account, "127.0.0.15")
    for _ in range(50):  # the throttle may let one pass just then
        with connections(stack, "127.0.0.15", 1) as (connection,):
            connection.ask(f"/api/v1/{account.id}/usage", wrong_keys())
            answer = answer_to_large_body(stack, account, body, *head)
        if answer.startswith(b"HTTP/1.1 429 "):
            break
    assert answer.startswith(b"HTTP/1.1 429 ") and b"\r\nConnection: close\r\n" in answer, answer[:500]


def test_the_gateway_takes_a_refused_body_over_http2(stack, account):
    """It takes no more than the first window of a stream, 64 KiB."""
    throttle(stack, account, "127.0.0.16")
    headers = JSON | {"content-length": "1000000"}
    for _ in range(10):  # the throttle may let one pass just then
        with connections(stack, "127.0.0.16", 2) as (others, connection):
            others.ask(f"/api/v1/{account.id}/usage", wrong_keys())
            connection.send_start(urllib.parse.urlsplit(account.url).path, headers | {"x-api-key": str(uuid.uuid4())}, b" " * 1000)
            receive_until([connection], lambda connection=connection: connection.answers or connection.granted)
            if not connection.granted:
                break
    assert connection.answers[0].status == 429 and connection.protocol.remote_settings.initial_window_size <= 65536


@pytest.mark.parametrize("length", [{"content-length": "1000000"}, {}], ids=["said", "unknown"])
def test_the_gateway_takes_a_large_body_without_a_key_over_http2(stack, account, length):
    """The worker refuses it before it is sent."""
    with connections(stack, "127.0.0.18", 1) as (connection,):
        connection.send_start(urllib.parse.urlsplit(account.url).path, JSON | length, b" " * 1000)
        receive_until([connection], lambda: connection.answers or connection.granted)
    assert not connection.granted and connection.answers[0].status == 403
