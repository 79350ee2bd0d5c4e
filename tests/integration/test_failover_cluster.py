"""Failover to and from a cluster through ansible-playbook: HV-A alone, HV-B and HV-C the nodes of CL-1 (`cl_1`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.failover_play import Player
from tests.integration.relation_play import Player as ModulePlayer
from tests.integration.relation_play import let_replicate
from tests.lab.values import Enum
from tests.lab.world.server import AuthorizationEntry
from tests.sweep.stage import Stage

if TYPE_CHECKING:
    import subprocess

    from tests.lab.lab import Lab

pytestmark = pytest.mark.lab(preset="cluster", vms=9, speed=60)

BROKER = "CL-1-BROKER.corp.example"
HOSTS = ("hv-a", "hv-b", "hv-c")
MINE = ("App01", "App04")
"""VMs of HV-A that replicate to the cluster, one replica on each node."""
CLUSTERED = "App02"
"""A VM of the cluster that replicates to HV-A; the cluster runs it on HV-B at first."""


@pytest.fixture
def player(lab: Lab, tmp_path: Path) -> Player:
    """A player for a lab whose host and cluster hold each other's replicas; entries name the host and the broker."""
    let_replicate(lab)
    stage, world = Stage(lab), lab.world
    world.host("hv-a").server.entries = [AuthorizationEntry(BROKER, "D:\\Replica", "DEFAULT")]
    world.host("hv-b").server.entries = [
        AuthorizationEntry("hv-a.corp.example", "C:\\ClusterStorage\\Volume1", "DEFAULT")
    ]
    kerberos = {"ReplicaServerPort": 80, "AuthenticationType": Enum("", "Kerberos"), "RecoveryHistory": 4}
    for host, to, names in (("hv-a", BROKER, MINE), ("hv-b", "HV-A.corp.example", (CLUSTERED,))):
        stage.cmdlet(host, "Enable-VMReplication", *names, ReplicaServerName=to, **kerberos)
        stage.cmdlet(host, "Start-VMInitialReplication", *names)
        for name in names:
            world.vm(host, name).turn("Running", world.clock.now())
    world.clock.advance(3600)
    for host in world.hosts.values():
        for vm in host.vms.values():
            for adapter in vm.adapters:
                adapter.switch = next(iter(host.switches))
    world.move(world.vm("hv-b", "App04").id, "hv-c")
    world.recorder.clear()
    return Player(lab, tmp_path, lab.write_files(tmp_path / "lab"))


def states(player: Player, name: str) -> dict[str, str]:
    """Mode, state and power of a VM on each host that has it."""
    hosts = [host for host in HOSTS if any(vm.name == name for vm in player.lab.world.host(host).vms.values())]
    return dict(zip(hosts, player.states(name, hosts), strict=True))


def move(player: Player, name: str, to: str) -> None:
    """The cluster moves a VM to another node."""
    owner = next(host for host in HOSTS[1:] if host in states(player, name))
    player.lab.world.move(player.vm(owner, name).id, to)


REPLICA, PRIMARY = "Replica/Replicating Off", "Primary/Replicating Running"


def over(player: Player, to: str, vms: str, *more: str, **given: str) -> subprocess.CompletedProcess[str]:
    """A planned failover, confirmed."""
    return player.over(to, vms, *more, **given)


def test_to_a_cluster_and_back(player: Player) -> None:
    checked = over(player, "cl_1", "App01,App04", "--check")
    assert checked.returncode == 0, checked.stdout
    assert player.sent() == []
    done = over(player, "cl_1", "App01,App04")
    assert done.returncode == 0, done.stdout
    assert states(player, "App01") == {"hv-a": REPLICA, "hv-b": PRIMARY}
    assert states(player, "App04") == {"hv-a": REPLICA, "hv-c": PRIMARY}
    player.sent()
    again = over(player, "cl_1", "App01,App04")
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout
    back = over(player, "hv-a", "App01,App04")
    assert back.returncode == 0, back.stdout
    assert states(player, "App01") == {"hv-a": PRIMARY, "hv-b": REPLICA}
    assert player.laws_broken() == []


def test_vms_that_move_between_the_stages(player: Player) -> None:
    player.at("hv-a", "Stop-VM", lambda: move(player, "App01", "hv-c"))
    player.at("hv-c", "Set-VMReplication", lambda: move(player, "App04", "hv-b"))
    done = over(player, "cl_1", "App01,App04")
    assert done.returncode == 0, done.stdout
    assert states(player, "App01") == {"hv-a": REPLICA, "hv-c": PRIMARY}
    assert states(player, "App04") == {"hv-a": REPLICA, "hv-b": PRIMARY}
    assert player.laws_broken() == []


def test_from_a_cluster_that_has_moved_the_vm(player: Player) -> None:
    move(player, CLUSTERED, "hv-c")
    done = over(player, "hv-a", CLUSTERED)
    assert done.returncode == 0, done.stdout
    assert states(player, CLUSTERED) == {"hv-a": PRIMARY, "hv-c": REPLICA}
    assert player.vm("hv-a", CLUSTERED).relation.replica_server.casefold() == BROKER.casefold()
    assert player.laws_broken() == []


def test_a_node_without_power(player: Player) -> None:
    """What the other node has fails over; what nobody has that answers is not taken for absent."""
    player.off("hv-c")
    done = over(player, "cl_1", "App01")
    assert done.returncode == 0, done.stdout
    assert states(player, "App01") == {"hv-a": REPLICA, "hv-b": PRIMARY}
    player.sent()
    lost = over(player, "cl_1", "App04")
    assert lost.returncode != 0
    assert "hv-c, where the VMs shall run, could not be read" in " ".join(lost.stdout.split())
    assert player.sent() == []


def test_a_primary_on_a_node_without_power(player: Player) -> None:
    move(player, CLUSTERED, "hv-c")
    player.off("hv-c")
    run = over(player, "hv-a", CLUSTERED)
    assert run.returncode != 0
    assert "could not be read" in run.stdout
    assert player.sent() == []


def test_a_disaster_of_the_host_and_the_way_home(player: Player) -> None:
    player.off("hv-a")
    player.lab.world.clock.advance(600)
    given = {"reason": "primary_is_dead", "receive_check": "1", **player.confirmed("cl_1", "App01")}
    done = player.play("unplanned_failover", **given)
    assert done.returncode == 0, done.stdout
    assert player.sent() == ["hv-b Start-VMFailover", "hv-b Start-VM"]
    player.vm("hv-a", "App01").ran_at_stop = player.vm("hv-a", "App04").ran_at_stop = False
    player.on("hv-a")
    home = player.play("reverse_replication", **player.confirmed("cl_1", "App01"))
    assert home.returncode == 0, home.stdout
    player.lab.world.clock.advance(600)
    assert states(player, "App01") == {"hv-a": REPLICA, "hv-b": PRIMARY}
    assert player.laws_broken() == []


def test_a_cluster_that_lives_on_is_not_dead(player: Player) -> None:
    """The node that ran the VM is dead, and the cluster runs it on the other node."""
    player.off("hv-b")
    player.lab.world.clock.advance(600)
    given = {"reason": "primary_is_dead", "receive_check": "1", **player.confirmed("hv-a", CLUSTERED)}
    move(player, CLUSTERED, "hv-c")
    run = player.play("unplanned_failover", **given)
    assert run.returncode != 0
    assert "its host answers" in run.stdout
    assert player.sent() == []


def test_the_fence_of_a_clustered_copy_says_what_it_does_not_hold(player: Player) -> None:
    for host in ("hv-b", "hv-c"):
        player.off(host)
    player.lab.world.clock.advance(600)
    given = {"reason": "primary_is_dead", "receive_check": "1", **player.confirmed("hv-a", CLUSTERED)}
    done = player.play("unplanned_failover", **given)
    assert done.returncode == 0, done.stdout
    for host in ("hv-b", "hv-c"):
        player.on(host)
    home = player.play("reverse_replication", **player.confirmed("hv-a", CLUSTERED))
    assert home.returncode == 0, home.stdout
    assert "holds nothing back on a cluster" in " ".join(home.stdout.split())
    assert player.vm("hv-b", CLUSTERED).relation.allowed_primary == "hv-a.corp.example"


def test_a_site_that_has_both_copies_is_asked_for_the_host(player: Player) -> None:
    run = over(player, "hyperv", "App01")
    assert run.returncode != 0
    assert "both have it, and both belong to hyperv" in " ".join(run.stdout.split())
    assert player.sent() == []


def test_a_cluster_partly_outside_the_limit_is_refused(player: Player) -> None:
    limited = over(player, "cl_1", "App01", "--limit", "hv-a,hv-b")
    assert limited.returncode != 0
    assert "outside of --limit" in " ".join(limited.stdout.split())


def test_the_module_knows_the_broker_of_its_own_host(player: Player) -> None:
    """A primary on a cluster is known by its node in its own relation: the broker's name has to be asked for."""
    modules = ModulePlayer(player.lab, player.folder, player.config)
    failover = {"module": "hyperv.replica.hyperv_failover", "names": [CLUSTERED]}
    here = {**failover, "state": "prepared", "runs_on": BROKER, "shutdown": "clean"}
    nowhere = {**here, "runs_on": "hv-x.corp.example"}
    again = {**failover, "state": "reversed", "runs_on": BROKER}
    prepared, misdirected, reversed_ = modules.tasks("hv-b", [here, nowhere, again])
    assert (prepared["changed"], prepared.get("failed", False)) == (False, False), prepared["msg"]
    assert misdirected["failed"]
    assert "not this host or its partner" in misdirected["msg"]
    assert (reversed_["changed"], reversed_.get("failed", False)) == (False, False), reversed_["msg"]
    assert player.sent() == []


def test_removal_finds_each_copy_on_its_node(player: Player) -> None:
    gone = player.play("remove_replication", remove_on="hv-a", vms="App01,App04", confirm="hv-a 2")
    assert gone.returncode == 0, gone.stdout
    sent = player.sent()
    assert sent[:2] == 2 * ["hv-a Remove-VMReplication"]
    for node in ("hv-b", "hv-c"):
        assert [call for call in sent if node in call] == [f"{node} Set-VM", f"{node} Remove-VMReplication"]
    assert states(player, "App04") == {"hv-a": "None/Disabled Running", "hv-c": "None/Disabled Off"}


def test_removal_where_a_node_is_silent(player: Player) -> None:
    player.off("hv-c")
    run = player.play("remove_replication", remove_on="hv-a", vms="App04", confirm="App04")
    assert run.returncode != 0
    assert player.sent() == []


def test_a_test_failover_on_the_node_that_has_the_replica(player: Player) -> None:
    tested = player.play("test_failover", test_on="hv-c", vms="App04", wait_for="nothing")
    assert tested.returncode == 0, tested.stdout
    assert player.sent() == ["hv-c Start-VMFailover", "hv-c Start-VM", "hv-c Stop-VMFailover"]
    elsewhere = player.play("test_failover", test_on="hv-b", vms="App04", wait_for="nothing")
    assert elsewhere.returncode != 0
    assert player.sent() == []
