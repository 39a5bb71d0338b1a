"""A batch whose answer is long leaves while it is worked out: what it may take, and what is charged when it ends early.

The tests' names hold "megabytes": a recording proxy would hold all of them.
"""
import json
import pathlib
import uuid

import httpx
import pytest
from luna_stack import WAIT_S, wait_until

SERIES, POINTS = 200, 1000
MODEL = {"name": "local_level", "parameters": {"level_variance": 1.5, "observation_variance": 2.5}}
BODY = {"series": [[(17 * i + 7 * k) % 97 for i in range(POINTS)] for k in range(SERIES)], "model": MODEL,
        "intervals": [0.5, 0.8, 0.9, 0.95, 0.99], "include": ["variance", "innovations"]}
ANSWER_BYTES_MIN = 40_000_000
GROWTH_BYTES_MAX = 16_000_000


class Streamed:
    """A batch on a connection of its own, read as slowly as the test likes."""

    def __init__(self, stack, account, body, idempotency_key=None, accept="application/json", http2=False):
        self.stack, self.id = stack, f"stream-{uuid.uuid4()}"
        headers = account.headers | {"X-Request-Id": self.id, "Accept": accept, "Accept-Encoding": "identity"}
        headers |= {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        self.client = httpx.Client(verify=stack.ca, timeout=WAIT_S, trust_env=False, http2=http2)
        self.answer = self.client.send(self.client.build_request("POST", account.url + "/batch", headers=headers, json=body), stream=True)
        self.pieces = self.answer.iter_raw(1 << 18)

    def close(self):
        self.answer.close()
        self.client.close()

    def logged(self):
        """What the worker wrote about the request when it was over."""
        def line():
            return [text for text in self.stack.log("fcgi-worker").splitlines() if self.id in text and '"event":"request"' in text]

        return json.loads(wait_until(line, f"the log of {self.id}")[0])


@pytest.fixture
def stream(stack):
    opened = []

    def start(*arguments, **options):
        opened.append(Streamed(stack, *arguments, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def remaining(redis_store, account):
    return int(redis_store.get(f"user:{account.id}:quota"))


def resident_bytes(stack):
    """Of the fattest worker."""
    master = stack.pid("fcgi-worker")
    most = 0
    for pid in pathlib.Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split():
        lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        most = max([most] + [1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:")])
    return most


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_an_answer_of_many_megabytes_is_in_memory_whole(stack, account, stream, client, accept):
    assert client.post(account.url, headers=account.headers, json={"results": [1, 2, 3]}).status_code == 200
    before, peak, size, end = resident_bytes(stack), 0, 0, b""
    sent = stream(account, BODY, accept=accept)
    assert sent.answer.status_code == 200 and "content-length" not in sent.answer.headers
    for piece in sent.pieces:
        size += len(piece)
        end = (end + piece)[-200:]
        peak = max(peak, resident_bytes(stack))
    assert end.rstrip().endswith(b'"succeeded":%d,"failed":0,"charged":%d}' % (SERIES, SERIES))
    assert size > ANSWER_BYTES_MIN, "else it proves nothing"
    assert peak - before < GROWTH_BYTES_MAX, (before, peak, size)


def test_an_answer_of_many_megabytes_hides_what_failed(account, stream, redis_store):
    """Series that fail in the model come after the head has left; the charge counts those that were answered."""
    still = {"name": "local_level", "parameters": {"level_variance": 0, "observation_variance": 0}}
    good = ['{"results":%s,"model":%s,"include":["variance"]}' % (json.dumps(series), json.dumps(MODEL)) for series in BODY["series"]]
    lines = good + ['{"results":[1,2,3],"model":%s}' % json.dumps(still), "nonsense", '{"results":[1]}']
    headers = {"Content-Type": "application/x-ndjson"}
    before = None
    with httpx.Client(verify=account.stack.ca, timeout=WAIT_S, trust_env=False) as client:
        assert client.post(account.url, headers=account.headers, json={"results": [1]}).status_code == 200
        before = remaining(redis_store, account)
        answer = client.post(account.url + "/batch", headers=account.headers | headers, content="\n".join(lines))
    said = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.status_code == 200 and len(said) == SERIES + 3 + 1
    assert [line["error"]["code"] for line in said if "error" in line] == ["validation_error", "validation_error"]
    assert said[-1] == {"succeeded": SERIES + 1, "failed": 2, "charged": SERIES + 1}
    assert remaining(redis_store, account) == before - (SERIES + 1)


def test_who_leaves_after_some_megabytes_pays_for_more_or_less_than_was_done(account, stream, client, redis_store):
    assert client.post(account.url, headers=account.headers, json={"results": [1]}).status_code == 200
    before = remaining(redis_store, account)
    sent = stream(account, BODY)
    next(sent.pieces)
    sent.close()
    line = sent.logged()
    assert line["status"] == 499 and 0 < line["units"] < SERIES, line
    assert remaining(redis_store, account) == before - line["units"]


def test_the_retry_after_some_megabytes_under_an_idempotency_key_gets_less_or_is_charged_again(account, stream, client, redis_store):
    """Else the retry would get the rest for nothing."""
    assert client.post(account.url, headers=account.headers, json={"results": [1]}).status_code == 200
    before = remaining(redis_store, account)
    sent = stream(account, BODY, idempotency_key="once")
    next(sent.pieces)
    sent.close()
    line = sent.logged()
    assert line["status"] == 499 and line["units"] == SERIES, line
    again = stream(account, BODY, idempotency_key="once")
    end = b""
    for piece in again.pieces:
        end = (end + piece)[-200:]
    assert again.answer.headers["idempotent-replayed"] == "true"
    assert end.rstrip().endswith(b'"succeeded":%d,"failed":0,"charged":0}' % SERIES)
    assert remaining(redis_store, account) == before - SERIES


@pytest.mark.parametrize("http2", [False, True])
def test_an_answer_whose_charge_is_lost_after_some_megabytes_looks_whole_or_is_charged(account, stream, client, redis_store, db, http2):
    """A head with 200 has left: only a missing end can say that the answer is not one."""
    sent = stream(account, BODY, http2=http2)
    next(sent.pieces)
    redis_store.delete(f"{{user:{account.id}:quota}}:m")
    assert client.post(account.url, headers=account.headers, json={"results": [1]}).status_code == 200, "counts again, from the journals"
    with pytest.raises(httpx.RemoteProtocolError):
        for _ in sent.pieces:
            pass
    line = sent.logged()
    assert line["code"] == "store_unavailable" and line["units"] == 0, line

    def booked():
        with db.cursor() as cursor:
            cursor.execute("SELECT quota_used FROM accounts WHERE id = %s", (account.id,))
            return cursor.fetchone()[0] == 1

    wait_until(booked, what="the booking of the one request that was answered")
