"""A paying client: one small request after the other, from an address of its own, until SIGTERM. Prints what it saw as JSON.

A process of its own, so that it shares no interpreter with an attacker.

    victim.py URL CA ADDRESS KEY
"""
import http.client
import json
import math
import signal
import ssl
import sys
import time
import urllib.parse

BODY = json.dumps({"results": [1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140], "model": {
    "name": "local_level", "parameters": {"level_variance": 1469.1, "observation_variance": 15099}}})
PAUSE_S = 0.004


def percentile_ms(sorted_s, percent):
    return round(1000 * sorted_s[max(0, math.ceil(len(sorted_s) * percent / 100) - 1)], 2)


def ask(connection, path, key):
    """The status, or the name of what went wrong."""
    try:
        connection.request("POST", path, BODY, {"X-API-Key": key, "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return type(error).__name__


def main(url, certificate, address, key):
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    target = urllib.parse.urlsplit(url)
    connection = http.client.HTTPSConnection(target.hostname, target.port, timeout=20, source_address=(address, 0),
                                             context=ssl.create_default_context(cafile=certificate))
    statuses, took = {}, []
    while not stopping:
        began = time.monotonic()
        status = ask(connection, target.path, key)
        took.append(time.monotonic() - began)
        statuses[status] = statuses.get(status, 0) + 1
        time.sleep(PAUSE_S)
    took.sort()
    print(json.dumps({"statuses": statuses, "p50_ms": percentile_ms(took, 50), "p99_ms": percentile_ms(took, 99)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
