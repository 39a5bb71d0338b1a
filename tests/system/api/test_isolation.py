"""No tenant reaches another's data: every route with every kind of credential, and what it answers."""
import base64
import hashlib
import hmac
import json
import re
import time

import pytest
from luna_stack import ROOT, wait_until
from waiting import answer_unless_limited

BODY = {"results": [1120, 1160, 963]}
KEY_LIFE_S = 4  # of the key that expires: long enough to make a token by it first

# route: (method, path behind the account, body, scope that a key needs, status of a success)
ROUTES = {
    "kalman": ("POST", "/kalman", BODY, "model", 200),
    "kalman_batch": ("POST", "/kalman/batch", {"series": [{"results": [1, 2, 3]}]}, "model", 200),
    "account": ("GET", "", None, "read", 200),
    "usage": ("GET", "/usage", None, "read", 200),
    "usage_events": ("GET", "/usage/events", None, "read", 200),
    "keys_list": ("GET", "/keys", None, "keys", 200),
    "keys_create": ("POST", "/keys", {"scopes": ["keys"]}, "keys", 201),
    "keys_read": ("GET", "/keys/{key_id}", None, "keys", 200),
    "keys_set": ("PATCH", "/keys/{key_id}", {"name": "set"}, "keys", 200),
    "keys_revoke": ("DELETE", "/keys/{key_id}", None, "keys", 204),
    "keys_rotate": ("POST", "/keys/{key_id}/rotate", {}, "keys", 201),
    "token": ("POST", "/token", {}, None, 200),
}

# Who asks: what is answered, and by which code. "own" and the two with a scope depend on the route.
STRANGERS = ["none", "unknown", "no_uuid", "foreign", "foreign_token", "revoked", "expired", "token_of_revoked", "forged_token",
             "token_of_expired", "elsewhere", "token_of_elsewhere"]

# Tokens of the victim's own, signed with the service's key, wrong in one thing each: name: (header,
# claims, signed by) that differ. Times are seconds from now.
WRONG_TOKENS = {
    "expired": ({}, {"iat": -900, "nbf": -900, "exp": -1}, hashlib.sha256),
    "not_yet_valid": ({}, {"iat": 600, "nbf": 600, "exp": 900}, hashlib.sha256),
    "too_long_a_life": ({}, {"exp": 30 * 86400}, hashlib.sha256),
    "of_another_issuer": ({}, {"iss": "luna2"}, hashlib.sha256),
    "for_another_audience": ({}, {"aud": "luna-web"}, hashlib.sha256),
    "of_no_issuer": ({}, {"iss": None}, hashlib.sha256),
    "of_an_unknown_kid": ({"kid": "other"}, {}, hashlib.sha256),
    "of_no_kid": ({"kid": None}, {}, hashlib.sha256),
    "alg_none": ({"alg": "none"}, {}, None),
    "alg_none_and_signed": ({"alg": "none"}, {}, hashlib.sha256),
    "alg_hs512": ({"alg": "HS512"}, {}, hashlib.sha512),
}
STRANGERS += [f"token_{name}" for name in WRONG_TOKENS]


def served(client, method, path, **options):
    """The answer to a request from an address whose keys were refused so often that a new key has to wait."""
    return answer_unless_limited(client, method, path, interval_s=1, **options)


def call(client, account_id, route, headers, key_id=0):
    method, path, body, _, _ = ROUTES[route]
    options = {} if body is None else {"json": body}
    return served(client, method, f"/api/v1/{account_id}{path.format(key_id=key_id)}", headers=headers, **options)


def key_of(client, account, **wanted):
    answer = served(client, "POST", f"/api/v1/{account.id}/keys", headers=account.headers, json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()


def by_key(key):
    return {"X-API-Key": key}


def by_token(token):
    return {"Authorization": f"Bearer {token}"}


def token_of(client, account, headers, **wanted):
    answer = served(client, "POST", f"/api/v1/{account.id}/token", headers=headers, json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def forged(token, account_id):
    """The claims of a stranger's token with the victim's account in them, signed by a guess."""
    header, claims, _ = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    told["account"] = account_id
    claims = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    signature = hmac.new(b"guess", f"{header}.{claims}".encode(), hashlib.sha256).digest()
    return f"{header}.{claims}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def encoded(part):
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def decoded(text):
    return json.loads(base64.urlsafe_b64decode(text + "=="))


def signature(key, signed, digest=hashlib.sha256):
    return encoded(hmac.new(key, signed.encode(), digest).digest()) if digest else ""


def signing_key(stack, token):
    """The service's own, derived from the pepper as fcgi-worker/http/token.c says; it is the one that the token was signed with."""
    pepper = bytes.fromhex(stack.secret("key_pepper"))
    signed, _, genuine = token.rpartition(".")
    purpose = encoded(b'{"purpose":"luna token signing key 1"}')
    for header in (b'{"alg":"HS256","typ":"JWT"}', b'{"typ":"JWT","alg":"HS256"}'):
        key = signature(pepper, f"{encoded(header)}.{purpose}").encode()
        if signature(key, signed) == genuine:
            return key
    raise AssertionError("the signing key is derived in another way")


def resigned(token, key, header=None, claims=None, digest=hashlib.sha256):
    """The token with some of it replaced (None: left out), signed again."""
    now_s = int(time.time())
    told_header, told = (decoded(part) for part in token.split(".")[:2])
    told_header |= header or {}
    told |= {name: now_s + value if name in ("iat", "nbf", "exp") else value for name, value in (claims or {}).items()}
    parts = [encoded(json.dumps({name: value for name, value in part.items() if value is not None}).encode()) for part in (told_header, told)]
    signed = ".".join(parts)
    return f"{signed}.{signature(key, signed, digest)}"


@pytest.fixture(scope="module")
def victim(account_factory):
    return account_factory(1000000)


@pytest.fixture(scope="module")
def credentials(stack, client, account_factory, victim, luna):
    """Headers by who asks for the victim's data. Made once; revoked and expired ones were good before."""
    stranger = account_factory()
    everything = ["model", "read", "keys"]
    revoked, expired = key_of(client, victim, scopes=everything), key_of(client, victim, scopes=everything, expires_in_s=KEY_LIFE_S)
    token_of_expired = token_of(client, victim, by_key(expired["api_key"]))
    token_of_revoked = token_of(client, victim, by_key(revoked["api_key"]))
    elsewhere = key_of(client, victim, scopes=everything)  # until it is bound to a network that is not the client's
    token_of_elsewhere = token_of(client, victim, by_key(elsewhere["api_key"]))
    for key in (by_key(revoked["api_key"]), by_token(token_of_revoked)):
        assert call(client, victim.id, "account", key).status_code == 200
    luna("key", "revoke", str(victim.id), str(revoked["id"]), "--yes")
    bind(stack, elsewhere["id"], "192.0.2.0/24")
    foreign_token = token_of(client, stranger, stranger.headers)
    made = {
        "none": {}, "unknown": by_key("7f0c8f6e-5d1e-4b57-9d3a-2b1f0c9e8d7a"), "no_uuid": by_key("x' OR '1'='1"),
        "foreign": stranger.headers, "foreign_token": by_token(foreign_token), "revoked": by_key(revoked["api_key"]),
        "expired": by_key(expired["api_key"]), "token_of_revoked": by_token(token_of_revoked),
        "elsewhere": by_key(elsewhere["api_key"]), "token_of_elsewhere": by_token(token_of_elsewhere),
        "forged_token": by_token(forged(foreign_token, victim.id)), "token_of_expired": by_token(token_of_expired),
    }
    own = token_of(client, victim, victim.headers)
    key = signing_key(stack, own)
    made |= {f"token_{name}": by_token(resigned(own, key, *wrong)) for name, wrong in WRONG_TOKENS.items()}
    # Nothing but what is wrong with them keeps them out.
    assert call(client, victim.id, "account", by_token(resigned(own, key))).status_code == 200
    for name in ("expired", "token_of_expired", "elsewhere", "token_of_elsewhere"):
        wait_until(lambda: call(client, victim.id, "account", made[name]).status_code in (401, 403), f"the end of {name}")
    note_expiries(stack)
    return made


def bind(stack, key_id, network):
    """No program changes the networks of a key. Delivered like any other change of the account."""
    connection = stack.connect("luna_owner")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE api_keys SET allowed = ARRAY[%s::cidr] WHERE id = %s", (network, key_id))
        cursor.execute("SELECT luna_config_changed(account_id) FROM api_keys WHERE id = %s", (key_id,))
    connection.close()


def note_expiries(stack):
    """What quota-syncd does now and then, and would look like a stranger's doing in the middle of a test."""
    connection = stack.connect("luna_syncd")
    with connection.cursor() as cursor:
        cursor.execute("SELECT luna_keys_expire((SELECT term FROM syncd_leader), 'quota-syncd test:1')")
    connection.close()


@pytest.fixture(scope="module")
def spare_key_id(client, victim):
    """What strangers would like to revoke or rotate; when they could, the next test would see it."""
    return key_of(client, victim, scopes=["read"])["id"]


def test_a_route_is_not_in_the_table():
    """The worker's own table is read, so that a new route cannot be forgotten here."""
    source = (ROOT / "fcgi-worker/api/routes.c").read_text(encoding="utf-8")
    rows = re.findall(r'\{"(\w+)", "([A-Z]+)", "/api/v1/\{account_id\}([^"]*)", (\w+)', source)
    assert {name: (method, path, {"LUNA_SCOPE_MODEL": "model", "LUNA_SCOPE_READ": "read", "LUNA_SCOPE_KEYS": "keys", "0": None}[scope])
            for name, method, path, scope in rows} == {name: (row[0], row[1], row[3]) for name, row in ROUTES.items()}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("who", STRANGERS)
def test_a_stranger_is_told_or_changes_something(client, victim, credentials, db, spare_key_id, route, who):
    before = state_of(db, victim)
    answer = call(client, victim.id, route, credentials[who], spare_key_id)
    refused_token = "Authorization" in credentials[who] and who != "token_of_elsewhere"
    assert answer.status_code == (401 if refused_token else 403), answer.text
    assert answer.json()["code"] == "forbidden" or answer.json()["code"].startswith(("api_key", "key_", "invalid_key", "missing_key", "address_"))
    assert victim.name not in answer.text and str(spare_key_id) not in answer.json()["detail"]
    assert state_of(db, victim) == before


def state_of(db, account):
    with db.cursor() as cursor:
        cursor.execute("SELECT array_agg((id, digest, scopes, expires_at, revoked_at)::text ORDER BY id) FROM api_keys WHERE account_id = %s",
                       (account.id,))
        keys = cursor.fetchone()
        cursor.execute("SELECT quota_limit, plan, disabled_at, config_version FROM accounts WHERE id = %s", (account.id,))
        return keys, cursor.fetchone()


@pytest.mark.parametrize("route", ROUTES)
def test_the_owner_is_not_served(client, account, route):
    key_id = key_of(client, account, scopes=["read"])["id"]
    assert call(client, account.id, route, account.headers, key_id).status_code == ROUTES[route][4]


@pytest.mark.parametrize("scope", ["model", "read", "keys"])
@pytest.mark.parametrize("kind", ["key", "token"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_narrower_scope_opens_other_routes_than_its_own(client, account, route, scope, kind):
    needed, success = ROUTES[route][3:]
    key_id = key_of(client, account, scopes=[scope])["id"]
    if kind == "key":
        headers = by_key(key_of(client, account, scopes=[scope])["api_key"])
    else:
        headers = by_token(token_of(client, account, account.headers, scopes=[scope]))
    answer = call(client, account.id, route, headers, key_id)
    if route == "token" and kind == "token":  # a token is not exchanged for another
        assert answer.status_code == 403
    elif needed in (None, scope):
        assert answer.status_code == success, answer.text
    else:
        assert answer.status_code == 403 and answer.json()["code"] == "scope_missing", answer.text


@pytest.mark.parametrize("route", ["keys_read", "keys_set", "keys_revoke", "keys_rotate"])
def test_another_accounts_key_is_found_through_ones_own_account(client, victim, account, db, spare_key_id, route):
    """The stranger is at home here: path and key are theirs, only the number of the key is the victim's."""
    before = state_of(db, victim)
    assert call(client, account.id, route, account.headers, spare_key_id).status_code == 404
    assert state_of(db, victim) == before


@pytest.fixture(scope="module")
def former(client, account_factory, luna):
    """A deleted account that was in use, and what opened it: its key and a token."""
    account = account_factory()
    token = token_of(client, account, account.headers)
    assert call(client, account.id, "kalman", account.headers).status_code == 200
    luna("account", "delete", str(account.id), "--reason", "test", "--yes")
    return account, {"key": account.headers, "token": by_token(token)}


@pytest.mark.parametrize("credential", ["key", "token"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_deleted_account_answers_otherwise_than_one_that_never_was(client, former, db, route, credential):
    account, credentials_then = former
    before = state_of(db, account)
    headers = credentials_then[credential]
    there = call(client, account.id, route, headers)
    # A token is of one account, so another account's number is refused for that.
    nowhere = call(client, 2147483647, route, headers if credential == "key" else account.headers)
    assert (there.status_code, there.json()["code"]) == (nowhere.status_code, nowhere.json()["code"]) == (404, nowhere.json()["code"])
    assert account.name not in there.text
    assert state_of(db, account) == before


def test_a_deleted_account_keeps_its_name_or_loses_its_ledger(stack, former, db):
    account = former[0]
    wait_until(lambda: stack.luna_json("account", "show", str(account.id))["quota_used"] == 1, "the booking of its last request")
    shown = stack.luna_json("account", "show", str(account.id))
    assert shown["deleted_at"] and shown["name"] == str(account.id)
    assert stack.luna_json("audit", "verify", "--account", str(account.id))["sound"] is True
    kinds = [event["kind"] for event in stack.luna_json("audit", "show", "--account", str(account.id))]
    assert "account_delete" in kinds and "book" in kinds
    assert account.id not in [row["id"] for row in stack.luna_json("account", "list")]
    assert account.id in [row["id"] for row in stack.luna_json("account", "list", "--status", "deleted")]
    for line in (("set-limit", "5"), ("set-plan", "daily"), ("enable",), ("rotate-key", "--yes"), ("disable", "--yes")):
        assert stack.luna("account", line[0], str(account.id), *line[1:], check=False).returncode == 3
    assert stack.luna("key", "create", str(account.id), check=False).returncode == 3


def test_an_account_that_does_not_exist_looks_different_to_a_stranger(client, victim, credentials):
    """Else who is a customer could be found by counting."""
    there = call(client, victim.id, "account", credentials["unknown"])
    nowhere = call(client, 2147483647, "account", credentials["unknown"])
    assert (there.status_code, nowhere.status_code) == (403, 404)
