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
    assert "declared prepared, but its replica received something" in " ".join(run.stdout.split())
    assert player.sent() == []


def test_where_it_ends_is_spelt_rightly(player: Player) -> None:
    asked = {"vms": "App01", "confirm": "App01", "failover_from": "hv-a"}
    for variables, words in (
        ({"stop_at": "Prepared", "failover_to": "hv-b"}, "stop_at is 'Prepared'"),
        ({"stop_at": "prepared"}, "failover_to is 'not set'"),
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
