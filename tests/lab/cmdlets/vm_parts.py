"""Parts of VMs: recovery points, integration services, memory, security."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..values import Obj, Output, Record
from ..world.laws_refusals import refuse
from ..world.recovery_point import RecoveryPoint
from ..world.replicating import catch_up
from ..world.vm import GUEST_SERVICES, HEARTBEAT, VM, IntegrationService
from . import shapes
from .registry import Call, cmdlet
from .resolve import each_vm, is_pattern, listed, matches
from .words import service_id, service_name

_STATUS_TEXTS = {
    "Ok": "OK",
    "NoContact": "No Contact",
    "ProtocolMismatch": "The protocol version of the component installed in the virtual machine does not match the "
    "version expected by the hosting system",
}


@cmdlet("Get-VMSnapshot")
def get_snapshot(call: Call) -> Iterator[Record]:
    """Recovery points of VMs, by name and kind. Whether the newest data is a point too is unverified: it is not."""
    if call.get("Id") is not None:
        yield from _by_id(call)
        return
    if call.get("ParentOf") is not None or call.get("ChildOf") is not None:
        return  # recovery points have no tree
    yield from each_vm(_without_name(call), lambda vm: _points(call, vm))


def _by_id(call: Call) -> Iterator[Record]:
    wanted = call.get("Id")
    for vm in list(call.host.vms.values()):
        catch_up(call.world, call.host, vm)
        for point in vm.recovery_points:
            if point.id == wanted:
                yield Output(shapes.recovery_point(call.host, vm, point))
                return
    text = f'Hyper-V was unable to find a checkpoint with id "{wanted}".'
    raise refuse("bad_parameter", why=text, target=str(wanted))


def _points(call: Call, vm: VM) -> Iterator[Record]:
    catch_up(call.world, call.host, vm)
    kind, name = call.get("SnapshotType"), _filter_name(call)
    for point in list(vm.recovery_points):
        if kind is not None and str(kind) != point.kind:
            continue
        shown = shapes.recovery_point(call.host, vm, point)
        if name is None or matches(name, shown["Name"]):
            yield Output(shown)


def _filter_name(call: Call) -> str | None:
    given = call.parameters.get("Name")
    # -Name filters points, never VMs, in this cmdlet.
    return str(listed(given)[0]) if given is not None else None


@cmdlet("Get-VMIntegrationService")
def get_services(call: Call) -> Iterator[Record]:
    """Integration services of VMs: whether each is switched on and how it fares."""
    names = [str(name) for name in listed(call.parameters.get("Name"))]

    def show(vm: VM) -> Iterator[Record]:
        shown = {service_name(service.name, call.host.language): service for service in vm.services.values()}
        for name in names:
            if not is_pattern(name) and not any(matches(name, one) for one in shown):
                raise refuse("bad_parameter", why=f'Unable to find an integration service "{name}".', target=name)
        for called, service in shown.items():
            if not names or any(matches(name, called) for name in names):
                yield Output(_service(call, vm, service, called))

    yield from each_vm(_without_name(call), show)


def _without_name(call: Call) -> Call:
    """The call without -Name, which means something else here than a VM."""
    rest = {name: value for name, value in call.parameters.items() if name != "Name"}
    return Call(call.cmdlet, call.parameter_set, rest, call.session, call.world, call.extra, call.on_wait)


def _statuses(call: Call, vm: VM, service: IntegrationService) -> list[str]:
    """Nothing of a VM that does not run. The guest service interface says Ok though it is switched off (recorded)."""
    alive = service.running and (service.name != HEARTBEAT or vm.heartbeat(call.world.clock.now()))
    if vm.state != "Running":
        return []
    if not service.enabled:
        return ["Ok" if service.name == GUEST_SERVICES else "Disabled"]
    if not alive:
        return ["NoContact"]
    return ["Ok", "ProtocolMismatch"] if vm.guest.old_services else ["Ok"]


def _service(call: Call, vm: VM, service: IntegrationService, name: str) -> Obj:
    texts = [_STATUS_TEXTS.get(status, "") for status in _statuses(call, vm, service)]
    statuses = [shapes.enum("VMIntegrationComponentOperationalStatus", one) for one in _statuses(call, vm, service)]
    own_id = service_id(vm, service.name)
    properties: dict[str, Any] = {
        "Name": name,
        "Enabled": service.enabled,
        "OperationalStatus": statuses,
        "PrimaryOperationalStatus": statuses[0] if statuses else None,
        "PrimaryStatusDescription": texts[0] if texts else "",
        "SecondaryOperationalStatus": statuses[1] if len(statuses) > 1 else None,
        "SecondaryStatusDescription": texts[1] if len(texts) > 1 else "",
        "StatusDescription": texts,
        "Id": own_id,
        "VMId": vm.id,
        "VMName": vm.name,
        "VMSnapshotId": shapes.NO_ID,
        "VMSnapshotName": "",
        **shapes.standard(call.host),
    }
    kind = f"{shapes.SPACE}.VMIntegrationComponent"
    return Obj(kind, properties, shapes.part_text("VMIntegrationComponent", name, vm, own_id))


@cmdlet("Get-VMMemory")
def get_memory(call: Call) -> Iterator[Record]:
    """Memory of VMs, in bytes."""

    def show(vm: VM) -> Iterator[Record]:
        small, large = (1, 1) if not vm.dynamic_memory else (2, 4)
        memory_id = f"Microsoft:{str(vm.id).upper()}\\Memory"  # its last part is not on record
        properties = {
            "Name": "Memory",
            "Startup": shapes.wide(vm.memory_startup),
            "DynamicMemoryEnabled": vm.dynamic_memory,
            "Minimum": shapes.wide(vm.memory_startup // small),
            "Maximum": shapes.wide(vm.memory_startup * large),
            "Buffer": 20,
            "Priority": 50,
            "MaximumPerNumaNode": 0,
            "Id": memory_id,
            "VMId": vm.id,
            "VMName": vm.name,
            **shapes.standard(call.host),
        }
        yield Output(Obj(f"{shapes.SPACE}.VMMemory", properties, shapes.part_text("VMMemory", "Memory", vm, memory_id)))

    yield from each_vm(call, show)


@cmdlet("Get-VMSecurity")
def get_security(call: Call) -> Iterator[Record]:
    """TPM and shielding of VMs. A VM of generation 1 has neither."""

    def show(vm: VM) -> Iterator[Record]:
        properties = {
            "TpmEnabled": vm.tpm,
            "KsdEnabled": False,
            "Shielded": vm.shielded,
            "EncryptStateAndVmMigrationTraffic": vm.tpm or vm.shielded,
            "VirtualizationBasedSecurityOptOut": False,
            "BindToHostTpm": False,
            "VMId": vm.id,
            "VMName": vm.name,
            **shapes.standard(call.host),
        }
        text = f"VMSecurity (VMName = '{vm.name}') [VMId = '{vm.id}']"
        yield Output(Obj(f"{shapes.SPACE}.VMSecurity", properties, text))

    yield from each_vm(call, show)


def find_point(vm: VM, point: Obj) -> RecoveryPoint:
    """The recovery point that an object stands for. Raises old_point when it is gone."""
    found = next((one for one in vm.recovery_points if one.id == point.get("Id")), None)
    if found is None:
        raise refuse("old_point", vm=vm)
    return found
