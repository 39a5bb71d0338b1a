"""The profile `monitoring` (before test_compose.py, which takes everything down): what Prometheus scrapes answers, and the exporter asks nginx over verified TLS.

podman-compose knows no profiles: the services are named. Where there is no image of Grafana, as without a registry, it is not
started; its files are checked by tests/prometheus.
"""
import base64
import json
import pathlib
import subprocess
import sys
import urllib.request

import pytest
from engine import ROOT, wait_until
from waiting import free_port

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "prometheus"))
from promtool import alerts

FILES = ("-f", "docker-compose.yml", "-f", "conf/docker/extras.yml")
EXPECTED = {"luna-worker": 2, "luna-syncd": 1, "luna-nginx": 1, "luna-gateway": 1}


def get(port, path, user=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return json.loads(answer.read())
    except OSError:
        return None


@pytest.fixture(scope="module")
def ports(project):
    """Prometheus and the exporter, started as the profile does."""
    chosen = {"LUNA_PROMETHEUS_PORT": str(free_port()), "LUNA_GRAFANA_PORT": str(free_port())}
    project.environment |= chosen
    project.run(project.engine, "rm", "--force", *project.containers("setup", everything=True))  # podman-compose makes no other one beside it
    project.compose(*FILES, "up", "--detach", "--no-build", "setup", timeout=300)
    project.compose(*FILES, "up", "--detach", "--no-build", "--no-deps", "prometheus", "blackbox", timeout=300)
    yield {name: int(port) for name, port in chosen.items()}
    for service in ("prometheus", "blackbox", "grafana", "setup"):
        project.run(project.engine, "rm", "--force", *project.containers(service, everything=True), check=False)
    for volume in ("prometheus-data", "grafana-data", "secrets-grafana", "ca"):
        project.run(project.engine, "volume", "rm", f"{project.name}_{volume}", check=False)


def query(ports, expression):
    answer = get(ports["LUNA_PROMETHEUS_PORT"], "/api/v1/query?query=" + urllib.request.quote(expression))
    return answer["data"]["result"] if answer else []


def test_a_target_of_prometheus_does_not_answer(ports):
    def all_up():
        up = [series["metric"]["job"] for series in query(ports, "up == 1")]
        return {job: up.count(job) for job in up} == EXPECTED

    wait_until(all_up, f"targets that answer: {EXPECTED}")
    wait_until(lambda: [series["value"][1] for series in query(ports, "probe_success")] == ["1"], "a probe through nginx that succeeds")
    wait_until(lambda: query(ports, "luna_gateway_answers_total"), "nginx's own counts")


def test_prometheus_has_other_alerts_or_a_quiet_service_fires_one(ports):
    wait_until(lambda: query(ports, 'probe_success'), "a first evaluation")
    groups = get(ports["LUNA_PROMETHEUS_PORT"], "/api/v1/rules?type=alert")["data"]["groups"]
    assert {rule["name"] for group in groups for rule in group["rules"]} == set(alerts())
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []


def test_grafana_does_not_show_the_dashboard(project, ports):
    image = next(line.split()[1] for line in (project.folder / "conf/docker/extras.yml").read_text(encoding="utf-8").splitlines()
                 if "grafana/grafana:" in line)
    if project.engine == "podman" and subprocess.run(["podman", "image", "exists", image], env=project.environment, check=False).returncode != 0:
        pytest.skip("there is no image of Grafana: no registry of images can be reached, and Debian does not package it")
    project.compose(*FILES, "up", "--detach", "--no-build", "grafana", timeout=600)
    port = ports["LUNA_GRAFANA_PORT"]
    wait_until(lambda: get(port, "/api/health"), "Grafana")
    user = "admin:" + project.exec("grafana", "cat", "/run/secrets/admin_password").strip()
    title = json.loads((ROOT / "conf/grafana/luna.json").read_text(encoding="utf-8"))["title"]
    assert [found["title"] for found in get(port, "/api/search?type=dash-db", user)] == [title]
    assert [source["type"] for source in get(port, "/api/datasources", user)] == ["prometheus"]
