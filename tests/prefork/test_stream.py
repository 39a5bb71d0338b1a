"""A batch whose answer has begun to leave: what its time limit means then."""
import json
import time

from conftest import wait_until
from fcgi_client import begin, params_records, stdin_records

URI = "/api/v1/900/kalman/batch"  # of a plan that allows so many points
TIMEOUT_MS = 2000
MODEL = {"name": "local_level", "parameters": {"level_variance": 1.5, "observation_variance": 2.5}}


def batch(count, points):
    series = [[(17 * i + 7 * k) % 97 for i in range(points)] for k in range(count)]
    return json.dumps({"series": series, "model": MODEL, "include": ["variance"]}).encode()


def test_a_series_whose_turn_comes_too_late_does_not_say_so_or_is_charged(make_pool):
    """The reader takes the first bytes and then nothing until the time is up; the answer that began goes on to its end."""
    pool = make_pool(LUNA_REQUEST_TIMEOUT_MS=TIMEOUT_MS, LUNA_HARD_LIMIT_GRACE_MS=4000).start()
    client, body = pool.client(), batch(100, 1000)
    connection = client.connect()
    started = time.monotonic()
    connection.send(begin() + params_records(client.params("POST", URI, body)) + stdin_records(body))
    wait_until(connection.has_answer, "the first bytes")
    wait_until(lambda: time.monotonic() - started > TIMEOUT_MS / 1000, "the end of the request's time")
    answer = connection.answer()
    connection.close()
    assert answer.status == 200 and answer.ended and "content-length" not in answer.headers
    said = answer.json()
    late = [item["error"]["code"] for item in said["series"] if "error" in item]
    assert len(said["series"]) == 100 and 0 < said["succeeded"] < 100 and len(late) == said["failed"] == 100 - said["succeeded"]
    assert set(late) == {"deadline_exceeded"}
    assert said["charged"] == said["succeeded"]


def test_a_batch_of_which_nothing_has_left_is_answered_in_part_when_its_time_is_up(make_pool):
    pool = make_pool(LUNA_REQUEST_TIMEOUT_MS=TIMEOUT_MS, LUNA_HARD_LIMIT_GRACE_MS=4000).start()
    answer = pool.client().post(f"/api/v1/{91000 + TIMEOUT_MS + 100}/kalman/batch", batch(3, 10))
    assert answer.status == 503 and answer.json()["code"] == "deadline_exceeded"
