"""Test failovers and removals that are stopped from outside at each of their acts: what is left, and what ends it."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.gate import only
from tests.integration.failover_play import Player
from tests.integration.stopped_play import NEEDS_TERMINAL, WAYS, Stopped

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=6, speed=60)

STAYS = ["Primary/Replicating Running", "Replica/Replicating Off"]
GONE = ["None/Disabled Running", "None/Disabled Off"]
NAMES = ("App01", "App03")
VMS = ",".join(NAMES)
TEST = {"test_on": "hv-b", "vms": VMS, "test_switch": "Test isolated"}
KILLED = "kill -9 with the task"
HEARD = ("the time limit of the task",)
"""Ways after which the result of the task is still read."""
LAST = ("Stop-VMFailover", "Remove-VMReplication")
STOPS = [way for way in WAYS if way != KILLED]


def rows(*calls: str) -> list[str]:
    """Every way of stopping at every call."""
    return [f"{way}, {call}" for way in STOPS for call in calls]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B."""
    return Player.of(lab, tmp_path)


def left_behind(player: Player) -> list[str]:
    """The VMs of which a test VM is there."""
    return [name for name in NAMES if player.vm("hv-b", name).test_vm is not None]


def stopped_at(player: Player, row: str, playbook: str, **variables: str) -> Stopped:
    """A run that was stopped as the row says, and has failed; a time limit in its last act finds nothing left to do."""
    way, _unused, call = row.partition(", ")
    run = Stopped(player, terminal=way in NEEDS_TERMINAL, environment={"ANSIBLE_TASK_TIMEOUT": "600"})
    host, cmdlet = call.split()
    returned = run.play(WAYS[way], host, cmdlet, playbook, **variables)
    assert returned != 0 or (way in HEARD and cmdlet in LAST), run.output
    return run


def of_operation(run: Stopped, operation: str) -> str:
    """The record of the last task that did this."""
    files = [file for file in run.records.iterdir() if f"-{operation}-" in file.name]
    return max(files, key=lambda file: file.stat().st_mtime_ns).read_text(encoding="utf-8")


def typed(player: Player, text: str, playbook: str) -> subprocess.CompletedProcess[str]:
    """Run the command for this playbook that a record, or the terminal, names."""
    line = next(line for line in text.splitlines() if f"ansible-playbook hyperv.replica.{playbook} " in line)
    _unused, name, *words = shlex.split(line[line.index("ansible-playbook") :])
    return player.play(name.removeprefix("hyperv.replica."), *words)


# -- test failovers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    only(
        (
            "Ctrl-C, hv-b Start-VM",
            "SIGTERM, hv-b Start-VMFailover",
            "the time limit of the task, hv-b Start-VMFailover",
        ),
        rows("hv-b Set-VMNetworkAdapter", "hv-b Start-VMFailover", "hv-b Start-VM"),
    ),
)
def test_test_vms_that_were_begun_are_ended(player: Player, row: str) -> None:
    run = stopped_at(player, row, "test_failover", **TEST)
    record = of_operation(run, "test_failover")
    assert left_behind(player) == [], record
    assert "stopped: " in record
    for name in NAMES:
        assert re.search(rf"(?m)^(FAILED|ok): +{name}: ", record), record
        assert player.states(name) == STAYS
    assert player.laws_broken() == []


@pytest.mark.parametrize("row", only(["SIGTERM, hv-b Start-VM"], rows("hv-b Start-VMFailover", "hv-b Start-VM")))
def test_test_vms_that_are_to_stay_are_told_with_what_ends_them(player: Player, row: str) -> None:
    run = stopped_at(player, row, "test_failover", keep="true", **TEST)
    record = of_operation(run, "test_failover")
    assert left_behind(player) == list(NAMES), record
    assert typed(player, record, "cleanup_test_failover").returncode == 0
    assert left_behind(player) == []


@pytest.mark.parametrize("playbook", ["test_failover", "cleanup_test_failover"])
@pytest.mark.parametrize("row", only(["SIGTERM, hv-b Stop-VMFailover"], rows("hv-b Stop-VMFailover")))
def test_an_end_that_has_begun_is_waited_for(player: Player, row: str, playbook: str) -> None:
    """The second task of a test failover, and the playbook that ends test VMs."""
    given = TEST
    if playbook == "cleanup_test_failover":
        player.play("test_failover", keep="true", **TEST)
        given = {"test_on": "hv-b", "vms": VMS}
    assert left_behind(player) == [] or playbook == "cleanup_test_failover"
    run = stopped_at(player, row, playbook, **given)
    assert left_behind(player) == [], run.output
    record = of_operation(run, "cleanup_test_failover")
    assert all(f"{name}: its test VM is gone" in record for name in NAMES), record


def test_a_play_that_is_stopped_in_its_checks_has_told_what_ends_the_test_vms(player: Player) -> None:
    """No task of ours runs then, so it is told before the checks begin."""
    checks = player.folder / "checks.yml"
    fails_it_all = {"name": "Stop everything", "ansible.builtin.meta": "end_play"}
    checks.write_text(yaml.safe_dump([fails_it_all]), encoding="utf-8")
    done = player.play("test_failover", checks=str(checks), **TEST)
    assert left_behind(player) == list(NAMES), done.stdout
    assert typed(player, done.stdout, "cleanup_test_failover").returncode == 0
    assert left_behind(player) == []


# -- removals --------------------------------------------------------------------------------------------------------


REMOVAL = ("hv-a Remove-VMReplication", "hv-b Set-VM", "hv-b Remove-VMReplication")


@pytest.mark.parametrize(
    "row",
    only(
        ("Ctrl-C, hv-a Remove-VMReplication", "SIGTERM, hv-b Set-VM", "the time limit of the task, hv-b Set-VM"),
        rows(*REMOVAL),
    ),
)
def test_a_removal_says_what_is_left(player: Player, row: str) -> None:
    run = stopped_at(player, row, "remove_replication", remove_on="hv-a", vms=VMS, confirm="hv-a 2")
    record = run.record()
    is_left = [name for name in NAMES if player.states(name) != GONE]
    for name in NAMES:
        assert re.search(rf"(?m)^{'NOT DONE' if name in is_left else 'ok'}: +{name}: ", record), (is_left, record)
        assert player.vm("hv-a", name).state == "Running"
    assert ("What is left" in record) is bool(is_left)
    if is_left:
        assert "stopped: " in record
        again = typed(player, record, "remove_replication")
        assert again.returncode == 0, again.stdout
    assert [player.states(name) for name in NAMES] == [GONE, GONE]
    assert player.laws_broken() == []
