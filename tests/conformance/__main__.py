"""`python -m tests.conformance`: compare our engine with the real PowerShell, and say where they differ."""

from __future__ import annotations

import argparse
import sys
import time
from fnmatch import fnmatchcase

from tests.conformance.suite import groups, suite
from tests.lab.engine.choose import NoPowerShell


def main() -> int:
    """1 when there are unknown differences, 2 when there is no PowerShell to judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=main.__doc__)
    parser.add_argument("--only", default="*", help="a pattern of cmdlets or files, as Get-VM*")
    parser.add_argument("--case", default="*", help="a pattern of case names, as '*ErrorAction*'")
    parser.add_argument("--brief", action="store_true", help="the differing cases only, without how they differ")
    given = parser.parse_args()
    began = time.monotonic()
    try:
        with suite() as both:
            for name, cases in groups().items():
                if fnmatchcase(name, given.only):
                    for difference in both.run(case for case in cases if fnmatchcase(case.name, given.case)):
                        print(f"{difference.case.name}: {', '.join(difference.found)}" if given.brief else difference)
    except NoPowerShell as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{both.report.summary()} ({time.monotonic() - began:.0f} s)")
    return 1 if both.report.unknown else 0


if __name__ == "__main__":
    sys.exit(main())
