"""Shorthand of the information cases: rows with the properties that a case says something about, the rest as usual."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.pipeline import Pipeline
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.base.session import (
    ErrorRecord,
    FunctionSession,
    Output,
    Row,
)
from ansible_collections.hyperv.replica.plugins.plugin_utils._replica.facts.info import SPEC, gather, read_options

VM_ID = "11111111-1111-1111-1111-111111111111"
NAMESPACE = "Microsoft.HyperV.PowerShell."
USUAL: dict[str, tuple[str, dict[str, Any]]] = {
    "host": (
        "VMHost",
        {"Name": "HV-A", "FullyQualifiedDomainName": "example.test", "MemoryCapacity": 64 << 30,
         "LogicalProcessorCount": 8, "VirtualMachinePath": "D:\\VM", "VirtualHardDiskPath": "D:\\VHD",
         "SupportedVmVersions": ["10.0", "12.0"]},
    ),
    "vm": (
        "VirtualMachine",
        {"Id": VM_ID, "Name": "App01", "State": "Off", "ReplicationMode": "None", "ReplicationState": "Disabled",
         "ReplicationHealth": "NotApplicable", "Uptime": "PT0S", "Heartbeat": None, "PrimaryOperationalStatus": "Ok",
         "SecondaryOperationalStatus": None, "IsClustered": False, "Generation": 2, "Version": "10.0",
         "MemoryStartup": 2 << 30, "MemoryAssigned": 0, "DynamicMemoryEnabled": False,
         "AutomaticStartAction": "StartIfRunning", "AutomaticStartDelay": 0,
         "CreationTime": "2026-03-01T08:00:00+01:00"},
    ),
    "relation": (
        "VMReplication",
        {"VMId": VM_ID, "VMName": "App01", "ReplicationRelationshipType": "Simple", "ReplicationMode": "Primary",
         "ReplicationState": "Replicating", "ReplicationHealth": "Normal", "PrimaryServerName": "hv-a.example.test",
         "ReplicaServerName": "hv-b.example.test", "CurrentReplicaServerName": "hv-b.example.test",
         "AllowedPrimaryServer": "", "ReplicaServerPort": 80, "AuthenticationType": "Kerberos",
         "CertificateThumbprint": "", "ReplicationFrequencySec": 300, "RecoveryHistory": 0,
         "VSSSnapshotFrequencyHour": 0, "CompressionEnabled": True, "BypassProxyServer": False,
         "ReplicateHostKvpItems": True, "AutoResynchronizeEnabled": False,
         "AutoResynchronizeIntervalStart": "PT18H30M", "AutoResynchronizeIntervalEnd": "PT6H",
         "InitialReplicationStartTime": None, "ResynchronizeStartTime": None, "LastReplicationTime": None,
         "LastAppliedLogTime": None, "TestVirtualMachine": None},
    ),
}  # fmt: skip


def row(short: dict[str, Any]) -> Row:
    """A row of a case: `text: …` for a bare text, `vm: {…}` over the usual ones, or type and properties in full."""
    if "text" in short:
        return Row("System.String", {"Value": short["text"]}, short["text"])
    if "type" in short:
        return Row(short["type"], dict(short["properties"]))
    ((kind, properties),) = short.items()
    type_name, usual = USUAL.get(kind, (kind, {}))
    return Row(NAMESPACE + type_name, {**usual, **properties})


def output(answer: dict[str, Any]) -> Output:
    """The answer of one pipeline."""
    errors = (
        ErrorRecord(**{"category": "NotSpecified", "message": "", **e, "codes": tuple(e.get("codes", ()))})
        for e in answer.get("errors", ())
    )
    return Output(tuple(row(short) for short in answer.get("rows", ())), tuple(errors))


def options_of(given: dict[str, Any]) -> dict[str, Any]:
    """Options as a task gets them: those given, over the defaults of the argument spec."""
    unknown = set(given) - set(SPEC)
    if unknown:
        raise ValueError(f"no such option: {unknown}")
    return {**{name: spec.get("default") for name, spec in SPEC.items()}, **given}


def run(session: FunctionSession, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The result of a task, and the kinds of the pipelines that it sent, in order."""
    gathering = gather(
        read_options(options_of(given)), session.host, lambda: datetime(2026, 3, 1, 17, 29, tzinfo=timezone.utc)
    )
    kinds: list[str] = []
    answer: Output | None = None
    while True:
        try:
            request = next(gathering) if answer is None else gathering.send(answer)
        except StopIteration as end:
            return end.value, kinds
        kinds.append(request.kind)
        answer = session.run(request.pipeline)


def session_of(answers: dict[str, Any]) -> FunctionSession:
    """A host that answers each pipeline by its kind, told by the cmdlets in it."""
    return FunctionSession("hv-a", lambda pipeline: output(answers[kind_of(pipeline)]))


def kind_of(pipeline: Pipeline) -> str:
    """The kind that a pipeline asks for."""
    names = {command.name for statement in pipeline.statements for command in statement.commands}
    for cmdlet, kind in (
        ("Measure-VMReplication", "statistics"), ("Get-VMSnapshot", "recovery_points"), ("Get-VHD", "disk_sizes"),
        ("Get-VMHardDiskDrive", "disks"), ("Get-VMSecurity", "security"),
        ("Get-VMIntegrationService", "integration_services"), ("Get-VMNetworkAdapterVlan", "vlans"),
        ("Get-VMNetworkAdapterFailoverConfiguration", "failover_network"), ("Get-VMNetworkAdapter", "adapters"),
        ("Get-VMReplicationServer", "server"), ("Get-ChildItem", "certificates"), ("Get-Volume", "storage"),
        ("Get-VMSwitch", "switches"), ("Get-Cluster", "cluster"), ("Get-VMReplication", "relations"),
        ("Get-VMHost", "host"), ("Get-Date", "test_vms"),
    ):  # fmt: skip
        if cmdlet in names:
            return kind
    raise ValueError(f"a pipeline of no kind: {names}")
