"""A POST that is sent again with its Idempotency-Key does its work once."""
import uuid

import pytest


@pytest.fixture
def post(client, account):
    """post(path, body, idempotency_key): on the account's path, with its own key unless headers say another."""

    def send(path, body, idempotency_key=None, **headers):
        extra = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return client.post(f"/api/v1/{account.id}{path}", json=body, headers=account.headers | extra | headers)

    return send


@pytest.fixture
def keys(client, account):
    return lambda: client.get(f"/api/v1/{account.id}/keys", headers=account.headers).json()["data"]


def once():
    return uuid.uuid4().hex


def test_a_retried_post_makes_two_keys(post, keys):
    before, name = len(keys()), once()
    first = post("/keys", {"scopes": ["model"], "expires_in_s": 3600}, name)
    again = post("/keys", {"scopes": ["model"], "expires_in_s": 3600}, name)
    assert first.status_code == 201 and "idempotent-replayed" not in first.headers
    assert again.status_code == 201 and again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json() and again.headers["location"] == first.headers["location"]
    assert len(keys()) == before + 1


def test_the_key_of_a_retried_post_is_refused(post):
    made = post("/keys", {"scopes": ["model"]}, once()).json()
    assert post("/kalman", {"results": [1, 2, 3]}, **{"X-API-Key": made["api_key"]}).status_code == 200


def test_redis_forgot_the_request_and_a_retry_makes_another_key(post, keys, account, redis_store):
    name = once()
    first = post("/keys", {}, name)
    for record in redis_store.scan_iter(f"{{user:{account.id}:quota}}:i:*"):
        redis_store.delete(record)
    again = post("/keys", {}, name)
    assert again.status_code == 201 and again.json() == first.json()
    assert len([key for key in keys() if key["id"] == first.json()["id"]]) == 1


def test_an_idempotency_key_is_taken_for_another_body(post, keys):
    name = once()
    assert post("/keys", {"scopes": ["model"]}, name).status_code == 201
    before = len(keys())
    other = post("/keys", {"scopes": ["read"]}, name)
    assert other.status_code == 422 and other.json()["code"] == "idempotency_mismatch"
    assert post("/token", {}, name).json()["code"] == "idempotency_mismatch"
    assert len(keys()) == before


def test_two_idempotency_keys_make_one_key(post):
    bodies = [post("/keys", {}, name).json() for name in (once(), once(), None, None)]
    assert len({body["api_key"] for body in bodies}) == len({body["id"] for body in bodies}) == 4


def test_a_retried_rotation_replaces_the_key_twice(post, keys):
    old = post("/keys", {"scopes": ["read"]}).json()
    name = once()
    first = post(f"/keys/{old['id']}/rotate", {"grace_s": 0}, name)
    again = post(f"/keys/{old['id']}/rotate", {"grace_s": 0}, name)
    assert (first.status_code, again.status_code) == (201, 201), again.text
    assert again.json() == first.json() and again.headers["idempotent-replayed"] == "true"
    assert [key["revoked_at"] is None for key in keys() if key["id"] in (old["id"], first.json()["id"])] == [False, True]


def test_a_revoked_key_is_shown_by_a_retry_as_if_it_were_valid(client, post, account):
    name = once()
    made = post("/keys", {}, name).json()
    assert client.delete(f"/api/v1/{account.id}/keys/{made['id']}", headers=account.headers).status_code == 204
    again = post("/keys", {}, name)
    assert again.status_code == 409 and again.json()["code"] == "conflict" and "api_key" not in again.json()


def test_a_refused_post_uses_its_idempotency_key_up(post):
    name, maker = once(), post("/keys", {"scopes": ["keys"]}).json()["api_key"]
    assert post("/keys", {"scopes": ["model"]}, name, **{"X-API-Key": maker}).json()["code"] == "scope_exceeded"
    assert post("/keys", {"scopes": ["read"]}, name).status_code == 201


def test_a_retried_token_is_of_another_scope(post):
    name = once()
    first, again = (post("/token", {"scopes": ["read"]}, name) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200) and again.headers["idempotent-replayed"] == "true"
    assert again.json()["scopes"] == ["read"] and again.json()["expires_in"] == first.json()["expires_in"]
    assert post("/token", {"scopes": ["model"]}, name).json()["code"] == "idempotency_mismatch"


@pytest.mark.parametrize("path", ["/keys", "/token", "/keys/{key_id}/rotate"])
def test_a_retry_runs_beside_the_first_request(post, account, redis_store, path):
    """The first is made to look as if it still ran: it is too short to be met."""
    path, name = path.format(key_id=post("/keys", {}).json()["id"]), once()
    assert post(path, {}, name).is_success
    record = next(redis_store.scan_iter(f"{{user:{account.id}:quota}}:i:*"))
    redis_store.set(record, b" ".join([b"P", b"another:1", redis_store.get(record).split(b" ")[2]]), ex=60)
    again = post(path, {}, name)
    assert again.status_code == 409 and again.json()["code"] == "idempotency_in_flight", again.text
    assert int(again.headers["retry-after"]) >= 1
