"""The drills for each store: what fails meanwhile, how soon all is well again, and that the ledger is right. --long: all of them."""
import signal

import pytest
from drill import Drill, dropped, frozen, in_a_network_of_our_own, postgres_refusing, redis_refusing, restarted

LONG_S = 30
WELL_WITHIN_S = 20  # four times the longest pause between two tries to connect
STORES = ["redis", "postgres"]
PORTS = {"redis": "LUNA_REDIS_PORT", "postgres": "LUNA_POSTGRES_PORT"}
REFUSING = {"redis": redis_refusing, "postgres": postgres_refusing}
ORDERLY = {"redis": signal.SIGTERM, "postgres": signal.SIGINT}


@pytest.fixture
def drill(stack, fault_accounts, proven, capsys):
    """drill(store, name, fault, length_s): runs it, prints its line, proves the ledger."""
    def perform(store, name, fault, length_s, within_s=WELL_WITHIN_S):
        performed = Drill(stack, fault_accounts, store, name)
        performed.run(fault, length_s)
        with capsys.disabled():
            print(f"\n  {performed.line()}", flush=True)
        proven(performed.charged())
        assert performed.complaints(within_s) == []
        return performed

    return perform


def assert_only_what_needs_it_fails(performed):
    """Without Redis nobody is served. Without PostgreSQL those are whom Redis knows."""
    statuses = [{answer.status for answer in performed.while_broken(load)} for load in performed.loads]
    assert statuses == ([{503}] * 3 if performed.store == "redis" else [{200}, {503}, {503}])


@pytest.mark.parametrize("store", STORES)
def test_restarted(drill, servers, store):
    assert_only_what_needs_it_fails(drill(store, "restarted", restarted(servers[store], ORDERLY[store]), 2))


@pytest.mark.parametrize("store", STORES)
def test_wrong_password_then_right(drill, stack, store):
    assert_only_what_needs_it_fails(drill(store, "refusing our password", REFUSING[store](stack), 2))


def only_long(long_run):
    if not long_run:
        pytest.skip("takes a minute; scripts/test faults --long runs it")


@pytest.mark.parametrize("store", STORES)
def test_stopped(drill, servers, store, long_run):
    only_long(long_run)
    assert_only_what_needs_it_fails(drill(store, "stopped (SIGSTOP)", frozen(servers[store]), LONG_S))


def only_in_our_network():
    if not in_a_network_of_our_own():
        pytest.skip("drops packets, which needs root and a network namespace of its own")


@pytest.mark.parametrize("store", STORES)
def test_packets_dropped(drill, stack, store, long_run):
    only_long(long_run)
    only_in_our_network()
    assert_only_what_needs_it_fails(drill(store, "cut off (packets dropped)", dropped(stack.ports()[PORTS[store]]), LONG_S))


@pytest.mark.parametrize("store", STORES)
def test_packets_lost_now_and_then(drill, stack, store, long_run):
    """Slow: every fifth packet has to be sent again."""
    only_long(long_run)
    only_in_our_network()
    drill(store, "slow (20 % of the packets lost)", dropped(stack.ports()[PORTS[store]], 0.2), LONG_S)
