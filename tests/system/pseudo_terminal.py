"""A program on a terminal."""
import os
import pty
import subprocess

from waiting import WAIT_S


def run_on_terminal(arguments, streams, environment, typed=b""):
    """Runs it with a terminal as these of its streams ("stdin", "stdout", "stderr"), the others nowhere; returns its status and what it wrote."""
    ours, its = pty.openpty()
    given = {name: its if name in streams else subprocess.DEVNULL for name in ("stdin", "stdout", "stderr")}
    with subprocess.Popen(arguments, env=environment, **given) as process:
        os.close(its)
        if typed:
            os.write(ours, typed)
        written = b""
        try:
            while part := os.read(ours, 4096):
                written += part
        except OSError:  # Linux: the other end is closed, and everything was read
            pass
        status = process.wait(timeout=WAIT_S)
    os.close(ours)
    return status, written.decode()
