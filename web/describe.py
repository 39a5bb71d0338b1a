"""The API's description as Markdown: the counterpart of /docs and /redoc for those who read text."""
import json


def resolve(document, node):
    while "$ref" in node:
        target = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def line(text):
    return " ".join(text.split()).replace("|", "\\|")


def kind(schema):
    """A schema in a few words: the type, or the name of what it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "oneOf" in schema:
        return " or ".join(kind(choice) for choice in schema["oneOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    types = schema.get("type", "any")
    words = " or ".join(types) if isinstance(types, list) else types
    return f"{words} of {kind(schema['items'])}" if "items" in schema and schema["items"] else words


def parameters(document, found):
    rows = ["| parameter | in | type | meaning |", "|---|---|---|---|"]
    for parameter in (resolve(document, one) for one in found):
        needed = ", required" if parameter.get("required") else ""
        rows.append(f"| `{parameter['name']}` | {parameter['in']} | {kind(parameter['schema'])}{needed} | {line(parameter.get('description', ''))} |")
    return "\n".join(rows) + "\n"


def bodies(document, content):
    parts = []
    for media_type, media in content.items():
        schema = media.get("schema", {})
        parts.append(f"- `{media_type}`: {kind(schema)}{'. ' + line(schema['description']) if 'description' in schema else ''}")
    for name, example in content.get("application/json", {}).get("examples", {}).items():
        value = json.dumps(resolve(document, example)["value"], ensure_ascii=False)
        parts += ["", f"```json\n{value}\n```"] if name else []
    return "\n".join(parts) + "\n"


def answers(document, responses):
    rows = ["| status | answer |", "|---|---|"]
    for status, response in responses.items():
        rows.append(f"| {status} | {line(resolve(document, response)['description'])} |")
    return "\n".join(rows) + "\n"


def operation(document, method, path, item):
    described = item[method]
    parts = [f"### {method.upper()} {path}\n", f"{described['summary']}. `operationId`: `{described['operationId']}`\n"]
    if "description" in described:
        parts.append(described["description"].rstrip() + "\n")
    found = item.get("parameters", []) + described.get("parameters", [])
    if found:
        parts.append(parameters(document, found))
    if "requestBody" in described:
        parts += ["Body:\n", bodies(document, described["requestBody"]["content"])]
    parts.append(answers(document, described["responses"]))
    return "\n".join(parts)


def schema(name, described):
    rows = []
    for member, one in described.get("properties", {}).items():
        needed = ", required" if member in described.get("required", []) else ""
        rows.append(f"| `{member}` | {kind(one)}{needed} | {line(one.get('description', ''))} |")
    table = "\n".join(["| member | type | meaning |", "|---|---|---|", *rows]) + "\n" if rows else kind(described) + "\n"
    return f"### {name}\n\n{described.get('description', '').rstrip()}\n\n{table}".replace("\n\n\n", "\n\n")


def describe(document):
    info = document["info"]
    parts = [f"# {info['title']} {info['version']}\n", info["description"].rstrip() + "\n", "## Calls\n"]
    for path, item in document["paths"].items():
        parts += [operation(document, method, path, item) for method in item if method != "parameters"]
    parts.append("## Schemas\n")
    parts += [schema(name, one) for name, one in document["components"]["schemas"].items()]
    return "\n".join(parts)
