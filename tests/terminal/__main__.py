"""`python -m tests.terminal`: task headers, lines and widest line of every playbook. `--pictures`: two of them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .rows import ROWS, pictures, run
from .screen import heads, widest


def main() -> int:
    """1 when a playbook fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.terminal", description=__doc__)
    parser.add_argument("playbooks", nargs="*", help="all when none is given")
    parser.add_argument("--pictures", action="store_true", help="a planned failover of two VMs, and a refused one")
    parser.add_argument("--show", action="store_true", help="the lines too")
    options = parser.parse_args()
    return _pictures() if options.pictures else _table(options.playbooks, options.show)


def _table(names: list[str], show: bool) -> int:
    failed = 0
    print(f"| {'playbook':21} | task headers | lines | widest line |\n| --- | --- | --- | --- |")
    for row in ROWS:
        if names and row.playbook not in names:
            continue
        with tempfile.TemporaryDirectory() as home:
            returned, lines = run(row, Path(home))
        failed += returned != 0
        told = "" if returned == 0 else f" returned {returned}"
        cells = f"{heads(lines):12} | {len(lines):5} | {widest(lines):11}"
        print(f"| {row.playbook:21} | {cells} |{told}", flush=True)
        if show or returned:
            print("\n".join(lines))
    return int(failed > 0)


def _pictures() -> int:
    with tempfile.TemporaryDirectory() as home:
        for picture in pictures(Path(home)):
            print("\n".join([*picture, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
