"""What luna-setup decides about servers that are not Luna's, against a Redis of the test's own."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest
from luna_stack import ROOT, WAIT_S
from waiting import free_port, wait_until


def function_of(name):
    text = (ROOT / "conf/debian/luna-setup").read_text(encoding="utf-8")
    return re.search(rf"(?ms)^{name}\(\) \{{$.*?^\}}$", text)[0]


class Redis:
    def __init__(self, folder):
        self.port = free_port()
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
                                        stdout=subprocess.DEVNULL)
        tool = folder / "redis-cli"
        tool.write_text(f'#!/bin/sh\nexec {shutil.which("redis-cli")} -p {self.port} "$@"\n', encoding="ascii")
        tool.chmod(0o755)
        self.environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
        wait_until(self.listens, "Redis")

    def listens(self):
        """Without a connection: it would count."""
        with open("/proc/net/tcp", encoding="ascii") as file:
            return f":{self.port:04X} 00000000:0000 0A" in file.read()

    def run(self, *words):
        subprocess.run(["redis-cli", *words], env=self.environment, check=True, timeout=WAIT_S, stdout=subprocess.DEVNULL)

    def is_unused(self):
        script = function_of("redis_is_unused") + "\nset -euo pipefail\nredis_is_unused"
        return subprocess.run(["bash", "-c", script], env=self.environment, timeout=WAIT_S, check=False).returncode == 0


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path)
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.process.terminate()
    server.process.wait(WAIT_S)


def test_a_redis_that_nobody_uses_is_kept(redis):
    assert redis.is_unused()


def test_a_redis_with_keys_in_another_database_is_stopped(redis):
    redis.run("-n", "1", "SET", "queue", "1")
    redis.run("CONFIG", "RESETSTAT")
    assert not redis.is_unused()


def test_a_redis_that_is_an_empty_queue_is_stopped(redis):
    with contextlib.closing(socket.create_connection(("127.0.0.1", redis.port))) as worker:
        worker.sendall(b"BLPOP queue 0\r\n")
        assert not redis.is_unused()


def test_a_redis_that_hangs_holds_the_setup(redis):
    redis.process.send_signal(signal.SIGSTOP)
    assert not redis.is_unused()
