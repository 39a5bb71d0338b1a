"""What requests are sent to: where, with which key, which processes work for it, and what its answers must look like."""
import json

import httpx
import processes

FLOOR_ANSWER = b'{"processed_results":[],"input_data":[]}'
JSON = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class Target:
    """`groups`: the processes that work for it, by the name under which their processor time is shown."""

    def __init__(self, name, url, key, ca, groups):
        self.name, self.url, self.key, self.ca, self.groups = name, url, key, ca, groups

    def cpu(self):
        return {name: processes.cpu_s(pids) for name, pids in self.groups.items()}

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
