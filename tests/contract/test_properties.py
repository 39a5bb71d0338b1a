"""Generated requests get what the document says, and nothing of what it allows is refused but for a reason of REASONS."""
import fnmatch

import hypothesis
import pytest
from document import operations, resolve, validate
from generated import of_body, of_parameters, of_damaged_body
from luna_stack import WAIT_S

API = {operation["operationId"]: (method, path, operation, parameters)
       for method, path, operation, parameters in operations() if path.startswith("/api/")}
# The same ones in each run. The time of a fit is no failure.
SETTINGS = hypothesis.settings(max_examples=25, derandomize=True, deadline=None, database=None,
                               suppress_health_check=list(hypothesis.HealthCheck))

# What the document allows and the service refuses ("type place" of a fault, or the code), and why
# the schema cannot say it.
REASONS = {
    "extra_forbidden query.*": "parameters of one format are refused beside a body of another",
    "extra_forbidden body.model.*": "each model has its own settings and parameters; the schema has those of all",
    "extra_forbidden body.series": "a batch has series, or y and sizes",
    "missing body.series": "a batch has series, or y and sizes",
    "missing body.y": "a batch has series, or y and sizes",
    "missing body.sizes": "a batch has series, or y and sizes",
    "value_error body": "a batch of CSV needs a column of ids",
    "value_error body.sizes": "the sizes add up to the length of y",
    "missing body.model.*": "some models need a setting, such as period",
    "too_long body.model.parameters": "no model has so many parameters",
    "too_* body.model.parameters.*": "the order of a model is the length of its coefficients",
    "value_error body.model*": "settings and parameters contradict each other, or are not stationary",
    "value_error body.results*": "the series is too short for the model, or its numbers are too far apart",
    "value_error *.intervals": "the same interval twice",
    "value_error *transform": "the transform is given twice, or needs positive values",
    "missing body.rate_per_s": "a burst needs a rate",
    "literal_error query.model": "the text is not the name of a model",
    "literal_error query.transform": "the text is not the name of a transform",
    "value_error query.*": "a text with NUL, a column that the table does not have, or a list of columns",
    "* query.cursor": "the text is no cursor of an earlier answer",
    "dict_type body.metadata": "a name without a character, a control character, or too long in all",
    "string_type body.name": "a control character",
    "json_invalid body": "NUL in a string",
    "ip_any_network body.allowed_networks": "the text is not a network",
    "finite_number body": "octets of infinity",
    "idempotency_mismatch": "the key was used with another request",
    "computation_too_long": "a fit that takes long on this machine",
}


@pytest.fixture(scope="module")
def plentiful(client, luna, account_factory):
    """An account without limits that generated requests reach, and a key of it that is not the one in use."""
    luna("plan", "set", "properties", "--rate", "100000", "--burst", "100000")
    account = account_factory(10**9, "--plan", "properties")
    made = client.post(f"/api/v1/{account.id}/keys", headers=account.headers, json={"scopes": ["read"]})
    return account, made.json()["id"]


def send(client, plentiful, name, query, headers, kind, text):
    account, key_id = plentiful
    method, path, *_ = API[name]
    headers = account.headers | headers | ({"Content-Type": kind} if kind else {})
    if "/rotate" in path or method == "delete":
        key_id = 999999999  # that of the other tests stays
    answer = client.request(method, path.format(account_id=account.id, key_id=key_id), params=query, headers=headers, content=text, timeout=WAIT_S)
    if name == "createKey" and answer.status_code == 201:
        client.delete(f"/api/v1/{account.id}/keys/{answer.json()['id']}", headers=account.headers)
    return answer


def check(answer, name):
    """Is it an answer of the document?"""
    operation = API[name][2]
    assert answer.status_code < 500, answer.text
    assert str(answer.status_code) in operation["responses"], f"undocumented: {answer.status_code} {answer.text[:300]}"
    response = resolve(operation["responses"][str(answer.status_code)])
    kind = answer.headers.get("content-type", "").split(";")[0]
    assert kind in response.get("content", {"": None}), f"undocumented: {kind}"
    if kind in ("application/json", "application/problem+json"):
        validate(answer.json(), response["content"][kind]["schema"])


def reasons_of(answer):
    """As the names in REASONS, without indices."""
    said = answer.json()
    faults = said.get("errors") or (said["detail"] if isinstance(said["detail"], list) else None)
    if not faults:
        return [said["code"]]
    return [f"{fault['type']} {'.'.join(part for part in fault['loc'] if isinstance(part, str))}" for fault in faults]


@pytest.mark.parametrize("name", API)
def test_a_request_that_the_document_allows_is_refused_without_a_listed_reason(client, plentiful, name):
    _, _, operation, parameters = API[name]

    @SETTINGS
    @hypothesis.given(of_parameters(parameters, "query"), of_parameters(parameters, "header"), of_body(operation))
    def run(query, headers, body):
        answer = send(client, plentiful, name, query, headers, *body)
        check(answer, name)
        if answer.status_code in (400, 413, 415, 422):
            for reason in reasons_of(answer):
                assert any(fnmatch.fnmatchcase(reason, known) for known in REASONS), f"{reason}: {answer.text[:500]}"

    run()


@pytest.mark.parametrize("name", [name for name in API if "requestBody" in API[name][2]])
def test_a_damaged_body_gets_an_answer_that_is_not_documented(client, plentiful, name):
    _, _, operation, parameters = API[name]

    @SETTINGS
    @hypothesis.given(of_parameters(parameters, "query"), of_damaged_body(operation))
    def run(query, body):
        check(send(client, plentiful, name, query, {}, *body), name)

    run()
