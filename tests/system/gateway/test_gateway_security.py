"""The gateway and unknown clients: headers on every answer, TLS, limits for requests without a key, slow clients."""
import re
import subprocess
import time
import urllib.parse
import uuid

import pytest
from luna_stack import ROOT, WAIT_S
from sources import at_once, from_address

HEADERS = {
    "strict-transport-security": "max-age=31536000", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


ANSWERS = {  # what is asked: the status
    "success": 200, "no key": 403, "unknown path": 404, "invalid body": 422, "wrong method": 405, "health": 200, "nginx's own error": 404,
    "usage": 200, "no method of HTTP": 405,
}


def answer_of(client, account, asked):
    return {
        "success": lambda: client.post(account.url, headers=account.headers, json={"results": [1, 2]}),
        "no key": lambda: client.post(account.url, json={"results": [1, 2]}),
        "unknown path": lambda: client.get("/api/v1/none", headers=account.headers),
        "invalid body": lambda: client.post(account.url, headers=account.headers, json={"results": []}),
        "wrong method": lambda: client.put(account.url, headers=account.headers),
        "health": lambda: client.get("/livez"),
        "nginx's own error": lambda: client.get("/metrics"),
        "usage": lambda: client.get(f"/api/v1/{account.id}/usage", headers=account.headers),
        "no method of HTTP": lambda: client.request("TRACE", "/"),
    }[asked]()


@pytest.mark.parametrize("asked", ANSWERS)
def test_an_answer_lacks_a_security_header_or_has_it_twice(client, account, asked):
    answer = answer_of(client, account, asked)
    assert answer.status_code == ANSWERS[asked], answer.text
    assert {name: answer.headers.get_list(name) for name in HEADERS} == {name: [value] for name, value in HEADERS.items()}
    assert answer.headers.get("server") == "nginx"  # without a version
    assert "x-powered-by" not in answer.headers


@pytest.mark.parametrize("key", ["", "key-1", "x" * 36, "' OR 1=1 --"])
def test_a_flood_without_a_key_goes_on_at_full_speed_or_stops_who_has_one(stack, client, account, key):
    """Some at once are over in no less than their turns take: all but 200 wait for theirs, at fifty a second."""
    address, count = f"127.0.0.{77 + len(key)}", 250
    began = time.monotonic()
    answers = at_once(stack, address, count, lambda session: session.get("/api/v1/1/usage", headers={"X-API-Key": key}))
    assert time.monotonic() - began >= (count - 200) / 50 - 0.1
    assert {answer.status_code for answer in answers} <= {403, 404}
    with from_address(stack, address) as session:
        assert session.post(account.url, headers=account.headers, json={"results": [1, 2]}).status_code == 200
    assert client.get(f"/api/v1/{account.id}/usage").status_code == 403, "another address is not limited for that"


def test_a_key_of_either_form_is_taken_for_none(stack, account):
    """Requests without a key are slowed down by the gateway."""
    pattern = re.search(r'"~\^\(\?<luna_given_key>(\S+)\) "', (ROOT / "conf/nginx/limits.conf").read_text(encoding="utf-8")).group(1)
    for key in (account.key, str(uuid.uuid4())):
        assert re.fullmatch(pattern, key), key


def test_hundreds_of_requests_with_a_key_from_one_address_are_limited_here(stack, account_factory, luna):
    luna("plan", "set", "flood", "--rate", "100000", "--burst", "100000")
    account = account_factory(100000, "--plan", "flood")
    with from_address(stack, "127.0.0.78") as session:
        statuses = {session.get(f"/api/v1/{account.id}/usage", headers=account.headers).status_code for _ in range(900)}
    assert statuses == {200}


@pytest.mark.parametrize("options, accepted", [
    (["-tls1"], False), (["-tls1_1"], False), (["-tls1_2"], True), (["-tls1_3"], True),
    (["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA:AES128-GCM-SHA256"], False), (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], False),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], True), (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], True),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_old_tls_is_spoken(stack, options, accepted):
    url = urllib.parse.urlsplit(stack.url)
    security_level = [] if "-cipher" in options else ["-cipher", "DEFAULT@SECLEVEL=0"]
    outcome = subprocess.run(["openssl", "s_client", "-connect", url.netloc, "-CAfile", stack.ca, "-verify_return_error", *options,
                              *security_level], input="", capture_output=True, text=True, check=False, timeout=WAIT_S)
    assert (outcome.returncode == 0) == accepted, outcome.stdout[-500:] + outcome.stderr[-500:]
