# Copyright: The hyperv.replica authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The VMs of a host and their relations: what every other kind of information hangs on.

One pipeline: the host's name, its VMs with their power state, both legs of each relation, and the host's clock, so that
a record says by itself where and when it was read. Sources: Microsoft's pages of Get-VM and Get-VMReplication.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base.acts import possible
from ..base.errors import UnexpectedOutput
from ..base.names import host_name, query_host_name
from ..base.pipeline import Command, Pipeline, Statement
from ..base.proof import side_of
from ..base.properties import select
from ..base.session import ErrorRecord, Output, Row
from .clock import READ_CLOCK, Clock, other_errors, read_clock
from .record import Column, age, in_seconds, in_utc, lower, properties, record, time_of_day, vm_id
from .scope import REPLICA_MODES, REPLICATING, Scope, Wanted, where_in
from .select import chooser, find_missing
from .unreadable import Unreadable, by_owner, problem_of

KIND = "relations"

VM = (
    Column("id", "Id"),
    Column("name", "Name"),
    Column("power", "State"),
    Column("mode", "ReplicationMode"),
    Column("state", "ReplicationState"),
    Column("health", "ReplicationHealth"),
    Column("uptime_seconds", "Uptime", in_seconds),
    Column("heartbeat", "Heartbeat"),
    Column("operational_status", "PrimaryOperationalStatus"),
    Column("operation", "SecondaryOperationalStatus"),
    Column("clustered", "IsClustered"),
    Column("generation", "Generation"),
    Column("version", "Version"),
    Column("memory_startup_bytes", "MemoryStartup"),
    Column("memory_assigned_bytes", "MemoryAssigned"),
    Column("dynamic_memory", "DynamicMemoryEnabled"),
    Column("automatic_start_action", "AutomaticStartAction"),
    Column("automatic_start_delay_seconds", "AutomaticStartDelay"),
)
RELATION = (
    Column("type", "ReplicationRelationshipType"),
    Column("mode", "ReplicationMode"),
    Column("state", "ReplicationState"),
    Column("health", "ReplicationHealth"),
    Column("primary_server", "PrimaryServerName"),
    Column("replica_server", "ReplicaServerName"),
    Column("current_replica_server", "CurrentReplicaServerName"),
    Column("allowed_primary_server", "AllowedPrimaryServer"),
    Column("replica_port", "ReplicaServerPort"),
    Column("authentication", "AuthenticationType", lower),
    Column("certificate_thumbprint", "CertificateThumbprint"),
    Column("frequency", "ReplicationFrequencySec"),
    Column("recovery_history", "RecoveryHistory"),
    Column("app_consistent_hours", "VSSSnapshotFrequencyHour"),
    Column("compression", "CompressionEnabled"),
    Column("bypass_proxy", "BypassProxyServer"),
    Column("host_kvp", "ReplicateHostKvpItems"),
    Column("auto_resynchronize", "AutoResynchronizeEnabled"),
    Column("auto_resynchronize_from", "AutoResynchronizeIntervalStart", time_of_day),
    Column("auto_resynchronize_until", "AutoResynchronizeIntervalEnd", time_of_day),
    Column("initial_replication_start_time", "InitialReplicationStartTime", in_utc),
    Column("resynchronize_start_time", "ResynchronizeStartTime", in_utc),
    Column("last_replication_time", "LastReplicationTime", in_utc),
    Column("last_replication_age_seconds", "LastReplicationTime", age),
    Column("last_applied_log_time", "LastAppliedLogTime", in_utc),
    Column("last_applied_log_age_seconds", "LastAppliedLogTime", age),
)
# How a VM prints (observed behaviour, not documented). The end counts: a VM may be named like one.
_ID_IN_TEXT = re.compile(r"\[Id = '\{?([0-9a-fA-F-]{36})\}?'\]\s*\Z")


@dataclass(frozen=True)
class VMs:
    """What was read: records in the order of the host, the scope for the other kinds, and what could not be read."""

    host: str | None
    records: tuple[dict[str, Any], ...] | None  # None: unreadable
    scope: Scope
    names: Mapping[str, str] = field(default_factory=dict)  # of every VM read, by id
    missing: tuple[str, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()


def query_vms(want: Wanted, more: Iterable[Statement] = ()) -> Pipeline:
    """One pipeline: Get-VMHost, Get-VM and Get-VMReplication of the VMs that the host can choose, Get-Date last.

    `more`: what a resource asks beside. The clock comes last: nothing that was read is younger than it, and a
    constrained endpoint may not know it; what is asked there after an unknown cmdlet is not heard (observed behaviour).
    """
    vm_columns = select("VirtualMachine", *properties(VM))
    relation_columns = select("VMReplication", "VMId", "VMName", *properties(RELATION), "TestVirtualMachine")
    return Pipeline.of(
        query_host_name(),
        *_narrowed(Command("Get-VM"), want, {"name": "Name", "id": "Id"}, vm_columns),
        *_narrowed(Command("Get-VMReplication"), want, {"name": "VMName", "id": "VMId"}, relation_columns),
        *more,
        READ_CLOCK,
    )


def _narrowed(source: Command, want: Wanted, named: Mapping[str, str], columns: Command) -> Iterable[Statement]:
    if not want.narrow:
        return (source | columns,)
    return tuple(source | where_in(named[by], values) | columns for by, values in want.narrow)


def parse_vms(output: Output, want: Wanted) -> VMs:
    """Records of the wanted VMs. Raises OptionError for a name that is ambiguous, or missing where that is an error.

    An error that no VM owns makes the whole answer unreadable: `records` is None then and `unreadable` says why.
    """
    errors = other_errors(output)
    rows = {vm_id(row, "Get-VM", "Id"): row for row in output.of_type("VirtualMachine")}
    names = {vm: str(row.properties["Name"]) for vm, row in rows.items()}
    owned = by_owner(errors, names)
    if None in owned:
        whole = Unreadable(KIND, problem_of(owned[None]), None, owned[None])
        return VMs(None, None, Scope({}), unreadable=(whole,))
    clock = read_clock(output)
    host = _host(output)
    legs = _legs(output)
    missing = find_missing(want, names, host)
    wanted = chooser(want)
    records = tuple(r for r in (_vm(row, legs.get(vm, ()), clock, host) for vm, row in rows.items()) if wanted(r))
    unreadable = tuple(part for r in records for part in _unreadable(r, owned))
    for one in records:
        one["possible"] = None if one["relations"] is None else list(possible(side_of(one)))
    scope = _scope(records, None if want.narrow else len(rows), legs, clock)
    return VMs(host, records, scope, names, missing, unreadable)


def _host(output: Output) -> str:
    for row in output.of_type("VMHost"):
        return host_name(row.properties)
    raise UnexpectedOutput("Get-VMHost", "no object.")


def _legs(output: Output) -> dict[str, tuple[Row, ...]]:
    legs: dict[str, dict[str, Row]] = {}
    for row in output.of_type("VMReplication"):
        kind = str(row.properties["ReplicationRelationshipType"])
        legs.setdefault(vm_id(row, "Get-VMReplication"), {})[kind] = row
    # "Simple" before "Extended": the VM itself shows the state of its simple relation (Get-VM).
    return {vm: tuple(found[kind] for kind in sorted(found, reverse=True)) for vm, found in legs.items()}


def _vm(row: Row, legs: tuple[Row, ...], clock: Clock, host: str) -> dict[str, Any]:
    vm = record(row, VM, clock, "Get-VM")
    vm["id"] = vm["id"].lower()
    vm["host"] = host
    vm["relations"] = [_relation(leg, clock) for leg in legs]
    if legs:
        vm.update({key: vm["relations"][0][key] for key in ("mode", "state", "health")})
    elif vm["mode"] in REPLICATING:
        vm["relations"] = None
    vm["partner"] = vm["relations"][0]["partner"] if legs else None
    vm["test_vm"] = next((leg["test_vm"] for leg in vm["relations"] or () if leg["test_vm"]), None)
    return vm


def _relation(row: Row, clock: Clock) -> dict[str, Any]:
    relation = record(row, RELATION, clock, "Get-VMReplication")
    relation["partner"] = _partner(relation)
    relation["test_vm"] = _test_vm(row.properties["TestVirtualMachine"])
    return relation


def _partner(relation: Mapping[str, Any]) -> str | None:
    """The other host: the receiver for a primary (and for a replica's extended leg), the sender for a replica."""
    sends = relation["mode"] == "Primary" or (relation["mode"] == "Replica" and relation["type"] == "Extended")
    name = relation["replica_server"] if sends else relation["primary_server"]
    return name or None


def _test_vm(value: Any) -> dict[str, Any] | None:
    """The test VM of a relation. A nested VM arrives as its properties, or as its text, which ends in `[Id = '…']`."""
    if not value:
        return None
    if isinstance(value, Mapping) and value.get("Id"):
        return {"id": str(value["Id"]).lower(), "name": value.get("Name"), "power": None}
    match = _ID_IN_TEXT.search(str(value))
    if match is None:
        raise UnexpectedOutput("Get-VMReplication", f"TestVirtualMachine is '{value}', without an id.")
    return {"id": match.group(1).lower(), "name": None, "power": None}


def _unreadable(vm: dict[str, Any], owned: Mapping[str | None, tuple[ErrorRecord, ...]]) -> Iterable[Unreadable]:
    """What is wrong with the relations of one VM, which are null then.

    Up to a minute after a host's start its VMs are not listed yet (NEC's guide, tested flows): that must not read as
    "no replication".
    """
    found = owned.get(vm["id"])
    if found is not None:
        vm["relations"] = None
        yield Unreadable(KIND, problem_of(found), vm["id"], found)
    elif vm["relations"] is None:
        problem = f"Get-VM says {vm['mode']}, but Get-VMReplication does not list it (as in a host's first minute)"
        yield Unreadable(KIND, problem, vm["id"])


def _scope(
    records: Iterable[Mapping[str, Any]], total: int | None, legs: Mapping[str, tuple[Row, ...]], clock: Clock
) -> Scope:
    chosen = tuple(records)
    extended = tuple(r["id"] for r in chosen if any(leg["type"] == "Extended" for leg in r["relations"] or ()))
    return Scope(
        names={r["id"]: r["name"] for r in chosen},
        replicating=tuple(r["id"] for r in chosen if r["mode"] in REPLICATING),
        replicas=tuple(r["id"] for r in chosen if r["mode"] in REPLICA_MODES),
        extended=extended,
        all_vms=total,
        all_replicating=len(legs) if total is not None else None,
        clock=clock,
    )
