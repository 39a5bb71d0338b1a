"""Every command that README.md and CONTRIBUTING.md give is executed as it stands there, and answers as shown there."""
import json
import os
import re
import subprocess

import pytest
from luna_stack import CLI, ROOT, WAIT_S, clean_environment

# Commands that start, stop or test everything: each has its own test, named here.
ELSEWHERE = {
    "scripts/up --detach": "the stack of this session (luna_stack.py)",
    "scripts/up": "test_scripts.py",
    "scripts/down": "test_scripts.py",
    "scripts/test": "this run",
    "scripts/test --long": "the same script",
    "scripts/lint": "tests/lint",
}

# A block of commands, and the block that shows what its last command answers, if there is one.
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n```(?:json|text)\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


def commands(document):
    """The lines of its ```sh blocks, each with the block's earlier lines before it and the answer shown, or None."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for block, answer in BLOCK.findall(text):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        for i, line in enumerate(lines):
            yield lines[:i], line, answer if answer and i == len(lines) - 1 else None


def run(stack, earlier, command, tmp_path):
    """Runs it in a copy of the checkout's root in which var/ and build/ are the session's."""
    for name in os.listdir(ROOT):
        if name not in ("var", ".git"):
            (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "var").symlink_to(stack.var)
    before = [line for line in earlier if line.startswith((". ", "export ", "set "))]
    return subprocess.run(["bash", "-c", "\n".join(["set -e", *before, command])], cwd=tmp_path, capture_output=True, text=True,
                          env=clean_environment(LUNA_VAR=stack.var), timeout=WAIT_S, check=False)


README = [*commands("README.md"), *commands("CONTRIBUTING.md")]


def test_the_readme_has_no_commands():
    assert any("scripts/up --detach" in command for _, command, _ in README)
    assert sum("curl" in command and answer is not None for _, command, answer in README) >= 2


@pytest.mark.parametrize("earlier, command, answer", README, ids=[command[:50] for _, command, _ in README])
def test_a_command_of_the_readme_fails(stack, tmp_path, earlier, command, answer):
    if command.split("  #")[0].strip() in ELSEWHERE:
        return
    outcome = run(stack, earlier, command, tmp_path)
    assert outcome.returncode == 0, f"{command}\n{outcome.stdout}{outcome.stderr}"
    if answer is not None:
        assert words_and_numbers(outcome.stdout) == words_and_numbers(answer)


def words_and_numbers(text):
    """A text as it is compared: its words, and its numbers to ten digits (a fit may end one bit further on another machine)."""
    parts = re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?|[^\s\d]+", text)
    return [float(f"{float(part):.10g}") if re.match(r"-?\d", part) else part for part in parts]


@pytest.mark.parametrize("shown, same", [
    ('{"processed_results":[1120,1140],"input_data":[1120,1160]}', True),
    ('{"processed_results":[1120,1141],"input_data":[1120,1160]}', False),
    ('{"processed_result":[1120,1140],"input_data":[1120,1160]}', False),
    ('{"processed_results":[1120,1140.0000000000001],"input_data":[1120,1160]}', True),
])
def test_another_answer_than_the_one_shown_is_not_noticed(shown, same):
    answer = '{"processed_results":[1120,1140],"input_data":[1120,1160]}\n'
    assert (words_and_numbers(shown) == words_and_numbers(answer)) == same


def test_an_answer_shown_is_no_json():
    assert [json.loads(answer) for _, command, answer in README if answer and "curl" in command]


def test_up_prints_another_curl_command_than_the_readme():
    shown = (ROOT / "scripts/lib/demo.sh").read_text(encoding="utf-8").replace("\\$", "$")
    assert next(command for _, command, _ in README if command.startswith("curl")) in shown


def test_luna_is_elsewhere_than_the_documents_say():
    assert CLI.exists()


def test_the_readmes_picture_shows_something_else_than_luna_computes(tmp_path):
    subprocess.run([ROOT / "docs/images/nile.py", CLI, tmp_path / "nile.svg"], check=True)
    assert (tmp_path / "nile.svg").read_text(encoding="utf-8") == (ROOT / "docs/images/nile.svg").read_text(encoding="utf-8")
