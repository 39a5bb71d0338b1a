"""What the daemons export is what rules and dashboards ask for."""
import json
import re

import httpx
import pytest
from luna_stack import wait_until
from promtool import ROOT, check_expressions, promtool, recorded, rules

PAGES = {"fcgi-worker": "LUNA_METRICS_URL", "quota-syncd": "LUNA_SYNCD_METRICS_URL"}
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


@pytest.mark.parametrize("program", PAGES)
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
        return count("usage", 200), count("kalman", 422), count("none", 404)

    before = counts()
    client.get(f"/api/v1/{account.id}/usage", headers=account.headers)
    client.post(account.url, headers=account.headers, json={"results": []})
    client.get("/api/v1/nothing/here")
    # A worker counts a request after the last byte of its answer has left.
    wait_until(lambda: counts() == tuple(value + 1 for value in before), 5, "each request to be counted under its route")


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
