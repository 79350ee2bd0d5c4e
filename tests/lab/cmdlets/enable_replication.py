"""Enable-VMReplication: towards a server, further on to a third site, and -AsReplica for a copy that is there."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ..values import Message, Record
from ..world import connect
from ..world.laws_refusals import refuse
from ..world.pairing import Wanted, pair
from ..world.relation import EXTENDED, REPLICA, SIMPLE, Relation, Settings, Statistics
from ..world.server import AuthorizationEntry
from ..world.vm import VM
from .registry import Call, cmdlet
from .resolve import each_vm, listed, pass_thru

FREQUENCIES = (30, 300, 900)
# parameter -> attribute of Settings
SETTINGS: dict[str, str] = {
    "ReplicationFrequencySec": "frequency",
    "RecoveryHistory": "history",
    "VSSSnapshotFrequencyHour": "vss_hours",
    "CompressionEnabled": "compression",
    "BypassProxyServer": "bypass_proxy",
    "ReplicateHostKvpItems": "host_kvp",
    "AutoResynchronizeEnabled": "auto_resync",
    "AutoResynchronizeIntervalStart": "resync_start",
    "AutoResynchronizeIntervalEnd": "resync_end",
}
DAY = timedelta(days=1)


def bad(why: str) -> Exception:
    """What the cmdlet refuses about its parameters."""
    return refuse("bad_parameter", why=why)


def settings_of(call: Call, start: Settings) -> Settings:
    """The settings after what the call gives. Raises bad_parameter for values and pairs that cannot be."""
    given = {attribute: call.get(name) for name, attribute in SETTINGS.items() if name in call.parameters}
    if given.get("history") == 0:
        given["vss_hours"] = 0
    wanted = replace(start, **given)
    if call.get("DisableVSSSnapshotReplication"):
        wanted.vss_hours = 0
    if wanted.frequency not in FREQUENCIES:
        raise bad("The replication frequency must be 30, 300 or 900 seconds.")
    if call.get("VSSSnapshotFrequencyHour") and not wanted.history:
        raise bad("Application-consistent recovery points need additional recovery points.")
    for span in (wanted.resync_start, wanted.resync_end):
        if not timedelta() <= span < DAY:
            raise bad("A time of day must lie between 0 and 24 hours.")
    return wanted


def warn_of_write_order(call: Call) -> Iterator[Record]:
    """The parameter has had no effect since 2012 R2 and only warns (observed behaviour)."""
    if "EnableWriteOrderPreservationAcrossDisks" in call.parameters:
        yield Message(
            "warning", "EnableWriteOrderPreservationAcrossDisks is obsolete: write order is always preserved."
        )


@cmdlet("Enable-VMReplication")
def enable(call: Call) -> Iterator[Record]:
    """Protect VMs, or mark existing copies as replicas."""
    yield from warn_of_write_order(call)

    def act(vm: VM) -> Iterator[Record]:
        if call.get("AsReplica"):
            mark_as_replica(call, vm)
        else:
            _enable(call, vm)
        yield from pass_thru(call, vm)

    yield from each_vm(call, act)


def _enable(call: Call, vm: VM) -> None:
    kind = _kind(call, vm)
    settings = settings_of(call, Settings())
    excluded = _excluded(call, vm)
    if kind == EXTENDED:
        settings, excluded = _extended(vm, settings), set()
    disks = [disk for disk in vm.disks if disk.id not in excluded]
    if any(disk.pass_through or disk.shared for disk in disks):
        raise refuse("passthrough", vm=vm)
    wanted = Wanted(
        str(call.get("ReplicaServerName")),
        int(call.get("ReplicaServerPort")),
        str(call.get("AuthenticationType")),
        call.get("CertificateThumbprint") or "",
        settings,
    )
    pair(call.world, call.host, vm, wanted, [disk.id for disk in disks], kind)


def _kind(call: Call, vm: VM) -> str:
    """Simple from mode None, Extended from a replica that has no leg yet; anything else is refused."""
    if vm.mode == "None":
        return SIMPLE
    if vm.mode == "Primary" or vm.leg is not None:
        raise refuse("already_enabled", vm=vm)
    if vm.mode != REPLICA:
        raise refuse("not_applicable", vm=vm, cmdlet=call.cmdlet)
    relation = vm.relation
    if relation is None or relation.state != "Replicating":
        # From which states a replica can be extended is not documented: only from the healthy one.
        raise refuse("wrong_state", vm=vm)
    return EXTENDED


def _extended(vm: VM, settings: Settings) -> Settings:
    """A third site: not every 30 seconds, not more often than the first leg; application consistency is ignored."""
    first = vm.relation.settings.frequency if vm.relation else FREQUENCIES[0]
    if settings.frequency == FREQUENCIES[0] or settings.frequency < first:
        raise bad(f"The frequency of an extended replication must be 300 or 900 seconds and not below {first}.")
    return replace(settings, vss_hours=0)


def _excluded(call: Call, vm: VM) -> set[str]:
    """Ids of the disks left out. Raises bad_parameter for a disk that the VM does not have."""
    paths = {disk.path.casefold(): disk.id for disk in vm.disks}
    names = [str(path) for path in listed(call.get("ExcludedVhdPath"))]
    names += [str(given.get("Path")) for given in listed(call.get("ExcludedVhd"))]
    unknown = [name for name in names if name.casefold() not in paths]
    if unknown:
        raise bad(f"Enabling replication failed. The parameter is incorrect (0x80070057): '{unknown[0]}'.")
    return {paths[name.casefold()] for name in names}


def entry_for(call: Call) -> AuthorizationEntry:
    """The entry that -AsReplica stands under: the one named, else "*". Raises what is wrong with this server."""
    server, name = call.host.server, call.get("AllowedPrimaryServer")
    if not server.enabled:
        raise refuse("server_disabled")
    entry = server.find(str(name)) if name else server.any_server
    if entry is None:
        raise refuse("no_entry", name=name or "*")
    return entry


def mark_as_replica(call: Call, vm: VM) -> Relation:
    """Enable -AsReplica: the copy waits for a primary of the same id to adopt it."""
    if vm.mode == "Primary" or vm.mode == REPLICA:
        raise refuse("already_enabled", vm=vm)
    if vm.mode != "None":
        raise refuse("not_applicable", vm=vm, cmdlet=call.cmdlet)
    entry = entry_for(call)
    if vm.state != "Off":
        raise refuse("wrong_power", vm=vm)
    if call.host.cluster is not None and not vm.clustered:
        raise refuse("not_available", vm=vm)
    relation = waiting(call, vm, entry, Settings())
    vm.relations = {SIMPLE: relation}
    return relation


def waiting(call: Call, vm: VM, entry: AuthorizationEntry, settings: Settings) -> Relation:
    """A replica's relation that no primary has adopted yet."""
    return Relation(
        mode=REPLICA,
        state="WaitingForInitialReplication",
        as_replica=True,
        settings=copy(settings),
        disks=[disk.id for disk in vm.disks],
        replica_server=connect.primary_name(call.host),
        current_replica_server=call.host.fqdn,
        allowed_primary=entry.name,
        trust_group=entry.trust_group,
        statistics=Statistics(since=call.world.clock.now()),
    )


def given_any(call: Call, names: Any) -> bool:
    """Whether any of these parameters was given."""
    return bool(set(names) & call.parameters.keys())
