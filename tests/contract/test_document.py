"""The document says what is true: its routes are the worker's and nginx's, its examples work, its models are libkalman's."""
import json
import re

import jsonschema
import pytest
from document import load, operations, resolve, validate
from luna_stack import ROOT

ROUTE = re.compile(r'\{"(\w+)", "([A-Z]+)", "(/[^"]*)", (\w+)')
SCOPES = {"LUNA_SCOPE_MODEL": "model", "LUNA_SCOPE_READ": "read", "LUNA_SCOPE_KEYS": "keys"}


def worker_routes():
    table = (ROOT / "fcgi-worker/api/routes.c").read_text(encoding="utf-8")
    return {(method.lower(), path): scope for _, method, path, scope in ROUTE.findall(table)}


def nginx_locations():
    text = "".join((ROOT / f"conf/nginx/{name}").read_text(encoding="utf-8") for name in ("nginx.conf", "web.conf"))
    return set(re.findall(r"location = (/\S*)", text)), text


def test_the_document_has_other_routes_than_the_worker():
    documented = {(method, path) for method, path, *_ in operations() if path.startswith("/api/")}
    assert documented == set(worker_routes())


def test_the_document_names_another_scope_than_a_route_needs():
    for method, path, operation, _ in operations():
        if path.startswith("/api/"):
            scope = SCOPES.get(worker_routes()[method, path])
            wanted = f"Needs the scope `{scope}`" if scope else "Any key will do"
            assert wanted in operation["description"] or operation["operationId"] == "filterBatch", path


def test_an_operation_is_deprecated_in_its_answers_or_in_the_document_only():
    table = (ROOT / "fcgi-worker/api/routes.c").read_text(encoding="utf-8")
    rows = re.findall(r'\{"\w+", "([A-Z]+)", "(/[^"]*)",[^{}]*?,\s*(NULL\}|&)', table)
    assert len(rows) == len(worker_routes())
    ending = {(method.lower(), path) for method, path, last in rows if last == "&"}
    assert {(method, path) for method, path, operation, _ in operations() if operation.get("deprecated")} == ending


def test_a_path_of_the_document_is_served_by_nobody():
    exact, text = nginx_locations()
    for _, path, *_ in operations():
        assert path.startswith("/api/") or path in exact, path
    assert "/openapi.json" in exact and "^/(docs|redoc)$" in text
    assert re.search(r"location / \{\s*include fastcgi\.conf;", text), "everything else goes to the worker"


def test_a_path_answers_otherwise_than_the_document_says(client):
    """Each path takes the methods that are documented, HEAD beside GET, OPTIONS always, and no other."""
    methods = {}
    for method, path, *_ in operations():
        methods.setdefault(path, set()).add(method.upper())
    for path, documented in methods.items():
        if not path.startswith("/api/"):
            continue
        answer = client.options(path.format(account_id=1, key_id=1))
        expected = documented | {"OPTIONS"} | ({"HEAD"} if "GET" in documented else set())
        assert answer.status_code == 204
        assert set(answer.headers["allow"].split(", ")) == expected, path


def test_another_document_is_served_than_the_one_in_the_tree(client):
    answer = client.get("/openapi.json")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")
    assert answer.json() == load()
    again = client.get("/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and not again.content


def test_a_member_has_a_default():
    """Generators take a member with a default as one that is always there: their callers would have to send it."""
    assert '"default":' not in json.dumps(load())
    described = load()["components"]["schemas"]["KalmanRequest"]["properties"]["horizon"]["description"]
    assert described.endswith("Default: `0`.")


def problem_codes():
    table = (ROOT / "fcgi-worker/http/problem.h").read_text(encoding="utf-8")
    return {code: int(status) for status, code in re.findall(r'X\(PROBLEM_\w+, (\d+), "(\w+)"', table)}


def test_a_status_that_the_worker_can_give_is_not_documented():
    statuses = {str(status) for status in problem_codes().values()}
    kalman = load()["paths"]["/api/v1/{account_id}/kalman"]["post"]["responses"]
    assert statuses - set(kalman) == {"405"}, "405 is the answer to what is no operation"
    assert "405" in load()["info"]["description"]


@pytest.mark.parametrize("kind", ["schema", "requestBody"])
def test_an_example_does_not_match_its_schema(kind):
    for method, path, operation, _ in operations():
        contents = [operation.get("requestBody", {})] if kind == "requestBody" else [
            resolve(response) for response in operation["responses"].values()]
        for content in contents:
            media = content.get("content", {}).get("application/json", {})
            for name, example in media.get("examples", {}).items():
                try:
                    validate(resolve(example)["value"], media["schema"])
                except jsonschema.ValidationError as error:
                    pytest.fail(f"{method} {path}, example {name}: {error.message}")


def test_an_example_does_not_work(client, account):
    """Each JSON example of a request body gets a success, and the answer is what its schema says."""
    tried = 0
    for method, path, operation, _ in operations():
        media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in media.get("examples", {}).items():
            keys = client.get(f"/api/v1/{account.id}/keys", headers=account.headers).json()["data"]
            url = path.format(account_id=account.id, key_id=keys[-1]["id"])
            answer = client.request(method, url, headers=account.headers, json=resolve(example)["value"])
            assert answer.is_success, f"{path}, example {name}: {answer.text}"
            documented = resolve(operation["responses"][str(answer.status_code)])
            validate(answer.json(), documented["content"]["application/json"]["schema"])
            tried += 1
    assert tried >= 7


def test_an_example_in_another_format_does_not_work(client, account):
    for method, path, operation, _ in operations():
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            if "example" in media:
                answer = client.request(method, path.format(account_id=account.id), content=media["example"],
                                        headers=account.headers | {"Content-Type": media_type})
                assert answer.status_code == 200, f"{path} {media_type}: {answer.text}"
                answered = media_type if media_type in operation["responses"]["200"]["content"] else "application/json"
                assert answer.headers["content-type"].startswith(answered)


def test_the_document_has_other_models_or_parameters_than_libkalman(client, account):
    """The server's own refusals list what it has; the document lists the same."""
    schemas = load()["components"]["schemas"]
    refused = client.post(account.url, headers=account.headers, json={"results": [1], "model": "moon"}).json()
    served = re.findall(r"'(\w+)'", refused["detail"][0]["msg"])
    aliases = {"level", "trend", "bsm", "sarima", "ets"}
    assert set(schemas["ModelName"]["enum"]) == set(served) | aliases
    parameters, settings = set(), set()
    needed = {"seasonal": {"period": 4}, "basic_structural": {"period": 4}}
    for name in served:
        body = {"results": [1], "model": {"name": name, "moon": 1, "parameters": {"moon": 1}} | needed.get(name, {})}
        for fault in client.post(account.url, headers=account.headers, json=body).json()["detail"]:
            names = fault["hint"].split(": ", 1)[1]
            if names not in ("none", "no settings"):
                (parameters if fault["loc"] == ["body", "model", "parameters", "moon"] else settings).update(names.split(", "))
    assert set(schemas["Parameters"]["properties"]) == parameters
    assert set(schemas["Model"]["properties"]) == settings | {"name", "parameters", "transform", "variance_exponent"}


def test_the_document_has_other_fit_statuses_than_libkalman():
    header = (ROOT / "libkalman/include/kalman/fit.h").read_text(encoding="utf-8")
    names = re.findall(r'X\(KALMAN_FIT_\w+, "(\w+)"', header)
    assert set(load()["components"]["schemas"]["Fit"]["properties"]["status"]["enum"]) == set(names)
