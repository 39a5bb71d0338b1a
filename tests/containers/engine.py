"""The containers of docker-compose.yml as pytest sees them, under whatever engine tests/containers/engine.sh finds."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import types

import waiting
from log_secrets import found_in_logs
from waiting import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Most of what is waited for is asked of the engine, by a command.
wait_until = functools.partial(waiting.wait_until, interval_s=0.2)


def find_engine():
    """The assignments that engine.sh prints, or a reason why there is no engine."""
    outcome = subprocess.run(["bash", ROOT / "tests/containers/engine.sh"], capture_output=True, text=True, timeout=900, check=False)
    if outcome.returncode == 77:
        return None, outcome.stderr.strip().splitlines()[-1]
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return dict(line.removeprefix("export ").split("=", 1) for line in outcome.stdout.splitlines()), ""


class Project:
    """One `compose up` of a clean copy of the tree."""

    def __init__(self, found, folder, name):
        self.engine = found["ENGINE"]
        self.compose_words = found["COMPOSE"].strip("'").split()
        self.folder, self.name = folder / name, name
        self.port = free_port()
        self.environment = os.environ | {"LUNA_HTTPS_PORT": str(self.port), "LUNA_WORKER_CONTAINERS": "2", "LUNA_WORKERS": "2",
                                         "LUNA_SYNC_INTERVAL_MS": "500", "LUNA_TAG": "test"}
        if "CONTAINERS_CONF" in found:
            self.environment["CONTAINERS_CONF"] = found["CONTAINERS_CONF"]
        self.issued = []  # keys that were given out
        self.url, self.ca = f"https://127.0.0.1:{self.port}", str(self.folder / "ca.crt")

    def copy_tree(self):
        """What git knows, as it is on the disk: nothing built, nothing of earlier runs."""
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        for name in filter(None, names):
            source, target = ROOT / name, self.folder / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        if self.engine == "podman":
            self.forget_digests()

    def forget_digests(self):
        """A stand-in has the name of an image of the registry, but not its digest."""
        for path in (*self.folder.glob("Dockerfile.*"), *self.folder.glob("*.yml"), *self.folder.glob("conf/docker/*")):
            path.write_text(re.sub(r"@sha256:[0-9a-f]{64}", "", path.read_text(encoding="utf-8")), encoding="utf-8")

    def run(self, *words, check=True, timeout=120):
        outcome = subprocess.run(words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False)
        assert not check or outcome.returncode == 0, f"{words}: {outcome.stdout[-3000:]}{outcome.stderr[-3000:]}"
        return outcome.stdout

    def compose(self, *words, **options):
        return self.run(*self.compose_words, "-p", self.name, *words, **options)

    def build(self):
        """Docker builds by itself. podman-compose has no way to let a build reach the package registry through the host."""
        if self.engine == "docker":
            self.compose("build", timeout=1800)
            return
        for name in ("worker", "syncd", "gateway"):
            self.run("podman", "build", "-q", "--network", "host", "--format", "docker", "-f", f"Dockerfile.{name}", "-t", f"luna-{name}:test", ".", timeout=1800)

    def up(self):
        self.volumes_before = set(self.run(self.engine, "volume", "ls", "-q").split())
        self.compose("up", "--detach", "--no-build", timeout=300)

    def containers(self, service, everything=False):
        words = ["ps", "-q", "--no-trunc", *(["-a"] if everything else []), "--filter", f"label=com.docker.compose.project={self.name}"]
        if service is not None:
            words += ["--filter", f"label=com.docker.compose.service={service}"]
        return self.run(self.engine, *words).split()

    def exec(self, service, *words, index=0, check=True):
        return self.run(self.engine, "exec", self.containers(service)[index], *words, check=check)

    def is_ready(self, service, index):
        words = [self.engine, "exec", self.containers(service)[index], "bash", "/usr/local/bin/healthy.sh", "9100", "/readyz"]
        return subprocess.run(words, env=self.environment, capture_output=True, check=False).returncode == 0

    def said(self):
        """(service, container, everything that it said) of all containers."""
        for service in ("nginx", "worker", "syncd", "redis", "postgres"):
            for container in self.containers(service, everything=True):
                outcome = subprocess.run([self.engine, "logs", container], env=self.environment, capture_output=True, text=True, errors="replace", check=False)
                yield service, container, outcome.stdout + outcome.stderr

    def secrets_in_logs(self):
        """Every secret that a container is given, and every key that was given out."""
        secrets = {f"key {number}": key.encode() for number, key in enumerate(self.issued)}
        for service in ("worker", "syncd", "redis", "postgres"):
            for name in self.exec(service, "ls", "/run/secrets").split():
                secrets[f"{service} {name}"] = self.exec(service, "cat", f"/run/secrets/{name}").strip().encode()
        for service, container, text in self.said():
            (self.folder / f"{service}-{container[:12]}.log").write_text(text, encoding="utf-8")
        return found_in_logs(self.folder.glob("*.log"), secrets)

    def show_trouble(self):
        """What the programs said that is no everyday line: for whoever reads a failure."""
        for service, container, text in self.said():
            lines = [line for line in text.splitlines()[-2000:] if '"level":"info"' not in line and '"status":200' not in line]
            print(f"--- {service} {container[:12]}", *lines[-15:], sep="\n")

    def inspect(self, container):
        return json.loads(self.run(self.engine, "inspect", container))[0]

    def kill(self, container):
        """As a crash does it: the engine sees its process die and may start it again."""
        os.kill(self.inspect(container)["State"]["Pid"], 9)

    def sql(self, text):
        return self.exec("postgres", "psql", "-X", "-At", "-U", "postgres", "-d", "luna", "-c", text).strip()

    def luna(self, *words):
        return self.compose("run", "--rm", "--no-deps", "-T", "luna", *words)

    def account(self, name, quota=1000000):
        lines = self.luna("account", "create", name, "--quota", str(quota), "--plan", "load", "--json").splitlines()
        made = json.loads(next(line for line in lines if line.startswith("{")))
        self.issued.append(made["api_key"])
        return types.SimpleNamespace(id=made["id"], key=made["api_key"], name=name)

    def fetch_ca(self):
        pathlib.Path(self.ca).write_text(self.exec("nginx", "cat", "/run/secrets/ca.crt"), encoding="utf-8")

    def down(self):
        self.compose("down", "-v", timeout=180, check=False)

    def leftovers(self):
        """(containers, volumes, networks) of this project that still exist."""
        label = f"label=com.docker.compose.project={self.name}"
        containers, networks = (self.run(self.engine, *words, "--filter", label).split() for words in (("ps", "-aq"), ("network", "ls", "-q")))
        # By difference: a volume that an image asks for has no name and no label.
        volumes = set(self.run(self.engine, "volume", "ls", "-q").split()) - self.volumes_before
        return containers, sorted(volumes), networks
