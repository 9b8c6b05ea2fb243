#!/usr/bin/env python3
"""Prints the verdict of a ctest run, `N passed, N failed`, from its JUnit report; exits 0 only if all passed.

usage: summary.py JUNIT_XML CTEST_EXIT_STATUS
"""
import sys
import xml.etree.ElementTree as ElementTree


def main(junit, status):
    try:
        suite = ElementTree.parse(junit).getroot()
    except (OSError, ElementTree.ParseError) as error:
        print(f"no test report: {error}", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    total, failed = int(suite.get("tests", 0)), int(suite.get("failures", 0))
    skipped = int(suite.get("skipped", 0)) + int(suite.get("disabled", 0))
    for case in suite.iter("testcase"):
        reason = case.find("skipped")
        if reason is not None:
            print(f"skipped: {case.get('name')}")
    passed = total - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if failed == 0 and passed > 0 and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
