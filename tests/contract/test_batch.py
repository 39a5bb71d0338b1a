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


def test_a_series_of_a_batch_is_answered_otherwise_than_alone(client, account, batch):
    options = {"output": "smoothed", "horizon": 3, "intervals": [0.9], "include": ["model", "variance"]}
    answer = batch(account, json={"series": SERIES} | options)
    together = answer.json()
    alone = [client.post(account.url, headers=account.headers, json={"results": series} | options).json() for series in SERIES]
    assert together["series"] == alone
    assert answer.headers["luna-input"] == "rows=10, series=3"
    flat = {"y": [value for series in SERIES for value in series], "sizes": [len(series) for series in SERIES]}
    assert batch(account, json=flat | options).json()["series"] == alone


def test_one_bad_series_fails_the_others_or_is_charged(account, batch, redis_store):
    assert batch(account, json={"series": [[1, 2]]}).status_code == 200
    before = int(redis_store.get(f"user:{account.id}:quota"))
    said = batch(account, json={"series": [[1, 2, 3], ["x"], [], [4, 5, 6], 7]}).json()
    assert (said["succeeded"], said["failed"], said["charged"]) == (2, 3, 2)
    assert ["error" in item for item in said["series"]] == [False, True, True, False, True]
    assert said["series"][1]["error"]["detail"][0]["loc"] == ["body", "series", 1, 0]
    assert int(redis_store.get(f"user:{account.id}:quota")) == before - 2


def test_a_series_that_fails_in_the_model_is_charged(account, batch, redis_store):
    assert batch(account, json={"series": [[1, 2]]}).status_code == 200
    before = int(redis_store.get(f"user:{account.id}:quota"))
    impossible = {"name": "local_level", "parameters": {"level_variance": 0, "observation_variance": 0}}
    said = batch(account, json={"series": [[3, 3, 3], [1, 2, 3]], "model": impossible}).json()
    assert (said["succeeded"], said["failed"], said["charged"]) == (1, 1, 1), said
    assert said["series"][1]["error"]["code"] == "validation_error"
    assert int(redis_store.get(f"user:{account.id}:quota")) == before - 1


def test_what_is_left_of_the_quota_is_not_used_or_not_stated(account_factory, batch):
    account = account_factory(quota=2)
    answer = batch(account, json={"series": [[1, 2], ["x"], [3, 4], [5, 6]]})
    said = answer.json()
    assert (said["succeeded"], said["failed"], said["charged"]) == (2, 2, 2), said
    assert said["series"][3]["error"]["code"] == "quota_exhausted"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert batch(account, json={"series": [[1, 2]]}).status_code == 429


def test_a_batch_under_an_idempotency_key_is_done_in_part(account_factory, batch):
    account = account_factory(quota=2)
    assert batch(account, {"Idempotency-Key": "a"}, json={"series": [[1], [2], [3]]}).status_code == 429
    first = batch(account, {"Idempotency-Key": "b"}, json={"series": [[1], [2]]})
    again = batch(account, {"Idempotency-Key": "b"}, json={"series": [[1], [2]]})
    assert first.json()["charged"] == 2
    assert again.status_code == 200 and again.headers["idempotent-replayed"] == "true"
    assert again.content == first.content


def test_a_line_is_read_with_the_options_of_another(account, batch):
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


def test_a_batch_of_bad_series_alone_is_charged(account, batch, redis_store):
    assert batch(account, json={"series": [[1, 2]]}).status_code == 200
    before = redis_store.get(f"user:{account.id}:quota")
    said = batch(account, json={"series": [["x"], []]}).json()
    assert (said["succeeded"], said["failed"], said["charged"]) == (0, 2, 0)
    assert redis_store.get(f"user:{account.id}:quota") == before


def test_two_thousand_series_are_more_than_one_request(account, batch):
    said = batch(account, json={"series": [[i, i + 1, i + 3] for i in range(2000)]}).json()
    assert (said["succeeded"], said["charged"]) == (2000, 2000)


LONG = "unique_id,ds,y\na,2020-01-01,5\nb,2020-01-01,7\na,2020-01-02,6\nb,2020-01-02,\nb,2020-01-03,9\n"


def test_a_table_with_ids_is_no_batch_or_loses_the_ids(account, batch):
    answer = batch(account, {"Content-Type": "text/csv"}, content=LONG, params={"horizon": 1})
    said = answer.json()
    assert [(series["id"], series["input_data"]) for series in said["series"]] == [("a", [5, 6]), ("b", [7, None, 9])]
    assert all(len(series["forecast"]["mean"]) == 1 for series in said["series"])
    assert (said["succeeded"], said["charged"]) == (2, 2)
    assert 'id_column="unique_id"' in answer.headers["Luna-Input"] and "series=2" in answer.headers["Luna-Input"]
    records = "".join(json.dumps({"shop": shop, "sales": value}) + "\n" for shop, value in [(1, 5), (2, 7), (1, 6)])
    lines = batch(account, NDJSON, content=records, params={"id_column": "shop"}).text.splitlines()
    assert [json.loads(line)["id"] for line in lines[:-1]] == ["1", "2"]


def test_a_table_without_ids_is_a_batch(account, batch):
    answer = batch(account, {"Content-Type": "text/csv"}, content="day,y\n2020-01-01,5\n")
    assert answer.status_code == 422
    assert "add id_column=NAME" in answer.json()["detail"][0]["hint"]


def test_the_id_of_a_line_is_lost(account, batch):
    lines = '{"id":"a","results":[1,2,3]}\n{"id":7,"results":["x"]}\n{"results":[4,5]}\n{"id":[1],"results":[1]}\n'
    said = [json.loads(line) for line in batch(account, NDJSON, content=lines).text.splitlines()]
    assert said[0]["id"] == "a" and said[0]["input_data"] == [1, 2, 3]
    assert said[1]["id"] == 7 and "error" in said[1]
    assert "id" not in said[2] and said[2]["input_data"] == [4, 5]
    assert said[3]["error"]["detail"][0]["loc"] == ["body", 3, "id"]


def test_the_id_of_a_json_series_is_lost(account, batch):
    series = [{"id": "a", "results": [1, 2, 3]}, {"id": 7, "results": ["x"]}, [4, 5], {"id": "o", "results": [1], "horizon": 1}]
    for accept in ("application/json", "application/x-ndjson"):
        answer = batch(account, {"Accept": accept}, json={"series": series, "horizon": 2})
        said = answer.json()["series"] if accept.endswith("/json") else [json.loads(line) for line in answer.text.splitlines()]
        assert said[0]["id"] == "a" and said[0]["input_data"] == [1, 2, 3] and len(said[0]["forecast"]["mean"]) == 2
        assert said[1]["id"] == 7 and said[1]["error"]["detail"][0]["loc"] == ["body", "series", 1, "results", 0]
        assert "id" not in said[2] and said[2]["input_data"] == [4, 5]
        assert said[3]["id"] == "o" and said[3]["error"]["detail"][0]["loc"] == ["body", "series", 3, "horizon"]
        assert "options stand beside series" in said[3]["error"]["detail"][0]["hint"]


def test_an_id_beside_one_series_is_taken(client, account):
    answer = client.post(account.url, headers=account.headers, json={"results": [1, 2], "id": "a"})
    assert answer.status_code == 422
