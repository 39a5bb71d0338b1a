"""The pepper is replaced while both are in force, by the steps of docs/OPERATIONS.md; a wrong one is found at start."""
import os
import secrets
import shutil
import signal
import subprocess
import uuid

import pytest
from luna_stack import BUILD, StackClient, clean_environment, own_stack, wait_until

BODY = {"results": [1120, 1160, 963]}
CONFIG = 78


@pytest.fixture(scope="module")
def rotating():
    """A stack of its own: the others' secrets stay as they are."""
    with own_stack("peppers") as stack:
        stack.up()
        yield stack
        assert stack.secrets_in_logs() == []


def settings_of(stack, text):
    """The worker's settings with these in place of its own pepper's."""
    file = stack.var / "etc/fcgi-worker.env"
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("LUNA_KEY_PEPPER")]
    file.write_text("\n".join(lines + text.split()) + "\n", encoding="utf-8")


def reload(stack, client, account, until):
    os.kill(stack.pid("fcgi-worker"), signal.SIGHUP)
    wait_until(until, "the pool has the new settings", interval_s=0.2)
    assert client.get(f"/api/v1/{account['id']}", headers={"X-API-Key": account["api_key"]}).status_code == 200


def pepper_of(stack, key_id):
    connection = stack.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pepper_id FROM api_keys WHERE id = %s", (key_id,))
        found = cursor.fetchone()[0]
    connection.close()
    return found


def run(stack, option, **settings):
    environment = clean_environment(LUNA_ENV_FILE=stack.var / "etc/fcgi-worker.env", **settings)
    return subprocess.run([BUILD / "bin/fcgi-worker", option], env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_a_replaced_pepper_ends_keys_or_tokens(rotating):
    stack = rotating
    (stack.var / "secrets/key_pepper_2").write_text(secrets.token_hex(32), encoding="ascii")
    shutil.copystat(stack.var / "secrets/key_pepper", stack.var / "secrets/key_pepper_2")
    owner = (stack.var / "secrets/key_pepper").stat()
    os.chown(stack.var / "secrets/key_pepper_2", owner.st_uid, owner.st_gid)
    first, second = (stack.var / "secrets" / name for name in ("key_pepper", "key_pepper_2"))
    account = stack.luna_json("account", "create", "rotation", "--quota", "100000")
    with StackClient(stack) as client:
        root = f"/api/v1/{account['id']}"

        def ask(key, path="/kalman", body=None, **headers):
            return client.post(root + path, json=BODY if body is None else body, headers=({"X-API-Key": key} if key else {}) | headers)

        def make():
            return ask(account["api_key"], "/keys", {"scopes": ["model", "keys"]}).json()

        used, unused = make(), make()
        token = ask(used["api_key"], "/token", {}).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        retried = [ask(account["api_key"], "/keys", {"scopes": ["model"]}, **{"Idempotency-Key": name}).json() for name in ("one", "two")]
        assert pepper_of(stack, used["id"]) == 1

        # Both in force: the old keys and their tokens are accepted, new keys get the new pepper.
        settings_of(stack, f"LUNA_KEY_PEPPER_FILE={second} LUNA_KEY_PEPPER_ID=2 LUNA_KEY_PEPPER_PREVIOUS_FILE={first} "
                           "LUNA_KEY_PEPPER_PREVIOUS_ID=1")
        reload(stack, client, account, lambda: pepper_of(stack, make()["id"]) == 2)
        both = {"LUNA_KEY_PEPPER_FILE": second, "LUNA_KEY_PEPPER_ID": 2, "LUNA_KEY_PEPPER_PREVIOUS_FILE": first,
                "LUNA_KEY_PEPPER_PREVIOUS_ID": 1}
        for _ in range(3):
            assert ask(used["api_key"]).status_code == 200 and ask(None, **bearer).status_code == 200
        # A retry of a request from before makes no second key, whether the first has moved or not.
        assert ask(retried[0]["api_key"]).status_code == 200
        wait_until(lambda: pepper_of(stack, retried[0]["id"]) == 2, "quota-syncd has moved the key", timeout_s=40)
        for name, made in zip(("one", "two"), retried):
            again = ask(account["api_key"], "/keys", {"scopes": ["model"]}, **{"Idempotency-Key": name})
            assert again.status_code == 201 and again.json() == made, again.text
        # A key moves when it is used, and no other does.
        wait_until(lambda: pepper_of(stack, used["id"]) == 2, "quota-syncd has moved the key", timeout_s=40)
        for _ in range(3):
            assert ask(used["api_key"]).status_code == 200, "the key has its new digest"
            assert ask(None, **bearer).status_code == 200, "a token names the digest that its key had"
        assert ask(None, "/keys", {"scopes": ["model"]}, **bearer).status_code == 201, "a token may still make keys"
        again = ask(None, "/token", {}, **{"X-API-Key": used["api_key"]}).json()["access_token"]
        assert ask(None, **{"Authorization": f"Bearer {again}"}).status_code == 200
        assert pepper_of(stack, unused["id"]) == 1
        left = {row["pepper_id"]: row["live_keys"] for row in stack.luna_json("key", "peppers")}
        assert left[1] >= 1 and left[2] >= 2, left
        assert stack.luna("key", "find", str(account["id"]), check=False, **both).returncode != 0  # nothing on standard input
        assert stack.luna("audit", "verify").returncode == 0
        connection = stack.connect()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM quota_events WHERE account_id = %s AND kind = 'key_move'", (account["id"],))
            assert cursor.fetchone()[0] >= 1
        connection.close()

        # The end: what was not used is not valid any more; all else is.
        settings_of(stack, f"LUNA_KEY_PEPPER_FILE={second} LUNA_KEY_PEPPER_ID=2")
        reload(stack, client, account, lambda: ask(unused["api_key"]).status_code == 403)
        assert ask(used["api_key"]).status_code == 200
        after = stack.luna_json("account", "create", "afterwards", "--quota", "10", **dict(list(both.items())[:2]))
        assert client.post(f"/api/v1/{after['id']}/kalman", json=BODY, headers={"X-API-Key": after["api_key"]}).status_code == 200


SECOND, THIRD = "key_pepper_2", "ab" * 32
WRONG = {  # after the rotation above: id and pepper, those of the previous one, and what is said of them
    "another pepper": (2, THIRD, 0, None, "LUNA_KEY_PEPPER is not the pepper 2"),
    "a new id without the one before": (3, THIRD, 0, None, "does not know pepper 3"),
    "another previous one": (3, THIRD, 2, "cd" * 32, "LUNA_KEY_PEPPER_PREVIOUS is not the pepper 2"),
    "an id without a pepper": (2, SECOND, 9, None, "are set together"),
}


def pepper_file(stack, name, pepper):
    """A secret of the stack by its name, or a new one of these digits."""
    if pepper in (SECOND, "key_pepper"):
        return stack.var / "secrets" / pepper
    file = stack.var / "secrets" / f"wrong_{name}"
    file.write_text(pepper, encoding="ascii")
    file.chmod(0o600)
    return file


def pepper_settings(stack, number, pepper, previous, previous_pepper):
    settings = {"LUNA_KEY_PEPPER_FILE": pepper_file(stack, "current", pepper), "LUNA_KEY_PEPPER_ID": number, "LUNA_KEY_PEPPER_PREVIOUS_ID": previous}
    if previous_pepper:
        settings["LUNA_KEY_PEPPER_PREVIOUS_FILE"] = pepper_file(stack, "previous", previous_pepper)
    return settings


NO_POOLS = {  # after the rotation above: luna makes no key that no pool takes
    "the old pepper": (1, "key_pepper", 0, None, "pepper 1 was replaced by pepper 2: set LUNA_KEY_PEPPER"),
    "the old pepper beside the new one": (1, "key_pepper", 2, SECOND, "pepper 1 was replaced by pepper 2: set LUNA_KEY_PEPPER"),
    "one that no pool has": (3, THIRD, 2, SECOND, "does not know pepper 3, as no pool has started with it"),
}


@pytest.mark.parametrize("what", NO_POOLS)
def test_luna_makes_a_key_that_no_pool_takes(rotating, what):
    *peppers, said = NO_POOLS[what]
    settings = pepper_settings(rotating, *peppers)
    commands = [("account", "create", f"nobodys-{uuid.uuid4().hex[:8]}"), ("key", "create", "rotation"), ("account", "rotate-key", "--yes", "rotation")]
    before = rotating.luna_json("key", "peppers")
    for command in commands:
        refused = rotating.luna(*command, check=False, **settings)
        assert refused.returncode == CONFIG and said in refused.stderr, refused
    assert rotating.luna_json("key", "peppers") == before


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_pepper_starts(rotating, what):
    *peppers, said = WRONG[what]
    settings = pepper_settings(rotating, *peppers)
    outcome = run(rotating, "--self-test", **settings)
    assert outcome.returncode == CONFIG and said in outcome.stdout + outcome.stderr, outcome
    made = rotating.luna("account", "create", f"wrong-{what.replace(' ', '-')}", check=False, **settings)
    # luna looks first whether pools have its pepper.
    assert made.returncode == CONFIG and (said in made.stderr or "does not know pepper 3" in made.stderr), made


def test_a_role_reads_the_key_that_moves_digests(rotating):
    for role in ("luna_worker", "luna_syncd", "luna_admin"):
        connection = rotating.connect(role)
        with connection.cursor() as cursor, pytest.raises(Exception, match="permission denied"):
            cursor.execute("SELECT move_key, fingerprint FROM peppers")
        connection.close()


def test_a_digest_moves_without_a_proof(rotating):
    """The password of luna_syncd alone makes no key."""
    owner = rotating.connect()
    with owner.cursor() as cursor:
        cursor.execute("UPDATE api_keys SET pepper_id = 1 WHERE id = (SELECT max(id) FROM api_keys) RETURNING digest")
        digest = cursor.fetchone()[0]
    connection = rotating.connect("luna_syncd")
    with connection.cursor() as cursor:
        cursor.execute("SELECT luna_keys_used((SELECT term FROM syncd_leader), 'quota-syncd x:1', ARRAY[%s]::uuid[], ARRAY[1], ARRAY[2],"
                       " ARRAY['11111111-1111-8111-8111-111111111111']::uuid[], ARRAY[%s])", (digest, "0" * 64))
        assert cursor.fetchone()[0] == 0
    connection.close()
    with owner.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM api_keys WHERE digest = %s", (digest,))
        assert cursor.fetchone()[0] == 1
    owner.close()
