"""Connections on which a test writes HTTP/1.1 itself."""
import socket
import ssl
import urllib.parse

import httpx
from waiting import WAIT_S


def raw_connection(stack, alpn=("http/1.1",)):
    """A TLS connection that speaks only what the test writes."""
    url = urllib.parse.urlsplit(stack.url)
    context = ssl.create_default_context(cafile=stack.ca)
    context.set_alpn_protocols(list(alpn))
    plain = socket.create_connection((url.hostname, url.port), timeout=WAIT_S)
    return context.wrap_socket(plain, server_hostname=url.hostname)


def head_of(account, content_length, below="", *headers):
    """below: what the path has after the account's /kalman."""
    path = urllib.parse.urlsplit(account.url).path + below
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"X-API-Key: {account.key}", "Content-Type: application/json",
             f"Content-Length: {content_length}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


def read_answer(connection):
    """All of one answer. Not to the end of the connection: nginx keeps that open for five seconds, for what may still be sent to it."""
    received, length = b"", None
    while length is None or len(received) < length:
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
        head, end, _ = received.partition(b"\r\n\r\n")
        if end:
            length = len(head) + 4 + next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return received


def read_to_end(connection):
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except (ConnectionResetError, ssl.SSLError):
        pass
    return received


def parse_raw(answer):
    """A raw HTTP/1.1 answer as an httpx response, so that assert_error reads it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
    return httpx.Response(int(lines[0].split()[1]), headers=headers, content=body)
