"""prism between client and service, which refuses requests and answers that are not as described: every example passes."""
import contextlib
import os
import signal
import subprocess
import time

import httpx
import pytest
from document import operations, resolve
from luna_stack import ROOT
from waiting import WAIT_S, free_port

MODULES = ROOT / "build/generators/node_modules"


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
