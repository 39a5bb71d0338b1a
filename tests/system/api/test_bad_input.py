"""Bad input gets its documented status as JSON with a request id, charges nothing, and the pool keeps serving."""
import json
import uuid

import pytest
from answer_checks import assert_error, assert_serves
from luna_stack import Account

JSON = {"Content-Type": "application/json"}
DEEP = 100_000

# name: body, status, and the type of the first fault when the status is 422
BODIES = {
    "not JSON": ("nonsense", 422, "json_invalid"),
    "empty": ("", 422, None),
    "cut off": ('{"results":[1,2', 422, "json_invalid"),
    "trailing comma": ('{"results":[1,2,]}', 422, "json_invalid"),
    "something after it": ('{"results":[1,2]} x', 422, "json_invalid"),
    "not UTF-8": (b'{"results":[1,2],"\xff":1}', 422, None),
    "a NUL byte": (b'{"results":[1,\x002]}', 422, "json_invalid"),
    "Infinity": ('{"results":[1,Infinity]}', 422, None),
    "-Infinity": ('{"results":[1,-Infinity]}', 422, None),
    "NaN": ('{"results":[1,NaN]}', 422, None),
    "1e999": ('{"results":[1,1e999]}', 422, "finite_number"),
    "-1e999": ('{"results":[1,-1e999]}', 422, "finite_number"),
    "a string among numbers": ('{"results":[1,"2"]}', 422, "float_type"),
    "true among numbers": ('{"results":[1,true]}', 422, "float_type"),
    "an array among numbers": ('{"results":[1,[2]]}', 422, "float_type"),
    "an object among numbers": ('{"results":[1,{}]}', 422, "float_type"),
    "results is a string": ('{"results":"1,2"}', 422, "list_type"),
    "results is a number": ('{"results":1}', 422, "list_type"),
    "results is null": ('{"results":null}', 422, "list_type"),
    "results is an object": ('{"results":{}}', 422, "list_type"),
    "no results": ("{}", 422, "missing"),
    "an array at the top": ("[1,2]", 422, "model_attributes_type"),
    "null at the top": ("null", 422, "model_attributes_type"),
    "an empty array": ('{"results":[]}', 422, "too_short"),
    "nested arrays": ('{"results":' + "[" * DEEP + "]" * DEEP + "}", 422, None),
    "nested objects": ('{"a":' * DEEP + "1" + "}" * DEEP, 422, None),
    "nested and never closed": ("[" * DEEP, 422, None),
    "an unknown model": ('{"results":[1,2],"model":{"name":"sunspots"}}', 422, None),
    "a negative variance": (
        '{"results":[1,2],"model":{"name":"local_level","parameters":{"level_variance":-1,"observation_variance":1}}}', 422, None),
    "an unknown output": ('{"results":[1,2],"output":"guessed"}', 422, None),
    "hexadecimal": ('{"results":[0x10]}', 422, "json_invalid"),
    "a leading zero": ('{"results":[01]}', 422, "json_invalid"),
    "a bare minus": ('{"results":[-]}', 422, "json_invalid"),
}


@pytest.fixture
def warm_account(client, account):
    """An account that Redis knows, so that its remaining quota can be read there."""
    assert_serves(client, account)
    return account


@pytest.fixture
def remaining(redis_store, warm_account):
    return lambda: int(redis_store.get(f"user:{warm_account.id}:quota"))


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_taken_or_charged(client, warm_account, remaining, name):
    body, status, fault = BODIES[name]
    before = remaining()
    answer = client.post(warm_account.url, headers=warm_account.headers | JSON, content=body)
    said = assert_error(answer, status)
    assert isinstance(said["detail"], list)
    for entry in said["detail"]:
        assert entry["loc"][0] == "body" and entry["msg"] and entry["type"]
    if fault:
        assert said["detail"][0]["type"] == fault
    assert remaining() == before
    assert_serves(client, warm_account)


def test_a_fault_is_reported_without_its_index(client, account):
    answer = client.post(account.url, headers=account.headers, json={"results": [1, "a", 2, None, True], "outputs": 1})
    said = assert_error(answer, 422)
    places = [entry["loc"] for entry in said["detail"]]
    assert ["body", "results", 1] in places and ["body", "results", 4] in places and ["body", "outputs"] in places


def test_a_bad_body_is_no_rfc_9457_problem(client, account):
    headers = account.headers | {"Accept": "application/problem+json"}
    answer = client.post(account.url, headers=headers, json={"results": []})
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    said = answer.json()
    assert isinstance(said["detail"], str) and said["errors"][0]["loc"] == ["body", "results"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_a_wrong_method_is_not_405_or_lacks_allow(client, warm_account, remaining, method):
    before = remaining()
    answer = client.request(method, warm_account.url, headers=warm_account.headers)
    assert_error(answer, 405)
    assert "POST" in answer.headers["allow"]
    assert remaining() == before


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense"])
def test_a_wrong_content_type_is_not_415(client, warm_account, remaining, content_type):
    before = remaining()
    headers = warm_account.headers | {"Content-Type": content_type}
    assert_error(client.post(warm_account.url, headers=headers, content='{"results":[1,2]}'), 415)
    assert remaining() == before


BAD_KEYS = {
    "none": {},
    "empty": {"X-API-Key": ""},
    "malformed": {"X-API-Key": "not-a-uuid"},
    "too long": {"X-API-Key": "a" * 4000},
    "with a quote": {"X-API-Key": "' OR 1=1 --"},
    "bearer without a key": {"Authorization": "Bearer "},
    "basic": {"Authorization": "Basic YTpi"},
    "unknown": {"X-API-Key": str(uuid.uuid4())},
}


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_bad_key_is_taken_or_charged(client, warm_account, remaining, name):
    before = remaining()
    expected = 401 if "Authorization" in BAD_KEYS[name] else 403
    assert_error(client.post(warm_account.url, headers=BAD_KEYS[name], json={"results": [1, 2]}), expected)
    assert remaining() == before


def test_a_foreign_key_is_not_403(client, warm_account, remaining, account_factory):
    other = account_factory()
    before = remaining()
    assert_error(client.post(warm_account.url, headers=other.headers, json={"results": [1, 2]}), 403)
    assert remaining() == before


def test_somebody_without_a_key_learns_what_is_wrong_with_the_body(client, account):
    said = assert_error(client.post(account.url, headers=JSON, content="nonsense"), 403)
    assert "json" not in json.dumps(said).lower().replace("application/json", "")


@pytest.mark.parametrize("account_id", [
    "0", "-1", "+1", "99999999999999999999", "2147483648", "1%2e", "01", "1.0", "1e0", "%30", "x", " ", "", "1/2", "١", "..",
    "1;DROP", "2147483647"])
def test_a_strange_account_id_is_not_404(client, account, account_id):
    url = f"{account.stack.url}/api/v1/{account_id}/kalman"
    assert_error(client.post(url, headers=account.headers, json={"results": [1, 2]}), 404)


def test_a_nul_in_the_path_is_not_nginxs_400(client, account):
    assert_error(client.post(f"{account.stack.url}/api/v1/1%00/kalman", headers=account.headers, json={"results": [1, 2]}), 400)


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v2/1/kalman", "/api/v1/1/kalman/", "/api/v1/1/filter", "/%ff", "/.git/config"])
def test_an_unknown_path_is_not_404(client, account, path):
    assert_error(client.post(account.stack.url + path, headers=account.headers, json={"results": [1, 2]}), 404)


def test_a_disabled_account_is_not_403(client, stack, account_factory):
    account: Account = account_factory()
    assert_serves(client, account)
    stack.luna("account", "disable", str(account.id), "--yes")
    assert_error(client.post(account.url, headers=account.headers, json={"results": [1, 2]}), 403)
