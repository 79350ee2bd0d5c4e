"""`python -m tests.sweep`: the table of workflows with calls, faults, recovered, laws broken, seconds."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable

from .sweep import Cut, Verdict, conduct, cuts
from .workflows import Workflow, workflows

WIDTHS = (32, 7, 7, 7, 10, 12, 8)
HEADS = ("workflow", "calls", "wire", "faults", "recovered", "laws broken", "seconds")


def main() -> int:
    """Sweep the workflows that are named, or all; 1 when one did not recover."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("workflows", nargs="*", help="parts of names; all when none is given")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many labs at a time")
    options = parser.parse_args()
    chosen = [one for one in workflows() if not options.workflows or any(w in one.name for w in options.workflows)]
    began = time.monotonic()
    print(_row(HEADS), flush=True)
    with multiprocessing.get_context("fork").Pool(options.jobs) as pool:
        verdicts = [verdict for one in chosen for verdict in _sweep(one, pool)]
    failed = [verdict for verdict in verdicts if not verdict.recovered]
    for verdict in failed:
        print(f"\n{verdict.workflow}: {verdict.cut or 'no fault'}")
        print("".join(f"    {line}\n" for line in (*verdict.problems, *verdict.laws)), end="")
    faults = sum(1 for verdict in verdicts if verdict.cut and verdict.struck)
    print(f"\n{len(chosen)} workflows, {faults} faults, {len(failed)} not recovered, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _sweep(workflow: Workflow, pool: multiprocessing.pool.Pool) -> Iterable[Verdict]:
    """The clean run, then every cut; prints the workflow's row."""
    began = time.monotonic()
    clean = conduct(workflow)
    found = pool.starmap(_cut, [(workflow.name, cut) for cut in cuts(clean)], chunksize=1) if clean.recovered else []
    struck = [verdict for verdict in found if verdict.struck]
    laws = sum(len(verdict.laws) for verdict in (clean, *found))
    whole = sum(verdict.recovered for verdict in struck)
    numbers = (len(clean.calls), sum(clean.wire.values()), len(struck), whole, laws, f"{time.monotonic() - began:.0f}")
    print(_row((workflow.name, *map(str, numbers))), flush=True)
    return [clean, *found]


def _cut(name: str, cut: Cut) -> Verdict:
    return conduct(next(one for one in workflows() if one.name == name), cut)


def _row(cells: Iterable[str]) -> str:
    first, *rest = zip(cells, WIDTHS, strict=True)
    return first[0].ljust(first[1]) + "".join(cell.rjust(width) for cell, width in rest)


if __name__ == "__main__":
    sys.exit(main())
