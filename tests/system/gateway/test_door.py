"""What one unit buys, and what a wrong key costs."""
import json
import re
import socket
import time
import uuid

from raw_http import head_of, raw_connection


def series(account, client, key, query="", **headers):
    return client.post(account.url + query, content="1120\n1160\n963\n1210\n",
                       headers=account.headers | {"Content-Type": "text/csv", "Idempotency-Key": key} | headers)


def test_one_unit_buys_several_models(client, account):
    first = series(account, client, "one", "?model=local_level")
    assert first.status_code == 200
    again = series(account, client, "one", "?model=local_level")
    assert again.headers["idempotent-replayed"] == "true" and again.text == first.text
    for query, headers in (("?model=local_linear_trend", {}), ("", {}), ("?model=local_level&precision=3", {}),
                           ("?model=local_level", {"Accept": "application/json"}),
                           ("?model=local_level", {"Content-Type": "text/csv; header=present"}),
                           ("?model=local_level", {"Content-Type": "text/tab-separated-values"})):
        other = series(account, client, "one", query, **headers)
        assert other.status_code == 422 and other.json()["code"] == "idempotency_mismatch", (query, headers)


def test_wrong_keys_move_the_epoch_of_a_cold_account(client, account, db, redis_store):
    def epoch():
        with db.cursor() as cursor:
            cursor.execute("SELECT quota_epoch FROM accounts WHERE id = %s", (account.id,))
            return cursor.fetchone()[0]

    redis_store.delete(f"{{user:{account.id}:quota}}:m")
    before = epoch()
    for _ in range(20):
        refused = client.post(account.url, json={"results": [1, 2]}, headers={"X-API-Key": str(uuid.uuid4())})
        assert refused.status_code == 403 and refused.json()["code"] == "key_invalid"
    assert epoch() == before
    assert client.post(account.url, json={"results": [1, 2]}, headers=account.headers).status_code == 200


def read_slowly(stack, account, body, key, seconds):
    """The answer's body, as it came (chunked); the first `seconds` only a little of it is taken."""
    with raw_connection(stack) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(head_of(account, len(body), "/batch", f"Idempotency-Key: {key}") + body)
        answer, began = bytearray(), time.monotonic()
        while piece := connection.recv(16384):
            answer += piece
            if time.monotonic() - began < seconds:
                time.sleep(0.2)
    return bytes(answer)


def test_a_repeat_gets_the_series_of_a_batch_that_were_not_charged(stack, client, account):
    """The first answer, read slowly, ran out of its time after some series; a repeat got all of them for nothing."""
    count = 400
    body = json.dumps({"series": [[(17 * i + 7 * k) % 97 for i in range(1000)] for k in range(count)], "include": ["variance"],
                       "model": {"name": "local_level", "parameters": {"level_variance": 1.5, "observation_variance": 2.5}}}).encode()

    def left():
        return client.get(f"/api/v1/{account.id}", headers=account.headers).json()["quota"]["remaining"]

    before = left()
    read_slowly(stack, account, body, "slow", 11)
    charged = before - left()
    assert 0 < charged < count
    again = client.post(f"{account.url}/batch", content=body,
                        headers=account.headers | {"Content-Type": "application/json", "Idempotency-Key": "slow"})
    assert again.status_code == 200 and again.headers["idempotent-replayed"] == "true"
    assert again.json()["succeeded"] == charged and left() == before - charged
