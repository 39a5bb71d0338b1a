"""Conventions of HTTP that clients, proxies and pages rely on, at the gateway and at the workers."""
import json
import re
import uuid
import zlib

import httpx
import pytest
from document import operations
from luna_stack import PAGES, wait_until
from test_http import KEPT, MEDIA, SERIES, send

BODY = {"results": [1120, 1160, 963, 1210]}
PUBLIC = ["/", "/openapi.json", "/assets/site.css", "/livez", "/readyz"]
API = [(method.upper(), path) for method, path, *_ in operations() if path.startswith("/api/")]
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def url_of(path, account):
    return path.format(account_id=account.id, key_id=1)


def options(client, account, **sent):
    return client.post(account.url, headers=account.headers, json=BODY | sent)


# --- options ---


def test_a_repeated_parameter_is_refused_instead_of_read_as_a_list(client, account):
    expected = send(client, account, "csv", query="?intervals=0.8,0.95&horizon=1&include=variance,model", accept="application/json")
    for query in ("intervals=.8&intervals=.95&horizon=1&include=variance&include=model",
                  "include=variance&intervals=0.8&horizon=1&include=model&intervals=0.95"):
        answer = send(client, account, "csv", query=f"?{query}", accept="application/json")
        assert answer.status_code == 200 and answer.json() == expected.json(), answer.text


@pytest.mark.parametrize("query, name", [("horizon=1&horizon=2", "horizon"), ("model=level&model=trend", "model"), ("precision=3&precision=3", "precision")])
def test_a_parameter_that_is_no_list_is_taken_twice(client, account, query, name):
    fault = send(client, account, "csv", query=f"?{query}").json()["detail"][0]
    assert fault["loc"] == ["query", name] and "more than once" in fault["msg"]


def test_a_fault_in_a_repeated_parameter_has_no_place(client, account):
    fault = send(client, account, "csv", query="?intervals=0.8&intervals=95").json()["detail"][0]
    assert (fault["loc"], fault["type"]) == (["query", "intervals", 1], "less_than")


OPTIONS = ["model", "output", "horizon", "intervals", "include", "robust", "ljung_box_lags"]


def test_null_is_no_default(client, account):
    plain = options(client, account).json()
    for name in OPTIONS:
        answer = options(client, account, **{name: None})
        assert answer.status_code == 200 and answer.json() == plain, f"{name}: {answer.text}"
    assert options(client, account, **dict.fromkeys(OPTIONS)).json() == plain
    series = {"series": [BODY["results"]]}
    batch = client.post(account.url + "/batch", headers=account.headers, json=series | dict.fromkeys(OPTIONS))
    assert batch.status_code == 200 and batch.json()["series"][0] == plain


def test_null_in_a_model_is_no_default(client, account):
    named = {"name": "arima", "p": 1}
    expected = options(client, account, model=named)
    for more in ({"d": None}, {"mean": None}, {"parameters": None}, {"q": None, "period": None, "parameters": {"ar": None}}):
        answer = options(client, account, model=named | more)
        assert answer.status_code == 200 and answer.json() == expected.json(), f"{more}: {answer.text}"
    assert options(client, account, model={"name": None}).json() == options(client, account, model="local_level").json()


def test_null_in_a_wish_for_a_key_or_token_is_no_default(client, account):
    path = f"/api/v1/{account.id}"
    wanted = dict.fromkeys(["scopes", "expires_in_s", "name", "metadata", "allowed_networks", "rate_per_s", "rate_burst"])
    made = client.post(f"{path}/keys", headers=account.headers, json=wanted)
    assert made.status_code == 201 and made.json()["scopes"] == ["model", "read"], made.text
    token = client.post(f"{path}/token", headers=account.headers, json={"scopes": None, "expires_in_s": None})
    assert token.status_code == 200 and token.json()["expires_in"] == 900, token.text
    again = client.post(f"{path}/keys/{made.json()['id']}/rotate", headers=account.headers, json={"grace_s": None})
    assert again.status_code == 201 and again.json()["grace_s"] == 0, again.text


def test_null_removes_more_from_a_key_than_what_it_names(client, account):
    path = f"/api/v1/{account.id}/keys"
    properties = {"name": "first", "metadata": {"a": "b"}, "allowed_networks": ["127.0.0.0/8"], "rate_per_s": 7}
    made = client.post(path, headers=account.headers, json=properties | {"scopes": ["read"]}).json()
    changed = client.patch(f"{path}/{made['id']}", headers=account.headers, json=dict.fromkeys(properties))
    assert changed.status_code == 200, changed.text
    shown = changed.json()
    assert (shown["name"], shown["metadata"], shown["allowed_networks"], shown["rate_per_s"]) == ("", {}, [], None)
    refused = client.patch(f"{path}/{made['id']}", headers=account.headers, json={"scopes": None})
    assert refused.status_code == 422, "a key without a default for its scopes would widen"


# --- bodies ---


def test_a_raw_deflate_body_is_corrupt(client, account):
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(SERIES["json"]) + packer.flush()
    headers = account.headers | {"Content-Type": "application/json", "Content-Encoding": "deflate"}
    answer = client.post(account.url, headers=headers, content=packed)
    assert answer.status_code == 200, answer.text
    cut = client.post(account.url, headers=headers, content=packed[:-3])
    assert cut.status_code == 400 and cut.json()["code"] == "body_corrupt"


@pytest.mark.parametrize("kind", ["json", "csv", "ndjson"])
@pytest.mark.parametrize("query", ["", "?horizon=2&include=variance"])
def test_an_answer_ends_within_a_line(client, account, kind, query):
    body = BODY | ({"horizon": 2, "include": ["model"]} if query and kind == "json" else {})
    if kind == "json":
        answer = client.post(account.url, headers=account.headers, json=body)
    else:
        answer = send(client, account, kind, query=query)
    assert answer.status_code == 200 and answer.content.endswith(b"\n") and not answer.content.endswith(b"\n\n")


def test_an_answer_of_any_route_ends_within_a_line(client, account):
    for method, path in API:
        for headers in (account.headers, {}, account.headers | {"Accept": "application/x-ndjson"}, account.headers | {"Accept": "text/csv"}):
            body = {"series": [BODY["results"]] * 2} if path.endswith("batch") else BODY if path.endswith("kalman") else None
            answer = client.request(method, url_of(path, account), headers=headers, json=body)
            assert answer.content.endswith(b"\n") or answer.status_code == 204, f"{method} {path}: {answer.content[-40:]}"


@pytest.mark.parametrize("path", [*PUBLIC, "/nowhere", "/metrics", "/assets/nowhere.css"])
def test_what_is_public_ends_within_a_line(client, path):
    assert client.get(path).content.endswith(b"\n")


# --- formats ---


FORMS = [
    ("application/problem+json", "application/problem+json"), ("application/json, application/problem+json", "application/problem+json"),
    ("application/problem+json;q=0, */*", "application/json"), ("application/json, application/problem+json;q=0.5", "application/json"),
    ("application/json;q=.2, application/problem+json;q=.7", "application/problem+json"), ("*/*", "application/json"), ("", "application/json"),
]


@pytest.mark.parametrize("path, accept, expected", [
    *(("/api/nowhere", *row) for row in FORMS), *(("/metrics", *row) for row in FORMS),
    ("/api/nowhere", "application/json;q=0.9, application/problem+json;q=0.1", "application/json"),  # nginx's map compares no two numbers
])
def test_the_weights_of_accept_do_not_choose_the_form_of_an_error(client, path, accept, expected):
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code == 404 and answer.headers["content-type"].split(";")[0] == expected


@pytest.mark.parametrize("accept, kind", [
    ("text/csv;q=.4, application/json;q=.6", "json"), ("text/csv;q=.6, application/json;q=.4", "csv"), ("text/*;q=1, application/json;q=0.9", "csv"),
    ("text/csv;q=0, application/x-ndjson;q=0.001", "ndjson"), ("*/*;q=0.1, text/csv;q=0.2", "csv"), ("text/csv ; q=0.3 , application/json ; q=0.8", "json"),
])
def test_the_weights_of_accept_do_not_choose_the_format(client, account, accept, kind):
    assert send(client, account, "octets", accept=accept).headers["content-type"].split(";")[0] == MEDIA[kind]


# --- paths and methods ---


@pytest.mark.parametrize("encode", [lambda text: re.sub(r"\d", lambda digit: f"%{ord(digit[0]):x}", text),
                                    lambda text: text.replace("kalman", "%6bal%6Dan"), lambda text: text.replace("api", "%61pi")])
def test_a_letter_that_is_written_as_a_code_is_another_path(client, account, encode):
    url = httpx.URL(client.stack.url).copy_with(raw_path=encode(f"/api/v1/{account.id}/kalman").encode())
    answer = client.post(url, headers=account.headers, json=BODY)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ["/api/v1/1%2Fkalman", "/api/v1/1/kalman%00", "/api/v1/%/kalman", "/api/v1/%2E%2E/1/kalman", "/api%2fv1/1/kalman"])
def test_a_slash_that_is_written_as_a_code_divides_the_path(client, account, path):
    url = httpx.URL(client.stack.url).copy_with(raw_path=path.encode())
    assert client.post(url, headers=account.headers, json=BODY).status_code in (400, 404)


@pytest.mark.parametrize("path", [*PUBLIC, "/assets/nowhere.css"])
def test_a_page_does_not_say_which_methods_it_has(client, path):
    answer = client.options(path)
    assert answer.status_code == 204 and not answer.content
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS" and answer.headers["x-request-id"]
    for method in ("POST", "PUT", "DELETE", "PATCH") if path in PUBLIC else ():
        refused = client.request(method, path)
        assert refused.status_code == 405 and refused.headers["allow"] == "GET, HEAD, OPTIONS", f"{method} {refused.status_code}"
        assert refused.json()["code"] == "method_not_allowed"


def test_any_page_may_ask_for_the_document(client):
    answer = client.options("/openapi.json", headers={"Origin": "https://any.example", "Access-Control-Request-Method": "GET",
                                                      "Access-Control-Request-Headers": "traceparent"})
    assert answer.headers["access-control-allow-origin"] == "*" and "GET" in answer.headers["access-control-allow-methods"]
    assert "traceparent" in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("path", sorted({path for _, path in API}))
def test_the_gateway_names_other_methods_than_the_worker(client, account, path):
    """TRACE is refused by nginx itself."""
    url = url_of(path, account)
    refused = client.request("TRACE", url)
    assert refused.status_code == 405 and refused.headers["allow"] == client.options(url).headers["allow"]


def test_trace_is_refused_without_naming_a_method(client):
    for path in (*PUBLIC, "/nowhere"):
        assert client.request("TRACE", path).headers["allow"] == "GET, HEAD, OPTIONS", path


# --- nginx's own answers ---


@pytest.mark.parametrize("path", ["/assets/nowhere.css", "/assets/nowhere.html", "/assets/nowhere.js", "/assets/nowhere.png", "/assets/nowhere.txt",
                                  "/nowhere.html", "/api/1.css"])
@pytest.mark.parametrize("accept", ["*/*", "application/problem+json"])
def test_an_error_has_the_media_type_of_the_paths_extension(client, path, accept):
    answer = client.get(path, headers={"Accept": accept})
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"
    assert answer.headers["content-type"].split(";")[0] == ("application/json" if accept == "*/*" else accept)


def test_a_precondition_that_fails_is_answered_in_html(client):
    for headers in ({"If-Match": '"x"'}, {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}):
        answer = client.get("/assets/site.css", headers=headers)
        assert answer.status_code == 412 and answer.json()["code"] == "precondition_failed", answer.text
        assert answer.headers["content-type"] == "application/json"


def names_twice(answer):
    names = [name.decode().lower() for name, _ in answer.headers.raw]
    return sorted({name for name in names if names.count(name) > 1})


@pytest.mark.parametrize("path", [*PUBLIC, "/nowhere", "/metrics", "/assets/nowhere.css"])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=99999999-"}, {"Range": "bytes=0-3"}, {"If-Match": '"x"'}, {"Origin": PAGES[0]},
                                     {"Accept-Encoding": "gzip", "Origin": PAGES[0]}], ids=str)
def test_a_header_is_sent_twice(client, path, headers):
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        answer = client.request(method, path, headers=headers)
        assert names_twice(answer) == [], f"{method} {answer.status_code}"


@pytest.mark.parametrize("headers", [{}, {"Origin": PAGES[0]}, {"Origin": PAGES[0], "Accept-Encoding": "gzip"}], ids=str)
def test_a_worker_sends_a_header_twice(client, account, headers):
    long = {"results": [i % 17 for i in range(2000)], "include": ["variance"]}
    for answer in [client.request(method, url_of(path, account), headers=account.headers | headers, json=None if method == "GET" else long)
                   for method, path in API if method != "DELETE"]:
        assert names_twice(answer) == [], f"{answer.request.url} {answer.status_code}"


# --- conditional requests ---


@pytest.mark.parametrize("path", [*KEPT, "/openapi.json", "/assets/site.css"])
@pytest.mark.parametrize("http2", [False, True])
def test_a_tag_is_not_found_in_a_second_line_or_with_a_proxys_suffix(stack, client, account, path, http2):
    """Apache appends -gzip to the tag of what it compresses, and does not take it off again."""
    url = path if path.startswith(("/openapi", "/assets")) else f"/api/v1/{account.id}{path}"
    tag = client.get(url, headers=account.headers).headers["etag"].removeprefix("W/")
    other, suffixed = '"other"', f'{tag[:-1]}-gzip"'
    with httpx.Client(base_url=stack.env["LUNA_URL"], verify=stack.ca, http2=http2) as alone:
        for lines in ([other, tag], [tag, other], [f"W/{tag}", other], [suffixed], [f"W/{suffixed}"], [f"{other}, {suffixed}"], [other, suffixed, other],
                      ['"a"'] * 20 + [tag]):
            headers = [*account.headers.items(), *(("If-None-Match", line) for line in lines)]
            answer = alone.get(url, headers=headers)
            assert answer.status_code == 304, f"{lines}: {answer.status_code} {answer.text[:200]}"
        for lines in ([other, '"third"'], ['"other-gzip"'], [f'{tag[:-1]}-gzip-gzip"'], [f'{tag[:-1]}x"', other]):
            headers = [*account.headers.items(), *(("If-None-Match", line) for line in lines)]
            assert alone.get(url, headers=headers).status_code == 200, lines


# --- traces ---


def logged(stack, name, request_id):
    return [json.loads(line) for line in stack.log(name).splitlines() if f'"{request_id}"' in line and line.startswith("{")]


def access_lines(stack, request_id):
    log = (stack.var / "log/access.log").read_text(encoding="utf-8", errors="replace")
    return [json.loads(line) for line in log.splitlines() if f'"{request_id}"' in line]


def test_a_trace_is_lost_at_the_gateway_or_at_the_worker(stack, client, account):
    request_id = f"trace-{uuid.uuid4().hex}"
    answer = client.post(account.url, headers=account.headers | {"traceparent": TRACE, "X-Request-Id": request_id}, json=BODY)
    assert answer.status_code == 200
    by_worker = wait_until(lambda: logged(stack, "fcgi-worker", request_id), what="the worker's log line")
    by_gateway = wait_until(lambda: access_lines(stack, request_id), what="the gateway's log line")
    assert {line["traceparent"] for line in by_worker} == {TRACE} and by_gateway[0]["traceparent"] == TRACE


@pytest.mark.parametrize("given", ["", "00-4bf9-00f0-01", TRACE.upper(), "ff" + TRACE[2:], "00-" + "0" * 32 + TRACE[35:], TRACE[:36] + "0" * 16 + "-01",
                                   TRACE + "-x", 'a"b\\'])
def test_what_is_no_trace_is_logged_as_one_or_refused(stack, client, account, given):
    request_id = f"trace-{uuid.uuid4().hex}"
    answer = client.post(account.url, headers=account.headers | {"traceparent": given, "X-Request-Id": request_id}, json=BODY)
    assert answer.status_code == 200
    by_worker = wait_until(lambda: logged(stack, "fcgi-worker", request_id), what="the worker's log line")
    assert "traceparent" not in by_worker[0]
    assert wait_until(lambda: access_lines(stack, request_id), what="the gateway's log line")[0]["traceparent"] == ""


def test_a_listed_page_may_not_send_a_trace(stack, client, account):
    settings = (stack.var / "etc/fcgi-worker.env").read_text(encoding="utf-8")
    if PAGES[0] not in settings:
        pytest.skip("the running stack was not started with LUNA_CORS_ORIGINS for these tests")
    answer = client.options(account.url, headers={"Origin": PAGES[0], "Access-Control-Request-Method": "POST"})
    assert {"traceparent", "tracestate"} <= set(answer.headers["access-control-allow-headers"].split(", "))
