"""What the daemons export is what rules and dashboards ask for."""
import json
import re
import time

import httpx
import pytest
from luna_stack import wait_until
from promtool import ROOT, check_expressions, promtool, recorded, rules

PAGES = {"fcgi-worker": "LUNA_METRICS_URL", "quota-syncd": "LUNA_SYNCD_METRICS_URL", "nginx": "LUNA_GATEWAY_METRICS_URL"}
DAEMONS = ("fcgi-worker", "quota-syncd")
FROM_OTHERS = {"up", "probe_success", "probe_ssl_earliest_cert_expiry"}  # Prometheus itself, and the blackbox exporter
DASHBOARDS = sorted((ROOT / "conf/grafana").glob("*.json"))
SERIES = re.compile(r"\b(?:[a-z]+:)?(?:luna|process|probe)_\w+(?::\w+)?|\bup\b")


def page(stack, program):
    return httpx.get(stack.env[PAGES[program]], trust_env=False)


@pytest.fixture(scope="module")
def exported(stack):
    texts = [page(stack, program).text for program in PAGES]
    return {line.split("{")[0].split(" ")[0] for text in texts for line in text.splitlines() if line and not line.startswith("#")}


@pytest.mark.parametrize("program", PAGES)
def test_promtool_finds_nothing_to_say_of_the_metrics(stack, program):
    answer = page(stack, program)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    outcome = promtool("check", "metrics", input=answer.text)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")


@pytest.mark.parametrize("program", DAEMONS)
def test_build_and_process_are_told(stack, program):
    text = page(stack, program).text
    assert re.search(rf'^luna_build_info{{program="{program}",version="\d[\d.]*",compiler="[^"]+"}} 1$', text, re.MULTILINE)
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"):
        assert re.search(rf"^process_{name} [\d.]+$", text, re.MULTILINE), name


def test_labels_stay_bounded_whatever_clients_send(stack, client, account):
    """A thousand paths, methods and keys make no new series."""
    client.post(account.url, headers=account.headers, json={"results": [1, 2]})
    before = {line.rsplit(" ", 1)[0] for line in page(stack, "fcgi-worker").text.splitlines()}
    for number in range(200):
        client.request("PUT" if number % 2 else "GET", f"/api/v1/{number}/x{number}", headers={"X-API-Key": f"key-{number}"})
    assert {line.rsplit(" ", 1)[0] for line in page(stack, "fcgi-worker").text.splitlines()} == before


def test_requests_count_by_their_route(stack, client, account):
    def count(route, status):
        found = re.search(rf'^luna_worker_route_requests_total{{route="{route}",status="{status}"}} (\d+)$',
                          page(stack, "fcgi-worker").text, re.MULTILINE)
        return int(found[1])

    def counts():
        return count("usage", 200), count("kalman", 422), count("keys_create", 201), count("none", 404)

    before = counts()
    client.get(f"/api/v1/{account.id}/usage", headers=account.headers)
    client.post(account.url, headers=account.headers, json={"results": []})
    client.post(f"/api/v1/{account.id}/keys", headers=account.headers, json={"scopes": ["read"]})
    client.get("/api/v1/nothing/here")
    # A worker counts a request after the last byte of its answer has left.
    wait_until(lambda: counts() == tuple(value + 1 for value in before), "each request to be counted under its route")


SAMPLE = r"^{name}{{{labels}}} ([\d.]+)$"


def samples(stack, program, *wanted):
    text = page(stack, program).text
    return [float(re.search(SAMPLE.format(name=name, labels=re.escape(labels)), text, re.MULTILINE)[1]) for name, labels in wanted]


@pytest.mark.parametrize("program, wanted, ask", [
    ("fcgi-worker", ("luna_redis_request_duration_seconds_count", 'operation="admit"'), "kalman"),
    ("fcgi-worker", ("luna_redis_request_duration_seconds_count", 'operation="commit"'), "kalman_once"),
    ("fcgi-worker", ("luna_redis_request_duration_seconds_count", 'operation="load"'), "kalman_cold"),
    ("fcgi-worker", ("luna_redis_request_duration_seconds_count", 'operation="api"'), "usage"),
    ("fcgi-worker", ("luna_postgresql_query_duration_seconds_count", 'operation="load"'), "kalman_cold"),
    ("fcgi-worker", ("luna_postgresql_query_duration_seconds_count", 'operation="api"'), "usage"),
    ("fcgi-worker", ("luna_worker_route_duration_seconds_count", 'route="usage"'), "usage"),
    ("fcgi-worker", ("luna_filter_series_total", 'model="smooth_trend",outcome="done"'), "trend"),
    ("fcgi-worker", ("luna_filter_series_total", 'model="local_level",outcome="done"'), "batch"),
    ("fcgi-worker", ("luna_filter_points_total", 'model="local_level"'), "batch"),
    ("fcgi-worker", ("luna_filter_seconds_total", 'model="local_level"'), "batch"),
    ("quota-syncd", ("luna_redis_request_duration_seconds_count", 'operation="book"'), "kalman"),
    ("quota-syncd", ("luna_postgresql_query_duration_seconds_count", 'operation="book"'), "kalman"),
    ("quota-syncd", ("luna_postgresql_query_duration_seconds_count", 'operation="lead"'), "nothing"),
    ("quota-syncd", ("luna_postgresql_query_duration_seconds_count", 'operation="push"'), "nothing"),
    ("quota-syncd", ("luna_redis_request_duration_seconds_count", 'operation="fence"'), "nothing"),
    ("quota-syncd", ("luna_redis_request_duration_seconds_count", 'operation="check"'), "kalman"),
], ids=lambda value: value if isinstance(value, str) else "-".join(re.findall(r"(\w+)_|\"(\w+)\"", value[1])[0]))
def test_a_series_stands_still_though_its_work_is_done(stack, client, account, account_factory, program, wanted, ask):
    asks = {
        "nothing": lambda: None,  # quota-syncd does it every round
        "kalman": lambda: client.post(account.url, headers=account.headers, json={"results": [1, 2, 4]}),
        "kalman_once": lambda: client.post(account.url, headers=account.headers | {"Idempotency-Key": str(time.monotonic_ns())}, json={"results": [1, 2, 4]}),
        "kalman_cold": lambda: (lambda cold: client.post(cold.url, headers=cold.headers, json={"results": [1, 2]}))(account_factory()),
        "usage": lambda: client.get(f"/api/v1/{account.id}/usage", headers=account.headers),
        "trend": lambda: client.post(account.url, headers=account.headers, json={"results": [1, 2, 4, 7], "model": "smooth_trend"}),
        "batch": lambda: client.post(account.url + "/batch", headers=account.headers, json={"series": [[1, 2, 3], [2, 3, 5]]}),
    }
    before = samples(stack, program, wanted)
    answer = asks[ask]()
    assert answer is None or answer.status_code == 200, answer.text
    wait_until(lambda: samples(stack, program, wanted) > before, f"{wanted} to grow after {ask}")


@pytest.mark.parametrize("code, ask", [
    ("key_invalid", lambda client, account: client.get(f"/api/v1/{account.id}", headers={"X-API-Key": "7f0c8f6e-5d1e-4b57-9d3a-2b1f0c9e8d7a"})),
    ("key_missing", lambda client, account: client.get(f"/api/v1/{account.id}")),
    ("validation_error", lambda client, account: client.post(account.url, headers=account.headers, json={"results": []})),
    ("not_found", lambda client, account: client.get("/api/v1/nowhere", headers=account.headers)),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_refusal_counts_under_another_code(stack, client, account, code, ask):
    wanted = ("luna_worker_problems_total", f'code="{code}"')
    before = samples(stack, "fcgi-worker", wanted)
    assert ask(client, account).json()["code"] == code
    wait_until(lambda: samples(stack, "fcgi-worker", wanted) == [before[0] + 1], f"one more {code}")


def test_the_batch_is_counted_by_series_and_points(stack, client, account):
    wanted = [("luna_filter_series_total", 'model="local_level",outcome="done"'), ("luna_filter_points_total", 'model="local_level"')]
    before = samples(stack, "fcgi-worker", *wanted)
    client.post(account.url + "/batch", headers=account.headers, json={"series": [[1, 2, 3], [2, 3, 5, 8]]})
    wait_until(lambda: samples(stack, "fcgi-worker", *wanted) == [before[0] + 2, before[1] + 7], "two series of seven points")


def test_the_histogram_of_a_route_adds_up_to_its_requests(stack, client, account):
    client.get(f"/api/v1/{account.id}/usage", headers=account.headers)

    def both():
        text = page(stack, "fcgi-worker").text
        requests = sum(int(count) for count in re.findall(r'^luna_worker_route_requests_total{route="usage",status="\w+"} (\d+)$', text, re.MULTILINE))
        return requests, int(re.search(r'^luna_worker_route_duration_seconds_bucket{route="usage",le="\+Inf"} (\d+)$', text, re.MULTILINE)[1])

    wait_until(lambda: both()[0] == both()[1] > 0, "as many durations as requests")


def unknown(expression, exported):
    return set(SERIES.findall(expression)) - exported - recorded() - FROM_OTHERS


def test_every_rule_asks_for_series_that_exist(exported):
    assert {name for rule in rules() for name in unknown(rule["expr"], exported)} == set()


def queries(dashboard):
    panels = json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda file: file.stem)
def test_every_query_of_a_dashboard_names_series_that_exist_and_is_promql(dashboard, exported, tmp_path):
    found = queries(dashboard)
    assert len(found) > 10
    assert {name for query in found for name in unknown(query, exported)} == set()
    assert all(SERIES.search(query) for query in found)
    outcome = check_expressions(tmp_path, [query.replace("$__rate_interval", "5m") for query in found])
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_tied_to_no_installation(dashboard):
    board = json.loads(dashboard.read_text(encoding="utf-8"))
    assert {"datasource", "job", "instance"} <= {variable["name"] for variable in board["templating"]["list"]}
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert all(panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for panel in panels)
    assert "id" not in board and board["timezone"] == "" and len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["title"] and panel.get("description", "") != "" for panel in panels)


def test_there_are_dashboards():
    assert DASHBOARDS


def test_every_command_in_the_runbooks_exists(stack):
    commands = {tuple(words.split()) for words in re.findall(r"`luna ([a-z]+(?: [a-z-]+)?)", (ROOT / "docs/RUNBOOKS.md").read_text(encoding="utf-8"))}
    help_text = stack.luna("--help").stdout
    known = {tuple(re.split(r" [A-Z]|  ", line.strip())[0].split()) for line in help_text.splitlines() if line.startswith("  ")}
    assert commands and commands <= known, commands - known
