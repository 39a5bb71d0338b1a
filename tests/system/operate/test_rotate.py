"""scripts/rotate replaces each secret under load: no request fails, the old secret is refused, and luna health is green."""
import json
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import threading

import httpx
import psycopg2
import pytest
import redis
from luna_stack import BUILD, WAIT_S, StackClient, wait_until

BODY = {"results": [1120, 1160, 963]}
accounts = []  # of every load


class Load:
    """One client that asks again and again while a secret is replaced; both stores are needed for it."""

    def __init__(self, stack):
        self.stack, self.answers, self.stopping = stack, [], False
        self.account = stack.luna_json("account", "create", f"load-{len(stack.issued)}", "--quota", "1000000")
        stack.issued.append(self.account["api_key"])
        accounts.append(self.account)
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        """Each request has a connection of its own: this httpx does not follow an HTTP/2 connection that nginx ends."""
        url = f"{self.stack.url}/api/v1/{self.account['id']}"
        headers = {"X-API-Key": self.account["api_key"], "Connection": "close"}
        with httpx.Client(verify=self.stack.ca, timeout=WAIT_S, trust_env=False) as client:
            while not self.stopping:
                self.answers.append(client.post(f"{url}/kalman", json=BODY, headers=headers))
                self.answers.append(client.get(f"{url}/usage", headers=headers))

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.answers, "the first answer")
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        assert not [answer.text for answer in self.answers if answer.status_code != 200]


def rotate(stack, *what, check=True):
    outcome = stack.script("rotate", *what, check=False)
    assert not check or outcome.returncode == 0, outcome.stdout
    return outcome


def test_new_passwords_of_redis_interrupt_the_service(spare_stack):
    before = {user: spare_stack.secret(f"redis_{user}") for user in ("owner", "worker", "syncd", "admin")}
    with Load(spare_stack):
        assert "quota-syncd  ok" in rotate(spare_stack, "redis").stdout
    spare_stack.read_environment()
    assert redis.Redis.from_url(spare_stack.env["REDIS_URL"]).ping()
    for user, password in before.items():
        with pytest.raises((redis.AuthenticationError, redis.ResponseError), match="WRONGPASS"):
            redis.Redis(port=spare_stack.ports()["LUNA_REDIS_PORT"], username=f"luna_{user}", password=password).ping()
        assert password not in (spare_stack.var / "etc/redis.conf").read_text(encoding="utf-8")


def test_new_passwords_of_postgresql_interrupt_the_service(spare_stack):
    before = {role: spare_stack.database_url(role) for role in ("luna_worker", "luna_syncd", "luna_admin")}
    with spare_stack.connect("luna_worker").cursor() as cursor:  # a thief of the password can, and a new password does not undo it
        cursor.execute("ALTER ROLE luna_worker SET work_mem = '77kB'")
        cursor.execute("ALTER ROLE luna_worker IN DATABASE luna SET temp_buffers = '808kB'")
    with Load(spare_stack):
        assert "workers      ok" in rotate(spare_stack, "postgresql").stdout
    for role, url in before.items():
        with spare_stack.connect(role).cursor() as cursor:
            cursor.execute("SELECT setconfig FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole WHERE rolname = %s", (role,))
            assert cursor.fetchall() == []
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(url)


REFUSAL = b"SFATAL\0C28P01\0Mpassword authentication failed\0\0"


class Refuses(socketserver.BaseRequestHandler):
    """PostgreSQL as one sees it whose password is changed between two attempts: refuses two, and passes the others on."""

    def handle(self):
        start = self.request.recv(4096)
        self.server.attempts += 1
        if self.server.attempts <= 2:
            self.request.sendall(b"E" + struct.pack("!i", len(REFUSAL) + 4) + REFUSAL)
            return
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as upstream:
            upstream.sendall(start)
            forth = threading.Thread(target=pump, args=(self.request, upstream), daemon=True)
            forth.start()
            pump(upstream, self.request)


def pump(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def test_a_password_that_changes_between_two_attempts_is_refused(stack, tmp_path):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuses) as server:
        server.daemon_threads, server.attempts, server.upstream = True, 0, stack.ports()["LUNA_POSTGRES_PORT"]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = stack.database_url("luna_admin").replace(str(server.upstream), str(server.server_address[1])) + "?sslmode=disable&gssencmode=disable"
        file = tmp_path / "url"
        file.write_text(f"{url}\n{url.replace(stack.secret('luna_admin'), 'the-old-one')}\n", encoding="utf-8")
        file.chmod(0o600)
        outcome = stack.luna("plan", "list", LUNA_DATABASE_URL_FILE=str(file), check=False)
        server.shutdown()
    assert outcome.returncode == 0 and server.attempts == 3, outcome.stderr


def reload_pool(stack):
    settings = {"LUNA_ENV_FILE": str(stack.var / "etc/fcgi-worker.env"), "PATH": os.environ["PATH"]}
    outcome = subprocess.run([BUILD / "bin" / "fcgi-worker", "--reload", str(stack.pid("fcgi-worker"))], env=settings, check=False, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_S)
    assert outcome.returncode == 0, outcome.stdout


def end_sessions(stack, role):
    """As a new worker, or one that PostgreSQL restarts under, is without a session."""
    others = "FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()"
    with stack.connect(role).cursor() as cursor:
        def ended():
            cursor.execute(f"SELECT count(pg_terminate_backend(pid)) {others}", (role,))
            return cursor.fetchone() == (0,)

        wait_until(ended, "sessions that have ended")


def test_a_worker_without_a_session_waits_for_the_reload_after_its_password_changed(spare_stack):
    file, account = spare_stack.var / "secrets/url_worker", spare_stack.luna_json("account", "create", "unconnected")
    spare_stack.issued.append(account["api_key"])
    accounts.append(account)
    old_url = file.read_text(encoding="utf-8")
    old = spare_stack.secret("luna_worker")
    with StackClient(spare_stack) as client:
        try:
            file.write_text(old_url.replace(old, "next-password") + old_url, encoding="utf-8")
            reload_pool(spare_stack)
            for password in (old, "next-password"):
                with spare_stack.connect("luna_worker").cursor() as cursor:
                    cursor.execute("ALTER ROLE luna_worker PASSWORD %s", (password,))
                (spare_stack.var / "secrets/luna_worker").write_text(password + "\n", encoding="utf-8")
                for _ in range(5):
                    end_sessions(spare_stack, "luna_worker")
                    answer = client.get(f"/api/v1/{account['id']}/usage", headers={"X-API-Key": account["api_key"]})
                    assert answer.status_code == 200, answer.text
        finally:
            with spare_stack.connect("luna_worker").cursor() as cursor:
                cursor.execute("ALTER ROLE luna_worker PASSWORD %s", (old,))
            (spare_stack.var / "secrets/luna_worker").write_text(old + "\n", encoding="utf-8")
            file.write_text(old_url, encoding="utf-8")
            reload_pool(spare_stack)


def test_a_new_pepper_interrupts_the_service_or_ends_keys(spare_stack):
    old, finished = spare_stack.luna_json("account", "create", "before", "--quota", "10"), False
    spare_stack.issued.append(old["api_key"])
    with Load(spare_stack):
        rotate(spare_stack, "pepper")
        assert rotate(spare_stack, "pepper", check=False).returncode != 0  # two are in force
        assert rotate(spare_stack, "pepper", "--finish", check=False).returncode != 0  # keys need the old one
    demo = {"id": spare_stack.env["LUNA_ACCOUNT_ID"], "api_key": spare_stack.env["LUNA_API_KEY"]}
    with StackClient(spare_stack) as client:
        for _ in range(2):  # once to move, and once after the old pepper has ended
            for account in (old, demo, *accounts):
                answer = client.post(f"/api/v1/{account['id']}/kalman", json=BODY, headers={"X-API-Key": account["api_key"]})
                assert answer.status_code == 200, answer.text
            wait_until(lambda: {row["pepper_id"]: row["live_keys"] for row in spare_stack.luna_json("key", "peppers")}.get(1, 0) == 0,
                       "the keys have moved", timeout_s=60)
            if not finished:
                rotate(spare_stack, "pepper", "--finish")
            finished = True
    assert "LUNA_KEY_PEPPER_PREVIOUS" not in (spare_stack.var / "etc/fcgi-worker.env").read_text(encoding="utf-8")


def certificate(stack):
    host, port = "127.0.0.1", stack.ports()["LUNA_HTTPS_PORT"]
    return ssl.get_server_certificate((host, port), ca_certs=stack.ca)


def test_a_new_tls_key_interrupts_the_service(spare_stack, tmp_path):
    before = certificate(spare_stack)
    with Load(spare_stack):
        rotate(spare_stack, "tls")
    after = certificate(spare_stack)
    assert after != before
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", tmp_path / "other.key"], check=True,
                   capture_output=True)
    refused = rotate(spare_stack, "tls", tmp_path / "other.key", spare_stack.var / "tls/server.crt", check=False)
    assert refused.returncode != 0 and "is not the certificate of" in refused.stdout
    assert certificate(spare_stack) == after


def test_a_client_names_itself_through_a_proxy_that_is_not_trusted(spare_stack):
    """In the log, and so for the limits: the same address."""
    seen = {}
    for proxy, chain in (("127.0.0.1", "198.51.100.7, 203.0.113.9, 10.1.2.3"), ("127.0.0.2", "203.0.113.10")):
        transport = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=spare_stack.ca), local_address=proxy)
        with httpx.Client(transport=transport, timeout=WAIT_S) as client:
            request_id = f"proxy-{proxy}-test"
            assert client.get(f"{spare_stack.env['LUNA_URL']}/readyz", headers={"X-Forwarded-For": chain, "X-Request-Id": request_id}).status_code == 200
        lines = wait_until(lambda: [line for line in spare_stack.log("access").splitlines() if request_id in line], "the line of the log")
        seen[proxy] = json.loads(lines[0])["remote"]
    assert seen == {"127.0.0.1": "203.0.113.9", "127.0.0.2": "127.0.0.2"}
