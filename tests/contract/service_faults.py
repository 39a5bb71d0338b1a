"""Faults made to the session's stack on purpose, each for the time of a `with`."""
import contextlib
import os
import pathlib
import re
import signal

import httpx
from luna_stack import WAIT_S, wait_until


def ready(stack):
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(stack.url + "/readyz", verify=stack.ca, trust_env=False, timeout=WAIT_S).status_code == 200
    return False


def descendants(pid):
    """The process and all below it, parents first."""
    found = [pid]
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        found += descendants(int(child))
    return found


@contextlib.contextmanager
def frozen(stack, pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        wait_until(lambda: ready(stack), "the service to be ready again")


def redis_frozen(stack):
    return frozen(stack, [stack.pid("redis")])


def pool_frozen(stack):
    """Master first: it would replace workers that do not move."""
    return frozen(stack, descendants(stack.pid("fcgi-worker")))


def master_frozen(stack):
    return frozen(stack, [stack.pid("fcgi-worker")])


@contextlib.contextmanager
def monitor_gone(stack):
    pids = descendants(stack.pid("fcgi-worker"))
    monitor = next(pid for pid in pids if pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == "luna-monitor")
    with frozen(stack, [pids[0]]):
        os.kill(monitor, signal.SIGKILL)
        yield


@contextlib.contextmanager
def moved_away(path):
    os.rename(path, f"{path}.away")
    try:
        yield
    finally:
        os.rename(f"{path}.away", path)


def no_worker(stack):
    return moved_away(re.search(r'"unix:([^"]+)"', (stack.var / "nginx/upstream.conf").read_text(encoding="utf-8"))[1])


def no_disk(stack):
    """nginx has no place for a body that does not fit into its memory."""
    return moved_away(stack.var / "nginx/tmp/body")


@contextlib.contextmanager
def impatient_gateway(stack):
    """nginx waits a second for a worker, not longer than a worker's own deadline."""
    file = stack.var / "nginx/fastcgi.conf"
    before = file.read_text(encoding="utf-8")
    changed = re.sub(r"fastcgi_read_timeout \d+s", "fastcgi_read_timeout 1s", before)
    assert changed != before
    try:
        reconfigure(stack, file, changed)
        yield
    finally:
        reconfigure(stack, file, before)


def reconfigure(stack, file, text):
    """Until none but nginx's new processes take connections."""
    master = stack.pid("nginx")
    old = set(descendants(master)[1:])
    file.write_text(text, encoding="utf-8")
    os.kill(master, signal.SIGHUP)
    wait_until(lambda: serving(master) and not serving(master) & old, "nginx's new processes")


def serving(master):
    """The workers of nginx that are not on their way out."""
    found = set()
    for pid in descendants(master)[1:]:
        with contextlib.suppress(FileNotFoundError):
            if b"shutting down" not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found
