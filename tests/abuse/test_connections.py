"""Connections that say nothing, from one address or two; who comes from elsewhere is served."""
import contextlib
import math
import resource
import socket
import ssl
import time
import urllib.parse

import pytest
from arena import NOISE_MS, RATIO_MAX
from sources import from_address, is_open, limit, one_byte_connections

CONNECTIONS = 10000
SPARE_DESCRIPTORS = 500


def connections_to_open():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return min(CONNECTIONS, hard - SPARE_DESCRIPTORS)


@pytest.fixture(name="many_descriptors")
def allow_many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def p99_ms_of_new_clients(stack, account, count=100):
    """What a request on a new connection takes; the slowest but one of a hundred."""
    took = []
    for _ in range(count):
        with from_address(stack, "127.0.0.11") as session:
            began = time.monotonic()
            answer = session.post(account.url, headers=account.headers, json={"results": [1, 2]})
            took.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text
    return 1000 * sorted(took)[math.ceil(count * 0.99) - 1]


def newcomers_are_served(stack, account, attack, is_timed):
    quiet_ms = p99_ms_of_new_clients(stack, account)
    with attack as said:
        attacked_ms = p99_ms_of_new_clients(stack, account)
    print(f"\n  a new client: p99 {quiet_ms:.1f} ms quiet, {attacked_ms:.1f} ms attacked")
    assert not is_timed or attacked_ms <= max(RATIO_MAX * quiet_ms, NOISE_MS)
    return said


@contextlib.contextmanager
def silent(stack, address):
    """Gives how many of the connections are open at the end."""
    kept = []
    with one_byte_connections(stack, address, connections_to_open()) as opened:
        yield kept
        kept.append(sum(map(is_open, opened)))


def test_ten_thousand_connections_of_one_address_shut_others_out(arena, stack, account, many_descriptors):
    arena.holds(lambda: silent(stack, "127.0.0.2"))
    kept = newcomers_are_served(stack, account, silent(stack, "127.0.0.2"), arena.is_timed)
    assert kept[0] <= limit(r"luna_source_connections (\d+)")


def open_streams(stack, account, address, count):
    """HTTP/2 streams that announce a body and send none of it: as many as the gateway allows."""
    h2 = pytest.importorskip("h2.connection", reason="python3-h2 is not installed")
    url = urllib.parse.urlsplit(stack.url)
    context = ssl.create_default_context(cafile=stack.ca)
    context.set_alpn_protocols(["h2"])
    opened = 0
    while opened < count:
        plain = socket.create_connection((url.hostname, url.port), timeout=20, source_address=(address, 0))
        connection, protocol = context.wrap_socket(plain, server_hostname=url.hostname), h2.H2Connection()
        protocol.initiate_connection()
        connection.sendall(protocol.data_to_send())
        settings = 0
        while not settings:
            protocol.receive_data(connection.recv(65536))
            settings = protocol.remote_settings.max_concurrent_streams % 2**31
            assert settings <= limit(r"http2_max_concurrent_streams (\d+)")
        for number in range(min(settings, count - opened)):
            protocol.send_headers(2 * number + 1, [
                (":method", "POST"), (":path", urllib.parse.urlsplit(account.url).path), (":scheme", "https"), (":authority", "localhost"),
                ("x-api-key", account.key), ("content-type", "application/json"), ("content-length", "1000")])
        connection.sendall(protocol.data_to_send())
        opened += min(settings, count - opened)
        yield connection


@contextlib.contextmanager
def streams(stack, account, *addresses):
    held = [connection for address in addresses for connection in open_streams(stack, account, address, 1000)]
    try:
        yield []
    finally:
        for connection in held:
            connection.close()


def test_streams_without_bodies_of_two_addresses_shut_others_out(arena, stack, account):
    arena.holds(lambda: streams(stack, account, "127.0.0.5", "127.0.0.6"))
