"""Banned words, long lines, commit subjects that are no imperative, and paths that no longer exist are noticed."""
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = ROOT / "scripts/lib/words.py"
sys.path.insert(0, str(ROOT / "scripts/lib"))
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
])
def test_an_imperative_subject_is_left_alone(subject):
    outcome = run(subject + "\n", "--subjects")
    assert (outcome.returncode, outcome.stdout) == (0, "")
