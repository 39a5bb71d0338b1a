"""Redis over TLS, through the proxy that docs/SCALING.md sets up: by its name and with a client certificate only."""
import contextlib
import subprocess

import pytest
import redis
from luna_stack import ROOT
from waiting import WAIT_S, free_port, wait_until

SCALING = ROOT / "docs/SCALING.md"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=WAIT_S)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
    openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca")
    for name in ("redis.example", "client"):
        (folder / "extensions").write_text(f"subjectAltName=DNS:{name}\n")
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.crt",
                "-days", "2", "-extfile", "extensions")
    return folder


@contextlib.contextmanager
def running(*command):
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def port(certificates):
    number = free_port()
    arguments = {"port": 0, "tls-port": number, "bind": "127.0.0.1", "tls-cert-file": certificates / "redis.example.crt",
                 "tls-key-file": certificates / "redis.example.key", "tls-ca-cert-file": certificates / "ca.crt", "tls-auth-clients": "yes",
                 "save": "", "dir": certificates}
    with running("redis-server", *[str(part) for name, value in arguments.items() for part in (f"--{name}", value)]):
        yield number


def proxy_settings(certificates, port, path):
    """The block that the document shows, with this test's files and address."""
    text = SCALING.read_text(encoding="utf-8").split("<!-- stunnel.conf -->")[1].split("```ini\n")[1].split("```")[0]
    for shown, ours in (("/run/luna-redis/redis.sock", path), ("redis.example:6380", f"127.0.0.1:{port}"), ("/etc/luna/", f"{certificates}/")):
        assert shown in text, shown
        text = text.replace(shown, str(ours))
    return text


def answers(path):
    with contextlib.suppress(redis.RedisError):
        return redis.Redis(unix_socket_path=str(path), socket_timeout=10).ping()
    return False


def test_the_proxy_of_the_document_does_not_reach_redis(certificates, port, tmp_path):
    path = tmp_path / "redis.sock"
    (tmp_path / "stunnel.conf").write_text(proxy_settings(certificates, port, path))
    with running("stunnel4", tmp_path / "stunnel.conf"):
        wait_until(lambda: answers(path), "an answer through the proxy")


def test_the_proxy_trusts_another_name(certificates, port, tmp_path):
    path = tmp_path / "redis.sock"
    settings = proxy_settings(certificates, port, path).replace("checkHost = redis.example", "checkHost = other.example")
    (tmp_path / "stunnel.conf").write_text(settings)
    with running("stunnel4", tmp_path / "stunnel.conf"):
        wait_until(path.exists, "the proxy's socket")
        assert not any(answers(path) for _ in range(5))


def test_redis_is_reached_without_a_certificate(certificates, port, tmp_path):
    path = tmp_path / "redis.sock"
    settings = proxy_settings(certificates, port, path)
    without = "".join(line for line in settings.splitlines(True) if not line.startswith(("cert =", "key =")))
    (tmp_path / "stunnel.conf").write_text(without)
    with running("stunnel4", tmp_path / "stunnel.conf"):
        wait_until(path.exists, "the proxy's socket")
        assert not any(answers(path) for _ in range(5))
