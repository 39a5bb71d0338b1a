"""Quota and rate: what a client receives at the limit, and what PostgreSQL then holds."""
from answer_checks import assert_error
from luna_stack import wait_until

BODY = {"results": [1120, 1160, 963, 1210]}


def post(client, account):
    return client.post(account.url, headers=account.headers, json=BODY)


def test_the_last_unit_is_refused_or_one_more_is_spent(client, account_factory):
    account = account_factory(quota=3)
    answers = [post(client, account) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    refused = answers[3]
    assert_error(refused, 429)
    assert "retry-after" not in refused.headers  # a total is not refilled
    assert 'r=0' in refused.headers["ratelimit"] and 'q=3' in refused.headers["ratelimit-policy"]
    assert refused.headers["x-ratelimit-limit"] == "3"


def test_quota_zero_is_not_429_at_once(client, account_factory):
    assert_error(post(client, account_factory(quota=0)), 429)


def test_a_raised_limit_is_not_usable_at_once(client, stack, account_factory):
    account = account_factory(quota=1)
    assert post(client, account).status_code == 200
    assert post(client, account).status_code == 429
    stack.luna("account", "set-limit", str(account.id), "2")
    wait_until(lambda: post(client, account).status_code == 200, what="the raised limit")
    assert post(client, account).status_code == 429


def test_a_burst_above_the_rate_is_not_429_or_lacks_retry_after(client, stack, account_factory):
    stack.luna("plan", "set", "slow", "--rate", "1", "--burst", "3")
    account = account_factory(100, "--plan", "slow")
    answers = [post(client, account) for _ in range(8)]
    assert [answer.status_code for answer in answers[:3]] == [200] * 3
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert assert_error(refused, 429)["code"] == "rate_limited"
    assert int(refused.headers["retry-after"]) >= 1
    accepted = [answer for answer in answers if answer.status_code == 200]
    assert accepted[-1].headers["x-ratelimit-remaining"] == str(100 - len(accepted)), "a refused request burns no quota"


def used(db, account):
    with db.cursor() as cursor:
        cursor.execute("SELECT quota_used FROM accounts WHERE id = %s", (account.id,))
        return cursor.fetchone()[0]


def test_usage_is_booked_without_an_audit_event(client, db, redis_store, account_factory):
    account = account_factory(quota=10)
    for _ in range(4):
        assert post(client, account).status_code == 200
    wait_until(lambda: used(db, account) == 4, what="quota_used = 4")
    assert int(redis_store.get(f"user:{account.id}:quota")) == 6
    with db.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM quota_events WHERE account_id = %s", (account.id,))
        assert cursor.fetchone()[0] >= 1


def test_usage_is_computed_from_what_no_script_has_written(client, stack, db, redis_store, account):
    """A counter near the end of what 64 bits hold made the sum wrap: usage was negative."""
    assert post(client, account).status_code == 200
    wait_until(lambda: used(db, account) == 1, what="quota_used = 1")
    fields = f"{{user:{account.id}:quota}}:m"
    before = redis_store.hget(fields, "base")
    redis_store.hset(fields, "base", 2**63 - 1)
    answer = client.get(f"/api/v1/{account.id}/usage", headers=account.headers)
    shown = stack.luna_json("usage", str(account.id))
    redis_store.hset(fields, "base", before)
    assert answer.status_code == 503 and shown["used"] == 1, (answer.text, shown)


def test_the_key_in_redis_is_no_plain_string_or_expires(client, redis_store, account):
    assert post(client, account).status_code == 200
    key = f"user:{account.id}:quota"
    assert redis_store.type(key) == b"string" and redis_store.ttl(key) == -1


def test_a_rotated_key_fails_or_the_old_one_works(client, stack, account):
    made = stack.luna_json("account", "rotate-key", str(account.id), "--yes")
    old, account.key = account.key, made["api_key"]
    wait_until(lambda: post(client, account).status_code == 200, what="the new key")
    account.key = old
    wait_until(lambda: post(client, account).status_code == 403, what="the end of the old key")
