"""Every command in scripts/ shows its help at any time: without a stack, a build or a server, and in lines that fit a terminal."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = sorted(path.relative_to(ROOT).as_posix() for folder in ("scripts", "scripts/bench.d") for path in (ROOT / folder).iterdir()
                  if path.is_file() and os.access(path, os.X_OK))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_needs_more_than_the_command(tmp_path, command):
    outcome = subprocess.run([ROOT / command, "--help"], cwd=tmp_path, env=os.environ | {"LUNA_VAR": str(tmp_path / "var"), "COLUMNS": "100"},
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0 and outcome.stderr == "", outcome.stderr
    assert re.match(rf"[Uu]sage: (scripts/)?(bench )?{pathlib.Path(command).name}\b", outcome.stdout), outcome.stdout
    assert [line for line in outcome.stdout.splitlines() if len(line) > 100] == []
    assert not (tmp_path / "var").exists()
