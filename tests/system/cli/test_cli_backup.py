"""luna backup and luna restore: they start the programs that have the steps."""
import os
import stat
import subprocess

import pytest
from luna_stack import CLI, clean_environment


@pytest.fixture
def programs(tmp_path):
    """A folder with a luna-backup and a luna-restore that print their command lines."""
    for name in ("luna-backup", "luna-restore"):
        (tmp_path / name).write_text('#!/bin/sh\nprintf "%s" "${0##*/}"\nprintf " [%s]" "$@"\nexit 7\n', encoding="ascii")
        (tmp_path / name).chmod(stat.S_IRWXU)
    return tmp_path


def run(path, *arguments):
    environment = clean_environment() | {"PATH": f"{path}:{os.environ['PATH']}"}
    return subprocess.run([CLI, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("arguments, started", [
    (("backup",), "luna-backup []"),
    (("backup", "--keep", "30", "--to", "/srv/my backups"), "luna-backup [--to] [/srv/my backups] [--keep] [30]"),
    (("backup", "--encrypt-to=backup.pub"), "luna-backup [--encrypt-to] [backup.pub]"),
    (("restore", "--yes"), "luna-restore []"),
    (("restore", "--yes", "--identity", "key", "/srv/luna-20270101T030000Z"), "luna-restore [--identity] [key] [/srv/luna-20270101T030000Z]"),
])
def test_the_program_gets_another_command_line_or_its_status_is_lost(programs, arguments, started):
    outcome = run(programs, *arguments)
    assert (outcome.stdout, outcome.returncode) == (started, 7)


def test_a_restore_starts_without_a_question(programs):
    outcome = run(programs, "restore")
    assert outcome.returncode == 2 and outcome.stdout == "" and "luna restore --yes" in outcome.stderr


def test_where_the_program_is_missing_nothing_says_which_to_use(tmp_path):
    environment = clean_environment() | {"PATH": str(tmp_path)}
    outcome = subprocess.run([CLI, "backup"], capture_output=True, text=True, env=environment, check=False)
    assert outcome.returncode == 1 and "luna-worker" in outcome.stderr and "scripts/backup" in outcome.stderr
