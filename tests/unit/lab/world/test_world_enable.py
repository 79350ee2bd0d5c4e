"""What enabling and setting replication refuse, and what they make."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.lab.values import Enum
from tests.lab.world.storage import Disk
from tests.unit.lab.world.hands import BAD, FAILED, NOT_APPLICABLE, SERVICE, WRONG_STATE, Hands


@pytest.fixture
def hands() -> Hands:
    made = Hands(vms=2)
    made.protect()
    made.vm("HV-A", "App01").turn("Off", made.world.clock.now())
    return made


ENABLE: dict[str, Any] = {
    "ReplicaServerName": "HV-B.corp.example",
    "ReplicaServerPort": 80,
    "AuthenticationType": Enum("", "Kerberos"),
}
BAD_ENABLE: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("an IP address", {"ReplicaServerName": "192.0.2.7"}, BAD),
    ("itself", {"ReplicaServerName": "HV-A"}, BAD),
    ("a name that does not resolve", {"ReplicaServerName": "hv-x.corp.example"}, SERVICE),
    ("another port", {"ReplicaServerPort": 8080}, SERVICE),
    ("Certificate without thumbprint", {"AuthenticationType": Enum("", "Certificate")}, BAD),
    ("Kerberos with thumbprint", {"CertificateThumbprint": "AB"}, BAD),
    ("frequency 60", {"ReplicationFrequencySec": 60}, BAD),
    ("VSS without history", {"VSSSnapshotFrequencyHour": 4}, BAD),
    ("a disk that is not there", {"ExcludedVhdPath": ["D:\\no.vhdx"]}, BAD),
    ("a time of day beyond the day", {"AutoResynchronizeIntervalStart": timedelta(hours=25)}, BAD),
]


@pytest.mark.parametrize(("facts", "refused"), [c[1:] for c in BAD_ENABLE], ids=[c[0] for c in BAD_ENABLE])
def test_bad_enable(facts: dict[str, Any], refused: tuple[str, str]) -> None:
    hands = Hands(vms=2)
    assert hands.run("HV-A", "Enable-VMReplication", VM="App01", **{**ENABLE, **facts}).refused == refused
    assert hands.both("App01") == ("None/Disabled", "no VM")


def test_enable_with_short_name_passes() -> None:
    hands = Hands(vms=2)
    hands.enable(to="hv-b")
    assert hands.relation("HV-A", "App01").replica_server == "hv-b", "what is stored is what was typed"


def test_enable_again_is_refused(hands: Hands) -> None:
    assert hands.run("HV-A", "Enable-VMReplication", VM="App01", **ENABLE).refused == FAILED


def test_enable_of_a_test_vm_is_refused(hands: Hands) -> None:
    hands.ok("HV-B", "Start-VMFailover", VM="App01", AsTest=True)
    given = {**ENABLE, "ReplicaServerName": "HV-A.corp.example"}
    assert hands.run("HV-B", "Enable-VMReplication", VM="App01 - Test", **given).refused == NOT_APPLICABLE


def test_enable_not_authorised() -> None:
    hands = Hands(vms=2)
    hands.world.host("HV-B").server.entries.clear()
    answer = hands.run("HV-A", "Enable-VMReplication", VM="App01", **ENABLE)
    assert "0x80070005" in answer.errors[0].message
    assert hands.ok("HV-A", "Test-VMReplicationConnection", **ENABLE), "the connection test proves no authorisation"


def test_enable_meets_a_copy_of_the_same_id(hands: Hands) -> None:
    hands.ok("HV-A", "Remove-VMReplication", VM="App01")
    assert hands.run("HV-A", "Enable-VMReplication", VM="App01", **ENABLE).refused == (
        "OperationFailed",
        "NotSpecified",
    )
    hands.ok("HV-B", "Remove-VMReplication", VM="App01")
    assert hands.run("HV-A", "Enable-VMReplication", VM="App01", **ENABLE).refused == (
        "OperationFailed",
        "NotSpecified",
    )


def test_use_backup_needs_a_copy_marked_as_replica(hands: Hands) -> None:
    made = Hands(vms=2)
    made.enable()
    assert made.run("HV-A", "Start-VMInitialReplication", VM="App01", UseBackup=True).refused == WRONG_STATE


def test_enable_of_a_version_unknown_there() -> None:
    hands = Hands(vms=2)
    hands.vm("HV-A", "App01").version = "12.0"
    hands.world.host("HV-B").newest_version = "10.0"
    assert hands.run("HV-A", "Enable-VMReplication", VM="App01", **ENABLE).refused == (
        "OperationFailed",
        "NotSpecified",
    )


def test_pass_through_disk_has_to_be_left_out() -> None:
    hands = Hands(vms=2)
    hands.vm("HV-A", "App01").disks.append(Disk("PhysicalDrive3", disk_number=3, location=9))
    assert hands.run("HV-A", "Enable-VMReplication", VM="App01", **ENABLE).refused == (
        "OperationFailed",
        "NotSpecified",
    )
    hands.enable(ExcludedVhdPath=["PhysicalDrive3"])
    assert len(hands.vm("HV-B", "App01").disks) == 1


def test_enable_takes_its_space_there() -> None:
    hands = Hands(vms=4)
    volume = next(one for one in hands.world.host("HV-B").volumes if one.letter == "D")
    size, free = hands.vm("HV-A", "App01").disks[0].file_size, volume.free
    hands.enable()
    assert volume.free == free - size
    volume.free = 1024
    refused = hands.run("HV-A", "Enable-VMReplication", VM="App03", **ENABLE)
    assert (refused.refused, "0x80070070" in refused.errors[0].message) == (SERVICE, True)


def test_excluded_disk_does_not_exist_there() -> None:
    hands = Hands(vms=8)
    vm = hands.vm("HV-B", "App04")
    hands.enable("App04", "HV-B", "HV-A.corp.example", ExcludedVhdPath=[vm.disks[1].path])
    assert len(hands.vm("HV-A", "App04").disks) == 1
    shown = hands.ok("HV-B", "Get-VMReplication", VM="App04")[0]
    assert [d["Path"] for d in shown["ExcludedDisks"]] == [vm.disks[1].path]


EXTEND: list[tuple[str, dict[str, Any]]] = [
    ("every 30 seconds", {"ReplicationFrequencySec": 30}),
    ("more often than the first leg", {"ReplicationFrequencySec": 300}),
]


@pytest.mark.parametrize("facts", [c[1] for c in EXTEND], ids=[c[0] for c in EXTEND])
def test_extending_has_its_own_frequencies(facts: dict[str, Any]) -> None:
    hands = Hands(hosts=3, vms=3)
    hands.protect(ReplicationFrequencySec=900)
    given = {**ENABLE, "ReplicaServerName": "HV-C.corp.example", **facts}
    assert hands.run("HV-B", "Enable-VMReplication", VM="App01", **given).refused == BAD


def test_extending_twice_is_refused() -> None:
    hands = Hands(hosts=3, vms=3)
    hands.protect()
    given = {**ENABLE, "ReplicaServerName": "HV-C.corp.example"}
    hands.ok("HV-B", "Enable-VMReplication", VM="App01", **given)
    assert hands.run("HV-B", "Enable-VMReplication", VM="App01", **given).refused == FAILED
    assert hands.run("HV-C", "Enable-VMReplication", VM="App01", **ENABLE).refused == NOT_APPLICABLE


def test_mark_as_replica_is_refused_without_entry_and_twice(hands: Hands) -> None:
    hands.world.host("HV-B").server.entries.clear()
    assert hands.run("HV-B", "Enable-VMReplication", VM="App02", AsReplica=True).refused == BAD
    assert hands.run("HV-B", "Enable-VMReplication", VM="App01", AsReplica=True).refused == FAILED


def test_set_without_parameters_is_refused(hands: Hands) -> None:
    assert hands.run("HV-A", "Set-VMReplication", VM="App01").refused == FAILED


def test_settings_cannot_be_changed_on_the_replica(hands: Hands) -> None:
    assert hands.run("HV-B", "Set-VMReplication", VM="App01", RecoveryHistory=1).refused == NOT_APPLICABLE


@pytest.mark.parametrize("days", [-1, 8])
@pytest.mark.parametrize("aware", [True, False], ids=["aware", "unspecified"])
def test_a_start_in_the_past_or_far_ahead_is_refused(days: int, aware: bool) -> None:
    hands = Hands(vms=2)
    hands.enable()
    when = hands.world.clock.now() + timedelta(days=days)
    given = when if aware else when.replace(tzinfo=None)
    refused = hands.run("HV-A", "Start-VMInitialReplication", VM="App01", InitialReplicationStartTime=given)
    assert refused.refused == BAD


def test_disk_paths_compare_with_case(hands: Hands) -> None:
    paths = [disk.path.upper() for disk in hands.vm("HV-A", "App01").disks]
    assert hands.run("HV-A", "Set-VMReplication", VM="App01", ReplicatedDiskPaths=paths).refused == BAD


def test_kerberos_clears_the_thumbprint(hands: Hands) -> None:
    hands.relation("HV-A", "App01").thumbprint = "AB"
    hands.ok("HV-A", "Set-VMReplication", VM="App01", AuthenticationType=Enum("", "Kerberos"))
    assert hands.relation("HV-A", "App01").thumbprint == ""


def test_pointing_to_a_server_without_the_replica_is_refused() -> None:
    hands = Hands(hosts=3, vms=3)
    hands.protect()
    refused = hands.run("HV-A", "Set-VMReplication", VM="App01", ReplicaServerName="HV-C.corp.example")
    assert refused.refused == SERVICE
    hands.ok("HV-A", "Set-VMReplication", VM="App01", ReplicaServerName="hv-b")


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"ReplicationState": Enum("", "Disabled")}, WRONG_STATE),
        ({"ReplicationMode": Enum("", "None")}, WRONG_STATE),
        ({"ReplicationState": Enum("", "Replicating")}, ["App01"]),
        ({"ReplicationState": Enum("", "Error")}, []),
        ({"ReplicaServerName": "hv-b"}, ["App01"]),
        ({"ReplicaServerName": "HV-B.corp.example"}, ["App01"]),
        ({"PrimaryServerName": "HV-*"}, ["App01"]),
        ({"PrimaryServerName": "HV-Z"}, []),
        ({"ReplicationHealth": Enum("", "Critical")}, []),
        ({}, ["App01"]),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_filters_of_get_replication(hands: Hands, facts: dict[str, Any], found: Any) -> None:
    answer = hands.run("HV-A", "Get-VMReplication", **facts)
    assert (answer.refused or [one["VMName"] for one in answer.objects]) == found
