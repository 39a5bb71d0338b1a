"""testssl.sh finds nothing above LOW; under each attack of slowhttptest the service answers everybody else."""
import json
import os
import subprocess
import threading
import time
import urllib.parse

import pytest
from sources import from_address

WORSE_THAN_LOW = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}  # WARN is about the tool: what it could not test
# The development certificate is of an authority of this checkout, which no tool knows, and has no
# revocation service.
OF_THE_OWN_AUTHORITY = ("cert_", "OCSP", "DNS_CAA", "certificate_transparency")
# BREACH needs a secret and something of the sender's in one compressed answer: pages have neither,
# and an answer with a new key is shorter than what nginx compresses.
NOT_OURS = (*OF_THE_OWN_AUTHORITY, "BREACH")


def test_testssl_finds_nothing_above_low(stack, tmp_path):
    report = tmp_path / "report.json"
    target = urllib.parse.urlsplit(stack.url).netloc
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "-p", "-s", "-f", "-P", "-h", "-U", "--jsonfile", report, target]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=os.environ | {"TERM": "dumb"})
    found = json.loads(report.read_text(encoding="utf-8"))
    assert len(found) > 40, outcome.stdout[-3000:]
    worse = [(entry["id"], entry["severity"], entry["finding"]) for entry in found
             if entry["severity"] in WORSE_THAN_LOW and not entry["id"].startswith(NOT_OURS)]
    assert worse == []
    offered = {entry["id"]: entry["finding"] for entry in found}
    assert "not offered" in offered["TLS1"] and "not offered" in offered["TLS1_1"] and "offered" in offered["TLS1_3"]


ATTACKS = {
    "slow headers": ["-H", "-i", "5"], "slow body": ["-B", "-i", "5", "-s", "8192"], "range": ["-R"], "slow reading": ["-X", "-n", "5", "-w", "1", "-y", "8", "-z", "8"],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_service_stays_available(stack, account, attack, tmp_path, capsys):
    """For others than the attacker's address, which has its share of the connections and no more."""
    command = ["slowhttptest", "-c", "900", "-r", "200", "-l", "25", "-p", "3", *ATTACKS[attack], "-u", f"{stack.url}/api/v1/{account.id}/kalman"]
    served, slowest, done = [], [0.0], threading.Event()

    def others():
        with from_address(stack, "127.0.0.80") as client:
            while not done.is_set():
                began = time.monotonic()
                served.append(client.post(account.url, headers=account.headers, json={"results": [1, 2, 3]}).status_code)
                slowest[0] = max(slowest[0], time.monotonic() - began)
                time.sleep(0.1)

    thread = threading.Thread(target=others)
    thread.start()
    try:
        outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    finally:
        done.set()
        thread.join()
    with capsys.disabled():
        print(f"\n  {attack}: {len(served)} requests of others, slowest {slowest[0]:.2f} s")
    assert "Test ended" in outcome.stdout, outcome.stdout[-1000:] + outcome.stderr[-1000:]
    assert served and set(served) == {200} and slowest[0] < 10  # the attack takes 25 s
