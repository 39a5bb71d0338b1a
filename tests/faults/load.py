"""Requests from many threads at once through nginx, each with its status and its time; kept per account."""
import collections
import contextlib
import http.client
import json
import ssl
import threading
import time
import urllib.parse

from waiting import WAIT_S, wait_until

BODY = json.dumps({"results": [1120, 1160, 963], "model": {"name": "local_level", "parameters": {
    "level_variance": 1469.1, "observation_variance": 15099}}}).encode()

Answer = collections.namedtuple("Answer", "account_id key status began ended code retry_after")


class Load:
    """Use as a context: requests run inside it. `answers` is complete afterwards."""

    def __init__(self, stack, accounts, threads=8, pause_s=0.0, requests_each=None, send=None):
        self.accounts, self.pause_s, self.requests_each, self.send = accounts, pause_s, requests_each, send or send_series
        self.target = urllib.parse.urlsplit(stack.url)
        self.trust = ssl.create_default_context(cafile=stack.ca)
        self.answers = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(index,), daemon=True) for index in range(threads)]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.join()

    def start(self):
        for thread in self.threads:
            thread.start()

    def join(self):
        if self.requests_each is None:
            self.stopping.set()
        for thread in self.threads:
            thread.join()

    def run(self, index):
        connection, sent = None, 0
        while not self.stopping.is_set() and (self.requests_each is None or sent < self.requests_each):
            account = self.accounts[(index + sent) % len(self.accounts)]
            if connection is None:
                connection = http.client.HTTPSConnection(self.target.hostname, self.target.port, timeout=WAIT_S, context=self.trust)
            began = time.monotonic()
            status, code, retry_after, keep = ask(connection, account, self.send)
            self.answers.append(Answer(account.id, account.key, status, began, time.monotonic(), code, retry_after))
            sent += 1
            if not keep:
                connection.close()
                connection = None
            if self.pause_s:
                time.sleep(self.pause_s)
        if connection is not None:
            connection.close()

    def count(self, *statuses, account=None):
        return sum(1 for answer in self.answers if answer.status in statuses and (account is None or answer.account_id == account.id))

    def statuses(self):
        return collections.Counter(answer.status for answer in self.answers)

    def slowest_s(self):
        return max((answer.ended - answer.began for answer in self.answers), default=0.0)

    def await_count(self, count):
        """Until `count` more requests were answered."""
        wanted = len(self.answers) + count
        wait_until(lambda: len(self.answers) >= wanted, f"{count} answers", interval_s=0.005)

    def await_success(self):
        """Until a request that began after this call succeeded."""
        asked = time.monotonic()
        wait_until(lambda: any(answer.status == 200 and answer.began > asked for answer in self.answers[-200:]), "a success", interval_s=0.005)


def forget(redis_store, account):
    """Takes everything that Redis knows of an account away, but not its name on the dirty list."""
    quota = f"user:{account.id}:quota"
    redis_store.delete(quota, *("{%s}:%s" % (quota, part) for part in ("m", "delta", "load", "concurrent")))


def send_series(connection, account):
    """What is charged."""
    connection.request("POST", f"/api/v1/{account.id}/kalman", BODY, {"X-API-Key": account.key, "Content-Type": "application/json"})


def send_usage(connection, account):
    """What is free, and read from PostgreSQL."""
    connection.request("GET", f"/api/v1/{account.id}/usage", headers={"X-API-Key": account.key})


def ask(connection, account, send):
    """(status, problem code, Retry-After, may the connection be used again). Status 0: the connection broke before an answer."""
    try:
        send(connection, account)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException):
        return 0, "broken", None, False
    code = ""
    if answer.status != 200:
        with contextlib.suppress(ValueError):
            code = json.loads(text).get("code", "")
    return answer.status, code, answer.getheader("Retry-After"), not answer.will_close
