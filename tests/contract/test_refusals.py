"""What a refusal says to a program: is it about the credential, can a retry help, and when."""
import re
import subprocess
import time

import pytest
from luna_stack import WAIT_S, wait_until
from raw_http import head_of, parse_raw, raw_connection, read_answer
from test_every_answer import API, call, check

BODY = {"results": [1120, 1160, 963, 1210]}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


# --- 401 and 403 ---


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("name", API)
def test_a_bearer_credential_that_opens_nothing_is_not_401(client, account, name):
    answer = check(call(client, account, name, headers={"X-API-Key": ""} | bearer(UNKNOWN)), name, 401)
    assert answer.json()["code"] == "key_invalid" and answer.headers["www-authenticate"] == 'Bearer realm="luna", error="invalid_token"'


@pytest.mark.parametrize("sent", ["Bearer", "Bearer ", "Basic dTpw", "Digest x"])
def test_an_authorization_without_a_token_is_not_401(client, account, sent):
    answer = client.post(account.url, headers={"Authorization": sent}, json=BODY)
    assert answer.status_code == answer.json()["status"] == 401 and answer.json()["code"] == "key_missing", answer.text
    assert answer.headers["www-authenticate"] == 'Bearer realm="luna"', "RFC 6750, 3: no error code where there was no token"


def test_an_expired_or_forged_token_is_not_401(client, account):
    made = client.post(f"/api/v1/{account.id}/keys", headers=account.headers, json={"expires_in_s": 1}).json()["api_key"]
    token = client.post(f"/api/v1/{account.id}/token", headers={"X-API-Key": made}, json={}).json()["access_token"]
    wait_until(lambda: client.post(account.url, headers=bearer(made), json=BODY).status_code == 401, what="the end of a key of one second")
    for credential in (token, token[:-2] + "AA", "a.b.c", "rubbish"):
        answer = client.post(account.url, headers=bearer(credential), json=BODY)
        assert answer.status_code == 401 and 'error="invalid_token"' in answer.headers["www-authenticate"], answer.text


def test_a_good_token_without_the_scope_is_401(client, account):
    token = client.post(f"/api/v1/{account.id}/token", headers=account.headers, json={"scopes": ["read"]}).json()["access_token"]
    answer = client.post(account.url, headers=bearer(token), json=BODY)
    assert answer.status_code == 403 and answer.headers["www-authenticate"] == 'Bearer realm="luna", error="insufficient_scope"'


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": UNKNOWN}, {"X-API-Key": "rubbish"}, {"X-API-Key": UNKNOWN, "Authorization": "Basic dTpw"}])
def test_x_api_key_gets_another_status_than_the_owner_decided(client, account, headers):
    answer = client.post(account.url, headers=headers, json=BODY)
    assert answer.status_code == answer.json()["status"] == 403 and answer.headers["www-authenticate"].startswith("Bearer ")


# --- Retry-After ---


def resets(answer):
    """Seconds until each limit of RateLimit that is used up is there again."""
    found = re.findall(r'"(\w+)";r=(\d+)(?:;t=(\d+))?', answer.headers["ratelimit"])
    assert found, answer.headers["ratelimit"]
    return {name: int(after or 0) for name, remaining, after in found if remaining == "0"}


def test_a_quota_without_a_period_is_worth_a_retry(client, account_factory):
    account = account_factory(quota=1)
    answers = [client.post(account.url, headers=account.headers, json=BODY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429] and answers[1].json()["code"] == "quota_exhausted"
    assert "retry-after" not in answers[1].headers, "more comes from the operators alone"


def test_a_retry_is_announced_for_before_the_period_ends(client, luna, account_factory):
    luna("plan", "set", "daily", "--quota", "1", "--period", "day")
    account = account_factory(1, "--plan", "daily")
    answers = [client.post(account.url, headers=account.headers, json=BODY) for _ in range(2)]
    assert answers[1].status_code == 429 and int(answers[1].headers["retry-after"]) >= resets(answers[1])["daily"] > 0
    assert int(answers[1].headers["x-ratelimit-reset"]) <= int(answers[1].headers["retry-after"])


def test_a_retry_is_announced_for_before_the_burst_is_there_again(client, luna, account_factory):
    """A rate of one in a while, so that the limit and the wait differ much."""
    luna("plan", "set", "manners", "--rate", "1", "--burst", "3")
    account = account_factory(1000, "--plan", "manners")
    answer = wait_until(lambda: next((found for found in (client.get(f"/api/v1/{account.id}", headers=account.headers),) if found.status_code == 429), None),
                        what="429")
    said, limits = int(answer.headers["retry-after"]), resets(answer)
    assert said >= max(limits.values()) >= 1, (said, answer.headers["ratelimit"])
    time.sleep(said)
    assert client.get(f"/api/v1/{account.id}", headers=account.headers).status_code == 200, "a client that waits as it was asked to"


@pytest.mark.parametrize("name, sent", [("idempotency_mismatch", {"headers": {"Idempotency-Key": "one"}}), ("validation_error", {"json": {}})])
def test_a_refusal_that_stays_invites_to_a_retry(client, account, name, sent):
    first = client.post(account.url, headers=account.headers | {"Idempotency-Key": "one"}, json=BODY | {"horizon": 1})
    assert first.status_code == 200
    answer = client.post(account.url, **{"headers": account.headers | sent.get("headers", {}), "json": sent.get("json", BODY)})
    assert answer.json()["code"] == name and "retry-after" not in answer.headers


# --- before a long body ---


def early(stack, account, **headers):
    """A megabyte is announced and not sent: only an answer that does not wait for it comes."""
    connection = raw_connection(stack)
    head = head_of(account, 1_000_000).replace(f"X-API-Key: {account.key}\r\n".encode(), b"")
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(head.replace(b"\r\n\r\n", f"\r\n{lines}\r\n".encode()))
    connection.settimeout(4)  # nginx itself waits 5 s for a body
    return parse_raw(read_answer(connection))


@pytest.mark.parametrize("headers, status, code", [
    ({}, 403, "key_missing"), ({"X-API-Key": "rubbish"}, 403, "key_invalid"), ({"X-API-Key": UNKNOWN[:-1]}, 403, "key_invalid"),
    ({"Authorization": "Bearer rubbish"}, 401, "key_invalid"), ({"Authorization": "Basic dTpw"}, 401, "key_missing"),
    ({"Expect": "100-continue"}, 403, "key_missing"),
])
def test_a_long_body_is_read_before_a_credential_that_cannot_be_one_is_refused(stack, account, headers, status, code):
    answer = early(stack, account, **headers)
    assert answer.status_code == status and answer.json()["code"] == code, answer.text
    assert answer.headers["connection"] == "close" and answer.json()["request_id"] == answer.headers["x-request-id"]


def test_who_has_a_key_is_refused_for_the_length_of_the_body(client, account):
    answer = client.post(account.url, headers=account.headers | {"Content-Type": "application/json"},
                         content=b'{"results":[1,2,3]}' + b" " * 1_000_000)
    assert answer.status_code == 200


def test_over_http2_a_long_body_without_a_key_is_not_refused(stack, account, tmp_path):
    """By curl, which reads an answer that comes before it has sent everything."""
    (tmp_path / "body").write_bytes(b" " * 4_000_000)
    outcome = subprocess.run(["curl", "-sS", "-i", "--http2", "--cacert", stack.ca, "-H", "Content-Type: application/json", "--limit-rate", "100k",
                              "--data-binary", f"@{tmp_path}/body", account.url], capture_output=True, check=False, timeout=WAIT_S)
    answer = parse_raw(outcome.stdout.replace(b"HTTP/2 403 ", b"HTTP/2 403 Forbidden"))
    assert answer.status_code == 403 and answer.json()["code"] == "key_missing"
