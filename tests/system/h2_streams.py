"""Many requests in one write: the streams of an HTTP/2 connection, which the gateway sees at the same time."""
import contextlib
import dataclasses
import selectors
import socket
import ssl
import time
import urllib.parse

import h2.connection
import h2.events
from luna_stack import WAIT_S


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    after_s: float  # since the requests were sent


class Streams:
    """One connection. `granted` counts the bytes of bodies that the gateway allowed beyond the first window."""

    def __init__(self, stack, address):
        url = urllib.parse.urlsplit(stack.url)
        context = ssl.create_default_context(cafile=stack.ca)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection((url.hostname, url.port), timeout=WAIT_S, source_address=(address, 0))
        self.socket, self.protocol = context.wrap_socket(plain, server_hostname=url.hostname), h2.connection.H2Connection()
        self.answers, self.is_seen, self.sent, self.granted = [], False, 0.0, 0
        self.protocol.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.protocol.data_to_send())

    def ask(self, path, headers_of_each, body=b""):
        """A GET, or a POST of the body, with each of the headers; returns when the gateway has seen them all: it answers the ping
        behind them."""
        for headers in headers_of_each:
            self.send(path, headers, body, is_whole=True)
        self.protocol.ping(b"all seen")
        self.sent = time.monotonic()
        self.flush()
        while not self.is_seen:
            self.receive()
        self.is_seen = False

    def send(self, path, headers, body, is_whole):
        stream = self.protocol.get_next_available_stream_id()
        pseudo = [(":method", "POST" if body else "GET"), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        self.protocol.send_headers(stream, [*pseudo, *((name.lower(), value) for name, value in headers.items())], end_stream=not body)
        if body:
            self.protocol.send_data(stream, body, end_stream=is_whole)

    def send_start(self, path, headers, body):
        """A body that does not end."""
        self.send(path, headers, body, is_whole=False)
        self.flush()

    def receive(self):
        for event in self.protocol.receive_data(self.socket.recv(65536)):
            if isinstance(event, h2.events.PingAckReceived):
                self.is_seen = True
            elif isinstance(event, h2.events.WindowUpdated) and event.stream_id != 0:
                self.granted += event.delta
            elif isinstance(event, h2.events.ResponseReceived):
                headers = dict(event.headers)
                self.answers.append(Answer(int(headers[b":status"]), headers, time.monotonic() - self.sent))
        self.flush()


def receive_until(connections, is_done):
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        while not is_done():
            ready = selector.select(WAIT_S)
            assert ready, "no answer any more"
            for key, _ in ready:
                key.data.receive()


@contextlib.contextmanager
def connections(stack, address, count):
    opened = []
    try:
        for _ in range(count):
            opened.append(Streams(stack, address))
        yield opened
    finally:
        for connection in opened:
            connection.socket.close()
