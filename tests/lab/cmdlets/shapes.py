"""The objects that Hyper-V's cmdlets give, made from the world: property names and .NET types as the module has them.

Names that exist only as aliases of the module's types file (VMName on a VM, State on a VMReplication) are left out:
who relies on them fails here. Building is cheap; a thousand VMs are listed in well under a second.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import cache
from typing import Any

from ..values import Enum, Number, Obj
from ..world.host import Host
from ..world.recovery_point import RecoveryPoint
from ..world.relation import Relation
from ..world.storage import Disk
from ..world.vm import VM
from .words import drive_id, drive_name

SPACE = "Microsoft.HyperV.PowerShell"
VM_TYPE, REPLICATION_TYPE = f"{SPACE}.VirtualMachine", f"{SPACE}.VMReplication"
NO_ID = uuid.UUID(int=0)


@cache
def enum(kind: str, name: str) -> Enum:
    """A value of an enum of the module."""
    return Enum(f"{SPACE}.{kind}", name)


def wide(value: int) -> Number:
    """An Int64."""
    return Number("Int64", value)


def unsigned(value: int) -> Number:
    """A UInt64."""
    return Number("UInt64", value)


def count(value: int) -> Number:
    """A UInt32."""
    return Number("UInt32", value)


def standard(host: Host) -> dict[str, Any]:
    """What every object of the module ends with."""
    return {"CimSession": "CimSession: .", "ComputerName": host.name, "IsDeleted": False}


def vm_text(vm: VM) -> str:
    """How a VM prints, and travels when it is nested."""
    return f"VirtualMachine (Name = '{vm.name}') [Id = '{vm.id}']"


def part_text(kind: str, name: str, vm: VM, part_id: str = "") -> str:
    """How a part of a VM prints: with its own id, where it has one, and the VM's."""
    own = f"Id = '{part_id}', " if part_id else ""
    return f"{kind} (Name = '{name}', VMName = '{vm.name}') [{own}VMId = '{vm.id}']"


def shown_state(vm: VM, relation: Relation | None) -> str:
    """ReplicationState as it is shown: a test VM, and a prepared extended leg, show Disabled (observed behaviour)."""
    if relation is None or vm.test_of is not None:
        return "Disabled"
    if relation.kind == "Extended" and relation.state == "PreparedForFailover":
        return "Disabled"
    return relation.state


def virtual_machine(host: Host, vm: VM, health: str) -> Obj:
    """A VirtualMachine, as Get-VM gives it. Replication reads the Simple relation only."""
    now = host.world.clock.now()
    return Obj(
        VM_TYPE,
        {**_identity(host, vm, now, health), **_settings(vm), **_parts(host, vm), **standard(host)},
        vm_text(vm),
    )


def _statuses(vm: VM) -> list[Enum]:
    """What it does, or how it is: first whether all is well, then an operation under way, then conditions."""
    told = ("InService", vm.busy, *vm.conditions) if vm.busy else ("Ok", *vm.conditions)
    return [enum("VMOperationalStatus", name) for name in told]


def _identity(host: Host, vm: VM, now: Any, health: str) -> dict[str, Any]:
    statuses = _statuses(vm)
    beats = vm.heartbeat(now)
    return {
        "Name": vm.name,
        "Id": vm.id,
        "State": enum("VMState", vm.state),
        "Status": "Operating normally" if not vm.busy else vm.busy,
        "Uptime": vm.uptime(now),
        "CPUUsage": 1 if vm.state == "Running" else 0,
        "MemoryAssigned": wide(vm.memory_startup if vm.alive else 0),
        "MemoryDemand": wide(vm.memory_startup // 2 if vm.alive else 0),
        "MemoryStatus": "OK" if vm.alive else "",
        "Heartbeat": None
        if vm.state != "Running"
        else enum("VMHeartbeatStatus", f"OkApplications{vm.guest.applications}" if beats else "NoContact"),
        "OperationalStatus": statuses,
        "PrimaryOperationalStatus": statuses[0],
        "PrimaryStatusDescription": "Operating normally" if not vm.busy else vm.busy,
        "SecondaryOperationalStatus": statuses[1] if len(statuses) > 1 else None,
        "ReplicationHealth": enum("VMReplicationHealthState", health),
        "ReplicationMode": enum("VMReplicationMode", vm.mode),
        "ReplicationState": enum("VMReplicationState", shown_state(vm, vm.relation)),
        "IsClustered": vm.clustered,
        "CreationTime": host.local(vm.created),
        "Path": vm.path,
        "ConfigurationLocation": vm.path,
        "SnapshotFileLocation": vm.path,
    }


def _settings(vm: VM) -> dict[str, Any]:
    return {
        "Generation": vm.generation,
        "Version": vm.version,
        "VirtualMachineType": enum("VirtualMachineType", "RealizedVirtualMachine"),
        "VirtualMachineSubType": enum("VirtualMachineSubType", f"Generation{vm.generation}"),
        "ProcessorCount": wide(vm.processors),
        "MemoryStartup": wide(vm.memory_startup),
        # Of a VM with fixed memory both are there and mean nothing.
        "MemoryMinimum": wide(512 * 1024**2 if not vm.dynamic_memory else vm.memory_startup // 2),
        "MemoryMaximum": wide(1024**4 if not vm.dynamic_memory else vm.memory_startup * 4),
        "DynamicMemoryEnabled": vm.dynamic_memory,
        "AutomaticStartAction": enum("StartAction", vm.start_action),
        "AutomaticStartDelay": vm.start_delay,
        "AutomaticStopAction": enum("StopAction", vm.stop_action),
        "AutomaticCriticalErrorAction": enum("CriticalErrorAction", "Pause"),
        "AutomaticCriticalErrorActionTimeout": 30,
        "AutomaticCheckpointsEnabled": bool(vm.settings.get("AutomaticCheckpointsEnabled", False)),
        "CheckpointType": enum("CheckpointType", vm.checkpoint_type),
        "LockOnDisconnect": enum("OnOffState", "Off"),
        "Notes": vm.notes,
        "ParentSnapshotId": None,
        "ParentSnapshotName": None,
        "ResourceMeteringEnabled": False,
        "SizeOfSystemFiles": wide(100_000),
    }


def _parts(host: Host, vm: VM) -> dict[str, Any]:
    drives = [("HardDiskDrive", drive_name(disk, host.language), drive_id(vm, disk)) for disk in vm.disks]
    return {
        "HardDrives": [_named_part(*drive, vm) for drive in drives],
        "NetworkAdapters": [_named_part("VMNetworkAdapter", adapter.name, adapter.id, vm) for adapter in vm.adapters],
        "DVDDrives": [],
    }


def _named_part(kind: str, name: str, part_id: str, vm: VM) -> Obj:
    facts = {"Name": name, "Id": part_id, "VMName": vm.name, "VMId": vm.id}
    return Obj(f"{SPACE}.{kind}", facts, part_text(kind, name, vm, part_id))


def disk_part(host: Host, vm: VM, disk: Disk) -> Obj:
    """A HardDiskDrive as it stands in a VMReplication: enough to tell which disk it is."""
    name, own_id = drive_name(disk, host.language), drive_id(vm, disk)
    return Obj(
        f"{SPACE}.HardDiskDrive",
        {
            "Path": disk.path,
            "DiskNumber": disk.disk_number,
            "ControllerType": enum("ControllerType", disk.controller),
            "ControllerNumber": disk.number,
            "ControllerLocation": disk.location,
            "Name": name,
            "Id": own_id,
            "PoolName": "Primordial",
            "VMId": vm.id,
            "VMName": vm.name,
            "VMSnapshotId": NO_ID,
            "VMSnapshotName": "",
        },
        part_text("HardDiskDrive", name, vm, own_id),
    )


def replication(host: Host, vm: VM, relation: Relation, health: str) -> Obj:
    """A VMReplication, as Get-VMReplication gives it."""
    return Obj(
        REPLICATION_TYPE,
        {
            **_relation_head(vm, relation, health),
            **_relation_settings(relation),
            "InitialReplicationStartTime": host.local(relation.initial_start),
            "ResynchronizeStartTime": host.local(relation.resync_start),
            "LastReplicationTime": host.local(relation.last_replication),
            "LastAppliedLogTime": host.local(relation.last_applied),
            "ReplicatedDisks": [disk_part(host, vm, disk) for disk in vm.disks if disk.id in relation.disks],
            "ExcludedDisks": [disk_part(host, vm, disk) for disk in vm.disks if disk.id not in relation.disks],
            "TestVirtualMachine": _test_vm(host, vm, relation),
            **standard(host),
        },
        part_text("VMReplication", vm.name, vm),
    )


def _test_vm(host: Host, vm: VM, relation: Relation) -> Obj | None:
    if vm.test_vm is None or relation.kind == "Extended":
        return None
    return virtual_machine(host, vm.test_vm, "NotApplicable")


def _relation_head(vm: VM, relation: Relation, health: str) -> dict[str, Any]:
    return {
        "VMName": vm.name,
        "VMId": vm.id,
        "VMSnapshotId": NO_ID,
        "VMSnapshotName": "",
        "ReplicationMode": enum("VMReplicationMode", relation.mode),
        "ReplicationState": enum("VMReplicationState", shown_state(vm, relation)),
        "ReplicationHealth": enum("VMReplicationHealthState", health),
        "ReplicationRelationshipType": enum("VMReplicationRelationshipType", relation.kind),
        "PrimaryServerName": relation.primary_server,
        "ReplicaServerName": relation.replica_server,
        "CurrentReplicaServerName": relation.current_replica_server,
    }


def _relation_settings(relation: Relation) -> dict[str, Any]:
    settings = relation.settings
    return {
        "AllowedPrimaryServer": relation.allowed_primary,
        "ReplicaServerPort": relation.port,
        "AuthenticationType": enum("ReplicationAuthenticationType", relation.authentication),
        "CertificateThumbprint": relation.thumbprint,
        "ReplicationFrequencySec": settings.frequency,
        "RecoveryHistory": settings.history,
        "VSSSnapshotReplicationEnabled": settings.vss_hours > 0,
        "VSSSnapshotFrequencyHour": settings.vss_hours,
        "CompressionEnabled": settings.compression,
        "BypassProxyServer": settings.bypass_proxy,
        "ReplicateHostKvpItems": settings.host_kvp,
        "EnableWriteOrderPreservationAcrossDisks": True,
        "AutoResynchronizeEnabled": settings.auto_resync,
        "AutoResynchronizeIntervalStart": settings.resync_start,
        "AutoResynchronizeIntervalEnd": settings.resync_end,
    }


def replication_health(host: Host, vm: VM, relation: Relation, health: str, pending: int, details: list[str]) -> Obj:
    """A VMReplicationHealth, as Measure-VMReplication gives it; sizes are bytes."""
    numbers = relation.statistics
    average = numbers.latency / numbers.succeeded if numbers.succeeded else None
    initial = sum(disk.file_size for disk in vm.disks if disk.id in relation.disks)
    properties = {
        **_relation_head(vm, relation, health),
        "CurrentTask": _tasks(host, relation),
        "MonitoringStartTime": host.local(numbers.since),
        "MonitoringEndTime": host.local(host.world.clock.now()) if numbers.since else None,
        "LastReplicationTime": host.local(relation.last_replication),
        "LastReplicationType": enum("VMReplicationType", relation.last_type),
        "FailedOverReplicationType": enum("VMReplicationType", relation.failed_over_type),
        "LastTestFailoverInitiatedTime": host.local(numbers.last_test),
        "LastVSSSnapshotTime": host.local(numbers.last_vss),
        "InitialReplicationSize": unsigned(initial if relation.initial_done else 0),
        "PendingReplicationSize": unsigned(pending),
        "AverageReplicationSize": unsigned(numbers.sent // numbers.succeeded if numbers.succeeded else 0),
        "MaximumReplicationSize": unsigned(numbers.largest),
        "AverageReplicationLatency": average,
        "MaximumReplicationLatency": numbers.slowest if numbers.slowest > timedelta() else None,
        "SuccessfulReplicationCount": count(numbers.succeeded),
        "MissedReplicationCount": count(numbers.missed),
        "ReplicationErrors": count(numbers.errors),
        "ReplicationHealthDetails": details,
        **standard(host),
    }
    return Obj(f"{SPACE}.VMReplicationHealth", properties, part_text("VMReplicationHealth", vm.name, vm))


TASKS = {
    "initial": "Sending initial replica",
    "export": "Exporting initial replica",
    "import": "Importing initial replica",
    "resync": "Resynchronizing",
    "update": "Updating replicated disks",
    "delta": "Sending delta",
    "failover": "Failing over",
}


def _tasks(host: Host, relation: Relation) -> list[Obj]:
    work = relation.transfer
    if work is None:
        return []
    name, percent = TASKS[work.kind], work.percent(host.world.clock.now())
    return [
        Obj(
            f"{SPACE}.VMCurrentTask",
            {"Name": name, "PercentComplete": percent, "StartTime": host.local(work.began), "Status": "Running"},
            f"{name} ({percent}%)",
        )
    ]


def recovery_point(host: Host, vm: VM, point: RecoveryPoint) -> Obj:
    """A VMSnapshot for a recovery point. Select by Id or CreationTime: its name holds a local date."""
    name = point.name(vm.name, point.created.astimezone(host.time_zone))
    properties = {
        "Name": name,
        "Id": point.id,
        "SnapshotType": enum("SnapshotType", point.kind),
        "CreationTime": host.local(point.created),
        "VMId": vm.id,
        "VMName": vm.name,
        "ParentSnapshotId": None,
        "ParentSnapshotName": None,
        "State": enum("VMState", "Off"),
        "Path": vm.path,
        "Notes": "",
        "Version": vm.version,
        "IsAutomaticCheckpoint": False,
        **standard(host),
    }
    return Obj(f"{SPACE}.VMSnapshot", properties, part_text("VMSnapshot", name, vm, str(point.id)))
