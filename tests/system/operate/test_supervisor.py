"""The supervisor of scripts/up: a program that was killed runs again, on the same ports, also after a new scripts/up."""
import os
import pathlib
import shutil
import signal
import tempfile

import httpx
import pytest
from luna_stack import Stack, wait_until
from test_scripts import SERVERS, alive
from waiting import back_in_time


@pytest.fixture(scope="module")
def supervised():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="luna-supervised-"))
    running = Stack(folder / "var", LUNA_SUPERVISE="on", LUNA_SYNC_INTERVAL_MS=100)
    try:
        running.up()
        yield running
    finally:
        running.script("down", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def kill(stack, name):
    pid = stack.pid(name)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), f"the end of {name}")


def serves(stack):
    """Through nginx, and with every part in health."""
    try:
        answer = httpx.post(f"{stack.env['LUNA_URL']}/api/v1/{stack.env['LUNA_ACCOUNT_ID']}/kalman", json={"results": [1, 2]},
                            headers={"X-API-Key": stack.env["LUNA_API_KEY"]}, verify=stack.ca, trust_env=False, timeout=20)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and stack.luna("health", check=False).returncode == 0


@pytest.mark.parametrize("name", SERVERS)
def test_a_program_that_was_killed_stays_down_for_five_seconds(supervised, name):
    killed = []

    def kill_it():
        killed.append(supervised.pid(name))
        kill(supervised, name)

    took = back_in_time(kill_it, lambda: supervised.pid(name) != killed[-1] and serves(supervised))
    print(f"\n{name} killed: everything works again after {took:.1f} s")
    assert f"{name} has ended" in supervised.log("supervisor")


def test_a_program_that_ends_repeatedly_is_started_without_a_pause(supervised):
    for _ in range(2):
        before = supervised.pid("quota-syncd")
        kill(supervised, "quota-syncd")
        wait_until(lambda before=before: supervised.pid("quota-syncd") != before, "quota-syncd, started again")
    pauses = [line.split()[-2] for line in supervised.log("supervisor").splitlines() if "quota-syncd has ended" in line]
    assert int(pauses[-1]) >= 1, pauses


def test_up_after_a_kill_leaves_what_nginx_left_or_changes_its_port(supervised):
    """In a shell with the settings of var/admin.env, as an operator has it."""
    ports, workers = supervised.ports(), children_of(supervised.pid("nginx"))
    kill(supervised, "supervisor")
    kill(supervised, "nginx")
    assert all(alive(pid) for pid in workers)
    lines = (supervised.var / "admin.env").read_text(encoding="utf-8").splitlines()
    admin = dict(line.removeprefix("export ").replace('"', "").split("=", 1) for line in lines if line.startswith("export "))
    outcome = supervised.script("up", "--detach", check=False, **admin)
    assert outcome.returncode == 0, outcome.stdout
    assert supervised.ports() == ports and not any(alive(pid) for pid in workers)
    assert all(alive(supervised.pid(name)) for name in [*SERVERS, "supervisor"])


def test_down_leaves_the_supervisor_to_start_programs_again(supervised):
    pids = [supervised.pid(name) for name in [*SERVERS, "supervisor"]]
    supervised.down()
    assert not any(alive(pid) for pid in pids)
    assert list((supervised.var / "run").glob("*.pid")) == []
