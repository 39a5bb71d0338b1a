"""The document as the tests read it: merged by web/bundle.py, with its references resolved."""
import functools
import sys

import jsonschema
from luna_stack import ROOT

sys.path.insert(0, str(ROOT / "web"))
import bundle  # noqa: E402  (the path has to come first)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


@functools.lru_cache(maxsize=None)
def load():
    return bundle.bundle()


def resolve(node):
    """The thing that a reference stands for."""
    while "$ref" in node:
        target = load()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def operations():
    """(method, path, operation, parameters) of each; parameters with those of the path."""
    for path, item in load()["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method, path, operation, item.get("parameters", []) + operation.get("parameters", [])


def validate(value, schema):
    """Raises jsonschema.ValidationError when `value` is not what `schema` (of this document) says."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": load()["components"], "allOf": [schema]}
    jsonschema.Draft202012Validator(whole).validate(value)
