"""The keys of an account that has made and revoked keys for years."""
import pytest
from waiting import answer_unless_limited

YEARS_OF_KEYS = 1200
NOTES = 16  # of 200 characters: all keys together are longer than an answer may be


def revoke_many(db, account, count, notes=0):
    """The ids of all the account's keys, after `count` more were made and revoked."""
    with db.cursor() as cursor:
        cursor.execute("""INSERT INTO api_keys (account_id, digest, prefix, scopes, name, revoked_at, metadata)
                           SELECT %s, gen_random_uuid(), 'luna_live_ab', 7, 'key ' || place, now(),
                                  (SELECT COALESCE(jsonb_object_agg('note-' || note, repeat('x', 200)), '{}')
                                     FROM generate_series(1, %s) note)
                             FROM generate_series(1, %s) place""", (account.id, notes, count))
        cursor.execute("SELECT array_agg(id ORDER BY id) FROM api_keys WHERE account_id = %s", (account.id,))
        return cursor.fetchone()[0]


@pytest.fixture
def keys(client, account):
    """Calls on the account's keys; the answer to one that is not limited by the rate."""

    def call(method="GET", path="", **options):
        return answer_unless_limited(client, method, f"/api/v1/{account.id}/keys{path}", headers=account.headers, **options)

    return call


def walk(keys, account, limit):
    """The ids of all pages, by the Link of each; the cursor in the body leads to the same page."""
    answer, found = keys(params={"limit": limit}), []
    while True:
        assert answer.status_code == 200, answer.text
        found.append([key["id"] for key in answer.json()["data"]])
        if "next" not in answer.links:
            assert not answer.json().get("has_more", False)
            return found
        assert answer.json()["has_more"] is True
        url = answer.links["next"]["url"]
        assert url == f"/api/v1/{account.id}/keys?limit={limit}&cursor={answer.json()['next_cursor']}"
        answer = keys(params={"limit": limit, "cursor": answer.json()["next_cursor"]})


def test_the_keys_of_years_get_no_answer(account, db, keys):
    ids = revoke_many(db, account, YEARS_OF_KEYS, NOTES)
    pages = walk(keys, account, 100)
    assert [key_id for page in pages for key_id in page] == ids
    assert [len(page) for page in pages] == [100] * 12 + [1]
    assert [key["id"] for key in keys().json()["data"]] == ids[:20]


def test_a_list_of_one_page_is_another_than_before_there_were_pages(account, db, keys):
    revoke_many(db, account, 19)
    answer = keys()
    assert len(answer.json()["data"]) == 20 and list(answer.json()) == ["data"] and "link" not in answer.headers
    assert answer.text.startswith('{"data":[{"id":') and answer.text.endswith("}]}\n")
    assert keys(params={"limit": 100}).text == answer.text


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7])
def test_pages_of_keys_repeat_or_leave_out_one(account, db, keys, limit):
    ids = revoke_many(db, account, 5)
    pages = walk(keys, account, limit)
    assert pages == [ids[at:at + limit] for at in range(0, len(ids), limit)]


def test_a_page_of_keys_moves_while_keys_are_made_and_revoked(account, db, keys):
    ids = revoke_many(db, account, 5)
    made = keys("POST").json()["id"]
    cursor = keys(params={"limit": 2}).json()["next_cursor"]
    later = keys("POST").json()["id"]
    assert keys("DELETE", f"/{made}").status_code == 204
    rest = keys(params={"cursor": cursor}).json()
    assert [key["id"] for key in rest["data"]] == ids[2:] + [made, later]
    assert rest["has_more"] is False and rest["next_cursor"] is None


def test_a_cursor_leads_to_the_keys_of_another_account(client, account, account_factory, db, keys):
    other = account_factory()
    ids = revoke_many(db, account, 3)
    theirs = client.get(f"/api/v1/{other.id}/keys", headers=other.headers).json()["data"]
    for key in theirs:
        assert keys(path=f"/{key['id']}").status_code == 404
    listed = client.get(f"/api/v1/{other.id}/keys", headers=other.headers, params={"cursor": str(ids[0])}).json()
    assert listed["data"] == theirs and ids[0] < theirs[0]["id"]
