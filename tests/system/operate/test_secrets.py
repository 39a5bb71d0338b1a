"""No secret in the tree or in a log; that no log of the whole run has one, the stack fixture says at its end."""
import re
import subprocess
import uuid

import httpx
from luna_stack import ROOT, wait_until
from raw_http import head_of, raw_connection, read_answer

# What real secrets look like; each with what may look the same in this tree.
PATTERNS = {
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a URL with a password": re.compile(rb"(?:postgresql|redis)://\w*:(?!(?:password|secret|\.\.\.|%s|\$|\{|x|p|hush|wrong)\b)[A-Za-z0-9]{16,}@"),
    "a token of a hosting service": re.compile(rb"gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|AKIA[0-9A-Z]{16}"),
}


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout
    return [ROOT / name.decode() for name in listed.split(b"\0") if name]


def test_a_secret_is_in_the_tree():
    found = [(kind, str(file.relative_to(ROOT))) for file in tracked_files() if file.is_file()
             for kind, pattern in PATTERNS.items() if pattern.search(file.read_bytes())]
    assert found == []


def test_a_secret_in_a_log_is_not_found(stack, account, tmp_path):
    """The search itself: what it looks for is found where it is."""
    assert stack.secrets_in_logs() == []
    probe = stack.var / "log" / "probe.log"
    try:
        for secret in (account.key, stack.secret("key_pepper"), stack.secret("luna_worker")):
            probe.write_text(f"x {secret} y\n", encoding="utf-8")
            assert [log for _, log in stack.secrets_in_logs()][:1] == ["probe.log"]
    finally:
        probe.unlink()


def test_a_key_is_in_a_log(stack, client, account):
    """Right and wrong places, right and wrong forms; at the level that logs most."""
    before, earlier = len((stack.var / "log/access.log").read_bytes()), str(uuid.uuid4())
    client.post(account.url, headers=account.headers, json={"results": [1, 2]})
    client.post(account.url, headers={"Authorization": f"Bearer {account.key}"}, json={"results": [1, 2]})
    client.post(account.url, headers={"Authorization": f"Basic {account.key}"}, json={"results": [1, 2]})
    client.post(account.url, headers={"X-API-Key": account.key + "\t"}, json={"results": []})
    client.post(f"{account.url}?api_key={account.key}", json={"results": [1, 2]})
    client.post(account.url, headers=account.headers, json={"results": [account.key]})
    client.post(account.url, headers=account.headers, content=account.key)
    client.delete(f"/api/v1/{account.id}/keys/{account.key}", headers=account.headers)
    client.get(f"/{account.key}/{account.key}")
    client.get(f"/api/v1/{account.id}/keys/{earlier}")
    client.get("/livez", headers={"X-Request-Id": account.key})
    client.post(account.url, headers=account.headers | {"X-Request-Id": account.key}, json={"results": [1, 2]})
    with httpx.Client(verify=stack.ca, trust_env=False) as other:
        other.post(account.url, headers=account.headers | {"User-Agent": account.key}, json={"results": [1]})
    wait_until(lambda: (stack.var / "log/access.log").read_bytes()[before:].count(b"\n") >= 13, "thirteen lines in the access log")
    assert stack.secrets_in_logs() == []
    assert [log.name for log in (stack.var / "log").glob("*.log") if earlier.encode() in log.read_bytes()] == []


def test_a_key_of_the_old_form_names_a_request_or_its_trace(stack, client, account):
    """A UUID, as a client's id may be: what tells the two apart is the key of the same request."""
    earlier, other = str(uuid.uuid4()), str(uuid.uuid4())
    digits = earlier.replace("-", "")
    names = [{"X-Request-Id": i} for i in (earlier, earlier.upper(), digits, f"try.2.{earlier}", earlier[:23])]
    names += [{"X-Request-Id": "is-traced", "traceparent": f"00-{digits}-00f067aa0ba902b7-01"}]
    keys = [{"X-API-Key": earlier}, {"Authorization": f"Bearer {earlier}"}]
    answers = [client.post(account.url, headers=key | name, json={"results": [1]}) for key in keys for name in names]
    answers += [client.get("/livez", headers=keys[0] | names[0])]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == len(answers) - 1 and [i for i in ids if digits[:8] in i.lower()] == []
    kept = client.post(account.url, headers=account.headers | {"X-Request-Id": other}, json={"results": [1]})
    assert kept.headers["X-Request-Id"] == other
    for log in ("access", "fcgi-worker"):
        wait_until(lambda log=log: other in stack.log(log), f"the last request in {log}.log")
        assert [part for part in (earlier[:23], digits) if part in stack.log(log).lower()] == []


def test_a_key_is_in_the_error_log(stack, client, account):
    """nginx writes one for a body that it stores in a file, and for one that is too large."""
    before, earlier = len(stack.log("nginx")), str(uuid.uuid4())
    paths = [f"/api/v1/{account.id}/kalman?key={account.key}", f"/api/v1/{account.id}/keys/{account.key}", f"/{earlier}/x?{earlier}"]
    for path in paths:
        client.post(path, headers=account.headers | {"Referer": f"https://example.org/{account.key}", "Host": f"{earlier}.org"}, content=b" " * 3_000_000)
    with raw_connection(stack) as connection:
        connection.sendall(head_of(account, 40_000_000, f"?key={account.key}"))
        assert b" 413 " in read_answer(connection)[:16]
    wait_until(lambda: "too large body" in stack.log("nginx")[before:], "a line in nginx's error log")
    lines = [line for line in stack.log("nginx")[before:].splitlines() if "request: " in line]
    assert [line for line in lines if f'request: "POST /api/v1/{account.id}/k' in line and "temporary file" in line] != []
    assert [line for line in lines if account.key in line or earlier in line] == []
