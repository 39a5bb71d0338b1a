"""luna completion: what the shells themselves make of it."""
import os
import shutil
import subprocess

import pytest
from luna_stack import CLI, WAIT_S, clean_environment

SHELLS = {
    "bash": """. <(luna completion bash); COMP_WORDS=(luna "$@"); COMP_CWORD=$#; _luna; printf '%s\\n' "${COMPREPLY[@]}" """,
    # Outside of a completion zsh has no compdef and no _describe.
    "zsh": """compdef() { : }; _describe() { print -rl -- "${described[@]%%:*}" }; _files() { print FILES }
              eval "$(luna completion zsh)"; words=(luna "$@"); CURRENT=$#words; _luna""",
    "fish": """luna completion fish | source; complete -C "luna $(string join ' ' -- (string escape -- $argv[1..-2]) $argv[-1])" """,
}
COMMAND = {"bash": ["bash", "-c"], "zsh": ["zsh", "-fc"], "fish": ["fish", "--no-config", "-c"]}


def completed(shell, *words, environment=None):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    name = [] if shell == "fish" else [shell]
    settings = clean_environment() if environment is None else environment
    outcome = subprocess.run([*COMMAND[shell], SHELLS[shell], *name, *words], capture_output=True, text=True, timeout=WAIT_S, check=False,
                             env=settings | {"PATH": f"{CLI.parent}:{os.environ['PATH']}"})
    assert outcome.stderr == ""
    return [line.split("\t")[0] for line in outcome.stdout.splitlines() if line]


@pytest.fixture
def environment(stack):
    lines = (stack.var / "admin.env").read_text(encoding="utf-8").splitlines()
    return clean_environment(**dict(line.removeprefix("export ").replace('"', "").split("=", 1) for line in lines if line.startswith("export ")))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_option_or_word_is_not_completed(shell):
    assert completed(shell, "acc") == ["account"]
    assert sorted(completed(shell, "account", "set-")) == ["set-limit", "set-plan"]
    assert completed(shell, "plan", "set", "trial", "--per") == ["--period"]
    assert sorted(completed(shell, "plan", "set", "trial", "--period", "")) == ["day", "month", "none"]
    assert completed(shell, "account", "delete", "--y") == ["--yes"]


@pytest.mark.parametrize("shell", SHELLS)
def test_names_of_accounts_and_plans_are_not_completed(shell, stack, account, environment):
    assert completed(shell, "account", "show", account.name[:-4], environment=environment) == [account.name]
    assert completed(shell, "account", "set-plan", account.name, "dai", environment=environment) == ["daily"]
    assert completed(shell, "account", "list", "--plan", "dai", environment=environment) == ["daily"]
    key = stack.luna_json("key", "list", account.name)[0]["key_id"]
    assert completed(shell, "key", "revoke", account.name, str(key)[:1], environment=environment) == [str(key)]


@pytest.mark.parametrize("shell", SHELLS)
def test_without_a_database_completion_prints_a_message(shell, environment):
    away = environment | {"LUNA_DATABASE_URL": "postgresql://127.0.0.1:1/luna", "LUNA_DATABASE_URL_FILE": ""}
    assert completed(shell, "account", "show", "dem", environment=away) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_name_is_run_by_the_shell(shell, stack, environment, tmp_path):
    trap = tmp_path / "trap"
    name = f"odd $(touch {trap}) `touch {trap}`"
    stack.luna("account", "create", name)
    assert len(completed(shell, "account", "show", "od", environment=environment)) == 1
    assert not trap.exists()
    stack.luna("account", "delete", name, "--yes")
