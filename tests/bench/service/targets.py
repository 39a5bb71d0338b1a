"""What requests are sent to: where, with which key, which processes work for it, and what its answers must look like."""
import json
import time

import httpx
import processes

FLOOR_ANSWER = b'{"processed_results":[],"input_data":[]}'
SETTLED_S = 0.2  # of less than a fifth of a core: what is left is chores
JSON = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class Target:
    """`groups`: the processes that work for it, by the name under which their processor time is shown."""

    def __init__(self, name, url, key, ca, groups):
        self.name, self.url, self.key, self.ca, self.groups = name, url, key, ca, groups

    def cpu(self):
        return {name: processes.cpu_s(pids) for name, pids in self.groups.items()}

    def round_seconds(self, asked, body_bytes):
        """How long a round has to be for figures of this target."""
        return asked

    def settle(self, limit_s=60):
        """Waits until it has done what a load generator left behind, so that the next target has the machine for itself."""
        end, before = time.monotonic() + limit_s, sum(self.cpu().values())
        while time.monotonic() < end:
            time.sleep(SETTLED_S)
            after = sum(self.cpu().values())
            if after - before <= SETTLED_S / 5:
                return
            before = after

    def ask(self, body):
        """One request, by itself."""
        with httpx.Client(verify=self.ca, timeout=60, trust_env=False) as client:
            answer = client.post(self.url, headers=JSON | {"X-API-Key": self.key}, content=body)
        if answer.status_code != 200:
            raise RuntimeError(f"{self.name} answers {answer.status_code}: {answer.text[:400]}")
        return answer

    def prepare(self, body, answer_of_luna):
        """Before a series of this body is sent; and is it really this target that answers?"""
        self.check(body, self.ask(body))

    def check(self, body, answer):
        raise NotImplementedError

    def complain(self, answer):
        raise RuntimeError(f"{self.name} does not answer as itself: {answer.content[:200]!r} {dict(answer.headers)}")


def is_filtered(body, answer):
    """Both lists, as long as the series, and the second of them the series."""
    said, sent = answer.json(), json.loads(body)["results"]
    return len(said["processed_results"]) == len(sent) and said["input_data"] == sent


class Luna(Target):
    """Luna alone tells the times of its steps."""

    def check(self, body, answer):
        if "server-timing" not in answer.headers or not is_filtered(body, answer):
            self.complain(answer)


class Peer(Target):
    def round_seconds(self, asked, body_bytes):
        """A hundred thousand points take it a second each, with all other clients waiting: a short round would end before its first answers."""
        return max(asked, body_bytes // 40000)

    def check(self, body, answer):
        if "server-timing" in answer.headers or not is_filtered(body, answer):
            self.complain(answer)


class Floor(Target):
    def check(self, body, answer):
        if answer.content != FLOOR_ANSWER:
            self.complain(answer)


class FloorSame(Target):
    """A floor that answers with Luna's own bytes: what TLS, nginx and the sockets take for so many. `restart(bytes)` makes it do so."""

    def __init__(self, name, url, key, ca, groups, restart):
        super().__init__(name, url, key, ca, groups)
        self.restart, self.answer = restart, None

    def prepare(self, body, answer_of_luna):
        self.answer = answer_of_luna
        self.groups["workers"] = [self.restart(answer_of_luna)]
        super().prepare(body, answer_of_luna)

    def check(self, body, answer):
        if "server-timing" in answer.headers or answer.content != self.answer:
            self.complain(answer)
