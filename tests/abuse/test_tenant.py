"""A tenant who takes all that the plan allows; the others are served as before."""
import json
import random

import pytest
from arena import flood

JSON = {"Content-Type": "application/json"}


def numbers(count):
    generator = random.Random(2)
    level, values = 1000.0, []
    for index in range(count):
        level += generator.gauss(0, 3)
        values.append(round(level + 40 * (index % 24) / 24 + generator.gauss(0, 20), 2))
    return values


# A series with many missing values is fitted by the filter, which takes a hundred times as long.
HEAVY = {
    "a long fit": ("", {"results": [None] * 20 + numbers(3000), "model": {"name": "bsm", "period": 24}}),
    "the choice of a model": ("", {"results": numbers(2000), "model": {"name": "auto", "period": 24}}),
    "a batch of fits": ("/batch", {"series": [numbers(300)] * 100, "model": {"name": "bsm", "period": 12}}),
}


@pytest.fixture(name="tenant")
def heavy_tenant(account_factory):
    return account_factory(10**9)


@pytest.mark.parametrize("request_of", HEAVY)
def test_sixty_four_connections_of_one_tenant_take_more_than_a_share(arena, tenant, request_of):
    path, body = HEAVY[request_of]
    arena.holds(lambda: flood(tenant.url + path, json.dumps(body).encode(), JSON | tenant.headers, connections=64))


def test_retries_of_a_long_request_take_more_than_a_share(arena, tenant):
    path, body = HEAVY["a long fit"]
    arena.holds(lambda: flood(tenant.url + path, json.dumps(body).encode(), JSON | tenant.headers | {"Idempotency-Key": "again"}, connections=64))


MANY = json.dumps({"results": [1.0] * 200_001}).encode()


def test_large_bodies_of_one_tenant_stop_the_others(arena, tenant):
    """A megabyte from 40 connections, and as many answers as the plan's rate allows: these need processors, so the bound is wider than
    three times."""
    arena.holds(lambda: flood(tenant.url, MANY, JSON | tenant.headers), noise_ms=100)


def test_large_bodies_that_are_refused_stop_the_others(arena, stack, account_factory):
    """The same from a plan that allows next to none: nginx does not read what it refuses."""
    stack.luna("plan", "set", "one", "--rate", "1", "--burst", "1")
    refused = account_factory(10**9, "--plan", "one")
    arena.holds(lambda: flood(refused.url, MANY, JSON | refused.headers))


def test_a_batch_of_faults_makes_a_large_answer(client, tenant):
    body = b'{"series":[' + b",".join([b'["x"]'] * 600) + b"]}"
    answer = client.post(tenant.url + "/batch", content=body, headers=JSON | tenant.headers)
    print(f"\n  {len(body)} bytes of faults, answered with {answer.status_code} and {len(answer.content)} bytes")
    assert len(answer.content) <= 20 * len(body)
