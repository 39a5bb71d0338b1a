"""The processes of a running stack as a saboteur sees them: killed, frozen, restarted as they were, or under strace.

A process is restarted with the command line, environment, folder and user that it had, read from /proc while it lived.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

import httpx
import psycopg2
import redis
from luna_stack import WAIT_S, wait_until


def state_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def is_alive(pid):
    """Also while the first thread has ended and another has not: until then the process's sockets are open."""
    tasks = [state_of(f"{pid}/task/{task.name}") for task in pathlib.Path(f"/proc/{pid}/task").glob("*")]
    return any(state not in "ZX" for state in tasks)


def await_stall(pid, is_over):
    """Until strace holds the process still (True), or is_over() (False)."""
    held, end = 0, time.monotonic() + WAIT_S
    while held < 15:
        if is_over():
            return False
        assert time.monotonic() < end, f"process {pid} neither stalls nor ends"
        held = held + 1 if state_of(pid) == "t" else 0
        time.sleep(0.01)
    return True


def start_time(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]


def children_of(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
    except OSError:
        return []


def read_proc(path):
    try:
        return pathlib.Path("/proc", path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        return error.strerror


def doing(pid):
    """What holds this process: stopped or traced, waiting in which system call of which thread, on which files; who starves whom."""
    status = {line.partition(":")[0]: line.partition(":")[2].strip() for line in read_proc(f"{pid}/status").splitlines()}
    names = ("State", "PPid", "TracerPid", "SigPnd", "ShdPnd", "SigBlk", "Threads", "VmRSS")
    told = [f"process {pid}: " + ", ".join(f"{name} {status[name]}" for name in names if name in status)]
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").glob("*")):
        told.append(f"  thread {task.name} ({read_proc(f'{pid}/task/{task.name}/comm')}): {read_proc(f'{pid}/task/{task.name}/wchan')}, "
                    f"system call {read_proc(f'{pid}/task/{task.name}/syscall')}, "
                    f"kernel stack {' < '.join(read_proc(f'{pid}/task/{task.name}/stack').split(chr(10)))}")
    for number in sorted(pathlib.Path(f"/proc/{pid}/fd").glob("*")):
        with contextlib.suppress(OSError):
            told.append(f"  file {number.name}: {os.readlink(number)}")
    told += [f"  {what} pressure: {read_proc(f'pressure/{what}').splitlines()[0]}" for what in ("cpu", "io", "memory")]
    return "\n".join([*told, f"  load: {read_proc('loadavg')}"])


class Process:
    """One server of the stack, by the name that scripts/up gave it."""

    def __init__(self, stack, name):
        self.stack, self.name = stack, name
        self.popen = None
        pid = self.pid
        proc = pathlib.Path(f"/proc/{pid}")
        # Redis writes its address over its command line, its settings file is all that it was
        # given; nginx writes what it is in front.
        words = proc.joinpath("cmdline").read_bytes().decode().split("\0")[:-1]
        if name == "nginx":
            words = words[0].removeprefix("nginx: master process ").split()
        self.argv = ["redis-server", str(stack.var / "etc" / "redis.conf")] if name == "redis" else words
        pairs = proc.joinpath("environ").read_bytes().decode(errors="replace").split("\0")
        self.environment = {"PATH": os.environ["PATH"]} | dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        self.folder = os.readlink(proc / "cwd")
        owner = proc.stat()
        self.user, self.group = owner.st_uid, owner.st_gid
        # What scripts/lib/users.sh gives a process whose user cannot enter the checkout.
        self.has_capability = any(line.startswith("CapAmb:") and int(line.split()[1], 16) for line in read_proc(f"{pid}/status").splitlines())

    @property
    def pid(self):
        return self.stack.pid(self.name)

    def kill(self, with_signal=signal.SIGKILL):
        """Sends the signal and waits for the end, its children's too: a child that saves Redis's data holds its port."""
        family = [self.pid]
        with contextlib.suppress(ProcessLookupError):
            if with_signal == signal.SIGKILL:
                self.freeze()  # else it could have another child after they are listed
                wait_until(lambda: state_of(self.pid) not in "RSD", f"{self.name} to stop")
            family += children_of(self.pid)
            os.kill(self.pid, with_signal)
        self.await_end(family)
        if self.name == "postgres":  # an init that does not reap leaves a dead postmaster that looks alive to the next one
            (self.stack.var / "postgres" / "postmaster.pid").unlink(missing_ok=True)

    def await_end(self, family=()):
        family = family or [self.pid]
        wait_until(lambda: self.reaped() and not any(is_alive(pid) for pid in family), f"the end of {self.name}")

    def reaped(self):
        if self.popen is not None:
            self.popen.poll()
        return True

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def start(self, *in_front):
        """Starts it as it was; `in_front`: words before the command, such as strace and its options."""
        identity, command = {}, [*in_front, *self.argv]
        if os.geteuid() == 0 and self.has_capability:
            command = ["setpriv", f"--reuid={self.user}", f"--regid={self.group}", "--clear-groups", "--inh-caps=-all,+dac_override",
                       "--ambient-caps=-all,+dac_override", "--", *command]
        elif os.geteuid() == 0:
            identity = {"user": self.user, "group": self.group, "extra_groups": []}
        with open(self.stack.var / "log" / f"{self.name}.log", "ab") as log:
            self.popen = subprocess.Popen(command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, start_new_session=True, **identity)
        pid = self.popen.pid
        for kind, value in (("started", start_time(pid)), ("pid", pid)):
            (self.stack.var / "run" / f"{self.name}.{kind}").write_text(f"{value}\n", encoding="utf-8")

    def start_and_await(self):
        """One that ends instead fails at once; one that neither ends nor answers says what it waits for, and what the machine does."""
        logged = len(self.stack.log(self.name))
        self.start()
        try:
            wait_until(lambda: self.has_ended() or self.is_ready(), f"{self.name} to be ready")
            assert not self.has_ended(), f"{self.name} ended while it started, with status {self.popen.returncode}"
        except AssertionError as late:
            said = self.stack.log(self.name)[logged:]
            raise AssertionError(f"{late}\n{doing(self.pid)}\nits log since then:\n{said[-4000:] or '(nothing)'}") from late

    def has_ended(self):
        return self.popen.poll() is not None

    def heal(self):
        """Whatever a failed test left: running again, and not frozen."""
        if is_alive(self.pid):
            self.thaw()
        else:
            self.start()

    def restart(self):
        self.kill()
        self.start_and_await()

    def is_ready(self):
        return READY[self.name](self.stack)


def page(stack, variable, path="/readyz"):
    address = stack.env[variable].removesuffix("/metrics")
    return httpx.get(address + path, timeout=WAIT_S, trust_env=False)


def page_is_ready(variable):
    def ask(stack):
        with contextlib.suppress(httpx.TransportError):
            return page(stack, variable).status_code == 200
        return False

    return ask


def gateway_is_ready(stack):
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{stack.env['LUNA_URL']}/readyz", verify=stack.ca, timeout=WAIT_S, trust_env=False).status_code == 200
    return False


def postgres_is_ready(stack):
    with contextlib.suppress(psycopg2.Error):
        stack.connect().close()
        return True
    return False


def redis_is_ready(stack):
    with contextlib.suppress(redis.RedisError):
        return redis.Redis.from_url(stack.env["REDIS_URL"], socket_timeout=WAIT_S).ping()
    return False


READY = {"postgres": postgres_is_ready, "redis": redis_is_ready, "quota-syncd": page_is_ready("LUNA_SYNCD_METRICS_URL"),
         "fcgi-worker": page_is_ready("LUNA_METRICS_URL"), "nginx": gateway_is_ready}


STEPS_MAX = 1000


def at_every_step(calls, attempt, step=1):
    """attempt(call, nth) for the 1st, 1+step-th … use of each system call, until it says that there was no such use. strace
    counts each call by itself, so this is every visible step. Gives how many there were."""
    found = 0
    for call in calls:
        for nth in range(1, STEPS_MAX, step):
            if not attempt(call, nth):
                break
            found += 1
    return found


def injection(call, effect, nth):
    """strace's words for: the nth use of this system call meets `effect`. -D keeps the traced program our direct child."""
    return ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{effect}:when={nth}"]


@contextlib.contextmanager
def attached(pid, call, effect, nth):
    """The same on a process that runs already; it counts from now on."""
    words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{effect}:when={nth}", "-p", str(pid)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tracer:
        wait_until(lambda: tracer_of(pid) == tracer.pid, "strace to attach")
        try:
            yield tracer
        finally:
            tracer.terminate()


def tracer_of(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("TracerPid:")))


def pause(seconds):
    """For what has no condition to wait for: time under load."""
    time.sleep(seconds)
