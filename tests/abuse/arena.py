"""An attack beside a paying client: what the client saw, quiet and attacked."""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from luna_stack import clean_environment

HERE = pathlib.Path(__file__).parent
RATIO_MAX = 3  # p99 under attack, of the quiet p99
NOISE_MS = 6  # what a busy machine of two cores does to one request in a hundred without any attack
ROUNDS_MAX = 4
STARVED = 20  # before the gateway refused a tenant's repetitions, a fiftieth was left
VICTIM_ADDRESS = "127.0.0.9"


@dataclasses.dataclass
class Figures:
    """What a client saw: how many answers of each status, and two percentiles of the time they took."""

    statuses: dict
    p50_ms: float
    p99_ms: float

    def __str__(self):
        counted = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items()))
        return f"{counted}; p50 {self.p50_ms} ms, p99 {self.p99_ms} ms"


class Arena:
    def __init__(self, stack, victim, length_s, is_timed=False):
        self.stack, self.victim, self.length_s, self.is_timed = stack, victim, length_s, is_timed

    @contextlib.contextmanager
    def watched(self):
        """Runs the victim meanwhile; the list that it gives holds its figures afterwards."""
        seen = []
        command = [sys.executable, HERE / "victim.py", self.victim.url, self.stack.ca, VICTIM_ADDRESS, self.victim.key]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield seen
            finally:
                process.send_signal(signal.SIGTERM)
                seen.append(Figures(**json.loads(process.communicate(timeout=60)[0])))

    def figures(self):
        with self.watched() as seen:
            time.sleep(self.length_s)
        return seen[0]

    def during(self, attack):
        """The victim's figures before and during the attack, a context manager; printed."""
        quiet = self.figures()
        with attack as said:
            time.sleep(0.3)  # until it has its connections
            attacked = self.figures()
        print(f"\n  victim quiet:    {quiet}\n  victim attacked: {attacked}, {attacked.p99_ms / quiet.p99_ms:.1f} × the quiet p99")
        if said:
            print(f"  attacker:        {said[0]}")
        return quiet, attacked

    def holds(self, attack, noise_ms=NOISE_MS):
        """No failure of the victim, which is not starved. With --long, on a machine with nothing else to do: in the best of some
        rounds its p99 is within three times its quiet figure, or within `noise_ms`.

        attack: makes a new context manager for each round.
        """
        rounds = []
        for _ in range(ROUNDS_MAX if self.is_timed else 1):
            quiet, attacked = self.during(attack())
            assert set(attacked.statuses) == {"200"}, attacked
            assert attacked.statuses["200"] >= quiet.statuses["200"] / STARVED, (quiet, attacked)
            if not self.is_timed or attacked.p99_ms <= max(RATIO_MAX * quiet.p99_ms, noise_ms):
                return
            rounds.append(f"{quiet.p99_ms} → {attacked.p99_ms} ms")
        raise AssertionError(f"p99 of a paying client, quiet and attacked, in {ROUNDS_MAX} rounds: {', '.join(rounds)}")


def wrk(url, connections, *options):
    """At the lowest priority: an attacker brings processors of its own, and does not compute on the service's."""
    return ["nice", "-n", "19", "wrk", "-t1", f"-c{connections}", "-d600s", "--timeout", "30s", *options, url]


@contextlib.contextmanager
def flood(url, body, headers, connections=40):
    """That many connections repeat one request until the context ends; gives what they were answered."""
    said = []
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        environment = clean_environment() | {"LUNA_ATTACK_BODY": file.name,
                                             "LUNA_ATTACK_HEADERS": "\n".join(f"{name}: {value}" for name, value in headers.items())}
        with subprocess.Popen(wrk(url, connections, "-s", HERE / "attack.lua"), env=environment, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield said
            finally:
                process.send_signal(signal.SIGINT)
                printed = process.communicate(timeout=60)[0]
                said.append(", ".join(f"{count} × {status}" for status, count in re.findall(r"(?m)^status (\d+) (\d+)$", printed)) or "no answer")
