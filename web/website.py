#!/usr/bin/python3
"""Write the pages that are text into the folder of the site: each as HTML, and as Markdown beside it.

Usage: website.py FOLDER

The texts are web/pages/*.md, CHANGELOG.md, the errors (problems.py), and the reference that describe.py makes of the
API's description. llms.txt lists all pages for programs that read Markdown.
"""
import json
import pathlib
import sys

import bundle
import describe
import problems
import render

WEB = pathlib.Path(__file__).resolve().parent
NAVIGATION = (("/", "Luna"), ("/docs", "Try it out"), ("/redoc", "Reference"), ("/problems", "Errors"), ("/changelog", "Changes"), ("/versioning", "Versions"))

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/assets/luna.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/site.css">
<link rel="alternate" type="text/markdown" href="{markdown}">
</head>
<body>
<nav aria-label="Luna">{navigation}</nav>
<main>
{content}
</main>
</body>
</html>
"""


def navigation(path):
    links = []
    for target, name in NAVIGATION:
        here = ' aria-current="page"' if target == path else ""
        links.append(f'<a href="{target}"{here}>{name}</a>')
    return " ".join(links)


def problem_page(problem):
    statuses = " or ".join(str(status) for status in problem.statuses)
    others = "".join(f"\n\nWith status {status}: {message}" for status, message in problem.of_status.items())
    example = json.dumps(problem.body(), indent=2, ensure_ascii=False)
    return f"""# {problem.title}

`{problem.code}`, status {statuses}. {problem.message}{others}

## Cause

{problem.cause}

## Fix

{problem.fix}

## Send it again?

{problem.retry}

## Example

```json
{example}
```

[All errors](/problems)
"""


def problem_list():
    """By status; a code with two statuses stands at each."""
    known = problems.load().values()
    parts = ["""# Errors

Every error is JSON and has a stable `code` for programs. Its `type` is the address of a page here; the
`quota_exhausted`, `concurrency_limited` and `rate_limited` of a worker have the type that IANA registered instead. An error was not charged unless its page says so.
"""]
    for status in sorted({status for problem in known for status in problem.statuses}):
        parts.append(f"## Status {status}\n")
        parts += [f"- [`{problem.code}`]({problem.path}): {problem.cause}" for problem in problems.with_status(status)]
        parts.append("")
    return "\n".join(parts)


def changelog():
    return (WEB.parent / "CHANGELOG.md").read_text(encoding="utf-8")


def pages():
    """{path: Markdown} of the pages that are written here; /docs and /redoc are programs in the browser."""
    found = {"/": (WEB / "pages/index.md").read_text(encoding="utf-8"),
             "/problems": problem_list(),
             "/changelog": changelog(),
             "/versioning": (WEB / "pages/versioning.md").read_text(encoding="utf-8")}
    return found | {problem.path: problem_page(problem) for problem in problems.load().values()}


def llms(document):
    lines = [f"# {document['info']['title']}", "", f"> {document['info']['summary']}", "", "## Documentation", "",
             "- [Overview](/index.md): the first call, and five things to know",
             "- [Reference](/redoc.md): every call, its parameters and answers",
             "- [OpenAPI 3.1](/openapi.json): the same for generators and tools",
             "- [Errors](/problems.md): every error",
             "- [Changes](/changelog.md): what each version changed",
             "- [Versions](/versioning.md): what stays compatible, and how an operation ends", "", "## Errors", ""]
    lines += [f"- [{problem.code}]({problem.path}.md): {problem.cause}" for problem in problems.load().values()]
    return "\n".join(lines) + "\n"


def file_of(path):
    return "index" if path == "/" else path.lstrip("/")


def drop_stale(folder):
    """Pages of errors that no longer exist, and their compressed copies."""
    for path in (folder / "problems").glob("*"):
        if path.name.split(".")[0] not in problems.load():
            path.unlink()


def write(folder, name, text):
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__.split("\n\n")[1])
    folder = pathlib.Path(sys.argv[1])
    document = bundle.bundle()
    for path, text in pages().items():
        name = file_of(path)
        title = text.splitlines()[0].lstrip("# ")
        page = PAGE.format(title=title if path == "/" else f"Luna: {title}", markdown=f"/{name}.md",
                           navigation=navigation(path), content=render.render(text))
        write(folder, f"{name}.html", page)
        write(folder, f"{name}.md", text)
    reference = describe.describe(document)
    for name in ("docs.md", "redoc.md"):
        write(folder, name, reference)
    write(folder, "llms.txt", llms(document))
    drop_stale(folder)


if __name__ == "__main__":
    main()
