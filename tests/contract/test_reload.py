"""Settings of the API that take effect by SIGHUP: who may call from a browser, and which keys sign tokens."""
import base64
import contextlib
import json
import os
import secrets
import signal

import pytest
from luna_stack import wait_until

BODY = {"results": [1, 2, 3]}
PAGE = "https://app.example.org"


@pytest.fixture
def settings(stack):
    """settings(NAME=value): with these, for the time of a `with`."""
    file = stack.var / "etc/fcgi-worker.env"

    @contextlib.contextmanager
    def changed(**values):
        before = file.read_text(encoding="utf-8")
        try:
            file.write_text(before + "".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
            os.kill(stack.pid("fcgi-worker"), signal.SIGHUP)
            yield
        finally:
            file.write_text(before, encoding="utf-8")
            os.kill(stack.pid("fcgi-worker"), signal.SIGHUP)

    return changed


def options(client, account, origin):
    return client.options(account.url, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})


def test_a_listed_page_may_not_call_or_read_a_header_that_it_needs(client, account, settings):
    with settings(LUNA_CORS_ORIGINS=f"https://other.example.org,{PAGE}"):
        wait_until(lambda: "access-control-allow-origin" in options(client, account, PAGE).headers, what="the reload")
        # The old workers may answer a little longer.
        preflight = wait_until(lambda: all("access-control-allow-origin" in options(client, account, PAGE).headers
                                           for _ in range(10)) and options(client, account, PAGE), what="all workers")
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == PAGE
        assert "POST" in preflight.headers["access-control-allow-methods"]
        allowed = {name.strip().lower() for name in preflight.headers["access-control-allow-headers"].split(",")}
        assert {"x-api-key", "authorization", "content-type", "idempotency-key"} <= allowed
        answer = client.post(account.url, headers=account.headers | {"Origin": PAGE}, json=BODY)
        assert answer.headers["access-control-allow-origin"] == PAGE and "Origin" in answer.headers["vary"]
        exposed = answer.headers["access-control-expose-headers"].lower()
        for name in ("x-request-id", "ratelimit", "retry-after"):
            assert name in exposed
        assert "access-control-allow-credentials" not in answer.headers
        refused = client.post(account.url, headers=account.headers | {"Origin": PAGE}, json={})
        assert refused.status_code == 422 and refused.headers["access-control-allow-origin"] == PAGE
        stranger = client.post(account.url, headers=account.headers | {"Origin": "https://evil.example"}, json=BODY)
        assert "access-control-allow-origin" not in stranger.headers
    wait_until(lambda: "access-control-allow-origin" not in options(client, account, PAGE).headers, what="the reload back")


def test_a_token_ends_with_the_rotation_of_the_key_that_signed_it(client, account, settings):
    old, new = (f"{name}:{secrets.token_hex(32)}" for name in ("old", "new"))

    def token():
        return client.post(f"/api/v1/{account.id}/token", headers=account.headers).json()["access_token"]

    def status(bearer):
        return client.post(account.url, headers={"Authorization": f"Bearer {bearer}"}, json=BODY).status_code

    def settled(bearer, expected):
        return all(status(bearer) == expected for _ in range(12))

    def signed_by_new(bearer):
        head = bearer.split(".")[0]
        return bearer if json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"] == "new" else None

    by_pepper = token()
    assert status(by_pepper) == 200
    with settings(LUNA_TOKEN_KEYS=old):
        wait_until(lambda: settled(by_pepper, 401), what="the pepper's key to go")
        by_old = token()
        assert status(by_old) == 200
        with settings(LUNA_TOKEN_KEYS=f"{new},{old}"):
            # A worker of before the reload may still sign with the old key.
            by_new = wait_until(lambda: signed_by_new(token()), what="a token signed by the new key")
            wait_until(lambda: settled(by_new, 200), what="the new key on all workers")
            assert settled(by_old, 200)
            with settings(LUNA_TOKEN_KEYS=new):
                wait_until(lambda: settled(by_old, 401), what="the old key to go")
                assert settled(by_new, 200)
