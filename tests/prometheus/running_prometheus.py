"""Debian's Prometheus and its blackbox exporter, run for one test, with the shipped rules in a hurry.

Windows and pauses of the rules are shortened, so that a drill takes a minute; nothing else of them is changed.
"""
import contextlib
import json
import re
import subprocess

import httpx
from promtool import RULE_FILES
from waiting import WAIT_S, free_port

SHORTER = {"5m": "10s", "15m": "15s", "30m": "20s", "1h": "40s", "6h": "60s", "3d": "80s"}


def shortened(text):
    text = re.sub(r"\[(\w+)\]", lambda found: f"[{SHORTER[found[1]]}]", text)
    text = re.sub(r"^( +)interval: \w+$", r"\1interval: 1s", text, flags=re.MULTILINE)
    return re.sub(r"^( +)for: \w+$", r"\1for: 2s", text, flags=re.MULTILINE)


@contextlib.contextmanager
def running(command, log_path):
    with open(log_path, "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()


@contextlib.contextmanager
def running_prometheus(folder, scrape_configs):
    """Its address; it scrapes and evaluates every second."""
    for file in RULE_FILES:
        (folder / file.name).write_text(shortened(file.read_text(encoding="utf-8")), encoding="utf-8")
    config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [file.name for file in RULE_FILES],
              "scrape_configs": scrape_configs}
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
               f"--web.listen-address={address}", "--log.level=warn"]
    with running(command, folder / "prometheus.log"):
        yield f"http://{address}"


def daemons(stack):
    """Scrape configurations of the two programs."""
    jobs = {"luna-worker": "LUNA_METRICS_URL", "luna-syncd": "LUNA_SYNCD_METRICS_URL"}
    return [{"job_name": job, "static_configs": [{"targets": [httpx.URL(stack.env[name]).netloc.decode()]}]} for job, name in jobs.items()]


def answer_of(address, path, **query):
    """None while Prometheus cannot be asked: it is not there yet, or says 503 as it has not read its log."""
    try:
        answer = httpx.get(f"{address}/api/v1/{path}", params=query, trust_env=False, timeout=WAIT_S)
    except httpx.TransportError:
        return None
    return answer.json()["data"] if answer.status_code == 200 else None


def scrapes(address, targets):
    """How many scrapes of the target that has the fewest; 0 while one is missing."""
    found = answer_of(address, "query", query="count_over_time(up[10m])")
    counts = [int(series["value"][1]) for series in found["result"]] if found else []
    return min(counts) if len(counts) == targets else 0


def firing(address):
    found = answer_of(address, "alerts")
    return None if found is None else {alert["labels"]["alertname"] for alert in found["alerts"] if alert["state"] == "firing"}
