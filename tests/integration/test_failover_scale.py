"""The number of VMs does not show in a planned failover: as many shells and pipelines for 12 as for 2.

The lab is quick and the product polls so seldom that every wait is over at the first look, so that the counts are of
stages and not of time. What it takes in the time of the hosts is measured by `python -m tests.bench --failover`.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.failover import pipelines
from tests.integration.failover_play import Player
from tests.lab.lab import Lab


def spent(folder: Path, count: int) -> tuple[int, dict[str, int]]:
    """Shells, and pipelines of each host, of a failover of so many VMs."""
    with Lab.start(hosts=2, vms=2 * count, speed=300) as lab:
        player = Player.of(lab, folder)
        names = [vm.name for vm in lab.world.host("HV-A").vms.values()]
        shells, before = lab.shells().created, pipelines(lab)
        done = player.over("hv-b", ",".join(names), poll_interval="2", settle_timeout="60")
        assert done.returncode == 0, done.stdout
        assert {player.vm("hv-b", name).state for name in names} == {"Running"}
        return lab.shells().created - shells, {host: number - before[host] for host, number in pipelines(lab).items()}


def test_twelve_take_no_more_than_two(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    few, many = spent(tmp_path / "few", 2), spent(tmp_path / "many", 12)
    assert few == many


def test_a_refusal_that_names_no_vm_does_not_hold_up_the_eleven_others(tmp_path: Path) -> None:
    """Its job names it: nobody waits for the time limit, and it is brought up where it was."""
    with Lab.start(hosts=2, vms=24, speed=300) as lab:
        player = Player.of(lab, tmp_path)
        names = [vm.name for vm in lab.world.host("HV-A").vms.values()]
        lab.world.faults.add("refuse", "HV-A", "Start-VMFailover", nth=3, message="Unspecified error.")
        began = time.monotonic()
        run = player.over("hv-b", ",".join(names), settle_timeout="600")
        assert time.monotonic() - began < 300
        assert run.returncode != 0, run.stdout
        assert "Unspecified error." in run.stdout
        moved = [name for name in names if player.vm("hv-b", name).state == "Running"]
        assert len(moved) == 11
        [left] = set(names) - set(moved)
        assert player.vm("hv-a", left).state == "Running"
        assert f"{left}: Start-VMFailover" in " ".join(run.stdout.split())
