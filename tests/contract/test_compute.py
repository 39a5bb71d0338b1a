"""The budget of processor time: an account that computes more than its plan provides has to wait, whatever its requests end in."""
import uuid

import pytest
from waiting import wait_until

# Some tenths of a second of work: a series with a missing value is fitted by the filter.
HEAVY = {"results": [None, *(float((37 * i) % 101) for i in range(1500))], "model": {"name": "exponential_smoothing", "trend": 1, "period": 12}}
SMALL = {"results": [1120, 1160, 963, 1210], "model": {"name": "local_level", "parameters": {"level_variance": 1, "observation_variance": 1}}}


@pytest.fixture(name="bounded")
def account_with_a_budget(account_factory, luna):
    """A budget of 300 ms of processor time, and 5 ms more a second."""
    name = f"compute-{uuid.uuid4().hex[:8]}"
    luna("plan", "set", name, "--rate", "1000", "--burst", "1000", "--compute", "5")
    return account_factory(1000, "--plan", name)


def refusal(client, account, body, **headers):
    """The first 429: what a request uses is counted a moment after its answer."""
    def refused():
        answer = client.post(account.url, json=body, headers=account.headers | headers)
        return answer if answer.status_code == 429 else None

    return wait_until(refused, "a budget that is used up", interval_s=0.02)


def check(refused):
    said = refused.json()
    assert said["code"] == "compute_limited" and said["violated-policies"] == ["compute"]
    assert 1 <= int(refused.headers["retry-after"]) <= 3600


def test_a_computation_costs_no_processor_time(client, bounded, account):
    check(refusal(client, bounded, HEAVY))
    assert client.post(bounded.url, json=SMALL, headers=bounded.headers).json()["code"] == "compute_limited"
    assert client.get(f"/api/v1/{bounded.id}/usage", headers=bounded.headers).status_code == 200
    assert client.post(account.url, json=SMALL, headers=account.headers).status_code == 200


def test_a_replay_that_is_computed_costs_no_processor_time(client, bounded):
    long = HEAVY | {"results": HEAVY["results"] * 3}  # an answer of more than 16 KiB
    check(refusal(client, bounded, long, **{"Idempotency-Key": uuid.uuid4().hex}))


def test_a_batch_costs_no_processor_time(client, bounded):
    def refused():
        answer = client.post(f"{bounded.url}/batch", json={"series": [HEAVY["results"]], "model": HEAVY["model"]}, headers=bounded.headers)
        return answer if answer.status_code == 429 else None

    check(wait_until(refused, "a budget that is used up"))


NUMBERS = ",".join(str(1000 + i % 7) for i in range(20000))  # 100 kB: less than what is checked before it is read
UNPAID = {
    "an invalid body": ("", '{"results":[' + NUMBERS + ',"x"]}', 422),
    "a batch without a sound series": ("/batch", '{"series":[[' + NUMBERS + ',"x"]]}', 200),
}


@pytest.mark.parametrize("what", UNPAID)
def test_a_request_that_costs_no_unit_costs_no_processor_time(client, account_factory, luna, what):
    name = f"compute-{uuid.uuid4().hex[:8]}"
    luna("plan", "set", name, "--rate", "10000", "--burst", "10000", "--compute", "1")
    account = account_factory(1000, "--plan", name)
    path, body, status = UNPAID[what]
    headers = account.headers | {"Content-Type": "application/json"}

    def is_used():
        for _ in range(10):
            assert client.post(account.url + path, content=body, headers=headers).status_code == status
        left = client.get(f"/api/v1/{account.id}", headers=account.headers).json()
        assert left["quota"]["used"] == 0
        return left["compute"]["remaining_ms"] <= left["compute"]["burst_ms"] - 3

    wait_until(is_used, "a budget of which some is used")


def policies(answer, header):
    return dict(item.strip().split(";", 1) for item in answer.headers[header].split(","))


def test_the_answers_do_not_say_what_is_left(client, bounded, account_factory, luna):
    """A request's own time is counted after its answer."""
    first = client.post(bounded.url, json=SMALL, headers=bounded.headers)
    assert policies(first, "ratelimit-policy")['"compute"'] == 'q=300;qu="cpu-ms";w=60'
    assert policies(first, "ratelimit")['"compute"'] == "r=300;t=0"

    def is_used():
        client.post(bounded.url, content='{"results":[' + NUMBERS + ',"x"]}', headers=bounded.headers | {"Content-Type": "application/json"})
        answers = [client.get(f"/api/v1/{bounded.id}{path}", headers=bounded.headers) for path in ("", "/usage")]
        return answers if all(answer.json()["compute"]["remaining_ms"] < 300 for answer in answers) else None

    for answer in wait_until(is_used, "a budget of which some is used", interval_s=0):
        compute = answer.json()["compute"]
        assert (compute["ms_per_second"], compute["burst_ms"]) == (5, 300)
        assert policies(answer, "ratelimit")['"compute"'].startswith(f"r={compute['remaining_ms']};t=")
    name = f"compute-{uuid.uuid4().hex[:8]}"
    luna("plan", "set", name, "--rate", "10", "--burst", "10")
    boundless = account_factory(1000, "--plan", name)
    answer = client.get(f"/api/v1/{boundless.id}", headers=boundless.headers)
    assert answer.json()["compute"] is None and '"compute"' not in answer.headers["ratelimit"]


def test_small_requests_use_up_the_budget(client, bounded):
    assert {client.post(bounded.url, json=SMALL, headers=bounded.headers).status_code for _ in range(200)} == {200}


def test_the_plan_does_not_say_its_budget(luna, stack):
    name = f"compute-{uuid.uuid4().hex[:8]}"
    luna("plan", "set", name, "--rate", "10", "--burst", "10", "--compute", "250")
    assert stack.luna_json("plan", "show", name)["compute_ms_per_s"] == 250
    luna("plan", "set", name, "--rate", "20")
    assert stack.luna_json("plan", "show", name)["compute_ms_per_s"] == 250
    luna("plan", "set", name, "--compute", "0")
    assert stack.luna_json("plan", "show", name)["compute_ms_per_s"] == 0
