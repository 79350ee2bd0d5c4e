"""Prints the table. `python -m tests.first_day`: what is wrong, what it shows of the machine, and what is said."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.lab.lab import Lab

from .rows import MANNERS, Site
from .table import inventory_name, play, those_that_apply, wrong

SIGNS = {True: "yes", False: "no", None: "-"}


def main() -> int:
    """1 when a row says something else than it should."""
    rows, bad = those_that_apply(), 0
    with (
        tempfile.TemporaryDirectory() as folder,
        Lab.start(hosts=2 + len(MANNERS), vms=0) as lab,
        Site.around(lab, Path(folder)) as site,
    ):
        target, partner = play(site, rows, partner=False), play(site, rows, partner=True)
    print("answered, up: what the result says of the host (host_answered) and of its machine (machine_up)\n")
    print(f"{'what is wrong':44} answered up   what is said\n{'-' * 44} -------- ---- {'-' * 40}")
    for number, row in enumerate(rows):
        name = inventory_name(number)
        first, second = target.results[name], partner.results[name]
        signs = [SIGNS.get(first.get(key), "?") for key in ("host_answered", "machine_up")]
        print(f"{row.name:44} {signs[0]:8} {signs[1]:4} {first.get('msg', '(nothing)')}")
        if first.get("msg") != second.get("msg"):
            print(f"{'  as a partner':44} {'':8} {'':4} {second.get('msg', '(nothing)')}")
        for problem in [*wrong(row, first), *(f"as a partner: {one}" for one in wrong(row, second))]:
            bad += 1
            print(f"{'':44} WRONG: {problem}")
    print(f"\n{len(rows)} rows, each for a target and for a partner; {bad} wrong")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
