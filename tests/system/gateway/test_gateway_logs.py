"""The gateway's log is a pipe, as in a container, and the reader of the pipe stops."""
import os
import subprocess

from lone_nginx import answers, running
from waiting import wait_until

PATH = "/" + "a" * 3000
PIPE_BYTES = 1024 * 1024


def read_until(pipe, line):
    """What the pipe gives up to this line, which has to come."""
    text = b""

    def has_come():
        nonlocal text
        text += pipe.read() or b""
        return text.endswith(line)

    wait_until(has_come, what=f"{line} in the log")
    return text.removesuffix(line)


def test_a_log_reader_that_stops_stops_nginx(tmp_path):
    """Lines are lost instead, and the log goes on when its reader does."""
    log_to_pipe = 'log_format line "$request_uri"; access_log /proc/self/fd/1 line;'
    with running(tmp_path, log_to_pipe, "location / { return 204; }", stdout=subprocess.PIPE) as (process, port):
        for _ in range(2 * PIPE_BYTES // len(PATH)):
            assert answers(port, PATH)
        os.set_blocking(process.stdout.fileno(), False)
        wait_until(lambda: process.stdout.read() is None, what="an empty pipe")
        assert answers(port, "/afterwards")
        assert read_until(process.stdout, b"/afterwards\n") == b""
