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


def complaints():
    """Each row of the table: what is complained about, and the tests that it names, as (file, part of it)."""
    text = (ROOT / "docs/OPERATIONS.md").read_text(encoding="utf-8").split("## Common complaints")[1].split("\n## ")[0]
    for row in [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]:
        named, file = [], None
        for name in re.findall("`([^`]+)`", row[-1]):
            file = name if re.search(r"[./]", name) else file
            named.append((file, None if file == name else name))
        yield row[0].removeprefix("| "), named


ROWS = list(complaints())


@pytest.mark.parametrize("named", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_row_of_the_complaints_names_a_test_that_does_not_exist(named):
    assert named
    for file, part in named:
        where = [ROOT / file] if "/" in file else list((ROOT / "tests").rglob(file))
        sources = [path for folder in where for path in ([folder] if folder.is_file() else folder.rglob("*")) if path.is_file()]
        if file == "booted.sh":
            sources.append(ROOT / "tests/machines/booted-inside.sh")
        assert sources, file
        assert part is None or any(re.search(rf"\b{part}\b", path.read_text(errors="replace")) for path in sources), (file, part)


def test_the_table_of_complaints_has_lost_rows():
    assert len(ROWS) >= 15
