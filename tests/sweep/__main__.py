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

from .cut import Cut
from .halted import Halt, Halted, halted, halting, halts, traced
from .sweep import Known, Verdict, conduct, cuts
from .swift import be_swift
from .turns import Stop
from .two_hands import Duel, Foreign, Fought, duels, fights, foreign_hands, meddle, stops
from .workflow import Workflow
from .workflows import workflows

WIDTHS = (32, 7, 6, 8, 7, 11, 13, 9)
MEDDLED = ("planned failover",)
"""Workflows between whose cmdlets another hand is put."""
HEADS = ("workflow", "calls", "wire", "faults", "again", "recovered", "laws broken", "seconds")
STOPS_WIDTHS = (40, 7, 7, 7, 10, 13, 9)
STOPS_HEADS = ("stopped from outside", "stops", "again", "down", "problems", "laws broken", "seconds")
HANDS_WIDTHS = (48, 7, 7, 10, 13, 9)
HANDS_HEADS = ("two hands", "runs", "down", "problems", "laws broken", "seconds")
Ended = tuple[str, list[str]]
"""What was tried, and what went wrong in it."""
KNOWN: Known = {}
"""What this worker knows already of going on from half-done worlds."""


def main() -> int:
    """Sweep the workflows that are named, or those of the gate; 1 when one did not recover."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("workflows", nargs="*", help="parts of names; those of the gate when none is given")
    parser.add_argument(
        "--all", action="store_true", help="also what the gate leaves out: workflows, and calls that only read"
    )
    parser.add_argument("--hands", action="store_true", help="two hands instead: in turns, and a foreign cmdlet")
    parser.add_argument("--stops", action="store_true", help="only runs that are stopped from outside")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="how many labs at a time")
    options = parser.parse_args()
    began = time.monotonic()
    with multiprocessing.get_context("fork").Pool(options.jobs, _prepare) as pool:
        failed = print_failures(_all_of(options, pool))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _all_of(options: argparse.Namespace, pool: Pool) -> Iterator[Ended]:
    """What was asked for; in the gate the faults, and some of what is stopped from outside."""
    if options.hands:
        yield from _hands(options.workflows, pool)
        return
    if not options.stops:
        yield from _faults(options.workflows, options.all, pool)
    if options.stops or not options.workflows:
        yield from _stops(options.workflows, options.all or options.stops, pool)


def _faults(names: list[str], everything: bool, pool: Pool) -> Iterator[Ended]:
    """Every cut of the workflows."""
    if names:
        chosen = [one for one in workflows() if any(name in one.name for name in names)]
    else:
        chosen = [one for one in workflows() if everything or one.in_gate]
    print(_row(HEADS), flush=True)
    verdicts = list(_sweep(chosen, pool, everything))
    faults = sum(1 for verdict in verdicts if verdict.struck) - len(chosen)
    again = sum(verdict.again for verdict in verdicts)
    lost = sum(not verdict.recovered for verdict in verdicts)
    laws = sum(len(verdict.laws) for verdict in verdicts)
    print(f"{len(chosen)} workflows, {faults} faults, {again} runs again, {lost} not recovered, {laws} laws broken")
    for verdict in verdicts:
        yield f"{verdict.workflow}: {verdict.cut or 'no fault'}", [*verdict.problems, *verdict.laws]


def _stops(names: list[str], everything: bool, pool: Pool) -> Iterator[Ended]:
    """Runs that are stopped from outside."""
    chosen = [one for one in halting() if everything or one.in_gate]
    chosen = [one for one in chosen if not names or any(name in one.name for name in names)]
    print(_row(STOPS_HEADS, STOPS_WIDTHS), flush=True)
    planned = list(pool.imap(_halts, [one.name for one in chosen]))
    found = pool.imap(_halted, [(one.name, halt) for one, some in zip(chosen, planned, strict=True) for halt in some])
    for workflow, some in zip(chosen, planned, strict=True):
        struck = [one for one in islice(found, len(some)) if one.struck or one.problems]
        sums = [sum(map(len, column)) for column in zip(*((o.down, o.problems, o.laws) for o in struck), strict=True)]
        numbers = (len(struck), sum(one.again for one in struck), *sums, round(sum(one.seconds for one in struck)))
        print(_row((workflow.name, *map(str, numbers)), STOPS_WIDTHS), flush=True)
        yield from ((one.workflow, [*one.problems, *one.laws]) for one in struck)


def _hands(names: list[str], pool: Pool) -> Iterator[Ended]:
    """Two hands on the same VMs."""
    print(_row(HANDS_HEADS, HANDS_WIDTHS), flush=True)
    swapped = (one.swapped for one in duels() if one.plays[0] is not one.plays[1])
    for duel in [*duels(), *swapped]:
        if not names or any(name in duel.name for name in names):
            yield from _fought(duel, pool)
    for workflow in workflows():
        if workflow.name in MEDDLED and (not names or "foreign" in names):
            yield from _meddled(workflow, pool)


def _fought(duel: Duel, pool: Pool) -> Iterator[Ended]:
    fought = [one for fights in pool.imap(_fight, [(duel.name, first) for first in stops()]) for one in fights]
    problems, laws = sum(len(one.problems) for one in fought), sum(len(one.laws) for one in fought)
    down, seconds = sum(bool(one.down) for one in fought), round(sum(one.seconds for one in fought))
    print(_row((duel.name, *map(str, (len(fought), down, problems, laws, seconds))), HANDS_WIDTHS), flush=True)
    for one in fought:
        yield f"{one.duel}: {one.how}", [*one.problems, *one.laws]


def _meddled(workflow: Workflow, pool: Pool) -> Iterator[Ended]:
    """Somebody else's cmdlets between any two of ours; those that Windows refuses them are no faults."""
    jobs = [(workflow.name, foreign) for foreign in foreign_hands(workflow)]
    struck = [verdict for verdict in pool.imap(_foreign, jobs) if verdict.struck]
    problems, laws = sum(len(one.problems) for one in struck), sum(len(one.laws) for one in struck)
    seconds = round(sum(verdict.seconds for verdict in struck))
    name = f"{workflow.name}, foreign hand"
    print(_row((name, *map(str, (len(struck), "", problems, laws, seconds))), HANDS_WIDTHS), flush=True)
    for verdict in struck:
        yield verdict.workflow, [*verdict.problems, *verdict.laws]


def print_failures(ended: Iterable[Ended]) -> int:
    """Say what went wrong in which; how many those were."""
    failed = [(what, problems) for what, problems in ended if problems]
    for what, problems in failed:
        print(f"\n{what}")
        print("".join(f"    {line}\n" for line in problems), end="")
    return len(failed)


def _prepare() -> None:
    """A worker makes and drops whole worlds: looking for garbage less often saves a fifth of its time."""
    be_swift()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _sweep(chosen: list[Workflow], pool: Pool, everything: bool) -> Iterator[Verdict]:
    """The clean runs, then every cut of every one; prints a row for each workflow when it is through."""
    clean = pool.map(_clean, [one.name for one in chosen], chunksize=1)
    of_each = zip(chosen, clean, strict=True)
    planned = [list(cuts(one, verdict, everything)) if verdict.recovered else [] for one, verdict in of_each]
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
    numbers = (len(clean.trace.calls), clean.trace.wire, len(struck), again, whole, laws, round(seconds))
    return _row((clean.workflow, *map(str, numbers)))


def _halts(name: str) -> list[Halt]:
    return list(halts(traced(_to_halt(name))))


def _halted(job: tuple[str, Halt]) -> Halted:
    name, halt = job
    return halted(_to_halt(name), halt)


def _to_halt(name: str) -> Workflow:
    return next(one for one in halting() if one.name == name)


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


def _fight(job: tuple[str, Stop]) -> list[Fought]:
    name, first = job
    found = next(one for duel in duels() for one in (duel, duel.swapped) if one.name == name)
    return list(fights(found, first))


def _row(cells: Iterable[str], widths: Iterable[int] = WIDTHS) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return first[0].ljust(first[1]) + "".join(cell.rjust(width) for cell, width in rest)


if __name__ == "__main__":
    sys.exit(main())
