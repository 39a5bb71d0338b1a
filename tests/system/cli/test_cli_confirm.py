"""Commands of luna that destroy something: who is asked, and what a script has to say."""
import subprocess

import pytest
from luna_stack import CLI, clean_environment
from pseudo_terminal import run_on_terminal

DESTRUCTIVE = [("account", "disable", "no-such-name"), ("account", "rotate-key", "no-such-name"), ("account", "delete", "no-such-name"),
               ("key", "revoke", "no-such-name", "17")]


def on_a_terminal(*arguments, answer):
    return run_on_terminal([CLI, *arguments], {"stdin", "stderr"}, clean_environment(), answer)


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_without_a_terminal_it_is_done_or_the_line_to_run_is_missing(arguments):
    outcome = subprocess.run([CLI, *arguments, "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=clean_environment(), check=False)
    assert outcome.returncode == 2 and outcome.stdout == ""
    command, operands = arguments[:2], arguments[2:]
    assert outcome.stderr.splitlines()[-1] == f"  luna {' '.join(command)} --yes --json {' '.join(operands)}"


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_on_a_terminal_another_word_than_yes_goes_on(arguments):
    for answer in (b"n\n", b"\n", b"yessir\n", b"\x04"):
        status, written = on_a_terminal(*arguments, answer=answer)
        assert status == 1 and "Continue? [y/N]" in written and "nothing was changed" in written
    for answer in (b"y\n", b"yes\n"):
        status, written = on_a_terminal(*arguments, answer=answer)
        assert status == 78 and "LUNA_DATABASE_URL" in written, "it went on, to settings that are missing here"


@pytest.mark.parametrize("arguments", [*((*line, "--yes") for line in DESTRUCTIVE), ("account", "rotate-key", "no-such-name", "--grace", "1h"),
                                       ("account", "enable", "no-such-name")])
def test_a_confirmed_or_harmless_command_asks(arguments):
    outcome = subprocess.run([CLI, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=clean_environment(), check=False)
    assert outcome.returncode == 78 and "Continue" not in outcome.stderr


def test_a_command_that_destroys_nothing_has_the_option():
    outcome = subprocess.run([CLI, "account", "show", "x", "--yes"], capture_output=True, text=True, env=clean_environment(), check=False)
    assert outcome.returncode == 2 and "unknown option" in outcome.stderr
