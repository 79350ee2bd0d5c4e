"""How long VMs are down in a planned failover, beside bare pypsrp doing the same five cmdlets in the same run.

The product's own options, a guest of 5 seconds, sessions that cost 3, lab speed 1. The whole of ansible-playbook is the
wall time. Down is a VM from the moment in which it runs no more until it runs somewhere, as the lab saw it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.fleet import prepare_pairs
from tests.bench.power import PowerLog
from tests.conftest import ROOT
from tests.integration.failover_play import Player
from tests.lab.lab import Lab
from tests.sweep.swift import be_swift

GUEST_SECONDS, SESSION_SECONDS = 5.0, 3.0
FACTOR, FACTOR_OF_PAIRS = 1.5, 1.5
"""Down time, at most so many times that of bare pypsrp; and the wall time of ten pairs, that of one."""
PAIRS, VMS_OF_A_PAIR = 10, 5
COLUMNS = f"{'VMs':>5}{'median':>8}{'longest':>9}{'wall':>7}{'sessions':>10}{'connections':>13}{'pipelines':>11}"
HEAD = f"\n{f'planned failover, guest of {GUEST_SECONDS:g} s: seconds down':54}{COLUMNS}{'factor':>8}"
UNSET = {"poll_interval": "", "settle_timeout": ""}


@dataclass(frozen=True)
class Cost:
    """One failover. `down` are seconds for each VM."""

    down: Sequence[float]
    wall: float
    sessions: int
    connections: int
    pipelines: int

    @property
    def median(self) -> float:
        """Of the seconds down."""
        return statistics.median(self.down)

    def line(self, label: str, factor: str = "") -> str:
        """A line of the table."""
        times = f"{self.median:>8.1f}{max(self.down):>9.1f}{self.wall:>7.1f}"
        went = f"{self.sessions:>10}{self.connections:>13}{self.pipelines:>11}"
        return f"{label:54}{len(self.down):>5}{times}{went}{factor:>8}"


@contextmanager
def stage(pairs: int, vms: int) -> Iterator[Player]:
    """A lab with so many pairs of hosts, and so many VMs of each first host protected towards the second."""
    hosts = 2 * pairs
    wire = {"session_cost": SESSION_SECONDS}
    with Lab.start(hosts=hosts, vms=hosts * vms, speed=1, **wire) as lab, tempfile.TemporaryDirectory() as folder:
        prepare_pairs(lab)
        for host in lab.world.hosts.values():
            for vm in host.vms.values():
                vm.guest.shutdown_seconds = GUEST_SECONDS
        lab.world.recorder.clear()
        yield Player(lab, Path(folder), lab.write_files(Path(folder) / "lab"))


def measured(player: Player, work: Callable[[], None], vms: int) -> Cost:
    """What it costs. RuntimeError: not every VM came up again."""
    lab, log = player.lab, PowerLog(player.lab)
    began = time.perf_counter()
    work()
    wall = time.perf_counter() - began
    down = list(log.seconds().values())
    if len(down) != vms or lab.world.recorder.violations:
        raise RuntimeError(f"{len(down)} of {vms} VMs run again; {lab.world.recorder.violations}")
    commands = lab.requests().get("Command", 0)
    return Cost(down, wall, lab.shells().created, lab.connections(), commands)


def ours(pairs: int, vms: int) -> Cost:
    """The playbook."""
    with stage(pairs, vms) as player:
        names = [vm.name for host in list(player.lab.world.hosts.values())[::2] for vm in host.vms.values()]
        to = "hv-b" if pairs == 1 else "site_south"
        confirm = names[0] if len(names) == 1 else f"{to} {len(names)}"

        def work() -> None:
            done = player.play("planned_failover", failover_to=to, vms=",".join(names), confirm=confirm, **UNSET)
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)

        return measured(player, work, len(names))


def bare(vms: int) -> Cost:
    """Bare pypsrp."""
    with stage(1, vms) as player:
        lab = player.lab
        places = {key: lab.endpoint(host) for key, host in (("a", "hv-a"), ("b", "hv-b"))}
        facts = {
            **{key: {"address": place.address, "port": place.http.port} for key, place in places.items()},
            "user": lab.user,
            "password": lab.password,
            "vms": [str(vm) for vm in lab.world.host("HV-A").vms],
        }
        command = [sys.executable, "-m", "tests.bench.bare"]

        def work() -> None:
            subprocess.run(command, cwd=ROOT, input=json.dumps(facts), text=True, check=True, timeout=600)

        return measured(player, work, vms)


def table(counts: Sequence[int] = (1, 50), tries: int = 3) -> Iterator[str]:
    """Print the table; gives what is over budget in each of some tries, for other work on the machine only adds."""
    be_swift()  # the lab reads every pipeline anew; what twenty hosts cost this machine is not what is measured
    print(HEAD, flush=True)
    for vms in counts:
        mine, theirs = _best(lambda vms=vms: (ours(1, vms), bare(vms)), lambda c: c[0].median / c[1].median, tries)
        factor = mine.median / theirs.median
        print(mine.line("  the playbook", f"{factor:.2f}"), flush=True)
        print(theirs.line("    bare pypsrp, two open sessions, the same cmdlets"), flush=True)
        if factor > FACTOR:
            yield f"down time of {vms} VMs: {factor:.2f} times that of bare pypsrp, at most {FACTOR}"
        yield from _one_a_host(f"{vms} VMs", mine, 2)
    one, ten = _best(
        lambda: (ours(1, VMS_OF_A_PAIR), ours(PAIRS, VMS_OF_A_PAIR)), lambda c: c[1].wall / c[0].wall, tries
    )
    factor = ten.wall / one.wall
    print(one.line(f"  the playbook, one pair of hosts, {VMS_OF_A_PAIR} VMs"))
    print(ten.line(f"  the playbook, {PAIRS} pairs, a site in one run (wall)", f"{factor:.2f}"), flush=True)
    if factor > FACTOR_OF_PAIRS:
        yield f"{PAIRS} pairs: {factor:.2f} times the wall time of one, at most {FACTOR_OF_PAIRS}"
    yield from _one_a_host(f"{PAIRS} pairs", ten, 2 * PAIRS)


def _best(
    measure: Callable[[], tuple[Cost, Cost]], factor: Callable[[tuple[Cost, Cost]], float], tries: int
) -> tuple[Cost, Cost]:
    """The try with the least factor; no further one when that is within the budget."""
    found = [measure()]
    while factor(found[-1]) > FACTOR and len(found) < tries:
        found.append(measure())
    return min(found, key=factor)


def _one_a_host(what: str, cost: Cost, hosts: int) -> Iterator[str]:
    if (cost.sessions, cost.connections) != (hosts, hosts):
        yield f"{what}: {cost.sessions} sessions and {cost.connections} connections for {hosts} hosts"
