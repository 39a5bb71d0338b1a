"""prism between client and service, which refuses requests and answers that are not as described."""
import contextlib
import os
import signal
import subprocess
import time
import types

import httpx
import pytest
from bad_requests import TABLE
from document import operations, resolve
from luna_stack import ROOT
from test_bad_requests import send as send_bad
from waiting import WAIT_S, free_port

MODULES = ROOT / "build/generators/node_modules"
REFUSED_BY_PRISM = {400, 401, 404, 405, 406, 415, 422}  # and not 500, its answer when the service's own is not as described
ALTERED_BY_PRISM = {"results twice", "1e999", "-1e400"}  # JavaScript reads other values there, and prism sends what it has read


def await_start(process, url, log):
    end = time.monotonic() + WAIT_S
    while True:
        assert process.poll() is None and time.monotonic() < end, log.read_text(encoding="utf-8")
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/livez", trust_env=False, timeout=WAIT_S)
        time.sleep(0.1)


@pytest.fixture(scope="module", name="prism")
def a_client_through_prism(stack, tmp_path_factory):
    log, url = tmp_path_factory.mktemp("prism") / "log", f"http://127.0.0.1:{free_port()}"
    command = [os.environ.get("NODE", "node"), MODULES / ".bin/prism", "proxy", ROOT / "build/web/site/openapi.json", stack.env["LUNA_URL"],
               "--errors", "--host", "127.0.0.1", "--port", url.rpartition(":")[2]]
    with open(log, "wb") as out:
        process = subprocess.Popen(command, env=os.environ | {"NODE_EXTRA_CA_CERTS": stack.env["LUNA_CA"]}, stdout=out, stderr=out)
    await_start(process, url, log)
    with httpx.Client(base_url=url, trust_env=False, timeout=WAIT_S) as through:
        yield through
    process.send_signal(signal.SIGINT)
    process.wait(timeout=WAIT_S)


def bodies():
    """(method, path, media type, body) of each example of a request, and of each request without a body."""
    for method, path, operation, _ in operations():
        content = operation.get("requestBody", {}).get("content", {})
        for media_type, media in content.items():
            for example in media.get("examples", {}).values():
                yield method, path, media_type, resolve(example)["value"]
            if "example" in media:
                yield method, path, media_type, media["example"]
        if not content:
            yield method, path, None, None


def send(prism, account, key_id, request):
    method, path, media_type, body = request
    data = {"json": body} if media_type == "application/json" else {"content": body} if body is not None else {}
    kind = {"Content-Type": media_type} if media_type else {}
    return prism.request(method.upper(), path.format(account_id=account.id, key_id=key_id), headers=account.headers | kind, **data)


def test_every_example_passes_prism(prism, client, account):
    keys_url, sent = f"/api/v1/{account.id}/keys", 0
    for request in sorted(bodies(), key=lambda request: request[0] == "delete"):  # a revoked key is of no use to the others
        made = client.post(keys_url, headers=account.headers, json={})
        answer = send(prism, account, made.json()["id"], request)
        assert answer.is_success, f"{request}: {answer.status_code} {answer.text}"
        sent += 1
    assert sent > 15


def test_prism_refuses_what_is_not_described(prism, account):
    """Else the test above would pass with a prism that looks at nothing."""
    answer = prism.post(f"/api/v1/{account.id}/kalman", headers=account.headers, json={"results": "no list"})
    assert answer.status_code == 422 and "stoplight.io" in answer.json()["type"]


def test_the_answer_to_a_bad_request_is_not_as_described(prism, account_factory, luna):
    """prism refuses what the document forbids; what it lets pass gets the answer of the table, in which prism finds no violation."""
    luna("plan", "set", "prism", "--rate", "10000", "--burst", "10000")
    account = account_factory(100000, "--plan", "prism")
    through = types.SimpleNamespace(id=account.id, key=account.key, stack=types.SimpleNamespace(url=str(prism.base_url).rstrip("/")))
    wrong, passed = [], 0
    for name, sent, status, _ in (row for row in TABLE if row[0] not in ALTERED_BY_PRISM):
        answer = send_bad(prism, through, sent)
        by_prism = "stoplight.io" in answer.text or "invalid_json" in answer.text
        if answer.status_code != status and not (by_prism and answer.status_code in REFUSED_BY_PRISM):
            wrong.append(f"{name}: {answer.status_code}, not {status}: {answer.text[:500]}")
        passed += not by_prism
    assert not wrong, "\n".join(wrong)
    assert passed > 20, "prism lets pass what no schema can forbid, such as a period that is longer than the series"
