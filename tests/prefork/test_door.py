"""Nobody gets work before the key: what a request without a valid key costs a worker."""
import gzip
import json
import re
import threading
import time
import zlib

from conftest import wait_until
from fcgi_client import begin, params_records, stdin_records

WRONG = {"HTTP_X_API_KEY": "wrong"}
LARGE = '{"results":[' + ",".join(["1.25"] * 40_000) + "]}"


def phases(answer):
    return {part.split(";")[0].strip() for part in answer.headers["server-timing"].split(",")}


def test_a_large_body_is_decoded_before_the_key(make_pool):
    pool = make_pool().start()
    answer = pool.post(body=LARGE, **WRONG)
    assert answer.status == 403 and answer.json()["code"] == "key_invalid"
    assert "decode" not in phases(answer)


def test_a_small_compressed_body_is_unpacked_before_the_key(make_pool):
    pool = make_pool().start()
    answer = pool.post(body=gzip.compress(LARGE.encode()), HTTP_CONTENT_ENCODING="gzip", **WRONG)
    assert answer.status == 403 and answer.json()["code"] == "key_invalid"
    assert "decode" not in phases(answer)


def test_a_checked_body_is_decoded_past_the_plans_points(make_pool):
    pool = make_pool().start()
    answer = pool.post(42, LARGE[:-2] + "!")  # its plan allows 100 points
    assert answer.status == 422 and answer.json()["code"] == "too_many_points"
    assert "100 points" in answer.json()["detail"]


def test_a_checked_body_of_few_points_is_refused_or_charged_twice(make_pool):
    pool = make_pool().start()
    answer = pool.post(body='{"results":[1120,1160,963],"horizon":1' + " " * 140_000 + "}")
    assert answer.status == 200
    assert answer.headers["x-ratelimit-remaining"] == "499"
    assert "decode" in phases(answer)


def test_a_bomb_is_unpacked_whole(make_pool):
    pool = make_pool().start()
    answer = pool.post(body=zlib.compress(b" " * (5 << 20), 9), HTTP_CONTENT_ENCODING="deflate")
    assert answer.status == 413 and "100 times" in answer.json()["detail"]


# Half a minute of work in 6 kB: a fit with many states and many missing values, which no machine
# ends within the time limits.
HEAVY = json.dumps({"results": [None] * 200 + [(37 * i) % 101 for i in range(1500)],
                    "model": {"name": "exponential_smoothing", "trend": 1, "period": 365}},
                   separators=(",", ":"))


class Heavy:
    """Heavy requests of account 42, and their answers in the order of their ends."""

    def __init__(self, pool, count):
        self.pool, self.answers, self.threads = pool, [], []
        self.more(count)

    def more(self, count=1):
        for _ in range(count):
            self.threads.append(threading.Thread(target=lambda: self.answers.append(self.pool.post(42, HEAVY))))
            self.threads[-1].start()

    def use_up(self):
        """Until the account's share is in use: of several that begin to take long at one moment, more than necessary are refused."""
        wait_until(lambda: self.pool.post(42).status == 429 or self.more(), "a share that is used up")

    def join(self):
        for thread in self.threads:
            thread.join()


def test_a_hopeless_fit_is_started(make_pool):
    pool = make_pool(LUNA_REQUEST_TIMEOUT_MS=1000).start()
    began = time.monotonic()
    answer = pool.post(42, HEAVY)
    assert time.monotonic() - began < 0.9
    assert answer.status == 422 and answer.json()["code"] == "computation_too_long" and "retry-after" not in answer.headers
    assert re.search(r"would take about \d+ s", answer.json()["detail"])
    heavy = json.loads(HEAVY)
    batch = pool.client().post("/api/v1/42/kalman/batch", json.dumps({"series": [[1, 2, 3], heavy["results"]], "model": heavy["model"]}))
    assert batch.status == 200
    good, long = batch.json()["series"]
    assert "error" not in good and long["error"]["code"] == "computation_too_long"


def test_one_account_computes_in_every_worker(make_pool):
    pool = make_pool(LUNA_WORKERS=4, LUNA_REQUEST_TIMEOUT_MS=6000, LUNA_HARD_LIMIT_GRACE_MS=20_000).start()
    heavy = Heavy(pool, 4)
    wait_until(lambda: len(heavy.answers) >= 2, "two that are refused")
    heavy.use_up()
    assert {(answer.status, answer.json()["code"]) for answer in heavy.answers} == {(429, "concurrency_limited")}
    first = heavy.answers[0]
    assert first.headers["retry-after"] == "1" and first.json()["violated-policies"] == ["concurrency"]
    assert pool.post(43).status == 200  # another account finds workers that are free
    refused = pool.post(42)
    assert refused.status == 429 and refused.json()["code"] == "concurrency_limited"
    assert pool.post(42, HTTP_X_API_KEY="wrong").status == 403  # a stranger does not learn it
    large = pool.post(42, '{"results":[1]' + " " * 140_000 + "}")
    assert large.status == 429 and "decode" not in phases(large)
    heavy.join()
    ended = [answer for answer in heavy.answers if answer.status != 429]
    assert [(answer.status, answer.json()["code"]) for answer in ended] == [(422, "computation_too_long")] * 2
    assert all("retry-after" not in answer.headers for answer in ended)
    assert all(re.search(r"was expected to take about \d+ s", answer.json()["detail"]) for answer in ended)
    assert pool.post(42).status == 200


def test_a_share_of_all_workers_leaves_none_to_the_others(make_pool):
    pool = make_pool(LUNA_WORKERS=2, LUNA_ACCOUNT_WORKERS_MAX=9, LUNA_REQUEST_TIMEOUT_MS=4000, LUNA_HARD_LIMIT_GRACE_MS=20_000).start()
    heavy = Heavy(pool, 2)
    wait_until(lambda: heavy.answers, "one that is refused")
    assert heavy.answers[0].status == 429
    assert pool.post(43).status == 200
    heavy.join()


def test_one_request_after_the_other_counts_as_two_at_once(make_pool):
    """The first has its answer; its worker still books what it computed."""
    pool = make_pool(LUNA_WORKERS=2).start()
    answers = [pool.post(842, '{"results":["x"' + " " * 1_200_000 + "]}") for _ in range(3)]
    assert [answer.status for answer in answers] == [422] * 3


def test_a_batch_does_not_count_for_the_share(make_pool):
    pool = make_pool(LUNA_WORKERS=2, LUNA_REQUEST_TIMEOUT_MS=4000, LUNA_HARD_LIMIT_GRACE_MS=20_000).start()
    heavy = Heavy(pool, 1)
    heavy.use_up()
    batch = pool.client().post("/api/v1/42/kalman/batch", HEAVY.replace('"results":[', '"series":[[').replace("],", "]],", 1))
    assert batch.status == 429 and batch.json()["code"] == "concurrency_limited"
    heavy.join()


def test_a_batch_that_is_being_sent_ends_without_a_word_when_the_share_is_used_up(make_pool):
    """Its first series are cheap, and sent; then its reader waits, and another computation takes the account's share."""
    pool = make_pool(LUNA_WORKERS=4, LUNA_ACCOUNT_WORKERS_MAX=1, LUNA_REQUEST_TIMEOUT_MS=8000, LUNA_HARD_LIMIT_GRACE_MS=20_000).start()
    cheap = json.dumps({"results": [(17 * i) % 97 for i in range(300)], "include": ["variance"],
                        "model": {"name": "local_level", "parameters": {"level_variance": 1.5, "observation_variance": 2.5}}},
                       separators=(",", ":"))
    lines = [cheap] * 60 + [HEAVY, cheap, HEAVY]
    body = "\n".join(lines).encode()
    client = pool.client()
    connection = client.connect()
    params = client.params("POST", "/api/v1/42/kalman/batch", body, CONTENT_TYPE="application/x-ndjson")
    connection.send(begin() + params_records(params) + stdin_records(body))
    wait_until(connection.has_answer, "the first bytes")
    heavy = Heavy(pool, 1)
    heavy.use_up()
    answer = connection.answer()
    connection.close()
    said = [json.loads(line) for line in answer.body.decode().splitlines()]
    assert answer.status == 200 and answer.ended and len(said) == len(lines) + 1
    refused = [index for index, item in enumerate(said) if item.get("error", {}).get("code") == "concurrency_limited"]
    assert refused == list(range(60, len(lines)))
    assert said[-1] == {"succeeded": 60, "failed": 3, "charged": 60}
    heavy.join()


def begin_large(pool, body):
    """A large body of account 42 of which nothing is sent yet."""
    client = pool.client()
    connection = client.connect()
    connection.send(begin() + params_records(client.params("POST", "/api/v1/42/kalman", body)))
    return connection


def test_large_bodies_of_one_account_keep_every_worker_reading(make_pool):
    """Two that are being read are its share of four workers: a third one is refused before it is read."""
    pool = make_pool(LUNA_WORKERS=4, LUNA_REQUEST_TIMEOUT_MS=60_000, LUNA_HARD_LIMIT_GRACE_MS=20_000).start()
    large = b'{"results":[1]' + b" " * 1_000_000 + b"}"
    held = [begin_large(pool, large) for _ in range(2)]

    def used_up():
        """A third body that came before the second one was counted has taken its place: that one begins again."""
        held[:] = [begin_large(pool, large) if connection.has_answer() else connection for connection in held]
        return pool.post(42, large).status == 429

    wait_until(used_up, "a share that is used up")
    assert pool.post(43).status == 200
    for connection in held:
        connection.send(stdin_records(large))
        assert connection.answer().status == 200
    assert pool.post(42, large).status == 200


def test_an_account_of_long_computations_keeps_every_worker_at_finding_out(make_pool):
    """Two long ones are over; of four more, started together, two are refused at once: no third worker computes for 20 ms."""
    pool = make_pool(LUNA_WORKERS=4, LUNA_REQUEST_TIMEOUT_MS=3000, LUNA_HARD_LIMIT_GRACE_MS=20_000).start()
    first = Heavy(pool, 2)
    first.join()
    second = Heavy(pool, 4)
    second.join()
    refused = [answer for answer in second.answers if answer.status == 429]
    assert len(refused) >= 2 and all("model" not in phases(answer) for answer in refused)
    assert pool.post(43).status == 200
