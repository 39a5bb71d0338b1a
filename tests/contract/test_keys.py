"""Keys and tokens through the API: who may do what, and until when."""
import base64
import hashlib
import hmac
import json
import time

import pytest
from luna_stack import wait_until

BODY = {"results": [1120, 1160, 963, 1210]}


@pytest.fixture
def api(client, account):
    """Calls on the account's paths, with its own key unless another is given."""

    def call(method, path, key=None, bearer=None, **options):
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {"X-API-Key": key or account.key}
        return client.request(method, f"/api/v1/{account.id}{path}", headers=headers | options.pop("headers", {}), **options)

    return call


def make(api, **wanted):
    answer = api("POST", "/keys", json=wanted)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"].endswith(f"/keys/{answer.json()['id']}")
    return answer.json()


def runs(api, **credentials):
    return api("POST", "/kalman", json=BODY, **credentials).status_code


SCOPES = {  # scope: the calls it allows
    "model": [("POST", "/kalman")],
    "read": [("GET", ""), ("GET", "/usage"), ("GET", "/usage/events")],
    "keys": [("GET", "/keys"), ("POST", "/keys")],
}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("kind", ["key", "token"])
def test_a_scope_allows_other_calls_than_its_own(api, scope, kind):
    if kind == "key":
        credentials = {"key": make(api, scopes=[scope])["api_key"]}
    else:
        credentials = {"bearer": api("POST", "/token", json={"scopes": [scope]}).json()["access_token"]}
    for other, calls in SCOPES.items():
        for method, path in calls:
            sent = {"json": BODY if path == "/kalman" else {"scopes": [scope]}} if method == "POST" else {}
            answer = api(method, path, **credentials, **sent)
            if other == scope:
                assert answer.is_success, f"{method} {path}: {answer.text}"
            else:
                assert answer.status_code == 403 and answer.json()["code"] == "scope_missing", f"{method} {path}"


EVERY_SCOPE = ["model", "read", "keys"]


def credentials_of(api, scopes, kind):
    """A key, or a token from the account's first key, that has these scopes."""
    if kind == "key":
        return {"key": make(api, scopes=scopes)["api_key"]}
    return {"bearer": api("POST", "/token", json={"scopes": scopes}).json()["access_token"]}


@pytest.mark.parametrize("kind", ["key", "token"])
@pytest.mark.parametrize("wanted", [["model"], ["read", "keys"], EVERY_SCOPE, None])
def test_a_key_is_made_with_more_than_its_maker_has(api, kind, wanted):
    """None: what a key gets when nothing is said, which is more than its maker has here."""
    credentials = credentials_of(api, ["keys"], kind)
    before = api("GET", "/keys").json()["data"]
    answer = api("POST", "/keys", **credentials, json={"scopes": wanted} if wanted else {})
    assert answer.status_code == 403 and answer.json()["code"] == "scope_exceeded", answer.text
    lacking = [scope for scope in wanted or ["model", "read"] if scope != "keys"]
    assert json.dumps(lacking, separators=(",", ":")) in answer.json()["detail"]
    assert api("GET", "/keys").json()["data"] == before
    assert api("POST", "/keys", **credentials, json={"scopes": ["keys"]}).status_code == 201


def test_a_key_with_every_scope_cannot_give_one(api):
    made = make(api, scopes=EVERY_SCOPE)
    assert api("POST", "/keys", key=made["api_key"], json={"scopes": EVERY_SCOPE}).status_code == 201


@pytest.mark.parametrize("kind", ["key", "token"])
def test_a_wider_key_is_rotated_into_ones_own_hands(api, kind):
    primary = [key for key in api("GET", "/keys").json()["data"] if key["primary"]][0]
    wide = make(api, scopes=["model", "keys"])
    credentials = credentials_of(api, ["keys", "read"], kind)
    before = api("GET", "/keys").json()["data"]
    for key_id in (primary["id"], wide["id"]):
        answer = api("POST", f"/keys/{key_id}/rotate", **credentials)
        assert answer.status_code == 403 and answer.json()["code"] == "scope_exceeded", answer.text
        assert '["model"]' in answer.json()["detail"] and "api_key" not in answer.json()
    after = api("GET", "/keys").json()["data"]
    assert after == before if kind == "token" else after[:len(before)] == before
    assert runs(api) == 200 and runs(api, key=wide["api_key"]) == 200
    narrow = make(api, scopes=["keys"])
    assert api("POST", f"/keys/{narrow['id']}/rotate", **credentials).status_code == 201
    assert api("POST", "/keys/999999999/rotate", **credentials).status_code == 404


def test_whoever_manages_keys_cannot_end_a_wider_one(api):
    """A leaked key is ended by whoever sees it; ending one gives nobody anything."""
    wide = make(api, scopes=EVERY_SCOPE)
    manager = make(api, scopes=["keys"])["api_key"]
    assert api("DELETE", f"/keys/{wide['id']}", key=manager).status_code == 204
    assert runs(api, key=wide["api_key"]) == 403


def test_a_new_key_is_shown_again_or_not_listed_by_its_prefix(api):
    made = make(api, scopes=["model"], expires_in_s=3600)
    listed = api("GET", "/keys")
    assert made["api_key"] not in listed.text
    entry = [key for key in listed.json()["data"] if key["id"] == made["id"]][0]
    assert made["api_key"].startswith(entry["prefix"]) and entry["scopes"] == ["model"] and not entry["primary"]
    assert entry["expires_at"] == made["expires_at"]


def test_the_location_of_a_new_key_does_not_show_it(api, account, client):
    answer = api("POST", "/keys", json={"scopes": ["read"]})
    shown = client.get(answer.headers["location"], headers=account.headers)
    assert shown.status_code == 200 and answer.json()["api_key"] not in shown.text
    assert shown.json() == [key for key in api("GET", "/keys").json()["data"] if key["id"] == answer.json()["id"]][0]
    nothing = api("GET", "/keys/999999999")
    assert nothing.status_code == 404 and nothing.json()["code"] == "not_found"


@pytest.mark.parametrize("method, path", [("GET", "/keys/999999999"), ("DELETE", "/keys/999999999"), ("POST", "/keys/999999999/rotate")])
def test_a_refusal_says_what_is_behind(api, method, path):
    detail = api(method, path).json()["detail"]
    assert "key" in detail and "PostgreSQL" not in detail and "Redis" not in detail, detail


CHALLENGES = [({}, 'Bearer realm="luna"'), ({"X-API-Key": "7f0c8f6e-5d1e-4b57-9d3a-2b1f0c9e8d7a"}, 'Bearer realm="luna", error="invalid_token"'),
              ({"Authorization": "Bearer a.b.c"}, 'Bearer realm="luna", error="invalid_token"')]


@pytest.mark.parametrize("headers, challenge", CHALLENGES)
def test_who_is_not_let_in_is_not_told_which_credential_would_do(client, account, headers, challenge):
    answer = client.get(f"/api/v1/{account.id}", headers=headers)
    assert answer.status_code == (401 if "Authorization" in headers else 403) and answer.headers["www-authenticate"] == challenge


def test_a_missing_scope_is_told_as_something_else(api):
    answer = api("GET", "/usage", key=make(api, scopes=["model"])["api_key"])
    assert answer.status_code == 403 and answer.headers["www-authenticate"] == 'Bearer realm="luna", error="insufficient_scope"'
    assert "www-authenticate" not in api("GET", "/keys/999999999").headers


def test_a_revoked_key_or_its_token_outlives_the_answer(api):
    made = make(api, scopes=["model"])
    token = api("POST", "/token", key=made["api_key"]).json()["access_token"]
    assert runs(api, key=made["api_key"]) == 200 and runs(api, bearer=token) == 200
    gone = api("DELETE", f"/keys/{made['id']}")
    assert gone.status_code == 204 and not gone.content
    assert runs(api, key=made["api_key"]) == 403 and runs(api, bearer=token) == 401
    assert api("DELETE", f"/keys/{made['id']}").status_code == 204, "revoking again is harmless"


def test_an_expired_key_still_opens(api):
    made = make(api, scopes=["model"], expires_in_s=1)
    wait_until(lambda: runs(api, key=made["api_key"]) == 403, what="the end of a key of one second")


def test_a_rotated_key_ends_in_its_grace_or_loses_its_scopes(api):
    made = make(api, scopes=["model"])
    fresh = api("POST", f"/keys/{made['id']}/rotate", json={"grace_s": 5})
    assert fresh.status_code == 201 and fresh.json()["replaces"] == made["id"]
    key = fresh.json()["api_key"]
    assert runs(api, key=key) == 200 and runs(api, key=made["api_key"]) == 200
    assert api("GET", "/usage", key=key).status_code == 403, "the new key has the old one's scopes"
    wait_until(lambda: runs(api, key=made["api_key"]) == 403, what="the end of the grace")
    assert runs(api, key=key) == 200


def test_a_rotation_without_grace_leaves_the_old_key(api):
    made = make(api, scopes=["model"])
    fresh = api("POST", f"/keys/{made['id']}/rotate").json()
    assert runs(api, key=made["api_key"]) == 403 and runs(api, key=fresh["api_key"]) == 200
    assert api("POST", f"/keys/{made['id']}/rotate").status_code == 404


def test_the_primary_key_cannot_be_rotated_by_itself(api, account):
    primary = [key for key in api("GET", "/keys").json()["data"] if key["primary"]][0]
    fresh = api("POST", f"/keys/{primary['id']}/rotate", json={"grace_s": 60}).json()
    listed = {key["id"]: key for key in api("GET", "/keys", key=fresh["api_key"]).json()["data"]}
    assert listed[fresh["id"]]["primary"] and not listed[primary["id"]]["primary"]
    assert listed[fresh["id"]]["scopes"] == ["model", "read", "keys"]


def test_another_accounts_keys_are_in_reach(client, account_factory):
    mine, theirs = account_factory(), account_factory()
    listed = client.get(f"/api/v1/{theirs.id}/keys", headers=theirs.headers).json()["data"]
    path = f"/api/v1/{mine.id}/keys/{listed[0]['id']}"
    assert client.delete(path, headers=mine.headers).status_code == 404
    assert client.post(path + "/rotate", headers=mine.headers).status_code == 404
    assert client.delete(f"/api/v1/{theirs.id}/keys/{listed[0]['id']}", headers=mine.headers).status_code == 403
    assert client.post(theirs.url, headers=theirs.headers, json=BODY).status_code == 200


def test_there_are_more_than_forty_live_keys(api):
    for _ in range(39):
        answer = api("POST", "/keys")
        while answer.status_code == 429:
            time.sleep(int(answer.headers["retry-after"]))
            answer = api("POST", "/keys")
        assert answer.status_code == 201, answer.text
    refused = api("POST", "/keys")
    assert refused.status_code == 409 and "40 live keys" in refused.json()["detail"]
    assert api("POST", f"/keys/{answer.json()['id']}/rotate").status_code == 201
    assert runs(api) == 200


def parts(token):
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]]


def sign(header, claims, secret, digest=hashlib.sha256):
    def text(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    message = text(json.dumps(header).encode()) + "." + text(json.dumps(claims).encode())
    return f"{message}.{text(hmac.new(secret, message.encode(), digest).digest())}"


def test_a_token_does_not_say_what_it_is_or_outlives_its_time(api, account):
    answer = api("POST", "/token", json={"expires_in_s": 60, "scopes": ["model"]})
    assert answer.headers["cache-control"] == "no-store"
    header, claims = parts(answer.json()["access_token"])
    assert header["alg"] == "HS256" and header["kid"]
    assert claims["account"] == account.id and claims["exp"] - claims["nbf"] == 60
    assert account.key not in answer.text


@pytest.mark.parametrize("change", ["account", "longer", "alg none", "other secret", "HS512", "no kid"])
def test_a_forged_token_opens_something(api, change):
    token = api("POST", "/token").json()["access_token"]
    header, claims = parts(token)
    signature = token.rsplit(".", 1)[1]
    if change == "account":
        claims["account"] += 1
    elif change == "longer":
        claims["exp"] += 1000
    elif change == "alg none":
        header["alg"] = "none"
    elif change == "no kid":
        del header["kid"]
    forged = sign(header, claims, b"guess", hashlib.sha512 if change == "HS512" else hashlib.sha256)
    assert runs(api, bearer=forged) == 401
    assert runs(api, bearer=forged.rsplit(".", 1)[0] + "." + signature) == 401
    assert runs(api, bearer=forged.rsplit(".", 1)[0] + ".") == 401
    assert runs(api, bearer=token) == 200


def test_a_token_of_another_account_is_not_401(client, account_factory):
    mine, theirs = account_factory(), account_factory()
    token = client.post(f"/api/v1/{theirs.id}/token", headers=theirs.headers).json()["access_token"]
    assert client.post(mine.url, headers={"Authorization": f"Bearer {token}"}, json=BODY).status_code == 401


def test_a_token_is_exchanged_for_another(api):
    token = api("POST", "/token").json()["access_token"]
    again = api("POST", "/token", bearer=token)
    assert again.status_code == 403 and again.json()["code"] == "scope_missing"


def test_a_token_does_more_than_its_key(api):
    reader = make(api, scopes=["read"])["api_key"]
    wider = api("POST", "/token", key=reader, json={"scopes": ["model", "read", "keys"]})
    assert wider.status_code == 403 and wider.json()["code"] == "scope_exceeded" and '["model","keys"]' in wider.json()["detail"]
    answer = api("POST", "/token", key=reader).json()
    assert answer["scopes"] == ["read"], "the answer says what the token has"
    token = answer["access_token"]
    assert api("GET", "/usage", bearer=token).status_code == 200
    assert runs(api, bearer=token) == 403 and api("GET", "/keys", bearer=token).status_code == 403
