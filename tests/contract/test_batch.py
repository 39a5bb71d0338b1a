"""Many series at once: each for itself, charged by what was answered."""
import json

import pytest

NDJSON = {"Content-Type": "application/x-ndjson"}
SERIES = [[1120, 1160, 963, 1210], [5, 6, None, 7, 8], [1.5]]


@pytest.fixture
def batch(client):
    def call(account, headers=None, **options):
        return client.post(account.url + "/batch", headers=account.headers | (headers or {}), **options)

    return call


def test_each_series_is_answered_as_if_it_came_alone(client, account, batch):
    options = {"output": "smoothed", "horizon": 3, "intervals": [0.9], "include": ["model", "variance"]}
    together = batch(account, json={"series": SERIES} | options).json()
    alone = [client.post(account.url, headers=account.headers, json={"results": series} | options).json() for series in SERIES]
    assert together["series"] == alone
    flat = {"y": [value for series in SERIES for value in series], "sizes": [len(series) for series in SERIES]}
    assert batch(account, json=flat | options).json()["series"] == alone


def test_one_bad_series_fails_alone_and_is_not_charged(account, batch, redis_store):
    assert batch(account, json={"series": [[1, 2]]}).status_code == 200
    before = int(redis_store.get(f"user:{account.id}:quota"))
    said = batch(account, json={"series": [[1, 2, 3], ["x"], [], [4, 5, 6], 7]}).json()
    assert (said["succeeded"], said["failed"], said["charged"]) == (2, 3, 2)
    assert ["error" in item for item in said["series"]] == [False, True, True, False, True]
    assert said["series"][1]["error"]["detail"][0]["loc"] == ["body", "series", 1, 0]
    assert int(redis_store.get(f"user:{account.id}:quota")) == before - 2


def test_a_series_that_fails_in_the_model_is_not_charged(account, batch, redis_store):
    assert batch(account, json={"series": [[1, 2]]}).status_code == 200
    before = int(redis_store.get(f"user:{account.id}:quota"))
    impossible = {"name": "local_level", "parameters": {"level_variance": 0, "observation_variance": 0}}
    said = batch(account, json={"series": [[3, 3, 3], [1, 2, 3]], "model": impossible}).json()
    assert (said["succeeded"], said["failed"], said["charged"]) == (1, 1, 1), said
    assert said["series"][1]["error"]["code"] == "validation_error"
    assert int(redis_store.get(f"user:{account.id}:quota")) == before - 1


def test_what_is_left_of_the_quota_is_used_and_stated(account_factory, batch):
    account = account_factory(quota=2)
    answer = batch(account, json={"series": [[1, 2], ["x"], [3, 4], [5, 6]]})
    said = answer.json()
    assert (said["succeeded"], said["failed"], said["charged"]) == (2, 2, 2), said
    assert said["series"][3]["error"]["code"] == "quota_exhausted"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert batch(account, json={"series": [[1, 2]]}).status_code == 429


def test_under_an_idempotency_key_it_is_all_or_none(account_factory, batch):
    account = account_factory(quota=2)
    assert batch(account, {"Idempotency-Key": "a"}, json={"series": [[1], [2], [3]]}).status_code == 429
    first = batch(account, {"Idempotency-Key": "b"}, json={"series": [[1], [2]]})
    again = batch(account, {"Idempotency-Key": "b"}, json={"series": [[1], [2]]})
    assert first.json()["charged"] == 2
    assert again.status_code == 200 and again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content


def test_lines_have_options_of_their_own(account, batch):
    lines = '{"results":[1,2,3]}\n\n{"results":[1,2,3],"horizon":2}\nnonsense\n{"results":[]}\n'
    answer = batch(account, NDJSON, content=lines)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    said = [json.loads(line) for line in answer.text.splitlines()]
    assert said[0]["input_data"] == [1, 2, 3] and "forecast" not in said[0]
    assert len(said[1]["forecast"]["mean"]) == 2
    assert said[2]["error"]["detail"][0]["loc"] == ["body", 3, 0]
    assert said[3]["error"]["detail"][0]["loc"] == ["body", 4, "results"]
    assert said[4] == {"succeeded": 2, "failed": 2, "charged": 2}
    as_json = batch(account, NDJSON | {"Accept": "application/json"}, content=lines).json()
    assert as_json["series"] == said[:4]


def test_a_batch_of_bad_series_alone_charges_nothing(account, batch, redis_store):
    assert batch(account, json={"series": [[1, 2]]}).status_code == 200
    before = redis_store.get(f"user:{account.id}:quota")
    said = batch(account, json={"series": [["x"], []]}).json()
    assert (said["succeeded"], said["failed"], said["charged"]) == (0, 2, 0)
    assert redis_store.get(f"user:{account.id}:quota") == before


def test_two_thousand_series_are_one_request(account, batch):
    said = batch(account, json={"series": [[i, i + 1, i + 3] for i in range(2000)]}).json()
    assert (said["succeeded"], said["charged"]) == (2000, 2000)
