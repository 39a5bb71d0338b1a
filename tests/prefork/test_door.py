"""Nobody gets work before the key: what a request without a valid key costs a worker."""
import gzip
import zlib

WRONG = {"HTTP_X_API_KEY": "wrong"}
LARGE = '{"results":[' + ",".join(["1.25"] * 20_000) + "]}"


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
    pool = make_pool().start()  # the fake plan allows 100 points
    answer = pool.post(body=LARGE[:-2] + "!")
    assert answer.status == 422 and answer.json()["code"] == "too_many_points"
    assert "100 points" in answer.json()["detail"]


def test_a_checked_body_of_few_points_is_refused_or_charged_twice(make_pool):
    pool = make_pool().start()
    answer = pool.post(body='{"results":[1120,1160,963],"horizon":1' + " " * 20_000 + "}")
    assert answer.status == 200
    assert answer.headers["x-ratelimit-remaining"] == "499"
    assert "decode" in phases(answer)


def test_a_bomb_is_unpacked_whole(make_pool):
    pool = make_pool().start()
    answer = pool.post(body=zlib.compress(b" " * (5 << 20), 9), HTTP_CONTENT_ENCODING="deflate")
    assert answer.status == 413 and "100 times" in answer.json()["detail"]
