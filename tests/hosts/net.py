"""Hosts that are network namespaces on one bridge. The tests run in a namespace of their own, which is the gateway's host."""
import contextlib
import os
import pathlib
import signal
import subprocess

from waiting import WAIT_S

NET = "10.77.0"


def run(*words, check=True, **options):
    outcome = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=WAIT_S, check=False, **options)
    assert not check or outcome.returncode == 0, f"{words}: {outcome.stdout}{outcome.stderr}"
    return outcome.stdout


def make_bridge():
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "br0", "type", "bridge")
    run("ip", "addr", "add", f"{NET}.1/24", "dev", "br0")
    run("ip", "link", "set", "br0", "up")


class Host:
    """One namespace: `name` in /etc/hosts of all of them, `address` on the bridge."""

    made = []

    def __init__(self, name, number, folder):
        self.name, self.address = name, f"{NET}.{number}"
        self.netns, self.folder = f"luna{os.getpid()}{name}", pathlib.Path(folder) / name
        self.processes = {}
        self.port = f"v{number}"  # the bridge's end of the cable
        self.folder.mkdir(mode=0o755)
        self.etc = pathlib.Path("/etc/netns") / self.netns
        self.etc.mkdir(parents=True)
        (self.etc / "hosts").write_text("127.0.0.1 localhost\n", encoding="utf-8")
        run("ip", "netns", "add", self.netns)
        run("ip", "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", self.netns)
        run("ip", "link", "set", self.port, "master", "br0", "up")
        for words in (("addr", "add", f"{self.address}/24", "dev", "eth0"), ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
            run("ip", "-n", self.netns, *words)
        Host.made.append(self)

    def start(self, program, words, user=None, **environment):
        """A process on this host; its log is `program`.log in the host's folder."""
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"] if user else []
        with open(self.folder / f"{program}.log", "ab") as log:
            process = subprocess.Popen(["ip", "netns", "exec", self.netns, *become, *(str(word) for word in words)], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, env=os.environ | {name: str(value) for name, value in environment.items()}, cwd="/")
        self.processes[program] = process
        return process

    def kill(self, program):
        """kill -9, as a machine that dies does it."""
        process = self.processes.pop(program)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def cut_off(self):
        """The cable is pulled: no reset, no refusal, nothing arrives."""
        run("ip", "link", "set", self.port, "down")

    def plug_in(self):
        run("ip", "link", "set", self.port, "up")

    def know(self, **names):
        """Names that follow something else than a host; written in place, as the file is mounted over /etc/hosts."""
        lines = ["127.0.0.1 localhost"] + [f"{address} {name}" for name, address in names.items()]
        with open(self.etc / "hosts", "r+", encoding="utf-8") as file:
            file.truncate(0)
            file.write("\n".join(lines) + "\n")

    def remove(self):
        for program, process in self.processes.items():
            with contextlib.suppress(ProcessLookupError):
                # PostgreSQL would wait for clients whose hosts were cut off.
                process.send_signal(signal.SIGQUIT if program == "postgres" else signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
        run("ip", "netns", "del", self.netns, check=False)
        (self.etc / "hosts").unlink()
        self.etc.rmdir()
