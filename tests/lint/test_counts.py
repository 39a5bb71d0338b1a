"""The counts that scripts/test adds up: nothing that did not run counts as passed, and nothing is skipped in silence."""
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNTS = ROOT / "scripts/lib/junit_counts.py"

CASES = {
    "passed": ('<testcase name="a" status="run"/>', ["1 0 0"], 0),
    "failed in ctest": ('<testcase name="a" status="fail"/>', ["0 1 0"], 0),
    "failed in pytest": ('<testcase name="a"><failure/></testcase>', ["0 1 0"], 0),
    "error at set-up": ('<testcase name="a"><error/></testcase>', ["0 1 0"], 0),
    "skipped in pytest": ('<testcase name="a"><skipped message="no numpy"/></testcase>', ["0 0 1", "no numpy"], 0),
    "skipped in ctest": ('<testcase name="a" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>',
                         ["0 0 1", "SKIP_RETURN_CODE=77"], 0),
    "skipped for one reason": ('<testcase name="a"><skipped message="why"/></testcase>' * 3, ["0 0 3", "why (3 of the tests)"], 0),
    "skipped without a reason": ('<testcase name="a"><skipped/></testcase>', ["0 0 1", "no reason given"], 0),
    "program not built": ('<testcase name="a" status="notrun"><skipped message="Unable to find executable"/></testcase>', ["0 1 0"], 0),
    "no test at all": ("", ["0 0 0"], 1),
}


@pytest.mark.parametrize("name", CASES)
def test_counts(tmp_path, name):
    case, lines, status = CASES[name]
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuite>{case}</testsuite>", encoding="utf-8")
    outcome = subprocess.run([sys.executable, COUNTS, report], capture_output=True, text=True, check=False)
    assert (outcome.stdout.splitlines(), outcome.returncode) == (lines, status)


# What a suite does, what scripts/test has to say of it above its last line, and that line.
SUITES = {
    "passed": ("suite_done 3 0", [], "3 passed, 0 failed"),
    "failed": ("suite_done 3 1", [], "3 passed, 1 failed"),
    "long only": ('suite_long_only "$@"; suite_done 5 0', ["skipped: long-only: needs --long"], "0 passed, 0 failed, 1 skipped"),
    "a part skipped": ('skip "no registry"; suite_done 2 0 "$SKIPPED"', ["skipped: a-part-skipped: no registry"],
                       "2 passed, 0 failed, 1 skipped"),
    "another suite counted": ('counted bash -c "echo skipped: why; echo 4 passed, 0 failed, 2 skipped"; suite_done "$PASSED" "$FAILED" "$SKIPPED"',
                              ["skipped: another-suite-counted: why"], "4 passed, 0 failed, 2 skipped"),
    "nothing that ran": ("suite_done 0 0", [], "0 passed, 1 failed"),
    "silent": ("exit 0", [], "0 passed, 1 failed"),
    "green counts and a bad end": ("counts_line 7 0 0; exit 3", [], "7 passed, 1 failed"),
    "killed": ("kill -KILL $$", [], "0 passed, 1 failed"),
}


@pytest.mark.parametrize("name", SUITES)
def test_a_run_says_what_its_suites_said(tmp_path, name):
    commands, reasons, last = SUITES[name]
    suite = tmp_path / f"10-{name.replace(' ', '-')}"
    suite.write_text(f"#!/usr/bin/env bash\n. scripts/lib/suite.sh\n{commands}\n", encoding="utf-8")
    suite.chmod(0o755)
    script = f". scripts/lib/common.sh; . scripts/lib/suites.sh; LONG=(); suites_run {suite}"
    (tmp_path / "log").mkdir()
    outcome = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"LUNA_VAR": tmp_path})
    summary = outcome.stdout.split("\n\n")[-1].splitlines()
    assert summary[2:] == [*reasons, last], outcome.stdout + outcome.stderr
    assert outcome.returncode == (0 if ", 0 failed" in last else 1)


def suites(tmp_path, **commands):
    """Writes a suite for each name, and gives the command that runs them as scripts/test does."""
    (tmp_path / "log").mkdir()
    files = [tmp_path / name.replace("_", "-").removeprefix("suite-") for name in commands]
    for file, body in zip(files, commands.values()):
        file.write_text(f"#!/usr/bin/env bash\n. scripts/lib/suite.sh\ncd {tmp_path}\n{body}\n", encoding="utf-8")
        file.chmod(0o755)
    script = f". scripts/lib/common.sh; . scripts/lib/suites.sh; LONG=(); suites_run {' '.join(map(str, files))}"
    return {"args": ["bash", "-c", script], "cwd": ROOT, "stdout": subprocess.PIPE, "text": True, "env": os.environ | {"LUNA_VAR": str(tmp_path)}}


def test_a_check_that_waits_until_the_services_are_done(tmp_path):
    wait = "touch {0}; wait_until 20 test -e {1} || suite_done 0 1; suite_done {2} 0"
    run = suites(tmp_path, suite_10_check=wait.format("check", "service", 2), suite_40_service=wait.format("service", "check", 3),
                 suite_45_fails="suite_done 1 1")
    outcome = subprocess.run(check=False, **run)
    summary = [line.split()[0] for line in outcome.stdout.split("\n\n")[-1].splitlines()]
    assert summary == ["set-up", "check", "service", "fails", "6"] and outcome.stdout.endswith("6 passed, 1 failed\n"), outcome.stdout
    assert outcome.returncode == 1


def test_a_check_that_is_killed_and_not_counted(tmp_path):
    run = suites(tmp_path, suite_10_check="kill -KILL $$", suite_40_service="suite_done 3 0")
    outcome = subprocess.run(check=False, **run)
    assert outcome.stdout.endswith("3 passed, 1 failed\n") and outcome.returncode == 1, outcome.stdout


def test_checks_that_outlive_an_interrupt(tmp_path):
    run = suites(tmp_path, suite_10_check="echo $$ >pid; exec sleep 600", suite_40_service="wait_until 20 test -s pid; exec sleep 600")
    run["args"] = ["env", "--default-signal=INT", *run["args"]]  # a run in the background of a script ignores it
    with subprocess.Popen(start_new_session=True, **run) as process:
        while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text(encoding="utf-8"):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        try:
            assert process.wait(20) == 130
        finally:
            process.kill()
    check = pathlib.Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8").strip(), "stat")
    end = time.monotonic() + 20
    while check.exists() and check.read_text(encoding="utf-8").split()[2] != "Z" and time.monotonic() < end:
        time.sleep(0.02)
    assert not check.exists() or check.read_text(encoding="utf-8").split()[2] == "Z"
