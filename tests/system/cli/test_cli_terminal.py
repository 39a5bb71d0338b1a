"""What luna prints on a terminal only: colours and progress."""
import subprocess

import pytest
from luna_stack import CLI, ROOT, clean_environment
from pseudo_terminal import run_on_terminal


def settings_of(stack, **more):
    lines = (stack.var / "admin.env").read_text(encoding="utf-8").splitlines()
    given = dict(line.removeprefix("export ").replace('"', "").split("=", 1) for line in lines if line.startswith("export "))
    return clean_environment(**given) | {"TERM": "xterm"} | more


def test_states_are_not_coloured_on_a_terminal(stack):
    status, written = run_on_terminal([CLI, "health"], {"stdout"}, settings_of(stack))
    assert status == 0 and "\x1b[32mok\x1b[0m" in written and "\x1b[1mpart\x1b[0m" in written
    status, written = run_on_terminal([CLI, "health"], {"stdout"}, settings_of(stack, LUNA_REDIS_URL="redis://127.0.0.1:1", LUNA_REDIS_URL_FILE=""))
    assert status == 1 and "\x1b[31mFAILED\x1b[0m" in written


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colour_gets_some(stack, setting):
    status, written = run_on_terminal([CLI, "health"], {"stdout"}, settings_of(stack, **setting))
    assert status == 0 and "\x1b" not in written and "ok" in written


@pytest.mark.parametrize("setting, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_plot_is_not_coloured_on_a_terminal_that_shows_colours(stack, setting, coloured):
    line = [CLI, "kalman", ROOT / "tests/vectors/kalman/nile.csv", "--horizon", "5", "--plot"]
    status, written = run_on_terminal(line, {"stdout"}, settings_of(stack, **setting))
    assert status == 0 and "forecast from 101" in written and ("\x1b" in written) == coloured


def test_colours_shift_the_columns(stack):
    plain = run_on_terminal([CLI, "migrate", "status"], {"stdout"}, settings_of(stack, NO_COLOR="1"))[1]
    coloured = run_on_terminal([CLI, "migrate", "status"], {"stdout"}, settings_of(stack, NO_COLOR=""))[1]
    assert coloured != plain
    for sequence in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m"):
        coloured = coloured.replace(sequence, "")
    assert coloured == plain


def test_a_file_gets_colours_or_progress(stack):
    outcome = subprocess.run([CLI, "audit", "verify"], capture_output=True, text=True, env=settings_of(stack), check=True)
    assert outcome.stderr == "" and "\x1b" not in outcome.stdout and "sound" in outcome.stdout


def test_progress_is_not_shown_or_stays(stack):
    status, written = run_on_terminal([CLI, "audit", "verify"], {"stderr"}, settings_of(stack))
    assert status == 0 and written.startswith("\rverifying the audit log: ") and written.endswith("\r\x1b[K")


def test_progress_is_shown_on_a_terminal_that_cannot_clear_a_line(stack):
    status, written = run_on_terminal([CLI, "audit", "verify"], {"stderr"}, settings_of(stack, TERM="dumb"))
    assert status == 0 and written == ""
