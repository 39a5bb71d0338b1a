"""What tests expect of every answer of the service."""


def assert_error(answer, status):
    """The shape that every error has."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["code"] and body["title"] and body["type"]
    assert body["detail"]
    return body


def assert_serves(client, account):
    answer = client.post(account.url, headers=account.headers, json={"results": [1120, 1160, 963, 1210]})
    assert answer.status_code == 200, answer.text
