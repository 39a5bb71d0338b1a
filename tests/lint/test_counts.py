"""The counts that scripts/test adds up: nothing that did not run counts as passed."""
import pathlib
import subprocess
import sys

import pytest

COUNTS = pathlib.Path(__file__).resolve().parents[2] / "scripts/lib/junit_counts.py"

CASES = {
    "passed": ('<testcase name="a" status="run"/>', "1 0", 0),
    "failed in ctest": ('<testcase name="a" status="fail"/>', "0 1", 0),
    "failed in pytest": ('<testcase name="a"><failure/></testcase>', "0 1", 0),
    "error at set-up": ('<testcase name="a"><error/></testcase>', "0 1", 0),
    "skipped in pytest": ('<testcase name="a"><skipped message="no numpy"/></testcase>', "0 0", 0),
    "skipped in ctest": ('<testcase name="a" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>', "0 0", 0),
    "program not built": ('<testcase name="a" status="notrun"><skipped message="Unable to find executable"/></testcase>', "0 1", 0),
    "no test at all": ("", "0 0", 1),
}


@pytest.mark.parametrize("name", CASES)
def test_counts(tmp_path, name):
    case, counts, status = CASES[name]
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuite>{case}</testsuite>", encoding="utf-8")
    outcome = subprocess.run([sys.executable, COUNTS, report], capture_output=True, text=True, check=False)
    assert (outcome.stdout.strip(), outcome.returncode) == (counts, status)
