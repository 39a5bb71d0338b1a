"""Prints "PASSED FAILED" from the JUnit report that pytest or ctest wrote.

A skipped test is not counted. A test that ctest could not run, because its program was not built,
has failed; an empty report is a failure too.
"""
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    kinds = {child.tag: child for child in case}
    if kinds.keys() & {"failure", "error"} or case.get("status") == "fail":
        return "failed"
    if "skipped" not in kinds:
        return "passed"
    by_ctest = case.get("status") == "notrun"
    return "failed" if by_ctest and not kinds["skipped"].get("message", "").startswith("SKIP_") else "skipped"


def main():
    outcomes = [outcome(case) for case in ElementTree.parse(sys.argv[1]).iter("testcase")]
    print(outcomes.count("passed"), outcomes.count("failed"))
    return 0 if outcomes else 1


sys.exit(main())
