"""Get-VM, Set-VM, Rename-VM, Remove-VM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..values import Obj, Record, Refusal
from ..world.laws_power import power_after
from ..world.laws_refusals import refuse
from ..world.vm import VM
from .registry import Call, cmdlet
from .resolve import each_vm, listed, named, pass_thru, vm_output


@cmdlet("Get-VM")
def get_vm(call: Call) -> Iterator[Record]:
    """All VMs, or those of the names, the id, or the cluster object. An unknown name is an error, never "all"."""
    if call.get("ClusterObject") is not None:
        yield vm_output(call, _of_cluster(call, call.get("ClusterObject")))
        return
    if call.get("Id") is not None:
        for vm_id in listed(call.get("Id")):
            vm = call.host.vms.get(vm_id)
            yield vm_output(call, vm) if vm else refuse("vm_id_not_found", name=vm_id, target=str(vm_id)).error
        return
    names = call.get("Name")
    if names is None:
        for vm in list(call.host.vms.values()):
            yield vm_output(call, vm)
        return
    for name in listed(names):
        try:
            found = named(call.host, str(name))
        except Refusal as refusal:
            yield refusal.error
            continue
        for vm in found:
            yield vm_output(call, vm)


def _of_cluster(call: Call, given: object) -> VM:
    """The VM of a cluster group or resource, if it lives on this node: elsewhere it would be a second hop.

    What else is given finds nothing: how Windows refuses it is not documented.
    """
    if not isinstance(given, Obj):
        raise refuse("vm_not_found", name="", target="")
    vm_id, name = given.get("VMId"), str(given.get("OwnerGroup") or given.get("Name") or "")
    for vm in call.host.vms.values():
        if vm.clustered and (vm.id == vm_id or vm.name.casefold() == name.casefold()):
            return vm
    raise refuse("vm_not_found", name=name, target=name)


# parameter -> attribute of the VM
SETTINGS: dict[str, str] = {
    "AutomaticStartAction": "start_action",
    "AutomaticStartDelay": "start_delay",
    "AutomaticStopAction": "stop_action",
    "CheckpointType": "checkpoint_type",
    "Notes": "notes",
    "ProcessorCount": "processors",
    "MemoryStartupBytes": "memory_startup",
    "NewVMName": "name",
}
NEEDS_OFF = frozenset({"ProcessorCount", "MemoryStartupBytes", "DynamicMemory", "StaticMemory"})
STORED = frozenset(
    {
        "AllowUnverifiedPaths",
        "AutomaticCheckpointsEnabled",
        "AutomaticCriticalErrorAction",
        "AutomaticCriticalErrorActionTimeout",
        "GuestControlledCacheTypes",
        "HighMemoryMappedIoSpace",
        "LockOnDisconnect",
        "LowMemoryMappedIoSpace",
        "MemoryMaximumBytes",
        "MemoryMinimumBytes",
        "SmartPagingFilePath",
        "SnapshotFileLocation",
    }
)


@cmdlet("Set-VM")
def set_vm(call: Call) -> Iterator[Record]:
    """Change settings; those of the virtual hardware only while the VM is off."""

    def change(vm: VM) -> Iterator[Record]:
        if vm.state != "Off" and NEEDS_OFF & call.parameters.keys():
            raise refuse("wrong_power", vm=vm)
        for parameter, attribute in SETTINGS.items():
            if parameter in call.parameters:
                setattr(vm, attribute, _plain(call.get(parameter)))
        vm.settings.update((name, call.get(name)) for name in STORED & call.parameters.keys())
        if call.get("DynamicMemory") or call.get("StaticMemory"):
            vm.dynamic_memory = bool(call.get("DynamicMemory"))
        yield from pass_thru(call, vm)

    yield from each_vm(call, change)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else str(value)


@cmdlet("Rename-VM")
def rename_vm(call: Call) -> Iterator[Record]:
    """Give another name; two VMs of one name are allowed."""

    def change(vm: VM) -> Iterator[Record]:
        vm.name = call.get("NewName")
        yield from pass_thru(call, vm)

    yield from each_vm(call, change)


@cmdlet("Remove-VM")
def remove_vm(call: Call) -> Iterator[Record]:
    """Remove a VM that is off or saved; its disks stay. One that takes part in replication is refused (unverified).

    It may write an error after it has removed the VM (observed by one project: the harsher reading).
    """

    def remove(vm: VM) -> Iterator[Record]:
        power_after("Remove-VM", vm)
        if vm.mode != "None":
            raise refuse("wrong_state", vm=vm)
        yield from pass_thru(call, vm)
        del call.host.vms[vm.id]
        if call.world.habits.remove_vm_late_error:
            yield refuse("object_not_found", host=call.host.name).error

    yield from each_vm(call, remove)
