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


def is_taken(folder, address):
    """As luna-setup says it of the address of the gateway's metrics."""
    script = f"set -euo pipefail\nETC={folder} LUNA_GATEWAY_METRICS_LISTEN={address}\n{function_of('metrics_address_taken')}\nmetrics_address_taken"
    ended = subprocess.run(["bash", "-c", script], timeout=WAIT_S, check=False, capture_output=True)
    assert ended.returncode in (0, 1) and not ended.stderr, ended.stderr
    return ended.returncode == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_nginx_gets_an_address_that_another_program_has(tmp_path, host):
    """It would not start, or not take over from an nginx that is upgraded."""
    address = f"{host}:{free_port()}"
    assert not is_taken(tmp_path, address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host.strip("[]"), int(address.rsplit(":", 1)[1])), family=family):
        assert is_taken(tmp_path, address)
        (tmp_path / "nginx").mkdir()
        (tmp_path / "nginx/metrics.conf").write_text(f"server {{\n  listen {address};\n}}\n", encoding="ascii")
        assert not is_taken(tmp_path, address), "nginx itself listens there"


def test_an_nginx_that_refuses_a_reload_keeps_the_pools_from_their_upgrade(tmp_path):
    stubs = """
      systemctl() { case $1 in list-units) printf '%s\\n' luna-nginx.service luna-worker@main.service ;; reload) return 1 ;; esac; }
      program_is_old() { :; }
      upgrade_pool() { echo "upgraded $1"; }"""
    script = f"set -euo pipefail\n{stubs}\n{function_of('upgrade_programs')}\nupgrade_programs || echo failed"
    ended = subprocess.run(["bash", "-c", script], cwd=tmp_path, timeout=WAIT_S, check=True, capture_output=True, text=True)
    assert ended.stdout == "upgraded luna-worker@main.service\nfailed\n"
