"""Two releases on the same stores: this build, and one with one more migration, which only adds, and other scripts for Redis (CMakeLists.txt)."""
import json
import os
import signal
import subprocess

import redis
from luna_stack import BUILD, clean_environment
from syncd_process import running_syncd, settings_for
from test_rotate import Load
from waiting import wait_until


def next_luna(stack, *arguments, role="luna_owner"):
    settings = {"LUNA_DATABASE_URL": stack.database_url(role), "LUNA_REDIS_URL": stack.env["REDIS_URL"]}
    return subprocess.run([BUILD / "bin/luna-next", *arguments], env=clean_environment(**settings), capture_output=True, text=True,
                          timeout=60, check=False)


def schema(stack):
    return {row["part"]: row["state"] for row in stack.luna_json("health")}["schema"]


def test_the_previous_release_fails_on_the_schema_of_the_next_one(spare_stack, tmp_path):
    stack = spare_stack
    stack.read_environment()
    before = next_luna(stack, "upgrade", "--check", role="luna_admin")
    assert before.returncode == 0 and "the running release continues" in before.stdout, before.stdout + before.stderr
    old = [row["name"] for row in stack.luna_json("migrate", "status", **owner(stack))]
    with Load(stack):
        # Before the migration the next release says what to do; afterwards it works at once.
        with running_syncd(tmp_path / "next.log", program=BUILD / "bin/quota-syncd-next", **settings_for(stack)) as following:
            following.await_page("/readyz", 503, "luna migrate up")
            assert next_luna(stack, "migrate", "up").returncode == 0
            following.await_page("/readyz", 200)
        assert schema(stack) == "ok"
    scripts = redis_scripts(stack)
    os.kill(stack.pid("quota-syncd"), signal.SIGTERM)
    with Load(stack):
        take_over(stack, "quota-syncd-next", tmp_path / "forth.log")
        take_over(stack, "quota-syncd", tmp_path / "back.log")
    assert redis_scripts(stack) == scripts
    rows = json.loads(next_luna(stack, "migrate", "status", "--json").stdout)
    assert [row["state"] for row in rows] == ["applied"] * (len(old) + 1)
    # The rollback: the previous release, started again, with a Redis that has restarted.
    stack.down()
    stack.up()
    assert stack.luna_json("migrate", "up", **owner(stack)) == []
    rows = stack.luna_json("migrate", "status", **owner(stack))
    assert rows[-1]["state"] == "of a newer build, compatible"
    with Load(stack):
        assert stack.luna("health").returncode == 0
    assert stack.luna("audit", "verify").returncode == 0
    assert "The schema is up to date" in next_luna(stack, "upgrade", "--check").stdout


def redis_scripts(stack):
    """The incarnation, and the build whose scripts are in force."""
    with redis.Redis.from_url(stack.env["REDIS_URL"]) as client:
        return client.hmget("quota:fence", "incarnation", "build")


def take_over(stack, program, log):
    """A quota-syncd alone: puts the scripts of its build in force."""
    before = redis_scripts(stack)
    with running_syncd(log, program=BUILD / "bin" / program, **settings_for(stack)) as daemon:
        wait_until(lambda: redis_scripts(stack)[1] != before[1], f"the scripts of {program} are in force")
        assert redis_scripts(stack)[0] == before[0]
        daemon.await_page("/readyz", 200)
        assert "scripts_handed_over" in daemon.events() and "fenced" not in daemon.events()


def owner(stack):
    return {"LUNA_DATABASE_URL": stack.database_url("luna_owner"), "LUNA_DATABASE_URL_FILE": ""}
