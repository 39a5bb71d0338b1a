"""Prints the counts of a JUnit report of pytest or ctest: a first line "PASSED FAILED SKIPPED", then one
line for each reason for a skip.

A test that ctest could not run, because its program was not built, has failed; an empty report is a
failure too.
"""
import collections
import sys
import xml.etree.ElementTree as ElementTree


def skip_of(case):
    """The reason why a test was skipped, or None if it was not."""
    skipped = case.find("skipped")
    return None if skipped is None else skipped.get("message") or "no reason given"


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    reason = skip_of(case)
    if reason is None:
        return "passed"
    by_ctest = case.get("status") == "notrun"
    return "failed" if by_ctest and not reason.startswith("SKIP_") else "skipped"


def main():
    cases = list(ElementTree.parse(sys.argv[1]).iter("testcase"))
    outcomes = [outcome(case) for case in cases]
    print(*(outcomes.count(kind) for kind in ("passed", "failed", "skipped")))
    reasons = collections.Counter(skip_of(case) for case in cases if outcome(case) == "skipped")
    for reason, count in sorted(reasons.items()):
        print(f"{reason} ({count} of the tests)" if count > 1 else reason)
    return 0 if outcomes else 1


sys.exit(main())
