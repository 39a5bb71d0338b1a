"""A FastCGI client that talks records straight to the worker's socket, with no web server between.

Fcgi(path).post("/api/v1/42/kalman", body, headers…) is one request on one connection, as nginx makes it. The pieces
(connect, begin, params, stdin, answer) can be used one by one, to send what no web server sends.
"""
import select
import socket
import struct
import time
from dataclasses import dataclass, field

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
RESPONDER = 1


def record(kind, content=b"", request_id=1, padding=0, version=1):
    return struct.pack(">BBHHBx", version, kind, request_id, len(content), padding) + content + b"\0" * padding


def begin(keep=False, role=RESPONDER, request_id=1):
    return record(BEGIN_REQUEST, struct.pack(">HB5x", role, 1 if keep else 0), request_id)


def _length(n, long_form=False):
    return struct.pack(">B", n) if n < 128 and not long_form else struct.pack(">I", n | 0x80000000)


def encode_params(params, long_form=False):
    out = b""
    for name, value in params.items():
        name, value = name.encode(), value if isinstance(value, bytes) else str(value).encode()
        out += _length(len(name), long_form) + _length(len(value), long_form) + name + value
    return out


def params_records(params, chunk=65535, long_form=False, request_id=1):
    data = encode_params(params, long_form)
    out = b"".join(record(PARAMS, data[i : i + chunk], request_id) for i in range(0, len(data), chunk))
    return out + record(PARAMS, b"", request_id)


def stdin_records(body, chunk=32768, request_id=1):
    out = b"".join(record(STDIN, body[i : i + chunk], request_id) for i in range(0, len(body), chunk))
    return out + record(STDIN, b"", request_id)


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes
    ended: bool  # END_REQUEST came
    records: list = field(default_factory=list)  # (type, length) of every record

    def json(self):
        import json

        return json.loads(self.body)


TIMEOUT_S = 120.0  # as waiting.WAIT_S: only a pool that is broken takes so long


class NoAnswer(Exception):
    """The connection ended before an answer: what nginx turns into 502."""


class Connection:
    def __init__(self, path):
        """`path`: of a unix socket, or (host, port)."""
        self.sock = socket.socket(socket.AF_INET if isinstance(path, tuple) else socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(path)

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.sock.close()

    def has_answer(self):
        """Have its first bytes arrived? recv() with MSG_DONTWAIT would wait all the same, as the socket has a timeout."""
        return bool(select.select([self.sock], [], [], 0)[0]) and self.sock.recv(1, socket.MSG_PEEK) != b""

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            got = self.sock.recv(n - len(data))
            if not got:
                return None
            data += got
        return data

    def answer(self):
        stdout, records, ended = bytearray(), [], False
        while True:
            try:
                head = self._exactly(8)
            except ConnectionResetError:
                head = None
            if head is None:
                break
            _, kind, _, length, padding = struct.unpack(">BBHHBx", head)
            content = self._exactly(length + padding) if length + padding else b""
            if content is None:
                break
            records.append((kind, length))
            if kind == STDOUT:
                stdout += content[:length]
            if kind == END_REQUEST:
                ended = True
                break
        if b"\r\n\r\n" not in stdout:
            raise NoAnswer(f"no answer; records: {records}")
        head, _, body = bytes(stdout).partition(b"\r\n\r\n")
        headers, status = {}, 200
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() == "status":
                status = int(value.split()[0])
            else:
                headers[name.lower()] = value
        return Answer(status, headers, body, ended, records)


class Fcgi:
    def __init__(self, path, api_key="8c1c9c2e-4b3f-4a7e-9d0a-2f4d5b6c7d8e"):
        self.path, self.api_key = path if isinstance(path, tuple) else str(path), api_key

    def connect(self):
        return Connection(self.path)

    def params(self, method, uri, body=b"", content_type="application/json", **extra):
        params = {
            "REQUEST_METHOD": method,
            "REQUEST_URI": uri,
            "QUERY_STRING": uri.partition("?")[2],
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_START": f"{time.time():.3f}",
            "HTTP_X_API_KEY": self.api_key,
        }
        params.update(extra)
        return {name: value for name, value in params.items() if value is not None}

    def request(self, method, uri, body=b"", content_type="application/json", **extra):
        connection = self.connect()
        try:
            head = begin() + params_records(self.params(method, uri, body, content_type, **extra))
            connection.send(head + stdin_records(body))
            return connection.answer()
        except BrokenPipeError as error:
            raise NoAnswer("the worker closed while the request was being sent") from error
        finally:
            connection.close()

    def post(self, uri, body, **extra):
        return self.request("POST", uri, body if isinstance(body, bytes) else body.encode(), **extra)
