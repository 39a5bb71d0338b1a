"""What a key has beside its scopes: name, metadata, networks, a rate, its last use."""
import time

import pytest
from luna_stack import wait_until

BODY = {"results": [1120, 1160, 963, 1210]}


@pytest.fixture
def send(client, account):
    """send(method, path, body, key): on the account's path, with its own key unless another is given."""

    def call(method, path, body=None, key=None, **headers):
        return client.request(method, f"/api/v1/{account.id}{path}", json=body, headers={"X-API-Key": key or account.key} | headers)

    return call


@pytest.fixture
def make(send):
    def call(**wanted):
        answer = send("POST", "/keys", wanted)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return call


def test_what_was_said_of_a_key_is_not_shown(send, make):
    wanted = {"name": "Zürich, sensors", "metadata": {"team": "ops", "ticket": "L-1\""}, "allowed_networks": ["192.0.2.0/24", "2001:db8::/33"],
              "rate_per_s": 7, "rate_burst": 9}
    made = make(scopes=["model"], **wanted)
    shown = send("GET", f"/keys/{made['id']}").json()
    assert {name: shown[name] for name in wanted} == wanted and shown["last_used_at"] is None
    again = send("POST", f"/keys/{made['id']}/rotate", {}).json()
    shown = send("GET", f"/keys/{again['id']}").json()
    assert {name: shown[name] for name in wanted} == wanted


def test_a_key_without_properties_has_some(send, make):
    shown = send("GET", f"/keys/{make()['id']}").json()
    assert (shown["name"], shown["metadata"], shown["allowed_networks"], shown["rate_per_s"], shown["rate_burst"]) == ("", {}, [], None, None)


WRONG = [{"name": "x" * 65}, {"name": "a\nb"}, {"name": 1}, {"metadata": []}, {"metadata": {"a": 1}}, {"metadata": {"": "a"}},
         {"metadata": {"n" * 41: "a"}}, {"metadata": {"a": "v" * 201}}, {"metadata": {str(i): "" for i in range(17)}},
         {"allowed_networks": "192.0.2.1"}, {"allowed_networks": ["192.0.2.1/24"]}, {"allowed_networks": ["a"]}, {"allowed_networks": [1]},
         {"allowed_networks": [f"192.0.2.{i}" for i in range(17)]}, {"rate_per_s": 0}, {"rate_burst": 5}, {"rate_per_s": 1000001}]


@pytest.mark.parametrize("put", [lambda key: {"name": f"my {key}"}, lambda key: {"metadata": {"old": key}}])
def test_a_key_is_kept_in_the_properties_of_a_key(account, send, put):
    """Everybody who lists keys would read it, and everybody who has a dump."""
    refused = send("POST", "/keys", put(account.key))
    assert refused.status_code == 422 and "API key" in refused.json()["detail"][0]["msg"]
    assert account.key not in refused.text
    made = send("POST", "/keys", {"name": account.key[:16], "metadata": {"prefix": account.key[:16]}})
    assert made.status_code == 201
    assert send("PATCH", f"/keys/{made.json()['id']}", put(account.key)).status_code == 422


@pytest.mark.parametrize("wanted", WRONG)
def test_wrong_properties_are_taken(send, wanted):
    answer = send("POST", "/keys", wanted)
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] in list(wanted) + [0, "rate_per_s"], answer.text


def test_a_change_of_a_key_is_lost_or_changes_more(send, make):
    made = make(scopes=["model", "read"], name="first", metadata={"a": "b"}, rate_per_s=7, rate_burst=9)
    path = f"/keys/{made['id']}"
    before = send("GET", path).json()
    for change, shown in [({"name": "second"}, {"name": "second"}), ({"metadata": {"c": "d"}}, {"metadata": {"c": "d"}}),
                          ({"allowed_networks": ["127.0.0.0/8"]}, {"allowed_networks": ["127.0.0.0/8"]}), ({"rate_burst": 3}, {"rate_burst": 3}),
                          ({"rate_per_s": 5}, {"rate_per_s": 5, "rate_burst": 5}), ({"scopes": ["model"]}, {"scopes": ["model"]}), ({}, {}),
                          ({"rate_per_s": None, "metadata": {}, "allowed_networks": []},
                           {"rate_per_s": None, "rate_burst": None, "metadata": {}, "allowed_networks": []})]:
        before = before | shown
        answer = send("PATCH", path, change)
        assert answer.status_code == 200 and answer.json() == before, answer.text
        assert send("GET", path).json() == before
    events = [event for event in send("GET", "/usage/events").json()["data"] if event["kind"] == "key_change"]
    assert [event["reason"].rsplit(": ", 1)[1] for event in reversed(events)] == [
        "name", "metadata", "networks", "rate", "rate", "scopes", "metadata, networks, rate"]
    assert send("GET", "").json()["quota"]["used"] == 0


def test_a_change_of_a_key_takes_effect_later(send, make):
    made = make(scopes=["model", "read"])
    path, key = f"/keys/{made['id']}", made["api_key"]
    assert send("POST", "/kalman", BODY, key).status_code == 200
    assert send("PATCH", path, {"allowed_networks": ["192.0.2.0/24"]}).status_code == 200
    assert send("POST", "/kalman", BODY, key).json()["code"] == "address_not_allowed"
    assert send("PATCH", path, {"allowed_networks": [], "scopes": ["read"]}).status_code == 200
    assert send("POST", "/kalman", BODY, key).json()["code"] == "scope_missing"
    assert send("GET", "", key=key).status_code == 200
    assert send("PATCH", path, {"rate_per_s": 1, "rate_burst": 2}).status_code == 200
    assert 429 in {send("GET", "", key=key).status_code for _ in range(4)}


def test_a_change_gives_a_key_more_scopes_or_narrows_a_wider_one(send, make):
    narrow, manager = make(scopes=["read"]), make(scopes=["read", "keys"])
    wide = make(scopes=["model", "read", "keys"])
    for path, change, key in [(narrow["id"], {"scopes": ["read", "model"]}, None), (narrow["id"], {"scopes": ["keys"]}, manager["api_key"]),
                              (wide["id"], {"name": "mine"}, manager["api_key"]), (wide["id"], {"scopes": ["read"]}, manager["api_key"])]:
        answer = send("PATCH", f"/keys/{path}", change, key)
        assert answer.status_code == 403 and answer.json()["code"] == "scope_exceeded", answer.text
    assert send("PATCH", f"/keys/{narrow['id']}", {"name": "theirs"}, manager["api_key"]).status_code == 200
    assert send("PATCH", f"/keys/{narrow['id']}", {"name": "x"}, narrow["api_key"]).json()["code"] == "scope_missing"
    assert send("DELETE", f"/keys/{narrow['id']}").status_code == 204
    assert send("PATCH", f"/keys/{narrow['id']}", {"name": "dead"}).status_code == 409


@pytest.mark.parametrize("wanted", [row for row in WRONG if row != {"rate_burst": 5}] + [{"rate_per_s": None, "rate_burst": 5}, {"expires_in_s": 5}])
def test_a_wrong_change_is_taken(send, make, wanted):
    made = make()
    before = send("GET", f"/keys/{made['id']}").json()
    answer = send("PATCH", f"/keys/{made['id']}", wanted)
    assert answer.status_code == 422, answer.text
    assert send("GET", f"/keys/{made['id']}").json() == before
    assert send("PATCH", f"/keys/{made['id']}", {"rate_burst": 5}).status_code == 409, "it has no rate"


def test_a_retried_change_undoes_a_later_one(send, make):
    path = f"/keys/{make()['id']}"
    first = send("PATCH", path, {"name": "first"}, **{"Idempotency-Key": "a-change"})
    assert send("PATCH", path, {"name": "second"}).status_code == 200
    again = send("PATCH", path, {"name": "first"}, **{"Idempotency-Key": "a-change"})
    assert (first.json()["name"], again.status_code, again.json()["name"]) == ("first", 200, "second")
    assert again.headers["idempotent-replayed"] == "true"
    other = send("PATCH", path, {"name": "third"}, **{"Idempotency-Key": "a-change"})
    assert other.status_code == 422 and other.json()["code"] == "idempotency_mismatch"


def test_an_operators_change_of_a_key_is_lost(send, make, luna, account):
    made = make(scopes=["model", "read"], rate_per_s=7)
    luna("key", "set", str(account.id), str(made["id"]), "--name", "theirs", "--scopes", "read", "--rate", "0", "--allow", "192.0.2.0/24,::1")
    shown = send("GET", f"/keys/{made['id']}").json()
    assert (shown["name"], shown["scopes"], shown["rate_per_s"], shown["allowed_networks"]) == ("theirs", ["read"], None, ["192.0.2.0/24", "::1/128"])
    luna("key", "set", str(account.id), str(made["id"]), "--allow", "")
    assert send("GET", f"/keys/{made['id']}").json()["allowed_networks"] == []
    assert luna("key", "set", str(account.id), str(made["id"]), "--scopes", "keys", check=False).returncode != 0


def test_a_key_opens_from_an_address_that_is_not_allowed(send, make):
    """The client is 127.0.0.1. Before any work: also for a body that is checked first, and for a token of the key."""
    elsewhere, here = make(allowed_networks=["192.0.2.0/24", "::1/128"]), make(allowed_networks=["192.0.2.0/24", "127.0.0.0/30"])
    for body in (BODY, {"results": [1.5] * 40000}):
        answer = send("POST", "/kalman", body, elsewhere["api_key"])
        assert answer.status_code == 403 and answer.json()["code"] == "address_not_allowed", answer.text
        assert send("POST", "/kalman", body, here["api_key"]).status_code == 200
    assert send("POST", "/token", {}, elsewhere["api_key"]).json()["code"] == "address_not_allowed"


def test_an_empty_list_of_networks_shuts_everybody_out(send, make):
    assert send("POST", "/kalman", BODY, make(allowed_networks=[])["api_key"]).status_code == 200


def test_a_key_is_faster_than_its_own_rate(send, make):
    slow = make(rate_per_s=1, rate_burst=3)["api_key"]
    answers = [send("POST", "/kalman", BODY, slow) for _ in range(5)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 2 and refused[0].json()["code"] == "rate_limited" and int(refused[0].headers["retry-after"]) == 1
    assert answers[0].headers["x-ratelimit-limit"] and '"burst";q=3' in answers[0].headers["ratelimit-policy"]
    assert all(send("POST", "/kalman", BODY).status_code == 200 for _ in range(3)), "the account's other keys are not slowed down"


def test_the_state_of_a_keys_rate_outlives_the_key(send, make, account, redis_store):
    slow = make(rate_per_s=1, rate_burst=3)
    assert send("POST", "/kalman", BODY, slow["api_key"]).status_code == 200
    fields = lambda: [name for name in redis_store.hkeys(f"{{user:{account.id}:quota}}:m") if name.decode().startswith("t:")]
    assert len(fields()) == 1
    assert send("DELETE", f"/keys/{slow['id']}").status_code == 204
    assert fields() == []


def test_the_last_use_is_not_known(send, make, db):
    made, unused = make(), make()
    before = time.time()
    for _ in range(3):
        assert send("POST", "/kalman", BODY, made["api_key"]).status_code == 200
    wait_until(lambda: send("GET", f"/keys/{made['id']}").json()["last_used_at"], "quota-syncd has noted the use", timeout_s=60)
    with db.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM last_used_at) FROM api_keys WHERE id = %s", (made["id"],))
        assert before - 5 <= float(cursor.fetchone()[0]) <= time.time() + 5
    assert send("GET", f"/keys/{unused['id']}").json()["last_used_at"] is None
