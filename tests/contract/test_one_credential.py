"""A request has one credential, and one of each header that a worker reads: of two, nobody knows which one the client meant."""
import httpx
import pytest

BODY = {"results": [1, 2, 3]}


def ask(stack, account, headers, http2=False):
    with httpx.Client(base_url=stack.env["LUNA_URL"], verify=stack.env["LUNA_CA"], http2=http2) as client:
        return client.post(f"/api/v1/{account.id}/kalman", json=BODY, headers=headers)


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("names", [["X-API-Key", "X-API-Key"], ["x-api-key", "X-Api-KEY"], ["Authorization", "Authorization"],
                                   ["X-API-Key", "Authorization"]])
@pytest.mark.parametrize("second", ["the same", "another's", "rubbish"])
def test_the_first_of_two_credentials_is_taken(stack, account, account_factory, names, second, http2):
    keys = [account.key, {"the same": account.key, "rubbish": "rubbish"}.get(second) or account_factory().key]
    for pair in (keys, keys[::-1]):
        headers = [(name, f"Bearer {key}" if name == "Authorization" else key) for name, key in zip(names, pair)]
        answer = ask(stack, account, headers, http2)
        # nginx itself refuses a second Authorization; earlier versions passed the first of them.
        codes = ("credential_repeated", "bad_request") if names == ["Authorization"] * 2 else ("credential_repeated",)
        assert answer.status_code == 400 and answer.json()["code"] in codes, answer.text


def test_a_credential_of_another_kind_is_in_the_way(stack, account):
    answer = ask(stack, account, [("X-API-Key", account.key), ("Authorization", "Basic dTpw")])
    assert answer.status_code == 200, answer.text


def is_charged(client, account):
    return client.get(f"/api/v1/{account.id}", headers=account.headers).json()["quota"]["used"]


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("name, values", [
    ("Idempotency-Key", ["first", "second"]), ("idempotency-KEY", ["first", ""]), ("Content-Type", ["application/json", "text/csv"]),
    ("Content-Encoding", ["identity", "gzip"]), ("Origin", ["https://a.example", "https://b.example"])])
def test_the_first_of_two_headers_is_taken(stack, client, account, name, values, http2):
    for pair in (values, values[::-1], [values[0]] * 2):
        answer = ask(stack, account, [("X-API-Key", account.key), *((name, value) for value in pair)], http2)
        assert answer.status_code == 400 and answer.json()["code"] == "header_repeated", answer.text
        assert name.lower() in answer.json()["detail"]
    assert is_charged(client, account) == 0


@pytest.mark.parametrize("http2", [False, True])
def test_a_second_line_of_accept_is_not_read(stack, account, http2):
    """A list may be sent in several lines; each counts."""
    for values in (["text/csv;q=0.5", "application/json"], ["application/json", "text/csv;q=0.5"]):
        answer = ask(stack, account, [("X-API-Key", account.key), *(("Accept", value) for value in values)], http2)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json", answer.text


ROUTES = [("POST", "/kalman"), ("POST", "/kalman/batch"), ("GET", ""), ("GET", "/usage"), ("GET", "/usage/events"), ("GET", "/keys"), ("POST", "/keys"),
          ("GET", "/keys/1"), ("PATCH", "/keys/1"), ("DELETE", "/keys/1"), ("POST", "/keys/1/rotate"), ("POST", "/token")]


@pytest.mark.parametrize("method, path", ROUTES)
def test_a_route_takes_two_credentials(client, account, method, path):
    answer = client.request(method, f"/api/v1/{account.id}{path}", headers=account.headers | {"Authorization": f"Bearer {account.key}"},
                            json=BODY if method == "POST" else None)
    assert answer.status_code == 400 and answer.json()["code"] == "credential_repeated", answer.text
