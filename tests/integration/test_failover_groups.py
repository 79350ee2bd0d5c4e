"""Groups of a planned failover through ansible-playbook against the lab: their order, and what holds them back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.failover_play import Player

if TYPE_CHECKING:
    import subprocess

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=8, speed=120)

THERE = ["Replica/Replicating Off", "Primary/Replicating Running"]
HERE = ["Primary/Replicating Running", "Replica/Replicating Off"]
GROUPS = [
    {"name": "db", "vms": ["App01"]},
    {"name": "app", "vms": ["App03", "App05"]},
    {"name": "web", "vms": ["App07"]},
]
VMS = ["App01", "App03", "App05", "App07"]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B."""
    return Player.of(lab, tmp_path)


def over(player: Player, **variables: str) -> subprocess.CompletedProcess[str]:
    """The failover of the groups to HV-B."""
    given = {"failover_to": "hv-b", "groups_of_vms": json.dumps(GROUPS), "confirm": "hv-b 4", **variables}
    return player.play("planned_failover", **given)


def test_stopped_from_the_last_started_from_the_first(player: Player) -> None:
    done = over(player)
    assert done.returncode == 0, done.stdout
    assert [player.states(vm) for vm in VMS] == 4 * [THERE]
    stops, starts = player.names("Stop-VM"), player.names("Start-VM")
    assert (stops[0], set(stops[1:3]), stops[3]) == ("App07", {"App03", "App05"}, "App01")
    assert (starts[0], set(starts[1:3]), starts[3]) == ("App01", {"App03", "App05"}, "App07")


def test_one_by_one(player: Player) -> None:
    done = over(player, group_order="one_by_one")
    assert done.returncode == 0, done.stdout
    assert player.names("Stop-VM")[0] == "App01"
    order = [name for cmdlet, name in player.steps() if cmdlet in ("Stop-VM", "Start-VM")]
    assert order[:2] == ["App01", "App01"]
    assert order[-2:] == ["App07", "App07"]


def test_a_group_that_does_not_stop_holds_those_before_it(player: Player) -> None:
    player.vm("hv-a", "App05").guest.answer = 32781
    run = over(player)
    assert run.returncode != 0
    assert [player.states(vm) for vm in VMS] == 4 * [HERE]
    assert "held back by group app" in run.stdout.lower()
    assert player.laws_broken() == []


def test_those_behind_a_group_whose_guests_do_not_answer_come_up_where_they_were(player: Player) -> None:
    player.vm("hv-b", "App01").guest.boot_seconds = None
    run = over(player, group_timeout="2")
    assert run.returncode != 0
    assert [player.states(vm) for vm in VMS] == [THERE, HERE, HERE, HERE]
    assert "held back by group db" in run.stdout.lower()
    assert "DOWN:" not in run.stdout
    again = over(player, group_failure="continue", group_timeout="2")
    assert [player.states(vm) for vm in VMS] == 4 * [THERE], again.stdout
    assert player.laws_broken() == []
