"""Network adapters of VMs and switches of the host: which ones a call means, and the objects that they are shown as."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..values import Obj, Refusal
from ..world.host import Host
from ..world.network import Adapter, FailoverAddress, Switch, Vlan
from ..world.vm import VM
from .registry import Call
from .resolve import by_object, is_pattern, listed, matches, named
from .shapes import NO_ID, SPACE, enum, part_text, standard


@dataclass(frozen=True)
class Place:
    """An adapter with the VM that has it."""

    vm: VM
    adapter: Adapter


def vms_meant(call: Call) -> Iterator[VM | Refusal]:
    """VMs by -VM or -VMName; one that is not there does not stop the others."""
    for given in listed(call.get("VM")):
        try:
            yield by_object(call.host, given)
        except Refusal as refusal:
            yield refusal
    for name in listed(call.get("VMName")):
        try:
            yield from named(call.host, name)
        except Refusal as refusal:
            yield refusal


def adapters_meant(call: Call, name_parameter: str = "Name") -> Iterator[Place | Refusal]:
    """Adapters by object, or those of the VMs named, by adapter name when one is given (a pattern, or several)."""
    for given in listed(call.get("VMNetworkAdapter")):
        if isinstance(given, Obj):
            yield _by_object(call.host, given)
    wanted = listed(call.get(name_parameter))
    for vm in vms_meant(call):
        if isinstance(vm, Refusal):
            yield vm
            continue
        yield from (Place(vm, one) for one in vm.adapters if not wanted or any(matches(w, one.name) for w in wanted))
        for text in wanted:
            if not is_pattern(text) and not any(matches(text, one.name) for one in vm.adapters):
                reason = f'Hyper-V was unable to find a virtual network adapter with name "{text}".'
                yield Refusal(reason, "ObjectNotFound", "ObjectNotFound", text)


def _by_object(host: Host, given: Obj) -> Place | Refusal:
    for vm in host.vms.values():
        for adapter in vm.adapters:
            if adapter.id == given.get("Id"):
                return Place(vm, adapter)
    return Refusal("The virtual network adapter was not found.", "ObjectNotFound", "ObjectNotFound")


def switch_named(host: Host, name: str) -> Switch:
    """The switch of that very name. Raises what the cmdlets say when there is none."""
    for switch in host.switches.values():
        if switch.name.casefold() == name.casefold():
            return switch
    text = f'Hyper-V was unable to find a virtual switch with name "{name}".'
    raise Refusal(text, "InvalidParameter", "InvalidArgument", name)


def adapter_object(host: Host, place: Place) -> Obj:
    """VMNetworkAdapter."""
    vm, adapter = place.vm, place.adapter
    switch = next((one for one in host.switches.values() if one.name == adapter.switch), None)
    facts: dict[str, Any] = {
        "Name": adapter.name,
        "Id": adapter.id,
        "IsLegacy": adapter.legacy,
        "IsManagementOs": False,
        "IsExternalAdapter": False,
        "VMId": vm.id,
        "VMName": vm.name,
        "VMSnapshotId": NO_ID,
        "VMSnapshotName": "",
        "SwitchName": adapter.switch,
        "SwitchId": switch.id if switch else None,
        "Connected": adapter.switch is not None,
        "PoolName": "Primordial",
        "MacAddress": adapter.mac_address,
        "DynamicMacAddressEnabled": adapter.dynamic_mac,
        "IPAddresses": list(adapter.ip_addresses) if vm.alive else [],
        "TestReplicaSwitchName": adapter.test_switch,
        "TestReplicaPoolName": adapter.test_pool,
        "Status": [enum("VMNetworkAdapterOperationalStatus", "Ok")] if vm.alive else [],
        "StatusDescription": ["OK"] if vm.alive else [],
        "VlanSetting": vlan_object(host, place),
        **standard(host),
    }
    return Obj(f"{SPACE}.VMNetworkAdapter", facts, part_text("VMNetworkAdapter", adapter.name, vm, adapter.id))


def _vlan_facts(vlan: Vlan) -> dict[str, Any]:
    private = enum("VMNetworkAdapterPrivateVlanMode", vlan.private_mode) if vlan.private_mode else None
    return {
        "OperationMode": enum("VMNetworkAdapterVlanMode", vlan.mode),
        "AccessVlanId": vlan.access_id,
        "NativeVlanId": vlan.native_id,
        "AllowedVlanIdList": list(vlan.allowed_ids),
        "AllowedVlanIdListString": ",".join(map(str, vlan.allowed_ids)),
        "PrivateVlanMode": private,
        "PrimaryVlanId": vlan.primary_id,
        "SecondaryVlanId": vlan.secondary_id,
        "SecondaryVlanIdList": list(vlan.secondary_ids),
        "SecondaryVlanIdListString": ",".join(map(str, vlan.secondary_ids)),
    }


def vlan_object(host: Host, place: Place) -> Obj:
    """VMNetworkAdapterVlanSetting; which adapter it is of stands in ParentAdapter alone."""
    adapter, vm = place.adapter, place.vm
    parent = Obj(
        f"{SPACE}.VMNetworkAdapter",
        {"Name": adapter.name, "Id": adapter.id, "VMName": vm.name, "VMId": vm.id},
        part_text("VMNetworkAdapter", adapter.name, vm, adapter.id),
    )
    facts = {"ParentAdapter": parent, "IsTemplate": False, **_vlan_facts(adapter.vlan), **standard(host)}
    return Obj(f"{SPACE}.VMNetworkAdapterVlanSetting", facts)


# Property of VMNetworkAdapterFailoverSetting -> attribute. The same names are parameters, but for the prefix length.
FAILOVER = {
    "IPv4Address": "ipv4_address",
    "IPv4SubnetMask": "ipv4_subnet_mask",
    "IPv4DefaultGateway": "ipv4_default_gateway",
    "IPv4PreferredDNSServer": "ipv4_preferred_dns",
    "IPv4AlternateDNSServer": "ipv4_alternate_dns",
    "IPv6Address": "ipv6_address",
    "IPv6SubnetPrefixLength": "ipv6_prefix_length",
    "IPv6DefaultGateway": "ipv6_default_gateway",
    "IPv6PreferredDNSServer": "ipv6_preferred_dns",
    "IPv6AlternateDNSServer": "ipv6_alternate_dns",
}


def failover_object(host: Host, settings: FailoverAddress) -> Obj:
    """VMNetworkAdapterFailoverSetting: every address is a text, also the prefix length; "" is "not set"."""
    facts: dict[str, Any] = {name: getattr(settings, attribute) for name, attribute in FAILOVER.items()}
    facts["ProtocolIFType"] = enum("WmiProtocolIFType", settings.protocols)
    return Obj(f"{SPACE}.VMNetworkAdapterFailoverSetting", {**facts, **standard(host)})


def switch_object(host: Host, switch: Switch) -> Obj:
    """VMSwitch."""
    external = switch.kind == "External"
    facts = {
        "Name": switch.name,
        "Id": switch.id,
        "Notes": "",
        "SwitchType": enum("VMSwitchType", switch.kind),
        "AllowManagementOS": switch.kind != "Private",
        "NetAdapterInterfaceDescription": "Ethernet adapter" if external else None,
        "BandwidthReservationMode": enum("VMSwitchBandwidthMode", "Absolute"),
        "EmbeddedTeamingEnabled": False,
        "IovEnabled": False,
        **standard(host),
    }
    return Obj(f"{SPACE}.VMSwitch", facts, f"VMSwitch (Name = '{switch.name}') [Id = '{switch.id}']")
