"""What every answer carries, whatever was asked: headers, methods, formats, compression."""
import csv
import gzip
import io
import json
import re
import struct
import zlib

import httpx
import pytest
from luna_stack import ROOT

# scripts/web builds everything else without npm.
WITH_PAGES = pytest.mark.skipif(not (ROOT / "build/web/site/docs.html").exists(), reason="/docs is not built: npm or its registry is not available")
BODY = {"results": [1120, 1160, None, 963, 1210]}
MEDIA = {"json": "application/json", "csv": "text/csv", "ndjson": "application/x-ndjson", "octets": "application/octet-stream"}
SERIES = {
    "json": json.dumps(BODY).encode(),
    "csv": b"value\n1120\n1160\nNA\n963\n1210\n",
    "ndjson": b"1120\n1160\nnull\n963\n{\"value\":1210}\n",
    "octets": struct.pack("<5d", 1120, 1160, float("nan"), 963, 1210),
}


def read(content, kind):
    """The processed values of an answer in any format."""
    if kind == "json":
        return json.loads(content)["processed_results"]
    if kind == "csv":
        return [float(row["processed"]) for row in csv.DictReader(io.StringIO(content.decode()))]
    if kind == "ndjson":
        return [json.loads(line)["processed"] for line in content.splitlines()]
    return list(struct.unpack(f"<{len(content) // 8}d", content))


def read_input(content, kind):
    """The observations as an answer repeats them; octets do not."""
    if kind == "json":
        return json.loads(content)["input_data"]
    if kind == "csv":
        return [float(row["value"]) if row["value"] else None for row in csv.DictReader(io.StringIO(content.decode()))]
    if kind == "ndjson":
        return [json.loads(line)["value"] for line in content.splitlines()]
    return BODY["results"]


def send(client, account, kind, accept="*/*", query="", **headers):
    headers = account.headers | {"Content-Type": MEDIA[kind], "Accept": accept} | headers
    return client.post(account.url + query, headers=headers, content=SERIES[kind])


@pytest.mark.parametrize("kind", SERIES)
@pytest.mark.parametrize("answer_kind", SERIES)
def test_a_format_has_other_values_than_another(client, account, kind, answer_kind):
    expected = client.post(account.url, headers=account.headers, json=BODY).json()["processed_results"]
    answer = send(client, account, kind, accept=MEDIA[answer_kind])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].split(";")[0] == MEDIA[answer_kind]
    assert read(answer.content, answer_kind) == expected
    assert read_input(answer.content, answer_kind) == BODY["results"]
    same = send(client, account, kind)
    assert same.headers["content-type"].split(";")[0] == MEDIA[kind], "without a wish, the format of the body"


@pytest.mark.parametrize("kind", SERIES)
def test_an_answer_does_not_say_what_was_read(client, account, kind):
    for answer_kind in SERIES:
        assert "rows=5" in send(client, account, kind, accept=MEDIA[answer_kind]).headers["luna-input"]
    asked = client.post(account.url, headers=account.headers, json=BODY | {"include": ["input"]}) if kind == "json" \
        else send(client, account, kind, accept="application/json", query="?include=input")
    assert asked.json()["input"]["rows"] == 5


def test_an_option_of_the_query_is_not_read_where_the_body_has_none(client, account):
    options = {"output": "smoothed", "horizon": 2, "intervals": [0.9], "include": ["model"], "robust": True,
               "model": {"name": "local_level", "parameters": {"level_variance": 1469.1, "observation_variance": 15099}}}
    expected = client.post(account.url, headers=account.headers, json=BODY | options).json()
    query = {"output": "smoothed", "horizon": 2, "intervals": "0.9", "include": "model", "robust": "true", "model": json.dumps(options["model"])}
    for kind in ("csv", "ndjson", "octets"):
        assert send(client, account, kind, accept="application/json", query=f"?{httpx.QueryParams(query)}").json() == expected, kind


def test_csv_breaks_rfc_4180(client, account):
    answer = send(client, account, "csv", query="?include=variance&intervals=0.9&horizon=1")
    lines = answer.text.split("\r\n")
    assert lines[0] == "value,processed,variance,lower_0.9,upper_0.9" and lines[-1] == ""
    assert len(lines) == 1 + 5 + 1 + 1 and all(line.count(",") == 4 for line in lines[:-1])
    assert lines[3].startswith(",") and lines[6].startswith(","), "missing in, forecast: no value"


def test_precision_rounds_the_input_or_not_the_results(client, account):
    body = {"results": [1 / 3, 2 / 3, 1.23456789], "include": ["model", "variance"]}
    exact = client.post(account.url, headers=account.headers, json=body).json()
    short = client.post(account.url + "?precision=3", headers=account.headers, json=body).json()
    assert short["input_data"] == exact["input_data"] == body["results"]
    assert short["processed_results"] == [float(f"{value:.3g}") for value in exact["processed_results"]]
    assert short["model"] == exact["model"]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
def test_a_compressed_body_is_not_read(client, account, coding):
    packed = zlib.compress(SERIES["json"]) if coding == "deflate" else gzip.compress(SERIES["json"])
    answer = client.post(account.url, headers=account.headers | {"Content-Type": "application/json", "Content-Encoding": coding}, content=packed)
    assert answer.status_code == 200 and answer.json()["input_data"] == BODY["results"]


def test_a_bomb_is_unpacked_or_charged(client, account, redis_store):
    assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200
    before = redis_store.get(f"user:{account.id}:quota")
    bomb = gzip.compress(b" " * 200_000_000)
    assert len(bomb) < 1_000_000
    answer = client.post(account.url, headers=account.headers | {"Content-Type": "application/json", "Content-Encoding": "gzip"}, content=bomb)
    assert answer.status_code == 413 and answer.json()["code"] == "body_too_large"
    assert redis_store.get(f"user:{account.id}:quota") == before


def test_a_cut_off_gzip_is_not_400(client, account):
    headers = account.headers | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post(account.url, headers=headers, content=gzip.compress(SERIES["json"])[:-3])
    assert answer.status_code == 400 and answer.json()["code"] == "body_corrupt"


@pytest.mark.parametrize("accept", MEDIA.values())
def test_a_long_text_is_not_compressed_for_those_who_take_it(client, account, accept):
    answer = client.post(account.url, headers=account.headers | {"Accept": accept, "Accept-Encoding": "gzip"},
                         json={"results": [i % 17 for i in range(2000)]})
    assert answer.status_code == 200
    assert (answer.headers.get("content-encoding") == "gzip") == (accept != MEDIA["octets"])
    assert "accept-encoding" in answer.headers.get("vary", "").lower() or accept == MEDIA["octets"]


def test_an_answer_lacks_a_header(client, account):
    for answer in (client.post(account.url, headers=account.headers, json=BODY),
                   client.get(f"/api/v1/{account.id}", headers=account.headers)):
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
        assert answer.headers["cache-control"] == ("private, no-cache" if answer.request.method == "GET" else "no-store")
        worked = "store" if answer.request.method == "GET" else "model"
        phases = re.fullmatch(rf"decode;dur=[\d.]+, admit;dur=[\d.]+, {worked};dur=[\d.]+, encode;dur=[\d.]+", answer.headers["server-timing"])
        assert phases, answer.headers["server-timing"]
        assert re.search(r'"quota";q=100000', answer.headers["ratelimit-policy"])
        assert re.search(r'"burst";q=\d+;w=\d+', answer.headers["ratelimit-policy"])
        left = int(re.search(r'"quota";r=(\d+)', answer.headers["ratelimit"])[1])
        assert int(answer.headers["x-ratelimit-remaining"]) == left and answer.headers["x-ratelimit-limit"] == "100000"


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", "/assets/site.css", "/livez", "/readyz", "/nowhere", "/assets/nowhere"])
def test_the_request_id_is_lost_on_a_path(client, path):
    answer = client.get(path, headers={"X-Request-Id": "trace-0123456789"})
    assert answer.headers["x-request-id"] == "trace-0123456789"


def test_head_is_otherwise_than_get_or_has_a_body(client, account):
    for path in ("", "/usage", "/usage/events", "/keys"):
        url = f"/api/v1/{account.id}{path}"
        head, get = client.head(url, headers=account.headers), client.get(url, headers=account.headers)
        assert head.status_code == get.status_code == 200 and not head.content, path
        assert head.headers["content-type"] == get.headers["content-type"]
    assert client.head(account.url, headers=account.headers).status_code == 405


KEPT = ["", "/usage", "/usage?days=3", "/usage/events", "/keys"]


@pytest.mark.parametrize("path", KEPT)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_what_did_not_change_is_sent_again(client, account, path, coding):
    url, headers = f"/api/v1/{account.id}{path}", account.headers | {"Accept-Encoding": coding}
    first = client.get(url, headers=headers)
    tag = first.headers["etag"]
    assert re.fullmatch(r'(W/)?"[0-9a-f]{32}"', tag) and "Accept" in first.headers["vary"]
    for ask in (client.get, client.head):
        again = ask(url, headers=headers | {"If-None-Match": f'"other", {tag}'})
        assert again.status_code == 304 and not again.content and "content-type" not in again.headers
        assert again.headers["etag"].removeprefix("W/") == tag.removeprefix("W/")
        assert again.headers["cache-control"] == first.headers["cache-control"] == "private, no-cache"
        assert again.headers["x-request-id"] and again.headers["ratelimit"]
    other = client.get(url, headers=headers | {"If-None-Match": '"other"'})
    assert other.status_code == 200 and other.json() == first.json()


def test_what_changed_is_not_sent_again(client, account):
    seen = {path: client.get(f"/api/v1/{account.id}{path}", headers=account.headers).headers["etag"] for path in ("", "/usage", "/keys")}
    assert client.post(account.url, headers=account.headers, json=BODY).status_code == 200
    assert client.post(f"/api/v1/{account.id}/keys", headers=account.headers, json={}).status_code == 201
    for path, tag in seen.items():
        answer = client.get(f"/api/v1/{account.id}{path}", headers=account.headers | {"If-None-Match": tag})
        assert answer.status_code == 200 and answer.headers["etag"] != tag, path


def test_another_format_has_the_same_tag(client, account):
    url = f"/api/v1/{account.id}/usage"
    tag = client.get(url, headers=account.headers).headers["etag"]
    answer = client.get(url, headers=account.headers | {"Accept": "text/csv", "If-None-Match": tag})
    assert answer.status_code == 200 and answer.headers["etag"] != tag


def test_a_tag_opens_something_or_a_result_or_secret_is_kept(client, account):
    url = f"/api/v1/{account.id}/usage"
    assert client.get(url, headers={"If-None-Match": client.get(url, headers=account.headers).headers["etag"]}).status_code == 403
    for answer in (client.get(url), client.post(account.url, headers=account.headers | {"If-None-Match": "*"}, json=BODY),
                   client.post(f"/api/v1/{account.id}/token", headers=account.headers),
                   client.post(f"/api/v1/{account.id}/keys", headers=account.headers)):
        assert answer.headers["cache-control"] == "no-store" and "etag" not in answer.headers


@WITH_PAGES
def test_a_page_lacks_its_strict_policy_or_etag(client):
    for path in ("/", "/docs", "/redoc"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, path
        assert "unsafe-eval" not in policy and "http" not in policy
        assert "script-src 'self'" in policy or path == "/"
        assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert "max-age" in client.get("/docs").headers["strict-transport-security"]


@WITH_PAGES
def test_the_documentation_weighs_more_than_half_a_megabyte_and_a_bit(client):
    total = 0
    for path in ("/docs", "/assets/swagger-ui-bundle.js", "/assets/swagger-ui.css", "/assets/site.css", "/assets/docs.js", "/openapi.json"):
        with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.status_code == 200, path
            total += sum(len(piece) for piece in answer.iter_raw())
    assert total < 520_000, total


def test_a_page_of_another_origin_that_is_not_listed_may_call(client, account):
    answer = client.post(account.url, headers=account.headers | {"Origin": "https://evil.example"}, json=BODY)
    assert answer.status_code == 200 and "access-control-allow-origin" not in answer.headers
