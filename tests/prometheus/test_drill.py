"""A real Prometheus scrapes the running stack: Redis is stopped and the right alerts fire; it is started and they clear.

Windows and pauses of the rules are shortened, so that the drill takes a minute; nothing else of them is changed.
"""
import json
import re
import subprocess
import time

import httpx
import pytest
from promtool import RULE_FILES
from stack_control import Process
from waiting import free_port, wait_until

SHORTER = {"5m": "10s", "15m": "15s", "30m": "20s", "1h": "40s", "6h": "60s", "3d": "80s"}
MUST_FIRE = {"LunaNotReady", "LunaErrorBurnFast"}
MAY_FIRE = MUST_FIRE | {"LunaErrorBurnSlow", "LunaErrorBurnLong", "LunaNoLeader", "LunaQuotaLag", "LunaUnbookedBacklog",
                        "LunaLatencyBurnFast", "LunaLatencyBurnSlow", "LunaRedisErrors", "LunaRedisSlow"}


def shortened(text):
    text = re.sub(r"\[(\w+)\]", lambda found: f"[{SHORTER[found[1]]}]", text)
    text = re.sub(r"^( +)interval: \w+$", r"\1interval: 1s", text, flags=re.MULTILINE)
    return re.sub(r"^( +)for: \w+$", r"\1for: 2s", text, flags=re.MULTILINE)


@pytest.fixture
def prometheus(stack, tmp_path):
    """Its address; it scrapes the two daemons every second."""
    for file in RULE_FILES:
        (tmp_path / file.name).write_text(shortened(file.read_text(encoding="utf-8")), encoding="utf-8")
    jobs = {"luna-worker": "LUNA_METRICS_URL", "luna-syncd": "LUNA_SYNCD_METRICS_URL"}
    config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [file.name for file in RULE_FILES],
              "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [httpx.URL(stack.env[name]).netloc.decode()]}]}
                                 for job, name in jobs.items()]}
    (tmp_path / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
               f"--web.listen-address={address}", "--log.level=warn"]
    with open(tmp_path / "log", "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as running:
        try:
            yield f"http://{address}"
        finally:
            running.terminate()


def scrapes(address):
    """How many scrapes of the target that has the fewest; 0 while one is missing."""
    try:
        found = httpx.get(f"{address}/api/v1/query", params={"query": "count_over_time(up[10m])"}, trust_env=False, timeout=5).json()
    except httpx.TransportError:
        return 0
    counts = [int(series["value"][1]) for series in found["data"]["result"]]
    return min(counts) if len(counts) == 2 else 0


def firing(address):
    try:
        found = httpx.get(f"{address}/api/v1/alerts", trust_env=False, timeout=5).json()["data"]["alerts"]
    except httpx.TransportError:
        return None
    return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}


@pytest.mark.usefixtures("long_form")
def test_redis_stopped_fires_and_started_clears(stack, client, account, prometheus, capsys):
    stack.var.chmod(0o755)  # Redis starts again as its own user, who has to reach its settings
    redis_server = Process(stack, "redis")

    def ask_and_see():
        client.post(account.url, headers=account.headers, json={"results": [1, 2]})
        time.sleep(0.05)
        return firing(prometheus)

    wait_until(lambda: scrapes(prometheus) >= 10, 60, "Prometheus to have scraped both daemons")
    wait_until(lambda: ask_and_see() == set(), 30, "what fired before the first scrape to clear")
    healthy_until = time.monotonic() + 8
    while time.monotonic() < healthy_until:
        assert not ask_and_see()
    redis_server.kill()
    stopped = time.monotonic()
    try:
        wait_until(lambda: MUST_FIRE <= (ask_and_see() or set()), 60, f"{MUST_FIRE} to fire")
        fired, fired_s = firing(prometheus), time.monotonic() - stopped
    finally:
        redis_server.start_and_await()
    started = time.monotonic()
    wait_until(lambda: ask_and_see() == set(), 180, "every alert to clear")
    with capsys.disabled():
        print(f"\n  drill: Redis stopped: {sorted(fired)} after {fired_s:.0f}s; started: all clear after {time.monotonic() - started:.0f}s")
    assert fired <= MAY_FIRE
