"""Somebody without a key; the client with one is served as before."""
import gzip
import json
import random
import uuid

import pytest
from arena import flood

# 31 kB that unpack to 30 MB: work that a worker must not do before it asks for the key.
ZEROS = b'{"results":[' + b"0," * 15_000_000 + b"0]}"


def bodies():
    generator = random.Random(1)
    numbers = [round(generator.gauss(1000, 50), 2) for _ in range(60_000)]
    return {
        "unpacked": (gzip.compress(ZEROS), {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        "a batch": (json.dumps({"series": [numbers[:1000]] * 60}).encode(), {"Content-Type": "application/json"}),
        "decoded": (json.dumps({"results": numbers}).encode(), {"Content-Type": "application/json"}),
        "small": (b'{"results":[1,2]}', {"Content-Type": "application/json"}),
    }


BODIES = bodies()


def path(kind):
    return "/batch" if kind == "a batch" else ""


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("key", ["no key", "a wrong key"])
def test_bodies_without_a_valid_key_slow_a_paying_client(arena, account, kind, key):
    body, headers = BODIES[kind]
    wrong = {"X-API-Key": str(uuid.uuid4())} if key == "a wrong key" else {}
    arena.holds(lambda: flood(account.url + path(kind), body, headers | wrong))
