"""The planned failover through ansible-playbook against the lab: check, apply, repeat, fail back; what it refuses."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.gate import only
from tests.integration.failover_play import Player

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=6, speed=60)

REPLICATING = ["Replica/Replicating Off", "Primary/Replicating Running"]
BEFORE = ["Primary/Replicating Running", "Replica/Replicating Off"]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B."""
    return Player.of(lab, tmp_path)


def test_there_and_back(player: Player) -> None:
    checked = player.over("hv-b", "App01,App03", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert player.sent() == []
    for cmdlet in ("Stop-VM:", "Start-VMFailover -Prepare:", "Start-VMFailover:", "Set-VMReplication -Reverse:"):
        assert cmdlet in checked.stdout, checked.stdout

    done = player.over("hv-b", "App01,App03")
    assert done.returncode == 0, done.stdout + done.stderr
    assert player.states("App01") == player.states("App03") == REPLICATING
    assert player.states("App05") == BEFORE
    assert sorted(player.sent()) == sorted(
        2
        * [
            "hv-a Stop-VM",
            "hv-a Start-VMFailover",
            "hv-b Start-VMFailover",
            "hv-b Set-VMReplication",
            "hv-b Start-VM",
        ]
    )

    again = player.over("hv-b", "App01,App03")
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout
    assert player.sent() == []

    back = player.over("hv-a", "App01,App03")
    assert back.returncode == 0, back.stdout
    assert player.states("App01") == player.states("App03") == BEFORE
    assert player.laws_broken() == []


HALF_DONE = {
    "guest off": ("hv-a Stop-VM",),
    "prepared": ("hv-a Stop-VM", "hv-a Start-VMFailover"),
    "failed over": ("hv-a Stop-VM", "hv-a Start-VMFailover", "hv-b Start-VMFailover"),
    "reversed": ("hv-a Stop-VM", "hv-a Start-VMFailover", "hv-b Start-VMFailover", "hv-b Set-VMReplication"),
}
ALL = (*HALF_DONE["reversed"], "hv-b Start-VM")


@pytest.mark.parametrize("name", only(["prepared"], HALF_DONE))
def test_half_done_states_continue(player: Player, name: str) -> None:
    player.run_cmdlets("App01", HALF_DONE[name])
    done = player.over("hv-b", "App01")
    assert done.returncode == 0, done.stdout
    assert player.states("App01") == REPLICATING
    assert player.sent() == list(ALL[len(HALF_DONE[name]) :])
    assert player.laws_broken() == []


GUARD = {
    "unset": ({"failover_to": ""}, ()),
    "misspelt": ({"failover_to": "hv-x"}, ()),
    "full name": ({"failover_to": "hv-b.corp.example"}, ()),
    "a group": ({"failover_to": "hyperv"}, ()),
    "a pattern": ({"failover_to": "hv-*"}, ()),
    "two hosts": ({"failover_to": "hv-a,hv-b"}, ()),
    "limited to the other host": ({"failover_to": "hv-b"}, ("--limit", "hv-a")),
    "not confirmed": ({"failover_to": "hv-b", "confirm": "App03"}, ()),
    "no confirmation": ({"failover_to": "hv-b", "confirm": ""}, ()),
    "no such VM": ({"failover_to": "hv-b", "vms": "App99", "confirm": "App99"}, ()),
    "a candidate that is no host": ({"failover_to": "hv-b", "candidates": "hv-x"}, ()),
    "primary outside the limit": ({"failover_to": "hv-b"}, ("--limit", "hv-b")),
}


def test_guard(player: Player) -> None:
    for name, (variables, arguments) in GUARD.items():
        run = player.play("planned_failover", *arguments, **{"vms": "App01", "confirm": "App01", **variables})
        assert run.returncode != 0, (name, run.stdout)
        assert player.sent() == [], name


def test_candidates(player: Player) -> None:
    run = player.play("planned_failover", failover_to="hv-b")
    assert run.returncode == 0, run.stdout
    assert "App01: Off, Replica/Replicating, Normal" in run.stdout
    assert "possible: fail over to the replica" in run.stdout
    there = player.play("planned_failover", failover_to="hv-a")
    assert "App01: Running, Primary/Replicating, Normal" in there.stdout
    assert "possible: shut the guest down cleanly" in there.stdout
    number = player.play("planned_failover", "-e", '{"vms": 7}', failover_to="hv-b")
    assert "7: hv-b has no VM of that name or id" in number.stdout
    assert player.sent() == []


def test_a_failed_preparation_brings_the_vm_up_where_it_was(player: Player) -> None:
    """The link between the hosts breaks once the guest is down: the last delta cannot be sent."""
    player.at("hv-a", "Start-VMFailover", lambda: player.cut("hv-a", "hv-b"))
    run = player.over("hv-b", "App01", settle_timeout="2")
    assert run.returncode != 0
    assert player.states("App01")[0].endswith("Running"), player.states("App01")
    assert "NOT DONE" in run.stdout
    assert "hyperv.replica.planned_failover -e failover_to=hv-b" in run.stdout
    assert player.laws_broken() == []


def test_a_failed_reverse_leaves_the_vm_running_here_unprotected(player: Player) -> None:
    player.at("hv-b", "Set-VMReplication", lambda: player.cut("hv-a", "hv-b"))
    run = player.over("hv-b", "App01", settle_timeout="2")
    assert run.returncode != 0
    assert player.states("App01")[1] == "Replica/FailedOverWaitingCompletion Running"
    assert "UNPROTECTED" in run.stdout
    assert player.laws_broken() == []

    player.lab.world.mend("HV-A", "HV-B")
    again = player.over("hv-b", "App01")
    assert again.returncode == 0, again.stdout
    assert player.states("App01") == REPLICATING


def test_a_primary_that_is_lost_on_the_way_is_reported_down(player: Player) -> None:
    player.at("hv-b", "Start-VMFailover", lambda: player.cut("hv-a", "control"))
    run = player.over("hv-b", "App01")
    assert run.returncode != 0
    assert "DOWN:" in run.stdout
    assert player.states("App01")[1].endswith("Off")
    assert player.laws_broken() == []


def test_a_guest_that_hangs_does_not_hold_up_the_others(player: Player) -> None:
    player.vm("hv-a", "App03").guest.answer = "hang"
    run = player.over("hv-b", "App01,App03,App05", shutdown_timeout="6", patience="2")
    assert run.returncode != 0
    assert player.states("App01") == player.states("App05") == REPLICATING
    assert "App03" in run.stdout.split("What is left")[1]
    assert player.laws_broken() == []


def test_what_would_not_be_started_there_is_not_stopped_here(player: Player) -> None:
    """An adapter that is connected to nothing: refused before a guest is stopped, and started when it is accepted."""
    for host in ("hv-a", "hv-b"):
        player.vm(host, "App01").adapters[0].switch = None
    refused = player.over("hv-b", "App01")
    assert refused.returncode != 0
    assert "-e accept=no_switch" in refused.stdout
    assert player.sent() == []
    accepted = player.over("hv-b", "App01", accept="no_switch")
    assert accepted.returncode == 0, accepted.stdout
    assert player.states("App01") == REPLICATING


def test_the_printed_command_goes_on_with_what_was_asked(player: Player) -> None:
    """Names that a shell and ansible would take apart, and the options that were given."""
    for old, new in (("App01", "App 01's"), ("App03", "[x]*?"), ("App05", 'B\u00fccher "\u00df"')):
        for host in ("hv-a", "hv-b"):
            player.vm(host, old).name = new
    for name in ("App 01's", 'B\u00fccher "\u00df"'):
        player.vm("hv-a", name).guest.answer = 32780
    names = json.dumps({"vms": ["App 01's", "[x]*?", 'B\u00fccher "\u00df"'], "confirm": "hv-b 3"})
    run = player.play("planned_failover", "-e", names, failover_to="hv-b", reverse="no", accept="warning_health")
    assert run.returncode != 0
    told = next(line for line in run.stdout.splitlines() if line.startswith("NOT DONE:"))
    assert "failed-over replica" not in told
    printed = next(line for line in run.stdout.splitlines() if line.startswith("What is left: "))
    words = shlex.split(printed.removeprefix("What is left: "))
    assert words[:2] == ["ansible-playbook", "hyperv.replica.planned_failover"]
    assert "reverse=no" in words
    assert "accept=warning_health" in words
    for name in ("App 01's", 'B\u00fccher "\u00df"'):
        player.vm("hv-a", name).guest.answer = "clean"
    again = player.play("planned_failover", *words[2:])
    assert again.returncode == 0, again.stdout
    assert player.states("App 01's")[1] == "Replica/FailedOverWaitingCompletion Running"
    assert player.laws_broken() == []


def test_what_a_guest_answers_is_told_with_what_to_do(player: Player) -> None:
    """Locked is advice; a shutdown that is under way already is waited for, as the guest goes off all the same."""
    player.vm("hv-a", "App01").guest.answer = 32781
    going = player.vm("hv-a", "App03")
    going.guest.answer = 32782
    clock = player.lab.world.clock
    player.at("hv-a", "Stop-VM", lambda: clock.after(30, lambda: going.turn("Off", clock.now())))
    run = player.over("hv-b", "App01,App03")
    assert run.returncode != 0
    assert "The guest is locked" in run.stdout
    assert player.states("App03") == REPLICATING
    assert player.states("App01") == BEFORE


def test_a_vm_that_was_renamed_on_the_replica(player: Player) -> None:
    """A VM is its id: the name of either side will do, and an unrelated VM of that name is no match."""
    player.vm("hv-b", "App01").name = "App01-replica"
    unrelated = player.play("planned_failover", **player.confirmed("hv-b", "App02"))
    assert unrelated.returncode != 0
    done = player.over("hv-b", "App01")
    assert done.returncode == 0, done.stdout
    assert player.vm("hv-b", "App01-replica").state == "Running"
    back = player.over("hv-a", "App01-replica")
    assert back.returncode == 0, back.stdout
    assert player.vm("hv-a", "App01").state == "Running"
    assert player.laws_broken() == []
