"""`python -m tests.sweep`: the table of workflows with calls, faults, recovered, laws broken, seconds."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing.pool import Pool

from .sweep import Cut, Known, Verdict, conduct, cuts
from .swift import be_swift
from .two_hands import Foreign, foreign_hands, meddle
from .workflows import Workflow, workflows

WIDTHS = (32, 7, 6, 8, 7, 11, 13, 9)
MEDDLED = ("planned failover",)
"""Workflows between whose cmdlets another hand is put."""
HEADS = ("workflow", "calls", "wire", "faults", "again", "recovered", "laws broken", "seconds")
KNOWN: Known = {}
"""What this worker knows already of going on from half-done worlds."""


def main() -> int:
    """Sweep the workflows that are named, or all; 1 when one did not recover."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("workflows", nargs="*", help="parts of names; all when none is given")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="how many labs at a time")
    options = parser.parse_args()
    chosen = [one for one in workflows() if not options.workflows or any(w in one.name for w in options.workflows)]
    began = time.monotonic()
    print(_row(HEADS), flush=True)
    with multiprocessing.get_context("fork").Pool(options.jobs, _prepare) as pool:
        verdicts = list(_sweep(chosen, pool))
        for one in chosen:
            if one.name in MEDDLED:
                verdicts += _meddle(one, pool)
    failed = [verdict for verdict in verdicts if not verdict.recovered]
    for verdict in failed:
        print(f"\n{verdict.workflow}: {verdict.cut or 'no fault'}")
        print("".join(f"    {line}\n" for line in (*verdict.problems, *verdict.laws)), end="")
    faults = sum(1 for verdict in verdicts if verdict.struck) - len(chosen)
    print(f"\n{len(chosen)} workflows, {faults} faults, {len(failed)} not recovered, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _prepare() -> None:
    """A worker makes and drops whole worlds: looking for garbage less often saves a fifth of its time."""
    be_swift()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _sweep(chosen: list[Workflow], pool: Pool) -> Iterator[Verdict]:
    """The clean runs, then every cut of every one; prints a row for each workflow when it is through."""
    clean = pool.map(_clean, [one.name for one in chosen], chunksize=1)
    planned = [list(cuts(verdict)) if verdict.recovered else [] for verdict in clean]
    found = pool.imap(_cut, [(v.workflow, cut) for v, all_cuts in zip(clean, planned, strict=True) for cut in all_cuts])
    for verdict, all_cuts in zip(clean, planned, strict=True):
        mine = list(islice(found, len(all_cuts)))
        print(_of_workflow(verdict, mine), flush=True)
        yield verdict
        yield from mine


def _of_workflow(clean: Verdict, found: list[Verdict]) -> str:
    struck = [verdict for verdict in found if verdict.struck]
    laws = sum(len(verdict.laws) for verdict in (clean, *found))
    whole = sum(verdict.recovered for verdict in struck)
    seconds = sum(verdict.seconds for verdict in (clean, *found))
    again = sum(verdict.again for verdict in found)
    numbers = (len(clean.calls), sum(clean.wire.values()), len(struck), again, whole, laws, round(seconds))
    return _row((clean.workflow, *map(str, numbers)))


def _meddle(workflow: Workflow, pool: Pool) -> list[Verdict]:
    """Somebody else's cmdlets between any two of ours; those that Windows refuses them are no faults."""
    jobs = [(workflow.name, foreign) for foreign in foreign_hands(workflow)]
    struck = [verdict for verdict in pool.imap(_foreign, jobs) if verdict.struck]
    whole, laws = sum(verdict.recovered for verdict in struck), sum(len(verdict.laws) for verdict in struck)
    seconds = round(sum(verdict.seconds for verdict in struck))
    name = f"{workflow.name}, foreign hand"
    print(_row((name, "", "", *map(str, (len(struck), "", whole, laws, seconds)))), flush=True)
    return struck


def _foreign(job: tuple[str, Foreign]) -> Verdict:
    name, foreign = job
    return meddle(_named(name), foreign)


def _clean(name: str) -> Verdict:
    return conduct(_named(name), known=KNOWN)


def _cut(job: tuple[str, Cut]) -> Verdict:
    name, cut = job
    return conduct(_named(name), cut, KNOWN)


def _named(name: str) -> Workflow:
    return next(one for one in workflows() if one.name == name)


def _row(cells: Iterable[str]) -> str:
    first, *rest = zip(cells, WIDTHS, strict=True)
    return first[0].ljust(first[1]) + "".join(cell.rjust(width) for cell, width in rest)


if __name__ == "__main__":
    sys.exit(main())
