"""Clients that go on and on, or stop in the middle: nginx ends them after five seconds. Both kinds at once, so that this is waited once."""
import socket
import ssl
import time
import urllib.parse

import pytest
from answer_checks import assert_serves
from luna_stack import WAIT_S, wait_until
from raw_http import read_to_end
from test_gateway import logged_status, remaining_of, short_body


@pytest.fixture(scope="module", autouse=True)
def silent(stack, client, account_factory, redis_store):
    """A body that stops in the middle; what was left of the quota before; the connection."""
    account = account_factory()
    assert_serves(client, account)
    return account, remaining_of(redis_store, account), short_body(stack, account, "short-body-silence")


def test_slow_headers_from_one_address_keep_the_service_from_the_others(stack, client, account):
    """Two hundred connections that send a byte now and then: nginx ends them, no worker ever sees one."""
    url = urllib.parse.urlsplit(stack.url)
    trust = ssl.create_default_context(cafile=stack.ca)
    slow = []
    try:
        for _ in range(200):
            plain = socket.create_connection((url.hostname, url.port), timeout=WAIT_S, source_address=("127.0.0.79", 0))
            connection = trust.wrap_socket(plain, server_hostname=url.hostname)
            connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
            slow.append(connection)
        for _ in range(5):
            began = time.monotonic()
            assert_serves(client, account)
            assert time.monotonic() - began < 4  # nginx ends a slow one after five seconds: this one did not wait for that
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:  # the first of them is ended although it goes on sending
            try:
                slow[0].sendall(b"a")
            except OSError:
                break
            time.sleep(0.25)
        assert time.monotonic() < end, "a header that never ends was waited for"
    finally:
        for connection in slow:
            connection.close()


def test_a_body_that_stops_in_the_middle_reaches_a_worker(stack, client, redis_store, silent):
    """nginx waits for it, no worker does, and then ends the connection without an answer; its log has the request."""
    account, before, connection = silent
    assert read_to_end(connection) == b""
    wait_until(lambda: logged_status(stack, "short-body-silence") == 408, what="408 in the access log")
    assert remaining_of(redis_store, account) == before
    assert_serves(client, account)
