"""Three hosts of workers behind one nginx, and two of stores: PostgreSQL with a synchronous standby, Redis with a replica and three Sentinels.

Redis is reached by a name that the Sentinels' script points at the primary; PostgreSQL by libpq's list of hosts, of which the one that
takes writes is used.
"""
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import types

from log_secrets import found_in_logs
from net import NET, Host, make_bridge, run
from waiting import WAIT_S, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / os.environ.get("LUNA_PRESET", "dev") / "bin"
PG = pathlib.Path("/usr/lib/postgresql/15/bin")
SYNC_INTERVAL_MS = 200
ROLES = ("luna_worker", "luna_syncd", "luna_admin")


class Cluster:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        make_bridge()
        self.workers = [Host(f"w{i}", 10 + i, folder) for i in (1, 2, 3)]
        self.redis_hosts = [Host("r1", 21, folder), Host("r2", 22, folder)]
        self.pg_hosts = [Host("p1", 31, folder), Host("p2", 32, folder)]
        self.passwords = {role: secrets.token_hex(16) for role in (*ROLES, "postgres", "redis")}
        self.pepper = secrets.token_hex(32)
        self.url, self.ca = "https://127.0.0.1:8443", str(self.folder / "tls" / "server.crt")
        self.issued = []  # keys that were given out

    def start(self):
        self.start_postgresql()
        self.start_redis()
        self.migrate()
        for host in self.workers:
            self.start_worker_host(host)
        self.start_nginx()
        wait_until(lambda: self.nginx.poll() is not None or self.curl("/readyz"), "a ready service")
        assert self.nginx.poll() is None, (self.folder / "log/nginx.log").read_text(encoding="utf-8")
        wait_until(lambda: self.sql("SELECT count(*) FROM journal_hosts") == "3", "three journal directories")
        self.luna("plan", "set", "load", "--rate", "1000000", "--burst", "1000000")

    # PostgreSQL

    def database_url(self, role):
        hosts = ",".join(f"{host.address}:5432" for host in self.pg_hosts)
        return f"postgresql://{role}:{self.passwords[role]}@{hosts}/luna?target_session_attrs=read-write"

    def start_postgresql(self):
        primary, standby = self.pg_hosts
        data = primary.folder / "data"
        shutil.chown(primary.folder, "postgres")
        shutil.chown(standby.folder, "postgres")
        (self.folder / "pw").write_text(self.passwords["postgres"], encoding="utf-8")
        (self.folder / "pw").chmod(0o644)
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        run(*as_postgres, PG / "initdb", "-D", data, "-U", "postgres", f"--pwfile={self.folder / 'pw'}", "--auth=scram-sha-256", "--no-sync", cwd="/")
        with open(data / "pg_hba.conf", "a", encoding="utf-8") as hba:
            hba.write(f"host all all {NET}.0/24 scram-sha-256\nhost replication all {NET}.0/24 scram-sha-256\n")
        self.start_postgres(primary, "-c", "synchronous_standby_names=*")
        wait_until(lambda: self.sql("SELECT 1", "postgres", primary) == "1", "PostgreSQL")
        address = f"host={primary.address} user=postgres password={self.passwords['postgres']} application_name=standby"
        run("ip", "netns", "exec", standby.netns, *as_postgres, PG / "pg_basebackup", "-D", standby.folder / "data", "-d", address, "-R", "-X", "stream",
            "-c", "fast", cwd="/")
        self.start_postgres(standby)
        wait_until(lambda: self.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "postgres", primary) == "1", "the standby")
        self.sql("CREATE DATABASE luna", "postgres", primary)

    @staticmethod
    def start_postgres(host, *settings):
        host.start("postgres", [PG / "postgres", "-D", host.folder / "data", "-c", f"listen_addresses={host.address}", "-c", "unix_socket_directories=",
                                "-c", "max_connections=60", "-c", "shared_buffers=32MB", "-c", "wal_receiver_timeout=5s", *settings], user="postgres")

    def sql(self, text, database="luna", host=None):
        hosts = host.address if host else ",".join(h.address for h in self.pg_hosts)
        words = [PG / "psql", "-X", "-At", "-d", f"host={hosts} dbname={database} user=postgres target_session_attrs=read-write connect_timeout=2", "-c", text]
        return run(*words, check=False, env=os.environ | {"PGPASSWORD": self.passwords["postgres"]}).strip()

    def promote(self, host):
        run("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", PG / "pg_ctl", "promote", "-D", host.folder / "data", cwd="/")

    # Redis

    def redis_url(self):
        return f"redis://:{self.passwords['redis']}@redis.luna:6379/0"

    def name_redis(self, address):
        for host in self.workers:
            host.know(**{"redis.luna": address})

    def start_redis(self):
        password = self.passwords["redis"]
        for host in self.redis_hosts:
            replica = ["--replicaof", self.redis_hosts[0].address, "6379"] if host is not self.redis_hosts[0] else []
            host.start("redis", ["redis-server", "--bind", host.address, "--port", "6379", "--requirepass", password, "--masterauth", password, "--dir",
                                 host.folder, "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", "", *replica])
        self.name_redis(self.redis_hosts[0].address)
        script = self.folder / "follow-primary.sh"
        wanted = self.folder / "primary"
        # master-name role state from-ip from-port to-ip to-port; the test carries the answer into
        # the hosts' name service.
        script.write_text(f'#!/bin/sh\necho "$6" >"{wanted}.$$" && mv "{wanted}.$$" "{wanted}"\n', encoding="utf-8")
        script.chmod(0o755)
        for host in self.workers:
            conf = host.folder / "sentinel.conf"
            conf.write_text(f"port 26379\nbind {host.address}\nprotected-mode no\ndir {host.folder}\nsentinel monitor luna {self.redis_hosts[0].address} 6379 2\n"
                            f"sentinel auth-pass luna {password}\nsentinel down-after-milliseconds luna 1000\nsentinel failover-timeout luna 10000\n"
                            f"sentinel client-reconfig-script luna {script}\n", encoding="utf-8")
            host.start("sentinel", ["redis-server", conf, "--sentinel"])
        wait_until(lambda: self.redis_cli(self.redis_hosts[0], "INFO", "replication").count("state=online") == 1, "the replica")
        wait_until(lambda: all("num-other-sentinels\n2" in self.redis_cli(host, "SENTINEL", "MASTER", "luna", port=26379) for host in self.workers),
                   "three Sentinels that know each other")

    def redis_cli(self, host, *words, port=6379):
        environment = os.environ | ({"REDISCLI_AUTH": self.passwords["redis"]} if port == 6379 else {})
        return run("redis-cli", "-h", host.address, "-p", port, *words, check=False, env=environment)

    def follow_sentinel(self):
        """Until a Sentinel has named a new primary and the hosts know it; returns its host."""
        wanted = self.folder / "primary"
        address = wait_until(lambda: wanted.exists() and wanted.read_text(encoding="utf-8").strip(), "a new primary")
        self.name_redis(address)
        return next(host for host in self.redis_hosts if host.address == address)

    # Ours

    def migrate(self):
        url = self.database_url("postgres")
        outcome = subprocess.run([BIN / "luna", "migrate", "up"], env=os.environ | {"LUNA_DATABASE_URL": url}, capture_output=True, text=True, check=False)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        for role in ROLES:
            self.sql(f"ALTER ROLE {role} LOGIN PASSWORD '{self.passwords[role]}'")

    def start_worker_host(self, host):
        state = host.folder / "state"
        state.mkdir(mode=0o700)
        host.start("quota-syncd", [BIN / "quota-syncd"], LUNA_DATABASE_URL=self.database_url("luna_syncd"), LUNA_REDIS_URL=self.redis_url(),
                   LUNA_STATE_DIR=state, LUNA_SYNC_INTERVAL_MS=SYNC_INTERVAL_MS, LUNA_METRICS_LISTEN=f"{host.address}:9101")
        host.start("fcgi-worker", [BIN / "fcgi-worker"], LUNA_DATABASE_URL=self.database_url("luna_worker"), LUNA_REDIS_URL=self.redis_url(),
                   LUNA_KEY_PEPPER=self.pepper, LUNA_STATE_DIR=state, LUNA_WORKERS=2, LUNA_WORKER_LISTEN=f"{host.address}:9000",
                   LUNA_WORKER_PEERS=f"{NET}.1", LUNA_WORKER_NETWORK_PRIVATE="on", LUNA_MONITOR_LISTEN=f"{host.address}:9100")

    def start_nginx(self):
        prefix = self.folder / "nginx"
        (prefix / "tmp").mkdir(parents=True)
        (self.folder / "log").mkdir()
        (self.folder / "tls").mkdir()
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.folder / "tls/server.key", "-out",
            self.ca, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
        values = {"LUNA_VAR": self.folder, "LUNA_ERROR_LOG": "stderr", "LUNA_GATEWAY_MODULE": BIN.parent / "lib/ngx_http_luna_source_module.so",
                  "LUNA_HTTPS_LISTEN": "127.0.0.1:8443", "LUNA_BODY_BYTES_MAX": 33554432, "LUNA_FASTCGI_READ_TIMEOUT_S": 14,
                  "LUNA_CORS_ORIGINS": "", "LUNA_WEB_ROOT": self.folder, "LUNA_REAL_IP_FROM": "", "LUNA_GATEWAY_METRICS_LISTEN": "127.0.0.1:9102"}
        for source in (ROOT / "conf/nginx").glob("*.conf"):
            text = source.read_text(encoding="utf-8") if source.name != "upstream.conf" else self.upstream_conf()
            for name, value in values.items():
                text = text.replace("${" + name + "}", str(value))
            assert "${LUNA_" not in text, f"a setting of {source.name} has no value here: {text}"
            (prefix / source.name).write_text(text, encoding="utf-8")
        with open(self.folder / "log/nginx.log", "ab") as log:
            self.nginx = subprocess.Popen(["nginx", "-p", prefix, "-c", prefix / "nginx.conf", "-e", "stderr"], stdout=log, stderr=log)

    def upstream_conf(self):
        """The block that docs/SCALING.md shows, with this cluster's addresses."""
        text = (ROOT / "docs/SCALING.md").read_text(encoding="utf-8")
        block = text.split("<!-- upstream.conf -->")[1].split("```nginx\n")[1].split("```")[0]
        for example, host in zip(("10.1.2.11", "10.1.2.12", "10.1.2.13"), self.workers):
            block = block.replace(example, host.address)
        return block

    def curl(self, path):
        return run("curl", "-fsS", "-m", "3", "--cacert", self.ca, f"{self.url}{path}", check=False)

    def luna(self, *words):
        settings = {"LUNA_DATABASE_URL": self.database_url("luna_admin"), "LUNA_KEY_PEPPER": self.pepper,
                    "LUNA_REDIS_URL": self.redis_url()}
        return run("ip", "netns", "exec", self.workers[0].netns, BIN / "luna", *words, env=os.environ | settings)

    def account(self, name):
        made = json.loads(self.luna("account", "create", name, "--quota", "1000000", "--plan", "load", "--json"))
        self.issued.append(made["api_key"])
        return types.SimpleNamespace(id=made["id"], key=made["api_key"], name=name)

    def secrets_in_logs(self):
        secrets = self.passwords | {"pepper": self.pepper} | {f"key {number}": key for number, key in enumerate(self.issued)}
        return found_in_logs(self.folder.rglob("*.log"), {name: secret.encode() for name, secret in secrets.items()})

    def stop(self):
        if hasattr(self, "nginx"):
            self.nginx.terminate()
            self.nginx.wait(timeout=WAIT_S)
        for host in Host.made:
            host.remove()
