"""Every row of the table of bad requests gets exactly the answer that it names, and charges nothing."""
import json

import pytest
from bad_requests import TABLE

assert len({name for name, *_ in TABLE}) == len(TABLE), "two rows have the same name"


def send(client, account, sent):
    headers = {"Content-Type": "application/json"} | sent.get("headers", {})
    key = sent.get("key", account.key)
    if key is not None:
        headers["X-API-Key"] = key
    content = json.dumps(sent["json"]) if "json" in sent else sent.get("body")
    path = sent.get("path", "/api/v1/{id}/kalman").replace("{id}", str(account.id))
    url = f"{account.stack.url}{path}?{sent['query']}" if "query" in sent else account.stack.url + path
    headers = {name: value for name, value in headers.items() if value is not None}
    return client.request(sent.get("method", "POST"), url, headers=headers, content=content)


@pytest.fixture(scope="module")
def victim(client, account_factory, luna):
    """Its plan allows as many requests as these tests send at once on a fast machine."""
    luna("plan", "set", "bad-requests", "--rate", "10000", "--burst", "10000")
    account = account_factory(100000, "--plan", "bad-requests")
    assert client.post(account.url, headers=account.headers, json={"results": [1, 2]}).status_code == 200
    return account


@pytest.mark.parametrize("name,sent,status,expected", TABLE, ids=[row[0] for row in TABLE])
def test_a_bad_request_gets_another_answer_than_the_document_says(client, victim, redis_store, name, sent, status, expected):
    before = redis_store.get(f"user:{victim.id}:quota")
    answer = send(client, victim, sent)
    said = answer.json()
    assert answer.status_code == status == said["status"], answer.text
    assert said["request_id"] == answer.headers["x-request-id"]
    if isinstance(expected, str):
        assert said["code"] == expected
    else:
        faults = [(fault["loc"], fault["type"]) for fault in said["detail"]]
        assert faults == expected, answer.text
        assert all(fault["msg"] and fault.get("hint") for fault in said["detail"]), answer.text
    assert redis_store.get(f"user:{victim.id}:quota") == before, "a refused request was charged"


HINTS = {
    "an unknown member": 'did you mean "output"? members are: results, model, output, horizon, intervals, include, robust, ljung_box_lags, transform, bias_adjust',
    "a batch with an unknown option": "options are: model, output, horizon, intervals, include, robust, ljung_box_lags, transform, bias_adjust",
    "a key with an unknown member": "members are: scopes, expires_in_s, name, metadata, allowed_networks, rate_per_s, rate_burst",
    "an unknown query parameter": "parameters are: precision; options are members of a JSON body",
    "usage with an unknown parameter": "parameters are: days",
    "NDJSON with text": 'line 2: a line is a number, null for a missing observation, or {"value": number}',
}


def test_a_hint_does_not_tell_what_there_is_instead(client, victim):
    rows = {name: sent for name, sent, *_ in TABLE}
    said = {name: send(client, victim, rows[name]).json()["detail"][0]["hint"] for name in HINTS}
    assert said == HINTS


def test_rfc_9457_tells_other_faults(client, victim):
    for name, sent, status, expected in TABLE:
        if isinstance(expected, str) or status != 422:
            continue
        asked = sent | {"headers": sent.get("headers", {}) | {"Accept": "application/problem+json"}}
        answer = send(client, victim, asked)
        said = answer.json()
        assert answer.status_code == status, (name, said)
        assert answer.headers["content-type"].startswith("application/problem+json"), name
        assert isinstance(said["detail"], str), name
        assert [(fault["loc"], fault["type"]) for fault in said["errors"]] == expected, name
