"""Clusters with a broker, and chains of three sites: what is refused there and where it leads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.lab.values import Enum
from tests.lab.world.cluster import Broker, Cluster
from tests.lab.world.server import AuthorizationEntry
from tests.unit.lab.world.hands import BAD, FAILED, NOT_APPLICABLE, SERVICE, WRONG_STATE, Hands

BROKER = "hvr-broker.corp.example"
KERBEROS: dict[str, Any] = {"ReplicaServerPort": 80, "AuthenticationType": Enum("", "Kerberos")}


def _clustered(broker: bool = True) -> Hands:
    """HV-A alone; HV-B and HV-C a cluster."""
    hands = Hands(hosts=3, vms=3)
    cluster = Cluster("CL1", "corp.example", broker=Broker("HVR-BROKER") if broker else None)
    for name in ("HV-B", "HV-C"):
        cluster.join(hands.world.host(name))
    volume = cluster.add_volume()
    cluster.server.enabled, cluster.server.authentication = True, "Kerberos"
    cluster.server.entries = [AuthorizationEntry("*", volume.root, "DEFAULT")]
    return hands


def test_broker_places_the_replica_and_makes_it_highly_available() -> None:
    hands = _clustered()
    hands.protect(to=BROKER)
    shown = hands.ok("HV-A", "Get-VMReplication", VM="App01")[0]
    assert (shown["ReplicaServerName"], shown["CurrentReplicaServerName"]) == (BROKER, "HV-B.corp.example")
    copy = hands.vm("HV-B", "App01")
    assert copy.clustered
    assert copy.disks[0].path.startswith("C:\\ClusterStorage\\Volume1\\")


def test_replica_moves_between_stages() -> None:
    hands = _clustered()
    hands.protect(to=BROKER)
    hands.ok("HV-A", "Stop-VM", VM="App01")
    hands.ok("HV-A", "Start-VMFailover", VM="App01", Prepare=True)
    hands.world.move(hands.vm("HV-B", "App01").id, "HV-C")
    assert hands.run("HV-B", "Start-VMFailover", VMName=["App01"]).refused == BAD, "it lives on another node now"
    hands.ok("HV-C", "Start-VMFailover", VM="App01")
    hands.world.move(hands.vm("HV-C", "App01").id, "HV-B")
    hands.ok("HV-B", "Set-VMReplication", VM="App01", Reverse=True)
    hands.pass_time(5)
    assert hands.both("App01") == ("Replica/Replicating", "Primary/Replicating")
    assert hands.relation("HV-A", "App01").primary_point == "HVR-BROKER.corp.example"


def test_node_without_a_broker_cannot_enable() -> None:
    hands = _clustered(broker=False)
    given = {**KERBEROS, "ReplicaServerName": "HV-A"}
    assert hands.run("HV-B", "Enable-VMReplication", VM="App02", **given).refused == BAD


def test_copy_on_a_cluster_has_to_be_highly_available() -> None:
    hands = _clustered()
    assert hands.run("HV-B", "Enable-VMReplication", VM="App02", AsReplica=True).refused == WRONG_STATE, "it runs"
    hands.ok("HV-B", "Stop-VM", VM="App02")
    refused = hands.run("HV-B", "Enable-VMReplication", VM="App02", AsReplica=True)
    assert refused.refused == SERVICE
    hands.vm("HV-B", "App02").clustered = True
    hands.ok("HV-B", "Enable-VMReplication", VM="App02", AsReplica=True)


def test_clustered_vm_is_not_started_by_its_host() -> None:
    hands = _clustered()
    vm = hands.vm("HV-B", "App02")
    vm.clustered, vm.start_action = True, "Start"
    hands.world.power_off("HV-B")
    hands.world.power_on("HV-B")
    assert vm.state == "Off", "the cluster starts and places it"


@pytest.fixture
def chain() -> Hands:
    hands = Hands(hosts=3, vms=3)
    hands.protect()
    hands.enable("App01", "HV-B", "HV-C.corp.example")
    hands.ok("HV-B", "Start-VMInitialReplication", VM="App01")
    hands.pass_time(60)
    return hands


def test_extending_ignores_vss_and_exclusions() -> None:
    hands = Hands(hosts=3, vms=3)
    hands.protect()
    path = hands.vm("HV-B", "App01").disks[0].path
    facts = {"RecoveryHistory": 4, "VSSSnapshotFrequencyHour": 2, "ExcludedVhdPath": [path]}
    hands.enable("App01", "HV-B", "HV-C.corp.example", **facts)
    leg = hands.relation("HV-B", "App01", "Extended")
    assert (leg.settings.vss_hours, leg.settings.history, len(leg.disks)) == (0, 4, 1)


def test_settings_on_the_replica_address_the_leg(chain: Hands) -> None:
    chain.ok("HV-B", "Set-VMReplication", VM="App01", RecoveryHistory=3)
    assert chain.relation("HV-B", "App01", "Extended").settings.history == 3
    assert chain.relation("HV-C", "App01").settings.history == 3
    assert chain.relation("HV-B", "App01").settings.history == 0
    paths = [disk.path for disk in chain.vm("HV-B", "App01").disks]
    assert chain.run("HV-B", "Set-VMReplication", VM="App01", ReplicatedDiskPaths=paths).refused == NOT_APPLICABLE


def test_get_vm_does_not_show_the_leg(chain: Hands) -> None:
    chain.relation("HV-B", "App01", "Extended").state = "Error"
    assert str(chain.shown("HV-B", "App01")["ReplicationState"]) == "Replicating"


def test_reverse_of_the_first_leg_pauses_the_second(chain: Hands) -> None:
    chain.fail_over()
    chain.ok("HV-B", "Set-VMReplication", VM="App01", Reverse=True)
    chain.pass_time(5)
    assert chain.relation("HV-B", "App01", "Extended").state == "Suspended"


def test_continue_needs_a_leg() -> None:
    hands = Hands(vms=2)
    hands.protect()
    hands.fail_over()
    assert hands.run("HV-B", "Resume-VMReplication", VM="App01", Continue=True).refused == NOT_APPLICABLE


def test_removal_of_the_leg_alone(chain: Hands) -> None:
    leg = chain.ok("HV-B", "Get-VMReplication", VM="App01", ReplicationRelationshipType=Enum("", "Extended"))
    chain.ok("HV-B", "Remove-VMReplication", VMReplication=leg)
    assert [r.kind for r in chain.vm("HV-B", "App01").relations.values()] == ["Simple"]
    chain.ok("HV-C", "Remove-VMReplication", VM="App01")
    assert chain.seen("HV-C", "App01") == "None/Disabled"


def test_resynchronization_has_its_time(chain: Hands) -> None:
    chain.ok("HV-A", "Suspend-VMReplication", VM="App01")
    far = chain.world.clock.now() + timedelta(days=8)
    refused = chain.run("HV-A", "Resume-VMReplication", VM="App01", Resynchronize=True, ResynchronizeStartTime=far)
    assert refused.refused == BAD
    when = chain.world.clock.now() + timedelta(hours=1)
    chain.ok("HV-A", "Resume-VMReplication", VM="App01", Resynchronize=True, ResynchronizeStartTime=when)
    assert chain.ok("HV-A", "Get-VMReplication", VM="App01")[0]["ResynchronizeStartTime"] == when
    chain.pass_time(3601)
    assert chain.seen("HV-A", "App01") == "Primary/Resynchronizing"
    chain.pass_time(60)
    assert chain.ok("HV-A", "Get-VMReplication", VM="App01")[0]["ResynchronizeStartTime"] is None


def test_during_a_resynchronization_only_an_unplanned_failover_goes(chain: Hands) -> None:
    chain.ok("HV-A", "Suspend-VMReplication", VM="App01")
    chain.ok("HV-A", "Stop-VM", VM="App01")
    chain.ok("HV-A", "Resume-VMReplication", VM="App01", Resynchronize=True)
    assert chain.run("HV-A", "Start-VMFailover", VM="App01", Prepare=True).refused == WRONG_STATE
    assert chain.run("HV-B", "Start-VMFailover", VM="App01", AsTest=True).refused == WRONG_STATE
    chain.ok("HV-B", "Start-VMFailover", VM="App01")
    chain.pass_time(60)
    assert chain.seen("HV-B", "App01") == "Replica/FailedOverWaitingCompletion"
    assert chain.seen("HV-A", "App01") == "Primary/Error", "the resynchronization was cancelled under it"


def test_reverse_cannot_be_combined_with_disks(chain: Hands) -> None:
    chain.fail_over()
    answer = chain.run("HV-B", "Set-VMReplication", VM="App01", Reverse=True, ReplicatedDiskPaths=["x"])
    assert answer.refused == BAD


def test_reverse_to_a_new_host_needs_a_copy() -> None:
    hands = Hands(hosts=3, vms=3)
    hands.protect()
    hands.world.power_off("HV-A")
    hands.ok("HV-B", "Start-VMFailover", VM="App01")
    hands.ok("HV-B", "Set-VMReplication", VM="App01", Reverse=True, ReplicaServerName="HV-C.corp.example")
    hands.pass_time(5)
    assert hands.both("App01", "HV-B", "HV-C") == (
        "Primary/ReadyForInitialReplication",
        "Replica/WaitingForInitialReplication",
    )


def test_a_second_test_vm_is_refused(chain: Hands) -> None:
    chain.ok("HV-B", "Start-VMFailover", VM="App01", AsTest=True)
    assert chain.run("HV-B", "Start-VMFailover", VM="App01", AsTest=True).refused == FAILED


def test_write_order_only_warns(chain: Hands) -> None:
    answer = chain.run("HV-A", "Set-VMReplication", VM="App01", EnableWriteOrderPreservationAcrossDisks=True)
    assert (answer.refused, len(answer.warnings)) == (None, 1)
