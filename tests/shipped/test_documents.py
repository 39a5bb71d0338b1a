"""Every block of commands of the operators' documents is run by a test as it stands there, or this table says why not.

README.md's and CONTRIBUTING.md's are run by tests/system/documents/test_readme.py.
"""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ("OPERATIONS", "SCALING", "RELEASE", "GUIDES", "QUOTA", "SECURITY", "RUNBOOKS", "PERFORMANCE")
BOOTED = "tests/machines/booted-inside.sh"
CONTAINERS = "tests/containers/test_compose.py"
MARK = re.compile(r"<!-- test: ([a-z-]+) -->")

# Of a block with the mark "test: NAME": who reads it from the document and runs it.
RUN_BY = {
    "status": "tests/system/documents/test_operations_page.py",
    "reload": BOOTED, "upgrade-packages": BOOTED, "binary-upgrade": BOOTED,
    "requests-of-an-event": "tests/system/documents/test_quota_page.py",
    "postgresql-upgrade": BOOTED, "move-away": BOOTED, "move-here": BOOTED, "expose": BOOTED, "exposed": BOOTED,
    "worker-host": BOOTED, "worker-host-network": BOOTED, "worker-host-start": BOOTED,
    "compose-postgresql-dump": CONTAINERS, "compose-postgresql-load": CONTAINERS, "compose-certificate": CONTAINERS,
}

# How a block without a mark begins, and why it is not run as it stands.
NOT_RUN = {
    "nft add rule inet filter": "needs administrative rights over the network, which Luna does not use",
    "LUNA_KEY_PEPPER_FILE=": "settings; tests/system/operate/test_peppers.py",
    "scripts/backup --to": "with other folders: tests/faults/test_backup.py",
    "docker compose up --build": "with the project's name and port: tests/containers/engine.py",
    "export COMPOSE_FILE=": "with the project's name: tests/containers/test_alerting.py",
    "[Interface]": "a file of WireGuard, which this machine's kernel may not have",
    "\\bluna_live_": "an expression; tests/system/cli/test_cli_account.py",
    "scripts/bench instructions --update": "changes the bounds; the suite instructions runs the command without the option",
    "mkdir /tmp/count": "for a developer who looks for instructions; the suite instructions counts in the same way",
    "scripts/bench service": "measurements of many minutes, which need a quiet machine",
    "gh attestation verify": "needs a release at GitHub",
    "apt install postgresql-17": "Debian 12 has no second major version; the steps after it are run",
    "pg_dropcluster 15 main": "what an operator may do later",
    "apt install ./luna-*.deb nginx": "tests/machines/booted.sh installs the same packages from other folders",
}


def blocks():
    """(document, mark or None, text) of each indented block outside of lists."""
    for name in DOCUMENTS:
        lines = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8").splitlines()
        for i, line in enumerate(lines):
            if line.startswith("    ") and lines[i - 1] == "" and not lines[i - 2].startswith("    "):
                mark = MARK.fullmatch(lines[i - 2])
                yield name, mark and mark[1], line.strip()


BLOCKS = list(blocks())


@pytest.mark.parametrize("document, mark, line", BLOCKS, ids=[f"{document}-{line[:30]}" for document, _, line in BLOCKS])
def test_a_command_of_a_document_is_run_by_no_test(document, mark, line):
    if mark in RUN_BY:
        assert mark in (ROOT / RUN_BY[mark]).read_text(encoding="utf-8"), f"{RUN_BY[mark]} does not read the block {mark}"
    else:
        assert any(line.startswith(start) for start in NOT_RUN), f"docs/{document}.md: {line}"


def test_the_table_names_blocks_that_are_gone():
    assert set(RUN_BY) == {mark for _, mark, _ in BLOCKS if mark in RUN_BY}
    assert [start for start in NOT_RUN if not any(line.startswith(start) for _, _, line in BLOCKS)] == []
