"""Floor, peer and Luna side by side on loopback: the same nginx configuration, the same TLS, the same stores."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "system"))
from luna_stack import BUILD, Stack, wait_until  # noqa: E402  (the path comes first)
from targets import Floor, FloorSame, Luna, Peer  # noqa: E402

# Far from any of Luna's accounts: both services keep user:{id}:quota in the one Redis.
PEER_ACCOUNT_ID = 1_000_000_000
PLAN = ("--rate", "1000000", "--burst", "1000000", "--points-max", "0", "--concurrent-max", "0")

PROXIED = """proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 256 16k;
      proxy_busy_buffers_size 256k;
      proxy_max_temp_file_size 0;
      proxy_pass http://luna_workers;"""


def replace_in(path, pattern, replacement):
    """The first match of the pattern in a file; there has to be one."""
    text, found = re.subn(pattern, lambda _: replacement, path.read_text(encoding="utf-8"), count=1)
    if not found:
        raise LookupError(f"{path}: nothing matches {pattern}")
    path.write_text(text, encoding="utf-8")


def port_free(port):
    return subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"], stderr=subprocess.DEVNULL, check=False).returncode != 0


def port_after(port):
    return next(candidate for candidate in range(port + 1, 65535) if port_free(candidate))


class Stand:
    """Starts everything under `var` and ends it."""

    def __init__(self, var, workers, **settings):
        self.var = pathlib.Path(var)
        self.workers = workers
        self.stack = Stack(self.var / "luna", LUNA_WORKERS=workers, LUNA_LOG_LEVEL="info", LUNA_PRESET=BUILD.name, **settings)
        self.started = []

    def __enter__(self):
        try:
            self.stack.up()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.started):
            self.stop(process)
        self.stack.down()

    @staticmethod
    def stop(process):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()

    def start(self, command, name, **environment):
        log = open(self.var / f"{name}.log", "ab")
        process = subprocess.Popen([str(word) for word in command], env=os.environ | environment, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def gateway(self, name, server, passing=None):
        """A second nginx with the stack's own configuration, but for its port, the `server` behind it and how it is passed to.

        A replacement that finds nothing to replace would measure Luna under another's name: each must find its place.
        """
        source, prefix = self.stack.var / "nginx", self.var / f"nginx-{name}"
        shutil.copytree(source, prefix, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tmp", "*.pid"))
        (prefix / "tmp").mkdir(exist_ok=True)
        port = port_after(self.stack.ports()["LUNA_HTTPS_PORT"] + 100)
        replace_in(prefix / "nginx.conf", r"listen 127\.0\.0\.1:\d+", f"listen 127.0.0.1:{port}")
        replace_in(prefix / "nginx.conf", "/log/access\\.log", f"/log/access-{name}.log")
        replace_in(prefix / "upstream.conf", r'server "unix:[^"]*" max_fails=0;', server)
        if passing:
            replace_in(prefix / "nginx.conf", r"include fastcgi\.conf;\s*fastcgi_pass \$luna_workers;", passing)
        if os.getuid() == 0:
            replace_in(prefix / "nginx.conf", r"\A", "user root;\n")
        process = self.start(["nginx", "-p", prefix, "-c", prefix / "nginx.conf"], f"nginx-{name}")
        wait_until(lambda: not port_free(port), f"nginx for {name}")
        return port, process

    def target(self, name):
        """Starts what the name needs; `luna` is there already."""
        makers = {"luna": self.luna, "floor": self.floor, "floor-same": self.floor_same, "peer": self.peer}
        if name not in makers:
            raise SystemExit(f"no target \"{name}\": there are {', '.join(makers)}")
        return makers[name]()

    def stores(self):
        return {"redis": [self.stack.pid("redis")], "postgres": [self.stack.pid("postgres")]}

    def luna(self):
        self.stack.luna("plan", "set", "bench", *PLAN, "--quota", "2000000000")
        account = self.stack.luna_json("account", "create", f"bench-{uuid.uuid4().hex[:8]}", "--plan", "bench")
        groups = {"nginx": [self.stack.pid("nginx")], "workers": [self.stack.pid("fcgi-worker")], "syncd": [self.stack.pid("quota-syncd")]}
        return Luna("luna", f"{self.stack.url}/api/v1/{account['id']}/kalman", account["api_key"], self.stack.ca, groups | self.stores())

    def start_floor(self, name, *answer):
        socket = self.var / f"{name}.sock"
        socket.unlink(missing_ok=True)
        process = self.start([BUILD / "bin" / "bench-floor", socket, self.workers, *answer], name)
        wait_until(socket.exists, name)
        return socket, process

    def floor(self):
        socket, process = self.start_floor("floor")
        port, nginx = self.gateway("floor", f'server "unix:{socket}" max_fails=0;')
        return Floor("floor", f"https://127.0.0.1:{port}/api/v1/1/kalman", str(uuid.uuid4()), self.stack.ca,
                     {"nginx": [nginx.pid], "workers": [process.pid]})

    def floor_same(self):
        socket = self.var / "floor-same.sock"
        running = []

        def restart(answer):
            """The same pool with another answer."""
            for process in running:
                self.stop(process)
            file = self.var / "floor-same.answer"
            file.write_bytes(answer)
            running[:] = [self.start_floor("floor-same", file)[1]]
            return running[0].pid

        port, nginx = self.gateway("floor-same", f'server "unix:{socket}" max_fails=0;')
        return FloorSame("floor-same", f"https://127.0.0.1:{port}/api/v1/1/kalman", str(uuid.uuid4()), self.stack.ca,
                         {"nginx": [nginx.pid], "workers": []}, restart)

    def peer(self):
        socket, key = self.var / "peer.sock", str(uuid.uuid4())
        environment = self.peer_environment(key)
        subprocess.run([sys.executable, "-m", "peer.prepare"], check=True, env=os.environ | environment, cwd=pathlib.Path(__file__).parent)
        # It keeps connections longer than nginx does: otherwise it would close one that nginx is
        # just about to use again.
        command = [sys.executable, "-m", "uvicorn", "peer.main:app", "--uds", socket, "--workers", self.cores(), "--loop", "uvloop",
                   "--http", "httptools", "--no-access-log", "--timeout-keep-alive", "120", "--app-dir", pathlib.Path(__file__).parent]
        process = self.start(command, "peer", **environment)
        wait_until(socket.exists, "peer")
        time.sleep(2)  # its workers import for a while after the socket is there
        port, nginx = self.gateway("peer", f'server "unix:{socket}" max_fails=0;\n  keepalive 32;', PROXIED)
        groups = {"nginx": [nginx.pid], "workers": [process.pid]}
        return Peer("peer", f"https://127.0.0.1:{port}/api/v1/{PEER_ACCOUNT_ID}/kalman", key, self.stack.ca, groups | self.stores())

    @staticmethod
    def cores():
        return os.cpu_count()

    def peer_environment(self, key):
        url = self.stack.database_url("postgres").rsplit("/", 1)[0] + "/peer"
        self.make_database("peer")
        return {"PEER_DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://"),
                "PEER_REDIS_URL": self.stack.env["REDIS_URL"], "PEER_API_KEY": key, "PEER_ACCOUNT_ID": str(PEER_ACCOUNT_ID)}

    def make_database(self, name):
        connection = self.stack.connect("postgres")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {name}")
        connection.close()
