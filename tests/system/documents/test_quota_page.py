"""The command of docs/QUOTA.md that finds the requests of an event, as it stands there, on the log of a stack."""
import datetime
import json
import subprocess

from luna_stack import ROOT, WAIT_S, clean_environment, wait_until

FROM, TO = "2026-11-24T09:00:00Z", "2026-11-24T09:00:01Z"


def command(account, log):
    """With the account, the times of now and the stack's log, which the page cannot know."""
    block = (ROOT / "docs/QUOTA.md").read_text(encoding="utf-8").split("<!-- test: requests-of-an-event -->\n\n")[1].split("\n\n")[0]
    now = datetime.datetime.now(datetime.timezone.utc)
    for old, minutes in ((FROM, -10), (TO, 10)):
        assert old in block
        block = block.replace(old, f"{now + datetime.timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}")
    assert "== 42" in block and block.endswith(" fcgi-worker.log")
    return block.replace("== 42", f"== {account.id}").replace(" fcgi-worker.log", f" {log}")


def found(stack, account):
    outcome = subprocess.run(["bash", "-c", command(account, stack.var / "log/fcgi-worker.log")], capture_output=True, text=True,
                             env=clean_environment(), timeout=WAIT_S, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return {line["request_id"]: line["units"] for line in map(json.loads, outcome.stdout.splitlines())}


def test_the_command_finds_other_requests_than_those_of_the_event(stack, client, account):
    answers = [client.post(account.url, headers=account.headers, json={"results": [1, 2, count]}) for count in range(3)]
    assert client.post(account.url, headers=account.headers, json={"results": []}).status_code >= 400  # not charged
    charged = {answer.headers["X-Request-Id"]: 1 for answer in answers}
    wait_until(lambda: len(found(stack, account)) >= len(charged), "three lines of the log")
    assert found(stack, account) == charged
