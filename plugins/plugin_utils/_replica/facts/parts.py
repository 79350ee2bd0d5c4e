# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Parts of a VM, a kind each: statistics, recovery points, disks and their sizes, security, integration services.

Sources: Microsoft's pages of the cmdlets named, and the public property lists of the Hyper-V module 2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..base.pipeline import Command, Pipeline
from ..base.properties import expand, select
from ..base.session import Output, Row
from ..base.values import path_key
from .disks import place_of_id
from .record import Column, age, as_list, in_seconds, in_utc, properties, record, vm_id
from .scope import Scope
from .section import Answer, VMKind

STATISTICS = (
    Column("type", "ReplicationRelationshipType"),
    Column("monitoring_start_time", "MonitoringStartTime", in_utc),
    Column("monitoring_end_time", "MonitoringEndTime", in_utc),
    Column("last_replication_type", "LastReplicationType"),
    Column("failed_over_replication_type", "FailedOverReplicationType"),
    Column("last_test_failover_time", "LastTestFailoverInitiatedTime", in_utc),
    Column("last_vss_snapshot_time", "LastVSSSnapshotTime", in_utc),
    Column("initial_replication_bytes", "InitialReplicationSize"),
    Column("pending_bytes", "PendingReplicationSize"),
    Column("average_bytes", "AverageReplicationSize"),
    Column("maximum_bytes", "MaximumReplicationSize"),
    Column("average_latency_seconds", "AverageReplicationLatency", in_seconds),
    Column("maximum_latency_seconds", "MaximumReplicationLatency", in_seconds),
    Column("successful_count", "SuccessfulReplicationCount"),
    Column("missed_count", "MissedReplicationCount"),
    Column("error_count", "ReplicationErrors"),
    Column("health_details", "ReplicationHealthDetails", as_list),
)
RECOVERY_POINT = (
    Column("id", "Id"),
    Column("name", "Name"),
    Column("type", "SnapshotType"),
    Column("time", "CreationTime", in_utc),
    Column("age_seconds", "CreationTime", age),
)
RECOVERY_POINT_TYPES = ("Replica", "AppConsistentReplica", "SyncedReplica")
DISK = (
    Column("id", "Id"),
    Column("path", "Path"),
    Column("controller_type", "ControllerType"),
    Column("controller_number", "ControllerNumber"),
    Column("controller_location", "ControllerLocation"),
    Column("disk_number", "DiskNumber"),
)
SIZE = (
    Column("path", "Path"),
    Column("format", "VhdFormat"),
    Column("type", "VhdType"),
    Column("size_bytes", "Size"),
    Column("file_size_bytes", "FileSize"),
    Column("parent_path", "ParentPath"),
)
SECURITY = (
    Column("tpm", "TpmEnabled"),
    Column("shielded", "Shielded"),
    Column("encrypt_state_and_migration", "EncryptStateAndVmMigrationTraffic"),
)
SERVICE = (
    Column("id", "Id"),
    Column("name", "Name"),
    Column("enabled", "Enabled"),
    Column("status", "PrimaryOperationalStatus"),
    Column("status_text", "PrimaryStatusDescription"),
)
# Names of the services are translated, the last part of their ids is not. English names are what is left to go by where
# a build shows other ids. Source of the names: https://learn.microsoft.com/powershell/module/hyper-v/get-vmintegrationservice
# Source of the ids: observed behaviour, not documented; each was read in two public places that do not know each other.
SERVICE_IDS: Mapping[str, str] = {
    "9f8233ac-be49-4c79-8ee3-e7e1985b2077": "shutdown",
    "84eaae65-2f2e-45f5-9bb5-0e857dc8eb47": "heartbeat",
    "2497f4de-e9fa-4204-80e4-4b75c46419c0": "time_synchronization",
    "2a34b1c2-fd73-4043-8a5b-dd2159bc743f": "key_value_pair_exchange",
    "5ced1297-4598-4915-a5fc-ad21bb4d02a4": "vss",
    "6c09bb55-d683-4da0-8931-c9bf705f6480": "guest_services",
}
SERVICE_NAMES: Mapping[str, str] = {
    "shutdown": "shutdown",
    "heartbeat": "heartbeat",
    "time synchronization": "time_synchronization",
    "key-value pair exchange": "key_value_pair_exchange",
    "vss": "vss",
    "guest service interface": "guest_services",
}


def grouped(pairs: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Records by the VM that they belong to, in the order received."""
    result: dict[str, list[dict[str, Any]]] = {}
    for vm, part in pairs:
        result.setdefault(vm, []).append(part)
    return result


def _query_statistics(scope: Scope) -> Pipeline | None:
    """Bare, Measure-VMReplication leaves VMs without replication out; piped to it, they are errors.

    Whether the bare form answers for extended legs too is not documented: these are asked for, and counted once.
    """
    if not scope.replicating:
        return None
    columns = select("VMReplicationHealth", "VMId", *properties(STATISTICS))
    measure = Command("Measure-VMReplication")
    first = (measure if scope.all_replicate else scope.only(scope.replicating) | measure) | columns
    if not scope.extended:
        return Pipeline.of(first)
    legs = Command("Measure-VMReplication", {"ReplicationRelationshipType": "Extended"})
    return Pipeline.of(first, scope.only(scope.extended) | legs | columns)


def _parse_statistics(answer: Answer) -> Mapping[str, Any]:
    cmdlet = "Measure-VMReplication"
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for row in answer.output.of_type("VMReplicationHealth"):
        part = record(row, STATISTICS, answer.scope.clock, cmdlet)
        seen[vm_id(row, cmdlet), str(part["type"])] = part
    return grouped((vm, part) for (vm, _unused), part in seen.items())


def _query_recovery_points(scope: Scope) -> Pipeline | None:
    """Only a replica has recovery points. Ordinary checkpoints come along and are left out here."""
    if not scope.replicas:
        return None
    columns = select("VMSnapshot", "VMId", *properties(RECOVERY_POINT))
    return Pipeline.of(scope.vms(scope.replicas) | Command("Get-VMSnapshot") | columns)


def _parse_recovery_points(answer: Answer) -> Mapping[str, Any]:
    cmdlet = "Get-VMSnapshot"
    found = (
        (vm_id(row, cmdlet), record(row, RECOVERY_POINT, answer.scope.clock, cmdlet)) for row in answer.output.rows
    )
    points = grouped((vm, point) for vm, point in found if point["type"] in RECOVERY_POINT_TYPES)
    for of_vm in points.values():
        of_vm.sort(key=lambda point: point["time"] or "", reverse=True)
    return points


def _query_disks(scope: Scope) -> Pipeline | None:
    """Attached drives, then those in the relations: the latter's rows have no place, which tells them apart."""
    attached = scope.vms() | Command("Get-VMHardDiskDrive") | select("HardDiskDrive", "VMId", *properties(DISK))
    if not scope.replicating:
        return Pipeline.of(attached)
    disks = expand("VMReplication", "ReplicatedDisks")
    return Pipeline.of(attached, scope.relations() | disks | select("HardDiskDrive", "VMId", "Id", "Path"))


def _parse_disks(answer: Answer) -> Mapping[str, Any]:
    cmdlet = "Get-VMHardDiskDrive"
    rows = answer.output.of_type("HardDiskDrive")
    marks = {key for row in rows if "ControllerType" not in row.properties for key in _disk_keys(row)}
    replicating = frozenset(answer.scope.replicating)
    disks = []
    for row in rows:
        if "ControllerType" in row.properties:
            vm = vm_id(row, cmdlet)
            disk = record(row, DISK, answer.scope.clock, cmdlet)
            disk["place"] = f"{disk['controller_type']} {disk['controller_number']}:{disk['controller_location']}"
            disk["replicated"] = not marks.isdisjoint(_disk_keys(row)) if vm in replicating else None
            disks.append((vm, disk))
    return grouped(disks)


def _disk_keys(row: Row) -> tuple[tuple[str, str], ...]:
    """By what a drive is told again: its id, which holds its place, and its path, which a checkpoint changes."""
    vm, drive, path = str(row.properties["VMId"]).lower(), row.properties["Id"], row.properties["Path"]
    keys = (str(drive or "").casefold() if place_of_id(drive) else "", path_key(path))
    return tuple((vm, key) for key in keys if key)


def _query_sizes(scope: Scope) -> Pipeline | None:
    """Get-VHD opens each file; pass-through disks have none (their path is a description, not a file's name)."""
    drives = scope.vms() | Command("Get-VMHardDiskDrive")
    files = drives | Command("Where-Object", {"Property": "Path", "Like": True, "Value": "*.*vhd*"})
    return Pipeline.of(
        drives | select("HardDiskDrive", "VMId", "Path"),
        files | Command("Get-VHD") | select("VirtualHardDisk", *properties(SIZE)),
    )


def _parse_sizes(answer: Answer) -> Mapping[str, Any]:
    cmdlet = "Get-VHD"
    owner = {path_key(path): vm for path, vm in _drive_paths(answer.output).items()}
    sizes = (record(row, SIZE, answer.scope.clock, cmdlet) for row in answer.output.rows if "VhdType" in row.properties)
    known = ((owner.get(path_key(size["path"])), size) for size in sizes)
    return grouped((vm, size) for vm, size in known if vm is not None)


def _drive_paths(output: Output) -> Mapping[str, str]:
    return {
        str(row.properties["Path"]): str(row.properties["VMId"]).lower()
        for row in output.of_type("HardDiskDrive")
        if row.properties.get("Path")
    }


def _query_security(scope: Scope) -> Pipeline | None:
    return Pipeline.of(scope.vms() | Command("Get-VMSecurity") | select("VMSecurity", "VMId", *properties(SECURITY)))


def _parse_security(answer: Answer) -> Mapping[str, Any]:
    cmdlet = "Get-VMSecurity"
    return {vm_id(row, cmdlet): record(row, SECURITY, answer.scope.clock, cmdlet) for row in answer.output.rows}


def _query_services(scope: Scope) -> Pipeline | None:
    columns = select("VMIntegrationComponent", "VMId", *properties(SERVICE))
    return Pipeline.of(scope.vms() | Command("Get-VMIntegrationService") | columns)


def _parse_services(answer: Answer) -> Mapping[str, Any]:
    cmdlet = "Get-VMIntegrationService"
    services = []
    for row in answer.output.rows:
        service = record(row, SERVICE, answer.scope.clock, cmdlet)
        last = str(service["id"]).rpartition("\\")[2].lower()
        service["service"] = SERVICE_IDS.get(last) or SERVICE_NAMES.get(str(service["name"]).lower())
        services.append((vm_id(row, cmdlet), service))
    return grouped(services)


def _replicating(scope: Scope) -> tuple[str, ...]:
    return scope.replicating


def _everyone(scope: Scope) -> tuple[str, ...]:
    return tuple(scope.names)


def _nothing() -> None:
    return None


PARTS = (
    VMKind("statistics", _query_statistics, _parse_statistics, must=_replicating),
    VMKind("recovery_points", _query_recovery_points, _parse_recovery_points),
    VMKind("disks", _query_disks, _parse_disks),
    VMKind("disk_sizes", _query_sizes, _parse_sizes, paths=_drive_paths),
    VMKind("security", _query_security, _parse_security, empty=_nothing, must=_everyone),
    VMKind("integration_services", _query_services, _parse_services, must=_everyone),
)
