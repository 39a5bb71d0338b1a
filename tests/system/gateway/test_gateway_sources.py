"""One source takes its share of the gateway, and a client elsewhere is served meanwhile."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import ssl
import time
import urllib.parse
import uuid

import httpx
import pytest
from answer_checks import assert_error
from h2_streams import connections, receive_until
from luna_stack import wait_until
from sources import LIMITS, at_once, from_address, is_open, limit, one_byte_connections


def test_a_source_is_shut_out_when_its_connections_have_ended(stack, account):
    most = limit(r"luna_source_connections (\d+)")
    for _ in range(3):
        with one_byte_connections(stack, "127.0.0.3", most + 20) as opened:
            wait_until(lambda opened=opened: sum(map(is_open, opened)) <= most, what="the bound")
    wait_until(lambda: answers(stack, "127.0.0.3"), what="an answer for the same address")


def test_connections_of_a_killed_nginx_worker_stay_counted(stack):
    """They locked their source out until nginx was restarted."""
    most, master = limit(r"luna_source_connections (\d+)"), stack.pid("nginx")
    with one_byte_connections(stack, "127.0.0.11", most + 20) as opened:
        wait_until(lambda: sum(map(is_open, opened)) <= most, what="a whole share")
        killed = workers_of(master)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: workers_of(master) and not workers_of(master) & killed, what="nginx's new processes")
        wait_until(lambda: answers(stack, "127.0.0.11"), what="an answer for the same address", timeout_s=10)


def workers_of(master):
    return {int(pid) for pid in pathlib.Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split()}


def answers(stack, address):
    with contextlib.suppress(httpx.TransportError), from_address(stack, address) as session:
        return session.get("/livez").status_code == 200
    return False


def test_a_handshake_that_never_ends_outlives_the_header_timeout(stack):
    with one_byte_connections(stack, "127.0.0.4", 1) as (plain,):
        plain.settimeout(limit(r"client_header_timeout (\d+)s") + 3)
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            assert plain.recv(100) == b""
        assert time.monotonic() - began <= limit(r"client_header_timeout (\d+)s") + 2


def first_answer(connections):
    """What the first of them received; the others wait for their bodies. TLS's own messages are no answer."""
    for connection in connections:
        connection.setblocking(False)
        with contextlib.suppress(ssl.SSLWantReadError):
            return connection.recv(65536)
    return b""


def test_large_bodies_of_one_address_fill_the_gateways_disk(stack, account):
    """Each waits in a file; the ones above the share are refused by their head alone."""
    most, held = limit(r"limit_conn large (\d+)"), []
    url = urllib.parse.urlsplit(account.url)
    context = ssl.create_default_context(cafile=stack.ca)
    head = (f"POST {url.path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {account.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n").encode()
    try:
        for _ in range(most + 1):
            plain = socket.create_connection((url.hostname, url.port), timeout=20, source_address=("127.0.0.7", 0))
            held.append(context.wrap_socket(plain, server_hostname=url.hostname))
            held[-1].sendall(head)
        assert wait_until(lambda: first_answer(held), what="an answer").startswith(b"HTTP/1.1 503 ")
        with from_address(stack, "127.0.0.7") as session:
            assert session.post(account.url, headers=account.headers, json={"results": [1, 2]}).status_code == 200
    finally:
        for connection in held:
            connection.close()


def guess(session, account):
    return session.get(f"/api/v1/{account.id}/usage", headers={"X-API-Key": str(uuid.uuid4())})


def guess_until_throttled(session, account):
    for _ in range(1000):
        answer = guess(session, account)
        if answer.status_code == 429:
            return answer
        assert answer.status_code == 403, answer.text
    raise AssertionError("a thousand wrong keys were answered")


def guess_and_leave(stack, account, address):
    """A wrong key, from a client that does not wait for the answer."""
    url = urllib.parse.urlsplit(account.url)
    plain = socket.create_connection((url.hostname, url.port), timeout=20, source_address=(address, 0))
    context = ssl.create_default_context(cafile=stack.ca)
    with context.wrap_socket(plain, server_hostname=url.hostname) as connection:
        connection.sendall(f"GET /api/v1/{account.id}/usage HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {uuid.uuid4()}\r\n\r\n".encode())


def test_wrong_keys_whose_answers_nobody_waits_for_are_not_counted(stack, account):
    for _ in range(limit(r"luna_source_refusals \S+ rate=\d+ burst=(\d+)") * 2):
        guess_and_leave(stack, account, "127.0.0.10")
    with from_address(stack, "127.0.0.10") as session:
        wait_until(lambda: guess(session, account).status_code == 429, what="429")


def requests_of_workers(stack):
    text = httpx.get(stack.env["LUNA_METRICS_URL"], trust_env=False).text
    return sum(float(value) for value in re.findall(r"(?m)^luna_worker_requests_total\{.*\} (\S+)$", text))


def test_an_address_of_refused_keys_reaches_a_worker_or_its_known_key_is_refused(stack, client, account):
    with from_address(stack, "127.0.0.8") as session:
        assert session.get(f"/api/v1/{account.id}/usage", headers=account.headers).status_code == 200
        answer = guess_until_throttled(session, account)
        assert_error(answer, 429)
        assert answer.headers["retry-after"] == "1"
        before = requests_of_workers(stack)
        refused = [answer.status_code for answer in at_once(stack, "127.0.0.8", 100, lambda other: guess(other, account))].count(429)
        assert refused >= 50 and requests_of_workers(stack) - before <= 100 - refused + 1
        for _ in range(50):
            assert session.get(f"/api/v1/{account.id}/usage", headers=account.headers).status_code == 200
    assert client.get(f"/api/v1/{account.id}/usage", headers=account.headers).status_code == 200


UNCHECKED = {  # what is answered before anybody looks at the key
    "an OPTIONS": ("127.0.0.21", 204, lambda session, account, headers: session.options(account.url, headers=headers)),
    "a GET of /livez": ("127.0.0.22", 200, lambda session, account, headers: session.get("/livez", headers=headers)),
    "a GET of /readyz": ("127.0.0.27", 200, lambda session, account, headers: session.get("/readyz", headers=headers)),
    "an unknown path": ("127.0.0.23", 404, lambda session, account, headers: session.get("/nothing", headers=headers)),
    "an unknown account": ("127.0.0.26", 404, lambda session, account, headers: session.get("/api/v1/1999999999/usage", headers=headers)),
    "a wrong method": ("127.0.0.24", 405, lambda session, account, headers: session.put(account.url, headers=headers)),
    "two credentials": ("127.0.0.25", 400, lambda session, account, headers: session.get(
        f"/api/v1/{account.id}/usage", headers=headers | {"Authorization": f"Bearer {uuid.uuid4()}"})),
}


@pytest.mark.parametrize("what", UNCHECKED)
def test_an_answer_before_the_key_is_checked_lets_guesses_pass(stack, account, what):
    """The gateway took the guess for an accepted key, which is never throttled, or did not count the request as refused."""
    address, status, ask = UNCHECKED[what]
    with from_address(stack, address) as session:
        assert session.get(f"/api/v1/{account.id}/usage", headers=account.headers).status_code == 200
        for _ in range(2 * limit(r"luna_source_refusals \S+ rate=\d+ burst=(\d+)")):
            answer = ask(session, account, {"X-API-Key": str(uuid.uuid4())})
            if answer.status_code == 429:
                break
            assert answer.status_code == status
        assert_error(answer, 429)
        assert session.get(f"/api/v1/{account.id}/usage", headers=account.headers).status_code == 200


def test_the_tokens_of_a_tenant_push_out_its_neighbours_key(stack, client, account_factory):
    """Behind one address: more of them than the gateway remembers of it."""
    neighbour, tenant = account_factory(), account_factory()
    tokens = [client.post(f"/api/v1/{tenant.id}/token", headers=tenant.headers, json={"expires_in_s": 600 + number}).json()["access_token"]
              for number in range(40)]
    with from_address(stack, "127.0.0.18") as session:
        def status(account, headers):
            return session.get(f"/api/v1/{account.id}/usage", headers=headers).status_code

        assert status(neighbour, neighbour.headers) == 200
        assert {status(tenant, {"Authorization": f"Bearer {token}"}) for token in tokens} == {200}
        guess_until_throttled(session, tenant)
        assert status(neighbour, neighbour.headers) == 200
        assert status(tenant, {"Authorization": f"Bearer {tokens[-1]}"}) == 200


def test_a_key_that_ignores_its_429_keeps_the_workers_busy(stack, account_factory, luna):
    """After a burst of refusals the gateway refuses it, slowly; another key from the same address is served."""
    luna("plan", "set", "slow", "--rate", "1", "--burst", "1")
    eager, other = account_factory(1000, "--plan", "slow"), account_factory()
    allowed = int(re.search(r"(?m)^luna_key_refusals \S+ rate=\d+ burst=(\d+);", LIMITS).group(1))
    delay_s = limit(r"luna_refusal_delay (\d+)ms") / 1000
    with connections(stack, "127.0.0.8", allowed // 50) as opened:  # faster than the count falls
        for connection in opened:
            connection.ask(urllib.parse.urlsplit(eager.url).path, [eager.headers | {"Content-Type": "application/json"}] * 50, b'{"results":[1,2]}')
        receive_until(opened, lambda: all(len(connection.answers) == 50 for connection in opened))
    with from_address(stack, "127.0.0.8") as session:
        for _ in range(10 * allowed):
            began = time.monotonic()
            answer = session.post(eager.url, headers=eager.headers, json={"results": [1, 2]})
            if answer.status_code == 429 and "ratelimit" not in answer.headers:
                break
        assert_error(answer, 429)
        assert time.monotonic() - began >= delay_s / 2 and answer.headers["retry-after"] == "1"
        assert session.post(other.url, headers=other.headers, json={"results": [1, 2]}).status_code == 200
    wait_until(lambda: asked(stack, eager) == 200, what="the key to be served again")


def asked(stack, account):
    with from_address(stack, "127.0.0.8") as session:
        return session.post(account.url, headers=account.headers, json={"results": [1, 2]}).status_code
