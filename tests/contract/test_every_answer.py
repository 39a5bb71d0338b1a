"""Every status that the document gives an operation is answered by it, as described; exercised.py counts over the whole recording."""
import concurrent.futures
import gzip
import json

import pytest
import service_faults
from document import load, operations, resolve, validate
from luna_stack import wait_until

API = {operation["operationId"]: (method, path, operation) for method, path, operation, _ in operations() if path.startswith("/api/")}
WITH_BODY = [name for name, (_, _, operation) in API.items() if "requestBody" in operation]
WITH_TAG = [name for name, (_, _, operation) in API.items() if "304" in operation["responses"]]
JSON = {"Content-Type": "application/json"}
SLOW = {"name": "basic_structural", "period": 12}


def body_of(name):
    """The first example that the document has."""
    content = API[name][2].get("requestBody", {}).get("content", {})
    examples = content.get("application/json", {}).get("examples", {})
    return resolve(next(iter(examples.values())))["value"] if examples else {}


def call(client, account, name, account_id=None, key_id=999999999, headers=None, query="", **options):
    method, path, operation = API[name]
    path = path.format(account_id=account_id or account.id, key_id=key_id)
    if "requestBody" in operation and not options:
        options = {"json": body_of(name)}
    return client.request(method, path + query, headers=account.headers | (headers or {}), **options)


def check(answer, name, status):
    """The status, and the body that the document has for it."""
    assert answer.status_code == status, f"{name}: {answer.text[:500]}"
    documented = load()["paths"][API[name][1]][API[name][0]] if name in API else None
    if documented:
        content = resolve(documented["responses"][str(status)])["content"]
        validate(answer.json(), content["application/json"]["schema"])
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    return answer


@pytest.fixture(scope="module")
def plain(client, account_factory):
    account = account_factory()
    assert call(client, account, "readAccount").status_code == 200
    return account


@pytest.mark.parametrize("name", API)
def test_an_account_that_is_not_there_is_not_404(client, plain, name):
    assert check(call(client, plain, name, account_id=2147483647), name, 404).json()["code"] == "account_unknown"


@pytest.mark.parametrize("name", API)
def test_a_query_that_is_not_known_is_not_422(client, plain, name):
    fault = check(call(client, plain, name, query="?moon=1"), name, 422).json()["detail"][0]
    assert (fault["loc"], fault["type"]) == (["query", "moon"], "extra_forbidden")


@pytest.mark.parametrize("name", API)
def test_a_header_that_is_too_long_is_not_431(client, plain, name):
    check(call(client, plain, name, headers={"X-Request-Id": "x" * 9000}), name, 431)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
def test_a_header_that_is_too_long_is_not_431_outside_of_the_api(client, path):
    check(client.get(path, headers={"X-Request-Id": "x" * 9000}), path, 431)


@pytest.mark.parametrize("name", WITH_TAG)
def test_what_did_not_change_is_not_304(client, plain, name):
    key_id = call(client, plain, "listKeys").json()["data"][0]["id"]
    first = call(client, plain, name, key_id=key_id)
    again = call(client, plain, name, key_id=key_id, headers={"If-None-Match": first.headers["etag"]})
    assert first.status_code == 200 and again.status_code == 304 and not again.content


@pytest.mark.parametrize("name", API)
def test_a_burst_is_not_429(client, luna, account_factory, name):
    luna("plan", "set", "trickle", "--rate", "1", "--burst", "1")
    account = account_factory(1000, "--plan", "trickle")
    answer = wait_until(lambda: next((found for found in (call(client, account, name),) if found.status_code == 429), None), what="429")
    assert int(check(answer, name, 429).headers["retry-after"]) >= 1 and answer.json()["code"] == "rate_limited"


@pytest.mark.parametrize("name", WITH_BODY)
def test_another_media_type_is_not_415(client, plain, name):
    answer = check(call(client, plain, name, headers={"Content-Type": "application/xml"}, content="<x/>"), name, 415)
    documented = set(resolve(API[name][2]["requestBody"])["content"])
    assert set(answer.headers["accept"].split(", ")) == documented and "accept-encoding" not in answer.headers
    assert "octet-stream" not in answer.text or "application/octet-stream" in documented


@pytest.mark.parametrize("name", WITH_BODY)
def test_another_coding_is_not_415_with_those_that_are_read(client, plain, name):
    answer = check(call(client, plain, name, headers=JSON | {"Content-Encoding": "br"}, content="x"), name, 415)
    assert answer.headers["accept-encoding"] == "gzip, deflate" and "accept" not in answer.headers


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_body_that_was_cut_off_in_its_compression_is_not_400(client, plain, name):
    packed = gzip.compress(b'{"results":[1,2,3]}')[:-3]
    answer = call(client, plain, name, headers=JSON | {"Content-Encoding": "gzip"}, content=packed)
    assert check(answer, name, 400).json()["code"] == "body_corrupt"


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_body_that_unpacks_to_too_much_is_not_413(client, plain, name):
    packed = gzip.compress(b" " * 40_000_000)
    check(call(client, plain, name, headers=JSON | {"Content-Encoding": "gzip"}, content=packed), name, 413)


# A series with a missing value is fitted by the filter, which takes a hundred times as long.
SLOW_BODIES = {
    "filterSeries": {"results": [None, *(float(i * i % 97) for i in range(3000))], "model": SLOW},
    "filterBatch": {"series": [[None, *(float(i * j % 97) for i in range(400))] for j in range(1, 11)], "model": SLOW},
}


@pytest.mark.parametrize("name", SLOW_BODIES)
def test_a_retry_while_the_first_still_runs_is_not_409(client, plain, name):
    headers = {"Idempotency-Key": f"slow-{name}"}

    def ask():
        return call(client, plain, name, headers=headers, json=SLOW_BODIES[name])

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        answers = [future.result() for future in [threads.submit(ask), threads.submit(ask)]]
    refused = next(answer for answer in answers if answer.status_code != 200)
    assert check(refused, name, 409).json()["code"] == "idempotency_in_flight"
    assert int(refused.headers["retry-after"]) >= 1


@pytest.fixture(scope="module")
def full(client, luna, account_factory):
    """An account with as many keys as there may be."""
    luna("plan", "set", "keys", "--rate", "1000", "--burst", "1000")
    account = account_factory(1000, "--plan", "keys")
    made = [call(client, account, "createKey") for _ in range(39)]
    assert {answer.status_code for answer in made} == {201}
    return account, made[-1].json()["id"]


def test_a_key_too_many_is_not_409(client, full):
    account, _ = full
    check(call(client, account, "createKey"), "createKey", 409)


def test_a_rotation_with_grace_that_makes_a_key_too_many_is_not_409(client, full):
    account, key_id = full
    check(call(client, account, "rotateKey", key_id=key_id, json={"grace_s": 60}), "rotateKey", 409)


def test_a_change_of_a_key_that_is_not_valid_any_more_is_not_409(client, plain):
    key_id = call(client, plain, "createKey").json()["id"]
    assert call(client, plain, "revokeKey", key_id=key_id).status_code == 204
    check(call(client, plain, "updateKey", key_id=key_id), "updateKey", 409)


def all_at_once(names, ask):
    with concurrent.futures.ThreadPoolExecutor(len(names)) as threads:
        return dict(zip(names, threads.map(ask, names)))


def test_without_redis_an_operation_is_not_503(stack, client, plain):
    with service_faults.redis_frozen(stack):
        answers = {name: call(client, plain, name) for name in API}
        assert client.get("/readyz").status_code == 503
    for name, answer in answers.items():
        assert int(check(answer, name, 503).headers["retry-after"]) >= 1


def test_without_a_worker_an_operation_is_not_502(stack, client, plain):
    with service_faults.no_worker(stack):
        answers = {name: call(client, plain, name) for name in API}
    for name, answer in answers.items():
        assert check(answer, name, 502).headers["retry-after"]


def test_when_no_worker_answers_in_time_an_operation_is_not_504(stack, client, plain):
    with service_faults.impatient_gateway(stack), service_faults.pool_frozen(stack):
        answers = all_at_once(list(API), lambda name: call(client, plain, name))
        health = all_at_once(["/livez", "/readyz"], client.get)
    for name, answer in answers.items():
        assert check(answer, name, 504).headers["retry-after"]
    assert {answer.status_code for answer in health.values()} == {504}


def test_without_a_master_that_moves_livez_is_not_503(stack, client):
    with service_faults.master_frozen(stack):
        answer = wait_until(lambda: refused(client.get("/livez")), "/livez 503")
    assert answer.json() == {"status": "not alive", "reason": "the master has not moved for too long"}


def refused(answer):
    return answer if answer.status_code == 503 else None


def test_without_the_monitor_health_is_not_502(stack, client):
    with service_faults.monitor_gone(stack):
        assert {client.get(path).status_code for path in ("/livez", "/readyz")} == {502}
    assert client.get("/livez").status_code == 200


@pytest.mark.parametrize("name", [*WITH_BODY, "revokeKey"])
def test_a_body_that_the_gateway_has_no_room_for_is_not_500(stack, client, plain, name):
    with service_faults.no_disk(stack):
        answer = call(client, plain, name, headers=JSON, content=json.dumps(body_of(name)) + " " * 2_700_000)
    check(answer, name, 500)
