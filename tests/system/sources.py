"""Clients of an address of their own, and the gateway's limits for one."""
import concurrent.futures
import contextlib
import re
import socket
import ssl
import urllib.parse

import httpx
from luna_stack import ROOT
from waiting import WAIT_S

LIMITS = (ROOT / "conf/nginx/limits.conf").read_text(encoding="utf-8")


@contextlib.contextmanager
def from_address(stack, address):
    """A client of its own address: limits are per address, and the other tests share 127.0.0.1."""
    transport = httpx.HTTPTransport(verify=stack.ca, local_address=address, http2=True)
    with httpx.Client(base_url=stack.url, transport=transport, timeout=WAIT_S, trust_env=False) as session:
        yield session


def at_once(stack, address, count, ask):
    """The answers to so many requests at a time, each on a connection of its own."""
    def ask_one(_):
        transport = httpx.HTTPTransport(verify=context, local_address=address)
        with httpx.Client(base_url=stack.url, transport=transport, timeout=WAIT_S, trust_env=False) as session:
            return ask(session)

    context = ssl.create_default_context(cafile=stack.ca)
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask_one, range(count)))


def limit(pattern):
    return int(re.search(rf"(?m)^{pattern};", LIMITS).group(1))


@contextlib.contextmanager
def one_byte_connections(stack, address, count):
    """TCP connections that have sent the first byte of a handshake, and are silent since."""
    url = urllib.parse.urlsplit(stack.url)
    opened = []
    try:
        for _ in range(count):
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                plain = socket.create_connection((url.hostname, url.port), timeout=20, source_address=(address, 0))
                opened.append(plain)
                plain.sendall(b"\x16")
        yield opened
    finally:
        for plain in opened:
            plain.close()


def is_open(plain):
    plain.setblocking(False)
    try:
        return plain.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
