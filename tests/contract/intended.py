#!/usr/bin/python3
"""Takes out of a recording (HAR) what a test got wrong on purpose, so that what is left has to be as documented.

    intended.py OPENAPI.json IN.har OUT.har        prints the address of the service that was recorded

Out goes a request for a path or method that the document does not have, when it was refused by 404, 405 (or answered by
204, for OPTIONS), and one without a key that was refused by 401 or 403, or by nginx when there was no worker. The query of a
request that was refused by 422 goes too.
Answers stay: a refusal has a schema like any other answer. Out go the pages, which are no API, HEAD where GET is described,
and compressed bodies, which drift cannot read.
"""
import json
import re
import sys
import urllib.parse


PAGES = re.compile(r"/((docs|redoc|changelog|versioning|problems(/\w+)?|index)(\.md)?|llms\.txt|assets/.*)?$")


def patterns(document):
    for path, item in document["paths"].items():
        regex = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$")
        yield regex, {method.upper() for method in item if method != "parameters"}


def is_documented(routes, method, path):
    return any(regex.match(path) and method in methods for regex, methods in routes)


def sent_headers(entry):
    return {header["name"].lower(): header["value"] for header in entry["request"]["headers"]}


def is_out_of_scope(entry, routes):
    method, status = entry["request"]["method"], entry["response"]["status"]
    path = urllib.parse.urlsplit(entry["request"]["url"]).path
    if PAGES.match(path) or (method == "HEAD" and is_documented(routes, "GET", path)):
        return True
    if "content-encoding" in sent_headers(entry):
        return True
    if not is_documented(routes, method, path):
        return status in (400, 404, 405) or (method == "OPTIONS" and status == 204)
    sent = sent_headers(entry)
    has_key = sent.get("x-api-key") or sent.get("authorization", "").lower().startswith("bearer ")
    return status in (401, 403, 502) and not has_key


def without_query(entry):
    if entry["response"]["status"] == 422:
        entry["request"]["queryString"] = []
        entry["request"]["url"] = entry["request"]["url"].split("?")[0]
    return entry


def main():
    document_path, source, target = sys.argv[1:]
    with open(document_path, encoding="utf-8") as file:
        routes = list(patterns(json.load(file)))
    with open(source, encoding="utf-8") as file:
        recording = json.load(file)
    entries = recording["log"]["entries"]
    kept = [without_query(entry) for entry in entries if not is_out_of_scope(entry, routes)]
    recording["log"]["entries"] = kept
    with open(target, "w", encoding="utf-8") as file:
        json.dump(recording, file)
    print(f"{len(entries)} exchanges, {len(kept)} of them as a client means them", file=sys.stderr)
    print("/".join(entries[0]["request"]["url"].split("/")[:3]))


if __name__ == "__main__":
    main()
