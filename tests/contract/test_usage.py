"""The account and its usage, as a client reads and exports them."""
import csv
import io
import json
import os
import signal
import uuid

from luna_stack import wait_until

BODY = {"results": [1, 2, 3]}


def get(client, account, path, accept="application/json", **params):
    answer = client.get(f"/api/v1/{account.id}{path}", headers=account.headers | {"Accept": accept}, params=params)
    assert answer.status_code == 200, answer.text
    return answer


def use(client, account, times):
    for _ in range(times):
        assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200


def test_reading_is_charged_or_misses_what_is_not_booked_yet(client, account_factory):
    account = account_factory(quota=10)
    use(client, account, 3)
    for _ in range(3):
        quota = get(client, account, "").json()["quota"]
        assert (quota["limit"], quota["used"], quota["remaining"]) == (10, 3, 7)
    assert get(client, account, "/usage").json()["quota"]["used"] == 3


def test_an_exhausted_account_may_not_read(client, account_factory):
    account = account_factory(quota=1)
    use(client, account, 1)
    assert client.post(account.url, headers=account.headers, json=BODY).status_code == 429
    assert get(client, account, "/usage").json()["quota"]["remaining"] == 0


def test_the_days_do_not_add_up_or_are_no_csv(client, account_factory):
    account = account_factory(quota=10)
    use(client, account, 4)
    wait_until(lambda: sum(day["units"] for day in get(client, account, "/usage").json()["days"]) == 4, what="the booking")
    answer = get(client, account, "/usage", accept="text/csv", days=7)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv") and sum(int(row["units"]) for row in rows) == 4


def events(client, account, limit):
    """All events, page by page."""
    found, cursor = [], None
    while True:
        page = get(client, account, "/usage/events", limit=limit, **({"cursor": cursor} if cursor else {})).json()
        found += page["data"]
        assert len(page["data"]) == limit or not page["has_more"]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            return found
        cursor = page["next_cursor"]


def test_pages_of_events_repeat_or_leave_out_one(client, account_factory, stack):
    account = account_factory(quota=100)
    for limit in range(101, 108):
        stack.luna("account", "set-limit", str(account.id), str(limit))
    everything = events(client, account, 100)
    sequence = [event["seq"] for event in everything]
    assert sequence == list(range(len(everything), 0, -1)) and len(everything) >= 8
    for limit in (1, 2, 3, len(everything)):
        assert events(client, account, limit) == everything
    assert [event["limit_after"] for event in everything[:7]] == [107, 106, 105, 104, 103, 102, 101]


def test_a_page_moves_while_new_events_come_in(client, account_factory, stack):
    account = account_factory(quota=100)
    for limit in range(101, 105):
        stack.luna("account", "set-limit", str(account.id), str(limit))
    first = get(client, account, "/usage/events", limit=2).json()
    second = get(client, account, "/usage/events", limit=2, cursor=first["next_cursor"]).json()
    stack.luna("account", "set-limit", str(account.id), "200")
    assert get(client, account, "/usage/events", limit=2, cursor=first["next_cursor"]).json() == second


def test_a_csv_of_events_has_no_link_to_the_next_page(client, account_factory, stack):
    account = account_factory(quota=100)
    stack.luna("account", "set-limit", str(account.id), "101", "--reason", 'a "quoted", reason')
    answer = get(client, account, "/usage/events", accept="text/csv", limit=1)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert rows[0]["kind"] == "limit_change" and rows[0]["reason"] == 'a "quoted", reason'
    following = answer.headers["link"].split(">")[0].strip("<")
    rows = list(csv.DictReader(io.StringIO(client.get(following, headers=account.headers | {"Accept": "text/csv"}).text)))
    assert rows[0]["seq"] == "1" and rows[0]["kind"] == "account_create"


def test_events_of_another_account_are_shown(client, account_factory):
    mine, theirs = account_factory(), account_factory()
    answer = client.get(f"/api/v1/{theirs.id}/usage/events", headers=mine.headers)
    assert answer.status_code == 403


def actors(db, account):
    with db.cursor() as cursor:
        cursor.execute("SELECT kind, actor FROM quota_events WHERE account_id = %s ORDER BY seq", (account.id,))
        return cursor.fetchall()


def test_the_log_does_not_name_the_request_that_changed_a_key(client, account, db):
    """In the database, and to the client."""
    ids = [f"audit-{uuid.uuid4()}" for _ in range(3)]
    keys = f"/api/v1/{account.id}/keys"
    made = client.post(keys, headers=account.headers | {"X-Request-Id": ids[0]}).json()
    fresh = client.post(f"{keys}/{made['id']}/rotate", headers=account.headers | {"X-Request-Id": ids[1]}).json()
    assert client.delete(f"{keys}/{fresh['id']}", headers=account.headers | {"X-Request-Id": ids[2]}).status_code == 204
    told = {event["kind"]: event["request_id"] for event in events(client, account, 100)}
    assert told == {"key_create": ids[0], "key_rotate": ids[1], "key_revoke": ids[2], "account_create": None}
    assert actors(db, account)[1:] == [("key_create", f"api:{ids[0]}"), ("key_rotate", f"api:{ids[1]}"), ("key_revoke", f"api:{ids[2]}")]


def test_the_log_does_not_name_the_request_that_loaded_a_cold_account(client, account, db, redis_store, stack):
    """Redis forgot it before quota-syncd had booked: the next request's load books what the journals say."""
    name = f"audit-{uuid.uuid4()}"
    os.kill(stack.pid("quota-syncd"), signal.SIGSTOP)
    try:
        use(client, account, 3)
        redis_store.delete(f"{{user:{account.id}:quota}}:m")
        assert client.get(f"/api/v1/{account.id}", headers=account.headers | {"X-Request-Id": name}).status_code == 200
    finally:
        os.kill(stack.pid("quota-syncd"), signal.SIGCONT)
    booked = [actor for kind, actor in actors(db, account) if kind == "recovery"]
    assert len(booked) == 1 and booked[0].startswith("worker ") and booked[0].endswith(f", request {name}"), booked
    assert [event["request_id"] for event in events(client, account, 100) if event["kind"] == "recovery"] == [name]


def test_the_log_does_not_lead_from_a_booking_to_its_requests(client, account, stack):
    """As docs/QUOTA.md shows it: the units of the account's requests add up to those of its bookings."""
    use(client, account, 5)
    wait_until(lambda: sum(event["units"] for event in events(client, account, 100)) == 5, what="the booking")
    lines = [json.loads(line) for line in stack.log("fcgi-worker").splitlines() if f'"account_id":{account.id},' in line]
    requests = [line for line in lines if line["event"] == "request" and line["units"] > 0]
    assert sum(line["units"] for line in requests) == 5 and all(line["request_id"] and line["ts"] for line in requests)
