"""Scenes: brings a world to where a test, a sweep or a person wants to begin, by cmdlets at the hosts, without a wire.

VMs are named by id: the two copies of a VM may have different names, and two VMs of one name may be on one host.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .cmdlets.registry import dispatch
from .values import Enum, Error, Obj, Record
from .world.host import Host
from .world.server import AuthorizationEntry
from .world.vm import VM
from .world.world import World

STORAGE = "D:\\Replica"
HOUR = 3600
RESTORED = "D:\\Restored"


class Operator:
    """Who works at a host: through the same door as everybody, and nobody cuts him off."""

    user = "operator"
    stopped = False

    def __init__(self, host: Host) -> None:
        self.host = host

    def drop(self) -> None:
        """Nobody cuts an operator off."""


def run(world: World, host: str, cmdlet: str, vms: Iterable[uuid.UUID], **parameters: Any) -> list[Record]:
    """Run a cmdlet for VMs at a host; its records. Raises RuntimeError when it is refused."""
    objects = [Obj("Microsoft.HyperV.PowerShell.VirtualMachine", {"Id": vm_id}) for vm_id in vms]
    records = list(dispatch(Operator(world.host(host)), cmdlet, "VMObject", {"VM": objects, **parameters}))
    refused = [record.message for record in records if isinstance(record, Error)]
    if refused:
        raise RuntimeError(f"{cmdlet} on {host}: {refused[0]}")
    return records


def make_servers(world: World) -> None:
    """Every host is a replica server for any server, with its ports open."""
    for host in world.hosts.values():
        host.server.enabled, host.server.authentication = True, "Kerberos"
        host.server.entries = [AuthorizationEntry("*", STORAGE, "DEFAULT")]
        for rule in host.firewall.rules:
            rule.enabled = True


def protect(world: World, vms: Iterable[uuid.UUID], source: str, target: str, **settings: Any) -> None:
    """Replicate VMs of one host to another, first copy and all. From a replica: its leg to a third site."""
    begin_protection(world, vms, source, target, **settings)
    world.clock.advance(HOUR)


def begin_protection(world: World, vms: Iterable[uuid.UUID], source: str, target: str, **settings: Any) -> None:
    """The same, as long as the first copy is under way."""
    vms = list(vms)
    way = {"ReplicaServerName": world.host(target).fqdn, "ReplicaServerPort": 80}
    run(world, source, "Enable-VMReplication", vms, **way, AuthenticationType=Enum("", "Kerberos"), **settings)
    run(world, source, "Start-VMInitialReplication", vms)


def chain(world: World, vms: Iterable[uuid.UUID], sites: tuple[str, str, str]) -> None:
    """Replicate VMs from the first site to the second, and from there to the third."""
    vms = list(vms)
    first, second, third = sites
    protect(world, vms, first, second, RecoveryHistory=4, ReplicationFrequencySec=300)
    protect(world, vms, second, third, ReplicationFrequencySec=300)


def rename(world: World, vm_id: uuid.UUID, host: str, name: str) -> VM:
    """Give the copy on one host another name: Hyper-V keeps names for each host by itself, the id is the same."""
    vm = world.host(host).vms[vm_id]
    run(world, host, "Rename-VM", [vm_id], NewName=name)
    return vm


def name_apart(name: str) -> str:
    """Another name for the copy at the other site."""
    return f"{name}-dr"


def restore(world: World, vm_id: uuid.UUID, host: str, state: str = "Off", name: str | None = None) -> VM:
    """A copy of a VM restored from a backup to a host that has nothing to do with it: same id, in no relation."""
    original = next(vm for _unused, vm in world.copies(vm_id))
    made = _alike(original, vm_id, name or original.name)
    return _settle(world, host, made, state)


def namesake(world: World, name: str, host: str, state: str = "Off") -> VM:
    """Another VM of the same name on a host: made there, with an id of its own."""
    original = next(vm for one in world.hosts.values() for vm in one.vms.values() if vm.name == name)
    return _settle(world, host, _alike(original, uuid.uuid5(original.id, f"namesake on {host}"), name), state)


def _alike(original: VM, vm_id: uuid.UUID, name: str) -> VM:
    folder = f"{RESTORED}\\{vm_id}"
    made = VM(
        name=name,
        id=vm_id,
        generation=original.generation,
        version=original.version,
        processors=original.processors,
        memory_startup=original.memory_startup,
        path=folder,
        start_action="Nothing",
        guest=replace(original.guest),
    )
    for disk in original.disks:
        made.disks.append(replace(disk, path=f"{folder}\\{disk.path.rpartition(chr(92))[2]}"))
    made.adapters = [replace(adapter, failover=replace(adapter.failover)) for adapter in original.adapters]
    return made


def _settle(world: World, host: str, vm: VM, state: str) -> VM:
    with world.lock:
        place = world.host(host)
        if vm.id in place.vms:
            raise ValueError(f"{place.name} has a VM of the id {vm.id} already")
        vm.guardian = place.name
        world.add_vm(place, vm)
        if state != "Off":
            with world.recorder.cause(f"restore on {place.name}"):
                vm.turn(state, world.clock.now())
    return vm
