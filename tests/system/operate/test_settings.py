"""Settings: what is missing or wrong is named, and --help, the table and the example files say the same."""
import re
import subprocess

import pytest
from luna_stack import BUILD, ROOT, WAIT_S, clean_environment

EXIT_CONFIG = 78
PEPPER = "ab" * 32

# A program and settings that satisfy it as far as its table goes; nothing is reached with them.
PROGRAMS = {
    "fcgi-worker": {
        "LUNA_WORKER_SOCKET": "{tmp}/worker.sock", "LUNA_STATE_DIR": "{tmp}", "LUNA_REDIS_URL": "redis://127.0.0.1:1",
        "LUNA_DATABASE_URL": "postgresql://127.0.0.1:1/none", "LUNA_KEY_PEPPER": PEPPER},
    "quota-syncd": {
        "LUNA_STATE_DIR": "{tmp}", "LUNA_REDIS_URL": "redis://127.0.0.1:1", "LUNA_DATABASE_URL": "postgresql://127.0.0.1:1/none"},
}
# A value that no setting of that name takes.
WRONG = [
    ("fcgi-worker", "LUNA_WORKERS", "many"), ("fcgi-worker", "LUNA_WORKERS", "0"), ("fcgi-worker", "LUNA_WORKERS", "4x"),
    ("fcgi-worker", "LUNA_WORKERS", "99999999999999999999"), ("fcgi-worker", "LUNA_KEY_PEPPER", "abc"),
    ("fcgi-worker", "LUNA_KEY_PEPPER", "zz" * 32), ("fcgi-worker", "LUNA_LOG_LEVEL", "loud"),
    ("fcgi-worker", "LUNA_BODY_BYTES_MAX", "-1"), ("fcgi-worker", "LUNA_CORE_DUMPS", "perhaps"),
    ("fcgi-worker", "LUNA_REDIS_URL_FILE", "/nonexistent/file"), ("fcgi-worker", "LUNA_MONITOR_LISTEN", "nowhere"),
    ("quota-syncd", "LUNA_SYNC_INTERVAL_MS", "soon"), ("quota-syncd", "LUNA_SYNC_INTERVAL_MS", "0"),
    ("quota-syncd", "LUNA_LOG_FORMAT", "xml"), ("quota-syncd", "LUNA_DATABASE_URL_FILE", "/nonexistent/file"),
    ("quota-syncd", "LUNA_METRICS_LISTEN", "nowhere"),
]


def run(program, *arguments, tmp_path=None, **settings):
    environment = clean_environment(**{name: value.format(tmp=tmp_path) for name, value in settings.items()})
    return subprocess.run([BUILD / "bin" / program, *arguments], env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False)


def assert_refused(outcome, name):
    assert outcome.returncode == EXIT_CONFIG, f"status {outcome.returncode}: {outcome.stderr}"
    assert name in outcome.stderr
    assert outcome.stdout == ""


REQUIRED = [(program, name) for program, settings in PROGRAMS.items() for name in settings]


@pytest.mark.parametrize("program, name", REQUIRED)
@pytest.mark.parametrize("how", ["unset", "empty"])
def test_a_missing_setting_is_not_named_with_status_78(tmp_path, program, name, how):
    settings = dict(PROGRAMS[program])
    del settings[name]
    if how == "empty":
        settings[name] = ""
    assert_refused(run(program, tmp_path=tmp_path, **settings), name)


@pytest.mark.parametrize("program, name, value", WRONG)
def test_a_wrong_setting_is_not_named_with_status_78(tmp_path, program, name, value):
    settings = dict(PROGRAMS[program])
    if name.endswith("_FILE"):
        del settings[name.removesuffix("_FILE")]
    assert_refused(run(program, tmp_path=tmp_path, **(settings | {name: value})), name)


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_and_file_together_are_taken(tmp_path, program):
    (tmp_path / "url").write_text("redis://127.0.0.1:1\n", encoding="utf-8")
    settings = PROGRAMS[program] | {"LUNA_REDIS_URL_FILE": "{tmp}/url"}
    assert_refused(run(program, tmp_path=tmp_path, **settings), "LUNA_REDIS_URL")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("how", ["unset", "empty"])
def test_the_settings_file_does_not_fill_what_the_environment_leaves_unset(tmp_path, program, how):
    (tmp_path / "env").write_text("LUNA_LOG_LEVEL=loud\n", encoding="utf-8")
    settings = PROGRAMS[program] | {"LUNA_ENV_FILE": "{tmp}/env"} | ({"LUNA_LOG_LEVEL": ""} if how == "empty" else {})
    assert_refused(run(program, "--check-config", tmp_path=tmp_path, **settings), "LUNA_LOG_LEVEL")
    accepted = run(program, "--check-config", tmp_path=tmp_path, **(settings | {"LUNA_LOG_LEVEL": "info"}))
    assert accepted.returncode == 0, accepted.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_secret_is_repeated(tmp_path, program):
    settings = PROGRAMS[program] | {"LUNA_REDIS_URL": "http://:sesame@127.0.0.1:1", "LUNA_STATE_DIR": ""}
    outcome = run(program, tmp_path=tmp_path, **settings)
    assert "sesame" not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("command, name", [
    (("account", "list"), "LUNA_DATABASE_URL"), (("account", "create", "x"), "LUNA_DATABASE_URL"), (("migrate", "up"), "LUNA_DATABASE_URL")])
def test_luna_does_not_name_the_setting_that_a_command_needs(command, name):
    outcome = run("luna", *command)
    assert outcome.returncode == EXIT_CONFIG and name in outcome.stderr, outcome.stderr


def settings_in(text):
    return set(re.findall(r"\bLUNA_[A-Z0-9_]+\b", text))


@pytest.mark.parametrize("program", [*PROGRAMS, "luna"])
def test_help_lists_other_settings_than_the_example_file(program):
    shown = run(program, "--help")
    assert shown.returncode == 0 and shown.stderr == ""
    example = (ROOT / "conf" / f"{program}.env.example").read_text(encoding="utf-8")
    assert {name.removesuffix("_FILE") for name in settings_in(example)} == {name.removesuffix("_FILE") for name in settings_in(shown.stdout)}


@pytest.mark.parametrize("program", [*PROGRAMS, "luna"])
def test_the_example_file_is_not_what_the_table_prints(program):
    printed = run(program, "--config-example")
    assert printed.returncode == 0
    assert printed.stdout == (ROOT / "conf" / f"{program}.env.example").read_text(encoding="utf-8")


@pytest.mark.parametrize("program", [*PROGRAMS, "luna"])
def test_a_program_has_no_version_or_takes_wrong_usage(program):
    shown = run(program, "--version")
    assert shown.returncode == 0 and re.fullmatch(rf"{program} \d+\.\d+\.\d+.*\n", shown.stdout)
    wrong = run(program, "--no-such-option")
    assert wrong.returncode not in (0, EXIT_CONFIG) and wrong.stderr


@pytest.mark.parametrize("program", [*PROGRAMS, "luna"])
def test_a_setting_is_not_ours_by_name(program):
    listed = re.findall(r"^\s+([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b", run(program, "--help").stdout, re.MULTILINE)
    assert listed and all(name.startswith("LUNA_") for name in listed), listed
