"""The commands at the start of docs/OPERATIONS.md, as they stand there, against a stack."""
import re
import subprocess

import pytest
from luna_stack import CLI, ROOT, WAIT_S, clean_environment


def marked(name):
    """The lines of the block below the mark: a command, and after two spaces what it does; what continues such a line is indented further."""
    text = (ROOT / "docs/OPERATIONS.md").read_text(encoding="utf-8").split(f"<!-- test: {name} -->\n\n")[1].split("\n\n")[0]
    return [re.split(r" {2,}", line.strip())[0] for line in text.splitlines() if re.match(r"    \S", line)]


@pytest.mark.parametrize("command", marked("status"))
def test_a_command_of_the_status_section_fails(stack, command):
    environment = clean_environment(LUNA_VAR=stack.var)
    script = f'. "$LUNA_VAR/admin.env"; MONITOR=http://$LUNA_MONITOR_LISTEN; PATH={CLI.parent}:$PATH; set -e\n'
    outcome = subprocess.run(["bash", "-c", script + command.replace("curl ", "curl -fsS ")], capture_output=True, text=True, env=environment,
                             stdin=subprocess.DEVNULL, timeout=WAIT_S, check=False)
    assert outcome.returncode == 0 and outcome.stdout, f"{command}: {outcome.stdout}{outcome.stderr}"
