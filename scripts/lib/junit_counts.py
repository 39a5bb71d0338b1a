"""Prints "PASSED FAILED" from the JUnit report that pytest or ctest wrote. A skipped test is neither; a report of no test fails."""
import sys
import xml.etree.ElementTree as ElementTree


def main():
    passed = failed = 0
    cases = list(ElementTree.parse(sys.argv[1]).iter("testcase"))
    for case in cases:
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"} or case.get("status") == "fail":
            failed += 1
        elif "skipped" not in kinds and case.get("status") not in ("notrun", "disabled"):
            passed += 1
    print(passed, failed)
    return 0 if cases else 1


sys.exit(main())
