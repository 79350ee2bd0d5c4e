"""The table: for each number of VMs and each job, ours beside bare pypsrp, in the same run on the same lab."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import down, failover
from tests.conftest import COLLECTIONS, ROOT

COUNTS = (1, 100, 1000)
JOBS = {
    "information": "hyperv_replication_info, everything",
    "enforcement": "hyperv_vm_replication, no change",
}
BUDGETS = {"information": 2.0}
"""Wall time of ours, at most so many times that of bare pypsrp (at the largest count)."""
PIPELINES = {"enforcement": 1}
"""Pipelines of ours, at most."""

Cost = Mapping[str, Any]


@contextmanager
def fleet(count: int, env: Mapping[str, str]) -> Iterator[Cost]:
    """A lab with so many protected VMs, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.fleet", str(count)]
    with subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as lab:
        if lab.stdout is None or lab.stdin is None:
            raise RuntimeError("no pipes")
        line = lab.stdout.readline()
        if not line:
            raise RuntimeError("the lab did not start")
        try:
            yield json.loads(line)
        finally:
            lab.stdin.close()
            lab.wait(timeout=60)


def measure(who: str, job: str, facts: Cost, file: Path, env: Mapping[str, str]) -> Cost:
    """One client's cost."""
    command = [sys.executable, "-m", "tests.bench.client", who, job, str(file)]
    done = subprocess.run(
        command, cwd=ROOT, env=env, text=True, input=json.dumps(facts), stdout=subprocess.PIPE, check=True, timeout=900
    )
    cost: Cost = json.loads(done.stdout.splitlines()[-1])
    return cost


def compare(job: str, facts: Cost, file: Path, env: Mapping[str, str], rounds: int) -> tuple[Cost, Cost]:
    """The quickest of some rounds of ours, and of bare pypsrp, taken in turn: what else the machine does only adds."""
    mine: list[Cost] = []
    theirs: list[Cost] = []
    for _unused in range(rounds):
        mine.append(measure("ours", job, facts, file, env))
        theirs.append(measure("bare", job, facts, file, env))
    return min(mine, key=_seconds), min(theirs, key=_seconds)


def _seconds(cost: Cost) -> float:
    return float(cost["seconds"])


def line(label: str, count: int, cost: Cost, factor: str = "") -> str:
    """A line of the table."""
    return (
        f"{label:36}{count:>6}{cost['pipelines']:>11}{cost['requests']:>10}{cost['bytes'] / 1024:>10,.0f}"
        f"{cost['seconds']:>9.2f}{cost['processor']:>7.2f}{cost['memory'] / 2**20:>7,.0f}{factor:>8}"
    )


HEAD = f"{'':36}{'VMs':>6}{'pipelines':>11}{'requests':>10}{'KiB':>10}{'seconds':>9}{'CPU':>7}{'MiB':>7}{'factor':>8}"


def over_budget(job: str, count: int, mine: Cost, factor: float, largest: bool) -> Iterator[str]:
    """What is more than it may be."""
    if largest and factor >= BUDGETS.get(job, factor + 1):
        yield f"{JOBS[job]}, {count} VMs: {factor:.2f} times bare pypsrp, at most {BUDGETS[job]}"
    if mine["pipelines"] > PIPELINES.get(job, mine["pipelines"]):
        yield f"{JOBS[job]}, {count} VMs: {mine['pipelines']} pipelines, at most {PIPELINES[job]}"


def environment(count: int) -> dict[str, str]:
    """What the processes need: where the collection is, and the names of the VMs of HV-A."""
    width = max(2, len(str(2 * count)))  # the lab's VMs are spread over two hosts in turn: App01, App03, … on the first
    names = [f"App{number:0{width}}" for number in range(1, 2 * count, 2)]
    paths = os.pathsep.join([str(ROOT), str(COLLECTIONS)])
    own = {"PYTHONPATH": paths, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "BENCH_NAMES": json.dumps(names)}
    return {**os.environ, **own}


def main() -> int:
    """Print the table; 1 when a budget is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS), help="numbers of VMs (1 100 1000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each, of which the quickest counts (3)")
    parser.add_argument("--failover", action="store_true", help="measure planned failovers instead")
    given = parser.parse_args()
    if given.failover:
        return report([*failover.table(), *down.table(tries=given.rounds)])
    broken: list[str] = []
    print(HEAD)
    with tempfile.TemporaryDirectory() as folder:
        for count in given.counts:
            env = environment(count)
            with fleet(count, env) as facts:
                for job, label in JOBS.items():
                    mine, theirs = compare(job, facts, Path(folder) / f"{job}-{count}", env, given.rounds)
                    factor = _seconds(mine) / _seconds(theirs)
                    print(line(label, count, mine, f"{factor:.2f}"), flush=True)
                    print(line("  bare pypsrp, the same reads", count, theirs), flush=True)
                    broken += over_budget(job, count, mine, factor, count == max(given.counts))
    print("\nThe client's: seconds from connecting to closing, CPU seconds of them, peak memory of its process.")
    return report(broken)


def report(broken: Iterable[str]) -> int:
    """Say what is over budget; 1 when anything is."""
    found = list(broken)
    for text in found:
        print(f"OVER BUDGET: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
