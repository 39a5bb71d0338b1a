"""Requests that the document allows, and some that it does not: hypothesis strategies made of its schemas."""
import json
import string

import hypothesis.strategies as st
from document import resolve

# Short: the tests are about what is said of a value, not about the computation.
ITEMS_MAX = 12
TEXTS = {
    "Accept": ["*/*", "application/json", "text/csv", "application/x-ndjson", "application/octet-stream", "application/problem+json"],
    "Content-Encoding": ["identity"],  # of a body that is not compressed
    "decimal": ["point", "comma", ".", ","],
    "delimiter": ["comma", "semicolon", "tab", "pipe", "space", ",", ";", "|"],
    "missing": ["", "-9999", "-9999,ND"],
    "traceparent": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "none"],
}
HEADER_TEXT = st.text(string.ascii_letters + string.digits + "-._", min_size=1, max_size=70)


def number(schema, whole):
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if whole:
        return st.integers(-2**53 if low is None else low, 2**53 if high is None else high)
    return st.floats(low, high, exclude_min="exclusiveMinimum" in schema, exclude_max="exclusiveMaximum" in schema,
                     allow_nan=False, allow_infinity=False)


def of_array(schema):
    most = min(schema.get("maxItems", ITEMS_MAX), ITEMS_MAX)
    return st.lists(of_schema(schema.get("items", {})), min_size=schema.get("minItems", 0), max_size=most)


def of_object(schema):
    required = {name: of_schema(schema["properties"][name]) for name in schema.get("required", [])}
    optional = {name: of_schema(item) for name, item in schema.get("properties", {}).items() if name not in required}
    known = st.fixed_dictionaries(required, optional=optional)
    extra = schema.get("additionalProperties", False)
    if not isinstance(extra, dict):
        return known
    return st.dictionaries(st.text(min_size=1, max_size=10), of_schema(extra), max_size=min(schema.get("maxProperties", 4), 4))


def of_text(schema):
    return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 70))


MAKERS = {
    "integer": lambda schema: number(schema, True), "number": lambda schema: number(schema, False), "boolean": lambda schema: st.booleans(),
    "null": lambda schema: st.none(), "array": of_array, "object": of_object, "string": of_text,
}


def of_schema(schema):
    """Values that the schema allows."""
    schema = resolve(schema)
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return st.one_of([of_schema(one) for one in schema[word]])
    if "allOf" in schema:
        return of_schema(schema["allOf"][0])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = schema.get("type", "number")
    return st.one_of([MAKERS[name](schema) for name in ([types] if isinstance(types, str) else types)])


def in_query(value):
    if isinstance(value, list):
        return ",".join(in_query(item) for item in value)
    return json.dumps(value) if isinstance(value, (bool, int, float)) else value


def of_parameters(parameters, place):
    """{name: text} of some of the parameters in the query or the header."""
    found = {}
    for parameter in map(resolve, parameters):
        if parameter["in"] == place:
            name = parameter["name"]
            texts = st.sampled_from(TEXTS[name]) if name in TEXTS else of_schema(parameter["schema"]) if place == "query" else HEADER_TEXT
            found[name] = texts.map(in_query)
    if place == "header":
        found["Accept"] = st.sampled_from(TEXTS["Accept"])
    return st.fixed_dictionaries({}, optional=found)


NUMBERS = st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=32)), min_size=1, max_size=ITEMS_MAX)
DATA = {  # what no schema describes
    "text/csv": NUMBERS.map(lambda values: "value\n" + "".join(f"{'NA' if value is None else repr(value)}\n" for value in values)),
    "application/x-ndjson": NUMBERS.map(lambda values: "".join(json.dumps(value) + "\n" for value in values)),
    "application/octet-stream": st.binary(min_size=1, max_size=ITEMS_MAX).map(lambda some: bytes(some) * 8),
}


def of_body(operation):
    """(media type, text) of a body that the document allows."""
    content = operation.get("requestBody", {}).get("content", {})
    made = [of_schema(media["schema"]).map(lambda value, kind=kind: (kind, json.dumps(value))) if kind == "application/json"
            else DATA[kind].map(lambda text, kind=kind: (kind, text)) for kind, media in content.items() if kind == "application/json" or kind in DATA]
    return st.one_of(made) if made else st.just((None, None))


JSON = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
                    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)), max_leaves=8)


@st.composite
def of_damaged_body(draw, operation):
    """The same, with a member replaced, added or lost, or a piece of the text."""
    kind, text = draw(of_body(operation))
    if text is None:
        return kind, text
    if kind == "application/json" and draw(st.booleans()):
        value = json.loads(text)
        if isinstance(value, dict):
            names = sorted(resolve(resolve(operation["requestBody"])["content"][kind]["schema"])["properties"])
            value[draw(st.sampled_from([*names, "moon"]))] = draw(JSON)
            return kind, json.dumps(value)
    at = draw(st.integers(0, len(text)))
    piece = draw(st.sampled_from(["", "\0", "[", "{", ",", "\"", "1e999", "NaN", "\n", "é"]))
    return kind, text[:at] + (piece.encode() if isinstance(text, bytes) else piece) + text[at + 1:]
