"""What hyperv_vm_replication asks of a host, and what it makes of the answers: never "absent" from an error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.errors import (
    OptionError,
    RemoteError,
    UnexpectedOutput,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Pipeline
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import ErrorRecord, Output, Row
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.engine.plan import Refused
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.cluster import query_cluster
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation.resource import RELATION
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.relation.want import Want

HYPERV = "Microsoft.HyperV.PowerShell."
ID = "11111111-2222-3333-4444-555555555501"
DISK = {
    "VMId": ID,
    "Path": "D:\\os.vhdx",
    "DiskNumber": None,
    "ControllerType": "SCSI",
    "ControllerNumber": 0,
    "ControllerLocation": 1,
    "SupportPersistentReservations": False,
}
RELATION_ROW = {
    "VMId": ID,
    "VMName": "App01",
    "ReplicationRelationshipType": "Simple",
    "ReplicationMode": "Primary",
    "ReplicationState": "Replicating",
    "ReplicationHealth": "Normal",
    "PrimaryServerName": "HV-A.example.com",
    "ReplicaServerName": "hv-b.example.com",
    "CurrentReplicaServerName": "hv-b.example.com",
    "AllowedPrimaryServer": "",
    "InitialReplicationStartTime": None,
    "ResynchronizeStartTime": None,
    "LastReplicationTime": "2026-03-01T11:00:00.1234567+01:00",
    "TestVirtualMachine": None,
    "ReplicatedDisks": [DISK],
    "ReplicaServerPort": 80,
    "AuthenticationType": "Kerberos",
    "CertificateThumbprint": "",
    "ReplicationFrequencySec": 300,
    "RecoveryHistory": 4,
    "VSSSnapshotFrequencyHour": 0,
    "CompressionEnabled": True,
    "AutoResynchronizeEnabled": False,
    "AutoResynchronizeIntervalStart": "PT18H30M",
    "AutoResynchronizeIntervalEnd": "P1D",
    "BypassProxyServer": False,
    "ReplicateHostKvpItems": True,
}
VM_ROW = {"Id": ID, "Name": "App01", "State": "Running", "ReplicationMode": "Primary", "IsClustered": False}
HOST = Row(HYPERV + "VMHost", {"Name": "HV-A", "FullyQualifiedDomainName": "example.com"})


def want(**options: Any) -> Want:
    defaults = {name: row.get("default") for name, row in RELATION.spec.items()}
    return RELATION.read_options({**defaults, "names": ["App01"], **options})


def answer(*errors: ErrorRecord, **changes: Any) -> Output:
    rows = [
        HOST,
        Row(HYPERV + "VirtualMachine", VM_ROW),
        Row(HYPERV + "VMReplication", {**RELATION_ROW, **changes}),
        Row(HYPERV + "HardDiskDrive", DISK),
    ]
    return Output(tuple(rows), errors)


def sources(pipeline: Pipeline) -> list[str]:
    return [statement.commands[0].name for statement in pipeline.statements]


def test_a_row_becomes_a_relation() -> None:
    have = RELATION.parse(answer(), want(replica_server="hv-b.example.com"))
    vm = have.vms[ID]
    relation = vm.relations["Simple"]
    assert have.host == "HV-A.example.com"
    assert (relation.mode, relation.state, relation.health) == ("Primary", "Replicating", "Normal")
    assert relation.last_replication_time == "2026-03-01T10:00:00.123456Z"
    assert [disk.place for disk in relation.disks] == ["SCSI 0:1"]
    assert relation.settings == {
        "replica_port": 80,
        "authentication": "kerberos",
        "certificate_thumbprint": "",
        "frequency": 300,
        "recovery_history": 4,
        "app_consistent_hours": 0,
        "compression": True,
        "auto_resynchronize": False,
        "auto_resynchronize_from": "18:30:00",
        "auto_resynchronize_until": "00:00:00",
        "bypass_proxy": False,
        "host_kvp": True,
    }


def test_the_whole_read_is_one_pipeline_and_reads_only() -> None:
    plain = RELATION.query(want(replica_server="hv-b.example.com"))
    assert sources(plain) == ["Get-VMHost", "Get-VM", "Get-VMReplication", "Get-VM", "Get-VM", "Get-ClusterGroup"]
    many = RELATION.query(want(names=[f"App{number}" for number in range(1000)], replica_server="hv-b.example.com"))
    assert len(many.statements) == len(plain.statements)


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ({"wait": True}, "Measure-VMReplication"),
        ({"initial_copy_start": "2026-03-01T10:00:00Z"}, "Get-Date"),
        ({"authentication": "certificate", "certificate_thumbprint": "auto"}, "Get-ChildItem"),
    ],
)
def test_what_is_not_needed_is_not_asked(options: dict[str, Any], more: str) -> None:
    asked = {"replica_server": "hv-b.example.com"}
    assert more in sources(RELATION.query(want(**asked, **options)))
    assert more not in sources(RELATION.query(want(**asked)))


def test_names_are_never_patterns() -> None:
    pipeline = RELATION.query(want(names=["web[1]"], replica_server="hv-b.example.com"))
    for statement in pipeline.statements:
        for command in statement.commands:
            assert not {"VMName", "Name"} & set(command.parameters), f"{command.name} would take a pattern"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            ErrorRecord("AccessDenied,Microsoft.HyperV.PowerShell.Commands.GetVM", "PermissionDenied", "no"),
            "Hyper-V Administrators",
        ),
        (
            ErrorRecord("CommandNotFoundException", "ObjectNotFound", "not recognized", "Hyper-V\\Get-VMReplication"),
            "Is the Hyper-V role",
        ),
        (
            ErrorRecord("OperationFailed,Microsoft.HyperV.PowerShell.Commands.GetVMReplication", "NotSpecified", "x"),
            "Nothing was changed",
        ),
    ],
)
def test_an_error_of_the_read_is_a_failure_and_never_absent(error: ErrorRecord, advice: str) -> None:
    for output in (answer(error), Output((HOST,), (error,)), Output((), (error,))):
        with pytest.raises(RemoteError, match=advice):
            RELATION.parse(output, want(state="absent"))


def test_a_host_without_a_cluster_is_no_error() -> None:
    missing = ErrorRecord("CommandNotFoundException", "ObjectNotFound", "x", "FailoverClusters\\Get-ClusterGroup")
    assert ID in RELATION.parse(answer(missing), want(replica_server="hv-b.example.com")).vms


NO_SECURITY = ErrorRecord("NotSupported,Microsoft.HyperV.PowerShell.Commands.GetVMSecurity", "InvalidOperation", "x")


@pytest.mark.parametrize(("generation", "tpm"), [(1, False), (2, None), (None, None)])
def test_an_untold_tpm_is_no_failure_and_not_absent(generation: int | None, tpm: bool | None) -> None:
    vm = Row(HYPERV + "VirtualMachine", {**VM_ROW, "Generation": generation})
    output = Output((HOST, vm), (NO_SECURITY,))
    assert RELATION.parse(output, want(replica_server="hv-b.example.com")).vms[ID].tpm is tpm


@pytest.mark.parametrize("value", [None, ""])
def test_no_test_vm(value: Any) -> None:
    have = RELATION.parse(answer(TestVirtualMachine=value), want(replica_server="hv-b.example.com"))
    assert have.vms[ID].relations["Simple"].test_vm is False


def test_disks_that_came_as_text_are_told_by_their_place() -> None:
    text = (
        "HardDiskDrive (Name = 'Hard Drive on SCSI controller number 0 at location 1', VMName = 'App01')"
        f" [Id = 'Microsoft:{ID.upper()}\\9B0C2E44-6A1D-4F7B-8E3C-5D2F1A0B9C88\\0\\1\\D', VMId = '{ID}']"
    )
    have = RELATION.parse(answer(ReplicatedDisks=[text]), want(replica_server="hv-b.example.com"))
    assert [disk.place for disk in have.vms[ID].relations["Simple"].disks] == ["SCSI 0:1"]


CLUSTERS = "Microsoft.FailoverClusters.PowerShell."
CLUSTER = Row(CLUSTERS + "Cluster", {"Name": "CL-1", "Domain": "example.com"})


def _broker(state: str) -> Row:
    facts = {"Name": "Broker", "State": state, "OwnerGroup": "g", "OwnerNode": "HV-A"}
    return Row(CLUSTERS + "ClusterResource", {**facts, "ResourceType": "Virtual Machine Replication Broker"})


def _unprotected(clustered: bool) -> Output:
    vm = Row(HYPERV + "VirtualMachine", {**VM_ROW, "ReplicationMode": "None", "IsClustered": clustered})
    return Output((HOST, vm, Row(HYPERV + "HardDiskDrive", DISK)))


@pytest.mark.parametrize(
    "rows, problem",
    [
        ((CLUSTER,), "cluster CL-1 has no Hyper-V Replica Broker"),
        ((CLUSTER, _broker("Failed")), "the Hyper-V Replica Broker of cluster CL-1 is Failed. Start it"),
        ((CLUSTER, _broker("Online")), ""),
        ((), ""),  # the cluster did not tell: Windows judges
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        {"replica_server": "hv-b.example.com", "authentication": "kerberos"},
        {"side": "replica", "initial_copy": "existing_copy"},
    ],
)
def test_a_clustered_vm_whose_cluster_has_no_broker_that_works_is_refused_before_anything_is_sent(
    rows: tuple[Row, ...], problem: str, options: dict[str, Any]
) -> None:
    task = want(**options)
    have = RELATION.parse(_unprotected(clustered=True), task)
    vm = replace(have.vms[ID], power="Off")
    have = have.with_vm(vm)
    assert RELATION.more(have, task) == query_cluster()
    decision = RELATION.decide(have, RELATION.learn(Output(rows), task), ID, frozenset())
    assert isinstance(decision, Refused) is bool(problem)
    assert not problem or problem in decision.message  # type: ignore[union-attr]


@pytest.mark.parametrize("clustered, output", [(False, _unprotected(False)), (True, answer())])
def test_the_cluster_is_asked_only_for_a_clustered_vm_that_is_not_protected(clustered: bool, output: Output) -> None:
    task = want(replica_server="hv-b.example.com")
    assert RELATION.more(RELATION.parse(output, task), task) is None


def test_a_vm_of_the_cluster_is_found_on_its_node() -> None:
    group = Row(
        "Microsoft.FailoverClusters.PowerShell.ClusterGroup",
        {"Name": "App01", "OwnerNode": "HV-C", "GroupType": "VirtualMachine"},
    )
    with pytest.raises(OptionError, match="its cluster runs it on HV-C"):
        RELATION.parse(Output((HOST, group)), want(replica_server="hv-b.example.com"))


@pytest.mark.parametrize(
    "changes",
    [
        {"LastReplicationTime": "yesterday"},
        {"ReplicatedDisks": ["HardDiskDrive (Name = 'x')"]},
        {"AutoResynchronizeIntervalStart": "late"},
    ],
)
def test_an_answer_that_cannot_be_read_is_not_taken_for_something_else(changes: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedOutput, match="Get-VMReplication"):
        RELATION.parse(answer(**changes), want(replica_server="hv-b.example.com"))


def test_without_the_host_nothing_is_known() -> None:
    with pytest.raises(UnexpectedOutput, match="Get-VMHost"):
        RELATION.parse(replace(answer(), rows=answer().rows[1:]), want(replica_server="hv-b.example.com"))
