# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reading what hyperv_vm_replication decides on: one pipeline, whatever the number of VMs.

Names are literal: `Where-Object -In` compares them whole and without case, and a name that matches nothing is simply
missing. Errors of a read are failures, with two exceptions: the cluster, asked to name the node of a VM that is not
here and this host by the name of its broker, may be unknown on a host that is in none; and Get-VMSecurity, asked for a
warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from ..base.errors import RemoteError, UnexpectedOutput
from ..base.names import host_name, query_host_name
from ..base.pipeline import Command, Pipeline, Statement
from ..base.properties import select
from ..base.session import ErrorRecord, Output, Row
from ..base.values import has_zone, number, time_text, time_utc
from ..facts.certificate import parse_certificates, query_certificates
from ..facts.cluster import ClusterUnreadable, cmdlet_of, owns, parse_cluster, query_cluster
from ..facts.disks import Disk, nested, parse_disk
from . import settings as relation_settings
from .find import check_host, subjects
from .have import VM, Have, Relation
from .want import ABSENT, AUTO, EXISTING, PRESENT, Want

_VM = ("Id", "Name", "State", "ReplicationMode", "IsClustered", "Generation", "AutomaticStartAction")
_DISK = (
    "VMId",
    "Path",
    "DiskNumber",
    "ControllerType",
    "ControllerNumber",
    "ControllerLocation",
    "SupportPersistentReservations",
)
_RELATION = (
    "VMId",
    "VMName",
    "ReplicationRelationshipType",
    "ReplicationMode",
    "ReplicationState",
    "ReplicationHealth",
    "PrimaryServerName",
    "ReplicaServerName",
    "CurrentReplicaServerName",
    "AllowedPrimaryServer",
    "InitialReplicationStartTime",
    "ResynchronizeStartTime",
    "LastReplicationTime",
    "TestVirtualMachine",
    "ReplicatedDisks",
)
_COPYING = "InitialReplicationInProgress"
_MAY_FAIL = "getvmsecurity"  # asked for a warning only


def query(want: Want) -> Pipeline:
    """Everything that the decisions need, in one pipeline."""
    statements: list[Statement] = [query_host_name()]
    for chosen in _selections(want):
        statements.extend(_of_vms(want, *chosen))
    found = Pipeline.of(*statements)
    if _wants_auto(want):
        found += query_certificates()
    elif want.copy_start and want.state == PRESENT:
        found += Pipeline.of(Command("Get-Date", {"Format": "o"}))
    found += _owners(want)
    return found + query_cluster() if _wants_broker(want) else found


def _owners(want: Want) -> Pipeline:
    """Which nodes own the VMs of these names.

    Last of all, because on a constrained endpoint a cmdlet that is unknown ends the statements after it (observed
    behaviour, not documented).
    """
    if not want.vms.names:
        return Pipeline(())
    groups = Command("Get-ClusterGroup") | _where_in("Name", want.vms.names)
    return Pipeline.of(groups | select("ClusterGroup", "Name", "OwnerNode", "GroupType"))


def _selections(want: Want) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The VM's property, the same property of what belongs to it, and the values."""
    if want.vms.names:
        yield "Name", "VMName", want.vms.names
    if want.wanted_ids:
        yield "Id", "VMId", want.wanted_ids


def _of_vms(want: Want, own: str, of_vm: str, chosen: tuple[str, ...]) -> Iterator[Statement]:
    vms = Command("Get-VM") | _where_in(own, chosen)
    settings = (row.read for row in relation_settings.SETTINGS)
    yield vms | select("VirtualMachine", *_VM)
    yield Command("Get-VMReplication") | _where_in(of_vm, chosen) | select("VMReplication", *_RELATION, *settings)
    if want.state == ABSENT:
        return
    yield vms | Command("Get-VMHardDiskDrive") | select("HardDiskDrive", *_DISK)
    if want.state == PRESENT and want.names_partner:
        yield vms | Command("Get-VMSecurity") | select("VMSecurity", "VMId", "TpmEnabled", "Shielded")
    if want.wait:
        copying = Command("Measure-VMReplication", {"ReplicationState": _COPYING}) | _where_in(of_vm, chosen)
        columns = ("VMId", "ReplicationRelationshipType", "PendingReplicationSize")
        yield copying | select("VMReplicationHealth", *columns)


def _where_in(name: str, values: Iterable[str]) -> Command:
    return Command("Where-Object", {"Property": name, "In": True, "Value": list(values)})


def _wants_auto(want: Want) -> bool:
    own = (values.settings for values in want.per_host.values())
    return want.state != ABSENT and any(
        settings.get("certificate_thumbprint") == AUTO for settings in (want.settings, *own)
    )


def _wants_broker(want: Want) -> bool:
    """True when the host's other name matters: `between` may name it by that, and a certificate has to."""
    return bool(want.between) or _wants_auto(want)


def more(have: Have, want: Want) -> Pipeline | None:
    """The cluster, where a VM of one is protected for the first time or marked as a replica: it needs a broker."""
    if _wants_broker(want) or want.state != PRESENT or not (want.names_partner or want.copy == EXISTING):
        return None
    new = (vm.clustered and (want.move or want.relationship not in vm.relations) for vm in have.vms.values())
    return query_cluster() if any(new) else None


def learn(output: Output, want: Want) -> Want:
    """The task with what is wrong with the broker of this host's cluster; a cluster that does not tell is left to
    Windows.
    """
    return replace(want, broker_problem=_broker(output)[1])


def parse(output: Output, want: Want) -> Have:
    """What the host said. Raises RemoteError for a read that failed, OptionError for what it proves to be wrong."""
    host = _host(output)
    failed = tuple(error for error in output.errors if not owns(error) and cmdlet_of(error) != _MAY_FAIL)
    if failed:
        raise RemoteError(host[0], "reading its VMs and their replication", failed, _advice(failed))
    broker, broker_problem = _broker(output) if _wants_broker(want) else (None, "")
    host += (broker,) if broker else ()
    check_host(want, host)
    have = Have(
        host=host[0],
        host_names=host,
        now=_now(output),
        vms={vm.id: vm for vm in _vms(output, want)},
        certificates=parse_certificates(output) if _wants_auto(want) else None,
        broker=broker,
        broker_problem=broker_problem,
        owners={str(r.properties["Name"]).casefold(): str(r.properties["OwnerNode"]) for r in _groups(output)},
    )
    subjects(have, want)  # names that mean nothing, or two VMs, end the task before anything is sent
    return have


def _host(output: Output) -> tuple[str, ...]:
    """The host's names, the full one first. Raises RemoteError or UnexpectedOutput when it did not say any."""
    for row in output.of_type("VMHost"):
        return (host_name(row.properties),)
    if output.errors:
        raise RemoteError("", "reading its VMs and their replication", output.errors, _advice(output.errors))
    raise UnexpectedOutput("Get-VMHost", "no object.")


def _broker(output: Output) -> tuple[str | None, str]:
    """The name of this host's broker ("" without one, None when the cluster did not answer), and its problem."""
    try:
        cluster = parse_cluster(output)
    except ClusterUnreadable:
        return None, ""
    return cluster.broker.name if cluster and cluster.broker else "", cluster.problem if cluster else ""


def _advice(errors: tuple[ErrorRecord, ...]) -> str:
    if any(error.id in ("CommandNotFoundException", "CouldNotAutoLoadModule") for error in errors):
        return "Is the Hyper-V role with its PowerShell module installed there, and does the endpoint admit the cmdlet?"
    if any(error.category == "PermissionDenied" for error in errors):
        return "The account needs to be in the group Hyper-V Administrators (or Administrators) of that host."
    return "Nothing was changed."


def _now(output: Output) -> datetime | None:
    return next((time_utc(row.text) for row in output.of_type("String") if has_zone(row.text)), None)


def _groups(output: Output) -> Iterator[Row]:
    return (row for row in output.of_type("ClusterGroup") if str(row.properties.get("GroupType")) == "VirtualMachine")


def _vms(output: Output, want: Want) -> Iterator[VM]:
    disks = _disks(output)
    relations = _relations(output)
    security = {_id(row): row.properties for row in output.of_type("VMSecurity")}
    for row in output.of_type("VirtualMachine"):
        vm_id = _id(row, "Id")
        protection = security.get(vm_id, {})
        asked = want.state == PRESENT and want.names_partner
        untold = asked and not protection and number(row.properties.get("Generation")) != 1
        yield VM(
            id=vm_id,
            name=str(row.properties["Name"]),
            power=str(row.properties["State"]),
            start_action=str(row.properties.get("AutomaticStartAction") or ""),
            mode=str(row.properties["ReplicationMode"]),
            clustered=bool(row.properties["IsClustered"]),
            disks=tuple(disks.get(vm_id, ())),
            relations=relations.get(vm_id, {}),
            tpm=None if untold else bool(protection.get("TpmEnabled")),
            shielded=bool(protection.get("Shielded")),
        )


def _disks(output: Output) -> dict[str, list[Disk]]:
    """Attached disks by VM. A drive with neither file nor disk holds nothing."""
    found: dict[str, list[Disk]] = {}
    for row in output.of_type("HardDiskDrive"):
        disk = _disk(row.properties)
        if disk.path or disk.physical:
            found.setdefault(_id(row), []).append(disk)
    return {vm_id: list({disk.place: disk for disk in disks}.values()) for vm_id, disks in found.items()}


def _disk(properties: Mapping[str, object]) -> Disk:
    try:
        return parse_disk(properties)
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedOutput("Get-VMHardDiskDrive", f"a disk without its place ({error}).") from None


def _relations(output: Output) -> dict[str, dict[str, Relation]]:
    pending = {
        (_id(row), str(row.properties["ReplicationRelationshipType"])): number(row.properties["PendingReplicationSize"])
        for row in output.of_type("VMReplicationHealth")
    }
    found: dict[str, dict[str, Relation]] = {}
    for row in output.of_type("VMReplication"):
        vm_id, kind = _id(row), str(row.properties["ReplicationRelationshipType"])
        found.setdefault(vm_id, {})[kind] = _relation(row, kind, pending.get((vm_id, kind)))
    return found


def _relation(row: Row, kind: str, pending: int | None) -> Relation:
    told = row.properties
    try:
        return Relation(
            kind=kind,
            mode=str(told["ReplicationMode"]),
            state=str(told["ReplicationState"]),
            health=str(told["ReplicationHealth"]),
            primary_server=str(told["PrimaryServerName"] or ""),
            replica_server=str(told["ReplicaServerName"] or ""),
            current_replica_server=str(told["CurrentReplicaServerName"] or ""),
            allowed_primary_server=str(told["AllowedPrimaryServer"] or ""),
            settings=relation_settings.shown(told),
            last_replication_time=time_text(time_utc(told["LastReplicationTime"])),
            copy_start=time_text(time_utc(told["InitialReplicationStartTime"])),
            resync_start=time_text(time_utc(told["ResynchronizeStartTime"])),
            test_vm=bool(told["TestVirtualMachine"]),
            disks=tuple(_disk(disk) for disk in nested(told["ReplicatedDisks"])),
            pending_bytes=pending,
        )
    except (KeyError, ValueError) as error:
        raise UnexpectedOutput("Get-VMReplication", f"a relation that cannot be read: {error}.") from None


def _id(row: Row, name: str = "VMId") -> str:
    value = row.properties.get(name)
    if not value:
        raise UnexpectedOutput(f"A row of {row.type}", f"it has no {name}.")
    return str(value).lower()
