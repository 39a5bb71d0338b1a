#!/usr/bin/python3
"""Merge web/openapi/*.yaml into one openapi.json.

Usage: bundle.py OUT.json

Maps are merged key by key; a key that two files define is an error, so everything is defined once. The version comes
from CMakeLists.txt, the only place that defines it; the examples of the errors come from problems.py.
"""
import json
import pathlib
import re
import sys

import yaml

import problems

WEB = pathlib.Path(__file__).resolve().parent


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema where it matters: 'on', 'no' and dates stay text, and a key given twice is an error."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"given twice: {sorted(twice)}", node.start_mark)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


# The schemas of errors; the answers of /livez and /readyz have others.
PROBLEMS = [{"$ref": f"#/components/schemas/{name}"} for name in ("Problem", "ValidationProblem")]


def merge(into, more, where):
    for key, value in more.items():
        if key not in into:
            into[key] = value
        elif isinstance(into[key], dict) and isinstance(value, dict):
            merge(into[key], value, f"{where}/{key}")
        else:
            raise SystemExit(f"{where}/{key} is defined by two files of web/openapi")


def product_version():
    text = (WEB.parent / "CMakeLists.txt").read_text()
    return re.search(r"project\(luna VERSION ([0-9.]+)", text).group(1)


def statuses_of_responses(document):
    """{the name of a response in components: the error statuses that operations give it}"""
    found = {}
    for item in document["paths"].values():
        for operation in item.values():
            for status, response in operation.get("responses", {}).items() if isinstance(operation, dict) else ():
                if "$ref" in response and int(status) >= 400:
                    found.setdefault(response["$ref"].rsplit("/", 1)[1], set()).add(int(status))
    return found


def add_problem_examples(document):
    """Each error has its own example, in both of its forms, at every response that can have its status."""
    examples = document["components"].setdefault("examples", {})
    for name, statuses in statuses_of_responses(document).items():
        response = document["components"]["responses"][name]
        if response["content"]["application/json"]["schema"] not in PROBLEMS:
            continue
        # A copy: an anchor of YAML makes several responses share one object.
        content = response["content"] = {kind: dict(media) for kind, media in response["content"].items()}
        for status in sorted(statuses):
            for problem in problems.with_status(status):
                for kind, media in content.items():
                    rfc9457 = kind == "application/problem+json" and bool(problem.faults)
                    key = problem.code + (f"_{status}" if status != problem.statuses[0] else "") + ("_rfc9457" if rfc9457 else "")
                    examples[key] = {"summary": problem.title, "value": problem.body(status, rfc9457)}
                    media["examples"] = media.get("examples", {}) | {key: {"$ref": f"#/components/examples/{key}"}}


def describe_defaults(node):
    """Puts each default into the description. Generators take a member with a default as one that is always there, and
    their callers would have to send it."""
    if isinstance(node, list):
        for item in node:
            describe_defaults(item)
    if not isinstance(node, dict):
        return
    for value in node.values():
        describe_defaults(value)
    if "default" in node and "type" in node:
        text = json.dumps(node.pop("default"), ensure_ascii=False).strip('"')
        node["description"] = f"{node.get('description', '').rstrip()} Default: `{text}`.".lstrip()


def bundle():
    document = {}
    for path in sorted((WEB / "openapi").glob("*.yaml")):
        merge(document, yaml.load(path.read_text(), Loader), path.name)
    document["info"]["version"] = product_version()
    add_problem_examples(document)
    describe_defaults(document["components"])
    describe_defaults(document["paths"])
    return document


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__.split("\n\n")[1])
    out = pathlib.Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(bundle(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
