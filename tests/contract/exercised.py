#!/usr/bin/python3
"""Which of the document's answers a recording (HAR) has: every status of every operation, but those of NOT_MADE.

    exercised.py OPENAPI.json RECORDING.har

Prints the count and the missing ones; fails when one is missing that NOT_MADE does not have, or when NOT_MADE has one that was made.
"""
import json
import sys
import urllib.parse

from intended import patterns

OUT_OF_MEMORY = "only a worker without memory makes it; the gateway's own 500 needs a body, and GET has none"
BY_ADDRESS = "the gateway counts guesses by address, and the proxy has an address of its own; test_gateway_sources.py makes it"

# (operation, status): why the tests cannot make it.
NOT_MADE = {
    ("readAccount", "500"): OUT_OF_MEMORY,
    ("readUsage", "500"): OUT_OF_MEMORY,
    ("listUsageEvents", "500"): OUT_OF_MEMORY,
    ("listKeys", "500"): OUT_OF_MEMORY,
    ("readKey", "500"): OUT_OF_MEMORY,
    ("readLiveness", "429"): BY_ADDRESS,
    ("readReadiness", "429"): BY_ADDRESS,
}


def documented(document):
    return {(operation["operationId"], status) for item in document["paths"].values() for method, operation in item.items()
            if method != "parameters" for status in operation["responses"]}


def operation_of(document, routes, method, path):
    for (regex, _), item in zip(routes, document["paths"].values()):
        if regex.match(path) and method.lower() in item:
            return item[method.lower()]["operationId"]
    return None


def exercised(document, recording):
    routes = list(patterns(document))
    found = {}
    for entry in recording["log"]["entries"]:
        path = urllib.parse.urlsplit(entry["request"]["url"]).path
        operation = operation_of(document, routes, entry["request"]["method"], path)
        if operation:
            answer = operation, str(entry["response"]["status"])
            found[answer] = found.get(answer, 0) + 1
    return found


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main():
    document = read(sys.argv[1])
    wanted, found = documented(document), exercised(document, read(sys.argv[2]))
    missing = wanted - set(found)
    print(f"answers exercised: {len(wanted) - len(missing)} of {len(wanted)} documented ones")
    for operation, status in sorted(missing):
        print(f"  not exercised: {operation} {status}: {NOT_MADE.get((operation, status), 'FAILED: no reason is known')}")
    stale, undocumented = set(NOT_MADE) - missing, set(found) - wanted
    for operation, status in sorted(stale):
        print(f"  FAILED: {operation} {status} is in NOT_MADE, but was made, or is not documented")
    for operation, status in sorted(undocumented):
        print(f"  FAILED: {operation} {status} was answered {found[operation, status]} times and is not documented")
    sys.exit(1 if missing - set(NOT_MADE) or stale or undocumented else 0)


if __name__ == "__main__":
    main()
