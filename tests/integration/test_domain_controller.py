"""The domain controller is one of the VMs: nobody new can log on while it is off, and an idle connection is closed.

A run that is not cut never has to log on again. One that is cut says which host is locked out, and what to do.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.gate import only
from tests.integration.failover_play import Player
from tests.lab import scenes
from tests.lab.lab import Lab
from tests.sweep.hands import Hands, Stopped
from tests.sweep.role import failover_role

# isort: split
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.workflows import host_thread

CONTROLLER = "App01"
TEN_MINUTES = 600.0
THERE = ["Replica/Replicating Off", "Primary/Replicating Running"]
CALLS = (
    ("hv-a", "Stop-VM"),
    ("hv-a", "Start-VMFailover"),
    ("hv-b", "Start-VMFailover"),
    ("hv-b", "Set-VMReplication"),
    ("hv-b", "Start-VM"),
)
REFUSED = "refused the login of ansible (basic): check ansible_user and the password; do not repeat it, accounts lock."
BY_HAND = "one that is a VM and off is started at the console of its host"


def set_up(lab: Lab, seconds: float = TEN_MINUTES) -> None:
    """All VMs are protected and have booted; the controller's guest takes that long to shut down."""
    Player.set_up(lab)
    lab.world.vm("hv-a", CONTROLLER).guest.shutdown_seconds = seconds
    lab.world.clock.advance(120)
    assert lab.world.logs_on()


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    set_up(lab, 20.0)
    return Player(lab, tmp_path, lab.write_files(tmp_path / "lab"))


# -- a run that is not cut -------------------------------------------------------------------------------------------


@pytest.mark.lab(hosts=2, vms=6, speed=40, domain_controller=CONTROLLER, idle_seconds=7.0)
@pytest.mark.parametrize("vms", [["App01"], ["App05", "App01", "App03"]], ids=["alone", "among others"])
def test_no_session_rests_until_it_is_closed(lab: Lab, monkeypatch: pytest.MonkeyPatch, vms: list[str]) -> None:
    """Ten minutes of the guest are 15 seconds here, and its partner has nothing to do meanwhile."""
    monkeypatch.setattr(host_thread, "KEEP_SECONDS", 0.3)
    set_up(lab)
    failover_role(Hands(lab), "planned", "hv-b", vms=vms)
    assert all(lab.world.vm("hv-b", name).state == "Running" for name in vms)
    assert (lab.connections(), lab.shells().created) == (2, 2)
    assert lab.world.recorder.violations == []


@pytest.mark.lab(hosts=2, vms=2, speed=40, domain_controller=CONTROLLER, idle_seconds=7.0)
def test_without_being_used_it_would_be_closed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_thread, "KEEP_SECONDS", 3600.0)
    set_up(lab)
    with pytest.raises(Stopped, match="hv-b: it took the login of ansible"):
        failover_role(Hands(lab), "planned", "hv-b", vms=[CONTROLLER])
    lab.endpoint("hv-b").service.lose_all()


@pytest.mark.lab(hosts=2, vms=6, speed=60, domain_controller=CONTROLLER)
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_of_one_vm(lab: Lab, tmp_path: Path, auth: str) -> None:
    set_up(lab)
    player = Player(lab, tmp_path, lab.write_files(tmp_path / "lab", auth=auth))
    done = player.over("hv-b", CONTROLLER)
    assert done.returncode == 0, done.stdout
    assert player.states(CONTROLLER) == THERE
    assert lab.connections() == 2


@pytest.mark.lab(hosts=4, vms=8, speed=60, domain_controller=CONTROLLER)
def test_of_a_site(lab: Lab, tmp_path: Path) -> None:
    scenes.make_servers(lab.world)
    scenes.protect(lab.world, list(lab.world.host("HV-C").vms), "HV-C", "HV-D", RecoveryHistory=4)
    set_up(lab)
    player = Player(lab, tmp_path, lab.write_files(tmp_path / "lab"))
    names = [vm.name for host in ("HV-A", "HV-C") for vm in lab.world.host(host).vms.values()]
    over = {"failover_to": "site_south", "vms": "all", "confirm": f"site_south {len(names)}"}
    done = player.play("planned_failover", **over)
    assert done.returncode == 0, done.stdout
    assert player.states(CONTROLLER) == THERE
    assert (lab.connections(), lab.shells().created) == (4, 4)


@pytest.mark.all_only
@pytest.mark.lab(hosts=2, vms=2, speed=8, domain_controller=CONTROLLER, idle_seconds=50.0)
def test_as_it_ships(lab: Lab, tmp_path: Path) -> None:
    """Nothing is set: a guest of 75 seconds of wall clock, and connections that live for 50."""
    set_up(lab)
    player = Player(lab, tmp_path, lab.write_files(tmp_path / "lab"))
    began = time.monotonic()
    done = player.over("hv-b", CONTROLLER, poll_interval="", settle_timeout="")
    assert time.monotonic() - began > TEN_MINUTES / 8
    assert done.returncode == 0, done.stdout
    assert lab.connections() == 2


# -- a run that is cut -----------------------------------------------------------------------------------------------


@pytest.mark.lab(hosts=2, vms=6, speed=60, domain_controller=CONTROLLER)
@pytest.mark.parametrize("vms", only(["App01"], ["App01", "App01,App03"]))
@pytest.mark.parametrize(
    "row",
    only(
        ["drop_after hv-a Stop-VM", "drop_after hv-b Start-VMFailover"],
        [(kind, *call) for kind in ("drop_before", "drop_after") for call in CALLS],
        " ".join,
    ),
)
def test_cut_at_a_call_and_run_again(player: Player, row: tuple[str, str, str], vms: str) -> None:
    lab, (kind, host, cmdlet) = player.lab, row
    lab.world.faults.add(kind, host, cmdlet)
    first = player.over("hv-b", vms)
    assert player.laws_broken() == []
    if first.returncode and not lab.world.logs_on():
        assert f"{host}: it took the login of ansible (basic) before in this run, and does not any more" in first.stdout
        assert BY_HAND in first.stdout
        assert "DOWN: " in first.stdout or (cmdlet == "Start-VM" and "UNKNOWN: " in first.stdout)
        again = player.over("hv-b", vms)
        assert again.returncode != 0
        assert f"hv-b {REFUSED}" in again.stdout
        assert BY_HAND in again.stdout
        start_by_hand(player)
    lab.world.clock.advance(60)  # it boots
    last = player.over("hv-b", vms)
    assert last.returncode == 0, first.stdout + last.stdout
    assert [player.states(vm) for vm in vms.split(",")] == [THERE for _vm in vms.split(",")]
    assert player.laws_broken() == []


def start_by_hand(player: Player) -> None:
    """What the message says: start it at the console of its host, after Stop-VMFailover where it is prepared."""
    world, vm_id = player.lab.world, player.id(CONTROLLER)
    world.clock.advance(30)
    copies = {host: world.host(host).vms[vm_id] for host in ("hv-a", "hv-b")}
    states = {host: copy.relation.state if copy.relation else "" for host, copy in copies.items()}
    if copies["hv-b"].mode == "Primary" or states["hv-b"] == "FailedOverWaitingCompletion":
        scenes.run(world, "hv-b", "Start-VM", [vm_id])
        return
    if states["hv-a"] == "PreparedForFailover":
        scenes.run(world, "hv-a", "Stop-VMFailover", [vm_id])
        world.clock.advance(30)
    scenes.run(world, "hv-a", "Start-VM", [vm_id])
