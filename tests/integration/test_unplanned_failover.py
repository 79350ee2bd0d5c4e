"""The unplanned failover through ansible-playbook against the lab: reasons, witnesses of life, and the way home."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.failover_play import Player

if TYPE_CHECKING:
    import subprocess

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(hosts=2, vms=4, speed=60)

OLD = "Primary/WaitingForStartResynchronize"
FAILED_OVER = "Replica/FailedOverWaitingCompletion Running"
BOTH_WAYS = ("reverse_replication", "planned_failover", "cancel_failover", "commit_failover")
HOME = ["Replica/Replicating Off", "Primary/Replicating Running"]


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose VMs of HV-A are protected towards HV-B."""
    return Player.of(lab, tmp_path)


def dead(player: Player, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The unplanned failover of App01 to HV-B."""
    given = {"reason": "primary_is_dead", "receive_check": "1", **player.confirmed("hv-b", "App01"), **variables}
    return player.play("unplanned_failover", *arguments, **given)


def test_reasons_and_witnesses(player: Player) -> None:
    for variables, words in (
        ({"reason": ""}, "always needs its reason"),
        ({}, "its host answers"),
        ({"reason": "primary_unusable"}, "the old VM is Running"),
    ):
        run = dead(player, **variables)
        assert run.returncode != 0, run.stdout
        assert words in run.stdout
    player.cut("hv-a", "control")
    listening = dead(player)
    assert listening.returncode != 0
    assert "something listens on its port" in listening.stdout
    assert player.sent() == []


def test_a_recent_replication_is_not_proof_of_death(player: Player) -> None:
    player.lab.world.clock.speed = 0
    player.off("hv-a")
    player.lab.world.vm("hv-b", "App01").relation.last_replication = player.lab.world.clock.now()
    run = dead(player)
    assert run.returncode != 0
    assert "not proven dead" in run.stdout
    assert player.sent() == []


def test_a_disaster_and_the_way_home(player: Player) -> None:
    player.vm("hv-a", "App01").start_action = "StartIfRunning"
    player.vm("hv-b", "App01").start_action = "Nothing"
    player.off("hv-a")
    player.lab.world.clock.advance(600)
    checked = dead(player, "--check")
    assert checked.returncode == 0, checked.stdout
    assert player.sent() == []
    assert "recovery points:" in checked.stdout

    done = dead(player)
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-b Start-VMFailover", "hv-b Start-VM"]
    assert "UNPROTECTED" in done.stdout
    assert player.states("App01")[1] == FAILED_OVER
    assert dead(player).returncode == 0
    assert player.sent() == []

    player.vm("hv-a", "App01").ran_at_stop = False  # this time it does not start before anybody can connect
    player.on("hv-a")
    home = player.play("reverse_replication", **player.confirmed("hv-b", "App01"))
    assert home.returncode == 0, home.stdout
    assert player.sent() == [
        "hv-b Set-VM",
        "hv-a Set-VM",
        "hv-a Set-VMReplication",
        "hv-b Set-VMReplication",
        "hv-b Start-VMInitialReplication",
    ]
    player.lab.world.clock.advance(600)
    assert player.states("App01") == HOME
    assert [player.vm(host, "App01").start_action for host in ("hv-a", "hv-b")] == ["Nothing", "StartIfRunning"]

    back = player.over("hv-a", "App01")
    assert back.returncode == 0, back.stdout
    assert player.vm("hv-a", "App01").start_action == "StartIfRunning"
    assert player.laws_broken() == []


def test_a_reverse_towards_a_host_whose_role_is_off_is_refused_before_anything_is_sent(player: Player) -> None:
    assert player.over("hv-b", "App01", reverse="false").returncode == 0
    player.lab.world.host("HV-A").server.enabled = False
    player.sent()
    run = player.play("reverse_replication", failover_to="hv-b", vms="App01", confirm="App01")
    assert run.returncode != 0
    assert "hv-a is not a replica server" in run.stdout
    assert player.sent() == []


def test_an_old_copy_that_started_by_itself(player: Player) -> None:
    player.off("hv-a")
    player.lab.world.clock.advance(600)
    assert dead(player).returncode == 0
    player.on("hv-a")  # the old copy starts with its host: both run, and no playbook can help that
    player.sent()
    broken = len(player.laws_broken())
    plays = {name: player.confirmed("hv-b", "App01") for name in BOTH_WAYS}
    plays["remove_replication"] = {"remove_on": "hv-a", "vms": "App01", "confirm": "App01"}
    for name, variables in plays.items():
        run = player.play(name, **variables)
        assert run.returncode != 0, (name, run.stdout)
        assert player.sent() == [], name
        for words in (r"on hv-a it is Running for \d", r"on hv-b it is Running for \d", r"replicated at 20.* ago\)"):
            assert re.search(words, run.stdout), (name, words, run.stdout)
        if name in BOTH_WAYS:
            for book, keep, lose in (("reverse_replication", "hv-b", "hv-a"), ("planned_failover", "hv-a", "hv-b")):
                way = f"hyperv.replica.{book} -e failover_to={keep} -e vms=App01 -e confirm=App01 -e discard={lose}"
                assert f"to go on: ansible-playbook {way} -e old_vm=turn_off" in run.stdout, (name, run.stdout)
    lost = player.play("reverse_replication", **player.confirmed("hv-b", "App01"), discard="hv-a", old_vm="turn_off")
    assert lost.returncode == 0, lost.stdout
    assert player.sent()[:2] == ["hv-a Set-VM", "hv-a Stop-VM"]
    player.lab.world.clock.advance(600)
    assert player.states("App01") == HOME
    assert len(player.laws_broken()) == broken


def test_an_old_copy_that_is_found_saved(player: Player) -> None:
    """Its state goes only by its own option: neither without one, nor by the one that pulls a plug."""
    old = player.vm("hv-a", "App01")
    player.off("hv-a")
    player.lab.world.clock.advance(600)
    assert dead(player).returncode == 0
    old.ran_at_stop = False
    player.on("hv-a")
    old.turn("Saved", player.lab.world.clock.now())
    player.sent()
    home = player.confirmed("hv-b", "App01")
    for variables in ({}, {"old_vm": "turn_off"}):
        refused = player.play("reverse_replication", **home, **variables)
        assert refused.returncode != 0, refused.stdout
        assert "the old copy is Saved" in refused.stdout
        assert (player.sent(), old.state, old.start_action) == ([], "Saved", "StartIfRunning")

    done = player.play("reverse_replication", **home, old_vm="discard_saved_state")
    assert done.returncode == 0, done.stdout
    assert [step for step in player.sent() if step != "hv-b Set-VM"] == [
        "hv-a Set-VM",
        "hv-a Stop-VM",
        "hv-a Set-VMReplication",
        "hv-b Set-VMReplication",
        "hv-b Start-VMInitialReplication",
    ]
    player.lab.world.clock.advance(600)
    assert player.states("App01") == HOME
    assert player.laws_broken() == []


def test_a_saved_state_that_windows_does_not_discard(player: Player) -> None:
    """Whether a TurnOff discards it is not documented: where it does not, nothing after it is done."""
    player.lab.world.habits.turn_off_discards_saved = False
    player.off("hv-a")
    player.lab.world.clock.advance(600)
    assert dead(player).returncode == 0
    old = player.vm("hv-a", "App01")
    old.ran_at_stop = False
    player.on("hv-a")
    old.turn("Saved", player.lab.world.clock.now())
    home = player.confirmed("hv-b", "App01")
    run = player.play("reverse_replication", **home, old_vm="discard_saved_state", settle_timeout="2")
    assert run.returncode != 0, run.stdout
    assert old.state == "Saved"
    assert "Remove-VMSavedState" in run.stdout
    assert player.states("App01")[1] == FAILED_OVER
    assert "hv-a Set-VMReplication" not in player.sent()


def test_a_primary_that_is_not_to_be_used(player: Player) -> None:
    player.lab.world.clock.advance(7200)
    player.lab.world.replicate_all()
    player.vm("hv-a", "App01").start_action = "StartIfRunning"
    player.vm("hv-b", "App01").start_action = "Nothing"
    point = player.vm("hv-b", "App01").recovery_points[0]
    chosen = {"recovery_point_time": point.created.isoformat(), "old_vm": "turn_off", "reason": "primary_unusable"}
    done = dead(player, **chosen)
    assert done.returncode == 0, done.stdout
    assert player.states("App01")[1] == FAILED_OVER
    assert player.states("App01")[0].endswith("Off")
    assert [player.vm(host, "App01").start_action for host in ("hv-a", "hv-b")] == ["Nothing", "StartIfRunning"]
    assert "used: App01" in done.stdout
    assert player.laws_broken() == []


def test_cancel_and_commit(player: Player) -> None:
    player.off("hv-a")
    player.lab.world.clock.advance(600)
    assert dead(player).returncode == 0
    player.sent()
    refused = player.play("cancel_failover", **player.confirmed("hv-b", "App01"))
    assert refused.returncode != 0
    assert "accept that by name" in refused.stdout
    assert player.sent() == []
    done = player.play("commit_failover", **player.confirmed("hv-b", "App01"))
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-b Complete-VMFailover"]
    again = player.play("commit_failover", **player.confirmed("hv-b", "App01"))
    assert again.returncode == 0, again.stdout
    assert player.sent() == []


def test_cancel_a_planned_failover_halfway(player: Player) -> None:
    player.run_cmdlets("App01", ("hv-a Stop-VM", "hv-a Start-VMFailover", "hv-b Start-VMFailover"))
    done = player.play("cancel_failover", **player.confirmed("hv-b", "App01"))
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-b Stop-VMFailover", "hv-a Stop-VMFailover", "hv-a Start-VM"]
    assert player.states("App01") == ["Primary/Replicating Running", "Replica/Replicating Off"]
    assert player.laws_broken() == []


def test_a_host_that_answers_is_not_dead_whatever_it_says(lab: Lab, tmp_path: Path) -> None:
    """A wrong password, and a first minute without relations: both copies would run if either were taken for death."""
    player = Player.of(lab, tmp_path, host_vars={"hv-a": {"ansible_password": "wrong"}})
    player.cut("hv-a", "hv-b")
    lab.world.clock.advance(900)
    refused = dead(player)
    assert refused.returncode != 0, refused.stdout
    assert "its host answers: hv-a refused the login of" in refused.stdout
    assert player.sent() == []

    player.config = lab.write_files(tmp_path / "lab")
    lab.world.habits.service_start_seconds = 86400
    player.off("hv-a")
    player.on("hv-a")
    silent = dead(player)
    assert silent.returncode != 0, silent.stdout
    assert "its host answers (hv-a)" in silent.stdout
    assert player.sent() == []
    assert player.laws_broken() == []


def test_the_copy_that_was_failed_over_is_the_one_to_lose(player: Player) -> None:
    player.run_cmdlets("App01", ("hv-b Start-VMFailover", "hv-b Start-VM"))
    lost = player.play("planned_failover", **player.confirmed("hv-a", "App01"), discard="hv-b", old_vm="turn_off")
    assert lost.returncode == 0, lost.stdout
    assert player.sent() == ["hv-b Stop-VM", "hv-b Stop-VMFailover"]
    assert player.states("App01")[1] == "Replica/Replicating Off"
    assert player.states("App01")[0].endswith("Running")


def test_a_host_that_cannot_stop_its_vm_is_to_be_powered_off_first(player: Player) -> None:
    player.lab.world.faults.add("refuse", "hv-a", "Stop-VM", 1)
    run = dead(player, reason="primary_unusable", old_vm="turn_off")
    assert run.returncode != 0
    assert "power that host off first" in run.stdout
    assert player.sent() == ["hv-a Set-VM", "hv-a Stop-VM"]


def test_an_old_vm_that_is_saved_loses_its_state_by_its_own_option_only(player: Player) -> None:
    player.vm("hv-a", "App01").turn("Saved", player.lab.world.clock.now())
    refused = dead(player, reason="primary_unusable", old_vm="turn_off")
    assert refused.returncode != 0
    assert "old_vm=discard_saved_state" in refused.stdout
    assert player.sent() == []
    done = dead(player, reason="primary_unusable", old_vm="discard_saved_state")
    assert done.returncode == 0, done.stdout
    assert player.states("App01")[0].endswith("Off")
    assert player.states("App01")[1] == FAILED_OVER
    assert player.laws_broken() == []
