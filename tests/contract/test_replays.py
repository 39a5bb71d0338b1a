"""A request that is sent again under its Idempotency-Key gets its first answer, which nobody computes again if it is short."""
import uuid

import pytest

SHORT = {"results": [1120, 1160, 963, 1210], "model": {"name": "local_level"}, "horizon": 2}
LONG = {"results": list(range(2000)), "model": {"name": "local_level", "parameters": {"level_variance": 1, "observation_variance": 1}}}
CSV = "value\n1120\n1160\n963\n"


def twice(client, url, headers, **request):
    headers = headers | {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (client.post(url, headers=headers, **request) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert "idempotent-replayed" not in first.headers and again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    return first, again


def was_computed(answer):
    return "model" in answer.headers["server-timing"]


@pytest.mark.parametrize("path, headers, request_", [
    ("", {}, {"json": SHORT}),
    ("", {"Accept": "text/csv"}, {"json": SHORT}),
    ("", {"Accept": "application/octet-stream"}, {"json": SHORT}),
    ("", {"Content-Type": "text/csv", "Accept": "application/x-ndjson"}, {"content": CSV}),
    ("/batch", {}, {"json": {"series": [[1120, 1160, 963, 1210], [1, 2, 3], []]}}),
    ("/batch", {"Accept": "application/x-ndjson"}, {"json": {"series": [[1120, 1160, 963, 1210], [3, 2, 1]]}}),
], ids=["json", "csv", "octets", "ndjson", "batch", "batch-lines"])
def test_a_short_answer_is_computed_again(client, account, path, headers, request_):
    first, again = twice(client, account.url + path, account.headers | headers, **request_)
    assert again.content == first.content and again.headers.get("luna-fit") == first.headers.get("luna-fit")
    assert was_computed(first) and not was_computed(again)


def test_a_replay_does_not_say_how_the_model_was_fitted(client, account):
    first, again = twice(client, account.url, account.headers | {"Accept": "text/csv"}, json=SHORT)
    assert again.headers["luna-fit"] == first.headers["luna-fit"] != ""


def test_a_long_answer_is_kept_in_redis(client, account, redis_store):
    first, again = twice(client, account.url, account.headers, json=LONG)
    assert len(first.content) > 16384 and again.content == first.content and was_computed(again)
    assert redis_store.get("{user:%s:quota}:answers" % account.id) is None


def test_a_failed_request_is_answered_from_its_record(client, account):
    headers = account.headers | {"Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):
        refused = client.post(account.url, json={"results": []}, headers=headers)
        assert refused.status_code == 422 and "idempotent-replayed" not in refused.headers


def test_a_kept_answer_is_given_without_a_rate(client, account_factory, luna):
    name = f"replay-{uuid.uuid4().hex[:8]}"
    luna("plan", "set", name, "--rate", "1", "--burst", "2")
    account = account_factory(10, "--plan", name)
    headers = account.headers | {"Idempotency-Key": "one"}
    assert [client.post(account.url, json=SHORT, headers=headers).status_code for _ in range(3)] == [200, 200, 429]


def test_the_new_key_of_a_retried_post_is_kept_in_redis(client, account, redis_store):
    headers = account.headers | {"Idempotency-Key": uuid.uuid4().hex}
    made = client.post(f"/api/v1/{account.id}/keys", json={}, headers=headers)
    assert made.status_code == 201
    records = [redis_store.get(name) for name in redis_store.scan_iter(f"{{user:{account.id}:quota}}:i:*")]
    assert records and not any(made.json()["api_key"].encode() in record for record in records)
