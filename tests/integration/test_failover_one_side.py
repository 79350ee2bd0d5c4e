"""Preparing with one host in reach only, and protecting anew what lost its old primary, against the lab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.failover_play import Player

if TYPE_CHECKING:
    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=3, vms=6, speed=120)


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B; HV-C is another replica server."""
    return Player.of(lab, tmp_path)


def test_prepared_with_one_host_and_failed_over_with_the_other(player: Player) -> None:
    asked = {"vms": "App01", "confirm": "App01", "failover_to": "hv-b"}
    prepare = {**asked, "stop_at": "prepared", "failover_from": "hv-a"}
    checked = player.play("planned_failover", "--check", "--limit", "hv-a", **prepare)
    assert checked.returncode == 0, checked.stdout
    assert player.sent() == []
    done = player.play("planned_failover", "--limit", "hv-a", **prepare)
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-a Stop-VM", "hv-a Start-VMFailover"]
    assert "declared=prepared" in done.stdout
    assert player.play("planned_failover", "--limit", "hv-a", **prepare).returncode == 0
    assert player.sent() == []

    refused = player.play("planned_failover", "--limit", "hv-b", **asked)
    assert refused.returncode != 0
    assert player.sent() == []
    there = player.play("planned_failover", "--limit", "hv-b", declared="prepared", **asked)
    assert there.returncode == 0, there.stdout
    assert player.sent() == ["hv-b Start-VMFailover", "hv-b Start-VM"]
    assert "UNPROTECTED" in there.stdout

    both = player.play("planned_failover", **asked)
    assert both.returncode == 0, both.stdout
    assert player.states("App01") == ["Replica/Replicating Off", "Primary/Replicating Running"]
    assert player.laws_broken() == []


def test_a_prepared_vm_whose_other_host_is_lost_comes_up_where_it_was(player: Player) -> None:
    asked = {"vms": "App01", "confirm": "App01"}
    prepared = player.play("planned_failover", **asked, failover_to="hv-b", stop_at="prepared", failover_from="hv-a")
    assert prepared.returncode == 0, prepared.stdout
    player.sent()
    here = {**asked, "failover_to": "hv-a", "receive_check": "1"}
    alive = player.play("cancel_failover", **here, declared="dead")
    assert alive.returncode != 0
    assert "it answers" in alive.stdout
    player.off("hv-b")
    unsaid = player.play("cancel_failover", **here)
    assert unsaid.returncode != 0
    assert "declared: dead" in unsaid.stdout
    assert player.sent() == []
    done = player.play("cancel_failover", **here, declared="dead")
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-a Stop-VMFailover", "hv-a Start-VM"]
    assert player.states("App01")[0].endswith("Running")
    assert player.laws_broken() == []


def test_a_primary_that_still_sends_was_not_prepared(player: Player) -> None:
    asked = {"vms": "App01", "confirm": "App01", "failover_to": "hv-b", "receive_check": "4"}
    run = player.play("planned_failover", "--limit", "hv-b", declared="prepared", **asked)
    assert run.returncode != 0
    assert "declared prepared, but the last replication that arrived was an ordinary one" in " ".join(
        run.stdout.split()
    )
    assert player.sent() == []


def test_where_it_ends_is_spelt_rightly(player: Player) -> None:
    asked = {"vms": "App01", "confirm": "App01", "failover_from": "hv-a"}
    for variables, words in (
        ({"stop_at": "Prepared", "failover_to": "hv-b"}, "stop_at is 'Prepared'"),
        ({"stop_at": "prepared"}, "failover_to is not set"),
        ({"stop_at": "prepared", "failover_to": "hv-x"}, "failover_to is 'hv-x'"),
    ):
        run = player.play("planned_failover", **{**asked, **variables})
        assert run.returncode != 0, run.stdout
        assert words in run.stdout
        assert player.sent() == []


def test_the_old_primary_is_lost_for_good(player: Player) -> None:
    new = {**player.confirmed("hv-b", "App01"), "new_replica": "hv-c"}
    early = player.play("reprotect", **new)
    assert early.returncode != 0
    assert player.sent() == []
    player.off("hv-a")
    player.lab.world.clock.advance(600)
    over = player.play(
        "unplanned_failover", **player.confirmed("hv-b", "App01"), reason="primary_is_dead", receive_check="1"
    )
    assert over.returncode == 0, over.stdout
    player.sent()
    checked = player.play("reprotect", "--check", **new)
    assert checked.returncode == 0, checked.stdout
    assert player.sent() == []
    done = player.play("reprotect", **new)
    assert done.returncode == 0, done.stdout
    assert player.sent() == [
        "hv-b Complete-VMFailover",
        "hv-b Remove-VMReplication",
        "hv-b Enable-VMReplication",
        "hv-b Start-VMInitialReplication",
    ]
    assert "UNPROTECTED" in done.stdout
    player.lab.world.clock.advance(600)
    assert player.states("App01", ("hv-b", "hv-c")) == ["Primary/Replicating Running", "Replica/Replicating Off"]
    assert player.play("reprotect", **new).returncode == 0
    assert player.sent() == []
    assert player.laws_broken() == []


def test_nothing_is_committed_before_the_new_host_is_known_to_be_ready(player: Player) -> None:
    player.off("hv-a")
    player.lab.world.clock.advance(600)
    asked = player.confirmed("hv-b", "App01")
    over = player.play("unplanned_failover", **asked, reason="primary_is_dead", receive_check="1")
    assert over.returncode == 0, over.stdout
    player.sent()
    new = player.lab.world.host("hv-c")
    for variables, arguments, words in (
        ({"new_replica": "hv-x"}, (), "hv-x could not be read: it is not in the inventory"),
        ({"new_replica": "hv-c"}, ("--limit", "hv-a,hv-b"), "hv-c could not be read"),
        ({"new_replica": "hv-c"}, ("--limit", "hv-b"), "hv-a is outside --limit and was not asked"),
        ({"new_replica": "hv-c", "authentication": "certificate"}, (), "hv-c takes kerberos, not certificate"),
    ):
        run = player.play("reprotect", *arguments, **asked, **variables)
        assert run.returncode != 0, run.stdout
        assert words in run.stdout
        assert player.sent() == []
    for rule in new.firewall.rules:
        rule.enabled = False
    closed = player.play("reprotect", **asked, new_replica="hv-c")
    assert closed.returncode != 0, closed.stdout
    assert player.sent() == []
    for rule in new.firewall.rules:
        rule.enabled = True

    player.at("hv-b", "Enable-VMReplication", lambda: player.cut("hv-b", "hv-c"))
    lost = player.play("reprotect", **asked, new_replica="hv-c")
    assert lost.returncode != 0, lost.stdout
    assert "UNPROTECTED: App01 is None/Disabled, Running on hv-b" in lost.stdout
    assert "hyperv.replica.reprotect -e failover_to=hv-b -e vms=App01 -e confirm=App01 " in lost.stdout
    assert " -e new_replica=hv-c" in lost.stdout
    player.lab.world.mend("HV-B", "HV-C")
    player.sent()
    again = player.play("reprotect", **asked, new_replica="hv-c")
    assert again.returncode == 0, again.stdout
    assert player.sent() == ["hv-b Enable-VMReplication", "hv-b Start-VMInitialReplication"]


def test_a_vm_that_runs_on_both_hosts_is_not_protected_anew(player: Player) -> None:
    player.run_cmdlets("App01", ("hv-b Start-VMFailover", "hv-b Start-VM"))
    for new in ("hv-a", "hv-c"):
        run = player.play("reprotect", **player.confirmed("hv-b", "App01"), new_replica=new)
        assert run.returncode != 0, run.stdout
        assert "running on BOTH hosts: Primary/" in run.stdout
        assert player.sent() == []


def test_nothing_is_stopped_that_cannot_be_prepared(player: Player) -> None:
    asked = {"vms": "App01", "confirm": "App01", "failover_to": "hv-b", "failover_from": "hv-a", "stop_at": "prepared"}
    vm = player.vm("hv-a", "App01")
    vm.busy = "BackingUpVirtualMachine"
    busy = player.play("planned_failover", "--limit", "hv-a", **asked)
    assert busy.returncode != 0, busy.stdout
    assert "BackingUpVirtualMachine on hv-a (to accept it: -e accept=operation)" in busy.stdout
    assert player.sent() == []
    vm.busy = ""
    vm.turn("Paused", player.lab.world.clock.now())
    paused = player.play("planned_failover", "--limit", "hv-a", **asked)
    assert "the VM is Paused, not Off" in paused.stdout
    assert player.sent() == []
    vm.turn("Running", player.lab.world.clock.now())
    player.run_cmdlets("App01", ("hv-b Start-VMFailover",))
    player.vm("hv-b", "App01").turn("Running", player.lab.world.clock.now())
    both = player.play("planned_failover", **asked)
    assert both.returncode != 0, both.stdout
    assert "running on BOTH hosts" in both.stdout
    assert player.sent() == []


def test_a_preparation_that_fails_brings_the_vm_up_where_it_was(player: Player) -> None:
    """The link between the hosts breaks once the guest is down: the last delta cannot be sent."""
    asked = {"vms": "App01", "confirm": "App01", "failover_to": "hv-b", "failover_from": "hv-a", "stop_at": "prepared"}
    player.at("hv-a", "Start-VMFailover", lambda: player.cut("hv-a", "hv-b"))
    run = player.play("planned_failover", **asked, settle_timeout="2")
    assert run.returncode != 0, run.stdout
    assert player.sent() == ["hv-a Stop-VM", "hv-a Start-VMFailover", "hv-a Start-VM"]
    assert player.states("App01")[0].endswith("Running")
    assert "NOT DONE: App01 is Primary/" in run.stdout
    assert "-e failover_from=hv-a -e failover_to=hv-b -e stop_at=prepared -e vms=App01" in run.stdout
    assert player.laws_broken() == []


def test_a_host_that_does_not_have_the_replica_is_refused(player: Player) -> None:
    """What is left to do would be told for the wrong host, with the VM down."""
    asked = {"vms": "App01", "confirm": "App01", "failover_from": "hv-a", "stop_at": "prepared"}
    run = player.play("planned_failover", "--limit", "hv-a", **asked, failover_to="hv-c")
    assert run.returncode != 0, run.stdout
    assert "its replica is on hv-b, and not on hv-c. Give hv-b as failover_to" in run.stdout
    assert player.sent() == []


def test_without_vms_their_own_host_is_listed(player: Player) -> None:
    asked = {"failover_to": "hv-b", "failover_from": "hv-a", "stop_at": "prepared"}
    run = player.play("planned_failover", **asked)
    assert run.returncode == 0, run.stdout
    assert "hv-a:\n  App01: Running, Primary/Replicating, Normal" in run.stdout
    typed = "hyperv.replica.planned_failover -e failover_from=hv-a -e failover_to=hv-b -e vms=App01 -e stop_at=prepared"
    assert typed in run.stdout
    player.off("hv-b")
    unread = player.play("unplanned_failover", failover_to="hv-b")
    assert unread.returncode != 0, unread.stdout
    assert "hv-b: it could not be read" in unread.stdout
    assert player.sent() == []
