#!/usr/bin/python3
"""Merge web/openapi/*.yaml into one openapi.json.

Usage: bundle.py OUT.json

Maps are merged key by key; a key that two files define is an error, so everything is defined once. The version comes
from CMakeLists.txt, the only place that defines it.
"""
import json
import pathlib
import re
import sys

import yaml

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


def bundle():
    document = {}
    for path in sorted((WEB / "openapi").glob("*.yaml")):
        merge(document, yaml.load(path.read_text(), Loader), path.name)
    document["info"]["version"] = product_version()
    return document


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__.split("\n\n")[1])
    out = pathlib.Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(bundle(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
