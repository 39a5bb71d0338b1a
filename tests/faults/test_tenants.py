"""Two tenants at one pool: one with 64 connections of the heaviest request, and one that only sends small ones."""
import json
import os

import pytest
from load import Load
from luna_stack import wait_until
from stack_control import pause

# A minute of work in 12 kB: a fit with many missing values, which no machine ends in time.
HEAVY = json.dumps({"results": [None] * 200 + [(37 * i) % 101 for i in range(3000)],
                    "model": {"name": "exponential_smoothing", "trend": 1, "period": 365}}).encode()


def send_heavy(connection, account):
    connection.request("POST", f"/api/v1/{account.id}/kalman", HEAVY, {"X-API-Key": account.key, "Content-Type": "application/json"})


def quantiles_ms(load):
    times = sorted(answer.ended - answer.began for answer in load.answers)
    return 1e3 * times[len(times) // 2], 1e3 * times[len(times) * 99 // 100]


@pytest.fixture(name="victim_load")
def load_of_the_victim(stack, fault_accounts):
    victim, = fault_accounts(1)
    return lambda: Load(stack, [victim], threads=1, pause_s=0.01)


def test_a_tenant_with_64_connections_stops_the_other(stack, fault_accounts, victim_load, proven, capsys, long_run):
    """The victim has no failure, and workers are left to it. How long it waits depends on the cores too, which the attacker's
    computations and this client share with it: it is printed, beside the quiet figure."""
    if not long_run:
        pytest.skip("takes a minute; the suite abuse has a short form, and scripts/test faults --long runs it")
    attacker, = fault_accounts(1)
    seconds = 30
    with victim_load() as quiet:
        quiet.await_success()
        pause(seconds)
    with Load(stack, [attacker], threads=64, send=send_heavy) as attack:
        wait_until(lambda: any(answer.code == "concurrency_limited" for answer in attack.answers), "a share that is used up")
        with victim_load() as victim:
            victim.await_success()
            pause(seconds)
        seen = attack.statuses()
    (quiet_p50, quiet_p99), (p50, p99) = quantiles_ms(quiet), quantiles_ms(victim)
    with capsys.disabled():
        print(f"\n  two tenants: quiet {len(quiet.answers)} answers, p50 {quiet_p50:.1f} ms, p99 {quiet_p99:.1f} ms; beside 64 connections of the "
              f"heaviest request {len(victim.answers)} answers {dict(victim.statuses())}, p50 {p50:.1f} ms, p99 {p99:.1f} ms ({os.cpu_count()} "
              f"cores); the attacker: {dict(sorted(seen.items()))}")
    assert set(victim.statuses()) == {200}
    assert 200 not in seen
    victim.answers += quiet.answers
    proven(victim, others=())
