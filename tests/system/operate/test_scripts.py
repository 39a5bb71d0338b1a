"""scripts/up and scripts/down: side by side, again, in the foreground, under a closed folder, with ports given or taken."""
import concurrent.futures
import errno
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import httpx
import pytest
from luna_stack import ROOT, START_TIMEOUT_S, WAIT_S, Stack, clean_environment, wait_until

SERVERS = ["postgres", "redis", "quota-syncd", "fcgi-worker", "nginx"]


def another_stack():
    """Of the same checkout, in a folder that only its owner may enter; its ports are for scripts/up to find."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luna-second-"))
    made = Stack(folder / "var")
    yield made
    made.script("down", check=False)
    shutil.rmtree(folder, ignore_errors=True)


second = pytest.fixture(another_stack, name="second")
kept = pytest.fixture(another_stack, name="kept", scope="module")  # from one test to the next: a start takes seconds


def owner_of(pid):
    return pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name


def alive(pid):
    """A process that waits for its parent to notice its end is not alive."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def test_two_stacks_that_start_at_once_collide_or_down_ends_the_other(stack, client, account, second, kept):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for shown in pool.map(Stack.up, (second, kept)):
            assert "The Nile" in shown and "▁" in shown and "curl --cacert" in shown
    assert not set(kept.ports().values()) & set(second.ports().values())
    theirs = [running.pid(name) for running in (stack, kept) for name in SERVERS]
    ours = [second.pid(name) for name in SERVERS]
    second.down()
    assert not any(alive(pid) for pid in ours)
    assert all(alive(pid) for pid in theirs)
    assert client.post(account.url, headers=account.headers, json={"results": [1, 2]}).status_code == 200


def test_two_builds_at_once_do_not_wait_for_each_other(tmp_path):
    """ninja does not: each stack that starts looks whether there is something to build."""
    script = f"""cd {tmp_path}; . {ROOT}/scripts/lib/common.sh; . {ROOT}/scripts/lib/programs.sh
                 build_locked sh -c 'echo begins >>log; sleep 0.3; echo ends >>log'"""
    both = [subprocess.Popen(["bash", "-c", script], env=clean_environment()) for _ in range(2)]
    assert [process.wait(START_TIMEOUT_S) for process in both] == [0, 0]
    assert (tmp_path / "log").read_text(encoding="utf-8").split() == ["begins", "ends", "begins", "ends"]


def test_a_second_up_starts_something_or_loses_the_account(stack):
    stack.up()  # what was edited while the tests run is built and started here
    pids = [stack.pid(name) for name in SERVERS]
    key = stack.env["LUNA_API_KEY"]
    shown = stack.up()
    assert "already running" in shown and "The Nile" in shown
    assert [stack.pid(name) for name in SERVERS] == pids and stack.env["LUNA_API_KEY"] == key


def test_up_after_down_loses_what_was_there(kept):
    kept.up()
    account_id, key = kept.env["LUNA_ACCOUNT_ID"], kept.env["LUNA_API_KEY"]
    kept.down()
    kept.up()
    assert (kept.env["LUNA_ACCOUNT_ID"], kept.env["LUNA_API_KEY"]) == (account_id, key)


def test_up_after_a_part_died_leaves_something_down(kept):
    kept.up()
    os.kill(kept.pid("quota-syncd"), signal.SIGKILL)
    wait_until(lambda: not alive(kept.pid("quota-syncd")), what="the end of quota-syncd")
    kept.up()
    assert all(alive(kept.pid(name)) for name in SERVERS)
    kept.down()


def attend_to_ctrl_c():
    """A test run that was itself started in the background has inherited that Ctrl-C is ignored; a terminal's shell has not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_foreground_leaves_something_running_after_ctrl_c(second):
    environment = clean_environment(LUNA_VAR=second.var)
    with subprocess.Popen([ROOT / "scripts/up"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          start_new_session=True, preexec_fn=attend_to_ctrl_c) as running:
        shown = ""
        end = time.monotonic() + START_TIMEOUT_S
        while "Ctrl-C stops everything" not in shown:
            line = running.stdout.readline()
            assert line and time.monotonic() < end, shown
            shown += line
        pids = [second.pid(name) for name in SERVERS]
        second.read_environment()
        httpx.get(second.url + "/livez", verify=second.ca, trust_env=False)
        # The terminal sends it to the whole group; the servers are in sessions of their own.
        os.killpg(running.pid, signal.SIGINT)
        try:
            rest = running.communicate(timeout=WAIT_S)[0]
        finally:
            running.terminate()  # else a script that did not hear it would hold the whole run
    assert running.returncode == 130, rest
    assert not any(alive(pid) for pid in pids)


def test_a_ctrl_c_before_the_watcher_runs_leaves_everything_running():
    """scripts/up's own functions; it comes while the logs' followers are started."""
    text = (ROOT / "scripts/up").read_text(encoding="utf-8")
    own = "".join(re.search(rf"(?ms)^{name}\(\) \{{$.*?^\}}$\n", text)[0] for name in ("stay_in_foreground", "stop_everything"))
    stubs = "say() { :; }\nstep() { :; }\nwarn() { :; }\nproc_lives() { false; }\nstack_stop() { echo stopped; }\n"
    script = f"set -euo pipefail\n{stubs}follow_logs() {{ kill -INT $$; }}\nuntil_stack_ends() {{ :; }}\n{own}stay_in_foreground\n"
    ended = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, preexec_fn=attend_to_ctrl_c, timeout=WAIT_S, check=False)
    assert (ended.returncode, ended.stdout) == (130, b"stopped\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to start programs as several users")
def test_another_web_programs_user_opens_the_socket_or_reads_a_key(stack):
    """www-data is every web program's user, and was nginx's and the workers' too."""
    users = {name: pwd.getpwuid(os.stat(f"/proc/{stack.pid(name)}").st_uid).pw_name for name in ("nginx", "fcgi-worker", "quota-syncd", "redis")}
    assert users == {"nginx": "luna-gateway", "fcgi-worker": "luna", "quota-syncd": "luna", "redis": "luna"}
    upstream = (stack.var / "nginx/upstream.conf").read_text(encoding="utf-8")
    path = re.search(r'"unix:([^"]+)"', upstream)[1]
    code = (f"import socket; s = socket.socket(socket.AF_UNIX); print(s.connect_ex({path!r}))\n"
            f"try: open({str(stack.var / 'tls/server.key')!r})\nexcept OSError as error: print(error.errno)")
    asked = subprocess.run(["setpriv", "--reuid=www-data", "--regid=www-data", "--init-groups", "/usr/bin/python3", "-c", code],
                           capture_output=True, text=True, check=True)
    assert set(asked.stdout.split()) == {str(errno.EACCES)}


def test_something_runs_as_root(stack):
    assert {name: owner_of(stack.pid(name)) for name in SERVERS if owner_of(stack.pid(name)) == "root"} == {}


def test_a_server_listens_beyond_loopback(stack):
    ports = {f"{port:04X}" for port in stack.ports().values()}
    listening = [line.split()[1] for table in ("tcp", "tcp6") for line in open(f"/proc/net/{table}", encoding="ascii")
                 if line.split()[3] == "0A"]
    ours = [address for address in listening if address.split(":")[1] in ports]
    assert len(ours) == len(ports) and all(address.startswith("0100007F:") for address in ours), ours


def test_a_secret_is_for_more_than_its_reader(stack):
    files = [*(stack.var / "secrets").iterdir(), stack.var / "demo.env", stack.var / "tls" / "server.key", stack.var / "tls" / "ca.key"]
    assert [file.name for file in files if file.stat().st_mode & 0o077] == []


def test_a_given_port_that_is_taken_is_not_named(second):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outcome = second.script("up", "--detach", check=False, LUNA_HTTPS_PORT=port)
    assert outcome.returncode == 1
    assert f"LUNA_HTTPS_PORT asks for port {port}" in outcome.stdout


def test_a_given_port_that_is_no_port_is_not_named(second):
    outcome = second.script("up", "--detach", check=False, LUNA_REDIS_PORT="6379x")
    assert outcome.returncode == 1 and "LUNA_REDIS_PORT" in outcome.stdout


def test_a_transport_that_is_none_is_taken_for_the_other(second):
    outcome = second.script("up", "--detach", check=False, LUNA_REDIS_TRANSPORT="udp")
    assert outcome.returncode == 1 and "LUNA_REDIS_TRANSPORT" in outcome.stdout and "unix or tcp" in outcome.stdout


def test_a_very_deep_folder_fails(second):
    second.var = second.var.parent / ("deep-" * 20) / "var"
    second.up()
    assert (second.var / "run/socket-folder").exists()
    folder = pathlib.Path((second.var / "run/socket-folder").read_text(encoding="utf-8").strip())
    second.down()
    assert not folder.exists()


def test_a_stale_pid_file_ends_a_stranger(second):
    (second.var / "run").mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (second.var / "run/nginx.pid").write_text(f"{stranger.pid}\n", encoding="utf-8")
        (second.var / "run/nginx.started").write_text("12345\n", encoding="utf-8")
        second.down()
        assert stranger.poll() is None
        stranger.kill()


def test_without_root_missing_packages_are_not_one_line_to_copy(tmp_path):
    """As another user, with a dpkg-query that knows of nothing."""
    tool = tmp_path / "dpkg-query"
    tool.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    tool.chmod(0o755)
    tmp_path.chmod(0o755)
    script = f'PATH={tmp_path}:$PATH; id() {{ echo 1000; }}; . "{ROOT}/scripts/lib/common.sh"; . "$LUNA_ROOT/scripts/lib/packages.sh"; packages_ensure run build'
    outcome = subprocess.run(["bash", "-c", script, "up"], capture_output=True, text=True, env=clean_environment(), check=False)
    assert outcome.returncode == 1
    line = next(line for line in outcome.stderr.splitlines() if "apt-get install" in line)
    assert {"nginx", "redis-server", "postgresql-15", "libfcgi-dev"} <= set(line.split())


@pytest.mark.parametrize("script, argument, status", [("up", "--nonsense", 2), ("down", "--nonsense", 1), ("test", "--nonsense", 2),
                                                       ("test", "nonsense", 1), ("lint", "nonsense", 2)])
def test_wrong_arguments_are_refused(tmp_path, script, argument, status):
    outcome = subprocess.run([ROOT / "scripts" / script, argument], capture_output=True, text=True,
                             env=clean_environment(LUNA_VAR=tmp_path), check=False)
    assert outcome.returncode == status and outcome.stderr
