"""Cmdlets about the host itself: Get-VMHost, Get-VMHostCluster, Get-Service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..values import Enum, Obj, Output, Record, Refusal
from ..world.server import same_name
from .files import own
from .registry import Call, cmdlet
from .resolve import is_pattern, matches
from .shapes import SPACE, standard, wide

SERVICE_NAMES = {
    "vmms": "Hyper-V Virtual Machine Management",
    "WinRM": "Windows Remote Management (WS-Management)",
    "ClusSvc": "Cluster Service",
}


@cmdlet("Get-VMHost")
def get_host(call: Call) -> Iterator[Record]:
    """The host; of FullyQualifiedDomainName both readings exist, and a world says which one it has."""
    host = call.host
    # By build it is the full name or the domain alone; in a workgroup without a DNS suffix it is the name.
    full_name = host.fqdn if host.fqdn_reading == "full" else host.domain or host.name
    yield Output(
        Obj(
            f"{SPACE}.VMHost",
            {
                "LogicalProcessorCount": wide(host.processors),
                "MemoryCapacity": wide(host.memory_bytes),
                "FullyQualifiedDomainName": full_name,
                "Name": host.name,
                "VirtualHardDiskPath": host.disk_path,
                "VirtualMachinePath": host.vm_path,
                "MacAddressMinimum": "00155D000000",
                "MacAddressMaximum": "00155DFFFFFF",
                "MaximumStorageMigrations": 2,
                "MaximumVirtualMachineMigrations": 2,
                "VirtualMachineMigrationEnabled": host.cluster is not None,
                "NumaSpanningEnabled": True,
                "EnableEnhancedSessionMode": False,
                **standard(host),
            },
            f"VMHost (Name = '{host.name}')",
        )
    )


@cmdlet("Get-VMHostCluster")
def get_host_cluster(call: Call) -> Iterator[Record]:
    """The cluster of that name, as a host for VMs."""
    host, cluster = call.host, call.host.cluster
    for name in call.parameters.get("ClusterName") or [cluster.name if cluster else ""]:
        if cluster is None or not (same_name(name, cluster.name) or same_name(name, cluster.fqdn)):
            yield Refusal(f"The cluster '{name}' was not found.", "ObjectNotFound", "ObjectNotFound").error
            continue
        facts = {"ClusterName": cluster.name, "SharedStoragePath": "C:\\ClusterStorage", **standard(host)}
        yield Output(Obj(f"{SPACE}.VMHostCluster", facts, f"VMHostCluster (ClusterName = '{cluster.name}')"))


@cmdlet("Get-Service")
def get_service(call: Call) -> Iterator[Record]:
    """Services that this host has; the management service comes with the Hyper-V role."""
    services = {"WinRM": "Running", **call.host.services}
    if "Hyper-V" not in call.host.modules:
        services.pop("vmms", None)
    by_display = call.parameter_set == "DisplayName"
    for wanted in call.get("DisplayName" if by_display else "Name") or ["*"]:
        shown = {one: SERVICE_NAMES.get(one, one) if by_display else one for one in services}
        found = [one for one, name in shown.items() if matches(wanted, name)]
        if not found and not is_pattern(wanted):
            yield _no_service(wanted, "display name" if by_display else "service name").error
        for one in found:
            yield Output(_service(one, services[one]))


def _service(name: str, status: str) -> Obj:
    space = "System.ServiceProcess"
    facts = {
        "Name": name,
        "RequiredServices": [],
        "CanShutdown": True,
        "CanStop": status == "Running",
        "DisplayName": SERVICE_NAMES.get(name, name),
        "DependentServices": [],
        "MachineName": ".",
        "ServiceName": name,
        "Status": Enum(f"{space}.ServiceControllerStatus", status),
        "StartType": Enum(f"{space}.ServiceStartMode", "Automatic"),
    }
    return Obj(own(f"{space}.ServiceController"), facts)


def _no_service(wanted: str, kind: str) -> Refusal:
    text = f"Cannot find any service with {kind} '{wanted}'."
    id = "NoServiceFoundForGivenDisplayName" if kind == "display name" else "NoServiceFoundForGivenName"
    refusal = Refusal(text, id, "ObjectNotFound", wanted)
    refusal.error = replace(refusal.error, exception="Microsoft.PowerShell.Commands.ServiceCommandException")
    return refusal
