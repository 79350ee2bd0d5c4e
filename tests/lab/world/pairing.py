"""How two sides become a pair: the placeholder on the replica server, an adopted copy, and the turn of a reverse."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import connect
from .laws_refusals import refuse
from .network import Adapter, Vlan
from .relation import EXTENDED, EXTENDED_REPLICA, PRIMARY, REPLICA, SIMPLE, Relation, Settings, Statistics
from .replicating import begin_cycles
from .storage import normal
from .vm import VM

if TYPE_CHECKING:
    from .host import Host
    from .server import AuthorizationEntry
    from .world import World

REPLICA_FOLDER = "Hyper-V Replica"


@dataclass(frozen=True)
class Wanted:
    """What Enable-VMReplication or a reverse asks for: the replica server and how to reach it."""

    server: str
    port: int
    authentication: str
    thumbprint: str
    settings: Settings
    begins: str = "Hyper-V failed to enable replication for virtual machine"


def version_of(text: str) -> tuple[int, ...]:
    """A configuration version as numbers."""
    return tuple(int(part) for part in text.split("."))


def reach(world: World, host: Host, vm: VM, wanted: Wanted) -> Host:
    """Connect to the wanted server for this VM and check that it can hold it. Raises the refusal."""
    there = next((r for h, v in world.copies(vm.id) if h is not host and (r := v.relation) and r.receives), None)
    target = connect.check(
        world,
        host,
        wanted.server,
        wanted.port,
        wanted.authentication,
        wanted.thumbprint,
        vm_id=vm.id,
        trust_group=there.trust_group if there and there.trust_group else None,
        begins=f"{wanted.begins} '{vm.name}'",
    )
    if version_of(vm.version) > version_of(target.newest_version):
        raise refuse("unknown_version", vm=vm, version=vm.version)
    return target


def entry_of(target: Host, host: Host, there: Relation | None = None) -> AuthorizationEntry:
    """The entry under which `target` takes the VM; what `check` has proved to exist."""
    group = there.trust_group if there is not None and there.trust_group else None
    entry = connect.admitting(target, host, group)
    if entry is None:
        raise refuse("no_entry", name=connect.primary_name(host))
    return entry


def pair(world: World, host: Host, vm: VM, wanted: Wanted, disks: list[str], kind: str = SIMPLE) -> Relation:
    """Enable: this side sends, the other holds a placeholder, or the copy that was marked for it."""
    target = reach(world, host, vm, wanted)
    there = target.vms.get(vm.id)
    mode = EXTENDED_REPLICA if kind == EXTENDED else REPLICA
    if there is None:
        there = placeholder(world, target, host, vm, disks)
    elif not (there.relation and there.relation.as_replica):
        raise refuse("collision", vm=vm)
    far = receiving(target, host, wanted, there, mode)
    mine = Relation(
        mode=REPLICA if kind == EXTENDED else PRIMARY,
        state="ReadyForInitialReplication",
        kind=kind,
        settings=wanted.settings,
        disks=disks,
        primary_server=host.fqdn,
        primary_point=connect.primary_name(host),
        replica_server=wanted.server,
        current_replica_server=target.fqdn,
        port=wanted.port,
        authentication=wanted.authentication,
        thumbprint=wanted.thumbprint,
        statistics=Statistics(since=world.clock.now()),
    )
    there.relations[SIMPLE] = far
    far.statistics.since = world.clock.now()
    vm.relations[kind] = mine
    return mine


def receiving(target: Host, host: Host, wanted: Wanted, there: VM, mode: str) -> Relation:
    """The receiving side's relation; what an adopted copy was marked with stays."""
    marked = there.relation
    entry = entry_of(target, host, marked)
    return Relation(
        mode=mode,
        state="WaitingForInitialReplication",
        as_replica=bool(marked and marked.as_replica),
        settings=copy(wanted.settings),
        disks=[disk.id for disk in there.disks],
        primary_server=host.fqdn,
        primary_point=connect.primary_name(host),
        replica_server=wanted.server,
        current_replica_server=target.fqdn,
        port=wanted.port,
        authentication=wanted.authentication,
        thumbprint=target.server.thumbprint if wanted.authentication == "Certificate" else "",
        allowed_primary=marked.allowed_primary if marked else entry.name,
        trust_group=marked.trust_group if marked else entry.trust_group,
    )


def placeholder(world: World, target: Host, host: Host, vm: VM, disks: list[str]) -> VM:
    """A VM of the same id: off, adapters connected to nothing and without VLAN, its disks below the entry's storage."""
    storage = entry_of(target, host).storage.rstrip("\\")
    if target.files.find(storage) is None or not target.files.is_folder(storage):
        raise refuse("storage_denied", path=storage)
    _take_space(target, vm, storage, sum(disk.file_size for disk in vm.disks if disk.id in disks))
    folder = f"{storage}\\{REPLICA_FOLDER}"
    made = VM(
        name=vm.name,
        id=vm.id,
        generation=vm.generation,
        version=vm.version,
        processors=vm.processors,
        memory_startup=vm.memory_startup,
        dynamic_memory=vm.dynamic_memory,
        path=f"{folder}\\Planned Virtual Machines\\{vm.id}",
        start_action=vm.start_action,
        start_delay=vm.start_delay,
        stop_action=vm.stop_action,
        tpm=vm.tpm,
        shielded=vm.shielded,
        guardian=vm.guardian,
        guest=replace(vm.guest),
        clustered=target.cluster is not None,
        send_bytes_per_second=vm.send_bytes_per_second,
    )
    made.adapters = [_disconnected(adapter) for adapter in vm.adapters]
    for disk in vm.disks:
        if disk.id in disks:
            name = disk.path.rpartition("\\")[2]
            made.disks.append(replace(disk, path=f"{folder}\\Virtual hard disks\\{vm.id}\\{name}"))
    return world.add_vm(target, made)


def _take_space(target: Host, vm: VM, path: str, size: int) -> None:
    """The copy takes what it takes of the volume below the path. Raises disk_full."""
    volumes = [*target.volumes, *(target.cluster.volumes if target.cluster else ())]
    fitting = [one for one in volumes if (normal(path) + "\\").startswith(normal(one.root) + "\\")]
    volume = max(fitting, key=lambda one: len(one.root), default=None)
    if volume is None:
        return
    if volume.free < size:
        raise refuse("disk_full", vm=vm)
    volume.free -= size


def _disconnected(adapter: Adapter) -> Adapter:
    return replace(
        adapter,
        switch=None,
        vlan=Vlan(),
        failover=replace(adapter.failover),
        test_switch="",
        test_pool="",
        ip_addresses=(),
    )


def turn_sender(world: World, host: Host, vm: VM, relation: Relation, wanted: Wanted, target: Host) -> None:
    """The side that was failed over becomes the primary; its recovery points are merged."""
    now = world.clock.now()
    vm.recovery_points.clear()
    relation.mode, relation.settings = PRIMARY, wanted.settings
    relation.primary_server, relation.primary_point = host.fqdn, connect.primary_name(host)
    relation.replica_server, relation.current_replica_server = wanted.server, target.fqdn
    relation.port, relation.authentication, relation.thumbprint = wanted.port, wanted.authentication, wanted.thumbprint
    relation.allowed_primary = relation.trust_group = ""
    relation.failed_over_type = "None"
    relation.last_applied = None
    relation.sent_mark = vm.written(now)
    relation.failures, relation.cannot_send, relation.exported = 0, False, False
    relation.statistics = Statistics(since=now)
    if vm.leg is not None and vm.leg.state == "Replicating":
        # The leg to a third site pauses when its replica becomes the primary.
        vm.leg.resume_to, vm.leg.state = "Replicating", "Suspended"


def turn_receiver(world: World, target: Host, copy_: VM, host: Host, wanted: Wanted) -> None:
    """A prepared primary becomes the replica of the new one: it has every byte, nothing is copied."""
    now = world.clock.now()
    old = copy_.relation
    far = receiving(target, host, wanted, VM(copy_.name), REPLICA)
    far.state, far.initial_done = "Replicating", True
    far.disks = list(old.disks) if old else far.disks
    far.last_replication = far.last_applied = now
    far.last_type = "Planned"
    far.statistics.since = now
    if old is not None:
        old.drop_work()
    copy_.relations[SIMPLE] = far


def start_cycles(world: World, relation: Relation) -> None:
    """A relation that replicates from now on."""
    now = world.clock.now()
    relation.state, relation.initial_done, relation.last_replication = "Replicating", True, now
    begin_cycles(relation, now)
