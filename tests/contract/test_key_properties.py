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


@pytest.mark.parametrize("wanted", WRONG)
def test_wrong_properties_are_taken(send, wanted):
    answer = send("POST", "/keys", wanted)
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"][-1] in list(wanted) + [0, "rate_per_s"], answer.text


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
