"""Banned words, long lines, commit subjects that are no imperative, and paths that no longer exist are noticed."""
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = ROOT / "scripts/lib/words.py"
sys.path.insert(0, str(ROOT / "scripts/lib"))
import layers  # noqa: E402
import words as checks  # noqa: E402


def run(stdin, *arguments):
    return subprocess.run([sys.executable, WORDS, *arguments], input=stdin, capture_output=True, text=True, check=False)


def complaints(tmp_path, name, text):
    """What the check says of a tree with this one file."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    outcome = run(name + "\n", tmp_path)
    assert outcome.returncode == (1 if outcome.stdout else 0), outcome.stderr
    return outcome.stdout.splitlines()


ROWS = list(checks.banned())


@pytest.mark.parametrize("instead, example", [row[1:] for row in ROWS], ids=[row[0].pattern for row in ROWS])
def test_a_banned_word_is_noticed(tmp_path, instead, example):
    found = complaints(tmp_path, "docs/adr/PAGE.md", f"A page.\n\n{example}\n")
    assert len(found) == 1 and found[0].startswith("docs/adr/PAGE.md:3: ") and found[0].endswith(f"write {instead}"), found


@pytest.mark.parametrize("sentence", ["Amend the commit.", "There is none.", "if value is None:", "There is no option for it.", "None of them."])
def test_a_word_that_only_resembles_one_is_left_alone(tmp_path, sentence):
    assert complaints(tmp_path, "docs/adr/PAGE.md", sentence + "\n") == []


LONG = "word " * 25
LONG_LINES = {
    "C comment": ("docs/adr/probe.c", f"/* {LONG}*/\n"),
    "header": ("docs/adr/probe.h", f" * {LONG}\n"),
    "Lua comment": ("docs/adr/probe.lua", f"-- {LONG}\n"),
    "SQL comment": ("docs/adr/probe.sql", f"-- {LONG}\n"),
    "Python comment": ("docs/adr/probe.py", f"    # {LONG}\n"),
    "shell comment": ("docs/adr/probe", f"# {LONG}\n"),
    "Markdown prose": ("docs/adr/PAGE.md", f"{LONG}\n"),
    "Markdown list": ("docs/adr/PAGE.md", f"- {LONG}\n"),
}
WIDE_LINES = {
    "Markdown table": ("docs/adr/PAGE.md", f"| {LONG}|\n"),
    "Markdown code": ("docs/adr/PAGE.md", f"```\n{LONG}\n```\n\n    {LONG}\n"),
    "an address": ("docs/adr/PAGE.md", f"- {'x' * 120}\n"),
    "Python code": ("docs/adr/probe.py", f"a = '{LONG}'\n"),
}


@pytest.mark.parametrize("name, text", LONG_LINES.values(), ids=LONG_LINES)
def test_a_long_line_is_noticed(tmp_path, name, text):
    found = complaints(tmp_path, name, text)
    assert len(found) == 1 and found[0].endswith("at most 100"), found


@pytest.mark.parametrize("name, text", WIDE_LINES.values(), ids=WIDE_LINES)
def test_a_line_that_cannot_be_wrapped_is_left_alone(tmp_path, name, text):
    assert complaints(tmp_path, name, text) == []


@pytest.mark.parametrize("subject", [
    "store: adds a table", "store: added a table", "store: adding a table", "docs: the figures of a quiet machine",
    "tests: less is waited for", "store: what nobody calls goes", "lint: is clean", "store: resets are noticed",
    "kalman: evenness is counted", "add a table", "Store: add a table", "store: Add a table", "fixes",
])
def test_a_subject_that_is_no_imperative_is_noticed(subject):
    outcome = run(subject + "\n", "--subjects")
    assert outcome.returncode == 1 and f'commit "{subject}"' in outcome.stdout


@pytest.mark.parametrize("subject", [
    "store: add a table", "luna, store: pass the key on", "kalman: format", "docs: do not name a machine", "worker: feed the watchdog",
    "routes: be ready for the end of a route",
])
def test_an_imperative_subject_is_left_alone(subject):
    outcome = run(subject + "\n", "--subjects")
    assert (outcome.returncode, outcome.stdout) == (0, "")


# Paths that documents name: links, and text in backquotes that looks like a file of the tree.
COMPONENTS = ("fcgi-worker", "gateway", "libkalman", "libluna", "luna-cli", "quota-syncd")
TOP_FOLDERS = "cmake|conf|docs|fcgi-worker|gateway|libkalman|libluna|luna-cli|quota-syncd|scripts|sql|tests|web"
LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")
NAMED_PATH = re.compile(rf"`((?:{TOP_FOLDERS})/[^`\s]*)`")
NAMED_FILE = re.compile(r"`([\w*.-]+\.(?:c|h|cc|py|sql|lua|sh|yaml|mjs|conf))(?:::\w+)?`")
# Named although they are not in the tree: generated, written by the reader, or of other projects.
NOT_IN_THE_TREE = {"luna.py", "luna.ts", "fcgiapp.h", "redis.conf", "resolv.conf", "test_*.py", "jwt.h", "luna/store/booking.h",
                   "testssl.sh"}


def dangling(document, text, names):
    """What a document names and the tree does not have."""
    for target in LINK.findall(text):
        # A target that begins with / is a page of the service: tests/contract/test_pages.py.
        if not target.startswith(("../../actions/", "/")) and not (document.parent / target).exists():
            yield target
    for path in NAMED_PATH.findall(text):
        path = re.sub(r"<\w+>|NNNN_name|[A-Z]{4,}|…|\{[^}]*\}", "*", path).split("::")[0]
        if not list(ROOT.glob(path.rstrip("/"))):
            yield path
    for name in NAMED_FILE.findall(text):
        pattern = re.compile(re.escape(name).replace(r"\*", ".*"))
        if name not in NOT_IN_THE_TREE and not any(pattern.fullmatch(known) for known in names):
            yield name


PLACES = [folder for folder in ROOT.iterdir() if folder.is_dir() and folder.name not in ("build", "var", ".git")]
DOCUMENTS = sorted(path for path in [*ROOT.glob("*.md"), *(path for folder in PLACES for path in folder.rglob("*.md"))]
                   if "node_modules" not in path.parts)
NAMES = {folder: {path.name for path in (ROOT / folder).rglob("*")} for folder in [*TOP_FOLDERS.split("|"), ".github"]}


def names_for(document):
    """A component's document names its own files and the tests."""
    folder = document.relative_to(ROOT).parts[0]
    return NAMES[folder] | NAMES["tests"] if folder in COMPONENTS else set().union(*NAMES.values())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_path_that_a_document_names_exists(document):
    assert sorted(set(dangling(document, document.read_text(encoding="utf-8"), names_for(document)))) == []


def rooms_of_architecture():
    """The table of rooms in docs/ARCHITECTURE.md, in the form of layers.ROOMS."""
    rooms, component = {}, None
    text = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8").split("\n## Rooms\n")[1].split("\n## ")[0]
    for row in re.findall(r"^\| (?:`([\w/-]+)`)? ?\| `(\w+/|main\.c)` \| [^|]+ \|(.*)\|$", text, re.MULTILINE):
        component = row[0] or component
        rooms.setdefault(component, {})[row[1].removesuffix("main.c").rstrip("/")] = re.findall(r"`(\w+)/`", row[2])
    return rooms


def test_the_table_of_rooms_is_the_one_that_is_checked():
    documented = rooms_of_architecture()
    assert {component: {room: set(uses) for room, uses in rooms.items()} for component, rooms in documented.items()} \
        == {component: {room: set(uses) for room, uses in rooms.items()} for component, rooms in layers.ROOMS.items()}


def test_the_open_headers_are_the_ones_that_are_checked():
    rooms = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8").split("\n## Rooms\n")[1].split("\n## ")[0]
    assert set(re.findall(r"`((?:kalman|luna)/[\w/*]+\.(?:h|def))`", rooms)) == {*layers.OPEN, *layers.LENT}


@pytest.mark.parametrize("text", ["[x](docs/NONE.md)", "`fcgi-worker/pool.c`", "`step_pool.c`", "`libkalman/attic/`"])
def test_a_path_that_does_not_exist_is_noticed(text):
    assert list(dangling(ROOT / "README.md", text, names_for(ROOT / "README.md")))


def test_the_readmes_endpoints_are_the_routes():
    """The README's table has every route of the worker with its scope, and no other below /api/v1/{account_id}."""
    source = (ROOT / "fcgi-worker/api/routes.c").read_text(encoding="utf-8")
    routes = {(method, path.removeprefix("/api/v1/{account_id}"), (scope or "any key").lower())
              for method, path, scope in re.findall(r'"([A-Z]+)",\s*"(/api/[^"]+)",\s*(?:LUNA_SCOPE_(\w+)|0)', source)}
    rows = re.findall(r"^\| (`.*`) \| .* \| `?([\w ]+?)`? \| .* \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    shown = {(method, path, scope) for cell, scope in rows for method, path in re.findall(r"`(\w+) …([^`]*)`", cell)}
    assert shown == routes


GLOSSARY = re.findall(r"^\| ([\w .-]+) \| .+ \| .*\|$", (ROOT / "docs/GLOSSARY.md").read_text(encoding="utf-8"), re.MULTILINE)[1:]
WRITTEN = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS if path.name != "GLOSSARY.md").lower()


def test_the_glossary_is_sorted():
    assert len(GLOSSARY) > 80 and GLOSSARY == sorted(set(GLOSSARY))


@pytest.mark.parametrize("term", GLOSSARY)
def test_a_term_of_the_glossary_is_used(term):
    """In a document, or in a header of the component whose word it is."""
    stem = term if len(term) < 5 else term.removesuffix("y").removesuffix("ed").removesuffix("e")
    assert stem in WRITTEN or any(stem in path.read_text(encoding="utf-8").lower() for part in COMPONENTS for path in (ROOT / part).rglob("*.h"))


# Words of the glossary's last column that are right where they mean something else (a journal, a
# hash table, a lock of a file, the user of a process), so that a machine cannot check them.
ORDINARY = set("""
away backend balance band books child chunk cluster confirm context credential cursor customer cycle data down endpoint entry flush gap
generation hash history hole hot journal layer life lock log measurement module node noise none offset parent permission primary proxy queue
record residual right rollback sample secret server settlement shock signal stage sync trend trial user way
""".split())
REPLACED = {re.sub(r" \(.*\)|\"", "", word).strip(): term
            for term, words in re.findall(r"^\| ([\w .-]+) \| .+ \| (.*) \|$", (ROOT / "docs/GLOSSARY.md").read_text(encoding="utf-8"), re.MULTILINE)[1:]
            for word in words.split(",") if word.strip()}
READ_BY_PEOPLE = {path: path.read_text(encoding="utf-8") for folder in ("docs", "conf", "sql", "web/openapi", *COMPONENTS)
                  for path in (ROOT / folder).rglob("*") if path.suffix in (".md", ".c", ".h", ".cc", ".lua", ".sql", ".yaml", ".example", ".3")
                  and path.name != "GLOSSARY.md"} | {path: path.read_text(encoding="utf-8") for path in ROOT.glob("*.md")}


def uses_of(word, texts):
    return [path.name for path, text in texts.items() if re.search(rf"\b{re.escape(word)}(s|es)?\b", text, re.IGNORECASE)]


@pytest.mark.parametrize("word", sorted(REPLACED.keys() - ORDINARY))
def test_a_word_that_the_glossary_replaces_is_not_used(word):
    assert uses_of(word, READ_BY_PEOPLE) == [], f'the glossary says "{REPLACED[word]}"'


def test_a_replaced_word_would_be_noticed():
    assert uses_of("tenant", {pathlib.Path("a"): "Two tenants."}) == ["a"]
    assert ORDINARY <= REPLACED.keys() and len(REPLACED.keys() - ORDINARY) > 20
