"""Redis's users: each program can do its work and nothing else."""
import pytest
import redis
from luna_stack import wait_until

NEVER = ["FLUSHALL", "FLUSHDB", "CONFIG SET maxmemory 1", "CONFIG GET requirepass", "KEYS *", "SCAN 0", "ACL LIST", "ACL SETUSER default on nopass",
         "MONITOR", "CLIENT KILL TYPE normal", "SHUTDOWN NOSAVE", "SAVE", "REPLICAOF 127.0.0.1 1", "SUBSCRIBE x", "RENAME quota:fence x",
         "SET elsewhere 1", "DEL elsewhere", "FUNCTION LIST", "SELECT 0"]
MAY_NOT = {
    "worker": [*NEVER, "EVAL return{} 0", "EVAL_RO return{} 0", "SCRIPT LOAD return{}", "SCRIPT FLUSH", "HSET quota:fence incarnation 1", "DEL quota:fence",
               "SMEMBERS quota:dirty", "SSCAN quota:dirty 0", "INFO", "DEL quota:dirty", "SET quota:dirty 1", "DEL quota:used", "HGETALL quota:used",
               "SADD quota:used x", "SET quota:answers 0", "DEL quota:answers", "HGETALL quota:fence", "SADD user:1:quota x"],
    "syncd": [*NEVER, "SET user:1:quota 1", "EXPIRE user:1:quota 1"],
    "admin": [*NEVER, "SCRIPT LOAD return{}", "SCRIPT FLUSH", "HMGET quota:fence incarnation", "DEL quota:dirty", "EVAL return{redis.call('FLUSHALL')} 0"],
}


@pytest.fixture(name="as_user")
def connections(stack):
    made = []

    def connect(user, password=None):
        given = password if user is None else stack.secret(f"redis_{user}")
        made.append(redis.Redis(port=stack.ports()["LUNA_REDIS_PORT"], username=user and f"luna_{user}", password=given))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


@pytest.mark.parametrize("user, command", [(user, command) for user, commands in MAY_NOT.items() for command in commands])
def test_a_program_may_not(as_user, user, command):
    with pytest.raises(redis.ResponseError) as refusal:
        as_user(user).execute_command(*command.split(" "))
    assert "permission" in str(refusal.value) or "can't run this command" in str(refusal.value), refusal.value


def test_somebody_comes_in_without_a_user(stack, as_user):
    for password in (None, *(stack.secret(f"redis_{name}") for name in ("owner", "worker", "syncd", "admin"))):
        with pytest.raises((redis.AuthenticationError, redis.ResponseError), match="NOAUTH|WRONGPASS|Authentication required"):
            as_user(None, password).ping()


def test_a_program_logs_in_as_another_user(redis_store):
    users = {client["user"] for client in redis_store.client_list()}
    assert {"luna_worker", "luna_syncd"} <= users <= {"luna_worker", "luna_syncd", "luna_admin", "luna_owner"}


def test_a_program_asks_for_what_it_may_not(client, stack, account, redis_store):
    """What the programs do in the other suites too, in short; a denied command would fail there without its reason."""
    redis_store.acl_log_reset()
    url = f"/api/v1/{account.id}"
    for headers in (account.headers, account.headers | {"Idempotency-Key": "one"}, account.headers | {"Idempotency-Key": "one"}):
        assert client.post(f"{url}/kalman", json={"results": [1, 2, 3, 4]}, headers=headers).status_code == 200
    assert client.get(f"{url}/usage", headers=account.headers).status_code == 200
    made = client.post(f"{url}/keys", json={"scopes": ["model"]}, headers=account.headers).json()["id"]
    assert client.delete(f"{url}/keys/{made}", headers=account.headers).status_code == 204
    stack.luna("account", "set-limit", str(account.id), "5")
    stack.luna("account", "rotate-key", str(account.id), "--yes")
    stack.luna("usage", str(account.id))
    stack.luna("health")
    wait_until(lambda: stack.luna_json("usage", str(account.id))["unbooked"] == 0, what="the booking")
    assert redis_store.acl_log() == []
