"""For a test that waits for a program: until a condition holds, and a port that no other process has."""
import random
import socket
import time

# How long a test waits for what must happen before it fails. Only a broken program ever takes that
# long: a slow or busy machine does not decide a test. Where the time itself is the behaviour under
# test, the test says so and does not use this.
WAIT_S = 120.0

BACK_S = 5  # what docs/OPERATIONS.md promises after a kill
HELD = []  # as long as this process lives


def wait_until(condition, what="", timeout_s=WAIT_S, interval_s=0.02):
    """Polls until `condition()` is true; returns what it returned."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout_s} s: {what or condition}"
        time.sleep(interval_s)


def answer_unless_limited(client, method, path, interval_s=0.02, **options):
    """The answer to a request, as soon as it is not 429: because of the account's rate, or of the address's refused keys."""
    def ask():
        answer = client.request(method, path, **options)
        return None if answer.status_code == 429 else answer

    return wait_until(ask, "an answer that is not limited", interval_s=interval_s)


def back_in_time(fault, works):
    """`fault()` is followed by `works()` within BACK_S, in one of three tries: an instant of a busy machine does not decide. After each
    fault it works again in the end. Returns the shortest time."""
    taken = []
    while len(taken) < 3 and (not taken or min(taken) > BACK_S):
        began = time.monotonic()
        fault()
        wait_until(works, "what works again after a fault")
        taken.append(time.monotonic() - began)
    assert min(taken) <= BACK_S, f"worked again after {taken} s, not within {BACK_S} s"
    return min(taken)


def free_port():
    """A TCP port of the loopback that is this process's until it ends: a server that is down for a while finds it free when it comes
    back. From below where the kernel takes the ports of connections, and above where scripts/up looks. Held by a name that only one
    process of the machine (of the network namespace, as the port) can have."""
    while True:
        port, name = random.randrange(15000, 32000), socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0luna-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        HELD.append(name)
        return port
