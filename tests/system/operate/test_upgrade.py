"""Two releases on one database: this build, and the same with one more migration, which only adds (CMakeLists.txt)."""
import json
import subprocess

from luna_stack import BUILD, clean_environment
from syncd_process import running_syncd, settings_for
from test_rotate import Load


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


def owner(stack):
    return {"LUNA_DATABASE_URL": stack.database_url("luna_owner"), "LUNA_DATABASE_URL_FILE": ""}
