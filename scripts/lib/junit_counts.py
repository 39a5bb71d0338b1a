"""Prints "PASSED FAILED" from the JUnit report that pytest or ctest wrote. A skipped test is neither."""
import sys
import xml.etree.ElementTree as ElementTree


def main():
    passed = failed = 0
    for case in ElementTree.parse(sys.argv[1]).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"} or case.get("status") == "fail":
            failed += 1
        elif "skipped" not in kinds and case.get("status") not in ("notrun", "disabled"):
            passed += 1
    print(passed, failed)


main()
