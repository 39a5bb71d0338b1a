"""What an answer looks like, and that its numbers are right, through the whole stack."""
import csv
import math

import pytest
from luna_stack import ROOT

REFERENCE = ROOT / "tests/vectors/kalman"
NILE_PARAMETERS = {"level_variance": 1469.1, "observation_variance": 15099}


def reference(name):
    with open(REFERENCE / name, encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def number(text):
    return None if text in ("", "NA") else float(text)


def assert_close(ours, theirs, relative=1e-12):
    assert len(ours) == len(theirs)
    for t, (mine, wanted) in enumerate(zip(ours, theirs)):
        assert math.isclose(mine, wanted, rel_tol=relative, abs_tol=0), f"t={t + 1}: {mine!r}, reference {wanted!r}"


def test_an_answer_holds_other_fields_than_the_two(client, account):
    answer = client.post(account.url, headers=account.headers, json={"results": [1120, 1160, 963, 1210]})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    assert list(answer.json()) == ["processed_results", "input_data"]
    assert answer.json()["processed_results"][0] == 1120
    assert answer.json()["input_data"] == [1120, 1160, 963, 1210]
    assert len(answer.headers["x-request-id"]) >= 8


def test_a_bearer_key_is_worth_less_than_x_api_key(client, account):
    answer = client.post(account.url, headers={"Authorization": f"Bearer {account.key}"}, json={"results": [1, 2, 3]})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", ["nile_reference.csv", "nile_missing_reference.csv"])
def test_nile_at_given_parameters_differs_from_the_reference(client, account, name):
    rows = reference(name)
    series = [number(row["y"]) for row in rows]
    body = {"results": series, "model": {"name": "local_level", "parameters": NILE_PARAMETERS}}
    filtered = client.post(account.url, headers=account.headers, json=body)
    assert filtered.status_code == 200, filtered.text
    assert_close(filtered.json()["processed_results"], [float(row["a_filt"]) for row in rows])
    assert filtered.json()["input_data"] == series
    smoothed = client.post(account.url, headers=account.headers, json=body | {"output": "smoothed"})
    assert_close(smoothed.json()["processed_results"], [float(row["a_smooth"]) for row in rows])


def test_a_number_comes_back_longer_or_as_another_value(client, account):
    text = "[0.1,109.51,1e-300,123456789012345680,-0.0,5e-324,1.7976931348623157e308,3]"
    body = '{"results":' + text + ',"model":{"name":"local_level","parameters":{"level_variance":1,"observation_variance":1}}}'
    answer = client.post(account.url, headers=account.headers | {"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 200, answer.text
    sent = [0.1, 109.51, 1e-300, 123456789012345680, -0.0, 5e-324, 1.7976931348623157e308, 3]
    assert answer.json()["input_data"] == sent
    echoed = answer.text.split('"input_data":')[1]
    assert "109.51" in echoed and "109.510000" not in echoed


def test_null_is_not_a_missing_observation_both_ways(client, account):
    answer = client.post(account.url, headers=account.headers, json={"results": [1120, None, 963, 1210]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["input_data"] == [1120, None, 963, 1210]
    assert all(isinstance(value, (int, float)) for value in answer.json()["processed_results"])


def test_scaling_by_a_power_of_two_changes_a_digit_of_the_answer(client, account):
    series = [1120.0, 1160.0, 963.0, 1210.0, 1160.0, 1160.0, 813.0]
    plain = client.post(account.url, headers=account.headers, json={"results": series}).json()
    scaled = client.post(account.url, headers=account.headers, json={"results": [8 * y for y in series]}).json()
    assert scaled["processed_results"] == [8 * y for y in plain["processed_results"]]


def test_a_clients_request_id_is_lost_or_a_strange_one_is_kept(client, account):
    for sent, kept in (("trace-0123456789", True), ("short", False), ("x" * 65, False), ("new line\t", False)):
        headers = account.headers | {"X-Request-Id": sent}
        answer = client.post(account.url, headers=headers, json={"results": [1, 2]})
        assert (answer.headers["x-request-id"] == sent) == kept, sent
