"""What one unit buys, and what a wrong key costs."""
import uuid


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
