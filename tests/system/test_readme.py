"""Every command that README.md and CONTRIBUTING.md give is executed, as it stands there."""
import json
import os
import re
import subprocess

import pytest
from luna_stack import CLI, ROOT, clean_environment

# Commands that start, stop or test everything: each has its own test, named here.
ELSEWHERE = {
    "scripts/up --detach": "the stack of this session (luna_stack.py)",
    "scripts/up": "test_scripts.py",
    "scripts/down": "test_scripts.py",
    "scripts/test": "this run",
    "scripts/test --long": "the same script",
    "scripts/lint": "tests/lint",
}


def commands(document):
    """The lines of its ```sh blocks, each with the block's earlier lines before it."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        found += [(lines[:i], line) for i, line in enumerate(lines)]
    return found


def run(stack, earlier, command, tmp_path):
    """Runs it in a copy of the checkout's root in which var/ and build/ are the session's."""
    for name in os.listdir(ROOT):
        if name not in ("var", ".git"):
            (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "var").symlink_to(stack.var)
    before = [line for line in earlier if line.startswith((". ", "export ", "set "))]
    return subprocess.run(["bash", "-c", "\n".join(["set -e", *before, command])], cwd=tmp_path, capture_output=True, text=True,
                          env=clean_environment(LUNA_VAR=stack.var), timeout=120, check=False)


README = commands("README.md")


def test_readme_has_commands():
    assert any("scripts/up --detach" in command for _, command in README)
    assert any("curl" in command for _, command in README)


@pytest.mark.parametrize("earlier, command", README, ids=[command[:50] for _, command in README])
def test_readme_command_works(stack, tmp_path, earlier, command):
    if command.split("  #")[0].strip() in ELSEWHERE:
        return
    outcome = run(stack, earlier, command, tmp_path)
    assert outcome.returncode == 0, f"{command}\n{outcome.stdout}{outcome.stderr}"
    if command.startswith("curl") and "/kalman" in command:
        answer = json.loads(outcome.stdout)
        assert list(answer) == ["processed_results", "input_data"]
        assert "smoothed" in command or answer["processed_results"][0] == 1120


def test_up_tells_the_readmes_curl_command():
    shown = (ROOT / "scripts/lib/demo.sh").read_text(encoding="utf-8").replace("\\$", "$")
    assert next(command for _, command in README if command.startswith("curl")) in shown


def test_luna_is_where_the_documents_say():
    assert CLI.exists()
