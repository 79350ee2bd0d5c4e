"""What a planned failover of 1, 10 and 50 VMs costs in the time of the hosts, against the budgets. Lab speed 1.

The whole of ansible-playbook counts, with the product's own polling. Guests take a minute to shut down. The last row
has one guest that hangs and one VM whose last changes take an hour: counted is until all the others run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.integration.failover_play import Player
from tests.lab.lab import Lab

COUNTS = (1, 10, 50)
SHUTDOWN_SECONDS = 60.0
BUDGET, BUDGET_WITH_SLOW = 120.0, 150.0
"""Virtual seconds: the failover of 50 VMs, and until the others run beside a hung guest and an hour's delta."""
HOUR_BYTES, HOUR_RATE = 360 * 2**20, 100 * 2**10  # 360 MiB at 100 KiB/s
PATIENCE_OF_ALL = 600.0
COLUMNS = f"{'VMs':>5}{'seconds':>9}{'pipelines':>11}{'of each host':>14}{'calls':>7}"
HEAD = f"{'planned failover, guests take a minute':48}{COLUMNS}"


@dataclass(frozen=True)
class Cost:
    """One failover: virtual seconds until the VMs ran that were counted, and what went over the wire until then."""

    label: str
    vms: int
    seconds: float
    pipelines: Mapping[str, int]
    calls: int

    def line(self) -> str:
        """A line of the table."""
        each = "/".join(str(number) for number in self.pipelines.values())
        total = sum(self.pipelines.values())
        return f"{self.label:48}{self.vms:>5}{self.seconds:>9.0f}{total:>11}{each:>14}{self.calls:>7}"


def measure(label: str, count: int, slow: bool = False) -> Cost:
    """A planned failover of so many VMs, in a lab of its own."""
    with Lab.start(hosts=2, vms=2 * count, speed=1) as lab, tempfile.TemporaryDirectory() as folder:
        player = Player.of(lab, Path(folder))
        names = [vm.name for vm in lab.world.host("HV-A").vms.values()]
        for name in names:
            player.vm("hv-a", name).guest.shutdown_seconds = SHUTDOWN_SECONDS
        if slow:
            _slow(player, *names[:2])
        awaited = names[2:] if slow else names
        return _run(label, player, names, awaited)


def _slow(player: Player, hangs: str, late: str) -> None:
    """The one hangs, and the other writes much on a slow line, both when the checks are over."""
    player.vm("hv-a", hangs).guest.answer = "hang"
    vm = player.vm("hv-a", late)

    def write() -> None:
        vm.write(HOUR_BYTES)
        vm.send_bytes_per_second = HOUR_RATE

    player.at("hv-a", "Stop-VM", write)


def _run(label: str, player: Player, names: Sequence[str], awaited: Sequence[str]) -> Cost:
    clock = player.lab.world.clock
    before, begun = pipelines(player.lab), clock.now()
    variables = {**player.confirmed("hv-b", ",".join(names)), "poll_interval": "", "settle_timeout": ""}
    output = player.folder / "output"
    with player.begun(output, "planned_failover", **variables) as play:
        while play.poll() is None and (clock.now() - begun).total_seconds() < PATIENCE_OF_ALL:
            if awaited != names and _all_run(player, awaited):
                break
            time.sleep(0.2)
        ended = clock.now()
        if play.poll() is None:
            play.terminate()
        elif play.returncode or not _all_run(player, awaited):
            raise RuntimeError(f"{label}: the failover did not succeed:\n{output.read_text()}")
    if not _all_run(player, awaited):
        raise RuntimeError(f"{label}: not all run after {PATIENCE_OF_ALL:.0f} s")
    spent = {host: number - before[host] for host, number in pipelines(player.lab).items()}
    calls = len(player.lab.world.recorder.state_changing())
    return Cost(label, len(names), (ended - begun).total_seconds(), spent, calls)


def _all_run(player: Player, names: Sequence[str]) -> bool:
    return all(player.vm("hv-b", name).state == "Running" for name in names)


def pipelines(lab: Lab) -> dict[str, int]:
    """How many pipelines each host has been sent: a WSMan Command is one."""
    return {one.host.name.lower(): one.service.requests.get("Command", 0) for one in lab.endpoints}


def table(counts: Sequence[int] = COUNTS) -> Iterator[str]:
    """Print the table; gives what is over budget."""
    print(HEAD, flush=True)
    for count in counts:
        cost = measure("  all of them", count)
        print(cost.line(), flush=True)
        if cost.seconds > BUDGET:
            yield f"planned failover of {count} VMs: {cost.seconds:.0f} seconds, at most {BUDGET:.0f}"
    largest = max(counts)
    if largest > 2:
        cost = measure("  one hangs, one sends for an hour: the others", largest, slow=True)
        print(cost.line(), flush=True)
        if cost.seconds > BUDGET_WITH_SLOW:
            yield f"{largest - 2} of {largest} VMs: {cost.seconds:.0f} seconds, at most {BUDGET_WITH_SLOW:.0f}"
